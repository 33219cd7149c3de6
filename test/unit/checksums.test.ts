import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { expectedChecksum } from '../../src/action/checksums.ts'
import type { RemoteSet } from '../../src/action/remotes.ts'
import { digestFor } from '../../src/action/sums.ts'
import { TransferError } from '../../src/core/errors.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { VirtualClock } from '../simulation/world.ts'
import { digestIn } from '../support/digest-in.ts'

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
  ['sha256 and sha512 of one file: the stronger', `${A}  file.bin\n${LONG}  file.bin\n`, 'file.bin', LONG],
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
  ['one space', `${A} file.bin\n`, 'file.bin', A],
  ['a tab', `${A}\tfile.bin\n`, 'file.bin', A],
  ['trailing spaces', `${A}  file.bin   \n`, 'file.bin', A],
  ['a mark of the byte order', `\ufeff${A}  file.bin\r\n`, 'file.bin', A],
  ['shasum in portable mode', `${A} ?file.bin\n`, 'file.bin', A],
  ['in a directory of Windows', `${A}  .\\file.bin\r\n`, 'file.bin', A],
  ['a comment', `# ${A}  file.bin\n`, 'file.bin', null],
  ['BSD', `SHA256 (file.bin) = ${A}\n`, 'file.bin', A],
  ['BSD, Base64', `SHA256 (file.bin) = ${Buffer.from(A, 'hex').toString('base64')}\n`, 'file.bin', A],
  ['BSD, escaped', `\\SHA256 (a\\nb) = ${A}\n`, 'a\nb', A],
  ['BSD, a name with brackets', `SHA256 (a (1) = b) = ${A}\n`, 'a (1) = b', A],
  ['openssl', `SHA256(file.bin)= ${A}\n`, 'file.bin', A],
  ['openssl 3', `SHA2-256(file.bin)= ${A}\nSHA2-512(file.bin)= ${LONG}\n`, 'file.bin', LONG],
  [
    'another algorithm, as long',
    `SHA3-256(file.bin)= ${A}\nBLAKE2s256 (file.bin) = ${A}\nSHA512/256 (file.bin) = ${A}\n`,
    'file.bin',
    null,
  ],
  ['BSD, a digest of another length', `SHA512 (file.bin) = ${A}\n`, 'file.bin', null],
  ['name first', `other: ${B}\nfile.bin: ${A}\n`, 'file.bin', A],
  ['name first, white space', `other ${B}\nfile.bin\t${A}\n`, 'file.bin', A],
  ['gpg --print-md', `file.bin: ${A.slice(0, 8)} ${A.slice(8, 40)}\n          ${A.slice(40).toUpperCase()}\n`, 'file.bin', A],
  ['gpg --print-mds', `file.bin:   SHA1 = 00 11\nfile.bin: SHA256 = ${A.slice(0, 40)}\n    ${A.slice(40)}\n`, 'file.bin', A],
  [
    'signed',
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- -- x\n${A}  file.bin\n-----BEGIN PGP SIGNATURE-----\n${B}  file.bin\n`,
    'file.bin',
    A,
  ],
  ['md5 and sha1 only', `${'0'.repeat(32)}  file.bin\n${'0'.repeat(40)}  file.bin\n`, 'file.bin', null],
  ['of the same name in two folders, beside it', `${B}  arm/file.bin\n${A}  ./amd64/file.bin\n`, 'amd64/file.bin', A],
  ['of the same name in two folders, itself', `${B}  arm/file.bin\n${A}  file.bin\n`, 'file.bin', A],
  ['a digest without a name in a file of many', `${A}\n${B}  other\n`, 'file.bin', null],
  ['an error page', '<html>not found</html>', 'file.bin', null],
  ['nothing', '', 'file.bin', null],
]

for (const [name, text, file, hex] of TABLE) test(`digestIn: ${name}`, () => assert.equal(digestIn(text, file), hex))

test('digestIn: a digest without a name is that of the file the checksum is named after, never of another one', () => {
  for (const text of [`${A}\n`, A, `sha256:${A}\n`, `SHA256: ${A.toUpperCase()}\n`, `\ufeff${A}\r\n`]) {
    for (const sums of ['file.bin.sha256', 'file.bin.sha256sum', 'file.bin.SHA256.txt', 'file.bin.checksum', 'SHA256', 'checksum.txt'])
      assert.equal(digestIn(text, 'dir/file.bin', sums), A, sums)
    for (const sums of ['other.bin.sha256', 'file.sha256', 'file.bin.sig.sha256', 'my-file.bin.sha256'])
      assert.equal(digestIn(text, 'file.bin', sums), null, sums)
  }
  assert.equal(digestIn(`${A}\n${LONG}\n`, 'file.bin', 'file.bin.sha'), null)
  assert.equal(digestIn(`${A}\n${LONG}\n`, 'file.bin', 'file.bin.checksums'), LONG)
  assert.equal(digestIn(`${A}\n${B}\n`, 'file.bin', 'file.bin.sha256'), null)
  assert.equal(digestIn(`${A}  other.bin\n`, 'file.bin', 'file.bin.sha256'), null)
})

test('digestIn: UTF-16, as PowerShell redirects', () => {
  assert.equal(digestIn(Buffer.from(`\ufeff${A}  file.bin\r\n`, 'utf16le'), 'file.bin'), A)
})

test('digestIn: what was there instead is said', () => {
  const said = (text: string, sums = 'SHA256SUMS'): string => {
    try {
      return digestFor(Buffer.from(text), 'f.bin', sums).hex
    } catch (error) {
      return error instanceof TransferError ? error.message : String(error)
    }
  }
  assert.match(said(`${A}  a.bin\n${B}  b/c.bin\n`), /no SHA-256 or SHA-512 for f\.bin; it has a\.bin, b\/c\.bin$/)
  assert.match(said(`${'0'.repeat(32)}  f.bin\n`), /it holds none at all/)
  assert.match(said(`${A}\n`, 'g.bin.sha256'), /it holds one without a name/)
  assert.match(said(`${A}  a/f.bin\n${B}  b/f.bin\n`), /different digests for f\.bin; it has a\/f\.bin, b\/f\.bin$/)
  assert.match(said([...Array(9)].map((_, i) => `${A}  ${i}\u001b\n`).join('')), /it has 0\\u\{1b\},.* and 4 more$/)
})

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
