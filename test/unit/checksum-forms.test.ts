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
  ['the name, of another file, without an ending', `File: Makefile\nSHA-256: ${A}\n`, null, null],
  ['digests on both sides of a name alone', `SHA-256: ${A}\nFile: app.bin\nSHA-512: ${LONG}\n`, null, null],
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

/** Text, and what it has for `dl/app.bin` in `SHA256SUMS`, which may be of any file, and in `app.bin.sha256`. */
const BESIDE: readonly (readonly [string, string, string | null, string | null])[] = [
  ['a digest alone', `${A}\n`, A, A],
  ['a digest in a signed file', `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${A}\n-----BEGIN PGP SIGNATURE-----\nx.y\n`, A, A],
  ['the end of certutil', `${A}\r\nCertUtil: -hashfile-Befehl wurde erfolgreich ausgeführt.\r\n`, A, A],
  ['a comment', `# made by sha256sum 9.4\n${A}\n`, A, A],
  ['the name of the algorithm', `SHA256:\n${A}\n`, A, A],
  ['shorter digests', `MD5: ${'0'.repeat(32)}\nSHA1: ${'0'.repeat(40)}\nSHA256: ${A}\n`, A, A],
  ['the head of a table', table(UPPER, ''), A, A],
  ['words', `what was asked for\n${A}\n`, null, A],
  ['its own name', `## dist/app.bin\n${A}\n`, A, A],
  ['its own name and a key', `- url: app.bin\n  sha512: ${LONG}\n`, LONG, LONG],
  ['another name above', `other.zip\n${A}\n`, null, null],
  ['another name above, without an ending', `Makefile\n${A}\n`, null, A],
  ['another name below', `${A}\nother.zip\n`, null, null],
  ['another name in a heading', `## other.zip\n\nSHA256: ${A}\n`, null, null],
  ['another name in a comment', `# digest of other.zip\n${A}\n`, null, null],
  ['another name in a comment, without an ending', `# Makefile\n${A}\n`, null, A],
  ['another name in a comment of C', `// Makefile\n${A}\n`, null, A],
  ['another name, which ends as this one does', `old-app.bin\n${A}\n`, null, null],
  ['another name and an address', `from: https://example.com/other.zip\n${A}\n`, null, null],
  ['another name behind a key', `Name: other.zip\nSHA256: ${A}\n`, null, null],
  ['another name behind an equals sign', `filename=other.zip\nsha256=${A}\n`, null, null],
  ['another name in a list of YAML', `- url: other.zip\n  sha512: ${LONG}\n`, null, null],
  ['another name in YAML', `other.zip:\n  sha256: ${A}\n`, null, null],
  ['another name in a block before it', `Path : C:\\other.zip\n\nHash : ${A}\n`, null, null],
  ['another name behind the key of a digest', `Hash: other.zip\n${A}\n`, null, null],
  ['a line that is too long', `${'x '.repeat(10_000)}\n${A}\n`, null, A],
  ['certutil, foreign, perhaps of another file', certutil('SHA256-Hash von other app.bin:', A), null, A],
  ['certutil, foreign, without an ending', certutil('SHA256-Hash von Makefile:', A), null, A],
  ['a block without a hash', `Path : C:\\app.bin\nAlgorithm : SHA256\nHash : ${B}\nPath : C:\\other.zip\n`, null, null],
  ['a block without a digest', `File: app.bin\nSHA256: ${B}\nFile: other.zip\n`, null, null],
  ['blocks in one order', `Path : C:\\other.zip\nHash : ${B}\nPath : C:\\app.bin\nHash : ${A}\n`, A, A],
  ['blocks in one order, one has only MD5', `File: app.bin\nSHA256: ${A}\nFile: other.zip\nMD5: ${'0'.repeat(32)}\n`, A, A],
  ['a line in a block', `File: app.bin\nMD5: ${'0'.repeat(32)}\nother.zip\nSHA256: ${B}\n`, null, null],
  ['a line in a block, without an ending', `File: app.bin\nMakefile\nSHA256: ${B}\n`, null, null],
  ['a key in a block', `File: app.bin\nName: other.zip\nSHA256: ${B}\n`, null, null],
  ['fields in a block', `Package: app\nVersion: 1.0.rc1\nDescription: what\n goes on.\nFilename: x/app.bin\nSize: 3\nSHA256: ${A}\n`, A, A],
  ['another name before a path', `File: other.zip (same as x/app.bin\nSHA256: ${A}\n`, null, null],
  ['another name before a path, in a line', `${A}  other.zip x/app.bin\n`, null, null],
  ['another algorithm before a path', `BLAKE3 x/app.bin: ${A}\nSHA3-256: x/app.bin ${A}\n`, null, null],
  ['another algorithm above', `BLAKE2s:\n${A}  app.bin\n`, null, null],
  ['another algorithm above, with words', `BLAKE3 checksums of this release:\n${A}  app.bin\n`, null, null],
  ['another algorithm above, in Markdown', `## The \`BLAKE3\` sums\n\n${A}  app.bin\n`, null, null],
  ['this algorithm above and another in a comment', `# BLAKE3 sums are in B3SUMS.\n## SHA256 sums\n${A}  app.bin\n`, A, A],
  ['this algorithm and another name above', `## SHA256 of Makefile\n${A}\n`, null, A],
  ['another algorithm above, a lone digest', `# SHA3-256\n${A}\n`, null, null],
  ['another algorithm above, in a block', `BLAKE3\n\nFile: app.bin\nHash: ${A}\n`, null, null],
  ['another algorithm further above', `BLAKE3:\n${B}  other.zip\n\nSHA256:\n${A}  app.bin\n`, A, A],
]

for (const [name, text, inGeneral, inItsOwn] of BESIDE)
  test(`beside a digest: ${name}`, () => {
    assert.equal(digestIn(text, 'dl/app.bin', 'SHA256SUMS'), inGeneral)
    assert.equal(digestIn(text, 'dl/app.bin', 'app.bin.sha256'), inItsOwn)
  })

test('checksum files: names of files with spaces that are like other things are names', () => {
  for (const name of ['my.old file.bin', 'b3 plan.txt', 'other.zip (copy).bin', 'Keccak paper.pdf'])
    for (const text of [
      `${A}  ${name}\n${B}  y.bin\n`,
      `${B}  y.bin\n${A}  my dir/${name}\n`,
      `Path : C:\\my files\\${name}\nHash : ${A}\n`,
    ])
      assert.equal(digestIn(text, `dl/${name}`), A, text)
  assert.equal(digestIn(`${A}  v1.x dir/app.bin\n`, 'v1.x dir/app.bin'), A)
})

const OTHER_KINDS = [
  'app.bin.sha3_256',
  'sha3_256sums.txt',
  'app.bin.sha512_256',
  'SHA512-256SUMS',
  'app.bin.sha512t256',
  'app.bin.blake2b-512',
].concat([
  'app.bin.blake2b256.txt',
  'checksums_blake2b.txt',
  'blake2b_checksums.txt',
  'rel-blake3-sums.txt',
  'checksums_b3.txt',
  'app.bin.keccak256',
])

test('checksum files: of another algorithm by the end of their name', () => {
  for (const sums of OTHER_KINDS)
    for (const text of [`${A}\n`, `${A}  app.bin\n`, `${LONG}  app.bin\n`]) assert.equal(digestIn(text, 'app.bin', sums), null, sums)
  for (const sums of ['app-1.0-b3.txt', 'checksums_sha256.txt', 'app.bin.sha512', 'blake2b.bin.sha256', 'SHA512SUMS'])
    assert.equal(digestIn(`${A}  app.bin\n`, 'app.bin', sums), A, sums)
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
