/** What errors of TLS mean, by the codes Node 24 gives them. Certificates are judged elsewhere: each remote looks at them once the handshake is done. */
import type { FailureKind } from '../core/errors.ts'

const TLS_CODES =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|EPROTO$|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE|UND_ERR_PRX_TLS)/

/**
 * The kind of a failure with this code, or null when it is none of TLS. `secured`: the handshake was done and the peer trusted. From then on a record that
 * cannot be read is damage on the way, as a reset is; an alert is still the peer's word, except that it could not read a record of ours.
 */
export function tlsFailureKind(code: string, secured: boolean): FailureKind | null {
  if (!TLS_CODES.test(code)) return null
  if (code.includes('BAD_RECORD_MAC')) return 'transient'
  return secured && !code.includes('ALERT') ? 'transient' : 'untrusted'
}

const TOO_OLD = /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/
const TOO_WEAK = /KEY_TOO_SMALL|KEY_TOO_WEAK|MD_TOO_WEAK/
const NOTHING_SHARED = /ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS|NO_PROTOCOLS/

/** What is wrong with the peer's TLS itself, where a handshake failed on that and not on who the peer is: no pin and no root helps. Null for anything else. */
export function tlsWeakness(code: string): string | null {
  if (TOO_OLD.test(code)) return "the server's TLS is too old: it does not speak TLS 1.2"
  if (TOO_WEAK.test(code)) return "the server's TLS is too weak: a key is too small"
  if (NOTHING_SHARED.test(code))
    return 'the server found no TLS version and cipher in common with us: its TLS is too old or too weak, or it has no certificate'
  return null
}
