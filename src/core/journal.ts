/** The saved resume state: what was observed, never what was decided. Format and rules: docs/journal.md. */
import { createHash } from 'node:crypto'
import { CHECK_HEX_LENGTH } from './block-check.ts'
import { blockCount, type Fingerprint, VALIDATOR_LENGTH_MAX } from './fingerprint.ts'
import { encodeHosts, type HostEntry, hostsFrom, isOrdinary, withHostEntry } from './journal-hosts.ts'
import { NONCE_HEX_LENGTH } from './paths.ts'
import { type ByteRange, type RangeSet, rangeSet } from './ranges.ts'
import { fieldsOf, isCount, isHex, isPowerOfTwo, isTag } from './strict.ts'

export interface JournalEntry {
  /** Sixteen hex digits: which file of the step. */
  readonly key: string
  readonly source: Fingerprint
  /** Uploads: the eight hex digits in the partial's name that its process chose. Null in downloads, and where the bytes go to the final name itself. */
  readonly nonce: string | null
  /** Uploads: the process that wrote the partial has ended in order, so that nobody has it open for writing. */
  readonly ended: boolean
  /** Bytes per block, a power of two. */
  readonly blockSize: number
  /** Null in uploads. In downloads the key of the blocks' checks, 32 hex digits: such an entry stays on its machine. */
  readonly checkKey: string | null
  /** One per block of `source.size`, null where unknown. Uploads: the block's SHA-256 (hex). Downloads: its check under `checkKey` (hex) as received. */
  readonly blocks: readonly (string | null)[]
  /** Uploads: stored by the server, as it said. Downloads: written to the local partial. */
  readonly acknowledged: RangeSet
}

export interface Journal {
  readonly version: 3
  /** Sixteen hex digits: which step. */
  readonly id: string
  /** Grows with every save; of two journals the higher is the newer. */
  readonly sequence: number
  readonly hosts: readonly HostEntry[]
  readonly entries: readonly JournalEntry[]
}

const FORMAT = 'resumable-transfer-journal'
const BYTES_MAX = 8 * 1024 * 1024
/** No step changes its journal so often: a higher one was made up, to be the newest for ever. */
export const SEQUENCE_MAX = 2 ** 48
const ENTRIES_MAX = 10_000
const BLOCKS_MAX = 8192
const DIGEST_BYTES = 32
const CHECK_BYTES = CHECK_HEX_LENGTH / 2

export function emptyJournal(id: string): Journal {
  return { version: 3, id, sequence: 0, hosts: [], entries: [] }
}

export function entryOf(journal: Journal, key: string): JournalEntry | null {
  return journal.entries.find((e) => e.key === key) ?? null
}

export function withEntry(journal: Journal, entry: JournalEntry): Journal {
  return { ...journal, entries: [...journal.entries.filter((e) => e.key !== entry.key), entry] }
}

export function withoutEntry(journal: Journal, key: string): Journal {
  return { ...journal, entries: journal.entries.filter((e) => e.key !== key) }
}

export function hostOf(journal: Journal, key: string): HostEntry | null {
  return journal.hosts.find((host) => host.key === key) ?? null
}

export function withHost(journal: Journal, host: HostEntry): Journal {
  return { ...journal, hosts: withHostEntry(journal.hosts, host) }
}

/** Whether losing it would cost anything: that a server does what most do is found out in no time. */
export function isWorthKeeping({ entries, hosts }: Journal): boolean {
  return entries.length > 0 || !hosts.every(isOrdinary)
}

/** Whose partials may still be written by the process that recorded them. */
export function unendedUploads(journal: Journal): readonly JournalEntry[] {
  return journal.entries.filter((entry) => entry.checkKey === null && entry.nonce !== null && !entry.ended)
}

/** Which partial of which file. */
export function uploadMark({ key, nonce }: JournalEntry): string {
  return `${key}:${nonce ?? ''}`
}

/** With the uploads of these marks ended. */
export function withEnded(journal: Journal, marks: ReadonlySet<string>): Journal {
  return { ...journal, entries: journal.entries.map((entry) => (marks.has(uploadMark(entry)) ? { ...entry, ended: true } : entry)) }
}

/** Canonical text: one JSON object on the first line, the SHA-256 of that line on the second. */
export function encodeJournal(journal: Journal): string {
  const line = JSON.stringify({
    format: FORMAT,
    version: journal.version,
    id: journal.id,
    sequence: journal.sequence,
    hosts: encodeHosts(journal.hosts),
    entries: journal.entries.map(entryFields),
  })
  return `${line}\n${createHash('sha256').update(line).digest('hex')}\n`
}

export interface Fitting {
  readonly text: string
  /** Entries that are not in it. */
  readonly leftOut: number
}

/**
 * The journal's text, or that of so much of it as can be saved: without the entries that were recorded longest ago, so that one too many does not keep all others
 * from being saved. The last one always stays.
 */
export function encodeFitting(journal: Journal): Fitting {
  const { entries } = journal
  const whole = encodeJournal(journal)
  if (Buffer.byteLength(whole) <= BYTES_MAX && entries.length <= ENTRIES_MAX) return { text: whole, leftOut: 0 }
  let bytes = Buffer.byteLength(encodeJournal({ ...journal, entries: [] }))
  let first = Math.max(0, entries.length - 1)
  for (let i = first; i >= 0 && entries.length - i <= ENTRIES_MAX; i -= 1) {
    bytes += Buffer.byteLength(JSON.stringify(entries.slice(i, i + 1).map(entryFields))) - 1
    if (bytes > BYTES_MAX) break
    first = i
  }
  return { text: encodeJournal({ ...journal, entries: entries.slice(first) }), leftOut: first }
}

function entryFields(entry: JournalEntry): Record<string, unknown> {
  return {
    key: entry.key,
    source: encodeFingerprint(entry.source),
    nonce: entry.nonce,
    ended: entry.ended,
    blockSize: entry.blockSize,
    checkKey: entry.checkKey,
    blocks: encodeBlocks(entry),
    acknowledged: entry.acknowledged.map((r) => [r.start, r.end]),
  }
}

function encodeBlocks({ checkKey, blocks }: JournalEntry): string {
  const unknown = '0'.repeat((checkKey === null ? DIGEST_BYTES : CHECK_BYTES) * 2)
  return Buffer.from(blocks.map((b) => b ?? unknown).join(''), 'hex').toString('base64')
}

function encodeFingerprint(f: Fingerprint): Record<string, unknown> {
  if (f.strength === 'content') return { strength: f.strength, size: f.size, sha256: f.sha256 }
  if (f.strength === 'validator') return { strength: f.strength, size: f.size, validator: f.validator }
  return { strength: f.strength, size: f.size, modifiedAtMs: f.modifiedAtMs, etag: f.etag }
}

/**
 * A whole journal or null, never partly right. Whatever is doubtful is null: damaged, cut, too big, another version, unknown or repeated keys, numbers that are
 * no safe offsets, ranges out of order or beyond the file. Decoding and encoding again must give the same text, which rules out every second spelling.
 */
export function decodeJournal(bytes: Uint8Array): Journal | null {
  if (bytes.byteLength > BYTES_MAX) return null
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const cut = text.indexOf('\n')
    const line = text.slice(0, cut)
    if (cut < 0 || text.slice(cut) !== `\n${createHash('sha256').update(line).digest('hex')}\n`) return null
    const journal = journalFrom(JSON.parse(line))
    return journal !== null && encodeJournal(journal) === text ? journal : null
  } catch {
    return null
  }
}

function journalFrom(value: unknown): Journal | null {
  const fields = fieldsOf(value, ['format', 'version', 'id', 'sequence', 'hosts', 'entries'])
  if (fields === null || fields.format !== FORMAT || fields.version !== 3) return null
  if (!isTag(fields.id) || !isCount(fields.sequence) || fields.sequence > SEQUENCE_MAX) return null
  const hosts = hostsFrom(fields.hosts)
  if (hosts === null) return null
  if (!Array.isArray(fields.entries) || fields.entries.length > ENTRIES_MAX) return null
  const entries: JournalEntry[] = []
  const keys = new Set<string>()
  for (const candidate of fields.entries) {
    const entry = entryFrom(candidate)
    if (entry === null || keys.has(entry.key)) return null
    keys.add(entry.key)
    entries.push(entry)
  }
  return { version: 3, id: fields.id, sequence: fields.sequence, hosts, entries }
}

function entryFrom(value: unknown): JournalEntry | null {
  const fields = fieldsOf(value, ['key', 'source', 'nonce', 'ended', 'blockSize', 'checkKey', 'blocks', 'acknowledged'])
  if (fields === null || !isTag(fields.key) || typeof fields.blocks !== 'string' || !Array.isArray(fields.acknowledged)) return null
  const source = fingerprintFrom(fields.source)
  const { nonce, ended, blockSize, checkKey } = fields
  if ((nonce !== null && !isHex(nonce, NONCE_HEX_LENGTH)) || typeof ended !== 'boolean') return null
  if (checkKey !== null && !isHex(checkKey, CHECK_HEX_LENGTH)) return null
  if (source === null || !isCount(blockSize) || !isPowerOfTwo(blockSize)) return null
  if (blockCount(source.size, blockSize) > BLOCKS_MAX) return null
  const blocks = blocksFrom(fields.blocks, blockCount(source.size, blockSize), checkKey === null ? DIGEST_BYTES : CHECK_BYTES)
  const acknowledged = rangesFrom(fields.acknowledged, source.size)
  return blocks === null || acknowledged === null
    ? null
    : { key: fields.key, source, nonce, ended, blockSize, checkKey, blocks, acknowledged }
}

function fingerprintFrom(value: unknown): Fingerprint | null {
  const strength = typeof value === 'object' && value !== null && 'strength' in value ? value.strength : null
  if (strength === 'content') {
    const f = fieldsOf(value, ['strength', 'size', 'sha256'])
    return f !== null && isCount(f.size) && isHex(f.sha256, 64) ? { strength, size: f.size, sha256: f.sha256 } : null
  }
  if (strength === 'validator') {
    const f = fieldsOf(value, ['strength', 'size', 'validator'])
    return f !== null && isCount(f.size) && isEtag(f.validator) ? { strength, size: f.size, validator: f.validator } : null
  }
  if (strength !== 'hint') return null
  const f = fieldsOf(value, ['strength', 'size', 'modifiedAtMs', 'etag'])
  if (f === null || !isCount(f.size) || (f.modifiedAtMs !== null && !isCount(f.modifiedAtMs))) return null
  return f.etag === null || isEtag(f.etag) ? { strength, size: f.size, modifiedAtMs: f.modifiedAtMs, etag: f.etag } : null
}

function isEtag(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= VALIDATOR_LENGTH_MAX
}

function blocksFrom(text: string, count: number, width: number): readonly (string | null)[] | null {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== count * width) return null
  const unknown = '0'.repeat(width * 2)
  return Array.from({ length: count }, (_, i) => {
    const block = bytes.toString('hex', i * width, (i + 1) * width)
    return block === unknown ? null : block
  })
}

function rangesFrom(values: readonly unknown[], size: number): RangeSet | null {
  const ranges: ByteRange[] = []
  for (const value of values) {
    if (!Array.isArray(value) || value.length !== 2) return null
    const [start, end]: readonly unknown[] = value
    if (!isCount(start) || !isCount(end) || start >= end || end > size || start <= (ranges.at(-1)?.end ?? -1)) return null
    ranges.push({ start, end })
  }
  return rangeSet(ranges)
}
