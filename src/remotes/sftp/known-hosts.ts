/** Reads known_hosts as sshd(8) describes it and finds the lines of one host. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { trimmedEnd } from '../../core/text.ts'

export interface KnownHostsLine {
  readonly number: number
  readonly marker: 'none' | 'revoked' | 'cert-authority'
  readonly hosts: string
  readonly keyType: string
  readonly key: Buffer
}

export interface KnownHosts {
  readonly lines: readonly KnownHostsLine[]
  /** One sentence for each malformed line. */
  readonly faults: readonly string[]
}

export function parseKnownHosts(text: string): KnownHosts {
  const lines: KnownHostsLine[] = []
  const faults: string[] = []
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const parsed = parseLine(line, index + 1)
    if (typeof parsed === 'string') faults.push(`known-hosts line ${index + 1}: ${parsed}`)
    else lines.push(parsed)
  }
  return { lines, faults }
}

function parseLine(line: string, number: number): KnownHostsLine | string {
  const fields = line.split(/[ \t]+/)
  const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return `unknown marker ${marker}`
  const [hosts, keyType, base64] = fields
  if (hosts === undefined || keyType === undefined || base64 === undefined)
    return 'needs a host, a key type and a key (a line of ssh-keyscan, not a .pub file)'
  const key = Buffer.from(base64, 'base64')
  if (trimmedEnd(key.toString('base64'), '=') !== trimmedEnd(base64, '=')) return 'the key is not base64'
  if (keyTypeOf(key) !== keyType) return `the key is not of the type ${keyType}`
  if (!isWhole(key)) return 'the key is cut off'
  if (hosts.startsWith('|') && hashedName(hosts) === null) return 'the hashed host name is damaged'
  return { number, marker: marker === '@revoked' ? 'revoked' : marker === undefined ? 'none' : 'cert-authority', hosts, keyType, key }
}

/** Type named inside an SSH public key blob; empty when the blob is damaged. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return ''
  const length = key.readUInt32BE(0)
  return length <= 64 && length + 4 <= key.length ? key.toString('latin1', 4, 4 + length) : ''
}

/** A key blob is a sequence of strings, each with its length before it. */
function isWhole(key: Buffer): boolean {
  let at = 0
  while (at + 4 <= key.length) at += 4 + key.readUInt32BE(at)
  return at === key.length
}

/** The name under which OpenSSH keeps a host. */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`
}

/**
 * Lines for this host and port. A host on another port than 22 is looked up by its bare name too when nothing names the port,
 * because ssh(1) does the same.
 */
export function linesFor(known: KnownHosts, host: string, port: number): readonly KnownHostsLine[] {
  const exact = known.lines.filter((line) => matches(line.hosts, knownHostsName(host, port)))
  return exact.length > 0 || port === 22 ? exact : known.lines.filter((line) => matches(line.hosts, host))
}

function matches(hosts: string, name: string): boolean {
  const lower = name.toLowerCase()
  if (hosts.startsWith('|')) {
    const hashed = hashedName(hosts)
    return hashed !== null && timingSafeEqual(createHmac('sha1', hashed.salt).update(lower).digest(), hashed.digest)
  }
  let found = false
  for (const item of hosts.toLowerCase().split(',')) {
    const negated = item.startsWith('!')
    if (!patternMatches(negated ? item.slice(1) : item, lower)) continue
    if (negated) return false
    found = true
  }
  return found
}

function hashedName(hosts: string): { readonly salt: Buffer; readonly digest: Buffer } | null {
  const [, version, salt, digest, ...rest] = hosts.split('|')
  if (version !== '1' || salt === undefined || digest === undefined || rest.length > 0) return null
  const parts = { salt: Buffer.from(salt, 'base64'), digest: Buffer.from(digest, 'base64') }
  return parts.salt.length === 20 && parts.digest.length === 20 ? parts : null
}

/** `*` and `?` as in ssh_config(5); linear, because patterns and names come from people. */
function patternMatches(pattern: string, name: string): boolean {
  let p = 0
  let n = 0
  let star = -1
  let resume = 0
  while (n < name.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p
      p += 1
      resume = n
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p += 1
      n += 1
    } else if (star >= 0) {
      p = star + 1
      resume += 1
      n = resume
    } else return false
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}
