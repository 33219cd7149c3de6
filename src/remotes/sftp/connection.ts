/** One SSH connection with its SFTP channels: tuned, guarded, and ended for good. */
import type net from 'node:net'
import type { ClientCallback, SFTPWrapper } from 'ssh2'
import type SftpClient from 'ssh2-sftp-client'
import { TransferError } from '../../core/errors.ts'
import { formatDuration } from '../../core/units.ts'
import type { RemotePorts } from '../remote.ts'
import { connectionFailure } from './errors.ts'
import type { Habits } from './habits.ts'
import { Requests } from './requests.ts'
import { announcedExtensions, requestLimits, serverIdent, watchChannel } from './tuning.ts'

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

interface Parts {
  readonly wrapper: SftpClient
  readonly sftp: SFTPWrapper
  readonly socket: net.Socket
  readonly where: string
  readonly ports: RemotePorts
  readonly habits: Habits
}

export class OpenConnection implements Connection {
  readonly requests: Requests
  readonly sftp: SFTPWrapper
  readonly ident: string
  readonly extensions: ReadonlySet<string>
  readonly limits: { readonly read: number; readonly write: number }
  readonly #wrapper: SftpClient
  readonly #socket: net.Socket
  readonly #where: string
  readonly #ports: RemotePorts
  readonly #habits: Habits
  readonly #channels: Requests[] = []
  readonly #listeners: (() => void)[] = []
  #second: Promise<Requests | null> | undefined
  #alive = true

  constructor({ wrapper, sftp, socket, where, ports, habits }: Parts) {
    this.#wrapper = wrapper
    this.#habits = habits
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
      habits: this.#habits,
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
