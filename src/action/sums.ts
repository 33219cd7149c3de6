/**
 * Reads files of checksums as people really have them: what coreutils, BSD, openssl, shasum and gpg print, and the lone digest in `<file>.sha256`. Only SHA-256
 * and SHA-512 count, and nothing is ever taken that may be of another file.
 */
import { TransferError } from '../core/errors.ts'
import { printable } from '../core/text.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'

export interface Expected {
  readonly algorithm: DigestAlgorithm
  readonly hex: string
}

/** One line. No name: the digest stands alone. */
interface Entry extends Expected {
  readonly name: string | null
}

const NAMES_SHOWN = 5
/** A name has 4096 bytes at most; longer lines are no checksums. */
const LINE_LENGTH_MAX = 16_384
const ARMOUR_BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----'
const SIGNATURE_BEGIN = '-----BEGIN PGP SIGNATURE-----'

/** The digest of the file at `path`, decoded, in the file of checksums of this name. Throws `not-found`, which says what was there instead. */
export function digestFor(bytes: Uint8Array, path: string, sumsName: string): Expected {
  const wanted = path.split('/')
  const name = wanted.at(-1) ?? ''
  // Windows writes its own separators.
  const segmentsOf = (text: string): readonly string[] => text.trim().split(name.includes('\\') ? '/' : /[/\\]/)
  const isNamed = (entry: Entry): boolean =>
    entry.name !== null && (entry.name.endsWith(`/${name}`) || segmentsOf(entry.name).at(-1) === name.trim())
  const entries = entriesIn(decoded(bytes))
  const named = entries.filter(isNamed)
  const isLone = named.length === 0 && entries.every((entry) => entry.name === null) && mayBeOf(sumsName, name)
  const found = strongest(isLone ? entries : nearest(named, wanted, segmentsOf))
  const [first] = found
  if (first === undefined)
    throw new TransferError('not-found', `the file of checksums has no SHA-256 or SHA-512 for ${name}; ${contents(entries)}`)
  if (found.every(({ hex }) => hex === first.hex)) return { algorithm: first.algorithm, hex: first.hex }
  throw new TransferError('not-found', `the file of checksums has different digests for ${name}; ${contents(found)}`)
}

/** PowerShell writes UTF-16 with a mark. The decoder drops the mark. */
function decoded(bytes: Uint8Array): string {
  const [first, second] = bytes
  const encoding = first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

function entriesIn(text: string): readonly Entry[] {
  const entries: Entry[] = []
  for (const line of joined(text)) {
    if (line.length > LINE_LENGTH_MAX) continue
    const entry = tagged(line.trim()) ?? digestFirst(line) ?? nameFirst(line.trim())
    if (entry !== null) entries.push(entry)
  }
  return entries
}

/** The lines without the frame of a signature; a digest that goes on in the next line, as gpg prints it, is one. */
function* joined(text: string): Generator<string> {
  let whole: string | null = null
  let isSigned = false
  for (const raw of text.split(/\r?\n/)) {
    if (raw.startsWith(ARMOUR_BEGIN)) isSigned = true
    if (raw.startsWith(SIGNATURE_BEGIN)) break
    const line: string = isSigned && raw.startsWith('- ') ? raw.slice(2) : raw
    const goesOn: boolean =
      whole !== null && whole.length < LINE_LENGTH_MAX && /^[ \t]+[0-9A-F][0-9A-F \t]*$/i.test(line) && !/[0-9a-f]{64}/i.test(line)
    if (!goesOn && whole !== null) yield whole
    whole = goesOn ? `${whole}${line}` : line
  }
  if (whole !== null) yield whole
}

const LABEL = /^SHA(?:2-|-)?(256|512)$/i

/** `SHA256 (name) = hex` and `SHA2-256(name)= hex`. BSD has it in Base64 too. Of other algorithms whose digests are as long nothing fits. */
function tagged(line: string): Entry | null {
  const [, escaped, label = '', name = '', digest = ''] = /^(\\?)([A-Z0-9-]+) ?\((.+)\) ?= ?([0-9A-Za-z+/]+={0,2})$/i.exec(line) ?? []
  const bits = LABEL.exec(label)?.[1]
  if (bits === undefined) return null
  const isBase64 = digest.endsWith('=') && Buffer.from(digest, 'base64').length * 8 === Number(bits)
  return entryOf(isBase64 ? Buffer.from(digest, 'base64').toString('hex') : digest, escaped === '' ? name : unescaped(name), bits)
}

/** What sha256sum and shasum print, also with one space or a tab. A backslash before the digest says that the name is escaped. */
function digestFirst(line: string): Entry | null {
  const [start = '', escaped, digest = ''] = /^\s*(\\?)(?:sha(?:256|512)[:=])?([0-9a-f]{128}|[0-9a-f]{64})(?=\s|$)/i.exec(line) ?? []
  if (start === '') return null
  const rest = line.slice(start.length)
  const name = /^ [ *?]/.test(rest) ? rest.slice(2) : rest.trimStart()
  if (name.trim() === '') return entryOf(digest, null)
  return entryOf(digest, escaped === '' ? name : unescaped(name))
}

/** `name: hex`, `name: SHA256 = 0123ABCD …`, `name hex`, and `SHA256: hex` for the digest alone. */
function nameFirst(line: string): Entry | null {
  return namedBefore(line, Math.max(line.lastIndexOf(':'), line.lastIndexOf('='))) ?? namedBefore(line, line.search(/\s\S*$/))
}

function namedBefore(line: string, cut: number): Entry | null {
  const left = line.slice(0, Math.max(0, cut)).trim()
  if (left === '') return null
  const digest = line.slice(cut + 1).replaceAll(/\s/g, '')
  const colon = left.lastIndexOf(':')
  const bits = LABEL.exec(left.slice(colon + 1).trim())?.[1]
  if (bits === undefined) return entryOf(digest, left)
  return entryOf(digest, colon < 0 ? null : left.slice(0, colon).trim(), bits)
}

function entryOf(digest: string, name: string | null, bits?: string): Entry | null {
  const hex = digest.toLowerCase()
  if (!/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/.test(hex) || (bits !== undefined && hex.length * 4 !== Number(bits))) return null
  return { algorithm: hex.length === 128 ? 'sha512' : 'sha256', hex, name }
}

function unescaped(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : letter))
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
  const stem = sumsName.replace(/\.(?:txt|asc)$/i, '').replace(/[._-](?:sha-?(?:256|512)(?:sums?)?|sums?|checksums?|digest|hash)$/i, '')
  return stem === name || /^(?:sha-?(?:256|512)(?:sums?)?|sums?|checksums?|digest|hash)$/i.test(stem)
}

function contents(entries: readonly Entry[]): string {
  if (entries.length === 0) return 'it holds none at all'
  const named = [...new Set(entries.flatMap(({ name }) => (name === null ? [] : [printable(name.trim(), 100)])))]
  if (named.length === 0) return `it holds ${entries.length === 1 ? 'one' : entries.length} without a name`
  const more = named.length > NAMES_SHOWN ? ` and ${named.length - NAMES_SHOWN} more` : ''
  return `it has ${named.slice(0, NAMES_SHOWN).join(', ')}${more}`
}
