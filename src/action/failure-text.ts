/** What a person is told when it went wrong: what happened, what is safe, what to do. */
import type { PublicFailureKind } from '../core/errors.ts'
import type { Previous, TransferFailure, TransferResult } from '../engine/ports.ts'
import type { Job } from './job.ts'

/** Where the bytes of this attempt can be continued: on the server, on this machine's disk, there as long as the job lives, or nowhere. */
export type Keeps = 'server' | 'machine' | 'job' | 'nothing'

export interface FailureSetting {
  readonly host: 'actions' | 'terminal'
  readonly keeps: Keeps
  /** Some server has been told who we are, or may have been. */
  readonly presented: boolean
}

/** An upload's partial is on the server; a download's goes with a hosted runner. */
export function failureSetting(
  host: 'actions' | 'terminal',
  job: Job | null,
  environment: string | undefined,
  presented = true,
): FailureSetting {
  return { host, keeps: keptBy(host, job, environment), presented }
}

function keptBy(host: 'actions' | 'terminal', job: Job | null, runnerEnvironment: string | undefined): Keeps {
  if (job === null || job.policy.resume === 'never') return 'nothing'
  if (job.direction === 'upload') return 'server'
  if (job.state.kind === 'none') return 'nothing'
  return host === 'terminal' || runnerEnvironment === 'self-hosted' ? 'machine' : 'job'
}

/** The server or the inputs must change before another run can do better. */
const ADVICE: Readonly<Record<PublicFailureKind, string>> = {
  internal: 'This is a defect of Resumable Transfer: please report it with the log.',
  'invalid-input': 'Correct the inputs.',
  denied: 'Check user name, password, key and permissions.',
  untrusted: 'Compare the offered key or certificate with the one you expect, then pin it.',
  transient: 'Run it again; raise retries or timeout if the network is known to be bad.',
  refused: 'The server says no for good: check path, permissions and its settings.',
  'no-space': 'Free space, or raise the quota.',
  'source-changed': 'Let the source settle, then run it again.',
  conflict: 'Somebody else writes the same file: let one of them finish.',
  stopped: 'Run it again.',
  integrity: 'Run it again; if it happens twice, the storage or a proxy on the way changes data.',
  limit: 'Stay below the limit that is named.',
  protocol: 'The server broke its protocol: see the log with log-level: verbose.',
  'not-found': 'Check the name of the source.',
}

/** Kinds after which the bytes that are there may be continued once the cause is gone. */
const KEEPS_PROGRESS: ReadonlySet<PublicFailureKind> = new Set([
  'internal',
  'denied',
  'transient',
  'refused',
  'no-space',
  'stopped',
  'integrity',
  'protocol',
  'limit',
])

/** One line a sentence; the first says what happened. `others` is the number of further failures. */
export function failureLines(failure: TransferFailure, results: readonly TransferResult[], setting: FailureSetting): readonly string[] {
  const failed = results.filter((result) => result.status === 'failed' || result.status === 'incomplete')
  const one = failed.find((result) => result.failure === failure) ?? failed[0]
  const others = failed.length - 1
  const name = one === undefined ? '' : `${one.name}: `
  return [
    ...happened(failure, name),
    ...(others > 0 ? [`${others} more ${others === 1 ? 'file is' : 'files are'} not in place; see the log.`] : []),
    failed.length === 0 && results.length > 0 ? inPlace(results.length) : safeLine(failure.kind, failed, setting),
    ...(failure.hint ?? ADVICE[failure.kind]).split('\n'),
  ].filter((line) => line !== '')
}

/** Only faults of inputs have several lines on purpose; elsewhere a line break came from outside. */
function happened(failure: TransferFailure, name: string): readonly string[] {
  if (failure.kind !== 'invalid-input') return [`${name}${failure.message} (${failure.kind})`]
  return ['The inputs are not right:', ...failure.message.split('\n')]
}

/** What failed came after the files. */
function inPlace(files: number): string {
  return files === 1 ? 'One file is in place.' : `${files} files are in place.`
}

const OVERWRITTEN = 'This server cannot rename, so the bytes were sent to the final name itself: what is there now may be incomplete.'

function safeLine(kind: PublicFailureKind, failed: readonly TransferResult[], setting: FailureSetting): string {
  if (kind === 'invalid-input') return 'Nothing was transferred and no connection was made.'
  const again = setting.host === 'actions' ? "'Re-run failed jobs'" : 'Running the same command again'
  if (failed.some((result) => result.writtenDirectly === true)) return `${OVERWRITTEN} ${again} sends the whole file.`
  if (kind === 'untrusted')
    return setting.presented ? joined('Credentials had been sent before that.', previousLine(failed)) : 'No credential was sent.'
  const untouched = previousLine(failed)
  const begun = failed.some((result) => result.bytesReused + result.bytesTransferred > 0 && result.keptNothing !== true)
  // A download whose content proof failed is thrown away: nothing of it can be believed.
  if (!KEEPS_PROGRESS.has(kind) || !begun || setting.keeps === 'nothing' || (kind === 'integrity' && setting.keeps !== 'server'))
    return untouched
  if (setting.keeps === 'job') return joined(untouched, `A download's partial stays on this runner: ${again} on a fresh one starts over.`)
  // What a server keeps of an upload that broke off, nobody here has seen: mod_dav on a full disk throws it away.
  if (setting.keeps === 'server') return joined(`${again} proves what the server kept and continues from it.`, untouched)
  const where = setting.host === 'actions' ? ' on this runner' : ''
  return joined(`Progress is kept: ${again}${where} continues from what is in place and proves it.`, untouched)
}

function joined(...sentences: readonly string[]): string {
  return sentences.filter((sentence) => sentence !== '').join(' ')
}

function liesAt(kind: 'aside' | 'removed'): (fate: Previous) => fate is Previous & { readonly path: string } {
  return (fate): fate is Previous & { readonly path: string } => fate.kind === kind
}

/** What happened to the files that were there, not what kind of failure it was. Nothing is said where nobody could see it, or where there was none. */
function previousLine(failed: readonly TransferResult[]): string {
  const fates: readonly Previous[] = failed.map((result) => result.previous ?? { kind: 'unknown' })
  const aside = fates.find(liesAt('aside'))
  if (aside !== undefined)
    return `The file that was under the final name lies at ${aside.path}. The next run puts it back, or the new file in its place.`
  const removed = fates.find(liesAt('removed'))
  if (removed !== undefined)
    return `The file that was under the final name had to make room and is gone; the new one lies whole at ${removed.path}. The next run puts it in its place.`
  const seen = fates.filter((fate) => fate.kind !== 'none')
  return seen.length > 0 && seen.every((fate) => fate.kind === 'untouched') ? 'What was under the final name before is untouched.' : ''
}
