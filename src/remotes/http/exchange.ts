/** One request and its reply on one connection: bounded by a timer and the signal, with back-pressure, and exact about how many bytes came. */
import type { Dispatcher } from 'undici'
import { abortError, TransferError } from '../../core/errors.ts'
import { networkError } from './errors.ts'
import { excerptOf } from './excerpt.ts'
import { type Framing, framingOf, type Reply } from './headers.ts'
import type { Accept, ExchangeRequest, Finished, Intake } from './intake.ts'
import { describeTarget } from './location.ts'
import { type Outgoing, outgoing } from './outgoing.ts'

/** Of a body that nobody wants, this much is read so that the connection can be used again and the message can say why. */
const EXCERPT_BYTES_MAX = 16 * 1024
/** And it may take this long: some never end (lighttpd's answer to OPTIONS). After a success there is nothing to quote. */
const EXCERPT_MS_MAX = { done: 250, failed: 1000 }

export function exchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  accept: Accept,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError(signal))
    new Exchange(request, accept, timeoutMs, signal, resolve, reject).start(dispatcher)
  })
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest
  readonly #accept: Accept
  readonly #timeoutMs: number
  #patienceMs: number
  readonly #signal: AbortSignal
  readonly #resolve: (finished: Finished) => void
  readonly #reject: (error: unknown) => void
  readonly #outgoing: Outgoing | null
  readonly #onAbort = (): void => this.#fail(abortError(this.#signal))
  #controller: Dispatcher.DispatchController | null = null
  #timer: NodeJS.Timeout | undefined
  #turns = 0
  #settled = false
  #reply: Reply | null = null
  #framing: Framing = { kind: 'close' }
  #intake: Intake = { kind: 'excerpt' }
  #received = 0
  #sent = 0
  #requestSent = false
  /** The sink has not taken the last chunk yet; what comes meanwhile waits here, and `#ended` says that nothing more will. */
  #busy = false
  #backlog: Uint8Array[] = []
  #ended = false
  #excerpt: Uint8Array[] = []

  constructor(
    request: ExchangeRequest,
    accept: Accept,
    timeoutMs: number,
    signal: AbortSignal,
    resolve: (finished: Finished) => void,
    reject: (error: unknown) => void,
  ) {
    this.#request = request
    this.#accept = accept
    this.#timeoutMs = timeoutMs
    this.#patienceMs = timeoutMs
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    const { body } = request
    this.#outgoing = body === undefined || typeof body === 'string' ? null : outgoing(body, (yes) => this.#watch(!yes))
  }

  start(dispatcher: Dispatcher): void {
    const { method, target, headers, body } = this.#request
    this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#watch(true)
    try {
      dispatcher.dispatch(
        {
          origin: target.origin,
          path: target.path,
          method,
          headers: { ...headers },
          body: this.#outgoing?.stream ?? (typeof body === 'string' ? body : null),
        },
        this,
      )
    } catch (error) {
      this.#fail(networkError(error, target.origin, false))
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#settled) controller.abort(new TransferError('stopped', 'no longer wanted'))
    else this.#watch(true)
  }

  onBodySent(chunk: Uint8Array): void {
    if (this.#settled) return
    this.#sent += chunk.length
    this.#request.sent?.(this.#sent)
    this.#watch(true)
  }

  onRequestSent(): void {
    this.#requestSent = true
    if (!this.#settled) this.#watch(true, this.#timeoutMs + (this.#request.lastWordMs ?? 0))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Reply['headers']): void {
    // Interim replies do not stop the clock: a server could send them for ever.
    if (this.#settled || status < 200) return
    try {
      this.#reply = { status, headers, target: this.#request.target }
      this.#framing = framingOf(this.#reply)
      this.#intake = this.#accept(this.#reply)
      if (this.#intake.kind === 'drop') this.#finish()
      else if (this.#intake.kind === 'deliver') this.#watch(true, this.#timeoutMs)
      else this.#watch(true, Math.min(this.#timeoutMs, status < 300 ? EXCERPT_MS_MAX.done : EXCERPT_MS_MAX.failed))
    } catch (error) {
      this.#fail(error)
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#settled) return
    if (this.#intake.kind === 'excerpt') this.#keepExcerpt(chunk)
    // While the sink is busy undici still flushes what it holds when the server closes the connection.
    else if (this.#busy)
      this.#backlog.push(Buffer.from(chunk)) // the connection reuses its buffers
    else this.#deliver(chunk)
  }

  onResponseEnd(): void {
    if (this.#settled) return
    this.#ended = true
    if (!this.#busy) this.#complete()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // An unwanted body may end badly (rclone 1.60 announces a wrong length with its 416): the status has been said.
    if (this.#reply !== null && this.#intake.kind === 'excerpt') this.#finish()
    // undici 8.12 calls the end of a connection an error even when it comes after the last byte, if the parser was on hold then.
    else if (this.#hasAll()) this.onResponseEnd()
    else this.#fail(networkError(error, this.#request.target.origin, this.#controller !== null))
  }

  /** Every byte that was announced is here, taken or waiting. */
  #hasAll(): boolean {
    const waiting = this.#backlog.reduce((sum, chunk) => sum + chunk.length, 0)
    return this.#intake.kind === 'deliver' && this.#intake.length !== null && this.#received + waiting === this.#intake.length
  }

  #keepExcerpt(chunk: Uint8Array): void {
    // The clock goes on: an unwanted body that trickles must not hold anybody up.
    this.#received += chunk.length
    this.#excerpt.push(Buffer.from(chunk))
    if (this.#received >= EXCERPT_BYTES_MAX) this.#finish()
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#intake.kind !== 'deliver') return
    const { sink, length, beyond } = this.#intake
    const room = length === null ? chunk.length : length - this.#received
    if (chunk.length > room && beyond === 'protocol') {
      this.#fail(new TransferError('protocol', `${this.#where()} sent more bytes than the ${length} announced`))
      return
    }
    const wanted = chunk.length > room ? chunk.subarray(0, room) : chunk
    this.#received += wanted.length
    try {
      const taken = sink(wanted)
      if (taken === undefined) this.#proceed()
      else this.#hold(taken)
    } catch (error) {
      this.#fail(error)
    }
  }

  #hold(taken: Promise<void>): void {
    this.#busy = true
    this.#controller?.pause()
    this.#watch(false)
    taken.then(
      // Never within the turn of the pause: undici then neither reads on nor says so, and the exchange hangs.
      () => void setImmediate(() => this.#release()),
      (error: unknown) => this.#fail(error),
    )
  }

  #release(): void {
    this.#busy = false
    this.#proceed()
    while (!this.#busy && !this.#settled) {
      const next = this.#backlog.shift()
      if (next === undefined) break
      this.#deliver(next)
    }
    if (this.#busy || this.#settled) return
    if (this.#ended) this.#complete()
    else this.#controller?.resume()
  }

  /** After a chunk has been taken: the clock starts anew, unless that was all that is wanted. */
  #proceed(): void {
    if (this.#intake.kind === 'deliver' && this.#intake.beyond === 'cut' && this.#received === this.#intake.length) this.#finish()
    else this.#watch(true)
  }

  #complete(): void {
    const length = this.#intake.kind === 'deliver' ? this.#intake.length : null
    if (length === null || this.#received === length) {
      this.#finish()
      return
    }
    // A whole chunked body that is too short is a shorter file; the end of a connection may be anything.
    const kind = this.#framing.kind === 'chunked' ? 'source-changed' : 'transient'
    this.#fail(new TransferError(kind, `${this.#where()} sent ${this.#received} of ${length} bytes`))
  }

  #finish(): void {
    const reply = this.#reply
    if (reply === null || !this.#settle()) return
    const bodyStarted = this.#outgoing?.started() ?? false
    const finished = { reply, excerpt: excerptOf(this.#excerpt, this.#request.redact), requestSent: this.#requestSent, bodyStarted }
    // One turn later the connection is free again: a request that follows at once would have another one opened.
    setImmediate(() => this.#resolve(finished))
    if (!this.#ended) this.#controller?.abort(new TransferError('stopped', 'the rest is not wanted'))
  }

  #fail(error: unknown): void {
    // A source that failed makes undici complain about the length; the source's own error says why.
    const cause = this.#outgoing?.failure() ?? error
    if (!this.#settle()) return
    this.#reject(cause)
    this.#controller?.abort(new TransferError('stopped', 'the exchange has failed'))
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#outgoing?.release()
    this.#backlog = []
    return true
  }

  /** Starts the clock anew, with another patience if one is given, or stops it while the delay is our own side's. */
  #watch(running: boolean, patienceMs = this.#patienceMs): void {
    if (this.#settled) return
    this.#turns += 1
    if (running && this.#timer !== undefined && patienceMs === this.#patienceMs) {
      this.#timer.refresh()
      return
    }
    this.#patienceMs = patienceMs
    clearTimeout(this.#timer)
    // One turn later: what came while the event loop stood still is read first.
    const look = (turn: number): unknown => setImmediate(() => turn === this.#turns && this.#expire())
    this.#timer = running ? setTimeout(() => look(this.#turns), patienceMs) : undefined
  }

  #expire(): void {
    if (this.#reply !== null && this.#intake.kind === 'excerpt') this.#finish()
    else this.#fail(new TransferError('transient', `${this.#where()} was silent for ${this.#patienceMs} ms`))
  }

  #where(): string {
    return describeTarget(this.#request.target)
  }
}
