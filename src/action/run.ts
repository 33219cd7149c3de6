/** The composition root: the only file that knows every layer. */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { TransferError } from '../core/errors.ts'
import { blockSizeFor, type ContentDigests } from '../core/fingerprint.ts'
import { NONCE_HEX_LENGTH } from '../core/paths.ts'
import { download } from '../engine/download.ts'
import type { Clock, EnginePorts, Recorder, TransferPolicy, TransferResult } from '../engine/ports.ts'
import { Session } from '../engine/session.ts'
import { upload } from '../engine/upload.ts'
import type { UploadJob } from '../engine/upload-job.ts'
import type { LocalTarget } from '../local/local.ts'
import { encodeIdentity, thisProcess } from '../local/process-identity.ts'
import { openSource } from '../local/source.ts'
import { localTargets } from '../local/target.ts'
import { proxiesOf } from '../remotes/proxies.ts'
import type { Credentials, RemotePorts } from '../remotes/remote.ts'
import { journalKeeper } from '../state/keeper.ts'
import type { StateIdentity } from '../state/store.ts'
import { checkpoints } from './checkpoints.ts'
import { decodedPath, expectedChecksum } from './checksums.ts'
import { failureLines, failureSetting } from './failure-text.ts'
import { foundUnended } from './finish.ts'
import type { Host } from './host.ts'
import { entryKey, placeKey, transferIdentity } from './identity.ts'
import { parseInputs } from './inputs.ts'
import { describeEntry, type ExpectedChecksum, type Job, type JobEntry } from './job.ts'
import { refuseLocalAliases, withLostTargets } from './local-aliases.ts'
import { localKind } from './local-kind.ts'
import { type Conclusion, conclude, failureOf } from './outputs.ts'
import { type PreparedRemote, type RemoteSet, remoteSet } from './remotes.ts'
import type { LogReporter } from './reporter.ts'
import { statePlaces } from './state-places.ts'
import { summaryMarkdown } from './summary.ts'
import { UploadTargets } from './upload-targets.ts'

export interface Surroundings {
  readonly host: Host
  readonly clock: Clock
  /** Aborts on the first stop signal. */
  readonly signal: AbortSignal
  reporter(job: Job): LogReporter
}

/** From the stop signal to SIGTERM the runner waits 7.5 s; the store gets what the rest does not need. */
const STOPPED_SAVE_MS = 4000
const SAVE_MS = 60_000
/** How long the connections may take to end before the journal is saved without the mark that they have. */
const CLOSE_MS = 1500

interface Reached {
  readonly results: TransferResult[]
  /** Some server has been told who we are. */
  presented: boolean
}

interface Ending extends Readonly<Reached> {
  readonly job: Job | null
  readonly error: unknown
  readonly warnings: readonly string[]
}

/** Runs one step to its end: outputs, summary, annotation and exit code are set when it resolves. Never rejects. */
export async function run(surroundings: Surroundings): Promise<void> {
  const { host } = surroundings
  const ending = await carryOut(surroundings)
  const reached = conclude(ending.job, ending.results, ending.error)
  const lost = writeOutputs(host, reached)
  // Outputs that nobody can read make a green step red; one that is red keeps its own reason.
  const conclusion = lost !== null && reached.failure === null ? conclude(ending.job, ending.results, lost) : reached
  if (lost !== null && reached.failure !== null) host.warning(lost.message)
  const setting = failureSetting(host.kind, ending.job, host.environment.RUNNER_ENVIRONMENT, ending.presented)
  const failure = conclusion.failure === null ? [] : failureLines(conclusion.failure, ending.results, setting)
  if (failure.length > 0) host.error(failure)
  if (conclusion.failure?.kind === 'internal' && ending.error instanceof Error)
    for (const line of (ending.error.stack ?? '').split('\n')) host.info(line)
  if (ending.job?.summary !== false) {
    await host.appendSummary(
      summaryMarkdown({ direction: ending.job?.direction ?? null, results: ending.results, warnings: ending.warnings, failure }),
    )
  }
  host.setExitCode(conclusion.exitCode)
}

/** What kept them from being written, or null. */
function writeOutputs(host: Host, { outputs }: Conclusion): TransferError | null {
  try {
    for (const [name, value] of outputs) host.setOutput(name, value)
    return null
  } catch (error) {
    if (!(error instanceof TransferError)) throw error
    return error
  }
}

async function carryOut(surroundings: Surroundings): Promise<Ending> {
  const { host } = surroundings
  const reached: Reached = { results: [], presented: false }
  let job: Job | null = null
  let reporter: LogReporter | null = null
  let error: unknown = null
  try {
    job = parseInputs(host.inputs, { localKind, windows: process.platform === 'win32', workingDirectory: process.cwd() })
    reporter = surroundings.reporter(job)
    for (const entry of job.entries) host.info(describeEntry(job, entry))
    for (const warning of job.warnings) reporter.report({ kind: 'warning', name: '', message: warning })
    await transferAll(job, surroundings, reporter, reached)
  } catch (caught) {
    error = caught
  }
  reporter?.close()
  return { job, ...reached, error, warnings: reporter?.warnings() ?? [] }
}

async function transferAll(job: Job, surroundings: Surroundings, reporter: LogReporter, reached: Reached): Promise<void> {
  const { host, clock, signal } = surroundings
  const warn = (message: string): void => reporter.report({ kind: 'warning', name: '', message })
  const debug = (message: string): void => (job.logLevel === 'verbose' ? host.info(message) : host.debug(message))
  const presenting = (): void => {
    reached.presented = true
  }
  const ports: RemotePorts = {
    timeoutMs: job.pace.timeoutMs,
    direction: job.direction,
    shellDigests: job.policy.serverDigests === 'auto',
    redact: host.redact,
    proxies: proxiesOf(host.environment),
    presenting,
    debug,
    warn,
  }
  const remotes = remoteSet(job.credentials, ports)
  const prepared = await prepareAll(job, remotes)
  await refuseLocalAliases(job)
  // The first connection opens while state is read and the source is hashed; a refusal is reported by the transfer that needs it.
  prepared[0]?.supply.get(signal).catch(() => {})
  const identity: StateIdentity = {
    id: transferIdentity(job, host.environment),
    runId: host.environment.GITHUB_RUN_ID ?? '0',
    runAttempt: Number(host.environment.GITHUB_RUN_ATTEMPT ?? '1') || 1,
  }
  const places = await statePlaces(job, host, identity, signal)
  if (places.reason !== null) warn(places.reason)
  host.saveState('identity', JSON.stringify(identity))
  host.saveState('directory', places.store === null ? '' : (places.directory ?? ''))
  host.saveState('process', encodeIdentity(thisProcess()))
  const keys = new Set(job.entries.map(entryKey))
  const known = new Set(job.entries.map((entry) => placeKey(entry, job.credentials.username)))
  const keeper = journalKeeper({ id: identity.id, keys, places: known, disk: places.disk, store: places.store, warn })
  const saving = checkpoints({ clock, random: Math.random, recorder: keeper, save: () => keeper.checkpoint(signal) })
  const running: Running = { reporter, recorder: saving.recorder, remotes, prepared, remotePorts: ports, target: localTargets() }
  try {
    await keeper.load(signal)
    host.saveState('unended', foundUnended(keeper.unended()))
    const { results } = reached
    await transferEach(job, surroundings, running, results)
    results.splice(0, results.length, ...(await withLostTargets(job, results)))
  } finally {
    saving.stop()
    const told = reporter.warnings()
    for (const note of remotes.notes()) if (!told.includes(note)) reporter.report({ kind: 'note', name: '', message: note })
    const closing = remotes.close()
    if (await isDoneWithin(clock, CLOSE_MS, closing)) keeper.ended()
    await keeper.flush()
    await Promise.all([keeper.checkpoint(AbortSignal.timeout(signal.aborted ? STOPPED_SAVE_MS : SAVE_MS)), closing])
    host.saveState('ended', 'true')
  }
}

function isDoneWithin(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(false))
    work.then(() => resolve(true), reject).finally(cancel)
  })
}

async function prepareAll(job: Job, remotes: RemoteSet): Promise<readonly PreparedRemote[]> {
  const prepared: PreparedRemote[] = []
  const faults = new Set<string>()
  for (const entry of job.entries) {
    try {
      prepared.push(await remotes.prepare(entry.url))
    } catch (error) {
      if (!(error instanceof TransferError) || error.kind !== 'invalid-input') throw error
      faults.add(error.message)
    }
  }
  if (faults.size > 0) throw new TransferError('invalid-input', [...faults].join('\n'))
  return prepared
}

interface Running {
  readonly reporter: LogReporter
  readonly recorder: Recorder
  readonly remotes: RemoteSet
  readonly prepared: readonly PreparedRemote[]
  readonly remotePorts: RemotePorts
  target(path: string): LocalTarget
}

async function transferEach(job: Job, surroundings: Surroundings, running: Running, results: TransferResult[]): Promise<void> {
  const { clock, signal } = surroundings
  const { reporter, recorder } = running
  const engine: EnginePorts = {
    clock,
    random: Math.random,
    newKey: () => randomBytes(16).toString('hex'),
    newNonce: () => randomBytes(NONCE_HEX_LENGTH / 2).toString('hex'),
    reporter,
    recorder,
    blockSize: blockSizeFor,
  }
  const targets = new UploadTargets(job, job.direction === 'upload' ? running.prepared : [])
  const looking = { policy: policyOf(job), ports: engine, signal }
  await targets.refuseFolded(looking)
  for (const [i, entry] of job.entries.entries()) {
    const remote = running.prepared[i]
    if (remote === undefined) throw new TransferError('internal', `${entry.displayName} was not prepared`)
    const placed = (content: ContentDigests): void => targets.placed(i, content)
    const transferring = transferOne(job, entry, { ...remote, placed }, surroundings, running, engine)
    const result = await transferring.catch((error: unknown) => unstarted(entry, error))
    results.push(result)
    const kind = result.failure?.kind
    // The next file would meet the same refusal; a second login attempt may lock the account.
    if (kind === 'denied' || kind === 'untrusted' || kind === 'stopped' || signal.aborted) {
      for (const left of job.entries.slice(i + 1))
        results.push(unstarted(left, new TransferError(kind ?? 'stopped', 'not begun, because of the failure before')))
      return
    }
  }
  await targets.lookAgain(results, looking)
}

function policyOf(job: Job): TransferPolicy {
  return { ...job.policy, ...job.pace }
}

async function transferOne(
  job: Job,
  entry: JobEntry,
  remote: PreparedRemote & Pick<UploadJob, 'placed'>,
  surroundings: Surroundings,
  running: Running,
  engine: EnginePorts,
): Promise<TransferResult> {
  const { clock, signal } = surroundings
  const policy = policyOf(job)
  const common = { name: entry.displayName, key: entryKey(entry), remote: remote.supply, path: remote.path, policy }
  const place = placeKey(entry, job.credentials.username)
  // What may pass before the transfer begins, such as a machine without descriptors to give, is tried again as everywhere.
  const opening = new Session(entry.displayName, policy, engine)
  const patiently = <T>(work: () => Promise<T>): Promise<T> => opening.persevere({ downgrade: () => false }, signal, work)
  if (job.direction === 'download') {
    const { checksum: wanted } = job.policy
    const remotes = checksumRemotes(job, entry, running)
    const fetch = (from: ExpectedChecksum): ReturnType<typeof expectedChecksum> =>
      expectedChecksum(from, decodedPath(entry.url), remotes, clock, policy.timeoutMs, signal)
    const checksum = wanted === null ? null : await patiently(() => fetch(wanted))
    return download({ ...common, target: running.target(resolve(entry.localPath)), checksum }, engine, signal)
  }
  const source = await patiently(() => openSource(resolve(entry.localPath)))
  try {
    return await upload({ ...common, place, source, ...(remote.placed === undefined ? {} : { placed: remote.placed }) }, engine, signal)
  } finally {
    await source.close()
  }
}

const NO_CREDENTIALS: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }

/** The file of checksums may lie elsewhere; credentials only go where the source is. */
function checksumRemotes(job: Job, entry: JobEntry, running: Running): RemoteSet {
  const { checksum } = job.policy
  const sameOrigin = checksum?.kind === 'sums' && checksum.url.origin === entry.url.origin
  const { tlsCa } = job.credentials
  return sameOrigin ? running.remotes : remoteSet({ ...NO_CREDENTIALS, ...(tlsCa === undefined ? {} : { tlsCa }) }, running.remotePorts)
}

function unstarted(entry: JobEntry, error: unknown): TransferResult {
  const failure = failureOf(error)
  return {
    name: entry.displayName,
    status: failure.kind === 'stopped' ? 'incomplete' : 'failed',
    failure,
    size: null,
    bytesTransferred: 0,
    bytesReused: 0,
    resumedFrom: 0,
    proof: null,
    proofDetail: null,
    digest: null,
    durationMs: 0,
  }
}
