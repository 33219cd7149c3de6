import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  markdownCode,
  printable
} from "./chunk-L2XN6AKA.js";

// src/state/store.ts
var STATE_BYTES_MAX = 8 * 1024 * 1024;

// src/core/plain-view.ts
function plainView(text) {
  const size = Buffer.byteLength(text);
  if (size === text.length) return { bytes: text, starts: counting(size), ends: counting(size + 1).subarray(1) };
  const whole = Buffer.from(text.toWellFormed());
  const starts = new Uint32Array(size);
  const ends = new Uint32Array(size);
  let length = 0;
  for (let at = 0; at < text.length; ) {
    const next = at + ((text.codePointAt(at) ?? 0) > 65535 ? 2 : 1);
    const end = length + bytesOf(whole[length] ?? 0);
    starts.fill(at, length, end);
    ends.fill(next, length, end);
    length = end;
    at = next;
  }
  return { bytes: whole.toString("latin1"), starts, ends };
}
var numbers = new Uint32Array();
function counting(length) {
  if (numbers.length < length) numbers = Uint32Array.from({ length: Math.max(4096, 2 * length) }, (_, at) => at);
  return numbers.subarray(0, length);
}
function bytesOf(first) {
  if (first < 128) return 1;
  return first < 224 ? 2 : first < 240 ? 3 : 4;
}
var ESCAPE = new RegExp(
  [
    "[%]([0-9a-f]{2})",
    String.raw`\\x([0-9a-f]{2})`,
    String.raw`\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})`,
    String.raw`\\u([0-9a-f]{4})`,
    String.raw`\\u\{([0-9a-f]{1,6})\}`,
    "&#x([0-9a-f]{1,8});?",
    "&#([0-9]{1,8});?",
    "&([a-z]{2,7});",
    // Not where another escape begins, or would begin once its digits are readable: that one comes first.
    String.raw`\\(?!%[0-9a-f]{2}|&#?[0-9a-z]{1,9};)([^ux])`
  ].join("|"),
  "gi"
);
function unescaped(view) {
  const next = emptied(view);
  let from = 0;
  for (const match of view.bytes.matchAll(ESCAPE)) {
    const meant = meaningOf(match);
    if (meant === null) continue;
    const end = match.index + match[0].length;
    next.keep(from, match.index);
    next.put(meant, match.index, end);
    from = end;
  }
  if (from === 0) return null;
  next.keep(from, view.bytes.length);
  return next.view();
}
var WHITE_SPACE = /(?:[\t-\r +]|\xc2\xa0|\xe2\x80[\x80-\x8b\xa8\xa9])+/g;
function compact(view) {
  const next = emptied(view);
  let from = 0;
  for (const match of view.bytes.matchAll(WHITE_SPACE)) {
    next.keep(from, match.index);
    from = match.index + match[0].length;
  }
  if (from === 0) return view;
  next.keep(from, view.bytes.length);
  return next.view();
}
function emptied(view) {
  const bytes = Buffer.allocUnsafe(view.bytes.length);
  const starts = new Uint32Array(view.bytes.length);
  const ends = new Uint32Array(view.bytes.length);
  let length = 0;
  return {
    keep: (from, end) => {
      bytes.write(view.bytes.slice(from, end), length, "latin1");
      starts.set(view.starts.subarray(from, end), length);
      ends.set(view.ends.subarray(from, end), length);
      length += end - from;
    },
    put: (meant, from, end) => {
      bytes.write(meant, length, "latin1");
      starts.fill(view.starts[from] ?? 0, length, length + meant.length);
      ends.fill(view.ends[end - 1] ?? 0, length, length + meant.length);
      length += meant.length;
    },
    view: () => ({ bytes: bytes.toString("latin1", 0, length), starts: starts.subarray(0, length), ends: ends.subarray(0, length) })
  };
}
function meaningOf(match) {
  const [, percent, byte, high, low, unit, braced, hexadecimal, decimal, name, plain] = match;
  if (plain !== void 0) return CONTROLS[plain] ?? plain;
  if (name !== void 0) return named(name);
  const single = percent ?? byte;
  if (single !== void 0) return String.fromCharCode(Number.parseInt(single, 16));
  if (high !== void 0 && low !== void 0) return utf8(String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16)));
  const code = decimal === void 0 ? Number.parseInt(unit ?? braced ?? hexadecimal ?? "", 16) : Number(decimal);
  const isHalf = code >= 55296 && code <= 57343;
  return code > 1114111 || isHalf ? null : utf8(String.fromCodePoint(code));
}
var CONTROLS = { b: "\b", f: "\f", n: "\n", r: "\r", t: "	" };
var NAMED = new Map(
  `lt< gt> amp& quot" apos' sol/ bsol\\ plus+ equals= percnt% num# colon: semi; comma, period. commat@ dollar$ excl! quest? ast* lpar( rpar) lsqb[ rsqb]
  lcub{ rcub} lbrace{ rbrace} lbrack[ rbrack] verbar| vert| grave\` lowbar_ hyphen- dash- tilde~ Hat^ szligß aeligæ AEligÆ oslashø OslashØ
  aringå AringÅ ethð ETHÐ thornþ THORNÞ pound£ sect§ euro€ para¶ deg° microµ`.split(/[ \n]+/).map((entry) => [entry.slice(0, -1), entry.slice(-1)])
);
var ACCENTS = {
  uml: "̈",
  acute: "́",
  grave: "̀",
  circ: "̂",
  tilde: "̃",
  cedil: "̧"
};
function named(name) {
  if (name === "nbsp") return " ";
  const accent = ACCENTS[name.slice(1)];
  const character = NAMED.get(name) ?? (accent === void 0 ? NAMED.get(name.toLowerCase()) : (name.charAt(0) + accent).normalize("NFC"));
  return character === void 0 ? null : utf8(character);
}
function utf8(text) {
  return Buffer.from(text.toWellFormed()).toString("latin1");
}

// src/core/key-parts.ts
var FRAME = /-----(?:BEGIN|END) [A-Z0-9 ]{1,60}-----|Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9-]{1,40},[0-9A-F]{1,64}(?![0-9A-F])/g;
var OPENSSH_BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
var OPENSSH_END = "-----END OPENSSH PRIVATE KEY-----";
function secretPartsOf(text) {
  const own = text.replaceAll(FRAME, "");
  if (own === text) return null;
  if (!text.includes(OPENSSH_BEGIN)) return [own];
  return text.split(OPENSSH_BEGIN).flatMap((piece, at) => {
    const end = at === 0 ? -1 : piece.indexOf(OPENSSH_END);
    const outside = piece.slice(Math.max(end, 0)).replaceAll(FRAME, "");
    return end < 0 ? [outside] : [...openSshParts(piece.slice(0, end)), outside];
  });
}
function openSshParts(body) {
  const letters = [...body.matchAll(/\\[nr]|[A-Za-z0-9+/]/g)].filter(([token]) => token.length === 1);
  const ranges = secretRanges(Buffer.from(letters.map(([letter]) => letter).join(""), "base64"));
  if (ranges === null) return [body];
  return ranges.map(({ from, end }) => {
    const [first, last] = [letters[Math.floor(from * 8 / 6)], letters[Math.ceil(end * 8 / 6) - 1]];
    return body.slice(first?.index, (last?.index ?? body.length) + 1);
  });
}
var MAGIC = "openssh-key-v1\0";
var CHECK_BYTES = 8;
var ED25519_SEED_BYTES = 32;
function secretRanges(bytes) {
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return null;
  const [cipher, , options] = fields(bytes, MAGIC.length, 3) ?? [];
  if (cipher === void 0 || options === void 0) return null;
  if (options.end + 4 > bytes.length || bytes.readUInt32BE(options.end) !== 1) return null;
  const [, hidden] = fields(bytes, options.end + 4, 2) ?? [];
  if (hidden === void 0) return null;
  if (bytes.toString("latin1", cipher.from, cipher.end) !== "none") return [{ from: hidden.from, end: bytes.length }];
  return secretFields(bytes.subarray(0, hidden.end), hidden.from + CHECK_BYTES) ?? [{ from: hidden.from, end: bytes.length }];
}
function secretFields(bytes, from) {
  const [type] = fields(bytes, from, 1) ?? [];
  if (type === void 0) return null;
  const name = bytes.toString("latin1", type.from, type.end);
  if (name === "ssh-ed25519")
    return fields(bytes, type.end, 2)?.slice(1).map((seed) => ({ ...seed, end: Math.min(seed.end, seed.from + ED25519_SEED_BYTES) })) ?? null;
  if (name.startsWith("ecdsa-sha2-")) return fields(bytes, type.end, 3)?.slice(2) ?? null;
  if (name === "ssh-rsa") return fields(bytes, type.end, 6)?.slice(2) ?? null;
  return null;
}
function fields(bytes, start, count) {
  const ranges = [];
  let at = start;
  for (let i = 0; i < count; i += 1) {
    if (at + 4 > bytes.length) return null;
    const from = at + 4;
    at = from + bytes.readUInt32BE(at);
    if (at > bytes.length) return null;
    ranges.push({ from, end: at });
  }
  return ranges;
}

// src/core/secret-forms.ts
var LENGTH_MIN = 4;
function secretForms(secret, username = "") {
  const forms = /* @__PURE__ */ new Set();
  const add = (form) => {
    if (form.trim().length >= LENGTH_MIN) forms.add(form);
  };
  add(secret);
  const lineLengthMin = secretPartsOf(secret) === null ? LENGTH_MIN : PIECE_LENGTH;
  for (const line of secret.split(/\r?\n/)) if (line.trim().length >= lineLengthMin) add(line.trim());
  for (const encoded of [encodeURIComponent(secret.toWellFormed()), encodeURI(secret.toWellFormed())]) {
    add(encoded);
    add(encoded.replaceAll(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()));
  }
  try {
    add(decodeURIComponent(secret));
  } catch {
  }
  add(JSON.stringify(secret).slice(1, -1));
  add(JSON.stringify(secret).slice(1, -1).replaceAll("/", "\\/"));
  for (const text of [secret, `${username}:${secret}`]) {
    add(Buffer.from(text).toString("base64").replace(/=+$/, ""));
    add(Buffer.from(text).toString("base64url"));
    add(Buffer.from(text).toString("hex"));
    add(Buffer.from(text).toString("hex").toUpperCase());
  }
  return [...forms];
}
var PIECE_LENGTH = 8;
var HEX_PIECE_LENGTH = 2 * PIECE_LENGTH;
var ENCODED_LENGTH_MIN = 6;
function needlesOf({ text, username = "" }) {
  const parts = secretPartsOf(text);
  if (parts !== null) return parts.flatMap((part) => needlesOfPart(part.trim(), username, part.replaceAll(LINE_BREAKS, "")));
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const short = lines.filter((line) => line.length >= LENGTH_MIN && line.length < PIECE_LENGTH);
  return [...needlesOfPart(text.trim(), username), ...short.map((line) => ({ text: line, pieceLength: PIECE_LENGTH }))];
}
var LINE_BREAKS = /\\[nr]|\s/g;
function needlesOfPart(whole, username, own = whole) {
  const needles = [];
  const add = (found, pieceLength = PIECE_LENGTH) => void needles.push({ text: found, pieceLength });
  if (own.length < LENGTH_MIN) return [];
  add(own);
  for (const made of [printable(own, own.length * 10), markdownCode(own, own.length * 10).slice(1, -1), own.replaceAll(/<[^<>]*>/g, " ")])
    if (made !== own) add(made);
  const bytes = Buffer.from(whole);
  if (bytes.length !== whole.length) add(bytes.toString("latin1"));
  const named2 = Buffer.concat([Buffer.from(`${username}:`), bytes]);
  const alone = [bytes, named2].map((one) => one.toString("base64").replace(/=+$/, ""));
  for (const encoded of [...alone, ...[0, 1, 2].map((before) => base64Within(bytes, before))])
    for (const alphabet of [encoded, encoded.replaceAll("+", "-").replaceAll("/", "_")])
      if (alphabet.length >= ENCODED_LENGTH_MIN) add(alphabet);
  add(bytes.toString("hex"), HEX_PIECE_LENGTH);
  return needles;
}
function base64Within(bytes, before) {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  return whole.toString("base64").slice(before === 0 ? 0 : before + 1, Math.floor(whole.length * 8 / 6));
}

// src/core/redact.ts
var BYTES_MIN = 4;
var FOLDED_BYTES_MIN = PIECE_LENGTH - 1;
var LEVELS = 4;
function redactor(secrets) {
  const needles = new Map([...secrets].flatMap(needlesOf).map((needle) => [needle.text, needle]));
  if (needles.size === 0) return (text) => text;
  let asGiven = null;
  let escaped = null;
  return (text) => {
    const hidden = new Uint8Array(text.length);
    let found = false;
    for (const { view, level } of readings(plainView(text))) {
      asGiven ??= piecesOf(needles.values(), 0);
      if (level > 0) escaped ??= piecesOf(needles.values(), 1);
      found = (level === 0 ? asGiven : escaped ?? asGiven).mark(view, hidden) || found;
    }
    return found ? without(text, hidden) : text;
  };
}
function without(text, hidden) {
  let shown = "";
  let from = 0;
  while (from < text.length) {
    const start = hidden.indexOf(1, from);
    if (start < 0) break;
    const end = hidden.indexOf(0, start);
    shown += `${text.slice(from, start)}***`;
    from = end < 0 ? text.length : end;
  }
  return shown + text.slice(from);
}
function* readings(given) {
  let view = given;
  for (let level = 0; view !== null && level <= LEVELS; level += 1) {
    yield { view, level };
    const joined = compact(view);
    if (joined !== view) yield { view: joined, level };
    view = unescaped(view);
  }
}
function piecesOf(needles, margin) {
  const cuttings = /* @__PURE__ */ new Map();
  for (const { text, pieceLength } of needles)
    for (const { view } of readings(plainView(text)))
      for (const piece of cut(view, pieceLength - margin))
        cuttings.set(piece.length < FOLDED_BYTES_MIN ? piece : piece.toLowerCase(), piece.length);
  return new Pieces(cuttings);
}
function* cut({ bytes, starts, ends }, pieceLength) {
  const whole = oneSpaced(bytes);
  const isEnough = (at, end) => end - at >= BYTES_MIN && (ends[end - 1] ?? 0) - (starts[at] ?? 0) >= pieceLength;
  if (whole.length >= BYTES_MIN && !isEnough(0, whole.length)) yield whole;
  let next = 0;
  for (let end = 1; end <= whole.length; end += 1) {
    const first = next;
    for (; isEnough(next, end); next += 1) yield whole.slice(next, end);
    if (next === first && next > 0) yield whole.slice(next - 1, end);
  }
}
function oneSpaced(bytes) {
  return bytes.replaceAll(/[\t-\r+]/g, " ");
}
var Pieces = class {
  #pieces;
  #lengths;
  #beginnings;
  #shift;
  constructor(cuttings) {
    this.#pieces = new Set(cuttings.keys());
    this.#lengths = [...new Set(cuttings.values())].sort((a, b) => a - b);
    const bits = Math.min(22, Math.max(10, Math.ceil(Math.log2(this.#pieces.size + 1)) + 4));
    this.#shift = 32 - bits;
    this.#beginnings = new Uint8Array(2 ** bits);
    for (const piece of this.#pieces) {
      let four = 0;
      for (let at = 0; at < BYTES_MIN; at += 1) four = four << 8 | piece.toLowerCase().charCodeAt(at);
      this.#beginnings[slotOf(four, this.#shift)] = 1;
    }
  }
  /** Marks what the view holds of the secrets where it stands in the text; whether there was any. */
  mark({ bytes, starts, ends }, hidden) {
    const exact = oneSpaced(bytes);
    const lower = exact.toLowerCase();
    const beginnings = this.#beginnings;
    const shift = this.#shift;
    let found = false;
    let four = 0;
    for (let last = 0; last < lower.length; last += 1) {
      four = four << 8 | lower.charCodeAt(last);
      if (beginnings[slotOf(four, shift)] === 0 || last < BYTES_MIN - 1) continue;
      const start = last - BYTES_MIN + 1;
      for (const length of this.#lengths) {
        if (!this.#pieces.has((length < FOLDED_BYTES_MIN ? exact : lower).slice(start, start + length))) continue;
        found = true;
        hidden.fill(1, starts[start], ends[start + length - 1]);
      }
    }
    return found;
  }
};
function slotOf(four, shift) {
  return Math.imul(four, 2654435761) >>> shift;
}

export {
  STATE_BYTES_MAX,
  secretForms,
  redactor
};
