/** What comes back from storage that others can write: the journal, and the answers of the cache service. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { blockCount } from '../../src/core/fingerprint.ts'
import { decodeJournal, encodeJournal } from '../../src/core/journal.ts'
import { damaged, damagedBytes, jumble } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

const GOLDEN = new URL('../golden/journals/', import.meta.url)
const golden = readdirSync(GOLDEN).map((name) => readFileSync(new URL(name, GOLDEN)))

/** Nothing, or a journal that is written as exactly these bytes and claims nothing beyond its files. */
function assertWholeOrNothing(bytes: Uint8Array): void {
  const journal = decodeJournal(bytes)
  if (journal === null) return
  assert.ok(Buffer.from(encodeJournal(journal)).equals(bytes), 'accepted what it would not write')
  for (const { source, blockSize, blocks, acknowledged } of journal.entries) {
    assert.equal(blocks.length, blockCount(source.size, blockSize))
    assert.ok(blocks.length <= 8192)
    assert.ok(acknowledged.every(({ start, end }) => start >= 0 && start < end && end <= source.size))
  }
}

function signed(line: string): Buffer {
  const text = line.toWellFormed()
  return Buffer.from(`${text}\n${createHash('sha256').update(text).digest('hex')}\n`)
}

const lines = golden.map((bytes) => bytes.toString('utf8').split('\n')[0] ?? '')
const WORDS = [
  ...[
    '"format":"resumable-transfer-journal"',
    '"version":1',
    '"version":2',
    '"version":3',
    '"hosts":[',
    '"shape":"plain"',
    '"renames":null',
    '"replaces":true',
    '"sends":1099511627776',
    '"id":"00112233445566ff"',
    '"sequence":7',
    '"entries":[',
    '"key":',
  ],
  ...[
    '"source":{',
    '"strength":"content"',
    '"strength":"hint"',
    '"size":',
    '"sha256":',
    '"blockSize":1048576',
    '"checkKey":null',
    '"nonce":null',
    '"nonce":"89abcdef"',
    '"ended":true',
    '"ended":false',
    '"etag":null',
    '"blocks":""',
  ],
  ...[
    '"acknowledged":[',
    '[0,1]',
    '[1,0]',
    '9007199254740991',
    '9007199254740993',
    '1e308',
    '-0',
    '-1',
    '1.5',
    'null',
    'true',
    '"__proto__":{',
  ],
  ...['{', '}', '[', ']', ',', ':', '"', '\\u0000', '\\'],
]

export const STATE_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('journal-bytes', 2000, fc.oneof(fc.uint8Array({ maxLength: 300 }), damagedBytes(golden)), assertWholeOrNothing),
  fuzzTarget('journal-signed', 2000, fc.oneof(damaged(lines, WORDS), jumble(WORDS), fc.json()), (line) =>
    assertWholeOrNothing(signed(line)),
  ),
]
