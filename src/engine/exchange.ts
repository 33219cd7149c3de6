import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import type { Clock } from './ports.ts'

/** Less than this in one stretch of `timeoutMs` counts as a stall: a peer that trickles bytes must not hold the job for ever. */
const TRICKLE_BYTES = 4096
/** Once every byte is sent, a server may take this much longer for its last word, and more for a large file: some hash, copy or sync before they answer. */
const LAST_WORD_MS = 120_000
const LAST_WORD_BYTES_PER_MS = 20_000
/** An exchange that was told to end has this long to let go of its connection; then we go on without it, because a hang costs the whole job. */
const LEAVE_MS = 2_000

/** For a request that the server may answer only when it has moved so many bytes. */
export function lastWordMs(bytes: number): number {
  return LAST_WORD_MS + Math.floor(bytes / LAST_WORD_BYTES_PER_MS)
}

export interface Watch {
  /** Bytes moved so far in this exchange; only grows. */
  moved(total: number): void
  /** Bytes that the server confirmed so far: a sign of life too, and no sign that more was sent. */
  confirmed(total: number): void
}

export interface WatchOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  /** How many bytes will move in all; Infinity when unknown. 0: the exchange only has to end within its time. */
  readonly bytes: number
  /** What is being done, for the message of a stall. */
  readonly what: string
  /** For work that the server does silently (a digest): added to the time. */
  readonly allowanceMs?: number
}

/** Runs one exchange with the server under a signal that also aborts, as `transient`, when nothing moves any more. */
export async function watched<T>(
  options: WatchOptions,
  signal: AbortSignal,
  run: (signal: AbortSignal, watch: Watch) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal)
  const controller = new AbortController()
  const left = Promise.withResolvers<never>()
  let moved = 0
  let confirmed = 0
  let seen = 0
  let cancel = (): void => {}
  const end = (error: TransferError): void => {
    cancel()
    controller.abort(error)
    cancel = options.clock.after(LEAVE_MS, () => left.reject(error))
  }
  const onAbort = (): void => end(abortError(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  const look = (ms: number, isSecond: boolean): void => {
    const alive = moved + confirmed
    const finishing = moved >= options.bytes && alive > seen
    if (alive - seen >= TRICKLE_BYTES || finishing) {
      seen = alive
      arm()
    } else if (isSecond) {
      end(new TransferError('transient', `no progress for ${Math.round(ms / 1000)} s while ${options.what}`))
    } else {
      // One turn later: what came while the event loop stood still is counted first.
      cancel = options.clock.after(0, () => look(ms, true))
    }
  }
  const arm = (): void => {
    const complete = moved >= options.bytes
    const ms = options.timeoutMs + (options.allowanceMs ?? 0) + (complete && options.bytes > 0 ? lastWordMs(options.bytes) : 0)
    cancel = options.clock.after(ms, () => look(ms, false))
  }
  arm()
  try {
    const exchange = run(controller.signal, {
      moved: (total) => {
        moved = Math.max(moved, total)
      },
      confirmed: (total) => {
        confirmed = Math.max(confirmed, total)
      },
    })
    return await Promise.race([exchange, left.promise])
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
  }
}
