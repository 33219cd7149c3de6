/** What is read back from a journal, and the names and identities that hang on it: src/core. */
import { type Defence, here, unit } from './defence.ts'

const JOURNAL = 'src/core/journal.ts'
const HOSTS = 'src/core/journal-hosts.ts'
const STRICT = 'src/core/strict.ts'
const GOLDEN = [unit('journal', 'golden: damaged')]

export const JOURNAL_DEFENCES: readonly Defence[] = [
  {
    name: 'journal-digest',
    protects: 'from a damaged journal',
    edits: [
      {
        file: JOURNAL,
        find: `if (cut < 0 || text.slice(cut) !== \`\\n\${createHash('sha256').update(line).digest('hex')}\\n\`) return null`,
        replace: 'if (cut < 0) return null',
      },
    ],
    detectors: GOLDEN,
    maskedBy: {
      name: 'journal-has-one-spelling',
      why: 'the digest is written back as well, so that another one is another text; the digest only spares the parsing',
    },
  },
  {
    name: 'journal-has-one-spelling',
    protects: 'from a journal that two readers understand differently',
    edits: [
      { file: JOURNAL, find: 'return journal !== null && encodeJournal(journal) === text ? journal : null', replace: 'return journal' },
    ],
    detectors: GOLDEN,
  },
  {
    name: 'journal-has-a-limit',
    protects: 'from a journal that takes minutes and gigabytes to read',
    edits: [{ file: JOURNAL, find: 'if (bytes.byteLength > BYTES_MAX) return null', replace: 'if (bytes.byteLength < 0) return null' }],
    detectors: [here('gaps', 'a journal of more than 8 MiB')],
  },
  {
    name: 'journal-has-few-blocks',
    protects: 'from a block size that makes millions of blocks',
    edits: [{ file: JOURNAL, find: '  if (blockCount(source.size, blockSize) > BLOCKS_MAX) return null\n', replace: '' }],
    detectors: [here('gaps', 'a journal of more blocks')],
  },
  {
    name: 'journal-ranges-are-in-the-file',
    protects: 'from ranges beyond the end of the file',
    edits: [{ file: JOURNAL, find: ' || start >= end || end > size || ', replace: ' || start >= end || ' }],
    detectors: GOLDEN,
  },
  {
    name: 'journal-ranges-are-in-order',
    protects: 'from ranges that overlap or run backwards',
    edits: [{ file: JOURNAL, find: ' || start <= (ranges.at(-1)?.end ?? -1)) return null', replace: ') return null' }],
    detectors: GOLDEN,
    maskedBy: { name: 'journal-has-one-spelling', why: 'a set of ranges is written back in order, so that another order is another text' },
  },
  {
    name: 'journal-keys-are-known',
    protects: 'from fields that this version does not understand',
    edits: [{ file: STRICT, find: 'return keys.length === names.length && names.every', replace: 'return names.every' }],
    detectors: GOLDEN,
    maskedBy: { name: 'journal-has-one-spelling', why: 'an unknown field is not written back, so that the text is another' },
  },
  {
    name: 'journal-entries-are-different',
    protects: 'from two entries for one file',
    edits: [{ file: JOURNAL, find: 'if (entry === null || keys.has(entry.key)) return null', replace: 'if (entry === null) return null' }],
    detectors: GOLDEN,
  },
  {
    name: 'journal-hosts-are-different',
    protects: 'from two memories of one server',
    edits: [
      {
        file: HOSTS,
        find: '!isTag(fields.key) || hosts.has(fields.key)) return null',
        replace: '!isTag(fields.key)) return null',
      },
    ],
    detectors: GOLDEN,
    maskedBy: { name: 'journal-has-one-spelling', why: 'only one of them is written back, so that the text is another' },
  },
  {
    name: 'journal-hosts-are-few',
    protects: 'from a memory of servers without bounds',
    edits: [{ file: HOSTS, find: ' || values.length > HOSTS_MAX) return null', replace: ') return null' }],
    detectors: GOLDEN,
  },
  {
    name: 'journal-shapes-are-known',
    protects: 'from temporary names of a shape that this version does not make',
    edits: [
      {
        file: HOSTS,
        find: 'const shape = NAME_SHAPES.find((known) => known === fields.shape)',
        replace: 'const shape = fields.shape as NameShape | undefined',
      },
    ],
    detectors: GOLDEN,
  },
  {
    name: 'journal-rates-have-a-limit',
    protects: 'from a rate of sending that was made up to be faster than anything',
    edits: [{ file: HOSTS, find: '(isCount(value) && value <= SENDS_MAX)', replace: 'isCount(value)' }],
    detectors: GOLDEN,
  },
  {
    name: 'journal-version',
    protects: 'from a journal of another version or program',
    edits: [
      {
        file: JOURNAL,
        find: 'if (fields === null || fields.format !== FORMAT || fields.version !== 3) return null',
        replace: 'if (fields === null) return null',
      },
    ],
    detectors: GOLDEN,
    maskedBy: { name: 'journal-has-one-spelling', why: 'it is written back with our own format and version' },
  },
  {
    name: 'journal-numbers-are-counts',
    protects: 'from negative, broken or unsafe offsets',
    edits: [
      {
        file: STRICT,
        find: "return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)",
        replace: "return typeof value === 'number'",
      },
    ],
    detectors: GOLDEN,
  },
  {
    name: 'journal-digests-have-their-length',
    protects: 'from keys and digests that are cut or no hex',
    edits: [
      {
        file: STRICT,
        find: "return typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value)",
        replace: "return typeof value === 'string' && length > 0",
      },
    ],
    detectors: GOLDEN,
  },
  {
    name: 'journal-sequence-has-a-limit',
    protects: 'from a sequence that was made up to be the newest for ever',
    edits: [{ file: JOURNAL, find: ' || fields.sequence > SEQUENCE_MAX) return null', replace: ') return null' }],
    detectors: [...GOLDEN, unit('keeper', 'a sequence that was made up')],
  },
  {
    name: 'journal-nonce-has-its-form',
    protects: 'from a nonce that is a path or no text at all',
    edits: [{ file: JOURNAL, find: '(nonce !== null && !isHex(nonce, NONCE_HEX_LENGTH)) || ', replace: '' }],
    detectors: GOLDEN,
  },
  {
    name: 'journal-block-size-is-a-power-of-two',
    protects: 'from a block size that nobody writes',
    edits: [
      {
        file: JOURNAL,
        find: ' || !isPowerOfTwo(blockSize)) return null',
        replace: ' || blockSize + 0 * Number(isPowerOfTwo(1)) < 1) return null',
      },
    ],
    detectors: GOLDEN,
  },
  {
    name: 'journal-validator-has-a-limit',
    protects: 'from a validator that no server sends',
    edits: [
      {
        file: JOURNAL,
        find: "return typeof value === 'string' && value.length > 0 && value.length <= VALIDATOR_LENGTH_MAX",
        replace: "return typeof value === 'string'",
      },
    ],
    detectors: GOLDEN,
  },
  {
    name: 'what-a-journal-cannot-hold-is-no-identity',
    protects: 'from one strange header that makes the journal unreadable',
    edits: [
      {
        file: 'src/engine/download-session.ts',
        find: 'tag !== null && tag.length > 0 && tag.length <= VALIDATOR_LENGTH_MAX',
        replace: 'tag !== null',
      },
    ],
    detectors: [unit('download', 'does not spoil the journal')],
  },
  {
    name: 'fingerprint-covers-every-block',
    protects: 'from two contents with one fingerprint',
    edits: [
      {
        file: 'src/core/fingerprint.ts',
        find: "for (const block of digests.blocks) hash.update(block, 'hex')",
        replace: "for (const block of digests.blocks.slice(0, 1)) hash.update(block, 'hex')",
      },
    ],
    detectors: [unit('fingerprint', 'contentFingerprint')],
  },
  {
    name: 'fingerprints-differ-by-size',
    protects: 'from two sizes with one fingerprint',
    edits: [{ file: 'src/core/fingerprint.ts', find: '  if (a.size !== b.size) return false\n', replace: '' }],
    detectors: [unit('fingerprint', 'sameFingerprint')],
  },
  {
    name: 'long-names-never-share-a-partial',
    protects: 'from two long names that begin alike and get one partial',
    edits: [
      {
        file: 'src/core/paths.ts',
        find: `~\${createHash('sha256').update(name).digest('hex').slice(0, 8)}`,
        replace: `~\${createHash('sha256').update('').digest('hex').slice(0, 8)}`,
      },
    ],
    detectors: [unit('paths', 'never share a partial')],
  },
  {
    name: 'block-check-is-keyed',
    protects: 'from bytes that somebody made to fit a check that he knows',
    edits: [
      {
        file: 'src/core/block-check.ts',
        find: "createSecretKey(Buffer.from(keyHex, 'hex'))",
        replace: "createSecretKey(Buffer.alloc(Buffer.from(keyHex, 'hex').length))",
      },
    ],
    detectors: [unit('block-check')],
  },
  {
    name: 'block-check-covers-the-bytes',
    protects: 'from other bytes with the same check',
    edits: [{ file: 'src/core/block-check.ts', find: '    mac.setAAD(bytes)\n', replace: '    mac.setAAD(bytes.subarray(0, 16))\n' }],
    detectors: [unit('block-check')],
  },
]
