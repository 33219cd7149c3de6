/** New files, and only new ones: what stands under a name may be open elsewhere, or be a link to somebody else's file. */
import { TransferError } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { hasStatus, STATUS, StatusError } from './errors.ts'
import { type Handle, OPEN, type Requests } from './requests.ts'
import { explained, sizeOf, stands, statFile } from './stat.ts'

const EXCLUSIVELY = OPEN.write | OPEN.create | OPEN.exclusive

/**
 * Opens a file that this call has made. In the ordinary case that is one OPEN and no look before it. What stands in the way is removed: the name, not what it
 * points at. Rejects with `offset-conflict` when another process makes a file of this name at the same time.
 */
export async function createNew(connection: Connection, path: string, mode: number): Promise<Handle> {
  const { requests } = connection
  const doing = `create ${path}`
  // OpenSSH 9.2 and mod_sftp 1.3.8 have this extension and refuse an exclusive OPEN of what exists. rclone 1.60 has not, truncates, and answers OK.
  if (!connection.extensions.has('fsync@openssh.com')) await clear(requests, path)
  let refusal = await exclusively(requests, path, mode)
  if (Buffer.isBuffer(refusal)) return refusal
  if (hasStatus(refusal, STATUS.noSuchFile, STATUS.noSuchPath, STATUS.noSpace, STATUS.quotaExceeded))
    throw await explained(requests, refusal, path, doing, true)
  if ((await stands(requests, path)) === true) {
    await clear(requests, path)
    refusal = await exclusively(requests, path, mode)
    if (Buffer.isBuffer(refusal)) return refusal
    if ((await stands(requests, path)) === true)
      throw new TransferError('offset-conflict', `another process makes ${path} as well`, { cause: refusal })
  }
  // Nothing is there, so it may be the exclusiveness itself that this server does not take.
  if (!hasStatus(refusal, STATUS.unsupported, STATUS.failure)) throw await explained(requests, refusal, path, doing, true)
  return await plainly(requests, path, mode)
}

/** The handle, or what the server says against it. */
async function exclusively(requests: Requests, path: string, mode: number): Promise<Handle | StatusError> {
  try {
    return await requests.open(path, EXCLUSIVELY, mode)
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
}

/** Without TRUNC: an empty file is a new one, and a file that somebody has made meanwhile stays as it is. */
async function plainly(requests: Requests, path: string, mode: number): Promise<Handle> {
  let handle: Handle
  try {
    handle = await requests.open(path, OPEN.write | OPEN.create, mode)
  } catch (error) {
    throw await explained(requests, error, path, `create ${path}`, true)
  }
  const size = (await sizeOf(requests, handle)) ?? (await statFile(requests, path))?.size
  if (size === 0) return handle
  await requests.close(handle)
  throw new TransferError('offset-conflict', `another process makes ${path} as well: it has ${size ?? 'an unknown number of'} bytes`)
}

async function clear(requests: Requests, path: string): Promise<void> {
  try {
    await requests.remove(path)
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath) || (await stands(requests, path)) !== true) return
    throw await explained(requests, error, path, `remove what stands in the place of ${path}`, false)
  }
}
