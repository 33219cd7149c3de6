/** What a secret may be turned into as a whole: for the runner, which masks whole forms, and for `redactor`, which also finds pieces of them. */
import { secretPartsOf } from './key-parts.ts'
import { markdownCode, printable } from './text.ts'

export interface Secret {
  readonly text: string
  /** With whom it may be joined, as in the header of HTTP Basic. */
  readonly username?: string
}

const LENGTH_MIN = 4

/** Every form in which a secret is likely to turn up: as given, its lines, decoded and encoded for URLs, base64 (also with `user:`), JSON. */
export function secretForms(secret: string, username = ''): readonly string[] {
  const forms = new Set<string>()
  const add = (form: string): void => {
    if (form.trim().length >= LENGTH_MIN) forms.add(form)
  }
  add(secret)
  const lineLengthMin = secretPartsOf(secret) === null ? LENGTH_MIN : PIECE_LENGTH
  for (const line of secret.split(/\r?\n/)) if (line.trim().length >= lineLengthMin) add(line.trim())
  for (const encoded of [encodeURIComponent(secret.toWellFormed()), encodeURI(secret.toWellFormed())]) {
    add(encoded)
    add(encoded.replaceAll(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()))
  }
  try {
    add(decodeURIComponent(secret))
  } catch {
    // not percent-encoded
  }
  add(JSON.stringify(secret).slice(1, -1))
  add(JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'))
  for (const text of [secret, `${username}:${secret}`]) {
    add(Buffer.from(text).toString('base64').replace(/=+$/, ''))
    add(Buffer.from(text).toString('base64url'))
    add(Buffer.from(text).toString('hex'))
    add(Buffer.from(text).toString('hex').toUpperCase())
  }
  return [...forms]
}

/** So many characters of a secret in a row are hidden: a cut leaves one less at most. */
export const PIECE_LENGTH = 8
/** Two digits a byte. With fewer of them together another digest in the log would look like a piece of a long key sooner or later. */
const HEX_PIECE_LENGTH = 2 * PIECE_LENGTH

/** Something to hide, and how many characters of it in a row. */
export interface Needle {
  readonly text: string
  readonly pieceLength: number
}

const ENCODED_LENGTH_MIN = 6

/** What of a secret is to be found in any text. Escapes need not be among it. */
export function needlesOf({ text, username = '' }: Secret): readonly Needle[] {
  const parts = secretPartsOf(text)
  if (parts !== null) return parts.flatMap((part) => needlesOfPart(part.trim(), username, part.replaceAll(LINE_BREAKS, '')))
  // Of a longer line every piece is found with the whole. The short last line of a key, such as `Qw==`, may well end another key.
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const short = lines.filter((line) => line.length >= LENGTH_MIN && line.length < PIECE_LENGTH)
  return [...needlesOfPart(text.trim(), username), ...short.map((line) => ({ text: line, pieceLength: PIECE_LENGTH }))]
}

/** As they are, or as a form wrote them. */
const LINE_BREAKS = /\\[nr]|\s/g

/**
 * A key is looked for without the breaks of its lines, since texts are read without theirs as well: a break that our escaping wrote in six characters would make
 * a piece of the two letters around it, which stand in other keys too. Encoded as a whole it has them.
 */
function needlesOfPart(whole: string, username: string, own = whole): readonly Needle[] {
  const needles: Needle[] = []
  const add = (found: string, pieceLength = PIECE_LENGTH): void => void needles.push({ text: found, pieceLength })
  if (own.length < LENGTH_MIN) return []
  add(own)
  // What our own escaping, folding and stripping makes of it, should any of it come first.
  for (const made of [printable(own, own.length * 10), markdownCode(own, own.length * 10).slice(1, -1), own.replaceAll(/<[^<>]*>/g, ' ')])
    if (made !== own) add(made)
  const bytes = Buffer.from(whole)
  // UTF-8 that somebody read as Latin-1.
  if (bytes.length !== whole.length) add(bytes.toString('latin1'))
  const named = Buffer.concat([Buffer.from(`${username}:`), bytes])
  const alone = [bytes, named].map((one) => one.toString('base64').replace(/=+$/, ''))
  for (const encoded of [...alone, ...[0, 1, 2].map((before) => base64Within(bytes, before))])
    for (const alphabet of [encoded, encoded.replaceAll('+', '-').replaceAll('/', '_')])
      if (alphabet.length >= ENCODED_LENGTH_MIN) add(alphabet)
  add(bytes.toString('hex'), HEX_PIECE_LENGTH)
  return needles
}

/** The letters of Base64 that depend on these bytes alone when so many other ones come `before` them, and any after. */
function base64Within(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes])
  return whole.toString('base64').slice(before === 0 ? 0 : before + 1, Math.floor((whole.length * 8) / 6))
}
