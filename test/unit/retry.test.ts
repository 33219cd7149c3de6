import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nextDelayMs } from '../../src/core/retry.ts'

fc.configureGlobal({ seed: 20_260 })

test('the pause doubles up to a minute, spread by chance, never below half a second', () => {
  const almost = 1 - Number.EPSILON
  for (const [failures, longest] of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000].entries()) {
    const ms = nextDelayMs(failures + 1, almost, undefined)
    assert.ok(ms <= longest && ms >= longest - 1, `${failures + 1}: ${ms}`)
    assert.equal(nextDelayMs(failures + 1, 0, undefined), 500)
  }
})

test('the pause is always a whole number between half a second and a minute, or what the server wished up to five minutes', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), chance, (failures, c) => {
      const ms = nextDelayMs(failures, c, undefined)
      assert.ok(Number.isInteger(ms) && ms >= 500 && ms <= 60_000)
    }),
  )
  for (const [wish, ms] of [
    [1, 1],
    [120_000, 120_000],
    [300_001, 300_000],
    [Number.POSITIVE_INFINITY, 300_000],
  ] as const)
    assert.equal(nextDelayMs(1, 0, wish), ms)
  for (const none of [0, -5, Number.NaN]) assert.equal(nextDelayMs(1, 0, none), 500)
})
