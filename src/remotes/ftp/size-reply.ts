/** The size in what a server says to SIZE. Pure; null for anything that may mean another number: then the listing is asked. */
import { baseName } from '../../core/paths.ts'
import { parseSize } from './features.ts'

/** Two groups at least: one alone may as well be a fraction. */
const GROUPED = /^\d{1,3}([,.'_’\u00a0\u202f])\d{3}(?:\1\d{3})+$/
/** Counted in these a number is none of bytes. */
const OTHER_UNITS =
  /\b([kmgtp]i?b?|(kilo|mega|giga|kibi|mebi|gibi)\w*|bits?|words?|lines?|blocks?|records?|pages?|sectors?|tracks?|units?|about)\b/i

/** Without the separators of its groups, where they are unmistakable. */
export function ungrouped(text: string): string {
  return GROUPED.test(text) ? text.replaceAll(/\D/g, '') : text
}

/** Most servers say nothing but the number; some put words before it, or the name, or `bytes` behind it. `text`: the reply with its code. */
export function sizeIn(text: string, path: string): number | null {
  const said = text.replaceAll(new RegExp(`^${text.slice(0, 3)}(?:[ -]|$)`, 'gm'), '').trim()
  // ftp-srv 4.6.3 has this text in place of a zero.
  if (said === 'File status') return 0
  const words = withoutName(said, path).split(/[ \t\r\n]+/)
  const numbers = words.filter((word) => /\d/.test(word))
  const [word = ''] = numbers
  const behind = words.slice(words.indexOf(word) + 1).join(' ')
  if (numbers.length !== 1 || OTHER_UNITS.test(words.join(' ')) || !/^((bytes?|octets?)\b.*)?$/i.test(behind)) return null
  return parseSize(ungrouped(word.replace(/^[(=:]+/, '').replace(/[.,;)]+$/, '')))
}

/** A name may be made of digits. */
function withoutName(said: string, path: string): string {
  for (const name of [path, baseName(path)]) {
    if (name === '') continue
    for (const quoted of [`"${name}"`, `'${name}'`, name]) {
      if (said.endsWith(` ${quoted}`)) return said.slice(0, -quoted.length).trim()
      if (said.startsWith(`${quoted} `) || said.startsWith(`${quoted}: `)) return said.slice(quoted.length).replace(/^:/, '').trim()
    }
  }
  return said
}
