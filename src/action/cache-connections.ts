/** How the Actions cache is reached: directly or through a proxy, and whom its client trusts. */
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici'
import { proxiesOf } from '../remotes/proxies.ts'
import type { CacheEnvironment } from './cache-availability.ts'

/** Connections of this exchange only, so that none keeps the process alive. Plain http is only spoken to this machine or its network: never by proxy. */
export function cacheConnections(environment: CacheEnvironment, timeoutMs: number): Dispatcher {
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs }
  const proxies = proxiesOf(environment)
  return new Agent({
    factory: (origin) => {
      const url = new URL(origin)
      const isSecure = url.protocol === 'https:'
      const proxy = isSecure ? proxies.proxyFor(url) : null
      const tls = { timeout: timeoutMs, ...(isSecure ? { secureContext: trusted() } : {}) }
      if (proxy === null) return new Pool(origin, { ...limits, connect: buildConnector(tls) })
      const token = proxy.authorization === null ? {} : { token: proxy.authorization }
      // undici copies its options as JSON, which must not touch the roots.
      const through = { ...tls, toJSON: () => undefined }
      return new ProxyAgent({ ...limits, uri: proxy.url.href, ...token, requestTls: through, proxyTls: through })
    },
  })
}

let context: SecureContext | null = null

/** The system's roots too: a proxy that looks into TLS is known there. Made once, since it takes a noticeable time. */
function trusted(): SecureContext {
  context ??= createSecureContext({ ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system')])] })
  return context
}
