import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  EMPTY,
  SENDS_MAX,
  SILENCE_MS,
  VALIDATOR_LENGTH_MAX,
  blockCount,
  blockSizeFor,
  containsRange,
  contentFingerprint,
  decodeIdentity,
  decodeJournal,
  describeEntry,
  emptyJournal,
  encodeFitting,
  encodeIdentity,
  endpointFor,
  entryOf,
  fingerprintTag,
  foundUnended,
  hasEnded,
  hostOf,
  identifies,
  intersect,
  isWorthKeeping,
  missing,
  parseInputs,
  prefixLength,
  rangeSet,
  sameFingerprint,
  sameHost,
  statePlaces,
  subtract,
  thisProcess,
  totalBytes,
  unendedUploads,
  union,
  unseenHost,
  uploadMark,
  withEnded,
  withEntry,
  withHost,
  withoutEntry
} from "./chunk-ZF722SJ7.js";
import {
  formatBytes,
  formatDuration,
  formatRate
} from "./chunk-JNQCJRQQ.js";
import {
  NAME_SHAPES,
  NONCE_HEX_LENGTH,
  baseName,
  directoryName,
  foldedName,
  joinPath,
  partialName,
  partialParts,
  passingKind,
  passingName,
  scratchName
} from "./chunk-2A4NVA3E.js";
import {
  CHECK_HEX_LENGTH,
  blockCheck
} from "./chunk-S3JFGB2E.js";
import {
  proxiesOf
} from "./chunk-3NB5SF6R.js";
import {
  markdownCode,
  printable
} from "./chunk-L2XN6AKA.js";
import {
  TransferError,
  abortError,
  exitCodeFor,
  publicKind,
  reactionTo,
  throwIfAborted
} from "./chunk-BVY6T2JH.js";

// src/action/clock.ts
var systemClock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => new Promise((resolve3, reject) => {
    if (signal.aborted) return reject(abortError(signal));
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortError(signal));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve3();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  }),
  after: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  }
};

// src/action/deadline.ts
var STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGBREAK"];
function deadline(source) {
  const controller = new AbortController();
  const listeners = STOP_SIGNALS.map((name) => {
    const stop = () => controller.abort(new TransferError("stopped", `stopped by ${name}`));
    source.on(name, stop);
    return { name, stop };
  });
  return {
    signal: controller.signal,
    dispose: () => {
      for (const { name, stop } of listeners) source.off(name, stop);
    }
  };
}

// src/action/heap.ts
import { setFlagsFromString } from "node:v8";
function holdYoungHeap() {
  setFlagsFromString("--semi-space-growth-factor=1");
}

// src/action/progress.ts
var VERBS = {
  hashing: "hashing the source",
  connecting: "connecting",
  comparing: "comparing with what is there",
  verifying: "proving what was kept",
  transferring: "transferring",
  proving: "proving the whole file",
  committing: "putting into place"
};
var SILENCE_MS2 = 1e4;
function phaseText(phase) {
  return VERBS[phase];
}
function createProgressTracker() {
  const files = /* @__PURE__ */ new Map();
  const fresh = (size, nowMs) => ({
    size,
    phase: null,
    phaseStartedMs: nowMs,
    total: null,
    done: 0,
    reused: 0,
    lineMs: nowMs,
    lineMoved: 0,
    movedAtMs: nowMs
  });
  return {
    names: () => [...files.keys()],
    take(event, nowMs) {
      if (event.kind === "started") files.set(event.name, fresh(event.size, nowMs));
      else if (event.kind === "finished") files.delete(event.name);
      const file = files.get(event.name);
      if (file === void 0) return;
      if (event.kind === "phase") files.set(event.name, { ...fresh(file.size, nowMs), phase: event.phase, total: event.total });
      if (event.kind !== "progress") return;
      const hasMoved = event.done - event.reused !== file.done - file.reused;
      files.set(event.name, { ...file, done: event.done, reused: event.reused, movedAtMs: hasMoved ? nowMs : file.movedAtMs });
    },
    line(name, nowMs, mark) {
      const file = files.get(name);
      if (file === void 0 || file.phase === null) return null;
      if (mark) files.set(name, { ...file, lineMs: nowMs, lineMoved: file.done - file.reused });
      return lineOf(file, file.phase, nowMs);
    }
  };
}
function lineOf(file, phase, nowMs) {
  const spent = nowMs - file.phaseStartedMs;
  if (file.done === 0 && file.total === null) return `${VERBS[phase]} … ${formatDuration(spent)}`;
  const moved = file.done - file.reused;
  const parts = [
    file.total === null ? formatBytes(file.done) : `${formatBytes(file.done)} of ${formatBytes(file.total)} (${share(file.done, file.total)})`,
    formatRate(Math.max(0, moved - file.lineMoved), nowMs - file.lineMs),
    ...file.total === null ? [] : etaOf(file.total - file.done, moved, spent),
    ...file.reused === 0 ? [] : [`${formatBytes(file.reused)} reused`],
    ...nowMs - file.movedAtMs < SILENCE_MS2 ? [] : [`no byte for ${formatDuration(nowMs - file.movedAtMs)}`]
  ];
  return `${VERBS[phase]}: ${parts.join(", ")}`;
}
function etaOf(left, moved, spentMs) {
  return left <= 0 || moved <= 0 || spentMs <= 0 ? [] : [`${formatDuration(left / moved * spentMs)} left`];
}
function share(part, whole) {
  return `${whole <= 0 ? 100 : Math.min(100, Math.floor(part * 100 / whole))} %`;
}

// src/action/reporter.ts
var HEARTBEAT_MS = 1e4;
function createReporter(lines, clock, options) {
  const tracker = createProgressTracker();
  const warnings = /* @__PURE__ */ new Set();
  let openGroup = null;
  let stopHeartbeat = null;
  const isMinimal = options.level === "minimal";
  const say = (name, text) => lines.info(name !== "" && tracker.names().length > 1 ? `${name}: ${text}` : text);
  const beat = () => {
    for (const name of tracker.names()) {
      const text = tracker.line(name, clock.nowMs(), true);
      if (text !== null) say(name, text);
    }
    stopHeartbeat = clock.after(HEARTBEAT_MS, beat);
  };
  const closeGroup = () => {
    if (openGroup !== null) lines.endGroup();
    openGroup = null;
  };
  const started = (name, size) => {
    if (openGroup === null && !isMinimal) {
      lines.startGroup(size === null ? name : `${name} (${formatBytes(size)})`);
      openGroup = name;
    }
    if (stopHeartbeat === null && options.heartbeat && !isMinimal) stopHeartbeat = clock.after(HEARTBEAT_MS, beat);
  };
  const finished = (name, result) => {
    if (tracker.names().length === 0) {
      stopHeartbeat?.();
      stopHeartbeat = null;
    }
    if (openGroup === name || tracker.names().length === 0) closeGroup();
    lines.info(resultLine(result));
  };
  const warn = (name, message) => {
    if (warnings.has(message)) return;
    warnings.add(message);
    lines.warning(name === "" ? message : `${name}: ${message}`);
  };
  const report = (event) => {
    tracker.take(event, clock.nowMs());
    if (event.kind === "started") started(event.name, event.size);
    else if (event.kind === "finished") finished(event.name, event.result);
    else if (event.kind === "warning") warn(event.name, event.message);
    else if (event.kind === "retrying") say(event.name, retryLine(event));
    else if (isMinimal || event.kind === "progress") return;
    else if (event.kind === "planned") say(event.name, event.decision);
    else if (event.kind === "note") say(event.name, event.message);
    else if (options.level === "verbose") say(event.name, phaseText(event.phase));
  };
  return {
    report,
    warnings: () => [...warnings],
    close: () => {
      stopHeartbeat?.();
      stopHeartbeat = null;
      closeGroup();
    }
  };
}
function retryLine(event) {
  return `${event.message}; trying again in ${formatDuration(event.delayMs)} (${event.failuresLeft} more without progress before giving up)`;
}
function resultLine(result) {
  const kept = result.bytesReused === 0 ? "" : `, ${formatBytes(result.bytesReused)} kept from before`;
  const moved = `${formatBytes(result.bytesTransferred)} in ${formatDuration(result.durationMs)}`;
  const rate2 = result.bytesTransferred === 0 ? "" : ` (${formatRate(result.bytesTransferred, result.durationMs)})`;
  if (result.status === "unchanged") return `${result.name}: unchanged, ${proofText(result)}`;
  if (result.status === "complete") return `${result.name}: complete, ${moved}${rate2}${kept}, ${proofText(result)}`;
  const failure = result.failure === void 0 ? "" : `: ${result.failure.message}`;
  return `${result.name}: ${result.status} after ${moved}${kept}${failure}`;
}
function proofText(result) {
  if (result.proof === null) return "not proven";
  return `proven by ${result.proof}${result.proofDetail === null ? "" : ` (${result.proofDetail})`}`;
}

// src/action/run.ts
import { randomBytes as randomBytes5 } from "node:crypto";
import { resolve as resolve2 } from "node:path";

// src/engine/assembler.ts
var WRITES_AHEAD = 4;
var BlockAssembler = class {
  partial;
  blockSize;
  check;
  written;
  spare = [];
  writing = /* @__PURE__ */ new Set();
  block;
  filled = 0;
  at;
  failure = null;
  constructor(partial, blockSize, check, start, written) {
    this.check = check;
    this.partial = partial;
    this.blockSize = blockSize;
    this.at = start;
    this.written = written;
    this.block = new Uint8Array(blockSize);
  }
  /** Bytes taken so far, from the start of the segment. */
  get position() {
    return this.at + this.filled;
  }
  push(chunk) {
    let rest = chunk;
    while (rest.length > 0) {
      const piece = rest.subarray(0, this.blockSize - this.filled);
      this.block.set(piece, this.filled);
      this.filled += piece.length;
      rest = rest.subarray(piece.length);
      if (this.filled === this.blockSize) this.write();
    }
    if (this.failure !== null) throw this.failure.error;
    if (this.writing.size > WRITES_AHEAD) return this.settle();
  }
  /** Writes what is left of the last block and waits for everything. */
  async finish() {
    if (this.filled > 0) this.write();
    await this.drain();
    if (this.failure !== null) throw this.failure.error;
  }
  /** Waits for the writes under way and drops the incomplete block. Never rejects. */
  async drain() {
    await Promise.all(this.writing);
  }
  async settle() {
    while (this.writing.size > WRITES_AHEAD) await Promise.race(this.writing);
    if (this.failure !== null) throw this.failure.error;
  }
  write() {
    const block = this.block;
    const bytes = block.subarray(0, this.filled);
    const range = { start: this.at, end: this.at + this.filled };
    this.at = range.end;
    this.filled = 0;
    this.block = this.spare.pop() ?? new Uint8Array(this.blockSize);
    const check = this.check(bytes);
    const job = this.partial.write(range.start, bytes).then(() => this.written({ index: Math.floor(range.start / this.blockSize), range, check })).catch((error) => {
      this.failure ??= { error };
    }).finally(() => {
      this.spare.push(block);
      this.writing.delete(job);
    });
    this.writing.add(job);
  }
};

// src/engine/download-keep.ts
import { createHash } from "node:crypto";

// src/engine/plan.ts
function candidates(facts, hinted) {
  if (facts.resume === "never" || facts.partialSize === null || facts.resumer === null) return EMPTY;
  if (facts.partialSize > facts.size && facts.resumer !== "positional") return EMPTY;
  const present2 = rangeSet([{ start: 0, end: Math.min(facts.partialSize, facts.size) }]);
  return hinted === null ? present2 : intersect(hinted, present2);
}
function planUpload(facts, proven) {
  const { size, partialSize } = facts;
  const start = (reason) => ({ kind: "start", reason, segments: rangeSet([{ start: 0, end: size }]) });
  if (facts.resume === "never") return start("resume-off");
  if (partialSize === null) return start(facts.untold === true ? "not-told" : "nothing-there");
  if (facts.resumer === null) return start("server-cannot-resume");
  if (facts.resumer === "positional") {
    const kept2 = totalBytes(proven);
    if (kept2 === 0 && size > 0) return start("nothing-proven");
    return { kind: "fill", kept: kept2, truncateTo: partialSize > size ? size : null, segments: missing(proven, size) };
  }
  if (partialSize > size) return start("partial-too-long");
  const kept = prefixLength(proven);
  const segments = rangeSet([{ start: kept, end: size }]);
  if (kept === partialSize) return kept === 0 && size > 0 ? start("nothing-proven") : { kind: "append", kept, segments };
  if (kept === 0) return start("nothing-proven");
  return facts.resumer === "rewind" ? { kind: "rewind", kept, segments } : start("cannot-rewind");
}
function planBeside({ size, partialSize }, worth) {
  const truncateTo = partialSize !== null && partialSize > size ? size : null;
  return { kind: "beside", unproven: worth, truncateTo, segments: missing(worth, size) };
}
function planAnew({ size }) {
  return { kind: "start", reason: "sending-is-faster", segments: rangeSet([{ start: 0, end: size }]) };
}
function salvageable(old, oldPartialSize, now) {
  const { blockSize, size } = now;
  if (old.source.strength !== "content" || old.checkKey !== null || old.blockSize !== blockSize) return EMPTY;
  const same = [];
  for (const [i, block] of now.blocks.entries()) {
    const range = { start: i * blockSize, end: Math.min((i + 1) * blockSize, size) };
    const oldEnd = Math.min((i + 1) * blockSize, old.source.size);
    if (block === old.blocks[i] && oldEnd === range.end && range.end <= oldPartialSize) same.push(range);
  }
  return rangeSet(same);
}
function keepableBlocks(entry, source, blockSize, partialSize) {
  if (entry === null || entry.checkKey === null || entry.blockSize !== blockSize || !sameFingerprint(entry.source, source)) return [];
  return entry.blocks.flatMap((check, index) => {
    const range = { start: index * blockSize, end: Math.min((index + 1) * blockSize, source.size) };
    const stored = containsRange(entry.acknowledged, range) && range.end <= partialSize;
    return check !== null && stored ? [{ index, range, check }] : [];
  });
}
function downloadStart({ resume, rangesWork, source, partialSize, entry }) {
  if (resume === "never") return "resume is off";
  if (partialSize === 0) return "nothing was fetched before";
  if (source === null || !identifies(source)) return "the server does not tell which version of the file it has";
  if (!rangesWork) return "this server cannot continue a file";
  if (entry === null || entry.checkKey === null) return "the journal of the earlier run is gone, and only it knows what the partial holds";
  if (!sameFingerprint(entry.source, source)) return "what was fetched before is of another version";
  return "the blocks that were fetched before are damaged";
}
function describePlan(plan, format) {
  switch (plan.kind) {
    case "start":
      return START_TEXT[plan.reason];
    case "append":
    case "rewind":
      return `continuing at ${format(plan.kept)}, ${format(totalBytes(plan.segments))} to go`;
    case "fill":
      return `continuing with ${format(plan.kept)} in place, ${format(totalBytes(plan.segments))} to go`;
    case "beside":
      return `continuing: ${format(totalBytes(plan.segments))} to go, while the ${format(totalBytes(plan.unproven))} in place are proven`;
    default:
      return plan;
  }
}
var START_TEXT = {
  "nothing-there": "starting from the beginning: nothing was sent before",
  "not-told": "starting from the beginning: the server does not tell what it has",
  "resume-off": "starting from the beginning: resume is off",
  "server-cannot-resume": "starting from the beginning: this server cannot continue a file",
  "nothing-proven": "starting from the beginning: nothing of the partial could be proven to be this source",
  "partial-too-long": "starting from the beginning: the partial is longer than the source",
  "cannot-rewind": "starting from the beginning: the partial is damaged and this server only appends",
  "sending-is-faster": "starting from the beginning: reading back what is there would take longer than sending it"
};

// src/engine/download-keep.ts
var SAMPLE_BYTES = 64 * 1024;
var PLACES_BY_CHANCE = 3;
async function keepProven(session, remote, partial, signal) {
  const { fingerprint } = session;
  const resumable = fingerprint !== null && identifies(fingerprint) && session.rangesWork && session.policy.resume === "auto";
  const { policy, rangesWork, ports, job } = session;
  const size = await partial.size();
  const facts = { resume: policy.resume, rangesWork, source: fingerprint, partialSize: size, entry: ports.recorder.entry(job.key) };
  if (!resumable) session.acknowledged = EMPTY;
  else if (!session.decided || session.doubtful) session.acknowledged = await intactBlocks(session, partial, fingerprint, signal);
  session.doubtful = false;
  const kept = totalBytes(session.acknowledged);
  if (kept === 0 && size > 0) await partial.truncate(0);
  else if (fingerprint !== null && size > fingerprint.size) await partial.truncate(fingerprint.size);
  if (kept > 0 && fingerprint !== null) await compareSamples(session, remote, partial, fingerprint, session.acknowledged, signal);
  session.advance(kept);
  if (session.decided) return;
  session.decided = true;
  session.resumedFrom = kept;
  const toGo = (fingerprint?.size ?? 0) - kept;
  session.planned(
    kept > 0 ? `continuing with ${formatBytes(kept)} in place, ${formatBytes(toGo)} to go` : `starting from the beginning: ${downloadStart(facts)}`
  );
}
async function intactBlocks(session, file, fingerprint, signal) {
  const blockSize = session.ports.blockSize(fingerprint.size);
  const blocks = keepableBlocks(session.ports.recorder.entry(session.job.key), fingerprint, blockSize, await file.size());
  if (blocks.length > 0) session.phase("verifying", blocks.length * blockSize);
  const intact = [];
  const block = new Uint8Array(blockSize);
  for (const { index, range, check } of blocks) {
    let filled = 0;
    const take3 = (chunk) => {
      block.set(chunk, filled);
      filled += chunk.length;
    };
    await file.read(range, take3, signal);
    if (session.check(block.subarray(0, filled)) !== check) continue;
    session.blocks[index] = check;
    intact.push(range);
    session.progress(range.end);
  }
  return rangeSet(intact);
}
async function compareSamples(session, remote, file, fingerprint, kept, signal) {
  const { random } = session.ports;
  const bytes = Math.min(SAMPLE_BYTES, session.ports.blockSize(fingerprint.size));
  for (const place of samplePlaces(kept, bytes, random)) {
    const ours = createHash("sha256");
    const theirs = createHash("sha256");
    await file.read(place, (chunk) => void ours.update(chunk), signal);
    await session.readAgain(remote, place, (chunk) => void theirs.update(chunk), signal);
    if (ours.digest("hex") === theirs.digest("hex")) continue;
    throw new TransferError("source-changed", `bytes ${place.start} to ${place.end} differ from what is kept`);
  }
}
function samplePlaces(kept, bytes, random) {
  const first = kept[0];
  const last = kept.at(-1);
  if (first === void 0 || last === void 0) return EMPTY;
  const places = [
    { start: first.start, end: Math.min(first.end, first.start + bytes) },
    { start: Math.max(last.start, last.end - bytes), end: last.end }
  ];
  for (let i = 0; i < PLACES_BY_CHANCE; i += 1) {
    let at = Math.floor(random() * totalBytes(kept));
    for (const range of kept) {
      const length = range.end - range.start;
      if (at < length) {
        const start = range.start + Math.max(0, Math.min(at, length - bytes));
        places.push({ start, end: Math.min(range.end, start + bytes) });
        break;
      }
      at -= length;
    }
  }
  return rangeSet(places);
}

// src/engine/download-proof.ts
import { createHash as createHash2 } from "node:crypto";
async function provenAsGiven(session, file, signal) {
  const { checksum } = session.job;
  if (checksum === null) return null;
  session.phase("proving", session.size ?? 0);
  const ours = await file.digest(checksum.algorithm, signal);
  if (ours !== checksum.hex) return null;
  const digest = checksum.algorithm === "sha256" ? ours : await file.digest("sha256", signal);
  return { status: "complete", proof: "digest", proofDetail: `${checksum.algorithm} as given`, digest: `sha256:${digest}` };
}
async function proveDownload(session, remote, file, signal) {
  const { checksum } = session.job;
  const { verify } = session.policy;
  const size = session.size ?? 0;
  const proven = async (proof, proofDetail) => {
    return { status: "complete", proof, proofDetail, digest: `sha256:${await file.digest("sha256", signal)}` };
  };
  if (checksum !== null) {
    const given2 = await provenAsGiven(session, file, signal);
    if (given2 !== null) return given2;
    const ours = await file.digest(checksum.algorithm, signal);
    return mismatch(session, `${checksum.algorithm} of the downloaded file is ${ours}, expected ${checksum.hex}`, ours);
  }
  const bySize = () => session.untoldSource ? proven("acknowledged", "read to its end, not looked at") : proven("size", "size");
  if (verify === "size" || size === 0 && session.fingerprint !== null) return bySize();
  const { digester } = remote;
  if (digester !== void 0 && !(verify === "full" && digester.algorithm === "crc32")) {
    session.phase("proving", size);
    const theirs = await session.serverDigest(remote, size, signal);
    if (theirs !== null) {
      const ours = await file.digest(digester.algorithm, signal);
      if (theirs === ours) return proven("digest", `${digester.algorithm} by the server`);
      return mismatch(session, `${digester.algorithm} of the downloaded file differs from the server's`, ours);
    }
  }
  if (verify === "auto") return bySize();
  session.phase("proving", size);
  const again = createHash2("sha256");
  let done = 0;
  const sink = (chunk) => {
    again.update(chunk);
    done += chunk.length;
    session.progress(done);
  };
  const end = session.fingerprint === null ? Number.POSITIVE_INFINITY : size;
  await session.readAgain(remote, { start: 0, end }, sink, signal);
  if (again.digest("hex") === await file.digest("sha256", signal)) return proven("read-back", "read a second time and compared");
  return mismatch(session, "reading the file a second time gave other bytes", null);
}
async function mismatch(session, message, ours) {
  await session.discard();
  if (ours !== null && session.isWrongAgain(ours)) {
    session.settled = true;
    throw new TransferError("integrity", `${message}; fetched twice, with the same bytes`, {
      hint: "Compare the digest that was given: it may belong to another version. Nothing was published under the final name."
    });
  }
  throw new TransferError("integrity", message, { hint: "Nothing was published under the final name." });
}

// src/engine/exchange.ts
var TRICKLE_BYTES = 4096;
var LAST_WORD_MS = 12e4;
var LAST_WORD_BYTES_PER_MS = 2e4;
var LEAVE_MS = 2e3;
function lastWordMs(bytes) {
  return LAST_WORD_MS + Math.floor(bytes / LAST_WORD_BYTES_PER_MS);
}
async function watched(options, signal, run2) {
  throwIfAborted(signal);
  const controller = new AbortController();
  const left = Promise.withResolvers();
  let moved = 0;
  let confirmed = 0;
  let seen = 0;
  let cancel = () => {
  };
  const end = (error) => {
    cancel();
    controller.abort(error);
    cancel = options.clock.after(LEAVE_MS, () => left.reject(error));
  };
  const onAbort = () => end(abortError(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  const look2 = (ms, isSecond) => {
    const alive = moved + confirmed;
    const finishing = moved >= options.bytes && alive > seen;
    if (alive - seen >= TRICKLE_BYTES || finishing) {
      seen = alive;
      arm();
    } else if (isSecond) {
      end(new TransferError("transient", `no progress for ${Math.round(ms / 1e3)} s while ${options.what}`));
    } else {
      cancel = options.clock.after(0, () => look2(ms, true));
    }
  };
  const arm = () => {
    const complete2 = moved >= options.bytes;
    const ms = options.timeoutMs + (options.allowanceMs ?? 0) + (complete2 && options.bytes > 0 ? lastWordMs(options.bytes) : 0);
    cancel = options.clock.after(ms, () => look2(ms, false));
  };
  arm();
  try {
    const exchange2 = run2(controller.signal, {
      moved: (total) => {
        moved = Math.max(moved, total);
      },
      confirmed: (total) => {
        confirmed = Math.max(confirmed, total);
      }
    });
    return await Promise.race([exchange2, left.promise]);
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

// src/engine/look.ts
var UNTOLD = ["refused", "denied", "unsupported", "conflict", "protocol", "limit", "no-space", "not-found"];
var OWNER_READS = 256;
function isUntold(error) {
  return error instanceof TransferError && UNTOLD.includes(error.kind);
}
async function lookWith(ask) {
  try {
    const file = await ask();
    return file === null ? { is: "missing" } : { is: "there", file: believed(file) };
  } catch (error) {
    if (!isUntold(error)) throw error;
    return { is: "unknown", why: error };
  }
}
function isMode(mode) {
  return (mode & OWNER_READS) !== 0;
}
function believed(file) {
  const { mode, ...others } = file;
  return mode === void 0 || isMode(mode) ? file : others;
}
function showsFile(look2) {
  return look2.is === "there" && look2.file.kind === "file";
}
function marks({ validator, etag, modifiedAtMs }) {
  return [validator, etag ?? null, modifiedAtMs];
}
function isAsBefore(before, now) {
  const is = marks(now);
  return before.size === now.size && marks(before).every((mark, i) => mark === is[i]);
}
function isMarked(file) {
  return marks(file).some((mark) => mark !== null);
}

// src/core/retry.ts
var FIRST_DELAY_MS = 1e3;
var LONGEST_DELAY_MS = 6e4;
var RETRY_AFTER_MAX_MS = 3e5;
function nextDelayMs(failuresInARow, chance, retryAfterMs) {
  if (retryAfterMs !== void 0 && retryAfterMs > 0) return Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failuresInARow - 1, 10));
  return Math.max(500, Math.floor(ceiling * chance));
}

// src/engine/scheduler.ts
var REPLANS_MAX = 3;
var RESTARTS_MAX = 2;
async function persevere(how, signal, attempt3) {
  let mark = how.progressMark();
  let failures = 0;
  let replans = 0;
  let restarts = 0;
  for (; ; ) {
    try {
      return await attempt3();
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      if (!(error instanceof TransferError) || how.isSettled?.() === true) throw error;
      if (how.progressMark() > mark) {
        mark = how.progressMark();
        failures = 0;
        replans = 0;
      }
      const reaction = reactionTo(error.kind);
      if (reaction === "retry") {
        failures += 1;
        if (failures > how.policy.retries) throw error;
        const delayMs = nextDelayMs(failures, how.random(), error.retryAfterMs);
        how.retrying(error, delayMs, how.policy.retries - failures);
        await how.clock.sleep(delayMs, signal);
      } else if (reaction === "replan") {
        replans += 1;
        if (replans >= REPLANS_MAX) throw error;
        const delayMs = replans === 1 ? 0 : nextDelayMs(replans, how.random(), void 0);
        how.retrying(error, delayMs, REPLANS_MAX - replans);
        if (delayMs > 0) await how.clock.sleep(delayMs, signal);
      } else if (reaction === "restart" && how.restart !== void 0 && restarts < RESTARTS_MAX) {
        restarts += 1;
        await how.restart(error);
        mark = how.progressMark();
        failures = 0;
      } else if (reaction === "downgrade" && how.downgrade(error)) {
      } else {
        throw error;
      }
    }
  }
}

// src/engine/session.ts
var GIVE_WAY_MAX = 5;
var Session = class {
  name;
  policy;
  ports;
  mark = 0;
  givenWay = 0;
  /** The same answer has come twice: asking once more changes nothing. */
  settled = false;
  saidUntold = false;
  constructor(name, policy, ports) {
    this.name = name;
    this.policy = policy;
    this.ports = ports;
  }
  /** Repeats `attempt` as the scheduler decides. */
  persevere(reactions, signal, attempt3) {
    const { clock, random, reporter } = this.ports;
    const how = {
      ...reactions,
      clock,
      random,
      policy: this.policy,
      isSettled: () => this.settled,
      progressMark: () => this.mark + this.givenWay,
      retrying: (error, delayMs, failuresLeft) => reporter.report({ kind: "retrying", name: this.name, message: error.message, delayMs, failuresLeft })
    };
    return persevere(how, signal, attempt3);
  }
  /** An exchange without file bytes, bounded; `allowanceMs` longer where the server works silently. */
  guarded(what, signal, run2, allowanceMs = 0) {
    return watched({ clock: this.ports.clock, timeoutMs: this.policy.timeoutMs * 2, bytes: 0, what, allowanceMs }, signal, run2);
  }
  /** Of a request for which servers over object stores copy all the bytes. The protocol's own patience ends before, with a message that tells more. */
  patient(what, bytes, signal, run2) {
    return this.guarded(what, signal, run2, lastWordMs(bytes));
  }
  /** A refusal to tell is an answer too, and is said once. */
  async look(remote, path, what, signal) {
    const look2 = await lookWith(() => this.guarded(what, signal, (s) => remote.stat(path, s)));
    if (look2.is === "unknown" && !this.saidUntold) {
      this.saidUntold = true;
      this.note(`the server does not tell what it has (${look2.why.message}); going on without knowing`);
    }
    return look2;
  }
  /** So many bytes are proven or acknowledged; more than ever before is progress. */
  advance(bytes) {
    this.mark = Math.max(this.mark, bytes);
  }
  /** Another process got on with this file. That voids the plan of this one and is no disagreement with the server: progress too, but not for ever. */
  giveWay() {
    this.givenWay = Math.min(this.givenWay + 1, GIVE_WAY_MAX);
  }
  /** Another version of the source: what was reached with the old one says nothing. */
  restarted() {
    this.mark = 0;
  }
  phase(phase, total) {
    this.ports.reporter.report({ kind: "phase", name: this.name, phase, total });
  }
  progress(done, reused = 0) {
    this.ports.reporter.report({ kind: "progress", name: this.name, done, reused });
  }
  planned(decision) {
    this.ports.reporter.report({ kind: "planned", name: this.name, decision });
  }
  warning(message) {
    this.ports.reporter.report({ kind: "warning", name: this.name, message });
  }
  note(message) {
    this.ports.reporter.report({ kind: "note", name: this.name, message });
  }
};

// src/engine/download-session.ts
var RECORD_BYTES_MAX = 2 * 1024 * 1024;
var RECORD_SHARE = 1 / 256;
var UNSAVED_BYTES_MAX = 4 * RECORD_BYTES_MAX;
var DIGEST_BYTES_PER_MS = 5e3;
var DownloadSession = class extends Session {
  job;
  receivedBytes = 0;
  /** Bytes kept by the first plan. */
  resumedFrom = 0;
  size = null;
  /** Of the version that the partial belongs to; null before it is known, and when the server does not tell a size. */
  fingerprint = null;
  /** Whole blocks in the partial that were received in this process or found intact. */
  acknowledged = EMPTY;
  blocks = [];
  /** False once this server was found not to start in the middle of a file. */
  rangesWork = true;
  /** The server does not tell what the source is, or did not at the end. */
  untoldSource = false;
  /** Digests of a finished download that were not what they should be. */
  wrongDigest = null;
  /** The plan was made and told. */
  decided = false;
  tag = "";
  /** What became of the file that was under the final name. */
  previous = { kind: "unknown" };
  /** Of one look at it. */
  finalDigests = /* @__PURE__ */ new Map();
  /** What was written in this process may not be what is on the disk any more: its blocks are looked at again. */
  doubtful = false;
  /** Of blocks as they were received; the key lies in this machine's journal, outside the workspace. */
  check = () => "";
  checkKey = "";
  partial = null;
  writtenBytes = 0;
  recordedBytes = 0;
  savedBytes = 0;
  saving = void 0;
  constructor(job, ports) {
    super(job.name, job.policy, ports);
    this.job = job;
  }
  /** From here on the attempt is about this version of the source. */
  begin(fingerprint) {
    this.fingerprint = fingerprint;
    this.tag = fingerprintTag(fingerprint ?? { strength: "hint", size: 0, modifiedAtMs: null, etag: null });
    const count = fingerprint === null ? 0 : blockCount(fingerprint.size, this.ports.blockSize(fingerprint.size));
    this.blocks = new Array(count).fill(null);
    const earlier = this.ports.recorder.entry(this.job.key);
    this.checkKey = earlier?.checkKey ?? this.ports.newKey();
    this.check = blockCheck(this.checkKey);
  }
  async openPartial(fingerprint) {
    if (this.partial !== null) return this.partial;
    this.begin(fingerprint);
    this.partial = await this.job.target.openPartial(this.tag);
    return this.partial;
  }
  /** A partial of a version that nothing identifies can never be continued: it would only lie there, beside the one that can. */
  async end() {
    const isUseless = this.partial !== null && this.fingerprint === null;
    await this.close();
    if (isUseless) await this.job.target.removePartial(this.tag).catch(() => void 0);
  }
  async close() {
    await this.partial?.close();
    this.partial = null;
  }
  /** Gives the finished partial its final name. */
  async publish() {
    const { previous } = this;
    this.previous = { kind: "unknown" };
    await this.partial?.publish();
    this.partial = null;
    this.previous = previous.kind === "none" ? previous : { kind: "replaced" };
  }
  /** Each digest of what the final name holds is made once: the one that is told is the one that was compared. */
  async digestFinal(algorithm, signal) {
    const known = this.finalDigests.get(algorithm);
    if (known !== void 0) return known;
    const digest = await this.job.target.digestFinal(algorithm, signal);
    this.finalDigests.set(algorithm, digest);
    return digest;
  }
  /** Forgets the partial and everything known of it. */
  async discard() {
    await this.close();
    if (this.tag !== "") await this.job.target.removePartial(this.tag);
    this.ports.recorder.forget(this.job.key);
    this.fingerprint = null;
    this.acknowledged = EMPTY;
    this.restarted();
    this.decided = false;
    this.resumedFrom = 0;
  }
  written(block) {
    this.acknowledged = union(this.acknowledged, [block.range]);
    this.blocks[block.index] = block.check;
    this.partial?.settled(prefixLength(this.acknowledged));
    this.advance(totalBytes(this.acknowledged));
    this.writtenBytes += block.range.end - block.range.start;
    if (this.writtenBytes - this.recordedBytes >= Math.min(RECORD_BYTES_MAX, (this.size ?? 0) * RECORD_SHARE)) this.record();
  }
  /** A promise to wait for when the journal lags behind what is received: a busy machine or a slow disk must not make a kill dear. */
  lag() {
    if (this.writtenBytes - this.savedBytes > UNSAVED_BYTES_MAX) return this.saving;
  }
  record() {
    if (this.fingerprint === null) return;
    const { fingerprint: source, acknowledged, writtenBytes } = this;
    this.recordedBytes = writtenBytes;
    const saved = () => {
      this.savedBytes = writtenBytes;
    };
    const entry = {
      key: this.job.key,
      source,
      nonce: null,
      ended: false,
      blockSize: this.ports.blockSize(source.size),
      checkKey: this.checkKey,
      blocks: [...this.blocks],
      acknowledged
    };
    this.saving = this.ports.recorder.record(entry)?.then(saved);
    if (this.saving === void 0) saved();
  }
  /** Resolves when the disk has the last record. */
  async saved() {
    await this.saving;
  }
  read(remote, range, sink, signal) {
    return this.receive(remote, { range, sink, pastCaches: false }, signal);
  }
  /** For comparing with what was read before: a cache on the way would answer with the same copy again, broken or old. */
  readAgain(remote, range, sink, signal) {
    return this.receive(remote, { range, sink, pastCaches: true }, signal);
  }
  receive(remote, { range, sink, pastCaches }, signal) {
    const { fingerprint } = this;
    const options = {
      ...pastCaches ? { pastCaches } : {},
      ...this.job.checksum === null ? {} : { checked: true },
      ...fingerprint === null ? {} : { size: fingerprint.size },
      ...validatorOf(fingerprint)
    };
    const bytes = range.end - range.start;
    return watched({ clock: this.ports.clock, timeoutMs: this.policy.timeoutMs, bytes, what: "receiving" }, signal, async (s, watch2) => {
      let moved = 0;
      const counted = (chunk) => {
        throwIfAborted(s);
        moved += chunk.length;
        if (moved > bytes) throw new TransferError("protocol", `received more than the ${bytes} bytes asked for`);
        watch2.moved(moved);
        return sink(chunk);
      };
      await remote.read(this.job.path, range, counted, options, s);
      if (moved < bytes && Number.isFinite(bytes)) throw new TransferError("integrity", `received ${moved} instead of ${bytes} bytes`);
    });
  }
  stat(remote, signal) {
    return this.look(remote, this.job.path, "looking at the source", signal);
  }
  /** True at the second time in a row: fetching once more gives the same again. */
  isWrongAgain(digest) {
    const before = this.wrongDigest;
    this.wrongDigest = digest;
    return before === digest;
  }
  /** The server's digest of the whole file; null when it has none after all, or does not tell it. */
  async serverDigest(remote, size, signal) {
    const { digester } = remote;
    if (digester === void 0) return null;
    const options = { clock: this.ports.clock, timeoutMs: this.policy.timeoutMs, bytes: 0, what: "the server computes a digest" };
    try {
      return await watched(
        { ...options, allowanceMs: size / DIGEST_BYTES_PER_MS },
        signal,
        (s) => digester.digest(this.job.path, { start: 0, end: size }, s)
      );
    } catch (error) {
      if (isUntold(error)) return null;
      throw error;
    }
  }
};
function validatorOf(fingerprint) {
  if (fingerprint?.strength === "validator") return { validator: fingerprint.validator };
  return fingerprint?.strength === "hint" && fingerprint.etag !== null ? { validator: fingerprint.etag } : {};
}
function fingerprintOf(file) {
  if (file.size === null) return null;
  const { size, validator, modifiedAtMs } = file;
  const holdable = (tag) => tag !== null && tag.length > 0 && tag.length <= VALIDATOR_LENGTH_MAX;
  if (holdable(validator)) return { strength: "validator", size, validator };
  const dated = modifiedAtMs !== null && Number.isSafeInteger(modifiedAtMs) && modifiedAtMs >= 0;
  const etag = file.etag ?? null;
  return { strength: "hint", size, modifiedAtMs: dated ? modifiedAtMs : null, etag: holdable(etag) ? etag : null };
}

// src/engine/end-of-file.ts
var UNPROVEN = ["source-changed", "unsupported", "refused", "denied", "not-found"];
async function endOf(read, size) {
  let bytes = 0;
  const sink = (chunk) => {
    bytes += chunk.length;
  };
  try {
    await read({ start: size, end: size + 1 }, sink);
    return "later";
  } catch (error) {
    if (!(error instanceof TransferError) || !(UNPROVEN.includes(error.kind) || error.kind === "protocol")) throw error;
    if (bytes > 0) return "later";
    return error.kind === "source-changed" ? "here" : "unknown";
  }
}

// src/engine/outcome.ts
function failedOutcome(error) {
  if (!(error instanceof TransferError)) throw error;
  const { message, hint } = error;
  const kind = publicKind(error.kind);
  const failure = { kind, message, ...hint === void 0 ? {} : { hint } };
  return { status: kind === "stopped" ? "incomplete" : "failed", failure, proof: null, proofDetail: null, digest: null };
}

// src/engine/download.ts
async function download(job, ports, signal) {
  const started = ports.clock.nowMs();
  const session = new DownloadSession(job, ports);
  ports.reporter.report({ kind: "started", name: job.name, size: null });
  try {
    const outcome = await toTheEnd(session, signal).catch(failedOutcome);
    const { size, receivedBytes: bytesTransferred, resumedFrom } = session;
    const result = {
      name: job.name,
      size,
      bytesTransferred,
      bytesReused: outcome.status === "unchanged" ? size ?? 0 : resumedFrom,
      resumedFrom,
      previous: session.previous,
      durationMs: ports.clock.nowMs() - started,
      ...outcome
    };
    ports.reporter.report({ kind: "finished", name: job.name, result });
    return result;
  } finally {
    await session.end();
  }
}
function toTheEnd(session, signal) {
  const restart = async (error) => {
    if (session.policy.onChange === "fail") throw error;
    session.note(`the source changed (${error.message}); starting over with the new version`);
    await session.discard();
  };
  const downgrade = (error) => {
    if (!session.rangesWork) return false;
    session.rangesWork = false;
    session.note(`continuing does not work on this server (${error.message}); fetching the whole file`);
    return true;
  };
  const doubted = (error) => {
    session.doubtful ||= error instanceof TransferError && error.kind === "integrity";
    throw error;
  };
  return session.persevere({ restart, downgrade }, signal, () => attempt(session, signal).catch(doubted));
}
async function attempt(session, signal) {
  const { job } = session;
  session.phase("connecting", null);
  const remote = await job.remote.get(signal);
  const file = await identify(session, remote, signal);
  session.size = file.size;
  if (!session.decided && await isPresent(session, remote, file, signal)) return present(session, remote, signal);
  const finished = session.decided ? null : await proveFinished(session, remote, file, signal);
  if (finished !== null) return finished;
  const partial = await session.openPartial(fingerprintOf(file));
  await keepProven(session, remote, partial, signal);
  await fetch(session, remote, partial, file, signal);
  const given2 = await provenAsGiven(session, partial, signal);
  if (given2 === null) await confirmIdentity(session, remote, file, signal);
  const outcome = given2 ?? await proveDownload(session, remote, partial, signal);
  session.phase("committing", null);
  await session.saved();
  await session.publish();
  session.ports.recorder.forget(job.key);
  return outcome;
}
async function identify(session, remote, signal) {
  const { job } = session;
  const look2 = await session.stat(remote, signal);
  if (look2.is === "missing" && await isReadable(session, remote, signal)) return untold(session);
  if (look2.is === "missing") throw new TransferError("not-found", `the server has no such file: ${job.name}`);
  if (look2.is === "unknown" && look2.why.ofLogin) throw look2.why;
  if (look2.is === "unknown") return untold(session);
  const { file } = look2;
  if (file.kind !== "file") {
    const hint = "This release moves single files; name each file.";
    throw new TransferError("invalid-input", `the source is no plain file: ${job.name}`, { hint });
  }
  const known = session.fingerprint ?? session.ports.recorder.entry(job.key)?.source ?? null;
  if (known === null || isSame(fingerprintOf(file), known)) return file;
  const { fingerprint } = session;
  if (!identifies(known) && (fingerprint === null || fingerprint.size === file.size)) return file;
  if (session.fingerprint === null) session.tag = fingerprintTag(known);
  throw new TransferError("source-changed", "it is not the file whose download was begun", {
    hint: "Set `on-change: restart` to fetch the new version."
  });
}
var UNTOLD2 = { kind: "file", size: null, modifiedAtMs: null, validator: null };
async function isReadable(session, remote, signal) {
  const known = session.fingerprint !== null || session.ports.recorder.entry(session.job.key) !== null;
  if (known || remote.looksByReading === true) return false;
  try {
    await session.read(remote, { start: 0, end: 1 }, () => void 0, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof TransferError)) throw error;
    if (error.kind !== "source-changed") return false;
  }
  if (!session.untoldSource) session.note("the server says that there is no such file, and lets it be read: going on without its size");
  return true;
}
async function untold(session) {
  session.untoldSource = true;
  if (session.fingerprint !== null) await session.discard();
  return UNTOLD2;
}
function isSame(now, known) {
  return now !== null && sameFingerprint(now, known);
}
async function isPresent(session, remote, file, signal) {
  const { target, checksum } = session.job;
  const finalSize = await target.finalSize();
  session.previous = { kind: finalSize === null ? "none" : "untouched" };
  session.finalDigests.clear();
  const mayBe = finalSize === file.size || file.size === null && checksum !== null;
  if (finalSize === null || !mayBe || session.policy.resume === "never") return false;
  if (checksum !== null) return await session.digestFinal(checksum.algorithm, signal) === checksum.hex;
  const { digester } = remote;
  if (digester === void 0 || session.policy.verify === "size" || finalSize === 0) return false;
  if (session.policy.verify === "full" && digester.algorithm === "crc32") return false;
  session.phase("comparing", finalSize);
  const theirs = await session.serverDigest(remote, finalSize, signal);
  if (theirs === null || theirs !== await session.digestFinal(digester.algorithm, signal)) return false;
  return await endAt(session, remote, finalSize, signal) !== "later";
}
function endAt(session, remote, size, signal) {
  return endOf((range, sink) => session.read(remote, range, sink, signal), size);
}
async function present(session, remote, signal) {
  const { job, ports } = session;
  ports.recorder.forget(job.key);
  const detail = job.checksum !== null ? `${job.checksum.algorithm} as given` : `${remote.digester?.algorithm ?? ""} by the server`;
  const digest = await session.digestFinal("sha256", signal);
  return { status: "unchanged", proof: "digest", proofDetail: detail, digest: `sha256:${digest}` };
}
async function proveFinished(session, remote, file, signal) {
  const { job, policy, ports } = session;
  const fingerprint = fingerprintOf(file);
  if (fingerprint === null || fingerprint.size === 0 || !identifies(fingerprint) || !session.rangesWork) return null;
  if (policy.resume === "never" || job.checksum !== null || !knowsWhole(session, fingerprint)) return null;
  if (await job.target.finalSize() !== fingerprint.size) return null;
  session.begin(fingerprint);
  const final = await job.target.openFinal();
  try {
    const intact = await intactBlocks(session, final, fingerprint, signal);
    if (totalBytes(intact) !== fingerprint.size) return null;
    await compareSamples(session, remote, final, fingerprint, intact, signal);
    await confirmIdentity(session, remote, file, signal);
    const outcome = await proveDownload(session, remote, final, signal);
    await job.target.removePartial(session.tag);
    ports.recorder.forget(job.key);
    return { ...outcome, status: "unchanged" };
  } finally {
    await final.close();
  }
}
function knowsWhole({ job, ports }, fingerprint) {
  const { size } = fingerprint;
  const blockSize = ports.blockSize(size);
  return keepableBlocks(ports.recorder.entry(job.key), fingerprint, blockSize, size).length === blockCount(size, blockSize);
}
async function fetch(session, remote, partial, file, signal) {
  session.phase("transferring", file.size);
  const segments = file.size === null ? [{ start: 0, end: Number.POSITIVE_INFINITY }] : missing(session.acknowledged, file.size);
  const blockSize = session.ports.blockSize(file.size ?? 0);
  for (const segment of segments) {
    const kept = totalBytes(session.acknowledged);
    const receivedBefore = session.receivedBytes;
    const assembler = new BlockAssembler(partial, blockSize, session.check, segment.start, (block) => session.written(block));
    const sink = (chunk) => {
      const taken2 = assembler.push(chunk);
      session.receivedBytes = receivedBefore + assembler.position - segment.start;
      session.progress(kept + assembler.position - segment.start, session.resumedFrom);
      return taken2 ?? session.lag();
    };
    try {
      await session.read(remote, segment, sink, signal);
      await assembler.finish();
      if (file.size === null) session.size = assembler.position;
    } finally {
      await assembler.drain();
      session.record();
    }
  }
  if (session.size === null) throw new TransferError("internal", "a download without a length");
  if (file.size === 0 && await endAt(session, remote, 0, signal) === "later")
    throw new TransferError("source-changed", "the file was said to be empty, and is not");
  const length = await partial.size();
  if (length !== session.size) throw new TransferError("integrity", `the partial holds ${length} instead of ${session.size} bytes`);
}
async function confirmIdentity(session, remote, file, signal) {
  const { fingerprint } = session;
  const look2 = await session.stat(remote, signal);
  if (look2.is !== "there") {
    const wasShown = !session.untoldSource;
    session.untoldSource = true;
    if (look2.is === "missing" && wasShown)
      session.note("the source is gone since it was read, so nothing shows that it was not changed meanwhile");
    return;
  }
  const now = look2.file;
  const same = fingerprint !== null && identifies(fingerprint) ? isSame(fingerprintOf(now), fingerprint) : now.size === null || now.size === session.size;
  if (!same || isRedated(fingerprint, file, now))
    throw new TransferError("source-changed", "the file was changed on the server while it was read");
}
function isRedated(fingerprint, file, now) {
  if (fingerprint?.strength === "validator" || fingerprint === null && file.youngAtMs !== void 0) return false;
  const before = file.modifiedAtMs ?? file.youngAtMs ?? null;
  const after = now.modifiedAtMs ?? now.youngAtMs ?? null;
  return before !== null && after !== null && !Object.is(before, after);
}

// src/remotes/remote.ts
function hasTree(remote) {
  return remote.tree !== void 0;
}

// src/engine/refusal.ts
var REFUSALS = ["refused", "conflict", "unsupported", "denied"];
function isRefusal(error) {
  return error instanceof TransferError && REFUSALS.includes(error.kind);
}
function isRefusalOfName(error) {
  return isRefusal(error) && !error.ofLogin;
}
function partialGone(cause) {
  return new TransferError("offset-conflict", `the file was gone before it was published (${cause.message})`, { cause });
}
function taken(session, cause) {
  session.begun = false;
  session.learn({ renames: false });
  const message = `the server takes files away before they can be given the final name, or has taken the one that another run had published (${cause.message})`;
  return new TransferError("refused", message, {
    cause,
    hint: "This run does not send it again: look where the server puts such files. With `publish-without-rename: always` it goes to the final name itself."
  });
}
function badPath(cause) {
  const hint = "A directory in the path of the destination is missing, or is a file.";
  return new TransferError("refused", cause.message, { cause, hint });
}
function isMissing(error) {
  return error instanceof TransferError && error.kind === "not-found";
}

// src/engine/siblings.ts
var OTHERS_MAX = 20;
var NONE = { same: [], working: [], others: [], asides: [] };
var CUT_MAX = 2;
async function siblings(session, { tree }, signal) {
  const directory = directoryName(session.job.path);
  if (tree === void 0 || session.manners.listingsCut >= CUT_MAX) return NONE;
  try {
    const entries = await session.guarded("looking for an earlier partial", signal, (s) => tree.list(directory, s));
    const found2 = sorted(session, directory, entries);
    for (const aside of found2.asides) session.asidesSeen.add(aside);
    return found2;
  } catch (error) {
    if (isUntold(error)) return NONE;
    if (!signal.aborted && error instanceof TransferError) session.manners.listingsCut += 1;
    throw error;
  }
}
function sorted(session, directory, entries) {
  const name = baseName(session.job.path);
  const tag = fingerprintTag(session.fingerprint);
  const path = (entry) => joinPath(directory, entry.name);
  const files = entries.filter((entry) => entry.kind === "file");
  const isSame2 = (entry) => {
    const parts = partialParts(name, entry.name);
    return parts?.tag === tag && !parts.appended;
  };
  const isOther = (entry) => partialParts(name, entry.name) !== null && !isSame2(entry) || passingKind(name, entry.name) === "copy";
  return {
    same: files.filter(isSame2).sort((a, b) => (b.size ?? 0) - (a.size ?? 0)).map(path),
    working: files.filter((entry) => partialParts(name, entry.name)?.tag === tag),
    others: files.filter(isOther).slice(0, OTHERS_MAX).map(path),
    asides: files.filter((entry) => passingKind(name, entry.name) === "aside").map(path)
  };
}

// src/engine/tidy.ts
var ABANDONED_AFTER_MS = 24 * 60 * 60 * 1e3;
var NO_TIME_MS = 0;
async function tidy(session, remote, signal) {
  const { tree } = remote;
  if (tree === void 0) return;
  for (const path of session.spent) await quietly(session, path, () => discard(session, tree, path, signal));
  for (const path of session.left) await quietly(session, path, () => leave(session, remote, path, signal));
}
async function discard(session, tree, path, signal) {
  try {
    await session.remove(tree, path, signal);
    session.manners.stayed.delete(path);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    session.spent.add(path);
    stays(session, path, error);
  }
}
function stays(session, path, refusal) {
  session.manners.stayed.set(path, refusal);
  if (!refusal.ofLogin) session.learn({ keeps: true });
}
function removes(session) {
  const { keeps, ...host } = session.known;
  if (keeps === true) session.ports.recorder.learn(host);
}
function tellStayed(session) {
  const { stayed } = session.manners;
  const [refusal] = stayed.values();
  if (refusal === void 0) return;
  session.note(
    `this account may not remove what was made beside the target, which stays: ${[...stayed.keys()].join(", ")} (${refusal.message})`
  );
}
async function leave(session, remote, path, signal) {
  const look2 = await session.stat(remote, path, signal);
  if (look2.is === "missing" || remote.tree === void 0) return;
  if (look2.is === "unknown") throw look2.why;
  const found2 = look2.file;
  const { serverNowMs } = session;
  const writtenAtMs = found2.modifiedAtMs ?? NO_TIME_MS;
  if (serverNowMs !== null && writtenAtMs > NO_TIME_MS && serverNowMs - writtenAtMs > ABANDONED_AFTER_MS) {
    await discard(session, remote.tree, path, signal);
    if (!session.manners.stayed.has(path)) session.note(`a file that another run left behind was removed: ${path}`);
  } else {
    session.warning(`a file of another run was left alone, because that run may still be using it; it goes when it is a day old: ${path}`);
  }
}
async function quietly(session, path, work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    session.note(`${path} could not be tidied away: ${error.message}`);
  }
}

// src/engine/twin.ts
var LOOK_MS = 1e3;
var POLL_MS = 2e3;
var JUST_MADE_MS = 4e3;
var TURNS_UP_ASKED = 3;
var WAIT_MAX_MS = 6 * 60 * 60 * 1e3;
async function whenItRests(session, remote, seen, signal) {
  const { clock } = session.ports;
  const started = clock.nowMs();
  let { file } = seen;
  let quietMs = session.contested ? session.policy.timeoutMs : file.size ? 0 : JUST_MADE_MS;
  let quietSince = started;
  while (clock.nowMs() - started < WAIT_MAX_MS) {
    await clock.sleep(quietMs > 0 ? POLL_MS : LOOK_MS, signal);
    const look2 = await session.stat(remote, seen.path, signal);
    if (look2.is !== "unknown" && !showsFile(look2)) return null;
    const now = showsFile(look2) ? look2.file : file;
    const changed = now.size !== file.size || now.modifiedAtMs !== file.modifiedAtMs;
    if (changed && !session.contested) session.note("another run is sending the same file; waiting for it");
    if (changed) {
      session.contested = true;
      quietMs = session.policy.timeoutMs;
      quietSince = clock.nowMs();
      file = now;
    } else if (clock.nowMs() - quietSince >= quietMs) break;
  }
  return { path: seen.path, file };
}
async function showsTwin(session, remote, signal) {
  const { path, source } = session.job;
  const partial = baseName(session.partial);
  const { working } = await siblings(session, remote, signal);
  const signs = working.filter(({ name, size }) => name !== partial && session.twinSigns.isNew(name, size));
  if (signs.length > 0) return true;
  const final = await session.stat(remote, path, signal);
  return showsFile(final) && (final.file.size ?? source.size) === source.size && mayBeTheirs(session, final.file);
}
async function twinTurnsUp(session, remote, signal) {
  for (let asked = 1; ; asked += 1) {
    if (await showsTwin(session, remote, signal)) return true;
    if (asked === TURNS_UP_ASKED) return false;
    await session.ports.clock.sleep(POLL_MS, signal);
  }
}
function mayBeTheirs(session, now) {
  const { finalBefore: before } = session;
  if (before?.is === "missing" || before?.is === "there" && !isAsBefore(before.file, now)) return true;
  if (before?.is === "there" && isMarked(now) || session.missedOnce) return false;
  session.missedOnce = true;
  return true;
}
async function movedAway(session, remote, signal) {
  const known = new Set(session.asidesSeen);
  const { same, asides } = await siblings(session, remote, signal);
  if (asides.some((aside) => !known.has(aside) && baseName(aside) !== baseName(session.aside ?? ""))) return true;
  if (remote.tree?.replaces !== "after-delete" || session.missedOnce || same.length === 0) return false;
  session.missedOnce = true;
  return true;
}

// src/engine/read-back.ts
import { createHash as createHash3 } from "node:crypto";
async function readBack(context, { range, progress, judged }, signal) {
  const { blockSize, blocks, size } = context.expected;
  let at = range.start;
  let hash = createHash3("sha256");
  const blockEnd = () => Math.min((Math.floor(at / blockSize) + 1) * blockSize, range.end);
  let blockStart = range.start;
  let end = blockEnd();
  const enough = new TransferError("internal", "enough was read");
  const finishBlock = async () => {
    const piece = { start: blockStart, end };
    const whole = piece.start % blockSize === 0 && piece.end === Math.min(piece.start + blockSize, size);
    const ours = whole ? blocks[piece.start / blockSize] : await context.source.digest(piece, "sha256", signal);
    if (!judged(piece, hash.digest("hex") === ours) && end < range.end) throw enough;
    hash = createHash3("sha256");
    blockStart = end;
    if (end < range.end) end = blockEnd();
  };
  const options = { clock: context.clock, timeoutMs: context.timeoutMs, bytes: range.end - range.start, what: "reading back" };
  try {
    await watched(
      options,
      signal,
      (s, w) => context.remote.read(
        context.path,
        range,
        async (chunk) => {
          const asked = range.end - range.start;
          if (chunk.length > range.end - at) throw new TransferError("protocol", `received more than the ${asked} bytes asked for`);
          let rest = chunk;
          while (rest.length > 0) {
            const piece = rest.subarray(0, end - at);
            hash.update(piece);
            at += piece.length;
            rest = rest.subarray(piece.length);
            if (at === end) await finishBlock();
          }
          w.moved(at - range.start);
          progress(at - range.start);
        },
        {},
        s
      )
    );
  } catch (error) {
    if (error === enough) return "enough";
    if (!(error instanceof TransferError) || !UNPROVEN.includes(error.kind)) throw error;
    return error.kind === "source-changed" ? "short" : error.kind === "denied" ? "denied" : "refused";
  }
  return "read";
}

// src/engine/verify.ts
var DIGEST_BYTES_PER_MS2 = 5e3;
var DIGEST_CALLS_MAX = 48;
var CUT_OFF_BLOCKS = 8;
function watch(context, what, bytes, allowanceMs = 0) {
  return { clock: context.clock, timeoutMs: context.timeoutMs, bytes, what, allowanceMs };
}
async function proveRanges(context, ranges, signal) {
  return await proveByDigester(context, ranges, signal) ?? proveByReading(context, ranges, () => true, signal);
}
async function proveByDigester(context, ranges, signal) {
  const { digester } = context;
  if (totalBytes(ranges) === 0) return { proven: EMPTY, method: "read-back" };
  if (digester === void 0 || !digestFits(context, ranges)) return null;
  try {
    const proven = await proveByDigest(context, digester, ranges, signal);
    return proven.length > 0 || digester.ranges !== "whole" ? { proven, method: "digest" } : null;
  } catch (error) {
    if (!isUntold(error)) throw error;
    return null;
  }
}
async function proveByReading(context, ranges, readOn, signal) {
  const total = totalBytes(ranges);
  const proven = [];
  let done = 0;
  for (const range of ranges) {
    const judged = (piece, same) => {
      if (same) proven.push(piece);
      return readOn(total - done - (piece.end - range.start));
    };
    const end = await readBack(context, { range, progress: (bytes) => context.progress(done + bytes), judged }, signal);
    if (end === "enough") break;
    done += range.end - range.start;
  }
  return { proven: rangeSet(proven), method: "read-back" };
}
function digestFits({ digester, expected }, ranges) {
  if (digester === void 0 || digester.ranges === "any") return digester !== void 0;
  if (ranges.length !== 1 || ranges[0]?.start !== 0) return false;
  return digester.ranges === "prefix" || ranges[0].end === expected.size;
}
async function digestMatches(context, digester, range, signal) {
  const allowanceMs = (range.end - range.start) / DIGEST_BYTES_PER_MS2;
  return watched(watch(context, "the server computes a digest", 0, allowanceMs), signal, async (s) => {
    const ours = new AbortController();
    const stop = () => ours.abort(abortError(s));
    s.addEventListener("abort", stop, { once: true });
    try {
      const local = context.source.digest(range, digester.algorithm, ours.signal);
      local.catch(() => {
      });
      return await digester.digest(context.path, range, s) === await local;
    } finally {
      s.removeEventListener("abort", stop);
      ours.abort();
    }
  });
}
async function proveByDigest(context, digester, ranges, signal) {
  const { blockSize } = context.expected;
  const proven = [];
  let calls = 0;
  const prove = async (range) => {
    if (range.end <= range.start || calls >= DIGEST_CALLS_MAX) return;
    calls += 1;
    if (await digestMatches(context, digester, range, signal)) {
      proven.push(range);
      return context.progress(totalBytes(rangeSet(proven)));
    }
    if (range.end - range.start <= blockSize || digester.ranges === "whole") return;
    const middle = Math.floor((range.start + range.end) / 2 / blockSize) * blockSize;
    const cut = middle > range.start ? middle : range.start + blockSize;
    if (digester.ranges === "any") return proveParts(range, cut);
    return proveLongestPrefix(range.end);
  };
  const proveParts = async ({ start, end }, cut) => {
    await prove({ start, end: cut });
    await prove({ start: cut, end });
  };
  const proveLongestPrefix = async (end) => {
    let good = 0;
    let bad = Math.ceil(end / blockSize);
    let next = cutOffPlace({ start: 0, end }, blockSize) / blockSize;
    while (bad - good > 1 && calls < DIGEST_CALLS_MAX) {
      calls += 1;
      if (next <= good || next >= bad) next = Math.floor((good + bad) / 2);
      if (await digestMatches(context, digester, { start: 0, end: next * blockSize }, signal)) good = next;
      else bad = next;
    }
    if (good > 0) proven.push({ start: 0, end: good * blockSize });
  };
  for (const range of ranges) {
    const cut = digester.ranges === "any" ? cutOffPlace(range, blockSize) : 0;
    if (cut > range.start) await proveParts(range, cut);
    else await prove(range);
  }
  return rangeSet(proven);
}
function cutOffPlace({ start, end }, blockSize) {
  const blocks = Math.floor(end / blockSize) - CUT_OFF_BLOCKS;
  return blocks - start / blockSize > CUT_OFF_BLOCKS ? blocks * blockSize : 0;
}
async function proveWhole(context, mayReadBack, signal) {
  const { size } = context.expected;
  const whole = { start: 0, end: size };
  if (size === 0) {
    const verdicts = { here: "same", later: "different", unknown: "unknown" };
    return { verdict: mayReadBack ? verdicts[await endOfPartial(context, signal)] : "unknown", method: "read-back" };
  }
  if (context.digester !== void 0) {
    try {
      const same = await digestMatches(context, context.digester, whole, signal);
      return { verdict: same ? await wholeTo(context, signal) : "different", method: "digest" };
    } catch (error) {
      if (!isUntold(error)) throw error;
    }
  }
  if (!mayReadBack) return { verdict: "unknown", method: "read-back" };
  let good = 0;
  const judged = (piece, same) => {
    if (same) good += piece.end - piece.start;
    return same;
  };
  const end = await readBack(context, { range: whole, progress: context.progress, judged }, signal);
  if (good < size) return { verdict: end === "refused" || end === "denied" ? "unknown" : "different", method: "read-back" };
  return { verdict: await wholeTo(context, signal), method: "read-back" };
}
async function wholeTo(context, signal) {
  const end = await endOfPartial(context, signal);
  if (end !== "unknown") return end === "here" ? "same" : "different";
  const look2 = await lookWith(
    () => watched(watch(context, "looking at the size again", 0), signal, (s) => context.remote.stat(context.path, s))
  );
  if (look2.is === "missing") return "different";
  if (look2.is === "unknown" || look2.file.size === null) return "unknown";
  return look2.file.size === context.expected.size ? "same" : "different";
}
function endOfPartial(context, signal) {
  const read = (range, sink) => watched(watch(context, "looking for the end", 0), signal, (s) => context.remote.read(context.path, range, sink, {}, s));
  return endOf(read, context.expected.size);
}

// src/engine/upload-proof.ts
var LOOK_AGAIN_MS = 1e3;
async function proveSent(session, remote, signal) {
  const { policy, job, partial, direct, finalBefore: before } = session;
  const { size } = job.source;
  if (session.unacknowledged) return proveAccepted(session, remote, signal);
  const seen = await session.whenShown(remote, partial, (look2) => look2.is === "there" && (!direct || fits(look2.file, size)), signal);
  if (seen.is === "missing" && await isTaken(session, remote, signal)) throw goneMissing(partial);
  if (seen.is === "there") {
    if (!fits(seen.file, size))
      throw new TransferError("integrity", `the server holds ${seen.file.size} instead of ${size} bytes after the upload`);
    if (direct && before?.is === "there" && isAsBefore(before.file, seen.file)) return proveAccepted(session, remote, signal);
    session.serverNowMs = seen.file.modifiedAtMs;
    session.newMode = seen.file.mode ?? null;
  }
  const context = session.wholeProofContext(remote, partial);
  const sized = seen.is === "there" && seen.file.size !== null && lengthTells(session, remote);
  if (sized && (policy.verify === "size" || size === 0 || policy.verify === "auto" && context.digester === void 0)) return "size";
  session.phase("proving", size);
  const first = await couldProve(context, policy.verify === "full" || !sized, signal);
  if (first.verdict === "same") return first.method;
  const isGone2 = seen.is === "missing" || (await session.stat(remote, partial, signal)).is === "missing";
  if (isGone2 && await isTaken(session, remote, signal)) throw goneMissing(partial);
  const isDoubtful = isGone2 && (!direct || session.manners.takesAway) && first.verdict === "different";
  const { verdict, method } = isDoubtful ? await ifReadable(context, signal) : first;
  if (verdict === "same") return method;
  if (verdict === "unknown") {
    if (policy.verify === "full") throw isGone2 && !direct ? taken(session, noPartial(partial)) : nothingShows();
    return sized ? "size" : "acknowledged";
  }
  if (first.method === "digest") {
    const second = await couldProve({ ...context, digester: void 0 }, true, signal);
    if (second.verdict === "same") {
      session.digesterWorks = false;
      session.note("the server's digest is wrong for this file; reading back shows that the bytes are right");
      return second.method;
    }
  }
  throw differs(session);
}
async function ifReadable(context, signal) {
  let arrived = 0;
  const progress = (bytes) => {
    arrived = Math.max(arrived, bytes);
  };
  const proof = await couldProve({ ...context, digester: void 0, progress }, true, signal);
  return proof.verdict === "different" && arrived === 0 ? { ...proof, verdict: "unknown" } : proof;
}
async function couldProve(context, mayReadBack, signal) {
  try {
    return await proveWhole(context, mayReadBack, signal);
  } catch (error) {
    if (!isUntold(error)) throw error;
    return { verdict: "unknown", method: "read-back" };
  }
}
function fits({ size: told2 }, size) {
  return told2 === null || told2 === size;
}
function lengthTells({ direct, finalBefore }, { tree }) {
  return !direct || tree === void 0 && finalBefore?.is !== "unknown";
}
async function isTaken(session, remote, signal) {
  return !session.direct && await twinTurnsUp(session, remote, signal);
}
function goneMissing(partial) {
  return partialGone(noPartial(partial));
}
function noPartial(partial) {
  return new TransferError("not-found", `there is no ${partial}`);
}
function differs(session) {
  return new TransferError("integrity", "the uploaded file differs from the source", {
    hint: session.wroteDirectly ? "Send it again before anybody uses it." : "Nothing was published under the final name."
  });
}
function nothingShows() {
  return new TransferError("refused", "verify: full wants the file read back, which the server refuses", { hint: "Set `verify: auto`." });
}
async function proveAccepted(session, remote, signal) {
  const { clock } = session.ports;
  const { partial, job, policy } = session;
  const until = clock.nowMs() + policy.timeoutMs;
  session.phase("proving", job.source.size);
  for (; ; ) {
    const look2 = await session.stat(remote, partial, signal);
    if (look2.is === "unknown" || look2.is === "there" && fits(look2.file, job.source.size)) {
      const { verdict, method } = await couldProve(session.wholeProofContext(remote, partial), true, signal);
      if (verdict === "same") return method;
      if (verdict === "unknown") break;
    }
    if (clock.nowMs() >= until) break;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
  throw new TransferError(
    "refused",
    "the server accepted the file without storing it, and within the time limit nothing shows that it did",
    {
      hint: "It answered with a status such as 202. Raise `timeout` if it stores files later."
    }
  );
}

// src/engine/asides.ts
function keepAside(session, aside) {
  session.aside = null;
  session.warning(`the server does not show the new file in its place, so the file that was moved aside for it is still there: ${aside}`);
}
async function dropAside(session, tree, aside, signal) {
  session.aside = null;
  try {
    await session.remove(tree, aside, signal);
    removes(session);
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    session.warning(`the file that was replaced could not be removed and is still there: ${aside} (${error.message})`);
    if (isRefusalOfName(error)) session.learn({ keeps: true });
  }
}
async function restoreOld(session, remote, signal) {
  if (!hasTree(remote) || session.direct) return;
  if (session.aside !== null) return putBack(session, remote, [session.aside], signal);
  if (!session.nothingThere || !mayHaveAsides(session, remote)) return;
  await restoreFound(session, remote, (await siblings(session, remote, signal)).asides, signal);
}
function mayHaveAsides(session, remote) {
  return session.earlier !== null || replacesStepwise(session, remote);
}
function replacesStepwise(session, { tree }) {
  return tree.replaces !== "atomically" || session.known.replaces === false;
}
async function restoreFound(session, remote, asides, signal) {
  if (session.nothingThere && asides.length > 0 && hasTree(remote)) return putBack(session, remote, asides, signal);
  for (const aside of asides) session.left.add(aside);
}
async function leaveAsides(session, remote, signal) {
  if (!hasTree(remote) || session.earlier === null || !replacesStepwise(session, remote)) return;
  await restoreFound(session, remote, (await siblings(session, remote, signal)).asides, signal);
}
async function putBack(session, remote, asides, signal) {
  const { path } = session.job;
  const { tree } = remote;
  const found2 = [];
  for (const aside of asides) {
    const look2 = await session.stat(remote, aside, signal);
    if (showsFile(look2)) found2.push({ path: aside, modifiedAtMs: look2.file.modifiedAtMs ?? 0, mode: look2.file.mode });
    else if (look2.is === "unknown" && aside === session.aside) found2.push({ path: aside, modifiedAtMs: 0 });
  }
  const newest = found2.sort((a, b) => b.modifiedAtMs - a.modifiedAtMs)[0];
  const final = await session.stat(remote, path, signal);
  const isFree = final.is === "missing" || final.is === "unknown" && newest?.path === session.aside;
  if (newest === void 0 || !isFree) {
    const own = session.aside;
    session.aside = null;
    session.sawFinal(final, own === null || newest?.path === own);
    if (own !== null && newest?.path === own && showsFile(final)) await succeeded(session, remote, [own, final], signal);
    return;
  }
  const old = session.keptAsides[0] ?? newest.path;
  session.previous = { kind: "aside", path: old };
  try {
    await session.rename(tree, old, path, signal);
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error;
    if (isMissing(error) && final.is === "unknown") return nothingAside(session);
    session.warning(`the file that was under ${path} lies at ${old} and could not be put back: ${error.message}`);
    return;
  }
  const others = [...session.keptAsides.splice(0), session.aside].filter((one) => one !== null && one !== old);
  session.aside = null;
  if (old === newest.path) session.oldMode = newest.mode ?? session.oldMode;
  session.previous = { kind: "untouched" };
  session.note(`the file that an attempt had moved aside is under its name again: ${path}`);
  for (const other of others) session.warning(`what stood under ${path} meanwhile lies at ${other}`);
}
async function succeeded(session, remote, [aside, final], signal) {
  const { path, source } = session.job;
  const fits2 = (final.file.size ?? source.size) === source.size;
  const isWhole = fits2 && (await couldProve(session.wholeProofContext(remote, path), true, signal)).verdict === "same";
  if (isWhole) return dropAside(session, remote.tree, aside, signal);
  session.keptAsides.push(aside);
  session.previous = { kind: "aside", path: session.keptAsides[0] ?? aside };
}
function nothingAside(session) {
  session.aside = null;
  session.previous = { kind: "unknown" };
}

// src/engine/mode.ts
var PERMISSIONS = 511;
var OTHERS_READ = 4;
var ASKS_MAX = 2;
async function learnOldMode(session, { tree }, signal) {
  const { oldMode, nothingThere, wroteDirectly, modeAsks, job } = session;
  if (oldMode !== null || nothingThere || wroteDirectly || modeAsks >= ASKS_MAX || tree?.modeOf === void 0) return;
  session.modeAsks += 1;
  try {
    const told2 = await session.guarded("looking at the mode", signal, async (s) => await tree.modeOf?.(job.path, s) ?? null);
    session.oldMode = told2 !== null && isMode(told2) ? told2 : null;
    session.modeAsks = ASKS_MAX;
  } catch (error) {
    if (signal.aborted || !isDropped(session, error, session.modeAsks)) throw error;
    session.modeAsks = ASKS_MAX;
    session.note(`the file that is replaced may have another mode than the new one, which does not take it over (${error.message})`);
  }
}
async function keepMode(session, remote, signal) {
  if (session.finalUntold) session.sawFinal(await session.stat(remote, session.job.path, signal), session.direct);
  await learnOldMode(session, remote, signal);
  const { oldMode, newMode } = session;
  if (oldMode === null || session.modeRefused) return;
  const wanted = oldMode & PERMISSIONS;
  if (newMode !== null && (newMode & PERMISSIONS) === wanted) return;
  const { setMode } = remote.tree ?? {};
  if (setMode === void 0 && newMode === null) return;
  const refusal = setMode === void 0 ? "it has no request for that" : await refusalOf(session, remote, session.partial, wanted, signal);
  if (refusal === null) session.newMode = wanted;
  else tell(session, wanted, refusal);
}
async function refusalOf(session, { tree }, path, mode, signal) {
  try {
    await session.guarded("setting the mode", signal, async (s) => tree?.setMode?.(path, mode, s));
    return null;
  } catch (error) {
    if (isMissing(error)) return null;
    session.modeFailures += 1;
    if (signal.aborted || !isDropped(session, error, session.modeFailures)) throw error;
    return error.message;
  }
}
function isDropped({ policy }, error, times) {
  return error instanceof TransferError && (isUntold(error) || times >= ASKS_MAX || policy.retries === 0);
}
function tell(session, wanted, why) {
  session.modeRefused = true;
  const octal = (bits) => (bits & PERMISSIONS).toString(8).padStart(4, "0");
  const now = session.newMode === null ? "" : `; the new one has ${octal(session.newMode)}`;
  const message = `the file that is replaced has the mode ${octal(wanted)}, which the server does not set (${why})${now}`;
  const isWider = session.newMode === null ? (wanted & OTHERS_READ) === 0 : (session.newMode & PERMISSIONS & ~wanted) !== 0;
  if (isWider) session.warning(`${message}. More people may read it than before`);
  else session.note(message);
}

// src/engine/manners.ts
var Manners = class {
  /** Renames to the final name that ended without a yes or a no. */
  renamesCut = 0;
  /** Renames at which the server was there, and failed inside. */
  renamesBroken = 0;
  /** It takes every file away as soon as it is there. */
  takesAway = false;
  /** Files beside the target that it refused to remove, and how it said so. */
  stayed = /* @__PURE__ */ new Map();
  /** Listings that ended without an answer. */
  listingsCut = 0;
};
var BROKEN_MAX = 2;
function failsAtRenames(manners, error) {
  if (!(error instanceof TransferError) || !error.brokeDown) return false;
  manners.renamesBroken += 1;
  return manners.renamesBroken >= BROKEN_MAX;
}

// src/engine/scratch.ts
function scratchPath(directory, nonce) {
  return joinPath(directory, `.rt-probe-${nonce}`);
}
var NOTHING = Buffer.alloc(0);
var SOMETHING = Buffer.from("made to see whether files stay here\n");
function makeScratch(writer, path, signal, filled = false) {
  const bytes = filled ? SOMETHING : NOTHING;
  return writer.create(path, bytes.length, bodyOf(bytes), { sent: () => {
  }, acknowledged: () => {
  } }, signal);
}
async function* bodyOf(bytes) {
  if (bytes.length > 0) yield bytes;
}

// src/engine/staging.ts
async function chooseStaging(session, remote, signal) {
  const { size } = session.job.source;
  if (!hasTree(remote)) {
    if (session.policy.publishWithoutRename === "never") throw cannotRename(null, "never");
    session.direct = true;
  }
  if (!hasTree(remote) || session.renames) return;
  if (session.cannotRename !== null) return goDirect(session, remote, session.cannotRename, signal);
  const { renames, keeps } = session.known;
  if (renames === false && keeps === true && mayWriteThere(session)) return goDirect(session, remote, saidBefore(), signal);
  if (renames !== true) {
    const barred = await mayNeither(session, remote, signal);
    if (barred !== null) return goDirect(session, remote, barred, signal);
  }
  const isSmall = size <= session.ports.blockSize(size) && session.finalBefore?.is !== "unknown" && session.policy.publishWithoutRename !== "always";
  if (renames === true || renames === null && isSmall) return;
  const refusal = await renamesScratch(session, remote, signal);
  if (session.manners.takesAway && session.policy.verify === "full" && size > 0) throw nothingStays();
  if (refusal !== null) return goDirect(session, remote, refusal, signal);
  const [hidden] = session.refusedShapes.values();
  if (hidden === void 0 || untriedShape(session) !== void 0) return;
  if (!await takesFinalName(session, remote, hidden, signal)) throw badPath(hidden);
}
async function mayNeither(session, { tree }, signal) {
  const directory = directoryName(session.job.path);
  try {
    return await session.guarded("asking what the account may do", signal, async (s) => await tree.mayNeither?.(directory, s) ?? null);
  } catch (error) {
    if (!isUntold(error)) throw error;
    return null;
  }
}
async function renamesScratch(session, remote, signal, like = null) {
  for (const shape of shapesFrom(session.shape)) {
    const [path, renamed] = session.scratchPaths(shape);
    const to = like === null ? renamed : session.scratchPaths(like)[1];
    const unmade = await makingScratch(session, remote, path, signal);
    if (isMissing(unmade)) session.refusedShapes.set(shape, unmade);
    if (unmade !== null) continue;
    session.shape = shape;
    const empty = await renameOf(session, remote, [path, to], signal);
    const refusal = empty === "gone" ? await renameOfFilled(session, remote, shape, signal) : empty;
    if (refusal === "gone") return null;
    session.renames = refusal === null;
    session.learn({ shape, renames: session.renames });
    return refusal;
  }
  return null;
}
async function renameOfFilled(session, remote, shape, signal) {
  const paths = session.scratchPaths(shape);
  if (await makingScratch(session, remote, paths[0], signal, true) !== null) return "gone";
  const refusal = await renameOf(session, remote, paths, signal);
  if (refusal !== "gone") return refusal;
  session.manners.takesAway = true;
  return new TransferError("refused", "what was made to try it was gone at once: the server takes files away");
}
async function makingScratch(session, remote, path, signal, filled = false) {
  const { writer, tree } = remote;
  try {
    await session.guarded("probing whether files can be renamed", signal, async (s) => writer && makeScratch(writer, path, s, filled));
    return null;
  } catch (error) {
    if (isRefusal(error) && error.ofLogin) throw error;
    await discard(session, tree, path, signal).catch(() => session.spent.add(path));
    if (isRefusal(error) || isMissing(error)) return error;
    throw error;
  }
}
function untriedShape({ refusedShapes }) {
  return NAME_SHAPES.find((shape) => !refusedShapes.has(shape));
}
function shapesFrom(first) {
  return [first, ...NAME_SHAPES.filter((shape) => shape !== first)];
}
async function renameOf(session, remote, [path, to], signal) {
  try {
    await session.rename(remote.tree, path, to, signal);
    const isDone = await wasRenamed(session, remote, [path, to], signal);
    await discard(session, remote.tree, isDone ? to : path, signal);
    if (isDone && session.manners.stayed.size === 0) removes(session);
    return isDone ? null : new TransferError("refused", "it says that it renames, and does not");
  } catch (error) {
    const isNo = isRefusalOfName(error) || error instanceof TransferError && error.brokeDown;
    const isDone = isNo && await wasDoneAllTheSame(session, remote, [path, to], signal);
    const left = isDone ? to : path;
    await discard(session, remote.tree, left, signal).catch(() => session.spent.add(left));
    if (isDone) return null;
    if (isRefusal(error)) return error;
    if (isMissing(error)) return "gone";
    if (failsAtRenames(session.manners, error)) session.cannotRename = error;
    throw error;
  }
}
async function wasDoneAllTheSame(session, remote, [from, to], signal) {
  const look2 = (path) => session.stat(remote, path, signal).catch(() => null);
  if ((await look2(to))?.is === "there") return true;
  if ((await look2(from))?.is !== "missing") return false;
  const nothingShows2 = { is: "unknown", why: new TransferError("refused", "it does not show what was made there") };
  session.finalBefore = nothingShows2;
  session.sawFinal(nothingShows2, false);
  return false;
}
async function otherName(session, remote, refusal, sent, signal) {
  const isHidden = isMissing(refusal);
  if (session.direct || session.shapeWorks || !hasTree(remote) || !(isHidden || isRefusalOfName(refusal))) return false;
  if (sent > 0 && (await session.stat(remote, session.partial, signal).catch(() => null))?.is === "there") return false;
  session.refusedShapes.set(session.shape, refusal);
  if (isHidden) await tryShapes(session, remote, signal);
  const next = untriedShape(session);
  const isDear = sent > session.ports.blockSize(session.job.source.size);
  if (isDear && next !== void 0) session.learn({ shape: next });
  if (isDear) return false;
  await discard(session, remote.tree, session.partial, signal).catch(() => session.spent.add(session.partial));
  session.renew();
  if (next !== void 0) {
    session.shape = next;
    return true;
  }
  return takesFinalName(session, remote, refusal, signal);
}
async function tryShapes(session, remote, signal) {
  for (let shape = untriedShape(session); shape !== void 0; shape = untriedShape(session)) {
    const [path] = session.scratchPaths(shape);
    const unmade = await makingScratch(session, remote, path, signal);
    if (unmade === null) return discard(session, remote.tree, path, signal);
    session.refusedShapes.set(shape, unmade);
  }
}
async function takesFinalName(session, remote, refusal, signal) {
  if (!mayWriteThere(session)) return false;
  if (isMissing(refusal) && !await showsDirectory(session, remote, signal)) return false;
  session.note(`this server takes no temporary name here (${refusal.message}); the bytes go to the final name itself`);
  session.direct = true;
  return true;
}
async function showsDirectory(session, remote, signal) {
  const directory = directoryName(session.job.path);
  return directory === "" || directory === "/" || (await session.stat(remote, directory, signal)).is === "there";
}
async function wasRenamed(session, remote, [from, to], signal) {
  return (await session.stat(remote, to, signal)).is !== "missing" || (await session.stat(remote, from, signal)).is !== "there";
}
async function goDirect(session, remote, refusal, signal) {
  const { publishWithoutRename } = session.policy;
  if (!refusal.brokeDown) session.learn({ renames: false });
  if (publishWithoutRename === "never") throw cannotRename(refusal, publishWithoutRename);
  if (publishWithoutRename === "auto" && !session.nothingThere && !await begunDirectly(session, remote, signal))
    throw session.finalBefore?.is === "unknown" ? mayNothing(refusal) : cannotRename(refusal, publishWithoutRename);
  if (!session.direct) session.note(`this server lets nobody rename (${refusal.message}); the bytes go to the final name itself`);
  session.direct = true;
  session.cannotRename = refusal;
}
async function begunDirectly(session, remote, signal) {
  if (session.wroteDirectly) return true;
  if (!session.earlierDirectly()) return false;
  const { path, source } = session.job;
  const look2 = await session.stat(remote, path, signal);
  if (look2.is === "missing") return true;
  if (!showsFile(look2)) return false;
  const there = look2.file;
  if (there.size === null || there.size > source.size) return false;
  const { proven } = await proveRanges(session.proofContext(remote, path), rangeSet([{ start: 0, end: there.size }]), signal);
  return totalBytes(proven) === there.size;
}
function mayWriteThere({ policy: { publishWithoutRename }, nothingThere }) {
  return publishWithoutRename === "always" || publishWithoutRename === "auto" && nothingThere;
}
function saidBefore() {
  return new TransferError("refused", "as was seen before; it is not tried again, because nothing can be removed here");
}
function nothingStays() {
  const message = "verify: full wants the file read back, and this server takes files away as soon as they are there";
  return new TransferError("refused", message, { hint: "Set `verify: auto`." });
}
function mayNothing(refusal) {
  const message = `this account may not rename, and may not look at what is under the final name, so a file there would be written over: ${refusal.message}`;
  return new TransferError("refused", message, {
    hint: "Let the account rename files or look at them, or set `publish-without-rename: always` to have the bytes go to the final name whatever is there.",
    cause: refusal
  });
}
function cannotRename(refusal, policy) {
  const said = refusal === null ? "" : `: ${refusal.message}`;
  const what = "the account lacks the right to rename here, so no file can be put in its place when it is whole";
  return new TransferError("refused", `${what}${said}`, {
    hint: policy === "never" ? "Let the account rename files, or leave out `publish-without-rename: never`." : refusal?.hint ?? "What is under the final name may be an earlier version, or what an earlier run without its saved state has not finished. Let the account rename files, or set `publish-without-rename: always` to have it overwritten while the bytes travel.",
    ...refusal === null ? {} : { cause: refusal }
  });
}

// src/engine/publish.ts
async function publish(session, published, remote, signal) {
  session.phase("committing", null);
  published.mayHold = true;
  await keepMode(session, remote, signal);
  session.renameSent = true;
  session.previous = { kind: "unknown" };
  const refusal = session.nothingThere ? null : session.breakdown;
  if (session.cannotRename !== null && !session.renames) await noRename(session, remote, session.cannotRename, signal);
  else if (refusal === null) await replace(session, remote, signal);
  else await replaceStepwise(session, remote, refusal, signal);
  session.owned = false;
  published.confirmed = session.policy.verify !== "full";
  const final = await published.appeared(remote, signal);
  const isSeen = showsFile(final);
  if (session.aside !== null && isSeen) await dropAside(session, remote.tree, session.aside, signal);
  else if (session.aside !== null) keepAside(session, session.aside);
  for (const aside of session.keptAsides)
    if (isSeen) session.spent.add(aside);
    else keepAside(session, aside);
  session.replacedFinal();
  return final;
}
async function replace(session, remote, signal) {
  const { nothingThere } = session;
  try {
    await session.rename(remote.tree, session.partial, session.job.path, signal);
    session.learn(nothingThere ? { renames: true } : { renames: true, replaces: true });
  } catch (error) {
    if (isMissing(error)) throw await goneBefore(session, remote, error, signal);
    if (!isRefusal(error)) throw brokenDown(session, error);
    await replaceStepwise(session, remote, error, signal);
  }
}
function brokenDown(session, error) {
  if (!(error instanceof TransferError) || error.kind !== "transient") return error;
  session.manners.renamesCut += 1;
  if (session.manners.renamesCut >= 2) session.breakdown = error;
  return renamesNothing(session, error);
}
function renamesNothing(session, error) {
  const { size } = session.job.source;
  const isSmall = size <= session.ports.blockSize(size);
  if (failsAtRenames(session.manners, error) && isSmall && !session.renames) session.cannotRename = error;
  return error;
}
async function goneBefore(session, remote, cause, signal) {
  if (await twinTurnsUp(session, remote, signal)) return partialGone(cause);
  return taken(session, cause);
}
async function replaceStepwise(session, remote, refusal, signal) {
  const { path } = session.job;
  const { tree } = remote;
  const final = await session.stat(remote, path, signal);
  if ((await session.stat(remote, session.partial, signal)).is === "missing")
    throw final.is === "missing" ? await goneBefore(session, remote, refusal, signal) : partialGone(refusal);
  session.sawFinal(final, false);
  const mayStand = final.is === "unknown" || showsFile(final) || await session.isLink(remote, path, signal);
  if (!mayStand) return noRename(session, remote, refusal, signal);
  if (session.keptAsides.length >= KEPT_MAX) throw halfDone(session, refusal);
  const aside = session.passingPath("aside");
  session.aside = aside;
  session.previous = { kind: "unknown" };
  try {
    await session.rename(tree, path, aside, signal);
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw renamesNothing(session, error);
    const still = await session.stat(remote, path, signal);
    if (still.is !== "missing" || (await session.stat(remote, aside, signal)).is !== "there") {
      session.aside = null;
      session.sawFinal(still, false);
      if (final.is !== "unknown" && (isMissing(error) || still.is === "missing")) throw partialGone(error);
      return final.is === "unknown" ? noRename(session, remote, refusal, signal) : replaceByRemoval(session, remote, refusal, signal);
    }
  }
  session.learn({ replaces: false });
  session.previous = { kind: "aside", path: session.keptAsides[0] ?? aside };
  session.note("this server does not put one file in the place of another: the old one was moved aside, and goes when the new one is there");
  try {
    await session.rename(tree, session.partial, path, signal);
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error;
    const taken2 = await session.stat(remote, path, signal);
    await putBack(session, remote, [aside], signal);
    throw isMissing(error) || taken2.is === "there" ? partialGone(error) : error;
  }
}
async function replaceByRemoval(session, remote, refusal, signal) {
  const { path } = session.job;
  const { writer, tree } = remote;
  if (session.manners.stayed.size > 0 && session.known.renames === true) throw notReplaced(session, refusal);
  const cannot = writer === void 0 ? refusal : await renamesScratch(session, remote, signal, "extension");
  if (cannot !== null || !session.renames) return noRename(session, remote, refusal, signal);
  const { verdict } = await proveWhole(session.wholeProofContext(remote, session.partial), true, signal);
  const still = await session.stat(remote, session.partial, signal);
  if (still.is === "missing") throw partialGone(refusal);
  if (verdict !== "same" || still.is === "unknown") throw notReplaced(session, refusal);
  session.previous = { kind: "unknown" };
  try {
    await session.remove(tree, path, signal);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    session.sawFinal(await session.stat(remote, path, signal), false);
    throw notReplaced(session, error);
  }
  const { partial } = session;
  session.learn({ replaces: false });
  session.note("this server neither replaces the old file nor lets it be moved aside: it was removed when the new one was whole beside it");
  try {
    await session.rename(tree, partial, path, signal);
  } catch (error) {
    if (isMissing(error)) throw partialGone(error);
    if (!isRefusal(error)) throw error;
    if ((await session.stat(remote, partial, signal)).is === "missing") throw partialGone(error);
    session.previous = { kind: "removed", path: partial };
    throw new TransferError(
      "refused",
      `the old file was removed, and the new one cannot take its place; it lies whole at ${partial}: ${error.message}`,
      {
        hint: `Give it the name ${baseName(path)}, or let the account do so and run this again.`,
        cause: error
      }
    );
  }
}
var KEPT_MAX = 2;
function halfDone({ job, partial, keptAsides }, cause) {
  const message = `renaming leaves something else under ${job.path} than the new file, which lies whole at ${partial}; the old one lies at ${keptAsides[0]}: ${cause.message}`;
  return new TransferError("refused", message, { cause, hint: `Give one of them the name ${baseName(job.path)}.` });
}
function notReplaced(session, cause) {
  const { partial, job } = session;
  return new TransferError("refused", `the old file cannot make room for the new one, which lies whole at ${partial}: ${cause.message}`, {
    hint: `Let the account replace, rename or remove ${baseName(job.path)}.`,
    cause
  });
}
async function noRename(session, remote, refusal, signal) {
  if (session.renames) throw refusal;
  const asked = session.cannotRename === null && session.known.renames === true && remote.writer !== void 0;
  if (asked && await renamesScratch(session, remote, signal) === null && session.renames) throw refusal;
  await discard(session, remote.tree, session.partial, signal);
  session.renew();
  await goDirect(session, remote, refusal, signal);
  throw new TransferError("offset-conflict", "the file is sent again, to the final name itself", { cause: refusal });
}

// src/engine/published.ts
var PublishedName = class {
  /** The source may stand under the final name: our rename was sent and its answer lost, or somebody took our partial, perhaps to publish it. */
  mayHold = false;
  /**
   * The server has confirmed every byte, and the rename where there is one. From here on a look that fails takes nothing back, and nothing is sent again unless
   * something else shows.
   */
  confirmed = false;
  compared = false;
  session;
  constructor(session) {
    this.session = session;
  }
  /** How it was proven that the final name holds the source, or null. Asked at first, and again when somebody may have put it there. */
  async holdsSource(remote, signal) {
    const { session } = this;
    const { path, source, policy } = session.job;
    const final = await session.stat(remote, path, signal);
    if (final.is === "there" && final.file.kind === "directory") {
      throw new TransferError("conflict", `the target is a directory: ${path}`, {
        hint: "End `destination` with a slash to upload into it."
      });
    }
    session.sawFinal(final, this.mayHold);
    if (final.is !== "there") return null;
    const { size } = final.file;
    if (!(size === source.size || size === null && this.mayHold)) return null;
    if (this.mayHold) {
      if (!session.direct && (await session.stat(remote, session.partial, signal)).is === "there") return null;
    } else if (this.compared || policy.resume === "never") return null;
    this.compared = true;
    session.phase("comparing", source.size);
    const { verdict, method } = await couldProve(session.wholeProofContext(remote, path), true, signal);
    if (verdict === "same") return method;
    if (!session.wroteDirectly) session.finalBefore = final;
    return null;
  }
  /**
   * The connection was lost after everything had been confirmed. What can be read is compared, because a server that went down may have lost it; where nothing
   * can be, the confirmation stands. Null: it is to be sent again.
   */
  async stillHolds(remote, signal) {
    const { session } = this;
    const { path } = session.job;
    const final = await session.whenShown(remote, path, (look2) => this.fits(look2), signal);
    if (this.fits(final)) {
      session.phase("comparing", session.job.source.size);
      const { verdict, method } = await couldProve(session.wholeProofContext(remote, path), true, signal);
      if (verdict === "same") return method;
      if (verdict === "unknown") return "acknowledged";
    } else if (final.is === "unknown") return "acknowledged";
    else if (final.is === "missing" && !await this.isOursElsewhere(remote, signal)) return "acknowledged";
    this.confirmed = false;
    return null;
  }
  /** Just after the rename was confirmed: what shows under the final name. Rejects with `offset-conflict` when another process has moved it away. */
  async appeared(remote, signal) {
    const { session } = this;
    const { path, source } = session.job;
    const final = await session.whenShown(remote, path, (look2) => this.fits(look2), signal);
    if (this.fits(final)) return this.replaced(remote, final, signal);
    if (final.is === "unknown") return this.isMoved(remote, final, signal);
    if (final.is === "there") {
      this.confirmed = false;
      const { size, kind } = final.file;
      throw new TransferError("conflict", `after the rename ${path} holds ${size ?? kind} instead of ${source.size} bytes`, {
        hint: "Somebody else writes to the same target."
      });
    }
    const isThere = (await session.stat(remote, session.partial, signal)).is === "there";
    const isMoved = await movedAway(session, remote, signal);
    this.confirmed &&= !isMoved && !isThere;
    if (isMoved) throw partialGone(new TransferError("not-found", `after the rename there is no ${path}`));
    if (isThere) throw notDone(path);
    session.note(`the server confirmed the rename, and nothing shows under ${path}: it takes files away at once, or shows them later`);
    return final;
  }
  /** The old file may be as long as the new one: some servers confirm a rename over it and do nothing. Its marks tell, else its bytes. */
  async replaced(remote, final, signal) {
    const { session } = this;
    const { finalBefore: before, partial } = session;
    const { path } = session.job;
    if (before?.is !== "there" || !showsFile(final) || before.file.size !== final.file.size) return this.isMoved(remote, final, signal);
    const isNew = (look2) => !showsFile(look2) || !isAsBefore(before.file, look2.file);
    const now = await session.whenShown(remote, path, (look2) => isNew(look2) || !(showsFile(look2) && isMarked(look2.file)), signal);
    const isThere = (await session.stat(remote, partial, signal)).is === "there";
    if (!isThere && isNew(now)) return now;
    if (!isThere && (await couldProve(session.wholeProofContext(remote, path), true, signal)).verdict !== "different") return now;
    this.confirmed = false;
    throw notDone(path);
  }
  /** A file as long as ours may have come since the first look, or nothing is told. What has the time of our partial is ours; else the partial must be gone. */
  async isMoved(remote, final, signal) {
    const { session } = this;
    const time = showsFile(final) ? final.file.modifiedAtMs : null;
    if (time !== null && time === session.serverNowMs) return final;
    if ((await session.stat(remote, session.partial, signal)).is !== "there") return final;
    this.confirmed = false;
    throw notDone(session.job.path);
  }
  fits(look2) {
    return showsFile(look2) && (look2.file.size === null || look2.file.size === this.session.job.source.size);
  }
  /** A rename that was only said to be done, or a process with the same content that has moved ours aside to put its own there. */
  async isOursElsewhere(remote, signal) {
    const { session } = this;
    if (session.direct) return false;
    return (await session.stat(remote, session.partial, signal)).is === "there" || movedAway(session, remote, signal);
  }
};
function notDone(path) {
  return new TransferError("conflict", `the server confirmed the rename to ${path}, and did not do it`);
}

// src/engine/claim.ts
var TAKEN_MAX = 5;
var NOTHING_FOUND = { size: null, resumer: null };
var UNTOLD3 = { ...NOTHING_FOUND, untold: true };
async function findPartial(session, remote, writer, signal) {
  const { tree } = remote;
  if (tree === void 0 || session.direct) return NOTHING_FOUND;
  if (session.owned) {
    const own = await session.stat(remote, session.partial, signal);
    if (own.is === "unknown") return UNTOLD3;
    if (own.is === "there" && !await linked(session, remote, session.partial, signal)) {
      const found3 = await usable(session, own.file, writer, signal);
      return onlyAppends(found3) && !session.appended ? given(session, tree, session.partial, found3, signal) : found3;
    }
    session.renew();
  }
  const earlier = await restingPartial(session, remote, signal);
  if (earlier === null || await linked(session, remote, earlier.path, signal)) return NOTHING_FOUND;
  session.namedLike(earlier.path);
  const found2 = await usable(session, earlier.file, writer, signal);
  if (found2.resumer !== null) return given(session, tree, earlier.path, found2, signal);
  await discard(session, tree, earlier.path, signal);
  return found2;
}
function onlyAppends({ resumer }) {
  return resumer?.kind === "append" && resumer.rewind === void 0;
}
async function given(session, tree, path, found2, signal) {
  session.appended = onlyAppends(found2);
  return await claim(session, tree, path, signal) ? found2 : NOTHING_FOUND;
}
async function linked(session, remote, path, signal) {
  if (!await session.isLink(remote, path, signal)) return false;
  session.note(`a link was put in the place of the partial; it is not followed: ${path}`);
  if (remote.tree !== void 0) await discard(session, remote.tree, path, signal);
  return true;
}
async function usable(session, file, writer, signal) {
  if (file.kind !== "file") throw new TransferError("conflict", `the partial's name is taken by something else: ${session.partial}`);
  const holds = file.size !== null && file.size > 0 && session.job.source.size > 0;
  const resumes = holds && session.policy.resume === "auto" && session.resumerWorks;
  return { size: file.size, resumer: resumes ? await probe(session, writer, signal) : null };
}
function probe(session, writer, signal) {
  const directory = directoryName(session.job.path);
  return session.guarded("probing how a file can be continued", signal, (s) => writer.resumer(directory, s));
}
async function restingPartial(session, remote, signal) {
  for (let tries = 0; tries < TAKEN_MAX; tries += 1) {
    const found2 = await earlierPartial(session, remote, signal);
    if (found2 === null) return null;
    if (session.earlier?.ended === true && session.earlierPartials().includes(found2.path)) return found2;
    const resting = await whenItRests(session, remote, found2, signal);
    if (resting !== null) return resting;
    const final = await session.stat(remote, session.job.path, signal);
    if (showsFile(final) && final.file.size === session.job.source.size && mayBeTheirs(session, final.file))
      throw new TransferError("offset-conflict", `another run has finished with the partial ${found2.path}`);
  }
  return null;
}
async function earlierPartial(session, remote, signal) {
  const { earlier } = session;
  const [plain, appended] = earlier !== null && sameFingerprint(earlier.source, session.fingerprint) ? session.earlierPartials() : [];
  for (const path of earlier?.ended === true ? [plain, appended] : [plain]) {
    if (path === void 0) continue;
    const look2 = await session.stat(remote, path, signal);
    if (showsFile(look2)) return { path, file: look2.file };
    if (look2.is === "unknown" && earlier?.ended === true) session.spent.add(path);
  }
  const { size } = session.job.source;
  if (session.policy.resume === "never" || size <= session.ports.blockSize(size)) return null;
  const { same, others, asides } = await siblings(session, remote, signal);
  for (const other of others) session.left.add(other);
  await restoreFound(session, remote, asides, signal);
  for (const path of same) {
    const look2 = await session.stat(remote, path, signal);
    if (showsFile(look2)) return { path, file: look2.file };
  }
  return null;
}
async function claim(session, tree, path, signal) {
  session.owned = true;
  try {
    await session.rename(tree, path, session.partial, signal);
    session.renames = true;
    session.begun = true;
    session.record();
    return true;
  } catch (error) {
    if (isMissing(error)) session.note("another process has taken the earlier partial");
    else if (isRefusal(error)) session.note(`the earlier partial cannot be renamed and is left alone: ${path} (${error.message})`);
    else throw error;
    session.renew();
    return false;
  }
}

// src/engine/read-back-choice.ts
var UNMEASURED = { sendAlone: null, readAlone: null, sendBeside: null, readBeside: null };
var READING_LEAST = 1 / 16;
var TOGETHER_LEAST = 0.95;
var READING_ENOUGH = 0.9;
var SOON_MS = 2e3;
var SOON_AGAIN_MS = 500;
var TRIAL_MS = 4e3;
var TRIAL_SHARE = 1 / 32;
function wayToProve({ kept, missing: missing2, digests, writesAnywhere, connectionsMax, rates }) {
  const beside = writesAnywhere && connectionsMax > 1;
  if (digests) return beside && missing2 > 0 ? "beside" : "digest";
  const { read, send: send2 } = alone(rates);
  const hopeless = read !== null && send2 !== null && !isSoon(kept, read) && read < send2 * READING_LEAST;
  if (hopeless) return "send-again";
  return beside ? "beside" : "read-first";
}
function readsOn(left, again, rates) {
  const { read, send: send2 } = alone(rates);
  return read === null || send2 === null || isSoon(left, read) || left / read <= again / send2 / READING_ENOUGH;
}
function readingPays(unproven, { sendAlone, readAlone, sendBeside: sendBeside2, readBeside }) {
  const send2 = sendAlone ?? sendBeside2;
  const read = readBeside ?? readAlone;
  if (send2 === null || read === null || isSoon(unproven, read)) return true;
  if (read < send2 * READING_LEAST) return false;
  return sendAlone === null || sendBeside2 === null || readBeside === null || sendBeside2 + readBeside >= sendAlone * TOGETHER_LEAST;
}
function toSendAgain(unproven, rates, already = false) {
  const { read, send: send2 } = alone(rates);
  if (read === null || isSoon(unproven, read, already ? SOON_AGAIN_MS : SOON_MS)) return 0;
  if (send2 === null) return unproven > read * TRIAL_MS ? unproven * TRIAL_SHARE : 0;
  return read < send2 * READING_ENOUGH ? unproven * send2 / (send2 + read) : 0;
}
function isSoon(bytes, rate2, soonMs = SOON_MS) {
  return bytes <= rate2 * soonMs;
}
function alone({ sendAlone, readAlone, sendBeside: sendBeside2, readBeside }) {
  if (readAlone === null) return { read: readBeside, send: sendBeside2 ?? sendAlone };
  return { read: Math.max(readAlone, readBeside ?? 0), send: sendAlone ?? sendBeside2 };
}

// src/engine/salvage.ts
var COPY_BYTES_PER_MS = 2e4;
var REST_MS = 1e3;
async function salvage(session, remote, writer, signal) {
  const { earlier: old, policy } = session;
  const { tree } = remote;
  if (old === null || tree === void 0 || sameFingerprint(old.source, session.fingerprint)) return null;
  if (policy.onChange === "fail") {
    throw new TransferError("source-changed", "the source is not the one whose upload was begun", {
      hint: "Set `on-change: restart` to send the new version, or provide the same file again."
    });
  }
  const theirs = await oldPartial(session, remote, signal);
  if (theirs === null) return null;
  const { path } = theirs;
  const size = theirs.size ?? 0;
  session.namedLike(path);
  const blocks = salvageable(old, size, session.expected);
  const wanted = session.resumerWorks && policy.resume === "auto" && totalBytes(blocks) > 0 && !await session.isLink(remote, path, signal);
  if (wanted && await probe(session, writer, signal) !== null && (!old.ended || await rests(session, remote, { path, size, old }, signal)) && await take(session, tree, { path, size, old }, signal)) {
    session.note(`the source changed; ${formatBytes(totalBytes(blocks))} of the older partial may still be good`);
    return blocks;
  }
  if (old.ended) await discard(session, tree, path, signal);
  else session.left.add(path);
  return null;
}
async function oldPartial(session, remote, signal) {
  for (const path of session.earlierPartials()) {
    const look2 = await session.stat(remote, path, signal);
    if (showsFile(look2)) return { path, size: look2.file.size };
  }
  return null;
}
async function rests(session, remote, { path, size }, signal) {
  await session.ports.clock.sleep(REST_MS, signal);
  const look2 = await session.stat(remote, path, signal);
  return showsFile(look2) && look2.file.size === size;
}
async function take(session, tree, { path, size, old }, signal) {
  if (!old.ended && tree.copy === void 0) return false;
  try {
    const from = old.ended ? path : await copied(session, tree, path, size, signal);
    session.owned = true;
    await session.rename(tree, from, session.partial, signal);
    session.begun = true;
    session.record();
    return true;
  } catch (error) {
    if (!isMissing(error) && !isRefusal(error)) throw error;
    session.note(`the older partial cannot be used: ${error.message}`);
    session.renew();
    return false;
  }
}
async function copied(session, tree, path, size, signal) {
  const to = session.passingPath("copy");
  session.left.add(path);
  session.spent.add(to);
  await session.guarded("copying on the server", signal, async (s) => tree.copy?.(path, to, size, s), size / COPY_BYTES_PER_MS);
  return to;
}

// src/engine/upload-plan.ts
async function makePlan(session, remote, writer, signal) {
  const { policy, job } = session;
  const { found: found2, hinted } = await partialToBuildOn(session, remote, writer, signal);
  const { resumer } = found2;
  const facts = {
    size: job.source.size,
    resume: policy.resume,
    partialSize: found2.size,
    untold: found2.untold === true,
    resumer: kindOf(resumer)
  };
  const worth = candidates(facts, hinted);
  const kept = totalBytes(worth);
  if (kept === 0) return { plan: planUpload(facts, EMPTY), resumer };
  const context = session.proofContext(remote, session.partial);
  const wayWith = (withDigests) => wayToProve({
    kept,
    missing: job.source.size - kept,
    digests: withDigests,
    writesAnywhere: resumer?.kind === "positional",
    connectionsMax: session.oneAtATime ? 1 : remote.connectionsMax,
    rates: ratesFor(session, kept)
  });
  let ours = null;
  const beginsAsOurs = () => ours ??= isOurs(context, worth, signal);
  const digests = digestFits(context, worth);
  let way = wayWith(digests);
  if (way === "beside" && digests && !await beginsAsOurs()) way = "digest";
  if (way === "digest") {
    session.phase("verifying", kept);
    const proof = await proveByDigester(context, worth, signal);
    if (proof !== null) return { plan: planUpload(facts, told(session, worth, proof)), resumer };
    way = wayWith(false);
  }
  if (way === "send-again") {
    session.leftUnread = kept;
    return { plan: planAnew(facts), resumer };
  }
  if (way === "beside" && await beginsAsOurs()) return { plan: planBeside(facts, worth), resumer };
  session.phase("verifying", kept);
  const read = await readFirst(session, context, { facts, worth }, signal);
  if (read.leftUnread && facts.resumer === "append") return { plan: planAnew(facts), resumer };
  return { plan: planUpload(facts, told(session, worth, read)), resumer };
}
function ratesFor({ leftUnread, pace }, kept) {
  return kept > leftUnread ? pace.rates : UNMEASURED;
}
async function isOurs(context, worth, signal) {
  const [range] = worth;
  if (range === void 0) return false;
  const first = rangeSet([{ start: range.start, end: Math.min(range.end, range.start + context.expected.blockSize) }]);
  const { proven } = await proveByReading({ ...context, progress: () => {
  } }, first, () => true, signal);
  return totalBytes(proven) === totalBytes(first);
}
function told(session, worth, { proven, method }) {
  session.advance(totalBytes(proven));
  const how = method === "digest" ? "server digest" : "reading back";
  session.note(`${formatBytes(totalBytes(proven))} of the ${formatBytes(totalBytes(worth))} there proven by ${how}`);
  return proven;
}
async function readFirst(session, context, { facts, worth }, signal) {
  const { pace } = session;
  const total = totalBytes(worth);
  let done = 0;
  const progress = (bytes) => {
    pace.read(bytes - done);
    done = bytes;
    context.progress(bytes);
  };
  let leftUnread = false;
  const readOn = (left) => {
    leftUnread = !readsOn(left, facts.resumer === "append" ? total : left, ratesFor(session, total));
    return !leftUnread;
  };
  const proof = await pace.reading(() => proveByReading({ ...context, progress }, worth, readOn, signal));
  if (leftUnread) session.leftUnread = total;
  return { ...proof, leftUnread };
}
async function partialToBuildOn(session, remote, writer, signal) {
  const found2 = await findPartial(session, remote, writer, signal);
  if (found2.size !== null || found2.untold === true || session.direct) return { found: found2, hinted: null };
  const hinted = await salvage(session, remote, writer, signal);
  if (hinted === null) return { found: NOTHING_FOUND, hinted: null };
  const own = await session.stat(remote, session.partial, signal);
  return { found: { size: own.is === "there" ? own.file.size : null, resumer: await probe(session, writer, signal) }, hinted };
}
function kindOf(resumer) {
  if (resumer === null || resumer.kind === "positional") return resumer?.kind ?? null;
  return resumer.rewind === void 0 ? "append" : "rewind";
}

// src/engine/upload-send.ts
import { createHash as createHash4 } from "node:crypto";

// src/engine/ground.ts
var Ground = class {
  #toSend;
  #unproven;
  #proven = EMPTY;
  #sent = EMPTY;
  constructor(toSend, unproven) {
    this.#toSend = toSend;
    this.#unproven = unproven;
  }
  get toSend() {
    return totalBytes(this.#toSend);
  }
  get unproven() {
    return totalBytes(this.#unproven);
  }
  get toProve() {
    return this.#unproven;
  }
  get proven() {
    return totalBytes(this.#proven);
  }
  /** The next stretch to read back. */
  get nextToRead() {
    return this.#unproven[0] ?? null;
  }
  /** The next stretch to send; it is on its way from now on. */
  takeToSend() {
    const next = this.#toSend[0];
    if (next === void 0) return null;
    this.#toSend = this.#toSend.slice(1);
    return next;
  }
  wasSent(range) {
    this.#sent = union(this.#sent, [range]);
  }
  /** Whether what follows this block is still to be read. A wrong block is to be sent. */
  judged(piece, same) {
    this.#unproven = subtract(this.#unproven, [piece]);
    if (same) this.#proven = union(this.#proven, [piece]);
    else this.#toSend = union(this.#toSend, [piece]);
    return this.#unproven[0]?.start === piece.end;
  }
  /** At least so many of the unproven bytes, whole blocks from the end of what is there, are to be sent and no longer to be proven; never the block in hand. */
  sendFromTheEnd(bytes, blockSize) {
    const inHand = this.#unproven[0];
    let left = bytes;
    for (const range of this.#unproven.toReversed()) {
      if (left <= 0 || inHand === void 0) return;
      const first = range.start === inHand.start ? (Math.floor(range.start / blockSize) + 1) * blockSize : range.start;
      const cut = Math.max(first, Math.floor((range.end - left) / blockSize) * blockSize);
      const taken2 = rangeSet([{ start: cut, end: range.end }]);
      this.#unproven = subtract(this.#unproven, taken2);
      this.#toSend = union(this.#toSend, taken2);
      left -= totalBytes(taken2);
    }
  }
  /** What is not proven in this range, or at all, is to be sent. */
  sendUnproven(within = null) {
    const cut = within === null ? this.#unproven : subtract(this.#unproven, subtract(this.#unproven, [within]));
    this.#unproven = subtract(this.#unproven, cut);
    this.#toSend = union(this.#toSend, cut);
  }
  /** Bytes that are right as far as anybody knows. */
  hopedFor(acknowledged) {
    return totalBytes(union(this.#unproven, acknowledged));
  }
  /** Every byte of a file of this size was proven or sent. */
  covers(size) {
    return prefixLength(union(this.#proven, this.#sent)) >= size;
  }
};

// src/engine/private-partial.ts
var OWNER_WRITES = 384;
async function beginPrivately(session, remote, writer, signal) {
  await learnOldMode(session, remote, signal);
  const { partial, oldMode, job } = session;
  const { size } = job.source;
  const { tree } = remote;
  if (oldMode === null || (oldMode & OTHERS_READ) !== 0 || size === 0 || session.modeRefused || !session.resumerWorks) return null;
  if (tree?.setMode === void 0) return null;
  await session.guarded("making the partial", signal, (s) => makeScratch(writer, partial, s));
  session.begun = true;
  if (await refusalOf(session, remote, partial, oldMode & PERMISSIONS | OWNER_WRITES, signal) !== null) return null;
  const resumer = await probe(session, writer, signal);
  if (resumer?.kind === "positional") return (body, observer, s) => resumer.write(partial, { start: 0, end: size }, body, observer, s);
  const rewind = resumer?.rewind;
  return rewind === void 0 ? null : (body, observer, s) => rewind(partial, 0, size, body, observer, s);
}

// src/engine/upload-exchange.ts
var RECORD_BYTES = 8 * 1024 * 1024;
async function exchange(session, segment, signal, run2) {
  const { job, policy, ports, pace } = session;
  const length = segment.end - segment.start;
  const sentBefore = session.sentBytes;
  let recorded = 0;
  let paced = 0;
  let acknowledged = -1;
  let sent = 0;
  let over = false;
  const sending = watched({ clock: ports.clock, timeoutMs: policy.timeoutMs, bytes: length, what: "sending" }, signal, (s, watch2) => {
    const observer = {
      sent: (total) => {
        watch2.moved(total);
        session.begun = true;
        session.sentBytes = sentBefore + total;
        if (!over) pace.sent(total - sent);
        sent = total;
        session.sending();
        if (over || total - paced < RECORD_BYTES) return;
        paced = total;
        rememberPace(session);
      },
      acknowledged: (total) => {
        if (over) return;
        watch2.confirmed(total);
        acknowledged = total;
        session.acknowledge(union(session.acknowledged, rangeSet([{ start: segment.start, end: segment.start + total }])));
        if (total - recorded < RECORD_BYTES && total < length) return;
        recorded = total;
        session.record();
        rememberPace(session);
      }
    };
    return run2(job.source.read(segment, s), observer, s);
  });
  await pace.sending(() => sending).finally(() => {
    over = true;
  });
  session.unacknowledged ||= acknowledged < length;
}
function rememberPace(session) {
  session.learn({ sends: session.pace.toRemember(session.known.sends) });
}

// src/engine/upload-beside.ts
var SENT_FIRST_SHARE = 1 / 4;
var SENT_FIRST_MS = 1e3;
async function sendBeside(session, place, signal) {
  const there = place.ground.unproven;
  const both = new Both(session, place);
  try {
    await both.run(signal);
  } finally {
    session.resumedFrom ??= place.ground.proven;
  }
  if (!place.ground.covers(session.expected.size)) throw new TransferError("internal", "bytes of the partial were neither proven nor sent");
  session.note(`${formatBytes(place.ground.proven)} of the ${formatBytes(there)} there proven by ${both.how}`);
}
var Both = class {
  #session;
  #place;
  #stop = new AbortController();
  #sentFirst;
  #sentBefore;
  #failure = null;
  #over = false;
  #reading = false;
  #sending = false;
  #readerDone = false;
  #sentAgain = false;
  #told = "transferring";
  #changed = Promise.withResolvers();
  how = "reading back";
  constructor(session, place) {
    this.#session = session;
    this.#place = place;
    this.#sentBefore = session.sentBytes;
    this.#sentFirst = {
      bytes: place.ground.toSend * SENT_FIRST_SHARE,
      untilMs: session.ports.clock.nowMs() + SENT_FIRST_MS
    };
  }
  /** Of two failures the first is told; the other exchange ends with it, before this does. */
  async run(signal) {
    throwIfAborted(signal);
    const onAbort = () => this.#fail(abortError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.all([this.#send(), this.#prove()].map((one) => one.catch((error) => this.#fail(error))));
    } finally {
      this.#over = true;
      signal.removeEventListener("abort", onAbort);
    }
    if (this.#failure !== null) throw this.#failure.error;
  }
  #fail(error) {
    this.#failure ??= { error };
    this.#stop.abort(error);
    this.#wake();
  }
  #wake() {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
  /** Resolves when something has happened that may be waited for. */
  async #turn() {
    throwIfAborted(this.#stop.signal);
    await this.#changed.promise;
    throwIfAborted(this.#stop.signal);
  }
  async #send() {
    const { resumer, ground } = this.#place;
    const session = this.#session;
    const { partial } = session;
    for (; ; ) {
      throwIfAborted(this.#stop.signal);
      const next = this.#nextToSend();
      if (next === null) {
        if (this.#readerDone && ground.toSend === 0) return;
        this.#phase("verifying");
        await this.#turn();
        continue;
      }
      this.#phase("transferring");
      this.#sending = true;
      await exchange(session, next, this.#stop.signal, (body, observer, s) => {
        const sent = (total) => {
          observer.sent(total);
          this.#wake();
        };
        const acknowledged = (total) => {
          observer.acknowledged(total);
          this.#advance();
        };
        return resumer.write(partial, next, body, { sent, acknowledged }, s);
      });
      this.#sending = false;
      ground.wasSent(next);
      this.#wake();
    }
  }
  #nextToSend() {
    const { ground } = this.#place;
    const { expected, pace } = this.#session;
    if (ground.toSend === 0 && ground.unproven > 0 && this.#reading) {
      const again = toSendAgain(ground.unproven, pace.rates, this.#sentAgain);
      this.#sentAgain ||= again > 0;
      ground.sendFromTheEnd(again, expected.blockSize);
    }
    return ground.takeToSend();
  }
  async #prove() {
    if (!await this.#digest()) await this.#read();
    this.#readerDone = true;
    this.#wake();
  }
  /** At once: digests hardly use the connection. False where the server has none that tell. What they do not prove is sent. */
  async #digest() {
    const { ground, remote } = this.#place;
    const session = this.#session;
    const progress = (bytes) => {
      if (!this.#over && this.#told === "verifying") session.progress(bytes);
    };
    try {
      const context = { ...session.proofContext(remote, session.partial), progress };
      const proof = await proveByDigester(context, ground.toProve, this.#stop.signal);
      if (proof === null) return false;
      for (const range of proof.proven) {
        ground.judged(range, true);
        this.#proven(range);
      }
      this.how = "server digest";
      ground.sendUnproven();
      return true;
    } catch (error) {
      throw this.#stop.signal.aborted ? error : this.#whileSending(error);
    }
  }
  #proven(range) {
    const session = this.#session;
    session.reused += range.end - range.start;
    session.acknowledge(union(session.acknowledged, rangeSet([range])));
    this.#advance();
  }
  async #read() {
    const { ground } = this.#place;
    while (!this.#mayRead()) await this.#turn();
    for (let range = ground.nextToRead; range !== null; range = ground.nextToRead) await this.#readRange(range);
  }
  #mayRead() {
    const { ground } = this.#place;
    const { sentBytes, ports } = this.#session;
    const sent = sentBytes - this.#sentBefore;
    return sent >= this.#sentFirst.bytes || sent > 0 && ports.clock.nowMs() >= this.#sentFirst.untilMs || ground.toSend === 0 && !this.#sending;
  }
  async #readRange(range) {
    const { ground } = this.#place;
    const session = this.#session;
    const { signal } = this.#stop;
    const context = session.proofContext(this.#place.remote, session.partial);
    let read = 0;
    const progress = (bytes) => {
      if (this.#over) return;
      session.pace.read(bytes - read);
      read = bytes;
    };
    const judged = (piece, same) => this.#judged(piece, same);
    this.#reading = true;
    try {
      const end = await session.pace.reading(() => readBack(context, { range, progress, judged }, signal));
      if (end === "denied" && read === 0 && this.#sending)
        throw new TransferError("denied", "the server lets nobody read while it is written to");
      if (end === "refused" || end === "denied") ground.sendUnproven();
      else if (end === "short") ground.sendUnproven(range);
    } catch (error) {
      throw signal.aborted || read > 0 ? error : this.#whileSending(error);
    } finally {
      this.#reading = false;
      this.#wake();
    }
  }
  /** What is there from before and not yet known to be wrong counts: an attempt that ends before it is all read has got on by what it has sent. */
  #advance() {
    if (!this.#over) this.#session.advance(this.#place.ground.hopedFor(this.#session.acknowledged));
  }
  #phase(phase) {
    const { ground } = this.#place;
    if (phase === this.#told || phase === "verifying" && ground.unproven === 0) return;
    this.#told = phase;
    this.#session.phase(phase, phase === "transferring" ? this.#session.expected.size : ground.unproven + ground.proven);
  }
  /** A server may let nobody in twice: the next attempt reads first. What was sent in this one counts for nothing then but progress, as after any failure. */
  #whileSending(error) {
    if (!this.#sending || !(error instanceof TransferError)) return error;
    this.#session.oneAtATime = true;
    return error.kind === "transient" ? error : new TransferError("transient", error.message, { cause: error });
  }
  #judged(piece, same) {
    if (this.#over) return false;
    const { ground } = this.#place;
    const session = this.#session;
    const readsOn2 = ground.judged(piece, same);
    if (same) this.#proven(piece);
    if (this.#told === "verifying") session.progress(ground.proven);
    if (!readingPays(ground.unproven, session.pace.rates)) ground.sendUnproven();
    this.#wake();
    return readsOn2 && ground.unproven > 0;
  }
};

// src/engine/upload-send.ts
async function send(session, remote, writer, { plan, resumer }, signal) {
  const { size } = session.job.source;
  session.acknowledge(plan.kind === "start" || plan.kind === "beside" ? EMPTY : missing(plan.segments, size));
  session.begunAttempt();
  session.kept = 0;
  if (plan.kind === "start") return create(session, remote, writer, signal);
  const { partial } = session;
  session.record();
  session.phase("transferring", size);
  session.unacknowledged = false;
  if (plan.kind === "fill" || plan.kind === "beside") {
    if (resumer?.kind !== "positional") throw new TransferError("internal", "a plan to fill holes needs a positional writer");
    if (plan.truncateTo !== null) await session.guarded("cutting the partial", signal, (s) => resumer.truncate(partial, size, s));
    if (plan.kind === "beside") return sendBeside(session, { remote, resumer, ground: new Ground(plan.segments, plan.unproven) }, signal);
    for (const segment of plan.segments) {
      await exchange(session, segment, signal, (body, observer, s) => resumer.write(partial, segment, body, observer, s));
    }
    return;
  }
  const how = resumer?.kind !== "append" ? void 0 : resumer.rewind ?? (plan.kind === "append" ? resumer.append : void 0);
  if (how === void 0) throw new TransferError("internal", `a plan to ${plan.kind} needs a server that can`);
  for (const segment of plan.segments) {
    const length = segment.end - segment.start;
    session.kept = segment.start;
    await exchange(session, segment, signal, (body, observer, s) => how(partial, segment.start, length, body, observer, s));
    await confirmKept(session, remote, segment.start, signal);
  }
}
async function confirmKept(session, remote, end, signal) {
  const piece = await tellingPiece(session, end, signal);
  if (piece === null) return;
  const sample = rangeSet([piece]);
  const { proven } = await proveRanges(session.proofContext(remote, session.partial), sample, signal);
  if (totalBytes(proven) === totalBytes(sample)) return;
  if ((await session.stat(remote, session.partial, signal)).is === "missing") return;
  throw new TransferError("offset-conflict", "what was kept is not in the file any more: it was made anew when it was continued");
}
async function tellingPiece({ expected, job }, end, signal) {
  const { blockSize, blocks } = expected;
  const ofZeros = (length) => createHash4("sha256").update(new Uint8Array(length)).digest("hex");
  const whole = Math.floor(end / blockSize);
  const rest = { start: whole * blockSize, end };
  if (end > rest.start && await job.source.digest(rest, "sha256", signal) !== ofZeros(end - rest.start)) return rest;
  const zeros = ofZeros(blockSize);
  for (let i = whole - 1; i >= 0; i -= 1) if (blocks[i] !== zeros) return { start: i * blockSize, end: (i + 1) * blockSize };
  return null;
}
async function create(session, remote, writer, signal) {
  if (session.owned && !session.direct && remote.tree !== void 0) {
    await discard(session, remote.tree, session.partial, signal);
    session.renew();
  }
  if (remote.tree !== void 0) await ensureDirectory(session, remote, remote.tree, directoryName(session.job.path), signal);
  await chooseStaging(session, remote, signal);
  for (let refusal = null; ; ) {
    const before = session.sentBytes;
    try {
      return await createNamed(session, remote, writer, signal);
    } catch (error) {
      refusal ??= error;
      if (await otherName(session, remote, error, session.sentBytes - before, signal)) continue;
      const first = session.direct ? error : refusal;
      throw isMissing(first) ? badPath(first) : first;
    }
  }
}
async function createNamed(session, remote, writer, signal) {
  const { size } = session.job.source;
  const { partial } = session;
  session.owned = true;
  session.unacknowledged = false;
  session.record();
  session.phase("transferring", size);
  const before = session.previous;
  if (session.direct) session.previous = { kind: "unknown" };
  try {
    const begun = await beginPrivately(session, remote, writer, signal);
    const send2 = begun ?? ((body, observer, s) => writer.create(partial, size, body, observer, s));
    await exchange(session, { start: 0, end: size }, signal, send2);
    session.shapeWorks = true;
    if (!session.direct) session.learn({ shape: session.shape });
    session.wroteDirectly ||= session.direct;
  } catch (error) {
    const isRefused = (isRefusal(error) || isMissing(error)) && !session.begun;
    session.wroteDirectly ||= session.direct && !isRefused;
    if (!isRefused) throw error;
    if (size > 0) session.previous = before;
    throw error;
  }
}
async function ensureDirectory(session, remote, tree, directory, signal) {
  if (directory === "" || directory === "/") return;
  const found2 = await session.stat(remote, directory, signal);
  if (found2.is === "there" && !(found2.file.kind === "file" && found2.file.size === null)) return;
  try {
    await session.guarded("making the directory", signal, (s) => tree.makeDirectory(directory, s));
  } catch (error) {
    if (found2.is !== "unknown" || !isUntold(error)) throw error;
  }
}

// src/engine/pace.ts
var MEASURED_MS = 500;
var DIFFERS_SHARE = 1 / 4;
var Pace = class {
  #clock;
  #remembered;
  #sending = { ms: 0, sent: 0, read: 0 };
  #reading = { ms: 0, sent: 0, read: 0 };
  #both = { ms: 0, sent: 0, read: 0 };
  #isSending = false;
  #isReading = false;
  #since = 0;
  /**
   * `remembered`: what an earlier process measured of sending alone, in bytes per second. It stands in until this one has sent enough to know, so that what is read
   * before anything is sent can be weighed. It may be old or made up, and then the slower way is taken, once: whatever is not proven is sent.
   */
  constructor(clock, remembered = null) {
    this.#clock = clock;
    this.#remembered = remembered;
  }
  /** Bytes are being sent while `work` runs, from the first one on: what comes before it is the connection's. */
  async sending(work) {
    try {
      return await work();
    } finally {
      this.#tick();
      this.#isSending = false;
    }
  }
  async reading(work) {
    try {
      return await work();
    } finally {
      this.#tick();
      this.#isReading = false;
    }
  }
  sent(bytes) {
    const spell = this.#tick();
    if (this.#isSending && spell !== null) spell.sent += bytes;
    this.#isSending = true;
  }
  read(bytes) {
    const spell = this.#tick();
    if (this.#isReading && spell !== null) spell.read += bytes;
    this.#isReading = true;
  }
  get rates() {
    const sendBeside2 = rate(this.#both, this.#both.sent);
    const remembered = this.#remembered === null || sendBeside2 !== null ? null : this.#remembered / 1e3;
    return {
      sendAlone: rate(this.#sending, this.#sending.sent) ?? remembered,
      readAlone: rate(this.#reading, this.#reading.read),
      sendBeside: sendBeside2,
      readBeside: rate(this.#both, this.#both.read)
    };
  }
  /** What the next process should know of sending alone, in bytes per second: what was measured here, or else `known`, also where both are about the same. */
  toRemember(known) {
    const measured = rate(this.#sending, this.#sending.sent);
    if (measured === null) return known;
    const sends = Math.min(Math.round(measured * 1e3), SENDS_MAX);
    return known === null || Math.abs(sends - known) > known * DIFFERS_SHARE ? sends : known;
  }
  /** The time since the last look belongs to what went on meanwhile. */
  #tick() {
    const now = this.#clock.nowMs();
    const spell = this.#isSending && this.#isReading ? this.#both : this.#isSending ? this.#sending : this.#isReading ? this.#reading : null;
    if (spell !== null) spell.ms += now - this.#since;
    this.#since = now;
    return spell;
  }
};
function rate({ ms }, bytes) {
  return ms < MEASURED_MS ? null : bytes / ms;
}

// src/engine/twin-signs.ts
var TwinSigns = class {
  #earlier = /* @__PURE__ */ new Map();
  #now = /* @__PURE__ */ new Map();
  #ours = /* @__PURE__ */ new Set();
  /** `own`: what this process has left under a name of its own is a sign of nobody. */
  attemptBegins(own) {
    this.#ours.add(own);
    for (const [name, size] of this.#now) this.#earlier.set(name, size);
    this.#now.clear();
  }
  isNew(name, size) {
    if (this.#ours.has(name)) return false;
    this.#now.set(name, size);
    return size === null || !this.#earlier.has(name) || this.#earlier.get(name) !== size;
  }
};

// src/engine/upload-session.ts
var LOOKS_MAX = 5;
var LOOK_AGAIN_MS2 = 1e3;
var UploadSession = class extends Session {
  job;
  expected;
  fingerprint;
  /** What the journal knew of this file when the process began. */
  earlier;
  /** Bytes of the file handed to the network, all attempts of this process together. */
  sentBytes = 0;
  /** Bytes kept by the first plan; null before it. */
  resumedFrom = null;
  acknowledged = EMPTY;
  /** The bytes go to the final name itself, because nothing can be renamed here. */
  direct = false;
  /** What the server said to a rename that it refuses for good. */
  cannotRename = null;
  /** Bytes went to the final name itself. */
  wroteDirectly = false;
  /** The server took the bytes of the last exchange and did not say that it has stored them. */
  unacknowledged = false;
  /** The partial of this process has been there: bytes went to it, or it was claimed. */
  begun = false;
  /** A request to make the partial of this process's name has been sent, so that there may be one. */
  owned = false;
  /** A rename to the final name was sent: what was there may be gone. */
  renameSent = false;
  /** The first look at the final name, or a later one at what was not the source either. */
  finalBefore = null;
  /** Bytes from the start of the partial that were proven before the last exchange; 0 for a new file. */
  kept = 0;
  /** Another process has been seen at work on the same content. */
  contested = false;
  twinSigns = new TwinSigns();
  /** What may as well be older was taken for the sign of another run. */
  missedOnce = false;
  /** How often the partial of this process was gone while it was written. */
  vanished = 0;
  /** The server has been told to append to the partial, or will be. */
  appended = false;
  /** What the names look like that this process makes beside the target. */
  shape;
  /** A file of such a name was made here. */
  shapeWorks = false;
  /** Those in which none could be made, with what the server said. */
  refusedShapes = /* @__PURE__ */ new Map();
  /** This process was seen to rename a file here. */
  renames = false;
  manners = new Manners();
  /** How a server that breaks down at renames over a file did so. */
  breakdown = null;
  /** False once this server's way of continuing, or its digest, was found not to work. */
  resumerWorks = true;
  digesterWorks = true;
  /** What became of the file that was under the final name. */
  previous = { kind: "unknown" };
  /** Whether there was one before ours; null when nobody could tell. */
  hadFile = null;
  /** By the last look at the final name, which has told so, or nothing. */
  nothingThere = false;
  finalUntold = false;
  /** Permission bits of the file that is to be replaced, by the last look that told them, and of the one that is to replace it. */
  oldMode = null;
  newMode = null;
  /** The server does not set them; how often that failed, and how often it was asked for those of the old file. */
  modeRefused = false;
  modeFailures = 0;
  modeAsks = 0;
  /** Where the old file waits while this process puts the new one in its place. */
  aside = null;
  /** Those left because what stands under the final name is not the new file: first the old one, then what came instead. */
  keptAsides = [];
  /** The server's clock, as the time of a file that this process has just written. */
  serverNowMs = null;
  /** Files of the final name that were set aside, by every listing so far. */
  asidesSeen = /* @__PURE__ */ new Set();
  /** Partials of other processes that were left alone. */
  left = /* @__PURE__ */ new Set();
  /** Files of this process that nobody needs any more. */
  spent = /* @__PURE__ */ new Set();
  /** How fast bytes travel to and from this server. */
  pace;
  /** A second exchange beside the first one was not let in. */
  oneAtATime = false;
  /** So many kept bytes were not read back the last time, because sending them again is faster. */
  leftUnread = 0;
  /** Bytes of the file that were there, proven in this attempt. */
  reused = 0;
  /** `sentBytes` as the attempt's sending began. */
  sentBefore = 0;
  nonce;
  earlierShape;
  constructor(job, ports, expected) {
    super(job.name, job.policy, ports);
    this.job = job;
    this.expected = expected;
    this.fingerprint = contentFingerprint(expected);
    this.earlier = ports.recorder.entry(job.key);
    this.nonce = ports.newNonce();
    this.pace = new Pace(ports.clock, this.known.sends);
    this.shape = this.known.shape;
    this.earlierShape = this.shape;
  }
  /** Of this server and directory, by this process or an earlier one. */
  get known() {
    return this.ports.recorder.host(this.job.place) ?? unseenHost(this.job.place);
  }
  learn(seen) {
    const now = { ...this.known, ...seen };
    if (!sameHost(now, this.known)) this.ports.recorder.learn(now);
  }
  /**
   * Where the bytes go before they are published. No other process ever makes a file of this name, so the file found under it was begun by this process, or was
   * renamed to it by this process.
   */
  get partial() {
    const { nonce, appended, shape } = this;
    return this.direct ? this.job.path : partialPath(this.job.path, this.fingerprint, nonce, { appended, shape });
  }
  /** What was found under such a name can only be given one that is like it: others may be forbidden here. */
  namedLike(path) {
    const { shape } = partialParts(baseName(this.job.path), baseName(path)) ?? {};
    if (shape !== void 0 && !this.owned) this.shape = shape;
  }
  /** From here on another name, which nobody has used. */
  renew() {
    this.nonce = this.ports.newNonce();
    this.appended = false;
    this.begun = false;
    this.owned = false;
  }
  /** A name beside the target that no other process chooses. */
  passingPath(what) {
    const { path } = this.job;
    return joinPath(directoryName(path), passingName(baseName(path), this.ports.newNonce(), what, this.shape));
  }
  /** Of a scratch file, and what it is renamed to. */
  scratchPaths(shape) {
    const { path } = this.job;
    const nonce = this.ports.newNonce();
    const pathOf = (renamed) => joinPath(directoryName(path), scratchName(baseName(path), nonce, renamed, shape));
    return [pathOf(false), pathOf(true)];
  }
  /** Where the process that wrote the journal had its partial: two places, of which only the first may be taken from a process that may be alive. */
  earlierPartials() {
    const { earlier, job } = this;
    const { nonce } = earlier ?? { nonce: null };
    if (earlier === null || nonce === null) return [];
    return [false, true].map((appended) => partialPath(job.path, earlier.source, nonce, { appended, shape: this.earlierShape }));
  }
  /** A look at what is under the final name, for what is said about it later. `ours`: what is there may be the new file. */
  sawFinal(final, ours) {
    this.finalBefore ??= final;
    if (final.is !== "unknown" && !ours && !this.wroteDirectly && !this.renameSent) this.hadFile ??= final.is === "there";
    this.nothingThere = final.is === "missing";
    this.finalUntold = final.is === "unknown";
    if (showsFile(final) && !ours && !this.wroteDirectly) this.oldMode = final.file.mode ?? this.oldMode;
    if (this.keptAsides[0] !== void 0) this.previous = { kind: "aside", path: this.keptAsides[0] };
    else if (ours || this.wroteDirectly) this.previous = { kind: "unknown" };
    else if (this.aside !== null) return;
    else if (final.is !== "missing") this.previous = { kind: final.is === "there" ? "untouched" : "unknown" };
    else this.previous = { kind: this.hadFile === false ? "none" : "unknown" };
  }
  /** The new file is in place. */
  replacedFinal() {
    this.previous = { kind: this.hadFile === null ? "unknown" : this.hadFile ? "replaced" : "none" };
  }
  /** The process that wrote the journal wrote this content to the final name itself. */
  earlierDirectly() {
    const { earlier } = this;
    return earlier !== null && earlier.nonce === null && sameFingerprint(earlier.source, this.fingerprint);
  }
  stat(remote, path, signal) {
    return this.look(remote, path, "looking at the target", signal);
  }
  /** Looks again for a while, unless it is there already, or is not told. */
  async whenShown(remote, path, isIt, signal) {
    for (let looks = 1; ; looks += 1) {
      const look2 = await this.stat(remote, path, signal);
      if (look2.is === "unknown" || isIt(look2) || looks >= LOOKS_MAX) return look2;
      await this.ports.clock.sleep(LOOK_AGAIN_MS2, signal);
    }
  }
  /** A server that does not tell shows no link. */
  async isLink({ tree }, path, signal) {
    try {
      return await this.guarded("looking for a link", signal, async (s) => await tree?.isLink?.(path, s) ?? false);
    } catch (error) {
      if (!isUntold(error)) throw error;
      return false;
    }
  }
  remove(tree, path, signal) {
    return this.guarded(`removing ${baseName(path)}`, signal, (s) => tree.remove(path, s));
  }
  rename(tree, from, to, signal) {
    return this.patient(`renaming ${baseName(from)}`, this.job.source.size, signal, (s) => tree.rename(from, to, s));
  }
  proofContext(remote, path) {
    return {
      remote,
      path,
      source: this.job.source,
      expected: this.expected,
      clock: this.ports.clock,
      timeoutMs: this.policy.timeoutMs,
      digester: this.digesterWorks && this.policy.verify !== "size" ? remote.digester : void 0,
      progress: (done) => this.progress(done)
    };
  }
  /** For the last word on a whole file: `verify: full` does not take a CRC's. */
  wholeProofContext(remote, path) {
    const context = this.proofContext(remote, path);
    const weak = this.policy.verify === "full" && context.digester?.algorithm === "crc32";
    return weak ? { ...context, digester: void 0 } : context;
  }
  /** Every byte is proven or acknowledged. */
  get isAcknowledged() {
    return totalBytes(this.acknowledged) === this.job.source.size;
  }
  /** The bytes that are acknowledged from now on, proven ones included. */
  acknowledge(ranges) {
    this.acknowledged = ranges;
    this.advance(totalBytes(ranges));
  }
  begunAttempt() {
    this.sentBefore = this.sentBytes;
    this.reused = totalBytes(this.acknowledged);
  }
  /** Bytes are on their way. */
  sending() {
    this.progress(Math.min(this.expected.size, this.reused + this.sentBytes - this.sentBefore), this.reused);
  }
  record() {
    const { blockSize, blocks } = this.expected;
    const { acknowledged, fingerprint: source } = this;
    const nonce = this.direct ? null : this.nonce;
    this.ports.recorder.record({ key: this.job.key, source, nonce, ended: false, blockSize, checkKey: null, blocks, acknowledged });
  }
};
function partialPath(path, fingerprint, nonce, form = {}) {
  return joinPath(directoryName(path), partialName(baseName(path), fingerprintTag(fingerprint), nonce, form));
}

// src/engine/upload.ts
var UNBEGUN = {
  sentBytes: 0,
  resumedFrom: null,
  wroteDirectly: false,
  previous: { kind: "unknown" },
  begun: false
};
async function upload(job, ports, signal) {
  const started = ports.clock.nowMs();
  const { size } = job.source;
  let session = null;
  ports.reporter.report({ kind: "started", name: job.name, size });
  const carryOut2 = async () => {
    session = new UploadSession(job, ports, await hashWhileConnecting(job, ports, signal));
    return toTheEnd2(session, signal);
  };
  const outcome = await carryOut2().catch(failedOutcome);
  if (session !== null) tellStayed(session);
  const { sentBytes: bytesTransferred, resumedFrom, wroteDirectly, previous, begun } = session ?? UNBEGUN;
  const result = {
    name: job.name,
    size,
    bytesTransferred,
    // A server may have gone on storing what an attempt before had sent: what was not sent by this one is reused.
    bytesReused: outcome.status === "unchanged" ? size : Math.max(resumedFrom ?? 0, outcome.status === "complete" ? size - bytesTransferred : 0),
    resumedFrom: resumedFrom ?? 0,
    ...wroteDirectly ? { writtenDirectly: true } : {},
    previous,
    ...begun ? {} : { keptNothing: true },
    durationMs: ports.clock.nowMs() - started,
    ...outcome
  };
  ports.reporter.report({ kind: "finished", name: job.name, result });
  return result;
}
async function hashWhileConnecting(job, ports, signal) {
  const { size } = job.source;
  const controller = new AbortController();
  const onAbort = () => controller.abort(abortError(signal));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  job.remote.get(signal).catch((error) => {
    if (!(error instanceof TransferError) || reactionTo(error.kind) !== "retry") controller.abort(error);
  });
  ports.reporter.report({ kind: "phase", name: job.name, phase: "hashing", total: size });
  const progress = (done) => ports.reporter.report({ kind: "progress", name: job.name, done, reused: 0 });
  try {
    return await job.source.blockDigests(ports.blockSize(size), progress, controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
function toTheEnd2(session, signal) {
  const published = new PublishedName(session);
  const downgrade = (error) => {
    if (!session.resumerWorks) return false;
    session.resumerWorks = false;
    session.note(`continuing does not work on this server (${error.message}); sending the whole file`);
    return true;
  };
  const stands = (error) => confirmedOutcome(session, published, error, signal);
  return session.persevere({ downgrade }, signal, () => attempt2(session, published, signal)).catch(stands);
}
async function confirmedOutcome(session, published, error, signal) {
  const isPassing = error instanceof TransferError && reactionTo(error.kind) === "retry";
  if (!published.confirmed || !isPassing || signal.aborted) throw error;
  session.note(`the file could not be looked at after it was confirmed (${error.message})`);
  const digest = await sourceDigest(session, signal);
  session.replacedFinal();
  return concluded(session, { proof: "acknowledged", isSeen: false }, digest);
}
async function attempt2(session, published, signal) {
  session.phase("connecting", null);
  session.contested ||= published.mayHold;
  session.twinSigns.attemptBegins(baseName(session.partial));
  const remote = await session.job.remote.get(signal);
  const { writer } = remote;
  if (writer === void 0) throw new TransferError("refused", `nothing can be written to this server over ${remote.protocol}`);
  try {
    return await workOn({ session, published, remote, signal }, writer);
  } catch (error) {
    const isVoid = error instanceof TransferError && error.kind === "offset-conflict";
    if (isVoid && await showsTwin(session, remote, signal)) session.giveWay();
    throw error;
  }
}
async function workOn({ session, published, remote, signal }, writer) {
  const already = (published.confirmed ? await published.stillHolds(remote, signal) : null) ?? await published.holdsSource(remote, signal);
  if (already !== null) return inPlace(session, published, remote, already, signal);
  await restoreOld(session, remote, signal);
  const proof = await lookingForTwins({ session, published, remote, signal }, async () => {
    const planned = await makePlan(session, remote, writer, signal);
    session.planned(describePlan(planned.plan, formatBytes));
    session.resumedFrom ??= keptBy(planned.plan);
    await send(session, remote, writer, planned, signal);
    published.confirmed = session.direct && !session.unacknowledged && session.policy.verify !== "full";
    return proveSent(session, remote, signal);
  });
  const digest = await sourceDigest(session, signal);
  if (!session.direct && hasTree(remote)) {
    const final = await publish(session, published, remote, signal);
    return complete(session, remote, { proof: proofOf(proof, final, session), isSeen: final.is === "there" }, digest, signal);
  }
  await keepMode(session, remote, signal);
  session.replacedFinal();
  return complete(session, remote, { proof, isSeen: proof !== "acknowledged" }, digest, signal);
}
function keptBy(plan) {
  if (plan.kind === "beside") return null;
  return plan.kind === "start" ? 0 : plan.kept;
}
async function inPlace(session, published, remote, proof, signal) {
  const digest = await sourceDigest(session, signal);
  const { earlier } = session;
  if (earlier !== null) {
    const isSpent = earlier.ended || sameFingerprint(earlier.source, session.fingerprint);
    for (const path of session.earlierPartials()) (isSpent ? session.spent : session.left).add(path);
  }
  if (session.owned && !session.direct) session.spent.add(session.partial);
  for (const aside of session.keptAsides) session.spent.add(aside);
  if (session.aside !== null) session.spent.add(session.aside);
  else await leaveAsides(session, remote, signal);
  const outcome = await complete(session, remote, { proof, isSeen: proof !== "acknowledged" }, digest, signal);
  if (published.mayHold || session.wroteDirectly) {
    session.replacedFinal();
    return outcome;
  }
  session.previous = { kind: "untouched" };
  return { ...outcome, status: "unchanged" };
}
var VANISHED_MAX = 1;
var VANISHED = ["refused", "conflict", "protocol", "not-found", "unsupported", "offset-conflict"];
async function lookingForTwins({ session, published, remote, signal }, work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransferError && error.kind === "integrity") published.confirmed = false;
    const found2 = await isGone(session, remote, error, signal) ? partialGone(error) : error;
    if (found2 instanceof TransferError && found2.kind === "offset-conflict") published.mayHold = true;
    throw found2;
  }
}
async function isGone(session, remote, error, signal) {
  if (!(error instanceof TransferError) || session.direct || !session.begun || !VANISHED.includes(error.kind)) return false;
  const found2 = await session.stat(remote, session.partial, signal).catch(() => null);
  const isShort = found2?.is === "there" && found2.file.size !== null && found2.file.size < session.kept;
  if (found2?.is !== "missing" && !isShort) return false;
  if ((session.vanished >= VANISHED_MAX || session.isAcknowledged) && !await twinTurnsUp(session, remote, signal)) return false;
  session.vanished += 1;
  if (isShort && remote.tree !== void 0) await discard(session, remote.tree, session.partial, signal);
  session.renew();
  return true;
}
async function sourceDigest({ job: { source } }, signal) {
  const digest = await source.digest({ start: 0, end: source.size }, "sha256", signal);
  await source.recheck();
  return `sha256:${digest}`;
}
var PROOF_TEXT = {
  "read-back": "read back and compared",
  size: "size and acknowledgements",
  acknowledged: "confirmed by the server, not looked at"
};
function proofOf(proof, final, { job }) {
  if (proof === "digest" || proof === "read-back") return proof;
  if (final.is !== "there") return "acknowledged";
  return final.file.size === job.source.size ? "size" : proof;
}
async function complete(session, remote, reached, digest, signal) {
  const outcome = concluded(session, reached, digest, remote);
  await tidy(session, remote, signal);
  return outcome;
}
function concluded(session, { proof, isSeen }, digest, remote) {
  session.ports.recorder.forget(session.job.key);
  if (isSeen) session.job.placed?.(session.expected);
  if (proof === "acknowledged") session.note("the server confirmed every byte, and nothing of what it stored could be looked at");
  const proofDetail = proof === "digest" ? `${remote?.digester?.algorithm ?? ""} by the server` : PROOF_TEXT[proof];
  return { status: "complete", proof, proofDetail, digest };
}

// src/local/source.ts
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";

// src/local/errors.ts
var KINDS = {
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  EACCES: "refused",
  EPERM: "refused",
  EROFS: "refused",
  EISDIR: "conflict",
  ELOOP: "conflict",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EFBIG: "no-space",
  ENAMETOOLONG: "invalid-input",
  EMFILE: "transient",
  ENFILE: "transient"
};
function localError(doing) {
  return (error) => {
    if (error instanceof TransferError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const hint = code === "ENOSPC" ? { hint: "Free space on the runner." } : {};
    throw new TransferError(KINDS[code] ?? "refused", `cannot ${doing}: ${code || String(error)}`, { cause: error, ...hint });
  };
}
var CANNOT_SYNC = ["EINVAL", "EOPNOTSUPP", "ENOTSUP", "ENOSYS"];
function syncError(path) {
  return (error) => {
    if (error instanceof Error && "code" in error && CANNOT_SYNC.includes(String(error.code))) return;
    localError(`write ${path} to the disk`)(error);
  };
}

// src/local/file-digester.ts
import { Worker } from "node:worker_threads";
var WORKER = new URL(import.meta.url.endsWith(".ts") ? "./digest-worker.ts" : "./digest-worker.js", import.meta.url);
function fileDigester(descriptor, options = {}) {
  const { algorithm = "sha256", start = 0, checkKey = "0".repeat(CHECK_HEX_LENGTH) } = options;
  const data = { descriptor, algorithm, start, checkKey };
  const worker = new Worker(WORKER, { workerData: data, resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 } });
  const waiting = /* @__PURE__ */ new Map();
  let lastId = 0;
  let dead = null;
  worker.unref();
  worker.on("message", (reply) => {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ("digest" in reply) asked?.resolve(reply);
    else if ("passed" in reply) asked?.resolve(null);
    else if ("shortAt" in reply)
      asked?.reject(new TransferError("source-changed", `the file ended at byte ${reply.shortAt} while it was read`));
    else asked?.reject(new TransferError("refused", `cannot read the file: ${reply.error}`));
  });
  const die = (error) => {
    dead ??= error;
    for (const asked of waiting.values()) asked.reject(error);
    waiting.clear();
  };
  worker.on("error", (error) => die(threadError(error)));
  const ask = (request) => {
    if (dead !== null) return Promise.reject(dead);
    lastId += 1;
    const asked = Promise.withResolvers();
    asked.promise.catch(() => {
    });
    waiting.set(lastId, asked);
    worker.ref();
    worker.postMessage(request(lastId));
    return asked.promise;
  };
  const told2 = async (request) => {
    const found2 = await ask(request);
    if (found2 === null) throw new TransferError("internal", "the hashing thread gave no digest");
    return found2;
  };
  return {
    piece: ({ start: from, end }) => told2((id) => ({ kind: "piece", id, start: from, end })),
    prefix: async (end) => (await ask((id) => ({ kind: "prefix", id, end })))?.digest ?? null,
    extend: (end) => worker.postMessage({ kind: "extend", end }),
    finish: async (end, signal) => {
      throwIfAborted(signal);
      const aborted = Promise.withResolvers();
      const onAbort = () => aborted.reject(abortError(signal));
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const { digest } = await Promise.race([told2((id) => ({ kind: "finish", id, end })), aborted.promise]);
        return digest;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    stop: async () => {
      die(new TransferError("stopped", "hashing was stopped"));
      await worker.terminate();
    }
  };
}
function threadError(error) {
  const { message } = error instanceof Error ? error : new Error(String(error));
  if (/\bE[MN]FILE\b|too many open files/i.test(message))
    return new TransferError("transient", `cannot start a thread: ${message}`, { cause: error });
  return error instanceof Error ? error : new Error(message);
}

// src/local/source.ts
var BLOCKS_AHEAD = 3;
var VALID_BYTES = 10 * 1024 * 1024;
var TWO_THREADS_BYTES = 32 * 1024 * 1024;
async function openSource(path) {
  const handle = await openRegular(path);
  const source = new FileSource(path, handle, await handle.stat({ bigint: true }));
  try {
    await source.ready();
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}
async function openRegular(path) {
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(localError(`open ${path}`));
  const stat3 = await handle.stat();
  if (stat3.isFile()) return handle;
  await handle.close();
  const what = stat3.isDirectory() ? "a directory" : "no plain file";
  throw new TransferError("invalid-input", `source is ${what}: ${path}`, {
    hint: stat3.isDirectory() ? "This release moves single files; name each file." : "Name a plain file."
  });
}
var FileSource = class {
  size;
  path;
  handle;
  opened;
  checkKey = randomBytes(CHECK_HEX_LENGTH / 2).toString("hex");
  check = blockCheck(this.checkKey);
  threads;
  blockSize = 1;
  /** Of every block as it was hashed. */
  checks = [];
  whole = null;
  constructor(path, handle, opened) {
    this.path = path;
    this.handle = handle;
    this.opened = opened;
    this.size = Number(opened.size);
    const { checkKey } = this;
    this.threads = Array.from({ length: this.size > TWO_THREADS_BYTES ? 2 : 1 }, () => fileDigester(handle.fd, { checkKey }));
  }
  /** Rejects when a thread cannot start: opening may be tried again, hashing not. */
  async ready() {
    await Promise.all(this.threads.map((one) => one.piece({ start: 0, end: 0 })));
  }
  async blockDigests(blockSize, progress, signal) {
    const count = blockCount(this.size, blockSize);
    const [blocks, checks] = [new Array(count), new Array(count)];
    const lanes = this.threads.length * BLOCKS_AHEAD;
    let done = 0;
    const lane = async (first) => {
      for (let i = first; i < count; i += lanes) {
        throwIfAborted(signal);
        const { start, end } = this.rangeOf(i, blockSize);
        const { digest, check } = await this.thread(i).piece({ start, end });
        blocks[i] = digest;
        checks[i] = check;
        done += end - start;
        progress(done);
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i)));
    await this.recheck();
    this.blockSize = blockSize;
    this.checks = checks;
    await Promise.all(this.threads.slice(1).map((one) => one.stop()));
    this.thread(0).extend(this.size);
    return { size: this.size, blockSize, blocks };
  }
  async *read(range, signal) {
    const { blockSize } = this;
    const last = Math.ceil(range.end / blockSize);
    const buffers = [];
    const ring = Math.ceil(VALID_BYTES / blockSize) + BLOCKS_AHEAD + 1;
    const bufferOf = (index) => {
      const buffer = buffers[index % ring] ?? Buffer.allocUnsafeSlow(Math.min(blockSize, this.size));
      buffers[index % ring] = buffer;
      return buffer;
    };
    const ahead = [];
    for (let index = Math.floor(range.start / blockSize); index < last; index += 1) {
      while (ahead.length < BLOCKS_AHEAD && index + ahead.length < last) {
        const next = index + ahead.length;
        const loading = this.load(next, bufferOf(next));
        loading.catch(() => {
        });
        ahead.push(loading);
      }
      throwIfAborted(signal);
      const bytes = await ahead.shift();
      if (bytes === void 0) return;
      const offset = index * blockSize;
      yield bytes.subarray(Math.max(0, range.start - offset), Math.min(bytes.length, range.end - offset));
    }
  }
  async digest(range, algorithm, signal) {
    if (algorithm === "sha256" && range.start === 0 && range.end === this.size) {
      this.whole ??= this.thread(0).finish(this.size, new AbortController().signal);
      return unlessAborted(this.whole, signal);
    }
    if (algorithm === "sha256" && range.start === 0) {
      const passing = await unlessAborted(this.thread(0).prefix(range.end), signal);
      if (passing !== null) return passing;
    }
    const running = fileDigester(this.handle.fd, { algorithm, start: range.start });
    try {
      return await running.finish(range.end, signal);
    } finally {
      await running.stop();
    }
  }
  async recheck() {
    const now = await this.handle.stat({ bigint: true });
    if (now.size !== this.opened.size) throw this.changed("changed its size");
    const renamed = now.nlink !== this.opened.nlink;
    if (now.ctimeNs !== this.opened.ctimeNs && !renamed || now.mtimeNs !== this.opened.mtimeNs) throw this.changed("was written to");
  }
  async close() {
    await Promise.all(this.threads.map((one) => one.stop()));
    await this.handle.close();
  }
  /** Of two threads the first takes a third of the blocks, because the whole file's digest is its work as well. */
  thread(index) {
    const thread = this.threads[index % 3 === 0 ? 0 : this.threads.length - 1];
    if (thread === void 0) throw new TransferError("internal", "no thread to hash with");
    return thread;
  }
  rangeOf(index, blockSize) {
    return { start: index * blockSize, end: Math.min((index + 1) * blockSize, this.size) };
  }
  /** A whole block, known to be the one that was hashed. */
  async load(index, into) {
    const { start, end } = this.rangeOf(index, this.blockSize);
    const block = into.subarray(0, end - start);
    for (let filled = 0; filled < block.length; ) {
      const reading = this.handle.read(block, filled, block.length - filled, start + filled);
      const { bytesRead } = await reading.catch(localError(`read ${this.path}`));
      if (bytesRead === 0) throw this.changed("shrank");
      filled += bytesRead;
    }
    if (this.check(block) !== this.checks[index]) throw this.changed("was changed");
    return block;
  }
  changed(what) {
    return new TransferError("source-changed", `the source ${what} while it was read: ${this.path}`, {
      hint: "Finish writing the file before the upload starts."
    });
  }
};
function unlessAborted(promise, signal) {
  return new Promise((resolve3, reject) => {
    if (signal.aborted) return reject(abortError(signal));
    const onAbort = () => reject(abortError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve3, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

// src/local/target.ts
import { constants as constants4 } from "node:fs";
import { lstat as lstat4, mkdir, open as open5 } from "node:fs/promises";
import { basename, dirname as dirname4 } from "node:path";

// src/local/partial.ts
import { constants as constants3 } from "node:fs";
import { lstat as lstat3, open as open4, rename as rename2, unlink as unlink3 } from "node:fs/promises";
import { dirname as dirname3 } from "node:path";

// src/local/partial-place.ts
import { randomBytes as randomBytes3 } from "node:crypto";
import { constants as constants2 } from "node:fs";
import { lstat as lstat2, open as open3, readdir, unlink as unlink2 } from "node:fs/promises";
import { dirname as dirname2, join as join2 } from "node:path";

// src/local/lock.ts
import { createHash as createHash5, randomBytes as randomBytes2 } from "node:crypto";
import { link, lstat, open as open2, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
var SCRATCH_PREFIX = ".rt-lock-";
var CLAIM_PREFIX = ".rt-claim-";
var TURNS_MAX = 8;
var DEPTH_MAX = 4;
async function takeLock(path, activity = null) {
  const token = randomBytes2(8).toString("hex");
  const scratch = join(dirname(path), `${SCRATCH_PREFIX}${token}`);
  const mine = { token, scratch, nowMs: await writeLock(scratch, token) };
  try {
    if (!await take2(path, activity, mine, 0)) return null;
    return { release: () => releaseOwn(path, token) };
  } finally {
    await unlink(scratch).catch(() => {
    });
  }
}
async function take2(path, activity, mine, depth) {
  for (let turn = 0; turn < TURNS_MAX && depth < DEPTH_MAX; turn += 1) {
    if (await create2(path, mine)) return true;
    const held = await look(path, activity, mine.nowMs);
    if (held === "gone") continue;
    if (!held.ended) return false;
    const claim2 = join(dirname(path), `${CLAIM_PREFIX}${createHash5("sha256").update(`${path}
${held.mark}`).digest("hex").slice(0, 24)}`);
    if (!await take2(claim2, null, mine, depth + 1)) return false;
    try {
      const now = await look(path, activity, mine.nowMs);
      if (now === "gone" || now.mark !== held.mark) continue;
      await replace2(path, mine);
      return true;
    } finally {
      await releaseOwn(claim2, mine.token);
    }
  }
  return false;
}
async function create2(path, mine) {
  try {
    await link(mine.scratch, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
  }
  try {
    await writeLock(path, mine.token);
    return true;
  } catch (error) {
    if (error instanceof TransferError && codeOf(error.cause) === "EEXIST") return false;
    throw error;
  }
}
async function replace2(path, mine) {
  const second = `${mine.scratch}-2`;
  await writeLock(second, mine.token);
  await rename(second, path).catch(localError(`lock ${path}`));
}
async function writeLock(path, token) {
  const handle = await open2(path, "wx", 420).catch(localError(`lock ${path}`));
  try {
    await handle.writeFile(`${token}
${encodeIdentity(thisProcess())}
`);
    return (await handle.stat()).mtimeMs;
  } catch (error) {
    await unlink(path).catch(() => {
    });
    return localError(`lock ${path}`)(error);
  } finally {
    await handle.close();
  }
}
async function look(path, activity, nowMs) {
  const about = await lstat(path).catch(() => null);
  if (about === null) return "gone";
  const written = activity === null ? null : await stat(activity).catch(() => null);
  const lastSeenMs = Math.max(about.mtimeMs, written?.mtimeMs ?? 0);
  const holder = about.isFile() ? await holderOf(path) : null;
  if (holder === null) return { mark: `${about.ino} ${about.mtimeMs}`, ended: nowMs - lastSeenMs > SILENCE_MS && about.isFile() };
  return { mark: holder.token, ended: hasEnded(holder.identity, { lastSeenMs, nowMs }) };
}
async function holderOf(path) {
  const text = await readFile(path, "utf8").catch(() => "");
  const [token = "", line = ""] = text.split("\n");
  const identity = decodeIdentity(line);
  return identity === null || !/^[0-9a-f]{16}$/.test(token) ? null : { token, identity };
}
async function releaseOwn(path, token) {
  if ((await holderOf(path))?.token === token) await unlink(path).catch(() => {
  });
}
async function isAbandoned(path, activity, nowMs) {
  const held = await look(path, activity, nowMs);
  return held !== "gone" && held.ended;
}
function isClaim(name) {
  return name.startsWith(CLAIM_PREFIX);
}
function codeOf(error) {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

// src/local/partial-place.ts
var NO_FOLLOW = constants2.O_NOFOLLOW ?? 0;
var READ_AND_WRITE = constants2.O_RDWR | NO_FOLLOW | (constants2.O_NONBLOCK ?? 0);
var NEW_FILE = constants2.O_RDWR | constants2.O_CREAT | constants2.O_EXCL | NO_FOLLOW;
var TURNS_MAX2 = 3;
function lockOf(partial) {
  return partial.replace(/\.partial$/, ".lock");
}
async function openPlace(directory, name, tag) {
  const path = join2(directory, partialName(name, tag));
  const lock = await takeLock(lockOf(path), path);
  if (lock === null) return openPrivate(directory, name, tag);
  try {
    const handle = await openOwn(path);
    if (handle !== null) return { path, handle, lock, isPrivate: false };
  } catch (error) {
    await lock.release();
    throw error;
  }
  await lock.release();
  return openPrivate(directory, name, tag);
}
async function openPrivate(directory, name, tag) {
  const path = join2(directory, partialName(name, tag, randomBytes3(NONCE_HEX_LENGTH / 2).toString("hex")));
  const lock = await takeLock(lockOf(path), path);
  if (lock === null) throw new TransferError("conflict", `somebody has the lock of a new partial: ${path}`);
  try {
    return { path, handle: await open3(path, NEW_FILE, 420).catch(localError(`create ${path}`)), lock, isPrivate: true };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
async function openOwn(path) {
  for (let turn = 0; turn < TURNS_MAX2; turn += 1) {
    const found2 = await lstat2(path, { bigint: true }).catch(absent(path));
    if (found2 === null) {
      const made = await open3(path, NEW_FILE, 420).catch((error) => {
        return error.code === "EEXIST" ? null : localError(`create ${path}`)(error);
      });
      if (made !== null) return made;
      continue;
    }
    if (found2.isDirectory())
      throw new TransferError("conflict", `a directory is in the place of the partial: ${path}`, { hint: "Remove it." });
    if (isPlainAndOurs(found2)) {
      const handle = await open3(path, READ_AND_WRITE).catch((error) => {
        return error.code === "ENOENT" || error.code === "ELOOP" ? null : localError(`open ${path}`)(error);
      });
      if (handle === null) continue;
      const opened = await handle.stat({ bigint: true });
      if (isPlainAndOurs(opened) && isSameFile(opened, found2)) return handle;
      await handle.close();
      continue;
    }
    const gone = await unlink2(path).then(
      () => true,
      (error) => error.code === "ENOENT"
    );
    if (!gone) return null;
  }
  throw new TransferError("conflict", `somebody else keeps replacing the partial: ${path}`);
}
function isPlainAndOurs(stat3) {
  const user = process.geteuid?.();
  return stat3.isFile() && stat3.nlink === 1n && (user === void 0 || stat3.uid === BigInt(user));
}
function isSameFile(a, b) {
  return a.ino === b.ino && (process.platform === "win32" || a.dev === b.dev);
}
async function removePlace(directory, name, tag) {
  const path = join2(directory, partialName(name, tag));
  const isThere = await lstat2(path, { bigint: true }).catch(absent(path)) !== null;
  if (!isThere && await isMissing2(lockOf(path))) return;
  const lock = await takeLock(lockOf(path), path);
  if (lock === null) return;
  try {
    await unlink2(path).catch((error) => {
      if (error.code !== "ENOENT") localError(`remove ${path}`)(error);
    });
  } finally {
    await lock.release();
  }
}
function absent(path) {
  return (error) => error.code === "ENOENT" || error.code === "ENOTDIR" ? null : localError(`look at ${path}`)(error);
}
var PRIVATE_LOCK = /^\..+\.[0-9a-f]{12}\.[0-9a-f]{8}\.lock$/;
var SHARED_LOCK = /^\..+\.[0-9a-f]{12}\.lock$/;
async function sweep({ path }) {
  const directory = dirname2(path);
  try {
    const lock = lockOf(path);
    const nowMs = (await lstat2(lock)).mtimeMs;
    for (const name of await readdir(directory)) {
      const found2 = join2(directory, name);
      if (found2 === lock) continue;
      const partial = found2.replace(/\.lock$/, ".partial");
      if (PRIVATE_LOCK.test(name)) {
        if (!await isAbandoned(found2, partial, nowMs)) continue;
        await removePlain(partial);
        await unlink2(found2);
      } else if (name.startsWith(SCRATCH_PREFIX)) {
        if (await isAbandoned(found2, null, nowMs)) await unlink2(found2);
      } else if (isClaim(name) || SHARED_LOCK.test(name) && await isMissing2(partial)) {
        const taken2 = await isAbandoned(found2, null, nowMs) ? await takeLock(found2) : null;
        await taken2?.release();
      }
    }
  } catch {
  }
}
async function removePlain(path) {
  const stat3 = await lstat2(path).catch(() => null);
  if (stat3?.isFile() === true) await unlink2(path);
}
async function isMissing2(path) {
  return await lstat2(path).catch(() => null) === null;
}

// src/local/reading.ts
var READ_BYTES = 1024 * 1024;
async function digestOf(handle, algorithm, signal) {
  const { size } = await handle.stat();
  const running = fileDigester(handle.fd, { algorithm });
  try {
    return await running.finish(size, signal);
  } finally {
    await running.stop();
  }
}
async function readRange(handle, range, sink, signal, path) {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, Math.max(1, range.end - range.start)));
  for (let at = range.start; at < range.end; ) {
    throwIfAborted(signal);
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, range.end - at), at).catch(localError(`read ${path}`));
    if (bytesRead === 0) throw new TransferError("conflict", `the file became shorter while it was read: ${path}`);
    await sink(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

// src/local/partial.ts
var NEVER = new AbortController().signal;
var OwnWrites = class {
  handle;
  underWay = 0;
  begun = 0;
  /** Where our own writes make the file end. */
  end;
  resting = null;
  lastSeen;
  disturbed = false;
  constructor(handle, opened) {
    this.handle = handle;
    this.lastSeen = opened;
    this.end = opened.size;
  }
  /** `end`: where the file ends afterwards, from where it ends now. */
  async during(change, end) {
    this.underWay += 1;
    this.begun += 1;
    try {
      await change();
      this.end = end(this.end);
    } finally {
      this.underWay -= 1;
      if (this.underWay === 0) this.resting = this.look(this.begun);
    }
  }
  /** A look that another write has overtaken says nothing; that one brings its own. */
  async look(begun) {
    const seen = await this.handle.stat({ bigint: true }).catch(() => null);
    if (begun !== this.begun) return;
    if (seen === null || seen.size !== this.end) this.disturbed = true;
    this.lastSeen = seen ?? this.lastSeen;
  }
  /** Whether somebody else has touched the file since the last call, as far as that can be seen. */
  async wereDisturbed() {
    await this.resting;
    const now = await this.handle.stat({ bigint: true });
    const before = this.lastSeen;
    const same = now.size === before.size && now.mtimeNs === before.mtimeNs && now.ctimeNs === before.ctimeNs;
    const disturbed = this.disturbed || !same;
    this.disturbed = false;
    this.lastSeen = now;
    this.end = now.size;
    return disturbed;
  }
};
async function openedPartial(place, final) {
  return new FilePartial(place, final, await place.handle.stat({ bigint: true }));
}
var FilePartial = class {
  place;
  final;
  handle;
  opened;
  own;
  alongside = null;
  /** The running digest may have taken in the bytes before this place. */
  settledTo = 0;
  /** Every digest that was given out since the last change: what is published must still have them. */
  said = /* @__PURE__ */ new Map();
  constructor(place, final, opened) {
    this.place = place;
    this.final = final;
    this.handle = place.handle;
    this.opened = opened;
    this.own = new OwnWrites(place.handle, opened);
  }
  size = async () => {
    return (await this.handle.stat()).size;
  };
  write = async (position, bytes) => {
    this.said.clear();
    if (position < this.settledTo) await this.stopAlongside();
    const end = BigInt(position + bytes.length);
    return this.own.during(
      () => this.writeAll(position, bytes),
      (now) => end > now ? end : now
    );
  };
  read = (...[range, sink, signal]) => {
    return readRange(this.handle, range, sink, signal, this.place.path);
  };
  settled = (end) => {
    this.alongside ??= fileDigester(this.handle.fd);
    this.alongside.extend(end);
    this.settledTo = Math.max(this.settledTo, end);
  };
  truncate = async (size) => {
    this.said.clear();
    await this.stopAlongside();
    const cut = () => this.handle.truncate(size).catch(localError(`truncate ${this.place.path}`));
    await this.own.during(cut, () => BigInt(size));
  };
  digest = async (algorithm, signal) => {
    await this.confirm(signal);
    const digest = await this.compute(algorithm, signal);
    this.said.set(algorithm, digest);
    return digest;
  };
  publish = async () => {
    const { path, lock } = this.place;
    await this.handle.sync().catch(syncError(path));
    await this.confirm(NEVER);
    await this.stopAlongside();
    const ours = await this.handle.stat({ bigint: true });
    const named = await lstat3(path, { bigint: true }).catch(() => null);
    if (named === null) throw this.conflict("its name is gone", "was not touched");
    if (!named.isFile() || !isSameFile(named, ours)) throw this.conflict("its name means another file now", "was not touched");
    if (ours.nlink !== 1n) throw this.conflict("it has a second name, by which others can write to it", "was not touched");
    await this.handle.close();
    await rename2(path, this.final).catch(localError(`rename the finished download to ${this.final}`));
    await this.assertPublished(ours);
    await syncDirectory(dirname3(this.final));
    await lock.release();
  };
  close = async () => {
    await this.stopAlongside();
    const { path, handle, lock, isPrivate } = this.place;
    const named = isPrivate ? await lstat3(path, { bigint: true }).catch(() => null) : null;
    await handle.close();
    if (named !== null && isSameFile(named, this.opened)) await unlink3(path).catch(() => {
    });
    await lock.release();
  };
  async compute(algorithm, signal) {
    if (algorithm !== "sha256" || this.alongside === null) return digestOf(this.handle, algorithm, signal);
    try {
      return await this.alongside.finish(await this.size(), signal);
    } finally {
      await this.stopAlongside();
    }
  }
  /** Somebody else touched the file: what was said of its bytes must hold for those that are there now. */
  async confirm(signal) {
    if (!await this.own.wereDisturbed()) return;
    await this.stopAlongside();
    const { path } = this.place;
    if (this.said.size === 0) throw new TransferError("integrity", `somebody else wrote to the partial while it was downloaded: ${path}`);
    for (const [algorithm, digest] of this.said) {
      if (await digestOf(this.handle, algorithm, signal) === digest) continue;
      throw this.conflict("somebody else wrote to it after it was proven", "was not touched");
    }
    if (await this.own.wereDisturbed()) throw this.conflict("somebody else is writing to it", "was not touched");
  }
  /** Another download of the same file may have published in the same moment: then the same bytes are there. */
  async assertPublished(ours) {
    const now = await lstat3(this.final, { bigint: true }).catch(() => null);
    if (now?.isFile() === true && isSameFile(now, ours) && now.size === ours.size) return;
    if (now === null) throw this.conflict("it was renamed, and nothing is under the final name now", "is gone");
    const sha256 = this.said.get("sha256");
    const handle = now.isFile() ? await open4(this.final, constants3.O_RDONLY | (constants3.O_NOFOLLOW ?? 0)).catch(() => null) : null;
    try {
      if (handle !== null && sha256 !== void 0 && await digestOf(handle, "sha256", NEVER) === sha256) return;
    } finally {
      await handle?.close();
    }
    throw this.conflict("another file has taken the final name since it was renamed", "was replaced");
  }
  conflict(seen, previous) {
    return new TransferError("conflict", `the finished download is not what this process wrote: ${seen}: ${this.place.path}`, {
      hint: `What was under ${this.final} ${previous}. See which other program works in this directory.`
    });
  }
  async stopAlongside() {
    const running = this.alongside;
    this.alongside = null;
    this.settledTo = 0;
    await running?.stop();
  }
  async writeAll(position, bytes) {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.handle.write(bytes, written, bytes.length - written, position + written).catch(localError(`write ${this.place.path}`));
      written += bytesWritten;
    }
  }
};
async function syncDirectory(directory) {
  if (process.platform === "win32") return;
  const handle = await open4(directory, constants3.O_RDONLY).catch(() => null);
  await handle?.sync().catch(() => {
  });
  await handle?.close();
}

// src/local/target.ts
function localTargets() {
  const swept = /* @__PURE__ */ new Set();
  return (path) => {
    const directory = dirname4(path);
    return {
      finalSize: async () => {
        const stat3 = await lstatOrNull(path);
        if (stat3?.isDirectory() === true) {
          throw new TransferError("conflict", `the target is a directory: ${path}`, {
            hint: "End `destination` with a slash to download into it."
          });
        }
        return stat3?.isFile() === true ? stat3.size : null;
      },
      digestFinal: async (algorithm, signal) => {
        const final = await openFinal(path);
        try {
          return await final.digest(algorithm, signal);
        } finally {
          await final.close();
        }
      },
      openFinal: () => openFinal(path),
      openPartial: async (tag) => {
        await mkdir(directory, { recursive: true }).catch(localError(`create the directory ${directory}`));
        return openPartial(path, tag, swept);
      },
      removePartial: (tag) => removePlace(directory, basename(path), tag)
    };
  };
}
async function openPartial(final, tag, swept) {
  const directory = dirname4(final);
  const place = await openPlace(directory, basename(final), tag);
  if (!swept.has(directory)) {
    swept.add(directory);
    await sweep(place);
  }
  return openedPartial(place, final);
}
async function lstatOrNull(path) {
  return lstat4(path).catch((error) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    return localError(`look at ${path}`)(error);
  });
}
async function openFinal(path) {
  const handle = await open5(path, constants4.O_RDONLY | (constants4.O_NOFOLLOW ?? 0)).catch(localError(`open ${path}`));
  return {
    size: async () => (await handle.stat()).size,
    read: (range, sink, signal) => readRange(handle, range, sink, signal, path),
    digest: (algorithm, signal) => digestOf(handle, algorithm, signal),
    close: () => handle.close()
  };
}

// src/state/keeper.ts
var DISK_MS = 3e4;
function journalKeeper(ports) {
  const { id, disk, store } = ports;
  let journal = emptyJournal(id);
  let writing = null;
  let dirty = false;
  let saving = Promise.resolve();
  const recorded = /* @__PURE__ */ new Set();
  let stored = 0;
  const told2 = /* @__PURE__ */ new Set();
  const warn = (message) => {
    if (!told2.has(message)) ports.warn(message);
    told2.add(message);
  };
  const read = async (from, signal) => {
    try {
      const bytes = await from.load(signal);
      if (bytes === null) return null;
      const decoded2 = decodeJournal(bytes);
      if (decoded2?.id === id) return decoded2;
      warn(`The saved state in the ${from.description} is unusable and is ignored; what the server holds is verified instead.`);
    } catch (error) {
      if (signal.aborted) throw error;
      warn(`The saved state could not be read from the ${from.description}: ${reasonOf(error)}`);
    }
    return null;
  };
  const encoded = () => {
    const { text, leftOut } = encodeFitting(journal);
    if (leftOut > 0) warn("The state is too large to be saved whole: files whose transfer was recorded longest ago are left out.");
    return Buffer.from(text);
  };
  const writeOut = async () => {
    while (dirty) {
      dirty = false;
      try {
        await disk.save(encoded(), AbortSignal.timeout(DISK_MS));
      } catch (error) {
        warn(`The state could not be written to the ${disk.description}: ${reasonOf(error)}`);
      }
    }
  };
  const saveToStore = async (signal) => {
    const { sequence } = journal;
    if (store === null || sequence === stored || stored === 0 && !isWorthKeeping(journal)) return;
    try {
      await store.save(encoded(), signal);
      stored = sequence;
    } catch (error) {
      warn(`The state could not be saved to the ${store.description}: ${reasonOf(error)}`);
    }
  };
  const change = (next) => {
    journal = { ...next, sequence: journal.sequence + 1 };
    dirty = true;
    writing ??= writeOut().finally(() => {
      writing = null;
    });
    return writing;
  };
  return {
    load: async (signal) => {
      const [local, remote] = await Promise.all([read(disk, signal), store === null ? null : read(store, signal)]);
      const sequence = Math.max(local?.sequence ?? 0, remote?.sequence ?? 0);
      const newest = local !== null && local.sequence >= (remote?.sequence ?? 0) ? local : remote;
      const entries = (newest?.entries ?? []).filter((entry) => ports.keys.has(entry.key));
      const hosts = (newest?.hosts ?? []).filter((host) => ports.places.has(host.key));
      journal = { ...emptyJournal(id), sequence, hosts, entries };
      stored = remote === null || !isWorthKeeping(remote) ? 0 : remote.sequence;
    },
    entry: (key) => entryOf(journal, key),
    host: (key) => hostOf(journal, key),
    learn: (host) => void change(withHost(journal, host)),
    record: (entry) => {
      recorded.add(entry.key);
      return change(withEntry(journal, entry));
    },
    unended: () => unendedUploads(journal).map(uploadMark),
    ended: () => {
      const ours = unendedUploads(journal).filter((entry) => recorded.has(entry.key));
      if (ours.length > 0) void change(withEnded(journal, new Set(ours.map(uploadMark))));
    },
    forget: (key) => {
      if (entryOf(journal, key) !== null) void change(withoutEntry(journal, key));
    },
    flush: async () => {
      while (writing !== null) await writing;
    },
    checkpoint: (signal) => {
      saving = saving.then(() => saveToStore(signal));
      return saving;
    }
  };
}
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}

// src/action/checkpoints.ts
var PERIOD_MS = 3e5;
var FIRST_MS = 8e3;
function checkpoints({ clock, random, recorder, save }) {
  const waiting = /* @__PURE__ */ new Map();
  const known = /* @__PURE__ */ new Set();
  let stopped = false;
  let cancelFirst = null;
  let cancelPeriod = () => {
  };
  const checkpoint = async () => {
    for (const key of waiting.keys()) known.add(key);
    waiting.clear();
    cancelPeriod();
    await save();
    armPeriod();
  };
  const armPeriod = () => {
    cancelPeriod();
    if (!stopped) cancelPeriod = clock.after(PERIOD_MS * (0.8 + 0.4 * random()), () => void checkpoint());
  };
  const armFirst = () => {
    const [oldest] = waiting.values();
    if (stopped || cancelFirst !== null || oldest === void 0) return;
    cancelFirst = clock.after(Math.max(0, oldest + FIRST_MS - clock.nowMs()), () => {
      cancelFirst = null;
      const [due] = waiting.values();
      const isDue = due !== void 0 && due + FIRST_MS <= clock.nowMs();
      if (isDue) void checkpoint().then(armFirst);
      else armFirst();
    });
  };
  armPeriod();
  return {
    recorder: {
      ...recorder,
      record: (entry) => {
        if (!known.has(entry.key) && !waiting.has(entry.key)) waiting.set(entry.key, clock.nowMs());
        armFirst();
        return recorder.record(entry);
      },
      forget: (key) => {
        waiting.delete(key);
        known.delete(key);
        recorder.forget(key);
      }
    },
    stop: () => {
      stopped = true;
      cancelFirst?.();
      cancelPeriod();
    }
  };
}

// src/action/sums-beside.ts
var OTHER = "blake-?(?:[23](?:[bsx]p?)?(?:[-_]?\\d{3})?|\\d{3})|sha-?3(?:[-_]?\\d{3})?|sha-?512[-_/t](?:224|256)|sm3|shake-?\\d{3}|keccak(?:[-_]?\\d{3})?|skein(?:[-_]?\\d{3,4})?|k12|streebog(?:[-_]?\\d{3})?|gost(?:[-_]?\\d{2,4})?|whirlpool|ripemd-?\\d{3}";
var SUMS = "(?:[._-]?(?:check)?sums?|[._-](?:hash(?:es)?|digests?))?";
var OTHER_FILE = new RegExp(`(?:^|[._-])(?:${OTHER})${SUMS}(?:\\.(?:txt|text|md|asc))?$`, "i");
var SHORT_FILE = new RegExp(`(?:^|\\.|(?:sums?|hash|hashes|digests?)[_-])b[23]${SUMS}(?:\\.(?:txt|text|md|asc))?$`, "i");
function isOfOtherKind(sumsName) {
  return OTHER_FILE.test(sumsName) || SHORT_FILE.test(sumsName);
}
var SECTION = /^[#*=[\s-]*(?:checksums?[- ])?([a-z][a-z0-9]*(?:[-_/]\d+)?)(?:[- ]?(?:checksums?|sums?|hash(?:es)?|digests?))?[\]*:=\s-]*$/i;
var OTHER_SECTION = new RegExp(`^(?:${OTHER}|b[23])(?:sums?)?$`, "i");
var OUR_SECTION = /^(?:md5|sha-?(?:1|224|256|384|512)|sha2-(?:256|512))(?:sums?)?$/i;
function sectionOf(line) {
  const words = /^##|:$/.test(line) ? wordsOf(line) : [SECTION.exec(line)?.[1] ?? ""];
  if (words.some((word) => OTHER_SECTION.test(word))) return "other";
  return words.some((word) => OUR_SECTION.test(word)) ? "ours" : null;
}
var OTHER_WORD = new RegExp(`^(?:${OTHER}|b[23])(?:sum)?[ \\t]*[\\s:(=]`, "i");
var SHORTER = /^(?:MD5|SHA-?(?:1|224|384)|CRC-?32)(?:sum)? ?[:=] ?[0-9a-f][0-9a-f ]*$/i;
var NAMELESS = [
  SHORTER,
  /^-----BEGIN PGP SIGNED MESSAGE-----$/,
  /^(?:Hash|Algorithm) *:(?: *SHA-?(?:1|224|256|384|512),?)*$/i,
  /^CertUtil: -hashfile/i,
  /^"?Algorithm"?[ ,;]+"?Hash"?(?:[ ,;]+"?Path"?)?$/i,
  /^[-= ]+$/,
  /^(?:the )?SHA-?(?:256|512)(?:[ -](?:hash|checksum|digest|sum))?(?: is)?:$/i
];
function isNameless(line) {
  if (OUR_SECTION.test(SECTION.exec(line)?.[1] ?? "") || NAMELESS.some((form) => form.test(line))) return true;
  const comment = /^(?:#(?!#)|;|\/\/)/.test(line) ? wordsOf(line, `${MARKS}/`) : null;
  return comment !== null && comment.length !== 1 && !comment.some(isLikeFile);
}
function isShorterDigest(line) {
  return SHORTER.test(line);
}
function isField(line) {
  const [, key = "", value = ""] = /^([a-z][\w-]{0,40}) *: +(\S.*)$/i.exec(line) ?? [];
  if (value === "" || /^(?:(?:file|asset|archive|artifact)?name|url|asset|archive|artifact|title)$/i.test(key)) return false;
  return /^version$/i.test(key) || /\s/.test(value) || !isLikeFile(value);
}
function isNameOf(line, name) {
  const left = withoutName(line, name);
  return left !== null && wordsOf(left, "").every((word) => /^\w{1,20}[:=]["'`]?$|[/\\]$|^\W+$/.test(word));
}
function namesAnother(line, name) {
  return wordsOf(withoutName(line, name) ?? line).some(isLikeFile);
}
function isMoreThanPath(text) {
  const first = /^([^/\\]*)[/\\]/.exec(text)?.[1] ?? "";
  const words = /\s$/.test(first.slice(-1)) ? wordsOf(first) : wordsOf(first).slice(0, -1);
  return OTHER_WORD.test(first) || words.some(isLikeFile);
}
var MARKS = "#;:*`\"'()[]{}<>,.|=!?";
function withoutName(line, name) {
  const bare = trimmed(line, MARKS.replace(".", ""));
  const left = bare.endsWith(name) ? bare.slice(0, bare.length - name.length) : null;
  return left === null || left === "" || /[\s/\\"'`*=:(]$/.test(left.slice(-1)) ? left : null;
}
function wordsOf(text, marks2 = MARKS) {
  return text.split(/\s+/).map((word) => trimmed(word, marks2)).filter((word) => word !== "");
}
function trimmed(text, marks2 = MARKS) {
  let from = 0;
  let to = text.length;
  while (from < to && isOneOf(marks2, text.charAt(from))) from += 1;
  while (to > from && isOneOf(marks2, text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}
function isOneOf(marks2, letter) {
  return letter === " " || letter === "	" || marks2.includes(letter);
}
function isLikeFile(word) {
  const dot = word.lastIndexOf(".");
  return dot > 0 && /^[a-z0-9]*[a-z][a-z0-9]*$/i.test(word.slice(dot + 1)) && !/^[a-z]+:\/\/[^/]+$/i.test(word);
}

// src/action/sums-lines.ts
var HEX = "[0-9a-f]{128}|[0-9a-f]{64}";
function isHeader(line) {
  return line.endsWith(":") && /\bSHA-?(?:256|512)\b/i.test(line);
}
function belowHeader(header, line) {
  if (!/^[0-9a-f]{2}(?: ?[0-9a-f]{2})+$/i.test(line)) return null;
  const text = header.slice(0, -1).trim();
  const name = /^SHA-?(?:256|512) hash of (?:file )?(.+)$/i.exec(text)?.[1];
  const isNameless2 = name === void 0 && !/[./\\]/.test(text.split(/\s/).at(-1) ?? "");
  const entry = entryOf2(line.replaceAll(" ", ""), isNameless2 ? null : name ?? text, /\bSHA-?(256|512)\b/i.exec(text)?.[1]);
  if (entry === null) return [];
  return [name === void 0 && !isNameless2 ? { ...entry, inHeader: true } : entry];
}
function entriesOf(line) {
  const bare = line.trim();
  const found2 = tagged(bare) ?? labelFirst(bare) ?? digestFirst(line) ?? parted(bare);
  const entry = found2 ?? (/^(?:[#;]|\/\/)/.test(bare) ? null : nameFirst(bare));
  if (entry === null) return [];
  const behindSize = /^[ \t]/.test(line) ? /^\d+ +(\S+)$/.exec(entry.name?.trim() ?? "")?.[1] : void 0;
  return behindSize === void 0 ? [entry] : [entry, { ...entry, name: behindSize }];
}
var LABEL = /^SHA(?:2-|-)?(256|512)$/i;
function bitsOf(label) {
  return LABEL.exec(label)?.[1] ?? null;
}
function tagged(line) {
  const [, escaped, label = "", name = "", digest = ""] = /^(\\?)([A-Z0-9-]+) ?\((.+)\) ?= ?([0-9A-Za-z+/]+={0,2})$/i.exec(line) ?? [];
  const bits = bitsOf(label);
  if (bits === null) return null;
  const isBase64 = digest.endsWith("=") && Buffer.from(digest, "base64").length * 8 === Number(bits);
  return entryOf2(isBase64 ? Buffer.from(digest, "base64").toString("hex") : digest, escaped === "" ? name : unescaped(name), bits);
}
var TABLE = new RegExp(`^(\\S+?):? +(${HEX})(?: +(\\S.*))?$`, "i");
var COMMAS = new RegExp(`^"?([^",;]+)"?[,;]"?(${HEX})"?[,;]"?(.*?)"?$`, "i");
function labelFirst(line) {
  const [, label = "", digest = "", name = ""] = TABLE.exec(line) ?? COMMAS.exec(line) ?? [];
  const bits = bitsOf(label);
  return bits === null ? null : entryOf2(digest, name === "" ? null : name, bits);
}
var FIRST = new RegExp(`^\\s*(\\\\?)(?:sha(?:256|512)[:=])?(${HEX})(?=\\s|$)`, "i");
function digestFirst(line) {
  const [start = "", escaped, digest = ""] = FIRST.exec(line) ?? [];
  if (start === "") return null;
  const rest = line.slice(start.length);
  const name = /^[ \t][ *?]/.test(rest) ? rest.slice(2) : rest.trimStart();
  if (name.trim() === "") return entryOf2(digest, null);
  return entryOf2(digest, escaped === "" ? name : unescaped(name));
}
function parted(line) {
  return /^[0-9a-f]{2,8}(?:([ :-]) ?[0-9a-f]{2,8})(?:\1+[0-9a-f]{2,8})*$/i.test(line) ? entryOf2(line.replaceAll(/[ :-]/g, ""), null) : null;
}
function nameFirst(line) {
  return namedBefore(line, Math.max(line.lastIndexOf(":"), line.lastIndexOf("="))) ?? namedBefore(line, line.search(/\s\S*$/));
}
function namedBefore(line, cut) {
  const left = line.slice(0, Math.max(0, cut)).trim();
  if (left === "") return null;
  const digest = line.slice(cut + 1).replaceAll(/\s/g, "");
  const colon = left.lastIndexOf(":");
  const bits = bitsOf(left.slice(colon + 1).trim());
  if (bits === null) return entryOf2(digest, left);
  return entryOf2(digest, colon < 0 ? null : left.slice(0, colon).trim(), bits);
}
function entryOf2(digest, name, bits) {
  const hex = digest.toLowerCase();
  if (!/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/.test(hex) || bits !== void 0 && hex.length * 4 !== Number(bits)) return null;
  return { algorithm: hex.length === 128 ? "sha512" : "sha256", hex, name };
}
function unescaped(name) {
  return name.replaceAll(/\\([\\nr])/g, (_, letter) => letter === "n" ? "\n" : letter === "r" ? "\r" : letter);
}

// src/action/sums-block.ts
var LINE_LENGTH_MAX = 16384;
var ARMOUR_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----";
var SIGNATURE_BEGIN = "-----BEGIN PGP SIGNATURE-----";
var KEY = /^(Algorithm|Hash|Path|File|File ?name) *: *(.+)$/i;
function sumsIn(text) {
  const entries = [];
  const beside = [];
  const blocks = new SumsBlocks(entries);
  let header = null;
  let isOther = false;
  for (const line of joined(text)) {
    const bare = line.slice(0, LINE_LENGTH_MAX).trim();
    if (line.length > LINE_LENGTH_MAX) {
      beside.push(bare);
      continue;
    }
    const below = header === null ? null : belowHeader(header, bare);
    header = below === null && isHeader(bare) ? bare : null;
    const found2 = below ?? entriesOf(line);
    const section = found2.length === 0 ? sectionOf(bare) : null;
    if (section !== null) isOther = section === "other";
    const told2 = found2.map((entry) => isOther ? { ...entry, isOther: true } : entry);
    if (below !== null) entries.push(...told2);
    else if (!blocks.takes(line, told2)) beside.push(bare);
  }
  blocks.end(false);
  return { entries, beside };
}
function* joined(text) {
  let whole = null;
  let key = null;
  let isSigned = false;
  for (const raw of text.split(/\r?\n/)) {
    if (raw.startsWith(ARMOUR_BEGIN)) isSigned = true;
    if (raw.startsWith(SIGNATURE_BEGIN)) break;
    const line = isSigned && raw.startsWith("- ") ? raw.slice(2) : raw;
    const goesOn = whole !== null && whole.length < LINE_LENGTH_MAX && continues(key, line);
    if (!goesOn && whole !== null) yield whole;
    if (!goesOn) key = /^(Path|Hash) +: /.exec(line)?.[1] ?? null;
    whole = goesOn ? `${whole}${key === null ? line : line.trimStart()}` : line;
  }
  if (whole !== null) yield whole;
}
function continues(key, line) {
  if (key === "Path") return /^ {8,}\S/.test(line);
  return /^[ \t]+[0-9A-F][0-9A-F \t]*$/i.test(line) && !/[0-9a-f]{64}/i.test(line);
}
var SumsBlocks = class {
  #entries;
  #before = null;
  #block = new SumsBlock();
  constructor(entries) {
    this.#entries = entries;
  }
  /** Whether the line is understood, and names no file. */
  takes(line, entries) {
    const bare = line.trim();
    const isRepeated = this.#block.repeats(bare);
    if (bare === "" || isRepeated) this.end(isRepeated);
    if (this.#block.takes(bare, entries)) return keyOf(bare) !== "path" && (entries.length > 0 || isNameless(bare));
    if (bare === "" || entries.length > 0) this.#block.add(entries);
    else this.#block.passes(line);
    return bare === "" || entries.length > 0 || isNameless(bare);
  }
  /** What follows without an empty line between tells whether the name is above its digests or below them. */
  end(isRepeated) {
    if (this.#before?.differsFrom(this.#block) === true) {
      this.#before.isUnclear = true;
      this.#block.isUnclear = true;
    }
    if (this.#before !== null) this.#entries.push(...this.#before.entries());
    if (!isRepeated) this.#entries.push(...this.#block.entries());
    this.#before = isRepeated ? this.#block : null;
    this.#block = new SumsBlock();
  }
};
var SumsBlock = class {
  #keys = /* @__PURE__ */ new Set();
  #entries = [];
  #name = null;
  #algorithm = null;
  #before = 0;
  /** With those of shorter algorithms. */
  #digests = 0;
  #isNameFirst = false;
  #isField = false;
  isUnclear = false;
  repeats(line) {
    return this.#keys.has(keyOf(line) ?? "");
  }
  /** Whether it is such a line; what is one of a file that is called like a key is not. */
  takes(line, entries) {
    const [, , value = ""] = KEY.exec(line) ?? [];
    const key = keyOf(line);
    const entry = entryOf2(value.trim(), null);
    if (key === null || key !== "hash" && entry !== null) return false;
    this.#keys.add(key);
    if (key === "algorithm") this.#algorithm = value.trim();
    else if (key !== "hash") this.#named(value.trim());
    else if (entry !== null) this.add(entries.some(({ isOther }) => isOther) ? [{ ...entry, isOther: true }] : [entry]);
    return true;
  }
  add(entries) {
    this.#entries.push(...entries);
    this.#digests += entries.length;
    this.#isField = false;
  }
  /** A line that is neither a key nor a digest may be where the next file begins. A field may go on in lines with a space before them. */
  passes(line) {
    const bare = line.trim();
    this.#isField = isField(bare) || this.#isField && line.startsWith(" ");
    if (isShorterDigest(bare)) this.#digests += 1;
    else if (!this.#isField && !isNameless(bare) && (this.#keys.size > 0 || this.#entries.length > 0)) this.isUnclear = true;
  }
  /** Both have names, and one has its digest above the name, the other below it or none. */
  differsFrom(next) {
    if (this.#name === null || next.#name === null || this.#digests === 0) return false;
    return next.#digests === 0 || this.#isNameFirst !== next.#isNameFirst;
  }
  /** Those without a name have the block's. Where some stand before it and some behind it, nobody knows which are its own. */
  entries() {
    const isOurs2 = ({ hex }) => this.#algorithm === null || Number(bitsOf(this.#algorithm)) === hex.length * 4;
    const name = this.#name;
    if (name === null) return this.#entries.filter(isOurs2);
    const isUnclear = this.isUnclear || this.#before > 0 && this.#before < this.#entries.length;
    return this.#entries.filter(isOurs2).map((entry) => ({ ...entry, name: entry.name ?? (isUnclear ? `${name}, or what follows it` : name) }));
  }
  #named(name) {
    this.#name = name;
    this.#before = this.#entries.length;
    this.#isNameFirst = this.#digests === 0;
  }
};
function keyOf(line) {
  const key = KEY.exec(line)?.[1]?.toLowerCase() ?? null;
  return key === null || key === "algorithm" || key === "hash" ? key : "path";
}

// src/action/sums.ts
var NAMES_SHOWN = 5;
var PIPES = ["-", "stdin", "(stdin)"];
function digestFor(bytes, path, sumsName) {
  const wanted = path.split("/");
  const name = wanted.at(-1) ?? "";
  const segmentsOf = (text) => text.trim().split(name.includes("\\") ? "/" : /[/\\]/);
  const isNamed = (entry) => entry.name !== null && entry.inHeader !== true && (entry.name.trim() === path || !isMoreThanPath(entry.name)) && (entry.name.endsWith(`/${name}`) || segmentsOf(entry.name).at(-1) === name.trim());
  const readAs = (entry) => isNamed(entry) ? entry : { ...entry, name: plainName(entry, sumsName, name) };
  const sums = isOfOtherKind(sumsName) ? { entries: [], beside: [] } : sumsIn(decoded(bytes));
  const entries = sums.entries.map(readAs);
  const named = entries.filter(isNamed);
  const isLone = named.length === 0 && entries.every((entry) => entry.name === null) && mayBeOf(sumsName, name) && isAlone(sums.beside, sumsName, name);
  const found2 = strongest(isLone ? entries : nearest(named, wanted, segmentsOf));
  const [first] = found2;
  if (first === void 0)
    throw new TransferError("not-found", `the file of checksums has no SHA-256 or SHA-512 for ${name}; ${contents(entries)}`);
  if (found2.some(({ isOther }) => isOther))
    throw new TransferError("not-found", `the file of checksums has another algorithm above a digest for ${name}; ${contents(found2)}`);
  if (found2.every(({ hex }) => hex === first.hex)) return { algorithm: first.algorithm, hex: first.hex };
  throw new TransferError("not-found", `the file of checksums has different digests for ${name}; ${contents(found2)}`);
}
function plainName({ name: told2, inHeader }, sumsName, name) {
  if (told2 === null || PIPES.includes(told2.trim())) return null;
  const endsSo = told2.endsWith(name) && /[\s/\\"']$/.test(told2.slice(0, -name.length));
  if (inHeader === true) return stemOf(sumsName) === name && endsSo ? null : told2;
  return /^\s*(["'])(.+)\1\s*$/.exec(told2)?.[2] ?? told2;
}
function decoded(bytes) {
  const [first = 1, second = 1] = bytes;
  const isLittle = first === 255 && second === 254 || first !== 0 && second === 0;
  const isBig = first === 254 && second === 255 || first === 0 && second !== 0;
  const encoding = isLittle ? "utf-16le" : isBig ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}
function nearest(named, wanted, segmentsOf) {
  const ranked = named.map((entry) => {
    const segments = segmentsOf(entry.name ?? "").filter((segment) => segment !== "" && segment !== ".");
    let common = 0;
    while (common < segments.length && segments.at(-1 - common) === wanted.at(-1 - common)) common += 1;
    return { entry, rank: common * 1e3 - (segments.length - common) };
  });
  const best = Math.max(...ranked.map(({ rank }) => rank));
  return ranked.filter(({ rank }) => rank === best).map(({ entry }) => entry);
}
function strongest(entries) {
  const long = entries.filter(({ algorithm }) => algorithm === "sha512");
  return long.length > 0 ? long : entries;
}
function mayBeOf(sumsName, name) {
  const stem = stemOf(sumsName);
  return stem === name || /^(?:sha-?(?:256|512)(?:sums?)?|sums?|checksums?|digest|hash)$/i.test(stem);
}
function isAlone(beside, sumsName, name) {
  if (stemOf(sumsName) === name) return !beside.some((line) => namesAnother(line, name));
  return beside.every((line) => isNameOf(line, name));
}
function stemOf(sumsName) {
  return sumsName.replace(/\.(?:txt|asc)$/i, "").replace(/[._-](?:sha-?(?:256|512)(?:sums?)?|sums?|checksums?|digest|hash)$/i, "");
}
function contents(entries) {
  if (entries.length === 0) return "it holds none at all";
  const named = [...new Set(entries.flatMap(({ name }) => name === null ? [] : [printable(name.trim(), 100)]))];
  if (named.length === 0) return `it holds ${entries.length === 1 ? "one" : entries.length} without a name`;
  const more = named.length > NAMES_SHOWN ? ` and ${named.length - NAMES_SHOWN} more` : "";
  return `it has ${named.slice(0, NAMES_SHOWN).join(", ")}${more}`;
}

// src/action/checksums.ts
var SUMS_BYTES_MAX = 4 * 1024 * 1024;
async function expectedChecksum(checksum, filePath, remotes, clock, timeoutMs, signal) {
  if (checksum.kind === "digest") return { algorithm: checksum.algorithm, hex: checksum.hex };
  const { supply, path } = await remotes.prepare(checksum.url);
  const remote = await supply.get(signal);
  const chunks = [];
  let length = 0;
  await watched({ clock, timeoutMs, bytes: Number.POSITIVE_INFINITY, what: "fetching the checksums" }, signal, async (s, watch2) => {
    const file = await remote.stat(path, s);
    if (file === null) throw new TransferError("not-found", "the server has no such file of checksums");
    if ((file.size ?? 0) > SUMS_BYTES_MAX) throw new TransferError("limit", `the file of checksums is larger than ${SUMS_BYTES_MAX} bytes`);
    const keep = (chunk) => {
      length += chunk.length;
      if (length > SUMS_BYTES_MAX) throw new TransferError("limit", `the file of checksums is larger than ${SUMS_BYTES_MAX} bytes`);
      chunks.push(Buffer.from(chunk));
      watch2.moved(length);
    };
    await remote.read(path, { start: 0, end: file.size ?? Number.POSITIVE_INFINITY }, keep, {}, s);
  });
  return digestFor(Buffer.concat(chunks), filePath, decodedPath(checksum.url).split("/").at(-1) ?? "");
}
function decodedPath(url) {
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    return url.pathname;
  }
}

// src/action/failure-text.ts
function failureSetting(host, job, environment, presented = true) {
  return { host, keeps: keptBy2(host, job, environment), presented };
}
function keptBy2(host, job, runnerEnvironment) {
  if (job === null || job.policy.resume === "never") return "nothing";
  if (job.direction === "upload") return "server";
  if (job.state.kind === "none") return "nothing";
  return host === "terminal" || runnerEnvironment === "self-hosted" ? "machine" : "job";
}
var ADVICE = {
  internal: "This is a defect of Resumable Transfer: please report it with the log.",
  "invalid-input": "Correct the inputs.",
  denied: "Check user name, password, key and permissions.",
  untrusted: "Compare the offered key or certificate with the one you expect, then pin it.",
  transient: "Run it again; raise retries or timeout if the network is known to be bad.",
  refused: "The server says no for good: check path, permissions and its settings.",
  "no-space": "Free space, or raise the quota.",
  "source-changed": "Let the source settle, then run it again.",
  conflict: "Somebody else writes the same file: let one of them finish.",
  stopped: "Run it again.",
  integrity: "Run it again; if it happens twice, the storage or a proxy on the way changes data.",
  limit: "Stay below the limit that is named.",
  protocol: "The server broke its protocol: see the log with log-level: verbose.",
  "not-found": "Check the name of the source."
};
var KEEPS_PROGRESS = /* @__PURE__ */ new Set([
  "internal",
  "denied",
  "transient",
  "refused",
  "no-space",
  "stopped",
  "integrity",
  "protocol",
  "limit"
]);
function failureLines(failure, results, setting) {
  const failed = results.filter((result) => result.status === "failed" || result.status === "incomplete");
  const one = failed.find((result) => result.failure === failure) ?? failed[0];
  const others = failed.length - 1;
  const name = one === void 0 ? "" : `${one.name}: `;
  return [
    ...happened(failure, name),
    ...others > 0 ? [`${others} more ${others === 1 ? "file is" : "files are"} not in place; see the log.`] : [],
    failed.length === 0 && results.length > 0 ? inPlace2(results.length) : safeLine(failure.kind, failed, setting),
    ...(failure.hint ?? ADVICE[failure.kind]).split("\n")
  ].filter((line) => line !== "");
}
function happened(failure, name) {
  if (failure.kind !== "invalid-input") return [`${name}${failure.message} (${failure.kind})`];
  return ["The inputs are not right:", ...failure.message.split("\n")];
}
function inPlace2(files) {
  return files === 1 ? "One file is in place." : `${files} files are in place.`;
}
var OVERWRITTEN = "This server cannot rename, so the bytes were sent to the final name itself: what is there now may be incomplete.";
function safeLine(kind, failed, setting) {
  if (kind === "invalid-input") return "Nothing was transferred and no connection was made.";
  const again = setting.host === "actions" ? "'Re-run failed jobs'" : "Running the same command again";
  if (failed.some((result) => result.writtenDirectly === true)) return `${OVERWRITTEN} ${again} sends the whole file.`;
  if (kind === "untrusted")
    return setting.presented ? joined2("Credentials had been sent before that.", previousLine(failed)) : "No credential was sent.";
  const untouched = previousLine(failed);
  const begun = failed.some((result) => result.bytesReused + result.bytesTransferred > 0 && result.keptNothing !== true);
  if (!KEEPS_PROGRESS.has(kind) || !begun || setting.keeps === "nothing" || kind === "integrity" && setting.keeps !== "server")
    return untouched;
  if (setting.keeps === "job") return joined2(untouched, `A download's partial stays on this runner: ${again} on a fresh one starts over.`);
  if (setting.keeps === "server") return joined2(`${again} proves what the server kept and continues from it.`, untouched);
  const where = setting.host === "actions" ? " on this runner" : "";
  return joined2(`Progress is kept: ${again}${where} continues from what is in place and proves it.`, untouched);
}
function joined2(...sentences) {
  return sentences.filter((sentence) => sentence !== "").join(" ");
}
function liesAt(kind) {
  return (fate) => fate.kind === kind;
}
function previousLine(failed) {
  const fates = failed.map((result) => result.previous ?? { kind: "unknown" });
  const aside = fates.find(liesAt("aside"));
  if (aside !== void 0)
    return `The file that was under the final name lies at ${aside.path}. The next run puts it back, or the new file in its place.`;
  const removed = fates.find(liesAt("removed"));
  if (removed !== void 0)
    return `The file that was under the final name had to make room and is gone; the new one lies whole at ${removed.path}. The next run puts it in its place.`;
  const seen = fates.filter((fate) => fate.kind !== "none");
  return seen.length > 0 && seen.every((fate) => fate.kind === "untouched") ? "What was under the final name before is untouched." : "";
}

// src/action/identity.ts
import { createHash as createHash6 } from "node:crypto";
import { posix, win32 } from "node:path";

// src/action/identifying-query.ts
var CREDENTIALS = new Set(
  `token access_token accesstoken auth auth_token authtoken authorization api_key apikey api-key private_token job_token id_token jwt bearer
  sig signature hmac sign expires expiry exp password passwd pwd secret client_secret ticket session sessionid session_id sid
  awsaccesskeyid googleaccessid ossaccesskeyid accesskeyid key-pair-id security-token
  x-oss-signature x-oss-signature-version x-oss-credential x-oss-date x-oss-expires x-oss-additional-headers x-oss-security-token
  x-obs-security-token x-cos-security-token
  q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature
  hdnts hdnea hdntl hdnea2 __token__ __gda__`.split(/\s+/)
);
var SIGNED_PREFIX = /^x-(?:amz|goog)-/;
var COMPANIONS = [
  // Azure's shared access signatures.
  { beside: ["sig"], names: new Set("sv se sp sr st spr sip ss srt si sdd ske sks skt skv skoid sktid saoid suoid scid ses".split(" ")) },
  // CloudFront.
  { beside: ["signature", "key-pair-id"], names: /* @__PURE__ */ new Set(["policy", "hash-algorithm"]) },
  // nginx, secure_link.
  { beside: ["expires"], names: /* @__PURE__ */ new Set(["md5", "st", "e", "h"]) }
];
function identifyingQuery(url) {
  const pairs = url.search.slice(1).split("&").filter((pair) => pair !== "").map((pair) => ({ pair, name: nameOf(pair) }));
  const present2 = new Set(pairs.map(({ name }) => name));
  const left = pairs.filter(({ name }) => !CREDENTIALS.has(name) && !SIGNED_PREFIX.test(name) && !accompanies(name, present2));
  return left.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0).map(({ pair }) => pair).join("&");
}
function accompanies(name, present2) {
  return COMPANIONS.some(({ beside, names }) => names.has(name) && beside.some((other) => present2.has(other)));
}
function nameOf(pair) {
  const name = (pair.split("=", 1)[0] ?? "").replaceAll("+", " ");
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}

// src/action/identity.ts
function portablePath(localPath, environment) {
  const path = win32.isAbsolute(localPath) && !posix.isAbsolute(localPath) ? win32 : posix;
  const slashed = (text) => text.replaceAll("\\", "/");
  if (!path.isAbsolute(localPath)) return posix.normalize(slashed(localPath));
  const roots = [
    ["", environment.GITHUB_WORKSPACE],
    ["temp:", environment.RUNNER_TEMP]
  ];
  for (const [mark, root] of roots) {
    if (root === void 0 || root === "") continue;
    const below = path.relative(root, localPath);
    if (below !== "" && !below.startsWith("..") && !path.isAbsolute(below)) return mark + slashed(below);
  }
  return `elsewhere:${path.basename(localPath)}`;
}
function transferIdentity(job, environment) {
  const ends = (entry) => [
    entry.url.protocol,
    entry.url.hostname.toLowerCase(),
    entry.url.port,
    job.credentials.username ?? "",
    entry.url.pathname + markedQuery(entry.url),
    portablePath(entry.localPath, environment)
  ];
  const identity = [
    "resumable-transfer 1",
    environment.GITHUB_REPOSITORY ?? "",
    environment.GITHUB_JOB ?? "",
    environment.GITHUB_ACTION ?? "",
    job.matrix,
    job.state.name,
    job.direction,
    job.entries.map(ends)
  ];
  return createHash6("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 16);
}
function entryKey({ url, localPath }) {
  return createHash6("sha256").update(`${url.href.replace(/[?#].*$/, "")}${markedQuery(url)}
${localPath}`).digest("hex").slice(0, 16);
}
function placeKey({ url }, username) {
  const directory = url.pathname.slice(0, url.pathname.lastIndexOf("/") + 1);
  return createHash6("sha256").update(JSON.stringify(["place", url.protocol, url.hostname.toLowerCase(), url.port, username ?? "", directory])).digest("hex").slice(0, 16);
}
function markedQuery(url) {
  const query = identifyingQuery(url);
  return query === "" ? "" : `?${query}`;
}

// src/action/local-aliases.ts
import { resolve } from "node:path";

// src/local/aliases.ts
import { randomBytes as randomBytes4 } from "node:crypto";
import { lstat as lstat5, open as open6, stat as stat2, unlink as unlink4 } from "node:fs/promises";
import { basename as basename2, dirname as dirname5, join as join3 } from "node:path";
async function refuseAliases(paths) {
  const directories = /* @__PURE__ */ new Map();
  const groups = /* @__PURE__ */ new Map();
  for (const path of paths) {
    const place = await placeOf(path, directories);
    const key = `${place.id}
${folded(place.below.join("\n"))}`;
    groups.set(key, [...groups.get(key) ?? [], place]);
  }
  for (const group of groups.values()) {
    for (const [i, one] of group.entries()) {
      for (const other of group.slice(i + 1)) if (await areOne(one, other)) throw aliasError(one, other);
    }
  }
}
function aliasError(one, other) {
  return new TransferError("conflict", `two lines have one file as their target on this disk: ${one.path} and ${other.path}`, {
    hint: "Links, letter case or the form of accented letters make them one. Give one of them another name: URL => name."
  });
}
async function placeOf(path, directories) {
  const below = [basename2(path)];
  for (let directory = dirname5(path); ; directory = dirname5(directory)) {
    const known = directories.get(directory) ?? idOf(directory);
    directories.set(directory, known);
    const id = await known;
    if (id !== null || directory === dirname5(directory)) return { path, directory, id: id ?? directory, below };
    below.unshift(basename2(directory));
  }
}
async function idOf(directory) {
  const about = await stat2(directory, { bigint: true }).catch(() => null);
  return about === null ? null : fileId(about);
}
function fileId({ dev, ino }) {
  return process.platform === "win32" ? String(ino) : `${dev}:${ino}`;
}
function folded(name) {
  return name.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}
async function areOne(a, b) {
  const [i] = a.below.flatMap((name, at) => name === b.below[at] ? [] : [at]);
  if (i === void 0) return true;
  const mark = `.rt-probe-${randomBytes4(4).toString("hex")}-`;
  const [made, asked] = [a, b].map(({ below }) => join3(a.directory, mark + (below[i] ?? "")));
  if (made === void 0 || asked === void 0) return false;
  try {
    await (await open6(made, "wx", 384)).close();
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENAMETOOLONG";
  }
  try {
    return await lstat5(asked).catch(() => null) !== null;
  } finally {
    await unlink4(made).catch(() => {
    });
  }
}
async function findLost(targets) {
  const seen = /* @__PURE__ */ new Map();
  const found2 = [];
  for (const target of [...targets].reverse()) {
    const about = await lstat5(target.path, { bigint: true }).catch(() => null);
    const id = about === null || about.ino === 0n ? null : fileId(about);
    const other = id === null ? void 0 : seen.get(id);
    if (id !== null && other === void 0) seen.set(id, target);
    found2.unshift(lostIn(target, about, other));
  }
  return found2;
}
function lostIn(target, about, other) {
  const hint = "See which other line or program writes there.";
  if (about === null) return new TransferError("conflict", `the file that was put in place is gone: ${target.path}`, { hint });
  if (!about.isFile())
    return new TransferError("conflict", `the file that was put in place is no plain file any more: ${target.path}`, { hint });
  if (other !== void 0 && (target.digest === null || target.digest !== other.digest))
    return new TransferError("conflict", `${target.path} and ${other.path} are one file, which holds the latter`, { hint });
  if (target.size === null || about.size === BigInt(target.size)) return null;
  return new TransferError("conflict", `${target.path} holds ${about.size} bytes, and ${target.size} were put in place`, { hint });
}

// src/action/outputs.ts
var SEVERITY = [
  "internal",
  "integrity",
  "conflict",
  "untrusted",
  "denied",
  "invalid-input",
  "source-changed",
  "protocol",
  "no-space",
  "limit",
  "refused",
  "not-found",
  "transient",
  "stopped"
];
var PROOFS = ["acknowledged", "size", "read-back", "digest"];
function failureOf(error) {
  if (!(error instanceof TransferError)) return { kind: "internal", message: error instanceof Error ? error.message : String(error) };
  const { kind, message, hint } = error;
  return { kind: publicKind(kind), message, ...hint === void 0 ? {} : { hint } };
}
function failureIn(result) {
  if (result.status === "complete" || result.status === "unchanged")
    return result.proof === null ? { kind: "internal", message: `${result.name} has no proof` } : null;
  if (result.failure !== void 0) return result.failure;
  return result.status === "incomplete" ? { kind: "stopped", message: "stopped" } : { kind: "internal", message: "failed without a reason" };
}
function conclude(job, results, error) {
  const failures = results.map(failureIn).filter((failure2) => failure2 !== null);
  if (error !== null && error !== void 0) failures.push(failureOf(error));
  if (failures.length === 0 && (job === null || results.length < job.entries.length || results.length === 0))
    failures.push({ kind: "internal", message: "not every file has a result" });
  const failure = failures.toSorted((a, b) => SEVERITY.indexOf(a.kind) - SEVERITY.indexOf(b.kind))[0] ?? null;
  const status = statusOf(results, failure);
  return {
    status,
    failure,
    exitCode: failure === null ? 0 : exitCodeFor(failure.kind),
    outputs: outputsOf(job, results, status, failure)
  };
}
function statusOf(results, failure) {
  if (failure !== null) return failure.kind === "stopped" ? "incomplete" : "failed";
  return results.every((result) => result.status === "unchanged") ? "unchanged" : "complete";
}
function outputsOf(job, results, status, failure) {
  const total = (pick) => String(results.reduce((sum, result) => sum + pick(result), 0));
  const count = (wanted) => String(results.filter((result) => result.status === wanted).length);
  const isGreen = failure === null;
  const only = results.length === 1 ? results[0] : void 0;
  const weakest = PROOFS.find((level) => results.some((result) => result.proof === level)) ?? "";
  const isSingleDownload = job?.direction === "download" && job.entries.length === 1;
  return /* @__PURE__ */ new Map([
    ["status", status],
    ["complete", String(isGreen)],
    ["resumed", String(results.some((result) => result.status !== "unchanged" && result.bytesReused > 0))],
    ["proof", isGreen ? weakest : ""],
    ["digest", isGreen ? only?.digest ?? "" : ""],
    ["path", isGreen && isSingleDownload ? job.entries[0]?.localPath ?? "" : ""],
    ["bytes-total", total((result) => result.size ?? 0)],
    ["bytes-transferred", total((result) => result.bytesTransferred)],
    ["bytes-reused", total((result) => result.bytesReused)],
    ["files-total", String(job?.entries.length ?? 0)],
    ["files-transferred", count("complete")],
    ["files-unchanged", count("unchanged")],
    ["error-kind", failure?.kind ?? ""]
  ]);
}

// src/action/local-aliases.ts
async function refuseLocalAliases(job) {
  if (job.direction === "upload" || job.entries.length < 2) return;
  await refuseAliases(job.entries.map(({ localPath }) => resolve(localPath)));
}
async function withLostTargets(job, results) {
  if (job.direction === "upload") return results;
  const inPlace3 = results.flatMap((result, i) => {
    const entry = job.entries[i];
    if (entry === void 0 || result.status !== "complete" && result.status !== "unchanged") return [];
    return [{ i, target: { path: resolve(entry.localPath), size: result.size, digest: result.digest } }];
  });
  const found2 = await findLost(inPlace3.map(({ target }) => target));
  const lost = new Map(inPlace3.map(({ i }, at) => [i, found2[at] ?? null]));
  return results.map((result, i) => {
    const error = lost.get(i) ?? null;
    return error === null ? result : { ...result, status: "failed", failure: failureOf(error), proof: null, proofDetail: null };
  });
}

// src/action/local-kind.ts
import { statSync } from "node:fs";
function localKind(path) {
  const stat3 = statSync(path, { throwIfNoEntry: false });
  if (stat3 === void 0) return "missing";
  return stat3.isFile() ? "file" : stat3.isDirectory() ? "directory" : "other";
}

// src/action/remotes.ts
function remoteSet(credentials, ports) {
  const opened = /* @__PURE__ */ new Map();
  return {
    prepare: async (url) => {
      const endpoint = await endpointFor(url, credentials);
      if (endpoint === null) throw new TransferError("internal", `no protocol for ${url.protocol}`);
      const origin = `${url.protocol}//${url.host}`;
      const known = opened.get(origin) ?? supplyOf(endpoint, ports);
      opened.set(origin, known);
      return { supply: known.supply, path: endpoint.path };
    },
    notes: () => [...opened.values()].flatMap((one) => one.remote()?.notes ?? []),
    close: async () => {
      await Promise.all([...opened.values()].map((one) => one.close()));
    }
  };
}
function supplyOf(endpoint, ports) {
  let opening = null;
  let open7 = null;
  const closing = new AbortController();
  return {
    remote: () => open7,
    close: async () => {
      closing.abort(new TransferError("stopped", "closed before it was open"));
      const remote = open7 ?? await opening?.catch(() => null);
      await remote?.close();
    },
    supply: {
      get: (signal) => {
        opening ??= endpoint.open(ports, AbortSignal.any([signal, closing.signal])).then(
          (remote) => {
            open7 = remote;
            return remote;
          },
          (error) => {
            if (error instanceof TransferError && (reactionTo(error.kind) === "retry" || error.kind === "stopped")) opening = null;
            throw error;
          }
        );
        return opening;
      }
    }
  };
}

// src/action/summary.ts
var BYTES_MAX = 512 * 1024;
var ROWS_MAX = 500;
var WARNINGS_MAX = 50;
var WARNING_LENGTH_MAX = 500;
function summaryMarkdown(facts) {
  const title = facts.direction === null ? "Transfer" : facts.direction === "upload" ? "Upload" : "Download";
  const blocks = [
    `### ${title}: ${headline(facts)}`,
    failureBlock(facts.failure),
    savedLine(facts.results),
    table(facts.results),
    facts.warnings.slice(0, WARNINGS_MAX).map((warning) => `> ⚠️ ${markdownCode(warning, WARNING_LENGTH_MAX)}`).join("\n>\n")
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}
`;
}
function headline(facts) {
  const inPlace3 = facts.results.filter((result) => result.status === "complete" || result.status === "unchanged");
  if (facts.failure.length > 0) return facts.results.length === 0 ? "failed" : `${inPlace3.length} of ${facts.results.length} files in place`;
  if (inPlace3.every((result) => result.status === "unchanged")) return "everything was in place already";
  return inPlace3.length === 1 ? "complete" : `${inPlace3.length} files complete`;
}
function failureBlock(lines) {
  if (lines.length === 0) return "";
  return ["```text", ...lines.slice(0, 100).map((line) => printable(line).replaceAll("`", "'")), "```"].join("\n");
}
function savedLine(results) {
  const total = (pick) => results.reduce((sum, result) => sum + pick(result), 0);
  const resumed = results.filter((result) => result.status !== "unchanged");
  const reused = resumed.reduce((sum, result) => sum + result.bytesReused, 0);
  if (reused === 0) return "";
  const size = resumed.reduce((sum, result) => sum + (result.size ?? 0), 0);
  const moved = total((result) => result.bytesTransferred);
  const spent = total((result) => result.durationMs);
  const time = moved > 0 && spent > 0 ? `, about ${formatDuration(reused / moved * spent)} at this rate` : "";
  return `Resume saved **${formatBytes(reused)}**${size > 0 ? ` (${share(reused, size)})` : ""}${time}.`;
}
var HEAD = [
  "| File | Result | Size | Moved | Reused | Resumed from | Proof | Time | Rate |",
  "|---|---|--:|--:|--:|--:|---|--:|--:|"
].join("\n");
function table(results) {
  if (results.length === 0) return "";
  const isDone = (result) => result.status === "complete" || result.status === "unchanged" ? 1 : 0;
  const sorted2 = results.toSorted((a, b) => isDone(a) - isDone(b));
  const rows = [];
  let bytes = 0;
  for (const result of sorted2.slice(0, ROWS_MAX)) {
    const row = rowOf(result);
    bytes += Buffer.byteLength(row);
    if (bytes > BYTES_MAX) break;
    rows.push(row);
  }
  const cut = sorted2.length - rows.length;
  return [HEAD, ...rows].join("\n") + (cut === 0 ? "" : `

… and ${cut} more ${cut === 1 ? "file" : "files"}.`);
}
function rowOf(result) {
  const proof = result.proof === null ? "–" : result.proof + (result.proofDetail === null ? "" : ` ${markdownCode(result.proofDetail)}`);
  const outcome = result.failure === void 0 ? result.status : `${result.status} (${result.failure.kind})`;
  const cells = [
    markdownCode(result.name),
    outcome,
    result.size === null ? "–" : formatBytes(result.size),
    formatBytes(result.bytesTransferred),
    formatBytes(result.bytesReused),
    result.resumedFrom === 0 ? "–" : formatBytes(result.resumedFrom),
    proof,
    formatDuration(result.durationMs),
    result.bytesTransferred === 0 ? "–" : formatRate(result.bytesTransferred, result.durationMs)
  ];
  return `| ${cells.join(" | ")} |`;
}

// src/engine/targets.ts
import { createHash as createHash7 } from "node:crypto";
async function refuseFolded(targets, looking) {
  const first = /* @__PURE__ */ new Map();
  for (const target of targets) {
    const folded2 = foldedName(target.path);
    const twin = first.get(folded2);
    if (twin === void 0) first.set(folded2, target);
    else if (twin.path !== target.path && await folds(twin, target, looking)) {
      throw new TransferError("conflict", `${twin.name} and ${target.name} have names that this server takes for one: ${target.path}`, {
        hint: "Give one of them another name with source => target."
      });
    }
  }
}
async function folds(a, b, { policy, ports, signal }) {
  const session = new Session(b.name, policy, ports);
  const remote = await a.remote.get(signal);
  const { writer, tree } = remote;
  if (writer === void 0 || tree === void 0) return false;
  const stem = scratchPath(directoryName(a.path), ports.newNonce());
  const caseOnly = a.path.normalize("NFC") !== b.path.normalize("NFC");
  const [made, asked] = caseOnly ? [`${stem}-x`, `${stem}-X`] : [`${stem}-é`, `${stem}-é`];
  try {
    await session.guarded("probing whether names are folded", signal, (s) => makeScratch(writer, made, s));
    return (await session.look(remote, asked, "looking for the scratch file", signal)).is === "there";
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return false;
  } finally {
    await session.guarded("removing the scratch file", signal, (s) => tree.remove(made, s)).catch(() => {
    });
  }
}
async function lookAgain(targets, looking) {
  const wrong = /* @__PURE__ */ new Map();
  if (targets.length < 2) return wrong;
  for (const [i, target] of targets.entries()) {
    const others = targets.slice(i + 1).filter((other) => mayBeOne(target, other));
    const session = new Session(target.name, looking.policy, looking.ports);
    const look2 = () => found(session, target, others, looking.signal);
    const error = await session.persevere({ downgrade: () => false }, looking.signal, look2).catch((failure) => {
      if (looking.signal.aborted || !(failure instanceof TransferError)) throw failure;
      session.note(`${target.path} could not be looked at again: ${failure.message}`);
      return null;
    });
    if (error !== null) wrong.set(target, error);
  }
  return wrong;
}
function mayBeOne(a, b) {
  return foldedName(baseName(a.path)) === foldedName(baseName(b.path));
}
async function found(session, target, others, signal) {
  const { content, path } = target;
  if (content === null) return null;
  const remote = await target.remote.get(signal);
  const look2 = await session.look(remote, path, "looking at the target again", signal);
  if (look2.is === "missing") session.warning(`when the step was done, there was no ${path} any more: the server, or somebody else, took it`);
  if (look2.is !== "there") return null;
  const { file } = look2;
  if (file.kind === "file" && file.size !== null && file.size !== content.size)
    return replaced(`${path} has ${file.size} bytes instead of ${content.size}`);
  for (const other of others) {
    const range = difference(content, other.content);
    if (range === null) continue;
    const digest = await session.guarded("reading the target again", signal, (s) => digestOf2(remote, path, range, s));
    if (digest !== content.blocks[range.start / content.blockSize])
      return replaced(`${path} does not hold its source any more; ${other.name} may be the same file by a link or a folded name`);
  }
  return null;
}
function replaced(what) {
  return new TransferError("conflict", `when the step was done, ${what}`, {
    hint: "Two lines of `source` may lead to one file on the server, or somebody else writes there."
  });
}
function difference(a, b) {
  if (b === null || a.size !== b.size || a.blockSize !== b.blockSize) return null;
  const index = a.blocks.findIndex((block, i) => block !== b.blocks[i]);
  if (index < 0) return null;
  return { start: index * a.blockSize, end: Math.min(a.size, (index + 1) * a.blockSize) };
}
async function digestOf2(remote, path, range, signal) {
  const hash = createHash7("sha256");
  await remote.read(path, range, (chunk) => void hash.update(chunk), {}, signal);
  return hash.digest("hex");
}

// src/action/upload-targets.ts
var UploadTargets = class {
  #targets;
  constructor(job, prepared) {
    this.#targets = prepared.map(({ supply, path }, i) => ({
      name: job.entries[i]?.displayName ?? path,
      path,
      remote: supply,
      content: null
    }));
  }
  refuseFolded(looking) {
    return refuseFolded(this.#targets, looking);
  }
  placed(index, content) {
    const target = this.#targets[index];
    if (target !== void 0) this.#targets[index] = { ...target, content };
  }
  /** Results of files that are not in place any more become failures. */
  async lookAgain(results, looking) {
    for (const [target, error] of await lookAgain(this.#targets, looking)) {
      const i = this.#targets.indexOf(target);
      const result = results[i];
      if (result === void 0) continue;
      results[i] = {
        ...result,
        status: "failed",
        failure: failureOf(error),
        proof: null,
        proofDetail: null,
        previous: { kind: "replaced" }
      };
      looking.ports.reporter.report({ kind: "warning", name: target.name, message: error.message });
    }
  }
};

// src/action/run.ts
var STOPPED_SAVE_MS = 4e3;
var SAVE_MS = 6e4;
var CLOSE_MS = 1500;
async function run(surroundings) {
  const { host } = surroundings;
  const ending = await carryOut(surroundings);
  const reached = conclude(ending.job, ending.results, ending.error);
  const lost = writeOutputs(host, reached);
  const conclusion = lost !== null && reached.failure === null ? conclude(ending.job, ending.results, lost) : reached;
  if (lost !== null && reached.failure !== null) host.warning(lost.message);
  const setting = failureSetting(host.kind, ending.job, host.environment.RUNNER_ENVIRONMENT, ending.presented);
  const failure = conclusion.failure === null ? [] : failureLines(conclusion.failure, ending.results, setting);
  if (failure.length > 0) host.error(failure);
  if (conclusion.failure?.kind === "internal" && ending.error instanceof Error)
    for (const line of (ending.error.stack ?? "").split("\n")) host.info(line);
  if (ending.job?.summary !== false) {
    await host.appendSummary(
      summaryMarkdown({ direction: ending.job?.direction ?? null, results: ending.results, warnings: ending.warnings, failure })
    );
  }
  host.setExitCode(conclusion.exitCode);
}
function writeOutputs(host, { outputs }) {
  try {
    for (const [name, value] of outputs) host.setOutput(name, value);
    return null;
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    return error;
  }
}
async function carryOut(surroundings) {
  const { host } = surroundings;
  const reached = { results: [], presented: false };
  let job = null;
  let reporter = null;
  let error = null;
  try {
    job = parseInputs(host.inputs, { localKind, windows: process.platform === "win32", workingDirectory: process.cwd() });
    reporter = surroundings.reporter(job);
    for (const entry of job.entries) host.info(describeEntry(job, entry));
    for (const warning of job.warnings) reporter.report({ kind: "warning", name: "", message: warning });
    await transferAll(job, surroundings, reporter, reached);
  } catch (caught) {
    error = caught;
  }
  reporter?.close();
  return { job, ...reached, error, warnings: reporter?.warnings() ?? [] };
}
async function transferAll(job, surroundings, reporter, reached) {
  const { host, clock, signal } = surroundings;
  const warn = (message) => reporter.report({ kind: "warning", name: "", message });
  const debug = (message) => job.logLevel === "verbose" ? host.info(message) : host.debug(message);
  const presenting = () => {
    reached.presented = true;
  };
  const ports = {
    timeoutMs: job.pace.timeoutMs,
    direction: job.direction,
    shellDigests: job.policy.serverDigests === "auto",
    redact: host.redact,
    proxies: proxiesOf(host.environment),
    presenting,
    debug,
    warn
  };
  const remotes = remoteSet(job.credentials, ports);
  const prepared = await prepareAll(job, remotes);
  await refuseLocalAliases(job);
  prepared[0]?.supply.get(signal).catch(() => {
  });
  const identity = {
    id: transferIdentity(job, host.environment),
    runId: host.environment.GITHUB_RUN_ID ?? "0",
    runAttempt: Number(host.environment.GITHUB_RUN_ATTEMPT ?? "1") || 1
  };
  const places = await statePlaces(job, host, identity, signal);
  if (places.reason !== null) warn(places.reason);
  host.saveState("identity", JSON.stringify(identity));
  host.saveState("directory", places.store === null ? "" : places.directory ?? "");
  host.saveState("process", encodeIdentity(thisProcess()));
  const keys = new Set(job.entries.map(entryKey));
  const known = new Set(job.entries.map((entry) => placeKey(entry, job.credentials.username)));
  const keeper = journalKeeper({ id: identity.id, keys, places: known, disk: places.disk, store: places.store, warn });
  const saving = checkpoints({ clock, random: Math.random, recorder: keeper, save: () => keeper.checkpoint(signal) });
  const running = { reporter, recorder: saving.recorder, remotes, prepared, remotePorts: ports, target: localTargets() };
  try {
    await keeper.load(signal);
    host.saveState("unended", foundUnended(keeper.unended()));
    const { results } = reached;
    await transferEach(job, surroundings, running, results);
    results.splice(0, results.length, ...await withLostTargets(job, results));
  } finally {
    saving.stop();
    const told2 = reporter.warnings();
    for (const note of remotes.notes()) if (!told2.includes(note)) reporter.report({ kind: "note", name: "", message: note });
    const closing = remotes.close();
    if (await isDoneWithin(clock, CLOSE_MS, closing)) keeper.ended();
    await keeper.flush();
    await Promise.all([keeper.checkpoint(AbortSignal.timeout(signal.aborted ? STOPPED_SAVE_MS : SAVE_MS)), closing]);
    host.saveState("ended", "true");
  }
}
function isDoneWithin(clock, ms, work) {
  return new Promise((resolve3, reject) => {
    const cancel = clock.after(ms, () => resolve3(false));
    work.then(() => resolve3(true), reject).finally(cancel);
  });
}
async function prepareAll(job, remotes) {
  const prepared = [];
  const faults = /* @__PURE__ */ new Set();
  for (const entry of job.entries) {
    try {
      prepared.push(await remotes.prepare(entry.url));
    } catch (error) {
      if (!(error instanceof TransferError) || error.kind !== "invalid-input") throw error;
      faults.add(error.message);
    }
  }
  if (faults.size > 0) throw new TransferError("invalid-input", [...faults].join("\n"));
  return prepared;
}
async function transferEach(job, surroundings, running, results) {
  const { clock, signal } = surroundings;
  const { reporter, recorder } = running;
  const engine = {
    clock,
    random: Math.random,
    newKey: () => randomBytes5(16).toString("hex"),
    newNonce: () => randomBytes5(NONCE_HEX_LENGTH / 2).toString("hex"),
    reporter,
    recorder,
    blockSize: blockSizeFor
  };
  const targets = new UploadTargets(job, job.direction === "upload" ? running.prepared : []);
  const looking = { policy: policyOf(job), ports: engine, signal };
  await targets.refuseFolded(looking);
  for (const [i, entry] of job.entries.entries()) {
    const remote = running.prepared[i];
    if (remote === void 0) throw new TransferError("internal", `${entry.displayName} was not prepared`);
    const placed = (content) => targets.placed(i, content);
    const transferring = transferOne(job, entry, { ...remote, placed }, surroundings, running, engine);
    const result = await transferring.catch((error) => unstarted(entry, error));
    results.push(result);
    const kind = result.failure?.kind;
    if (kind === "denied" || kind === "untrusted" || kind === "stopped" || signal.aborted) {
      for (const left of job.entries.slice(i + 1))
        results.push(unstarted(left, new TransferError(kind ?? "stopped", "not begun, because of the failure before")));
      return;
    }
  }
  await targets.lookAgain(results, looking);
}
function policyOf(job) {
  return { ...job.policy, ...job.pace };
}
async function transferOne(job, entry, remote, surroundings, running, engine) {
  const { clock, signal } = surroundings;
  const policy = policyOf(job);
  const common = { name: entry.displayName, key: entryKey(entry), remote: remote.supply, path: remote.path, policy };
  const place = placeKey(entry, job.credentials.username);
  const opening = new Session(entry.displayName, policy, engine);
  const patiently = (work) => opening.persevere({ downgrade: () => false }, signal, work);
  if (job.direction === "download") {
    const { checksum: wanted } = job.policy;
    const remotes = checksumRemotes(job, entry, running);
    const fetch2 = (from) => expectedChecksum(from, decodedPath(entry.url), remotes, clock, policy.timeoutMs, signal);
    const checksum = wanted === null ? null : await patiently(() => fetch2(wanted));
    return download({ ...common, target: running.target(resolve2(entry.localPath)), checksum }, engine, signal);
  }
  const source = await patiently(() => openSource(resolve2(entry.localPath)));
  try {
    return await upload({ ...common, place, source, ...remote.placed === void 0 ? {} : { placed: remote.placed } }, engine, signal);
  } finally {
    await source.close();
  }
}
var NO_CREDENTIALS = { headers: /* @__PURE__ */ new Map(), fingerprints: [], tlsVerify: true };
function checksumRemotes(job, entry, running) {
  const { checksum } = job.policy;
  const sameOrigin = checksum?.kind === "sums" && checksum.url.origin === entry.url.origin;
  const { tlsCa } = job.credentials;
  return sameOrigin ? running.remotes : remoteSet({ ...NO_CREDENTIALS, ...tlsCa === void 0 ? {} : { tlsCa } }, running.remotePorts);
}
function unstarted(entry, error) {
  const failure = failureOf(error);
  return {
    name: entry.displayName,
    status: failure.kind === "stopped" ? "incomplete" : "failed",
    failure,
    size: null,
    bytesTransferred: 0,
    bytesReused: 0,
    resumedFrom: 0,
    proof: null,
    proofDetail: null,
    digest: null,
    durationMs: 0
  };
}

export {
  systemClock,
  deadline,
  holdYoungHeap,
  createProgressTracker,
  createReporter,
  run
};
