/**
 * The final name: whether it holds the source already, and the renames that make it so. The old file goes last: whatever is refused or cut off, the final name means
 * the old file or the new one, or (between two renames, where a server cannot replace in one step) the old one waits beside it and is put back.
 */
import { TransferError } from '../core/errors.ts'
import { hasTree, type Remote, type RemoteFile, type Tree, type TreeRemote } from '../remotes/remote.ts'
import { isMissing, isRefusal } from './refusal.ts'
import { siblings } from './siblings.ts'
import { goDirect } from './staging.ts'
import { discard } from './tidy.ts'
import type { UploadSession } from './upload-session.ts'
import { type ProofMethod, proveWhole } from './verify.ts'

export class PublishedName {
  /** The source may stand under the final name: our rename was sent and its answer lost, or somebody took our partial, perhaps to publish it. */
  mayHold = false
  private compared = false
  private readonly session: UploadSession

  constructor(session: UploadSession) {
    this.session = session
  }

  /** How it was proven that the final name holds the source, or null. Asked at first, and again when somebody may have put it there. */
  async holdsSource(remote: Remote, signal: AbortSignal): Promise<ProofMethod | null> {
    const { session } = this
    const { path, source, policy } = session.job
    const final = await session.stat(remote, path, signal)
    if (final?.kind === 'directory') {
      throw new TransferError('conflict', `the target is a directory: ${path}`, {
        hint: 'End `destination` with a slash to upload into it.',
      })
    }
    session.sawFinal(final, this.mayHold)
    if (final === null || !(final.size === source.size || (final.size === null && this.mayHold))) return null
    if (this.mayHold) {
      if (!session.direct && (await session.stat(remote, session.partial, signal)) !== null) return null
    } else if (this.compared || policy.resume === 'never') return null
    this.compared = true
    session.phase('comparing', source.size)
    const { verdict, method } = await proveWhole(session.wholeProofContext(remote, path), true, signal)
    return verdict === 'same' ? method : null
  }
}

/** Gives the partial the final name. Rejects with `offset-conflict` when the world is not as planned, so that the next attempt looks again. */
export async function publish(session: UploadSession, published: PublishedName, remote: TreeRemote, signal: AbortSignal): Promise<void> {
  const { path, source } = session.job
  session.phase('committing', null)
  published.mayHold = true
  session.previous = { kind: 'unknown' }
  try {
    await session.rename(remote.tree, session.partial, path, signal)
  } catch (error) {
    if (isMissing(error)) throw partialGone(error)
    if (!isRefusal(error)) throw error
    await replaceStepwise(session, remote, error, signal)
  }
  session.owned = false
  const final = await session.stat(remote, path, signal)
  if (final?.kind === 'file' && (final.size === null || final.size === source.size)) {
    // Not before the new file was seen in its place.
    if (session.aside !== null) await dropAside(session, remote.tree, session.aside, signal)
    session.replacedFinal()
    return
  }
  // Of two processes one may move aside, or remove, what the other has just published, to put the same content in its place.
  if (final === null) throw partialGone(new TransferError('not-found', `after the rename there is no ${path}`))
  throw new TransferError('conflict', `after the rename ${path} holds ${final.size ?? final.kind} instead of ${source.size} bytes`, {
    hint: 'Somebody else writes to the same target.',
  })
}

/** Another job with the same file has taken what both had filled: looking again finds the source in its place, or begins with what is there. */
export function partialGone(cause: TransferError): TransferError {
  return new TransferError('offset-conflict', `the file was gone before it was published (${cause.message})`, { cause })
}

/** The server does not put one file in the place of another: the old one is moved aside by the same kind of rename, and back if the new one cannot follow. */
async function replaceStepwise(session: UploadSession, remote: TreeRemote, refusal: TransferError, signal: AbortSignal): Promise<void> {
  const { path } = session.job
  const { tree } = remote
  const final = await session.stat(remote, path, signal)
  // Some servers say no and do it all the same. What is under the final name is the old file only while the partial is still there.
  if ((await session.stat(remote, session.partial, signal)) === null) throw partialGone(refusal)
  session.sawFinal(final, false)
  // Of a link to nothing only the name is there.
  if (final?.kind !== 'file' && !(await session.isLink(remote, path, signal))) return noRename(session, remote, refusal, signal)
  session.note('this server does not put one file in the place of another: the old one is moved aside, and goes when the new one is there')
  const aside = session.passingPath('aside')
  session.aside = aside
  session.previous = { kind: 'unknown' }
  try {
    await session.rename(tree, path, aside, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    // Some servers say no and do it all the same.
    const still = await session.stat(remote, path, signal)
    if (still !== null || (await session.stat(remote, aside, signal)) === null) {
      session.aside = null
      session.sawFinal(still, false)
      if (isMissing(error) || still === null) throw partialGone(error)
      return noRename(session, remote, refusal, signal)
    }
  }
  session.previous = { kind: 'aside', path: aside }
  try {
    await session.rename(tree, session.partial, path, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    const taken = await session.stat(remote, path, signal)
    await putBack(session, remote, [aside], signal)
    // Another process has published, or has put the old file back: the next attempt begins with what is there.
    throw isMissing(error) || taken !== null ? partialGone(error) : error
  }
}

/** Neither the new file nor the old one can be renamed. What was sent is of no use under a name that it can never leave. */
async function noRename(session: UploadSession, remote: TreeRemote, refusal: TransferError, signal: AbortSignal): Promise<never> {
  if (session.renames) throw refusal
  await discard(session, remote.tree, session.partial, signal)
  session.renew()
  await goDirect(session, remote, refusal, signal)
  throw new TransferError('offset-conflict', 'the file is sent again, to the final name itself', { cause: refusal })
}

async function dropAside(session: UploadSession, tree: Tree, aside: string, signal: AbortSignal): Promise<void> {
  session.aside = null
  try {
    await session.remove(tree, aside, signal)
  } catch (error) {
    if (!(error instanceof TransferError)) throw error
    session.warning(`the file that was replaced could not be removed and is still there: ${aside} (${error.message})`)
  }
}

/**
 * Puts an old file back that a process had moved aside and that has no successor: one of this process, or one of a run that died between two renames. Looks for those
 * only where there can be any.
 */
export async function restoreOld(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  if (!hasTree(remote) || session.direct) return
  if (session.aside !== null) return putBack(session, remote, [session.aside], signal)
  if (!session.nothingThere || (remote.tree.replaces === 'atomically' && session.earlier === null)) return
  await restoreFound(session, remote, (await siblings(session, remote, signal)).asides, signal)
}

/** What a listing has shown: put back where nothing is under the final name, else left for a day, because another run may be about to need it. */
export async function restoreFound(session: UploadSession, remote: Remote, asides: readonly string[], signal: AbortSignal): Promise<void> {
  if (session.nothingThere && asides.length > 0 && hasTree(remote)) return putBack(session, remote, asides, signal)
  for (const aside of asides) session.left.add(aside)
}

/** The new file is in place, and a run that died had no time to remove the old one. Another run may be about to put it back, so it is left for a day. */
export async function leaveAsides(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  if (!hasTree(remote) || remote.tree.replaces === 'atomically' || session.earlier === null) return
  await restoreFound(session, remote, (await siblings(session, remote, signal)).asides, signal)
}

/** The newest of them, if nothing is under the final name. One that has a successor is removed: the final name means a whole file that came later. */
async function putBack(session: UploadSession, remote: TreeRemote, asides: readonly string[], signal: AbortSignal): Promise<void> {
  const { path } = session.job
  const { tree } = remote
  const found: { readonly path: string; readonly file: RemoteFile }[] = []
  for (const aside of asides) {
    const file = await session.stat(remote, aside, signal)
    if (file?.kind === 'file') found.push({ path: aside, file })
  }
  const newest = found.sort((a, b) => (b.file.modifiedAtMs ?? 0) - (a.file.modifiedAtMs ?? 0))[0]
  const final = await session.stat(remote, path, signal)
  if (newest === undefined || final !== null) {
    const own = session.aside
    session.aside = null
    session.sawFinal(final, own === null)
    if (own !== null && newest?.path === own && final?.kind === 'file') await dropAside(session, tree, own, signal)
    return
  }
  session.previous = { kind: 'aside', path: newest.path }
  try {
    await session.rename(tree, newest.path, path, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    session.warning(`the file that was under ${path} lies at ${newest.path} and could not be put back: ${error.message}`)
    return
  }
  session.aside = null
  session.previous = { kind: 'untouched' }
  session.note(`the file that an attempt had moved aside is under its name again: ${path}`)
}
