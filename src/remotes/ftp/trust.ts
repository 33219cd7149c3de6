/** TLS: whom we accept. Node never decides alone here, so that a pin, a name mismatch and a strange root all end in one place and one message. */
import { isIP } from 'node:net'
import * as tls from 'node:tls'
import { TransferError } from '../../core/errors.ts'
import { pinsOfCertificate } from '../pins.ts'
import type { FtpConfig } from './config.ts'
import { HINTS } from './errors.ts'

const RSA_BITS_MIN = 2048

export interface Trust {
  /** What control and data connections are opened with. The same host for both: Node refuses to continue a TLS session under another name. */
  readonly options: tls.ConnectionOptions
  readonly pins: readonly string[]
  readonly verify: boolean
}

/** Rejects with `invalid-input` when `tls-ca` cannot be read. */
export function trustFor(config: FtpConfig): Trust {
  // Roots decide nothing where a pin does, or nobody, and hundreds of them take a noticeable time to load.
  const ca = config.pins.length > 0 || !config.tlsVerify ? [] : [...roots(), ...(config.tlsCa === undefined ? [] : [config.tlsCa])]
  let secureContext: tls.SecureContext
  try {
    secureContext = tls.createSecureContext({ ca, minVersion: 'TLSv1.2' })
  } catch (error) {
    throw new TransferError('invalid-input', `tls-ca cannot be used: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  return {
    options: {
      secureContext,
      host: config.host,
      ...(isIP(config.host) === 0 ? { servername: config.host } : {}),
      // `assertTrusted` decides, in the same tick as the handshake ends and before a byte is sent or taken.
      rejectUnauthorized: false,
    },
    pins: config.pins,
    verify: config.tlsVerify,
  }
}

/** Node's own and the system's, each once: the system usually has most of Node's, and itself twice. */
function roots(): Set<string> {
  return new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')].map((pem) => pem.trim()))
}

function colons(hex: string): string {
  return (hex.match(/../g) ?? []).join(':').toUpperCase()
}

/** Throws `untrusted` unless the peer of a finished handshake is the one we were told to trust. */
export function assertTrusted(socket: tls.TLSSocket, trust: Trust): void {
  // A pin is a wish of its own: `tls-verify: false` does not lift it.
  if (!trust.verify && trust.pins.length === 0) return
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) throw new TransferError('untrusted', 'the server showed no certificate')
  const offered = pinsOfCertificate(certificate)
  const [pin] = offered
  if (offered.some((one) => trust.pins.includes(one))) return
  const shown = `its SHA-256 is ${colons(pin)}`
  const hint = 'Only if you know by another way that this is the right certificate, set `fingerprint` to that value.'
  if (trust.pins.length > 0) throw new TransferError('untrusted', `the server's certificate is not the pinned one; ${shown}`, { hint })
  if (socket.authorized) return
  const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN
  // OpenSSL refuses such a key whoever vouches for it, and Node calls that UNSPECIFIED.
  if (bits < RSA_BITS_MIN)
    throw new TransferError('refused', `the server's certificate is too weak: its key has ${bits} bits`, { hint: HINTS.weak })
  const reason: unknown = socket.authorizationError
  const why = reason instanceof Error ? ('code' in reason ? `${String(reason.code)}: ${reason.message}` : reason.message) : String(reason)
  throw new TransferError('untrusted', `the server's certificate is not trusted (${why}); ${shown}`, { hint })
}

/** A data connection that continues a session which was checked needs no certificate; any other is checked like the control connection. */
export function assertTrustedData(socket: tls.TLSSocket, trust: Trust): void {
  if (!socket.isSessionReused()) assertTrusted(socket, trust)
}
