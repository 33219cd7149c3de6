import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  strangerToFolder
} from "./chunk-CH4BLU6L.js";
import {
  throwIfAborted
} from "./chunk-BVY6T2JH.js";
import "./chunk-TIQYU5W4.js";

// src/action/tool-cache-folder.ts
import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
var TOOL = "resumable-transfer";
var VERSION = "1.0.0";
var POLL_MS = 100;
var PATIENCE_MS = 3e3;
function hasLastingToolCache(environment) {
  return environment.RUNNER_ENVIRONMENT === "self-hosted" && (environment.RUNNER_TOOL_CACHE ?? "") !== "";
}
async function toolCacheFolder(environment, signal) {
  const toolCache = environment.RUNNER_TOOL_CACHE ?? "";
  if (toolCache === "") throw new Error("RUNNER_TOOL_CACHE is not set");
  const user = process.geteuid?.();
  let failure = null;
  for (const tool of user === void 0 ? [TOOL] : [TOOL, `${TOOL}-${user}`]) {
    try {
      const folder = await folderOf(tool, toolCache, environment.RUNNER_TEMP ?? tmpdir(), signal);
      await narrow(folder);
      const why = await strangerToFolder(folder);
      if (why === null) return folder;
      failure ??= new Error(why);
    } catch (error) {
      if (signal.aborted) throw error;
      failure ??= error;
    }
  }
  throw failure;
}
async function folderOf(tool, toolCache, scratch, signal) {
  const { cacheDir, find } = await import("./chunk-IHXEUR7U.js");
  const found = find(tool, VERSION);
  if (found !== "") return found;
  const lock = join(toolCache, tool, "making");
  if (!await acquire(lock, () => find(tool, VERSION) !== "", signal)) return find(tool, VERSION);
  try {
    const made = find(tool, VERSION);
    return made !== "" ? made : await makeFolder((source) => cacheDir(source, tool, VERSION), scratch);
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}
async function narrow(folder) {
  const { uid, mode } = await stat(folder);
  if (uid === process.geteuid?.() && (mode & 63) !== 0) await chmod(folder, 448);
}
async function makeFolder(cacheDir, scratch) {
  const empty = await mkdtemp(join(scratch, `${TOOL}-`));
  try {
    const folder = await cacheDir(empty);
    await chmod(folder, 448);
    return folder;
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}
async function acquire(lock, finished, signal) {
  await mkdir(dirname(lock), { recursive: true });
  for (const takeOver of [true, false]) {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
      throwIfAborted(signal);
      if (await makeDirectory(lock)) return true;
      if (finished()) return false;
      await sleep(POLL_MS, void 0, { signal }).catch(() => void 0);
    }
    if (takeOver) await removeAbandoned(lock);
  }
  throw new Error(`another job holds ${lock}`);
}
async function makeDirectory(path) {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
async function removeAbandoned(lock) {
  const aside = `${lock}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(lock, aside);
    await rm(aside, { recursive: true, force: true });
  } catch {
  }
}
export {
  hasLastingToolCache,
  toolCacheFolder
};
