import { Worker } from 'node:worker_threads'
import { CHECK_HEX_LENGTH } from '../core/block-check.ts'
import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'
import type { DigestReply, DigestRequest, DigestWorkerData } from './digest-worker.ts'

export interface Piece {
  readonly digest: string
  readonly check: string
}

/** Hashes an open file on a thread of its own: the event loop stays free, and the bytes are read where they are hashed. */
export interface FileDigester {
  /** SHA-256 (hex) of a range as it stands in the file, and its check under the key. The range is held in memory whole. */
  piece(range: ByteRange): Promise<Piece>
  /** Bytes before `end` are final: the running digest may take them. Only grows. */
  extend(end: number): void
  /** The running digest as it is at `end`, or null when it is beyond that place already. */
  prefix(end: number): Promise<string | null>
  /** The running digest of everything up to `end`, lowercase hex. Called once. `source-changed` when the file is shorter. */
  finish(end: number, signal: AbortSignal): Promise<string>
  /** Ends the thread; it no longer touches the descriptor afterwards. Idempotent. */
  stop(): Promise<void>
}

// In the bundle the worker is an entry of its own beside the chunks; in the sources it is TypeScript.
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './digest-worker.ts' : './digest-worker.js', import.meta.url)

export interface DigesterOptions {
  /** Of the running digest; SHA-256 from the first byte unless told otherwise. */
  readonly algorithm?: DigestAlgorithm
  readonly start?: number
  /** For pieces. */
  readonly checkKey?: string
}

export function fileDigester(descriptor: number, options: DigesterOptions = {}): FileDigester {
  const { algorithm = 'sha256', start = 0, checkKey = '0'.repeat(CHECK_HEX_LENGTH) } = options
  const data: DigestWorkerData = { descriptor, algorithm, start, checkKey }
  const worker = new Worker(WORKER, { workerData: data, resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 } })
  const waiting = new Map<number, PromiseWithResolvers<Piece | null>>()
  let lastId = 0
  let dead: Error | null = null
  worker.unref()
  worker.on('message', (reply: DigestReply) => {
    const asked = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (waiting.size === 0) worker.unref()
    if ('digest' in reply) asked?.resolve(reply)
    else if ('passed' in reply) asked?.resolve(null)
    else if ('shortAt' in reply)
      asked?.reject(new TransferError('source-changed', `the file ended at byte ${reply.shortAt} while it was read`))
    else asked?.reject(new TransferError('refused', `cannot read the file: ${reply.error}`))
  })
  const die = (error: Error): void => {
    dead ??= error
    for (const asked of waiting.values()) asked.reject(error)
    waiting.clear()
  }
  worker.on('error', (error) => die(threadError(error)))
  const ask = (request: (id: number) => DigestRequest): Promise<Piece | null> => {
    if (dead !== null) return Promise.reject(dead)
    lastId += 1
    const asked = Promise.withResolvers<Piece | null>()
    asked.promise.catch(() => {}) // whoever asked may have gone
    waiting.set(lastId, asked)
    worker.ref()
    worker.postMessage(request(lastId))
    return asked.promise
  }
  const told = async (request: (id: number) => DigestRequest): Promise<Piece> => {
    const found = await ask(request)
    if (found === null) throw new TransferError('internal', 'the hashing thread gave no digest')
    return found
  }
  return {
    piece: ({ start: from, end }) => told((id) => ({ kind: 'piece', id, start: from, end })),
    prefix: async (end) => (await ask((id) => ({ kind: 'prefix', id, end })))?.digest ?? null,
    extend: (end) => worker.postMessage({ kind: 'extend', end } satisfies DigestRequest),
    finish: async (end, signal) => {
      throwIfAborted(signal)
      const aborted = Promise.withResolvers<never>()
      const onAbort = (): void => aborted.reject(abortError(signal))
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        const { digest } = await Promise.race([told((id) => ({ kind: 'finish', id, end })), aborted.promise])
        return digest
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
    },
    stop: async () => {
      die(new TransferError('stopped', 'hashing was stopped'))
      await worker.terminate()
    },
  }
}

/** A thread needs descriptors of its own. That there are none left the runtime only says in words. */
function threadError(error: unknown): Error {
  const { message } = error instanceof Error ? error : new Error(String(error))
  if (/\bE[MN]FILE\b|too many open files/i.test(message))
    return new TransferError('transient', `cannot start a thread: ${message}`, { cause: error })
  return error instanceof Error ? error : new Error(message)
}
