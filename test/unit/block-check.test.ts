import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockCheck, CHECK_HEX_LENGTH } from '../../src/core/block-check.ts'
import { seededBytes } from '../support/prng.ts'

const KEY = '000102030405060708090a0b0c0d0e0f'

test('a check depends on every bit, on the length and on the key, and is the same again', () => {
  const bytes = seededBytes(1, 100)
  const check = blockCheck(KEY)
  const seen = new Set([
    check(bytes),
    check(bytes.subarray(0, 99)),
    check(new Uint8Array(0)),
    check(new Uint8Array(1)),
    check(new Uint8Array(2)),
    blockCheck(`f${KEY.slice(1)}`)(bytes),
  ])
  assert.equal(seen.size, 6)
  for (let bit = 0; bit < 800; bit += 1) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    seen.add(check(flipped))
  }
  assert.equal(seen.size, 806)
  for (const one of seen) assert.match(one, new RegExp(`^[0-9a-f]{${CHECK_HEX_LENGTH}}$`))
  assert.equal(check(bytes), blockCheck(KEY)(bytes))
})
