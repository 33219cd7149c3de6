import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  tlsFailureKind
} from "./chunk-MBLXK57P.js";
import {
  baseName,
  directoryName,
  joinPath,
  pinsOfCertificate,
  readPin
} from "./chunk-2A4NVA3E.js";
import {
  require_undici
} from "./chunk-XSR5I4GW.js";
import {
  messageOf,
  reach
} from "./chunk-KMLWFRHU.js";
import {
  NO_PROXIES
} from "./chunk-3NB5SF6R.js";
import {
  trimmedEnd
} from "./chunk-L2XN6AKA.js";
import {
  TransferError,
  abortError,
  throwIfAborted
} from "./chunk-BVY6T2JH.js";
import {
  __toESM
} from "./chunk-TIQYU5W4.js";

// src/remotes/http/config.ts
import { X509Certificate } from "node:crypto";

// src/remotes/http/location.ts
var DLE = "";
var ENCODED_LINE_BREAK_OR_NUL = /%(?:0a|0d|00)/i;
var PATH_TOKEN = /(?:%[0-9a-f]{2})+|[a-z0-9\-._~!$&'()*+,;=:@/]+|[\s\S]/giu;
var WIRE_TOKEN = /\u0010([0-9A-Fa-f]{2}|[%[\]|^`{}])|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu;
function locate(url) {
  if (ENCODED_LINE_BREAK_OR_NUL.test(url.pathname + url.search)) {
    throw new TransferError("invalid-input", "the URL holds an encoded line break or NUL character");
  }
  return url.search.replaceAll("/", DLE) + decodePath(url.pathname);
}
function wirePath(path) {
  const cut = path.startsWith("?") ? path.indexOf("/") : 0;
  const search = cut < 0 ? path : path.slice(0, cut);
  const decoded = cut < 0 ? "/" : path.slice(cut);
  if (decoded.split("/").some((segment) => segment === "." || segment === "..")) {
    throw new TransferError("invalid-input", 'a path with "." or ".." segments');
  }
  const pathname = encodePath(decoded);
  return { pathname: pathname.startsWith("/") ? pathname : `/${pathname}`, search: search.replaceAll(DLE, "/") };
}
function targetOf(origin, path) {
  const { pathname, search } = wirePath(path);
  return { origin, path: pathname + search };
}
function describeTarget(target) {
  return target.origin + (target.path.split("?", 1)[0] ?? "");
}
function decodePath(pathname) {
  return pathname.replace(PATH_TOKEN, (token) => token.length > 1 && token.startsWith("%") ? decodeRun(token) : keepPlain(token));
}
function keepPlain(character) {
  return character !== DLE && encodePath(character) === character ? character : DLE + character;
}
function decodeRun(run) {
  let text;
  try {
    text = decodeURIComponent(run);
  } catch {
    return run.replaceAll("%", DLE);
  }
  let decoded = "";
  let at = 0;
  for (const character of text) {
    const spelled = run.slice(at, at + Buffer.byteLength(character) * 3);
    decoded += character !== DLE && encodePath(character) === spelled ? character : spelled.replaceAll("%", DLE);
    at += spelled.length;
  }
  return decoded;
}
function encodePath(decoded) {
  return decoded.toWellFormed().replace(WIRE_TOKEN, (token, escaped) => {
    if (escaped === void 0) return encodeURIComponent(token);
    return escaped.length === 2 ? `%${escaped}` : escaped;
  });
}

// src/remotes/http/config.ts
var TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
var HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
var OWN_HEADERS = /^(?:range|if-.*|host|content-(?:length|range|encoding)|transfer-encoding|te|trailer|connection|keep-alive|upgrade|expect|accept-encoding|proxy-.*|destination|depth|overwrite|date|via)$/;
function parse(url, credentials) {
  const faults = [];
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  bare.hash = "";
  try {
    locate(bare);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  const headers = userHeaders(credentials.headers, faults);
  const authorization = authorizationOf(url, credentials, faults);
  if (authorization !== null) {
    if (headers.authorization !== void 0) faults.push("headers: Authorization is given twice, there and by username, password or token");
    headers.authorization = authorization;
  }
  const tls = {
    verify: credentials.tlsVerify,
    ca: certificatesOf(credentials.tlsCa, faults),
    pins: pinsOf(credentials.fingerprints, faults)
  };
  if (faults.length > 0) throw new TransferError("invalid-input", faults.join("\n"));
  return { url: bare, headers, tls };
}
function userHeaders(given, faults) {
  const headers = {};
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) faults.push(`headers: ${JSON.stringify(name)} is no header name`);
    else if (OWN_HEADERS.test(lower)) faults.push(`headers: ${name} cannot be set, the transfer itself decides it`);
    else if (headers[lower] !== void 0) faults.push(`headers: ${name} is given twice`);
    else if (!HEADER_VALUE.test(value)) faults.push(`headers: the value of ${name} holds characters that a header cannot hold`);
    else headers[lower] = value.trim();
  }
  return headers;
}
function authorizationOf(url, credentials, faults) {
  const username = credentials.username ?? userinfo(url.username, "username", faults);
  const password = credentials.password ?? userinfo(url.password, "password", faults);
  if (credentials.token !== void 0) {
    if (username !== null || password !== null) faults.push("token: give either a token or username and password");
    if (!/^[\x21-\x7e]+$/.test(credentials.token)) faults.push("token: holds characters that a bearer token cannot hold");
    return `Bearer ${credentials.token}`;
  }
  if (username === null && password === null) return null;
  if (username?.includes(":")) faults.push("username: a colon is not possible with HTTP basic authentication");
  if (/[\u0000-\u001f\u007f]/.test(`${username ?? ""}${password ?? ""}`))
    faults.push("username, password: control characters are not possible");
  return `Basic ${Buffer.from(`${username ?? ""}:${password ?? ""}`).toString("base64")}`;
}
function userinfo(encoded, name, faults) {
  if (encoded === "") return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    faults.push(`${name}: the one in the URL is not percent-encoded correctly`);
    return null;
  }
}
function certificatesOf(pem, faults) {
  if (pem === void 0 || pem.trim() === "") return [];
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) faults.push("tls-ca: holds no PEM certificate");
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      faults.push(`tls-ca: certificate ${index + 1} cannot be read`);
    }
  }
  return blocks;
}
function pinsOf(fingerprints, faults) {
  const pins = [];
  for (const fingerprint of fingerprints) {
    const pin = readPin(fingerprint);
    if ("hex" in pin) pins.push(pin.hex);
    else faults.push(`fingerprint: ${JSON.stringify(fingerprint)} ${pin.problem}`);
  }
  return pins;
}

// src/remotes/http/connection.ts
var import_undici = __toESM(require_undici(), 1);
import { lookup } from "node:dns";
import { TLSSocket } from "node:tls";

// src/remotes/http/addresses.ts
import { BlockList, isIP } from "node:net";
var PRIVATE = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  ["::", 127, "ipv6"],
  ["64:ff9b::", 96, "ipv6"],
  ["64:ff9b:1::", 48, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
  ["ff00::", 8, "ipv6"]
];
var blocked = new BlockList();
for (const [network, prefix, family] of PRIVATE) blocked.addSubnet(network, prefix, family);
function isPrivateAddress(address) {
  const bare = address.replace(/^\[|\]$/g, "").split("%", 1)[0] ?? "";
  const family = isIP(bare);
  return family === 0 || blocked.check(bare, family === 6 ? "ipv6" : "ipv4");
}
function isPrivateHost(hostname) {
  const bare = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIP(bare) !== 0) return isPrivateAddress(bare);
  return bare === "localhost" || bare.endsWith(".localhost");
}

// src/remotes/http/dial.ts
import { isIP as isIP2, Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect as tlsConnect } from "node:tls";

// src/remotes/http/trust.ts
import { createSecureContext, getCACertificates } from "node:tls";
var TLS_VERSION_MIN = "TLSv1.2";
var HANDSHAKE = { rejectUnauthorized: false, minVersion: TLS_VERSION_MIN };
var contexts = /* @__PURE__ */ new Map();
function secureContextFor({ ca: extra }) {
  const known = contexts.get(extra.join());
  if (known !== void 0) return known;
  const ca = [.../* @__PURE__ */ new Set([...getCACertificates("default"), ...getCACertificates("system"), ...extra])];
  const context = createSecureContext({ ca, minVersion: TLS_VERSION_MIN });
  contexts.set(extra.join(), context);
  return context;
}
function judge(socket, policy, host) {
  const certificate = socket.getPeerX509Certificate();
  const offered = certificate === void 0 ? [] : pinsOfCertificate(certificate);
  const pin = offered[0] ?? null;
  if (policy.pins.length > 0) {
    return offered.some((one) => policy.pins.includes(one)) ? null : untrusted(host, "its certificate is not the pinned one", pin);
  }
  if (socket.authorized || !policy.verify) return null;
  return untrusted(host, reasonOf(socket.authorizationError), pin);
}
function reasonOf(error) {
  if (error === null || error === void 0) return "its certificate could not be verified";
  return `its certificate was not accepted (${error instanceof Error ? error.message : error})`;
}
function untrusted(host, reason, pin) {
  const offered = pin === null ? "" : `; the certificate's SHA-256 is ${pin}`;
  return new TransferError("untrusted", `${host}: ${reason}${offered}`, {
    hint: "If this really is the right server, set fingerprint to that SHA-256, or tls-ca to the certificate of its issuer."
  });
}

// src/remotes/http/dial.ts
var READ_BYTES = 256 * 1024;
var ROUND_BYTES = 4 * 1024 * 1024;
function dialer(options) {
  return (target, callback) => {
    const isSecure = target.protocol === "https:";
    const dial = new Dial(reach(placeOf(target, options, isSecure ? 443 : 80), isSecure ? plainSocket : roundSocket));
    const expire = () => {
      dial.end(new TransferError("transient", `no connection to ${target.hostname} within ${options.timeoutMs} ms${dial.tried()}`));
    };
    const timer = setTimeout(expire, options.timeoutMs);
    const { signal } = options;
    const stop = () => dial.end(abortError(signal));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const forget = () => signal.removeEventListener("abort", stop);
    const trust = isSecure ? nextTurn().then(options.trust) : null;
    const restart = () => void (dial.settled || timer.refresh());
    trust?.then(restart, restart);
    dial.run(target, trust).then(
      ({ lowest, socket }) => {
        clearTimeout(timer);
        lowest.once("close", forget);
        callback(null, socket);
      },
      (error) => {
        clearTimeout(timer);
        forget();
        callback(error, null);
      }
    );
  };
}
var Dial = class {
  #reaching;
  /** What is used then is destroyed: below TLS the end would be told as the server's. */
  #current = null;
  settled = false;
  constructor(reaching) {
    this.#reaching = reaching;
  }
  tried() {
    return this.#current === null ? this.#reaching.tried() : "";
  }
  end(error) {
    if (this.#current === null) this.#reaching.stop(error);
    else this.#current.destroy(error);
  }
  async run(target, trust) {
    try {
      const { socket: lowest } = await this.#reaching.connected;
      this.#current = lowest;
      lowest.setNoDelay(true);
      lowest.setKeepAlive(true);
      return { lowest, socket: trust === null ? lowest : await this.#secure(lowest, target, trust) };
    } finally {
      this.settled = true;
    }
  }
  #secure(lowest, target, trust) {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new TransferError("transient", `${target.hostname}: the connection was closed before its handshake`));
      lowest.on("error", reject);
      lowest.once("close", lost);
      const secure = (secureContext) => {
        if (lowest.destroyed) return;
        lowest.off("close", lost);
        const socket = secured(lowest, target, secureContext);
        this.#current = socket;
        socket.once("secureConnect", () => resolve(socket)).on("error", reject);
      };
      trust.then(secure).catch((error) => lowest.destroy(error));
    });
  }
};
function placeOf(target, options, port) {
  return {
    host: target.hostname,
    port: target.port === "" ? port : Number(target.port),
    ...options.lookup === void 0 ? {} : { lookup: options.lookup }
  };
}
function plainSocket() {
  return { socket: new Socket() };
}
function secured(socket, { hostname }, secureContext) {
  const servername = isIP2(hostname) === 0 ? hostname : "";
  return tlsConnect({ socket, host: hostname, servername, secureContext, ...HANDSHAKE, ALPNProtocols: ["http/1.1"] });
}
function roundSocket() {
  const round = Buffer.allocUnsafeSlow(ROUND_BYTES);
  let at = 0;
  const socket = new Socket({
    onread: {
      buffer: () => {
        if (at + READ_BYTES > ROUND_BYTES) at = 0;
        return round.subarray(at, at + READ_BYTES);
      },
      callback: (length, buffer) => {
        at += length;
        return socket.push(buffer.subarray(0, length));
      }
    }
  });
  return { socket };
}

// src/remotes/http/connection.ts
var CONNECTIONS_MAX = 8;
var CLOSE_TIMEOUT_MS = 1e3;
var HEADER_BYTES_MAX = 64 * 1024;
function openConnections(config, { timeoutMs, presenting, proxies = NO_PROXIES, debug }) {
  const first = proxies.proxyFor(config.url);
  if (first !== null) debug(`through the proxy ${first.url.origin}`);
  const ending = new AbortController();
  let connected = false;
  const tellsWhoWeAre = Object.keys(config.headers).length > 0 || config.url.search !== "";
  const home = { isPrivate: isPrivateHost(config.url.hostname) };
  const dialing = { trust: () => secureContextFor(config.tls), timeoutMs, signal: ending.signal };
  const toHome = dialer(dialing);
  const toOthers = dialer({ ...dialing, lookup: publicLookup(() => home.isPrivate) });
  const direct = (target, callback) => {
    if (!isHome(config.url, target)) return toOthers(target, callback);
    toHome(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      home.isPrivate = isPrivateAddress(socket.remoteAddress ?? "");
      callback(null, socket);
    });
  };
  const pooled = (origin, given) => pool(origin, given, config, (target) => {
    connected = true;
    if (tellsWhoWeAre && (isHome(config.url, target) || config.url.protocol === "http:")) presenting?.();
  });
  const dispatcher = new import_undici.Agent({
    connect: direct,
    allowH2: false,
    factory: (origin, given) => {
      const proxy = proxies.proxyFor(new URL(origin));
      if (proxy === null) return pooled(origin, given);
      const token = proxy.authorization === null ? {} : { token: proxy.authorization };
      return new import_undici.ProxyAgent({ uri: proxy.url.href, ...token, ...throughProxy(dialing), allowH2: false, factory: pooled });
    }
  });
  return {
    dispatcher,
    connected: () => connected,
    homeIsPrivate: () => home.isPrivate,
    close: async () => {
      ending.abort();
      await bounded(dispatcher.destroy(new TransferError("stopped", "the connection was closed")));
    }
  };
}
function throughProxy({ trust, timeoutMs, signal }) {
  const common = { timeout: timeoutMs, signal, allowH2: false, toJSON: () => void 0 };
  return {
    requestTls: {
      get secureContext() {
        return trust();
      },
      ...HANDSHAKE,
      ...common,
      // A resumed session would not be checked against the host's name again.
      maxCachedSessions: 0
    },
    proxyTls: {
      get secureContext() {
        return trust();
      },
      ...common
    }
  };
}
function pool(origin, given, config, reached) {
  const connect = "connect" in given && typeof given.connect === "function" ? given.connect : void 0;
  return new import_undici.Pool(origin, {
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    allowH2: false,
    maxHeaderSize: HEADER_BYTES_MAX,
    // The exchange keeps its own, exact timer; undici's does not count uploads whose source is slow.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...connect === void 0 ? {} : { connect: judged(connect, config, reached) }
  });
}
function judged(connect, config, reached) {
  return (target, callback) => {
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const verdict = socket instanceof TLSSocket ? judge(socket, config.tls, target.hostname) : null;
      if (verdict === null) {
        reached(target);
        return callback(null, socket);
      }
      socket.destroy();
      callback(verdict, null);
    });
  };
}
function isHome(home, target) {
  const port = (protocol2, given) => given !== "" ? given : protocol2 === "https:" ? "443" : "80";
  return home.hostname.replace(/^\[|\]$/g, "") === target.hostname && home.protocol === target.protocol && port(home.protocol, home.port) === port(target.protocol, target.port ?? "");
}
function publicLookup(privateAllowed) {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      if (!privateAllowed() && addresses.some((a) => isPrivateAddress(a.address))) {
        return callback(new TransferError("untrusted", `a redirect leads to ${hostname}, which is in a private network`), "");
      }
      if (options.all === true) return callback(null, addresses);
      callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
    });
  };
}
async function bounded(ending) {
  let timer;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  });
  await Promise.race([ending.catch(() => void 0), limit]);
  clearTimeout(timer);
}

// src/remotes/http/intake.ts
var EXCERPT = { kind: "excerpt" };

// src/remotes/http/destinations.ts
var SPELLINGS = [
  { spell: (origin, path) => origin + path, after: [] },
  { spell: (origin, path) => origin.replace(/^https:/, "http:") + path, after: [400, 403, 421, 502] },
  { spell: (_origin, path) => path, after: [400, 421, 502] }
];
var Destinations = class {
  #understood = null;
  /** The answer to the spelling that was understood, or to the first. */
  async relocate(session, { method, from, to, headers, lastWordMs: lastWordMs2 }, signal) {
    const target = targetOf(session.origin, to);
    const ask3 = (spell) => {
      const destination = spell(target.origin, target.path);
      return session.perform({ method, path: from, headers: { ...headers, destination }, lastWordMs: lastWordMs2 }, () => EXCERPT, signal);
    };
    if (this.#understood !== null) return ask3(this.#understood);
    const answers = [];
    for (const { spell, after } of SPELLINGS) {
      const before = answers.at(-1)?.reply.status;
      const isSame = before !== void 0 && spell(target.origin, target.path) === target.origin + target.path;
      if (isSame || before !== void 0 && !after.includes(before)) continue;
      const finished = await ask3(spell);
      const { status } = finished.reply;
      if (status >= 200 && status < 300 && status !== 207) this.#understood = spell;
      if (![400, 403, 421, 502].includes(status)) return finished;
      answers.push(finished);
    }
    return answers[0];
  }
};

// src/remotes/http/features.ts
import { randomBytes } from "node:crypto";

// src/remotes/http/errors.ts
var import_undici2 = __toESM(require_undici(), 1);

// src/remotes/http/headers.ts
function header(reply, name) {
  const value = reply.headers[name];
  if (value === void 0) return null;
  return typeof value === "string" ? value : value.join(", ");
}
function framingOf(reply) {
  const coding = header(reply, "transfer-encoding");
  if (coding !== null) {
    if (coding.trim().toLowerCase() === "chunked") return { kind: "chunked" };
    throw new TransferError("protocol", `the server sent the transfer encoding ${JSON.stringify(coding)}, which was not asked for`);
  }
  const text = header(reply, "content-length");
  if (text === null) return { kind: "close" };
  const length = decimal(text.trim());
  if (length === null) throw new TransferError("protocol", `the server sent the content length ${JSON.stringify(text)}`);
  return { kind: "length", length };
}
function contentRangeOf(reply) {
  const match = /^bytes[ \t]+(?:(\d{1,16})-(\d{1,16})|\*)\/(\d{1,16}|\*)$/i.exec((header(reply, "content-range") ?? "").trim());
  if (match === null) return null;
  const [, first, last, totalText] = match;
  const total = totalText === "*" ? null : decimal(totalText ?? "");
  if (first === void 0 || last === void 0) return total === null ? null : { range: null, total };
  const start = decimal(first);
  const end = decimal(last);
  if (start === null || end === null || end < start || total !== null && end >= total) return null;
  return { range: { start, end: end + 1 }, total };
}
function strongValidatorOf(reply) {
  const tag = (header(reply, "etag") ?? "").trim();
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag) ? tag : null;
}
function entityTagOf(reply) {
  const tag = (header(reply, "etag") ?? "").trim();
  return /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag) ? tag : null;
}
function modifiedAtMsOf(reply) {
  const at = Date.parse(header(reply, "last-modified") ?? "");
  return Number.isNaN(at) ? null : at;
}
function retryAfterMsOf(reply) {
  const text = header(reply, "retry-after")?.trim();
  if (text === void 0 || text === "") return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1e3;
  const until = Date.parse(text);
  if (/^[+-]?\d/.test(text) || Number.isNaN(until)) return null;
  const served = Date.parse(header(reply, "date") ?? "");
  return Math.max(0, until - (Number.isNaN(served) ? Date.now() : served));
}
function decimal(text) {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}

// src/remotes/http/errors.ts
var KINDS = {
  401: "denied",
  403: "denied",
  404: "not-found",
  407: "denied",
  408: "transient",
  410: "not-found",
  412: "conflict",
  421: "transient",
  423: "transient",
  425: "transient",
  429: "transient",
  501: "refused",
  505: "refused",
  507: "no-space",
  508: "refused",
  511: "denied"
};
function kindOf(status) {
  const kind = KINDS[status];
  if (kind !== void 0) return kind;
  if (status >= 500) return "transient";
  return status >= 300 ? "refused" : "protocol";
}
var BUSY = [503, 504];
var GATEWAYS_OWN = 520;
var TAKES_NO_UPLOADS = [405, 501];
var NO_UPLOADS = "This URL takes no uploads. Check that it is the address of the WebDAV folder or upload service (that of the web page is often another one), that it names a file and no folder, and that the server allows PUT there.";
function statusError(method, reply, excerpt) {
  const kind = kindOf(reply.status);
  const retryAfterMs = kind === "transient" ? retryAfterMsOf(reply) : null;
  const words = excerpt.trim() === "" ? "" : `: ${excerpt.trim()}`;
  const hint = method === "PUT" && TAKES_NO_UPLOADS.includes(reply.status) ? NO_UPLOADS : void 0;
  return new TransferError(kind, `${method} ${describeTarget(reply.target)} was answered with ${reply.status}${words}`, {
    ...retryAfterMs === null ? {} : { retryAfterMs },
    ofLogin: reply.status === 401 || reply.status === 407,
    brokeDown: kind === "transient" && reply.status >= 500 && reply.status < GATEWAYS_OWN && !BUSY.includes(reply.status),
    ...hint === void 0 ? {} : { hint }
  });
}
var NETWORK_CODES = new Set(
  `ECONNRESET ECONNREFUSED ECONNABORTED EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EAI_FAIL EAI_NODATA EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN
  ENETRESET EADDRNOTAVAIL ENOTCONN ERR_STREAM_PREMATURE_CLOSE UND_ERR_SOCKET UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH UND_ERR_INFO UND_ERR_PRX_CONN UND_ERR_DESTROYED UND_ERR_CLOSED`.split(/\s+/)
);
function networkError(error, origin, secured2) {
  if (error instanceof TransferError) return error;
  const code = codeOf(error);
  const message = `${origin}: ${messageOf(error) || code}`;
  const fail = (kind) => new TransferError(kind, message, { cause: error });
  if (NETWORK_CODES.has(code) || isOfConnecting(error)) return fail("transient");
  if (error instanceof import_undici2.errors.HTTPParserError || code === "UND_ERR_HEADERS_OVERFLOW") return fail("protocol");
  const tls = tlsFailureKind(code, secured2);
  if (tls !== null) return fail(tls);
  if (code === "ABORT_ERR") return fail("stopped");
  const proxyStatus = /Proxy response \((\d{3})\)/.exec(message)?.[1] ?? (/Proxy Authentication Required/.test(message) ? "407" : null);
  if (proxyStatus !== null) return fail(proxyStatus === "407" || proxyStatus === "403" ? "denied" : "transient");
  return fail("internal");
}
function isOfConnecting(error) {
  return error instanceof Error && "syscall" in error && error.syscall === "connect";
}
function codeOf(error) {
  const part = error instanceof AggregateError && !("code" in error) ? error.errors[0] ?? error : error;
  const code = typeof part === "object" && part !== null && "code" in part ? part.code : "";
  return typeof code === "string" ? code : "";
}

// src/remotes/http/patience.ts
var LAST_WORD_MS = 12e4;
var LAST_WORD_BYTES_PER_MS = 2e4;
var COPY_BYTES_PER_MS = 5e3;
function lastWordMs(bytes = 0) {
  return LAST_WORD_MS + Math.floor(bytes / LAST_WORD_BYTES_PER_MS);
}
function copyingMs(bytes) {
  return LAST_WORD_MS + Math.floor(bytes / COPY_BYTES_PER_MS);
}

// src/remotes/http/features.ts
var NOTHING = { moves: false, dav: false, copies: false };
var ASKING_MS = 1e4;
var MOMENTARY = /* @__PURE__ */ new Set([408, 425, 429, 503, 504]);
async function findFeatures(session, destinations, path, signal) {
  const asked = await answerOf(session, { method: "OPTIONS", path, stays: true }, signal);
  const copies = asked === null || !/lighttpd/i.test(header(asked.reply, "server") ?? "");
  if (asked !== null && /(?:^|,)\s*1\s*(?:,|$)/.test(header(asked.reply, "dav") ?? "")) return { moves: true, dav: true, copies };
  if (wirePath(path).search !== "") return NOTHING;
  const allowed = asked === null ? null : methodsOf(asked.reply);
  if (allowed !== null) return { moves: allowed.has("MOVE"), dav: false, copies };
  if (asked !== null && asked.reply.status < 400 && !session.authenticated) return NOTHING;
  const denied = asked?.reply.status === 401;
  return { moves: await moves(session, destinations, { directory: directoryName(path), denied }, signal), dav: false, copies };
}
async function answerOf(session, request, signal) {
  return session.perform({ ...request, withinMs: ASKING_MS }, () => EXCERPT, signal).catch((error) => {
    if (signal.aborted || !session.connected() || !(error instanceof TransferError) || error.kind !== "transient") throw error;
    return null;
  });
}
function scratchPath(directory) {
  return joinPath(directory, `.rt-probe-${randomBytes(8).toString("hex")}`);
}
function methodsOf(reply) {
  const allow = header(reply, "allow");
  return allow === null || reply.status >= 400 ? null : new Set(allow.split(",").map((method) => method.trim().toUpperCase()));
}
async function moves(session, destinations, { directory, denied }, signal) {
  const from = scratchPath(directory);
  const moving = { method: "MOVE", from, to: `${from}-moved`, headers: { overwrite: "F" }, lastWordMs: lastWordMs() };
  const headers = { ...moving.headers, destination: session.origin + wirePath(moving.to).pathname };
  const asked = await answerOf(session, { method: "MOVE", path: from, headers, stays: true }, signal);
  if (asked === null) return false;
  const { status } = asked.reply;
  if (session.authenticated && (MOMENTARY.has(status) || denied && status === 401)) throw statusError("MOVE", asked.reply, asked.excerpt);
  const misses = status === 404 || status === 409;
  const misreads = (status === 400 || status === 502) && session.origin.startsWith("https:");
  if (!misses && !misreads) return false;
  const made = await answerOf(session, { method: "PUT", path: from, body: "scratch" }, signal);
  if (made === null || made.reply.status > 299) return misses;
  let left = from;
  try {
    const moved = (await destinations.relocate(session, moving, signal)).reply.status;
    if (moved !== 201 && moved !== 204 && moved !== 200) return false;
    left = moving.to;
    return true;
  } finally {
    await answerOf(session, { method: "DELETE", path: left }, signal).catch(() => void 0);
  }
}

// src/remotes/http/caches.ts
var PAST_CACHES = { "cache-control": "no-cache", pragma: "no-cache" };
var MARKS = /^(?!.*lookup)(?:[a-z0-9-]+-)?(?:sr)?cache(?:-remote|-fetch)?(?:-status)?$/;
var SERVED = /(?<![a-z])(?:(?:refresh)?hit(?![a-z])(?![\s_-]*for)(?![-_](?:pass|miss))|(?:stale|updating|revalidated|fresh|refresh_unmodified)(?![a-z]))/i;
function cacheMarkOf(reply) {
  for (const name of Object.keys(reply.headers)) {
    const value = header(reply, name);
    if (value !== null && isMark(name.toLowerCase(), value)) return name;
  }
  return null;
}
function isMark(name, value) {
  if (name === "age") return value.split(",").some((age) => /^\s*0*[1-9]\d*\s*$/.test(age));
  if (name === "cache-status") return /;\s*hit\s*(?:=\s*\?1\s*)?(?:[;,]|$)/i.test(value);
  if (name === "x-varnish") return /^\s*\d+\s+\d+/.test(value);
  if (name === "x-cache-hits") return /(?:^|,)\s*0*[1-9]/.test(value);
  if (name === "warning") return /(?:^|,)\s*11[0-2]\b/.test(value);
  return MARKS.test(name) && SERVED.test(value);
}

// src/remotes/http/etags.ts
var YOUNG_MS = 2e3;
var WINDOWS_EPOCH = 116444736000000000n;
var SECOND_NS = 1000000000n;
var PLAIN_LENGTH_MAX = 30;
function versionOf(reply, size) {
  const modifiedAtMs = modifiedAtMsOf(reply);
  const validator = strongValidatorOf(reply);
  const etag = entityTagOf(reply);
  if (validator !== null && !isTimeAndSize(validator, size, modifiedAtMs)) return { modifiedAtMs, validator };
  return { modifiedAtMs, validator: null, ...etag === null ? {} : { etag } };
}
function isYoung(reply, modifiedAtMs) {
  return Math.abs(Date.parse(header(reply, "date") ?? "") - modifiedAtMs) <= YOUNG_MS;
}
function isTimeAndSize(etag, size, modifiedAtMs) {
  const opaque2 = etag.replace(/^W\//, "").replace(/^"|"$/g, "").replace(/(?:-|--|;)(?:gzip|br|zstd|deflate)$/i, "").toLowerCase();
  if (/^[0-9a-f]{1,16}(?:-[0-9a-f]{1,16}){1,2}$/.test(opaque2) || /^[0-9a-f]{8,16}:[0-9a-f]{1,8}$/.test(opaque2) || /^\d{1,20}$/.test(opaque2))
    return true;
  if (opaque2.split(/[^0-9a-z]+/).some((piece) => isTime(piece, modifiedAtMs) || piece.length > 2 && spells(piece, size))) return true;
  return joinsWithSize(opaque2, size) || isMixedWithSize(opaque2, size, modifiedAtMs);
}
function joinsWithSize(opaque2, size) {
  if (size === null || opaque2.length > PLAIN_LENGTH_MAX) return false;
  return spellings(BigInt(size)).some((s) => s.length > 2 && opaque2.length > s.length && (opaque2.endsWith(s) || opaque2.startsWith(s)));
}
function isMixedWithSize(opaque2, size, modifiedAtMs) {
  return size !== null && /^[0-9a-f]{15,16}$/.test(opaque2) && isWindowsTime(BigInt(`0x${opaque2}`) ^ BigInt(size), modifiedAtMs);
}
function spells(piece, number) {
  return number !== null && spellings(BigInt(number)).includes(piece);
}
function spellings(number) {
  return [number.toString(16), number.toString(10), number.toString(36)];
}
function isTime(text, modifiedAtMs) {
  if (modifiedAtMs === null || text.length < 5 || text.length > 20) return false;
  const seconds = BigInt(Math.floor(modifiedAtMs / 1e3));
  return [16, 10, 36].some((base) => {
    const value = parsed(text, base);
    if (value === null) return false;
    const inSeconds = [1n, 1000n, 1000000n, SECOND_NS].some((unit) => value / unit === seconds);
    return inSeconds || base === 16 && isWindowsTime(value, modifiedAtMs);
  });
}
function isWindowsTime(value, modifiedAtMs) {
  return modifiedAtMs !== null && (value - WINDOWS_EPOCH) / 10000000n === BigInt(Math.floor(modifiedAtMs / 1e3));
}
function parsed(text, base) {
  let value = 0n;
  for (const character of text) {
    const digit = Number.parseInt(character, base);
    if (Number.isNaN(digit)) return null;
    value = value * BigInt(base) + BigInt(digit);
  }
  return value;
}

// src/remotes/http/held.ts
var HOLD_MS = 6e4;
var SMALL_BYTES = 16 * 1024;
async function holdReply(perform2, isWhole2, signal) {
  const controller = new AbortController();
  const unlink = follow(signal, controller);
  const gate = new Gate();
  const headed = Promise.withResolvers();
  const accept = (reply) => {
    const framing = framingOf(reply);
    const length = framing.kind === "length" ? framing.length : null;
    if (!isWhole2(reply) || length === 0) return EXCERPT;
    headed.resolve(reply);
    return { kind: "deliver", sink: (chunk) => gate.take(chunk), length, beyond: "protocol" };
  };
  const exchange2 = perform2(accept, controller.signal);
  exchange2.catch(() => void 0);
  try {
    const held = headed.promise.then((reply) => ({ reply, excerpt: "", held: holding(reply, gate, exchange2, controller) }));
    return await Promise.race([held, exchange2.then(({ reply, excerpt }) => ({ reply, excerpt, held: null }))]);
  } finally {
    unlink();
  }
}
function holding(reply, gate, exchange2, controller) {
  const framing = framingOf(reply);
  const length = framing.kind === "length" ? framing.length : null;
  let over = false;
  exchange2.catch(() => {
    over = true;
  });
  const drop = () => {
    clearTimeout(timer);
    if (over) return;
    over = true;
    if (length !== null && length <= SMALL_BYTES) gate.open(() => void 0);
    else controller.abort(new TransferError("stopped", "the file is not wanted from its beginning"));
  };
  const timer = setTimeout(drop, HOLD_MS);
  timer.unref();
  return {
    reply,
    length,
    drop,
    deliver: (sink, signal) => {
      clearTimeout(timer);
      if (over) return null;
      over = true;
      const unlink = follow(signal, controller);
      gate.open(sink);
      return exchange2.finally(unlink);
    }
  };
}
var Gate = class {
  #sink = null;
  #waiting = null;
  take(chunk) {
    if (this.#sink !== null) return this.#sink(chunk);
    this.#waiting = { chunk, taken: Promise.withResolvers() };
    return this.#waiting.taken.promise;
  }
  open(sink) {
    this.#sink = sink;
    if (this.#waiting === null) return;
    const { chunk, taken } = this.#waiting;
    this.#waiting = null;
    new Promise((resolve) => resolve(sink(chunk))).then(taken.resolve, taken.reject);
  }
};
function follow(signal, controller) {
  const onAbort = () => controller.abort(abortError(signal));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

// src/remotes/http/labels.ts
var NO_CODING = /* @__PURE__ */ new Set(["", "identity", "none", "binary", "7bit", "8bit", "utf-8", "utf8", "us-ascii", "iso-8859-1", "aws-chunked"]);
var ARCHIVE_NAME = /\.(?:gz|tgz|taz|svgz|vsix|z|bz2|tbz2?|xz|txz|lzma|zst|tzst|br)$/i;
var ARCHIVE_TYPE = /^application\/(?:x-)?(?:gzip|gtar(?:-compressed)?|compressed|tgz|tar-gz|compress|bzip2?|xz|zstd)\b/i;
function labelOf(reply) {
  return (header(reply, "content-encoding") ?? "").trim().toLowerCase();
}
function labelled(reply) {
  if (labelOf(reply).split(",").every((one) => NO_CODING.has(one.trim())))
    return "plain";
  const hasLength = framingOf(reply).kind === "length" || contentRangeOf(reply)?.total != null;
  const etag = entityTagOf(reply);
  const isRemade = etag !== null && (strongValidatorOf(reply) === null || /(?:-|--|;)(?:gzip|br|zstd|deflate)"$/i.test(etag));
  if (!hasLength || isRemade) return "doubtful";
  if (ARCHIVE_NAME.test(reply.target.path.split("?", 1)[0] ?? "") || ARCHIVE_TYPE.test(header(reply, "content-type") ?? "")) return "stored";
  const varies = /accept-encoding|\*/i.test(header(reply, "vary") ?? "");
  return varies || etag === null && modifiedAtMsOf(reply) === null ? "doubtful" : "stored";
}

// src/remotes/http/redirects.ts
var REDIRECTS_MAX = 5;
var REDIRECT_STATUSES = /* @__PURE__ */ new Set([301, 302, 303, 307, 308]);
function isRedirect(reply) {
  return REDIRECT_STATUSES.has(reply.status) && header(reply, "location") !== null;
}
function redirectTarget(reply, homeIsPrivate) {
  const from = describeTarget(reply.target);
  const location = header(reply, "location") ?? "";
  const url = URL.parse(location, reply.target.origin + reply.target.path);
  if (url === null) throw new TransferError("protocol", `${from} redirects to something that is no URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TransferError("untrusted", `${from} redirects to another protocol, ${url.protocol}`);
  }
  if (url.protocol === "http:" && reply.target.origin.startsWith("https:")) {
    throw new TransferError("untrusted", `${from} redirects from https to http, where nothing protects the bytes`);
  }
  if (!homeIsPrivate && isPrivateHost(url.hostname)) {
    throw new TransferError("untrusted", `${from} redirects into a private network, to ${url.host}`);
  }
  return { origin: url.origin, path: url.pathname + url.search };
}
function addsSlash(from, to) {
  const bare = (path) => decodeURISafely(path.split("?", 1)[0] ?? "");
  return from.origin === to.origin && `${bare(from.path)}/` === bare(to.path);
}
function decodeURISafely(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
var HARMLESS = /* @__PURE__ */ new Set(["range", "if-range", "accept", "accept-encoding", "user-agent"]);
function withoutSecrets(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name)));
}

// src/remotes/http/look.ts
var SMALL_BODY_BYTES = 16 * 1024;
var UNSEEN = { kind: "file", size: null, modifiedAtMs: null, validator: null };
var DIRECTORY = { kind: "directory", size: null, modifiedAtMs: null, validator: null };
var REFUSALS = ["denied", "refused", "unsupported"];
function isRefused(error) {
  return error instanceof TransferError && REFUSALS.includes(error.kind);
}
async function look(looking, path, first, signal) {
  const { session, ranges, properties } = looking;
  const isRanged = !ranges.refused && (session.evidence || !first);
  const seen = isRanged ? await askRange(looking, path, signal) : await ask(looking, path, {}, signal);
  try {
    const file = fileIn(session, seen);
    if (properties === null || !isWhole(seen.reply) || file === UNSEEN) return { file, held: seen.held };
    const told = await properties(path, signal).catch(orNull);
    if (told?.kind === "directory" || file === null) return { file: told, held: seen.held };
    return { file: { ...file, size: file.size ?? told?.size ?? null }, held: seen.held };
  } catch (error) {
    seen.held?.drop();
    if (properties === null || !isRefused(error)) throw error;
    const told = await properties(path, signal).catch((again) => {
      throw isRefused(again) ? error : again;
    });
    return { file: told, held: null };
  }
}
function orNull(error) {
  if (!isRefused(error)) throw error;
  return null;
}
async function askRange(looking, path, signal) {
  const { session, ranges } = looking;
  const asked = await ask(looking, path, { range: "bytes=0-0" }, signal).catch((error) => {
    if (error instanceof TransferError && session.connected() && ranges.mayRefuse(error)) return error;
    throw error;
  });
  if (!(asked instanceof TransferError)) {
    const content = asked.reply.status === 206 ? contentRangeOf(asked.reply) : null;
    if (content?.range?.start === 0 && content.range.end === 1) ranges.works();
    const isEmpty = asked.reply.status === 416 && contentRangeOf(asked.reply)?.total === 0;
    if (isEmpty || !ranges.mayRefuse(asked.reply)) return asked;
  }
  const whole = await ask(looking, path, {}, signal);
  if (isWhole(whole.reply) && sizeOf(whole.reply) !== 0) ranges.wholeWorked(asked instanceof TransferError ? asked : asked.reply);
  return whole;
}
async function ask(looking, path, headers, signal) {
  const { session, directories } = looking;
  const request = { method: "GET", path, headers, ...directories ? { endsAt: addsSlash } : {} };
  if (!session.evidence) return holdReply((accept, s) => session.perform(request, accept, s), isWhole, signal);
  const { reply, excerpt } = await session.perform(request, acceptLook, signal);
  return { reply, excerpt, held: null };
}
var acceptLook = (reply) => {
  if (!isWhole(reply)) return EXCERPT;
  const framing = framingOf(reply);
  return framing.kind === "length" && framing.length <= SMALL_BODY_BYTES ? EXCERPT : { kind: "drop" };
};
function isWhole({ status }) {
  return status === 200 || status === 203;
}
function fileIn(session, { reply, excerpt }) {
  const { status } = reply;
  if (session.evidence && isSecondHand(reply)) return UNSEEN;
  if (isRedirect(reply)) return DIRECTORY;
  if (status === 404 || status === 410) return null;
  if (isWhole(reply)) return fileOf(session, reply, sizeOf(reply));
  if (status === 206) return fileOf(session, reply, partialSizeOf(reply));
  if (status !== 416) throw lookError(session, reply, excerpt);
  if (contentRangeOf(reply)?.total === 0) return fileOf(session, reply, 0);
  throw new TransferError("protocol", `${describeTarget(reply.target)} has no first byte and yet is not empty`);
}
function lookError({ evidence }, reply, excerpt) {
  const error = statusError("GET", reply, excerpt);
  return evidence && reply.status === 500 ? new TransferError("refused", error.message, { cause: error }) : error;
}
function fileOf({ evidence }, reply, told) {
  const size = evidence && labelled(reply) === "doubtful" ? null : told;
  const version = versionOf(reply, size);
  const { modifiedAtMs } = version;
  if (evidence || modifiedAtMs === null || !isYoung(reply, modifiedAtMs)) return { kind: "file", size, ...version };
  return { kind: "file", size, ...version, modifiedAtMs: null, youngAtMs: modifiedAtMs };
}
function sizeOf(reply) {
  const framing = framingOf(reply);
  return framing.kind === "length" ? framing.length : null;
}
function partialSizeOf(reply) {
  const content = contentRangeOf(reply);
  if (content?.range?.start === 0) return content.total;
  throw new TransferError(
    "protocol",
    `${describeTarget(reply.target)} answered bytes 0-0 with ${JSON.stringify(header(reply, "content-range"))}`
  );
}
var TELLING = /* @__PURE__ */ new Set([404, 410, 412, 416]);
function isSecondHand(reply) {
  return (reply.status < 400 || TELLING.has(reply.status)) && cacheMarkOf(reply) !== null;
}

// src/remotes/http/multistatus.ts
function parseMultistatus(xml) {
  const resources2 = [];
  let draft = null;
  let capture = null;
  const take = (text) => {
    if (draft !== null && capture !== null) draft[capture] += text;
  };
  for (const token of tokens(xml)) {
    if (token.kind === "text") take(token.text);
    else if (token.name === "response") {
      if (token.kind === "open") draft = { href: "", collection: false, length: "" };
      else if (draft !== null) {
        resources2.push({
          href: draft.href.trim(),
          collection: draft.collection,
          size: /^\d{1,15}$/.test(draft.length.trim()) ? Number(draft.length) : null
        });
        draft = null;
      }
      capture = null;
    } else if (token.kind === "close") capture = null;
    else if (token.name === "href" && draft !== null && draft.href === "") capture = "href";
    else if (token.name === "getcontentlength") capture = "length";
    else if (token.name === "collection" && draft !== null) draft.collection = true;
  }
  return resources2;
}
function* tokens(xml) {
  let at = 0;
  while (at < xml.length) {
    const tag = xml.indexOf("<", at);
    const textEnd = tag < 0 ? xml.length : tag;
    if (textEnd > at) yield { kind: "text", text: unescaped(xml.slice(at, textEnd)) };
    if (tag < 0) return;
    const [opening, closing] = xml.startsWith("<!--", tag) ? ["<!--", "-->"] : xml.startsWith("<![CDATA[", tag) ? ["<![CDATA[", "]]>"] : ["<", ">"];
    const end = xml.indexOf(closing, tag + opening.length);
    if (end < 0) return;
    const inner = xml.slice(tag + opening.length, end);
    at = end + closing.length;
    if (opening === "<![CDATA[") yield { kind: "text", text: inner };
    else if (opening === "<") yield* element(inner);
  }
}
function* element(inner) {
  const name = /^\/?(?:[^\s:/>]{1,100}:)?([^\s:/>]{1,100})/.exec(inner.slice(0, 250))?.[1];
  if (name === void 0 || inner.startsWith("?") || inner.startsWith("!")) return;
  if (!inner.startsWith("/")) yield { kind: "open", name };
  if (inner.startsWith("/") || inner.endsWith("/")) yield { kind: "close", name };
}
var ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
function unescaped(text) {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi,
    (whole, hex, digits, name) => {
      if (name !== void 0) return ENTITIES[name.toLowerCase()] ?? whole;
      const point = Number.parseInt(hex ?? digits ?? "", hex === void 0 ? 10 : 16);
      return point <= 1114111 ? String.fromCodePoint(point) : whole;
    }
  );
}

// src/remotes/http/properties.ts
var LISTING_BYTES_MAX = 128 * 1024 * 1024;
var PROPFIND = '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>';
function davProperties(session) {
  return async (path, signal) => {
    const found = await resources(session, path, "0", signal);
    const [first] = found;
    if (first === void 0) return null;
    if (found.some((resource) => resource.collection)) return DIRECTORY;
    return { kind: "file", size: first.size, modifiedAtMs: null, validator: null };
  };
}
function answerError(reply, excerpt) {
  const error = statusError("PROPFIND", reply, excerpt);
  return reply.status < 300 || reply.status === 500 ? new TransferError("refused", error.message) : error;
}
async function resources(session, path, depth, signal) {
  const chunks = [];
  let bytes = 0;
  const sink = (chunk) => {
    bytes += chunk.length;
    if (bytes > LISTING_BYTES_MAX) throw new TransferError("limit", "the listing of a directory is too long");
    chunks.push(chunk);
  };
  const { reply, excerpt } = await session.perform(
    {
      method: "PROPFIND",
      path,
      headers: { depth, "content-type": "application/xml" },
      body: PROPFIND,
      lastWordMs: lastWordMs(),
      endsAt: addsSlash
    },
    (found) => found.status === 207 ? { kind: "deliver", sink, length: null, beyond: "protocol" } : EXCERPT,
    signal
  );
  if (isRedirect(reply)) return [{ href: reply.target.path, collection: true, size: null }];
  if (reply.status === 404 && depth === "0") return [];
  if (reply.status !== 207) throw answerError(reply, excerpt);
  const xml = Buffer.concat(chunks).toString("utf8");
  if (!/<\/(?:[^<>]{1,100}:)?multistatus\s*>\s*$/.test(xml.slice(-300)))
    throw new TransferError("transient", "the listing of a directory is incomplete");
  return parseMultistatus(xml);
}

// src/remotes/http/range-support.ts
var REFUSALS2 = /* @__PURE__ */ new Set([400, 403, 405, 406, 416, 501]);
var DOUBTS = /* @__PURE__ */ new Set([500, 502, 503]);
var DOUBTS_MAX = 2;
var RangeSupport = class {
  #refused = false;
  #worked = false;
  #doubts = 0;
  /** Known not to be there. */
  get refused() {
    return this.#refused;
  }
  /** A part came as it was asked for: whatever is said of another one is about that. */
  works() {
    this.#worked = true;
  }
  /** Whether the answer to a range may be due to the range, so that it is worth asking without one. */
  mayRefuse(answer) {
    if (this.#worked || this.#refused) return false;
    return answer instanceof TransferError ? isCut(answer) : isRefusal(answer) || DOUBTS.has(answer.status);
  }
  /** The whole file was sent where a range had got this answer. True when that settles it. */
  wholeWorked(answer) {
    if (!(answer instanceof TransferError) && isRefusal(answer)) this.#refused = true;
    else this.#doubts += 1;
    if (this.#doubts >= DOUBTS_MAX) this.#refused = true;
    return this.#refused;
  }
};
function isRefusal(reply) {
  return REFUSALS2.has(reply.status) || reply.status === 206 && contentRangeOf(reply)?.range == null;
}
function isCut(error) {
  return error instanceof TransferError && error.kind === "transient" && error.cause !== void 0;
}

// src/remotes/http/reading.ts
async function read(at, reading, signal) {
  throwIfAborted(signal);
  const { range, size, held } = reading;
  if (range.end <= range.start) return held?.drop();
  const begun = held === null ? null : await takeOver(at, reading, held, signal);
  if (begun !== null) return finish(at, reading, begun);
  held?.drop();
  const isAll = range.start === 0 && (range.end === Number.POSITIVE_INFINITY || range.end === size);
  if (isAll || at.ranges.refused && range.start === 0) return finish(at, reading, await ask2(at, reading, {}, signal));
  if (at.ranges.refused) throw alwaysWhole(reading.path);
  const answer = await askRange2(at, reading, signal);
  if (answer instanceof TransferError || mayBeRefused(at, reading, answer.reply)) return withoutRange(at, reading, answer, signal);
  finish(at, reading, answer);
  await readOn(at, reading, answer.reply, signal);
}
async function takeOver(at, reading, held, signal) {
  if (reading.range.start > 0 || reading.options.pastCaches === true) return null;
  let intake;
  try {
    intake = acceptRead(at, held.reply, reading);
  } catch {
    return null;
  }
  if (intake.kind !== "deliver" || intake.length !== held.length || intake.beyond !== "protocol") return null;
  let begun = false;
  const sink = (chunk) => {
    begun = true;
    return reading.sink(chunk);
  };
  try {
    return await held.deliver(sink, signal);
  } catch (error) {
    if (begun || signal.aborted || !(error instanceof TransferError) || error.kind !== "transient") throw error;
    return null;
  }
}
function ask2(at, reading, headers, signal) {
  const { path, options } = reading;
  const request = { method: "GET", path, headers, pastCaches: options.pastCaches ?? false };
  return at.session.perform(request, (reply) => acceptRead(at, reply, reading), signal);
}
async function askRange2(at, reading, signal) {
  const { start, end } = reading.range;
  const { validator } = reading.options;
  const headers = { range: `bytes=${start}-${end === Number.POSITIVE_INFINITY ? "" : end - 1}` };
  if (validator !== void 0 && !isWeak(validator)) headers["if-range"] = validator;
  let answered = false;
  const accept = (reply) => {
    answered = true;
    return acceptRead(at, reply, reading);
  };
  const request = { method: "GET", path: reading.path, headers, pastCaches: reading.options.pastCaches ?? false };
  return at.session.perform(request, accept, signal).catch((error) => {
    if (!answered && error instanceof TransferError && at.session.connected() && at.ranges.mayRefuse(error)) return error;
    throw error;
  });
}
function mayBeRefused(at, { range, size }, reply) {
  if (reply.status === 416 && (contentRangeOf(reply) !== null || size === null || range.start >= size)) return false;
  return at.ranges.mayRefuse(reply);
}
async function withoutRange(at, reading, answer, signal) {
  const refusal = answer instanceof TransferError ? answer : answer.reply;
  if (reading.range.start === 0) {
    finish(at, reading, await ask2(at, reading, {}, signal));
    at.ranges.wholeWorked(refusal);
    return;
  }
  const request = { method: "GET", path: reading.path, pastCaches: reading.options.pastCaches ?? false };
  const whole = await at.session.perform(request, (reply) => isWhole(reply) ? { kind: "drop" } : EXCERPT, signal);
  if (!isWhole(whole.reply)) throw statusError("GET", whole.reply, whole.excerpt);
  if (at.ranges.wholeWorked(refusal)) throw alwaysWhole(reading.path);
  throw answer instanceof TransferError ? answer : statusError("GET", answer.reply, answer.excerpt);
}
function alwaysWhole(what) {
  return new TransferError("unsupported", `the server sends ${what} only as a whole`);
}
function finish({ session }, reading, finished) {
  const { reply, excerpt } = finished;
  if (session.evidence) requireOrigin(reply);
  if (isWhole(reply) || reply.status === 206 && !isRefusal(reply)) return;
  if (reply.status === 416) {
    unsatisfied(reply, reading);
    return;
  }
  if (reply.status === 412) throw new TransferError("source-changed", `${describeTarget(reply.target)} is another version than before`);
  throw lookError(session, reply, excerpt);
}
async function readOn(at, reading, reply, signal) {
  const content = reply.status === 206 ? contentRangeOf(reply) : null;
  const sentTo = content?.range?.end ?? reading.range.end;
  const end = Math.min(reading.range.end, content?.total ?? reading.range.end);
  if (sentTo < end) await read(at, { ...reading, range: { start: sentTo, end }, held: null }, signal);
}
function requireOrigin(reply) {
  if (!isSecondHand(reply)) return;
  const hint = "Name an address of the server itself, or let the cache honour Cache-Control: no-cache.";
  const message = `a cache answered for ${describeTarget(reply.target)} (its header ${cacheMarkOf(reply)} says so), which proves nothing`;
  throw new TransferError("refused", message, { hint });
}
function acceptRead(at, reply, reading) {
  if (reply.status === 206 ? isRefusal(reply) : !isWhole(reply)) return reply.status === 206 ? { kind: "drop" } : EXCERPT;
  if (at.session.evidence) requireOrigin(reply);
  compareValidator(reply, reading.options);
  judgeLabels(at, reply, reading.options);
  return reply.status === 206 ? acceptPartial(at, reply, reading) : acceptWhole(reply, reading);
}
function compareValidator(reply, { validator }) {
  if (validator === void 0) return;
  const tag = header(reply, "etag");
  if (tag === null) throw new TransferError("protocol", `${describeTarget(reply.target)} no longer says which version it sends`);
  const same = isWeak(validator) ? opaque(tag) === opaque(validator) : tag.trim() === validator;
  if (!same) throw changed(reply, `its ETag is ${tag} instead of ${validator}`);
}
function isWeak(etag) {
  return etag.startsWith("W/");
}
function opaque(etag) {
  return etag.trim().replace(/^W\//, "");
}
function judgeLabels({ session, note }, reply, { checked = false }) {
  if (session.evidence) return;
  const from = describeTarget(reply.target);
  if (reply.status === 203) note(`A proxy on the way says that it has changed the reply of ${from} (203).`);
  const judged2 = labelled(reply);
  if (judged2 === "plain") return;
  const coding = JSON.stringify(labelOf(reply));
  if (judged2 === "doubtful" && !checked) {
    const message = `${from} was sent in the content encoding ${coding} although identity was asked for, and nothing shows that it is stored so`;
    throw new TransferError("protocol", message, { hint: "Switch compression off for this path on the server, or give a `checksum`." });
  }
  note(`${from} is labelled with the content encoding ${coding} although identity was asked for. The bytes are saved as they came.`);
}
function acceptPartial({ ranges }, reply, { range, sink, size }) {
  const content = contentRangeOf(reply);
  const said = JSON.stringify(header(reply, "content-range"));
  const broken = () => new TransferError("protocol", `${describeTarget(reply.target)} answered bytes from ${range.start} to ${range.end} with ${said}`);
  if (content?.range == null) throw broken();
  const { total } = content;
  if (total !== null && size !== null && total !== size && !looksBehind(range, size))
    throw changed(reply, `its size is ${total} instead of ${size}`);
  if (total !== null && Number.isFinite(range.end) && total < range.end) throw changed(reply, `it has only ${total} bytes`);
  const framing = framingOf(reply);
  if (framing.kind === "length" && framing.length !== content.range.end - content.range.start) throw broken();
  const end = Number.isFinite(range.end) ? range.end : total;
  if (end === null || content.range.end <= range.start || content.range.start > range.start) throw broken();
  if (content.range.start < range.start) throw alwaysWhole(describeTarget(reply.target));
  ranges.works();
  const until = Math.min(end, content.range.end);
  return { kind: "deliver", sink, length: until - range.start, beyond: content.range.end > end ? "cut" : "protocol" };
}
function looksBehind(range, size) {
  return Number.isFinite(range.end) && range.end > size;
}
function acceptWhole(reply, { range, sink, size, options }) {
  const framing = framingOf(reply);
  const length = framing.kind === "length" ? framing.length : null;
  if (length !== null && size !== null && length !== size && !looksBehind(range, size))
    throw changed(reply, `its size is ${length} instead of ${size}`);
  if (range.start > 0) throw new TransferError("unsupported", `${describeTarget(reply.target)} always sends the whole file`);
  if (Number.isFinite(range.end)) {
    if (length !== null && length < range.end) throw changed(reply, `it has only ${length} bytes`);
    return { kind: "deliver", sink, length: range.end, beyond: (length ?? size) === range.end ? "protocol" : "cut" };
  }
  const known = length ?? size;
  if (framing.kind === "close" && known === null && options.checked !== true) {
    const message = `${describeTarget(reply.target)} does not say how long its reply is, so nobody can know whether it is complete`;
    throw new TransferError("protocol", message, { hint: "Give a `checksum`: then that tells." });
  }
  return { kind: "deliver", sink, length: known, beyond: "protocol" };
}
function unsatisfied(reply, { range }) {
  const total = contentRangeOf(reply)?.total ?? null;
  if (total === range.start && range.end === Number.POSITIVE_INFINITY) return;
  if (total !== null && total >= range.end) {
    throw new TransferError(
      "protocol",
      `${describeTarget(reply.target)} says that bytes ${range.start} to ${range.end} are not within its ${total}`
    );
  }
  throw changed(reply, total === null ? "it is shorter than before" : `it has only ${total} bytes`);
}
function changed(reply, why) {
  return new TransferError("source-changed", `${describeTarget(reply.target)} is not the same file any more: ${why}`);
}

// src/remotes/http/reader.ts
function openReader(session, { directories, properties, note }) {
  const sizes = /* @__PURE__ */ new Map();
  const looked = /* @__PURE__ */ new Set();
  const refusals = /* @__PURE__ */ new Map();
  const looking = { session, ranges: new RangeSupport(), directories, properties };
  let held = null;
  const take = (path) => {
    const taken = held;
    held = null;
    if (taken?.path === path) return taken.reply;
    taken?.reply.drop();
    return null;
  };
  return {
    stat: async (path, signal) => {
      take(path)?.drop();
      const refusal = refusals.get(path);
      if (refusal !== void 0) throw refusal;
      const found = await look(looking, path, !looked.has(path), signal).catch((error) => {
        if (session.evidence && isRefused(error)) refusals.set(path, error);
        throw error;
      });
      looked.add(path);
      const { file } = found;
      if (found.held !== null) held = { path, reply: found.held };
      if (file === UNSEEN)
        note(
          "A cache between here and the server answers in its place, so looking at uploaded files proves nothing. Use an address of the server itself."
        );
      if (file?.size === null || file === null) sizes.delete(path);
      else sizes.set(path, file.size);
      return file;
    },
    read: (path, range, sink, options, signal) => {
      const reading = { path, range, sink, options, size: options.size ?? sizes.get(path) ?? null, held: take(path) };
      return read({ session, ranges: looking.ranges, note }, reading, signal);
    },
    forget: (path) => {
      sizes.delete(path);
      refusals.delete(path);
    }
  };
}

// src/remotes/http/excerpt.ts
function excerptOf(chunks, redact) {
  const text = Buffer.concat(chunks).subarray(0, 4096).toString("utf8");
  return redact(text).replace(/<(?:style|script)[^>]*>[^<]*/gi, " ").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim().slice(0, 200);
}

// src/remotes/http/outgoing.ts
import { Readable } from "node:stream";
var PIECE_BYTES_MAX = 256 * 1024;
function outgoing(body, waiting) {
  const source = body[Symbol.asyncIterator]();
  let failure;
  let started = false;
  let ended = false;
  const next = async () => {
    waiting(true);
    try {
      return await source.next();
    } catch (error) {
      ended = true;
      failure = error;
      throw error;
    } finally {
      waiting(false);
    }
  };
  async function* pieces() {
    started = true;
    for (let piece = await next(); piece.done !== true; piece = await next()) {
      for (let at = 0; at < piece.value.length; at += PIECE_BYTES_MAX) yield piece.value.subarray(at, at + PIECE_BYTES_MAX);
    }
    ended = true;
  }
  const stream = Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE_BYTES_MAX });
  stream.on("error", () => void 0);
  return {
    stream,
    failure: () => failure,
    started: () => started,
    release: () => {
      stream.destroy();
      if (!ended) void Promise.resolve(source.return?.()).catch(() => void 0);
      ended = true;
    }
  };
}

// src/remotes/http/exchange.ts
var EXCERPT_BYTES_MAX = 16 * 1024;
var EXCERPT_MS_MAX = { done: 250, failed: 1e3 };
function exchange(dispatcher, request, accept, timeoutMs, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError(signal));
    new Exchange(request, accept, timeoutMs, signal, resolve, reject).start(dispatcher);
  });
}
var Exchange = class {
  #request;
  #accept;
  #timeoutMs;
  #patienceMs;
  #signal;
  #resolve;
  #reject;
  #outgoing;
  #onAbort = () => this.#fail(abortError(this.#signal));
  #controller = null;
  #timer;
  #turns = 0;
  #settled = false;
  #reply = null;
  #framing = { kind: "close" };
  #intake = { kind: "excerpt" };
  #received = 0;
  #sent = 0;
  #requestSent = false;
  /** The sink has not taken the last chunk yet; what comes meanwhile waits here, and `#ended` says that nothing more will. */
  #busy = false;
  #backlog = [];
  #ended = false;
  #excerpt = [];
  constructor(request, accept, timeoutMs, signal, resolve, reject) {
    this.#request = request;
    this.#accept = accept;
    this.#timeoutMs = timeoutMs;
    this.#patienceMs = timeoutMs;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    const { body } = request;
    this.#outgoing = body === void 0 || typeof body === "string" ? null : outgoing(body, (yes) => this.#watch(!yes));
  }
  start(dispatcher) {
    const { method, target, headers, body } = this.#request;
    this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#watch(true);
    try {
      dispatcher.dispatch(
        {
          origin: target.origin,
          path: target.path,
          method,
          headers: { ...headers },
          body: this.#outgoing?.stream ?? (typeof body === "string" ? body : null)
        },
        this
      );
    } catch (error) {
      this.#fail(networkError(error, target.origin, false));
    }
  }
  onRequestStart(controller) {
    this.#controller = controller;
    if (this.#settled) controller.abort(new TransferError("stopped", "no longer wanted"));
    else this.#watch(true);
  }
  onBodySent(chunk) {
    if (this.#settled) return;
    this.#sent += chunk.length;
    this.#request.sent?.(this.#sent);
    this.#watch(true);
  }
  onRequestSent() {
    this.#requestSent = true;
    if (!this.#settled) this.#watch(true, this.#timeoutMs + (this.#request.lastWordMs ?? 0));
  }
  onResponseStart(_controller, status, headers) {
    if (this.#settled || status < 200) return;
    try {
      this.#reply = { status, headers, target: this.#request.target };
      this.#framing = framingOf(this.#reply);
      this.#intake = this.#accept(this.#reply);
      if (this.#intake.kind === "drop") this.#finish();
      else if (this.#intake.kind === "deliver") this.#watch(true, this.#timeoutMs);
      else this.#watch(true, Math.min(this.#timeoutMs, status < 300 ? EXCERPT_MS_MAX.done : EXCERPT_MS_MAX.failed));
    } catch (error) {
      this.#fail(error);
    }
  }
  onResponseData(_controller, chunk) {
    if (this.#settled) return;
    if (this.#intake.kind === "excerpt") this.#keepExcerpt(chunk);
    else if (this.#busy)
      this.#backlog.push(Buffer.from(chunk));
    else this.#deliver(chunk);
  }
  onResponseEnd() {
    if (this.#settled) return;
    this.#ended = true;
    if (!this.#busy) this.#complete();
  }
  onResponseError(_controller, error) {
    if (this.#reply !== null && this.#intake.kind === "excerpt") this.#finish();
    else if (this.#hasAll()) this.onResponseEnd();
    else this.#fail(networkError(error, this.#request.target.origin, this.#controller !== null));
  }
  /** Every byte that was announced is here, taken or waiting. */
  #hasAll() {
    const waiting = this.#backlog.reduce((sum, chunk) => sum + chunk.length, 0);
    return this.#intake.kind === "deliver" && this.#intake.length !== null && this.#received + waiting === this.#intake.length;
  }
  #keepExcerpt(chunk) {
    this.#received += chunk.length;
    this.#excerpt.push(Buffer.from(chunk));
    if (this.#received >= EXCERPT_BYTES_MAX) this.#finish();
  }
  #deliver(chunk) {
    if (this.#intake.kind !== "deliver") return;
    const { sink, length, beyond } = this.#intake;
    const room = length === null ? chunk.length : length - this.#received;
    if (chunk.length > room && beyond === "protocol") {
      this.#fail(new TransferError("protocol", `${this.#where()} sent more bytes than the ${length} announced`));
      return;
    }
    const wanted = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#received += wanted.length;
    try {
      const taken = sink(wanted);
      if (taken === void 0) this.#proceed();
      else this.#hold(taken);
    } catch (error) {
      this.#fail(error);
    }
  }
  #hold(taken) {
    this.#busy = true;
    this.#controller?.pause();
    this.#watch(false);
    taken.then(
      // Never within the turn of the pause: undici then neither reads on nor says so, and the exchange hangs.
      () => void setImmediate(() => this.#release()),
      (error) => this.#fail(error)
    );
  }
  #release() {
    this.#busy = false;
    this.#proceed();
    while (!this.#busy && !this.#settled) {
      const next = this.#backlog.shift();
      if (next === void 0) break;
      this.#deliver(next);
    }
    if (this.#busy || this.#settled) return;
    if (this.#ended) this.#complete();
    else this.#controller?.resume();
  }
  /** After a chunk has been taken: the clock starts anew, unless that was all that is wanted. */
  #proceed() {
    if (this.#intake.kind === "deliver" && this.#intake.beyond === "cut" && this.#received === this.#intake.length) this.#finish();
    else this.#watch(true);
  }
  #complete() {
    const length = this.#intake.kind === "deliver" ? this.#intake.length : null;
    if (length === null || this.#received === length) {
      this.#finish();
      return;
    }
    const kind = this.#framing.kind === "chunked" ? "source-changed" : "transient";
    this.#fail(new TransferError(kind, `${this.#where()} sent ${this.#received} of ${length} bytes`));
  }
  #finish() {
    const reply = this.#reply;
    if (reply === null || !this.#settle()) return;
    const bodyStarted = this.#outgoing?.started() ?? false;
    const finished = { reply, excerpt: excerptOf(this.#excerpt, this.#request.redact), requestSent: this.#requestSent, bodyStarted };
    setImmediate(() => this.#resolve(finished));
    if (!this.#ended) this.#controller?.abort(new TransferError("stopped", "the rest is not wanted"));
  }
  #fail(error) {
    const cause = this.#outgoing?.failure() ?? error;
    if (!this.#settle()) return;
    this.#reject(cause);
    this.#controller?.abort(new TransferError("stopped", "the exchange has failed"));
  }
  #settle() {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#outgoing?.release();
    this.#backlog = [];
    return true;
  }
  /** Starts the clock anew, with another patience if one is given, or stops it while the delay is our own side's. */
  #watch(running, patienceMs = this.#patienceMs) {
    if (this.#settled) return;
    this.#turns += 1;
    if (running && this.#timer !== void 0 && patienceMs === this.#patienceMs) {
      this.#timer.refresh();
      return;
    }
    this.#patienceMs = patienceMs;
    clearTimeout(this.#timer);
    const look2 = (turn) => setImmediate(() => turn === this.#turns && this.#expire());
    this.#timer = running ? setTimeout(() => look2(this.#turns), patienceMs) : void 0;
  }
  #expire() {
    if (this.#reply !== null && this.#intake.kind === "excerpt") this.#finish();
    else this.#fail(new TransferError("transient", `${this.#where()} was silent for ${this.#patienceMs} ms`));
  }
  #where() {
    return describeTarget(this.#request.target);
  }
};

// src/remotes/http/session.ts
var USER_AGENT = "resumable-transfer";
function openSession(config, ports) {
  const connections = openConnections(config, ports);
  let closed = false;
  const denials = new Denials(config, ports);
  return {
    origin: config.url.origin,
    authenticated: Object.keys(config.headers).length > 0,
    evidence: ports.direction === "upload",
    connected: connections.connected,
    perform: async (request, accept, signal) => {
      if (closed) throw new TransferError("stopped", "the connection was closed");
      denials.before(request);
      const finished = await perform(config, connections, ports, request, accept, signal);
      denials.after(request, finished);
      return finished;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await connections.close();
    }
  };
}
var DENIALS_MAX = 2;
var isLook = ({ method }) => method === "GET" || method === "PROPFIND";
var Denials = class {
  #origin;
  #counts;
  #denial = null;
  #times = 0;
  #accepted = false;
  constructor({ url, headers }, { direction }) {
    this.#origin = url.origin;
    this.#counts = direction === "upload" && Object.keys(headers).length > 0;
  }
  before(request) {
    if (this.#denial !== null && !this.#accepted && (isLook(request) || this.#times >= DENIALS_MAX)) throw this.#denial;
  }
  after(request, { reply, excerpt }) {
    if (!this.#counts || request.method === "OPTIONS") return;
    if (!isLook(request)) this.#accepted ||= reply.status >= 200 && reply.status < 300;
    if (reply.status !== 401 || reply.target.origin !== this.#origin) return;
    this.#denial = statusError(request.method, reply, excerpt);
    this.#times += 1;
  }
};
async function perform(config, connections, ports, request, accept, signal) {
  const asking = request.pastCaches === true || isLook(request) && ports.direction === "upload" ? PAST_CACHES : {};
  const headers = {
    "user-agent": USER_AGENT,
    accept: "*/*",
    "accept-encoding": "identity",
    ...config.headers,
    ...request.headers,
    ...asking
  };
  const visited = /* @__PURE__ */ new Set();
  let target = targetOf(config.url.origin, request.path);
  for (; ; ) {
    visited.add(target.origin + target.path);
    const finished = await exchange(
      connections.dispatcher,
      {
        method: request.method,
        target,
        headers: target.origin === config.url.origin ? headers : { ...withoutSecrets(headers), ...asking },
        redact: ports.redact,
        ...request.body === void 0 ? {} : { body: request.body },
        ...request.sent === void 0 ? {} : { sent: request.sent },
        ...request.lastWordMs === void 0 ? {} : { lastWordMs: request.lastWordMs }
      },
      (reply) => isRedirect(reply) && request.stays === void 0 ? { kind: "excerpt" } : accept(reply),
      Math.min(ports.timeoutMs, request.withinMs ?? ports.timeoutMs),
      signal
    );
    ports.debug(`${request.method} ${describeTarget(target)}: ${finished.reply.status}`);
    if (!isRedirect(finished.reply) || request.stays !== void 0) return finished;
    const next = redirectTarget(finished.reply, connections.homeIsPrivate());
    if (request.endsAt?.(target, next) === true) return finished;
    if (request.method !== "GET") refuseToFollow(request, finished, target, next);
    if (visited.has(next.origin + next.path)) throw new TransferError("protocol", `${describeTarget(target)} redirects in a circle`);
    if (visited.size > REDIRECTS_MAX)
      throw new TransferError("protocol", `more than ${REDIRECTS_MAX} redirects, the last to ${describeTarget(next)}`);
    target = next;
  }
}
function refuseToFollow(request, finished, from, to) {
  if (from.origin !== to.origin) {
    throw new TransferError("untrusted", `${describeTarget(from)} redirects ${request.method} to another origin, ${describeTarget(to)}`, {
      hint: "Name that URL in the inputs if it is the right one."
    });
  }
  const keepsMethod = finished.reply.status === 307 || finished.reply.status === 308;
  if (keepsMethod && !finished.bodyStarted) return;
  const refusal = statusError(request.method, finished.reply, `redirected to ${describeTarget(to)}`);
  throw new TransferError("refused", refusal.message, { hint: "Name the URL that the server redirects to in the inputs." });
}

// src/remotes/http/tree.ts
var ENTRIES_MAX = 1e5;
function openTree(server, copies) {
  const { session, properties } = server;
  return {
    // mod_dav removes the target before it renames; nothing tells that a server does not.
    replaces: "after-delete",
    rename: (from, to, signal) => rename(server, from, to, signal),
    ...copies ? { copy: (from, to, size, signal) => copy(server, { from, to, size }, signal) } : {},
    remove: (path, signal) => remove(server, path, signal),
    makeDirectory: (path, signal) => makeDirectory(server, trimmedEnd(path, "/"), signal),
    list: (path, signal) => {
      if (properties === null) return Promise.reject(new TransferError("unsupported", "this server does not list directories"));
      return list(session, path, signal);
    }
  };
}
async function rename(server, from, to, signal) {
  const there = await kindOf2(server, to, signal);
  if (there === "directory") throw new TransferError("conflict", "the target is a directory");
  const replaces = there === "file" || there === "unseen";
  if (replaces && await kindOf2(server, from, signal) === "nothing") throw new TransferError("not-found", "there is no file to be renamed");
  server.reader.forget(from);
  server.reader.forget(to);
  const headers = { overwrite: there === "unknown" ? "F" : "T" };
  const moving = { method: "MOVE", from, to, headers, lastWordMs: lastWordMs() };
  const { reply, excerpt } = await server.destinations.relocate(server.session, moving, signal);
  if (reply.status === 500 && there === "file") throw new TransferError("refused", statusError("MOVE", reply, excerpt).message);
  const isRefusal2 = reply.status >= 400 && reply.status < 500 && reply.status !== 404;
  if (isRefusal2 && await kindOf2(server, from, signal) === "nothing")
    throw new TransferError("not-found", statusError("MOVE", reply, excerpt).message);
  requireDone("MOVE", reply, excerpt);
  if (server.made.delete(from)) server.made.add(to);
}
async function copy({ session, reader, destinations, made }, { from, to, size }, signal) {
  reader.forget(to);
  const copying = { method: "COPY", from, to, headers: { overwrite: "F", depth: "0" }, lastWordMs: copyingMs(size) };
  const { reply, excerpt } = await destinations.relocate(session, copying, signal);
  requireDone("COPY", reply, excerpt);
  made.add(to);
}
async function remove(server, path, signal) {
  const { session, reader, made } = server;
  const kind = await kindOf2(server, path, signal);
  if (kind === "directory") throw new TransferError("refused", "what should be removed is a directory");
  if (kind === "unknown" && !made.has(path)) throw new TransferError("refused", "what should be removed may be a directory");
  reader.forget(path);
  const { reply, excerpt } = await session.perform({ method: "DELETE", path, lastWordMs: lastWordMs() }, () => EXCERPT, signal);
  if (reply.status === 404 || reply.status === 410) return;
  requireDone("DELETE", reply, excerpt);
}
var MEANINGLESS = /* @__PURE__ */ new Set([206, 208, 226]);
function requireDone(method, reply, excerpt) {
  if (reply.status === 202) throw new TransferError("transient", `the server put off the ${method}`);
  if (reply.status === 207) throw new TransferError("refused", `the server could not do the ${method}: ${excerpt}`);
  if (reply.status < 200 || reply.status > 299 || MEANINGLESS.has(reply.status)) throw statusError(method, reply, excerpt);
}
var PERHAPS_THERE = /* @__PURE__ */ new Set([400, 403, 405, 409, 412, 415, 500, 501]);
async function makeDirectory(server, path, signal) {
  const { session } = server;
  if (targetOf(session.origin, path).path.split("?", 1)[0] === "/") return;
  const make = () => session.perform({ method: "MKCOL", path: `${path}/` }, () => EXCERPT, signal);
  let made = await make();
  if (made.reply.status === 409 || made.reply.status === 404) {
    await makeDirectory(server, directoryName(path), signal);
    made = await make();
  }
  const { reply, excerpt } = made;
  if (!PERHAPS_THERE.has(reply.status)) return requireDone("MKCOL", reply, excerpt);
  const there = await kindOf2(server, path, signal);
  if (there === "file") throw new TransferError("conflict", "a file stands where a directory should be made");
  if (there === "nothing" && reply.status !== 405) throw statusError("MKCOL", reply, excerpt);
}
async function kindOf2({ reader, properties }, path, signal) {
  const orUndefined = (error) => {
    if (!isRefused(error)) throw error;
  };
  let found = properties === null ? void 0 : await properties(path, signal).catch(orUndefined);
  found ??= found === null ? null : await reader.stat(path, signal).catch(orUndefined);
  if (found === void 0) return "unknown";
  if (found === UNSEEN) return "unseen";
  if (found === null) return "nothing";
  return found.kind === "directory" ? "directory" : "file";
}
async function list(session, path, signal) {
  const directory = `${trimmedEnd(path, "/")}/`;
  const base = new URL(targetOf(session.origin, directory).path, session.origin);
  const own = decodePath(base.pathname);
  const entries = [];
  for (const resource of await resources(session, directory, "1", signal)) {
    const decoded = decodePath(URL.parse(resource.href, base.href)?.pathname ?? "");
    const bare = trimmedEnd(decoded, "/");
    if (`${bare}/` === own) continue;
    if (bare !== own + baseName(bare)) throw new TransferError("protocol", "the server listed something that is not in the directory");
    entries.push({
      name: baseName(bare),
      kind: resource.collection ? "directory" : "file",
      size: resource.collection ? null : resource.size
    });
    if (entries.length > ENTRIES_MAX) throw new TransferError("limit", `more than ${ENTRIES_MAX} entries in one directory`);
  }
  return entries;
}

// src/remotes/http/writer.ts
function openWriter(server) {
  const { session, reader, note } = server;
  let probed;
  const create = async (path, size, body, observer, signal) => {
    reader.forget(path);
    const finished = await put(session, path, size, {}, body, observer, signal);
    requireTaken(finished);
    server.made.add(path);
    if (!isStored(finished.reply))
      return note(`This server answers PUT with ${finished.reply.status}: it accepts files without saying that they are stored.`);
    await confirm(reader, path, size, note, signal);
    observer.acknowledged(size);
  };
  return {
    create,
    resumer: async (directory, signal) => {
      if (probed === void 0)
        probed = await writesInPlace(session, reader, directory, signal) ? positional(session, reader, create) : null;
      return probed;
    }
  };
}
async function put(session, path, size, headers, body, observer, signal) {
  if (size === 0) await body[Symbol.asyncIterator]().return?.();
  const sent = (total) => observer.sent(total);
  return session.perform(
    {
      method: "PUT",
      path,
      headers: { ...headers, "content-length": String(size) },
      body: size === 0 ? "" : body,
      sent,
      lastWordMs: lastWordMs(size)
    },
    () => EXCERPT,
    signal
  );
}
function isStored({ status }) {
  return status === 200 || status === 201 || status === 204;
}
function requireTaken({ reply, excerpt, requestSent }) {
  if (reply.status < 200 || reply.status > 299) throw statusError("PUT", reply, excerpt);
  if (!requestSent) throw new TransferError("transient", `the server answered PUT with ${reply.status} before it had the whole file`);
}
var NOT_SHOWN = ["denied", "refused", "unsupported", "transient", "protocol"];
async function confirm(reader, path, size, note, signal) {
  const stored = await reader.stat(path, signal).catch((error) => {
    if (signal.aborted || !(error instanceof TransferError) || !NOT_SHOWN.includes(error.kind)) throw error;
    return error;
  });
  if (stored instanceof TransferError)
    return note(`This server takes files but does not show them, so their size is not confirmed (${stored.message}).`);
  if (stored === null) return note("This server confirmed an upload and shows no such file, so its size is not confirmed.");
  if (stored.size === null) return note("This server does not tell the size of files, so the size of uploads is not confirmed.");
  if (stored.size !== size) throw new TransferError("integrity", `the server stored ${stored.size} bytes instead of ${size}`);
}
function positional(session, reader, create) {
  return {
    kind: "positional",
    write: async (path, range, body, observer, signal) => {
      reader.forget(path);
      const { reply, excerpt, requestSent } = await putRange(session, path, range, body, observer, signal);
      if (reply.status === 412 || reply.status === 404) throw new TransferError("offset-conflict", "the partial is no longer there");
      requireTaken({ reply, excerpt, requestSent, bodyStarted: true });
      if (!isStored(reply))
        throw new TransferError(
          "unsupported",
          `the server answered a range of the file with ${reply.status}, so nobody knows whether it is stored`
        );
      const file = await reader.stat(path, signal);
      const size = file === null ? 0 : file.size ?? range.end;
      if (size < range.end) throw new TransferError("integrity", `the server has ${size} bytes after a write up to ${range.end}`);
      observer.acknowledged(range.end - range.start);
    },
    truncate: async (path, size, signal) => {
      const file = await reader.stat(path, signal);
      if (file?.size === size) return;
      if (size !== 0) throw new TransferError("unsupported", "HTTP cannot shorten a file");
      await create(path, 0, nothing(), { sent: () => void 0, acknowledged: () => void 0 }, signal);
    }
  };
}
function putRange(session, path, range, body, observer, signal) {
  const headers = { "content-range": `bytes ${range.start}-${range.end - 1}/*`, "if-match": "*" };
  return put(session, path, range.end - range.start, headers, body, observer, signal);
}
var NOT_IN_PLACE = ["source-changed", "unsupported", "not-found", "refused"];
async function writesInPlace(session, reader, directory, signal) {
  const path = scratchPath(directory);
  const observer = { sent: () => void 0, acknowledged: () => void 0 };
  try {
    const made = await put(session, path, 8, {}, once("abcdefgh"), observer, signal);
    requireTaken(made);
    if (!isStored(made.reply)) return false;
    const { reply } = await putRange(session, path, { start: 4, end: 6 }, once("XY"), observer, signal);
    if (!isStored(reply)) return false;
    const stored = [];
    await reader.read(path, { start: 0, end: 8 }, (chunk) => void stored.push(Buffer.from(chunk)), {}, signal);
    const size = (await reader.stat(path, signal))?.size;
    return size === 8 && Buffer.concat(stored).toString("latin1") === "abcdXYgh";
  } catch (error) {
    if (error instanceof TransferError && NOT_IN_PLACE.includes(error.kind)) return false;
    throw error;
  } finally {
    await session.perform({ method: "DELETE", path }, () => EXCERPT, signal).catch(() => void 0);
  }
}
async function* once(text) {
  yield Buffer.from(text);
}
async function* nothing() {
}

// src/remotes/http/index.ts
var protocol = {
  schemes: ["http:", "https:"],
  defaultPorts: { "http:": 80, "https:": 443 },
  parse,
  locate,
  open
};
async function open(config, ports, signal) {
  warnOfDowngrades(config, ports);
  const session = openSession(config, ports);
  try {
    const destinations = new Destinations();
    const features = session.evidence ? await findFeatures(session, destinations, locate(config.url), signal) : null;
    const notes = [];
    const note = (message) => {
      if (!notes.includes(message)) notes.push(message);
    };
    const properties = features?.dav === true ? davProperties(session) : null;
    const reader = openReader(session, { directories: features?.moves ?? false, properties, note });
    return {
      protocol: config.url.protocol.slice(0, -1),
      connectionsMax: CONNECTIONS_MAX,
      notes,
      looksByReading: true,
      stat: reader.stat,
      read: reader.read,
      close: session.close,
      ...features === null ? {} : facets({ session, reader, destinations, properties, made: /* @__PURE__ */ new Set(), note }, features)
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}
function facets(server, features) {
  return { writer: openWriter(server), ...features.moves ? { tree: openTree(server, features.copies) } : {} };
}
function warnOfDowngrades(config, ports) {
  if (config.url.protocol === "http:") {
    ports.warn(`http://${config.url.host} is not encrypted: anybody on the way can read and change what is transferred.`);
    if (Object.keys(config.headers).length > 0) ports.warn(`The credentials for http://${config.url.host} travel in clear text.`);
  } else if (!config.tls.verify && config.tls.pins.length === 0) {
    ports.warn(`tls-verify is false: nobody checks that https://${config.url.host} is the right server.`);
  }
}
export {
  protocol
};
