/**
 * Digests by the account's own shell, where it has one. On a connection on which nothing else is going on: a server may end it for the asking. Believed only in directories where the
 * shell told the digest of a file that SFTP had just put there. Whatever else comes of the question is "no", for good, and never an error of the transfer.
 */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Digester } from '../remote.ts'
import type { Leases } from './leases.ts'
import { type Outcome, runCommand } from './shell-command.ts'
import { type Scratch, withScratch } from './shell-scratch.ts'
import { ANSWER_MAX, COMMAND, digestIn, requestFor } from './shell-script.ts'
import { statFile } from './stat.ts'

/** Asking about the scratch file, all together. */
const PROBE_MS = 8000
/** A server that digests at this rate is given the time for it, in bytes per millisecond. */
const DIGEST_RATE = 16 * 1024
/** A connection that was lost may have been lost for other reasons, once. */
const STRIKES_MAX = 2

export interface ShellPorts {
  readonly leases: Leases
  readonly timeoutMs: number
  redact(text: string): string
  debug(message: string): void
  /** For the log and the summary. */
  note(message: string): void
}

interface Question {
  readonly path: string
  readonly range: ByteRange
  readonly size: number
  readonly limitMs: number
}

interface Failure {
  /** `no`: not this file. `wrong`: never. `lost`: the connection went, for whatever reason. */
  readonly kind: 'no' | 'wrong' | 'lost'
  readonly why: string
}

type Answer = { readonly kind: 'digest'; readonly digest: string } | Failure

export class ShellDigester implements Digester {
  readonly algorithm = 'sha256'
  readonly ranges = 'any'
  readonly #ports: ShellPorts
  readonly #believed = new Map<string, boolean>()
  #strikes = 0
  #refusal: string | null = null

  constructor(ports: ShellPorts) {
    this.#ports = ports
  }

  /** False once the account has turned out to have no shell that helps. */
  get hopeful(): boolean {
    return this.#refusal === null
  }

  async digest(path: string, range: ByteRange, signal: AbortSignal): Promise<string> {
    throwIfAborted(signal)
    const directory = directoryName(path)
    if (this.hopeful && !this.#believed.has(directory)) await this.#probe(directory, signal)
    if (!this.hopeful || this.#believed.get(directory) !== true) throw this.#cannot('not in this directory')
    const found = await this.#ports.leases.shared(signal, ({ requests }) => statFile(requests, path))
    if (found === null) throw new TransferError('not-found', `cannot digest ${path}: there is no such file`)
    // A pipe would wait for ever, and a short file has no such range.
    if (found.kind !== 'file' || found.size === null || found.size < range.end)
      throw this.#cannot(`${path} is no file of ${range.end} bytes`)
    const limitMs = this.#ports.timeoutMs / 2 + (range.end - range.start) / DIGEST_RATE
    const answer = await this.#ask({ path, range, size: found.size, limitMs }, signal)
    if (answer.kind === 'digest') {
      this.#strikes = 0
      return answer.digest
    }
    this.#learn(answer, directory)
    throw this.#cannot(answer.why)
  }

  /** What is not known afterwards is asked again another time: a connection may have been lost for another reason. */
  async #probe(directory: string, signal: AbortSignal): Promise<void> {
    // Ends before whoever watches this exchange loses patience: to them it would look like a server that is gone.
    const until = AbortSignal.any([signal, AbortSignal.timeout(Math.min(PROBE_MS, this.#ports.timeoutMs / 2))])
    try {
      await withScratch(this.#ports, directory, until, (scratch) => this.#judge(directory, scratch, until))
    } catch (error) {
      this.#ports.debug(`digests by the shell: ${String(error)}`)
      if (signal.aborted) this.#strike('it did not answer in time')
      throwIfAborted(signal)
      if (until.aborted) this.#refuse('it did not answer in time')
      else if (!(error instanceof TransferError) || error.kind !== 'transient') this.#believed.set(directory, false)
    }
  }

  async #judge(directory: string, { path, size, asked }: Scratch, signal: AbortSignal): Promise<void> {
    // One after the other: most shells that say no say it once, and fish makes folders of its own when it first starts, of which two at once complain.
    for (const { range, digest } of asked) {
      const answer = await this.#ask({ path, range, size, limitMs: PROBE_MS }, signal)
      if (answer.kind === 'lost') return this.#strike(answer.why)
      if (answer.kind !== 'digest') return this.#refuse(answer.why)
      if (answer.digest !== digest) return this.#refuse('it does not find under a path what SFTP does')
    }
    this.#believed.set(directory, true)
  }

  /** Rejects only when the signal aborts. */
  async #ask(question: Question, signal: AbortSignal): Promise<Answer> {
    const request = requestFor(question.path, question.range, question.size)
    const command = { line: COMMAND, input: request, outputMax: ANSWER_MAX, limitMs: question.limitMs }
    const { leases, debug, redact } = this.#ports
    let outcome: Outcome
    try {
      // Alone on it: what ends with the connection is only this question.
      const alone = { shareable: false, outlivesAbort: true }
      outcome = await leases.exclusive(signal, (connection) => runCommand(connection, command, signal), alone)
    } catch (error) {
      throwIfAborted(signal)
      debug(`digests by the shell: ${String(error)}`)
      // A second login may be refused where the first one was not: a one-time code, a limit of sessions. It is not tried again.
      const refused = error instanceof TransferError && error.kind !== 'transient'
      return { kind: refused ? 'wrong' : 'lost', why: 'no further connection is to be had' }
    }
    if (outcome.kind === 'output') {
      const digest = digestIn(outcome.bytes, request)
      return digest === null ? { kind: 'wrong', why: 'it does not answer as asked' } : { kind: 'digest', digest }
    }
    debug(`digests by the shell: ${outcome.why}: ${redact(outcome.words)}`)
    return { kind: outcome.kind === 'late' ? 'wrong' : outcome.kind, why: outcome.why }
  }

  /** Of an answer about a file, where the shell had answered rightly before. */
  #learn({ kind, why }: Failure, directory: string): void {
    if (kind === 'lost') this.#strike(why)
    else if (kind === 'wrong') this.#refuse(why)
    else this.#believed.set(directory, false)
  }

  #strike(why: string): void {
    this.#strikes += 1
    if (this.#strikes >= STRIKES_MAX) this.#refuse(why)
  }

  #refuse(why: string): void {
    if (this.#refusal !== null) return
    this.#refusal = why
    this.#ports.note(`the account's shell computes no digests (${why}): what is stored is proven without them`)
  }

  #cannot(why: string): TransferError {
    return new TransferError('unsupported', `no digest by the account's shell: ${this.#refusal ?? why}`)
  }
}
