/** What stands on the server: of a path, of a handle, and what a refusal means in the light of it. */
import { TransferError } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import type { RemoteFile } from '../remote.ts'
import { hasStatus, requestFailure, STATUS, StatusError } from './errors.ts'
import type { Handle, Requests } from './requests.ts'

export async function statFile(requests: Requests, path: string): Promise<RemoteFile | null> {
  try {
    const found = await requests.stat(path)
    const size: unknown = found.size
    if (size !== undefined && !Number.isSafeInteger(size))
      throw new TransferError('protocol', `the server tells an impossible size of ${path}`)
    return {
      kind: kindOf(found.mode),
      size: typeof size === 'number' ? size : null,
      modifiedAtMs: typeof found.mtime === 'number' ? found.mtime * 1000 : null,
      validator: null,
    }
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return null
    throw requestFailure(error, `look at ${path}`)
  }
}

const TYPE_MASK = 0o170000
const DIRECTORY = 0o040000
const REGULAR = 0o100000
const LINK = 0o120000

/** Permissions are optional in SFTP; what comes without them is taken for a file. */
export function kindOf(mode: number | undefined): RemoteFile['kind'] {
  if (mode === undefined || (mode & TYPE_MASK) === REGULAR || (mode & TYPE_MASK) === 0) return 'file'
  return (mode & TYPE_MASK) === DIRECTORY ? 'directory' : 'other'
}

/** Whether the name itself is a link, also one to nothing. A server that does not say has none. */
export async function isLink(requests: Requests, path: string): Promise<boolean> {
  try {
    const { mode }: { readonly mode?: number } = await requests.lstat(path)
    return mode !== undefined && (mode & TYPE_MASK) === LINK
  } catch (error) {
    if (error instanceof StatusError) return false
    throw error
  }
}

/** Whether something has this name: a file, a directory, a link, also one to nothing. Null when the server does not say. */
export async function stands(requests: Requests, path: string): Promise<boolean | null> {
  for (const look of [() => requests.lstat(path), () => requests.stat(path)]) {
    try {
      await look()
      return true
    } catch (error) {
      if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return false
      if (!(error instanceof StatusError)) throw error
    }
  }
  return null
}

export async function sizeOf(requests: Requests, handle: Handle): Promise<number | null> {
  try {
    const size: unknown = (await requests.fstat(handle)).size
    return typeof size === 'number' && Number.isSafeInteger(size) ? size : null
  } catch (error) {
    if (error instanceof TransferError) throw error
    return null
  }
}

/**
 * What a negative answer means; errors that are none come back as they are. SFTP v3 has one code, 4, for a full disk, a directory in
 * the way and much else: then asks again. Never rejects.
 */
export async function explained(requests: Requests, error: unknown, path: string, doing: string, writing: boolean): Promise<unknown> {
  if (!(error instanceof StatusError)) return error
  const first = requestFailure(error, doing)
  if (first.kind !== 'refused') return first
  try {
    const found = await statFile(requests, path)
    if (found?.kind === 'directory') return new TransferError('conflict', `cannot ${doing}: it is a directory`, { cause: error })
    const space = writing ? await requests.freeSpace(directoryName(path)).catch(() => null) : null
    if (space?.bavail === 0) return new TransferError('no-space', `cannot ${doing}: no space left on the server`, { cause: error })
  } catch {
    // The question is not answered either: the first answer stands.
  }
  return first
}
