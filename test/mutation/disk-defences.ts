/** The runner's disk, and where the journal is kept: src/local, src/state. */
import { contract, type Defence, here, unit } from './defence.ts'

const LOCK = 'src/local/lock.ts'
const PROCESS = 'src/local/process-identity.ts'
const PLACE = 'src/local/partial-place.ts'
const PARTIAL = 'src/local/partial.ts'
const ALIASES = 'src/local/aliases.ts'
const KEEPER = 'src/state/keeper.ts'

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
      { file: PLACE, find: 'return stat.isFile() && stat.nlink === 1n', replace: 'return !stat.isDirectory() && stat.nlink === 1n' },
      { file: PLACE, find: 'const READ_AND_WRITE = constants.O_RDWR | NO_FOLLOW |', replace: 'const READ_AND_WRITE = constants.O_RDWR |' },
      { file: PLACE, find: 'isPlainAndOurs(opened) && isSameFile(opened, found)', replace: 'isPlainAndOurs(opened)' },
    ],
    detectors: [unit('target', 'links in the place')],
  },
  {
    name: 'partial-is-a-file-of-its-own',
    protects: 'from writing into a file that has another name too',
    edits: [{ file: PLACE, find: 'return stat.isFile() && stat.nlink === 1n &&', replace: 'return stat.isFile() &&' }],
    detectors: [unit('target', 'links in the place')],
  },
  {
    name: 'partial-is-of-this-user',
    protects: 'from building on a file that another user has made and may have open',
    edits: [{ file: PLACE, find: '(user === undefined || stat.uid === BigInt(user))', replace: '(user === undefined || stat.uid >= 0n)' }],
    detectors: [unit('target', 'of another user')],
  },
  {
    name: 'partial-has-one-process',
    protects: 'from two downloads that write into one partial, where one cuts what the other has proven',
    edits: [
      {
        file: PLACE,
        find: 'if (lock === null) return openPrivate(directory, name, tag)',
        replace: 'if (lock === null) return openShared(path)',
      },
      {
        file: PLACE,
        find: 'async function openPrivate(',
        replace:
          'async function openShared(path: string): Promise<PartialPlace> {\n  const handle = (await openOwn(path)) as FileHandle\n  return { path, handle, lock: { release: async () => {} }, isPrivate: false }\n}\n\nasync function openPrivate(',
      },
    ],
    detectors: [unit('target', 'while one has the partial')],
  },
  {
    name: 'lock-is-taken-over-by-one',
    protects: 'from two that both take over the lock of a process that has ended',
    edits: [
      { file: LOCK, find: 'if (!(await take(claim, null, mine, depth + 1))) return false', replace: 'if (depth > DEPTH_MAX) return false' },
    ],
    detectors: [unit('lock', 'exactly one takes over')],
  },
  {
    name: 'lock-knows-a-reused-process-id',
    protects: 'from waiting a day for a process whose number was given to another one',
    edits: [{ file: PROCESS, find: 'return now.started !== other.started || now.dead', replace: 'return now.dead' }],
    detectors: [unit('lock', 'got its number afterwards')],
  },
  {
    name: 'lock-of-another-machine-holds',
    protects: 'from taking over what a process of another machine or container writes',
    edits: [
      {
        file: PROCESS,
        find: 'const sameSpace = other.boot === me.boot && other.space === me.space &&',
        replace: 'const sameSpace = other.boot === me.boot &&',
      },
    ],
    detectors: [unit('lock', 'cannot be asked')],
  },
  {
    name: 'private-partials-are-known-by-their-lock',
    protects: "from removing the live partial of an upload, when a server's folder is downloaded into",
    edits: [{ file: PLACE, find: 'if (!(await isAbandoned(found, partial, nowMs))) continue', replace: 'if (nowMs < 0) continue' }],
    detectors: [unit('target', 'what killed processes have left')],
  },
  {
    name: 'digest-is-of-our-own-writes',
    protects: 'from a running digest that never saw what somebody else wrote into the partial',
    edits: [
      {
        file: PARTIAL,
        find: 'const same = now.size === before.size && now.mtimeNs === before.mtimeNs && now.ctimeNs === before.ctimeNs',
        replace: 'const same = now.size === before.size',
      },
    ],
    detectors: [unit('target', 'counts for nothing')],
  },
  {
    name: 'partial-is-as-long-as-it-was-written',
    protects: 'from a hole where somebody else cut the partial between two writes',
    edits: [
      {
        file: PARTIAL,
        find: 'if (seen === null || seen.size !== this.end) this.disturbed = true',
        replace: 'if (seen === null) this.disturbed = true',
      },
    ],
    detectors: [unit('target', 'cut behind our back')],
  },
  {
    name: 'blocks-in-doubt-are-looked-at-again',
    protects: 'from building on blocks that somebody else wrote over since this process received them',
    edits: [
      {
        file: 'src/engine/download-keep.ts',
        find: 'else if (!session.decided || session.doubtful)',
        replace: 'else if (!session.decided)',
      },
    ],
    detectors: [here('download', 'looked for block by block')],
  },
  {
    name: 'what-is-published-was-proven',
    protects: 'from publishing what somebody else wrote into the partial after it was proven',
    edits: [{ file: PARTIAL, find: '    await this.confirm(NEVER)\n', replace: '' }],
    detectors: [unit('target', 'counts for nothing')],
  },
  {
    name: 'published-name-is-our-file',
    protects: 'from publishing another file that has taken the name of the partial',
    edits: [{ file: PARTIAL, find: 'if (!named.isFile() || !isSameFile(named, ours)) throw', replace: 'if (named.isDirectory()) throw' }],
    detectors: [unit('target', 'means another file now'), unit('target', 'is a link now')],
  },
  {
    name: 'published-file-has-one-name',
    protects: 'from publishing a file that somebody can write to by another name',
    edits: [{ file: PARTIAL, find: 'if (ours.nlink !== 1n) throw', replace: 'if (ours.nlink < 1n) throw' }],
    detectors: [unit('target', 'has a second')],
  },
  {
    name: 'targets-are-told-apart',
    protects: 'from two lines that write one file, of which only the last is in place',
    edits: [{ file: ALIASES, find: '  if (i === undefined) return true\n', replace: '  if (i === undefined) return false\n' }],
    detectors: [unit('aliases', 'a link among the directories')],
  },
  {
    name: 'targets-are-looked-at-again',
    protects: 'from a green step that took away one of its own files',
    edits: [
      {
        file: ALIASES,
        find: 'if (other !== undefined && (target.digest === null || target.digest !== other.digest))',
        replace: 'if (other !== undefined && target.path === other.path)',
      },
    ],
    detectors: [unit('aliases', 'two names of one file')],
  },
  {
    name: 'targets-keep-their-size',
    protects: 'from a green step over a file that was cut meanwhile',
    edits: [{ file: ALIASES, find: 'about.size === BigInt(target.size)) return null', replace: 'about.size >= 0n) return null' }],
    detectors: [unit('aliases', 'gone, replaced')],
  },
  {
    name: 'digest-begins-anew-after-a-cut',
    protects: 'from a digest that holds bytes which a truncation took away',
    edits: [
      { file: PARTIAL, find: '    this.said.clear()\n    await this.stopAlongside()\n', replace: '    this.said.clear()\n' },
      { file: PARTIAL, find: '    if (position < this.settledTo) await this.stopAlongside()\n', replace: '' },
    ],
    detectors: [here('gaps', 'a digest that had begun')],
  },
  {
    name: 'digest-begins-anew-after-a-rewrite',
    protects: 'from a digest that holds bytes which were fetched once more',
    edits: [{ file: PARTIAL, find: '    if (position < this.settledTo) await this.stopAlongside()\n', replace: '' }],
    detectors: [unit('target', 'bytes that were taken for final')],
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
        find: 'journal = { ...emptyJournal(id), sequence, hosts, entries',
        replace: 'journal = { ...emptyJournal(id), hosts, entries',
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
    name: 'state-is-ours',
    protects: 'from another user whose state vouches for bytes that were never received',
    edits: [{ file: 'src/state/ownership.ts', find: 'if (about.uid !== user) return', replace: 'if (about.uid < 0) return' }],
    detectors: [contract('state-store', 'belongs to another user'), contract('state-store', 'folder of another user')],
  },
  {
    name: 'state-is-closed-to-others',
    protects: 'from a state that any user of the machine may replace',
    edits: [{ file: 'src/state/ownership.ts', find: 'const WRITABLE_BY_OTHERS = 0o022', replace: 'const WRITABLE_BY_OTHERS = 0' }],
    detectors: [contract('state-store', 'that others may write'), unit('state-places', 'that others may write')],
  },
  {
    name: 'journal-holds-this-step-s-files',
    protects: 'from a journal that others filled until nothing of ours fits',
    edits: [{ file: KEEPER, find: '.filter((entry) => ports.keys.has(entry.key))', replace: '' }],
    detectors: [unit('keeper', 'no file of this step')],
  },
  {
    name: 'journal-is-saved-as-far-as-it-fits',
    protects: 'from losing the progress of all files because one has too many blocks',
    edits: [{ file: 'src/core/journal.ts', find: '    if (bytes > BYTES_MAX) break\n', replace: '' }],
    detectors: [unit('keeper', 'recorded longest ago')],
  },
  {
    name: 'only-our-own-uploads-are-marked-as-ended',
    protects: 'from taking over a partial that another process still writes',
    edits: [{ file: KEEPER, find: '.filter((entry) => recorded.has(entry.key))', replace: '' }],
    detectors: [unit('keeper', 'marked as ended')],
  },
  {
    name: 'post-marks-only-what-a-dead-main-wrote',
    protects: 'from taking over a partial that main still writes in its container',
    edits: [{ file: 'src/action/finish.ts', find: 'return main !== null && hasEnded', replace: 'return main === null || hasEnded' }],
    detectors: [unit('finish', 'main runs on')],
  },
  {
    name: 'post-leaves-what-main-had-found',
    protects: 'from taking over a partial that a process of another machine still writes',
    edits: [{ file: 'src/action/finish.ts', find: '      .filter((mark) => !foreign.has(mark)),\n', replace: '' }],
    detectors: [unit('finish', 'main is gone')],
  },
  {
    name: 'store-hears-of-a-transfer-soon',
    protects: 'from a partial that nobody knows of when the machine is lost in its first minutes',
    edits: [{ file: 'src/action/checkpoints.ts', find: 'const FIRST_MS = 8000', replace: 'const FIRST_MS = 80_000' }],
    detectors: [unit('checkpoints', 'within ten seconds')],
  },
  {
    name: 'download-journal-stays-on-its-machine',
    protects: 'from whoever can write the cache vouching for bytes on a disk',
    edits: [{ file: 'src/action/state-places.ts', find: "  if (job.direction === 'download') return at(temporary)\n", replace: '' }],
    detectors: [unit('state-places')],
  },
]
