/** Whether the bytes go to a partial and are renamed, or to the final name itself: decided before they travel. */
import { TransferError } from '../core/errors.ts'
import { directoryName } from '../core/paths.ts'
import { rangeSet, totalBytes } from '../core/ranges.ts'
import { hasTree, type Remote, type TreeRemote, type Writer } from '../remotes/remote.ts'
import { showsFile } from './look.ts'
import type { TransferPolicy } from './ports.ts'
import { isMissing, isRefusal } from './refusal.ts'
import { makeScratch, scratchPath } from './scratch.ts'
import { discard } from './tidy.ts'
import type { UploadSession } from './upload-session.ts'
import { proveRanges } from './verify.ts'

/** Directories in which a server was seen to rename: files of one step ask once. */
const RENAMING = new WeakMap<Remote, Set<string>>()

/**
 * Without a tree the bytes go to the final name: a PUT replaces what is under its name in one step, so it may, unless the user wants nothing but renames. Else the
 * account renames a scratch file, unless it was seen to rename before. A file of one block is sent faster than that is found out: then the rename at the end tells,
 * and nothing is lost but one block.
 */
export async function chooseStaging(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<void> {
  const { size } = session.job.source
  if (!hasTree(remote)) {
    if (session.policy.publishWithoutRename === 'never') throw cannotRename(null, 'never')
    session.direct = true
  }
  if (!hasTree(remote) || session.renames) return
  // Somebody may have put a file there since that was decided.
  if (session.cannotRename !== null) return goDirect(session, remote, session.cannotRename, signal)
  // Where nothing is told of the final name, it must be known before that nothing has to be written over there.
  if (size <= session.ports.blockSize(size) && session.finalBefore?.is !== 'unknown') return
  const directory = directoryName(session.job.path)
  const seen = RENAMING.get(remote) ?? new Set()
  if (seen.has(directory)) return
  const refusal = await renamesScratch(session, remote, writer, signal)
  if (refusal !== null) return goDirect(session, remote, refusal, signal)
  session.renames = true
  RENAMING.set(remote, seen.add(directory))
}

/** Null when it does; else what the server said. A scratch file that cannot be made tells nothing: the transfer will. */
async function renamesScratch(
  session: UploadSession,
  remote: TreeRemote,
  writer: Writer,
  signal: AbortSignal,
): Promise<TransferError | null> {
  const path = scratchPath(directoryName(session.job.path), session.ports.newNonce())
  const renamed = `${path}-renamed`
  let made = false
  try {
    await session.guarded('probing whether files can be renamed', signal, (s) => makeScratch(writer, path, s))
    made = true
    await session.rename(remote.tree, path, renamed, signal)
    const isDone = await wasRenamed(session, remote, [path, renamed], signal)
    await discard(session, remote.tree, isDone ? renamed : path, signal)
    return isDone ? null : new TransferError('refused', 'it says that it renames, and does not')
  } catch (error) {
    await discard(session, remote.tree, path, signal).catch(() => session.spent.add(path))
    // A scratch file that is gone was taken by somebody who watches the directory.
    if (!isRefusal(error) && !isMissing(error)) throw error
    return made && isRefusal(error) ? error : null
  }
}

/** Some servers say that it is done and do nothing: then it is where it was. Others show neither, or take away what has got its name. */
async function wasRenamed(
  session: UploadSession,
  remote: TreeRemote,
  [from, to]: readonly [from: string, to: string],
  signal: AbortSignal,
): Promise<boolean> {
  return (await session.stat(remote, to, signal)).is !== 'missing' || (await session.stat(remote, from, signal)).is !== 'there'
}

/** Nothing can be renamed here: the bytes go to the final name, or nowhere, as `publish-without-rename` says. */
export async function goDirect(session: UploadSession, remote: Remote, refusal: TransferError, signal: AbortSignal): Promise<void> {
  const { publishWithoutRename } = session.policy
  if (publishWithoutRename === 'never') throw cannotRename(refusal, publishWithoutRename)
  if (publishWithoutRename === 'auto' && !session.nothingThere && !(await begunDirectly(session, remote, signal)))
    throw session.finalBefore?.is === 'unknown' ? mayNothing(refusal) : cannotRename(refusal, publishWithoutRename)
  if (!session.direct) session.note(`this server lets nobody rename (${refusal.message}); the bytes go to the final name itself`)
  session.direct = true
  session.cannotRename = refusal
}

/** Whether what is under the final name is this file, as far as this process, or the one that wrote the journal, got with it: nothing but a beginning of the source. */
async function begunDirectly(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  if (session.wroteDirectly) return true
  if (!session.earlierDirectly()) return false
  const { path, source } = session.job
  const look = await session.stat(remote, path, signal)
  if (look.is === 'missing') return true
  if (!showsFile(look)) return false
  const there = look.file
  if (there.size === null || there.size > source.size) return false
  const { proven } = await proveRanges(session.proofContext(remote, path), rangeSet([{ start: 0, end: there.size }]), signal)
  return totalBytes(proven) === there.size
}

function mayNothing(refusal: TransferError): TransferError {
  const message = `this account may not rename, and may not look at what is under the final name, so a file there would be written over: ${refusal.message}`
  return new TransferError('refused', message, {
    hint: 'Let the account rename files or look at them, or set `publish-without-rename: always` to have the bytes go to the final name whatever is there.',
    cause: refusal,
  })
}

function cannotRename(refusal: TransferError | null, policy: TransferPolicy['publishWithoutRename']): TransferError {
  const said = refusal === null ? '' : `: ${refusal.message}`
  return new TransferError('refused', `nothing can be renamed on this server, so no file can be put in its place when it is whole${said}`, {
    hint:
      policy === 'never'
        ? 'Let the account rename files, or leave out `publish-without-rename: never`.'
        : 'What is under the final name may be an earlier version, or what an earlier run without its saved state has not finished. Let the account rename files, or set `publish-without-rename: always` to have it overwritten while the bytes travel.',
    ...(refusal === null ? {} : { cause: refusal }),
  })
}
