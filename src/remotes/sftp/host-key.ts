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
  if (trust.pins.length > 0) return `its host key (${keyTypeOf(key)}) has none of the given fingerprints`
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

/** Algorithms to ask for, those that known_hosts can answer first: a server with several keys would else present another one. */
export function hostKeyAlgorithms(trust: HostTrust): ServerHostKeyAlgorithm[] {
  const types = new Set(
    linesFor(trust.knownHosts, trust.host, trust.port)
      .filter((line) => line.marker === 'none')
      .map((line) => line.keyType),
  )
  const known = ALGORITHMS.filter((algorithm) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm))
  return [...known, ...ALGORITHMS.filter((algorithm) => !known.includes(algorithm))]
}
