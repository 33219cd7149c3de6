import { TransferError } from '../../core/errors.ts'
import type { RemotePorts } from '../remote.ts'
import type { FtpConfig } from './config.ts'
import { Control } from './control.ts'
import { type DataConnection, openData } from './data.ts'
import { sharedWait, type Wait } from './deadline.ts'
import { type Reply, replyError, replyErrorAs, replyText } from './errors.ts'
import { type Features, parseDirectory, parseExtendedPassive, parseFeatures, parsePassive } from './features.ts'
import type { Intake } from './intake.ts'
import type { Trust } from './trust.ts'

/** What every session of one Remote shares. */
export interface Server {
  readonly config: FtpConfig
  /** Null without TLS. */
  readonly trust: Trust | null
  readonly ports: RemotePorts
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
  readonly #trust: Trust | null
  /** From the opening of a data connection until the server's good word about it. */
  #transferring = false
  #extendedPassive = true

  constructor(control: Control, features: Features, home: string | null, server: Server) {
    this.control = control
    this.features = features
    this.home = home
    this.timeoutMs = server.ports.timeoutMs
    this.#trust = server.trust
  }

  /** Whether another exchange may follow: after a transfer that failed, bytes and replies may still be on their way. */
  get clean(): boolean {
    return this.control.usable && !this.#transferring
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

  /** As `command`, but any reply outside 2xx is thrown. */
  async request(command: string, signal: AbortSignal): Promise<Reply> {
    const reply = await this.command(command, signal)
    if (reply.code < 200 || reply.code > 299) throw replyError(reply, command)
    return reply
  }

  /** Back to the login directory, so that relative paths go on meaning the same. */
  async goHome(signal: AbortSignal): Promise<void> {
    if (this.home === null) {
      this.control.close()
      return
    }
    await this.request(`CWD ${this.home}`, signal)
  }

  /** Opens a passive data connection, for receiving when there is an `intake`. */
  async openData(intake: Intake | null, signal: AbortSignal): Promise<DataConnection> {
    this.#transferring = true
    const port = await this.#passivePort(signal)
    return await openData(this.control, port, this.#trust, intake, this.wait(signal))
  }

  /** Puts the restart marker to `offset`; false when the server refuses it. */
  async restartAt(offset: number, signal: AbortSignal): Promise<boolean> {
    if (offset === 0 && !this.restartMarked) return true
    const command = `REST ${offset}`
    const reply = await this.command(command, signal)
    if (reply.code === 350) {
      this.restartMarked = offset > 0
      return true
    }
    if (reply.code >= 500 && offset > 0) return false
    throw replyError(reply, command)
  }

  async #passivePort(signal: AbortSignal): Promise<number> {
    if (this.#extendedPassive) {
      const reply = await this.command('EPSV', signal)
      const port = reply.code === 229 ? parseExtendedPassive(reply.text) : null
      if (port !== null) return port
      // Pure-FTPd -b lists EPSV in FEAT and refuses it.
      this.#extendedPassive = false
    }
    const reply = await this.request('PASV', signal)
    const port = parsePassive(reply.text)
    if (port === null) throw replyErrorAs('protocol', reply, 'PASV')
    return port
  }
}

/** Connects, verifies the server, logs in and asks for its features; all of it within one `timeoutMs`. */
export async function connect(server: Server, signal: AbortSignal): Promise<Connection> {
  const wait = sharedWait(signal, server.ports.timeoutMs)
  const control = new Control(server.ports.debug, server.ports.redact)
  try {
    await greet(control, server, wait)
    await logIn(control, server, wait)
    if (server.trust !== null) await protectData(control, wait)
    const feat = await ask(control, 'FEAT', wait)
    const features = feat.code === 211 ? parseFeatures(feat.text) : new Map<string, string>()
    // Pure-FTPd (504) and pyftpdlib (501) refuse it and speak UTF-8 all the same.
    if (features.has('UTF8')) await ask(control, 'OPTS UTF8 ON', wait)
    const type = await ask(control, 'TYPE I', wait)
    if (type.code !== 200) throw replyError(type, 'TYPE I')
    const directory = await ask(control, 'PWD', wait)
    return new Connection(control, features, directory.code === 257 ? parseDirectory(directory.text) : null, server)
  } catch (error) {
    control.close()
    throw error
  }
}

async function ask(control: Control, command: string, wait: Wait, action = command): Promise<Reply> {
  control.send(command)
  const reply = await control.expect(action, wait)
  if (reply.code === 421) throw replyError(reply, action)
  return reply
}

async function greet(control: Control, server: Server, wait: Wait): Promise<void> {
  const { config, trust } = server
  const implicit = trust !== null && config.tls === 'implicit'
  const greeting = implicit
    ? await control.connectSecurely(config.host, config.port, trust, wait)
    : await control.connect(config.host, config.port, wait)
  if (greeting.code < 200 || greeting.code > 299) throw replyError(greeting, 'connecting')
  if (trust === null || implicit) return
  const reply = await ask(control, 'AUTH TLS', wait)
  if (reply.code !== 234) {
    const hint = 'Nothing is sent without TLS to an ftps:// URL. If clear text is meant, write ftp://.'
    throw replyErrorAs('untrusted', reply, 'AUTH TLS', hint)
  }
  await control.upgrade(trust, wait)
}

async function logIn(control: Control, { config, ports }: Server, wait: Wait): Promise<void> {
  ports.presenting?.()
  const user = await ask(control, `USER ${config.username}`, wait)
  if (user.code >= 200 && user.code < 300) return
  if (user.code !== 331) throw replyError(user, `logging in as ${config.username}`)
  // The command is a secret: it must not be what an error is named after.
  const done = await ask(control, `PASS ${config.password}`, wait, 'PASS')
  if (done.code < 200 || done.code > 299) throw replyError(done, `logging in as ${config.username}`)
}

async function protectData(control: Control, wait: Wait): Promise<void> {
  // PBSZ has only one legal argument; what counts is the answer to PROT.
  await ask(control, 'PBSZ 0', wait)
  const reply = await ask(control, 'PROT P', wait)
  if (reply.code !== 200) {
    throw new TransferError('untrusted', `the server does not encrypt data connections: PROT P: ${replyText(reply)}`, {
      hint: 'No file is sent or taken over an unencrypted connection to an ftps:// URL.',
    })
  }
}
