/**
 * Where the journal survives the machine. Implementations: action/cache-service.ts, state/file-store.ts; held by test/contract/state-store-contract.ts.
 * What comes back is untrusted: core/journal.ts decodes it to a whole journal or to null. A store that fails rejects with any Error whose message says why;
 * the caller turns that into one line for people and goes on, because a store never fails a transfer.
 */
export interface StateStore {
  /** For people: 'Actions cache', 'directory …'. */
  readonly description: string
  /** The newest saved state of this identity, or null when there is none. At most `STATE_BYTES_MAX` bytes are accepted from anywhere. */
  load(signal: AbortSignal): Promise<Uint8Array | null>
  /** Replaces the state; either the old or the new one survives a crash. */
  save(state: Uint8Array, signal: AbortSignal): Promise<void>
}

export const STATE_BYTES_MAX = 8 * 1024 * 1024

/** What tells this step's state from every other's; see docs/journal.md. */
export interface StateIdentity {
  /** Sixteen hex digits over step, matrix, direction and both ends of the transfer. */
  readonly id: string
  readonly runId: string
  readonly runAttempt: number
}
