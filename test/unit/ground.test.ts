/** What is left to do of a partial that is proven beside sending: no byte gets lost between the two sides. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ByteRange, EMPTY } from '../../src/core/ranges.ts'
import { Ground } from '../../src/engine/ground.ts'
import { seededRandom } from '../simulation/world.ts'

const r = (start: number, end: number): ByteRange => ({ start, end })

test('a block that turns out wrong is to be sent, a good one is not', () => {
  const ground = new Ground([r(64, 100)], [r(0, 64)])
  assert.equal(ground.judged(r(0, 16), true), true)
  assert.equal(ground.judged(r(16, 32), false), true)
  assert.deepEqual([ground.proven, ground.unproven, ground.toSend], [16, 32, 52])
  assert.deepEqual(ground.takeToSend(), r(16, 32))
  assert.deepEqual(ground.takeToSend(), r(64, 100))
  assert.equal(ground.takeToSend(), null)
})

test('what is sent again comes from the end, in whole blocks, and never the block that is being read', () => {
  const ground = new Ground(EMPTY, [r(0, 70)])
  ground.judged(r(0, 16), true)
  ground.sendFromTheEnd(20, 16)
  assert.deepEqual(ground.takeToSend(), r(48, 70))
  ground.sendFromTheEnd(1000, 16)
  assert.deepEqual(ground.takeToSend(), r(32, 48))
  assert.deepEqual(ground.nextToRead, r(16, 32))
  ground.sendFromTheEnd(1000, 16)
  assert.equal(ground.takeToSend(), null)
  assert.equal(ground.judged(r(16, 32), true), false, 'what follows is on its way')
})

test('it is over when every byte was proven or sent, and not before', () => {
  const ground = new Ground([r(32, 48)], [r(0, 32)])
  assert.equal(ground.covers(48), false)
  const next = ground.takeToSend()
  if (next !== null) ground.wasSent(next)
  ground.judged(r(0, 16), true)
  assert.equal(ground.covers(48), false, 'one block was neither proven nor sent')
  ground.judged(r(16, 32), false)
  assert.equal(ground.covers(48), false, 'a wrong block was not sent')
  ground.wasSent(r(16, 32))
  assert.equal(ground.covers(48), true)
})

test('whatever the two sides do, every byte ends proven or sent', () => {
  const random = seededRandom(5)
  for (let round = 0; round < 500; round += 1) {
    const size = 1 + Math.floor(random() * 200)
    const kept = Math.floor(random() * (size + 1))
    const ground = new Ground(kept < size ? [r(kept, size)] : EMPTY, kept > 0 ? [r(0, kept)] : EMPTY)
    for (let range = ground.nextToRead; range !== null || ground.toSend > 0; range = ground.nextToRead) {
      const what = random()
      if (what < 0.4 && range !== null)
        ground.judged(r(range.start, Math.min(range.end, (Math.floor(range.start / 16) + 1) * 16)), random() < 0.7)
      else if (what < 0.5) ground.sendFromTheEnd(random() * ground.unproven, 16)
      else if (what < 0.52) ground.sendUnproven(random() < 0.5 ? range : null)
      else {
        const next = ground.takeToSend()
        if (next !== null) ground.wasSent(next)
      }
      assert.ok(!ground.covers(size) || (ground.toSend === 0 && ground.unproven === 0), 'called whole too early')
    }
    assert.ok(ground.covers(size))
  }
})
