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
/** From the first unconfirmed byte to the last one sent, over all lanes: what is sent must not change meanwhile (remotes/remote.ts). */
const SPAN_MAX = 6 * 1024 * 1024
/** From here on the server's window, and not the processor, may be what limits. */
const LONG_WAY_MS = 20
/** So much of a file is confirmed, and so much still to come, before a second lane pays. */
const LANE_AFTER = 4 * 1024 * 1024
const LANE_WORTH = 16 * 1024 * 1024
const SAMPLE_BYTES = 512
/** An answer that takes longer than this means that the window only fills queues. */
const ANSWER_SLOW_MS = 1000
/** An answer that comes within this was not kept up by distance. */
const SHORT_WAY_MS = 10

/** How often it is told what left this process while nothing else happens: over a slow link one request takes longer than the engine's patience. */
const TELL_MS = 1000

/** A channel, and the file open on it. */
export interface Lane {
  readonly requests: Requests
  readonly handle: Handle
}

/** Confirmed bytes of the file, to know it by: not all of them 0, as a hole is. */
export interface Sample {
  readonly position: number
  readonly bytes: Buffer
}

export interface WriteJob extends Lane {
  /** For messages. */
  readonly path: string
  readonly start: number
  readonly length: number
  /** Largest write the server takes, in bytes. */
  readonly requestMax: number
  readonly chunks: AsyncIterator<Uint8Array>
  readonly observer: WriteObserver
  readonly signal: AbortSignal
  /** Another lane to the file that holds the sample, or null. Asked for once, over a long way. */
  another?(sample: Sample): Promise<Lane | null>
}

/**
 * Sends exactly `length` bytes of `chunks` and waits until every one is confirmed. The very last acknowledgement is left to the caller,
 * who knows when the file is safe, and so is releasing the source after a failure. Rejects with `source-changed` when the source is shorter or
 * longer.
 */
export async function writeBody(job: WriteJob): Promise<void> {
  const window = new WriteWindow(job)
  const telling = setInterval(() => window.tell(), TELL_MS)
  try {
    for (;;) {
      throwIfAborted(job.signal)
      const step = await abortable(job.chunks.next(), job.signal)
      if (step.done === true) break
      await window.send(step.value)
    }
    if (window.sent !== job.length) throw bodyLength(job, window.sent)
    await window.empty()
    window.tell()
  } finally {
    clearInterval(telling)
  }
}

function bodyLength(job: WriteJob, got: number): TransferError {
  return new TransferError(
    'source-changed',
    `the source of ${job.path} gave ${got > job.length ? 'more' : 'fewer'} than ${job.length} bytes`,
  )
}

interface OpenLane extends Lane {
  capacity: number
  inFlight: number
}

interface PendingWrite {
  readonly length: number
  readonly lane: OpenLane
  confirmed: boolean
}

class WriteWindow {
  sent = 0
  readonly #job: WriteJob
  readonly #pending: PendingWrite[] = []
  readonly #lanes: OpenLane[]
  #sample: (Sample & { readonly write: PendingWrite }) | null = null
  #asked = false
  #quickestMs = Number.POSITIVE_INFINITY
  #acknowledged = 0
  #told = 0
  readonly #drainedBefore: number
  #failure: unknown = null
  #changed: (() => void) | null = null

  constructor(job: WriteJob) {
    this.#job = job
    this.#drainedBefore = job.requests.drained
    this.#lanes = [{ requests: job.requests, handle: job.handle, capacity: WINDOW_FIRST, inFlight: 0 }]
  }

  /** Cuts the chunk into equal requests and sends each as soon as the window has room. */
  async send(chunk: Uint8Array): Promise<void> {
    if (this.sent + chunk.byteLength > this.#job.length) throw bodyLength(this.#job, this.sent + chunk.byteLength)
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const pieces = Math.ceil(bytes.length / this.#job.requestMax)
    const size = Math.ceil(bytes.length / Math.max(1, pieces))
    for (let at = 0; at < bytes.length; at += size) {
      let lane = this.#free(size)
      while (lane === undefined) {
        await this.#change()
        lane = this.#free(size)
      }
      this.#check()
      this.#submit(lane, bytes.subarray(at, at + size))
    }
  }

  /** What lies in queues of this process is not on its way yet. */
  tell(): void {
    const drained = this.#job.requests.drained - this.#drainedBefore
    this.#told = Math.max(this.#told, this.#acknowledged, Math.min(this.sent, drained))
    this.#job.observer.sent(this.#told)
  }

  async empty(): Promise<void> {
    while (this.#pending.length > 0) await this.#change()
    this.#check()
  }

  #free(length: number): OpenLane | undefined {
    if (this.#pending.length > 0 && this.sent - this.#acknowledged + length > SPAN_MAX) return undefined
    const free = this.#lanes.filter((lane) => lane.inFlight === 0 || !this.#mustWait(lane, length))
    return free.reduce<OpenLane | undefined>((best, lane) => (best === undefined || lane.inFlight < best.inFlight ? lane : best), undefined)
  }

  /**
   * Over a short way it is the processor that limits, and a request that finds the server's window open costs it less. Over a long way
   * the window is always full, and requests must lie ready for the moment it opens.
   */
  #mustWait(lane: OpenLane, length: number): boolean {
    if (lane.inFlight + length > lane.capacity) return true
    return this.#quickestMs < SHORT_WAY_MS && lane.requests.writeHadBetterWait(length)
  }

  #submit(lane: OpenLane, bytes: Buffer): void {
    const { start } = this.#job
    const { length } = bytes
    const pending: PendingWrite = { length, lane, confirmed: false }
    const submittedAt = performance.now()
    this.#pending.push(pending)
    lane.inFlight += length
    this.#keepSample(pending, bytes)
    lane.requests.write(lane.handle, bytes, start + this.sent).then(
      () => this.#confirm(pending, performance.now() - submittedAt),
      (error: unknown) => this.#fail(error),
    )
    this.sent += length
    this.tell()
  }

  /** Answers may come in any order; only what has no gap before it counts. */
  #confirm(write: PendingWrite, tookMs: number): void {
    write.confirmed = true
    this.#quickestMs = Math.min(this.#quickestMs, tookMs)
    const { lane } = write
    lane.inFlight -= write.length
    lane.capacity = Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, lane.capacity + (tookMs < ANSWER_SLOW_MS ? write.length : -write.length)))
    const before = this.#acknowledged
    for (let first = this.#pending[0]; first?.confirmed === true; first = this.#pending[0]) {
      this.#pending.shift()
      this.#acknowledged += first.length
    }
    if (this.#acknowledged > before && this.#acknowledged < this.#job.length && this.#failure === null && !this.#job.signal.aborted)
      this.#job.observer.acknowledged(this.#acknowledged)
    this.#widen()
    this.#notify()
  }

  #keepSample(write: PendingWrite, bytes: Buffer): void {
    if (this.#sample !== null || this.#job.another === undefined) return
    const head = bytes.subarray(0, SAMPLE_BYTES)
    if (head.some((byte) => byte !== 0)) this.#sample = { position: this.#job.start + this.sent, bytes: Buffer.from(head), write }
  }

  /** Nobody waits for the second lane: the first one goes on meanwhile. */
  #widen(): void {
    const { length, another } = this.#job
    const pays = this.#acknowledged >= LANE_AFTER && length - this.sent >= LANE_WORTH
    if (this.#asked || !pays || this.#quickestMs < LONG_WAY_MS || another === undefined || this.#sample?.write.confirmed !== true) return
    this.#asked = true
    another(this.#sample).then(
      (lane) => {
        if (lane !== null) this.#lanes.push({ ...lane, capacity: WINDOW_FIRST, inFlight: 0 })
        this.#notify()
      },
      () => {},
    )
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
