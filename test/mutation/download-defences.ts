/** The way down: src/engine/download*.ts, assembler.ts, plan.ts. */
import { type Defence, here, simulated, unit } from './defence.ts'

export const DOWNLOAD_DEFENCES: readonly Defence[] = [
  {
    name: 'kept-blocks-are-checked',
    protects: 'from keeping blocks of the local partial that are no longer what was received',
    edits: [
      { file: 'src/engine/download-keep.ts', find: '    if (session.check(block.subarray(0, filled)) !== check) continue\n', replace: '' },
    ],
    detectors: [here('download', 'a damaged block of the partial')],
  },
  {
    name: 'identity-is-looked-at-again',
    protects: 'from a blend of two versions when the file is rewritten while it is read',
    edits: [{ file: 'src/engine/download.ts', find: 'if (!same || isRedated(fingerprint, file, now))', replace: 'if (now === null)' }],
    detectors: [here('download', 'rewritten while it is read')],
  },
  {
    name: 'kept-blocks-are-compared-with-the-server',
    protects: 'from a blend of two versions that have the same size and date',
    edits: [
      {
        file: 'src/engine/download-keep.ts',
        find: "if (ours.digest('hex') === theirs.digest('hex')) continue",
        replace: 'if (ours !== theirs) continue',
      },
    ],
    detectors: [here('download', 'same size and date is not blended')],
  },
  {
    name: 'further-places-are-compared',
    protects: 'from a blend of two versions with the same size, date, beginning and end of the kept part',
    edits: [{ file: 'src/engine/download-keep.ts', find: 'i < PLACES_BY_CHANCE', replace: 'i < -PLACES_BY_CHANCE' }],
    detectors: [unit('download-samples', 'every kept byte can be met')],
  },
  {
    name: 'the-beginning-is-compared',
    protects: 'from a blend of two versions with the same size and date that differ in their headers',
    edits: [
      {
        file: 'src/engine/download-keep.ts',
        find: '    { start: first.start, end: Math.min(first.end, first.start + bytes) },\n',
        replace: '',
      },
    ],
    detectors: [unit('download-samples', 'the beginning and the end')],
  },
  {
    name: 'size-alone-is-no-identity',
    protects: 'from continuing a file of which only the size is known',
    edits: [
      {
        file: 'src/engine/download-keep.ts',
        find: 'fingerprint !== null && identifies(fingerprint) && session.rangesWork',
        replace: 'fingerprint !== null && session.rangesWork',
      },
    ],
    detectors: [here('download', 'a server that tells no date')],
  },
  {
    name: 'a-missing-date-equals-nothing',
    protects: 'from taking two files without a date for the same',
    edits: [
      {
        file: 'src/core/fingerprint.ts',
        find: 'if (a.modifiedAtMs === null || b.modifiedAtMs === null) return a.etag !== null',
        replace: 'if (a.modifiedAtMs === null || b.modifiedAtMs === null) return true',
      },
    ],
    detectors: [unit('fingerprint', 'sameFingerprint')],
  },
  {
    name: 'journal-is-of-the-same-source',
    protects: 'from keeping blocks that the journal recorded of another version',
    edits: [{ file: 'src/engine/plan.ts', find: ' || !sameFingerprint(entry.source, source)) return []', replace: ') return []' }],
    detectors: [unit('plan', 'keepableBlocks')],
  },
  {
    name: 'journal-without-key-keeps-nothing',
    protects: "from an upload's journal, which may come from the cache, vouching for bytes on a disk",
    edits: [
      {
        file: 'src/engine/plan.ts',
        find: 'entry === null || entry.checkKey === null || entry.blockSize',
        replace: 'entry === null || entry.blockSize',
      },
    ],
    detectors: [unit('plan', 'keepableBlocks')],
  },
  {
    name: 'only-whole-recorded-blocks-are-kept',
    protects: 'from keeping a block that was never received to its end',
    edits: [
      {
        file: 'src/engine/plan.ts',
        find: 'containsRange(entry.acknowledged, range) && range.end <= partialSize',
        replace: 'range.end <= partialSize',
      },
    ],
    detectors: [unit('plan', 'keepableBlocks')],
  },
  {
    name: 'begun-file-is-the-same-file',
    protects: 'from fetching another version where on-change: fail forbids it',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: 'if (known === null || isSame(fingerprintOf(file), known)) return file',
        replace: 'if (file !== null) return file',
      },
    ],
    detectors: [here('download', 'on-change: fail')],
  },
  {
    name: 'begun-file-without-a-date-has-its-size',
    protects: 'from recording a longer version under the size of the one that was begun',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: 'if (!identifies(known) && (fingerprint === null || fingerprint.size === file.size)) return file',
        replace: 'if (!identifies(known)) return file',
      },
    ],
    detectors: [unit('download', 'a source without a date that has another size')],
  },
  {
    name: 'on-change-fail-download',
    protects: 'from fetching another version where on-change: fail forbids it',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: "if (session.policy.onChange === 'fail') throw error",
        replace: "if (session.policy.onChange !== 'fail' && session.policy.onChange !== 'restart') throw error",
      },
    ],
    detectors: [here('download', 'on-change: fail')],
  },
  {
    name: 'restart-forgets',
    protects: 'from going on with what was kept of the old version',
    edits: [{ file: 'src/engine/download.ts', find: '    await session.discard()\n', replace: '' }],
    detectors: [simulated('download', 'openssh'), simulated('download', 'mod_sftp')],
  },
  {
    name: 'read-never-resolves-short',
    protects: 'from a hole in a partial that has its full length',
    edits: [
      {
        file: 'src/engine/download-session.ts',
        find: 'if (moved < bytes && Number.isFinite(bytes)) throw',
        replace: 'if (moved < 0 && Number.isFinite(bytes)) throw',
      },
    ],
    detectors: [unit('download', 'resolves short')],
  },
  {
    name: 'read-never-delivers-more',
    protects: 'from bytes beyond the range that was asked for',
    edits: [{ file: 'src/engine/download-session.ts', find: 'if (moved > bytes) throw', replace: 'if (moved < 0) throw' }],
    detectors: [unit('download', 'delivers too much')],
  },
  {
    name: 'longer-partial-is-cut-download',
    protects: 'from a partial that is longer than the file, which never gets its length',
    edits: [
      {
        file: 'src/engine/download-keep.ts',
        find: 'else if (fingerprint !== null && size > fingerprint.size) await',
        replace: 'else if (fingerprint !== null && size < 0) await',
      },
    ],
    detectors: [simulated('download', 'openssh')],
  },
  {
    name: 'block-is-written-before-it-is-recorded',
    protects: 'from a journal that claims blocks that never reached the disk',
    edits: [
      {
        file: 'src/engine/assembler.ts',
        find: `    const job = this.partial
      .write(range.start, bytes)
      .then(() => this.written({ index: Math.floor(range.start / this.blockSize), range, check }))`,
        replace: `    this.written({ index: Math.floor(range.start / this.blockSize), range, check })
    const job = this.partial
      .write(range.start, bytes)`,
      },
    ],
    detectors: [here('download', 'the journal never claims')],
  },
  {
    name: 'failed-write-surfaces',
    protects: 'from going on after the disk refused a block',
    edits: [
      {
        file: 'src/engine/assembler.ts',
        find: '    await this.drain()\n    if (this.failure !== null) throw this.failure.error\n',
        replace: '    await this.drain()\n',
      },
    ],
    detectors: [unit('assembler', 'a write that fails')],
  },
  {
    name: 'given-checksum-compares',
    protects: 'from publishing a file that does not have the checksum that the user gave',
    edits: [
      { file: 'src/engine/download-proof.ts', find: 'if (ours !== checksum.hex) return null', replace: 'if (ours === "") return null' },
    ],
    detectors: [here('download', 'another checksum than the one given')],
  },
  {
    name: 'server-digest-compares-download',
    protects: "from publishing a file that does not have the server's digest",
    edits: [
      {
        file: 'src/engine/download-proof.ts',
        find: 'if (theirs === ours) return',
        replace: 'if (theirs !== "") return',
      },
    ],
    detectors: [here('download', 'another digest than the server tells')],
  },
  {
    name: 'second-reading-compares',
    protects: 'from publishing what a second reading does not confirm, with verify: full',
    edits: [
      {
        file: 'src/engine/download-proof.ts',
        find: "if (again.digest('hex') === (await file.digest('sha256', signal))) return",
        replace: "if (again.digest('hex') !== '') return",
      },
    ],
    detectors: [here('download', 'a second reading gives other bytes')],
  },
  {
    name: 'wrong-partial-is-forgotten',
    protects: 'from keeping a partial that was proven wrong, for ever',
    edits: [{ file: 'src/engine/download-proof.ts', find: '  await session.discard()\n', replace: '' }],
    detectors: [here('download', 'a second reading gives other bytes')],
  },
  {
    name: 'present-only-by-digest',
    protects: 'from leaving an old file of the same size in place as "unchanged"',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: "if (digester === undefined || session.policy.verify === 'size' || finalSize === 0) return false",
        replace: "if (digester === undefined || session.policy.verify === 'size' || finalSize === 0) return true",
      },
    ],
    detectors: [simulated('download', 'openssh')],
  },
  {
    name: 'present-compares-the-digest',
    protects: 'from leaving an old file in place whose digest is another',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: 'if (theirs === null || theirs !== (await session.digestFinal(digester.algorithm, signal))) return false',
        replace: 'if (theirs === null) return false',
      },
    ],
    detectors: [simulated('download', 'mod_sftp')],
  },
  {
    name: 'present-ends-where-it-is-told',
    protects: 'from taking the beginning of a file for the file, because its size was told too small',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: "return (await endAt(session, remote, finalSize, signal)) !== 'later'",
        replace: 'return true',
      },
    ],
    detectors: [unit('download', 'the beginning of the source is not the source')],
  },
  {
    name: 'reads-know-the-size',
    protects: 'from publishing the beginning of a file whose size was told too small',
    edits: [
      {
        file: 'src/engine/download-session.ts',
        find: '...(fingerprint === null ? {} : { size: fingerprint.size }),',
        replace: '',
      },
    ],
    detectors: [unit('download', 'always tells 160')],
  },
  {
    name: 'empty-is-looked-at',
    protects: 'from an empty file where the server has a full one',
    edits: [{ file: 'src/engine/download.ts', find: 'if (file.size === 0 && (await', replace: 'if (file.size === -1 && (await' }],
    detectors: [unit('download', 'always tells 0')],
  },
  {
    name: 'present-compares-the-checksum',
    protects: 'from leaving an old file in place that has not the checksum that the user gave',
    edits: [{ file: 'src/engine/download.ts', find: 'signal)) === checksum.hex', replace: 'signal)) !== ""' }],
    detectors: [here('download', 'an old file of the same size, with a checksum')],
  },
  {
    name: 'synced-before-published',
    protects: 'from a final name whose bytes a power failure takes away',
    edits: [{ file: 'src/local/partial.ts', find: 'await this.handle.sync().catch(', replace: 'await Promise.resolve().catch(' }],
    detectors: [unit('target', 'on the medium before')],
  },
  {
    name: 'what-no-look-shows-is-read-all-the-same',
    protects: 'from "no such file" where a server hides names from every look and lets them be read',
    edits: [{ file: 'src/engine/download.ts', find: 'known || remote.looksByReading === true', replace: 'known || remote !== null' }],
    detectors: [unit('download', 'what no look shows is read')],
  },
]
