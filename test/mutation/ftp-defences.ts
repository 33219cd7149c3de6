/** src/remotes/ftp. */
import { type Defence, type Detector, here, unit } from './defence.ts'

const AT = 'src/remotes/ftp'
const hostile = (pattern: string): Detector => unit('ftp-hostile', pattern)

export const FTP_DEFENCES: readonly Defence[] = [
  {
    name: 'ftp-short-read',
    protects: 'from a read that resolves with fewer bytes than asked for, because the server called it complete',
    edits: [{ file: `${AT}/read.ts`, find: '  await assertWhole(going, signal)\n', replace: '' }],
    detectors: [hostile('226 after too few bytes')],
  },
  {
    name: 'ftp-unknown-end-is-the-size',
    protects: 'from taking the end of the connection for the end of the file',
    edits: [
      {
        file: `${AT}/read.ts`,
        find: "if (isOpen && typeof size === 'number' && size > end) throw",
        replace: "if (isOpen && typeof size === 'number' && size > end) return\n  if (size === -1) throw",
      },
    ],
    detectors: [hostile('an unknown end')],
  },
  {
    name: 'ftp-takes-no-more-than-asked',
    protects: 'from bytes beyond the range',
    edits: [
      { file: `${AT}/intake.ts`, find: 'const wanted = Math.min(count, this.#limit - this.#received)', replace: 'const wanted = count' },
    ],
    detectors: [hostile('more bytes than asked for')],
  },
  {
    name: 'ftp-delivers-nothing-before-it-is-opened',
    protects: 'from bytes of a server that is not verified, or that may yet refuse',
    edits: [{ file: `${AT}/intake.ts`, find: '  #open = false\n', replace: '  #open = true\n' }],
    detectors: [unit('ftp-intake', 'delivers nothing before')],
  },
  {
    name: 'ftp-size-after-the-upload',
    protects: 'from a 226 to an upload that was cut off, which every server sends',
    edits: [
      {
        file: `${AT}/writer.ts`,
        find: "if (stored === size || (how === 'at-least' && stored > size)) return",
        replace: "if (stored !== -1 || how === 'at-least') return",
      },
    ],
    detectors: [hostile('226 counts only')],
  },
  {
    name: 'ftp-offset-rule',
    protects: 'from appending to a file that has another size than was proven',
    edits: [{ file: `${AT}/writer.ts`, find: 'if (size === null || !fits(size)) throw', replace: 'if (size === null && !fits(0)) throw' }],
    detectors: [hostile('appending needs the exact size')],
  },
  {
    name: 'ftp-early-226',
    protects: 'from a final reply before the last byte counting as success',
    edits: [{ file: `${AT}/send.ts`, find: '    else if (!this.complete)\n', replace: '    else if (reply.code === 0)\n' }],
    detectors: [here('remotes', 'ftp: 226 before the last byte')],
    maskedBy: { name: 'ftp-size-after-the-upload', why: 'what an early reply left out is missing in the size' },
  },
  {
    name: 'ftp-final-reply',
    protects: 'from calling an upload stored to which the server did not answer 2xx',
    edits: [{ file: `${AT}/send.ts`, find: '  if (!isGood(reply)) throw replyError(reply, upload.command)\n', replace: '' }],
    detectors: [hostile('a refusal in the middle')],
    maskedBy: { name: 'ftp-refusal-ends-the-upload', why: 'the watch sees the same reply first, when it is 4xx or 5xx' },
  },
  {
    name: 'ftp-refusal-ends-the-upload',
    protects: 'from sending on to a server that has refused',
    edits: [
      {
        file: `${AT}/send.ts`,
        find: "    if (reply.code >= 400) this.#broken.abort(replyError(reply, 'upload'))\n    else ",
        replace: '    ',
      },
    ],
    detectors: [hostile('a refusal in the middle')],
  },
  {
    name: 'ftp-body-has-its-length',
    protects: 'from a file that is shorter or longer than was asked for',
    edits: [
      { file: `${AT}/send.ts`, find: 'if (queued > upload.length) throw', replace: 'if (queued < 0) throw' },
      { file: `${AT}/send.ts`, find: 'if (queued < upload.length) throw', replace: 'if (queued < 0) throw' },
    ],
    detectors: [hostile('a body of another length')],
  },
  {
    name: 'ftp-stops-with-a-fin',
    protects: 'from a reset, at which servers delete the whole partial',
    edits: [
      {
        file: `${AT}/send.ts`,
        find: '  else if (!data.socket.writableEnded) data.socket.end()\n',
        replace: '  else data.socket.resetAndDestroy()\n',
      },
    ],
    detectors: [hostile('a stopped upload ends with a FIN')],
  },
  {
    name: 'ftp-restart-is-answered-350',
    protects: 'from a transfer that starts at byte 0 although another offset was asked for',
    edits: [
      {
        file: `${AT}/connection.ts`,
        find: 'if (reply.code >= 500 && offset > 0) return false',
        replace: 'if (reply.code >= 500 && offset > 0) return true',
      },
    ],
    detectors: [hostile('cannot start in the middle')],
  },
  {
    name: 'ftp-restart-marker-is-taken-back',
    protects: 'from a read that starts where an earlier one wanted to',
    edits: [
      {
        file: `${AT}/connection.ts`,
        find: 'if (offset === 0 && !this.restartMarked) return true',
        replace: 'if (offset === 0) return true',
      },
    ],
    detectors: [hostile('takes the marker back')],
  },
  {
    name: 'ftp-no-write-under-a-marker',
    protects: 'from a write at the offset of an earlier read',
    edits: [
      {
        file: `${AT}/pool.ts`,
        find: "if (purpose === 'change') return !connection.restartMarked",
        replace: "if (purpose === 'change') return connection.clean",
      },
    ],
    detectors: [hostile('a marker left by an abandoned read')],
  },
  {
    name: 'ftp-probe-compares',
    protects: 'from continuing on a server that says yes and keeps nothing, zeroes or cuts',
    edits: [
      {
        file: `${AT}/probe.ts`,
        find: "if (await this.accepts('APPE', 0, APPENDED)) return (await this.#content()).equals(expected) ? 'APPE' : null",
        replace: "if (await this.accepts('APPE', 0, APPENDED)) return expected.length > 0 ? 'APPE' : null",
      },
    ],
    detectors: [hostile('says yes to everything')],
  },
  {
    name: 'ftp-replies-stay-in-step',
    protects: 'from a reply that answers another command than the one it belongs to',
    edits: [
      {
        file: `${AT}/control.ts`,
        find: '    if (this.#unasked !== null) throw this.#outOfStep(this.#unasked)\n    this.#unanswered',
        replace: '    this.#unanswered',
      },
      {
        file: `${AT}/control.ts`,
        find: 'else this.#unasked ??= reply\n',
        replace: 'else this.#replies.push(reply)\n',
      },
      {
        file: `${AT}/control.ts`,
        find: 'this.#unasked === null && this.#replies.length === 0 && this.#unanswered === 0',
        replace: 'this.#unasked === null',
      },
    ],
    detectors: [unit('ftp-second-ways', 'a word of another kind')],
  },
  {
    name: 'ftp-password-is-in-no-message',
    protects: 'from an error that quotes the PASS command',
    edits: [{ file: `${AT}/login.ts`, find: "password}`, wait, 'PASS')", replace: 'password}`, wait, config.password)' }],
    detectors: [hostile('holds the password')],
  },
  {
    name: 'ftp-commands-are-one-line',
    protects: 'from a file name that brings a command of its own',
    edits: [{ file: `${AT}/control.ts`, find: 'if (LINE_BREAKING.test(command)) throw', replace: 'if (LINE_BREAKING.test("")) throw' }],
    detectors: [hostile('a name with a line break')],
  },
  {
    name: 'ftp-auth-tls-refused',
    protects: 'from going on in clear text when the server refuses TLS',
    edits: [
      {
        file: `${AT}/login.ts`,
        find: '  if (!isGood(reply) && reply.code !== 334) {\n',
        replace: '  if (reply.code !== 234) return\n  if (!isGood(reply)) {\n',
      },
    ],
    detectors: [hostile('AUTH TLS refused')],
  },
  {
    name: 'ftp-nothing-is-said-before-the-handshake',
    protects: 'from replies that somebody slipped in before TLS',
    edits: [
      {
        file: `${AT}/control.ts`,
        find: "    if (injected()) throw new TransferError('untrusted', 'the server sent text between AUTH TLS and the TLS handshake')\n    const socket",
        replace: '    const socket',
      },
    ],
    detectors: [hostile('text slipped in')],
  },
  {
    name: 'ftp-certificate',
    protects: 'from a server that nobody vouches for',
    edits: [{ file: `${AT}/trust.ts`, find: '  if (socket.authorized) return\n', replace: '  if (socket.encrypted) return\n' }],
    detectors: [hostile('an unknown certificate'), hostile('another name in the certificate')],
  },
  {
    name: 'ftp-pin',
    protects: 'from a certificate that is not the pinned one',
    edits: [
      { file: `${AT}/trust.ts`, find: '  if (trust.pins.length > 0) throw', replace: '  if (trust.pins.length > 99) throw' },
      { file: `${AT}/trust.ts`, find: 'config.pins.length > 0 || !config.tlsVerify ? []', replace: '!config.tlsVerify ? []' },
    ],
    detectors: [hostile('a pin is enough')],
  },
  {
    name: 'ftp-data-is-encrypted',
    protects: 'from file bytes in clear text',
    edits: [{ file: `${AT}/login.ts`, find: '  if (!isGood(reply)) {\n    throw', replace: '  if (reply.code === 0) {\n    throw' }],
    detectors: [hostile('will not encrypt')],
  },
  {
    name: 'ftp-data-is-from-the-server',
    protects: 'from a data connection of somebody else',
    edits: [
      {
        file: `${AT}/trust.ts`,
        find: '  if (!socket.isSessionReused()) assertTrusted(socket, trust)\n',
        replace: '  if (socket.destroyed) assertTrusted(socket, trust)\n',
      },
    ],
    detectors: [hostile('a data connection of somebody else')],
  },
  {
    name: 'ftp-data-goes-to-the-server',
    protects: 'from connecting to an address that the server names',
    edits: [
      {
        file: `${AT}/features.ts`,
        find: '  const bytes = /(?<!\\d)\\d{1,3}(?:,\\s*\\d{1,3}){3},\\s*(\\d{1,3}),\\s*(\\d{1,3})(?!\\d)/.exec(text)\n',
        replace:
          "  const bytes = /(?<!\\d)\\d{1,3}(?:,\\s*\\d{1,3}){3},\\s*(\\d{1,3}),\\s*(\\d{1,3})(?!\\d)/.exec(text)\n  Reflect.set(globalThis, 'told', /(\\d+,\\d+,\\d+,\\d+),\\d+,\\d+/.exec(text)?.[1]?.replaceAll(',', '.'))\n",
      },
      {
        file: `${AT}/data.ts`,
        find: 'const host = control.remoteAddress\n',
        replace: "const host = String(Reflect.get(globalThis, 'told') ?? control.remoteAddress)\n",
      },
    ],
    detectors: [hostile('the address in PASV is ignored')],
  },
  {
    name: 'ftp-digest-is-plain-hex',
    protects: 'from taking something else in a reply for the digest',
    edits: [
      { file: `${AT}/digester.ts`, find: 'word.length === digits && /^[0-9a-f]+$/i.test(word)', replace: 'word.length > 0 && digits > 0' },
    ],
    detectors: [hostile('only plain hex')],
  },
  {
    name: 'ftp-digest-is-of-now',
    protects: 'from a digest that the server remembers from before our change',
    edits: [
      {
        file: `${AT}/pool.ts`,
        find: "return purpose !== 'digest' || connection.digestEpoch === null || connection.digestEpoch === this.#epoch",
        replace: "return purpose !== 'change'",
      },
    ],
    detectors: [hostile('is not asked again after a change')],
  },
  {
    name: 'ftp-answers-in-time',
    protects: 'from waiting for ever for a reply',
    edits: [
      {
        file: `${AT}/control.ts`,
        find: 'return await bounded(reply, wait, () =>',
        replace: 'return await bounded(reply, { ...wait, timeoutMs: 2 ** 30 }, () =>',
      },
    ],
    detectors: [{ ...hostile('accepting and saying nothing'), byLimit: true }],
  },
  {
    name: 'ftp-data-comes-in-time',
    protects: 'from waiting for ever for data',
    edits: [
      {
        file: `${AT}/receive.ts`,
        find: 'this.#stall = new StallTimer(timeoutMs, () =>',
        replace: 'this.#stall = new StallTimer(timeoutMs + 2 ** 30, () =>',
      },
    ],
    detectors: [{ ...hostile('no data for the time limit'), byLimit: true }],
  },
]
