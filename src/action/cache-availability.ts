import { isIP } from 'node:net'

/** The variables of the runner that say what may be done with the Actions cache. Only `uses:` steps get the first three. */
export interface CacheEnvironment {
  readonly ACTIONS_CACHE_SERVICE_V2?: string | undefined
  readonly ACTIONS_RESULTS_URL?: string | undefined
  readonly ACTIONS_RUNTIME_TOKEN?: string | undefined
  readonly ACTIONS_CACHE_MODE?: string | undefined
  readonly GITHUB_SERVER_URL?: string | undefined
  /** Those of proxies among them. */
  readonly [name: string]: string | undefined
}

export interface CacheAvailability {
  /** Something can be done with the cache: reading, writing or both. */
  readonly available: boolean
  readonly readable: boolean
  readonly writable: boolean
  /** Why not everything is possible, one line for people; null when it is. */
  readonly reason: string | null
}

interface Rights {
  readonly readable: boolean
  readonly writable: boolean
}

/** What the cache allows this step, decided without a request. A right it grants may still be refused by the service. */
export function cacheAvailability(environment: CacheEnvironment): CacheAvailability {
  const obstacle = obstacleTo(environment)
  if (obstacle !== null) return { available: false, readable: false, writable: false, reason: obstacle }
  const mode = rightsOfMode(environment.ACTIONS_CACHE_MODE ?? '')
  const token = rightsOfToken(environment.ACTIONS_RUNTIME_TOKEN ?? '')
  const readable = mode.readable && token.readable
  const writable = mode.writable && token.writable
  const limit = mode.readable && mode.writable ? "this run's cache token" : "the workflow's cache-mode"
  return { available: readable || writable, readable, writable, reason: reasonFor(readable, writable, limit) }
}

function reasonFor(readable: boolean, writable: boolean, limit: string): string | null {
  if (readable && writable) return null
  if (readable) return `${limit} allows reading only, so progress of this run is not saved in the Actions cache`
  if (writable) return `${limit} allows writing only, so progress of earlier runs is not read from the Actions cache`
  return `${limit} does not allow use of the Actions cache`
}

function obstacleTo(environment: CacheEnvironment): string | null {
  const server = parseUrl(environment.GITHUB_SERVER_URL || 'https://github.com')
  if (server === null) return 'GITHUB_SERVER_URL is not a URL'
  if (!isHostedByGitHub(server.hostname)) return 'GitHub Enterprise Server has only the older cache service, which is not supported'
  const base = environment.ACTIONS_RESULTS_URL ?? ''
  if (base === '' || (environment.ACTIONS_RUNTIME_TOKEN ?? '') === '') return 'the runner gives this step no access to the Actions cache'
  if ((environment.ACTIONS_CACHE_SERVICE_V2 ?? '') === '') return 'this runner has only the older cache service, which is not supported'
  const url = parseUrl(base)
  if (url === null) return 'ACTIONS_RESULTS_URL is not a URL'
  return isTrustedTransport(url) ? null : 'ACTIONS_RESULTS_URL is not https, and the cache token is not sent in clear over the internet'
}

// The toolkit's own rule (isGhes), so that both always agree.
function isHostedByGitHub(hostname: string): boolean {
  return hostname === 'github.com' || hostname.endsWith('.ghe.com') || hostname.endsWith('.localhost')
}

export function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}

/** https; or http to this machine or a private network, where stand-ins of the service and caches of self-hosted runners live. */
export function isTrustedTransport(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isPrivateHost(url.hostname))
}

function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) === 4) return /^(127|10)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\./.test(host)
  if (isIP(host) === 6) return host === '::1' || /^f[cd]/.test(host)
  return host === 'localhost' || host.endsWith('.localhost')
}

/** Unset and unknown modes are permissive, as in the toolkit. */
function rightsOfMode(mode: string): Rights {
  switch (mode.trim().toLowerCase()) {
    case 'none':
      return { readable: false, writable: false }
    case 'read':
      return { readable: true, writable: false }
    case 'write-only':
      return { readable: false, writable: true }
    default:
      return { readable: true, writable: true }
  }
}

/**
 * Rights in the token's `ac` claim, a JSON text `[{"Scope":"refs/heads/x","Permission":3}]` with bit 1 for reading and 2 for writing. The signature is
 * not checked: a wrong claim only makes us try in vain or not try. A token that is no such JWT (other services, stand-ins) is taken to allow everything.
 */
function rightsOfToken(token: string): Rights {
  const permissions = permissionsIn(token)
  if (permissions === null) return { readable: true, writable: true }
  return { readable: permissions.some((p) => (p & 1) !== 0), writable: permissions.some((p) => (p & 2) !== 0) }
}

function permissionsIn(token: string): readonly number[] | null {
  const payload = token.split('.')[1]
  if (payload === undefined) return null
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    if (typeof claims !== 'object' || claims === null || !('ac' in claims) || typeof claims.ac !== 'string') return null
    const scopes: unknown = JSON.parse(claims.ac)
    return Array.isArray(scopes) ? scopes.map((scope) => Number(scope?.Permission)) : null
  } catch {
    return null
  }
}
