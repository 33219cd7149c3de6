/** Text as the bytes that it means, whatever it is escaped in, with the way back to where each of them stands. */

export interface View {
  /** One character a byte: UTF-8 read as Latin-1. */
  readonly bytes: string
  /** Where that which a byte stems from begins and ends in the text that was given. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** As it stands. */
export function plainView(text: string): View {
  const size = Buffer.byteLength(text)
  if (size === text.length) return { bytes: text, starts: counting(size), ends: counting(size + 1).subarray(1) }
  const whole = Buffer.from(text.toWellFormed())
  const starts = new Uint32Array(size)
  const ends = new Uint32Array(size)
  let length = 0
  for (let at = 0; at < text.length; ) {
    const next = at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1)
    const end = length + bytesOf(whole[length] ?? 0)
    starts.fill(at, length, end)
    ends.fill(next, length, end)
    length = end
    at = next
  }
  return { bytes: whole.toString('latin1'), starts, ends }
}

let numbers = new Uint32Array()

/** 0, 1, 2 and so on: most text is ASCII, where each character is a byte. */
function counting(length: number): Uint32Array {
  if (numbers.length < length) numbers = Uint32Array.from({ length: Math.max(4096, 2 * length) }, (_, at) => at)
  return numbers.subarray(0, length)
}

/** How many bytes a character has in UTF-8 whose first one this is. */
function bytesOf(first: number): number {
  if (first < 0x80) return 1
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

/**
 * Escapes of URLs, of JSON and of what is like it, of our own `printable`, and of HTML, in one pass, since a page may hold JSON that holds a URL. What is escaped
 * twice takes two passes.
 */
const ESCAPE = new RegExp(
  [
    '[%]([0-9a-f]{2})',
    String.raw`\\x([0-9a-f]{2})`,
    String.raw`\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})`,
    String.raw`\\u([0-9a-f]{4})`,
    String.raw`\\u\{([0-9a-f]{1,6})\}`,
    '&#x([0-9a-f]{1,8});?',
    '&#([0-9]{1,8});?',
    '&([a-z]{2,7});',
    // Not where another escape begins, or would begin once its digits are readable: that one comes first.
    String.raw`\\(?!%[0-9a-f]{2}|&#?[0-9a-z]{1,9};)([^ux])`,
  ].join('|'),
  'gi',
)

/** One level of escapes taken off; null when there is none. */
export function unescaped(view: View): View | null {
  // Nothing here means more bytes than it is written with.
  const next = emptied(view)
  let from = 0
  for (const match of view.bytes.matchAll(ESCAPE)) {
    const meant = meaningOf(match)
    if (meant === null) continue
    const end = match.index + match[0].length
    next.keep(from, match.index)
    next.put(meant, match.index, end)
    from = end
  }
  if (from === 0) return null
  next.keep(from, view.bytes.length)
  return next.view()
}

// Also the spaces of U+00A0 and U+2000 to U+2029 in UTF-8: our own escaping puts a thin one between colons.
const WHITE_SPACE = /(?:[\t-\r +]|\xc2\xa0|\xe2\x80[\x80-\x8b\xa8\xa9])+/g

/** Without white space, and without the plus that stands for it in a query: lines may be joined, wrapped or indented. */
export function compact(view: View): View {
  const next = emptied(view)
  let from = 0
  for (const match of view.bytes.matchAll(WHITE_SPACE)) {
    next.keep(from, match.index)
    from = match.index + match[0].length
  }
  if (from === 0) return view
  next.keep(from, view.bytes.length)
  return next.view()
}

/** A view to be made of pieces of another one. */
function emptied(view: View) {
  const bytes = Buffer.allocUnsafe(view.bytes.length)
  const starts = new Uint32Array(view.bytes.length)
  const ends = new Uint32Array(view.bytes.length)
  let length = 0
  return {
    keep: (from: number, end: number): void => {
      bytes.write(view.bytes.slice(from, end), length, 'latin1')
      starts.set(view.starts.subarray(from, end), length)
      ends.set(view.ends.subarray(from, end), length)
      length += end - from
    },
    put: (meant: string, from: number, end: number): void => {
      bytes.write(meant, length, 'latin1')
      starts.fill(view.starts[from] ?? 0, length, length + meant.length)
      ends.fill(view.ends[end - 1] ?? 0, length, length + meant.length)
      length += meant.length
    },
    view: (): View => ({ bytes: bytes.toString('latin1', 0, length), starts: starts.subarray(0, length), ends: ends.subarray(0, length) }),
  }
}

/** The bytes that an escape stands for, or null when it is none. */
function meaningOf(match: RegExpExecArray): string | null {
  const [, percent, byte, high, low, unit, braced, hexadecimal, decimal, name, plain] = match
  if (plain !== undefined) return CONTROLS[plain] ?? plain
  if (name !== undefined) return named(name)
  const single = percent ?? byte
  if (single !== undefined) return String.fromCharCode(Number.parseInt(single, 16))
  if (high !== undefined && low !== undefined) return utf8(String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16)))
  const code = decimal === undefined ? Number.parseInt(unit ?? braced ?? hexadecimal ?? '', 16) : Number(decimal)
  // Half of a pair: the other may be readable one level on.
  const isHalf = code >= 0xd800 && code <= 0xdfff
  return code > 0x10ffff || isHalf ? null : utf8(String.fromCodePoint(code))
}

const CONTROLS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

const NAMED = new Map(
  `lt< gt> amp& quot" apos' sol/ bsol\\ plus+ equals= percnt% num# colon: semi; comma, period. commat@ dollar$ excl! quest? ast* lpar( rpar) lsqb[ rsqb]
  lcub{ rcub} lbrace{ rbrace} lbrack[ rbrack] verbar| vert| grave\` lowbar_ hyphen- dash- tilde~ Hat^ szlig\u00df aelig\u00e6 AElig\u00c6 oslash\u00f8 Oslash\u00d8
  aring\u00e5 Aring\u00c5 eth\u00f0 ETH\u00d0 thorn\u00fe THORN\u00de pound\u00a3 sect\u00a7 euro\u20ac para\u00b6 deg\u00b0 micro\u00b5`
    .split(/[ \n]+/)
    .map((entry) => [entry.slice(0, -1), entry.slice(-1)]),
)
const ACCENTS: Readonly<Record<string, string>> = {
  uml: '\u0308',
  acute: '\u0301',
  grave: '\u0300',
  circ: '\u0302',
  tilde: '\u0303',
  cedil: '\u0327',
}

/** A named character of HTML: those of ASCII, and the letters of Western Europe. */
function named(name: string): string | null {
  if (name === 'nbsp') return ' '
  const accent = ACCENTS[name.slice(1)]
  const character = NAMED.get(name) ?? (accent === undefined ? NAMED.get(name.toLowerCase()) : (name.charAt(0) + accent).normalize('NFC'))
  return character === undefined ? null : utf8(character)
}

function utf8(text: string): string {
  return Buffer.from(text.toWellFormed()).toString('latin1')
}
