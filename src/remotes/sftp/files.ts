/** Whole exchanges with one file: open, move bytes, make sure, close. */
import { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Body, Sink, WriteObserver } from '../remote.ts'
import type { Connection } from './connection.ts'
import { createNew } from './creating.ts'
import { requestFailure, StatusError } from './errors.ts'
import type { Leases } from './leases.ts'
import { readRange, readToEnd } from './reader.ts'
import { type Handle, OPEN, type Requests } from './requests.ts'
import { explained, sizeOf, sizeUnder } from './stat.ts'
import { settlesWithin } from './waiting.ts'
import { type Lane, type Sample, writeBody } from './writer.ts'

/** Of new files. Given with OPEN, because changing it afterwards would also widen what an administrator had narrowed. */
const FILE_MODE = 0o644
/** For requests in flight to be answered after a failure, before the connection is given up. */
const SETTLE_MS = 500
/** A server that syncs at this rate is given the time for it, in bytes per millisecond. */
const SYNC_RATE = 4096

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
  await withHandle({ requests, handle, path, doing, written: null }, async () => {
    // Asked beside the reading, which need not wait for it.
    const size = sizeOf(requests, handle)
    size.catch(() => {})
    const end = Number.isFinite(range.end) ? range.end : ((await size) ?? (await sizeUnder(requests, path)) ?? null)
    const { read } = connection.limits
    if (end === null) return await readToEnd({ requests, handle, path, range, requestMax: read, sink, signal })
    const whole = { start: range.start, end }
    await readRange({ requests, handle, path, range: whole, requestMax: read, sink, signal })
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
  /** Absent: make a new file, which must end up with `length` bytes. Present: write into the existing file from here. */
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
  const handle = creating ? await createNew(connection, path, FILE_MODE) : await opened(requests, path, OPEN.write, doing)
  const right = (size: number | null): boolean => size !== null && (creating ? size === start + length : size >= start + length)
  const safe = await withHandle({ requests, handle, path, doing, written: length }, async () => {
    const second = new SecondLane(connection, path)
    const another = (sample: Sample): Promise<Lane | null> => second.open(sample)
    try {
      await writeBody({ requests, handle, path, start, length, requestMax: connection.limits.write, chunks, observer, signal, another })
    } catch (error) {
      second.close().catch(() => {})
      throw error
    }
    await second.close()
    // Of the handle and of the path: what is published is what the path means by then.
    const looks = [sizeOf(requests, handle), sizeUnder(requests, path), synced(connection, handle, length)] as const
    const [told, named] = await Promise.all(looks)
    return right(named ?? null) && (told === null || right(told))
  })
  if (!safe) await checkSize(requests, path, start + length, right)
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

/** Waits until the file is on the medium, where the server can say so. */
async function synced(connection: Connection, handle: Handle, length: number): Promise<void> {
  const { requests, extensions } = connection
  const { habits } = requests
  if (!extensions.has('fsync@openssh.com') || habits.lacks('fsync') !== undefined) return
  try {
    await habits.daring('fsync', () => requests.sync(handle, length / SYNC_RATE))
  } catch (error) {
    // Forbidden (`sftp-server -P fsync`), not there after all, or not for this disk (FUSE, network): then the size and our own proof must do.
    if (!(error instanceof StatusError) || requestFailure(error, '').kind === 'no-space') throw error
    habits.refused(
      'fsync',
      error,
      `the server did not confirm that data is on its disk: fsync was answered "${error.message}" (code ${error.code})`,
    )
  }
}

/**
 * Servers with a write-back cache (rclone) tell the size only after the close. Everything was acknowledged: a server that refuses the look, tells no size, or has
 * taken the file away meanwhile (a mailbox) takes nothing back, and the engine's own proof is what finds that out.
 */
async function checkSize(requests: Requests, path: string, wanted: number, right: (size: number | null) => boolean): Promise<void> {
  const size = await sizeUnder(requests, path)
  if (size === undefined) requests.habits.note(UNSEEN)
  if (size === undefined || size === null || right(size)) return
  throw new TransferError(size > wanted ? 'offset-conflict' : 'conflict', `${path} has ${size} bytes after writing up to ${wanted}`)
}

const UNSEEN = 'the server does not show the size of what was written: that it acknowledged every byte is all there is to go by'

async function opened(requests: Requests, path: string, flags: number, doing: string): Promise<Handle> {
  try {
    return await requests.open(path, flags)
  } catch (error) {
    throw await explained(requests, error, path, doing, flags !== OPEN.read)
  }
}

interface Opened {
  readonly requests: Requests
  readonly handle: Handle
  readonly path: string
  readonly doing: string
  /** How many bytes; null when it is read. */
  readonly written: number | null
}

/** Runs `work` and closes; after a failure lets what is in flight come to rest, so that the connection can be used again if that is quick. */
async function withHandle<T>(file: Opened, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work()
    await file.requests.close(file.handle, file.written)
    return result
  } catch (error) {
    await settlesWithin(file.requests.close(file.handle), SETTLE_MS)
    throw await explained(file.requests, error, file.path, file.doing, file.written !== null)
  }
}
