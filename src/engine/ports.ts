/** What the engine needs of the world besides a Remote, the local disk and a StateStore. All injected, so that the simulation owns time and chance. */
import type { PublicFailureKind } from '../core/errors.ts'
import type { JournalEntry } from '../core/journal.ts'
import type { HostEntry } from '../core/journal-hosts.ts'
import type { Remote } from '../remotes/remote.ts'

export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number
  /** Rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Calls `action` once after `ms`; returns the cancellation. */
  after(ms: number, action: () => void): () => void
}

/** In [0, 1). */
export type Random = () => number

/** `acknowledged`, the weakest: every byte was confirmed, and nothing could be looked at. */
export type ProofLevel = 'digest' | 'read-back' | 'size' | 'acknowledged'

export type Phase = 'hashing' | 'connecting' | 'comparing' | 'verifying' | 'transferring' | 'proving' | 'committing'

/** What happened, as data; action/reporter.ts and cli.ts turn it into lines. `name` is the transfer's display name. */
export type TransferEvent =
  | { readonly kind: 'started'; readonly name: string; readonly size: number | null }
  /** A phase began; `total` is the number of bytes that its progress counts to, null when unknown. */
  | { readonly kind: 'phase'; readonly name: string; readonly phase: Phase; readonly total: number | null }
  /** Bytes done of the current phase; in `transferring` the bytes already kept count as done, and `reused` says how many those are. */
  | { readonly kind: 'progress'; readonly name: string; readonly done: number; readonly reused: number }
  | { readonly kind: 'planned'; readonly name: string; readonly decision: string }
  | { readonly kind: 'retrying'; readonly name: string; readonly message: string; readonly delayMs: number; readonly failuresLeft: number }
  | { readonly kind: 'note'; readonly name: string; readonly message: string }
  | { readonly kind: 'warning'; readonly name: string; readonly message: string }
  | { readonly kind: 'finished'; readonly name: string; readonly result: TransferResult }

export interface Reporter {
  report(event: TransferEvent): void
}

export interface TransferFailure {
  readonly kind: PublicFailureKind
  readonly message: string
  readonly hint?: string
}

/**
 * `none`: there was no file. `untouched`: it is still there, by the last look at it. `replaced`: the new file has taken its place. `aside`: it lies under another
 * name, `path`, because the new file is not in place. `removed`: it went because nothing else made room, and the new file lies whole at `path`. `unknown`: nobody could look.
 */
export type Previous =
  | { readonly kind: 'none' | 'untouched' | 'replaced' | 'unknown' }
  | { readonly kind: 'aside' | 'removed'; readonly path: string }

/** How one file ended. Plain data: the outputs, the summary and the exit code are made of it. */
export interface TransferResult {
  readonly name: string
  readonly status: 'complete' | 'unchanged' | 'incomplete' | 'failed'
  readonly failure?: TransferFailure
  readonly size: number | null
  /** Bytes of the file that travelled in this attempt. */
  readonly bytesTransferred: number
  /** Bytes of the file that were there already, proven, and not sent again. */
  readonly bytesReused: number
  /** Contiguous proven bytes this attempt began with; 0 for a fresh start. */
  readonly resumedFrom: number
  /** The weakest link of the proof for the whole file; null unless complete or unchanged. */
  readonly proof: ProofLevel | null
  /** How it was proven, for people: 'sha256 by the server', 'read back and compared', 'size and acknowledgements'. */
  readonly proofDetail: string | null
  /** The server cannot rename: what was sent went to the final name itself. */
  readonly writtenDirectly?: true
  /** Nothing of what was sent is of use to the next attempt. */
  readonly keptNothing?: true
  /** What became of the file that was under the final name, as far as this process saw it. */
  readonly previous?: Previous
  /** `sha256:…` of the whole file, when known. */
  readonly digest: string | null
  readonly durationMs: number
}

/** The journal as the engine writes it. Recording is immediate in memory; the keeper brings it to the disk and to the store in that order. */
export interface Recorder {
  entry(key: string): JournalEntry | null
  /** The promise, where there is one, resolves when the disk has it; it never rejects. */
  record(entry: JournalEntry): void | Promise<void>
  forget(key: string): void
  /** What is known of a server, by this process or an earlier one: what to try first, and nothing that must be so. */
  host(key: string): HostEntry | null
  learn(host: HostEntry): void
}

/** Opens the connection when it is first needed; what it returned is used until it is reported as failed for good. */
export interface RemoteSupply {
  get(signal: AbortSignal): Promise<Remote>
}

export interface EnginePorts {
  readonly clock: Clock
  readonly random: Random
  /** A fresh secret key for block checks: 32 random hex digits. */
  newKey(): string
  /** Eight random hex digits for names that no other process makes. */
  newNonce(): string
  readonly reporter: Reporter
  readonly recorder: Recorder
  /** Bytes per block for a file of this size; `blockSizeFor` outside the simulation. */
  blockSize(size: number): number
}

export interface TransferPolicy {
  readonly resume: 'auto' | 'never'
  readonly verify: 'auto' | 'full' | 'size'
  readonly onChange: 'restart' | 'fail'
  /** What to do on servers that let nobody rename: see the input of this name. */
  readonly publishWithoutRename: 'auto' | 'always' | 'never'
  readonly timeoutMs: number
  readonly retries: number
}
