import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { TransferError } from '../../core/errors.ts'
import { readPin } from '../pins.ts'
import type { Credentials } from '../remote.ts'

export interface FtpConfig {
  /** Host name in ASCII, or an address without brackets. */
  readonly host: string
  readonly port: number
  /** `explicit`: AUTH TLS before anything else; `implicit`: TLS from the first byte. */
  readonly tls: 'none' | 'explicit' | 'implicit'
  readonly username: string
  readonly password: string
  /** PEM, trusted besides the system's roots. */
  readonly tlsCa?: string
  /** SHA-256 of certificates or their public keys, lowercase hex. When there are any, no other certificate is accepted. */
  readonly pins: readonly string[]
  readonly tlsVerify: boolean
}

/** Where clients have always connected: implicit TLS has a port of its own. */
export const DEFAULT_PORTS = { 'ftp:': 21, 'ftps:': 21, 'ftps-implicit:': 990 } as const

const IMPLICIT_PORT = 990
const LINE_BREAKING = /[\r\n\0]/

/** Decodes `%xx` once; null when that gives no text. */
function decodeOnce(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

function hostOf(url: URL): string | null {
  const bare = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return bare
  const decoded = decodeOnce(bare)
  const ascii = decoded === null ? '' : domainToASCII(decoded)
  return ascii === '' || LINE_BREAKING.test(ascii) ? null : ascii
}

/** The one TransferError for all faults together, if there are any. */
function refuseFaults(faults: readonly string[]): void {
  if (faults.length > 0) throw new TransferError('invalid-input', faults.join('\n'))
}

function tlsModeOf(url: URL, port: number): FtpConfig['tls'] {
  if (url.protocol === 'ftp:') return 'none'
  return url.protocol === 'ftps-implicit:' || port === IMPLICIT_PORT ? 'implicit' : 'explicit'
}

function defaultPort(scheme: string): number | undefined {
  return scheme === 'ftp:' || scheme === 'ftps:' || scheme === 'ftps-implicit:' ? DEFAULT_PORTS[scheme] : undefined
}

function pathFaults(url: URL): string[] {
  const faults: string[] = []
  const path = decodeOnce(url.pathname)
  if (path === null) faults.push('the path of the URL is not valid percent-encoding')
  else if (LINE_BREAKING.test(path)) faults.push('the path of the URL holds a line break or a NUL, which FTP cannot carry')
  if (url.search !== '') faults.push('an FTP URL has no query; write a question mark in a name as %3F')
  if (url.hash !== '') faults.push('an FTP URL has no fragment; write a number sign in a name as %23')
  return faults
}

/** Checks URL and credentials without any connection. */
export function parseConfig(url: URL, credentials: Credentials): FtpConfig {
  const faults = pathFaults(url)
  const host = hostOf(url)
  if (host === null) faults.push('the URL names no host')
  const fallback = defaultPort(url.protocol)
  if (fallback === undefined) faults.push(`${url.protocol}// is not an FTP URL`)
  const port = url.port === '' ? (fallback ?? 0) : Number(url.port)
  if (url.port === '0') faults.push('port 0 cannot be connected to')
  const username = credentials.username ?? decodeOnce(url.username)
  const password = credentials.password ?? decodeOnce(url.password)
  if (username === null || password === null) faults.push('user name or password in the URL is not valid percent-encoding')
  if (LINE_BREAKING.test(username ?? '')) faults.push('the user name holds a line break or a NUL')
  if (LINE_BREAKING.test(password ?? '')) faults.push('the password holds a line break or a NUL; does the secret end with one?')
  const anonymous = username === null || username === ''
  // As anonymous it would be shown to whoever answers, and refused, or worse: let in somewhere else.
  if (anonymous && password !== null && password !== '')
    faults.push('a password is given without a user name (input username, or ftp://name@host/…); for an anonymous login leave it out')
  const pins: string[] = []
  for (const text of credentials.fingerprints) {
    const pin = readPin(text)
    if ('hex' in pin) pins.push(pin.hex)
    else faults.push(`fingerprint '${text}' ${pin.problem}`)
  }
  const tls = tlsModeOf(url, port)
  if (tls !== 'none' && credentials.tlsCa !== undefined && !credentials.tlsCa.includes('-----BEGIN CERTIFICATE-----'))
    faults.push('tls-ca holds no PEM certificate')
  refuseFaults(faults)
  return {
    host: host ?? '',
    port,
    tls,
    username: anonymous ? 'anonymous' : username,
    password: anonymous ? 'anonymous@' : (password ?? ''),
    ...(credentials.tlsCa === undefined ? {} : { tlsCa: credentials.tlsCa }),
    pins,
    tlsVerify: credentials.tlsVerify,
  }
}

/** `ftp://host/path` is below the login directory (`path`), `ftp://host//path` is absolute (`/path`). */
export function locatePath(url: URL): string {
  refuseFaults(pathFaults(url))
  return (decodeOnce(url.pathname) ?? '').replace(/^\//, '')
}
