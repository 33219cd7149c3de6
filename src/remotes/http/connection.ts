/** The connections of one Remote: pooled per origin, through a proxy where one leads to it, and judged before they are used. */
import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Agent, type buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici'
import { TransferError } from '../../core/errors.ts'
import { NO_PROXIES } from '../proxies.ts'
import type { RemotePorts } from '../remote.ts'
import { isPrivateAddress, isPrivateHost } from './addresses.ts'
import type { HttpConfig } from './config.ts'
import { type DialOptions, dialer } from './dial.ts'
import { HANDSHAKE, judge, secureContextFor } from './trust.ts'

export const CONNECTIONS_MAX = 8
const CLOSE_TIMEOUT_MS = 1000
/** Content-security policies and cookies of whole companies come to 18 kB and more. */
const HEADER_BYTES_MAX = 64 * 1024

export interface Connections {
  readonly dispatcher: Dispatcher
  /** Whether a server or proxy has been reached, and trusted, at all. */
  connected(): boolean
  /** Whether the server that the inputs name is in a private network: only then may a redirect lead into one. Known once connected. */
  homeIsPrivate(): boolean
  /** Ends every connection, also those being made. Bounded. */
  close(): Promise<void>
}

/** Throws `invalid-input` when there is a proxy to be used that cannot be. */
export function openConnections(config: HttpConfig, { timeoutMs, presenting, proxies = NO_PROXIES, debug }: RemotePorts): Connections {
  const first = proxies.proxyFor(config.url)
  if (first !== null) debug(`through the proxy ${first.url.origin}`)
  const ending = new AbortController()
  let connected = false
  // The query may be a signature.
  const tellsWhoWeAre = Object.keys(config.headers).length > 0 || config.url.search !== ''
  const home = { isPrivate: isPrivateHost(config.url.hostname) }
  const dialing = { trust: () => secureContextFor(config.tls), timeoutMs, signal: ending.signal }
  const toHome = dialer(dialing)
  const toOthers = dialer({ ...dialing, lookup: publicLookup(() => home.isPrivate) })
  const direct: buildConnector.connector = (target, callback) => {
    if (!isHome(config.url, target)) return toOthers(target, callback)
    toHome(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      home.isPrivate = isPrivateAddress(socket.remoteAddress ?? '')
      callback(null, socket)
    })
  }
  const pooled = (origin: string | URL, given: object): Pool =>
    pool(origin, given, config, (target) => {
      connected = true
      // A proxy of plain HTTP gets the whole request.
      if (tellsWhoWeAre && (isHome(config.url, target) || config.url.protocol === 'http:')) presenting?.()
    })
  const dispatcher = new Agent({
    connect: direct,
    allowH2: false,
    factory: (origin, given) => {
      const proxy = proxies.proxyFor(new URL(origin))
      if (proxy === null) return pooled(origin, given)
      const token = proxy.authorization === null ? {} : { token: proxy.authorization }
      return new ProxyAgent({ uri: proxy.url.href, ...token, ...throughProxy(dialing), allowH2: false, factory: pooled })
    },
  })
  return {
    dispatcher,
    connected: () => connected,
    homeIsPrivate: () => home.isPrivate,
    close: async () => {
      ending.abort()
      await bounded(dispatcher.destroy(new TransferError('stopped', 'the connection was closed')))
    },
  }
}

/** undici reads these for a proxy only, so nobody waits for the roots without one; and it copies all options as JSON, which must not touch them. */
function throughProxy({ trust, timeoutMs, signal }: DialOptions): Pick<ProxyAgent.Options, 'requestTls' | 'proxyTls'> {
  const common = { timeout: timeoutMs, signal, allowH2: false, toJSON: () => undefined }
  return {
    requestTls: {
      get secureContext() {
        return trust()
      },
      ...HANDSHAKE,
      ...common,
      // A resumed session would not be checked against the host's name again.
      maxCachedSessions: 0,
    },
    proxyTls: {
      get secureContext() {
        return trust()
      },
      ...common,
    },
  }
}

function pool(origin: string | URL, given: object, config: HttpConfig, reached: (target: buildConnector.Options) => void): Pool {
  const connect = 'connect' in given && typeof given.connect === 'function' ? (given.connect as buildConnector.connector) : undefined
  return new Pool(origin, {
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: HEADER_BYTES_MAX,
    // The exchange keeps its own, exact timer; undici's does not count uploads whose source is slow.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(connect === undefined ? {} : { connect: judged(connect, config, reached) }),
  })
}

/** Hands a TLS connection on only when its certificate is right; nothing has been written to it until then. */
function judged(
  connect: buildConnector.connector,
  config: HttpConfig,
  reached: (target: buildConnector.Options) => void,
): buildConnector.connector {
  return (target, callback) => {
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      const verdict = socket instanceof TLSSocket ? judge(socket, config.tls, target.hostname) : null
      if (verdict === null) {
        reached(target)
        return callback(null, socket)
      }
      socket.destroy()
      callback(verdict, null)
    })
  }
}

function isHome(home: URL, target: buildConnector.Options): boolean {
  const port = (protocol: string, given: string): string => (given !== '' ? given : protocol === 'https:' ? '443' : '80')
  return (
    home.hostname.replace(/^\[|\]$/g, '') === target.hostname &&
    home.protocol === target.protocol &&
    port(home.protocol, home.port) === port(target.protocol, target.port ?? '')
  )
}

/** Refuses private addresses at the moment of resolving, so that a name that changes its address between check and use gains nothing. */
export function publicLookup(privateAllowed: () => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '')
      if (!privateAllowed() && addresses.some((a) => isPrivateAddress(a.address))) {
        return callback(new TransferError('untrusted', `a redirect leads to ${hostname}, which is in a private network`), '')
      }
      if (options.all === true) return callback(null, addresses)
      callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
    })
  }
}

async function bounded(ending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
  })
  await Promise.race([ending.catch(() => undefined), limit])
  clearTimeout(timer)
}
