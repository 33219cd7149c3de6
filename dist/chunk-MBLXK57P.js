import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/remotes/tls.ts
var TLS_CODES = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|EPROTO$|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE|UND_ERR_PRX_TLS)/;
function tlsFailureKind(code, secured) {
  if (!TLS_CODES.test(code)) return null;
  if (code.includes("BAD_RECORD_MAC")) return "transient";
  return secured && !code.includes("ALERT") ? "transient" : "untrusted";
}
var TOO_OLD = /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/;
var TOO_WEAK = /KEY_TOO_SMALL|KEY_TOO_WEAK|MD_TOO_WEAK/;
var NOTHING_SHARED = /ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS|NO_PROTOCOLS/;
function tlsWeakness(code) {
  if (TOO_OLD.test(code)) return "the server's TLS is too old: it does not speak TLS 1.2";
  if (TOO_WEAK.test(code)) return "the server's TLS is too weak: a key is too small";
  if (NOTHING_SHARED.test(code))
    return "the server found no TLS version and cipher in common with us: its TLS is too old or too weak, or it has no certificate";
  return null;
}

export {
  tlsFailureKind,
  tlsWeakness
};
