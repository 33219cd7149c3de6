/** Chunks of any size become whole blocks, checked and written a few at a time. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { BlockAssembler, type BlockWritten } from '../../src/engine/assembler.ts'
import type { LocalPartial } from '../../src/local/local.ts'
import { seededBytes } from '../support/prng.ts'

fc.configureGlobal({ seed: 20_260 })

const WRITES_AHEAD = 4
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

interface Disk {
  readonly partial: LocalPartial
  readonly bytes: Buffer
  /** Writes that have begun and not ended. */
  readonly open: { resolve(): void; reject(error: Error): void }[]
  readonly buffers: Set<ArrayBufferLike>
}

/** A partial whose writes end when the test says so, or at once. */
function disk(size: number, atOnce = true): Disk {
  const bytes = Buffer.alloc(size)
  const open: Disk['open'] = []
  const buffers = new Set<ArrayBufferLike>()
  const write = async (position: number, chunk: Uint8Array): Promise<void> => {
    buffers.add(chunk.buffer)
    const digest = sha256(chunk)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    open.push({ resolve, reject })
    if (atOnce) resolve()
    await promise
    assert.equal(sha256(chunk), digest, 'the buffer stays as it is until the write has ended')
    bytes.set(chunk, position)
  }
  return { partial: { write } as unknown as LocalPartial, bytes, open, buffers }
}

test('any chunk sizes, any start at a block edge: the same bytes, every block once, checks right', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(200),
      fc.integer({ min: 1, max: 33 }),
      fc.nat(4),
      fc.array(fc.integer({ min: 0, max: 90 })),
      async (size, blockSize, first, sizes) => {
        const start = first * blockSize
        const content = seededBytes(size, size)
        const d = disk(start + size)
        const blocks: BlockWritten[] = []
        const assembler = new BlockAssembler(d.partial, blockSize, sha256, start, (block) => blocks.push(block))
        const reused = Buffer.alloc(100)
        let at = 0
        for (const wanted of [...sizes, size]) {
          const piece = content.subarray(at, Math.min(size, at + wanted))
          for (let i = 0; i < piece.length; i += reused.length) {
            const chunk = reused.subarray(0, Math.min(reused.length, piece.length - i))
            chunk.set(piece.subarray(i, i + chunk.length))
            await assembler.push(chunk)
            reused.fill(0xee) // a chunk may be reused as soon as the sink has returned
          }
          at += piece.length
          assert.equal(assembler.position, start + at)
        }
        await assembler.finish()
        assert.deepEqual(d.bytes.subarray(start), Buffer.from(content))
        blocks.sort((a, b) => a.index - b.index)
        assert.deepEqual(
          blocks.map((b) => b.range.start),
          Array.from({ length: Math.ceil(size / blockSize) }, (_, i) => start + i * blockSize),
        )
        for (const { index, range, check } of blocks) {
          assert.equal(index, range.start / blockSize)
          assert.equal(check, sha256(d.bytes.subarray(range.start, range.end)))
        }
      },
    ),
  )
})

test('back-pressure: five blocks may be on their way; the sixth waits, and no more than seven buffers ever exist', async () => {
  const d = disk(4 * 100, false)
  const assembler = new BlockAssembler(d.partial, 4, sha256, 0, () => {})
  for (let i = 0; i < WRITES_AHEAD; i += 1) assert.equal(assembler.push(Buffer.from('abcd')), undefined)
  for (let i = WRITES_AHEAD; i < 40; i += 1) {
    const waiting = assembler.push(Buffer.from('efgh'))
    assert.ok(waiting instanceof Promise, 'the next chunk has to wait')
    let released = false
    void waiting.then(() => {
      released = true
    })
    await new Promise(setImmediate)
    assert.equal(released, false)
    assert.equal(d.open.length, i + 1)
    d.open[i - WRITES_AHEAD]?.resolve()
    await waiting
  }
  for (const write of d.open) write.resolve()
  await assembler.finish()
  assert.ok(d.buffers.size <= WRITES_AHEAD + 2, `${d.buffers.size} buffers`)
})

test('a write that fails surfaces at the next chunk, at the end and while waiting; what was written counts', async () => {
  const full = new Error('disk full')
  const fail = (d: Disk): void => d.open.at(-1)?.reject(full)
  const isFull = (error: unknown): boolean => error === full
  const written: BlockWritten[] = []
  const d = disk(100, false)
  const assembler = new BlockAssembler(d.partial, 4, sha256, 0, (block) => written.push(block))
  assembler.push(Buffer.from('abcd'))
  d.open[0]?.resolve()
  assembler.push(Buffer.from('efgh'))
  fail(d)
  await assembler.drain()
  assert.throws(() => assembler.push(Buffer.from('x')), isFull)
  const finishing = assembler.finish()
  d.open.at(-1)?.resolve()
  await assert.rejects(finishing, isFull)
  assert.deepEqual(
    written.map((b) => b.index),
    [0, 2],
  )
  const e = disk(100, false)
  const waitingOne = new BlockAssembler(e.partial, 4, sha256, 0, () => {})
  for (let i = 0; i < WRITES_AHEAD; i += 1) waitingOne.push(Buffer.from('abcd'))
  const waiting = waitingOne.push(Buffer.from('abcd'))
  fail(e)
  await assert.rejects(async () => waiting, isFull)
  for (const write of e.open) write.resolve()
  await waitingOne.drain()
})

test('drain waits for the writes under way, drops the incomplete block and never rejects', async () => {
  const d = disk(100, false)
  const written: number[] = []
  const assembler = new BlockAssembler(d.partial, 4, sha256, 8, (block) => written.push(block.index))
  assembler.push(Buffer.from('abcdefghij'))
  let drained = false
  const draining = assembler.drain().then(() => {
    drained = true
  })
  await new Promise(setImmediate)
  assert.equal(drained, false)
  d.open[1]?.reject(new Error('disk full'))
  d.open[0]?.resolve()
  await draining
  assert.deepEqual(written, [2])
  assert.equal(d.open.length, 2, 'the two bytes of the third block were not written')
})

test('an observer that throws counts as a failed write', async () => {
  const defect = new Error('ours')
  const assembler = new BlockAssembler(disk(8).partial, 4, sha256, 0, () => {
    throw defect
  })
  assembler.push(Buffer.from('abcd'))
  await assert.rejects(assembler.finish(), (error) => error === defect)
})
