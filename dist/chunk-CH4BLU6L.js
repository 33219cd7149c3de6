import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/state/ownership.ts
import { stat } from "node:fs/promises";
var WRITABLE_BY_OTHERS = 18;
function strangerTo(about) {
  const user = process.geteuid?.();
  if (user === void 0) return null;
  if (about.uid !== user) return `belongs to user ${about.uid}, and this is user ${user}`;
  if ((about.mode & WRITABLE_BY_OTHERS) !== 0)
    return `may be written by other users (mode ${(about.mode & 4095).toString(8).padStart(4, "0")})`;
  return null;
}
async function strangerToFolder(directory) {
  const about = await stat(directory).catch(() => null);
  const why = about === null ? null : strangerTo(about);
  return why === null ? null : `${directory} ${why}`;
}

export {
  strangerTo,
  strangerToFolder
};
