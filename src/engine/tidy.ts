/** What is left beside a published target: scraps of this process, and partials of others. */
import { TransferError } from '../core/errors.ts'
import type { Remote, Tree } from '../remotes/remote.ts'
import { isRefusal } from './refusal.ts'
import type { UploadSession } from './upload-session.ts'

/** By the server's clock, since ours may be wrong. No run lasts longer than this without writing. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000
/** Gateways over object stores show what is being written with the time 0. */
const NO_TIME_MS = 0

/**
 * A process that is still alive may be writing to the partial of another version, so one is only removed when nobody has written to it for a day. What fails here is
 * told and no failure of the transfer, which is done.
 */
export async function tidy(session: UploadSession, remote: Remote, signal: AbortSignal): Promise<void> {
  const { tree } = remote
  if (tree === undefined) return
  for (const path of session.spent) await quietly(session, path, () => discard(session, tree, path, signal))
  for (const path of session.left) await quietly(session, path, () => leave(session, remote, path, signal))
}

/** Removes a file of this process, or one that only it may have. Where the account may not, it stays, and nothing depends on it. */
export async function discard(session: UploadSession, tree: Tree, path: string, signal: AbortSignal): Promise<void> {
  try {
    await session.remove(tree, path, signal)
    session.manners.stayed.delete(path)
  } catch (error) {
    if (!isRefusal(error)) throw error
    session.spent.add(path)
    stays(session, path, error)
  }
}

/** Where a file of ours cannot be removed, none is made that is not needed. */
export function stays(session: UploadSession, path: string, refusal: TransferError): void {
  session.manners.stayed.set(path, refusal)
  if (!refusal.ofLogin) session.learn({ keeps: true })
}

/** A file that was there could be removed, whatever an earlier run has seen. */
export function removes(session: UploadSession): void {
  const { keeps, ...host } = session.known
  if (keeps === true) session.ports.recorder.learn(host)
}

/** Said once, at the end, however it ends. */
export function tellStayed(session: UploadSession): void {
  const { stayed } = session.manners
  const [refusal] = stayed.values()
  if (refusal === undefined) return
  session.note(
    `this account may not remove what was made beside the target, which stays: ${[...stayed.keys()].join(', ')} (${refusal.message})`,
  )
}

async function leave(session: UploadSession, remote: Remote, path: string, signal: AbortSignal): Promise<void> {
  const look = await session.stat(remote, path, signal)
  if (look.is === 'missing' || remote.tree === undefined) return
  if (look.is === 'unknown') throw look.why
  const found = look.file
  const { serverNowMs } = session
  const writtenAtMs = found.modifiedAtMs ?? NO_TIME_MS
  if (serverNowMs !== null && writtenAtMs > NO_TIME_MS && serverNowMs - writtenAtMs > ABANDONED_AFTER_MS) {
    await discard(session, remote.tree, path, signal)
    if (!session.manners.stayed.has(path)) session.note(`a file that another run left behind was removed: ${path}`)
  } else {
    session.warning(`a file of another run was left alone, because that run may still be using it; it goes when it is a day old: ${path}`)
  }
}

async function quietly(session: UploadSession, path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof TransferError)) throw error
    session.note(`${path} could not be tidied away: ${error.message}`)
  }
}
