/** Which places of what is kept are fetched again and compared. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RangeSet, rangeSet, subtract, totalBytes } from '../../src/core/ranges.ts'
import { samplePlaces } from '../../src/engine/download-keep.ts'
import { seededRandom } from '../support/prng.ts'

const SAMPLE = 64

test('the beginning and the end of what is kept, and three places by chance, within what is kept and none twice', () => {
  const random = seededRandom(1)
  const pieces: readonly RangeSet[] = [
    [{ start: 0, end: 10_000 }],
    [{ start: 0, end: 10 }],
    [{ start: 500, end: 564 }],
    [
      { start: 0, end: 1000 },
      { start: 2000, end: 2010 },
      { start: 5000, end: 9000 },
    ],
  ]
  for (const kept of pieces) {
    const first = kept[0] ?? assert.fail()
    const last = kept.at(-1) ?? assert.fail()
    for (let i = 0; i < 100; i += 1) {
      const places = samplePlaces(kept, SAMPLE, random)
      assert.deepEqual(subtract(places, kept), [])
      assert.deepEqual(rangeSet(places), places)
      assert.ok(totalBytes(places) <= 5 * SAMPLE)
      assert.ok((places[0]?.start ?? -1) === first.start && (places[0]?.end ?? 0) >= Math.min(first.end, first.start + SAMPLE))
      assert.ok((places.at(-1)?.end ?? -1) === last.end && (places.at(-1)?.start ?? 1e9) <= Math.max(last.start, last.end - SAMPLE))
    }
  }
  assert.deepEqual(samplePlaces([], SAMPLE, random), [])
})

test('every kept byte can be met by chance, in whichever piece it lies', () => {
  const kept = [
    { start: 0, end: 300 },
    { start: 1000, end: 1200 },
    { start: 3000, end: 3300 },
  ]
  const random = seededRandom(2)
  let unmet: RangeSet = kept
  for (let i = 0; i < 500; i += 1) unmet = subtract(unmet, samplePlaces(kept, SAMPLE, random))
  assert.deepEqual(unmet, [])
})
