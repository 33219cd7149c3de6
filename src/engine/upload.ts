/** One file to a server: hash, gather facts, plan, prove what is kept, send the rest, prove the whole, publish by rename. */
import { abortError, type FailureKind, reactionTo, TransferError } from '../core/errors.ts'
import { type ContentDigests, sameFingerprint } from '../core/fingerprint.ts'
import { formatBytes } from '../core/units.ts'
import { hasTree, type Remote, type Writer } from '../remotes/remote.ts'
import { keepMode } from './mode.ts'
import { failedOutcome, type Outcome } from './outcome.ts'
import { describePlan, type TransferPlan } from './plan.ts'
import type { EnginePorts, ProofLevel, TransferResult } from './ports.ts'
import { leaveAsides, PublishedName, partialGone, publish, restoreOld } from './publish.ts'
import { discard, tidy } from './tidy.ts'
import { showsTwin } from './twin.ts'
import { makePlan } from './upload-plan.ts'
import { proveSent } from './upload-proof.ts'
import { send } from './upload-send.ts'
import { type UploadJob, UploadSession } from './upload-session.ts'

const UNBEGUN: Pick<UploadSession, 'sentBytes' | 'resumedFrom' | 'wroteDirectly' | 'previous' | 'begun'> = {
  sentBytes: 0,
  resumedFrom: null,
  wroteDirectly: false,
  previous: { kind: 'unknown' },
  begun: false,
}

/** Never rejects with a TransferError: how it failed is part of the result. */
export async function upload(job: UploadJob, ports: EnginePorts, signal: AbortSignal): Promise<TransferResult> {
  const started = ports.clock.nowMs()
  const { size } = job.source
  let session: UploadSession | null = null
  ports.reporter.report({ kind: 'started', name: job.name, size })
  const carryOut = async (): Promise<Outcome> => {
    session = new UploadSession(job, ports, await hashWhileConnecting(job, ports, signal))
    return toTheEnd(session, signal)
  }
  const outcome = await carryOut().catch(failedOutcome)
  const { sentBytes: bytesTransferred, resumedFrom, wroteDirectly, previous, begun } = (session as UploadSession | null) ?? UNBEGUN
  const result: TransferResult = {
    name: job.name,
    size,
    bytesTransferred,
    // A server may have gone on storing what an attempt before had sent: what was not sent by this one is reused.
    bytesReused:
      outcome.status === 'unchanged' ? size : Math.max(resumedFrom ?? 0, outcome.status === 'complete' ? size - bytesTransferred : 0),
    resumedFrom: resumedFrom ?? 0,
    ...(wroteDirectly ? { writtenDirectly: true } : {}),
    previous,
    ...(begun ? {} : { keptNothing: true }),
    durationMs: ports.clock.nowMs() - started,
    ...outcome,
  }
  ports.reporter.report({ kind: 'finished', name: job.name, result })
  return result
}

/** The connection opens while the source is hashed. A refusal for good ends the hashing; a passing trouble is the scheduler's, later. */
async function hashWhileConnecting(job: UploadJob, ports: EnginePorts, signal: AbortSignal): Promise<ContentDigests> {
  const { size } = job.source
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(abortError(signal))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  job.remote.get(signal).catch((error: unknown) => {
    if (!(error instanceof TransferError) || reactionTo(error.kind) !== 'retry') controller.abort(error)
  })
  ports.reporter.report({ kind: 'phase', name: job.name, phase: 'hashing', total: size })
  const progress = (done: number): void => ports.reporter.report({ kind: 'progress', name: job.name, done, reused: 0 })
  try {
    return await job.source.blockDigests(ports.blockSize(size), progress, controller.signal)
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function toTheEnd(session: UploadSession, signal: AbortSignal): Promise<Outcome> {
  const published = new PublishedName(session)
  const downgrade = (error: TransferError): boolean => {
    if (!session.resumerWorks) return false
    session.resumerWorks = false
    session.note(`continuing does not work on this server (${error.message}); sending the whole file`)
    return true
  }
  return session.persevere({ downgrade }, signal, () => attempt(session, published, signal))
}

async function attempt(session: UploadSession, published: PublishedName, signal: AbortSignal): Promise<Outcome> {
  session.phase('connecting', null)
  session.contested ||= published.mayHold
  const remote = await session.job.remote.get(signal)
  const { writer } = remote
  if (writer === undefined) throw new TransferError('refused', `nothing can be written to this server over ${remote.protocol}`)
  try {
    return await workOn({ session, published, remote, signal }, writer)
  } catch (error) {
    const isVoid = error instanceof TransferError && error.kind === 'offset-conflict'
    if (isVoid && (await showsTwin(session, remote, signal))) session.giveWay()
    throw error
  }
}

async function workOn({ session, published, remote, signal }: Attempt, writer: Writer): Promise<Outcome> {
  const already = await published.holdsSource(remote, signal)
  if (already !== null) return inPlace(session, published, remote, already, signal)
  await restoreOld(session, remote, signal)
  const proof = await lookingForTwins({ session, published, remote, signal }, async () => {
    const planned = await makePlan(session, remote, writer, signal)
    session.planned(describePlan(planned.plan, formatBytes))
    session.resumedFrom ??= keptBy(planned.plan)
    await send(session, remote, writer, planned, signal)
    return proveSent(session, remote, signal)
  })
  const digest = await sourceDigest(session, signal)
  if (!session.direct && hasTree(remote)) await publish(session, published, remote, signal)
  else {
    await keepMode(session, remote, signal)
    session.replacedFinal()
  }
  return complete(session, remote, proof, digest, signal)
}

/** Null where it turns out while the rest is sent. */
function keptBy(plan: TransferPlan): number | null {
  if (plan.kind === 'beside') return null
  return plan.kind === 'start' ? 0 : plan.kept
}

/** The final name holds the source: since before this process, or because it, or another process with the same content, has just published it. */
async function inPlace(
  session: UploadSession,
  published: PublishedName,
  remote: Remote,
  proof: ProofLevel,
  signal: AbortSignal,
): Promise<Outcome> {
  const digest = await sourceDigest(session, signal)
  const { earlier } = session
  if (earlier !== null) {
    const isSpent = earlier.ended || sameFingerprint(earlier.source, session.fingerprint)
    for (const path of session.earlierPartials()) (isSpent ? session.spent : session.left).add(path)
  }
  if (session.owned && !session.direct) session.spent.add(session.partial)
  if (session.aside !== null) session.spent.add(session.aside)
  else await leaveAsides(session, remote, signal)
  const outcome = await complete(session, remote, proof, digest, signal)
  if (published.mayHold || session.wroteDirectly) {
    session.replacedFinal()
    return outcome
  }
  session.previous = { kind: 'untouched' }
  return { ...outcome, status: 'unchanged' }
}

interface Attempt {
  readonly session: UploadSession
  readonly published: PublishedName
  readonly remote: Remote
  readonly signal: AbortSignal
}

/** Where no other process shows. A server that keeps files under other names than it was told lets them vanish for ever. */
const VANISHED_MAX = 1
const VANISHED: readonly FailureKind[] = ['refused', 'conflict', 'protocol', 'not-found', 'unsupported', 'offset-conflict']

/**
 * Another process with the same content may take the partial at any time, perhaps to publish it: then the next attempt looks at the final name. Each protocol has its
 * own words for a file that is not under its name any more.
 */
async function lookingForTwins({ session, published, remote, signal }: Attempt, work: () => Promise<ProofLevel>): Promise<ProofLevel> {
  try {
    return await work()
  } catch (error) {
    const found = (await isGone(session, remote, error, signal)) ? partialGone(error as TransferError) : error
    if (found instanceof TransferError && found.kind === 'offset-conflict') published.mayHold = true
    throw found
  }
}

/** Also a file that is shorter than what was kept is another one: ProFTPD makes an empty one before it refuses to continue a file that is gone. */
async function isGone(session: UploadSession, remote: Remote, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!(error instanceof TransferError) || session.direct || !session.begun || !VANISHED.includes(error.kind)) return false
  const found = await session.stat(remote, session.partial, signal).catch(() => undefined)
  const isOther = found !== undefined && (found === null || (found.size !== null && found.size < session.kept))
  if (!isOther) return false
  if (session.vanished >= VANISHED_MAX && !(await showsTwin(session, remote, signal))) return false
  session.vanished += 1
  if (found !== null && remote.tree !== undefined) await discard(session, remote.tree, session.partial, signal)
  session.renew()
  return true
}

/** SHA-256 of the whole source, which from the hashing until now has not changed. */
async function sourceDigest({ job: { source } }: UploadSession, signal: AbortSignal): Promise<string> {
  const digest = await source.digest({ start: 0, end: source.size }, 'sha256', signal)
  await source.recheck()
  return `sha256:${digest}`
}

async function complete(session: UploadSession, remote: Remote, proof: ProofLevel, digest: string, signal: AbortSignal): Promise<Outcome> {
  session.ports.recorder.forget(session.job.key)
  session.job.placed?.(session.expected)
  await tidy(session, remote, signal)
  const by = {
    digest: `${remote.digester?.algorithm ?? ''} by the server`,
    'read-back': 'read back and compared',
    size: 'size and acknowledgements',
  }
  return { status: 'complete', proof, proofDetail: by[proof], digest }
}
