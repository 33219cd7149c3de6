/** What stands on the server: of a path, of a handle, and what a refusal means in the light of it. */
import type { Stats } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import type { RemoteFile } from '../remote.ts'
import { hasStatus, requestFailure, STATUS, StatusError } from './errors.ts'
import { isDirectory, isListed, lookOnceMore, lookOtherwise } from './looking.ts'
import type { Handle, Requests } from './requests.ts'

/** Null when it is missing. Rejects with `refused` or `unsupported` when no way of asking tells. */
export async function statFile(requests: Requests, path: string): Promise<RemoteFile | null> {
  const { habits } = requests
  const earlier = habits.lacks('STAT', directoryName(path))
  if (earlier !== undefined) return await otherwise(requests, path, lookOtherwise(requests, path, earlier))
  try {
    const file = await fileOf(requests, path, await requests.stat(path))
    if (file.kind === 'file') habits.allowed('STAT')
    return file
  } catch (error) {
    if (!(error instanceof StatusError)) throw requestFailure(error, `look at ${path}`)
    if (!isMissing(error)) return await otherwise(requests, path, lookOtherwise(requests, path, error))
    return habits.may('STAT') ? null : await otherwise(requests, path, lookOnceMore(requests, path, error))
  }
}

function isMissing(error: unknown): error is StatusError {
  return hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)
}

async function otherwise(requests: Requests, path: string, looking: ReturnType<typeof lookOtherwise>): Promise<RemoteFile | null> {
  try {
    const found = await looking
    return found === null ? null : await fileOf(requests, path, found)
  } catch (error) {
    throw requestFailure(error, `look at ${path}`)
  }
}

/** Every attribute is optional in SFTP. */
async function fileOf(requests: Requests, path: string, found: Partial<Stats>): Promise<RemoteFile> {
  const { size, mode, mtime } = found
  if (size !== undefined && !Number.isSafeInteger(size))
    throw new TransferError('protocol', `the server tells an impossible size of ${path}`)
  const told = kindOf(mode)
  const kind = told !== 'unknown' ? told : (await isDirectory(requests, path)) ? 'directory' : 'file'
  return {
    kind,
    size: size ?? null,
    modifiedAtMs: typeof mtime === 'number' ? mtime * 1000 : null,
    validator: null,
    ...(typeof mode === 'number' ? { mode: mode & 0o7777 } : {}),
  }
}

const TYPE_MASK = 0o170000
const DIRECTORY = 0o040000
const REGULAR = 0o100000
const LINK = 0o120000

/** Permissions are optional, and some servers send them without the bits of the type. */
export function kindOf(mode: number | undefined): RemoteFile['kind'] | 'unknown' {
  if (mode === undefined || (mode & TYPE_MASK) === 0) return 'unknown'
  if ((mode & TYPE_MASK) === REGULAR) return 'file'
  return (mode & TYPE_MASK) === DIRECTORY ? 'directory' : 'other'
}

/** Whether the name itself is a link, also one to nothing. A server that does not say has none. */
export async function isLink(requests: Requests, path: string): Promise<boolean> {
  if (requests.habits.lacks('LSTAT', directoryName(path)) !== undefined) return false
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
  if (requests.habits.lacks('LSTAT', directoryName(path)) === undefined) {
    try {
      await requests.lstat(path)
      requests.habits.allowed('LSTAT')
      return true
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      if (isMissing(error) && requests.habits.may('LSTAT')) return false
    }
  }
  try {
    // A link to nothing is missing for all who follow it.
    return (await statFile(requests, path)) !== null || (await isListed(requests, path))
  } catch (error) {
    if (error instanceof TransferError && (error.kind === 'refused' || error.kind === 'unsupported')) return null
    throw error
  }
}

export async function sizeOf(requests: Requests, handle: Handle): Promise<number | null> {
  if (requests.habits.lacks('FSTAT') !== undefined) return null
  try {
    const size: unknown = (await requests.fstat(handle)).size
    return typeof size === 'number' && Number.isSafeInteger(size) ? size : null
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    requests.habits.refused('FSTAT', error)
    return null
  }
}

/** The size that the path tells; null when there is no file, undefined when the server does not answer the question. */
export async function sizeUnder(requests: Requests, path: string): Promise<number | null | undefined> {
  try {
    return (await statFile(requests, path))?.size ?? null
  } catch (error) {
    if (error instanceof TransferError && (error.kind === 'refused' || error.kind === 'unsupported')) return undefined
    throw error
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
  if (error.code !== STATUS.failure || !BEYOND_ASCII.test(path)) return first
  return new TransferError('refused', first.message, { cause: error, hint: OTHER_NAMES })
}

const BEYOND_ASCII = /[^\0-\x7f]/
/** Twisted's conch answers a bare failure to every request about such a name. */
const OTHER_NAMES = 'The name has characters beyond ASCII, which some servers do not take: if that is it, give it another name.'
