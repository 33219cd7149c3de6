/** What no other test noticed when it was taken away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHost, type HostSink } from '../../src/action/host.ts'
import { decodeJournal, emptyJournal, encodeJournal, type JournalEntry } from '../../src/core/journal.ts'
import { redactor } from '../../src/core/redact.ts'
import { type ProofContext, proveRanges } from '../../src/engine/verify.ts'
import type { LocalSource } from '../../src/local/local.ts'
import { localTarget } from '../../src/local/target.ts'
import type { Digester, Remote } from '../../src/remotes/remote.ts'
import { journalKeeper } from '../../src/state/keeper.ts'
import type { StateStore } from '../../src/state/store.ts'
import { seededBytes } from '../support/prng.ts'
import { Stage, sha256 } from './stage.ts'

const ID = '00112233445566ff'
const MIB = 1024 * 1024
const never = new AbortController().signal

function entry(n: number, blocks: number): JournalEntry {
  return {
    key: n.toString(16).padStart(16, '0'),
    source: { strength: 'content', size: blocks, sha256: sha256(Buffer.from('source')) },
    nonce: null,
    ended: false,
    blockSize: 1,
    checkKey: null,
    blocks: new Array<string>(blocks).fill(sha256(Buffer.from('block'))),
    acknowledged: [],
  }
}

test('a journal of more than 8 MiB is nothing, however right', () => {
  const decoded = (entries: number): unknown => {
    const text = encodeJournal({ ...emptyJournal(ID), entries: Array.from({ length: entries }, (_, n) => entry(n, 8192)) })
    return decodeJournal(Buffer.from(text))?.entries.length ?? text.length > 8 * MIB
  }
  assert.equal(decoded(20), 20)
  assert.equal(decoded(25), true)
})

test('a journal of more blocks than any file has is nothing', () => {
  const decoded = (blocks: number) => decodeJournal(Buffer.from(encodeJournal({ ...emptyJournal(ID), entries: [entry(1, blocks)] })))
  assert.equal(decoded(8192)?.entries.length, 1)
  assert.equal(decoded(8193), null)
})

test('a record resolves when the disk has it, not before', async () => {
  const disk = Promise.withResolvers<void>()
  const place: StateStore = { description: 'disk', load: async () => null, save: () => disk.promise }
  const keeper = journalKeeper({ id: ID, places: new Set(), keys: new Set([entry(1, 1).key]), disk: place, store: null, warn: () => {} })
  await keeper.load(never)
  let resolved = false
  const recording = keeper.record(entry(1, 1)).then(() => {
    resolved = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(resolved, false)
  disk.resolve()
  await recording
})

test('a digester that is always wrong is asked a bounded number of times, whatever the size of the file', async () => {
  const blocks = 4096
  let calls = 0
  for (const ranges of ['any', 'prefix'] as const) {
    calls = 0
    const digest: Digester['digest'] = async () => {
      calls += 1
      return 'wrong'
    }
    const context: ProofContext = {
      remote: {} as unknown as Remote,
      path: 'file',
      source: { digest: async () => 'right' } as unknown as LocalSource,
      expected: { size: blocks, blockSize: 1, blocks: new Array<string>(blocks).fill('') },
      clock: { nowMs: () => 0, sleep: async () => {}, after: () => () => {} },
      timeoutMs: 1000,
      digester: { algorithm: 'sha256', ranges, digest },
      progress: () => {},
    }
    assert.deepEqual((await proveRanges(context, [{ start: 0, end: blocks }], never)).proven, [])
    assert.ok(calls <= 64, `${calls} calls`)
  }
})

test('a secret that begins another leaves no rest of it behind', () => {
  const redact = redactor([{ text: 'hunter2' }, { text: 'hunter2-and-more' }])
  assert.equal(redact('a hunter2-and-more b hunter2 c'), 'a *** b *** c')
})

test('every form of every secret in one line is told to the runner before anything else', () => {
  const said: string[] = []
  const silent = () => {}
  const sink: HostSink = {
    kind: 'actions',
    mask: (form) => void said.push(`mask ${form}`),
    line: (text) => void said.push(text),
    debug: silent,
    annotation: silent,
    startGroup: silent,
    endGroup: silent,
    output: silent,
    saveState: silent,
    getState: () => '',
    summary: async () => {},
    exitCode: silent,
    close: silent,
  }
  createHost(sink, { inputs: new Map([['password', 'pass word']]), environment: {} }).info('hello')
  assert.equal(said.at(-1), 'hello')
  for (const form of ['pass word', 'pass%20word', Buffer.from('pass word').toString('hex')]) assert.ok(said.includes(`mask ${form}`), form)
})

test('a digest that had begun over bytes that were cut off begins anew', async (t) => {
  const target = localTarget(new Stage(t).path('out'))
  const partial = await target.openPartial('0123456789ab')
  const [old, fresh] = [seededBytes(3, MIB), seededBytes(4, MIB + 1)]
  await partial.write(0, old)
  await partial.truncate(256 * MIB)
  partial.settled(old.length)
  // By the time that this thread has been through all the zeros, the other has long been through the first MiB.
  await partial.digest('md5', never)
  await partial.truncate(0)
  await partial.write(0, fresh)
  partial.settled(MIB)
  assert.equal(await partial.digest('sha256', never), sha256(fresh))
  await partial.close()
})
