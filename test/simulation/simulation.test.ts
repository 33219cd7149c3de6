import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Direction, runHistory } from './history.ts'
import { PROFILES } from './remote.ts'

/** SEED=n replays one seed over all profiles; HISTORIES=n changes how many seeds each profile and direction gets. */
const HISTORIES = Number(process.env.HISTORIES ?? 1000)
const ONLY = process.env.SEED === undefined ? null : Number(process.env.SEED)

for (const direction of ['upload', 'download'] as const satisfies readonly Direction[]) {
  for (const profile of PROFILES) {
    test(`simulation: ${direction} with ${profile.name}`, async (t) => {
      const from = ONLY ?? 1
      const to = ONLY ?? HISTORIES
      let attempts = 0
      let steps = 0
      for (let seed = from; seed <= to; seed += 1) {
        const history = await runHistory(seed, profile, direction)
        attempts += history.attempts
        steps += history.steps
      }
      t.diagnostic(`${to - from + 1} histories, ${attempts} attempts, ${steps} steps`)
    })
  }
}

test('the same seed gives the same history', async () => {
  for (const profile of PROFILES) {
    for (let seed = 1; seed <= 20; seed += 1) {
      assert.deepEqual(await runHistory(seed, profile, 'upload'), await runHistory(seed, profile, 'upload'))
    }
  }
})
