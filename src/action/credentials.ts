/** Who we are and whom we trust: from the inputs and the URLs' userinfo. */
import { trimmedEnd } from '../core/text.ts'
import { readPin } from '../remotes/pins.ts'
import type { Credentials } from '../remotes/remote.ts'
import { type Fault, hasControl, type InputReader, quoted, splitLines } from './input-reader.ts'
import type { InputName } from './input-table.ts'
import type { TypedUrl } from './remote-url.ts'

const HTTP_INPUTS = ['username', 'password', 'token', 'headers'] as const
const TLS_INPUTS = ['fingerprint', 'tls-ca'] as const
const FTPS_INPUTS: readonly InputName[] = ['username', 'password', ...TLS_INPUTS]

/** What each scheme can make use of. A scheme that is not listed is asked nothing. */
const USED_BY: Readonly<Record<string, readonly InputName[]>> = {
  'sftp:': ['username', 'password', 'private-key', 'passphrase', 'known-hosts', 'fingerprint'],
  'ftp:': ['username', 'password'],
  'ftps:': FTPS_INPUTS,
  'ftps-implicit:': FTPS_INPUTS,
  'http:': HTTP_INPUTS,
  'https:': [...HTTP_INPUTS, ...TLS_INPUTS],
}
const OPTIONAL: readonly InputName[] = ['private-key', 'passphrase', 'token', 'headers', 'known-hosts', 'fingerprint', 'tls-ca']
/** To ignore one of these would send less, or trust more, than was asked for. */
const MUST_BE_USED: readonly InputName[] = ['token', 'headers', 'fingerprint']

export function credentialsOf(reader: InputReader, typed: readonly TypedUrl[], tlsVerify: boolean): Credentials {
  const username = merged(
    'username',
    withoutLastBreaks(reader.raw('username')),
    typed.map((t) => t.username),
    reader.fault,
  )
  const password = merged(
    'password',
    withoutLastBreaks(reader.raw('password')),
    typed.map((t) => t.password),
    reader.fault,
  )
  const privateKey = reader.raw('private-key')
  const passphrase = withoutLastBreaks(reader.raw('passphrase'))
  const token = reader.text('token')
  const knownHosts = reader.raw('known-hosts')
  const tlsCa = reader.raw('tls-ca')
  const headers = headersOf(reader)
  for (const name of ['username', 'password', 'passphrase'] as const)
    if (/[\r\n\0]/.test(withoutLastBreaks(reader.raw(name)) ?? '')) reader.fault(name, 'holds a line break or NUL.')
  for (const name of ['private-key', 'known-hosts', 'tls-ca'] as const)
    if (reader.raw(name)?.includes('\0')) reader.fault(name, 'holds a NUL.')
  if (token !== undefined && (hasControl(token) || /\s/.test(token))) reader.fault('token', 'holds white space or a line break.')
  if (passphrase !== undefined && privateKey === undefined) reader.warn("'passphrase' is given without 'private-key' and is not used.")
  const credentials: Credentials = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(token === undefined ? {} : { token }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
    ...(tlsCa === undefined ? {} : { tlsCa }),
    headers,
    fingerprints: fingerprintsOf(reader),
    tlsVerify,
  }
  checkOrigins(credentials, typed, reader.fault)
  checkUse(reader, typed)
  return credentials
}

/** A secret pasted into a form often ends in a line break that nobody sees. */
function withoutLastBreaks(text: string | undefined): string | undefined {
  return text === undefined ? undefined : trimmedEnd(text, '\r\n')
}

/** The value of the input and of every URL, which must agree. */
function merged(
  name: 'username' | 'password',
  input: string | undefined,
  inUrls: readonly (string | undefined)[],
  fault: Fault,
): string | undefined {
  const values = new Set(inUrls.filter((value) => value !== undefined))
  const inUrl = [...values][0]
  if (values.size > 1) fault('source', `the URLs hold different values for ${name}. Use one step for each.`)
  else if (input !== undefined && inUrl !== undefined && input !== inUrl)
    fault(name, `the input and the URL hold different values. Leave one of them out.`)
  return input ?? inUrl
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function headersOf(reader: InputReader): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  const seen = new Set<string>()
  for (const [i, line] of reader.lines('headers').entries()) {
    const cut = line.indexOf(':')
    const name = line.slice(0, Math.max(cut, 0)).trimEnd()
    const value = line.slice(cut + 1).trim()
    if (cut < 1 || !HEADER_NAME.test(name)) reader.fault('headers', `line ${i + 1} is not of the form 'Name: value'.`)
    else if (hasControl(value.replaceAll('\t', ' '))) reader.fault('headers', `the value of ${quoted(name)} holds a control character.`)
    else if (seen.has(name.toLowerCase())) reader.fault('headers', `${quoted(name)} is given twice.`)
    seen.add(name.toLowerCase())
    headers.set(name, value)
  }
  return headers
}

function fingerprintsOf(reader: InputReader): readonly string[] {
  // curl has semicolons between its pins.
  const typed = splitLines((reader.raw('fingerprint') ?? '').replaceAll(/[,;]/g, '\n'))
  const pins: string[] = []
  for (const line of typed) {
    const pin = readPin(line)
    if ('hex' in pin) pins.push(`SHA256:${trimmedEnd(Buffer.from(pin.hex, 'hex').toString('base64'), '=')}`)
    else reader.fault('fingerprint', `${quoted(line)} ${pin.problem}`)
  }
  return pins
}

/** Secrets are for one origin: with several in one step nobody could say which. */
function checkOrigins(credentials: Credentials, typed: readonly TypedUrl[], fault: Fault): void {
  const origins = new Set(typed.map(({ url }) => `${url.protocol}//${url.host}`))
  const { password, privateKey, token, headers } = credentials
  const hasSecret = password !== undefined || privateKey !== undefined || token !== undefined || headers.size > 0
  if (origins.size > 1 && hasSecret)
    fault('source', 'the URLs are on different servers, but credentials are for one. Use one step for each.')
}

/** Clear text and an unchecked certificate are the protocol folders' to warn of. */
function checkUse(reader: InputReader, typed: readonly TypedUrl[]): void {
  const schemes = new Set(typed.map(({ url }) => url.protocol))
  for (const scheme of schemes) {
    const used = USED_BY[scheme]
    const shown = scheme.slice(0, -1)
    for (const name of OPTIONAL) {
      if (used === undefined || used.includes(name) || reader.raw(name) === undefined) continue
      if (MUST_BE_USED.includes(name)) reader.fault(name, `has no effect with ${shown}. Leave it out, or use another protocol.`)
      else reader.warn(`'${name}' has no effect with ${shown}.`)
    }
  }
}
