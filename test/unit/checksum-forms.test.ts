/** Files of checksums as tools write them, those of Windows above all: the digest of the file, or none; never that of another one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestIn } from '../support/digest-in.ts'

const A = 'a1'.repeat(32)
const B = 'b2'.repeat(32)
const LONG = 'c3'.repeat(64)
const UPPER = A.toUpperCase()
const PAIRS = A.replaceAll(/..(?=.)/g, '$& ')

const table = (hash: string, path: string, algorithm = 'SHA256'): string =>
  `\r\nAlgorithm       Hash                                   Path\r\n---------       ----                                   ----\r\n${algorithm.padEnd(16)}${hash}       ${path}\r\n\r\n`
const list = (hash: string, path: string, algorithm = 'SHA256'): string =>
  `\r\n\r\nAlgorithm : ${algorithm}\r\nHash      : ${hash}\r\nPath      : ${path}\r\n\r\n`
const certutil = (head: string, hex: string): string => `${head}\r\n${hex}\r\nCertUtil: -hashfile command completed successfully.\r\n`

/** Text, and what it has for `dl/app.bin` in `rel_checksums.txt` and in `app.bin.sha256`. */
const FORMS: readonly (readonly [string, string | Buffer, string | null, string | null])[] = [
  ['from a pipe', `${A}  -\n`, null, A],
  ['from a pipe, binary', `${A} *-\n`, null, A],
  ['from a pipe, openssl', `SHA2-256(stdin)= ${A}\n`, null, A],
  ['from a pipe, old openssl', `(stdin)= ${A}\n`, null, A],
  ['from a pipe, openssl -r', `${A} *stdin\n`, null, A],
  ['from a pipe, BSD', `SHA256 (-) = ${A}\n`, null, A],
  ['two from pipes', `${A}  -\n${B}  -\n`, null, null],
  ['Get-FileHash', table(UPPER, 'C:\\x\\app.bin'), A, A],
  ['Get-FileHash, UTF-16', Buffer.from(`\ufeff${table(UPPER, 'C:\\x\\app.bin')}`, 'utf16le'), A, A],
  ['Get-FileHash, UTF-16 without a mark', Buffer.from(table(UPPER, 'C:\\x\\app.bin'), 'utf16le'), A, A],
  ['Get-FileHash, UTF-16, the other end first', Buffer.from(`\ufeff${table(UPPER, 'C:\\x\\app.bin')}`, 'utf16le').swap16(), A, A],
  ['Get-FileHash of another file', table(UPPER, 'C:\\x\\other.bin'), null, null],
  ['Get-FileHash, a path that was cut', table(UPPER, 'C:\\x\\app.b...'), null, null],
  ['Get-FileHash, of a stream', table(UPPER, ''), null, A],
  ['Get-FileHash, another algorithm', table(UPPER, 'C:\\x\\app.bin', 'SHA3_256'), null, null],
  ['Get-FileHash, a path with spaces', table(UPPER, 'C:\\my files\\app.bin'), A, A],
  ['Get-FileHash, two', `${table(B, 'C:\\x\\other.bin')}SHA256          ${UPPER}       C:\\x\\app.bin\r\n`, A, A],
  ['Get-FileHash | Format-List', list(UPPER, 'C:\\x\\app.bin'), A, A],
  ['Get-FileHash | Format-List, two', list(B, 'C:\\x\\other.bin') + list(UPPER, 'C:\\x\\app.bin'), A, A],
  ['Get-FileHash | Format-List of another file', list(UPPER, 'C:\\x\\other.bin'), null, null],
  ['Get-FileHash | Format-List, of another kind', list(UPPER, 'C:\\x\\app.bin', 'SHA3_256'), null, null],
  [
    'Get-FileHash | Format-List, a long hash',
    list(`${LONG.slice(0, 68)}\r\n            ${LONG.slice(68)}`, 'C:\\app.bin', 'SHA512'),
    LONG,
    LONG,
  ],
  ['Get-FileHash | Format-List, a long path', list(UPPER, 'C:\\x\\app.bin\r\n            .other'), null, null],
  ['Get-FileHash | Format-List, a long path, ours', list(UPPER, 'C:\\x\\ap\r\n            p.bin'), A, A],
  ['Get-FileHash | Export-Csv', `"Algorithm","Hash","Path"\r\n"SHA256","${UPPER}","C:\\x\\app.bin"\r\n`, A, A],
  ['Get-FileHash | Export-Csv of another file', `"Algorithm","Hash","Path"\r\n"SHA256","${UPPER}","C:\\x\\other.bin"\r\n`, null, null],
  ['certutil', certutil('SHA256 hash of app.bin:', A), A, A],
  ['certutil, parted', certutil('SHA256 hash of app.bin:', PAIRS), A, A],
  ['certutil, old', certutil('SHA256 hash of file dl\\app.bin:', PAIRS), A, A],
  ['certutil of another file', certutil('SHA256 hash of other.bin:', A), null, null],
  ['certutil of a longer name', certutil('SHA256 hash of my app.bin:', A), null, null],
  ['certutil, German', certutil('SHA256-Hash von app.bin:', A), null, A],
  ['certutil, German, parted', certutil('SHA256-Hash der Datei C:\\x\\app.bin:', PAIRS), null, A],
  ['certutil, German, of another file', certutil('SHA256-Hash von other.bin:', A), null, null],
  ['certutil, another algorithm', certutil('SHA512 hash of app.bin:', A), null, null],
  ['certutil, SHA-1 before', certutil('SHA1 hash of app.bin:', 'd4'.repeat(20)) + certutil('SHA256 hash of app.bin:', A), A, A],
  ['a line before it', `The SHA256 checksum is:\n${A}\n`, null, A],
  ['quoted', `${A}  "app.bin"\n`, A, A],
  ['quoted once', `${A} *'dist/app.bin'\n`, A, A],
  ['quoted, another file', `${A}  "other.bin"\n`, null, null],
  ['a tab and a star', `${A}\t*app.bin\n`, A, A],
  ['the algorithm first', `SHA256 ${A} app.bin\n`, A, A],
  ['the algorithm first, with a colon', `SHA-256: ${A}  app.bin\n`, A, A],
  ['the algorithm first, another file', `SHA256 ${A} other.bin\n`, null, null],
  ['the name in a line of its own', `File: app.bin\nMD5: ${'0'.repeat(32)}\nSHA-256: ${A}\n\nFile: other.bin\nSHA-256: ${B}\n`, A, A],
  ['the name of another file in a line of its own', `File: other.bin\nSHA-256: ${A}\n`, null, null],
  ['digests on both sides of a name', `SHA-256: ${A}\nFile: app.bin\nSHA-512: ${LONG}\nFile: other.bin\n`, null, null],
  ['Debian', `Checksums-Sha1:\n ${'0'.repeat(40)} 7 app.bin\nChecksums-Sha256:\n ${A} 7 app.bin\n ${B} 7 other.bin\n`, A, A],
  ['a comment with a path', `# dist/app.bin: ${B}\n; dist/app.bin ${B}\n// dist/app.bin: ${B}\n${A}  app.bin\n`, A, A],
  ['a comment alone', `# dist/app.bin: ${A}\n`, null, null],
  ['pairs', `${PAIRS}\n`, null, A],
  ['pairs with colons', `${PAIRS.replaceAll(' ', ':').toUpperCase()}\n`, null, A],
  ['pairs with dashes', `${PAIRS.replaceAll(' ', '-')}\r\n`, null, A],
  ['groups', `${A.replaceAll(/.{8}(?=.)/g, '$& ')}\n`, null, A],
  ['pairs of another length', `${PAIRS.slice(3)}\n`, null, null],
  ['md5, sha1, sha256 and sha512', `${'0'.repeat(32)}  app.bin\n${'0'.repeat(40)}  app.bin\n${A}  app.bin\n${LONG}  app.bin\n`, LONG, LONG],
  ['two different ones', `${table(A, 'C:\\x\\app.bin')}${table(B, 'D:\\y\\app.bin')}`, null, null],
]

for (const [name, text, inMany, inItsOwn] of FORMS)
  test(`checksum files: ${name}`, () => {
    assert.equal(digestIn(text, 'dl/app.bin', 'rel_checksums.txt'), inMany)
    assert.equal(digestIn(text, 'dl/app.bin', 'app.bin.sha256'), inItsOwn)
    // Whatever it is, it is of no other file.
    for (const other of ['pp.bin', 'bin', 'hash of app.bin', 'Hash', 'Path', '-.bin'])
      assert.equal(digestIn(text, other, 'rel_checksums.txt'), null, other)
  })

test('checksum files: of another algorithm by their name', () => {
  for (const sums of ['B2SUMS', 'app.bin.b3', 'SHA3SUMS', 'app.bin.sha3-256', 'app.bin.sm3', 'app.bin.blake2s.txt'])
    for (const text of [`${A}\n`, `${A}  app.bin\n`]) assert.equal(digestIn(text, 'app.bin', sums), null, sums)
  assert.equal(digestIn(`${A}  app.b3\n`, 'app.b3', 'app.b3.sha256'), A)
})

test('checksum files: a file that is called as a pipe is, or has quotes in its name', () => {
  assert.equal(digestIn(`${A}  stdin\n${B}  other\n`, 'stdin'), A)
  assert.equal(digestIn(`${A}  "app.bin"\n${B}  app.bin\n`, '"app.bin"'), A)
})
