import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/core/errors.ts
var REACTIONS = {
  internal: "fail",
  "invalid-input": "fail",
  denied: "fail",
  untrusted: "fail",
  transient: "retry",
  refused: "fail",
  "no-space": "fail",
  "source-changed": "restart",
  conflict: "fail",
  stopped: "stop",
  integrity: "replan",
  limit: "fail",
  protocol: "fail",
  "not-found": "fail",
  "offset-conflict": "replan",
  unsupported: "downgrade"
};
function reactionTo(kind) {
  return REACTIONS[kind];
}
var EXIT_CODES = {
  internal: 1,
  "invalid-input": 2,
  denied: 3,
  untrusted: 4,
  transient: 5,
  refused: 6,
  "no-space": 7,
  "source-changed": 8,
  conflict: 9,
  stopped: 10,
  integrity: 11,
  limit: 12,
  protocol: 13,
  "not-found": 14
};
function exitCodeFor(kind) {
  return EXIT_CODES[kind];
}
function publicKind(kind) {
  if (kind === "offset-conflict") return "conflict";
  if (kind === "unsupported") return "refused";
  return kind;
}
var TransferError = class extends Error {
  name = "TransferError";
  kind;
  hint;
  retryAfterMs;
  ofLogin;
  brokeDown;
  constructor(kind, message, details = {}) {
    super(message, details.cause === void 0 ? void 0 : { cause: details.cause });
    this.kind = kind;
    this.hint = details.hint;
    this.retryAfterMs = details.retryAfterMs;
    this.ofLogin = details.ofLogin === true;
    this.brokeDown = details.brokeDown === true;
  }
};
function abortError(signal) {
  return signal.reason instanceof TransferError ? signal.reason : new TransferError("stopped", "stopped", { cause: signal.reason });
}
function throwIfAborted(signal) {
  if (signal.aborted) throw abortError(signal);
}

export {
  reactionTo,
  exitCodeFor,
  publicKind,
  TransferError,
  abortError,
  throwIfAborted
};
