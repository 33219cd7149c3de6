/**
 * Finds the partial that an earlier process left of the same content and makes it this process's own by renaming it. Of two processes only one can rename it, and the
 * other one finds its name gone. So whatever a process finds under a name of its own was written by processes that send exactly this content.
 */
import { TransferError } from '../core/errors.ts'
import { sameFingerprint } from '../core/fingerprint.ts'
import { directoryName } from '../core/paths.ts'
import type { Remote, RemoteFile, Resumer, Tree, Writer } from '../remotes/remote.ts'
import { restoreFound } from './asides.ts'
import { showsFile } from './look.ts'
import { isMissing, isRefusal } from './refusal.ts'
import { siblings } from './siblings.ts'
import { discard } from './tidy.ts'
import { mayBeTheirs, type PartialSeen, whenItRests } from './twin.ts'
import type { UploadSession } from './upload-session.ts'

export interface FoundPartial {
  /** In bytes; null when there is none, or none that may be touched. */
  readonly size: number | null
  /** How it can be continued here, or null. */
  readonly resumer: Resumer | null
  /** The server does not tell whether there is one. */
  readonly untold?: true
}

/** Partials of runs that were gone when their turn came; then a new one is begun. */
const TAKEN_MAX = 5

export const NOTHING_FOUND: FoundPartial = { size: null, resumer: null }
const UNTOLD: FoundPartial = { ...NOTHING_FOUND, untold: true }

/** The partial under this process's own name, or an earlier one that was given it. */
export async function findPartial(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<FoundPartial> {
  const { tree } = remote
  if (tree === undefined || session.direct) return NOTHING_FOUND
  if (session.owned) {
    const own = await session.stat(remote, session.partial, signal)
    // What is not told cannot be continued: then it is sent anew, under another name.
    if (own.is === 'unknown') return UNTOLD
    if (own.is === 'there' && !(await linked(session, remote, session.partial, signal))) {
      const found = await usable(session, own.file, writer, signal)
      return onlyAppends(found) && !session.appended ? given(session, tree, session.partial, found, signal) : found
    }
    session.renew()
  }
  const earlier = await restingPartial(session, remote, signal)
  if (earlier === null || (await linked(session, remote, earlier.path, signal))) return NOTHING_FOUND
  session.namedLike(earlier.path)
  const found = await usable(session, earlier.file, writer, signal)
  if (found.resumer !== null) return given(session, tree, earlier.path, found, signal)
  await discard(session, tree, earlier.path, signal)
  return found
}

/**
 * A process that continues by appending has a mark in its partial's name, and nobody claims a partial with that mark while its process may be alive: two that append
 * to one file spoil it, the second perhaps when the first has published it. Elsewhere a live process writes the same bytes at the same places, which harms nobody.
 */
function onlyAppends({ resumer }: FoundPartial): boolean {
  return resumer?.kind === 'append' && resumer.rewind === undefined
}

/** What was found, under a name that this process may write to. */
async function given(session: UploadSession, tree: Tree, path: string, found: FoundPartial, signal: AbortSignal): Promise<FoundPartial> {
  session.appended = onlyAppends(found)
  return (await claim(session, tree, path, signal)) ? found : NOTHING_FOUND
}

/** What a link points at may begin as the source does, and is nobody's partial: the link goes, what it points at stays. */
async function linked(session: UploadSession, remote: Remote, path: string, signal: AbortSignal): Promise<boolean> {
  if (!(await session.isLink(remote, path, signal))) return false
  session.note(`a link was put in the place of the partial; it is not followed: ${path}`)
  // The name is not needed: the bytes go to another one.
  if (remote.tree !== undefined) await discard(session, remote.tree, path, signal)
  return true
}

async function usable(session: UploadSession, file: RemoteFile, writer: Writer, signal: AbortSignal): Promise<FoundPartial> {
  if (file.kind !== 'file') throw new TransferError('conflict', `the partial's name is taken by something else: ${session.partial}`)
  // Of an empty source nothing can be kept, and whatever has its partial's name is not cut to nothing: it may be another name of somebody's file.
  const holds = file.size !== null && file.size > 0 && session.job.source.size > 0
  const resumes = holds && session.policy.resume === 'auto' && session.resumerWorks
  return { size: file.size, resumer: resumes ? await probe(session, writer, signal) : null }
}

/** How a partial can be continued on this server. */
export function probe(session: UploadSession, writer: Writer, signal: AbortSignal): Promise<Resumer | null> {
  const directory = directoryName(session.job.path)
  return session.guarded('probing how a file can be continued', signal, (s) => writer.resumer(directory, s))
}

/** Rejects with `offset-conflict` when the partial of another run is gone and the final name has the size of the source: the next attempt looks at it. */
async function restingPartial(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<PartialSeen | null> {
  for (let tries = 0; tries < TAKEN_MAX; tries += 1) {
    const found = await earlierPartial(session, remote, signal)
    if (found === null) return null
    if (session.earlier?.ended === true && session.earlierPartials().includes(found.path)) return found
    const resting = await whenItRests(session, remote, found, signal)
    if (resting !== null) return resting
    const final = await session.stat(remote, session.job.path, signal)
    if (showsFile(final) && final.file.size === session.job.source.size && mayBeTheirs(session, final.file))
      throw new TransferError('offset-conflict', `another run has finished with the partial ${found.path}`)
  }
  return null
}

/** By the journal; where that knows nothing, by listing, which pays only for more than one block. */
async function earlierPartial(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<PartialSeen | null> {
  const { earlier } = session
  const [plain, appended] = earlier !== null && sameFingerprint(earlier.source, session.fingerprint) ? session.earlierPartials() : []
  for (const path of earlier?.ended === true ? [plain, appended] : [plain]) {
    if (path === undefined) continue
    const look = await session.stat(remote, path, signal)
    if (showsFile(look)) return { path, file: look.file }
    // It is of no use, and nobody else's.
    if (look.is === 'unknown' && earlier?.ended === true) session.spent.add(path)
  }
  const { size } = session.job.source
  if (session.policy.resume === 'never' || size <= session.ports.blockSize(size)) return null
  const { same, others, asides } = await siblings(session, remote, signal)
  for (const other of others) session.left.add(other)
  await restoreFound(session, remote, asides, signal)
  for (const path of same) {
    const look = await session.stat(remote, path, signal)
    if (showsFile(look)) return { path, file: look.file }
  }
  return null
}

/** False when the partial is not to be had. */
async function claim(session: UploadSession, tree: Tree, path: string, signal: AbortSignal): Promise<boolean> {
  // Set before it is sent: the answer may be lost, and then the next attempt looks under both names.
  session.owned = true
  try {
    await session.rename(tree, path, session.partial, signal)
    session.renames = true
    session.begun = true
    session.record()
    return true
  } catch (error) {
    if (isMissing(error)) session.note('another process has taken the earlier partial')
    else if (isRefusal(error)) session.note(`the earlier partial cannot be renamed and is left alone: ${path} (${error.message})`)
    else throw error
    session.renew()
    return false
  }
}
