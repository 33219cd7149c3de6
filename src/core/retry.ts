export interface RetryPolicy {
  /** Consecutive failures without progress before giving up. */
  readonly retries: number
}

const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 60_000
/** A server's Retry-After is honoured up to here; beyond, it would decide how long the job runs. */
const RETRY_AFTER_MAX_MS = 300_000

/** Pause before the next try: exponential with full jitter, never below half a second; `chance` is in [0, 1). */
export function nextDelayMs(failuresInARow: number, chance: number, retryAfterMs: number | undefined): number {
  if (retryAfterMs !== undefined && retryAfterMs > 0) return Math.min(retryAfterMs, RETRY_AFTER_MAX_MS)
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failuresInARow - 1, 10))
  return Math.max(500, Math.floor(ceiling * chance))
}
