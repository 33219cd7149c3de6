import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import { strangerTo, strangerToFolder } from './ownership.ts'
import { STATE_BYTES_MAX, type StateIdentity, type StateStore } from './store.ts'

// Neither a link put in the file's place nor a FIFO without a writer may be followed or waited for. Windows has neither flag; lstat stands guard there.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** A temporary file this much older than a fresh one was left by a process that died while saving. */
const ABANDONED_AFTER_MS = 10 * 60_000

/**
 * Keeps the newest state of each identity in one file, `<directory>/<id>.state`, mode 0600. The directory is made on the first save (0700); a missing one
 * holds no state. Links and anything that is no plain file are refused. A save is written beside and renamed, so a process that dies leaves the old or the new one. Nothing is forced to the medium:
 * a state that a power failure tears is recognised and costs a proof, forcing every save would cost a running transfer its speed.
 * Folder and file must belong to this user, and nobody else may be able to write them: otherwise there is no state, and none is saved.
 * Rejects with an Error that names the file and the operating system's code, or with the signal's reason. An id that is not sixteen hex digits is `internal`.
 */
export function fileStore(directory: string, identity: StateIdentity): StateStore {
  if (!/^[0-9a-f]{16}$/.test(identity.id)) throw new TransferError('internal', 'the state identity is not sixteen hex digits')
  const name = `${identity.id}.state`
  const path = join(directory, name)
  let swept = false
  let checked = false
  return {
    description: `directory ${directory}`,
    load: (signal) =>
      unlessAborted(async () => {
        await assertOurs(directory)
        return readState(path)
      }, signal),
    save: (state, signal) =>
      unlessAborted(async () => {
        if (!checked) await assertOurs(directory)
        checked = true
        await replaceState(directory, name, state, signal)
        if (swept) return
        swept = true
        await removeAbandoned(directory, name)
      }, signal),
  }
}

async function assertOurs(directory: string): Promise<void> {
  const why = await strangerToFolder(directory)
  if (why !== null) throw new Error(`${why}. Make it yours alone (chown, chmod go-w), or name another folder`)
}

/** The operation's outcome, or the signal's reason at once: a disk that hangs must not hold up the end of the process. */
async function unlessAborted<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal)
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(abortError(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([operation(), aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error'
}

async function readState(path: string): Promise<Uint8Array | null> {
  let file: FileHandle
  try {
    if ((await lstat(path)).isSymbolicLink()) throw new Error(`${path} is a link, which is not followed`)
    file = await open(path, READ_FLAGS)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    if (errorCode(error) === 'unknown error') throw error
    throw new Error(`cannot read ${path}: ${errorCode(error)}`)
  }
  try {
    const about = await file.stat()
    if (!about.isFile()) throw new Error(`${path} is not a plain file`)
    const why = strangerTo(about)
    if (why !== null) throw new Error(`${path} ${why}. Remove it`)
    return await readWhole(file, path, about.size)
  } finally {
    await file.close()
  }
}

async function readWhole(file: FileHandle, path: string, size: number): Promise<Uint8Array> {
  if (size > STATE_BYTES_MAX) throw new Error(`${path} is larger than any state (${size} bytes)`)
  const bytes = Buffer.alloc(size)
  let filled = 0
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled)
    if (bytesRead === 0) throw new Error(`${path} shrank while it was read`)
    filled += bytesRead
  }
  return bytes
}

/** In few steps: each one waits for a thread that the blocks of a running transfer want too, and bytes are received no faster than this keeps up. */
async function replaceState(directory: string, name: string, state: Uint8Array, signal: AbortSignal): Promise<void> {
  if (state.byteLength > STATE_BYTES_MAX) throw new Error(`the state is too large to be saved (${state.byteLength} bytes)`)
  const temporary = join(directory, `${name}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await write(await create(temporary, directory), state)
    throwIfAborted(signal)
    await rename(temporary, join(directory, name))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    if (error instanceof TransferError) throw error
    throw new Error(`cannot write ${join(directory, name)}: ${errorCode(error)}`)
  }
}

async function create(path: string, directory: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return open(path, 'wx', 0o600)
  }
}

async function write(file: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await file.writeFile(bytes)
  } finally {
    await file.close()
  }
}

/** A killed save leaves up to 8 MiB behind on a machine that lives long. The saved file's own time is the clock, so that a wrong one cannot mislead. */
async function removeAbandoned(directory: string, name: string): Promise<void> {
  const savedAtMs = (await stat(join(directory, name))).mtimeMs
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith(`${name}.`) || !entry.endsWith('.tmp')) continue
    const about = await lstat(join(directory, entry)).catch(() => null)
    if (about !== null && savedAtMs - about.mtimeMs > ABANDONED_AFTER_MS) await rm(join(directory, entry), { force: true })
  }
}
