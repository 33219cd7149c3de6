/** The download pump: bytes from a data connection to the intake until the connection ends or the range is full. */
import { abortError, TransferError } from '../../core/errors.ts'
import type { DataConnection } from './data.ts'
import { StallTimer } from './deadline.ts'
import { type Reply, replyError } from './errors.ts'
import type { Intake } from './intake.ts'

/** How long a server that has sent all we want may take to end the connection before we do it. */
const LAST_BYTE_GRACE_MS = 1000
/** After a refusal on the control connection: how long bytes on their way may still come. */
const REFUSAL_GRACE_MS = 1000

/** `ended`: the server closed in order. `full`: everything wanted is here, but the server has more or does not close. */
export type ReceiveEnd = 'ended' | 'full'

export interface Reception {
  readonly data: DataConnection
  readonly intake: Intake
  /** The reply that ends the transfer, whenever it comes. */
  readonly final: Promise<Reply>
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Rejects when the connection breaks, nothing comes for `timeoutMs`, the sink fails, the server says no, or the signal aborts. When it resolves, all bytes
 * that arrived are with the sink. Time during which the sink holds the server back does not count against the server.
 */
export function receive(reception: Reception): Promise<ReceiveEnd> {
  return new Promise((resolve, reject) => new Pump(reception, resolve, reject).start())
}

class Pump {
  readonly #reception: Reception
  readonly #resolve: (end: ReceiveEnd) => void
  readonly #reject: (error: unknown) => void
  readonly #stall: StallTimer
  #grace: NodeJS.Timeout | undefined
  #settled = false
  #held = true

  constructor(reception: Reception, resolve: (end: ReceiveEnd) => void, reject: (error: unknown) => void) {
    this.#reception = reception
    this.#resolve = resolve
    this.#reject = reject
    const { timeoutMs } = reception
    this.#stall = new StallTimer(timeoutMs, () =>
      this.#fail(new TransferError('transient', `no data from the server for ${timeoutMs / 1000} s`)),
    )
  }

  start(): void {
    const { data, intake, final, signal } = this.#reception
    signal.addEventListener('abort', this.#onAbort, { once: true })
    intake.onArrival = () => {
      this.#stall.touch()
      this.#check()
    }
    intake.onTaken = () => this.#check()
    data.onEnd = () => this.#check()
    final.then(
      (reply) => this.#onFinal(reply),
      () => undefined,
    )
    if (signal.aborted) {
      this.#onAbort()
      return
    }
    intake.open()
    this.#check()
  }

  readonly #onAbort = (): void => this.#fail(abortError(this.#reception.signal))

  #onFinal(reply: Reply): void {
    if (reply.code < 400 || this.#settled || this.#grace !== undefined) return
    this.#grace = setTimeout(() => this.#fail(replyError(reply, 'reading')), REFUSAL_GRACE_MS)
  }

  #check(): void {
    if (this.#settled) return
    const { data, intake } = this.#reception
    if (data.ended || data.socket.destroyed) intake.flush()
    if (this.#settled) return
    if (intake.failure !== null) this.#fail(intake.failure.error)
    else if (intake.idle && intake.overrun) this.#succeed('full')
    else if (intake.idle && data.ended) this.#succeed('ended')
    else if (intake.idle && data.socket.destroyed) this.#broken()
    else this.#goOn()
  }

  #goOn(): void {
    const { data, intake } = this.#reception
    if (intake.held) {
      this.#stall.hold()
      this.#held = true
    } else if (this.#held) {
      this.#stall.release()
      // Not for `isPaused`: a socket that fills our buffers and was told to stop does not call itself paused.
      data.socket.resume()
      this.#held = false
    }
    if (intake.idle && intake.full) this.#grace ??= setTimeout(() => this.#succeed('full'), LAST_BYTE_GRACE_MS)
  }

  #broken(): void {
    const { data, intake } = this.#reception
    if (intake.full) this.#succeed('full')
    else this.#fail(data.failure ?? new TransferError('transient', 'the data connection was closed'))
  }

  #succeed(end: ReceiveEnd): void {
    if (this.#finish()) this.#resolve(end)
  }

  #fail(error: unknown): void {
    if (this.#finish()) this.#reject(error)
  }

  #finish(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#stall.stop()
    clearTimeout(this.#grace)
    const { data, intake, signal } = this.#reception
    signal.removeEventListener('abort', this.#onAbort)
    intake.close()
    intake.onArrival = () => undefined
    intake.onTaken = () => undefined
    data.onEnd = () => undefined
    return true
  }
}
