import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  blockCount,
  blockSizeFor,
  contentFingerprint,
  type Fingerprint,
  fingerprintTag,
  sameFingerprint,
} from '../../src/core/fingerprint.ts'

fc.configureGlobal({ seed: 20_260 })

const MIB = 1024 * 1024
const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

const content: Fingerprint = { strength: 'content', size: 7, sha256: A }
const validator: Fingerprint = { strength: 'validator', size: 7, validator: A }
const hint: Extract<Fingerprint, { strength: 'hint' }> = { strength: 'hint', size: 7, modifiedAtMs: 5, etag: null }
const undated: Extract<Fingerprint, { strength: 'hint' }> = { strength: 'hint', size: 7, modifiedAtMs: null, etag: null }

test('sameFingerprint: equal only when strength, size and identity are; a hint without a date and an ETag equals nothing', () => {
  const all: readonly Fingerprint[] = [
    content,
    { ...content, size: 8 },
    { ...content, sha256: B },
    validator,
    { ...validator, size: 8 },
    { ...validator, validator: B },
    hint,
    { ...hint, size: 8 },
    { ...hint, modifiedAtMs: 6 },
    { ...hint, etag: 'W/"1"' },
    { ...hint, etag: 'W/"2"' },
    { ...undated, etag: 'W/"3"' },
    undated,
  ]
  for (const [i, a] of all.entries())
    for (const [j, b] of all.entries()) assert.equal(sameFingerprint(a, structuredClone(b)), i === j && a !== undated, `${i} and ${j}`)
})

test('fingerprintTag: twelve hex digits, different for every different fingerprint, frozen', () => {
  const tags = [content, { ...content, size: 8 }, validator, hint, undated, { ...hint, etag: 'W/"1"' }].map(fingerprintTag)
  for (const tag of tags) assert.match(tag, /^[0-9a-f]{12}$/)
  assert.equal(new Set(tags).size, tags.length)
  // Partials on servers carry these names: a change of the rule orphans every one of them.
  assert.equal(fingerprintTag({ strength: 'content', size: 3, sha256: A }), '92281d0f641f')
  assert.equal(fingerprintTag({ strength: 'validator', size: 3, validator: '"x"' }), '88ba7100f3a3')
  assert.equal(fingerprintTag({ strength: 'hint', size: 3, modifiedAtMs: 1000, etag: null }), '31570a389f40')
})

test('blockSizeFor: a power of two of at least 1 MiB, at most 8192 blocks, grows with the file', () => {
  const table: readonly (readonly [number, number])[] = [
    [0, MIB],
    [1, MIB],
    [8192 * MIB, MIB],
    [8192 * MIB + 1, 2 * MIB],
    [16384 * MIB, 2 * MIB],
    [16384 * MIB + 1, 4 * MIB],
  ]
  for (const [size, blockSize] of table) assert.equal(blockSizeFor(size), blockSize, String(size))
  fc.assert(
    fc.property(fc.maxSafeNat(), (size) => {
      const blockSize = blockSizeFor(size)
      assert.ok(Number.isInteger(Math.log2(blockSize)) && blockSize >= MIB)
      assert.ok(blockCount(size, blockSize) <= 8192)
      assert.ok(blockSize === MIB || blockCount(size, blockSize / 2) > 8192, 'no larger than needed')
    }),
  )
})

test('contentFingerprint depends on size, block size, every block and their order', () => {
  const base = { size: 2 * MIB, blockSize: MIB, blocks: [A, B] }
  const variants = [
    base,
    { ...base, size: 2 * MIB - 1 },
    { ...base, blockSize: 2 * MIB },
    { ...base, blocks: [B, A] },
    { ...base, blocks: [A] },
    { ...base, blocks: [A, `${B.slice(0, -1)}c`] },
  ].map((digests) => JSON.stringify(contentFingerprint(digests)))
  assert.equal(new Set(variants).size, variants.length)
  assert.deepEqual(contentFingerprint(base), contentFingerprint(structuredClone(base)))
})
