/**
 * The renames that publish. The old file goes last: whatever is refused or cut off, the final name means the old file or the new one, or (between two renames, where
 * a server cannot replace in one step) the old one waits beside it and is put back.
 */
import { TransferError } from '../core/errors.ts'
import { baseName } from '../core/paths.ts'
import { hasTree, type Remote, type Tree, type TreeRemote } from '../remotes/remote.ts'
import { type Look, showsFile } from './look.ts'
import { failsAtRenames } from './manners.ts'
import { keepMode } from './mode.ts'
import type { PublishedName } from './published.ts'
import { isMissing, isRefusal, isRefusalOfName, partialGone, taken } from './refusal.ts'
import { siblings } from './siblings.ts'
import { goDirect, renamesScratch } from './staging.ts'
import { discard, removes } from './tidy.ts'
import { twinTurnsUp } from './twin.ts'
import type { UploadSession } from './upload-session.ts'
import { proveWhole } from './verify.ts'

/**
 * Gives the partial the final name; what shows there afterwards. Rejects with `offset-conflict` when the world is not as planned, so that the next attempt looks again.
 */
export async function publish(session: UploadSession, published: PublishedName, remote: TreeRemote, signal: AbortSignal): Promise<Look> {
  session.phase('committing', null)
  published.mayHold = true
  await keepMode(session, remote, signal)
  session.renameSent = true
  session.previous = { kind: 'unknown' }
  const refusal = session.nothingThere ? null : session.breakdown
  if (session.cannotRename !== null && !session.renames) await noRename(session, remote, session.cannotRename, signal)
  else if (refusal === null) await replace(session, remote, signal)
  else await replaceStepwise(session, remote, refusal, signal)
  session.owned = false
  published.confirmed = session.policy.verify !== 'full'
  const final = await published.appeared(remote, signal)
  // Not before the new file was seen in its place.
  if (session.aside !== null && showsFile(final)) await dropAside(session, remote.tree, session.aside, signal)
  else if (session.aside !== null) keepAside(session, session.aside)
  session.replacedFinal()
  return final
}

async function replace(session: UploadSession, remote: TreeRemote, signal: AbortSignal): Promise<void> {
  const { nothingThere } = session
  try {
    await session.rename(remote.tree, session.partial, session.job.path, signal)
    session.learn(nothingThere ? { renames: true } : { renames: true, replaces: true })
  } catch (error) {
    if (isMissing(error)) throw await goneBefore(session, remote, error, signal)
    if (!isRefusal(error)) throw brokenDown(session, error)
    await replaceStepwise(session, remote, error, signal)
  }
}

/**
 * A server that breaks down at the same request twice, as some WebDAV servers do over an existing file, says no in its own way: the next attempt goes by steps. Not
 * this one: what was proven before a breakdown may be lost by it.
 */
function brokenDown(session: UploadSession, error: unknown): unknown {
  if (!(error instanceof TransferError) || error.kind !== 'transient') return error
  session.manners.renamesCut += 1
  if (session.manners.renamesCut >= 2) session.breakdown = error
  return renamesNothing(session, error)
}

/** Where no rename was seen to be done, the same in all renames: as with one that refuses. More than a block would be sent again for that, so it is tried on. */
function renamesNothing(session: UploadSession, error: unknown): unknown {
  const { size } = session.job.source
  const isSmall = size <= session.ports.blockSize(size)
  if (failsAtRenames(session.manners, error) && isSmall && !session.renames) session.cannotRename = error
  return error
}

/** Another process with the same content may have taken the partial. Else the server has, and would take the next one as well. */
async function goneBefore(session: UploadSession, remote: Remote, cause: TransferError, signal: AbortSignal): Promise<TransferError> {
  if (await twinTurnsUp(session, remote, signal)) return partialGone(cause)
  return taken(session, cause)
}

/** The server does not put one file in the place of another: the old one is moved aside by the same kind of rename, and back if the new one cannot follow. */
async function replaceStepwise(session: UploadSession, remote: TreeRemote, refusal: TransferError, signal: AbortSignal): Promise<void> {
  const { path } = session.job
  const { tree } = remote
  const final = await session.stat(remote, path, signal)
  // Some servers say no and do it all the same. What is under the final name is the old file only while the partial is still there.
  if ((await session.stat(remote, session.partial, signal)).is === 'missing')
    throw final.is === 'missing' ? await goneBefore(session, remote, refusal, signal) : partialGone(refusal)
  session.sawFinal(final, false)
  // Of a link to nothing only the name is there. Where nothing is told, moving tells: whatever is there is only moved.
  const mayStand = final.is === 'unknown' || showsFile(final) || (await session.isLink(remote, path, signal))
  if (!mayStand) return noRename(session, remote, refusal, signal)
  const aside = session.passingPath('aside')
  session.aside = aside
  session.previous = { kind: 'unknown' }
  try {
    await session.rename(tree, path, aside, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw renamesNothing(session, error)
    // Some servers say no and do it all the same.
    const still = await session.stat(remote, path, signal)
    if (still.is !== 'missing' || (await session.stat(remote, aside, signal)).is !== 'there') {
      session.aside = null
      session.sawFinal(still, false)
      if (final.is !== 'unknown' && (isMissing(error) || still.is === 'missing')) throw partialGone(error)
      // What nobody has seen is not removed.
      return final.is === 'unknown' ? noRename(session, remote, refusal, signal) : replaceByRemoval(session, remote, refusal, signal)
    }
  }
  session.learn({ replaces: false })
  session.previous = { kind: 'aside', path: aside }
  session.note('this server does not put one file in the place of another: the old one was moved aside, and goes when the new one is there')
  try {
    await session.rename(tree, session.partial, path, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    const taken = await session.stat(remote, path, signal)
    await putBack(session, remote, [aside], signal)
    // Another process has published, or has put the old file back: the next attempt begins with what is there.
    throw isMissing(error) || taken.is === 'there' ? partialGone(error) : error
  }
}

/**
 * The old file can be neither replaced nor moved. Where the account may remove it, it goes, as late as it can: when renames are seen to work here, also to a name that
 * ends as this one does, and when every byte of the new file was compared. What follows is one rename.
 */
async function replaceByRemoval(session: UploadSession, remote: TreeRemote, refusal: TransferError, signal: AbortSignal): Promise<void> {
  const { path } = session.job
  const { writer, tree } = remote
  // The old file would stay as well. What an earlier run has seen may be so no more, so it is not enough to end here.
  if (session.manners.stayed.size > 0 && session.known.renames === true) throw notReplaced(session, refusal)
  const cannot = writer === undefined ? refusal : await renamesScratch(session, remote, signal, 'extension')
  if (cannot !== null || !session.renames) return noRename(session, remote, refusal, signal)
  const { verdict } = await proveWhole(session.wholeProofContext(remote, session.partial), true, signal)
  // The comparing took its time, and of a file that is gone nothing can be compared.
  const still = await session.stat(remote, session.partial, signal)
  if (still.is === 'missing') throw partialGone(refusal)
  if (verdict !== 'same' || still.is === 'unknown') throw notReplaced(session, refusal)
  session.previous = { kind: 'unknown' }
  try {
    await session.remove(tree, path, signal)
  } catch (error) {
    if (!isRefusal(error)) throw error
    session.sawFinal(await session.stat(remote, path, signal), false)
    throw notReplaced(session, error)
  }
  const { partial } = session
  session.learn({ replaces: false })
  session.note('this server neither replaces the old file nor lets it be moved aside: it was removed when the new one was whole beside it')
  try {
    await session.rename(tree, partial, path, signal)
  } catch (error) {
    if (isMissing(error)) throw partialGone(error)
    if (!isRefusal(error)) throw error
    // Some servers say no and do it all the same.
    if ((await session.stat(remote, partial, signal)).is === 'missing') throw partialGone(error)
    session.previous = { kind: 'removed', path: partial }
    throw new TransferError(
      'refused',
      `the old file was removed, and the new one cannot take its place; it lies whole at ${partial}: ${error.message}`,
      {
        hint: `Give it the name ${baseName(path)}, or let the account do so and run this again.`,
        cause: error,
      },
    )
  }
}

function notReplaced(session: UploadSession, cause: TransferError): TransferError {
  const { partial, job } = session
  return new TransferError('refused', `the old file cannot make room for the new one, which lies whole at ${partial}: ${cause.message}`, {
    hint: `Let the account replace, rename or remove ${baseName(job.path)}.`,
    cause,
  })
}

/** Neither the new file nor the old one can be renamed. What was sent is of no use under a name that it can never leave. */
async function noRename(session: UploadSession, remote: TreeRemote, refusal: TransferError, signal: AbortSignal): Promise<never> {
  if (session.renames) throw refusal
  // What an earlier run has seen may be so no more, or only not so for this file.
  const asked = session.cannotRename === null && session.known.renames === true && remote.writer !== undefined
  if (asked && (await renamesScratch(session, remote, signal)) === null && session.renames) throw refusal
  await discard(session, remote.tree, session.partial, signal)
  session.renew()
  await goDirect(session, remote, refusal, signal)
  throw new TransferError('offset-conflict', 'the file is sent again, to the final name itself', { cause: refusal })
}

function keepAside(session: UploadSession, aside: string): void {
  session.aside = null
  session.warning(`the server does not show the new file in its place, so the file that was moved aside for it is still there: ${aside}`)
}

async function dropAside(session: UploadSession, tree: Tree, aside: string, signal: AbortSignal): Promise<void> {
  session.aside = null
  try {
    await session.remove(tree, aside, signal)
    removes(session)
  } catch (error) {
    if (!(error instanceof TransferError)) throw error
    session.warning(`the file that was replaced could not be removed and is still there: ${aside} (${error.message})`)
    if (isRefusalOfName(error)) session.learn({ keeps: true })
  }
}

/**
 * Puts an old file back that a process had moved aside and that has no successor: one of this process, or one of a run that died between two renames. Looks for those
 * only where there can be any.
 */
export async function restoreOld(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  if (!hasTree(remote) || session.direct) return
  if (session.aside !== null) return putBack(session, remote, [session.aside], signal)
  if (!session.nothingThere || !mayHaveAsides(session, remote)) return
  await restoreFound(session, remote, (await siblings(session, remote, signal)).asides, signal)
}

function mayHaveAsides(session: UploadSession, remote: TreeRemote): boolean {
  return session.earlier !== null || replacesStepwise(session, remote)
}

/** As the server says of itself, or as it was seen to. */
function replacesStepwise(session: UploadSession, { tree }: TreeRemote): boolean {
  return tree.replaces !== 'atomically' || session.known.replaces === false
}

/** What a listing has shown: put back where nothing is under the final name, else left for a day, because another run may be about to need it. */
export async function restoreFound(session: UploadSession, remote: Remote, asides: readonly string[], signal: AbortSignal): Promise<void> {
  if (session.nothingThere && asides.length > 0 && hasTree(remote)) return putBack(session, remote, asides, signal)
  for (const aside of asides) session.left.add(aside)
}

/** The new file is in place, and a run that died had no time to remove the old one. Another run may be about to put it back, so it is left for a day. */
export async function leaveAsides(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  if (!hasTree(remote) || session.earlier === null || !replacesStepwise(session, remote)) return
  await restoreFound(session, remote, (await siblings(session, remote, signal)).asides, signal)
}

/**
 * The newest of them, if nothing is under the final name. One that has a successor is removed: the final name means a whole file that came later. What this process has
 * moved aside itself it moves back also where nothing is told: the name is empty since then.
 */
async function putBack(session: UploadSession, remote: TreeRemote, asides: readonly string[], signal: AbortSignal): Promise<void> {
  const { path } = session.job
  const { tree } = remote
  const found: { readonly path: string; readonly modifiedAtMs: number; readonly mode?: number | undefined }[] = []
  for (const aside of asides) {
    const look = await session.stat(remote, aside, signal)
    if (showsFile(look)) found.push({ path: aside, modifiedAtMs: look.file.modifiedAtMs ?? 0, mode: look.file.mode })
    else if (look.is === 'unknown' && aside === session.aside) found.push({ path: aside, modifiedAtMs: 0 })
  }
  const newest = found.sort((a, b) => b.modifiedAtMs - a.modifiedAtMs)[0]
  const final = await session.stat(remote, path, signal)
  const isFree = final.is === 'missing' || (final.is === 'unknown' && newest?.path === session.aside)
  if (newest === undefined || !isFree) {
    const own = session.aside
    session.aside = null
    // What stands there while the old file lies aside came later.
    session.sawFinal(final, own === null || newest?.path === own)
    if (own !== null && newest?.path === own && showsFile(final)) await dropAside(session, tree, own, signal)
    return
  }
  session.previous = { kind: 'aside', path: newest.path }
  try {
    await session.rename(tree, newest.path, path, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    if (isMissing(error) && final.is === 'unknown') return nothingAside(session)
    session.warning(`the file that was under ${path} lies at ${newest.path} and could not be put back: ${error.message}`)
    return
  }
  session.aside = null
  session.oldMode = newest.mode ?? session.oldMode
  session.previous = { kind: 'untouched' }
  session.note(`the file that an attempt had moved aside is under its name again: ${path}`)
}

/** The rename that was to move it aside had not been done. */
function nothingAside(session: UploadSession): void {
  session.aside = null
  session.previous = { kind: 'unknown' }
}
