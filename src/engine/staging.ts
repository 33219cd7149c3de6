/** Whether the bytes go to a partial and are renamed, or to the final name itself: decided before they travel. */
import { TransferError } from '../core/errors.ts'
import { directoryName, NAME_SHAPES, type NameShape } from '../core/paths.ts'
import { rangeSet, totalBytes } from '../core/ranges.ts'
import { hasTree, type Remote, type TreeRemote } from '../remotes/remote.ts'
import { isUntold, type Look, showsFile } from './look.ts'
import { failsAtRenames } from './manners.ts'
import type { TransferPolicy } from './ports.ts'
import { badPath, isMissing, isRefusal, isRefusalOfName } from './refusal.ts'
import { makeScratch } from './scratch.ts'
import { discard, removes } from './tidy.ts'
import type { UploadSession } from './upload-session.ts'
import { proveRanges } from './verify.ts'

/**
 * Without a tree the bytes go to the final name: a PUT replaces what is under its name in one step, so it may, unless the user wants nothing but renames. Else the
 * account renames a scratch file, unless it is known to rename. One that was known not to is asked again, because it may be allowed to by now. A file of one block is
 * sent faster than that is found out: then the rename at the end tells, and nothing is lost but one block.
 */
export async function chooseStaging(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  const { size } = session.job.source
  if (!hasTree(remote)) {
    if (session.policy.publishWithoutRename === 'never') throw cannotRename(null, 'never')
    session.direct = true
  }
  if (!hasTree(remote) || session.renames) return
  // Somebody may have put a file there since that was decided.
  if (session.cannotRename !== null) return goDirect(session, remote, session.cannotRename, signal)
  const { renames, keeps } = session.known
  // What is made to ask again would stay there for ever: only where nothing can be sent otherwise.
  if (renames === false && keeps === true && mayWriteThere(session)) return goDirect(session, remote, saidBefore(), signal)
  if (renames !== true) {
    // Before anything is made: whatever it makes, such an account cannot take away again.
    const barred = await mayNeither(session, remote, signal)
    if (barred !== null) return goDirect(session, remote, barred, signal)
  }
  // Where nothing is told of the final name, it must be known before that nothing has to be written over there.
  const isSmall =
    size <= session.ports.blockSize(size) && session.finalBefore?.is !== 'unknown' && session.policy.publishWithoutRename !== 'always'
  if (renames === true || (renames === null && isSmall)) return
  const refusal = await renamesScratch(session, remote, signal)
  if (session.manners.takesAway && session.policy.verify === 'full' && size > 0) throw nothingStays()
  if (refusal !== null) return goDirect(session, remote, refusal, signal)
  const [hidden] = session.refusedShapes.values()
  if (hidden === undefined || untriedShape(session) !== undefined) return
  if (!(await takesFinalName(session, remote, hidden, signal))) throw badPath(hidden)
}

/** Without an answer the account may. */
async function mayNeither(session: UploadSession, { tree }: TreeRemote, signal: AbortSignal): Promise<TransferError | null> {
  const directory = directoryName(session.job.path)
  try {
    return await session.guarded('asking what the account may do', signal, async (s) => (await tree.mayNeither?.(directory, s)) ?? null)
  } catch (error) {
    if (!isUntold(error)) throw error
    return null
  }
}

/**
 * Null when it does, in the first shape of names that can be made here; else what the server said. A scratch file that cannot be made in any tells nothing: the transfer
 * will. `like`: what it is renamed to ends as the target does.
 */
export async function renamesScratch(
  session: UploadSession,
  remote: TreeRemote,
  signal: AbortSignal,
  like: NameShape | null = null,
): Promise<TransferError | null> {
  for (const shape of shapesFrom(session.shape)) {
    const [path, renamed] = session.scratchPaths(shape)
    const to = like === null ? renamed : session.scratchPaths(like)[1]
    const unmade = await makingScratch(session, remote, path, signal)
    if (isMissing(unmade)) session.refusedShapes.set(shape, unmade)
    if (unmade !== null) continue
    session.shape = shape
    const empty = await renameOf(session, remote, [path, to], signal)
    const refusal = empty === 'gone' ? await renameOfFilled(session, remote, shape, signal) : empty
    if (refusal === 'gone') return null
    session.renames = refusal === null
    session.learn({ shape, renames: session.renames })
    return refusal
  }
  return null
}

/** Some servers remove empty files. One that has taken away what had bytes as well takes everything, so that nothing can be renamed. */
async function renameOfFilled(
  session: UploadSession,
  remote: TreeRemote,
  shape: NameShape,
  signal: AbortSignal,
): Promise<TransferError | 'gone' | null> {
  const paths = session.scratchPaths(shape)
  if ((await makingScratch(session, remote, paths[0], signal, true)) !== null) return 'gone'
  const refusal = await renameOf(session, remote, paths, signal)
  if (refusal !== 'gone') return refusal
  session.manners.takesAway = true
  return new TransferError('refused', 'what was made to try it was gone at once: the server takes files away')
}

/** What the server said where it made none; null where it did. */
async function makingScratch(
  session: UploadSession,
  remote: TreeRemote,
  path: string,
  signal: AbortSignal,
  filled = false,
): Promise<TransferError | null> {
  const { writer, tree } = remote
  try {
    await session.guarded('probing whether files can be renamed', signal, async (s) => writer && makeScratch(writer, path, s, filled))
    return null
  } catch (error) {
    // The file would be sent in vain, and each further request is one more wrong password.
    if (isRefusal(error) && error.ofLogin) throw error
    await discard(session, tree, path, signal).catch(() => session.spent.add(path))
    if (isRefusal(error) || isMissing(error)) return error
    throw error
  }
}

function untriedShape({ refusedShapes }: UploadSession): NameShape | undefined {
  return NAME_SHAPES.find((shape) => !refusedShapes.has(shape))
}

/** What is to be tried, the one that is believed in first. */
function shapesFrom(first: NameShape): readonly NameShape[] {
  return [first, ...NAME_SHAPES.filter((shape) => shape !== first)]
}

/** A scratch file that is gone was taken by the server, or by somebody who watches the directory. */
async function renameOf(
  session: UploadSession,
  remote: TreeRemote,
  [path, to]: readonly [from: string, to: string],
  signal: AbortSignal,
): Promise<TransferError | 'gone' | null> {
  try {
    await session.rename(remote.tree, path, to, signal)
    const isDone = await wasRenamed(session, remote, [path, to], signal)
    await discard(session, remote.tree, isDone ? to : path, signal)
    if (isDone && session.manners.stayed.size === 0) removes(session)
    return isDone ? null : new TransferError('refused', 'it says that it renames, and does not')
  } catch (error) {
    const isNo = isRefusalOfName(error) || (error instanceof TransferError && error.brokeDown)
    const isDone = isNo && (await wasDoneAllTheSame(session, remote, [path, to], signal))
    const left = isDone ? to : path
    await discard(session, remote.tree, left, signal).catch(() => session.spent.add(left))
    if (isDone) return null
    if (isRefusal(error)) return error
    if (isMissing(error)) return 'gone'
    if (failsAtRenames(session.manners, error)) session.cannotRename = error
    throw error
  }
}

/** Some servers say no, or fail inside, and do it. What was not done left the file where it was: one that does not show it shows nothing of the final name either. */
async function wasDoneAllTheSame(
  session: UploadSession,
  remote: TreeRemote,
  [from, to]: readonly [from: string, to: string],
  signal: AbortSignal,
): Promise<boolean> {
  const look = (path: string): Promise<Look | null> => session.stat(remote, path, signal).catch(() => null)
  if ((await look(to))?.is === 'there') return true
  if ((await look(from))?.is !== 'missing') return false
  const nothingShows: Look = { is: 'unknown', why: new TransferError('refused', 'it does not show what was made there') }
  session.finalBefore = nothingShows
  session.sawFinal(nothingShows, false)
  return false
}

/**
 * The server refused to make a file of this name. Where none was made yet, names of another shape are tried, and at last the final name, if nothing is there; not where
 * more than a block was sent in vain: that is for the next run. True: there is another name now, which nobody has used.
 */
export async function otherName(
  session: UploadSession,
  remote: Remote,
  refusal: unknown,
  sent: number,
  signal: AbortSignal,
): Promise<boolean> {
  const isHidden = isMissing(refusal)
  if (session.direct || session.shapeWorks || !hasTree(remote) || !(isHidden || isRefusalOfName(refusal))) return false
  // Where a file of that name is, it was not the name.
  if (sent > 0 && (await session.stat(remote, session.partial, signal).catch(() => null))?.is === 'there') return false
  session.refusedShapes.set(session.shape, refusal)
  if (isHidden) await tryShapes(session, remote, signal)
  const next = untriedShape(session)
  const isDear = sent > session.ports.blockSize(session.job.source.size)
  if (isDear && next !== undefined) session.learn({ shape: next })
  if (isDear) return false
  await discard(session, remote.tree, session.partial, signal).catch(() => session.spent.add(session.partial))
  session.renew()
  if (next !== undefined) {
    session.shape = next
    return true
  }
  return takesFinalName(session, remote, refusal, signal)
}

/** Some hide names with a dot behind a 404, and most say so where the directory is missing. What is sent to make sure is empty. */
async function tryShapes(session: UploadSession, remote: TreeRemote, signal: AbortSignal): Promise<void> {
  for (let shape = untriedShape(session); shape !== undefined; shape = untriedShape(session)) {
    const [path] = session.scratchPaths(shape)
    const unmade = await makingScratch(session, remote, path, signal)
    if (unmade === null) return discard(session, remote.tree, path, signal)
    session.refusedShapes.set(shape, unmade)
  }
}

/** No temporary name is taken: the final one may be, where nothing is lost by it, and the place is not what is missing. */
async function takesFinalName(session: UploadSession, remote: TreeRemote, refusal: TransferError, signal: AbortSignal): Promise<boolean> {
  if (!mayWriteThere(session)) return false
  if (isMissing(refusal) && !(await showsDirectory(session, remote, signal))) return false
  session.note(`this server takes no temporary name here (${refusal.message}); the bytes go to the final name itself`)
  session.direct = true
  return true
}

async function showsDirectory(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  const directory = directoryName(session.job.path)
  return directory === '' || directory === '/' || (await session.stat(remote, directory, signal)).is === 'there'
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
  // A server that broke down may do better another time.
  if (!refusal.brokeDown) session.learn({ renames: false })
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

/** Without a rename nothing is lost, and the user allows it. */
function mayWriteThere({ policy: { publishWithoutRename }, nothingThere }: UploadSession): boolean {
  return publishWithoutRename === 'always' || (publishWithoutRename === 'auto' && nothingThere)
}

function saidBefore(): TransferError {
  return new TransferError('refused', 'as was seen before; it is not tried again, because nothing can be removed here')
}

function nothingStays(): TransferError {
  const message = 'verify: full wants the file read back, and this server takes files away as soon as they are there'
  return new TransferError('refused', message, { hint: 'Set `verify: auto`.' })
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
  const what = 'the account lacks the right to rename here, so no file can be put in its place when it is whole'
  return new TransferError('refused', `${what}${said}`, {
    hint:
      policy === 'never'
        ? 'Let the account rename files, or leave out `publish-without-rename: never`.'
        : (refusal?.hint ??
          'What is under the final name may be an earlier version, or what an earlier run without its saved state has not finished. Let the account rename files, or set `publish-without-rename: always` to have it overwritten while the bytes travel.'),
    ...(refusal === null ? {} : { cause: refusal }),
  })
}
