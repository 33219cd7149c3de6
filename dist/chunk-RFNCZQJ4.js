import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/core/paths.ts
import { createHash } from "node:crypto";
var NAME_BYTES_MAX = 255;
function baseName(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
function directoryName(path) {
  const cut = path.lastIndexOf("/");
  return cut < 0 ? "" : cut === 0 ? "/" : path.slice(0, cut);
}
function joinPath(directory, name) {
  if (directory === "") return name;
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}
function foldedName(name) {
  return name.normalize("NFC").toLowerCase().toUpperCase().normalize("NFC");
}
var NONCE_HEX_LENGTH = 8;
function partialName(name, tag, nonce = null, appended = false) {
  const made = nonce === null ? "" : `.${nonce}${appended ? ".appended" : ""}`;
  return hiddenName(name, `.${tag}${made}.partial`);
}
function passingName(name, nonce, what) {
  return hiddenName(name, `.${nonce}.${what}`);
}
function hiddenName(name, suffix) {
  const room = NAME_BYTES_MAX - 1 - suffix.length;
  if (Buffer.byteLength(name) <= room) return `.${name}${suffix}`;
  const mark = `~${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  let kept = "";
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > room - mark.length) break;
    kept += character;
  }
  return `.${kept}${mark}${suffix}`;
}
function partialParts(name, candidate) {
  const [, tag, nonce = null, mark] = /\.([0-9a-f]{12})(?:\.([0-9a-f]{8})(\.appended)?)?\.partial$/.exec(candidate) ?? [];
  const appended = mark !== void 0;
  return tag !== void 0 && partialName(name, tag, nonce, appended) === candidate ? { tag, nonce, appended } : null;
}
function passingKind(name, candidate) {
  const [, nonce, what] = /\.([0-9a-f]{8})\.(aside|copy)$/.exec(candidate) ?? [];
  const kind = what === "aside" || what === "copy" ? what : null;
  return nonce !== void 0 && kind !== null && passingName(name, nonce, kind) === candidate ? kind : null;
}

export {
  baseName,
  directoryName,
  joinPath,
  foldedName,
  NONCE_HEX_LENGTH,
  partialName,
  passingName,
  partialParts,
  passingKind
};
