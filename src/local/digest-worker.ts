/** Worker thread of stream-digest.ts: hashes a file from byte 0 in order, as far as it is told. Reads by the descriptor that the main thread holds open. */
import { createHash, type Hash } from 'node:crypto'
import { readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import type { DigestAlgorithm } from '../remotes/remote.ts'

export interface DigestWorkerData {
  readonly descriptor: number
  readonly algorithm: DigestAlgorithm
  readonly start: number
}

/** To the worker: hash up to here; `finish` asks for the result. From the worker: the result, or why there is none. */
export type DigestWorkerRequest = { readonly end: number; readonly finish: boolean }
export type DigestWorkerReply = { readonly digest: string } | { readonly error: string } | { readonly shortAt: number }

interface Running {
  update(bytes: Uint8Array): void
  digest(): string
}

function running(algorithm: DigestAlgorithm): Running {
  if (algorithm === 'crc32') {
    let value = 0
    return {
      update: (bytes) => {
        value = crc32(bytes, value)
      },
      digest: () => value.toString(16).padStart(8, '0'),
    }
  }
  const hash: Hash = createHash(algorithm)
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') }
}

const port = parentPort
if (port !== null) {
  const { descriptor, algorithm, start } = workerData as DigestWorkerData
  const hash = running(algorithm)
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024)
  let at = start
  const reply = (message: DigestWorkerReply): void => port.postMessage(message)
  port.on('message', (request: DigestWorkerRequest) => {
    try {
      while (at < request.end) {
        const read = readSync(descriptor, buffer, 0, Math.min(buffer.length, request.end - at), at)
        if (read === 0) return reply({ shortAt: at })
        hash.update(buffer.subarray(0, read))
        at += read
      }
      if (request.finish) reply({ digest: hash.digest() })
    } catch (error) {
      reply({ error: error instanceof Error ? error.message : String(error) })
    }
  })
}
