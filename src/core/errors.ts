/** How a transfer can fail. The first fourteen are public (`error-kind`, docs/errors.md); the last two never leave the engine. */
export type FailureKind =
  | 'internal'
  | 'invalid-input'
  | 'denied'
  | 'untrusted'
  | 'transient'
  | 'refused'
  | 'no-space'
  | 'source-changed'
  | 'conflict'
  | 'stopped'
  | 'integrity'
  | 'limit'
  | 'protocol'
  | 'not-found'
  | 'offset-conflict'
  | 'unsupported'

export type PublicFailureKind = Exclude<FailureKind, 'offset-conflict' | 'unsupported'>

/** What the scheduler does about a failure; one reaction per kind. */
export type Reaction = 'retry' | 'replan' | 'restart' | 'downgrade' | 'stop' | 'fail'

const REACTIONS: Readonly<Record<FailureKind, Reaction>> = {
  internal: 'fail',
  'invalid-input': 'fail',
  denied: 'fail',
  untrusted: 'fail',
  transient: 'retry',
  refused: 'fail',
  'no-space': 'fail',
  'source-changed': 'restart',
  conflict: 'fail',
  stopped: 'stop',
  integrity: 'replan',
  limit: 'fail',
  protocol: 'fail',
  'not-found': 'fail',
  'offset-conflict': 'replan',
  unsupported: 'downgrade',
}

export function reactionTo(kind: FailureKind): Reaction {
  return REACTIONS[kind]
}

const EXIT_CODES: Readonly<Record<PublicFailureKind, number>> = {
  internal: 1,
  'invalid-input': 2,
  denied: 3,
  untrusted: 4,
  transient: 5,
  refused: 6,
  'no-space': 7,
  'source-changed': 8,
  conflict: 9,
  stopped: 10,
  integrity: 11,
  limit: 12,
  protocol: 13,
  'not-found': 14,
}

export function exitCodeFor(kind: PublicFailureKind): number {
  return EXIT_CODES[kind]
}

/** The kind shown to people once the engine has given up on it. */
export function publicKind(kind: FailureKind): PublicFailureKind {
  if (kind === 'offset-conflict') return 'conflict'
  if (kind === 'unsupported') return 'refused'
  return kind
}

export interface FailureDetails {
  readonly cause?: unknown
  /** What to do about it, one sentence for people. */
  readonly hint?: string
  /** The server's own wish for the pause before the next try, in milliseconds. Capped by the scheduler. */
  readonly retryAfterMs?: number
  /** The credentials themselves were refused, so that nothing else is worth asking with them. */
  readonly ofLogin?: boolean
  /** The server is there, and failed inside at this very request. One that does so every time means no. */
  readonly brokeDown?: boolean
}

/** The only error that crosses module borders on purpose. Anything else is a defect of ours and fails as `internal`. */
export class TransferError extends Error {
  override readonly name = 'TransferError'
  readonly kind: FailureKind
  readonly hint: string | undefined
  readonly retryAfterMs: number | undefined
  readonly ofLogin: boolean
  readonly brokeDown: boolean

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.hint = details.hint
    this.retryAfterMs = details.retryAfterMs
    this.ofLogin = details.ofLogin === true
    this.brokeDown = details.brokeDown === true
  }
}

/** The reason of an aborted signal as a TransferError; a foreign reason counts as `stopped`. */
export function abortError(signal: AbortSignal): TransferError {
  return signal.reason instanceof TransferError ? signal.reason : new TransferError('stopped', 'stopped', { cause: signal.reason })
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal)
}
