/** Decisions as tables: from what is known to what is done. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ContentDigests, Fingerprint } from '../../src/core/fingerprint.ts'
import type { JournalEntry } from '../../src/core/journal.ts'
import { type ByteRange, intersect, missing, type RangeSet, rangeSet, totalBytes, union } from '../../src/core/ranges.ts'
import {
  candidates,
  describePlan,
  keepableBlocks,
  planBeside,
  planUpload,
  salvageable,
  type TransferPlan,
  type UploadFacts,
} from '../../src/engine/plan.ts'

fc.configureGlobal({ seed: 20_260 })

const r = (start: number, end: number): ByteRange => ({ start, end })
const facts = (changes: Partial<UploadFacts> = {}): UploadFacts => ({
  size: 100,
  resume: 'auto',
  partialSize: 60,
  resumer: 'positional',
  ...changes,
})
const start = (reason: string, size = 100) => ({ kind: 'start', reason, segments: rangeSet([r(0, size)]) })

const PLANS: readonly (readonly [string, Partial<UploadFacts>, RangeSet, unknown])[] = [
  ['resume is off', { resume: 'never' }, [r(0, 60)], start('resume-off')],
  ['no partial', { partialSize: null, resumer: null }, [], start('nothing-there')],
  ['the server takes whole files only', { resumer: null }, [], start('server-cannot-resume')],
  ['positional, nothing proven', {}, [], start('nothing-proven')],
  ['positional, a prefix', {}, [r(0, 60)], { kind: 'fill', kept: 60, truncateTo: null, segments: [r(60, 100)] }],
  [
    'positional, holes',
    {},
    [r(10, 20), r(40, 60)],
    { kind: 'fill', kept: 30, truncateTo: null, segments: [r(0, 10), r(20, 40), r(60, 100)] },
  ],
  ['positional, everything', { partialSize: 100 }, [r(0, 100)], { kind: 'fill', kept: 100, truncateTo: null, segments: [] }],
  ['positional, longer than the source', { partialSize: 140 }, [r(0, 100)], { kind: 'fill', kept: 100, truncateTo: 100, segments: [] }],
  ['positional, longer and damaged', { partialSize: 140 }, [r(0, 50)], { kind: 'fill', kept: 50, truncateTo: 100, segments: [r(50, 100)] }],
  ['append, all of the partial proven', { resumer: 'append' }, [r(0, 60)], { kind: 'append', kept: 60, segments: [r(60, 100)] }],
  ['append, complete', { resumer: 'append', partialSize: 100 }, [r(0, 100)], { kind: 'append', kept: 100, segments: [] }],
  ['append, a damaged tail', { resumer: 'append' }, [r(0, 50)], start('cannot-rewind')],
  ['append, a hole', { resumer: 'append' }, [r(0, 20), r(30, 60)], start('cannot-rewind')],
  ['append, nothing proven', { resumer: 'append' }, [], start('nothing-proven')],
  ['append, only the end proven', { resumer: 'append' }, [r(10, 60)], start('nothing-proven')],
  ['append, longer than the source', { resumer: 'append', partialSize: 101 }, [], start('partial-too-long')],
  ['rewind, longer than the source', { resumer: 'rewind', partialSize: 101 }, [], start('partial-too-long')],
  ['rewind, a damaged tail', { resumer: 'rewind' }, [r(0, 50)], { kind: 'rewind', kept: 50, segments: [r(50, 100)] }],
  ['rewind, all proven', { resumer: 'rewind' }, [r(0, 60)], { kind: 'append', kept: 60, segments: [r(60, 100)] }],
  ['rewind, only the end proven', { resumer: 'rewind' }, [r(10, 60)], start('nothing-proven')],
  ['an empty partial to append to', { resumer: 'append', partialSize: 0 }, [], start('nothing-proven')],
  ['an empty source, no partial', { size: 0, partialSize: null }, [], { kind: 'start', reason: 'nothing-there', segments: [] }],
  [
    'an empty source, an empty partial, positional',
    { size: 0, partialSize: 0 },
    [],
    { kind: 'fill', kept: 0, truncateTo: null, segments: [] },
  ],
  [
    'an empty source, a partial with bytes, positional',
    { size: 0, partialSize: 9 },
    [],
    { kind: 'fill', kept: 0, truncateTo: 0, segments: [] },
  ],
  [
    'an empty source, an empty partial, append',
    { size: 0, partialSize: 0, resumer: 'append' },
    [],
    { kind: 'append', kept: 0, segments: [] },
  ],
]

for (const [name, changes, proven, plan] of PLANS)
  test(`planUpload: ${name}`, () => assert.deepEqual(planUpload(facts(changes), proven), plan))

const CANDIDATES: readonly (readonly [string, Partial<UploadFacts>, RangeSet | null, RangeSet])[] = [
  ['resume is off', { resume: 'never' }, null, []],
  ['no partial', { partialSize: null }, null, []],
  ['the server takes whole files only', { resumer: null }, null, []],
  ['all that is there', {}, null, [r(0, 60)]],
  ['only up to the size of the source', { partialSize: 140 }, null, [r(0, 100)]],
  ['too long for a server that only appends', { partialSize: 140, resumer: 'append' }, null, []],
  ['too long for a server that rewinds', { partialSize: 140, resumer: 'rewind' }, [r(0, 50)], []],
  ['only what the older journal points at', {}, [r(0, 10), r(20, 30)], [r(0, 10), r(20, 30)]],
  ['what the hint says beyond the partial is not there', {}, [r(0, 10), r(70, 80)], [r(0, 10)]],
  ['a hint that begins in the partial and ends beyond it', {}, [r(0, 10), r(20, 100)], [r(0, 10), r(20, 60)]],
  ['an empty hint', {}, [], []],
]

for (const [name, changes, hinted, worth] of CANDIDATES)
  test(`candidates: ${name}`, () => assert.deepEqual(candidates(facts(changes), hinted), worth))

const range = fc.tuple(fc.nat(120), fc.nat(120)).map(([a, b]) => r(Math.min(a, b), Math.max(a, b)))
const anyFacts: fc.Arbitrary<UploadFacts> = fc.record({
  size: fc.nat(110),
  resume: fc.constantFrom('auto', 'never'),
  partialSize: fc.option(fc.nat(120)),
  resumer: fc.constantFrom(null, 'append', 'rewind', 'positional'),
})

test('whatever the facts and the proof: kept and sent bytes make up the source, kept bytes were proven, and the server can do it', () => {
  fc.assert(
    fc.property(anyFacts, fc.array(range, { maxLength: 4 }), fc.option(fc.array(range, { maxLength: 3 })), (f, good, hint) => {
      const worth = candidates(
        f,
        hint === null
          ? null
          : intersect(
              rangeSet(hint),
              [r(0, f.size)].filter((x) => x.end > 0),
            ),
      )
      for (const { end } of worth) assert.ok(end <= Math.min(f.size, f.partialSize ?? 0), 'only what is there')
      const proven = intersect(worth, rangeSet(good))
      const plan = planUpload(f, proven)
      const beside = planBeside(f, worth)
      assert.deepEqual(union(worth, beside.segments), rangeSet([r(0, f.size)]), 'every byte is proven or sent')
      const kept = missing(plan.segments, f.size)
      assert.deepEqual(union(kept, plan.segments), rangeSet([r(0, f.size)]))
      assert.deepEqual(missing(union(proven, plan.segments), f.size), [], 'nothing unproven is kept')
      if (plan.kind === 'start') assert.deepEqual(kept, [])
      else assert.equal(plan.kept, totalBytes(kept))
      if (plan.kind === 'append') assert.equal(plan.kept, f.partialSize)
      if (plan.kind === 'rewind') assert.ok(f.resumer === 'rewind' && plan.kept < (f.partialSize ?? 0) && plan.segments.length === 1)
      if (plan.kind === 'fill') {
        assert.equal(f.resumer, 'positional')
        assert.equal(plan.truncateTo, (f.partialSize ?? 0) > f.size ? f.size : null)
      }
    }),
    { numRuns: 2000 },
  )
})

test('describePlan: one line for every plan and reason', () => {
  const reasons = [
    'nothing-there',
    'resume-off',
    'server-cannot-resume',
    'nothing-proven',
    'partial-too-long',
    'cannot-rewind',
    'sending-is-faster',
  ] as const
  const plans: readonly TransferPlan[] = [
    ...reasons.map((reason) => ({ kind: 'start' as const, reason, segments: [] })),
    { kind: 'append', kept: 4, segments: [r(4, 9)] },
    { kind: 'rewind', kept: 4, segments: [r(4, 9)] },
    { kind: 'beside', unproven: [r(0, 4)], truncateTo: null, segments: [r(4, 9)] },
    { kind: 'fill', kept: 4, truncateTo: null, segments: [r(4, 9)] },
  ]
  const lines = plans.map((plan) => describePlan(plan, (bytes) => `${bytes} bytes`))
  assert.equal(new Set(lines).size, plans.length - 1)
  assert.match(lines.at(-1) ?? '', /^continuing with 4 bytes in place, 5 bytes to go$/)
})

const content = (size: number): Fingerprint => ({ strength: 'content', size, sha256: 'f'.repeat(64) })
const now = (size: number, blocks: readonly string[]): ContentDigests => ({ size, blockSize: 10, blocks })
const old = (changes: Partial<JournalEntry> = {}): JournalEntry => ({
  key: '0'.repeat(16),
  source: content(35),
  nonce: '01234567',
  ended: false,
  blockSize: 10,
  checkKey: null,
  blocks: ['a', 'b', 'c', 'd'],
  acknowledged: [r(0, 35)],
  ...changes,
})

const received = (changes: Partial<JournalEntry>): JournalEntry => old({ checkKey: '0'.repeat(32), ...changes })

const SALVAGE: readonly (readonly [string, JournalEntry, ContentDigests, RangeSet, number?])[] = [
  ['one block changed', old(), now(35, ['a', 'X', 'c', 'd']), [r(0, 10), r(20, 35)]],
  ['the source grew: the short last block is another', old(), now(40, ['a', 'b', 'c', 'd']), [r(0, 30)]],
  ['the source shrank', old(), now(25, ['a', 'b', 'c']), [r(0, 20)]],
  ['blocks that moved are not looked for', old(), now(35, ['b', 'a', 'c', 'd']), [r(20, 35)]],
  ['only what its partial reaches', old(), now(35, ['a', 'b', 'c', 'd']), [r(0, 10)], 15],
  ['acknowledged or not: FTP says nothing until the end', old({ acknowledged: [] }), now(35, ['a', 'b', 'c', 'd']), [r(0, 35)]],
  ['unknown digests are no digests', old({ blocks: ['a', null, null, 'd'] }), now(35, ['a', 'b', 'c', 'd']), [r(0, 10), r(30, 35)]],
  ['another block size', old({ blockSize: 20 }), now(35, ['a', 'b', 'c', 'd']), []],
  [
    'a download of the same key',
    received({ source: { strength: 'hint', size: 35, modifiedAtMs: 1, etag: null } }),
    now(35, ['a', 'b', 'c', 'd']),
    [],
  ],
  ['checks are no digests', old({ checkKey: 'f'.repeat(32) }), now(35, ['a', 'b', 'c', 'd']), []],
  ['fewer digests than blocks', old({ blocks: ['a'] }), now(35, ['a', 'b', 'c', 'd']), [r(0, 10)]],
  ['a partial longer than its own source', old(), now(45, ['a', 'b', 'c', 'd', 'e']), [r(0, 30)], 1000],
]

for (const [name, entry, digests, ranges, partialSize = 35] of SALVAGE)
  test(`salvageable: ${name}`, () => assert.deepEqual(salvageable(entry, partialSize, digests), ranges))

const hint: Extract<Fingerprint, { strength: 'hint' }> = { strength: 'hint', size: 35, modifiedAtMs: 5, etag: null }
const KEEP: readonly (readonly [string, JournalEntry | null, Fingerprint, number, number, readonly number[]])[] = [
  ['nothing recorded', null, hint, 10, 35, []],
  ['all of it', received({ source: hint }), hint, 10, 35, [0, 1, 2, 3]],
  ['digests of an upload', old({ source: hint }), hint, 10, 35, []],
  ['another version', received({ source: hint }), { ...hint, modifiedAtMs: 6 }, 10, 35, []],
  [
    'a source without a date is never the same',
    received({ source: { ...hint, modifiedAtMs: null } }),
    { ...hint, modifiedAtMs: null },
    10,
    35,
    [],
  ],
  ['another block size', received({ source: hint }), hint, 20, 35, []],
  ['a partial that is shorter than recorded', received({ source: hint }), hint, 10, 29, [0, 1]],
  ['holes', received({ source: hint, acknowledged: [r(0, 10), r(20, 35)] }), hint, 10, 35, [0, 2, 3]],
  ['no digest', received({ source: hint, blocks: [null, 'b', null, 'd'] }), hint, 10, 35, [1, 3]],
  ['half a block acknowledged', received({ source: hint, acknowledged: [r(0, 15)] }), hint, 10, 35, [0]],
]

for (const [name, entry, source, blockSize, partialSize, indexes] of KEEP)
  test(`keepableBlocks: ${name}`, () => {
    const blocks = keepableBlocks(entry, source, blockSize, partialSize)
    assert.deepEqual(
      blocks.map((b) => b.index),
      indexes,
    )
    for (const { index, range: kept, check } of blocks) {
      assert.deepEqual(kept, r(index * 10, Math.min(index * 10 + 10, source.size)))
      assert.equal(check, entry?.blocks[index])
    }
  })
