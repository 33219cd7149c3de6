import { Worker } from 'node:worker_threads'
import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'
import type { DigestWorkerData, DigestWorkerReply, DigestWorkerRequest } from './digest-worker.ts'

/** A digest over a file from `start`, computed in order on a thread of its own while the transfer goes on. */
export interface StreamDigest {
  /** Bytes before `end` are final and may be hashed. */
  extend(end: number): void
  /** The digest of everything up to `end`, lowercase hex. Called once. */
  finish(end: number, signal: AbortSignal): Promise<string>
  /** Ends the thread; it no longer touches the descriptor afterwards. Idempotent. */
  stop(): Promise<void>
}

// In the bundle the worker is an entry of its own beside the chunks; in the sources it is TypeScript.
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './digest-worker.ts' : './digest-worker.js', import.meta.url)

export function streamDigest(descriptor: number, algorithm: DigestAlgorithm, start = 0): StreamDigest {
  const data: DigestWorkerData = { descriptor, algorithm, start }
  const worker = new Worker(WORKER, { workerData: data })
  worker.unref()
  const result = new Promise<string>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (reply: DigestWorkerReply) => {
      if ('digest' in reply) resolve(reply.digest)
      else if ('shortAt' in reply) reject(new TransferError('source-changed', `the file ended at byte ${reply.shortAt} while it was read`))
      else reject(new TransferError('internal', `cannot read the file: ${reply.error}`))
    })
  })
  result.catch(() => {}) // reported by finish(); a digest that nobody finishes fails nobody
  const post = (request: DigestWorkerRequest): void => worker.postMessage(request)
  return {
    extend: (end) => post({ end, finish: false }),
    finish: async (end, signal) => {
      throwIfAborted(signal)
      worker.ref()
      post({ end, finish: true })
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(abortError(signal)), { once: true })
      })
      return Promise.race([result, aborted])
    },
    stop: async () => {
      await worker.terminate()
    },
  }
}
