/** The lines of files of checksums, as coreutils, BSD, openssl, shasum, gpg, PowerShell and certutil print them. Only SHA-256 and SHA-512 count. */
import type { DigestAlgorithm } from '../remotes/remote.ts'

export interface Expected {
  readonly algorithm: DigestAlgorithm
  readonly hex: string
}

/** One line. No name: the digest stands alone. */
export interface Entry extends Expected {
  readonly name: string | null
  /** The name is the end of a line, of which nobody knows where it begins. */
  readonly inHeader?: true
  /** It is below a heading, or behind a word, that is the name of another algorithm. */
  readonly isOther?: true
}

const HEX = '[0-9a-f]{128}|[0-9a-f]{64}'

/** What certutil says before a digest, in any language. */
export function isHeader(line: string): boolean {
  return line.endsWith(':') && /\bSHA-?(?:256|512)\b/i.test(line)
}

/**
 * certutil names the file in a line before the digest, and older ones part its bytes. In other languages than English nobody knows where the name begins. What does
 * not end as names of files do is no name. Null where no digest follows.
 */
export function belowHeader(header: string, line: string): readonly Entry[] | null {
  if (!/^[0-9a-f]{2}(?: ?[0-9a-f]{2})+$/i.test(line)) return null
  const text = header.slice(0, -1).trim()
  const name = /^SHA-?(?:256|512) hash of (?:file )?(.+)$/i.exec(text)?.[1]
  const isNameless = name === undefined && !/[./\\]/.test(text.split(/\s/).at(-1) ?? '')
  const entry = entryOf(line.replaceAll(' ', ''), isNameless ? null : (name ?? text), /\bSHA-?(256|512)\b/i.exec(text)?.[1])
  if (entry === null) return []
  return [name === undefined && !isNameless ? { ...entry, inHeader: true } : entry]
}

export function entriesOf(line: string): readonly Entry[] {
  const bare = line.trim()
  const found = tagged(bare) ?? labelFirst(bare) ?? digestFirst(line) ?? parted(bare)
  // A digest in a comment is somebody's, once.
  const entry = found ?? (/^(?:[#;]|\/\/)/.test(bare) ? null : nameFirst(bare))
  if (entry === null) return []
  // Debian's indices have the size before the name.
  const behindSize = /^[ \t]/.test(line) ? /^\d+ +(\S+)$/.exec(entry.name?.trim() ?? '')?.[1] : undefined
  return behindSize === undefined ? [entry] : [entry, { ...entry, name: behindSize }]
}

const LABEL = /^SHA(?:2-|-)?(256|512)$/i

/** Null where it is none of ours. */
export function bitsOf(label: string): string | null {
  return LABEL.exec(label)?.[1] ?? null
}

/** `SHA256 (name) = hex` and `SHA2-256(name)= hex`. BSD has it in Base64 too. Of other algorithms whose digests are as long nothing fits. */
function tagged(line: string): Entry | null {
  const [, escaped, label = '', name = '', digest = ''] = /^(\\?)([A-Z0-9-]+) ?\((.+)\) ?= ?([0-9A-Za-z+/]+={0,2})$/i.exec(line) ?? []
  const bits = bitsOf(label)
  if (bits === null) return null
  const isBase64 = digest.endsWith('=') && Buffer.from(digest, 'base64').length * 8 === Number(bits)
  return entryOf(isBase64 ? Buffer.from(digest, 'base64').toString('hex') : digest, escaped === '' ? name : unescaped(name), bits)
}

const TABLE = new RegExp(`^(\\S+?):? +(${HEX})(?: +(\\S.*))?$`, 'i')
const COMMAS = new RegExp(`^"?([^",;]+)"?[,;]"?(${HEX})"?[,;]"?(.*?)"?$`, 'i')

/** A row of PowerShell's table, `Algorithm Hash Path`, also with commas. A path that was cut ends with dots and is nobody's. */
function labelFirst(line: string): Entry | null {
  const [, label = '', digest = '', name = ''] = TABLE.exec(line) ?? COMMAS.exec(line) ?? []
  const bits = bitsOf(label)
  return bits === null ? null : entryOf(digest, name === '' ? null : name, bits)
}

const FIRST = new RegExp(`^\\s*(\\\\?)(?:sha(?:256|512)[:=])?(${HEX})(?=\\s|$)`, 'i')

/** What sha256sum and shasum print, also with one space or a tab. A backslash before the digest says that the name is escaped. */
function digestFirst(line: string): Entry | null {
  const [start = '', escaped, digest = ''] = FIRST.exec(line) ?? []
  if (start === '') return null
  const rest = line.slice(start.length)
  const name = /^[ \t][ *?]/.test(rest) ? rest.slice(2) : rest.trimStart()
  if (name.trim() === '') return entryOf(digest, null)
  return entryOf(digest, escaped === '' ? name : unescaped(name))
}

/** Nothing but a digest, in pairs or groups. */
function parted(line: string): Entry | null {
  return /^[0-9a-f]{2,8}(?:([ :-]) ?[0-9a-f]{2,8})(?:\1+[0-9a-f]{2,8})*$/i.test(line) ? entryOf(line.replaceAll(/[ :-]/g, ''), null) : null
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
  const bits = bitsOf(left.slice(colon + 1).trim())
  if (bits === null) return entryOf(digest, left)
  return entryOf(digest, colon < 0 ? null : left.slice(0, colon).trim(), bits)
}

export function entryOf(digest: string, name: string | null, bits?: string): Entry | null {
  const hex = digest.toLowerCase()
  if (!/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/.test(hex) || (bits !== undefined && hex.length * 4 !== Number(bits))) return null
  return { algorithm: hex.length === 128 ? 'sha512' : 'sha256', hex, name }
}

function unescaped(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : letter))
}
