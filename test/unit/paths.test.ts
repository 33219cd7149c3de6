import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { baseName, directoryName, joinPath, partialName, partialParts, passingKind, passingName } from '../../src/core/paths.ts'

fc.configureGlobal({ seed: 20_260 })

const TAG = '0123456789ab'

const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const tag = hex(12)
const nonce = fc.option(hex(8))
const name = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 255 }),
  fc.tuple(fc.constantFrom('a', 'ä', 'a\u0308', '𝄞', '～'), fc.integer({ min: 1, max: 255 })).map(([unit, times]) => unit.repeat(times)),
)

test('baseName, directoryName and joinPath take a path apart and put it together again', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['file', '', 'file'],
    ['/file', '/', 'file'],
    ['dir/file', 'dir', 'file'],
    ['/a/b/file', '/a/b', 'file'],
    ['a/b/', 'a/b', ''],
  ]
  for (const [path, directory, base] of table) {
    assert.equal(directoryName(path), directory)
    assert.equal(baseName(path), base)
    assert.equal(joinPath(directory, base), path)
  }
})

test('partialName is never longer than a file name may be and never a path', () => {
  fc.assert(
    fc.property(name, tag, (n, t) => {
      const partial = partialName(n.replaceAll('/', '_'), t)
      assert.ok(Buffer.byteLength(partial) <= 255, String(Buffer.byteLength(partial)))
      assert.ok(!partial.includes('/'))
      assert.ok(partial.startsWith('.') && partial.endsWith('.partial'))
    }),
  )
})

test('partialParts finds tag and nonce in the name of every partial, and in no other name', () => {
  fc.assert(
    fc.property(name, name, tag, nonce, (n, other, t, own) => {
      assert.deepEqual(partialParts(n, partialName(n, t, own)), { tag: t, nonce: own, appended: false })
      if (own !== null) assert.deepEqual(partialParts(n, partialName(n, t, own, true)), { tag: t, nonce: own, appended: true })
      if (n !== other) assert.equal(partialParts(other, partialName(n, t, own)), null)
    }),
  )
})

test('passingKind knows what was set aside and what was copied, and takes neither for a partial', () => {
  fc.assert(
    fc.property(name, hex(8), fc.constantFrom('aside' as const, 'copy' as const), (n, own, kind) => {
      const passing = passingName(n, own, kind)
      assert.ok(Buffer.byteLength(passing) <= 255)
      assert.equal(passingKind(n, passing), kind)
      assert.equal(partialParts(n, passing), null)
      assert.equal(passingKind(n, partialName(n, TAG, own)), null)
    }),
  )
})

test('different names never share a partial: composed and decomposed, long with a long beginning in common, at the edge of the length', () => {
  const long = 'x'.repeat(300)
  const names = [
    'ä',
    'a\u0308',
    'A',
    'a',
    ...[225, 226, 232, 233, 234, 235, 236, 254, 255].flatMap((n) => ['x'.repeat(n), `${'x'.repeat(n - 1)}y`, 'ä'.repeat(n)]),
    `${long}1`,
    `${long}2`,
  ]
  const partials = names.map((n) => partialName(n, TAG))
  assert.equal(new Set(partials).size, names.length)
})

test('the longest name that is kept whole has 233 bytes; one more is cut at a character and marked', () => {
  assert.equal(partialName('x'.repeat(233), TAG), `.${'x'.repeat(233)}.${TAG}.partial`)
  const cut = partialName('x'.repeat(234), TAG)
  assert.match(cut, /^\.x{224}~[0-9a-f]{8}\.0123456789ab\.partial$/)
  assert.equal(Buffer.byteLength(cut), 255)
  const wide = partialName('𝄞'.repeat(60), TAG)
  assert.match(wide, /^\.(𝄞){56}~[0-9a-f]{8}\./u)
})

test('what only looks like a partial is none', () => {
  for (const candidate of [
    `.f.${TAG}.partial2`,
    `f.${TAG}.partial`,
    `.f.${TAG.toUpperCase()}.partial`,
    '.f.0123456789a.partial',
    `.f.0${TAG}.partial`,
    `.g.${TAG}.partial`,
    `.f.${TAG}.partial\n`,
    '',
  ])
    assert.equal(partialParts('f', candidate), null, candidate)
})
