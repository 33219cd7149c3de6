/** The old file where it waits aside between two renames: put back, left, or removed once the new one is whole in its place. */
import { TransferError } from '../core/errors.ts'
import { hasTree, type Remote, type Tree, type TreeRemote } from '../remotes/remote.ts'
import { type Look, showsFile } from './look.ts'
import { isMissing, isRefusal, isRefusalOfName } from './refusal.ts'
import { siblings } from './siblings.ts'
import { removes } from './tidy.ts'
import { couldProve } from './upload-proof.ts'
import type { UploadSession } from './upload-session.ts'

export function keepAside(session: UploadSession, aside: string): void {
  session.aside = null
  session.warning(`the server does not show the new file in its place, so the file that was moved aside for it is still there: ${aside}`)
}

export async function dropAside(session: UploadSession, tree: Tree, aside: string, signal: AbortSignal): Promise<void> {
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
 * The newest of them, if nothing is under the final name. One that has a whole successor is removed. What this process has moved aside itself it moves back also where
 * nothing is told: the name is empty since then.
 */
export async function putBack(session: UploadSession, remote: TreeRemote, asides: readonly string[], signal: AbortSignal): Promise<void> {
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
    if (own !== null && newest?.path === own && showsFile(final)) await succeeded(session, remote, [own, final], signal)
    return
  }
  // The first that was left is the old file; what came under its name after it is not.
  const old = session.keptAsides[0] ?? newest.path
  session.previous = { kind: 'aside', path: old }
  try {
    await session.rename(tree, old, path, signal)
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    if (isMissing(error) && final.is === 'unknown') return nothingAside(session)
    session.warning(`the file that was under ${path} lies at ${old} and could not be put back: ${error.message}`)
    return
  }
  const others = [...session.keptAsides.splice(0), session.aside].filter((one) => one !== null && one !== old)
  session.aside = null
  if (old === newest.path) session.oldMode = newest.mode ?? session.oldMode
  session.previous = { kind: 'untouched' }
  session.note(`the file that an attempt had moved aside is under its name again: ${path}`)
  for (const other of others) session.warning(`what stood under ${path} meanwhile lies at ${other}`)
}

/**
 * What stands under the final name while the old file lies aside may be half of what a rename copies, or another version: only for a whole successor the old file goes.
 */
async function succeeded(
  session: UploadSession,
  remote: TreeRemote,
  [aside, final]: readonly [aside: string, final: Extract<Look, { is: 'there' }>],
  signal: AbortSignal,
): Promise<void> {
  const { path, source } = session.job
  const fits = (final.file.size ?? source.size) === source.size
  const isWhole = fits && (await couldProve(session.wholeProofContext(remote, path), true, signal)).verdict === 'same'
  if (isWhole) return dropAside(session, remote.tree, aside, signal)
  session.keptAsides.push(aside)
  session.previous = { kind: 'aside', path: session.keptAsides[0] ?? aside }
}

/** The rename that was to move it aside had not been done. */
function nothingAside(session: UploadSession): void {
  session.aside = null
  session.previous = { kind: 'unknown' }
}
