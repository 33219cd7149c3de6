import type { TransferError } from '../core/errors.ts'
import type { Remote } from '../remotes/remote.ts'
import { lastWordMs, watched } from './exchange.ts'
import { type Look, lookWith } from './look.ts'
import type { EnginePorts, Phase, TransferPolicy } from './ports.ts'
import { type Perseverance, persevere } from './scheduler.ts'

/** More runs than this do not meet on one file. */
const GIVE_WAY_MAX = 5

/** What the way up and the way down share: telling, bounding, counting progress. One per file. */
export class Session {
  readonly name: string
  readonly policy: TransferPolicy
  readonly ports: EnginePorts
  private mark = 0
  private givenWay = 0
  /** The same answer has come twice: asking once more changes nothing. */
  settled = false
  private saidUntold = false

  constructor(name: string, policy: TransferPolicy, ports: EnginePorts) {
    this.name = name
    this.policy = policy
    this.ports = ports
  }

  /** Repeats `attempt` as the scheduler decides. */
  persevere<T>(reactions: Pick<Perseverance, 'restart' | 'downgrade'>, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const { clock, random, reporter } = this.ports
    const how: Perseverance = {
      ...reactions,
      clock,
      random,
      policy: this.policy,
      isSettled: () => this.settled,
      progressMark: () => this.mark + this.givenWay,
      retrying: (error: TransferError, delayMs, failuresLeft) =>
        reporter.report({ kind: 'retrying', name: this.name, message: error.message, delayMs, failuresLeft }),
    }
    return persevere(how, signal, attempt)
  }

  /** An exchange without file bytes, bounded; `allowanceMs` longer where the server works silently. */
  guarded<T>(what: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>, allowanceMs = 0): Promise<T> {
    return watched({ clock: this.ports.clock, timeoutMs: this.policy.timeoutMs * 2, bytes: 0, what, allowanceMs }, signal, run)
  }

  /** Of a request for which servers over object stores copy all the bytes. The protocol's own patience ends before, with a message that tells more. */
  protected patient<T>(what: string, bytes: number, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.guarded(what, signal, run, lastWordMs(bytes))
  }

  /** A refusal to tell is an answer too, and is said once. */
  async look(remote: Remote, path: string, what: string, signal: AbortSignal): Promise<Look> {
    const look = await lookWith(() => this.guarded(what, signal, (s) => remote.stat(path, s)))
    if (look.is === 'unknown' && !this.saidUntold) {
      this.saidUntold = true
      this.note(`the server does not tell what it has (${look.why.message}); going on without knowing`)
    }
    return look
  }

  /** So many bytes are proven or acknowledged; more than ever before is progress. */
  advance(bytes: number): void {
    this.mark = Math.max(this.mark, bytes)
  }

  /** Another process got on with this file. That voids the plan of this one and is no disagreement with the server: progress too, but not for ever. */
  giveWay(): void {
    this.givenWay = Math.min(this.givenWay + 1, GIVE_WAY_MAX)
  }

  /** Another version of the source: what was reached with the old one says nothing. */
  protected restarted(): void {
    this.mark = 0
  }

  phase(phase: Phase, total: number | null): void {
    this.ports.reporter.report({ kind: 'phase', name: this.name, phase, total })
  }

  progress(done: number, reused = 0): void {
    this.ports.reporter.report({ kind: 'progress', name: this.name, done, reused })
  }

  planned(decision: string): void {
    this.ports.reporter.report({ kind: 'planned', name: this.name, decision })
  }

  warning(message: string): void {
    this.ports.reporter.report({ kind: 'warning', name: this.name, message })
  }

  note(message: string): void {
    this.ports.reporter.report({ kind: 'note', name: this.name, message })
  }
}
