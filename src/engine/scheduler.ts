/** The only place that retries. Everything below performs one exchange and says how it failed. */
import { abortError, reactionTo, TransferError } from '../core/errors.ts'
import { nextDelayMs, type RetryPolicy } from '../core/retry.ts'
import type { Clock, Random } from './ports.ts'

/** Replanning without any progress in between means that plan and server disagree; a third time proves it. */
const REPLANS_MAX = 3
const RESTARTS_MAX = 2

export interface Perseverance {
  readonly clock: Clock
  readonly random: Random
  readonly policy: RetryPolicy
  /** Grows whenever bytes were proven or acknowledged that were not before. */
  progressMark(): number
  /** Trying again cannot help, whatever the kind of the failure. */
  isSettled?(): boolean
  retrying(error: TransferError, delayMs: number, failuresLeft: number): void
  /** The source changed: forget what was kept of the old one. Absent where that is final (a local file that changes while it is read). */
  readonly restart?: (error: TransferError) => Promise<void>
  /** The server cannot do what was asked: do without. False when there is nothing left to do without. */
  downgrade(error: TransferError): boolean
}

/** Repeats `attempt` until it succeeds, fails for good, or fails too often without progress. */
export async function persevere<T>(how: Perseverance, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  let mark = how.progressMark()
  let failures = 0
  let replans = 0
  let restarts = 0
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw abortError(signal)
      if (!(error instanceof TransferError) || how.isSettled?.() === true) throw error
      if (how.progressMark() > mark) {
        mark = how.progressMark()
        failures = 0
        replans = 0
      }
      const reaction = reactionTo(error.kind)
      if (reaction === 'retry') {
        failures += 1
        if (failures > how.policy.retries) throw error
        const delayMs = nextDelayMs(failures, how.random(), error.retryAfterMs)
        how.retrying(error, delayMs, how.policy.retries - failures)
        await how.clock.sleep(delayMs, signal)
      } else if (reaction === 'replan') {
        replans += 1
        if (replans >= REPLANS_MAX) throw error
        const delayMs = replans === 1 ? 0 : nextDelayMs(replans, how.random(), undefined)
        how.retrying(error, delayMs, REPLANS_MAX - replans)
        if (delayMs > 0) await how.clock.sleep(delayMs, signal)
      } else if (reaction === 'restart' && how.restart !== undefined && restarts < RESTARTS_MAX) {
        restarts += 1
        await how.restart(error)
        mark = how.progressMark()
        failures = 0
      } else if (reaction === 'downgrade' && how.downgrade(error)) {
        // the next attempt does without
      } else {
        throw error
      }
    }
  }
}
