import { abortError } from '../../core/errors.ts'

/** How long to wait, and who may end the wait. */
export interface Wait {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** Settles as `work` does, or rejects as soon as the signal aborts or the time is over. `work` itself is not stopped. */
export function bounded<T>(work: Promise<T>, wait: Wait, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const { signal } = wait
    const finish = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      finish()
      reject(abortError(signal))
    }
    const expire = (): void => {
      finish()
      reject(late())
    }
    // One turn later: what came while the event loop stood still is read first.
    const timer = setTimeout(() => setImmediate(expire), wait.timeoutMs)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(
      (value) => {
        finish()
        resolve(value)
      },
      (error: unknown) => {
        finish()
        reject(error)
      },
    )
    if (signal.aborted) onAbort()
  })
}

/** Settles as `work` does, or rejects as soon as the signal aborts. */
export function obeying<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    const finish = (): void => signal.removeEventListener('abort', onAbort)
    work.finally(finish).then(resolve, reject)
    if (signal.aborted) onAbort()
  })
}

/** Whether `work` settled in time; its result does not matter. */
export function settledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms)
    const settle = (): void => {
      clearTimeout(timer)
      resolve(true)
    }
    work.then(settle, settle)
  })
}

/** One time limit for a row of waits: each gets what the ones before it left. */
export function sharedWait(signal: AbortSignal, timeoutMs: number): Wait {
  const end = performance.now() + timeoutMs
  return {
    signal,
    get timeoutMs(): number {
      return Math.max(1, end - performance.now())
    },
  }
}

/** Calls `expired` once when nothing has touched it for `ms`. Time on hold does not count. */
export class StallTimer {
  readonly #ms: number
  readonly #expired: () => void
  #timer: NodeJS.Timeout
  #lastLook: NodeJS.Immediate | undefined
  #touchedAt = performance.now()
  #held = false

  constructor(ms: number, expired: () => void) {
    this.#ms = ms
    this.#expired = expired
    this.#timer = setTimeout(() => this.#check(), ms)
  }

  touch(): void {
    this.#touchedAt = performance.now()
  }

  hold(): void {
    this.#held = true
  }

  /** Ends a hold; the time starts again. */
  release(): void {
    if (this.#held) this.touch()
    this.#held = false
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#lastLook)
  }

  #left(): number {
    return this.#held ? this.#ms : this.#touchedAt + this.#ms - performance.now()
  }

  #check(): void {
    const left = this.#left()
    if (left > 1) this.#timer = setTimeout(() => this.#check(), left)
    // What came while the event loop stood still is read first.
    else this.#lastLook = setImmediate(() => (this.#left() > 1 ? this.#check() : this.#expired()))
  }
}
