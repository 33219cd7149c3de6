/** Another run with the same content may be at work on a partial. It is left to finish: to take its partial would make both prove and send the same bytes again. */
import { baseName } from '../core/paths.ts'
import type { Remote, RemoteFile } from '../remotes/remote.ts'
import { isAsBefore, isMarked, showsFile } from './look.ts'
import { siblings } from './siblings.ts'
import type { UploadSession } from './upload-session.ts'

/** Between the two looks that show whether anybody is writing. */
const LOOK_MS = 1000
const POLL_MS = 2000
/** For a partial that is empty, or of which no size is told. */
const JUST_MADE_MS = 4000
/** Looks for another run, `POLL_MS` apart, before there is none. */
const TURNS_UP_ASKED = 3
/** A server whose answers change for ever must not hold us for ever. */
const WAIT_MAX_MS = 6 * 60 * 60 * 1000

export interface PartialSeen {
  readonly path: string
  readonly file: RemoteFile
}

/**
 * Waits as long as the file changes. One that does not is given back at once; after some seconds when it is empty, because its run may have only just made it; and
 * after `timeout` when somebody has shown to be alive (`contested`): whoever proves what is there writes nothing meanwhile. Null when the file is gone, perhaps because
 * it was published.
 */
export async function whenItRests(
  session: UploadSession,
  remote: Remote,
  seen: PartialSeen,
  signal: AbortSignal,
): Promise<PartialSeen | null> {
  const { clock } = session.ports
  const started = clock.nowMs()
  let { file } = seen
  let quietMs = session.contested ? session.policy.timeoutMs : file.size ? 0 : JUST_MADE_MS
  let quietSince = started
  while (clock.nowMs() - started < WAIT_MAX_MS) {
    await clock.sleep(quietMs > 0 ? POLL_MS : LOOK_MS, signal)
    const look = await session.stat(remote, seen.path, signal)
    if (look.is !== 'unknown' && !showsFile(look)) return null
    // A look that fails shows no change, and does not say that the file is gone.
    const now = showsFile(look) ? look.file : file
    const changed = now.size !== file.size || now.modifiedAtMs !== file.modifiedAtMs
    if (changed && !session.contested) session.note('another run is sending the same file; waiting for it')
    if (changed) {
      session.contested = true
      quietMs = session.policy.timeoutMs
      quietSince = clock.nowMs()
      file = now
    } else if (clock.nowMs() - quietSince >= quietMs) break
  }
  return { path: seen.path, file }
}

/**
 * Whether another process has been at work on this content: its partial lies beside the target, or the final name has the length of the source, as far as the server
 * tells.
 */
export async function showsTwin(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  const { path, source } = session.job
  const partial = baseName(session.partial)
  const { working } = await siblings(session, remote, signal)
  const signs = working.filter(({ name, size }) => name !== partial && session.twinSigns.isNew(name, size))
  if (signs.length > 0) return true
  const final = await session.stat(remote, path, signal)
  return showsFile(final) && (final.file.size ?? source.size) === source.size && mayBeTheirs(session, final.file)
}

/** The same, asked for some seconds: another run may have removed the partial of this one and not yet begun its own. */
export async function twinTurnsUp(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  for (let asked = 1; ; asked += 1) {
    if (await showsTwin(session, remote, signal)) return true
    if (asked === TURNS_UP_ASKED) return false
    await session.ports.clock.sleep(POLL_MS, signal)
  }
}

/** Whether what is under the final name has come since the first look. A file that was there before is a sign of nothing. Where nobody can tell whether it is that one, it is taken for a sign once. */
export function mayBeTheirs(session: UploadSession, now: RemoteFile): boolean {
  const { finalBefore: before } = session
  if (before?.is === 'missing' || (before?.is === 'there' && !isAsBefore(before.file, now))) return true
  if ((before?.is === 'there' && isMarked(now)) || session.missedOnce) return false
  session.missedOnce = true
  return true
}

/**
 * Nothing is under the final name after our own rename. Of two processes one may move aside what the other has just published, or have the server remove it, to put the
 * same content in its place; then it shows beside the target. A partial that nobody works on any more is taken for such a process once only, and so
 * is a file that an earlier process has left aside.
 */
export async function movedAway(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  const known = new Set(session.asidesSeen)
  const { same, asides } = await siblings(session, remote, signal)
  if (asides.some((aside) => !known.has(aside) && baseName(aside) !== baseName(session.aside ?? ''))) return true
  if (remote.tree?.replaces !== 'after-delete' || session.missedOnce || same.length === 0) return false
  session.missedOnce = true
  return true
}
