/**
 * The first look at a download is the download itself: its reply waits, unread, until somebody reads from the beginning. So one request does, and a link that answers
 * only once works.
 */
import { abortError, TransferError } from '../../core/errors.ts'
import type { Sink } from '../remote.ts'
import { framingOf, type Reply } from './headers.ts'
import { type Accept, EXCERPT, type Finished } from './intake.ts'

/** A reply is held no longer: meanwhile a file on the disk may be hashed, but a server's socket is not ours to keep. */
const HOLD_MS = 60_000
/** So much is rather read than its connection given up. */
const SMALL_BYTES = 16 * 1024

export interface Held {
  readonly reply: Reply
  /** Bytes of the whole; null when only the end of the reply tells. */
  readonly length: number | null
  /** Null once it is over. */
  deliver(sink: Sink, signal: AbortSignal): Promise<Finished> | null
  /** Nobody will read it. */
  drop(): void
}

export interface Seen {
  readonly reply: Reply
  readonly excerpt: string
  /** When the reply is one to a GET of the whole file. */
  readonly held: Held | null
}

export type Perform = (accept: Accept, signal: AbortSignal) => Promise<Finished>

/** Resolves with the header of the reply, its body still to come when `isWhole` says that it is the file. */
export async function holdReply(perform: Perform, isWhole: (reply: Reply) => boolean, signal: AbortSignal): Promise<Seen> {
  const controller = new AbortController()
  const unlink = follow(signal, controller)
  const gate = new Gate()
  const headed = Promise.withResolvers<Reply>()
  const accept: Accept = (reply) => {
    const framing = framingOf(reply)
    const length = framing.kind === 'length' ? framing.length : null
    if (!isWhole(reply) || length === 0) return EXCERPT
    headed.resolve(reply)
    return { kind: 'deliver', sink: (chunk) => gate.take(chunk), length, beyond: 'protocol' }
  }
  const exchange = perform(accept, controller.signal)
  exchange.catch(() => undefined)
  try {
    const held = headed.promise.then((reply): Seen => ({ reply, excerpt: '', held: holding(reply, gate, exchange, controller) }))
    return await Promise.race([held, exchange.then(({ reply, excerpt }): Seen => ({ reply, excerpt, held: null }))])
  } finally {
    unlink()
  }
}

function holding(reply: Reply, gate: Gate, exchange: Promise<Finished>, controller: AbortController): Held {
  const framing = framingOf(reply)
  const length = framing.kind === 'length' ? framing.length : null
  let over = false
  exchange.catch(() => {
    over = true
  })
  const drop = (): void => {
    clearTimeout(timer)
    if (over) return
    over = true
    if (length !== null && length <= SMALL_BYTES) gate.open(() => undefined)
    else controller.abort(new TransferError('stopped', 'the file is not wanted from its beginning'))
  }
  const timer = setTimeout(drop, HOLD_MS)
  timer.unref()
  return {
    reply,
    length,
    drop,
    deliver: (sink, signal) => {
      clearTimeout(timer)
      if (over) return null
      over = true
      const unlink = follow(signal, controller)
      gate.open(sink)
      return exchange.finally(unlink)
    },
  }
}

/** Keeps the first chunk waiting, and with it the connection, until there is a sink. */
class Gate {
  #sink: Sink | null = null
  #waiting: { readonly chunk: Uint8Array; readonly taken: PromiseWithResolvers<void> } | null = null

  take(chunk: Uint8Array): void | Promise<void> {
    if (this.#sink !== null) return this.#sink(chunk)
    this.#waiting = { chunk, taken: Promise.withResolvers<void>() }
    return this.#waiting.taken.promise
  }

  open(sink: Sink): void {
    this.#sink = sink
    if (this.#waiting === null) return
    const { chunk, taken } = this.#waiting
    this.#waiting = null
    new Promise<void>((resolve) => resolve(sink(chunk))).then(taken.resolve, taken.reject)
  }
}

/** Aborts the second as the first does; returns how to stop that. */
function follow(signal: AbortSignal, controller: AbortController): () => void {
  const onAbort = (): void => controller.abort(abortError(signal))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return () => signal.removeEventListener('abort', onAbort)
}
