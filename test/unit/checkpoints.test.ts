/** When the store hears of what is under way: soon after the first byte, then now and then, and not once a file. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Checkpoints, checkpoints } from '../../src/action/checkpoints.ts'
import type { JournalEntry } from '../../src/core/journal.ts'
import type { Clock } from '../../src/engine/ports.ts'

const SECOND = 1000

interface Timer {
  readonly at: number
  readonly action: () => void
}

/** Time that passes when it is told to. */
function handClock() {
  let now = 0
  const timers = new Set<Timer>()
  const clock: Clock = {
    nowMs: () => now,
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
    after: (ms, action) => {
      const timer = { at: now + ms, action }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  }
  const pass = async (ms: number): Promise<void> => {
    const until = now + ms
    for (;;) {
      const next = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      timers.delete(next)
      now = next.at
      next.action()
      for (let i = 0; i < 10; i += 1) await Promise.resolve()
    }
    now = until
  }
  return { clock, pass, isIdle: () => timers.size === 0 }
}

const entry = (n: number): JournalEntry => ({
  key: n.toString(16).padStart(16, '0'),
  source: { strength: 'content', size: 1, sha256: '0'.repeat(64) },
  nonce: '89abcdef',
  ended: false,
  blockSize: 1024,
  checkKey: null,
  blocks: [null],
  acknowledged: [],
})

function rig() {
  const { clock, pass, isIdle } = handClock()
  const journal = new Map<string, JournalEntry>()
  /** When, and of how many files. */
  const saves: { at: number; files: number }[] = []
  const watched: Checkpoints = checkpoints({
    clock,
    random: () => 0.5,
    recorder: {
      entry: (key) => journal.get(key) ?? null,
      host: () => null,
      learn: () => {},
      record: (one) => void journal.set(one.key, one),
      forget: (key) => void journal.delete(key),
    },
    save: async () => void saves.push({ at: clock.nowMs(), files: journal.size }),
  })
  return { recorder: watched.recorder, stop: watched.stop, saves, pass, isIdle }
}

test('the store hears of a file within ten seconds of its first record, and then every five minutes', async () => {
  const { recorder, saves, pass } = rig()
  await pass(60 * SECOND)
  recorder.record(entry(1))
  assert.deepEqual(recorder.entry(entry(1).key), entry(1))
  for (let second = 0; second < 20; second += 1) {
    await pass(SECOND)
    recorder.record(entry(1))
  }
  assert.equal(saves.length, 1)
  assert.equal(saves[0]?.files, 1)
  assert.ok((saves[0]?.at ?? 0) <= 70 * SECOND, String(saves[0]?.at))
  await pass(20 * 60 * SECOND)
  assert.deepEqual(
    saves.slice(1).map(({ at }, i) => at - (saves[i]?.at ?? 0)),
    [300, 300, 300, 300].map((s) => s * SECOND),
  )
})

test('a file that begins later is told as soon, one after the other and together', async () => {
  const { recorder, saves, pass } = rig()
  recorder.record(entry(1))
  await pass(30 * SECOND)
  recorder.record(entry(2))
  await pass(SECOND)
  recorder.record(entry(3))
  await pass(60 * SECOND)
  assert.deepEqual(
    saves.map(({ files }) => files),
    [1, 3],
  )
  assert.ok((saves[1]?.at ?? 0) <= 40 * SECOND)
})

test('files that are done by then need no save of their own, however many', async () => {
  const { recorder, saves, pass } = rig()
  for (let n = 1; n <= 200; n += 1) {
    recorder.record(entry(n))
    await pass(SECOND)
    recorder.forget(entry(n).key)
  }
  assert.deepEqual(saves, [])
  recorder.record(entry(201))
  await pass(10 * SECOND)
  assert.equal(saves.length, 1, 'the one that takes longer is told')
})

test('a file that is begun anew counts as new', async () => {
  const { recorder, saves, pass } = rig()
  recorder.record(entry(1))
  await pass(10 * SECOND)
  recorder.forget(entry(1).key)
  recorder.record(entry(1))
  await pass(10 * SECOND)
  assert.equal(saves.length, 2)
})

test('at the end nothing is left to wait for', async () => {
  const { recorder, stop, saves, pass, isIdle } = rig()
  recorder.record(entry(1))
  stop()
  recorder.record(entry(2))
  assert.ok(isIdle())
  await pass(1000 * SECOND)
  assert.deepEqual(saves, [])
})
