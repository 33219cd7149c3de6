/** The permission bits of a file that is replaced are those of its successor, which is never open to more people than it was. */
import { TransferError } from '../core/errors.ts'
import type { Remote } from '../remotes/remote.ts'
import { isMode, isUntold } from './look.ts'
import { isMissing } from './refusal.ts'
import type { UploadSession } from './upload-session.ts'

/** Who runs it under another name (setuid, setgid) is not for new content: writing into the old file would take those bits away as well. */
export const PERMISSIONS = 0o777
export const OTHERS_READ = 0o004

/** What fails is asked once more, by the next attempt. Nothing ends because of it. */
const ASKS_MAX = 2

/** Before anything takes the place of the old file: a look at it need not tell its mode. */
export async function learnOldMode(session: UploadSession, { tree }: Remote, signal: AbortSignal): Promise<void> {
  const { oldMode, nothingThere, wroteDirectly, modeAsks, job } = session
  if (oldMode !== null || nothingThere || wroteDirectly || modeAsks >= ASKS_MAX || tree?.modeOf === undefined) return
  session.modeAsks += 1
  try {
    const told = await session.guarded('looking at the mode', signal, async (s) => (await tree.modeOf?.(job.path, s)) ?? null)
    session.oldMode = told !== null && isMode(told) ? told : null
    session.modeAsks = ASKS_MAX
  } catch (error) {
    if (signal.aborted || !isDropped(session, error, session.modeAsks)) throw error
    session.modeAsks = ASKS_MAX
    session.note(`the file that is replaced may have another mode than the new one, which does not take it over (${error.message})`)
  }
}

/** Gives the new file the mode of the old one, before it has its name where it comes by a rename. A server that does not is told of, and nothing depends on it. */
export async function keepMode(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  // The first look may have failed where this one does not.
  if (session.finalUntold) session.sawFinal(await session.stat(remote, session.job.path, signal), session.direct)
  await learnOldMode(session, remote, signal)
  const { oldMode, newMode } = session
  if (oldMode === null || session.modeRefused) return
  const wanted = oldMode & PERMISSIONS
  if (newMode !== null && (newMode & PERMISSIONS) === wanted) return
  const { setMode } = remote.tree ?? {}
  // Where it can be neither seen nor set, nobody knows that it will be another one.
  if (setMode === undefined && newMode === null) return
  const refusal = setMode === undefined ? 'it has no request for that' : await refusalOf(session, remote, session.partial, wanted, signal)
  if (refusal === null) session.newMode = wanted
  else tell(session, wanted, refusal)
}

/** What the server says to a mode that it does not set; null when it does. A file that is gone is found out by what follows. */
export async function refusalOf(
  session: UploadSession,
  { tree }: Remote,
  path: string,
  mode: number,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    await session.guarded('setting the mode', signal, async (s) => tree?.setMode?.(path, mode, s))
    return null
  } catch (error) {
    if (isMissing(error)) return null
    session.modeFailures += 1
    if (signal.aborted || !isDropped(session, error, session.modeFailures)) throw error
    return error.message
  }
}

/** The file matters, not its mode. */
function isDropped({ policy }: UploadSession, error: unknown, times: number): error is TransferError {
  return error instanceof TransferError && (isUntold(error) || times >= ASKS_MAX || policy.retries === 0)
}

/** Once. That more people may read it than before is a warning, because it may hold what is not for them. */
function tell(session: UploadSession, wanted: number, why: string): void {
  session.modeRefused = true
  const octal = (bits: number): string => (bits & PERMISSIONS).toString(8).padStart(4, '0')
  const now = session.newMode === null ? '' : `; the new one has ${octal(session.newMode)}`
  const message = `the file that is replaced has the mode ${octal(wanted)}, which the server does not set (${why})${now}`
  const isWider = session.newMode === null ? (wanted & OTHERS_READ) === 0 : (session.newMode & PERMISSIONS & ~wanted) !== 0
  if (isWider) session.warning(`${message}. More people may read it than before`)
  else session.note(message)
}
