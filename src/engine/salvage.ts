/**
 * The partial of an older version of the source. Its process may still be writing to it, and a file keeps its writers when it is renamed. So blocks of it are used
 * from a copy that the server makes; the file itself only when its process is known to have ended.
 */
import { TransferError } from '../core/errors.ts'
import { sameFingerprint } from '../core/fingerprint.ts'
import type { JournalEntry } from '../core/journal.ts'
import { type RangeSet, totalBytes } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { Remote, Tree, Writer } from '../remotes/remote.ts'
import { probe } from './claim.ts'
import { showsFile } from './look.ts'
import { salvageable } from './plan.ts'
import { isMissing, isRefusal } from './refusal.ts'
import { discard } from './tidy.ts'
import type { UploadSession } from './upload-session.ts'

/** A server that copies slower than this is given no more time. */
const COPY_BYTES_PER_MS = 20_000
/** Between the two looks at an older partial whose run has ended. */
const REST_MS = 1000

/** Blocks worth proving in the partial that this process now has, or null when it has none. */
export async function salvage(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<RangeSet | null> {
  const { earlier: old, policy } = session
  const { tree } = remote
  if (old === null || tree === undefined || sameFingerprint(old.source, session.fingerprint)) return null
  if (policy.onChange === 'fail') {
    throw new TransferError('source-changed', 'the source is not the one whose upload was begun', {
      hint: 'Set `on-change: restart` to send the new version, or provide the same file again.',
    })
  }
  const theirs = await oldPartial(session, remote, signal)
  if (theirs === null) return null
  const { path } = theirs
  const size = theirs.size ?? 0
  session.namedLike(path)
  const blocks = salvageable(old, size, session.expected)
  const wanted = session.resumerWorks && policy.resume === 'auto' && totalBytes(blocks) > 0 && !(await session.isLink(remote, path, signal))
  if (
    wanted &&
    (await probe(session, writer, signal)) !== null &&
    (!old.ended || (await rests(session, remote, { path, size, old }, signal))) &&
    (await take(session, tree, { path, size, old }, signal))
  ) {
    session.note(`the source changed; ${formatBytes(totalBytes(blocks))} of the older partial may still be good`)
    return blocks
  }
  if (old.ended) await discard(session, tree, path, signal)
  else session.left.add(path)
  return null
}

async function oldPartial(
  session: UploadSession,
  remote: Remote,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly size: number | null } | null> {
  for (const path of session.earlierPartials()) {
    const look = await session.stat(remote, path, signal)
    if (showsFile(look)) return { path, size: look.file.size }
  }
  return null
}

/**
 * A process that has ended in order has closed its connection; what had arrived by then the server may store a moment later, over what this process writes there. So
 * the file has to be the same twice.
 */
async function rests(session: UploadSession, remote: Remote, { path, size }: OldPartial, signal: AbortSignal): Promise<boolean> {
  await session.ports.clock.sleep(REST_MS, signal)
  const look = await session.stat(remote, path, signal)
  return showsFile(look) && look.file.size === size
}

interface OldPartial {
  readonly path: string
  readonly size: number
  readonly old: JournalEntry
}

/** Gives this process a file of its own with the old bytes. */
async function take(session: UploadSession, tree: Tree, { path, size, old }: OldPartial, signal: AbortSignal): Promise<boolean> {
  if (!old.ended && tree.copy === undefined) return false
  try {
    const from = old.ended ? path : await copied(session, tree, path, size, signal)
    // Set before it is sent: the answer may be lost.
    session.owned = true
    await session.rename(tree, from, session.partial, signal)
    session.begun = true
    session.record()
    return true
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error
    session.note(`the older partial cannot be used: ${error.message}`)
    session.renew()
    return false
  }
}

/**
 * A copy has a name that nobody continues until the server says that it is complete: after the connection or this process is gone, the server may go on copying
 * old bytes into it.
 */
async function copied(session: UploadSession, tree: Tree, path: string, size: number, signal: AbortSignal): Promise<string> {
  const to = session.passingPath('copy')
  session.left.add(path)
  session.spent.add(to)
  await session.guarded('copying on the server', signal, async (s) => tree.copy?.(path, to, size, s), size / COPY_BYTES_PER_MS)
  return to
}
