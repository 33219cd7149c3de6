/** Whole exchanges with one file: open, move bytes, make sure, close. */
import { TransferError } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Body, RemoteFile, Sink, WriteObserver } from '../remote.ts'
import type { Connection } from './connection.ts'
import { hasStatus, requestFailure, STATUS, StatusError } from './errors.ts'
import type { Leases } from './leases.ts'
import { readRange } from './reader.ts'
import { type Handle, OPEN, type Requests } from './requests.ts'
import { settlesWithin } from './waiting.ts'
import { type Lane, type Sample, writeBody } from './writer.ts'

/** Of new files. Given with OPEN, because changing it afterwards would also widen what an administrator had narrowed. */
const FILE_MODE = 0o644
/** For requests in flight to be answered after a failure, before the connection is given up. */
const SETTLE_MS = 500
/** A server that syncs at this rate is given the time for it, in bytes per millisecond. */
const SYNC_RATE = 4096

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

interface Reading {
  readonly path: string
  readonly range: ByteRange
  /** As the caller knows it. */
  readonly size: number | null
  readonly sink: Sink
}

export async function readFile(connection: Connection, { path, range, size: known, sink }: Reading, signal: AbortSignal): Promise<void> {
  const { requests } = connection
  const doing = `read ${path}`
  const handle = await opened(requests, path, OPEN.read, doing)
  await withHandle({ requests, handle, path, doing, writing: false }, async () => {
    // Asked beside the reading, which need not wait for it.
    const size = sizeOf(requests, handle)
    size.catch(() => {})
    const end = Number.isFinite(range.end) ? range.end : await size
    if (end === null) throw new TransferError('unsupported', `the server does not tell the size of ${path}`)
    const whole = { start: range.start, end }
    await readRange({ requests, handle, path, range: whole, requestMax: connection.limits.read, sink, signal })
    if ((known === end || (await size) === end) && (await goesOn(requests, handle, end)))
      throw new TransferError('source-changed', `${path} goes on after the ${end} bytes that the server tells of`)
  })
}

async function goesOn(requests: Requests, handle: Handle, end: number): Promise<boolean> {
  try {
    return (await requests.read(handle, Buffer.alloc(1), 0, 1, end)).length > 0
  } catch (error) {
    // Not every server answers "end of file" to that.
    if (error instanceof StatusError) return false
    throw error
  }
}

export interface WriteRequest {
  readonly path: string
  /** Absent: create or truncate, and the file must end up with `length` bytes. Present: write into the existing file from here. */
  readonly offset?: number
  readonly length: number
  readonly body: Body
  readonly observer: WriteObserver
}

/** Leases a connection and writes; whatever goes wrong, the body is told that nobody wants it any more. */
export async function sendFile(leases: Leases, request: WriteRequest, signal: AbortSignal): Promise<void> {
  const chunks = request.body[Symbol.asyncIterator]()
  try {
    await leases.exclusive(signal, (connection) => writeFile(connection, request, chunks, signal))
  } catch (error) {
    // Not waited for: a generator that hangs would make us hang.
    void Promise.resolve(chunks.return?.()).catch(() => {})
    throw error
  }
}

async function writeFile(
  connection: Connection,
  request: WriteRequest,
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const { requests } = connection
  const { path, length, observer } = request
  const doing = `write ${path}`
  const creating = request.offset === undefined
  const start = request.offset ?? 0
  // To continue a file, WRITE alone: APPEND ignores offsets, TRUNC destroys, CREAT would invent a file of NULs up to the offset.
  const flags = creating ? OPEN.write | OPEN.create | OPEN.truncate : OPEN.write
  if (creating) await withoutLink(requests, path)
  const handle = await opened(requests, path, flags, doing, creating ? FILE_MODE : undefined)
  const size = await withHandle({ requests, handle, path, doing, writing: true }, async () => {
    const second = new SecondLane(connection, path)
    const another = (sample: Sample): Promise<Lane | null> => second.open(sample)
    try {
      await writeBody({ requests, handle, path, start, length, requestMax: connection.limits.write, chunks, observer, signal, another })
    } catch (error) {
      second.close().catch(() => {})
      throw error
    }
    await second.close()
    const [told] = await Promise.all([sizeOf(requests, handle), synced(connection, handle, length)])
    return told
  })
  await checkSize(requests, path, size, start + length, creating)
  observer.acknowledged(length)
}

/** The same file on a second channel of the connection. */
class SecondLane {
  readonly #connection: Connection
  readonly #path: string
  #lane: Lane | null = null
  #closed = false

  constructor(connection: Connection, path: string) {
    this.#connection = connection
    this.#path = path
  }

  /** Null unless the file found under the path holds the sample: somebody may have put another one there since the first OPEN. */
  async open(sample: Sample): Promise<Lane | null> {
    return this.#closed ? null : this.#find(sample).catch(() => null)
  }

  async #find({ position, bytes }: Sample): Promise<Lane | null> {
    const requests = await this.#connection.second()
    if (requests === null || this.#closed) return null
    const handle = await requests.open(this.#path, OPEN.read | OPEN.write)
    const found = await requests.read(handle, Buffer.alloc(bytes.length), 0, bytes.length, position).catch(() => null)
    if (found?.equals(bytes) === true && !this.#closed) {
      this.#lane = { requests, handle }
      return this.#lane
    }
    await requests.close(handle)
    return null
  }

  /** Does not wait for a lane that is still being opened: that one closes itself. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#lane?.requests.close(this.#lane.handle)
  }
}

/** OPEN follows a link, and v3 has no flag against it: the link goes, what it points at stays. */
async function withoutLink(requests: Requests, path: string): Promise<void> {
  if (!(await isLink(requests, path))) return
  try {
    await requests.remove(path)
  } catch (error) {
    throw requestFailure(error, `remove the link in the place of ${path}`)
  }
}

/** Waits until the file is on the medium, where the server can say so. */
async function synced(connection: Connection, handle: Handle, length: number): Promise<void> {
  if (!connection.extensions.has('fsync@openssh.com')) return
  try {
    await connection.requests.sync(handle, length / SYNC_RATE)
  } catch (error) {
    // Announced and forbidden (`sftp-server -P fsync`), or not there after all: then the size and our own proof must do.
    if (!hasStatus(error, STATUS.unsupported, STATUS.permissionDenied)) throw error
  }
}

async function sizeOf(requests: Requests, handle: Handle): Promise<number | null> {
  try {
    const size: unknown = (await requests.fstat(handle)).size
    return typeof size === 'number' && Number.isSafeInteger(size) ? size : null
  } catch (error) {
    if (error instanceof TransferError) throw error
    return null
  }
}

/** Servers with a write-back cache (rclone) tell the size only after the close. */
async function checkSize(requests: Requests, path: string, told: number | null, wanted: number, exact: boolean): Promise<void> {
  const right = (size: number | null): boolean => size !== null && (exact ? size === wanted : size >= wanted)
  if (right(told)) return
  const found = await statFile(requests, path)
  if (right(found?.size ?? null)) return
  if (found === null) throw new TransferError('conflict', `${path} vanished while it was written`)
  throw new TransferError('conflict', `${path} has ${found.size ?? 'an unknown number of'} bytes after writing up to ${wanted}`)
}

async function opened(requests: Requests, path: string, flags: number, doing: string, mode?: number): Promise<Handle> {
  try {
    return await requests.open(path, flags, mode)
  } catch (error) {
    throw await explained(requests, error, path, doing, flags !== OPEN.read)
  }
}

interface Opened {
  readonly requests: Requests
  readonly handle: Handle
  readonly path: string
  readonly doing: string
  readonly writing: boolean
}

/** Runs `work` and closes; after a failure lets what is in flight come to rest, so that the connection can be used again if that is quick. */
async function withHandle<T>(file: Opened, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work()
    await file.requests.close(file.handle)
    return result
  } catch (error) {
    await settlesWithin(file.requests.close(file.handle), SETTLE_MS)
    throw await explained(file.requests, error, file.path, file.doing, file.writing)
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
