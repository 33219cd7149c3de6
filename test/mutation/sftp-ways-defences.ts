/** src/remotes/sftp: what is asked, tried and given up for servers that refuse the first way. */
import { type Defence, unit } from './defence.ts'

const AT = 'src/remotes/sftp'

export const SFTP_WAYS_DEFENCES: readonly Defence[] = [
  {
    name: 'sftp-a-look-is-no-condition',
    protects: 'from ending an upload because STAT answers "failure" for what is missing',
    edits: [
      {
        file: `${AT}/stat.ts`,
        find: 'return await otherwise(requests, path, lookOtherwise(requests, path, error))',
        replace: 'throw requestFailure(error, path)',
      },
    ],
    detectors: [unit('sftp-second-ways', 'what is missing is told by')],
  },
  {
    name: 'sftp-missing-is-doubted-until-a-file-was-shown',
    protects: 'from "no such file" for a download that curl does, and "takes files away" for an upload, where names are hidden from STAT',
    edits: [{ file: `${AT}/stat.ts`, find: "habits.may('STAT') ? null :", replace: 'habits !== null ? null :' }],
    detectors: [unit('sftp-second-ways', 'what can be opened is there')],
  },
  {
    name: 'sftp-a-listing-outweighs-lstat-that-showed-nothing',
    protects: 'from telling that the server takes files away when a rename is refused, and names are hidden from LSTAT',
    edits: [{ file: `${AT}/stat.ts`, find: "isMissing(error) && requests.habits.may('LSTAT')", replace: 'isMissing(error)' }],
    detectors: [unit('sftp-second-ways', 'where only the listing shows it')],
  },
  {
    name: 'sftp-a-mode-is-worth-one-attempt',
    protects: 'from uploads that never end over a file that is there, because the server leaves over SETSTAT',
    edits: [
      {
        file: `${AT}/tree.ts`,
        find: "await habits.daring('SETSTAT of the mode', () => requests.setMode(path, mode))",
        replace: 'await requests.setMode(path, mode)',
      },
    ],
    detectors: [unit('sftp-second-ways', 'a mode is not set again')],
  },
  {
    name: 'sftp-unknown-is-not-missing',
    protects: 'from taking a file that nobody may look at for one that is not there',
    edits: [{ file: `${AT}/looking.ts`, find: '  throw refusal\n', replace: '  return null\n' }],
    detectors: [unit('sftp-second-ways', 'what no way tells is refused')],
  },
  {
    name: 'sftp-a-bare-answer-is-not-the-last',
    protects: 'from an unknown size, and a weaker proof, where a listing tells it',
    edits: [{ file: `${AT}/looking.ts`, find: 'bare ??= found', replace: 'return found' }],
    detectors: [unit('sftp-second-ways', 'the listing tells the size')],
  },
  {
    name: 'sftp-one-connection-serves-all',
    protects: 'from failing beside a transfer because a server lets nobody in twice',
    edits: [{ file: `${AT}/leases.ts`, find: 'if (!this.#takesNoMore) throw error', replace: 'throw error' }],
    detectors: [unit('sftp-second-ways', 'where a second login is refused')],
  },
  {
    name: 'sftp-no-buffer-twice-under-chacha20',
    protects: 'from overwriting a packet that ssh2 still holds, and losing the connection',
    edits: [{ file: `${AT}/tuning.ts`, find: "isReused = cipher.startsWith('aes')", replace: "isReused = cipher !== ''" }],
    detectors: [unit('sftp-one-buffer', 'packets that come in two pieces')],
  },
  {
    name: 'sftp-names-below-the-login-directory',
    protects: 'from names that a server takes from the root, or refuses, because they are not absolute',
    edits: [{ file: `${AT}/login-directory.ts`, find: "if (path.startsWith('/')) return path", replace: "if (path !== '') return path" }],
    detectors: [unit('sftp-home', 'a server that refuses names that are not absolute')],
  },
  {
    name: 'sftp-links-are-looked-for-in-listings',
    protects: 'from writing through a link to nothing where LSTAT is forbidden',
    edits: [{ file: `${AT}/stat.ts`, find: ' || (await isListed(requests, path))', replace: '' }],
    detectors: [unit('sftp-second-ways', 'only the listing shows')],
  },
  {
    name: 'sftp-another-size-is-still-a-conflict',
    protects: 'from a finished upload that is not as long as it should be',
    edits: [{ file: `${AT}/files.ts`, find: 'size === null || right(size)) return', replace: 'size === null || size > 0) return' }],
    detectors: [unit('sftp-faults', 'says OK and stores less')],
  },
  {
    name: 'sftp-cuts-only-its-own-names',
    protects: 'from emptying a file of somebody else who made it meanwhile',
    edits: [{ file: `${AT}/creating.ts`, find: 'absent && isOwnName(path)]', replace: 'absent]' }],
    detectors: [unit('sftp-second-ways', 'TRUNC is for names of our own')],
  },
  {
    name: 'sftp-two-refusals-are-enough',
    protects: 'from locking an account by a third refused attempt',
    edits: [{ file: `${AT}/authentication.ts`, find: ' || refusals >= REFUSALS_MAX', replace: '' }],
    detectors: [unit('sftp-second-ways', 'two refused attempts')],
  },
  {
    name: 'sftp-other-keys-only-for-a-pin',
    protects: 'from going round a key that known_hosts contradicts',
    edits: [{ file: `${AT}/attempt.ts`, find: ' || trust.pins.length === 0) return []', replace: ') return []' }],
    detectors: [unit('sftp-second-ways', 'a key of another type is asked for only')],
  },
  {
    name: 'sftp-nothing-is-made-that-cannot-be-removed',
    protects: 'from leaving scratch files and partials with accounts that may not remove them',
    edits: [{ file: `${AT}/rights.ts`, find: 'FORBIDDEN.includes(error.code) ? error : null', replace: 'null' }],
    detectors: [unit('sftp-rights', 'neither rename nor remove')],
  },
  {
    name: 'sftp-a-missing-name-is-no-missing-right',
    protects: 'from writing to the final name because a gateway answers "denied" to every name that is missing',
    edits: [{ file: `${AT}/rights.ts`, find: 'return hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)', replace: 'return true' }],
    detectors: [unit('sftp-rights', 'a gateway that says')],
  },
  {
    name: 'sftp-no-login-after-a-refused-one',
    protects: 'from locking an account by logging in for every file',
    edits: [{ file: `${AT}/leases.ts`, find: 'if (this.#denial !== null) throw this.#denial', replace: '' }],
    detectors: [unit('sftp-rights', 'after a refused login')],
  },
  {
    name: 'sftp-no-third-password-after-hang-ups',
    protects: 'from an account that is locked, because the server hangs up on the password',
    edits: [{ file: `${AT}/authentication.ts`, find: 'return times >= PASSWORDS_MAX', replace: 'return times < 0' }],
    detectors: [{ file: 'test/hostile/sftp-session.test.ts', pattern: 'when it has the password gets it twice' }],
  },
  {
    name: 'sftp-silence-after-the-password-counts',
    protects: 'from an account that is locked, because the server never answers the password and gets it ten times',
    edits: [{ file: `${AT}/attempt.ts`, find: 'this.fail(this.#login.dropped(error))', replace: 'this.fail(error)' }],
    detectors: [{ file: 'test/hostile/sftp-session.test.ts', pattern: 'falls silent when it has the password' }],
  },
  {
    name: 'sftp-two-passwords-over-all-connections',
    protects: 'from a third password by another method, after one that was not answered and one that was refused',
    edits: [{ file: `${AT}/authentication.ts`, find: " && (one === 'publickey' || maySend())", replace: '' }],
    detectors: [{ file: 'test/hostile/sftp-session.test.ts', pattern: 'is not sent by another method' }],
  },
  {
    name: 'sftp-no-answer-to-a-new-password',
    protects: 'from setting an empty password, or trying to, where the old one has expired',
    edits: [{ file: `${AT}/dialogue.ts`, find: "questions.length > 1))) return 'new'", replace: 'questions.length > 1))) return null' }],
    detectors: [
      unit('sftp-second-ways', 'answered with nothing, not even nothing'),
      unit('sftp-second-ways', 'asked for at first gets nothing'),
    ],
  },
  {
    name: 'sftp-no-answer-to-what-hides-it',
    protects: 'from an empty answer to a question for a new password in a language that is not known here',
    edits: [{ file: `${AT}/dialogue.ts`, find: "? 'again' : 'more'", replace: "? 'again' : null" }],
    detectors: [unit('sftp-second-ways', 'nothing is said to a question that hides')],
  },
  {
    name: 'engine-a-rename-has-its-last-word',
    protects: 'from giving up a rename for which a server over an object store copies the file',
    edits: [{ file: 'src/engine/session.ts', find: 'signal, run, lastWordMs(bytes))', replace: 'signal, run, bytes < 0 ? 1 : 0)' }],
    detectors: [unit('upload', 'has its last word')],
  },
  {
    name: 'sftp-last-words-have-time',
    protects: 'from sending a file again that a server over an object store was still storing',
    edits: [{ file: `${AT}/requests.ts`, find: 'const LAST_WORD = 4\n', replace: 'const LAST_WORD = 0.5\n' }],
    detectors: [unit('sftp-second-ways', 'stores a file when it is closed'), unit('sftp-second-ways', 'copies it for a rename')],
  },
  {
    name: 'engine-confirmed-bytes-are-life',
    protects: 'from giving a slow link up whose queue is full',
    edits: [{ file: 'src/engine/exchange.ts', find: 'const alive = moved + confirmed', replace: 'const alive = moved' }],
    detectors: [unit('exchange', 'what the server confirms is life')],
  },
]
