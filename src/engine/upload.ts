/** One file to a server: hash, gather facts, plan, prove what is kept, send the rest, prove the whole, publish by rename. */
import { abortError, type FailureKind, reactionTo, TransferError } from '../core/errors.ts'
import { type ContentDigests, sameFingerprint } from '../core/fingerprint.ts'
import { baseName } from '../core/paths.ts'
import { formatBytes } from '../core/units.ts'
import { hasTree, type Remote, type Writer } from '../remotes/remote.ts'
import { leaveAsides, restoreOld } from './asides.ts'
import type { Look } from './look.ts'
import { keepMode } from './mode.ts'
import { failedOutcome, type Outcome } from './outcome.ts'
import { describePlan, type TransferPlan } from './plan.ts'
import type { EnginePorts, ProofLevel, TransferResult } from './ports.ts'
import { publish } from './publish.ts'
import { PublishedName } from './published.ts'
import { partialGone } from './refusal.ts'
import { discard, tellStayed, tidy } from './tidy.ts'
import { showsTwin, twinTurnsUp } from './twin.ts'
import type { UploadJob } from './upload-job.ts'
import { makePlan } from './upload-plan.ts'
import { proveSent } from './upload-proof.ts'
import { send } from './upload-send.ts'
import { UploadSession } from './upload-session.ts'

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
  if (session !== null) tellStayed(session)
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
  const stands = (error: unknown): Promise<Outcome> => confirmedOutcome(session, published, error, signal)
  return session.persevere({ downgrade }, signal, () => attempt(session, published, signal)).catch(stands)
}

/** The server has confirmed everything, and could not be asked any more: a file that is in its place is not sent again. */
async function confirmedOutcome(session: UploadSession, published: PublishedName, error: unknown, signal: AbortSignal): Promise<Outcome> {
  const isPassing = error instanceof TransferError && reactionTo(error.kind) === 'retry'
  if (!published.confirmed || !isPassing || signal.aborted) throw error
  session.note(`the file could not be looked at after it was confirmed (${error.message})`)
  const digest = await sourceDigest(session, signal)
  session.replacedFinal()
  return concluded(session, { proof: 'acknowledged', isSeen: false }, digest)
}

async function attempt(session: UploadSession, published: PublishedName, signal: AbortSignal): Promise<Outcome> {
  session.phase('connecting', null)
  session.contested ||= published.mayHold
  session.twinSigns.attemptBegins(baseName(session.partial))
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
  const already = (published.confirmed ? await published.stillHolds(remote, signal) : null) ?? (await published.holdsSource(remote, signal))
  if (already !== null) return inPlace(session, published, remote, already, signal)
  await restoreOld(session, remote, signal)
  const proof = await lookingForTwins({ session, published, remote, signal }, async () => {
    const planned = await makePlan(session, remote, writer, signal)
    session.planned(describePlan(planned.plan, formatBytes))
    session.resumedFrom ??= keptBy(planned.plan)
    await send(session, remote, writer, planned, signal)
    published.confirmed = session.direct && !session.unacknowledged && session.policy.verify !== 'full'
    return proveSent(session, remote, signal)
  })
  const digest = await sourceDigest(session, signal)
  if (!session.direct && hasTree(remote)) {
    const final = await publish(session, published, remote, signal)
    return complete(session, remote, { proof: proofOf(proof, final, session), isSeen: final.is === 'there' }, digest, signal)
  }
  await keepMode(session, remote, signal)
  session.replacedFinal()
  return complete(session, remote, { proof, isSeen: proof !== 'acknowledged' }, digest, signal)
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
  for (const aside of session.keptAsides) session.spent.add(aside)
  if (session.aside !== null) session.spent.add(session.aside)
  else await leaveAsides(session, remote, signal)
  const outcome = await complete(session, remote, { proof, isSeen: proof !== 'acknowledged' }, digest, signal)
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
    // What was confirmed, and is seen to be other bytes, is not confirmed any more.
    if (error instanceof TransferError && error.kind === 'integrity') published.confirmed = false
    const found = (await isGone(session, remote, error, signal)) ? partialGone(error as TransferError) : error
    if (found instanceof TransferError && found.kind === 'offset-conflict') published.mayHold = true
    throw found
  }
}

/** Also a file that is shorter than what was kept is another one: ProFTPD makes an empty one before it refuses to continue a file that is gone. */
async function isGone(session: UploadSession, remote: Remote, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!(error instanceof TransferError) || session.direct || !session.begun || !VANISHED.includes(error.kind)) return false
  const found = await session.stat(remote, session.partial, signal).catch(() => null)
  const isShort = found?.is === 'there' && found.file.size !== null && found.file.size < session.kept
  if (found?.is !== 'missing' && !isShort) return false
  if ((session.vanished >= VANISHED_MAX || session.isAcknowledged) && !(await twinTurnsUp(session, remote, signal))) return false
  session.vanished += 1
  if (isShort && remote.tree !== undefined) await discard(session, remote.tree, session.partial, signal)
  session.renew()
  return true
}

/** SHA-256 of the whole source, which from the hashing until now has not changed. */
async function sourceDigest({ job: { source } }: UploadSession, signal: AbortSignal): Promise<string> {
  const digest = await source.digest({ start: 0, end: source.size }, 'sha256', signal)
  await source.recheck()
  return `sha256:${digest}`
}

interface Reached {
  readonly proof: ProofLevel
  /** The file was seen under the final name. */
  readonly isSeen: boolean
}

const PROOF_TEXT: Readonly<Record<Exclude<ProofLevel, 'digest'>, string>> = {
  'read-back': 'read back and compared',
  size: 'size and acknowledgements',
  acknowledged: 'confirmed by the server, not looked at',
}

/** Content that was compared stands, whatever name it has since; a length counts where it was told of the final name, or of none before. */
function proofOf(proof: ProofLevel, final: Look, { job }: UploadSession): ProofLevel {
  if (proof === 'digest' || proof === 'read-back') return proof
  if (final.is !== 'there') return 'acknowledged'
  return final.file.size === job.source.size ? 'size' : proof
}

async function complete(session: UploadSession, remote: Remote, reached: Reached, digest: string, signal: AbortSignal): Promise<Outcome> {
  const outcome = concluded(session, reached, digest, remote)
  await tidy(session, remote, signal)
  return outcome
}

function concluded(session: UploadSession, { proof, isSeen }: Reached, digest: string, remote?: Remote): Outcome {
  session.ports.recorder.forget(session.job.key)
  if (isSeen) session.job.placed?.(session.expected)
  if (proof === 'acknowledged') session.note('the server confirmed every byte, and nothing of what it stored could be looked at')
  const proofDetail = proof === 'digest' ? `${remote?.digester?.algorithm ?? ''} by the server` : PROOF_TEXT[proof]
  return { status: 'complete', proof, proofDetail, digest }
}
