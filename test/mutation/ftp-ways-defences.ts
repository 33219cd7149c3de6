/** src/remotes/ftp: looks that are refused, second ways, and replies that are not as they should be. */
import { type Defence, type Detector, unit } from './defence.ts'

const AT = 'src/remotes/ftp'
const looks = (pattern: string): Detector => unit('ftp-looks', pattern)
const logins = (pattern: string): Detector => unit('ftp-logins', pattern)
const ways = (pattern: string): Detector => unit('ftp-second-ways', pattern)

export const FTP_WAYS_DEFENCES: readonly Defence[] = [
  {
    name: 'ftp-size-is-one-number',
    protects: 'from taking a piece of a number for a size',
    edits: [{ file: `${AT}/size-reply.ts`, find: 'if (numbers.length !== 1 || ', replace: 'if (' }],
    detectors: [{ file: 'test/unit/ftp-replies.test.ts', pattern: 'what SIZE says' }],
  },
  {
    name: 'ftp-listed-size-is-one-number',
    protects: 'from taking the end of a number for the size of a file',
    edits: [{ file: `${AT}/list-lines.ts`, find: 'doubtful: grouped || spaced }', replace: 'doubtful: grouped }' }],
    detectors: [{ file: 'test/unit/ftp-replies.test.ts', pattern: 'sizes in listings' }],
  },
  {
    name: 'ftp-a-connection-made-is-no-way-that-worked',
    protects: 'from EPSV for ever, where a firewall makes the connection in place of the server',
    edits: [{ file: `${AT}/passive.ts`, find: '        return data\n', replace: '        this.#ways.worked(way)\n        return data\n' }],
    detectors: [ways('by PASV where the one that EPSV names is made')],
  },
  {
    name: 'ftp-an-empty-listing-tells-nothing-alone',
    protects: 'from a file that is there and is told to be missing, because listing is switched off',
    edits: [{ file: `${AT}/stat.ts`, find: "is empty`) : 'empty'", replace: "is empty`) : 'nothing'" }],
    detectors: [looks('a listing that has never shown anything')],
  },
  {
    name: 'ftp-a-silent-listing-is-not-repeated',
    protects: 'from a listing that hangs being asked for the same way in every attempt',
    edits: [{ file: `${AT}/listing.ts`, find: '    noteSilence(connection, way.command, path, error)\n', replace: '' }],
    detectors: [looks('a listing that nobody answers')],
  },
  {
    name: 'ftp-a-mode-is-worth-one-attempt',
    protects: 'from uploads that never end over a file that is there, because the server leaves over SITE CHMOD',
    edits: [
      { file: `${AT}/modes.ts`, find: 'if (!signal.aborted) ways.refused(CHMOD)', replace: 'if (signal.aborted) ways.refused(CHMOD)' },
    ],
    detectors: [looks('does not answer SITE CHMOD')],
  },
  {
    name: 'ftp-failed-logins-are-no-full-server',
    protects: 'from `too many failed logins` being taken for a server without room',
    edits: [{ file: `${AT}/errors.ts`, find: ' && !FAILED_LOGINS.test(reply.text)', replace: '' }],
    detectors: [logins('530 Too many failed login attempts')],
  },
  {
    name: 'ftp-a-refused-look-is-no-knowledge',
    protects: 'from a file that is there and is told to be missing, because SIZE is not allowed',
    edits: [{ file: `${AT}/refusals.ts`, find: '!says(NOT_TOLD, reply, name)', replace: "says(/./, reply, '')" }],
    detectors: [looks('is refused only when every way was')],
  },
  {
    name: 'ftp-the-listing-outweighs-an-unproven-nothing',
    protects: 'from 550 to everything being taken for an empty server',
    edits: [
      { file: `${AT}/stat.ts`, find: "if (ways.proven(way)) return 'missing'\n", replace: "if (ways.allows(way)) return 'missing'\n" },
    ],
    detectors: [looks('SIZE: 550 no; the listing tells')],
  },
  {
    name: 'ftp-a-confirmed-file-is-not-missing',
    protects: 'from throwing an acknowledged upload away, because a server that shows nothing shows nothing',
    edits: [{ file: `${AT}/writer.ts`, find: 'connection.ways.blind = true', replace: 'connection.ways.blind = false' }],
    detectors: [looks('takes nothing back of a new file')],
  },
  {
    name: 'ftp-a-partial-of-unknown-length-is-left',
    protects: 'from appending where nobody knows how much is there',
    edits: [
      { file: `${AT}/probe.ts`, find: "if (typeof size !== 'number') return\n", replace: 'if (size === null) return\n' },
      { file: `${AT}/probe.ts`, find: 'Math.min(size, 64)', replace: 'Math.min(size ?? 12, 64)' },
    ],
    detectors: [looks('leaves a partial alone')],
  },
  {
    name: 'ftp-an-empty-listing-is-asked-again',
    protects: 'from LIST -a of a file named -a: everything would be gone',
    edits: [
      {
        file: `${AT}/listing.ts`,
        find: 'else if (found.entries.length > 0 || connection.ways.proven(way.command)) return found',
        replace: 'else if (found.entries.length >= 0) return found',
      },
    ],
    detectors: [looks('LIST without the option where LIST -a is empty')],
  },
  {
    name: 'ftp-no-two-names-become-one',
    protects: 'from two files whose names are no UTF-8 looking like one',
    edits: [{ file: `${AT}/list-lines.ts`, find: 'return UTF8.decode(bytes)', replace: "return bytes.toString('utf8')" }],
    detectors: [looks('names that are no UTF-8 are two, and marked: LIST'), looks('names that are no UTF-8 are two, and marked: MLSD')],
  },
  {
    name: 'ftp-hidden-names-are-not-missing',
    protects: 'from a partial that a listing does not show',
    edits: [
      {
        file: `${AT}/stat.ts`,
        find: "name.startsWith('.') && !listing.showsHidden",
        replace: "name.startsWith('.') && listing.entries.length < 0",
      },
    ],
    detectors: [looks('a hidden name is not missing')],
  },
  {
    name: 'ftp-goes-home-after-a-listing',
    protects: 'from relative names that mean another directory after a listing that failed',
    edits: [
      {
        file: `${AT}/connection.ts`,
        find: "    if (this.#directory === '') return\n",
        replace: "    if (this.#directory !== '/') return\n",
      },
    ],
    detectors: [looks('leaves the working directory behind')],
  },
  {
    name: 'ftp-the-announced-length-counts',
    protects: 'from the end of the connection counting as the end of the file, where the server said how long it is',
    edits: [{ file: `${AT}/read.ts`, find: 'told !== null && told > end', replace: 'told !== null && told < 0' }],
    detectors: [looks('and not before what the server announced')],
  },
  {
    name: 'ftp-pasv-after-a-dead-port',
    protects: 'from a port of EPSV that leads nowhere ending every transfer',
    edits: [{ file: `${AT}/passive.ts`, find: '      failures.push({ way, error, said: false })\n', replace: '      throw error\n' }],
    detectors: [ways('by PASV where the port that EPSV names'), ways('that cannot be had is told')],
  },
  {
    name: 'ftp-repeated-answers-are-passed-over',
    protects: 'from the second of two equal answers being taken for the answer to the next command',
    edits: [{ file: `${AT}/control.ts`, find: '    if (reply.code === this.#repeated) {', replace: '    if (reply.code === -1) {' }],
    detectors: [ways('a second answer that comes late')],
  },
  {
    name: 'ftp-preliminary-replies-end-nothing',
    protects: 'from the second of two preliminary replies counting as the last word on an upload',
    edits: [{ file: `${AT}/control.ts`, find: 'if (reply.code >= 200) return reply\n', replace: 'if (reply.code >= 100) return reply\n' }],
    detectors: [ways('STOR 125 and 150 is understood')],
  },
  {
    name: 'ftp-logins-are-not-repeated',
    protects: 'from ten logins with a password that the server refuses in a way of its own',
    edits: [
      {
        file: `${AT}/errors.ts`,
        find: "return passes(reply) || kind !== 'transient' ?",
        replace: "return passes(reply) || kind !== 'denied' ?",
      },
    ],
    detectors: [logins('451 Login failed is final')],
  },
  {
    name: 'ftp-a-third-login-is-not-tried',
    protects: 'from an account that is locked, because the server hangs up on the password, or says 421 to it',
    edits: [{ file: `${AT}/login.ts`, find: 'return times < LOGINS_MAX', replace: 'return times > 0' }],
    detectors: [logins('that ends the session at the password'), logins('421 closing: the same password')],
  },
  {
    name: 'ftp-bare-names',
    protects: 'from servers that take no name with a directory in it being of no use',
    edits: [{ file: `${AT}/paths.ts`, find: "spelling === 'bare' && directory", replace: "spelling === 'absolute' && directory" }],
    detectors: [ways('are bare after CWD')],
  },
  {
    name: 'ftp-no-login-after-a-refused-one',
    protects: 'from locking an account by logging in for every file',
    edits: [{ file: `${AT}/pool.ts`, find: 'if (this.#denial !== null) throw this.#denial', replace: '' }],
    detectors: [unit('ftp-hostile', 'after a refused login')],
  },
  {
    name: 'ftp-silence-after-the-password-counts',
    protects: 'from an account that is locked, because the server never answers the password and gets it ten times',
    edits: [
      {
        file: 'src/remotes/ftp/login.ts',
        find: "error.kind !== 'transient' || mayTryAgain(config)) return error",
        replace: '!/closed connection/.test(error.message) || mayTryAgain(config)) return error',
      },
    ],
    detectors: [unit('ftp-logins', 'that is never answered')],
  },
]
