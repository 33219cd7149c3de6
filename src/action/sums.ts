/** Finds the digest of one file in a file of checksums, or the lone digest in `<file>.sha256`. Nothing is ever taken that may be of another file. */
import { TransferError } from '../core/errors.ts'
import { printable } from '../core/text.ts'
import { isMoreThanPath, isNameOf, isOfOtherKind, namesAnother } from './sums-beside.ts'
import { type Sums, sumsIn } from './sums-block.ts'
import type { Entry, Expected } from './sums-lines.ts'

const NAMES_SHOWN = 5
/** What is hashed from a pipe has no name. */
const PIPES: readonly (string | null)[] = ['-', 'stdin', '(stdin)']

/** The digest of the file at `path`, decoded, in the file of checksums of this name. Throws `not-found`, which says what was there instead. */
export function digestFor(bytes: Uint8Array, path: string, sumsName: string): Expected {
  const wanted = path.split('/')
  const name = wanted.at(-1) ?? ''
  // Windows writes its own separators.
  const segmentsOf = (text: string): readonly string[] => text.trim().split(name.includes('\\') ? '/' : /[/\\]/)
  const isNamed = (entry: Entry): boolean =>
    entry.name !== null &&
    entry.inHeader !== true &&
    (entry.name.trim() === path || !isMoreThanPath(entry.name)) &&
    (entry.name.endsWith(`/${name}`) || segmentsOf(entry.name).at(-1) === name.trim())
  const readAs = (entry: Entry): Entry => (isNamed(entry) ? entry : { ...entry, name: plainName(entry, sumsName, name) })
  const sums: Sums = isOfOtherKind(sumsName) ? { entries: [], beside: [] } : sumsIn(decoded(bytes))
  const entries = sums.entries.map(readAs)
  const named = entries.filter(isNamed)
  const isLone =
    named.length === 0 && entries.every((entry) => entry.name === null) && mayBeOf(sumsName, name) && isAlone(sums.beside, sumsName, name)
  const found = strongest(isLone ? entries : nearest(named, wanted, segmentsOf))
  const [first] = found
  if (first === undefined)
    throw new TransferError('not-found', `the file of checksums has no SHA-256 or SHA-512 for ${name}; ${contents(entries)}`)
  if (found.some(({ isOther }) => isOther))
    throw new TransferError('not-found', `the file of checksums has another algorithm above a digest for ${name}; ${contents(found)}`)
  if (found.every(({ hex }) => hex === first.hex)) return { algorithm: first.algorithm, hex: first.hex }
  throw new TransferError('not-found', `the file of checksums has different digests for ${name}; ${contents(found)}`)
}

/** Without quotes; null where it says nothing. The end of a line in a foreign language counts where the file of checksums is named after the file as well. */
function plainName({ name: told, inHeader }: Entry, sumsName: string, name: string): string | null {
  if (told === null || PIPES.includes(told.trim())) return null
  const endsSo = told.endsWith(name) && /[\s/\\"']$/.test(told.slice(0, -name.length))
  if (inHeader === true) return stemOf(sumsName) === name && endsSo ? null : told
  return /^\s*(["'])(.+)\1\s*$/.exec(told)?.[2] ?? told
}

/** PowerShell writes UTF-16, mostly with a mark. The decoder drops the mark. */
function decoded(bytes: Uint8Array): string {
  const [first = 1, second = 1] = bytes
  const isLittle = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0)
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0)
  const encoding = isLittle ? 'utf-16le' : isBig ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

/** Of one name in several folders those whose folders are most like the file's own. */
function nearest(named: readonly Entry[], wanted: readonly string[], segmentsOf: (text: string) => readonly string[]): readonly Entry[] {
  const ranked = named.map((entry) => {
    const segments = segmentsOf(entry.name ?? '').filter((segment) => segment !== '' && segment !== '.')
    let common = 0
    while (common < segments.length && segments.at(-1 - common) === wanted.at(-1 - common)) common += 1
    return { entry, rank: common * 1000 - (segments.length - common) }
  })
  const best = Math.max(...ranked.map(({ rank }) => rank))
  return ranked.filter(({ rank }) => rank === best).map(({ entry }) => entry)
}

function strongest(entries: readonly Entry[]): readonly Entry[] {
  const long = entries.filter(({ algorithm }) => algorithm === 'sha512')
  return long.length > 0 ? long : entries
}

/** Whether a digest without a name may be of this file: `<file>.sha256`, or a file of checksums whose name speaks of no other file. */
function mayBeOf(sumsName: string, name: string): boolean {
  const stem = stemOf(sumsName)
  return stem === name || /^(?:sha-?(?:256|512)(?:sums?)?|sums?|checksums?|digest|hash)$/i.test(stem)
}

/** Whether no line beside it says that it is another file's. Where the file of checksums is named after the file, words that are no names may stand there. */
function isAlone(beside: readonly string[], sumsName: string, name: string): boolean {
  if (stemOf(sumsName) === name) return !beside.some((line) => namesAnother(line, name))
  return beside.every((line) => isNameOf(line, name))
}

function stemOf(sumsName: string): string {
  return sumsName.replace(/\.(?:txt|asc)$/i, '').replace(/[._-](?:sha-?(?:256|512)(?:sums?)?|sums?|checksums?|digest|hash)$/i, '')
}

function contents(entries: readonly Entry[]): string {
  if (entries.length === 0) return 'it holds none at all'
  const named = [...new Set(entries.flatMap(({ name }) => (name === null ? [] : [printable(name.trim(), 100)])))]
  if (named.length === 0) return `it holds ${entries.length === 1 ? 'one' : entries.length} without a name`
  const more = named.length > NAMES_SHOWN ? ` and ${named.length - NAMES_SHOWN} more` : ''
  return `it has ${named.slice(0, NAMES_SHOWN).join(', ')}${more}`
}
