/** Worker thread of file-digester.ts. Reads by the descriptor that the main thread holds open, so that bytes are hashed without crossing threads. */
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { blockCheck } from '../core/block-check.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'

export interface DigestWorkerData {
  readonly descriptor: number
  /** Of the running digest. */
  readonly algorithm: DigestAlgorithm
  /** Where the running digest begins. */
  readonly start: number
  /** For the checks of pieces. */
  readonly checkKey: string
}

/**
 * `piece`: SHA-256 and check of a range. `extend`: bytes before `end` are final, the running digest may take them.
 * `prefix`: the running digest as it is at `end`; it goes on. `finish`: the running digest of everything before `end`.
 */
export type DigestRequest =
  | { readonly kind: 'piece'; readonly id: number; readonly start: number; readonly end: number }
  | { readonly kind: 'extend'; readonly end: number }
  | { readonly kind: 'prefix'; readonly id: number; readonly end: number }
  | { readonly kind: 'finish'; readonly id: number; readonly end: number }

export type DigestReply =
  | { readonly id: number; readonly digest: string; readonly check: string }
  /** The running digest is beyond that place. */
  | { readonly id: number; readonly passed: true }
  | { readonly id: number; readonly shortAt: number }
  | { readonly id: number; readonly error: string }

type Answer = { readonly digest: string; readonly check: string } | { readonly passed: true }

interface Running {
  update(bytes: Uint8Array): void
  digest(): string
  /** What `digest` would be now. */
  soFar(): string
}

const STEP_BYTES = 1024 * 1024

class Short extends Error {
  readonly at: number
  constructor(at: number) {
    super(`the file ends at ${at}`)
    this.at = at
  }
}

function running(algorithm: DigestAlgorithm): Running {
  if (algorithm !== 'crc32') {
    const hash = createHash(algorithm)
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex'), soFar: () => hash.copy().digest('hex') }
  }
  let value = 0
  const hex = (): string => value.toString(16).padStart(8, '0')
  return {
    update: (bytes) => {
      value = crc32(bytes, value)
    },
    digest: hex,
    soFar: hex,
  }
}

class FileHasher {
  private readonly descriptor: number
  private readonly whole: Running
  private readonly check: (bytes: Uint8Array) => string
  private buffer = Buffer.allocUnsafeSlow(STEP_BYTES)
  private at: number
  private settled: number

  constructor({ descriptor, algorithm, start, checkKey }: DigestWorkerData) {
    this.check = blockCheck(checkKey)
    this.descriptor = descriptor
    this.whole = running(algorithm)
    this.at = start
    this.settled = start
  }

  /** Whether the running digest lags behind what is final. */
  get behind(): boolean {
    return this.at < this.settled
  }

  piece(start: number, end: number): { readonly digest: string; readonly check: string } {
    if (this.buffer.length < end - start) this.buffer = Buffer.allocUnsafeSlow(end - start)
    let filled = 0
    while (filled < end - start) filled += this.read(this.buffer.subarray(filled), start + filled, end).length
    const bytes = this.buffer.subarray(0, filled)
    return { digest: createHash('sha256').update(bytes).digest('hex'), check: this.check(bytes) }
  }

  extend(end: number): void {
    this.settled = Math.max(this.settled, end)
  }

  /** One step of catching up, so that pieces asked for meanwhile need not wait long. */
  catchUp(end = this.settled): void {
    const bytes = this.read(this.buffer.subarray(0, STEP_BYTES), this.at, end)
    this.whole.update(bytes)
    this.at += bytes.length
  }

  /** Null when it is beyond that place. */
  prefix(end: number): string | null {
    if (this.at > end) return null
    while (this.at < end) this.catchUp(end)
    return this.whole.soFar()
  }

  finish(end: number): string {
    this.extend(end)
    while (this.behind) this.catchUp()
    return this.whole.digest()
  }

  private read(target: Buffer, at: number, end: number): Buffer {
    const length = readSync(this.descriptor, target, 0, Math.min(target.length, end - at), at)
    if (length === 0) throw new Short(at)
    return target.subarray(0, length)
  }
}

function answer(hasher: FileHasher, request: Exclude<DigestRequest, { kind: 'extend' }>): Answer {
  if (request.kind === 'piece') return hasher.piece(request.start, request.end)
  const digest = request.kind === 'prefix' ? hasher.prefix(request.end) : hasher.finish(request.end)
  return digest === null ? { passed: true } : { digest, check: '' }
}

const port = parentPort
if (port !== null) {
  const hasher = new FileHasher(workerData as DigestWorkerData)
  let failure: { readonly shortAt: number } | { readonly error: string } | null = null
  const explain = (error: unknown) =>
    error instanceof Short ? { shortAt: error.at } : { error: error instanceof Error ? error.message : String(error) }
  let scheduled = false
  const idle = (): void => {
    if (scheduled || failure !== null || !hasher.behind) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      try {
        if (hasher.behind) hasher.catchUp()
      } catch (error) {
        failure = explain(error) // told when the digest is asked for
      }
      idle()
    })
  }
  port.on('message', (request: DigestRequest) => {
    if (request.kind === 'extend') {
      hasher.extend(request.end)
      return idle()
    }
    const { id } = request
    try {
      if (request.kind !== 'piece' && failure !== null) return port.postMessage({ id, ...failure })
      port.postMessage({ id, ...answer(hasher, request) })
    } catch (error) {
      port.postMessage({ id, ...explain(error) })
    }
    idle()
  })
}
