import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/remotes/tls.ts
var TLS_CODES = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|EPROTO$|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE|UND_ERR_PRX_TLS)/;
function tlsFailureKind(code, secured) {
  if (!TLS_CODES.test(code)) return null;
  if (code.includes("BAD_RECORD_MAC")) return "transient";
  return secured && !code.includes("ALERT") ? "transient" : "untrusted";
}

export {
  tlsFailureKind
};
