/** One command in a channel of its own: no terminal, no agent, no environment; bounded in time and in what it may say. */
import type { ClientChannel } from 'ssh2'
import { abortError, throwIfAborted } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { fields } from './fields.ts'

export interface Command {
  readonly line: string
  readonly input: Buffer
  readonly outputMax: number
  readonly limitMs: number
}

/** `no`: whatever is not an orderly end without a word on standard error. `lost`: the connection went. */
export type Outcome =
  | { readonly kind: 'output'; readonly bytes: Buffer }
  | { readonly kind: 'no' | 'late' | 'lost'; readonly why: string; readonly words: string }

const WORDS_MAX = 200

/** Rejects only when the signal aborts; the command is ended then, as it is when it takes too long or says too much. */
export function runCommand(connection: Connection, command: Command, signal: AbortSignal): Promise<Outcome> {
  throwIfAborted(signal)
  return new Promise((resolve, reject) => {
    const run = new Run(command, (outcome) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve(outcome)
    })
    const abort = (): void => {
      clearTimeout(timer)
      run.stop()
      reject(abortError(signal))
    }
    const timer = setTimeout(() => run.end('late', 'it did not answer in time'), command.limitMs)
    signal.addEventListener('abort', abort, { once: true })
    try {
      connection.execute(command.line, (error, channel) => {
        if (channel !== undefined && error === undefined) run.attach(channel, connection)
        else run.end(connection.alive ? 'no' : 'lost', 'the server runs no command')
      })
    } catch {
      run.end('lost', 'the connection is gone')
    }
  })
}

class Run {
  readonly #command: Command
  readonly #settle: (outcome: Outcome) => void
  readonly #output: Buffer[] = []
  #words = ''
  #said = 0
  #status: unknown
  #over = false
  #channel: ClientChannel | undefined

  constructor(command: Command, settle: (outcome: Outcome) => void) {
    this.#command = command
    this.#settle = settle
  }

  attach(channel: ClientChannel, connection: Connection): void {
    this.#channel = channel
    // Nobody else listens, and an error without a listener ends the process.
    channel.on('error', () => this.end('no', 'its channel failed'))
    channel.stderr.on('error', () => {})
    if (this.#over) {
      endCommand(channel)
      return
    }
    channel.on('data', (chunk: Buffer) => {
      if (this.#counts(chunk)) this.#output.push(chunk)
    })
    channel.stderr.on('data', (chunk: Buffer) => {
      if (this.#counts(chunk)) this.#words = (this.#words + chunk.toString('utf8')).slice(0, WORDS_MAX)
    })
    channel.on('exit', (status: unknown) => {
      this.#status = status
    })
    // A turn later: what ended the connection is known then.
    channel.on('close', () => setImmediate(() => this.#closed(connection.alive)))
    channel.end(this.#command.input)
  }

  #counts(chunk: Buffer): boolean {
    this.#said += chunk.length
    if (this.#said > this.#command.outputMax) this.end('no', 'it says more than it was asked')
    return !this.#over
  }

  #closed(alive: boolean): void {
    if (this.#words !== '') this.end('no', 'it complains')
    else if (this.#status === 0) this.#finish({ kind: 'output', bytes: Buffer.concat(this.#output) })
    else if (!alive) this.end('lost', 'the connection ended')
    else this.end('no', typeof this.#status === 'number' ? `it ended with status ${this.#status}` : 'it did not end by itself')
  }

  end(kind: 'no' | 'late' | 'lost', why: string): void {
    const words = this.#words || Buffer.concat(this.#output).toString('utf8').slice(0, WORDS_MAX)
    this.#finish({ kind, why, words })
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return
    this.stop()
    this.#settle(outcome)
  }

  stop(): void {
    this.#over = true
    if (this.#channel !== undefined) endCommand(this.#channel)
  }
}

/**
 * Without a terminal OpenSSH lets a command run on when its channel is closed: a digest of gigabytes would. It is asked to end it first. ssh2 1.17.0 does that
 * only before the end of the input was told, so its protocol object is used; where it is not as we know it, the command runs to its end.
 */
function endCommand(channel: ClientChannel): void {
  const known = fields(channel)
  const outgoing = fields(known?.outgoing)
  const protocol = fields(fields(known?._client)?._protocol)
  const open = outgoing?.state === 'open' || outgoing?.state === 'eof'
  if (open && typeof protocol?.signal === 'function') protocol.signal.call(protocol, outgoing?.id, 'KILL')
  channel.close()
}
