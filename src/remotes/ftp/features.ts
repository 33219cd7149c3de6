/** What servers tell in lines: FEAT, machine-readable facts, times, passive ports. Pure; null for anything that cannot be read. */
import type { RemoteFile, TreeEntry } from '../remote.ts'

/** Upper-case name of each feature and the rest of its line; of all lines, for SITE. */
export type Features = ReadonlyMap<string, string>

/** basic-ftp keeps only the second word of each line, which loses most of HASH and MLST. */
export function parseFeatures(text: string): Features {
  const features = new Map<string, string>()
  for (const line of text.split('\n').slice(1, -1)) {
    const bare = line.replace(/^2\d\d[- ]/, '').trim()
    if (bare === '') continue
    const cut = bare.indexOf(' ')
    const name = (cut < 0 ? bare : bare.slice(0, cut)).toUpperCase()
    const rest = cut < 0 ? '' : bare.slice(cut + 1).trim()
    // ProFTPD has a line for each of its SITE commands.
    const before = name === 'SITE' ? features.get(name) : undefined
    features.set(name, before === undefined ? rest : `${before} ${rest}`)
  }
  return features
}

export interface Facts {
  readonly name: string
  readonly facts: ReadonlyMap<string, string>
}

/** One line of MLSD or MLST: `type=file;size=3;modify=20200101000000; name`. */
export function parseFacts(line: string): Facts | null {
  const cut = line.indexOf(' ')
  if (cut < 1) return null
  const facts = new Map<string, string>()
  for (const fact of line.slice(0, cut).split(';')) {
    const equals = fact.indexOf('=')
    if (equals > 0) facts.set(fact.slice(0, equals).toLowerCase(), fact.slice(equals + 1))
  }
  return facts.size === 0 ? null : { name: line.slice(cut + 1), facts }
}

/** The facts inside the reply to MLST: its middle line. */
export function parseMlst(text: string): Facts | null {
  const line = text.split('\n')[1]
  return line === undefined ? null : parseFacts(line.replace(/^(250-)?\s*/, ''))
}

export function kindOf(type: string): RemoteFile['kind'] {
  const lower = type.toLowerCase()
  if (lower === 'file') return 'file'
  return lower === 'dir' || lower === 'cdir' || lower === 'pdir' ? 'directory' : 'other'
}

/** A decimal size; null unless it is an exact integer of ours. */
export function parseSize(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return null
  const size = Number(text)
  return Number.isSafeInteger(size) ? size : null
}

/** `YYYYMMDDHHMMSS[.sss]` in UTC, as milliseconds. */
export function parseTime(text: string | undefined): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3})\d*)?$/.exec(text ?? '')
  if (parts === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number)
  const time = Date.UTC(year, month - 1, day, hour, minute, second, Number((parts[7] ?? '0').padEnd(3, '0')))
  return Number.isNaN(time) ? null : time
}

/** Permission bits in octal, as in the fact UNIX.mode. */
export function parseMode(text: string | undefined): number | null {
  return text !== undefined && /^[0-7]{3,6}$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : null
}

/** Entries of an MLSD listing without the directory itself and its parent. Lines without facts are no entries. */
export function parseMlsd(lines: readonly string[]): TreeEntry[] {
  const entries: TreeEntry[] = []
  for (const line of lines) {
    const entry = parseFacts(line)
    const type = entry?.facts.get('type')?.toLowerCase()
    if (entry === null || type === 'cdir' || type === 'pdir' || entry.name === '.' || entry.name === '..') continue
    const kind = type === undefined ? 'unknown' : kindOf(type)
    entries.push({ name: entry.name, kind, size: kind === 'file' ? parseSize(entry.facts.get('size')) : null })
  }
  return entries
}

/** The port of `229 Entering Extended Passive Mode (|||6446|)`. The delimiter may be any character: IBM i writes `!`. */
export function parseExtendedPassive(text: string): number | null {
  return portOf(Number(/(?:^|[\s(])([!-/:-~])\1\1(\d{1,5})\1/.exec(text)?.[2]))
}

/** The port of `227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)`. The address in it is of no interest: it is wrong behind NAT, or an attack. */
export function parsePassive(text: string): number | null {
  const bytes = /(?<!\d)\d{1,3}(?:,\s*\d{1,3}){3},\s*(\d{1,3}),\s*(\d{1,3})(?!\d)/.exec(text)
  const high = Number(bytes?.[1])
  const low = Number(bytes?.[2])
  return high < 256 && low < 256 ? portOf(high * 256 + low) : null
}

function portOf(port: number): number | null {
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}

/** The directory of `257 "/a ""b""" is the current directory`. */
export function parseDirectory(text: string): string | null {
  const quoted = /"((?:[^"]|"")*)"/.exec(text)?.[1]
  // Without quotes only where nothing else can be meant.
  if (quoted === undefined) return /^257[ -](\/\S*)/.exec(text)?.[1] ?? null
  return quoted === '' ? null : quoted.replaceAll('""', '"')
}
