/** The journal's format, held by files that were not written by this program, and by properties. What comes back is untrusted: a whole journal or null. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fingerprint } from '../../src/core/fingerprint.ts'
import {
  decodeJournal,
  emptyJournal,
  encodeFitting,
  encodeJournal,
  entryOf,
  hostOf,
  isWorthKeeping,
  type Journal,
  type JournalEntry,
  SEQUENCE_MAX,
  withEntry,
  withHost,
  withoutEntry,
} from '../../src/core/journal.ts'
import { type HostEntry, SENDS_MAX } from '../../src/core/journal-hosts.ts'
import { NAME_SHAPES } from '../../src/core/paths.ts'
import { rangeSet } from '../../src/core/ranges.ts'

fc.configureGlobal({ seed: 20_260 })

const GOLDEN = new URL('../golden/journals/', import.meta.url)
const MIB = 1024 * 1024
const ID = '00112233445566ff'
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const CHECK_KEY = '000102030405060708090a0b0c0d0e0f'
/** Stands for a block's check: only its form matters here. */
const check = (text: string): string => sha256(text).slice(0, 32)

const UPLOAD: JournalEntry = {
  key: '0123456789abcdef',
  source: { strength: 'content', size: 2 * MIB + 5, sha256: sha256('source') },
  nonce: '89abcdef',
  ended: true,
  blockSize: MIB,
  checkKey: null,
  blocks: [sha256('a'), sha256('b'), sha256('c')],
  acknowledged: [
    { start: 0, end: MIB },
    { start: MIB + 10, end: 2 * MIB + 5 },
  ],
}
const VALIDATED: JournalEntry = {
  key: '1111111111111111',
  source: { strength: 'validator', size: 3 * MIB, validator: '"ü-5f3a"' },
  nonce: null,
  ended: false,
  blockSize: MIB,
  checkKey: CHECK_KEY,
  blocks: [check('a'), null, check('c')],
  acknowledged: [
    { start: 0, end: MIB },
    { start: 2 * MIB, end: 3 * MIB },
  ],
}
const HINTED: JournalEntry = {
  key: '2222222222222222',
  source: { strength: 'hint', size: MIB, modifiedAtMs: 1_767_225_600_000, etag: null },
  nonce: null,
  ended: false,
  blockSize: MIB,
  checkKey: CHECK_KEY,
  blocks: [check('a')],
  acknowledged: [],
}
const UNDATED: JournalEntry = {
  key: '3333333333333333',
  source: { strength: 'hint', size: 0, modifiedAtMs: null, etag: null },
  nonce: null,
  ended: false,
  blockSize: MIB,
  checkKey: null,
  blocks: [],
  acknowledged: [],
}
const REMEMBERED: readonly HostEntry[] = [
  { key: '4444444444444444', shape: 'plain', renames: true, replaces: false, sends: 118_000_000 },
  { key: '5555555555555555', shape: 'extension', renames: null, replaces: null, sends: null },
  { key: '6666666666666666', shape: 'dot', renames: false, replaces: true, sends: SENDS_MAX },
]
const KEEPER: HostEntry = { key: '7777777777777777', shape: 'dot', renames: false, replaces: null, sends: null, keeps: true }

const VALID: Readonly<Record<string, Journal>> = {
  'valid-empty.journal': emptyJournal(ID),
  'valid-upload.journal': { version: 3, id: ID, sequence: 7, hosts: [], entries: [UPLOAD] },
  'valid-download-validator.journal': { version: 3, id: ID, sequence: 7, hosts: [], entries: [VALIDATED] },
  'valid-download-hint.journal': { version: 3, id: ID, sequence: 7, hosts: [], entries: [HINTED] },
  'valid-download-weak-etag.journal': {
    version: 3,
    id: ID,
    sequence: 7,
    hosts: [],
    entries: [{ ...HINTED, source: { strength: 'hint', size: MIB, modifiedAtMs: 1_767_225_600_000, etag: 'W/"5f3a"' } }],
  },
  'valid-hosts.journal': { version: 3, id: ID, sequence: 7, hosts: REMEMBERED, entries: [UPLOAD] },
  'valid-host-keeps.journal': { version: 3, id: ID, sequence: 7, hosts: [KEEPER, ...REMEMBERED], entries: [UPLOAD] },
  'valid-several-entries.journal': {
    version: 3,
    id: ID,
    sequence: SEQUENCE_MAX,
    hosts: [],
    entries: [UPLOAD, VALIDATED, HINTED, UNDATED],
  },
}

const files = readdirSync(GOLDEN)

test('every golden file is judged by name', () => {
  assert.ok(files.length > 70)
  for (const file of files) assert.ok(file in VALID || file.startsWith('damaged-'), file)
})

for (const [file, journal] of Object.entries(VALID))
  test(`golden: ${file} means what it meant when it was written, and is written the same today`, () => {
    const bytes = readFileSync(new URL(file, GOLDEN))
    assert.deepEqual(decodeJournal(bytes), journal)
    assert.equal(encodeJournal(journal), bytes.toString('utf8'))
  })

for (const file of files.filter((name) => name.startsWith('damaged-')))
  test(`golden: ${file} is nothing`, () => assert.equal(decodeJournal(readFileSync(new URL(file, GOLDEN))), null))

const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const count = fc.oneof(fc.maxSafeNat(), fc.integer({ min: 0, max: 100 }))

/** A record without the null prototypes that fast-check likes to try: equality of plain data is meant. */
function plain<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

function fingerprintOf(size: number): fc.Arbitrary<Fingerprint> {
  return fc.oneof(
    hex(64).map((digest): Fingerprint => ({ strength: 'content', size, sha256: digest })),
    fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .map((validator): Fingerprint => ({ strength: 'validator', size, validator })),
    fc
      .tuple(fc.option(count), fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })))
      .map(([modifiedAtMs, etag]): Fingerprint => ({ strength: 'hint', size, modifiedAtMs, etag })),
  )
}

const entry: fc.Arbitrary<JournalEntry> = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 31 }), fc.option(hex(32)))
  .chain(([blocks, power, shortBy, checkKey]) => {
    const blockSize = 2 ** power * 32
    const size = Math.max(0, blocks * blockSize - shortBy)
    const offset = fc.integer({ min: 0, max: size })
    return plain({
      key: hex(16),
      source: fingerprintOf(size),
      nonce: fc.option(hex(8)),
      ended: fc.boolean(),
      blockSize: fc.constant(blockSize),
      checkKey: fc.constant(checkKey),
      blocks: fc.array(fc.option(hex(checkKey === null ? 64 : 32).filter((digest) => /[^0]/.test(digest))), {
        minLength: Math.ceil(size / blockSize),
        maxLength: Math.ceil(size / blockSize),
      }),
      acknowledged: fc.array(plain({ start: offset, end: offset }), { maxLength: 6 }).map(rangeSet),
    })
  })

const seen = fc.option(fc.boolean())
const host: fc.Arbitrary<HostEntry> = plain({
  key: hex(16),
  shape: fc.constantFrom(...NAME_SHAPES),
  renames: seen,
  replaces: seen,
  sends: fc.option(fc.oneof(fc.nat(), fc.maxSafeNat()).map((n) => Math.min(n, SENDS_MAX))),
})
const keeper: fc.Arbitrary<HostEntry> = host.map((known) => ({ ...known, keeps: true }))

const journals: fc.Arbitrary<Journal> = plain({
  version: fc.constant(3 as const),
  id: hex(16),
  sequence: fc.oneof(fc.maxSafeNat(), fc.integer({ min: 0, max: 100 })).map((n) => Math.min(n, SEQUENCE_MAX)),
  hosts: fc.uniqueArray(fc.oneof(host, keeper), { selector: (h) => h.key, maxLength: 5 }),
  entries: fc.uniqueArray(entry, { selector: (e) => e.key, maxLength: 5 }),
})

test('what is encoded is decoded to the same, and encoded again to the same text', () => {
  fc.assert(
    fc.property(journals, (journal) => {
      const text = encodeJournal(journal)
      const decoded = decodeJournal(Buffer.from(text))
      assert.deepEqual(decoded, journal)
      assert.equal(text.split('\n').length, 3)
    }),
    { numRuns: 300 },
  )
})

test('damaged anywhere, it is nothing: any byte changed, cut or added', () => {
  const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(
      journals,
      at,
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('change', 'cut', 'insert', 'drop'),
      (journal, place, bits, how) => {
        const bytes = Buffer.from(encodeJournal(journal))
        const i = Math.floor(place * bytes.length)
        const head = bytes.subarray(0, i)
        const changed = Buffer.from([(bytes[i] ?? 0) ^ bits])
        const variants = {
          change: [head, changed, bytes.subarray(i + 1)],
          cut: [head],
          insert: [head, Buffer.from([bits]), bytes.subarray(i)],
          drop: [head, bytes.subarray(i + 1)],
        }
        assert.equal(decodeJournal(Buffer.concat(variants[how])), null)
      },
    ),
    { numRuns: 500 },
  )
})

test('signed anew after a change of the text, it is nothing or a journal of exactly that text; it never throws', () => {
  const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const piece = fc.oneof(
    fc.constantFrom('', '0', '1', '-', '.', 'e', '"', ',', ']', '}', '[', '{', 'null', '\\u0030', ' ', '=', 'A'),
    fc.string({ maxLength: 3 }),
  )
  fc.assert(
    fc.property(journals, at, fc.integer({ min: 0, max: 3 }), piece, (journal, place, length, text) => {
      const [line = ''] = encodeJournal(journal).split('\n')
      const i = Math.floor(place * line.length)
      const forged = (line.slice(0, i) + text + line.slice(i + length)).toWellFormed()
      const signed = `${forged}\n${sha256(forged)}\n`
      const decoded = decodeJournal(Buffer.from(signed))
      if (decoded !== null) assert.equal(encodeJournal(decoded), signed)
    }),
    { numRuns: 1000 },
  )
})

test('arbitrary bytes never throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => assert.equal(decodeJournal(bytes), null)))
  fc.assert(
    fc.property(fc.json(), (line) => assert.equal(decodeJournal(Buffer.from(`${line}\n${sha256(line)}\n`)), null)),
    { numRuns: 300 },
  )
})

test('more than 8 MiB is nothing, however right; what fits costs time in proportion (printed, not judged)', (t) => {
  const many = (n: number): Journal => ({
    ...emptyJournal(ID),
    entries: Array.from({ length: n }, (_, i) => ({ ...UNDATED, key: i.toString(16).padStart(16, '0') })),
  })
  const timed = (what: string, bytes: Uint8Array): Journal | null => {
    const before = performance.now()
    const journal = decodeJournal(bytes)
    t.diagnostic(`${what}: ${bytes.length} bytes in ${Math.round(performance.now() - before)} ms`)
    return journal
  }
  assert.equal(timed('10,000 entries', Buffer.from(encodeJournal(many(10_000))))?.entries.length, 10_000)
  assert.equal(timed('10,001 entries', Buffer.from(encodeJournal(many(10_001)))), null)
  const limit = 8 * MIB
  const junk = Buffer.alloc(limit, '{"a":[')
  assert.equal(timed('deeply nested junk', junk), null)
  const signed = (line: string): Buffer => Buffer.from(`${line}\n${sha256(line)}\n`)
  assert.equal(timed('signed, deeply nested', signed('['.repeat(limit - 66))), null)
  assert.equal(timed('signed, many numbers', signed(`[${'1,'.repeat(limit / 2 - 40)}1]`)), null)
  const wide: JournalEntry = {
    ...UPLOAD,
    source: { ...UPLOAD.source, size: 8192 * MIB },
    acknowledged: [],
    blocks: new Array<null>(8192).fill(null),
  }
  const large = { ...emptyJournal(ID), entries: Array.from({ length: 24 }, (_, i) => ({ ...wide, key: i.toString(16).padStart(16, '0') })) }
  const tooLarge = Buffer.from(encodeJournal(large))
  assert.ok(tooLarge.length > limit)
  assert.equal(timed('valid but too large', tooLarge), null)
  assert.equal(decodeJournal(Buffer.from(encodeJournal({ ...large, entries: large.entries.slice(0, 12) })))?.entries.length, 12)
})

test('entries are found, replaced and taken out by key; the journal given is left alone', () => {
  const one = withEntry(emptyJournal(ID), UPLOAD)
  const two = withEntry(one, HINTED)
  assert.deepEqual(entryOf(two, UPLOAD.key), UPLOAD)
  assert.equal(entryOf(one, HINTED.key), null)
  const replaced = withEntry(two, { ...UPLOAD, acknowledged: [] })
  assert.equal(replaced.entries.length, 2)
  assert.deepEqual(entryOf(replaced, UPLOAD.key)?.acknowledged, [])
  assert.deepEqual(withoutEntry(replaced, UPLOAD.key).entries, [HINTED])
  assert.deepEqual(entryOf(two, UPLOAD.key), UPLOAD)
})

test('what does not fit is saved without the entries that were recorded longest ago', () => {
  const wide = (n: number): JournalEntry => ({
    ...UPLOAD,
    key: n.toString(16).padStart(16, '0'),
    source: { ...UPLOAD.source, size: 8192 * MIB },
    acknowledged: [],
    blocks: new Array<null>(8192).fill(null),
  })
  const all = { ...emptyJournal(ID), entries: Array.from({ length: 30 }, (_, i) => wide(i)) }
  const { text, leftOut } = encodeFitting(all)
  const decoded = decodeJournal(Buffer.from(text))
  assert.deepEqual(decoded?.entries.at(-1), wide(29))
  const count = decoded?.entries.length ?? 0
  assert.ok(count >= 20 && count < 30, String(count))
  assert.deepEqual(decoded?.entries, all.entries.slice(-count))
  assert.equal(leftOut, 30 - count)
  const one = { ...emptyJournal(ID), entries: all.entries.slice(-count - 1) }
  assert.ok(encodeJournal(one).length > 8 * MIB, 'no more were left out than had to be')
  assert.deepEqual(encodeFitting({ ...all, entries: all.entries.slice(-count) }), { text, leftOut: 0 })
  const many = {
    ...emptyJournal(ID),
    entries: Array.from({ length: 10_002 }, (_, i) => ({ ...UNDATED, key: i.toString(16).padStart(16, '0') })),
  }
  assert.deepEqual(decodeJournal(Buffer.from(encodeFitting(many).text))?.entries, many.entries.slice(2))
})

test('what is known of servers is found and replaced by key, and of too many the oldest go', () => {
  const [first = assert.fail(), second = assert.fail(), third = assert.fail()] = REMEMBERED
  const three = REMEMBERED.reduce(withHost, emptyJournal(ID))
  assert.deepEqual(three.hosts, REMEMBERED)
  assert.deepEqual(hostOf(three, second.key), second)
  assert.equal(hostOf(three, '7777777777777777'), null)
  const corrected = withHost(three, { ...first, shape: 'dot' })
  assert.deepEqual(corrected.hosts, [second, third, { ...first, shape: 'dot' }])
  let many = emptyJournal(ID)
  for (let i = 0; i < 1003; i += 1) many = withHost(many, { ...first, key: i.toString(16).padStart(16, '0') })
  assert.equal(many.hosts.length, 1000)
  assert.equal(many.hosts[0]?.key, '0000000000000003')
  assert.deepEqual(decodeJournal(Buffer.from(encodeJournal(many))), many)
})

test('a journal without entries is worth keeping for a server that is not as most are', () => {
  const knowing = (host: Partial<HostEntry>): boolean =>
    isWorthKeeping(
      withHost(emptyJournal(ID), { key: '4444444444444444', shape: 'dot', renames: true, replaces: true, sends: null, ...host }),
    )
  assert.equal(isWorthKeeping(emptyJournal(ID)), false)
  assert.equal(isWorthKeeping(withEntry(emptyJournal(ID), UPLOAD)), true)
  assert.equal(knowing({}), false)
  assert.equal(knowing({ renames: null, replaces: null }), false)
  assert.equal(knowing({ sends: 118_000_000 }), false, 'how fast it is')
  for (const odd of [{ shape: 'plain' }, { shape: 'extension' }, { renames: false }, { replaces: false }, { keeps: true }] as const)
    assert.ok(knowing(odd))
})
