import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  require_undici
} from "./chunk-XSR5I4GW.js";
import {
  messageOf
} from "./chunk-KMLWFRHU.js";
import {
  STATE_BYTES_MAX,
  redactor
} from "./chunk-GW64MRGB.js";
import {
  proxiesOf
} from "./chunk-3NB5SF6R.js";
import {
  printable
} from "./chunk-L2XN6AKA.js";
import {
  TransferError,
  abortError,
  throwIfAborted
} from "./chunk-BVY6T2JH.js";
import {
  cacheAvailability,
  isTrustedTransport,
  parseUrl
} from "./chunk-ARJNGDEO.js";
import {
  __toESM
} from "./chunk-TIQYU5W4.js";

// src/action/cache-service.ts
var import_undici2 = __toESM(require_undici(), 1);
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

// src/action/cache-connections.ts
var import_undici = __toESM(require_undici(), 1);
import { createSecureContext, getCACertificates } from "node:tls";
function cacheConnections(environment, timeoutMs) {
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const proxies = proxiesOf(environment);
  return new import_undici.Agent({
    factory: (origin) => {
      const url = new URL(origin);
      const isSecure = url.protocol === "https:";
      const proxy = isSecure ? proxies.proxyFor(url) : null;
      const tls = { timeout: timeoutMs, ...isSecure ? { secureContext: trusted() } : {} };
      if (proxy === null) return new import_undici.Pool(origin, { ...limits, connect: (0, import_undici.buildConnector)(tls) });
      const token = proxy.authorization === null ? {} : { token: proxy.authorization };
      const through = { ...tls, toJSON: () => void 0 };
      return new import_undici.ProxyAgent({ ...limits, uri: proxy.url.href, ...token, requestTls: through, proxyTls: through });
    }
  });
}
var context = null;
function trusted() {
  context ??= createSecureContext({ ca: [.../* @__PURE__ */ new Set([...getCACertificates("default"), ...getCACertificates("system")])] });
  return context;
}

// src/action/cache-service.ts
var SERVICE = "/twirp/github.actions.results.api.v1.CacheService/";
var USER_AGENT = "resumable-transfer";
var VERSION = createHash("sha256").update("resumable-transfer state 1").digest("hex");
var KEY_PREFIX = "rt1-";
var LOAD_TIMEOUT_MS = 2e4;
var SAVE_TIMEOUT_MS = 6e4;
var RETRY_PAUSE_MS = 500;
var REPLY_BYTES_MAX = 64 * 1024;
var KEYS_MAX = 3;
function cacheServiceStore(environment, identity, ports) {
  const keys = keysOf(identity, ports.nowMs);
  return {
    description: "Actions cache",
    load: (signal) => exchange(environment, ports, ports.loadTimeoutMs ?? LOAD_TIMEOUT_MS, signal, (session) => load(session, keys)),
    save: (state, signal) => exchange(environment, ports, ports.saveTimeoutMs ?? SAVE_TIMEOUT_MS, signal, (session) => save(session, keys, state))
  };
}
function keysOf(identity, nowMs) {
  let sequence = 0;
  const all = `${KEY_PREFIX}${identity.id}-`;
  const run = `${all}${identity.runId.replace(/[^0-9A-Za-z]/g, "_").slice(0, 64)}-`;
  const attempt = `${run}${identity.runAttempt}-`;
  const next = () => {
    sequence = Math.max(Math.trunc(nowMs()), sequence + 1);
    return `${attempt}${sequence}`;
  };
  return { all, run, attempt, next };
}
async function exchange(environment, ports, timeoutMs, signal, work) {
  throwIfAborted(signal);
  const base = parseUrl(environment.ACTIONS_RESULTS_URL ?? "");
  const { available, reason } = cacheAvailability(environment);
  if (base === null || !available) throw new Error(reason ?? "ACTIONS_RESULTS_URL is not a URL");
  const limit = new AbortController();
  const onAbort = () => limit.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(onAbort, timeoutMs);
  const dispatcher = cacheConnections(environment, timeoutMs);
  try {
    const retryPauseMs = ports.retryPauseMs ?? RETRY_PAUSE_MS;
    return await work({ environment, base, dispatcher, signal: limit.signal, retryPauseMs, discreet: discretion(environment) });
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    if (limit.signal.aborted) throw new Error(`the Actions cache did not finish within ${timeoutMs / 1e3} s`);
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    await dispatcher.destroy();
  }
}
function discretion(environment) {
  const redact = redactor([{ text: environment.ACTIONS_RUNTIME_TOKEN ?? "" }]);
  return (text2) => printable(redact(text2).replace(/\?\S*/g, "?…"), 300);
}
async function load(session, keys) {
  const reply = await call(session, "GetCacheEntryDownloadURL", {
    key: keys.attempt,
    version: VERSION,
    restore_keys: [keys.run, keys.all]
  });
  if (reply.status === 404 && reply.fields.code === "not_found") return null;
  if (reply.fields.ok !== true) {
    if (reply.status !== 200 || reply.text.includes("cache read denied")) throw refusal(session, "read", reply);
    return null;
  }
  const matched = text(reply.fields.matched_key ?? reply.fields.matchedKey);
  if (!matched.startsWith(keys.all)) throw new Error("the Actions cache answered with an entry that is not ours");
  const url = signedUrl(session, reply.fields.signed_download_url ?? reply.fields.signedDownloadUrl);
  return await twice(session, () => download(session, url));
}
async function save(session, keys, state) {
  if (state.byteLength > STATE_BYTES_MAX) throw new Error(`the state is too large to be saved (${state.byteLength} bytes)`);
  const { key, url } = await reserve(session, keys);
  await twice(session, () => upload(session, url, state));
  const reply = await call(session, "FinalizeCacheEntryUpload", { key, version: VERSION, size_bytes: String(state.byteLength) });
  if (reply.fields.ok !== true) throw refusal(session, "finish the entry of", reply);
}
async function reserve(session, keys) {
  for (let tried = 1; ; tried += 1) {
    const key = keys.next();
    const reply = await call(session, "CreateCacheEntry", { key, version: VERSION });
    if (reply.fields.ok === true) return { key, url: signedUrl(session, reply.fields.signed_upload_url ?? reply.fields.signedUploadUrl) };
    const taken = reply.status === 409 || reply.fields.code === "already_exists";
    if (!taken || tried === KEYS_MAX) throw refusal(session, "write", reply);
  }
}
async function call(session, method, message) {
  const url = new URL(`${SERVICE}${method}`, session.base);
  const headers = {
    "content-type": "application/json",
    authorization: `Bearer ${session.environment.ACTIONS_RUNTIME_TOKEN ?? ""}`,
    "user-agent": USER_AGENT
  };
  return await twice(session, async () => {
    const options = {
      method: "POST",
      headers,
      body: JSON.stringify(message),
      dispatcher: session.dispatcher,
      signal: session.signal
    };
    const response = await (0, import_undici2.request)(url, options);
    const body = (await bounded(response.body, REPLY_BYTES_MAX)).toString();
    if (response.statusCode >= 500) throw new Passing(`it answered ${response.statusCode}`);
    return { status: response.statusCode, retryAfter: text(response.headers["retry-after"]), text: body, fields: jsonObject(body) };
  });
}
async function upload(session, url, state) {
  const headers = { "content-type": "application/octet-stream", "x-ms-blob-type": "BlockBlob", "user-agent": USER_AGENT };
  const options = { method: "PUT", headers, body: state, dispatcher: session.dispatcher, signal: session.signal };
  const response = await (0, import_undici2.request)(url, options);
  await bounded(response.body, REPLY_BYTES_MAX);
  if (response.statusCode >= 500) throw new Passing(`its blob store answered ${response.statusCode}`);
  if (response.statusCode !== 201) throw new Error(`cannot write the Actions cache: its blob store answered ${response.statusCode}`);
}
async function download(session, url) {
  const headers = { "accept-encoding": "identity", "user-agent": USER_AGENT };
  const response = await (0, import_undici2.request)(url, { headers, dispatcher: session.dispatcher, signal: session.signal });
  if (response.statusCode >= 500) throw new Passing(`its blob store answered ${response.statusCode}`);
  if (response.statusCode !== 200) throw new Error(`cannot read the Actions cache: its blob store answered ${response.statusCode}`);
  const encoding = text(response.headers["content-encoding"]);
  if (encoding !== "" && encoding !== "identity") throw new Error("cannot read the Actions cache: the blob comes encoded");
  const announced = response.headers["content-length"];
  if (announced === void 0 && response.headers["transfer-encoding"] === void 0)
    throw new Error("cannot read the Actions cache: the blob comes without a length");
  if (Number(announced ?? 0) > STATE_BYTES_MAX) throw new Error("the entry in the Actions cache is larger than any state");
  const body = await bounded(response.body, STATE_BYTES_MAX);
  if (announced !== void 0 && body.byteLength !== Number(announced)) throw new Passing("the blob was cut short");
  return body;
}
async function bounded(body, bytesMax) {
  const chunks = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > bytesMax) throw new Error("the Actions cache answered with more than it should");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
var Passing = class extends Error {
};
async function twice(session, work) {
  try {
    return await work();
  } catch (error) {
    if (session.signal.aborted || !isPassing(error)) throw connectionError(error);
  }
  await sleep(session.retryPauseMs, void 0, { signal: session.signal });
  try {
    return await work();
  } catch (error) {
    throw connectionError(error);
  }
}
var LOST_CONNECTION = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "UND_ERR_CLOSED"];
function isPassing(error) {
  return error instanceof Passing || LOST_CONNECTION.includes(errorCode(error));
}
function errorCode(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
function connectionError(error) {
  if (error instanceof Passing) return new Error(`the Actions cache is not working: ${error.message}`);
  if (error instanceof TransferError) return new Error(error.message);
  const code = errorCode(error);
  if (error instanceof AggregateError) return new Error(`no connection to the Actions cache: ${messageOf(error)}`);
  if (code !== "") return new Error(`no connection to the Actions cache (${code})`);
  return error instanceof Error ? error : new Error("no connection to the Actions cache");
}
function signedUrl(session, value) {
  const url = parseUrl(text(value));
  if (url === null) throw new Error("the Actions cache answered without a usable URL");
  if (!isTrustedTransport(url) || url.protocol !== "https:" && session.base.protocol === "https:")
    throw new Error("the Actions cache answered with a URL that is not https");
  return url;
}
function refusal(session, action, reply) {
  const said = text(reply.fields.message) || text(reply.fields.msg);
  const intro = `cannot ${action} the Actions cache: `;
  if (said.includes("insufficient usage")) return new Error(`${intro}its storage quota is used up`);
  if (said.includes("cache write denied")) return new Error(`${intro}this run may only read it (${session.discreet(said)})`);
  if (said.includes("cache read denied")) return new Error(`${intro}this run may not read it (${session.discreet(said)})`);
  if (reply.status === 429) {
    const wish = /^\d{1,6}$/.test(reply.retryAfter) ? `; it may be asked again in ${reply.retryAfter} s` : "";
    return new Error(`${intro}too many requests${wish}`);
  }
  const detail = said === "" ? "" : `: ${session.discreet(said)}`;
  return new Error(reply.status === 200 ? `${intro}it refused${detail}` : `${intro}it answered ${reply.status}${detail}`);
}
function text(value) {
  return typeof value === "string" ? value : "";
}
function jsonObject(body) {
  try {
    const value = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
export {
  cacheServiceStore
};
