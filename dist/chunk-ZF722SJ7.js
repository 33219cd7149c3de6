import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  parseDuration
} from "./chunk-JNQCJRQQ.js";
import {
  NAME_SHAPES,
  NONCE_HEX_LENGTH,
  readPin
} from "./chunk-2A4NVA3E.js";
import {
  CHECK_HEX_LENGTH
} from "./chunk-S3JFGB2E.js";
import {
  strangerTo,
  strangerToFolder
} from "./chunk-CH4BLU6L.js";
import {
  STATE_BYTES_MAX,
  redactor,
  secretForms
} from "./chunk-GW64MRGB.js";
import {
  proxySecrets
} from "./chunk-3NB5SF6R.js";
import {
  printable,
  trimmedEnd
} from "./chunk-L2XN6AKA.js";
import {
  TransferError,
  abortError,
  exitCodeFor,
  throwIfAborted
} from "./chunk-BVY6T2JH.js";

// src/action/ending.ts
function failUntilTold(report) {
  process.exitCode = exitCodeFor("internal");
  const dead = (error) => {
    report(`Internal error, please report it: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    process.exit(exitCodeFor("internal"));
  };
  process.on("uncaughtException", dead);
  process.on("unhandledRejection", dead);
  process.stdout.on("error", () => {
  });
  process.stderr.on("error", () => {
  });
}
function leave() {
  process.stdout.write("", () => process.exit());
}

// src/core/journal.ts
import { createHash as createHash2 } from "node:crypto";

// src/core/fingerprint.ts
import { createHash } from "node:crypto";
var VALIDATOR_LENGTH_MAX = 1024;
function sameFingerprint(a, b) {
  if (a.size !== b.size) return false;
  if (a.strength === "content") return b.strength === "content" && a.sha256 === b.sha256;
  if (a.strength === "validator") return b.strength === "validator" && a.validator === b.validator;
  return b.strength === "hint" && sameHint(a, b);
}
function sameHint(a, b) {
  if (opaqueTag(a) !== opaqueTag(b)) return false;
  if (a.modifiedAtMs === null || b.modifiedAtMs === null) return a.etag !== null;
  return a.modifiedAtMs === b.modifiedAtMs;
}
function opaqueTag({ etag }) {
  return etag?.replace(/^W\//, "") ?? null;
}
function identifies(fingerprint) {
  return fingerprint.strength !== "hint" || fingerprint.modifiedAtMs !== null || fingerprint.etag !== null;
}
function fingerprintTag(fingerprint) {
  const identity = fingerprint.strength === "content" ? `content:${fingerprint.size}:${fingerprint.sha256}` : fingerprint.strength === "validator" ? `validator:${fingerprint.size}:${fingerprint.validator}` : `hint:${fingerprint.size}:${opaqueTag(fingerprint) ?? fingerprint.modifiedAtMs ?? "unknown"}`;
  return createHash("sha256").update(identity).digest("hex").slice(0, 12);
}
var MIB = 1024 * 1024;
var BLOCKS_MAX = 8192;
function blockSizeFor(size) {
  let blockSize = MIB;
  while (size / blockSize > BLOCKS_MAX) blockSize *= 2;
  return blockSize;
}
function blockCount(size, blockSize) {
  return Math.ceil(size / blockSize);
}
function contentFingerprint(digests) {
  const hash = createHash("sha256").update(`${digests.size}:${digests.blockSize}:`);
  for (const block of digests.blocks) hash.update(block, "hex");
  return { strength: "content", size: digests.size, sha256: hash.digest("hex") };
}

// src/core/strict.ts
function fieldsOf(value, names) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const keys = Object.keys(value);
  return keys.length === names.length && names.every((n) => keys.includes(n)) ? value : null;
}
function isCount(value) {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
}
function isPowerOfTwo(value) {
  return value > 0 && 2 ** Math.round(Math.log2(value)) === value;
}
function isHex(value, length) {
  return typeof value === "string" && value.length === length && /^[0-9a-f]+$/.test(value);
}
function isTag(value) {
  return isHex(value, 16);
}

// src/core/journal-hosts.ts
var FIELDS = ["key", "shape", "renames", "replaces", "sends"];
var HOSTS_MAX = 1e3;
var SENDS_MAX = 2 ** 40;
function withHostEntry(hosts, host) {
  return [...hosts.filter(({ key }) => key !== host.key), host].slice(-HOSTS_MAX);
}
function unseenHost(key) {
  return { key, shape: "dot", renames: null, replaces: null, sends: null };
}
function sameHost(a, b) {
  return a.key === b.key && a.shape === b.shape && a.renames === b.renames && a.replaces === b.replaces && a.sends === b.sends && a.keeps === b.keeps;
}
function isOrdinary({ shape, renames, replaces, keeps }) {
  return shape === "dot" && renames !== false && replaces !== false && keeps !== true;
}
function encodeHosts(hosts) {
  return hosts.map(({ key, shape, renames, replaces, sends, keeps }) => ({
    key,
    shape,
    renames,
    replaces,
    sends,
    ...keeps ? { keeps } : {}
  }));
}
function hostsFrom(values) {
  if (!Array.isArray(values) || values.length > HOSTS_MAX) return null;
  const hosts = /* @__PURE__ */ new Map();
  for (const value of values) {
    const fields = fieldsOf(value, FIELDS) ?? fieldsOf(value, [...FIELDS, "keeps"]);
    if (fields === null || !isTag(fields.key) || hosts.has(fields.key)) return null;
    const { key, renames, replaces, sends, keeps } = fields;
    const shape = NAME_SHAPES.find((known) => known === fields.shape);
    if (shape === void 0 || !isSeen(renames) || !isSeen(replaces) || !isRate(sends)) return null;
    if (keeps !== void 0 && keeps !== true) return null;
    hosts.set(key, { key, shape, renames, replaces, sends, ...keeps ? { keeps } : {} });
  }
  return [...hosts.values()];
}
function isSeen(value) {
  return value === null || typeof value === "boolean";
}
function isRate(value) {
  return value === null || isCount(value) && value <= SENDS_MAX;
}

// src/core/ranges.ts
var EMPTY = [];
function rangeSet(ranges) {
  const sorted = ranges.filter((r) => r.end > r.start).sort((a, b) => a.start - b.start);
  const merged2 = [];
  for (const range of sorted) {
    const last = merged2.at(-1);
    if (last !== void 0 && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else merged2.push({ start: range.start, end: range.end });
  }
  return merged2;
}
function union(a, b) {
  return rangeSet([...a, ...b]);
}
function subtract(from, cut) {
  const left = [];
  for (const range of from) {
    let start = range.start;
    for (const hole of cut) {
      if (hole.end <= start || hole.start >= range.end) continue;
      if (hole.start > start) left.push({ start, end: hole.start });
      start = Math.max(start, hole.end);
    }
    if (start < range.end) left.push({ start, end: range.end });
  }
  return left;
}
function intersect(a, b) {
  return subtract(a, subtract(a, b));
}
function missing(set, size) {
  return subtract(rangeSet([{ start: 0, end: size }]), set);
}
function totalBytes(set) {
  return set.reduce((sum, r) => sum + (r.end - r.start), 0);
}
function prefixLength(set) {
  const first = set[0];
  return first !== void 0 && first.start === 0 ? first.end : 0;
}
function containsRange(set, range) {
  return range.end <= range.start || set.some((r) => r.start <= range.start && range.end <= r.end);
}

// src/core/journal.ts
var FORMAT = "resumable-transfer-journal";
var BYTES_MAX = 8 * 1024 * 1024;
var SEQUENCE_MAX = 2 ** 48;
var ENTRIES_MAX = 1e4;
var BLOCKS_MAX2 = 8192;
var DIGEST_BYTES = 32;
var CHECK_BYTES = CHECK_HEX_LENGTH / 2;
function emptyJournal(id) {
  return { version: 3, id, sequence: 0, hosts: [], entries: [] };
}
function entryOf(journal, key) {
  return journal.entries.find((e) => e.key === key) ?? null;
}
function withEntry(journal, entry) {
  return { ...journal, entries: [...journal.entries.filter((e) => e.key !== entry.key), entry] };
}
function withoutEntry(journal, key) {
  return { ...journal, entries: journal.entries.filter((e) => e.key !== key) };
}
function hostOf(journal, key) {
  return journal.hosts.find((host) => host.key === key) ?? null;
}
function withHost(journal, host) {
  return { ...journal, hosts: withHostEntry(journal.hosts, host) };
}
function isWorthKeeping({ entries, hosts }) {
  return entries.length > 0 || !hosts.every(isOrdinary);
}
function unendedUploads(journal) {
  return journal.entries.filter((entry) => entry.checkKey === null && entry.nonce !== null && !entry.ended);
}
function uploadMark({ key, nonce }) {
  return `${key}:${nonce ?? ""}`;
}
function withEnded(journal, marks) {
  return { ...journal, entries: journal.entries.map((entry) => marks.has(uploadMark(entry)) ? { ...entry, ended: true } : entry) };
}
function encodeJournal(journal) {
  const line = JSON.stringify({
    format: FORMAT,
    version: journal.version,
    id: journal.id,
    sequence: journal.sequence,
    hosts: encodeHosts(journal.hosts),
    entries: journal.entries.map(entryFields)
  });
  return `${line}
${createHash2("sha256").update(line).digest("hex")}
`;
}
function encodeFitting(journal) {
  const { entries } = journal;
  const whole = encodeJournal(journal);
  if (Buffer.byteLength(whole) <= BYTES_MAX && entries.length <= ENTRIES_MAX) return { text: whole, leftOut: 0 };
  let bytes = Buffer.byteLength(encodeJournal({ ...journal, entries: [] }));
  let first = Math.max(0, entries.length - 1);
  for (let i = first; i >= 0 && entries.length - i <= ENTRIES_MAX; i -= 1) {
    bytes += Buffer.byteLength(JSON.stringify(entries.slice(i, i + 1).map(entryFields))) - 1;
    if (bytes > BYTES_MAX) break;
    first = i;
  }
  return { text: encodeJournal({ ...journal, entries: entries.slice(first) }), leftOut: first };
}
function entryFields(entry) {
  return {
    key: entry.key,
    source: encodeFingerprint(entry.source),
    nonce: entry.nonce,
    ended: entry.ended,
    blockSize: entry.blockSize,
    checkKey: entry.checkKey,
    blocks: encodeBlocks(entry),
    acknowledged: entry.acknowledged.map((r) => [r.start, r.end])
  };
}
function encodeBlocks({ checkKey, blocks }) {
  const unknown = "0".repeat((checkKey === null ? DIGEST_BYTES : CHECK_BYTES) * 2);
  return Buffer.from(blocks.map((b) => b ?? unknown).join(""), "hex").toString("base64");
}
function encodeFingerprint(f) {
  if (f.strength === "content") return { strength: f.strength, size: f.size, sha256: f.sha256 };
  if (f.strength === "validator") return { strength: f.strength, size: f.size, validator: f.validator };
  return { strength: f.strength, size: f.size, modifiedAtMs: f.modifiedAtMs, etag: f.etag };
}
function decodeJournal(bytes) {
  if (bytes.byteLength > BYTES_MAX) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const cut = text.indexOf("\n");
    const line = text.slice(0, cut);
    if (cut < 0 || text.slice(cut) !== `
${createHash2("sha256").update(line).digest("hex")}
`) return null;
    const journal = journalFrom(JSON.parse(line));
    return journal !== null && encodeJournal(journal) === text ? journal : null;
  } catch {
    return null;
  }
}
function journalFrom(value) {
  const fields = fieldsOf(value, ["format", "version", "id", "sequence", "hosts", "entries"]);
  if (fields === null || fields.format !== FORMAT || fields.version !== 3) return null;
  if (!isTag(fields.id) || !isCount(fields.sequence) || fields.sequence > SEQUENCE_MAX) return null;
  const hosts = hostsFrom(fields.hosts);
  if (hosts === null) return null;
  if (!Array.isArray(fields.entries) || fields.entries.length > ENTRIES_MAX) return null;
  const entries = [];
  const keys = /* @__PURE__ */ new Set();
  for (const candidate of fields.entries) {
    const entry = entryFrom(candidate);
    if (entry === null || keys.has(entry.key)) return null;
    keys.add(entry.key);
    entries.push(entry);
  }
  return { version: 3, id: fields.id, sequence: fields.sequence, hosts, entries };
}
function entryFrom(value) {
  const fields = fieldsOf(value, ["key", "source", "nonce", "ended", "blockSize", "checkKey", "blocks", "acknowledged"]);
  if (fields === null || !isTag(fields.key) || typeof fields.blocks !== "string" || !Array.isArray(fields.acknowledged)) return null;
  const source = fingerprintFrom(fields.source);
  const { nonce, ended, blockSize, checkKey } = fields;
  if (nonce !== null && !isHex(nonce, NONCE_HEX_LENGTH) || typeof ended !== "boolean") return null;
  if (checkKey !== null && !isHex(checkKey, CHECK_HEX_LENGTH)) return null;
  if (source === null || !isCount(blockSize) || !isPowerOfTwo(blockSize)) return null;
  if (blockCount(source.size, blockSize) > BLOCKS_MAX2) return null;
  const blocks = blocksFrom(fields.blocks, blockCount(source.size, blockSize), checkKey === null ? DIGEST_BYTES : CHECK_BYTES);
  const acknowledged = rangesFrom(fields.acknowledged, source.size);
  return blocks === null || acknowledged === null ? null : { key: fields.key, source, nonce, ended, blockSize, checkKey, blocks, acknowledged };
}
function fingerprintFrom(value) {
  const strength = typeof value === "object" && value !== null && "strength" in value ? value.strength : null;
  if (strength === "content") {
    const f2 = fieldsOf(value, ["strength", "size", "sha256"]);
    return f2 !== null && isCount(f2.size) && isHex(f2.sha256, 64) ? { strength, size: f2.size, sha256: f2.sha256 } : null;
  }
  if (strength === "validator") {
    const f2 = fieldsOf(value, ["strength", "size", "validator"]);
    return f2 !== null && isCount(f2.size) && isEtag(f2.validator) ? { strength, size: f2.size, validator: f2.validator } : null;
  }
  if (strength !== "hint") return null;
  const f = fieldsOf(value, ["strength", "size", "modifiedAtMs", "etag"]);
  if (f === null || !isCount(f.size) || f.modifiedAtMs !== null && !isCount(f.modifiedAtMs)) return null;
  return f.etag === null || isEtag(f.etag) ? { strength, size: f.size, modifiedAtMs: f.modifiedAtMs, etag: f.etag } : null;
}
function isEtag(value) {
  return typeof value === "string" && value.length > 0 && value.length <= VALIDATOR_LENGTH_MAX;
}
function blocksFrom(text, count, width) {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== count * width) return null;
  const unknown = "0".repeat(width * 2);
  return Array.from({ length: count }, (_, i) => {
    const block = bytes.toString("hex", i * width, (i + 1) * width);
    return block === unknown ? null : block;
  });
}
function rangesFrom(values, size) {
  const ranges = [];
  for (const value of values) {
    if (!Array.isArray(value) || value.length !== 2) return null;
    const [start, end] = value;
    if (!isCount(start) || !isCount(end) || start >= end || end > size || start <= (ranges.at(-1)?.end ?? -1)) return null;
    ranges.push({ start, end });
  }
  return rangeSet(ranges);
}

// src/local/process-identity.ts
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, uptime } from "node:os";
var SILENCE_MS = 24 * 60 * 60 * 1e3;
var own = null;
function thisProcess() {
  own ??= {
    pid: process.pid,
    started: aboutProcess(process.pid)?.started ?? null,
    boot: orNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    space: orNull(() => readlinkSync("/proc/self/ns/pid")),
    host: hostname()
  };
  return own;
}
function hasEnded(other, trace) {
  const silent = trace.nowMs - trace.lastSeenMs > SILENCE_MS;
  const me = thisProcess();
  const sameSpace = other.boot === me.boot && other.space === me.space && (me.boot !== null || process.platform !== "linux");
  if (sameSpace && (me.boot !== null || other.host === me.host)) return isGone(other, silent);
  if (other.host !== me.host || other.boot === null || me.boot === null || other.boot === me.boot) return silent;
  return silent || trace.lastSeenMs < trace.nowMs - uptime() * 1e3;
}
function isGone(other, silent) {
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return true;
  }
  const now = aboutProcess(other.pid);
  if (now === null || other.started === null) return silent;
  return now.started !== other.started || now.dead;
}
function aboutProcess(pid) {
  const stat2 = orNull(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  if (stat2 === null) return null;
  const fields = stat2.slice(stat2.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const started = fields[19];
  return started === void 0 ? null : { started, dead: state === "Z" || state === "X" };
}
function encodeIdentity(identity) {
  const { pid, started, boot, space, host } = identity;
  return JSON.stringify({ pid, started, boot, space, host });
}
function decodeIdentity(text) {
  const fields = orNull(() => JSON.parse(text));
  if (typeof fields !== "object" || fields === null) return null;
  const { pid, started, boot, space, host } = fields;
  const isTold = (value) => value === null || typeof value === "string";
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0 || typeof host !== "string") return null;
  return isTold(started) && isTold(boot) && isTold(space) ? { pid, started, boot, space, host } : null;
}
function orNull(read) {
  try {
    return read();
  } catch {
    return null;
  }
}

// src/state/file-store.ts
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
var READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
var ABANDONED_AFTER_MS = 10 * 6e4;
function fileStore(directory, identity) {
  if (!/^[0-9a-f]{16}$/.test(identity.id)) throw new TransferError("internal", "the state identity is not sixteen hex digits");
  const name = `${identity.id}.state`;
  const path = join(directory, name);
  let swept = false;
  let checked = false;
  return {
    description: `directory ${directory}`,
    load: (signal) => unlessAborted(async () => {
      await assertOurs(directory);
      return readState(path);
    }, signal),
    save: (state, signal) => unlessAborted(async () => {
      if (!checked) await assertOurs(directory);
      checked = true;
      await replaceState(directory, name, state, signal);
      if (swept) return;
      swept = true;
      await removeAbandoned(directory, name);
    }, signal)
  };
}
async function assertOurs(directory) {
  const why = await strangerToFolder(directory);
  if (why !== null) throw new Error(`${why}. Make it yours alone (chown, chmod go-w), or name another folder`);
}
async function unlessAborted(operation, signal) {
  throwIfAborted(signal);
  const aborted = Promise.withResolvers();
  const onAbort = () => aborted.reject(abortError(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([operation(), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
function errorCode(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
async function readState(path) {
  let file;
  try {
    if ((await lstat(path)).isSymbolicLink()) throw new Error(`${path} is a link, which is not followed`);
    file = await open(path, READ_FLAGS);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    if (errorCode(error) === "unknown error") throw error;
    throw new Error(`cannot read ${path}: ${errorCode(error)}`);
  }
  try {
    const about = await file.stat();
    if (!about.isFile()) throw new Error(`${path} is not a plain file`);
    const why = strangerTo(about);
    if (why !== null) throw new Error(`${path} ${why}. Remove it`);
    return await readWhole(file, path, about.size);
  } finally {
    await file.close();
  }
}
async function readWhole(file, path, size) {
  if (size > STATE_BYTES_MAX) throw new Error(`${path} is larger than any state (${size} bytes)`);
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) throw new Error(`${path} shrank while it was read`);
    filled += bytesRead;
  }
  return bytes;
}
async function replaceState(directory, name, state, signal) {
  if (state.byteLength > STATE_BYTES_MAX) throw new Error(`the state is too large to be saved (${state.byteLength} bytes)`);
  const temporary = join(directory, `${name}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await write(await create(temporary, directory), state);
    throwIfAborted(signal);
    await rename(temporary, join(directory, name));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => void 0);
    if (error instanceof TransferError) throw error;
    throw new Error(`cannot write ${join(directory, name)}: ${errorCode(error)}`);
  }
}
async function create(path, directory) {
  try {
    return await open(path, "wx", 384);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    await mkdir(directory, { recursive: true, mode: 448 });
    return open(path, "wx", 384);
  }
}
async function write(file, bytes) {
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}
async function removeAbandoned(directory, name) {
  const savedAtMs = (await stat(join(directory, name))).mtimeMs;
  for (const entry of await readdir(directory)) {
    if (!entry.startsWith(`${name}.`) || !entry.endsWith(".tmp")) continue;
    const about = await lstat(join(directory, entry)).catch(() => null);
    if (about !== null && savedAtMs - about.mtimeMs > ABANDONED_AFTER_MS) await rm(join(directory, entry), { force: true });
  }
}

// src/action/state-places.ts
import { homedir, tmpdir } from "node:os";
import { join as join2 } from "node:path";
var FOLDER = "resumable-transfer";
var NOWHERE = { description: "nowhere", load: async () => null, save: async () => {
} };
async function statePlaces(job, host, identity, signal) {
  const { environment } = host;
  const { state } = job;
  const temporary = await temporaryFolder(environment);
  const at = (directory, store = null, reason2 = null) => ({
    disk: fileStore(directory, identity),
    directory,
    store,
    reason: reason2
  });
  const atOwn = async (directory) => {
    const why = await strangerToFolder(directory);
    if (why === null) return at(directory);
    return at(temporary, null, `state: ${why}. It is not used, and nothing outlives the job: make it yours alone (chown, chmod go-w).`);
  };
  if (state.kind === "none") return { disk: NOWHERE, directory: null, store: null, reason: null };
  if (state.kind === "directory") return atOwn(state.directory);
  if (host.kind === "terminal") return atOwn(userFolder(environment));
  if (state.kind === "tool-cache" || state.kind === "auto" && environment.RUNNER_ENVIRONMENT === "self-hosted") {
    const { hasLastingToolCache, toolCacheFolder } = await import("./chunk-EDXTTAOY.js");
    if (!hasLastingToolCache(environment)) return at(temporary, null, "state: the tool cache of this runner does not outlive the job");
    try {
      return at(await toolCacheFolder(environment, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      return at(temporary, null, `state: the tool cache cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (job.direction === "download") return at(temporary);
  const { cacheAvailability } = await import("./chunk-NKZYLDWS.js");
  const { available, reason } = cacheAvailability(environment);
  if (!available) return at(temporary, null, reason);
  return at(temporary, await cacheStore(environment, identity), reason);
}
async function temporaryFolder(environment) {
  const folder = join2(environment.RUNNER_TEMP ?? tmpdir(), FOLDER);
  return await strangerToFolder(folder) === null ? folder : `${folder}-${process.geteuid?.() ?? ""}`;
}
async function cacheStore(environment, identity) {
  const { cacheServiceStore } = await import("./chunk-4CHVHG7R.js");
  return cacheServiceStore(environment, identity, { nowMs: () => Date.now() });
}
function userFolder(environment) {
  const base = process.platform === "win32" ? environment.LOCALAPPDATA : environment.XDG_STATE_HOME;
  return base !== void 0 && base !== "" ? join2(base, FOLDER) : join2(homedir(), ".local", "state", FOLDER);
}

// src/action/finish.ts
var SAVE_MS = 6e4;
var MARKS_MAX = 1e3;
var TOO_MANY = "too many";
async function finish(host) {
  const directory = host.getState("directory");
  if (directory === "" || host.getState("ended") === "true") return;
  try {
    const identity = JSON.parse(host.getState("identity"));
    const signal = AbortSignal.timeout(SAVE_MS);
    const state = await fileStore(directory, identity).load(signal);
    const journal = state === null ? null : decodeJournal(state);
    if (state === null || journal === null || !isWorthKeeping(journal)) return host.info("Nothing to save: the transfer had not begun.");
    const store = await cacheStore(host.environment, identity);
    await store.save(mainHasEnded(host) ? Buffer.from(encodeJournal(marked(journal, host))) : state, signal);
    host.info(`The state of the interrupted transfer was saved to the ${store.description}.`);
  } catch (error) {
    host.warning(`The state of the interrupted transfer could not be saved: ${error instanceof Error ? error.message : String(error)}`);
  }
}
function mainHasEnded(host) {
  const main = decodeIdentity(host.getState("process"));
  return main !== null && hasEnded(main, { lastSeenMs: 0, nowMs: 0 });
}
function marked(journal, host) {
  const found = host.getState("unended");
  if (found === TOO_MANY) return journal;
  const foreign = new Set(found.split(" "));
  const marks = new Set(
    unendedUploads(journal).map(uploadMark).filter((mark) => !foreign.has(mark))
  );
  return marks.size === 0 ? journal : { ...withEnded(journal, marks), sequence: journal.sequence + 1 };
}
function foundUnended(marks) {
  return marks.length > MARKS_MAX ? TOO_MANY : marks.join(" ");
}

// src/action/input-table.ts
var BOOLEAN = ["true", "false"];
var INPUTS = [
  {
    name: "source",
    default: null,
    required: true,
    lines: true,
    description: "Upload: local files, one per line. Download: URLs, one per line. `a => b` on a line gives that file its own target."
  },
  {
    name: "destination",
    default: null,
    required: true,
    description: "Upload: one URL (sftp, ftps, ftp, https, http). Download: one local path. Ends in / when it is a directory."
  },
  { name: "username", default: null, description: "User name, also for HTTP basic authentication. Default: the one in the URL." },
  {
    name: "password",
    default: null,
    secret: true,
    description: "Password, also for HTTP basic authentication. Default: the one in the URL."
  },
  { name: "private-key", default: null, secret: true, description: "SSH private key (OpenSSH or PEM text)." },
  { name: "passphrase", default: null, secret: true, description: "Passphrase of the private key." },
  { name: "token", default: null, secret: true, description: "HTTP bearer token. Never sent to another origin." },
  {
    name: "headers",
    default: null,
    secret: true,
    lines: true,
    description: "Extra HTTP headers, one `Name: value` a line. Never sent to another origin."
  },
  {
    name: "known-hosts",
    default: null,
    lines: true,
    description: "Lines of a known_hosts file. SFTP needs this or a fingerprint."
  },
  {
    name: "fingerprint",
    default: null,
    lines: true,
    description: "Pins, one per line: `SHA256:…` of an SSH host key, or the SHA-256 of a TLS certificate (hex or base64)."
  },
  { name: "tls-ca", default: null, description: "PEM certificates to trust in addition to the system roots." },
  { name: "tls-verify", default: "true", values: BOOLEAN, description: "Check the TLS certificate. `false` prints a warning." },
  {
    name: "resume",
    default: "auto",
    values: ["auto", "never"],
    description: "`auto` continues whatever can be proven; `never` starts over."
  },
  {
    name: "verify",
    default: "auto",
    values: ["auto", "full", "size"],
    description: "`auto`: the strongest proof that costs no second transfer; `full`: end-to-end content proof, reading back if needed; `size`."
  },
  {
    name: "server-digests",
    default: "auto",
    values: ["auto", "never"],
    description: "SFTP uploads: `auto` lets the account's own shell, where it has one, compute digests of what is stored; `never` runs no command on the server."
  },
  {
    name: "checksum",
    default: null,
    description: "Expected digest of a downloaded file: `sha256:…`, `sha512:…`, or the https URL of a SHA256SUMS file."
  },
  {
    name: "on-change",
    default: "restart",
    values: ["restart", "fail"],
    description: "The source changed since the partial was written: `restart` (an upload keeps blocks that still match) or `fail`."
  },
  {
    name: "publish-without-rename",
    default: "auto",
    values: ["auto", "always", "never"],
    description: "On servers that let nobody rename: `auto` writes under the final name when nothing is there yet, and otherwise refuses before sending; `always`; `never`."
  },
  {
    name: "state",
    default: "auto",
    description: "Where resume state is kept: `auto` (Actions cache; tool cache on self-hosted runners), `cache`, `tool-cache`, a directory, or `none`."
  },
  { name: "state-name", default: null, description: "Extra word that tells the state of this step from others." },
  {
    name: "timeout",
    default: "30s",
    description: "No progress for this long ends an exchange, which is then retried. A bare number is milliseconds."
  },
  { name: "retries", default: "10", description: "Consecutive failures without progress before giving up." },
  {
    name: "log-level",
    default: "standard",
    values: ["minimal", "standard", "verbose"],
    description: "`minimal`, `standard` or `verbose`."
  },
  { name: "summary", default: "true", values: BOOLEAN, description: "Write the job summary." },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the runner
  { name: "matrix", default: "${{ toJSON(matrix) }}", description: "Part of the identity of the state; not for users." },
  {
    name: "server",
    default: null,
    dropIn: true,
    description: "Drop-in spelling: host name of the FTP server. Use source and destination instead."
  },
  {
    name: "protocol",
    default: null,
    dropIn: true,
    values: ["ftp", "ftps", "ftps-legacy"],
    description: "Drop-in spelling: `ftp` (default), `ftps` or `ftps-legacy` (implicit TLS)."
  },
  { name: "port", default: null, dropIn: true, description: "Drop-in spelling: port of the FTP server." },
  { name: "local-dir", default: null, dropIn: true, description: "Drop-in spelling: the local file to upload." },
  {
    name: "server-dir",
    default: null,
    dropIn: true,
    description: "Drop-in spelling: directory on the server. Default: the login directory."
  },
  {
    name: "security",
    default: null,
    dropIn: true,
    values: ["strict", "loose"],
    description: "Drop-in spelling: `strict` (default) checks the TLS certificate, `loose` does not and warns."
  }
];
var INPUT_ROWS = INPUTS;
var INPUT_NAMES = INPUTS.map((row) => row.name);
var ROWS_BY_NAME = new Map(INPUT_ROWS.map((row) => [row.name, row]));
function inputRow(name) {
  return ROWS_BY_NAME.get(name);
}
function plainDefault(name) {
  const value = inputRow(name)?.default ?? "";
  return value.startsWith("${{") ? "" : value;
}
var NOT_BUILT = /* @__PURE__ */ new Map([
  ["include", ""],
  ["exclude", ""],
  ["delete", "false"],
  ["protect", ""],
  ["max-delete", ""],
  ["if-no-files-found", "error"],
  ["symlinks", ""],
  ["permissions", ""],
  ["mtime", ""],
  ["dry-run", "false"],
  ["keep-partial-downloads", ""],
  ["concurrency", ""],
  ["segments", ""],
  ["limit-rate", ""],
  ["stop-after", ""],
  ["on-incomplete", "fail"],
  ["tool-name", ""],
  ["tool-version", ""],
  ["dangerous-clean-slate", "false"]
]);
var FOREIGN_NAMES = {
  host: "destination",
  hostname: "destination",
  "remote-host": "destination",
  url: "destination",
  target: "destination",
  "remote-path": "destination",
  "remote-dir": "destination",
  path: "source",
  file: "source",
  files: "source",
  "local-path": "source",
  user: "username",
  "remote-user": "username",
  pass: "password",
  key: "private-key",
  "ssh-private-key": "private-key",
  "ssh-passphrase": "passphrase",
  "ssl-verify-certificate": "tls-verify",
  debug: "log-level"
};
var OUTPUTS = [
  { name: "status", description: "`complete`, `unchanged`, `incomplete` or `failed`." },
  { name: "complete", description: "`true` when every file is in place and proven." },
  { name: "resumed", description: "`true` when bytes of an earlier attempt were kept." },
  {
    name: "proof",
    description: "The weakest proof given for any file: `digest`, `read-back`, `size`, or `acknowledged` where nothing could be looked at."
  },
  { name: "digest", description: "`sha256:…` of the file, when there is one file and its digest is known." },
  { name: "path", open: true, description: "The local path of a single download." },
  { name: "bytes-total", description: "Size of all files together." },
  { name: "bytes-transferred", description: "Bytes that travelled in this attempt." },
  { name: "bytes-reused", description: "Bytes that were there already, proven, and not sent again." },
  { name: "files-total", description: "Number of files." },
  { name: "files-transferred", description: "Files that were brought into place by this attempt." },
  { name: "files-unchanged", description: "Files that were in place already." },
  { name: "error-kind", description: "Why it failed, one word; empty when it did not. See docs/errors.md." }
];
var OUTPUT_ROWS = OUTPUTS;

// src/action/job.ts
function displayUrl(url) {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
function describeEntry(job, entry) {
  const remote = displayUrl(entry.url);
  return job.direction === "upload" ? `${entry.localPath} → ${remote}` : `${remote} → ${entry.localPath}`;
}

// src/action/suggest.ts
function editDistance(a, b) {
  let beforeLast = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? a.length;
}
var LENGTH_MAX = 64;
function closest(word, known) {
  const wanted = word.slice(0, LENGTH_MAX).toLowerCase().replaceAll("_", "-");
  let best = null;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
function didYouMean(word, known) {
  const guess = closest(word, known);
  return guess === null ? "" : ` Did you mean '${guess}'?`;
}

// src/action/input-reader.ts
function quoted(text) {
  return `'${printable(text, 120)}'`;
}
var CONTROL = /[\u0000-\u001f\u007f]/;
function hasControl(text) {
  return CONTROL.test(text);
}
function createInputReader(inputs) {
  const faults = [];
  const warnings = [];
  const fault = (input, problem) => faults.push(`${input}: ${problem}`);
  const raw = (name) => {
    const value = inputs.get(name);
    return value === void 0 || value.trim() === "" ? void 0 : value;
  };
  const text = (name) => raw(name)?.trim() ?? (plainDefault(name) || void 0);
  const choice = (name, values) => {
    const value = text(name) ?? "";
    const found = values.find((candidate) => candidate === value.toLowerCase());
    if (found !== void 0) return found;
    fault(name, `${quoted(value)} is none of ${values.join(", ")}.${didYouMean(value, values)}`);
    return values[0];
  };
  const integer = (name, min, max) => {
    const value = text(name);
    if (value === void 0) return void 0;
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    fault(name, `${quoted(value)} is not a whole number from ${min} to ${max}.`);
    return void 0;
  };
  const durationMs = (name, min, max) => {
    const value = text(name) ?? "";
    const ms = parseDuration(value);
    if (ms !== null && ms >= min && ms <= max) return ms;
    const tooSmall = ms !== null && ms < min ? " A bare number is milliseconds." : "";
    fault(name, `${quoted(value)} is not a duration from ${min / 1e3}s to ${max / 36e5}h, such as 30s or 5m.${tooSmall}`);
    return min;
  };
  return {
    raw,
    text,
    lines: (name) => splitLines(raw(name) ?? ""),
    choice,
    flag: (name) => choice(name, inputRow(name)?.values ?? []) === "true",
    integer,
    durationMs,
    fault,
    warn: (message) => warnings.push(message),
    faults,
    warnings
  };
}
function splitLines(text) {
  return text.split(/\r?\n/).map((line) => trimmedEnd(line, " 	").replace(/^[ \t]+/, "")).filter((line) => line !== "");
}

// src/action/credentials.ts
var HTTP_INPUTS = ["username", "password", "token", "headers"];
var TLS_INPUTS = ["fingerprint", "tls-ca"];
var FTPS_INPUTS = ["username", "password", ...TLS_INPUTS];
var USED_BY = {
  "sftp:": ["username", "password", "private-key", "passphrase", "known-hosts", "fingerprint"],
  "ftp:": ["username", "password"],
  "ftps:": FTPS_INPUTS,
  "ftps-implicit:": FTPS_INPUTS,
  "http:": HTTP_INPUTS,
  "https:": [...HTTP_INPUTS, ...TLS_INPUTS]
};
var OPTIONAL = ["private-key", "passphrase", "token", "headers", "known-hosts", "fingerprint", "tls-ca"];
var MUST_BE_USED = ["token", "headers", "fingerprint"];
function credentialsOf(reader, typed, tlsVerify) {
  const username = merged(
    "username",
    withoutLastBreaks(reader.raw("username")),
    typed.map((t) => t.username),
    reader.fault
  );
  const password = merged(
    "password",
    withoutLastBreaks(reader.raw("password")),
    typed.map((t) => t.password),
    reader.fault
  );
  const privateKey = reader.raw("private-key");
  const passphrase = withoutLastBreaks(reader.raw("passphrase"));
  const token = reader.text("token");
  const knownHosts = reader.raw("known-hosts");
  const tlsCa = reader.raw("tls-ca");
  const headers = headersOf(reader);
  for (const name of ["username", "password", "passphrase"])
    if (/[\r\n\0]/.test(withoutLastBreaks(reader.raw(name)) ?? "")) reader.fault(name, "holds a line break or NUL.");
  for (const name of ["private-key", "known-hosts", "tls-ca"])
    if (reader.raw(name)?.includes("\0")) reader.fault(name, "holds a NUL.");
  if (token !== void 0 && (hasControl(token) || /\s/.test(token))) reader.fault("token", "holds white space or a line break.");
  if (passphrase !== void 0 && privateKey === void 0) reader.warn("'passphrase' is given without 'private-key' and is not used.");
  const credentials = {
    ...username === void 0 ? {} : { username },
    ...password === void 0 ? {} : { password },
    ...privateKey === void 0 ? {} : { privateKey },
    ...passphrase === void 0 ? {} : { passphrase },
    ...token === void 0 ? {} : { token },
    ...knownHosts === void 0 ? {} : { knownHosts },
    ...tlsCa === void 0 ? {} : { tlsCa },
    headers,
    fingerprints: fingerprintsOf(reader),
    tlsVerify
  };
  checkOrigins(credentials, typed, reader.fault);
  checkUse(reader, typed);
  return credentials;
}
function withoutLastBreaks(text) {
  return text === void 0 ? void 0 : trimmedEnd(text, "\r\n");
}
function merged(name, input, inUrls, fault) {
  const values = new Set(inUrls.filter((value) => value !== void 0));
  const inUrl2 = [...values][0];
  if (values.size > 1) fault("source", `the URLs hold different values for ${name}. Use one step for each.`);
  else if (input !== void 0 && inUrl2 !== void 0 && input !== inUrl2)
    fault(name, `the input and the URL hold different values. Leave one of them out.`);
  return input ?? inUrl2;
}
var HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
function headersOf(reader) {
  const headers = /* @__PURE__ */ new Map();
  const seen = /* @__PURE__ */ new Set();
  for (const [i, line] of reader.lines("headers").entries()) {
    const cut = line.indexOf(":");
    const name = line.slice(0, Math.max(cut, 0)).trimEnd();
    const value = line.slice(cut + 1).trim();
    if (cut < 1 || !HEADER_NAME.test(name)) reader.fault("headers", `line ${i + 1} is not of the form 'Name: value'.`);
    else if (hasControl(value.replaceAll("	", " "))) reader.fault("headers", `the value of ${quoted(name)} holds a control character.`);
    else if (seen.has(name.toLowerCase())) reader.fault("headers", `${quoted(name)} is given twice.`);
    seen.add(name.toLowerCase());
    headers.set(name, value);
  }
  return headers;
}
function fingerprintsOf(reader) {
  const typed = splitLines((reader.raw("fingerprint") ?? "").replaceAll(/[,;]/g, "\n"));
  const pins = [];
  for (const line of typed) {
    const pin = readPin(line);
    if ("hex" in pin) pins.push(`SHA256:${trimmedEnd(Buffer.from(pin.hex, "hex").toString("base64"), "=")}`);
    else reader.fault("fingerprint", `${quoted(line)} ${pin.problem}`);
  }
  return pins;
}
function checkOrigins(credentials, typed, fault) {
  const origins = new Set(typed.map(({ url }) => `${url.protocol}//${url.host}`));
  const { password, privateKey, token, headers } = credentials;
  const hasSecret = password !== void 0 || privateKey !== void 0 || token !== void 0 || headers.size > 0;
  if (origins.size > 1 && hasSecret)
    fault("source", "the URLs are on different servers, but credentials are for one. Use one step for each.");
}
function checkUse(reader, typed) {
  const schemes = new Set(typed.map(({ url }) => url.protocol));
  for (const scheme of schemes) {
    const used = USED_BY[scheme];
    const shown = scheme.slice(0, -1);
    for (const name of OPTIONAL) {
      if (used === void 0 || used.includes(name) || reader.raw(name) === void 0) continue;
      if (MUST_BE_USED.includes(name)) reader.fault(name, `has no effect with ${shown}. Leave it out, or use another protocol.`);
      else reader.warn(`'${name}' has no effect with ${shown}.`);
    }
  }
}

// src/action/drop-in.ts
var DROP_IN_SCHEMES = ["ftps-implicit:"];
var SCHEME_OF = { ftp: "ftp", ftps: "ftps", "ftps-legacy": "ftps-implicit" };
var PROTOCOLS = ["ftp", "ftps", "ftps-legacy"];
var SECURITIES = ["strict", "loose"];
var NAMES = INPUTS.filter((row) => "dropIn" in row).map((row) => row.name);
function endpointsOf(reader) {
  const used = NAMES.filter((name) => reader.raw(name) !== void 0);
  const source = reader.raw("source");
  const destination = reader.text("destination");
  if (used.length === 0) {
    if (source === void 0) reader.fault("source", "is required, and empty here. Is a variable or secret empty?");
    if (destination === void 0) reader.fault("destination", "is required, and empty here. Is a variable or secret empty?");
    if (source === void 0 || destination === void 0) return null;
    return { source, destination, inputs: { source: "source", destination: "destination" }, tlsVerify: reader.flag("tls-verify") };
  }
  if (source !== void 0 || destination !== void 0) {
    const mixed = [source === void 0 ? [] : ["source"], destination === void 0 ? [] : ["destination"], used].flat();
    reader.fault(mixed.join(", "), "these belong to two spellings. Use source and destination alone.");
    return null;
  }
  return translate(reader);
}
function translate(reader) {
  const faultsBefore = reader.faults.length;
  const host = hostOf2(reader);
  const port = reader.integer("port", 1, 65535);
  const protocol = reader.text("protocol") === void 0 ? "ftp" : reader.choice("protocol", PROTOCOLS);
  const source = localFileOf(reader);
  const directory = serverDirectoryOf(reader);
  const tlsVerify = tlsVerifyOf(reader);
  if (reader.faults.length > faultsBefore) return null;
  const authority = port === void 0 ? host : `${host}:${port}`;
  const destination = `${SCHEME_OF[protocol]}://${authority}/${directory}`;
  return { source, destination, inputs: { source: "local-dir", destination: "server" }, tlsVerify };
}
function hostOf2(reader) {
  const server = reader.text("server");
  if (server === void 0) reader.fault("server", "is required with the other inputs of this spelling, and empty here.");
  else if (/:\/\//.test(server)) reader.fault("server", "give the host name alone, or use source and destination with a whole URL.");
  else if (/[\s/\\?#@%]/.test(server) || hasControl(server)) reader.fault("server", `${quoted(server)} is not a host name.`);
  return server !== void 0 && server.split(":", 3).length === 3 && /^[0-9a-f.:]*$/i.test(server) ? `[${server}]` : server ?? "";
}
function localFileOf(reader) {
  const path = reader.text("local-dir") ?? "./";
  if (/[/\\]$/.test(path) || /(^|[/\\])\.{1,2}$/.test(path))
    reader.fault("local-dir", "must name one file: whole directories come in a later release.");
  else if (hasControl(path)) reader.fault("local-dir", "holds a line break or control character.");
  return path;
}
function serverDirectoryOf(reader) {
  const segments = (reader.text("server-dir") ?? "./").split("/");
  const isAbsolute = segments[0] === "" && segments.length > 1;
  const named = segments.filter((segment) => segment !== "" && segment !== ".");
  if (named.includes("..")) reader.fault("server-dir", "holds '..', which does not reach the server. Write the path without it.");
  if (named.some(hasControl)) reader.fault("server-dir", "holds a line break or control character.");
  const path = named.map((segment) => `${encodeURIComponent(segment.toWellFormed())}/`).join("");
  return isAbsolute ? `/${path}` : path;
}
function tlsVerifyOf(reader) {
  const typed = reader.flag("tls-verify");
  if (reader.text("security") === void 0) return typed;
  const isStrict = reader.choice("security", SECURITIES) === "strict";
  if (isStrict && !typed) reader.fault("security", "strict contradicts tls-verify: false. Leave one of them out.");
  return isStrict;
}

// src/action/entries.ts
import { posix, win32 } from "node:path";

// src/action/remote-url.ts
import { domainToASCII } from "node:url";

// src/remotes/registry.ts
function parserOf(protocol) {
  return (url, credentials) => {
    const config = protocol.parse(url, credentials);
    return { path: protocol.locate(url), open: (ports, signal) => protocol.open(config, ports, signal) };
  };
}
var ftp = async () => parserOf((await import("./chunk-42W6BI5Q.js")).protocol);
var http = async () => parserOf((await import("./chunk-LN2XQI2M.js")).protocol);
var PROTOCOLS2 = {
  "sftp:": async () => parserOf((await import("./chunk-HRJVNMFT.js")).protocol),
  "ftp:": ftp,
  "ftps:": ftp,
  "ftps-implicit:": ftp,
  "http:": http,
  "https:": http
};
var SCHEMES = Object.keys(PROTOCOLS2);
async function endpointFor(url, credentials) {
  const parse = await PROTOCOLS2[url.protocol]?.();
  return parse?.(url, credentials) ?? null;
}

// src/action/remote-url.ts
var NAMES2 = SCHEMES.filter((scheme) => !DROP_IN_SCHEMES.includes(scheme)).map((scheme) => scheme.slice(0, -1));
var ADVICE = {
  scp: "Use sftp://, which every OpenSSH server has.",
  ssh: "Use sftp://.",
  rsync: "Use sftp://.",
  ftpes: "Use ftps://.",
  ftpse: "Use ftps://.",
  s3: "Object stores come in a later release.",
  gs: "Object stores come in a later release.",
  az: "Object stores come in a later release.",
  webdav: "Use http:// for WebDAV.",
  webdavs: "Use https:// for WebDAV.",
  file: "Write a local path as it is, without file:."
};
var REMOTE = /^([a-z][a-z0-9+.-]+):\/\//i;
var SLASHES_MISSING = new RegExp(`^(${[...NAMES2, "scp", "ssh"].join("|")}):(?!//)`, "i");
var SCP_LIKE = /^[^/\\\s@:]+@[^/\\\s@:]+:/;
function looksRemote(text) {
  return REMOTE.test(text) || SLASHES_MISSING.test(text);
}
function looksLikeScp(text) {
  return SCP_LIKE.test(text);
}
function userinfoPart(part, what, input, fault) {
  if (part === "") return void 0;
  try {
    const decoded2 = decodeURIComponent(part);
    if (!/[\r\n\0]/.test(decoded2)) return decoded2;
    fault(input, `the ${what} in the URL holds a line break or NUL.`);
  } catch {
    fault(input, `the ${what} in the URL is badly percent-encoded: write %25 for a percent sign, or use the input '${what}'.`);
  }
  return void 0;
}
function checkScheme(text, input, fault) {
  const missing2 = SLASHES_MISSING.exec(text);
  const scheme = (missing2 ?? REMOTE.exec(text))?.[1]?.toLowerCase() ?? "";
  if (SCHEMES.includes(`${scheme}:`)) {
    if (missing2 === null) return scheme;
    fault(input, `write ${scheme}://host/path, with two slashes.`);
    return null;
  }
  const advice = ADVICE[scheme] ?? didYouMean(scheme, NAMES2).trim();
  fault(input, `the scheme ${quoted(`${scheme}:`)} is not one of ${NAMES2.join(", ")}. ${advice}`.trim());
  return null;
}
function checkSpelling(text, isHttp, input, fault) {
  const problems = [];
  if (hasControl(text)) problems.push("the URL holds a control character.");
  const authority = /^[^:]+:\/\/([^/?#\\]*)/.exec(text)?.[1] ?? "";
  if (/^(:|$)/.test(authority.slice(authority.lastIndexOf("@") + 1))) problems.push("the URL names no host. Is a variable or secret empty?");
  const rest = text.replace(/^[^:]+:\/\/[^/?#\\]*/, "");
  if (rest.includes("#")) problems.push("the URL holds a #, and what follows would be cut off. Write %23 if it belongs to the name.");
  if (rest.includes("\\")) problems.push("the path holds a backslash. Write / between directories, %5C for the character itself.");
  if (!isHttp && rest.includes("?")) problems.push("the path holds a ?. Write %3F if it belongs to the name.");
  if (!isHttp && rest.split("/").some((segment) => /^(\.|%2e){2}$/i.test(segment)))
    problems.push("the path holds '..', which does not reach the server. Write the path without it.");
  for (const problem of problems) fault(input, problem);
  return problems.length === 0;
}
function checkPath(url, input, fault) {
  try {
    if (!hasControl(decodeURIComponent(url.pathname))) return true;
    fault(input, "the path holds an encoded control character.");
  } catch {
    fault(input, "the path is badly percent-encoded. Write %25 for a percent sign.");
  }
  return false;
}
function normaliseHost(url) {
  const host = url.hostname;
  if (host.startsWith("[") || !/[A-Z%]/.test(host)) return;
  const ascii = domainToASCII(decodeURIComponent(host));
  if (ascii !== "") url.hostname = ascii;
}
function parseTypedUrl(text, input, fault) {
  const scheme = checkScheme(text, input, fault);
  if (scheme === null || !checkSpelling(text, scheme.startsWith("http"), input, fault)) return null;
  let url;
  try {
    url = new URL(text);
    normaliseHost(url);
  } catch {
    const hint = "Check host and port (1 to 65535), and give user name and password as inputs, or percent-encode ':', '/', '@', '#' and '%' in them.";
    fault(input, `the ${scheme} URL is malformed. ${hint}`);
    return null;
  }
  if (url.port === "0") {
    fault(input, "the port is 0; it must be from 1 to 65535.");
    return null;
  }
  const username = userinfoPart(url.username, "username", input, fault);
  const password = userinfoPart(url.password, "password", input, fault);
  url.username = "";
  url.password = "";
  return checkPath(url, input, fault) ? { url, username, password } : null;
}

// src/action/entries.ts
var ARROW = /^(.*\S)\s+=>\s+(\S.*)$/s;
function entriesOf(endpoints, world, fault) {
  const lines = splitLines(endpoints.source).map((line) => lineOf(line, world));
  const remoteLines = lines.filter((line) => looksRemote(line.from)).length;
  const isUpload = looksRemote(endpoints.destination);
  const { source, destination } = endpoints.inputs;
  if (isUpload && remoteLines > 0)
    fault(source, `source and destination are both URLs. One side must be local: this action moves files between the runner and a server.`);
  else if (isUpload) return uploadOf(endpoints, lines, world, fault);
  else if (remoteLines === lines.length) return downloadOf(endpoints, lines, world, fault);
  else if (remoteLines > 0) fault(source, "some lines are URLs and some are local paths. Use one step for uploads and one for downloads.");
  else {
    const scp = looksLikeScp(endpoints.destination) || lines.some((line) => looksLikeScp(line.from));
    const hint = scp ? " For user@host:/path write sftp://user@host/path." : "";
    fault(destination, `neither source nor destination is a URL. One of them must be, such as sftp://host/directory/.${hint}`);
  }
  return null;
}
function lineOf(line, world) {
  const arrow = ARROW.exec(line);
  if (arrow?.[1] === void 0 || arrow[2] === void 0 || world.localKind(line) === "file") return { from: line, to: null };
  return { from: arrow[1], to: arrow[2] };
}
function targetBelow(typed, name, input, world, fault) {
  const to = world.windows ? typed.replaceAll("\\", "/") : typed;
  const whole = to.endsWith("/") ? to + name : to;
  const segments = whole.split("/").filter((segment, i) => segment !== "." && (segment !== "" || i === 0));
  if (hasControl(whole)) fault(input, "the target after => holds a control character.");
  else if (segments.includes("..") || segments[0] === "" || segments.length === 0)
    fault(input, `the target ${quoted(to)} after => must be a path below the destination, without '..' and without a slash in front.`);
  else return segments;
  return null;
}
function uploadOf(endpoints, lines, world, fault) {
  const { source, destination } = endpoints.inputs;
  const typed = parseTypedUrl(endpoints.destination, destination, fault);
  for (const line of lines) checkLocalSource(line.from, source, world, fault);
  if (typed === null) return null;
  const isDirectory = lines.length > 1 || lines.some((line) => line.to !== null) || namesDirectory(typed.url);
  const entries = [];
  for (const { from, to } of lines) {
    const name = pathModule(world).basename(from);
    const below = to === null ? [name] : targetBelow(to, name, source, world, fault);
    if (below === null) continue;
    entries.push({ localPath: from, url: isDirectory ? urlBelow(typed.url, below) : typed.url, displayName: from });
  }
  rejectTwins(
    entries,
    (entry) => entry.url.href,
    (entry) => displayUrl(entry.url),
    source,
    fault
  );
  return { direction: "upload", entries: withDisplayNames(entries, (entry) => pathModule(world).basename(entry.localPath)), typed: [typed] };
}
function namesDirectory(url) {
  return url.pathname === "" || url.pathname.endsWith("/") || url.pathname === "/~";
}
function urlBelow(directory, segments) {
  const url = new URL(directory);
  const base = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`;
  url.pathname = base + segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join("/");
  return url;
}
function checkLocalSource(path, input, world, fault) {
  const later = "directories and globs come in a later release. Name single files, one per line.";
  const kind = world.localKind(path);
  if (hasControl(path)) fault(input, "a path holds a control character.");
  else if (kind === "directory") fault(input, `${quoted(path)} is a directory; ${later}`);
  else if (kind === "other") fault(input, `${quoted(path)} is no plain file.`);
  else if (kind === "missing" && /[*?[]/.test(path)) fault(input, `no file has exactly the name ${quoted(path)}; ${later}`);
  else if (kind === "missing" && path.startsWith("~/")) fault(input, `${quoted(path)}: ~ is not expanded. Write the whole path.`);
}
function downloadOf(endpoints, lines, world, fault) {
  const { source, destination } = endpoints.inputs;
  const local = endpoints.destination;
  const isDirectory = checkLocalDestination(local, lines, destination, world, fault);
  const entries = [];
  const typed = [];
  for (const { from, to } of lines) {
    const parsed = parseTypedUrl(from, source, fault);
    if (parsed === null) continue;
    typed.push(parsed);
    const name = nameIn(parsed.url);
    if (name === "") fault(source, `${quoted(displayUrl(parsed.url))} ends in / and names no file; directories come in a later release.`);
    const below = to === null ? [name] : targetBelow(to, name, source, world, fault);
    if (below === null) continue;
    if (isDirectory && (to === null || to.endsWith("/"))) checkName(name, true, source, world, fault);
    for (const segment of to === null ? [] : below) if (segment !== name) checkName(segment, false, source, world, fault);
    entries.push({ localPath: isDirectory ? pathModule(world).join(local, ...below) : local, url: parsed.url, displayName: "" });
  }
  rejectTwins(
    entries,
    (entry) => localKey(entry.localPath, world),
    (entry) => entry.localPath,
    source,
    fault
  );
  return { direction: "download", entries: withDisplayNames(entries, (entry) => pathModule(world).basename(entry.localPath)), typed };
}
function checkLocalDestination(path, lines, input, world, fault) {
  const kind = world.localKind(path);
  const isMany = lines.length > 1 || lines.some((line) => line.to !== null);
  if (hasControl(path)) fault(input, "the path holds a control character.");
  else if (isMany && kind === "file") fault(input, `${quoted(path)} is a file, but several files are to go into it.`);
  else if (path.startsWith("~/") && world.localKind("~") !== "directory") fault(input, "~ is not expanded. Write the whole path.");
  return isMany || kind === "directory" || path.endsWith("/") || world.windows && path.endsWith("\\");
}
function nameIn(url) {
  return decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1));
}
var WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
function checkName(name, isFromUrl, input, world, fault) {
  const escapes = isFromUrl && (name === "." || name === ".." || name.includes("/") || name.includes("\\"));
  const unfit = world.windows && (/[<>:"|?*]|[. ]$/.test(name) || WINDOWS_DEVICE.test(name));
  if (escapes || unfit) fault(input, `${quoted(name)} cannot be a local file name. Give one: URL => name.`);
}
function localKey(localPath, world) {
  const resolved = pathModule(world).resolve(world.workingDirectory, localPath);
  return world.windows ? resolved.toLowerCase() : resolved;
}
function pathModule(world) {
  return world.windows ? win32 : posix;
}
function rejectTwins(entries, key, shown, input, fault) {
  const seen = /* @__PURE__ */ new Set();
  for (const entry of entries) {
    if (seen.has(key(entry))) fault(input, `two lines have the same target ${quoted(shown(entry))}. Tell them apart with source => target.`);
    seen.add(key(entry));
  }
}
function withDisplayNames(entries, name) {
  const counts = /* @__PURE__ */ new Map();
  for (const entry of entries) counts.set(name(entry), (counts.get(name(entry)) ?? 0) + 1);
  return entries.map((entry) => {
    const own2 = name(entry);
    return { ...entry, displayName: counts.get(own2) === 1 && own2 !== "" ? own2 : entry.localPath };
  });
}

// src/action/inputs.ts
function inputsFromEnvironment(environment) {
  const inputs = /* @__PURE__ */ new Map();
  for (const [key, value] of Object.entries(environment))
    if (/^INPUT_./i.test(key) && value !== void 0) inputs.set(key.slice("INPUT_".length).toLowerCase(), value);
  return inputs;
}
function unknownInputs(inputs) {
  const lines = [];
  for (const [name, value] of inputs) {
    const nothing = NOT_BUILT.get(name);
    if (INPUT_NAMES.includes(name)) continue;
    if (nothing === void 0) lines.push(`${quoted(name)}: there is no such input.${suggestion(name)}`);
    else if (value.trim() !== "" && value.trim() !== nothing) lines.push(`${name}: is not in this release. Leave it out.`);
  }
  return lines;
}
function suggestion(name) {
  const foreign = FOREIGN_NAMES[name.replaceAll("_", "-")];
  return foreign === void 0 ? didYouMean(name, [...INPUT_NAMES, ...NOT_BUILT.keys()]) : ` Did you mean '${foreign}'?`;
}
var TIMEOUT_MIN_MS = 1e3;
var TIMEOUT_MAX_MS = 36e5;
var RETRIES_MAX = 1e3;
function parseInputs(raw, world) {
  const reader = createInputReader(raw);
  reader.faults.push(...unknownInputs(raw));
  const endpoints = endpointsOf(reader);
  const endings = endpoints === null ? null : entriesOf(endpoints, world, reader.fault);
  const job = {
    direction: endings?.direction ?? "upload",
    entries: endings?.entries ?? [],
    credentials: credentialsOf(reader, endings?.typed ?? [], endpoints?.tlsVerify ?? true),
    policy: {
      resume: reader.choice("resume", ["auto", "never"]),
      verify: reader.choice("verify", ["auto", "full", "size"]),
      onChange: reader.choice("on-change", ["restart", "fail"]),
      publishWithoutRename: reader.choice("publish-without-rename", ["auto", "always", "never"]),
      serverDigests: reader.choice("server-digests", ["auto", "never"]),
      checksum: checksumOf(reader, endings?.direction ?? "download", endings?.entries.length ?? 1)
    },
    pace: {
      timeoutMs: reader.durationMs("timeout", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS),
      retries: reader.integer("retries", 0, RETRIES_MAX) ?? 0
    },
    state: stateOf(reader),
    logLevel: reader.choice("log-level", ["minimal", "standard", "verbose"]),
    summary: reader.flag("summary"),
    matrix: reader.text("matrix") ?? "",
    warnings: reader.warnings
  };
  if (reader.faults.length > 0) throw new TransferError("invalid-input", reader.faults.join("\n"));
  return job;
}
var DIGESTS = { 256: "sha256", 512: "sha512" };
function checksumOf(reader, direction, files) {
  const text = reader.text("checksum");
  if (text === void 0) return null;
  if (direction === "upload") {
    reader.fault("checksum", "is for downloads. Leave it out of an upload.");
    return null;
  }
  if (looksRemote(text)) return sumsFile(text, reader);
  const [, label, hex = ""] = /^(?:sha-?(256|512)\s*[:=]\s*|)([0-9a-f]+)$/i.exec(text) ?? [];
  const bits = label ?? Object.keys(DIGESTS).find((known) => hex.length * 4 === Number(known));
  if (bits !== "256" && bits !== "512") {
    reader.fault("checksum", `${quoted(text)} is neither sha256:<hex>, sha512:<hex> nor the https URL of a SHA256SUMS file.`);
    return null;
  }
  const algorithm = DIGESTS[bits];
  if (hex.length * 4 !== Number(bits))
    reader.fault("checksum", `a ${algorithm} digest has ${Number(bits) / 4} hex digits, this one has ${hex.length}.`);
  if (files > 1) reader.fault("checksum", "one digest cannot be that of several files. Give the URL of a SHA256SUMS file.");
  return { kind: "digest", algorithm, hex: hex.toLowerCase() };
}
function sumsFile(text, reader) {
  const typed = parseTypedUrl(text, "checksum", reader.fault);
  if (typed === null) return null;
  if (typed.url.protocol !== "https:") reader.fault("checksum", "the URL of a SHA256SUMS file must be https.");
  if (typed.username !== void 0 || typed.password !== void 0) reader.fault("checksum", "the URL must not hold user name or password.");
  return { kind: "sums", url: typed.url };
}
var STATE_KINDS = ["auto", "cache", "tool-cache", "none"];
var STATE_NAME_MAX = 100;
function stateOf(reader) {
  const place = reader.text("state") ?? "auto";
  const name = reader.text("state-name") ?? "";
  if (hasControl(name) || name.length > STATE_NAME_MAX)
    reader.fault("state-name", `must be one line of at most ${STATE_NAME_MAX} characters.`);
  const kind = STATE_KINDS.find((candidate) => candidate === place.toLowerCase());
  if (kind !== void 0) return { kind, name };
  if (hasControl(place) || looksRemote(place)) reader.fault("state", `${quoted(place)} is not a local directory.`);
  else if (!/^\.|[/\\]/.test(place))
    reader.fault(
      "state",
      `${quoted(place)} is none of ${STATE_KINDS.join(", ")}.${didYouMean(place, STATE_KINDS)} For a directory write ./${place}.`
    );
  return { kind: "directory", directory: place, name };
}

// src/action/secrets.ts
var URL_INPUTS = ["source", "destination", "checksum", "server"];
var SECRET_PARAMETER = /sig(?!nedheaders)|token|key|secret|pass|credential|auth/i;
var PEM_FRAME = /^-----(BEGIN|END) [A-Z0-9 ]+-----$/;
function userinfoIn(word) {
  const start = word.indexOf("//") + 2;
  return start < 2 ? "" : word.slice(start, Math.max(start, word.lastIndexOf("@")));
}
function inUrl(word) {
  const secrets = [];
  const userinfo = userinfoIn(word);
  const cut = userinfo.indexOf(":");
  const password = userinfo.slice(cut + 1);
  if (cut >= 0) for (const text of [password, decoded(password)]) secrets.push({ text, username: decoded(userinfo.slice(0, cut)) });
  const query = /\?([^#]+)/.exec(word)?.[1] ?? "";
  for (const pair of query.split("&")) {
    const [[name, value] = ["", ""]] = new URLSearchParams(pair);
    if (!SECRET_PARAMETER.test(name) || value === "") continue;
    for (const text of [value, pair.slice(pair.indexOf("=") + 1)]) secrets.push({ text: /credential/i.test(name) ? keyId(text) : text });
  }
  return secrets;
}
function keyId(credential) {
  return credential.split(/\/|%2f/i, 1)[0] ?? "";
}
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
function secretsOf(inputs) {
  const username = inputs.get("username")?.trim() ?? "";
  const secrets = [];
  for (const row of INPUT_ROWS) {
    const text = inputs.get(row.name);
    if (row.secret === void 0 || text === void 0 || text.trim() === "") continue;
    if (row.name === "headers") secrets.push(...text.split(/\r?\n/).flatMap(inHeader));
    else for (const one of [text, text.trim()]) secrets.push({ text: one, username });
  }
  const urls = URL_INPUTS.flatMap((name) => (inputs.get(name) ?? "").split(/\s+/).flatMap(inUrl));
  return [...secrets, ...urls];
}
function inHeader(line) {
  const value = line.slice(line.indexOf(":") + 1).trim();
  const word = value.slice(value.indexOf(" ") + 1).trim();
  const pair = /^basic\s/i.test(value) ? Buffer.from(word, "base64").toString() : "";
  const username = pair.slice(0, Math.max(0, pair.indexOf(":")));
  return [{ text: value }, { text: word }, { text: pair.slice(pair.indexOf(":") + 1), username }].filter(({ text }) => text !== "");
}
function asUserinfo(text) {
  const url = new URL("sftp://host");
  url.password = text;
  return url.password;
}
function secretFormsOf(inputs) {
  const forms = /* @__PURE__ */ new Set();
  for (const { text, username } of secretsOf(inputs)) {
    const once = decoded(text);
    for (const variant of /* @__PURE__ */ new Set([text, once])) {
      const given = secretForms(variant, username);
      for (const form of given) forms.add(form);
      if (given.length > 0 && variant.trim().length >= 4) for (const form of [asUserinfo(variant), printable(variant)]) forms.add(form);
    }
  }
  return [...forms].filter((form) => form.trim().length >= 4 && !PEM_FRAME.test(form));
}

// src/action/host.ts
var LINES_MAX = 40;
var LINE_LENGTH_MAX = 2e3;
var ANNOTATION_LENGTH_MAX = 4e3;
function createHost(sink, world) {
  const proxies = proxySecrets(world.environment);
  const forms = [...secretFormsOf(world.inputs), ...proxies.flatMap(({ text, username }) => secretForms(text, username))];
  for (const form of forms) if (!/[\r\n]/.test(form)) sink.mask(form);
  const redact = redactor([...secretsOf(world.inputs), ...proxies]);
  const safe = (text, lengthMax = LINE_LENGTH_MAX) => redact(printable(redact(text), lengthMax));
  const isOpen = (name) => OUTPUT_ROWS.find((row) => row.name === name)?.open === true;
  let stateIsLost = false;
  const host = {
    kind: sink.kind,
    inputs: world.inputs,
    environment: world.environment,
    setOutput: (name, value) => {
      try {
        sink.output(name, isOpen(name) ? redact(value) : value);
      } catch (error) {
        throw lostOutputs(error, world.environment.GITHUB_OUTPUT ?? "");
      }
    },
    saveState: (name, value) => {
      try {
        sink.saveState(name, value);
      } catch (error) {
        if (!stateIsLost) host.warning(`If this step is killed, its post step cannot save anything: ${reasonOf(error)}`);
        stateIsLost = true;
      }
    },
    getState: (name) => sink.getState(name),
    error: (lines) => sink.annotation("error", annotationText(lines.map((line) => safe(line)))),
    warning: (message) => sink.annotation("warning", safe(message)),
    notice: (message) => sink.annotation("notice", safe(message)),
    info: (line) => sink.line(safe(line)),
    debug: (line) => sink.debug(safe(line)),
    startGroup: (title) => sink.startGroup(safe(title, 300)),
    endGroup: () => sink.endGroup(),
    appendSummary: async (markdown) => {
      try {
        await sink.summary(redact(markdown));
      } catch (error) {
        host.warning(`The job summary could not be written: ${reasonOf(error)}`);
      }
    },
    setExitCode: (code) => sink.exitCode(code),
    close: () => sink.close(),
    redact
  };
  return host;
}
function lostOutputs(error, file) {
  const isFull = error instanceof Error && "code" in error && error.code === "ENOSPC";
  const reason = reasonOf(error);
  const named = reason.includes(file) ? reason : `${file}: ${reason}`;
  return new TransferError(isFull ? "no-space" : "refused", `cannot write the outputs: ${named}`, {
    cause: error,
    hint: "Later steps would read empty outputs, so the step fails. Nothing may clear or fill the runner's temporary folder while it runs."
  });
}
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}
function annotationText(lines) {
  const kept = lines.slice(0, LINES_MAX);
  while (kept.length > 1 && kept.join("\n").length > ANNOTATION_LENGTH_MAX) kept.pop();
  const left = lines.length - kept.length;
  return (left === 0 ? kept : [...kept, `… and ${left} more`]).join("\n");
}

export {
  failUntilTold,
  leave,
  VALIDATOR_LENGTH_MAX,
  sameFingerprint,
  identifies,
  fingerprintTag,
  blockSizeFor,
  blockCount,
  contentFingerprint,
  EMPTY,
  rangeSet,
  union,
  subtract,
  intersect,
  missing,
  totalBytes,
  prefixLength,
  containsRange,
  SENDS_MAX,
  unseenHost,
  sameHost,
  SILENCE_MS,
  thisProcess,
  hasEnded,
  encodeIdentity,
  decodeIdentity,
  emptyJournal,
  entryOf,
  withEntry,
  withoutEntry,
  hostOf,
  withHost,
  isWorthKeeping,
  unendedUploads,
  uploadMark,
  withEnded,
  encodeFitting,
  decodeJournal,
  statePlaces,
  finish,
  foundUnended,
  INPUT_ROWS,
  inputRow,
  describeEntry,
  endpointFor,
  inputsFromEnvironment,
  parseInputs,
  createHost
};
