/** What src/remotes/sftp and src/remotes/ftp do so that nothing is written into, or lost with, a file that somebody else has. */
import { type Defence, type Detector, unit } from './defence.ts'

const SFTP = 'src/remotes/sftp'
const FTP = 'src/remotes/ftp'
const sftp = (pattern: string): Detector => unit('sftp-naming', pattern)
const ftp = (pattern: string): Detector => unit('ftp-naming', pattern)

export const NAMING_DEFENCES: readonly Defence[] = [
  {
    name: 'sftp-the-path-means-the-file',
    protects: 'from publishing another file, put under the name while this one was written',
    edits: [
      {
        file: `${SFTP}/files.ts`,
        find: 'return right(named ?? null) && (told === null || right(told))',
        replace: 'return right(told) && named !== -1',
      },
    ],
    detectors: [sftp('what the path means afterwards')],
  },
  {
    name: 'sftp-creates-exclusively',
    protects: 'from writing into a file that somebody has open, or over what a link points at',
    edits: [
      {
        file: `${SFTP}/creating.ts`,
        find: 'const EXCLUSIVELY = OPEN.write | OPEN.create | OPEN.exclusive',
        replace: 'const EXCLUSIVELY = OPEN.write | OPEN.create',
      },
    ],
    detectors: [sftp('by one OPEN and no look')],
  },
  {
    name: 'sftp-clears-where-exclusive-means-nothing',
    protects: 'from emptying a file that somebody has open, on servers that answer OK to an exclusive OPEN of it',
    edits: [
      {
        file: `${SFTP}/creating.ts`,
        find: "connection.extensions.has('fsync@openssh.com') ? null",
        replace: "!connection.extensions.has('') ? null",
      },
    ],
    detectors: [sftp('after the removal of what may be in the way')],
  },
  {
    name: 'sftp-keeps-what-cannot-be-cleared',
    protects: 'from the same where the name may not be removed',
    edits: [
      {
        file: `${SFTP}/creating.ts`,
        find: 'if (there !== true) return',
        replace: 'if (there !== null) return',
      },
    ],
    detectors: [sftp('keeps what is in the way')],
  },
  {
    name: 'sftp-one-process-creates',
    protects: 'from writing into the file that another process has made at the same time',
    edits: [
      {
        file: `${SFTP}/creating.ts`,
        find: '    if ((await stands(requests, path)) === true)\n      throw',
        replace: '    if ((await stands(requests, path)) === null)\n      throw',
      },
    ],
    detectors: [sftp('by one process only')],
    maskedBy: { name: 'sftp-only-an-empty-file-is-new', why: 'what the other process has written shows that the file is not new' },
  },
  {
    name: 'sftp-only-an-empty-file-is-new',
    protects: 'from the same on servers that take no exclusive OPEN',
    edits: [{ file: `${SFTP}/creating.ts`, find: 'if (size === 0 || size === undefined) return', replace: 'if (size !== -1) return' }],
    detectors: [sftp('only if it is empty then')],
  },
  {
    name: 'sftp-rename-removes-nothing',
    protects: 'from losing the old file when the new one cannot take its place',
    edits: [
      {
        file: `${SFTP}/renaming.ts`,
        find: '      const plain = await refusalOf(requests.rename(from, to))\n',
        replace:
          '      let plain = await refusalOf(requests.rename(from, to))\n      if (plain !== null) await refusalOf(requests.remove(to))\n      if (plain !== null) plain = await refusalOf(requests.rename(from, to))\n',
      },
    ],
    detectors: [sftp('refused always, code 3')],
  },
  {
    name: 'sftp-not-found-is-looked-at',
    protects: 'from planning with a file that is gone, and from giving one up for a directory that is missing',
    edits: [
      { file: `${SFTP}/renaming.ts`, find: '  if (there === false) return', replace: '  if (there === null) return' },
      { file: `${SFTP}/renaming.ts`, find: '  if (there === true && hasStatus', replace: '  if (there === null && hasStatus' },
    ],
    detectors: [sftp('when there is no such file'), sftp('is not (code 2)')],
  },
  {
    name: 'sftp-copy-has-the-size',
    protects: 'from taking a copy that the server did not finish',
    edits: [{ file: `${SFTP}/copy.ts`, find: 'if (size !== copy.size)', replace: 'if (size === -1)' }],
    detectors: [sftp('a copy that is too short')],
  },
  {
    name: 'ftp-offset-is-asked-last',
    protects: 'from appending to a file that grew while the data connection was made',
    edits: [
      { file: `${FTP}/send.ts`, find: '    await start.assertFile?.()\n', replace: '' },
      {
        file: `${FTP}/send.ts`,
        find: '  const data = await connection.openData(null, signal)\n',
        replace: '  await start.assertFile?.()\n  const data = await connection.openData(null, signal)\n',
      },
    ],
    detectors: [ftp('in the last moment before the command')],
  },
  {
    name: 'ftp-longer-is-looked-at-anew',
    protects: 'from a red end when a process with the same content went on with the file',
    edits: [
      {
        file: `${FTP}/writer.ts`,
        find: "  if (stored > size)\n    throw new TransferError(\n      'offset-conflict',",
        replace: "  if (stored > size)\n    throw new TransferError(\n      'conflict',",
      },
    ],
    detectors: [ftp('if it is longer afterwards')],
  },
  {
    name: 'ftp-creating-removes-first',
    protects: 'from writing into a file that somebody has open, or over what a link points at',
    edits: [{ file: `${FTP}/writer.ts`, find: '      await clear(connection, path, either)\n', replace: '' }],
    detectors: [ftp('after what stands there is removed')],
  },
  {
    name: 'ftp-keeps-what-cannot-be-removed',
    protects: 'from the same where the name may not be removed',
    edits: [{ file: `${FTP}/writer.ts`, find: "if (typeof size === 'number') throw", replace: "if (typeof size === 'string') throw" }],
    detectors: [ftp('where DELE is refused only when'), ftp('a name that sounds like an answer')],
  },
  {
    name: 'ftp-rename-removes-nothing',
    protects: 'from losing the old file when the new one cannot take its place',
    edits: [
      {
        file: `${FTP}/renaming.ts`,
        find: '    if (inTheWay) this.#replaces = false\n',
        replace:
          "    if (inTheWay) this.#replaces = false\n    if (inTheWay) await connection.command('DELE ' + (await connection.name(to, signal)), signal)\n",
      },
    ],
    detectors: [ftp('nothing is removed when that is refused')],
  },
  {
    name: 'ftp-not-found-is-looked-at',
    protects: 'from giving up a partial that is still there',
    edits: [
      {
        file: `${FTP}/renaming.ts`,
        find: 'if ((await known(connection, from, signal)) === null) throw',
        replace: 'if (reply.code === 550) throw',
      },
    ],
    detectors: [ftp('not-found means that a look found nothing')],
  },
  {
    name: 'ftp-copies-over-nothing',
    protects: 'from a copy into a file that somebody has open',
    edits: [
      {
        file: `${FTP}/copy.ts`,
        find: '  if ((await known(connection, to, signal)) !== null)\n',
        replace: "  if ((await known(connection, to, signal))?.kind === 'other')\n",
      },
    ],
    detectors: [ftp('never over a file')],
  },
  {
    name: 'ftp-copy-has-the-size',
    protects: 'from taking a copy that the server did not finish',
    edits: [{ file: `${FTP}/copy.ts`, find: 'if (copied !== size)\n', replace: 'if (copied === null)\n' }],
    detectors: [ftp('a copy that is too short')],
  },
]
