/** Opens single connections for the pool. */
import { isIP, type LookupFunction, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls'
import type { buildConnector } from 'undici'
import { abortError, TransferError } from '../../core/errors.ts'
import { type Place, type Reaching, reach } from '../reach.ts'
import { HANDSHAKE } from './trust.ts'

const READ_BYTES = 256 * 1024
/**
 * Reads go round in one buffer: fresh ones would have the garbage collector take a fifth of the time. What was read and not yet taken is bounded in bytes: the
 * stream's high-water mark (64 KiB), one read beyond it, and the chunk that a sink holds. Together a seventh of the buffer.
 */
const ROUND_BYTES = 4 * 1024 * 1024

export interface DialOptions {
  readonly trust: () => SecureContext
  readonly timeoutMs: number
  /** Destroys every connection when it aborts, also those being made. */
  readonly signal: AbortSignal
  readonly lookup?: LookupFunction
}

export function dialer(options: DialOptions): buildConnector.connector {
  return (target, callback) => {
    const isSecure = target.protocol === 'https:'
    const dial = new Dial(reach(placeOf(target, options, isSecure ? 443 : 80), isSecure ? plainSocket : roundSocket))
    const expire = (): void => {
      dial.end(new TransferError('transient', `no connection to ${target.hostname} within ${options.timeoutMs} ms${dial.tried()}`))
    }
    const timer = setTimeout(expire, options.timeoutMs)
    const { signal } = options
    const stop = (): void => dial.end(abortError(signal))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const forget = (): void => signal.removeEventListener('abort', stop)
    // The roots are read while the connection is made, or its address is looked up. That time is not the server's.
    const trust = isSecure ? nextTurn().then(options.trust) : null
    const restart = (): void => void (dial.settled || timer.refresh())
    trust?.then(restart, restart) // what failed is told once connected
    dial.run(target, trust).then(
      ({ lowest, socket }) => {
        clearTimeout(timer)
        lowest.once('close', forget)
        callback(null, socket)
      },
      (error: Error) => {
        clearTimeout(timer)
        forget()
        callback(error, null)
      },
    )
  }
}

interface Dialled {
  readonly lowest: Socket
  readonly socket: Socket
}

/** One connection being made: by one address or several, then below TLS. */
class Dial {
  readonly #reaching: Reaching<{ readonly socket: Socket }>
  /** What is used then is destroyed: below TLS the end would be told as the server's. */
  #current: Socket | null = null
  settled = false

  constructor(reaching: Reaching<{ readonly socket: Socket }>) {
    this.#reaching = reaching
  }

  tried(): string {
    return this.#current === null ? this.#reaching.tried() : ''
  }

  end(error: Error): void {
    if (this.#current === null) this.#reaching.stop(error)
    else this.#current.destroy(error)
  }

  async run(target: buildConnector.Options, trust: Promise<SecureContext> | null): Promise<Dialled> {
    try {
      const { socket: lowest } = await this.#reaching.connected
      this.#current = lowest
      lowest.setNoDelay(true)
      lowest.setKeepAlive(true)
      return { lowest, socket: trust === null ? lowest : await this.#secure(lowest, target, trust) }
    } finally {
      this.settled = true
    }
  }

  #secure(lowest: Socket, target: buildConnector.Options, trust: Promise<SecureContext>): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new TransferError('transient', `${target.hostname}: the connection was closed before its handshake`))
      lowest.on('error', reject)
      lowest.once('close', lost)
      const secure = (secureContext: SecureContext): void => {
        if (lowest.destroyed) return
        lowest.off('close', lost)
        const socket = secured(lowest, target, secureContext)
        this.#current = socket
        socket.once('secureConnect', () => resolve(socket)).on('error', reject)
      }
      trust.then(secure).catch((error: Error) => lowest.destroy(error))
    })
  }
}

function placeOf(target: buildConnector.Options, options: DialOptions, port: number): Place {
  return {
    host: target.hostname,
    port: target.port === '' ? port : Number(target.port),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  }
}

function plainSocket(): { readonly socket: Socket } {
  return { socket: new Socket() }
}

function secured(socket: Socket, { hostname }: buildConnector.Options, secureContext: SecureContext): TLSSocket {
  const servername = isIP(hostname) === 0 ? hostname : ''
  // With a socket given, `host` connects nothing: it is what the certificate must name where there is no server name.
  return tlsConnect({ socket, host: hostname, servername, secureContext, ...HANDSHAKE, ALPNProtocols: ['http/1.1'] })
}

/** Reads up to 256 KiB at once, where Node itself takes 64 KiB: a third less CPU time for each byte. */
function roundSocket(): { readonly socket: Socket } {
  const round = Buffer.allocUnsafeSlow(ROUND_BYTES)
  let at = 0
  const socket: Socket = new Socket({
    onread: {
      buffer: () => {
        if (at + READ_BYTES > ROUND_BYTES) at = 0
        return round.subarray(at, at + READ_BYTES)
      },
      callback: (length, buffer) => {
        at += length
        return socket.push(buffer.subarray(0, length))
      },
    },
  })
  return { socket }
}
