/** How servers are reached and what is believed of foreign text on the way: addresses, proxies, pins, files of checksums. */
import { type Defence, unit } from './defence.ts'

export const NETWORK_DEFENCES: readonly Defence[] = [
  {
    name: 'reach-slow-address-stays',
    protects: 'from dropping a far address because it did not answer within a quarter of a second',
    edits: [
      {
        file: 'src/remotes/reach.ts',
        find: '    const made = this.#make()\n',
        replace: '    for (const { socket } of this.#attempts) socket.destroy()\n    const made = this.#make()\n',
      },
    ],
    detectors: [unit('reach', 'a slow address stays alive')],
  },
  {
    name: 'reach-losers-end',
    protects: 'from connections that nobody uses or ends',
    edits: [{ file: 'src/remotes/reach.ts', find: 'if (socket !== winner) socket.destroy()', replace: 'void (socket === winner)' }],
    detectors: [unit('reach', 'a slow address stays alive')],
  },
  {
    name: 'proxy-value-is-not-shown',
    protects: 'the password in a variable that cannot be used',
    edits: [
      {
        file: 'src/remotes/proxies.ts',
        find: "throw refused('names a SOCKS proxy, and",
        replace: "throw refused(value + 'names a SOCKS proxy, and",
      },
    ],
    detectors: [unit('proxies', 'what cannot be used')],
  },
  {
    name: 'sums-of-another-file',
    protects: 'from the digest of another file where that stands alone',
    edits: [{ file: 'src/action/sums.ts', find: ' && mayBeOf(sumsName, name)', replace: '' }],
    detectors: [unit('checksums', 'a digest without a name')],
  },
  {
    name: 'sums-of-another-algorithm',
    protects: 'from taking SHA3 or BLAKE2 for SHA-256, which is as long',
    edits: [
      { file: 'src/action/sums-lines.ts', find: 'const LABEL = /^SHA(?:2-|-)?(256|512)$/i', replace: 'const LABEL = /^.*?(256|512)$/i' },
    ],
    detectors: [unit('checksums', 'another algorithm')],
  },
  {
    name: 'sums-below-a-header-of-another-file',
    protects: 'from the digest of another file, which a line before it names',
    edits: [{ file: 'src/action/sums-block.ts', find: 'header === null ? null : belowHeader(header, bare)', replace: 'null' }],
    detectors: [unit('checksum-forms', 'certutil')],
  },
  {
    name: 'sums-beside-the-name-of-another-file',
    protects: 'from the digest of another file, which stands in its block',
    edits: [
      { file: 'src/action/sums-block.ts', find: '    if (name === null) return this', replace: '    if (name !== undefined) return this' },
    ],
    detectors: [unit('checksum-forms', 'of another file')],
  },
  {
    name: 'sums-on-both-sides-of-a-name',
    protects: 'from the digest of another file, which follows the name',
    edits: [
      {
        file: 'src/action/sums-block.ts',
        find: 'this.isUnclear || (this.#before > 0 &&',
        replace: 'this.isUnclear || (this.#before < 0 &&',
      },
    ],
    detectors: [unit('checksum-forms', 'on both sides')],
  },
  {
    name: 'sums-beside-another-name',
    protects: 'from the digest of another file, which any line beside it names',
    edits: [{ file: 'src/action/sums.ts', find: ' && isAlone(sums.beside, sumsName, name)', replace: '' }],
    detectors: [unit('checksum-forms', 'beside a digest: another name')],
  },
  {
    name: 'sums-below-a-foreign-header',
    protects: 'from the digest of another file, whose name ends like this one in a language nobody reads',
    edits: [
      { file: 'src/action/sums.ts', find: 'stemOf(sumsName) === name && endsSo', replace: 'endsSo' },
      { file: 'src/action/sums.ts', find: 'return beside.every((line) => isNameOf(line, name))', replace: 'return true' },
    ],
    detectors: [unit('checksum-forms', 'certutil, foreign')],
  },
  {
    name: 'sums-in-a-block-with-other-lines',
    protects: 'from the digest of another file, whose name stands in the block without a key',
    edits: [
      {
        file: 'src/action/sums-block.ts',
        find: '#entries.length > 0)) this.isUnclear = true',
        replace: '#entries.length > 0)) this.add([])',
      },
    ],
    detectors: [unit('checksum-forms', 'a line in a block')],
  },
  {
    name: 'sums-in-blocks-of-another-order',
    protects: 'from the digest of the next file, where one has none',
    edits: [
      {
        file: 'src/action/sums-block.ts',
        find: 'this.#before?.differsFrom(this.#block) === true',
        replace: 'this.#before === this.#block',
      },
    ],
    detectors: [unit('checksum-forms', 'a block without a')],
  },
  {
    name: 'sums-before-a-path',
    protects: 'from the digest of another file or algorithm that is named before a path which ends like this one',
    edits: [{ file: 'src/action/sums.ts', find: '!isMoreThanPath(entry.name)', replace: "entry.name !== ''" }],
    detectors: [unit('checksum-forms', 'before a path')],
  },
  {
    name: 'sums-below-another-algorithm',
    protects: 'from taking SHA3 or BLAKE2 for SHA-256 where only a heading says so',
    edits: [{ file: 'src/action/sums-block.ts', find: "isOther = section === 'other'", replace: 'isOther = false' }],
    detectors: [unit('checksum-forms', 'another algorithm above')],
  },
  {
    name: 'sums-named-after-another-algorithm',
    protects: 'from taking SHA3 or BLAKE2 for SHA-256 where only the name of the file says so',
    edits: [
      { file: 'src/action/sums.ts', find: 'const sums: Sums = isOfOtherKind(sumsName)', replace: "const sums: Sums = sumsName === ''" },
    ],
    detectors: [unit('checksum-forms', 'by the end of their name')],
  },
  {
    name: 'sums-in-a-comment',
    protects: 'from a digest that somebody took out',
    edits: [
      { file: 'src/action/sums-lines.ts', find: '/^(?:[#;]|\\/\\/)/.test(bare) ? null : nameFirst(bare)', replace: 'nameFirst(bare)' },
    ],
    detectors: [unit('checksum-forms', 'a comment')],
  },
  {
    name: 'sums-that-differ',
    protects: 'from choosing one of two digests of one name',
    edits: [{ file: 'src/action/sums.ts', find: 'found.every(({ hex }) => hex === first.hex)', replace: 'found.length > 0' }],
    detectors: [unit('checksums', 'different')],
  },
  {
    name: 'pin-of-its-own-kind',
    protects: 'from taking the digest of another algorithm for a pin',
    edits: [{ file: 'src/remotes/pins.ts', find: "if (algorithm === 'sha256') return", replace: "if (algorithm !== 'sha512') return" }],
    detectors: [unit('pins', 'what is no SHA-256 is refused')],
  },
]
