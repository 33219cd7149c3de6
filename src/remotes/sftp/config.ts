/** What an sftp: URL and the credentials say, checked as a whole before any connection. */
import type { ParsedKey } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import { trimmedEnd } from '../../core/text.ts'
import { readPin } from '../pins.ts'
import type { Credentials } from '../remote.ts'
import type { HostTrust } from './host-key.ts'
import { parseKnownHosts } from './known-hosts.ts'
import { parsePrivateKey } from './private-key.ts'

export interface SftpConfig {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string | undefined
  readonly key: ParsedKey | undefined
  readonly trust: HostTrust
}

export const DEFAULT_PORT = 22

/** Throws one `invalid-input` that lists every fault, one a line. */
export function parse(url: URL, credentials: Credentials): SftpConfig {
  const faults: string[] = []
  const host = decoded(url.hostname, 'host', faults)
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
  if (host === '') faults.push('the URL names no host')
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port)
  if (port < 1) faults.push('port 0 cannot be connected to')
  const username = credentials.username || decoded(url.username, 'user name', faults)
  if (username === '') faults.push('SFTP needs a username (input username, or sftp://name@host/…)')
  const password = credentials.password || decoded(url.password, 'password', faults) || undefined
  const key = privateKey(credentials, faults)
  if (password === undefined && !credentials.privateKey) faults.push('SFTP needs a password or a private-key')
  const knownHosts = parseKnownHosts(credentials.knownHosts ?? '')
  faults.push(...knownHosts.faults)
  const pins = credentials.fingerprints.map((pin, index) => normalisedPin(pin, index, faults))
  try {
    locate(url)
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
  }
  if (faults.length > 0) throw new TransferError('invalid-input', faults.join('\n'))
  return { host, port, username, password, key, trust: { host, port, knownHosts, pins } }
}

function privateKey(credentials: Credentials, faults: string[]): ParsedKey | undefined {
  if (!credentials.privateKey) return undefined
  const result = parsePrivateKey(credentials.privateKey, credentials.passphrase || undefined)
  if ('key' in result) return result.key
  faults.push(result.fault)
  return undefined
}

function normalisedPin(text: string, index: number, faults: string[]): string {
  const pin = readPin(text)
  if ('problem' in pin) faults.push(`fingerprint ${index + 1} ${pin.problem}`)
  return 'hex' in pin ? `SHA256:${trimmedEnd(Buffer.from(pin.hex, 'hex').toString('base64'), '=')}` : ''
}

function decoded(text: string, what: string, faults: string[]): string {
  try {
    return decodeURIComponent(text)
  } catch {
    faults.push(`the ${what} in the URL has a % that begins no percent-encoding (write %25)`)
    return ''
  }
}

/** `/abs` is absolute, `/~/x` is below the login directory and becomes the relative `x`; the login directory itself is the empty path. */
export function locate(url: URL): string {
  if (url.search !== '' || url.hash !== '')
    throw new TransferError('invalid-input', 'a ? or # in the path of an sftp: URL must be written %3F or %23')
  let path: string
  try {
    path = decodeURIComponent(url.pathname)
  } catch {
    throw new TransferError('invalid-input', 'the path in the URL has a % that begins no percent-encoding (write %25)')
  }
  if (/[\r\n\0]/.test(path)) throw new TransferError('invalid-input', 'the path in the URL holds a line break or a NUL')
  if (path === '/~') return ''
  if (path.startsWith('/~/')) return path.slice(3).replace(/^\/+/, '')
  return path === '' ? '/' : path
}
