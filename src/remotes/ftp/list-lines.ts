/** Lines of LIST and NLST, and the bytes that they are made of. */
import { parseList } from 'basic-ftp'
import { TransferError } from '../../core/errors.ts'
import { baseName } from '../../core/paths.ts'
import type { TreeEntry } from '../remote.ts'
import { ungrouped } from './size-reply.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const NO_ENTRY = /^(total|summe|insgesamt)\b/i
const UNIX = /^\s*([a-zA-Z-])([r-][w-][xsStTlL-][r-][w-][xsStTlL-][r-][w-][xsStTlL-])/

export interface ListedEntry extends TreeEntry {
  /** Permission bits, where the listing shows them. */
  readonly mode?: number
}

/**
 * Text lines without empty ones. In a line that is not UTF-8 every byte beyond ASCII becomes a lone surrogate, so that no two names become one, as they would with
 * U+FFFD in their places; `marked` shows them.
 */
export function decodeLines(bytes: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at)
    const line = decodeLine(bytes.subarray(at, end < 0 ? bytes.length : end)).replace(/\r$/, '')
    if (line.trim() !== '') lines.push(line)
    at = end < 0 ? bytes.length : end + 1
  }
  return lines
}

function decodeLine(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    return bytes.toString('latin1').replaceAll(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)))
  }
}

/** A name with bytes that are no text can be shown, but not asked for. */
export function marked<T extends TreeEntry>(entry: T): T {
  if (entry.name.isWellFormed()) return entry
  const name = entry.name.replaceAll(/[\udc80-\udcff]/g, (unit) => `\\x${(unit.charCodeAt(0) - 0xdc00).toString(16)}`)
  return { ...entry, name: name.toWellFormed(), garbled: true }
}

/** NLST says nothing but names. Some servers put the directory before them. */
export function parseNames(lines: readonly string[]): ListedEntry[] {
  const names = lines.map(baseName).filter((name) => name !== '' && name !== '.' && name !== '..')
  return names.map((name) => ({ name, kind: 'unknown', size: null }))
}

/** LIST has no format of its own: basic-ftp knows those of Unix and DOS. Each line by itself, because it leaves out in silence what it does not know. */
export function parseLines(lines: readonly string[]): ListedEntry[] {
  return lines.filter((line) => !NO_ENTRY.test(line)).flatMap(parseLine)
}

function parseLine(raw: string): ListedEntry[] {
  const { line, doubtful } = plainSize(raw)
  let parsed: ReturnType<typeof parseList>
  try {
    parsed = parseList(line)
  } catch (error) {
    throw new TransferError('protocol', 'the listing is in a format that is not known', { cause: error })
  }
  const [entry] = parsed
  // Some servers put the directory before the name, or a slash behind that of a directory; neither can be in a name.
  const name = baseName((entry?.name ?? '').replace(/(?<=[^/])\/+$/, ''))
  if (entry === undefined || name === '' || name === '.' || name === '..') return []
  const unix = UNIX.exec(line)
  const kind = kindOf(entry.type, unix?.[1])
  const size = kind === 'file' && !doubtful && Number.isSafeInteger(entry.size) && entry.size >= 0 ? entry.size : null
  return [{ name, kind, size, ...(unix === null ? {} : { mode: modeOf(unix[2] ?? '') }) }]
}

/** What stands before the date, and before the size of DOS. */
const BEFORE_DATE = /^(\s*\S{10}\S*\s+(?:\S.*?\s)??)(\S+)(\s+(?:[A-Za-z]{3}\s+\d{1,2}\s+(?:\d{4}|\d\d?:\d\d)\s|\d{4}-\d\d-\d\d\s))/
const AFTER_TIME = /^(\s*\d{2,4}[-./]\d{2}[-./]\d{2,4}\s+\d\d?:\d\d\S*\s+)(\S+)(\s)/

/** The same line with its size as plain digits. Doubtful: separators that may mean another number, of which basic-ftp would read a piece. */
function plainSize(line: string): { readonly line: string; readonly doubtful: boolean } {
  const [whole = '', before = '', size = '', after = ''] = (UNIX.test(line) ? BEFORE_DATE : AFTER_TIME).exec(line) ?? []
  const digits = ungrouped(size)
  const grouped = /^\d{1,3}[,.'_’\u00a0\u202f]\d{3}$/.test(size)
  const columns = before.trim().split(/\s+/)
  // `3 000 000`, where links, owner and group stand before the size.
  const spaced =
    /^\d{3}$/.test(size) && /^\d{1,3}$/.test(columns.at(-1) ?? '') && (columns.length > 4 || (size.startsWith('0') && columns.length > 1))
  return { line: `${before}${grouped ? '0' : digits}${after}${line.slice(whole.length)}`, doubtful: grouped || spaced }
}

const FILE = 1
const DIRECTORY = 2
const LINK = 3

/** basic-ftp takes devices for files. */
function kindOf(type: number, letter: string | undefined): TreeEntry['kind'] {
  if (letter === 'b' || letter === 'c' || letter === 'p' || letter === 's') return 'other'
  if (type === FILE) return 'file'
  if (type === DIRECTORY) return 'directory'
  return type === LINK ? 'other' : 'unknown'
}

/** `rwxr-sr-t` as bits. */
function modeOf(text: string): number {
  let mode = 0
  for (let at = 0; at < 9; at += 1) {
    const letter = text[at] ?? '-'
    const bit = 1 << (8 - at)
    if (/[rwxst]/.test(letter)) mode |= bit
    if (/[sStT]/.test(letter)) mode |= 0o1000 << (2 - Math.floor(at / 3))
  }
  return mode
}
