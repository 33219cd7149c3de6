/** The engine against every fault of the alphabet: past failures, single faults, faults after a crash, and faults by chance. See alphabet.ts and profiles.ts. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Done, laneName, replay, type Task } from './campaign.ts'
import { PAST_FAILURES } from './past-failures.ts'
import { byChance, LANES, takesTwins, twinByChance } from './search.ts'
import { specText } from './spec.ts'
import { startThread, type Thread } from './workers.ts'

/** HISTORIES=n changes how many seeds of chance each server and direction gets. */
const HISTORIES = Number(process.env.HISTORIES ?? 150)
const TWINS = HISTORIES + 50
const HISTORIES_MIN = 120_000
/** Of the single faults all are run where few lanes are asked for, else every sixth: another one in each lane. */
const SINGLES_SHARE = process.env.HISTORIES === undefined ? 6 : 1
const STRIDE = 71
const SHARE = 50

let thread: Thread | null = null
let broken = false
const total = { histories: 0, attempts: 0, steps: 0, seconds: 0 }
after(() => thread?.end())

async function performed(task: Task): Promise<Done> {
  thread ??= startThread()
  const done = await thread.perform(task)
  for (const key of ['histories', 'attempts', 'steps', 'seconds'] as const) total[key] += done[key]
  if (done.violation === null) return done
  broken = true
  return assert.fail(done.violation)
}

test('simulation: what once went wrong does not again', async () => {
  for (const [spec, found] of PAST_FAILURES) {
    const told = await replay(spec)
    if (!told.endsWith('no promise was broken')) broken = true
    assert.match(told, /no promise was broken$/, found)
  }
})

for (const [i, lane] of LANES.map(laneName).entries()) {
  test(`simulation: ${lane}`, async (t) => {
    if (broken) return t.skip('not run, because a promise is broken already')
    const done = [
      await performed({ kind: 'singles', lane, share: SINGLES_SHARE, offset: i }),
      await performed({ kind: 'pairs', lane, stride: STRIDE, offset: i }),
      await performed({ kind: 'triples', lane, stride: SHARE, offset: i }),
      await performed({ kind: 'chance', lane, from: 1, count: HISTORIES }),
      await performed({ kind: 'twins', lane, from: 1, count: TWINS }),
    ]
    t.diagnostic(
      done
        .map(({ histories }, at) => `${['single faults', 'pairs', 'triples', 'by chance', 'two processes'][at]}: ${histories}`)
        .join(', '),
    )
  })
}

test('simulation: enough histories were run', (t) => {
  if (broken) return t.skip('a promise is broken already')
  const { histories, attempts, steps, seconds } = total
  t.diagnostic(
    `${histories} histories, ${attempts} attempts, ${steps} steps in ${seconds.toFixed(1)} s of one core: ${Math.round(histories / seconds)} a second`,
  )
  if (process.env.HISTORIES === undefined) assert.ok(histories >= HISTORIES_MIN, String(histories))
})

test('simulation: the same seed gives the same history', async () => {
  for (const lane of LANES) {
    for (let seed = 1; seed <= 10; seed += 1) {
      const spec = takesTwins(lane) && seed % 2 === 0 ? twinByChance(lane, seed) : byChance(lane, seed)
      assert.equal(await replay(specText(spec)), await replay(specText(spec)))
    }
  }
})
