/** New files, and only new ones: what stands under a name may be open elsewhere, or be a link to somebody else's file. */
import { TransferError } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { hasStatus, STATUS, StatusError } from './errors.ts'
import { type Handle, OPEN, type Requests } from './requests.ts'
import { explained, sizeOf, sizeUnder, stands } from './stat.ts'

const KEPT =
  'Let the account remove files, or remove that one on the server: it is not written into, because another program may have it open, or it may be a link.'
const EXCLUSIVELY = OPEN.write | OPEN.create | OPEN.exclusive

/**
 * Opens a file that this call has made. In the ordinary case that is one OPEN and no look before it. What stands in the way is removed: the name, not what it
 * points at. Rejects with `offset-conflict` when another process makes a file of this name at the same time.
 */
export async function createNew(connection: Connection, path: string, mode: number): Promise<Handle> {
  const { requests } = connection
  const doing = `create ${path}`
  // OpenSSH 9.2 and mod_sftp 1.3.8 have this extension and refuse an exclusive OPEN of what exists. rclone 1.60 has not, truncates, and answers OK.
  let absent = connection.extensions.has('fsync@openssh.com') ? null : await clear(requests, path)
  let refusal = await exclusively(requests, path, mode)
  if (Buffer.isBuffer(refusal)) return refusal
  if (hasStatus(refusal, STATUS.noSuchFile, STATUS.noSuchPath, STATUS.noSpace, STATUS.quotaExceeded))
    throw await explained(requests, refusal, path, doing, true)
  const there = await stands(requests, path)
  if (there === true) {
    absent = await clear(requests, path)
    refusal = await exclusively(requests, path, mode)
    if (Buffer.isBuffer(refusal)) return refusal
    if ((await stands(requests, path)) === true)
      throw new TransferError('offset-conflict', `another process makes ${path} as well`, { cause: refusal })
  } else if (there === false) absent = true
  return await withLess(requests, { path, mode, absent: absent === true, refusal })
}

interface Refused {
  readonly path: string
  readonly mode: number
  /** The server has said that nothing has this name. */
  readonly absent: boolean
  readonly refusal: StatusError
}

/** Nothing is in the way, so it may be the mode or the exclusiveness that this server does not take. */
async function withLess(requests: Requests, { path, mode, absent, refusal }: Refused): Promise<Handle> {
  const { habits } = requests
  const flags = OPEN.write | OPEN.create
  const forms: readonly (readonly [number, number | undefined, boolean])[] = [
    [EXCLUSIVELY, undefined, habits.lacks('exclusive OPEN') === undefined],
    [flags, mode, absent],
    [flags, undefined, absent],
    // Nobody else makes files of such names, so there is nothing of others to cut.
    [flags | OPEN.truncate, undefined, absent && isOwnName(path)],
  ]
  for (const [form, given, may] of forms) {
    if (!may || (given !== undefined && habits.lacks('OPEN with a mode') !== undefined)) continue
    const opened = await openNew(requests, path, form, given)
    if (!Buffer.isBuffer(opened)) continue
    if (given === undefined) habits.refused('OPEN with a mode', refusal)
    if (form === EXCLUSIVELY) return opened
    habits.refused('exclusive OPEN', refusal)
    return (form & OPEN.truncate) === 0 ? await onlyEmpty(requests, path, opened) : opened
  }
  throw await explained(requests, refusal, path, `create ${path}`, true)
}

/** A name with a nonce, which a process chooses for itself (core/paths.ts), or of the scratch file. */
function isOwnName(path: string): boolean {
  return /[.-][0-9a-f]{8,16}\.(partial|appended\.partial|copy)$|rt-probe-[0-9a-f]{16}$/.test(path)
}

/** The handle, or what the server says against it. */
async function exclusively(requests: Requests, path: string, mode: number): Promise<Handle | StatusError> {
  const earlier = requests.habits.lacks('exclusive OPEN')
  if (earlier !== undefined) return earlier
  return await openNew(requests, path, EXCLUSIVELY, requests.habits.lacks('OPEN with a mode') === undefined ? mode : undefined)
}

async function openNew(requests: Requests, path: string, flags: number, mode: number | undefined): Promise<Handle | StatusError> {
  try {
    return await requests.open(path, flags, mode)
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
}

/** Without TRUNC: an empty file is a new one, and a file that somebody has made meanwhile stays as it is. */
async function onlyEmpty(requests: Requests, path: string, handle: Handle): Promise<Handle> {
  const size = (await sizeOf(requests, handle)) ?? (await sizeUnder(requests, path))
  // A server that tells no sizes has said just before that nothing was there.
  if (size === 0 || size === undefined) return handle
  await requests.close(handle)
  throw new TransferError('offset-conflict', `another process makes ${path} as well: it has ${size ?? 'an unknown number of'} bytes`)
}

/** Resolves with true when the name is free now, null when the server does not say. */
async function clear(requests: Requests, path: string): Promise<true | null> {
  try {
    await requests.remove(path)
    return true
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return true
    const there = await stands(requests, path)
    if (there !== true) return there === false ? true : null
    const told = await explained(requests, error, path, `remove what stands in the place of ${path}`, false)
    throw told instanceof TransferError && told.kind === 'refused'
      ? new TransferError('refused', told.message, { hint: KEPT, cause: error })
      : told
  }
}
