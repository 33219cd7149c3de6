import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  blockCheck
} from "./chunk-S3JFGB2E.js";
import "./chunk-TIQYU5W4.js";

// src/local/digest-worker.ts
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";
var STEP_BYTES = 1024 * 1024;
var Short = class extends Error {
  at;
  constructor(at) {
    super(`the file ends at ${at}`);
    this.at = at;
  }
};
function running(algorithm) {
  if (algorithm !== "crc32") {
    const hash = createHash(algorithm);
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex"), soFar: () => hash.copy().digest("hex") };
  }
  let value = 0;
  const hex = () => value.toString(16).padStart(8, "0");
  return {
    update: (bytes) => {
      value = crc32(bytes, value);
    },
    digest: hex,
    soFar: hex
  };
}
var FileHasher = class {
  descriptor;
  whole;
  check;
  buffer = Buffer.allocUnsafeSlow(STEP_BYTES);
  at;
  settled;
  constructor({ descriptor, algorithm, start, checkKey }) {
    this.check = blockCheck(checkKey);
    this.descriptor = descriptor;
    this.whole = running(algorithm);
    this.at = start;
    this.settled = start;
  }
  /** Whether the running digest lags behind what is final. */
  get behind() {
    return this.at < this.settled;
  }
  piece(start, end) {
    if (this.buffer.length < end - start) this.buffer = Buffer.allocUnsafeSlow(end - start);
    let filled = 0;
    while (filled < end - start) filled += this.read(this.buffer.subarray(filled), start + filled, end).length;
    const bytes = this.buffer.subarray(0, filled);
    return { digest: createHash("sha256").update(bytes).digest("hex"), check: this.check(bytes) };
  }
  extend(end) {
    this.settled = Math.max(this.settled, end);
  }
  /** One step of catching up, so that pieces asked for meanwhile need not wait long. */
  catchUp(end = this.settled) {
    const bytes = this.read(this.buffer.subarray(0, STEP_BYTES), this.at, end);
    this.whole.update(bytes);
    this.at += bytes.length;
  }
  /** Null when it is beyond that place. */
  prefix(end) {
    if (this.at > end) return null;
    while (this.at < end) this.catchUp(end);
    return this.whole.soFar();
  }
  finish(end) {
    this.extend(end);
    while (this.behind) this.catchUp();
    return this.whole.digest();
  }
  read(target, at, end) {
    const length = readSync(this.descriptor, target, 0, Math.min(target.length, end - at), at);
    if (length === 0) throw new Short(at);
    return target.subarray(0, length);
  }
};
function answer(hasher, request) {
  if (request.kind === "piece") return hasher.piece(request.start, request.end);
  const digest = request.kind === "prefix" ? hasher.prefix(request.end) : hasher.finish(request.end);
  return digest === null ? { passed: true } : { digest, check: "" };
}
var port = parentPort;
if (port !== null) {
  const hasher = new FileHasher(workerData);
  let failure = null;
  const explain = (error) => error instanceof Short ? { shortAt: error.at } : { error: error instanceof Error ? error.message : String(error) };
  let scheduled = false;
  const idle = () => {
    if (scheduled || failure !== null || !hasher.behind) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      try {
        if (hasher.behind) hasher.catchUp();
      } catch (error) {
        failure = explain(error);
      }
      idle();
    });
  };
  port.on("message", (request) => {
    if (request.kind === "extend") {
      hasher.extend(request.end);
      return idle();
    }
    const { id } = request;
    try {
      if (request.kind !== "piece" && failure !== null) return port.postMessage({ id, ...failure });
      port.postMessage({ id, ...answer(hasher, request) });
    } catch (error) {
      port.postMessage({ id, ...explain(error) });
    }
    idle();
  });
}
