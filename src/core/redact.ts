/**
 * Hides secrets in text: every run of eight or more of their characters, in every spelling that ordinary programs write them in.
 *
 * Neither half is a list of forms that a whole secret may have. The text is read as the bytes that it means, one level of escapes after the other, and in each
 * reading every piece of eight characters is looked up among the pieces of the secrets, which were read in the same way. So it does not matter who cut, where, or
 * which characters were escaped. What is encoded as a whole (Base64, hex) is among the secrets in that encoding.
 *
 * - Case does not count from seven bytes on: hosts and header names come back in lower case.
 * - Of a secret shorter than eight characters only the whole is hidden, and below four nothing: it would blot out ordinary text.
 * - A secret that holds an ordinary word of eight letters hides that word everywhere. That is ugly, and it is what somebody chose who took a word for a secret.
 * - Of a private key in OpenSSH's format only what is secret counts (`key-parts.ts`), of any other everything but its frame.
 *
 * A server that means to tell a secret can write it in a way of its own, backwards for instance. It is not what this is for: that server knows it.
 */
import { compact, plainView, unescaped, type View } from './plain-view.ts'
import { type Needle, needlesOf, PIECE_LENGTH, type Secret } from './secret-forms.ts'

const BYTES_MIN = 4
/** From here on upper and lower case are one. */
const FOLDED_BYTES_MIN = PIECE_LENGTH - 1
/** A URL in JSON in JSON in a page. */
const LEVELS = 4

/** The function replaces what is secret by `***`. Its time grows with the text alone. */
export function redactor(secrets: Iterable<Secret>): (text: string) => string {
  const needles = new Map([...secrets].flatMap(needlesOf).map((needle) => [needle.text, needle]))
  if (needles.size === 0) return (text) => text
  // Made when they are first needed: for a key of some kilobytes it takes tens of milliseconds.
  let asGiven: Pieces | null = null
  let escaped: Pieces | null = null
  return (text) => {
    const hidden = new Uint8Array(text.length)
    let found = false
    for (const { view, level } of readings(plainView(text))) {
      asGiven ??= piecesOf(needles.values(), 0)
      if (level > 0) escaped ??= piecesOf(needles.values(), 1)
      found = (level === 0 ? asGiven : (escaped ?? asGiven)).mark(view, hidden) || found
    }
    return found ? without(text, hidden) : text
  }
}

function without(text: string, hidden: Uint8Array): string {
  let shown = ''
  let from = 0
  while (from < text.length) {
    const start = hidden.indexOf(1, from)
    if (start < 0) break
    const end = hidden.indexOf(0, start)
    shown += `${text.slice(from, start)}***`
    from = end < 0 ? text.length : end
  }
  return shown + text.slice(from)
}

interface Reading {
  readonly view: View
  readonly level: number
}

/** A text with its escapes, without one level of them after the other, and each of it without white space. */
function* readings(given: View): Generator<Reading> {
  let view: View | null = given
  for (let level = 0; view !== null && level <= LEVELS; level += 1) {
    yield { view, level }
    const joined = compact(view)
    if (joined !== view) yield { view: joined, level }
    view = unescaped(view)
  }
}

/**
 * A piece is shorter by the `margin` where escapes are read: a cut may leave the first half of one, which then seems to belong to what follows, as in `secret\",`.
 */
function piecesOf(needles: Iterable<Needle>, margin: 0 | 1): Pieces {
  const cuttings = new Map<string, number>()
  for (const { text, pieceLength } of needles)
    for (const { view } of readings(plainView(text)))
      for (const piece of cut(view, pieceLength - margin))
        cuttings.set(piece.length < FOLDED_BYTES_MIN ? piece : piece.toLowerCase(), piece.length)
  return new Pieces(cuttings)
}

/**
 * From each byte on, and up to each, what stems from so many characters of the secret. It may be less bytes than those: who reads `\/` as an escape, or folds
 * white space, reads eight characters in fewer. Of a shorter secret the whole.
 */
function* cut({ bytes, starts, ends }: View, pieceLength: number): Generator<string> {
  const whole = oneSpaced(bytes)
  const isEnough = (at: number, end: number): boolean => end - at >= BYTES_MIN && (ends[end - 1] ?? 0) - (starts[at] ?? 0) >= pieceLength
  if (whole.length >= BYTES_MIN && !isEnough(0, whole.length)) yield whole
  let next = 0
  for (let end = 1; end <= whole.length; end += 1) {
    const first = next
    for (; isEnough(next, end); next += 1) yield whole.slice(next, end)
    // Nothing begins to be enough here: the shortest that ends here begins where one did before.
    if (next === first && next > 0) yield whole.slice(next - 1, end)
  }
}

/** White space and the plus of a query are all one, and each stays one byte. */
function oneSpaced(bytes: string): string {
  return bytes.replaceAll(/[\t-\r+]/g, ' ')
}

/** Pieces of secrets, and a table of how they begin, so that of an ordinary text next to nothing is looked up. */
class Pieces {
  readonly #pieces: ReadonlySet<string>
  readonly #lengths: readonly number[]
  readonly #beginnings: Uint8Array
  readonly #shift: number

  constructor(cuttings: ReadonlyMap<string, number>) {
    this.#pieces = new Set(cuttings.keys())
    this.#lengths = [...new Set(cuttings.values())].sort((a, b) => a - b)
    const bits = Math.min(22, Math.max(10, Math.ceil(Math.log2(this.#pieces.size + 1)) + 4))
    this.#shift = 32 - bits
    this.#beginnings = new Uint8Array(2 ** bits)
    for (const piece of this.#pieces) {
      let four = 0
      for (let at = 0; at < BYTES_MIN; at += 1) four = (four << 8) | piece.toLowerCase().charCodeAt(at)
      this.#beginnings[slotOf(four, this.#shift)] = 1
    }
  }

  /** Marks what the view holds of the secrets where it stands in the text; whether there was any. */
  mark({ bytes, starts, ends }: View, hidden: Uint8Array): boolean {
    const exact = oneSpaced(bytes)
    const lower = exact.toLowerCase()
    const beginnings = this.#beginnings
    const shift = this.#shift
    let found = false
    let four = 0
    for (let last = 0; last < lower.length; last += 1) {
      four = (four << 8) | lower.charCodeAt(last)
      if (beginnings[slotOf(four, shift)] === 0 || last < BYTES_MIN - 1) continue
      const start = last - BYTES_MIN + 1
      for (const length of this.#lengths) {
        if (!this.#pieces.has((length < FOLDED_BYTES_MIN ? exact : lower).slice(start, start + length))) continue
        found = true
        hidden.fill(1, starts[start], ends[start + length - 1])
      }
    }
    return found
  }
}

/** Where the table tells whether a piece begins with these four bytes. */
function slotOf(four: number, shift: number): number {
  return Math.imul(four, 0x9e3779b1) >>> shift
}
