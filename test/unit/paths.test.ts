import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  baseName,
  directoryName,
  joinPath,
  NAME_SHAPES,
  partialName,
  partialParts,
  passingKind,
  passingName,
  scratchName,
} from '../../src/core/paths.ts'

fc.configureGlobal({ seed: 20_260 })

const TAG = '0123456789ab'

const hex = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const tag = hex(12)
const nonce = fc.option(hex(8))
const shape = fc.constantFrom(...NAME_SHAPES)
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
    fc.property(name, tag, shape, (n, t, as) => {
      const partial = partialName(n.replaceAll('/', '_'), t, null, { shape: as })
      assert.ok(Buffer.byteLength(partial) <= 255, String(Buffer.byteLength(partial)))
      assert.ok(!partial.includes('/'))
      if (as === 'dot') assert.ok(partial.startsWith('.') && partial.endsWith('.partial'))
    }),
  )
})

test('partialParts finds tag and nonce in the name of every partial, and in no other name', () => {
  fc.assert(
    fc.property(name, name, tag, nonce, shape, (n, other, t, own, as) => {
      const made = partialName(n, t, own, { shape: as })
      const told = n.startsWith('.') && as === 'plain' ? 'dot' : as
      const isOpen = own === null && told !== 'dot'
      assert.deepEqual(partialParts(n, made), isOpen ? null : { tag: t, nonce: own, appended: false, shape: told })
      const appended = partialName(n, t, own, { appended: true, shape: as })
      if (own !== null) assert.deepEqual(partialParts(n, appended), { tag: t, nonce: own, appended: true, shape: told })
      if (n !== other) assert.equal(partialParts(other, made), null)
    }),
  )
})

test('passingKind knows what was set aside and what was copied, and takes neither for a partial', () => {
  fc.assert(
    fc.property(name, hex(8), fc.constantFrom('aside' as const, 'copy' as const), shape, (n, own, kind, as) => {
      const passing = passingName(n, own, kind, as)
      assert.ok(Buffer.byteLength(passing) <= 255)
      assert.equal(passingKind(n, passing), kind)
      assert.equal(partialParts(n, passing), null)
      assert.equal(passingKind(n, partialName(n, TAG, own, { shape: as })), null)
    }),
  )
})

test('in the shapes for choosy hosts no name begins with a dot of ours, and one ends as the file does and has no word that might be forbidden', () => {
  const own = '89abcdef'
  const table = [
    ['app.bin', `app.bin.${TAG}.${own}.partial`, `app-rt-${TAG}-${own}.bin`, `app-rt-${own}-aside.bin`, `rt-probe-${own}.bin`],
    ['a.tar.gz', `a.tar.gz.${TAG}.${own}.partial`, `a.tar-rt-${TAG}-${own}.gz`, `a.tar-rt-${own}-aside.gz`, `rt-probe-${own}.gz`],
    ['Makefile', `Makefile.${TAG}.${own}.partial`, `Makefile-rt-${TAG}-${own}`, `Makefile-rt-${own}-aside`, `rt-probe-${own}`],
    // What follows this dot is no extension; of a hidden file the plain name would be the hidden one of another file.
    ['.env', `..env.${TAG}.${own}.partial`, `.env-rt-${TAG}-${own}`, `.env-rt-${own}-aside`, `rt-probe-${own}`],
  ] as const
  for (const [file, plain, extension, aside, scratch] of table) {
    assert.equal(partialName(file, TAG, own, { shape: 'plain' }), plain)
    assert.equal(partialName(file, TAG, own, { shape: 'extension' }), extension)
    assert.equal(passingName(file, own, 'aside', 'extension'), aside)
    assert.equal(scratchName(file, own, false, 'extension'), scratch)
  }
  assert.equal(partialParts('env', partialName('.env', TAG, own, { shape: 'plain' })), null)
  assert.equal(partialName('app.bin', TAG, own, { appended: true, shape: 'extension' }), `app-rt-${TAG}-${own}-appended.bin`)
  assert.deepEqual(
    [false, true].map((renamed) => scratchName('app.bin', own, renamed, 'dot')),
    [`.rt-probe-${own}`, `.rt-probe-${own}-renamed`],
  )
  const long = partialName(`${'x'.repeat(260)}.bin`, TAG, own, { shape: 'extension' })
  assert.ok(Buffer.byteLength(long) <= 255 && long.endsWith(`-rt-${TAG}-${own}.bin`))
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
  const partials = NAME_SHAPES.flatMap((as) => names.map((n) => partialName(n, TAG, null, { shape: as })))
  assert.equal(new Set(partials).size, partials.length)
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
    `f-rt-${TAG}`,
    `f-rt-${TAG}-89abcdef.txt`,
    `f-rt-${TAG}-89abcde`,
    `.f.${TAG.toUpperCase()}.partial`,
    '.f.0123456789a.partial',
    `.f.0${TAG}.partial`,
    `.g.${TAG}.partial`,
    `.f.${TAG}.partial\n`,
    '',
  ])
    assert.equal(partialParts('f', candidate), null, candidate)
})
