/** Text and bytes as a hostile or broken peer would write them: right forms with damage, and every character that means something to somebody. */
import fc, { type Arbitrary } from 'fast-check'

/** What a runner, a terminal, Markdown, HTML, a shell or a line reader takes for more than text. */
export const MEANINGFUL: readonly string[] = [
  ...'\0\t\n\r\u0007\u0008\u000b\u000c\u001b\u007f\u0085\u009b\u009d\u2028\u2029',
  ...'\u00ad\u034f\u061c\u180e\u200b\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\u206f\u3164\ufe0f\ufeff\ufff9',
  ...'`|<>[]()!*_~#@&\\"\'$%;,:=?/-+.{}^ ',
  '\u{e0041}',
  '\ud800',
  '\udfff',
  '\u001b[31m',
  '\u001b[2J',
  '\u001b]8;;https://evil.example\u0007',
  '\u001b]52;c;ZXZpbA==\u0007',
  '\r\n',
  '::error::',
  '::add-mask::',
  '::stop-commands::',
  '::set-output name=x::',
  '##[error]',
  '##[',
  '%0A',
  '%0D%0A::error::',
  '%00',
  '%ff',
  '%',
  '..',
  '../',
  '__proto__',
  'constructor',
  'EOF',
  'ghadelimiter_',
  '<<',
  '\n# owned\n',
  '```',
  '~~~',
  '<img src=x onerror=alert(1)>',
  '<!--',
  '[x](https://evil.example)',
  'www.evil.example',
  'https://evil.example',
  'mail@evil.example',
  '@everyone',
  '#123',
  'owner/repo#1',
]

/** Text that is mostly meaningful, with letters and any other character between. */
export function hostileText(maxLength = 60): Arbitrary<string> {
  const unit = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...MEANINGFUL) },
    { weight: 2, arbitrary: fc.constantFrom('a', 'b', '0', '9', 'é', '文', '😀') },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
  )
  return fc.array(unit, { maxLength }).map((parts) => parts.join(''))
}

/** A place in something whose length is not known yet. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

interface Edit {
  readonly at: number
  readonly length: number
  readonly text: string
}

function edits(pieces: readonly string[]): Arbitrary<readonly Edit[]> {
  const text = fc.oneof(fc.constantFrom('', ...pieces), fc.constantFrom(...MEANINGFUL), fc.string({ unit: 'binary', maxLength: 4 }))
  return fc.array(fc.record({ at: place, length: fc.integer({ min: 0, max: 12 }), text }), { maxLength: 5 })
}

/** One of `originals` with a few pieces replaced, taken out or put in; `pieces` are words of the grammar at hand. */
export function damaged(originals: readonly string[], pieces: readonly string[] = []): Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...originals), edits(pieces)).map(([original, made]) =>
    made.reduce((text, { at, length, text: put }) => {
      const i = Math.floor(at * (text.length + 1))
      return text.slice(0, i) + put + text.slice(i + length)
    }, original),
  )
}

/** The same for bytes, down to single bits. */
export function damagedBytes(originals: readonly Uint8Array[]): Arbitrary<Buffer> {
  const edit = fc.record({ at: place, length: fc.integer({ min: 0, max: 9 }), put: fc.uint8Array({ maxLength: 9 }) })
  return fc.tuple(fc.constantFrom(...originals), fc.array(edit, { maxLength: 4 })).map(([original, made]) =>
    made.reduce((bytes, { at, length, put }) => {
      const i = Math.floor(at * (bytes.length + 1))
      return Buffer.concat([bytes.subarray(0, i), put, bytes.subarray(i + length)])
    }, Buffer.from(original)),
  )
}

/** Words of a grammar in any order: right by accident often enough. */
export function jumble(words: readonly string[], maxLength = 30): Arbitrary<string> {
  const unit = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: hostileText(2) })
  return fc.array(unit, { maxLength }).map((parts) => parts.join(''))
}

/** Cuts into pieces as a network would. */
export function pieces(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length])].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

export const cuts: Arbitrary<readonly number[]> = fc.array(place, { maxLength: 5 })
