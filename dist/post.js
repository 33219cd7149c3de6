import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  createActionsHost
} from "./chunk-A652SIZI.js";
import {
  cacheStore,
  decodeJournal,
  fileStore,
  leave
} from "./chunk-2EVP22EQ.js";
import "./chunk-QN2OLOUP.js";
import "./chunk-S3JFGB2E.js";
import "./chunk-JNQCJRQQ.js";
import "./chunk-Z7WO36AJ.js";
import "./chunk-KECUYLEA.js";
import "./chunk-IGAZWJKT.js";
import "./chunk-TIQYU5W4.js";

// src/action/finish.ts
var SAVE_MS = 6e4;
async function finish(host) {
  const directory = host.getState("directory");
  if (directory === "" || host.getState("ended") === "true") return;
  try {
    const identity = JSON.parse(host.getState("identity"));
    const signal = AbortSignal.timeout(SAVE_MS);
    const state = await fileStore(directory, identity).load(signal);
    const journal = state === null ? null : decodeJournal(state);
    if (state === null || journal === null || journal.entries.length === 0) return host.info("Nothing to save: the transfer had not begun.");
    const store = await cacheStore(host.environment, identity);
    await store.save(state, signal);
    host.info(`The state of the interrupted transfer was saved to the ${store.description}.`);
  } catch (error) {
    host.warning(`The state of the interrupted transfer could not be saved: ${error instanceof Error ? error.message : String(error)}`);
  }
}

// src/post.ts
var environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("INPUT_")));
await finish(createActionsHost(environment));
leave();
