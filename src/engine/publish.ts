/**
 * The renames that publish. The old file goes last: whatever is refused or cut off, the final name means the old file or the new one, or (between two renames, where
 * a server cannot replace in one step) the old one waits beside it and is put back.
 */
import { TransferError } from '../core/errors.ts'
import { baseName } from '../core/paths.ts'
import type { Remote, TreeRemote } from '../remotes/remote.ts'
import { dropAside, keepAside, putBack } from './asides.ts'
import { type Look, showsFile } from './look.ts'
import { failsAtRenames } from './manners.ts'
import { keepMode } from './mode.ts'
import type { PublishedName } from './published.ts'
import { isMissing, isRefusal, partialGone, taken } from './refusal.ts'
import { goDirect, renamesScratch } from './staging.ts'
import { discard } from './tidy.ts'
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
  const isSeen = showsFile(final)
  if (session.aside !== null && isSeen) await dropAside(session, remote.tree, session.aside, signal)
  else if (session.aside !== null) keepAside(session, session.aside)
  for (const aside of session.keptAsides)
    if (isSeen) session.spent.add(aside)
    else keepAside(session, aside)
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
  if (session.keptAsides.length >= KEPT_MAX) throw halfDone(session, refusal)
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
  session.previous = { kind: 'aside', path: session.keptAsides[0] ?? aside }
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

/** How often what came under the final name while the old file lay aside is moved aside itself. */
const KEPT_MAX = 2

/** A rename that copies leaves half a file when it ends early. */
function halfDone({ job, partial, keptAsides }: UploadSession, cause: TransferError): TransferError {
  const message = `renaming leaves something else under ${job.path} than the new file, which lies whole at ${partial}; the old one lies at ${keptAsides[0]}: ${cause.message}`
  return new TransferError('refused', message, { cause, hint: `Give one of them the name ${baseName(job.path)}.` })
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
