/** Decides whether the key that a server offers is the one we were told to trust. */
import { createHash } from 'node:crypto'
import type { ServerHostKeyAlgorithm } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import { type KnownHosts, keyTypeOf, knownHostsName, linesFor } from './known-hosts.ts'

export interface HostTrust {
  readonly host: string
  readonly port: number
  readonly knownHosts: KnownHosts
  /** `SHA256:…` without padding. */
  readonly pins: readonly string[]
}

export function pinOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** Throws `untrusted` unless `key` is trusted. A revoked key is refused even when it is pinned. */
export function verifyHostKey(key: Buffer, trust: HostTrust): void {
  const lines = linesFor(trust.knownHosts, trust.host, trust.port)
  if (lines.some((line) => line.marker === 'revoked' && line.key.equals(key)))
    throw untrusted(key, trust, 'its host key is marked @revoked')
  if (trust.pins.includes(pinOf(key))) return
  const plain = lines.filter((line) => line.marker === 'none')
  if (plain.some((line) => line.key.equals(key))) return
  throw untrusted(key, trust, reasonFor(key, trust, plain.length, lines.length))
}

function reasonFor(key: Buffer, trust: HostTrust, plainLines: number, lines: number): string {
  const name = knownHostsName(trust.host, trust.port)
  if (plainLines > 0)
    return `its host key is not the one in known-hosts${trust.pins.length > 0 ? ' and has none of the given fingerprints' : ''}`
  if (trust.pins.length > 0)
    return `its host key (${keyTypeOf(key)}) has none of the given fingerprints, and it has no key of another type that has`
  if (lines > 0) return `known-hosts knows ${name} only by lines with a marker; @cert-authority is not supported`
  if (trust.knownHosts.lines.length > 0) return `known-hosts has no line for ${name}`
  return 'neither known-hosts nor fingerprint says which host key to trust'
}

function untrusted(key: Buffer, trust: HostTrust, reason: string): TransferError {
  const line = `${knownHostsName(trust.host, trust.port)} ${keyTypeOf(key)} ${key.toString('base64')}`
  return new TransferError('untrusted', `${trust.host}:${trust.port} is not trusted: ${reason}. It offers ${pinOf(key)}`, {
    hint: `If you have made sure that this is the server's key, set fingerprint to ${pinOf(key)} or add this line to known-hosts: ${line}`,
  })
}

const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
]

function typeOf(algorithm: string): string {
  return algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm
}

/** Algorithms to ask for, those that known_hosts can answer first: a server with several keys would else present another one. `proven`: what it was trusted by before. */
export function hostKeyAlgorithms(trust: HostTrust, proven?: string): ServerHostKeyAlgorithm[] {
  const types = new Set(
    linesFor(trust.knownHosts, trust.host, trust.port)
      .filter((line) => line.marker === 'none')
      .map((line) => line.keyType),
  )
  const rank = (algorithm: string): number => (typeOf(algorithm) === proven ? 0 : types.has(typeOf(algorithm)) ? 1 : 2)
  return [...ALGORITHMS].sort((a, b) => rank(a) - rank(b))
}

/** Those left to ask for after a key of type `seen`, without what the server has not got. */
export function otherAlgorithms(
  asked: readonly ServerHostKeyAlgorithm[],
  seen: string,
  offered: readonly string[] | null,
): ServerHostKeyAlgorithm[] {
  return asked.filter((algorithm) => typeOf(algorithm) !== seen && (offered === null || offered.includes(algorithm)))
}

/** The host key algorithms that a server's KEXINIT names (RFC 4253, section 7.1), or null when it cannot be read. */
export function offeredAlgorithms(kexinit: unknown): readonly string[] | null {
  if (!Buffer.isBuffer(kexinit)) return null
  const first = lengthAt(kexinit, 17)
  const names = first === null ? null : lengthAt(kexinit, 21 + first)
  if (first === null || names === null) return null
  return kexinit.toString('latin1', 25 + first, 25 + first + names).split(',')
}

function lengthAt(bytes: Buffer, at: number): number | null {
  if (at + 4 > bytes.length) return null
  const length = bytes.readUInt32BE(at)
  return at + 4 + length <= bytes.length ? length : null
}
