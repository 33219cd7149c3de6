import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  createActionsHost
} from "./chunk-A652SIZI.js";
import {
  createReporter,
  deadline,
  holdYoungHeap,
  run,
  systemClock
} from "./chunk-EMKFNBU4.js";
import {
  failUntilTold,
  leave
} from "./chunk-2EVP22EQ.js";
import "./chunk-QN2OLOUP.js";
import "./chunk-S3JFGB2E.js";
import "./chunk-JNQCJRQQ.js";
import "./chunk-Z7WO36AJ.js";
import "./chunk-7MCK3PXT.js";
import "./chunk-KECUYLEA.js";
import "./chunk-IGAZWJKT.js";
import "./chunk-TIQYU5W4.js";

// src/main.ts
holdYoungHeap();
var { signal } = deadline(process);
var host = createActionsHost(process.env);
failUntilTold((message) => host.error([message]));
await run({
  host,
  clock: systemClock,
  signal,
  reporter: (job) => createReporter(host, systemClock, { level: job.logLevel, heartbeat: true })
});
host.close();
leave();
