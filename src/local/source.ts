import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { TransferError, throwIfAborted } from '../core/errors.ts'
import { blockCount, type ContentDigests } from '../core/fingerprint.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'
import { blockDigest } from './block-digest.ts'
import { localError } from './errors.ts'
import type { LocalSource, Progress } from './local.ts'
import { type StreamDigest, streamDigest } from './stream-digest.ts'

/** Blocks read and digested at once: enough for the pool's four threads without holding much memory. */
const BLOCKS_AHEAD = 4

/** Opens a file for uploading. `not-found`, `refused` (unreadable) or `invalid-input` (no plain file) otherwise. */
export async function openSource(path: string): Promise<LocalSource> {
  const handle = await openRegular(path)
  const opened = await handle.stat({ bigint: true })
  const size = Number(opened.size)
  let whole: { readonly running: StreamDigest; readonly result: Promise<string> } | null = null

  const changed = (what: string): TransferError =>
    new TransferError('source-changed', `the source ${what} while it was read: ${path}`, {
      hint: 'Finish writing the file before the upload starts.',
    })

  const readBlock = async (index: number, blockSize: number): Promise<Buffer> => {
    const start = index * blockSize
    const block = Buffer.allocUnsafeSlow(Math.min(blockSize, size - start))
    for (let filled = 0; filled < block.length; ) {
      const { bytesRead } = await handle.read(block, filled, block.length - filled, start + filled).catch(localError(`read ${path}`))
      if (bytesRead === 0) throw changed('shrank')
      filled += bytesRead
    }
    return block
  }

  const recheck = async (): Promise<void> => {
    const now = await handle.stat({ bigint: true })
    if (now.size !== opened.size) throw changed('changed its size')
    if (now.ctimeNs !== opened.ctimeNs || now.mtimeNs !== opened.mtimeNs) throw changed('was written to')
  }

  return {
    size,
    recheck,
    blockDigests: async (blockSize, progress: Progress, signal) => {
      const blocks: string[] = []
      let done = 0
      await inOrder(
        blockCount(size, blockSize),
        signal,
        (i) => readBlock(i, blockSize),
        async (block, i) => {
          blocks[i] = await blockDigest(block)
          done += block.length
          progress(done)
        },
      )
      await recheck()
      return { size, blockSize, blocks }
    },
    read: (range, expected, signal) => verifiedBytes(range, expected, signal, readBlock, changed),
    digest: async (range: ByteRange, algorithm: DigestAlgorithm, signal) => {
      if (algorithm === 'sha256' && range.start === 0 && range.end === size) {
        if (whole === null) {
          const running = streamDigest(handle.fd, algorithm)
          whole = { running, result: running.finish(size, new AbortController().signal) }
          whole.result.catch(() => {})
        }
        return raceAbort(whole.result, signal)
      }
      const running = streamDigest(handle.fd, algorithm, range.start)
      try {
        return await running.finish(range.end, signal)
      } finally {
        await running.stop()
      }
    },
    close: async () => {
      await whole?.running.stop()
      await handle.close()
    },
  }
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

/** Runs `load` for up to BLOCKS_AHEAD indexes at once and `use` in any order as they arrive. */
async function inOrder<T>(
  count: number,
  signal: AbortSignal,
  load: (index: number) => Promise<T>,
  use: (value: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      throwIfAborted(signal)
      const index = next
      next += 1
      await use(await load(index), index)
    }
  }
  await Promise.all(Array.from({ length: BLOCKS_AHEAD }, lane))
}

async function* verifiedBytes(
  range: ByteRange,
  expected: ContentDigests,
  signal: AbortSignal,
  readBlock: (index: number, blockSize: number) => Promise<Buffer>,
  changed: (what: string) => TransferError,
): AsyncGenerator<Uint8Array> {
  const { blockSize, blocks } = expected
  const last = Math.ceil(range.end / blockSize)
  const load = async (index: number): Promise<Buffer> => {
    const block = await readBlock(index, blockSize)
    if ((await blockDigest(block)) !== blocks[index]) throw changed('was changed')
    return block
  }
  const ahead: Promise<Buffer>[] = []
  const first = Math.floor(range.start / blockSize)
  for (let index = first; index < last; index += 1) {
    while (ahead.length < BLOCKS_AHEAD && index + ahead.length < last) {
      const loading = load(index + ahead.length)
      loading.catch(() => {}) // awaited below, unless the exchange ends first
      ahead.push(loading)
    }
    throwIfAborted(signal)
    const block = await ahead.shift()
    if (block === undefined) return
    const offset = index * blockSize
    yield block.subarray(Math.max(0, range.start - offset), Math.min(block.length, range.end - offset))
  }
}

function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
