/** Every parser of foreign text, for a moment; `npm run fuzz -- --minutes 60` goes on with other seeds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_TARGETS } from './fuzz-targets.ts'

const SEED = 20_261

for (const { name, runs, check } of FUZZ_TARGETS)
  test(`fuzz: ${name}`, async () => {
    const result = await check({ seed: SEED, runs })
    assert.equal(result.failure, null, result.failure ?? '')
    assert.equal(result.runs, runs)
  })

test('names of targets are unique, because a failing case is replayed by name', () => {
  assert.equal(new Set(FUZZ_TARGETS.map(({ name }) => name)).size, FUZZ_TARGETS.length)
})
