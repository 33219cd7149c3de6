import type { RemotePorts } from '../remote.ts'
import type { FtpConfig } from './config.ts'
import type { Control } from './control.ts'
import { type DataConnection, openData } from './data.ts'
import type { Wait } from './deadline.ts'
import { type Reply, replyError } from './errors.ts'
import type { Features } from './features.ts'
import type { Intake } from './intake.ts'
import { Passive } from './passive.ts'
import { nameFor } from './paths.ts'
import type { Trust } from './trust.ts'
import type { Spelling, Ways } from './ways.ts'

const NOT_ASCII = /[^\0-\x7f]/
const NO_UTF8 =
  'the server does not say that it takes names in UTF-8: names with other characters than ASCII may not be found, or get another spelling there'

/** What every session of one Remote shares. */
export interface Server {
  readonly config: FtpConfig
  /** Null without TLS. */
  readonly trust: Trust | null
  readonly ports: RemotePorts
  readonly ways: Ways
}

/** One logged-in session. Used by one exchange at a time. */
export class Connection {
  readonly control: Control
  readonly features: Features
  /** The login directory, when the server tells it. */
  readonly home: string | null
  readonly timeoutMs: number
  /** A REST may still be in force: it is sticky on every known server, and `REST` before `APPE` overwrites on ProFTPD. */
  restartMarked = false
  /** ProFTPD remembers digests by name and modification second for as long as the session lives: which state of our writing they stem from. */
  digestEpoch: number | null = null
  /** Whether SIZE also answers for directories; null until asked. */
  sizeOfDirectories: boolean | null = null
  readonly #server: Server
  readonly #passive: Passive
  /** The working directory, as a path of ours; '' is the login directory. */
  #directory = ''
  /** From the opening of a data connection until the server's good word about it. */
  #transferring = false

  constructor(control: Control, features: Features, home: string | null, server: Server) {
    this.control = control
    this.features = features
    this.home = home
    this.timeoutMs = server.ports.timeoutMs
    this.#server = server
    this.#passive = new Passive(server.ways)
  }

  get ways(): Ways {
    return this.#server.ways
  }

  /** Whether another exchange may follow: after a transfer that failed, bytes and replies may still be on their way. */
  get clean(): boolean {
    return this.control.usable && !this.#transferring && (this.#directory === '' || this.home !== null)
  }

  /** The server has closed the transfer in order; a restart marker is used up with it. */
  endTransfer(): void {
    this.#transferring = false
    this.restartMarked = false
  }

  /** The transfer is over and the session in step, but a restart marker may have survived it. */
  abandonTransfer(): void {
    this.#transferring = false
  }

  wait(signal: AbortSignal): Wait {
    return { signal, timeoutMs: this.timeoutMs }
  }

  /** Sends one command and waits for its reply, whatever it is: but the end of the session is no answer to anything. */
  async command(command: string, signal: AbortSignal): Promise<Reply> {
    return await ask(this.control, command, this.wait(signal))
  }

  /** As `command`, for a transfer: preliminary replies count. */
  async begin(command: string, signal: AbortSignal): Promise<Reply> {
    const reply = await askAtOnce(this.control, command, this.wait(signal))
    if (reply.code === 425) this.#passive.failed()
    return reply
  }

  /** The reply that ends a transfer, whenever it comes. IIS says 425 here, after 150. */
  final(): Promise<Reply> {
    const final = this.control.final()
    final.then(
      (reply) => {
        if (reply.code === 425) this.#passive.failed()
        else if (isGood(reply)) this.#passive.worked()
      },
      () => undefined,
    )
    return final
  }

  /** To be called before anything is sent past `command`. */
  async realign(signal: AbortSignal): Promise<void> {
    if (this.control.echoed) await this.control.realign(this.wait(signal))
  }

  /**
   * The name of `path` for a command, after going where it is understood. So the working directory is looked after here alone: whatever an exchange did, and however
   * it ended, the next name is right.
   */
  async name(path: string, signal: AbortSignal, spelling: Spelling = this.ways.spelling): Promise<string> {
    if (NOT_ASCII.test(path) && !this.features.has('UTF8') && this.ways.first('UTF8')) this.#server.ports.warn(NO_UTF8)
    const { directory, name } = nameFor(path, spelling, this.home)
    if (directory !== '' && (await this.enter(directory, signal))) return name
    await this.#goHome(signal)
    return directory === '' ? name : nameFor(path, 'given', this.home).name
  }

  /** Makes `path` the working directory; false when the server refuses. */
  async enter(path: string, signal: AbortSignal): Promise<boolean> {
    return isGood(await this.enterAsked(path, signal))
  }

  /** As `enter`, with the server's answer; null when we are there. */
  async enterAsked(path: string, signal: AbortSignal): Promise<Reply | null> {
    if (path === this.#directory) return null
    await this.#goHome(signal)
    if (path === '') return null
    const reply = await this.command(`CWD ${nameFor(path, 'given', this.home).name}`, signal)
    if (isGood(reply)) this.#directory = path
    return reply
  }

  /** Opens a passive data connection, for receiving when there is an `intake`. */
  async openData(intake: Intake | null, signal: AbortSignal): Promise<DataConnection> {
    this.#transferring = true
    const { control } = this
    const dial = (port: number, timeoutMs: number): Promise<DataConnection> =>
      openData(control, port, this.#server.trust, intake, { signal, timeoutMs })
    return await this.#passive.open((command, timeoutMs) => ask(control, command, { signal, timeoutMs }), dial, this.timeoutMs)
  }

  /** Puts the restart marker to `offset`; false when the server refuses it. */
  async restartAt(offset: number, signal: AbortSignal): Promise<boolean> {
    if (offset === 0 && !this.restartMarked) return true
    const command = `REST ${offset}`
    const reply = await this.command(command, signal)
    // Also 3xx of another number; but a 2xx may be a server's answer to everything.
    if (reply.code >= 300 && reply.code < 400) {
      this.restartMarked = offset > 0
      return true
    }
    if (reply.code >= 500 && offset > 0) return false
    throw replyError(reply, command)
  }

  /** Back to the login directory, so that relative paths go on meaning the same. */
  async #goHome(signal: AbortSignal): Promise<void> {
    if (this.#directory === '') return
    if (this.home === null) {
      this.control.close()
      return
    }
    const command = `CWD ${this.home}`
    const reply = await this.command(command, signal)
    if (!isGood(reply)) {
      this.control.close()
      throw replyError(reply, command)
    }
    this.#directory = ''
  }
}

export function isGood(reply: Reply | null): boolean {
  return reply === null || (reply.code >= 200 && reply.code < 300)
}

/** `Command not implemented, superfluous at this site`: a good word where nothing needs doing, and none where something is to be changed. */
const SUPERFLUOUS = 202

export function isDone(reply: Reply): boolean {
  return isGood(reply) && reply.code !== SUPERFLUOUS
}

/** The answer to one command. A server that says that it is at it has not answered yet. */
export async function ask(control: Control, command: string, wait: Wait, action = command): Promise<Reply> {
  return await answer(control, command, wait, { action, reply: () => control.final() })
}

/** As `ask`, for a command that nothing preliminary can be said to. */
export async function askAtOnce(control: Control, command: string, wait: Wait): Promise<Reply> {
  return await answer(control, command, wait, { action: command, reply: () => control.reply() })
}

interface Answer {
  readonly action: string
  readonly reply: () => Promise<Reply>
}

/** As `ask`, where the end of the session (421) is an answer, too. */
export async function askOutright(control: Control, command: string, wait: Wait, action: string): Promise<Reply> {
  if (control.echoed) await control.realign(wait)
  control.send(command)
  return await control.within(control.final(), action, wait)
}

async function answer(control: Control, command: string, wait: Wait, { action, reply }: Answer): Promise<Reply> {
  if (control.echoed) await control.realign(wait)
  control.send(command)
  const said = await control.within(reply(), action, wait)
  if (said.code === 421) throw replyError(said, action)
  return said
}
