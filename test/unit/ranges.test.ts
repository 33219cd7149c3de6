/** Sets of byte ranges against the plainest oracle there is: one flag per byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type ByteRange,
  containsRange,
  EMPTY,
  intersect,
  missing,
  prefixLength,
  type RangeSet,
  rangeSet,
  subtract,
  totalBytes,
  union,
} from '../../src/core/ranges.ts'

fc.configureGlobal({ seed: 20_260 })

const WIDTH = 48
const range = fc
  .tuple(fc.integer({ min: 0, max: WIDTH }), fc.integer({ min: 0, max: WIDTH }))
  .map(([start, end]): ByteRange => ({ start, end }))
const ranges = fc.array(range, { maxLength: 12 })

function flags(list: readonly ByteRange[]): readonly boolean[] {
  return Array.from({ length: WIDTH }, (_, at) => list.some((r) => r.start <= at && at < r.end))
}

function assertCanonical(set: RangeSet): void {
  let before = -1
  for (const { start, end } of set) {
    assert.ok(start > before, 'sorted, disjoint and not touching')
    assert.ok(end > start, 'not empty')
    before = end
  }
}

function check(set: RangeSet, oracle: readonly boolean[]): void {
  assertCanonical(set)
  assert.deepEqual(flags(set), oracle)
}

test('rangeSet keeps exactly the bytes it was given and leaves its argument alone', () => {
  fc.assert(
    fc.property(ranges, (list) => {
      const copy = structuredClone(list)
      check(rangeSet(list), flags(list))
      assert.deepEqual(list, copy)
    }),
  )
})

test('union, subtract, intersect and missing agree with the flags', () => {
  fc.assert(
    fc.property(ranges, ranges, fc.integer({ min: 0, max: WIDTH }), (left, right, size) => {
      const [a, b] = [rangeSet(left), rangeSet(right)]
      const [fa, fb] = [flags(a), flags(b)]
      check(
        union(a, b),
        fa.map((f, i) => f || fb[i] === true),
      )
      check(
        subtract(a, b),
        fa.map((f, i) => f && fb[i] !== true),
      )
      check(
        intersect(a, b),
        fa.map((f, i) => f && fb[i] === true),
      )
      check(
        missing(a, size),
        fa.map((f, i) => !f && i < size),
      )
    }),
  )
})

test('totalBytes, prefixLength and containsRange agree with the flags', () => {
  fc.assert(
    fc.property(ranges, range, (list, wanted) => {
      const set = rangeSet(list)
      const oracle = flags(set)
      assert.equal(totalBytes(set), oracle.filter(Boolean).length)
      const gap = oracle.indexOf(false)
      assert.equal(prefixLength(set), gap < 0 ? WIDTH : gap)
      assert.equal(
        containsRange(set, wanted),
        oracle.every((f, i) => f || i < wanted.start || i >= wanted.end),
      )
    }),
  )
})

test('offsets beyond 4 GiB stay exact', () => {
  const big = 2 ** 52
  assert.deepEqual(missing(rangeSet([{ start: 5, end: big }]), big + 7), [
    { start: 0, end: 5 },
    { start: big, end: big + 7 },
  ])
  assert.equal(totalBytes([{ start: 1, end: big }]), big - 1)
})

test('nothing is the neutral element', () => {
  assert.deepEqual(union(EMPTY, EMPTY), [])
  assert.deepEqual(missing(EMPTY, 0), [])
  assert.equal(prefixLength(EMPTY), 0)
  assert.equal(containsRange(EMPTY, { start: 3, end: 3 }), true)
})
