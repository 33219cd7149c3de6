/** One SSH connection with one SFTP channel: made within a deadline, tuned, guarded, and ended for good. */
import type net from 'node:net'
import type { ClientCallback, ConnectConfig, SFTPWrapper } from 'ssh2'
import SftpClient from 'ssh2-sftp-client'
import { abortError, TransferError, throwIfAborted } from '../../core/errors.ts'
import { formatDuration } from '../../core/units.ts'
import { type Reaching, reach } from '../reach.ts'
import type { RemotePorts } from '../remote.ts'
import { authentication } from './authentication.ts'
import type { SftpConfig } from './config.ts'
import { connectionFailure } from './errors.ts'
import { hostKeyAlgorithms, pinOf, verifyHostKey } from './host-key.ts'
import { Requests } from './requests.ts'
import { announcedExtensions, type QuickSocket, quickSocket, requestLimits, serverIdent, useKeyObjects, watchChannel } from './tuning.ts'

const KEEPALIVE_MS = 15_000
const KEEPALIVES_MAX = 3
/** Its sshd gives each channel 2 MiB on their way, and no more: 40 MB/s at 50 ms of round trip. A second channel has as much again. */
const WINDOW_PER_CHANNEL = /^SSH-2\.0-OpenSSH_/
/** For the peer to answer our goodbye. */
const GOODBYE_MS = 300

export interface Connection {
  readonly requests: Requests
  readonly sftp: SFTPWrapper
  readonly ident: string
  readonly extensions: ReadonlySet<string>
  /** Largest useful READ and WRITE, in bytes. */
  readonly limits: { readonly read: number; readonly write: number }
  readonly alive: boolean
  /** Requests that the server has not answered, on all channels. */
  readonly outstanding: number
  /** A second channel, opened when it is first asked for; null where none is to be had, or where none is known to help. */
  second(): Promise<Requests | null>
  /** Runs a command in a channel without terminal, agent and environment. Throws when the connection is gone. */
  execute(command: string, started: ClientCallback): void
  /** Ends it at once: everything outstanding fails with `reason`. */
  retire(reason: TransferError): void
  /** Says goodbye and waits for it a moment. Never rejects. */
  end(): Promise<void>
  /** Called once when the connection is gone for whatever reason. */
  onEnd(listener: () => void): void
}

/** Connects, verifies the host key, authenticates and opens the SFTP channel, all within `ports.timeoutMs`. */
export async function connect(config: SftpConfig, ports: RemotePorts, signal: AbortSignal): Promise<Connection> {
  throwIfAborted(signal)
  const attempt = new Attempt(config, ports)
  const abort = (): void => attempt.fail(abortError(signal))
  signal.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(() => attempt.timeOut(), ports.timeoutMs)
  try {
    return await Promise.race([attempt.run(), attempt.failed])
  } catch (error) {
    attempt.abandon()
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

class Attempt {
  readonly failed: Promise<never>
  readonly #config: SftpConfig
  readonly #ports: RemotePorts
  readonly #where: string
  readonly #reaching: Reaching<QuickSocket>
  #quick: QuickSocket | null = null
  #stage = 'connecting'
  #reject: (error: TransferError) => void = () => {}

  constructor(config: SftpConfig, ports: RemotePorts) {
    this.#config = config
    this.#ports = ports
    this.#where = `${config.host}:${config.port}`
    this.#reaching = reach({ host: config.host, port: config.port }, quickSocket)
    this.failed = new Promise((_, reject) => {
      this.#reject = reject
    })
    this.failed.catch(() => {})
  }

  fail(error: TransferError): void {
    this.#reject(error)
  }

  timeOut(): void {
    const message = `${this.#where}: no SFTP session within ${formatDuration(this.#ports.timeoutMs)} (while ${this.#stage})${this.#quick === null ? this.#reaching.tried() : ''}`
    this.fail(new TransferError('transient', message))
  }

  abandon(): void {
    this.#reaching.stop(new TransferError('stopped', 'the attempt was given up'))
    this.#quick?.socket.destroy()
  }

  async run(): Promise<Connection> {
    const { debug, redact } = this.#ports
    const quick = await this.#dial()
    this.#stage = 'waiting for the SSH handshake'
    // Its own callbacks would print to the console.
    const wrapper = new SftpClient('sftp', { error() {}, end() {}, close() {} })
    const { client } = wrapper
    const login = authentication(this.#config, debug)
    client.on('error', (raw: Error & { readonly level?: string }) => {
      if (raw.level === 'client-authentication') this.fail(login.denial(this.#where))
      else this.fail(connectionFailure(raw, this.#where, redact))
    })
    client.on('close', () => this.fail(new TransferError('transient', `${this.#where}: the connection was closed while ${this.#stage}`)))
    client.on('handshake', (negotiated) => {
      // The host key has been judged, and nothing has been said of us.
      this.#ports.presenting?.()
      useKeyObjects(client)
      quick.reuseBuffer()
      this.#stage = 'logging in'
      debug(`key exchange ${negotiated.kex}, host key ${negotiated.serverHostKey}, cipher ${negotiated.cs.cipher}/${negotiated.sc.cipher}`)
    })
    client.on('banner', (text: string) => debug(`banner: ${redact(text)}`))
    client.on('ready', () => {
      this.#stage = 'opening the SFTP channel'
    })
    let sftp: SFTPWrapper
    try {
      sftp = await wrapper.connect(this.#options(quick.socket, login.handler))
    } catch (error) {
      // A listener above has usually told the reason better.
      throw connectionFailure(error instanceof Error ? { message: error.message } : { message: String(error) }, this.#where, redact)
    }
    const connection = new OpenConnection(wrapper, sftp, quick.socket, this.#where, this.#ports)
    const { read, write } = connection.limits
    debug(
      `connected to ${connection.ident || 'an unnamed server'}: requests of ${read}/${write} bytes, ${[...connection.extensions].join(' ') || 'no extensions'}`,
    )
    return connection
  }

  async #dial(): Promise<QuickSocket> {
    this.#ports.debug(`connecting to ${this.#where}`)
    try {
      this.#quick = await this.#reaching.connected
    } catch (error) {
      throw connectionFailure(error instanceof Error ? error : { message: String(error) }, this.#where, this.#ports.redact)
    }
    this.#quick.coalesceWrites()
    return this.#quick
  }

  #options(sock: net.Socket, authHandler: NonNullable<ConnectConfig['authHandler']>): ConnectConfig {
    return {
      sock,
      username: this.#config.username,
      authHandler,
      // The deadline of this attempt covers more than ssh2's own.
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVES_MAX,
      hostVerifier: (key: Buffer) => this.#trusts(key),
      // Ciphers stay ssh2's own: AES-GCM first, which costs half the processor time of the others in JavaScript.
      algorithms: { serverHostKey: hostKeyAlgorithms(this.#config.trust) },
    }
  }

  #trusts(key: Buffer): boolean {
    try {
      verifyHostKey(key, this.#config.trust)
      this.#ports.debug(`host key ${pinOf(key)} is trusted`)
      return true
    } catch (error) {
      this.fail(error instanceof TransferError ? error : new TransferError('internal', String(error), { cause: error }))
      return false
    }
  }
}

class OpenConnection implements Connection {
  readonly requests: Requests
  readonly sftp: SFTPWrapper
  readonly ident: string
  readonly extensions: ReadonlySet<string>
  readonly limits: { readonly read: number; readonly write: number }
  readonly #wrapper: SftpClient
  readonly #socket: net.Socket
  readonly #where: string
  readonly #ports: RemotePorts
  readonly #channels: Requests[] = []
  readonly #listeners: (() => void)[] = []
  #second: Promise<Requests | null> | undefined
  #alive = true

  constructor(wrapper: SftpClient, sftp: SFTPWrapper, socket: net.Socket, where: string, ports: RemotePorts) {
    this.#wrapper = wrapper
    this.#socket = socket
    this.#where = where
    this.#ports = ports
    this.sftp = sftp
    this.ident = serverIdent(wrapper.client)
    this.extensions = announcedExtensions(sftp)
    this.limits = requestLimits(sftp)
    this.requests = this.#guarded(sftp)
    wrapper.client.on('error', (error: Error) => this.retire(connectionFailure(error, where, ports.redact)))
    wrapper.client.on('end', () => this.#lose('the server ended the connection'))
    wrapper.client.on('close', () => this.#lose('the connection was closed'))
  }

  #guarded(sftp: SFTPWrapper): Requests {
    const requests = new Requests(sftp, {
      timeoutMs: this.#ports.timeoutMs,
      redact: this.#ports.redact,
      drained: () => this.#socket.bytesWritten - this.#socket.writableLength,
      silent: () => this.#lose(`no answer for ${formatDuration(this.#ports.timeoutMs)}`),
    })
    watchChannel(this.#wrapper.client, sftp, requests.intake, () => requests.heard())
    this.#channels.push(requests)
    // ssh2 never settles requests of a channel that died under a living connection (the server's sftp process was killed).
    sftp.on('end', () => this.#lose('the SFTP channel ended'))
    sftp.on('close', () => this.#lose('the SFTP channel was closed'))
    sftp.on('error', (error: Error) => this.retire(connectionFailure(error, this.#where, this.#ports.redact)))
    return requests
  }

  #lose(what: string): void {
    this.retire(new TransferError('transient', `${this.#where}: ${what}`))
  }

  get outstanding(): number {
    return this.#channels.reduce((sum, requests) => sum + requests.outstanding, 0)
  }

  second(): Promise<Requests | null> {
    this.#second ??= this.#openSecond()
    return this.#second
  }

  async #openSecond(): Promise<Requests | null> {
    if (!WINDOW_PER_CHANNEL.test(this.ident)) return null
    const opened = await new Promise<SFTPWrapper | null>((resolve) => {
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        resolve(null)
      }, this.#ports.timeoutMs)
      this.#wrapper.client.sftp((error: Error | undefined, sftp: SFTPWrapper) => {
        clearTimeout(timer)
        if (error !== undefined) return resolve(null)
        if (!isLate) return resolve(sftp)
        sftp.on('error', () => {}) // nobody else listens
        sftp.end()
      })
    })
    if (opened === null || !this.#alive) return null
    return this.#guarded(opened)
  }

  execute(command: string, started: ClientCallback): void {
    this.#wrapper.client.exec(command, started)
  }

  get alive(): boolean {
    return this.#alive
  }

  onEnd(listener: () => void): void {
    this.#listeners.push(listener)
  }

  retire(reason: TransferError): void {
    this.#finish(reason)
    this.#socket.destroy()
  }

  async end(): Promise<void> {
    this.#finish(new TransferError('stopped', 'the connection was closed by us'))
    if (this.#socket.destroyed) return
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
    const timer = setTimeout(() => this.#socket.destroy(), GOODBYE_MS)
    this.#wrapper.client.end()
    await closed
    clearTimeout(timer)
  }

  #finish(reason: TransferError): void {
    if (!this.#alive) return
    this.#alive = false
    for (const requests of this.#channels) requests.die(reason)
    for (const listener of this.#listeners) listener()
  }
}
