import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/state/store.ts
var STATE_BYTES_MAX = 8 * 1024 * 1024;

export {
  STATE_BYTES_MAX
};
