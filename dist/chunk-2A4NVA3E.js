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
var NAME_SHAPES = ["dot", "plain", "extension"];
function partialName(name, tag, nonce = null, form = {}) {
  const { appended = false, shape = "dot" } = form;
  return shaped(name, [tag, ...nonce === null ? [] : [nonce, ...appended ? ["appended"] : []]], "partial", shape);
}
function passingName(name, nonce, what, shape = "dot") {
  return shaped(name, [nonce], what, shape);
}
function scratchName(name, nonce, renamed, shape) {
  const made = `rt-probe-${nonce}${renamed ? "-renamed" : ""}`;
  return shape === "extension" ? made + extensionOf(name) : `${shape === "dot" ? "." : ""}${made}`;
}
function shaped(name, parts, word, shape) {
  const last = shape === "extension" ? extensionOf(name) : "";
  const stem = name.slice(0, name.length - last.length);
  if (shape !== "extension") return fitting(shape === "dot" || name.startsWith(".") ? "." : "", stem, `.${[...parts, word].join(".")}`);
  return fitting("", stem, `-rt-${[...parts, ...word === "partial" ? [] : [word]].join("-")}${last}`);
}
function extensionOf(name) {
  return /[^./](\.[A-Za-z0-9]{1,12})$/.exec(name)?.[1] ?? "";
}
function fitting(prefix, name, suffix) {
  const room = NAME_BYTES_MAX - 1 - suffix.length;
  if (Buffer.byteLength(name) <= room) return prefix + name + suffix;
  const mark = `~${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  let kept = "";
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > room - mark.length) break;
    kept += character;
  }
  return prefix + kept + mark + suffix;
}
var PARTIAL = /\.([0-9a-f]{12})(?:\.([0-9a-f]{8})(\.appended)?)?\.partial$/;
var PARTIAL_EXTENDED = /-rt-([0-9a-f]{12})-([0-9a-f]{8})(-appended)?(?:\.[A-Za-z0-9]{1,12})?$/;
function partialParts(name, candidate) {
  for (const shape of NAME_SHAPES) {
    const [, tag, nonce = null, mark] = (shape === "extension" ? PARTIAL_EXTENDED : PARTIAL).exec(candidate) ?? [];
    const appended = mark !== void 0;
    if (nonce === null && shape !== "dot") continue;
    if (tag !== void 0 && partialName(name, tag, nonce, { appended, shape }) === candidate) return { tag, nonce, appended, shape };
  }
  return null;
}
var PASSING = /\.([0-9a-f]{8})\.(aside|copy)$/;
var PASSING_EXTENDED = /-rt-([0-9a-f]{8})-(aside|copy)(?:\.[A-Za-z0-9]{1,12})?$/;
function passingKind(name, candidate) {
  for (const shape of NAME_SHAPES) {
    const [, nonce, what] = (shape === "extension" ? PASSING_EXTENDED : PASSING).exec(candidate) ?? [];
    const kind = what === "aside" || what === "copy" ? what : null;
    if (nonce !== void 0 && kind !== null && passingName(name, nonce, kind, shape) === candidate) return kind;
  }
  return null;
}

// src/remotes/pins.ts
import { createHash as createHash2 } from "node:crypto";
var BYTES = 32;
var WANTED = "A pin is SHA256:…, or a SHA-256 as 64 hex digits or base64.";
var NEWER = "`ssh-keygen -lf` and `openssl x509 -noout -fingerprint -sha256` print the SHA-256, which is wanted.";
var LABEL = /^(?:pin-)?(md5|sha-?\d{1,3})(?:[ -]fingerprint)?(?:\/\/|\s?[:=]\s?["']?)/i;
var SPACED = /^(?:[0-9a-f]{2}\s)+[0-9a-f]{2}$/i;
function readPin(text) {
  const line = text.trim().replace(/^["']/, "");
  const label = LABEL.exec(line);
  if (label !== null) return labelled(label[1] ?? "", line.slice(label[0].length));
  const words = line.split(/\s+/);
  const word = words.find((one) => LABEL.test(one)) ?? (/^\d{3,5}$/.test(words[0] ?? "") ? words[1] : void 0);
  return word === void 0 || word === line ? digest(line.replace(/["']$/, "")) : readPin(word);
}
function labelled(label, body) {
  const algorithm = label.toLowerCase().replace("-", "");
  if (algorithm === "sha256") return digest(SPACED.test(body.trim()) ? body : body.trim().split(/[\s"';]/, 1)[0] ?? "");
  return { problem: `is one of ${algorithm === "md5" ? "MD5, which can be forged" : algorithm.replace("sha", "SHA-")}. ${NEWER}` };
}
function digest(text) {
  const body = SPACED.test(text.trim()) ? text.replaceAll(/\s/g, "") : text;
  const hex = body.replaceAll(":", "").toLowerCase();
  const isHex = /^(?:[0-9a-f]{2})+$/.test(hex) && (body.includes(":") || [32, 40, 64].includes(hex.length));
  if (!isHex && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(body)) return { problem: `is neither hex nor base64. ${WANTED}` };
  const bytes = isHex ? Buffer.from(hex, "hex") : Buffer.from(body, "base64");
  if (bytes.length === BYTES) return { hex: bytes.toString("hex") };
  const known = bytes.length === 16 && isHex ? ", as MD5 has" : bytes.length === 20 && isHex ? ", as SHA-1 has" : "";
  return { problem: `has ${bytes.length} bytes instead of ${BYTES}${known}. ${known === "" ? WANTED : NEWER}` };
}
function pinsOfCertificate(certificate) {
  const own = createHash2("sha256").update(certificate.raw).digest("hex");
  try {
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    return [own, createHash2("sha256").update(key).digest("hex")];
  } catch {
    return [own];
  }
}

export {
  baseName,
  directoryName,
  joinPath,
  foldedName,
  NONCE_HEX_LENGTH,
  NAME_SHAPES,
  partialName,
  passingName,
  scratchName,
  partialParts,
  passingKind,
  readPin,
  pinsOfCertificate
};
