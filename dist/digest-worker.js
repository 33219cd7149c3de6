import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/local/digest-worker.ts
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";
function running(algorithm) {
  if (algorithm === "crc32") {
    let value = 0;
    return {
      update: (bytes) => {
        value = crc32(bytes, value);
      },
      digest: () => value.toString(16).padStart(8, "0")
    };
  }
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}
var port = parentPort;
if (port !== null) {
  const { descriptor, algorithm, start } = workerData;
  const hash = running(algorithm);
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  let at = start;
  const reply = (message) => port.postMessage(message);
  port.on("message", (request) => {
    try {
      while (at < request.end) {
        const read = readSync(descriptor, buffer, 0, Math.min(buffer.length, request.end - at), at);
        if (read === 0) return reply({ shortAt: at });
        hash.update(buffer.subarray(0, read));
        at += read;
      }
      if (request.finish) reply({ digest: hash.digest() });
    } catch (error) {
      reply({ error: error instanceof Error ? error.message : String(error) });
    }
  });
}
