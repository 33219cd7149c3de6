/** Which file a download writes to: the partial of its tag, alone, or one of its own beside it. */
import { randomBytes } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TransferError } from '../core/errors.ts'
import { NONCE_HEX_LENGTH, partialName } from '../core/paths.ts'
import { localError } from './errors.ts'
import { isAbandoned, isClaim, type Lock, SCRATCH_PREFIX, takeLock } from './lock.ts'

const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
/** A FIFO in the place of a partial must not be waited for. */
const READ_AND_WRITE = constants.O_RDWR | NO_FOLLOW | (constants.O_NONBLOCK ?? 0)
const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW
const TURNS_MAX = 3

/** A partial that no other process of ours has, open, and what keeps them away. */
export interface PartialPlace {
  readonly path: string
  readonly handle: FileHandle
  readonly lock: Lock
  /** Of this process alone: nobody continues it, so that it goes when it is not finished. */
  readonly isPrivate: boolean
}

/** Of a partial: its name ends in another word, so that it fits wherever that one does. */
function lockOf(partial: string): string {
  return partial.replace(/\.partial$/, '.lock')
}

export async function openPlace(directory: string, name: string, tag: string): Promise<PartialPlace> {
  const path = join(directory, partialName(name, tag))
  const lock = await takeLock(lockOf(path), path)
  if (lock === null) return openPrivate(directory, name, tag)
  try {
    const handle = await openOwn(path)
    if (handle !== null) return { path, handle, lock, isPrivate: false }
  } catch (error) {
    await lock.release()
    throw error
  }
  await lock.release()
  return openPrivate(directory, name, tag)
}

async function openPrivate(directory: string, name: string, tag: string): Promise<PartialPlace> {
  const path = join(directory, partialName(name, tag, randomBytes(NONCE_HEX_LENGTH / 2).toString('hex')))
  // First the lock: a partial of this kind with a lock that nobody holds any more is known to be ours, and to be left behind.
  const lock = await takeLock(lockOf(path), path)
  if (lock === null) throw new TransferError('conflict', `somebody has the lock of a new partial: ${path}`)
  try {
    return { path, handle: await open(path, NEW_FILE, 0o644).catch(localError(`create ${path}`)), lock, isPrivate: true }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/**
 * The partial as it is when it is a plain file of this user without a second name, else a new one in its place: what somebody else may have open, or reach by
 * another name, is never written into. Null when it can neither be continued nor replaced.
 */
async function openOwn(path: string): Promise<FileHandle | null> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const found = await lstat(path, { bigint: true }).catch(absent(path))
    if (found === null) {
      const made = await open(path, NEW_FILE, 0o644).catch((error: NodeJS.ErrnoException) => {
        return error.code === 'EEXIST' ? null : localError(`create ${path}`)(error)
      })
      if (made !== null) return made
      continue
    }
    if (found.isDirectory())
      throw new TransferError('conflict', `a directory is in the place of the partial: ${path}`, { hint: 'Remove it.' })
    if (isPlainAndOurs(found)) {
      const handle = await open(path, READ_AND_WRITE).catch((error: NodeJS.ErrnoException) => {
        return error.code === 'ENOENT' || error.code === 'ELOOP' ? null : localError(`open ${path}`)(error)
      })
      if (handle === null) continue
      // Looked at again: where links cannot be told to be refused, one may have taken the place in between.
      const opened = await handle.stat({ bigint: true })
      if (isPlainAndOurs(opened) && isSameFile(opened, found)) return handle
      await handle.close()
      continue
    }
    const gone = await unlink(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    )
    if (!gone) return null
  }
  throw new TransferError('conflict', `somebody else keeps replacing the partial: ${path}`)
}

function isPlainAndOurs(stat: BigIntStats): boolean {
  const user = process.geteuid?.()
  return stat.isFile() && stat.nlink === 1n && (user === undefined || stat.uid === BigInt(user))
}

/** On Windows the two calls do not always number the volume alike. */
export function isSameFile(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && (process.platform === 'win32' || a.dev === b.dev)
}

/** Leaves it alone while another process has it. */
export async function removePlace(directory: string, name: string, tag: string): Promise<void> {
  const path = join(directory, partialName(name, tag))
  const isThere = (await lstat(path, { bigint: true }).catch(absent(path))) !== null
  // A process that was killed after its rename leaves the lock alone.
  if (!isThere && (await isMissing(lockOf(path)))) return
  const lock = await takeLock(lockOf(path), path)
  if (lock === null) return
  try {
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') localError(`remove ${path}`)(error)
    })
  } finally {
    await lock.release()
  }
}

function absent(path: string): (error: NodeJS.ErrnoException) => null {
  return (error) => (error.code === 'ENOENT' || error.code === 'ENOTDIR' ? null : localError(`look at ${path}`)(error))
}

const PRIVATE_LOCK = /^\..+\.[0-9a-f]{12}\.[0-9a-f]{8}\.lock$/
const SHARED_LOCK = /^\..+\.[0-9a-f]{12}\.lock$/

/**
 * Removes what processes that were killed have left: private partials with their locks, and locks of nothing. Only what has a lock is known to be a download's:
 * uploads name their partials alike, and a server may keep its files in the same directory. Never rejects.
 */
export async function sweep({ path }: PartialPlace): Promise<void> {
  const directory = dirname(path)
  try {
    const lock = lockOf(path)
    const nowMs = (await lstat(lock)).mtimeMs
    for (const name of await readdir(directory)) {
      const found = join(directory, name)
      if (found === lock) continue
      const partial = found.replace(/\.lock$/, '.partial')
      if (PRIVATE_LOCK.test(name)) {
        if (!(await isAbandoned(found, partial, nowMs))) continue
        await removePlain(partial)
        await unlink(found)
      } else if (name.startsWith(SCRATCH_PREFIX)) {
        if (await isAbandoned(found, null, nowMs)) await unlink(found)
      } else if (isClaim(name) || (SHARED_LOCK.test(name) && (await isMissing(partial)))) {
        // Others may be about to take over: only who has it may remove it.
        const taken = (await isAbandoned(found, null, nowMs)) ? await takeLock(found) : null
        await taken?.release()
      }
    }
  } catch {
    // It is tidied up next time.
  }
}

async function removePlain(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => null)
  if (stat?.isFile() === true) await unlink(path)
}

async function isMissing(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) === null
}
