/** What the inputs say, checked without any connection. */
import { X509Certificate } from 'node:crypto'
import { TransferError } from '../../core/errors.ts'
import { readPin } from '../pins.ts'
import type { Credentials } from '../remote.ts'
import { locate } from './location.ts'

export interface TlsPolicy {
  readonly verify: boolean
  /** PEM certificates that are trusted besides the system's. */
  readonly ca: readonly string[]
  /** SHA-256 of leaf certificates or their public keys, lowercase hex. When there are any, nothing else is trusted. */
  readonly pins: readonly string[]
}

export interface HttpConfig {
  /** Without userinfo and fragment. */
  readonly url: URL
  /** The user's headers and Authorization: only ever sent to the origin of `url`. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsPolicy
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** Headers that decide what an exchange means; another value than ours could make us believe wrong bytes. */
const OWN_HEADERS =
  /^(?:range|if-.*|host|content-(?:length|range|encoding)|transfer-encoding|te|trailer|connection|keep-alive|upgrade|expect|accept-encoding|proxy-.*|destination|depth|overwrite|date|via)$/

export function parse(url: URL, credentials: Credentials): HttpConfig {
  const faults: string[] = []
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  bare.hash = ''
  try {
    locate(bare)
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
  }
  const headers = userHeaders(credentials.headers, faults)
  const authorization = authorizationOf(url, credentials, faults)
  if (authorization !== null) {
    if (headers.authorization !== undefined) faults.push('headers: Authorization is given twice, there and by username, password or token')
    headers.authorization = authorization
  }
  const tls = {
    verify: credentials.tlsVerify,
    ca: certificatesOf(credentials.tlsCa, faults),
    pins: pinsOf(credentials.fingerprints, faults),
  }
  if (faults.length > 0) throw new TransferError('invalid-input', faults.join('\n'))
  return { url: bare, headers, tls }
}

function userHeaders(given: ReadonlyMap<string, string>, faults: string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of given) {
    const lower = name.toLowerCase()
    if (!TOKEN.test(name)) faults.push(`headers: ${JSON.stringify(name)} is no header name`)
    else if (OWN_HEADERS.test(lower)) faults.push(`headers: ${name} cannot be set, the transfer itself decides it`)
    else if (headers[lower] !== undefined) faults.push(`headers: ${name} is given twice`)
    else if (!HEADER_VALUE.test(value)) faults.push(`headers: the value of ${name} holds characters that a header cannot hold`)
    else headers[lower] = value.trim()
  }
  return headers
}

function authorizationOf(url: URL, credentials: Credentials, faults: string[]): string | null {
  const username = credentials.username ?? userinfo(url.username, 'username', faults)
  const password = credentials.password ?? userinfo(url.password, 'password', faults)
  if (credentials.token !== undefined) {
    if (username !== null || password !== null) faults.push('token: give either a token or username and password')
    if (!/^[\x21-\x7e]+$/.test(credentials.token)) faults.push('token: holds characters that a bearer token cannot hold')
    return `Bearer ${credentials.token}`
  }
  if (username === null && password === null) return null
  if (username?.includes(':')) faults.push('username: a colon is not possible with HTTP basic authentication')
  if (/[\u0000-\u001f\u007f]/.test(`${username ?? ''}${password ?? ''}`))
    faults.push('username, password: control characters are not possible')
  return `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`
}

function userinfo(encoded: string, name: string, faults: string[]): string | null {
  if (encoded === '') return null
  try {
    return decodeURIComponent(encoded)
  } catch {
    faults.push(`${name}: the one in the URL is not percent-encoded correctly`)
    return null
  }
}

function certificatesOf(pem: string | undefined, faults: string[]): readonly string[] {
  if (pem === undefined || pem.trim() === '') return []
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) faults.push('tls-ca: holds no PEM certificate')
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch {
      faults.push(`tls-ca: certificate ${index + 1} cannot be read`)
    }
  }
  return blocks
}

function pinsOf(fingerprints: readonly string[], faults: string[]): readonly string[] {
  const pins: string[] = []
  for (const fingerprint of fingerprints) {
    const pin = readPin(fingerprint)
    if ('hex' in pin) pins.push(pin.hex)
    else faults.push(`fingerprint: ${JSON.stringify(fingerprint)} ${pin.problem}`)
  }
  return pins
}
