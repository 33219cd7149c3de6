import net from 'node:net'
import * as tls from 'node:tls'
import { TransferError } from '../../core/errors.ts'
import type { Control } from './control.ts'
import { bounded, type Wait } from './deadline.ts'
import { socketError } from './errors.ts'
import type { Intake } from './intake.ts'
import { assertTrustedData, type Trust } from './trust.ts'

const KEEP_ALIVE_MS = 30_000

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
    let secured = false
    ready.then(
      () => {
        secured = true
      },
      () => undefined,
    )
    socket.on('error', (error) => {
      this.#failure ??= socketError(error, 'data connection', secured)
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

  /**
   * Ends with a reset, which throws away what has not been delivered: after `destroy` the kernel goes on delivering it for minutes. Node resets plain sockets only; of
   * TLS the handle below is reset where Node 24's private field names it.
   */
  reset(): void {
    const handle: unknown = Reflect.get(this.socket, '_handle')
    const below: unknown = typeof handle === 'object' && handle !== null && '_parent' in handle ? handle._parent : null
    if (typeof below === 'object' && below !== null && 'reset' in below && typeof below.reset === 'function') below.reset(() => undefined)
    else if (handle instanceof Object && !(this.socket instanceof tls.TLSSocket)) this.socket.resetAndDestroy()
    this.socket.destroy()
  }
}

/**
 * Connects to `port` of the control connection's host, never anywhere else. What arrives goes to `intake`, which delivers nothing until it is opened.
 */
export async function openData(
  control: Control,
  port: number,
  trust: Trust | null,
  intake: Intake | null,
  wait: Wait,
): Promise<DataConnection> {
  const host = control.remoteAddress
  const reading: Pick<net.SocketConstructorOpts, 'onread'> = intake === null ? {} : { onread: into(intake) }
  if (trust === null) {
    const socket = new net.Socket(reading)
    socket.pause()
    socket.connect({ host, port })
    await connected(socket, port, wait)
    return new DataConnection(socket, Promise.resolve())
  }
  const session = control.tlsSession
  // `onread` is an option of the socket below, which the type does not know.
  const options: tls.ConnectionOptions & Pick<net.SocketConstructorOpts, 'onread'> = {
    ...trust.options,
    ...reading,
    port,
    // The name stays that of the control connection, or the session could not be continued; the address does too.
    lookup: fixedLookup(host),
    ...(session === undefined ? {} : { session }),
  }
  const socket = tls.connect(options)
  socket.on('session', (ticket) => control.keepTlsSession(ticket))
  const ready = secured(socket, trust)
  ready.catch(() => undefined)
  await connected(socket, port, wait)
  return new DataConnection(socket, ready)
}

/** The kernel, or TLS, writes straight into the intake's buffers: a fifth less work than events with a buffer each. */
function into(intake: Intake): net.OnReadOpts {
  return {
    buffer: () => intake.room(),
    callback: (count) => {
      intake.advance(count)
      return !intake.held
    },
  }
}

function fixedLookup(address: string): net.LookupFunction {
  const family = net.isIPv6(address) ? 6 : 4
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
}

function connected(socket: net.Socket, port: number, wait: Wait): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      socket.setKeepAlive(true, KEEP_ALIVE_MS)
      socket.setNoDelay(true)
      resolve()
    })
  })
  const late = (): Error => new TransferError('transient', `the data connection to port ${port} could not be opened in time`)
  return bounded(done, wait, late).catch((error: unknown) => {
    socket.on('error', () => undefined)
    socket.destroy()
    throw socketError(error, `the data connection to port ${port} could not be opened`)
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
