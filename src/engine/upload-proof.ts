/** The final proof of an upload: of the partial, or of what went to the final name itself. */
import { TransferError } from '../core/errors.ts'
import type { Remote, RemoteFile } from '../remotes/remote.ts'
import type { ProofLevel } from './ports.ts'
import { partialGone } from './publish.ts'
import type { UploadSession } from './upload-session.ts'
import { proveWhole } from './verify.ts'

/** Between two looks at a file that the server has accepted and not stored yet. */
const LOOK_AGAIN_MS = 1000

/**
 * As strong as `verify` asks and the server allows. `size` only where the server has both acknowledged every byte and told the size: else the content is compared.
 * Rejects with `offset-conflict` when the partial is gone.
 */
export async function proveSent(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<ProofLevel> {
  const { policy, job } = session
  const { size } = job.source
  const { partial } = session
  if (session.unacknowledged) return proveAccepted(session, remote, signal)
  const there = await session.stat(remote, partial, signal)
  if (there === null && !session.direct) throw goneMissing(partial)
  if (there === null || (there.size !== null && there.size !== size)) {
    throw new TransferError('integrity', `the server holds ${there?.size ?? 'nothing'} instead of ${size} bytes after the upload`)
  }
  if (session.direct && isAsBefore(session.finalBefore, there)) return proveAccepted(session, remote, signal)
  session.serverNowMs = there.modifiedAtMs
  session.newMode = there.mode ?? null
  const context = session.wholeProofContext(remote, partial)
  // Where all processes write to the final name itself, the length says nothing about whose bytes are there.
  const sized = there.size !== null && !(session.direct && remote.tree !== undefined)
  if (sized && (policy.verify === 'size' || size === 0 || (policy.verify === 'auto' && context.digester === undefined))) return 'size'
  session.phase('proving', size)
  const first = await proveWhole(context, policy.verify === 'full' || !sized, signal)
  if (first.verdict === 'same') return first.method
  // A file that is gone cannot be read either.
  if (!session.direct && (await session.stat(remote, partial, signal)) === null) throw goneMissing(partial)
  if (first.verdict === 'unknown') {
    if (sized && policy.verify === 'auto') return 'size'
    throw nothingShows(sized)
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
  throw differs(session)
}

/** A server that stored nothing shows the older file of the same size as it was. */
function isAsBefore(before: RemoteFile | null, now: RemoteFile): boolean {
  if (before === null || before.size !== now.size) return false
  const marks = (file: RemoteFile): readonly unknown[] => [file.validator, file.etag ?? null, file.modifiedAtMs]
  const [was, is] = [marks(before), marks(now)]
  return was.every((mark, i) => mark === is[i])
}

function goneMissing(partial: string): TransferError {
  return partialGone(new TransferError('not-found', `there is no ${partial}`))
}

function differs(session: UploadSession): TransferError {
  return new TransferError('integrity', 'the uploaded file differs from the source', {
    hint: session.wroteDirectly ? 'Send it again before anybody uses it.' : 'Nothing was published under the final name.',
  })
}

function nothingShows(sized: boolean): TransferError {
  return sized
    ? new TransferError('refused', 'verify: full wants the file read back, which the server refuses', { hint: 'Set `verify: auto`.' })
    : new TransferError('refused', 'the server tells no size of the file and does not let it be read, so nothing shows that it is whole')
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
    const there = await session.stat(remote, partial, signal)
    if (there !== null && (there.size === null || there.size === job.source.size)) {
      const { verdict, method } = await proveWhole(session.wholeProofContext(remote, partial), true, signal)
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
