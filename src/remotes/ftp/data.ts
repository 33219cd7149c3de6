import net from 'node:net'
import * as tls from 'node:tls'
import { TransferError } from '../../core/errors.ts'
import type { Control } from './control.ts'
import { bounded, type Wait } from './deadline.ts'
import { socketError } from './errors.ts'
import type { Intake } from './intake.ts'
import { assertTrustedData, type Trust } from './trust.ts'

const KEEP_ALIVE_MS = 30_000
/** Enough to keep the kernel busy; little enough that a stop is soon through. */
const SEND_AHEAD_BYTES = 1024 * 1024

/**
 * One data connection. Errors are remembered instead of thrown from an event, because the server's words on the control connection say more about them.
 */
export class DataConnection {
  readonly socket: net.Socket
  readonly #ready: Promise<void>
  #failure: TransferError | null = null
  #ended = false
  /** Called when the server ended the connection, when it broke, and when it closed. */
  onEnd: () => void = () => undefined

  constructor(socket: net.Socket, ready: Promise<void>) {
    this.socket = socket
    this.#ready = ready
    ready.catch(() => undefined)
    socket.on('error', (error) => {
      this.#failure ??= socketError(error, 'data connection')
      this.onEnd()
    })
    socket.on('end', () => {
      this.#ended = true
      this.onEnd()
    })
    socket.on('close', () => this.onEnd())
  }

  get failure(): TransferError | null {
    return this.#failure
  }

  /** The server has sent its last byte in order. */
  get ended(): boolean {
    return this.#ended
  }

  /** With TLS: the handshake is done and the peer is the one we trust. */
  async ready(wait: Wait): Promise<void> {
    await bounded(this.#ready, wait, () => new TransferError('transient', 'data connection: TLS handshake: no answer from the server'))
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** Connects to `port` of the control connection's host, never anywhere else. Reading begins when the caller resumes the socket. */
export async function openData(
  control: Control,
  port: number,
  trust: Trust | null,
  intake: Intake | null,
  wait: Wait,
): Promise<DataConnection> {
  const raw = trust === null && intake !== null ? receivingSocket(intake) : sendingSocket()
  raw.setKeepAlive(true, KEEP_ALIVE_MS)
  raw.setNoDelay(true)
  raw.pause()
  await connected(raw, control.remoteAddress, port, wait)
  if (trust === null) return new DataConnection(raw, Promise.resolve())
  const session = control.tlsSession
  const options = { ...trust.options, socket: raw, highWaterMark: SEND_AHEAD_BYTES, ...(session === undefined ? {} : { session }) }
  const socket = tls.connect(options)
  socket.on('session', (ticket) => control.keepTlsSession(ticket))
  if (intake !== null) {
    socket.on('data', (chunk: Buffer) => {
      intake.push(chunk)
      if (intake.held) socket.pause()
    })
    // Adding a listener for data starts the flow.
    socket.pause()
  }
  return new DataConnection(socket, secured(socket, trust))
}

/** `net.Socket` hands its options to the stream below, which the type does not say. */
function sendingSocket(): net.Socket {
  const options: net.SocketConstructorOpts & { readonly writableHighWaterMark: number } = { writableHighWaterMark: SEND_AHEAD_BYTES }
  return new net.Socket(options)
}

function receivingSocket(intake: Intake): net.Socket {
  return new net.Socket({
    onread: {
      buffer: () => intake.room(),
      callback: (count) => {
        intake.advance(count)
        return !intake.held
      },
    },
  })
}

function connected(socket: net.Socket, host: string, port: number, wait: Wait): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect({ host, port }, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  const late = (): Error => new TransferError('transient', `the data connection to port ${port} could not be opened in time`)
  return bounded(done, wait, late).catch((error: unknown) => {
    socket.on('error', () => undefined)
    socket.destroy()
    throw socketError(error, 'data connection')
  })
}

function secured(socket: tls.TLSSocket, trust: Trust): Promise<void> {
  return new Promise((resolve, reject) => {
    const broken = (error: unknown): void => reject(socketError(error, 'data connection: TLS handshake'))
    socket.once('error', broken)
    socket.once('close', () => broken(new Error('the server closed the connection')))
    socket.once('secureConnect', () => {
      try {
        assertTrustedData(socket, trust)
        resolve()
      } catch (error) {
        reject(error)
        socket.destroy()
      }
    })
  })
}
