/** The final proof of an upload: of the partial, or of what went to the final name itself. */
import { TransferError } from '../core/errors.ts'
import type { Remote, RemoteFile } from '../remotes/remote.ts'
import { isAsBefore, isUntold } from './look.ts'
import type { ProofLevel } from './ports.ts'
import { partialGone, taken } from './refusal.ts'
import { twinTurnsUp } from './twin.ts'
import type { UploadSession } from './upload-session.ts'
import { type ProofContext, proveWhole, type WholeProof } from './verify.ts'

/** Between two looks at a file that the server has accepted and not stored yet. */
const LOOK_AGAIN_MS = 1000

/**
 * As strong as `verify` asks and the server allows. `size` only where the server has both acknowledged every byte and told the size; else the content is compared; where
 * that cannot be either, the acknowledgements stand. Rejects with `offset-conflict` when another process has taken the partial.
 */
export async function proveSent(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<ProofLevel> {
  const { policy, job, partial, direct, finalBefore: before } = session
  const { size } = job.source
  if (session.unacknowledged) return proveAccepted(session, remote, signal)
  const seen = await session.whenShown(remote, partial, (look) => look.is === 'there' && (!direct || fits(look.file, size)), signal)
  if (seen.is === 'missing' && (await isTaken(session, remote, signal))) throw goneMissing(partial)
  if (seen.is === 'there') {
    if (!fits(seen.file, size))
      throw new TransferError('integrity', `the server holds ${seen.file.size} instead of ${size} bytes after the upload`)
    if (direct && before?.is === 'there' && isAsBefore(before.file, seen.file)) return proveAccepted(session, remote, signal)
    session.serverNowMs = seen.file.modifiedAtMs
    session.newMode = seen.file.mode ?? null
  }
  const context = session.wholeProofContext(remote, partial)
  const sized = seen.is === 'there' && seen.file.size !== null && lengthTells(session, remote)
  if (sized && (policy.verify === 'size' || size === 0 || (policy.verify === 'auto' && context.digester === undefined))) return 'size'
  session.phase('proving', size)
  const first = await couldProve(context, policy.verify === 'full' || !sized, signal)
  if (first.verdict === 'same') return first.method
  // A file that is gone cannot be read either.
  const isGone = seen.is === 'missing' || (await session.stat(remote, partial, signal)).is === 'missing'
  if (isGone && (await isTaken(session, remote, signal))) throw goneMissing(partial)
  // What is not there differs from nothing. But some servers say so of what they let us read.
  const isDoubtful = isGone && (!direct || session.manners.takesAway) && first.verdict === 'different'
  const { verdict, method } = isDoubtful ? await ifReadable(context, signal) : first
  if (verdict === 'same') return method
  if (verdict === 'unknown') {
    if (policy.verify === 'full') throw isGone && !direct ? taken(session, noPartial(partial)) : nothingShows()
    return sized ? 'size' : 'acknowledged'
  }
  if (first.method === 'digest') {
    // Which of the two is wrong, the file or the server's digest of it? Reading back knows.
    const second = await couldProve({ ...context, digester: undefined }, true, signal)
    if (second.verdict === 'same') {
      session.digesterWorks = false
      session.note("the server's digest is wrong for this file; reading back shows that the bytes are right")
      return second.method
    }
  }
  throw differs(session)
}

/** `unknown` where not one byte arrives. */
async function ifReadable(context: ProofContext, signal: AbortSignal): Promise<WholeProof> {
  let arrived = 0
  const progress = (bytes: number): void => {
    arrived = Math.max(arrived, bytes)
  }
  const proof = await couldProve({ ...context, digester: undefined, progress }, true, signal)
  return proof.verdict === 'different' && arrived === 0 ? { ...proof, verdict: 'unknown' } : proof
}

/** What was confirmed is not taken back by a look that fails, so an answer that makes no sense proves nothing, either way. */
export async function couldProve(context: ProofContext, mayReadBack: boolean, signal: AbortSignal): Promise<WholeProof> {
  try {
    return await proveWhole(context, mayReadBack, signal)
  } catch (error) {
    if (!isUntold(error)) throw error
    return { verdict: 'unknown', method: 'read-back' }
  }
}

function fits({ size: told }: RemoteFile, size: number): boolean {
  return told === null || told === size
}

/**
 * Where all processes write to the final name itself, the length says nothing about whose bytes are there; nor where an older file may stand there that nobody could
 * look at.
 */
function lengthTells({ direct, finalBefore }: UploadSession, { tree }: Remote): boolean {
  return !direct || (tree === undefined && finalBefore?.is !== 'unknown')
}

/** By another process with the same content. Where none shows, the server shows nothing, or takes files away: then the rename tells. */
async function isTaken(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  return !session.direct && (await twinTurnsUp(session, remote, signal))
}

function goneMissing(partial: string): TransferError {
  return partialGone(noPartial(partial))
}

function noPartial(partial: string): TransferError {
  return new TransferError('not-found', `there is no ${partial}`)
}

function differs(session: UploadSession): TransferError {
  return new TransferError('integrity', 'the uploaded file differs from the source', {
    hint: session.wroteDirectly ? 'Send it again before anybody uses it.' : 'Nothing was published under the final name.',
  })
}

function nothingShows(): TransferError {
  return new TransferError('refused', 'verify: full wants the file read back, which the server refuses', { hint: 'Set `verify: auto`.' })
}

/**
 * The server took the bytes and did not say that they are stored (HTTP 202). It may store them later, or never, and an older file of the same size may still be
 * there: only the content tells, and only until the time is up.
 */
async function proveAccepted(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<ProofLevel> {
  const { clock } = session.ports
  const { partial, job, policy } = session
  const until = clock.nowMs() + policy.timeoutMs
  session.phase('proving', job.source.size)
  for (;;) {
    const look = await session.stat(remote, partial, signal)
    if (look.is === 'unknown' || (look.is === 'there' && fits(look.file, job.source.size))) {
      const { verdict, method } = await couldProve(session.wholeProofContext(remote, partial), true, signal)
      if (verdict === 'same') return method
      if (verdict === 'unknown') break
    }
    if (clock.nowMs() >= until) break
    await clock.sleep(LOOK_AGAIN_MS, signal)
  }
  throw new TransferError(
    'refused',
    'the server accepted the file without storing it, and within the time limit nothing shows that it did',
    {
      hint: 'It answered with a status such as 202. Raise `timeout` if it stores files later.',
    },
  )
}
