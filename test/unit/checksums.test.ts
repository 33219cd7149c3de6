import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestIn, expectedChecksum } from '../../src/action/checksums.ts'
import type { RemoteSet } from '../../src/action/remotes.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { VirtualClock } from '../simulation/world.ts'

fc.configureGlobal({ seed: 20_260 })

const A = 'a1'.repeat(32)
const B = 'b2'.repeat(32)
const LONG = 'c3'.repeat(64)
const never = new AbortController().signal

const TABLE: readonly (readonly [string, string, string, string | null])[] = [
  ['text mode', `${A}  file.bin\n`, 'file.bin', A],
  ['binary mode', `${A} *file.bin\n`, 'file.bin', A],
  ['no newline at the end', `${A}  file.bin`, 'file.bin', A],
  ['Windows line ends', `${B}  other\r\n${A}  file.bin\r\n`, 'file.bin', A],
  ['upper case', `${A.toUpperCase()}  file.bin\n`, 'file.bin', A],
  ['sha512', `${LONG}  file.bin\n`, 'file.bin', LONG],
  ['in a directory', `${A}  ./dist/file.bin\n`, 'file.bin', A],
  ['in several directories, the same', `${A}  a/file.bin\n${A.toUpperCase()} *b/file.bin\n`, 'file.bin', A],
  ['in several directories, different', `${A}  a/file.bin\n${B}  b/file.bin\n`, 'file.bin', null],
  ['twice and different', `${A}  file.bin\n${B}  file.bin\n`, 'file.bin', null],
  ['sha256 and sha512 of one file', `${A}  file.bin\n${LONG}  file.bin\n`, 'file.bin', null],
  ['not listed', `${A}  other.bin\n`, 'file.bin', null],
  ['only the end of another name', `${A}  myfile.bin\n`, 'file.bin', null],
  ['only the beginning of another name', `${A}  file.bin.sig\n`, 'file.bin', null],
  ['a name with spaces', `${A}  my file.bin\n`, 'my file.bin', A],
  ['a name that begins with a star', `${A}  *file\n`, '*file', A],
  ['an escaped backslash', `\\${A}  a\\\\b.bin\n`, 'a\\b.bin', A],
  ['an escaped newline', `\\${A}  a\\nb.bin\n`, 'a\nb.bin', A],
  ['a backslash and an n, escaped', `\\${A}  a\\\\nb\n`, 'a\\nb', A],
  ['a backslash that is none of an escape', `${A}  a\\nb\n`, 'a\\nb', A],
  ['a digest that is too short', `${A.slice(1)}  file.bin\n`, 'file.bin', null],
  ['a digest that is too long', `${A}0  file.bin\n`, 'file.bin', null],
  ['no hex', `${'g'.repeat(64)}  file.bin\n`, 'file.bin', null],
  ['one space', `${A} file.bin\n`, 'file.bin', null],
  ['a comment', `# ${A}  file.bin\n`, 'file.bin', null],
  ['the BSD form is not known', `SHA256 (file.bin) = ${A}\n`, 'file.bin', null],
  ['an error page', '<html>not found</html>', 'file.bin', null],
  ['nothing', '', 'file.bin', null],
]

for (const [name, text, file, hex] of TABLE) test(`digestIn: ${name}`, () => assert.equal(digestIn(text, file), hex))

test('digestIn: a regular expression in a name is only a name; whatever the text, it is a digest of it or null', () => {
  assert.equal(digestIn(`${A}  fileXbin\n`, 'file.bin'), null)
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', '\n', '\r', ' ', '*', '/', 'f', A, B) }), (text) => {
      const hex = digestIn(text, 'f')
      assert.ok(hex === null || text.includes(hex))
    }),
  )
})

function serving(bytes: Buffer, size: number | null = bytes.length): { remotes: RemoteSet; read: () => number } {
  let read = 0
  const remote = {
    stat: async () => ({ kind: 'file', size, modifiedAtMs: null, validator: null }),
    read: async (_path: string, _range: unknown, sink: (chunk: Uint8Array) => void) => {
      for (let at = 0; at < bytes.length; at += 65_536) {
        read += 65_536
        sink(bytes.subarray(at, at + 65_536))
      }
    },
  } as unknown as Remote
  const remotes = { prepare: async () => ({ supply: { get: async () => remote }, path: '/SUMS' }), notes: () => [], close: async () => {} }
  return { remotes, read: () => read }
}

test('expectedChecksum: given directly, nothing is fetched; looked up, the algorithm follows from the length', async () => {
  const refuse = { prepare: () => assert.fail('not to be asked') } as unknown as RemoteSet
  const given = { kind: 'digest', algorithm: 'sha512', hex: LONG } as const
  assert.deepEqual(await expectedChecksum(given, 'f', refuse, new VirtualClock(), 1000, never), { algorithm: 'sha512', hex: LONG })
  const sums = { kind: 'sums', url: new URL('https://example.com/SUMS') } as const
  const { remotes } = serving(Buffer.from(`${LONG}  big\n${A}  small\n`))
  assert.deepEqual(await expectedChecksum(sums, 'big', remotes, new VirtualClock(), 1000, never), { algorithm: 'sha512', hex: LONG })
  assert.deepEqual(await expectedChecksum(sums, 'small', remotes, new VirtualClock(), 1000, never), { algorithm: 'sha256', hex: A })
  await assert.rejects(expectedChecksum(sums, 'none', remotes, new VirtualClock(), 1000, never), { kind: 'not-found' })
})

test('expectedChecksum: a file of checksums without end is cut off at 4 MiB, whatever its size was said to be', async () => {
  const sums = { kind: 'sums', url: new URL('https://example.com/SUMS') } as const
  for (const size of [null, 100, 8 * 1024 * 1024]) {
    const endless = serving(Buffer.alloc(8 * 1024 * 1024, 'x'), size)
    await assert.rejects(expectedChecksum(sums, 'f', endless.remotes, new VirtualClock(), 1000, never), { kind: 'limit' })
    assert.ok(endless.read() <= 4 * 1024 * 1024 + 65_536)
  }
})
