/** The final name: whether it holds the source already, and the rename that makes it so. */
import { TransferError } from '../core/errors.ts'
import type { Remote, Tree } from '../remotes/remote.ts'
import type { UploadSession } from './upload-session.ts'
import { type ProofMethod, proveWhole } from './verify.ts'

export class PublishedName {
  /** Our rename went out in this process; its reply may have been lost. */
  renameSent = false
  private compared = false
  private readonly session: UploadSession

  constructor(session: UploadSession) {
    this.session = session
  }

  /** How it was proven that the final name holds the source, or null. Asked at first, and again when the reply to our rename may have been lost. */
  async holdsSource(remote: Remote, signal: AbortSignal): Promise<ProofMethod | null> {
    const { session } = this
    const { path, source, policy } = session.job
    const final = await session.stat(remote, path, signal)
    if (final?.kind === 'directory') {
      throw new TransferError('conflict', `the target is a directory: ${path}`, {
        hint: 'End `destination` with a slash to upload into it.',
      })
    }
    if (final?.size !== source.size) return null
    if (
      this.renameSent ? (await session.stat(remote, session.partial(remote), signal)) !== null : this.compared || policy.resume === 'never'
    ) {
      return null
    }
    this.compared = true
    session.phase('comparing', source.size)
    const { verdict, method } = await proveWhole(session.wholeProofContext(remote, path), true, signal)
    return verdict === 'same' ? method : null
  }
}

export async function commit(
  session: UploadSession,
  published: PublishedName,
  remote: Remote,
  tree: Tree,
  signal: AbortSignal,
): Promise<void> {
  const { path, source } = session.job
  session.phase('committing', null)
  published.renameSent = true
  await session.guarded('renaming the partial', signal, (s) => tree.rename(session.partial(remote), path, s)).catch(partialGone)
  const final = await session.stat(remote, path, signal)
  if (final?.kind === 'file' && (final.size === null || final.size === source.size)) return
  throw new TransferError('conflict', `after the rename ${path} holds ${final?.size ?? 'nothing'} instead of ${source.size} bytes`, {
    hint: 'Somebody else writes to the same target.',
  })
}

/** Another job with the same file renamed the partial that both had filled: looking again finds the source in its place. */
function partialGone(error: unknown): never {
  if (!(error instanceof TransferError) || error.kind !== 'not-found') throw error
  throw new TransferError('offset-conflict', `the partial was gone before it could be renamed (${error.message})`, { cause: error })
}
