/** The journal while a step runs: at once to the disk, at checkpoints to the store, and never in the way of a transfer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJournal, encodeJournal, type Journal, type JournalEntry, SEQUENCE_MAX } from '../../src/core/journal.ts'
import type { HostEntry } from '../../src/core/journal-hosts.ts'
import { type JournalKeeper, journalKeeper } from '../../src/state/keeper.ts'
import type { StateStore } from '../../src/state/store.ts'

const ID = '00112233445566ff'
const HOST = '4444444444444444'
const never = new AbortController().signal
const KEYS = new Set(Array.from({ length: 40 }, (_, n) => n.toString(16).padStart(16, '0')))
const PLACES = new Set([HOST])
const key = (n: number): string => n.toString(16).padStart(16, '0')
const entry = (n: number, acknowledged = 0): JournalEntry => ({
  key: key(n),
  source: { strength: 'hint', size: 100, modifiedAtMs: 5, etag: null },
  nonce: null,
  ended: false,
  blockSize: 128,
  checkKey: null,
  blocks: [null],
  acknowledged: acknowledged === 0 ? [] : [{ start: 0, end: acknowledged }],
})
const journal = (sequence: number, entries: readonly JournalEntry[], id = ID): Journal => ({
  version: 3,
  id,
  sequence,
  hosts: [],
  entries,
})

interface Place extends StateStore {
  held: Uint8Array | null
  saves: number
  fails: boolean
  gate: Promise<void> | null
}

function place(description: string, held: Journal | Uint8Array | null, log: string[] = []): Place {
  const made: Place = {
    description,
    held: held === null || held instanceof Uint8Array ? held : Buffer.from(encodeJournal(held)),
    saves: 0,
    fails: false,
    gate: null,
    load: async () => {
      if (made.fails) throw new Error('unreachable')
      return made.held
    },
    save: async (state) => {
      made.saves += 1
      const mine = Buffer.from(state)
      await made.gate
      if (made.fails) throw new Error('unreachable')
      made.held = mine
      log.push(`${description} ${decodeJournal(mine)?.sequence}`)
    },
  }
  return made
}

async function loaded(disk: StateStore, store: StateStore | null): Promise<{ keeper: JournalKeeper; warnings: string[] }> {
  const warnings: string[] = []
  const keeper = journalKeeper({ id: ID, keys: KEYS, places: PLACES, disk, store, warn: (message) => void warnings.push(message) })
  await keeper.load(never)
  return { keeper, warnings }
}

const heldBy = (p: Place): Journal | null => (p.held === null ? null : decodeJournal(p.held))

test('a record is on the disk after flush, in the store after a checkpoint, in this order', async () => {
  const log: string[] = []
  const [disk, store] = [place('disk', null, log), place('store', null, log)]
  const { keeper, warnings } = await loaded(disk, store)
  keeper.record(entry(1, 10))
  assert.deepEqual(keeper.entry(key(1)), entry(1, 10), 'known at once')
  await keeper.flush()
  assert.deepEqual(heldBy(disk)?.entries, [entry(1, 10)])
  assert.equal(store.saves, 0)
  await keeper.checkpoint(never)
  assert.deepEqual(log, ['disk 1', 'store 1'])
  await keeper.checkpoint(never)
  assert.equal(store.saves, 1, 'nothing new, nothing saved')
  assert.deepEqual(warnings, [])
})

test('what is recorded while a write is under way goes out together, the newest', async () => {
  const disk = place('disk', null)
  const { keeper } = await loaded(disk, null)
  const gate = Promise.withResolvers<void>()
  disk.gate = gate.promise
  for (let i = 1; i <= 50; i += 1) keeper.record(entry(1, i))
  disk.gate = null
  gate.resolve()
  await keeper.flush()
  assert.equal(disk.saves, 2)
  assert.deepEqual(heldBy(disk), journal(50, [entry(1, 50)]))
})

test('of disk and store the newer is taken as a whole, the sequence goes on from the higher', async () => {
  const finished = await loaded(place('disk', journal(9, [])), place('store', journal(5, [entry(1, 10)])))
  assert.equal(finished.keeper.entry(key(1)), null, 'what the newer lacks was finished')
  const disk = place('disk', journal(5, [entry(1, 50)]))
  const store = place('store', journal(9, [entry(1, 10), entry(2, 20)]))
  const { keeper } = await loaded(disk, store)
  assert.deepEqual(keeper.entry(key(1)), entry(1, 10))
  assert.deepEqual(keeper.entry(key(2)), entry(2, 20))
  keeper.record(entry(3))
  await keeper.flush()
  assert.equal(heldBy(disk)?.sequence, 10)
})

test('state that cannot be used or read is told once, each place by its name, and ignored', async () => {
  const foreign = journal(3, [entry(1, 10)], 'ffffffffffffffff')
  const { keeper, warnings } = await loaded(place('disk', foreign), place('store', Buffer.from('garbage')))
  assert.equal(keeper.entry(key(1)), null)
  assert.equal(warnings.length, 2)
  assert.match(warnings.join('\n'), /disk is unusable[\s\S]*store is unusable/)
  await keeper.load(never)
  assert.equal(warnings.length, 2)
  const broken = place('store', null)
  broken.fails = true
  const second = await loaded(place('disk', journal(3, [entry(1, 10)])), broken)
  assert.deepEqual(second.keeper.entry(key(1)), entry(1, 10))
  assert.match(second.warnings.join('\n'), /^[^\n]*could not be read from the store: unreachable$/)
})

test('an empty journal does not go to a store that holds nothing, but replaces one that holds something', async () => {
  const none = place('store', null)
  const first = await loaded(place('disk', null), none)
  first.keeper.record(entry(1))
  first.keeper.forget(key(1))
  await first.keeper.checkpoint(never)
  assert.equal(none.saves, 0)
  for (const held of [journal(9, [entry(1, 10)]), journal(1, [entry(1, 10)])]) {
    const some = place('store', held)
    const { keeper } = await loaded(place('disk', null), some)
    keeper.forget(key(1))
    await keeper.checkpoint(never)
    assert.deepEqual(heldBy(some), journal(held.sequence + 1, []))
  }
  const own = place('store', null)
  const third = await loaded(place('disk', null), own)
  third.keeper.record(entry(1))
  await third.keeper.checkpoint(never)
  third.keeper.forget(key(1))
  await third.keeper.checkpoint(never)
  assert.deepEqual(heldBy(own)?.entries, [], 'what it saved itself is taken back')
})

test('forgetting what is not there writes nothing', async () => {
  const disk = place('disk', null)
  const { keeper } = await loaded(disk, null)
  keeper.forget(key(7))
  await keeper.flush()
  assert.equal(disk.saves, 0)
})

test('a disk or a store that fails only warns, once, and the next checkpoint tries again', async () => {
  const [disk, store] = [place('disk', null), place('store', null)]
  const { keeper, warnings } = await loaded(disk, store)
  disk.fails = true
  store.fails = true
  for (let i = 1; i < 4; i += 1) {
    keeper.record(entry(1, i))
    await keeper.flush()
    await keeper.checkpoint(never)
  }
  assert.equal(warnings.length, 2)
  assert.equal(store.saves, 3)
  store.fails = false
  await keeper.checkpoint(never)
  assert.deepEqual(heldBy(store)?.entries, [entry(1, 3)])
})

test('loading rejects only when it is stopped', async () => {
  const reason = new Error('stopped')
  const waiting: StateStore = { description: 'store', load: (signal) => Promise.reject(signal.reason), save: async () => {} }
  const keeper = journalKeeper({
    id: ID,
    keys: KEYS,
    places: PLACES,
    disk: place('disk', null),
    store: waiting,
    warn: () => assert.fail('no warning'),
  })
  await assert.rejects(keeper.load(AbortSignal.abort(reason)), reason)
})

test('what belongs to no file of this step is neither believed nor saved again', async () => {
  const disk = place('disk', journal(3, [entry(1, 10), { ...entry(2, 10), key: 'ffffffffffffffff' }]))
  const { keeper } = await loaded(disk, null)
  assert.equal(keeper.entry('ffffffffffffffff'), null)
  assert.deepEqual(keeper.entry(key(1)), entry(1, 10))
  keeper.record(entry(3))
  await keeper.flush()
  assert.deepEqual(heldBy(disk)?.entries, [entry(1, 10), entry(3)])
})

test('a sequence that was made up neither wins for ever nor stops the saving', async () => {
  for (const sequence of [SEQUENCE_MAX, SEQUENCE_MAX + 1, Number.MAX_SAFE_INTEGER]) {
    const [disk, store] = [place('disk', journal(5, [entry(1, 50)])), place('store', journal(sequence, []))]
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const { keeper } = await loaded(disk, store)
      keeper.record(entry(1, attempt))
      await keeper.flush()
      await keeper.checkpoint(never)
      // The highest one that counts is believed once: what follows it is above the limit.
      if (attempt === 1 && sequence === SEQUENCE_MAX) continue
      assert.deepEqual(heldBy(disk)?.entries, [entry(1, attempt)], `disk, ${sequence}`)
      assert.deepEqual(heldBy(store)?.entries, [entry(1, attempt)], `store, ${sequence}`)
    }
  }
})

test('what is too large is saved without what was recorded longest ago, which is said once', async () => {
  const large = (n: number): JournalEntry => ({
    ...upload(n),
    source: { strength: 'content', size: 8192 * 1024, sha256: '1'.repeat(64) },
    blockSize: 1024,
    blocks: new Array<null>(8192).fill(null),
  })
  const [disk, store] = [place('disk', null), place('store', null)]
  const { keeper, warnings } = await loaded(disk, store)
  for (let n = 0; n < 30; n += 1) keeper.record(large(n))
  await keeper.flush()
  await keeper.checkpoint(never)
  for (const held of [heldBy(disk), heldBy(store)]) {
    assert.equal(held?.entries.at(-1)?.key, key(29))
    assert.ok((held?.entries.length ?? 0) >= 20)
  }
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /longest ago are left out/)
  assert.deepEqual(keeper.entry(key(0)), large(0), 'this process knows it all the same')
})

const upload = (n: number, nonce: string | null = '89abcdef'): JournalEntry => ({
  ...entry(n),
  source: { strength: 'content', size: 100, sha256: '1'.repeat(64) },
  nonce,
})

test('what this process recorded is marked as ended, and nothing else', async () => {
  const download = { ...entry(4), checkKey: '0'.repeat(32) }
  const store = place('store', null)
  const { keeper } = await loaded(place('disk', journal(3, [upload(1), upload(2), { ...upload(3), ended: true }])), store)
  assert.deepEqual(keeper.unended(), [`${key(1)}:89abcdef`, `${key(2)}:89abcdef`])
  keeper.record(upload(2, '01234567'))
  keeper.record(download)
  keeper.record(upload(5, null))
  keeper.ended()
  await keeper.checkpoint(never)
  assert.deepEqual(heldBy(store)?.entries, [
    upload(1),
    { ...upload(3), ended: true },
    { ...upload(2, '01234567'), ended: true },
    download,
    upload(5, null),
  ])
  keeper.record(upload(2, '76543210'))
  assert.equal(keeper.entry(key(2))?.ended, false, 'begun again')
})

test('what is known of servers is kept for the places of this step; what most do is worth no save of its own', async () => {
  const odd: HostEntry = { key: HOST, shape: 'plain', renames: true, replaces: false, sends: null }
  const other: HostEntry = { ...odd, key: '5555555555555555' }
  const [disk, store] = [place('disk', null), place('store', null)]
  const { keeper } = await loaded(disk, store)
  keeper.learn({ key: HOST, shape: 'dot', renames: true, replaces: null, sends: 1000 })
  await keeper.flush()
  await keeper.checkpoint(never)
  assert.equal(heldBy(disk)?.hosts.length, 1)
  assert.equal(store.saves, 0)
  keeper.learn(odd)
  await keeper.checkpoint(never)
  assert.deepEqual(heldBy(store)?.hosts, [odd])
  const next = await loaded(place('disk', { ...journal(3, []), hosts: [odd, other] }), null)
  assert.deepEqual([next.keeper.host(HOST), next.keeper.host(other.key)], [odd, null])
})
