/** Who the server is. The handshake itself accepts every certificate; `judge` decides before the first byte of a request is written. */
import { createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from 'node:tls'
import { TransferError } from '../../core/errors.ts'
import { pinsOfCertificate } from '../pins.ts'
import type { TlsPolicy } from './config.ts'

const TLS_VERSION_MIN = 'TLSv1.2'

/** Of every handshake. */
export const HANDSHAKE = { rejectUnauthorized: false, minVersion: TLS_VERSION_MIN } as const

/** By the given certificates. Made once: reading several hundred roots takes up to a tenth of a second. */
const contexts = new Map<string, SecureContext>()

/** Whom to trust: the system's roots, Node's own and the given ones. */
export function secureContextFor({ ca: extra }: TlsPolicy): SecureContext {
  const known = contexts.get(extra.join())
  if (known !== undefined) return known
  const ca = [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...extra])]
  const context = createSecureContext({ ca, minVersion: TLS_VERSION_MIN })
  contexts.set(extra.join(), context)
  return context
}

/** The `untrusted` error to end the connection with, or null when the server is the one it should be. */
export function judge(socket: TLSSocket, policy: TlsPolicy, host: string): TransferError | null {
  const certificate = socket.getPeerX509Certificate()
  const offered = certificate === undefined ? [] : pinsOfCertificate(certificate)
  const pin = offered[0] ?? null
  if (policy.pins.length > 0) {
    return offered.some((one) => policy.pins.includes(one)) ? null : untrusted(host, 'its certificate is not the pinned one', pin)
  }
  if (socket.authorized || !policy.verify) return null
  return untrusted(host, reasonOf(socket.authorizationError), pin)
}

function reasonOf(error: Error | string | null | undefined): string {
  if (error === null || error === undefined) return 'its certificate could not be verified'
  return `its certificate was not accepted (${error instanceof Error ? error.message : error})`
}

function untrusted(host: string, reason: string, pin: string | null): TransferError {
  const offered = pin === null ? '' : `; the certificate's SHA-256 is ${pin}`
  return new TransferError('untrusted', `${host}: ${reason}${offered}`, {
    hint: 'If this really is the right server, set fingerprint to that SHA-256, or tls-ca to the certificate of its issuer.',
  })
}
