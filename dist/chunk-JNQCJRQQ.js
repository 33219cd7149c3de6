import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/core/units.ts
var DURATION_UNITS = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
function parseDuration(text) {
  const compact = text.trim().toLowerCase().replaceAll(" ", "");
  if (/^\d{1,15}$/.test(compact)) return Number(compact);
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d))+$/.test(compact)) return null;
  let total = 0;
  for (const [, amount, , unit] of compact.matchAll(/(\d{1,9}(\.\d{1,3})?)(ms|s|m|h|d)/g))
    total += Number(amount) * (DURATION_UNITS[unit ?? ""] ?? Number.NaN);
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : null;
}
var SIZE_NAMES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < SIZE_NAMES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${SIZE_NAMES[unit]}`;
}
function formatDuration(ms) {
  if (ms < 1e3) return `${Math.round(ms)} ms`;
  if (ms < 6e4) return `${(ms / 1e3).toFixed(1)} s`;
  const seconds = Math.round(ms / 1e3);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
function formatRate(bytes, ms) {
  return ms <= 0 ? "–" : `${formatBytes(bytes * 1e3 / ms)}/s`;
}

export {
  parseDuration,
  formatBytes,
  formatDuration,
  formatRate
};
