/** The runner's disk, and where the journal is kept: src/local, src/state. */
import { contract, type Defence, here, unit } from './defence.ts'

export const DISK_DEFENCES: readonly Defence[] = [
  {
    name: 'source-blocks-are-compared-while-reading',
    protects: 'from sending bytes of another version than the one that was hashed',
    edits: [
      {
        file: 'src/local/source.ts',
        find: 'if (this.check(block) !== this.checks[index]) throw',
        replace: 'if (this.checks[index] === undefined) throw',
      },
    ],
    detectors: [unit('source', 'changed between hashing and reading')],
  },
  {
    name: 'source-is-checked-after-hashing',
    protects: 'from a fingerprint that is of two versions',
    edits: [{ file: 'src/local/source.ts', find: '    await this.recheck()\n', replace: '' }],
    detectors: [unit('source', 'shrunk or grown')],
  },
  {
    name: 'source-has-its-size',
    protects: 'from sending a source that grew or shrank',
    edits: [{ file: 'src/local/source.ts', find: 'if (now.size !== this.opened.size) throw', replace: 'if (now.size < 0) throw' }],
    detectors: [unit('source', 'shrunk or grown')],
    maskedBy: { name: 'source-has-its-times', why: 'a file whose size changes gets another time of change as well' },
  },
  {
    name: 'source-has-its-times',
    protects: 'from sending a source that was written to',
    edits: [
      {
        file: 'src/local/source.ts',
        find: 'if ((now.ctimeNs !== this.opened.ctimeNs && !renamed) || now.mtimeNs !== this.opened.mtimeNs) throw',
        replace: 'if (now.ctimeNs < 0 && !renamed) throw',
      },
    ],
    detectors: [here('upload', 'rewritten after its last byte was read')],
  },
  {
    name: 'source-is-a-plain-file',
    protects: 'from waiting for the writer of a FIFO, or reading a device without end',
    edits: [{ file: 'src/local/source.ts', find: 'if (stat.isFile()) return handle', replace: 'if (stat.size >= 0) return handle' }],
    detectors: [unit('source', 'no plain file')],
  },
  {
    name: 'digest-thread-tells-a-short-file',
    protects: 'from a digest of fewer bytes than the file is said to have',
    edits: [
      {
        file: 'src/local/digest-worker.ts',
        find: 'if (length === 0) throw new Short(at)',
        replace: 'if (length === 0) return target.subarray(0, end - at).fill(0)',
      },
    ],
    detectors: [unit('file-digester', 'ends early')],
  },
  {
    name: 'partial-is-no-link',
    protects: 'from writing through a link that somebody put in the place of the partial',
    edits: [
      {
        file: 'src/local/target.ts',
        find: 'constants.O_RDWR | constants.O_CREAT | NO_FOLLOW, 0o644',
        replace: 'constants.O_RDWR | constants.O_CREAT, 0o644',
      },
    ],
    detectors: [unit('target', 'links and anything')],
  },
  {
    name: 'partial-is-a-file-of-its-own',
    protects: 'from writing into a file that has another name too',
    edits: [{ file: 'src/local/target.ts', find: 'if (!opened.isFile() || opened.nlink !== 1) {', replace: 'if (!opened.isFile()) {' }],
    detectors: [unit('target', 'links and anything')],
  },
  {
    name: 'digest-begins-anew-after-a-cut',
    protects: 'from a digest that holds bytes which a truncation took away',
    edits: [
      {
        file: 'src/local/target.ts',
        find: '    truncate: async (size) => {\n      await stopAlongside()\n',
        replace: '    truncate: async (size) => {\n',
      },
    ],
    detectors: [here('gaps', 'a digest that had begun')],
  },
  {
    name: 'newer-journal-wins',
    protects: 'from going on by the older of two journals',
    edits: [
      {
        file: 'src/state/keeper.ts',
        find: 'local !== null && local.sequence >= (remote?.sequence ?? 0) ? local : remote',
        replace: 'local ?? remote',
      },
    ],
    detectors: [unit('keeper', 'the newer is taken')],
  },
  {
    name: 'sequence-only-grows',
    protects: 'from a journal that counts as older than the one it follows',
    edits: [
      {
        file: 'src/state/keeper.ts',
        find: 'journal = { ...emptyJournal(id), sequence, entries',
        replace: 'journal = { ...emptyJournal(id), entries',
      },
    ],
    detectors: [unit('keeper', 'the newer is taken')],
  },
  {
    name: 'journal-is-of-this-step',
    protects: "from another step's journal",
    edits: [
      { file: 'src/state/keeper.ts', find: 'if (decoded?.id === id) return decoded', replace: 'if (decoded !== null) return decoded' },
    ],
    detectors: [unit('keeper', 'cannot be used or read')],
  },
  {
    name: 'newest-journal-is-written-last',
    protects: 'from a disk that keeps an older journal than the one recorded last',
    edits: [{ file: 'src/state/keeper.ts', find: '    while (dirty) {\n      dirty = false\n', replace: '    {\n      dirty = false\n' }],
    detectors: [unit('keeper', 'while a write is under way')],
  },
  {
    name: 'recorded-means-on-the-disk',
    protects: 'from trusting in a journal that is not written yet',
    edits: [{ file: 'src/state/keeper.ts', find: '    return writing\n', replace: '    return Promise.resolve()\n' }],
    detectors: [here('gaps', 'a record resolves')],
  },
  {
    name: 'state-is-replaced-whole',
    protects: 'from half a state when the process dies while it saves',
    edits: [
      { file: 'src/state/file-store.ts', find: 'import { type FileHandle, lstat,', replace: 'import { copyFile, type FileHandle, lstat,' },
      {
        file: 'src/state/file-store.ts',
        find: 'await rename(temporary, join(directory, name))',
        replace: 'await copyFile(temporary, join(directory, name))',
      },
    ],
    detectors: [contract('state-store', 'a hard link of the old state')],
  },
  {
    name: 'state-is-no-link',
    protects: 'from reading a state through a link that somebody put there',
    edits: [
      {
        file: 'src/state/file-store.ts',
        find: 'if ((await lstat(path)).isSymbolicLink()) throw',
        replace: 'if ((await lstat(path)).size < 0) throw',
      },
      {
        file: 'src/state/file-store.ts',
        find: 'constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)',
        replace: 'constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)',
      },
    ],
    detectors: [contract('state-store', 'links are not read')],
  },
  {
    name: 'state-has-a-limit',
    protects: 'from reading a file without end into memory',
    edits: [{ file: 'src/state/file-store.ts', find: 'if (size > STATE_BYTES_MAX) throw', replace: 'if (size < 0) throw' }],
    detectors: [contract('state-store', 'larger than any state')],
  },
  {
    name: 'download-journal-stays-on-its-machine',
    protects: 'from whoever can write the cache vouching for bytes on a disk',
    edits: [{ file: 'src/action/state-places.ts', find: "  if (job.direction === 'download') return at(temporary)\n", replace: '' }],
    detectors: [unit('state-places')],
  },
]
