/**
 * Writes a body into one open file: in order, through a sliding window, so that whatever ends it leaves a file without holes below
 * the window's start.
 */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { WriteObserver } from '../remote.ts'
import type { Handle, Requests } from './requests.ts'
import { abortable } from './waiting.ts'

const WINDOW_FIRST = 2 * 1024 * 1024
const WINDOW_MAX = 4 * 1024 * 1024
const WINDOW_MIN = 256 * 1024
/** An answer that takes longer than this means that the window only fills queues. */
const ANSWER_SLOW_MS = 1000
/** An answer that comes within this was not kept up by distance. */
const SHORT_WAY_MS = 10

export interface WriteJob {
  readonly requests: Requests
  readonly handle: Handle
  /** For messages. */
  readonly path: string
  readonly start: number
  readonly length: number
  /** Largest write the server takes, in bytes. */
  readonly requestMax: number
  readonly chunks: AsyncIterator<Uint8Array>
  readonly observer: WriteObserver
  readonly signal: AbortSignal
}

/**
 * Sends exactly `length` bytes of `chunks` and waits until every one is confirmed. The very last acknowledgement is left to the caller,
 * who knows when the file is safe, and so is releasing the source after a failure. Rejects with `source-changed` when the source is shorter or
 * longer.
 */
export async function writeBody(job: WriteJob): Promise<void> {
  const window = new WriteWindow(job)
  for (;;) {
    throwIfAborted(job.signal)
    const step = await abortable(job.chunks.next(), job.signal)
    if (step.done === true) break
    await window.send(step.value)
  }
  if (window.sent !== job.length) throw bodyLength(job, window.sent)
  await window.empty()
}

function bodyLength(job: WriteJob, got: number): TransferError {
  return new TransferError(
    'source-changed',
    `the source of ${job.path} gave ${got > job.length ? 'more' : 'fewer'} than ${job.length} bytes`,
  )
}

interface PendingWrite {
  readonly length: number
  confirmed: boolean
}

class WriteWindow {
  sent = 0
  readonly #job: WriteJob
  readonly #pending: PendingWrite[] = []
  #capacity = WINDOW_FIRST
  #inFlight = 0
  #quickestMs = Number.POSITIVE_INFINITY
  #acknowledged = 0
  #failure: unknown = null
  #changed: (() => void) | null = null

  constructor(job: WriteJob) {
    this.#job = job
  }

  /** Cuts the chunk into equal requests and sends each as soon as the window has room. */
  async send(chunk: Uint8Array): Promise<void> {
    if (this.sent + chunk.byteLength > this.#job.length) throw bodyLength(this.#job, this.sent + chunk.byteLength)
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const pieces = Math.ceil(bytes.length / this.#job.requestMax)
    const size = Math.ceil(bytes.length / Math.max(1, pieces))
    for (let at = 0; at < bytes.length; at += size) {
      while (this.#inFlight > 0 && this.#mustWait(size)) await this.#change()
      this.#check()
      this.#submit(bytes.subarray(at, at + size))
    }
  }

  async empty(): Promise<void> {
    while (this.#pending.length > 0) await this.#change()
    this.#check()
  }

  /**
   * Over a short way it is the processor that limits, and a request that finds the server's window open costs it less. Over a long way
   * the window is always full, and requests must lie ready for the moment it opens.
   */
  #mustWait(length: number): boolean {
    if (this.#inFlight + length > this.#capacity) return true
    return this.#quickestMs < SHORT_WAY_MS && this.#job.requests.writeHadBetterWait(length)
  }

  #submit(bytes: Buffer): void {
    const { requests, handle, start, observer } = this.#job
    const { length } = bytes
    const pending: PendingWrite = { length, confirmed: false }
    const submittedAt = performance.now()
    this.#pending.push(pending)
    this.#inFlight += length
    requests.write(handle, bytes, start + this.sent).then(
      () => this.#confirm(pending, performance.now() - submittedAt),
      (error: unknown) => this.#fail(error),
    )
    this.sent += length
    observer.sent(this.sent)
  }

  /** Answers may come in any order; only what has no gap before it counts. */
  #confirm(write: PendingWrite, tookMs: number): void {
    write.confirmed = true
    this.#quickestMs = Math.min(this.#quickestMs, tookMs)
    this.#inFlight -= write.length
    this.#capacity = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, this.#capacity + (tookMs < ANSWER_SLOW_MS ? write.length : -write.length)))
    const before = this.#acknowledged
    for (let first = this.#pending[0]; first?.confirmed === true; first = this.#pending[0]) {
      this.#pending.shift()
      this.#acknowledged += first.length
    }
    if (this.#acknowledged > before && this.#acknowledged < this.#job.length && this.#failure === null && !this.#job.signal.aborted)
      this.#job.observer.acknowledged(this.#acknowledged)
    this.#notify()
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#notify()
  }

  #notify(): void {
    this.#changed?.()
    this.#changed = null
  }

  async #change(): Promise<void> {
    this.#check()
    await abortable(
      new Promise<void>((resolve) => {
        this.#changed = resolve
      }),
      this.#job.signal,
    )
    this.#check()
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure
  }
}
