/** One file to a server: hash, gather facts, plan, prove what is kept, send the rest, prove the whole, publish by rename. */
import { abortError, reactionTo, TransferError } from '../core/errors.ts'
import type { ContentDigests } from '../core/fingerprint.ts'
import { formatBytes } from '../core/units.ts'
import type { Remote } from '../remotes/remote.ts'
import { commit, PublishedName } from './commit.ts'
import { failedOutcome, type Outcome } from './outcome.ts'
import { describePlan } from './plan.ts'
import type { EnginePorts, ProofLevel, TransferResult } from './ports.ts'
import { makePlan } from './upload-plan.ts'
import { send } from './upload-send.ts'
import { type UploadJob, UploadSession } from './upload-session.ts'
import { proveWhole } from './verify.ts'

const UNBEGUN: Pick<UploadSession, 'sentBytes' | 'resumedFrom' | 'wroteDirectly'> = {
  sentBytes: 0,
  resumedFrom: null,
  wroteDirectly: false,
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
  const { sentBytes: bytesTransferred, resumedFrom, wroteDirectly } = (session as UploadSession | null) ?? UNBEGUN
  const result: TransferResult = {
    name: job.name,
    size,
    bytesTransferred,
    // A server may have gone on storing what an attempt before had sent: what was not sent by this one is reused.
    bytesReused:
      outcome.status === 'unchanged' ? size : Math.max(resumedFrom ?? 0, outcome.status === 'complete' ? size - bytesTransferred : 0),
    resumedFrom: resumedFrom ?? 0,
    ...(wroteDirectly ? { writtenDirectly: true } : {}),
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
  const { job } = session
  session.phase('connecting', null)
  const remote = await job.remote.get(signal)
  const { writer, tree } = remote
  if (writer === undefined) throw new TransferError('refused', `nothing can be written to this server over ${remote.protocol}`)
  const already = await published.holdsSource(remote, signal)
  if (already !== null) {
    const digest = await sourceDigest(session, signal)
    if (!published.renameSent && tree !== undefined && session.ports.recorder.entry(job.key) !== null) {
      await session.remove(tree, session.partial(remote), signal)
    }
    const outcome = complete(session, remote, already, digest)
    return published.renameSent ? outcome : { ...outcome, status: 'unchanged' }
  }
  const planned = await makePlan(session, remote, writer, signal)
  session.planned(describePlan(planned.plan, formatBytes))
  session.resumedFrom ??= planned.plan.kind === 'start' ? 0 : planned.plan.kept
  await send(session, remote, writer, planned, signal)
  const proof = await proveSent(session, remote, signal)
  const digest = await sourceDigest(session, signal)
  if (tree !== undefined) await commit(session, published, remote, tree, signal)
  return complete(session, remote, proof, digest)
}

/** SHA-256 of the whole source, which from the hashing until now has not changed. */
async function sourceDigest({ job: { source } }: UploadSession, signal: AbortSignal): Promise<string> {
  const digest = await source.digest({ start: 0, end: source.size }, 'sha256', signal)
  await source.recheck()
  return `sha256:${digest}`
}

/** The final proof of the partial, as strong as `verify` asks and the server allows. */
async function proveSent(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<ProofLevel> {
  const { policy, job } = session
  const { size } = job.source
  const partial = session.partial(remote)
  const there = await session.stat(remote, partial, signal)
  if (there === null || (there.size !== null && there.size !== size)) {
    throw new TransferError('integrity', `the server holds ${there?.size ?? 'nothing'} instead of ${size} bytes after the upload`)
  }
  const context = session.wholeProofContext(remote, partial)
  if (policy.verify === 'size' || size === 0 || (policy.verify === 'auto' && context.digester === undefined)) return 'size'
  session.phase('proving', size)
  const first = await proveWhole(context, policy.verify === 'full', signal)
  if (first.verdict === 'same') return first.method
  if (first.verdict === 'unknown') {
    if (policy.verify === 'auto') return 'size'
    throw new TransferError('refused', 'verify: full wants the file read back, which the server refuses', { hint: 'Set `verify: auto`.' })
  }
  if (first.method === 'digest') {
    // Which of the two is wrong, the file or the server's digest of it? Reading back knows.
    const second = await proveWhole({ ...context, digester: undefined }, true, signal)
    if (second.verdict === 'same') {
      session.digesterWorks = false
      session.note("the server's digest is wrong for this file; reading back shows that the bytes are right")
      return second.method
    }
  }
  throw new TransferError('integrity', 'the uploaded file differs from the source', {
    hint: session.wroteDirectly ? 'Send it again before anybody uses it.' : 'Nothing was published under the final name.',
  })
}

function complete(session: UploadSession, remote: Remote, proof: ProofLevel, digest: string): Outcome {
  session.ports.recorder.forget(session.job.key)
  const by = {
    digest: `${remote.digester?.algorithm ?? ''} by the server`,
    'read-back': 'read back and compared',
    size: 'size and acknowledgements',
  }
  return { status: 'complete', proof, proofDetail: by[proof], digest }
}
