/** How programs write a text that they quote, by means that have nothing to do with how the redaction reads it; and how a person would read it again. */
import fc from 'fast-check'

const letters = fc.constantFrom(...'abcdefXYZ0123456789')
const special = fc.constantFrom(...`<>&"'/\\+ %=@:;,.-_~!?#$|\``, 'ä', 'é', '€', '漢', '😀')

/** Secrets, and many of what some spelling changes. */
export const SECRETS = fc
  .string({ unit: fc.oneof({ arbitrary: letters, weight: 3 }, { arbitrary: special, weight: 1 }), minLength: 8, maxLength: 60 })
  .filter((text) => text.trim() === text && [...text].length >= 8)

export interface Spelling {
  /** `chance` decides where there is a choice, such as which characters are escaped. */
  readonly spell: (text: string, chance: () => number) => string
  /** Every way in which somebody may take it, one a line. */
  readonly read: (text: string) => string
}

const hexDigits = (value: number, chance: () => number, width: number): string => {
  const digits = value.toString(16).padStart(width, '0')
  return chance() % 2 === 0 ? digits : digits.toUpperCase()
}

function percentSpelled(text: string, chance: () => number, must: RegExp): string {
  return [...text]
    .map((character) =>
      must.test(character) || chance() % 4 === 0
        ? [...Buffer.from(character)].map((byte) => `%${hexDigits(byte, chance, 2)}`).join('')
        : character,
    )
    .join('')
}

function percentRead(text: string): string {
  const bytes: number[] = []
  const raw = Buffer.from(text)
  for (let at = 0; at < raw.length; at += 1) {
    const digits = raw[at] === 0x25 ? raw.toString('latin1', at + 1, at + 3) : ''
    if (/^[0-9a-f]{2}$/i.test(digits)) {
      bytes.push(Number.parseInt(digits, 16))
      at += 2
    } else bytes.push(raw[at] ?? 0)
  }
  return Buffer.from(bytes).toString()
}

function jsonSpelled(text: string, chance: () => number): string {
  return [...text]
    .map((character) => {
      const units = (): string =>
        [...character]
          .flatMap((c) => c.split(''))
          .map((c) => `\\u${hexDigits(c.charCodeAt(0), chance, 4)}`)
          .join('')
      if (character === '/') return chance() % 2 === 0 ? '\\/' : '/'
      return chance() % 4 === 0 ? units() : JSON.stringify(character).slice(1, -1)
    })
    .join('')
}

function jsonRead(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(["\\/]))/g, (_, unit: string | undefined, plain: string | undefined) =>
    unit === undefined ? (plain ?? '') : String.fromCharCode(Number.parseInt(unit, 16)),
  )
}

const ENTITIES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos', ä: 'auml', é: 'eacute' }

function htmlSpelled(text: string, chance: () => number): string {
  return [...text]
    .map((character) => {
      const code = character.codePointAt(0) ?? 0
      const name = ENTITIES[character]
      const all = [`&#${code};`, `&#x${hexDigits(code, chance, 2)};`, `&#0${code};`, ...(name === undefined ? [] : [`&${name};`])]
      return /[&<]/.test(character) || chance() % 4 === 0 ? (all[chance() % all.length] ?? '') : character
    })
    .join('')
}

function htmlRead(text: string): string {
  const byName = new Map(Object.entries(ENTITIES).map(([character, name]) => [name, character]))
  return text.replaceAll(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return byName.get(name) ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0x10ffff ? whole : String.fromCodePoint(code)
  })
}

/** Whatever is Base64 in a text, from each of four letters on: a cut may have taken some. */
function base64Read(text: string): string {
  const runs = text.match(/[A-Za-z0-9+/_-]{8,}/g) ?? []
  return runs.flatMap((run) => [0, 1, 2, 3].map((skipped) => Buffer.from(run.slice(skipped), 'base64').toString())).join('\n')
}

function hexRead(text: string): string {
  const runs = text.match(/[0-9a-f]{8,}/gi) ?? []
  return runs
    .flatMap((run) => [0, 1].map((skipped) => Buffer.from(run.slice(skipped, run.length - ((run.length - skipped) % 2)), 'hex').toString()))
    .join('\n')
}

const same = (text: string): string => text

export const SPELLINGS: Readonly<Record<string, Spelling>> = {
  'as it is': { spell: same, read: same },
  'percent-encoding of any characters': { spell: (text, chance) => percentSpelled(text, chance, /[%+&=#]/), read: percentRead },
  'a form, with + for a space': {
    spell: (text, chance) => percentSpelled(text, chance, /[%+&=#]/).replaceAll(' ', '+'),
    read: (text) => percentRead(text.replaceAll('+', ' ')),
  },
  'percent-encoding of every byte': { spell: (text, chance) => percentSpelled(text, chance, /[\s\S]/), read: percentRead },
  JSON: { spell: jsonSpelled, read: jsonRead },
  'JSON twice': { spell: (text, chance) => jsonSpelled(jsonSpelled(text, chance), chance), read: (text) => jsonRead(jsonRead(text)) },
  HTML: { spell: htmlSpelled, read: htmlRead },
  'JSON in a page': { spell: (text, chance) => htmlSpelled(jsonSpelled(text, chance), chance), read: (text) => jsonRead(htmlRead(text)) },
  'a URL in JSON': {
    spell: (text, chance) => jsonSpelled(percentSpelled(text, chance, /[%+&=#]/), chance),
    read: (text) => percentRead(jsonRead(text)),
  },
  Base64: {
    spell: (text, chance) =>
      Buffer.from(`${'u'.repeat(chance() % 9)}${text}${'t'.repeat(chance() % 9)}`).toString(chance() % 2 === 0 ? 'base64' : 'base64url'),
    read: base64Read,
  },
  hex: {
    spell: (text, chance) => {
      const hex = Buffer.from(text).toString('hex')
      return chance() % 2 === 0 ? hex : hex.toUpperCase()
    },
    read: hexRead,
  },
}

/** The longest piece of `secret` that stands in `text`. */
export function longestRun(text: string, secret: string): string {
  const characters = [...secret]
  let longest = ''
  for (let from = 0; from < characters.length; from += 1)
    for (let end = from + [...longest].length + 1; end <= characters.length; end += 1) {
      const piece = characters.slice(from, end).join('')
      if (!text.includes(piece)) break
      longest = piece
    }
  return longest
}
