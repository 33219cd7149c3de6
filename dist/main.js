import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  createActionsHost
} from "./chunk-BXZZRZ4D.js";
import {
  createReporter,
  deadline,
  holdYoungHeap,
  run,
  systemClock
} from "./chunk-NTUKGGBI.js";
import {
  failUntilTold,
  leave
} from "./chunk-ZF722SJ7.js";
import "./chunk-JNQCJRQQ.js";
import "./chunk-2A4NVA3E.js";
import "./chunk-S3JFGB2E.js";
import "./chunk-IGAZWJKT.js";
import "./chunk-CH4BLU6L.js";
import "./chunk-GW64MRGB.js";
import "./chunk-3NB5SF6R.js";
import "./chunk-L2XN6AKA.js";
import "./chunk-BVY6T2JH.js";
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
