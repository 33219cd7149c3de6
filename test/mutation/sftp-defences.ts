/** src/remotes/sftp. */
import { type Defence, here, unit } from './defence.ts'

const AT = 'src/remotes/sftp'

export const SFTP_DEFENCES: readonly Defence[] = [
  {
    name: 'sftp-acknowledges-without-gaps',
    protects: 'from counting bytes as stored that have a hole before them',
    edits: [
      {
        file: `${AT}/writer.ts`,
        find: `    for (let first = this.#pending[0]; first?.confirmed === true; first = this.#pending[0]) {
      this.#pending.shift()
      this.#acknowledged += first.length
    }`,
        replace: `    this.#pending.splice(this.#pending.indexOf(write), 1)
    this.#acknowledged += write.length`,
      },
    ],
    detectors: [unit('sftp-faults', 'only what has no gap')],
  },
  {
    name: 'sftp-waits-for-every-answer',
    protects: 'from calling a file sent while writes are on their way',
    edits: [
      {
        file: `${AT}/writer.ts`,
        find: 'while (this.#pending.length > 0) await this.#change()',
        replace: 'while (this.#pending.length < 0) await this.#change()',
      },
    ],
    detectors: [here('remotes', 'sftp: a write that is refused last')],
  },
  {
    name: 'sftp-body-has-its-length',
    protects: 'from a file that is shorter or longer than was asked for',
    edits: [
      { file: `${AT}/writer.ts`, find: 'if (window.sent !== job.length) throw', replace: 'if (window.sent < 0) throw' },
      { file: `${AT}/writer.ts`, find: 'if (this.sent + chunk.byteLength > this.#job.length) throw', replace: 'if (this.sent < 0) throw' },
    ],
    detectors: [unit('sftp-faults', 'a body that is shorter')],
  },
  {
    name: 'sftp-size-after-the-upload',
    protects: 'from a server that says OK and stores less',
    edits: [{ file: `${AT}/files.ts`, find: 'size === null || right(size)) return', replace: 'size !== -1) return' }],
    detectors: [unit('sftp-faults', 'says OK and stores less')],
  },
  {
    name: 'sftp-second-channel-knows-the-file',
    protects: 'from writing half of the bytes into another file, put under the name since it was opened',
    edits: [{ file: `${AT}/files.ts`, find: 'if (found?.equals(bytes) === true && !this.#closed) {', replace: 'if (found !== null) {' }],
    detectors: [unit('sftp-second-lane', 'no second channel writes')],
  },
  {
    name: 'sftp-zeros-are-no-sample',
    protects: 'from taking a hole in another file for the file of zeros that is sent',
    edits: [{ file: `${AT}/writer.ts`, find: 'if (head.some((byte) => byte !== 0)) this.#sample', replace: 'this.#sample' }],
    detectors: [unit('sftp-second-lane', 'which cannot be told from a hole')],
  },
  {
    name: 'sftp-sends-no-further-than-the-source-keeps',
    protects: 'from sending what the source has put in the place of bytes that were still on their way',
    edits: [
      {
        file: `${AT}/writer.ts`,
        find: 'if (this.#pending.length > 0 && this.sent - this.#acknowledged + length > SPAN_MAX) return undefined\n',
        replace: '',
      },
    ],
    detectors: [unit('sftp-second-lane', 'what is confirmed has no gap')],
  },
  {
    name: 'sftp-second-channel-is-done-before-the-sync',
    protects: 'from a sync that comes before the last word of the second channel',
    edits: [{ file: `${AT}/files.ts`, find: '    await second.close()\n', replace: '' }],
    detectors: [unit('sftp-second-lane', 'it is synced when both are done')],
  },
  {
    name: 'sftp-syncs-before-it-acknowledges',
    protects: 'from bytes that the server loses when its machine dies',
    edits: [
      {
        file: `${AT}/files.ts`,
        find: 'sizeUnder(requests, path), synced(connection, handle, length)] as const',
        replace: 'sizeUnder(requests, path)] as const',
      },
    ],
    detectors: [here('remotes', 'sftp: the last acknowledgement')],
  },
  {
    name: 'sftp-continues-only-what-is-there',
    protects: 'from inventing a file of NULs up to the offset',
    edits: [
      {
        file: `${AT}/files.ts`,
        find: 'await opened(requests, path, OPEN.write, doing)',
        replace: 'await opened(requests, path, OPEN.write | OPEN.create, doing)',
      },
    ],
    detectors: [here('remotes', 'sftp: a partial that has gone')],
  },
  {
    name: 'sftp-read-of-nothing-is-the-end',
    protects: 'from asking for ever, or from bytes that never came, when the file is shorter than it was',
    edits: [
      {
        file: `${AT}/reader.ts`,
        find: '    if (bytes.length === 0) {\n',
        replace: '    if (bytes.length === 0 && length > 0) return buffer.subarray(0, length)\n    if (bytes.length === 0) {\n',
      },
    ],
    detectors: [unit('sftp-faults', 'a file that shrinks')],
  },
  {
    name: 'sftp-short-answers-are-completed',
    protects: 'from a hole behind an answer that is shorter than was asked for',
    edits: [
      { file: `${AT}/reader.ts`, find: 'if (bytes.length === length) return bytes', replace: 'if (bytes.length <= length) return bytes' },
    ],
    detectors: [unit('sftp-faults', 'short answers are completed')],
  },
  {
    name: 'sftp-answers-are-no-longer-than-asked',
    protects: 'from bytes that belong elsewhere',
    edits: [{ file: `${AT}/reader.ts`, find: 'if (bytes.length > length - done) throw', replace: 'if (bytes.length < 0) throw' }],
    detectors: [unit('sftp-faults', 'more than was asked for')],
  },
  {
    name: 'sftp-intake-takes-only-what-fits',
    protects: 'from bytes of one answer in the buffer of another',
    edits: [
      {
        file: `${AT}/raw-channel.ts`,
        find: 'awaited === undefined || total > awaited.length || whole',
        replace: 'awaited === undefined || whole',
      },
    ],
    detectors: [unit('sftp-raw-channel', 'arrive whole and in order')],
  },
  {
    name: 'sftp-probe-compares',
    protects: 'from continuing on a server that zeroes or cuts what is there',
    edits: [{ file: `${AT}/resuming.ts`, find: 'return found.equals(wanted)', replace: 'return found.length > 0' }],
    detectors: [unit('sftp-faults', 'the probe is not fooled')],
  },
  {
    name: 'sftp-cut-is-looked-at',
    protects: 'from a server that answers OK to a new size and ignores it',
    edits: [
      { file: `${AT}/resuming.ts`, find: 'if (found?.size !== size) throw', replace: 'if (found?.size === -1) throw' },
      {
        file: `${AT}/resuming.ts`,
        find: 'return await holds(requests, path, PATCHED.subarray(0, CUT))',
        replace: 'return path.length > 0',
      },
    ],
    detectors: [unit('sftp-faults', 'a size that is ignored')],
  },
  {
    name: 'sftp-cut-keeps-the-beginning',
    protects: 'proven bytes from a server that empties a file before it gives it a new size',
    edits: [
      {
        file: `${AT}/resuming.ts`,
        find: 'return await holds(requests, path, PATCHED.subarray(0, CUT))',
        replace: 'return (await statFile(requests, path))?.size === CUT',
      },
    ],
    detectors: [unit('sftp-faults', 'a size that empties the file')],
  },
  {
    name: 'sftp-digest-has-its-form',
    protects: 'from taking an answer of another algorithm or length for the digest',
    edits: [
      {
        file: `${AT}/check-file.ts`,
        find: 'packet !== undefined && packet[0] === EXTENDED_REPLY && packet.length === digestAt + 32 && packet.subarray(5, digestAt).equals(named)',
        replace: 'packet !== undefined',
      },
    ],
    detectors: [here('remotes', 'sftp: an answer to check-file')],
  },
  {
    name: 'sftp-host-key',
    protects: 'from giving credentials and bytes to another server',
    edits: [
      {
        file: `${AT}/host-key.ts`,
        find: 'if (plain.some((line) => line.key.equals(key))) return',
        replace: 'if (plain.length > 0) return',
      },
    ],
    detectors: [unit('sftp-known-hosts', 'with another key'), unit('sftp-trust', 'with another host key')],
  },
  {
    name: 'sftp-host-key-must-be-known',
    protects: 'from trusting whoever answers when nothing is known',
    edits: [
      {
        file: `${AT}/host-key.ts`,
        find: '  throw untrusted(key, trust, reasonFor(key, trust, plain.length, lines.length))\n',
        replace: '  if (lines.length > 0) throw untrusted(key, trust, reasonFor(key, trust, plain.length, lines.length))\n',
      },
    ],
    detectors: [unit('sftp-trust', 'without a host key')],
  },
  {
    name: 'sftp-revoked-key',
    protects: 'from a key that was revoked',
    edits: [
      {
        file: `${AT}/host-key.ts`,
        find: "line.marker === 'revoked' && line.key.equals(key)",
        replace: "line.marker === 'revoked' && line.number < 0",
      },
    ],
    detectors: [unit('sftp-known-hosts', 'a revoked key')],
  },
  {
    name: 'sftp-pin',
    protects: 'from a host key with another fingerprint than the one given',
    edits: [
      { file: `${AT}/host-key.ts`, find: 'if (trust.pins.includes(pinOf(key))) return', replace: 'if (trust.pins.length > 0) return' },
    ],
    detectors: [unit('sftp-trust', 'with another host key')],
  },
  {
    name: 'sftp-verifier-is-asked',
    protects: 'from a login before the host key was looked at',
    edits: [
      { file: `${AT}/attempt.ts`, find: 'hostVerifier: (key: Buffer) => this.#trusts(client, key)', replace: 'hostVerifier: () => true' },
    ],
    detectors: [unit('sftp-trust', 'with another host key')],
  },
  {
    name: 'sftp-password-stays-at-home',
    protects: 'from giving the password to a server that does not take passwords',
    edits: [
      {
        file: `${AT}/authentication.ts`,
        find: 'offered === null || offered.includes(one))',
        replace: "offered === null || one === 'password')",
      },
    ],
    detectors: [unit('sftp-trust', 'the password stays at home')],
  },
  {
    name: 'sftp-password-is-offered-once',
    protects: 'from locking the account by repeating a wrong password',
    edits: [
      {
        file: `${AT}/authentication.ts`,
        find: '    left.splice(left.indexOf(method), 1)\n',
        replace: '',
      },
    ],
    detectors: [unit('sftp-trust', 'a wrong password is offered once')],
  },
  {
    name: 'sftp-answers-in-time',
    protects: 'from waiting for ever for a server that fell silent',
    edits: [
      {
        file: `${AT}/requests.ts`,
        find: 'if (silent()) this.#ports.silent()',
        replace: 'if (silent()) this.heard()',
      },
    ],
    detectors: [{ ...unit('sftp-faults', 'a read that is never answered'), byLimit: true }],
  },
  {
    name: 'sftp-broken-exchange-ends-its-connection',
    protects: 'from writes of an exchange that was given up arriving later',
    edits: [
      {
        file: `${AT}/leases.ts`,
        find: 'if (isUnclean || member.connection.outstanding > 0)',
        replace: 'if (member.connection.outstanding < 0)',
      },
    ],
    detectors: [here('remotes', 'sftp: an exchange that was given up')],
  },
]
