/** The proof ladder over a server in memory. What is called proven must be true, whatever the server does. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { ContentDigests } from '../../src/core/fingerprint.ts'
import { type ByteRange, type RangeSet, rangeSet, subtract, totalBytes } from '../../src/core/ranges.ts'
import { type ProofContext, proveRanges, proveWhole } from '../../src/engine/verify.ts'
import type { LocalSource } from '../../src/local/local.ts'
import type { Digester, Remote } from '../../src/remotes/remote.ts'
import { VirtualClock } from '../simulation/world.ts'
import { seededBytes } from '../support/prng.ts'

const BLOCK = 16
const BLOCKS = 9
const SIZE = BLOCK * BLOCKS - 5
const SOURCE = Buffer.from(seededBytes(1, SIZE))
const never = new AbortController().signal
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const r = (start: number, end: number): ByteRange => ({ start, end })
const WHOLE: RangeSet = [r(0, SIZE)]

interface Server {
  stored: Buffer
  digests: number
  bytesRead: number
  chunk: number
  /** Instead of the bytes. */
  readFails?: TransferError
  /** Instead of the digest. */
  digest?: (range: ByteRange) => string
}

const EXPECTED: ContentDigests = {
  size: SIZE,
  blockSize: BLOCK,
  blocks: Array.from({ length: BLOCKS }, (_, i) => hash(SOURCE.subarray(i * BLOCK, (i + 1) * BLOCK))),
}

function server(stored: Uint8Array = SOURCE): Server {
  return { stored: Buffer.from(stored), digests: 0, bytesRead: 0, chunk: 7 }
}

function context(s: Server, ranges: Digester['ranges'] | null): ProofContext {
  const read: Remote['read'] = async (_path, range, sink) => {
    if (s.readFails !== undefined) throw s.readFails
    for (let at = range.start; at < range.end; at += s.chunk) {
      const piece = s.stored.subarray(at, Math.min(at + s.chunk, range.end))
      if (piece.length > 0) await sink(piece)
      s.bytesRead += piece.length
      if (at + piece.length < Math.min(at + s.chunk, range.end)) throw new TransferError('source-changed', 'the file ended early')
    }
  }
  const digester: Digester | undefined =
    ranges === null
      ? undefined
      : {
          algorithm: 'sha256',
          ranges,
          digest: async (_path, range) => {
            s.digests += 1
            assert.ok(ranges === 'any' || range.start === 0)
            assert.ok(ranges !== 'whole' || range.end === SIZE)
            return s.digest?.(range) ?? hash(s.stored.subarray(range.start, range.end))
          },
        }
  const source = { digest: async (range: ByteRange) => hash(SOURCE.subarray(range.start, range.end)) } as unknown as LocalSource
  return {
    remote: { read } as unknown as Remote,
    path: 'file',
    source,
    expected: EXPECTED,
    clock: new VirtualClock(),
    timeoutMs: 1000,
    digester,
    progress: () => {},
  }
}

function flipped(...places: readonly number[]): Server {
  const s = server()
  for (const at of places) s.stored[at] = (s.stored[at] ?? 0) ^ 0x10
  return s
}

const blockOf = (at: number): ByteRange => r(Math.floor(at / BLOCK) * BLOCK, Math.min(SIZE, (Math.floor(at / BLOCK) + 1) * BLOCK))
const LADDER = ['any', 'prefix', 'whole', null] as const

function assertTrue(proven: RangeSet, s: Server, what: string): void {
  for (const { start, end } of proven) assert.ok(s.stored.subarray(start, end).equals(SOURCE.subarray(start, end)), what)
}

for (const ranges of LADDER) {
  const name = ranges === null ? 'reading back' : `a digester of ${ranges}`

  test(`${name}: an undamaged file is proven whole`, async () => {
    const s = server()
    const proof = await proveRanges(context(s, ranges), WHOLE, never)
    assert.deepEqual(proof, { proven: WHOLE, method: ranges === null ? 'read-back' : 'digest' })
    assert.equal(s.bytesRead, ranges === null ? SIZE : 0)
    assert.deepEqual(await proveWhole(context(s, ranges), true, never), {
      verdict: 'same',
      method: ranges === null ? 'read-back' : 'digest',
    })
  })

  test(`${name}: one flipped byte, wherever it is, is never proven, and the whole never the same`, async () => {
    for (let at = 0; at < SIZE; at += 1) {
      const s = flipped(at)
      const { proven } = await proveRanges(context(s, ranges), WHOLE, never)
      assertTrue(proven, s, `byte ${at}`)
      const damaged = blockOf(at)
      const best = { any: subtract(WHOLE, [damaged]), prefix: rangeSet([r(0, damaged.start)]), whole: subtract(WHOLE, [damaged]) }
      assert.deepEqual(proven, ranges === null ? best.any : best[ranges], `byte ${at}`)
      assert.equal((await proveWhole(context(s, ranges), true, never)).verdict, 'different')
    }
  })

  test(`${name}: two damaged places`, async () => {
    const s = flipped(BLOCK + 1, BLOCK * 6)
    const { proven } = await proveRanges(context(s, ranges), WHOLE, never)
    assertTrue(proven, s, 'two places')
    if (ranges !== 'prefix') assert.equal(totalBytes(proven), SIZE - 2 * BLOCK)
  })
}

test('reading back ends when the server sends more than was asked for', async () => {
  const c = context(server(), null)
  const read: Remote['read'] = async (_path, range, sink) =>
    void (await sink(Buffer.concat([SOURCE.subarray(range.start, range.end), Buffer.alloc(9)])))
  await assert.rejects(proveRanges({ ...c, remote: { ...c.remote, read } }, WHOLE, never), { kind: 'protocol' })
})

test('holes: only what was asked for is proven, and only it is read', async () => {
  const holes: RangeSet = [r(0, BLOCK), r(2 * BLOCK, 4 * BLOCK + 3), r(8 * BLOCK, SIZE)]
  for (const ranges of LADDER) {
    const s = flipped(2 * BLOCK + 1)
    const { proven, method } = await proveRanges(context(s, ranges), holes, never)
    assert.deepEqual(proven, [r(0, BLOCK), r(3 * BLOCK, 4 * BLOCK + 3), r(8 * BLOCK, SIZE)], String(ranges))
    assert.equal(method, ranges === 'any' ? 'digest' : 'read-back', 'a digester that cannot do the range is not asked')
    if (method === 'read-back') assert.deepEqual([s.bytesRead, s.digests], [totalBytes(holes), 0])
  }
})

test('ranges that begin or end within a block are compared to the byte', async () => {
  for (const [start, end] of [
    [3, 5],
    [3, BLOCK],
    [BLOCK - 1, BLOCK + 1],
    [5, SIZE],
    [BLOCK, SIZE - 1],
  ] as const) {
    const s = flipped(start === 0 ? end : start - 1, end)
    assert.deepEqual((await proveRanges(context(s, null), [r(start, end)], never)).proven, [r(start, end)])
    const t = flipped(end - 1)
    assertTrue((await proveRanges(context(t, null), [r(start, end)], never)).proven, t, `${start}-${end}`)
  }
})

/** A longer file. */
function long(
  blocks: number,
  ranges: Digester['ranges'],
  ...wrong: readonly number[]
): { readonly s: Server; readonly context: ProofContext } {
  const source = Buffer.from(seededBytes(2, blocks * BLOCK))
  const s = server(source)
  for (const at of wrong) s.stored[at] = (s.stored[at] ?? 0) ^ 1
  const digest = async (range: ByteRange): Promise<string> => hash(source.subarray(range.start, range.end))
  return {
    s,
    context: {
      ...context(s, ranges),
      source: { digest } as unknown as LocalSource,
      expected: { size: source.length, blockSize: BLOCK, blocks: [] },
    },
  }
}

test('a hole where the transfer was cut off does not have the long beginning digested again', async () => {
  for (const ranges of ['any', 'prefix'] as const) {
    const end = 100 * BLOCK
    const { s, context } = long(100, ranges, end - 2 * BLOCK - 1)
    const asked: number[] = []
    s.digest = (range) => {
      asked.push(range.end - range.start)
      return hash(s.stored.subarray(range.start, range.end))
    }
    const { proven } = await proveRanges(context, [r(0, end)], never)
    assert.deepEqual(proven, ranges === 'any' ? [r(0, 97 * BLOCK), r(98 * BLOCK, end)] : [r(0, 97 * BLOCK)])
    // A digest of ranges reads the beginning once; one of beginnings once for each question about the last eight blocks.
    if (ranges === 'any')
      assert.deepEqual(
        asked.filter((bytes) => bytes > 8 * BLOCK),
        [92 * BLOCK],
      )
    else assert.ok(asked.length <= 5, asked.join())
  }
})

test('nothing to prove asks nothing', async () => {
  const s = server()
  assert.deepEqual(await proveRanges(context(s, 'any'), [], never), { proven: [], method: 'read-back' })
  assert.deepEqual([s.digests, s.bytesRead], [0, 0])
})

test('a digester that turns out not to work falls back to reading back', async () => {
  for (const ranges of ['any', 'prefix', 'whole'] as const) {
    const s = flipped(BLOCK)
    s.digest = () => {
      throw new TransferError('unsupported', 'command not understood')
    }
    assert.deepEqual(await proveRanges(context(s, ranges), WHOLE, never), {
      proven: subtract(WHOLE, [r(BLOCK, 2 * BLOCK)]),
      method: 'read-back',
    })
    assert.deepEqual(await proveWhole(context(s, ranges), true, never), { verdict: 'different', method: 'read-back' })
  }
})

test('any other failure of the digester goes up', async () => {
  for (const kind of ['transient', 'untrusted', 'stopped'] as const) {
    const s = server()
    s.digest = () => {
      throw new TransferError(kind, 'no')
    }
    await assert.rejects(proveRanges(context(s, 'any'), WHOLE, never), { kind })
    await assert.rejects(proveWhole(context(s, 'any'), true, never), { kind })
  }
})

test('a digest that the server refuses, in whatever words, is no answer: it is read back', async () => {
  for (const kind of ['refused', 'protocol', 'denied', 'not-found', 'conflict'] as const) {
    const s = server()
    s.digest = () => {
      throw new TransferError(kind, 'no')
    }
    assert.equal((await proveRanges(context(s, 'any'), WHOLE, never)).method, 'read-back')
    assert.deepEqual(await proveWhole(context(s, 'any'), true, never), { verdict: 'same', method: 'read-back' })
  }
})

test('a digester that always says something wrong proves nothing itself and is asked a bounded number of times', async () => {
  for (const ranges of ['any', 'prefix', 'whole'] as const) {
    const s = server()
    s.digest = () => '0'.repeat(64)
    const proof = await proveRanges(context(s, ranges), WHOLE, never)
    assert.deepEqual(proof, ranges === 'whole' ? { proven: WHOLE, method: 'read-back' } : { proven: [], method: 'digest' })
    assert.ok(s.digests <= 48, String(s.digests))
    assert.deepEqual(await proveWhole(context(s, ranges), true, never), { verdict: 'different', method: 'digest' })
  }
})

test('a digester with another spelling of the right digest proves nothing', async () => {
  const s = server()
  s.digest = (range) => hash(s.stored.subarray(range.start, range.end)).toUpperCase()
  assert.deepEqual((await proveRanges(context(s, 'any'), WHOLE, never)).proven, [])
})

test('the file ends early: what was compared before stands', async () => {
  for (let length = 0; length < SIZE; length += 5) {
    const s = server(SOURCE.subarray(0, length))
    const { proven } = await proveRanges(context(s, null), WHOLE, never)
    assert.deepEqual(proven, rangeSet([r(0, Math.floor(length / BLOCK) * BLOCK)]))
    assert.equal((await proveWhole(context(s, null), true, never)).verdict, 'different')
  }
})

test('a server that does not let us read proves nothing; one that goes away is tried again by the scheduler', async () => {
  for (const kind of ['refused', 'denied', 'not-found', 'unsupported', 'source-changed'] as const) {
    const s = server()
    s.readFails = new TransferError(kind, 'no')
    assert.deepEqual(await proveRanges(context(s, null), WHOLE, never), { proven: [], method: 'read-back' })
    const verdict = kind === 'source-changed' ? 'different' : 'unknown'
    assert.equal((await proveWhole(context(s, null), true, never)).verdict, verdict)
    assert.equal((await proveWhole(context(s, null), false, never)).verdict, 'unknown', 'without reading nothing is known')
  }
  for (const kind of ['transient', 'protocol', 'internal'] as const) {
    const s = server()
    s.readFails = new TransferError(kind, 'no')
    await assert.rejects(proveRanges(context(s, null), WHOLE, never), { kind })
    await assert.rejects(proveWhole(context(s, null), true, never), { kind })
  }
})

test('proving the whole by reading ends at the first difference', async () => {
  const s = flipped(0)
  assert.deepEqual(await proveWhole(context(s, null), true, never), { verdict: 'different', method: 'read-back' })
  assert.ok(s.bytesRead <= BLOCK + s.chunk)
})

test('chunks of any size', async () => {
  for (const chunk of [1, BLOCK - 1, BLOCK, BLOCK + 1, SIZE]) {
    const s = { ...flipped(5 * BLOCK + 2), chunk }
    assert.deepEqual((await proveRanges(context(s, null), WHOLE, never)).proven, subtract(WHOLE, [blockOf(5 * BLOCK)]))
  }
})

test('a source that changes while it is compared is proof of nothing', async () => {
  const s = server()
  const changed: ProofContext = {
    ...context(s, 'any'),
    source: { digest: () => Promise.reject(new TransferError('source-changed', 'shrank')) } as unknown as LocalSource,
  }
  await assert.rejects(proveWhole(changed, true, never), { kind: 'source-changed' })
})

test('an empty source: only what ends without a byte is the same, whatever size was told', async () => {
  const expected = { size: 0, blockSize: BLOCK, blocks: [] }
  const verdict = async (stored: Buffer, mayReadBack = true): Promise<string> =>
    (await proveWhole({ ...context(server(stored), null), expected }, mayReadBack, never)).verdict
  assert.equal(await verdict(Buffer.alloc(0)), 'same')
  assert.equal(await verdict(Buffer.from('x')), 'different')
  assert.equal(await verdict(Buffer.alloc(0), false), 'unknown')
})

for (const ranges of LADDER) {
  test(`${ranges ?? 'reading back'}: a file that begins with the source and goes on is another one, whatever size was told`, async () => {
    const longer = server(Buffer.concat([SOURCE, Buffer.from('x')]))
    longer.digest = (range) => hash(SOURCE.subarray(range.start, range.end))
    assert.equal((await proveWhole(context(longer, ranges), true, never)).verdict, 'different')
  })
}

test('a byte behind the end counts, however the reading of it ends', async () => {
  const base = context(server(), null)
  const read: Remote['read'] = async (path, range, sink, options, signal) => {
    if (range.start < SIZE) return base.remote.read(path, range, sink, options, signal)
    await sink(Buffer.from('x'))
    throw new TransferError('source-changed', 'the file goes on after what was told')
  }
  assert.equal((await proveWhole({ ...base, remote: { read } as unknown as Remote }, true, never)).verdict, 'different')
})
