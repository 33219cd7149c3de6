import { randomBytes } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { blockCheck, CHECK_HEX_LENGTH } from '../core/block-check.ts'
import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import { blockCount, type ContentDigests } from '../core/fingerprint.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'
import { localError } from './errors.ts'
import { type FileDigester, fileDigester } from './file-digester.ts'
import type { LocalSource, Progress } from './local.ts'

/** Blocks under way at once, per thread and while sending, so that nobody waits for the next order. */
const BLOCKS_AHEAD = 3
/** How long a chunk of a body stays as it is, counted in bytes taken after it (remotes/remote.ts). Beyond, its buffer is used again. */
const VALID_BYTES = 10 * 1024 * 1024
/** From here on a second thread pays. */
const TWO_THREADS_BYTES = 32 * 1024 * 1024

/** Opens a file for uploading. `not-found`, `refused` (unreadable), `invalid-input` (no plain file) or `transient` (no descriptors left) otherwise. */
export async function openSource(path: string): Promise<LocalSource> {
  const handle = await openRegular(path)
  const source = new FileSource(path, handle, await handle.stat({ bigint: true }))
  try {
    await source.ready()
  } catch (error) {
    await source.close()
    throw error
  }
  return source
}

async function openRegular(path: string): Promise<FileHandle> {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(localError(`open ${path}`))
  const stat = await handle.stat()
  if (stat.isFile()) return handle
  await handle.close()
  const what = stat.isDirectory() ? 'a directory' : 'no plain file'
  throw new TransferError('invalid-input', `source is ${what}: ${path}`, {
    hint: stat.isDirectory() ? 'This release moves single files; name each file.' : 'Name a plain file.',
  })
}

class FileSource implements LocalSource {
  readonly size: number
  private readonly path: string
  private readonly handle: FileHandle
  private readonly opened: BigIntStats
  private readonly checkKey = randomBytes(CHECK_HEX_LENGTH / 2).toString('hex')
  private readonly check = blockCheck(this.checkKey)
  private readonly threads: readonly FileDigester[]
  private blockSize = 1
  /** Of every block as it was hashed. */
  private checks: readonly string[] = []
  private whole: Promise<string> | null = null

  constructor(path: string, handle: FileHandle, opened: BigIntStats) {
    this.path = path
    this.handle = handle
    this.opened = opened
    this.size = Number(opened.size)
    const { checkKey } = this
    this.threads = Array.from({ length: this.size > TWO_THREADS_BYTES ? 2 : 1 }, () => fileDigester(handle.fd, { checkKey }))
  }

  /** Rejects when a thread cannot start: opening may be tried again, hashing not. */
  async ready(): Promise<void> {
    await Promise.all(this.threads.map((one) => one.piece({ start: 0, end: 0 })))
  }

  async blockDigests(blockSize: number, progress: Progress, signal: AbortSignal): Promise<ContentDigests> {
    const count = blockCount(this.size, blockSize)
    const [blocks, checks] = [new Array<string>(count), new Array<string>(count)]
    const lanes = this.threads.length * BLOCKS_AHEAD
    let done = 0
    const lane = async (first: number): Promise<void> => {
      for (let i = first; i < count; i += lanes) {
        throwIfAborted(signal)
        const { start, end } = this.rangeOf(i, blockSize)
        const { digest, check } = await this.thread(i).piece({ start, end })
        blocks[i] = digest
        checks[i] = check
        done += end - start
        progress(done)
      }
    }
    await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i)))
    await this.recheck()
    this.blockSize = blockSize
    this.checks = checks
    await Promise.all(this.threads.slice(1).map((one) => one.stop())) // its memory is wanted elsewhere now
    this.thread(0).extend(this.size) // the whole file's digest is computed while the connection is busy
    return { size: this.size, blockSize, blocks }
  }

  async *read(range: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { blockSize } = this
    const last = Math.ceil(range.end / blockSize)
    const buffers: Buffer[] = []
    const ring = Math.ceil(VALID_BYTES / blockSize) + BLOCKS_AHEAD + 1
    const bufferOf = (index: number): Buffer => {
      const buffer = buffers[index % ring] ?? Buffer.allocUnsafeSlow(Math.min(blockSize, this.size))
      buffers[index % ring] = buffer
      return buffer
    }
    const ahead: Promise<Buffer>[] = []
    for (let index = Math.floor(range.start / blockSize); index < last; index += 1) {
      while (ahead.length < BLOCKS_AHEAD && index + ahead.length < last) {
        const next = index + ahead.length
        const loading = this.load(next, bufferOf(next))
        loading.catch(() => {}) // awaited below, unless the exchange ends first
        ahead.push(loading)
      }
      throwIfAborted(signal)
      const bytes = await ahead.shift()
      if (bytes === undefined) return
      const offset = index * blockSize
      yield bytes.subarray(Math.max(0, range.start - offset), Math.min(bytes.length, range.end - offset))
    }
  }

  async digest(range: ByteRange, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string> {
    if (algorithm === 'sha256' && range.start === 0 && range.end === this.size) {
      this.whole ??= this.thread(0).finish(this.size, new AbortController().signal)
      return unlessAborted(this.whole, signal)
    }
    // The digest of the whole file passes there, if it is not beyond.
    if (algorithm === 'sha256' && range.start === 0) {
      const passing = await unlessAborted(this.thread(0).prefix(range.end), signal)
      if (passing !== null) return passing
    }
    const running = fileDigester(this.handle.fd, { algorithm, start: range.start })
    try {
      return await running.finish(range.end, signal)
    } finally {
      await running.stop()
    }
  }

  async recheck(): Promise<void> {
    const now = await this.handle.stat({ bigint: true })
    if (now.size !== this.opened.size) throw this.changed('changed its size')
    // A name that is taken away, by a removal or a rename over it, changes the change time as well, and no byte.
    const renamed = now.nlink !== this.opened.nlink
    if ((now.ctimeNs !== this.opened.ctimeNs && !renamed) || now.mtimeNs !== this.opened.mtimeNs) throw this.changed('was written to')
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((one) => one.stop()))
    await this.handle.close()
  }

  /** Of two threads the first takes a third of the blocks, because the whole file's digest is its work as well. */
  private thread(index: number): FileDigester {
    const thread = this.threads[index % 3 === 0 ? 0 : this.threads.length - 1]
    if (thread === undefined) throw new TransferError('internal', 'no thread to hash with')
    return thread
  }

  private rangeOf(index: number, blockSize: number): ByteRange {
    return { start: index * blockSize, end: Math.min((index + 1) * blockSize, this.size) }
  }

  /** A whole block, known to be the one that was hashed. */
  private async load(index: number, into: Buffer): Promise<Buffer> {
    const { start, end } = this.rangeOf(index, this.blockSize)
    const block = into.subarray(0, end - start)
    for (let filled = 0; filled < block.length; ) {
      const reading = this.handle.read(block, filled, block.length - filled, start + filled)
      const { bytesRead } = await reading.catch(localError(`read ${this.path}`))
      if (bytesRead === 0) throw this.changed('shrank')
      filled += bytesRead
    }
    if (this.check(block) !== this.checks[index]) throw this.changed('was changed')
    return block
  }

  private changed(what: string): TransferError {
    return new TransferError('source-changed', `the source ${what} while it was read: ${this.path}`, {
      hint: 'Finish writing the file before the upload starts.',
    })
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError(signal))
    const onAbort = (): void => reject(abortError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
