/** Makes one connection: host key first, login second, SFTP channel third, all within one deadline. */
import type net from 'node:net'
import type { Client, ConnectConfig, ServerHostKeyAlgorithm, SFTPWrapper } from 'ssh2'
import SftpClient from 'ssh2-sftp-client'
import { abortError, TransferError, throwIfAborted } from '../../core/errors.ts'
import { formatDuration } from '../../core/units.ts'
import { type Reaching, reach } from '../reach.ts'
import type { RemotePorts } from '../remote.ts'
import { type Authentication, authentication } from './authentication.ts'
import type { SftpConfig } from './config.ts'
import { type Connection, OpenConnection } from './connection.ts'
import { connectionFailure, sessionFailure } from './errors.ts'
import { fields } from './fields.ts'
import type { Habits } from './habits.ts'
import { hostKeyAlgorithms, offeredAlgorithms, otherAlgorithms, pinOf, verifyHostKey } from './host-key.ts'
import { keyTypeOf } from './known-hosts.ts'
import { Overheard } from './overheard.ts'
import { type QuickSocket, quickSocket, useKeyObjects } from './tuning.ts'

/** Only keeps the way open through address translation. Whether the server lives is told by the requests, which it answers or not. */
const KEEPALIVE_MS = 15_000
/** For what the server's command prints to arrive behind its exit status. */
const LAST_WORDS_MS = 300

export interface Destination {
  readonly config: SftpConfig
  readonly ports: RemotePorts
  readonly habits: Habits
}

/**
 * Connects, verifies the host key, authenticates and opens the SFTP channel, all within `ports.timeoutMs`. A server whose key has none of the pins is asked for its
 * keys of the other types, each on a connection of its own and before anything is told of us.
 */
export async function connect(destination: Destination, signal: AbortSignal): Promise<Connection> {
  throwIfAborted(signal)
  const { config, ports, habits } = destination
  const late = new AbortController()
  let stage = (): string => 'connecting'
  let tried = (): string => ''
  const timer = setTimeout(() => {
    const message = `${config.host}:${config.port}: no SFTP session within ${formatDuration(ports.timeoutMs)} (while ${stage()})${tried()}`
    late.abort(new TransferError('transient', message))
  }, ports.timeoutMs)
  const until = AbortSignal.any([signal, late.signal])
  try {
    let algorithms: readonly ServerHostKeyAlgorithm[] = hostKeyAlgorithms(config.trust, habits.hostKeyType)
    let first: unknown = null
    for (;;) {
      const attempt = new Attempt(destination, algorithms)
      stage = () => attempt.stage
      tried = () => attempt.tried
      try {
        const connection = await attempt.within(until)
        habits.hostKeyType = attempt.keyType
        return connection
      } catch (error) {
        first ??= error
        algorithms = attempt.otherKeys(error)
        if (algorithms.length === 0) throw attempt.keyType === '' && !until.aborted ? first : worse(first, error)
        ports.debug('this key has none of the fingerprints: asking for a key of another type')
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Of several keys that are not trusted the first is told: it is what other programs see. */
function worse(first: unknown, last: unknown): unknown {
  return last instanceof TransferError && last.kind === 'untrusted' ? first : last
}

class Attempt {
  readonly failed: Promise<never>
  /** Of the key that the server offered; empty before that. */
  keyType = ''
  stage = 'connecting'
  readonly #config: SftpConfig
  readonly #ports: RemotePorts
  readonly #habits: Habits
  readonly #algorithms: readonly ServerHostKeyAlgorithm[]
  /** Those that the server has, as far as they can be seen. */
  #offered: readonly string[] | null = null
  readonly #overheard: Overheard
  readonly #where: string
  readonly #login: Authentication
  readonly #reaching: Reaching<QuickSocket>
  #quick: QuickSocket | null = null
  /** The SFTP channel has failed, and why is being told. */
  #judging = false
  #over = false
  #reject: (error: TransferError) => void = () => {}

  constructor({ config, ports, habits }: Destination, algorithms: readonly ServerHostKeyAlgorithm[]) {
    this.#config = config
    this.#ports = ports
    this.#habits = habits
    this.#algorithms = algorithms
    this.#overheard = new Overheard(ports.redact)
    this.#where = `${config.host}:${config.port}`
    this.#login = authentication(config, ports, { where: this.#where, fail: (error) => this.fail(error) })
    this.#reaching = reach({ host: config.host, port: config.port }, quickSocket)
    this.failed = new Promise((_, reject) => {
      this.#reject = reject
    })
    this.failed.catch(() => {})
  }

  async within(signal: AbortSignal): Promise<Connection> {
    const abort = (): void => {
      const error = abortError(signal)
      this.fail(this.#login.dropped(error))
    }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await Promise.race([this.#run(), this.failed])
    } catch (error) {
      this.#reaching.stop(new TransferError('stopped', 'the attempt was given up'))
      this.#quick?.socket.destroy()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** What to ask for instead after `error`; nothing where the key is not what failed, or where no pin could speak for another one. */
  otherKeys(error: unknown): readonly ServerHostKeyAlgorithm[] {
    const { trust } = this.#config
    if (!(error instanceof TransferError) || error.kind !== 'untrusted' || this.keyType === '' || trust.pins.length === 0) return []
    return otherAlgorithms(this.#algorithms, this.keyType, this.#offered)
  }

  /** The addresses, while none has answered. */
  get tried(): string {
    return this.#quick === null ? this.#reaching.tried() : ''
  }

  fail(error: TransferError): void {
    this.#over = true
    this.#reject(error)
  }

  async #run(): Promise<Connection> {
    const quick = await this.#dial()
    this.stage = 'waiting for the SSH handshake'
    // Its own callbacks would print to the console.
    const wrapper = new SftpClient('sftp', { error() {}, end() {}, close() {} })
    const { client } = wrapper
    this.#listen(client, quick)
    try {
      const sftp = await wrapper.connect(this.#options(client, quick.socket))
      return this.#opened(wrapper, sftp, quick.socket)
    } catch (error) {
      // A listener has usually told the reason better.
      throw this.#login.dropped(await this.#judged(error))
    }
  }

  #listen(client: Client, quick: QuickSocket): void {
    const login = this.#login
    const { debug, redact } = this.#ports
    client.on('error', (raw: Error & { readonly level?: string }) => {
      if (this.#judging) return
      if (raw.level === 'client-authentication') this.fail(this.#overheard.added(login.denial()))
      else this.#ended(connectionFailure(raw, this.#where, redact))
    })
    client.on('close', () => {
      if (!this.#judging) this.#ended(new TransferError('transient', `${this.#where}: the connection was closed while ${this.stage}`))
    })
    client.on('change password', (prompt: string) => this.fail(login.expired(prompt)))
    client.on('handshake', (negotiated) => {
      // The host key has been judged, and nothing has been said of us.
      this.#ports.presenting?.()
      useKeyObjects(client)
      quick.encrypted(negotiated.sc.cipher)
      this.stage = 'logging in'
      debug(`key exchange ${negotiated.kex}, host key ${negotiated.serverHostKey}, cipher ${negotiated.cs.cipher}/${negotiated.sc.cipher}`)
    })
    client.on('banner', (text: string) => {
      this.#overheard.banner(text)
      debug(`banner: ${redact(text)}`)
    })
    client.on('ready', () => {
      login.taken()
      this.stage = 'opening the SFTP channel'
      this.#overheard.listen(client)
    })
  }

  /** What ends after the attempt was given up says nothing. */
  #ended(error: TransferError): void {
    if (!this.#over) this.fail(this.#overheard.added(this.#login.dropped(error)))
  }

  async #judged(error: unknown): Promise<TransferError> {
    const { redact } = this.#ports
    const raw = error instanceof Error ? { message: error.message } : { message: String(error) }
    if (this.stage !== 'opening the SFTP channel' || this.#quick?.socket.destroyed === true)
      return connectionFailure(raw, this.#where, redact)
    this.#judging = true
    await this.#overheard.end(LAST_WORDS_MS)
    return this.#overheard.added(sessionFailure(raw, this.#where, redact))
  }

  #opened(wrapper: SftpClient, sftp: SFTPWrapper, socket: net.Socket): Connection {
    const { debug } = this.#ports
    this.#overheard.stop()
    const parts = { wrapper, sftp, socket, where: this.#where, ports: this.#ports, habits: this.#habits }
    const connection = new OpenConnection(parts)
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

  #options(client: Client, sock: net.Socket): ConnectConfig {
    return {
      sock,
      username: this.#config.username,
      authHandler: this.#login.handler,
      // The deadline of this attempt covers more than ssh2's own.
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      // Servers that never answer them (tinyssh, netopeer2) would count as dead in the middle of a transfer.
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
      hostVerifier: (key: Buffer) => this.#trusts(client, key),
      // Ciphers stay ssh2's own: AES-GCM first, which costs half the processor time of the others in JavaScript.
      algorithms: { serverHostKey: [...this.#algorithms] },
    }
  }

  #trusts(client: Client, key: Buffer): boolean {
    this.keyType = keyTypeOf(key)
    this.#offered = offeredAlgorithms(fields(fields(fields(client)?._protocol)?._kex)?._remoteKexinit)
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
