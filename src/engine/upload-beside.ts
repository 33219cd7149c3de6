/**
 * Sends what is missing of a partial while what is there is proven, in two exchanges at once: by the server's digests, else by reading it back. A block that turns out
 * wrong is sent; once nothing is missing, the sender takes blocks from the end, as far as that is faster than reading them, and the two meet. Nothing is over before
 * every byte is proven or sent.
 */
import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import { type ByteRange, rangeSet, union } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { PositionalResumer, Remote } from '../remotes/remote.ts'
import type { Ground } from './ground.ts'
import { readBack } from './read-back.ts'
import { readingPays, toSendAgain } from './read-back-choice.ts'
import { exchange } from './upload-exchange.ts'
import type { UploadSession } from './upload-session.ts'
import { proveByDigester } from './verify.ts'

/** Of the missing bytes, sent before the reading begins: how fast sending is alone is known then. */
const SENT_FIRST_SHARE = 1 / 4
const SENT_FIRST_MS = 1000

interface Place {
  readonly remote: Remote
  readonly resumer: PositionalResumer
  readonly ground: Ground
}

export async function sendBeside(session: UploadSession, place: Place, signal: AbortSignal): Promise<void> {
  const there = place.ground.unproven
  const both = new Both(session, place)
  try {
    await both.run(signal)
  } finally {
    session.resumedFrom ??= place.ground.proven
  }
  if (!place.ground.covers(session.expected.size)) throw new TransferError('internal', 'bytes of the partial were neither proven nor sent')
  session.note(`${formatBytes(place.ground.proven)} of the ${formatBytes(there)} there proven by ${both.how}`)
}

class Both {
  readonly #session: UploadSession
  readonly #place: Place
  readonly #stop = new AbortController()
  readonly #sentFirst: { readonly bytes: number; readonly untilMs: number }
  readonly #sentBefore: number
  #failure: { readonly error: unknown } | null = null
  #over = false
  #reading = false
  #sending = false
  #readerDone = false
  #sentAgain = false
  #told: 'transferring' | 'verifying' = 'transferring'
  #changed = Promise.withResolvers<void>()
  how: 'server digest' | 'reading back' = 'reading back'

  constructor(session: UploadSession, place: Place) {
    this.#session = session
    this.#place = place
    this.#sentBefore = session.sentBytes
    this.#sentFirst = {
      bytes: place.ground.toSend * SENT_FIRST_SHARE,
      untilMs: session.ports.clock.nowMs() + SENT_FIRST_MS,
    }
  }

  /** Of two failures the first is told; the other exchange ends with it, before this does. */
  async run(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    const onAbort = (): void => this.#fail(abortError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.all([this.#send(), this.#prove()].map((one) => one.catch((error: unknown) => this.#fail(error))))
    } finally {
      this.#over = true
      signal.removeEventListener('abort', onAbort)
    }
    if (this.#failure !== null) throw this.#failure.error
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#stop.abort(error)
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Resolves when something has happened that may be waited for. */
  async #turn(): Promise<void> {
    throwIfAborted(this.#stop.signal)
    await this.#changed.promise
    throwIfAborted(this.#stop.signal)
  }

  async #send(): Promise<void> {
    const { resumer, ground } = this.#place
    const session = this.#session
    const { partial } = session
    for (;;) {
      throwIfAborted(this.#stop.signal)
      const next = this.#nextToSend()
      if (next === null) {
        if (this.#readerDone && ground.toSend === 0) return
        this.#phase('verifying')
        await this.#turn()
        continue
      }
      this.#phase('transferring')
      this.#sending = true
      await exchange(session, next, this.#stop.signal, (body, observer, s) => {
        const sent = (total: number): void => {
          observer.sent(total)
          this.#wake()
        }
        const acknowledged = (total: number): void => {
          observer.acknowledged(total)
          this.#advance()
        }
        return resumer.write(partial, next, body, { sent, acknowledged }, s)
      })
      this.#sending = false
      ground.wasSent(next)
      this.#wake()
    }
  }

  #nextToSend(): ByteRange | null {
    const { ground } = this.#place
    const { expected, pace } = this.#session
    if (ground.toSend === 0 && ground.unproven > 0 && this.#reading) {
      const again = toSendAgain(ground.unproven, pace.rates, this.#sentAgain)
      this.#sentAgain ||= again > 0
      ground.sendFromTheEnd(again, expected.blockSize)
    }
    return ground.takeToSend()
  }

  async #prove(): Promise<void> {
    if (!(await this.#digest())) await this.#read()
    this.#readerDone = true
    this.#wake()
  }

  /** At once: digests hardly use the connection. False where the server has none that tell. What they do not prove is sent. */
  async #digest(): Promise<boolean> {
    const { ground, remote } = this.#place
    const session = this.#session
    const progress = (bytes: number): void => {
      if (!this.#over && this.#told === 'verifying') session.progress(bytes)
    }
    try {
      const context = { ...session.proofContext(remote, session.partial), progress }
      const proof = await proveByDigester(context, ground.toProve, this.#stop.signal)
      if (proof === null) return false
      for (const range of proof.proven) {
        ground.judged(range, true)
        this.#proven(range)
      }
      this.how = 'server digest'
      ground.sendUnproven()
      return true
    } catch (error) {
      throw this.#stop.signal.aborted ? error : this.#whileSending(error)
    }
  }

  #proven(range: ByteRange): void {
    const session = this.#session
    session.reused += range.end - range.start
    session.acknowledge(union(session.acknowledged, rangeSet([range])))
    this.#advance()
  }

  async #read(): Promise<void> {
    const { ground } = this.#place
    while (!this.#mayRead()) await this.#turn()
    for (let range = ground.nextToRead; range !== null; range = ground.nextToRead) await this.#readRange(range)
  }

  #mayRead(): boolean {
    const { ground } = this.#place
    const { sentBytes, ports } = this.#session
    const sent = sentBytes - this.#sentBefore
    return (
      sent >= this.#sentFirst.bytes ||
      (sent > 0 && ports.clock.nowMs() >= this.#sentFirst.untilMs) ||
      (ground.toSend === 0 && !this.#sending)
    )
  }

  async #readRange(range: ByteRange): Promise<void> {
    const { ground } = this.#place
    const session = this.#session
    const { signal } = this.#stop
    const context = session.proofContext(this.#place.remote, session.partial)
    let read = 0
    const progress = (bytes: number): void => {
      if (this.#over) return
      session.pace.read(bytes - read)
      read = bytes
    }
    const judged = (piece: ByteRange, same: boolean): boolean => this.#judged(piece, same)
    this.#reading = true
    try {
      const end = await session.pace.reading(() => readBack(context, { range, progress, judged }, signal))
      if (end === 'denied' && read === 0 && this.#sending)
        throw new TransferError('denied', 'the server lets nobody read while it is written to')
      if (end === 'refused' || end === 'denied') ground.sendUnproven()
      else if (end === 'short') ground.sendUnproven(range)
    } catch (error) {
      throw signal.aborted || read > 0 ? error : this.#whileSending(error)
    } finally {
      this.#reading = false
      this.#wake()
    }
  }

  /** What is there from before and not yet known to be wrong counts: an attempt that ends before it is all read has got on by what it has sent. */
  #advance(): void {
    if (!this.#over) this.#session.advance(this.#place.ground.hopedFor(this.#session.acknowledged))
  }

  #phase(phase: 'transferring' | 'verifying'): void {
    const { ground } = this.#place
    if (phase === this.#told || (phase === 'verifying' && ground.unproven === 0)) return
    this.#told = phase
    this.#session.phase(phase, phase === 'transferring' ? this.#session.expected.size : ground.unproven + ground.proven)
  }

  /** A server may let nobody in twice: the next attempt reads first. What was sent in this one counts for nothing then but progress, as after any failure. */
  #whileSending(error: unknown): unknown {
    if (!this.#sending || !(error instanceof TransferError)) return error
    this.#session.oneAtATime = true
    return error.kind === 'transient' ? error : new TransferError('transient', error.message, { cause: error })
  }

  #judged(piece: ByteRange, same: boolean): boolean {
    // What an exchange that was left behind still reads says nothing any more.
    if (this.#over) return false
    const { ground } = this.#place
    const session = this.#session
    const readsOn = ground.judged(piece, same)
    if (same) this.#proven(piece)
    if (this.#told === 'verifying') session.progress(ground.proven)
    if (!readingPays(ground.unproven, session.pace.rates)) ground.sendUnproven()
    this.#wake()
    return readsOn && ground.unproven > 0
  }
}
