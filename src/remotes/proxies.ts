/** Which proxy leads to a URL, by the variables that curl and its like read; for transfers and the cache alike. */
import { BlockList, isIP } from 'node:net'
import { TransferError } from '../core/errors.ts'

export interface HttpProxy {
  /** Scheme, host and port; nothing secret. */
  readonly url: URL
  /** For the header Proxy-Authorization. */
  readonly authorization: string | null
}

export interface Proxies {
  /** Null: directly. Throws `invalid-input`, which names the variable but never shows its value, where it cannot be used. */
  proxyFor(url: URL): HttpProxy | null
}

export type Environment = Readonly<Record<string, string | undefined>>

export const NO_PROXIES: Proxies = { proxyFor: () => null }

/** The small letters go first, as with curl; an empty variable counts as none. */
export function proxiesOf(environment: Environment): Proxies {
  const exempt = exemptions(variableOf(environment, 'no_proxy')?.value ?? '')
  return {
    proxyFor: (url) => {
      const set = variableOf(environment, url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? variableOf(environment, 'all_proxy')
      return set === null || exempt(url) ? null : proxyOf(set)
    },
  }
}

/** What the variables hold that nobody may see, with the user that it belongs to. */
export function proxySecrets(environment: Environment): readonly { readonly text: string; readonly username: string }[] {
  return ['http_proxy', 'https_proxy', 'all_proxy'].flatMap((name) =>
    [environment[name], environment[name.toUpperCase()]].flatMap((value) => {
      const [username, password] = userinfoOf(value?.trim() ?? '')
      return password === null ? [] : [password, percentDecoded(password)].map((text) => ({ text, username: percentDecoded(username) }))
    }),
  )
}

interface Variable {
  readonly name: string
  readonly value: string
}

function variableOf(environment: Environment, lower: string): Variable | null {
  for (const name of [lower, lower.toUpperCase()]) {
    const value = environment[name]?.trim() ?? ''
    if (value !== '') return { name, value }
  }
  return null
}

function proxyOf({ name, value }: Variable): HttpProxy {
  const refused = (what: string): TransferError =>
    new TransferError('invalid-input', `the environment variable ${name} ${what}`, {
      hint: `Write it as http://host:port, or name the server in no_proxy to go there directly.`,
    })
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase()
  if (scheme?.startsWith('socks') === true) throw refused('names a SOCKS proxy, and only HTTP proxies can be used')
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
    throw refused(`names a proxy by ${scheme}, and only http and https can be used`)
  // `proxy.corp:3128` and `//10.0.0.1:3128`, as curl, wget, git and apt take them.
  const address = `${scheme ?? 'http'}://${value.slice(value.lastIndexOf('@') + 1).replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\//i, '')}`
  if (/[\s\0]/.test(address) || !URL.canParse(address)) throw refused('is not the address of a proxy')
  const { protocol, host } = new URL(address)
  const url = new URL(`${protocol}//${host}`)
  if (url.hostname === '' || url.port === '0') throw refused('is not the address of a proxy')
  const [username, password] = userinfoOf(value)
  const pair = `${percentDecoded(username)}:${percentDecoded(password ?? '')}`
  return { url, authorization: username === '' && password === null ? null : `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** What is before the last `@` of the authority, as it is written. The password is null where there is none. */
function userinfoOf(value: string): readonly [string, string | null] {
  const authority = value.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\//i, '')
  const userinfo = authority.slice(0, Math.max(0, authority.lastIndexOf('@')))
  const cut = userinfo.indexOf(':')
  return cut < 0 ? [userinfo, null] : [userinfo.slice(0, cut), userinfo.slice(cut + 1)]
}

/** A `%` that begins no encoding is meant as it stands. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `host` and everything below it, with or without a dot before it; `*.host` too; addresses, networks such as `10.0.0.0/8`; each with a port; `*` is all. */
function exemptions(list: string): (url: URL) => boolean {
  const entries = list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(exemption)
  return (url) => {
    const host = url.hostname
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '')
      .toLowerCase()
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    return entries.some((entry) => (entry.port === null || entry.port === port) && entry.fits(host))
  }
}

interface Exemption {
  readonly port: string | null
  fits(host: string): boolean
}

function exemption(entry: string): Exemption {
  const [, bracketed, plain = '', port = null] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [entry, undefined, entry]
  const name = bracketed ?? plain
  if (name === '*') return { port, fits: () => true }
  const [address = '', bits] = name.split('/')
  const family = isIP(address)
  if (family !== 0) {
    const kind = family === 6 ? 'ipv6' : 'ipv4'
    const width = family === 6 ? 128 : 32
    const prefix = bits === undefined ? width : Number(bits)
    if (!Number.isInteger(prefix) || bits === '' || prefix > width || prefix < 0) return { port, fits: () => false }
    const network = new BlockList()
    network.addSubnet(address, prefix, kind)
    return { port, fits: (host) => isIP(host) !== 0 && network.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4') }
  }
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '')
  if (domain === '') return { port, fits: () => false }
  return { port, fits: (host) => host === domain || host.endsWith(`.${domain}`) }
}
