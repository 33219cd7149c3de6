import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INPUT_NAMES } from '../../src/action/input-table.ts'
import { closest, didYouMean, editDistance } from '../../src/action/suggest.ts'

test('the edit distance counts inserted, lost, wrong and exchanged letters', () => {
  for (const [a, b, distance] of [
    ['', '', 0],
    ['abc', '', 3],
    ['', 'abc', 3],
    ['retries', 'retires', 1],
    ['retry', 'retries', 3],
    ['pasword', 'password', 1],
    ['ca', 'abc', 3],
  ] as const)
    assert.equal(editDistance(a, b), distance, `${a} ${b}`)
})

test('the word that was meant', () => {
  for (const [typed, meant] of [
    ['pasword', 'password'],
    ['private_key', 'private-key'],
    ['PRIVATE-KEY', 'private-key'],
    ['destinaton', 'destination'],
    ['knownhosts', 'known-hosts'],
    ['retires', 'retries'],
    ['xylophone', null],
    ['', null],
  ] as const)
    assert.equal(closest(typed, INPUT_NAMES), meant, typed)
  assert.equal(didYouMean('sorce', INPUT_NAMES), " Did you mean 'source'?")
  assert.equal(didYouMean('qqqqqqqqq', INPUT_NAMES), '')
})

test('a very long word costs no more than a short one', () => {
  assert.equal(closest('a'.repeat(1_000_000), INPUT_NAMES), null)
})
