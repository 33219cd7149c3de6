/** A download that died after its rename, found in place: src/engine/download.ts. */
import { type Defence, here } from './defence.ts'

export const FINISHED_DEFENCES: readonly Defence[] = [
  {
    name: 'finished-file-is-intact',
    protects: 'from taking a finished file for done that was damaged since',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: '    if (totalBytes(intact) !== fingerprint.size) return null\n',
        replace: '',
      },
    ],
    detectors: [here('download-finished', 'damaged since')],
  },
  {
    name: 'finished-file-is-compared-with-the-server',
    protects: 'from keeping an older version of the same size and date',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: '    await compareSamples(session, remote, final, fingerprint, intact, signal)\n',
        replace: '',
      },
    ],
    detectors: [here('download-finished', 'another version since')],
  },
  {
    name: 'finished-file-is-still-the-server-s',
    protects: 'from keeping an older version that was replaced on the server while places were compared',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: 'signal)\n    await confirmIdentity(session, remote, file, signal)\n    const outcome',
        replace: 'signal)\n    const outcome',
      },
    ],
    detectors: [here('download-finished', 'changes on the server while')],
  },
  {
    name: 'finished-file-asks-for-resume',
    protects: 'from keeping what is there where resume is off',
    edits: [
      {
        file: 'src/engine/download.ts',
        find: "policy.resume === 'never' || job.checksum",
        replace: 'job.checksum',
      },
    ],
    detectors: [here('download-finished', 'resume: never')],
  },
  {
    name: 'journal-before-the-rename',
    protects: 'from fetching a finished file again when the process dies after the rename',
    edits: [{ file: 'src/engine/download.ts', find: '  await session.saved()\n', replace: '' }],
    detectors: [here('download-finished', 'whole journal before the rename')],
  },
]
