/** Opens single connections for the pool. */
import { isIP, type LookupFunction, type Socket, connect as tcpConnect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls'
import type { buildConnector } from 'undici'
import { abortError, TransferError } from '../../core/errors.ts'
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
    let socket = isSecure ? tcpConnect(addressOf(target, options, 443)) : dialTcp(target, options)
    let told = false
    const tell = (error: Error | null): void => {
      if (told) return
      told = true
      clearTimeout(timer)
      if (error === null) callback(null, socket)
      else callback(error, null)
    }
    const expire = (): void => {
      socket.destroy(new TransferError('transient', `no connection to ${target.hostname} within ${options.timeoutMs} ms`))
    }
    const timer = setTimeout(expire, options.timeoutMs)
    socket.on('error', tell)
    stopWith(options.signal, socket, () => socket)
    if (!isSecure) return void socket.once('connect', () => tell(null))
    // The roots are read while the connection is made, or its address is looked up. That time is not the server's.
    const trust = nextTurn().then(options.trust)
    const restart = (): void => void (told || timer.refresh())
    trust.then(restart, restart) // what failed is told once connected
    socket.once('connect', () => {
      const secure = (secureContext: SecureContext): void => {
        if (told) return
        socket = secured(socket, target, secureContext)
        socket.once('secureConnect', () => tell(null)).on('error', tell)
      }
      trust.then(secure).catch((error: Error) => socket.destroy(error))
    })
  }
}

/** The socket that is used then is destroyed: below TLS the end would be told as the server's. */
function stopWith(signal: AbortSignal, lowest: Socket, current: () => Socket): void {
  const stop = (): void => void current().destroy(abortError(signal))
  signal.addEventListener('abort', stop, { once: true })
  lowest.once('close', () => signal.removeEventListener('abort', stop))
}

function addressOf(target: buildConnector.Options, options: DialOptions, port: number) {
  return {
    host: target.hostname,
    port: target.port === '' ? port : Number(target.port),
    noDelay: true,
    keepAlive: true,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  }
}

function secured(socket: Socket, { hostname }: buildConnector.Options, secureContext: SecureContext): TLSSocket {
  const servername = isIP(hostname) === 0 ? hostname : ''
  // With a socket given, `host` connects nothing: it is what the certificate must name where there is no server name.
  return tlsConnect({ socket, host: hostname, servername, secureContext, ...HANDSHAKE, ALPNProtocols: ['http/1.1'] })
}

/** Reads up to 256 KiB at once, where Node itself takes 64 KiB: a third less CPU time for each byte. */
function dialTcp(target: buildConnector.Options, options: DialOptions): Socket {
  const round = Buffer.allocUnsafeSlow(ROUND_BYTES)
  let at = 0
  const socket: Socket = tcpConnect({
    ...addressOf(target, options, 80),
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
  return socket
}
