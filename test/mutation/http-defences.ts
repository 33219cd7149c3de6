/** src/remotes/http. */
import { type Defence, type Detector, here, unit } from './defence.ts'

const AT = 'src/remotes/http'
const read = (pattern: string): Detector => unit('http-read', pattern)
const write = (pattern: string): Detector => unit('http-write', pattern)
const redirect = (pattern: string): Detector => unit('http-redirect', pattern)

export const HTTP_DEFENCES: readonly Defence[] = [
  {
    name: 'http-if-range',
    protects: 'from a range of another version than the one that was begun',
    edits: [{ file: `${AT}/reading.ts`, find: "headers['if-range'] = validator", replace: "headers.accept = '*/*'" }],
    detectors: [read('range and If-Range are sent')],
  },
  {
    name: 'http-validator',
    protects: 'from bytes of another version, whatever the server makes of If-Range',
    edits: [{ file: `${AT}/reading.ts`, find: 'if (!same) throw', replace: 'if (!same && tag === "") throw' }],
    detectors: [read('a 206 of another version')],
  },
  {
    name: 'http-validator-is-told',
    protects: 'from a reply that no longer says which version it is of',
    edits: [
      { file: `${AT}/reading.ts`, find: '  if (tag === null) throw', replace: '  if (tag === null) return\n  if (tag === "") throw' },
    ],
    detectors: [read('a 206 of another version')],
  },
  {
    name: 'http-content-range-start',
    protects: 'from bytes of another place',
    edits: [
      {
        file: `${AT}/reading.ts`,
        find: 'if (end === null || content.range.end <= range.start || content.range.start > range.start) throw broken()',
        replace: 'if (end === null) throw broken()',
      },
      {
        file: `${AT}/reading.ts`,
        find: 'if (content.range.start < range.start) throw',
        replace: 'if (content.range.start < 0) throw',
      },
    ],
    detectors: [here('remotes', 'http: a range that is said to start elsewhere')],
  },
  {
    name: 'http-content-range-end',
    protects: 'from fewer or more bytes than the range holds',
    edits: [
      { file: `${AT}/reading.ts`, find: '  await readOn(at, reading, answer.reply, signal)\n', replace: '' },
      {
        file: `${AT}/reading.ts`,
        find: "content.range.end > end ? 'cut' : 'protocol'",
        replace: "content.range.end > -1 ? 'protocol' : 'cut'",
      },
    ],
    detectors: [read('a wider part is cut off')],
  },
  {
    name: 'http-total-is-the-size',
    protects: 'from another file under the same name, on a server without ETag',
    edits: [
      {
        file: `${AT}/reading.ts`,
        find: 'if (total !== null && size !== null && total !== size && !looksBehind(range, size))',
        replace: 'if (total === -1)',
      },
    ],
    detectors: [read('another total than stat told')],
  },
  {
    name: 'http-200-to-a-range',
    protects: 'from the whole file in the place of its end',
    edits: [{ file: `${AT}/reading.ts`, find: '  if (range.start > 0) throw', replace: '  if (range.start < 0) throw' }],
    detectors: [read('a 200 to a range')],
  },
  {
    name: 'http-no-content-encoding',
    protects: 'from compressed bytes, whose ranges are not those of the file',
    edits: [
      {
        file: `${AT}/reading.ts`,
        find: "if (judged === 'doubtful' && !checked) {",
        replace: "if (judged === 'doubtful' && coding === '') {",
      },
    ],
    detectors: [read('what may have been compressed'), unit('http-labels', 'stored bytes are saved')],
  },
  {
    name: 'http-received-is-the-length',
    protects: 'from a body that ends early',
    edits: [
      {
        file: `${AT}/exchange.ts`,
        find: 'if (length === null || this.#received === length) {',
        replace: 'if (length === null || this.#received <= length) {',
      },
    ],
    detectors: [read('a short body'), read('chunks without any length')],
  },
  {
    name: 'http-no-more-than-announced',
    protects: 'from bytes beyond the range',
    edits: [
      {
        file: `${AT}/exchange.ts`,
        find: "if (chunk.length > room && beyond === 'protocol') {",
        replace: "if (chunk.length > room && beyond === 'protocol' && room < -1) {",
      },
    ],
    detectors: [read('a body longer than announced')],
  },
  {
    name: 'http-excess-is-cut',
    protects: 'from delivering what is beyond the range that was asked for',
    edits: [
      {
        file: `${AT}/exchange.ts`,
        find: 'const wanted = chunk.length > room ? chunk.subarray(0, room) : chunk',
        replace: 'const wanted = chunk',
      },
    ],
    detectors: [unit('http-read')],
  },
  {
    name: 'http-end-of-connection-is-no-end',
    protects: 'from taking a cut connection for the end of the file',
    edits: [
      {
        file: `${AT}/reading.ts`,
        find: "if (framing.kind === 'close' && known === null && options.checked !== true) {",
        replace: "if (framing.kind === 'close' && known === -1) {",
      },
    ],
    detectors: [read('the end of the connection is no proof')],
  },
  {
    name: 'http-only-strong-etags',
    protects: 'from continuing on a weak ETag, which different bytes may share',
    edits: [
      {
        file: `${AT}/headers.ts`,
        find: String.raw`return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag) ? tag : null`,
        replace: String.raw`return /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag) ? tag : null`,
      },
    ],
    detectors: [unit('http-headers', 'only strong ETags')],
  },
  {
    name: 'http-size-after-the-upload',
    protects: 'from a server that confirms more than it stores',
    edits: [{ file: `${AT}/writer.ts`, find: 'if (stored.size !== size) throw', replace: 'if (stored.size < 0) throw' }],
    detectors: [write('a stored size that is not')],
  },
  {
    name: 'http-early-2xx',
    protects: 'from a 2xx before the server had the whole file',
    edits: [{ file: `${AT}/writer.ts`, find: 'if (!requestSent) throw', replace: 'if (reply.status === 0 && !requestSent) throw' }],
    detectors: [write('a 2xx before the whole body')],
  },
  {
    name: 'http-probe-compares',
    protects: 'from ranges written to a server that replaces the whole file by them',
    edits: [
      {
        file: `${AT}/writer.ts`,
        find: "return size === 8 && Buffer.concat(stored).toString('latin1') === 'abcdXYgh'",
        replace: 'return size !== -1 && stored.length >= 0',
      },
    ],
    detectors: [write('only a server that writes in place')],
  },
  {
    name: 'http-if-match',
    protects: 'from inventing a file of zero bytes where the partial is gone',
    edits: [{ file: `${AT}/writer.ts`, find: ", 'if-match': '*' }", replace: ' }' }],
    detectors: [write('a ranged write asks')],
  },
  {
    name: 'http-headers-stay-at-home',
    protects: 'from credentials and headers of the user at another origin',
    edits: [
      {
        file: `${AT}/session.ts`,
        find: 'target.origin === config.url.origin ? headers : { ...withoutSecrets(headers), ...asking },',
        replace: 'headers,',
      },
    ],
    detectors: [redirect('another origin sees')],
  },
  {
    name: 'http-only-harmless-headers-travel',
    protects: 'from a header with a secret at another origin',
    edits: [
      {
        file: `${AT}/redirects.ts`,
        find: "const HARMLESS = new Set(['range',",
        replace: "const HARMLESS = new Set(['authorization', 'x-api-key', 'cookie', 'range',",
      },
    ],
    detectors: [redirect('another origin sees')],
  },
  {
    name: 'http-no-way-out-of-tls',
    protects: 'from a redirect to where nothing protects the bytes',
    edits: [
      {
        file: `${AT}/redirects.ts`,
        find: "if (url.protocol === 'http:' && reply.target.origin.startsWith('https:')) {",
        replace: "if (url.protocol === 'http:' && reply.target.origin === '') {",
      },
    ],
    detectors: [redirect('where they may not lead')],
  },
  {
    name: 'http-no-way-inside',
    protects: 'from a redirect of a public server into a private network',
    edits: [
      {
        file: `${AT}/redirects.ts`,
        find: 'if (!homeIsPrivate && isPrivateHost(url.hostname)) {',
        replace: 'if (!homeIsPrivate && url.hostname === "") {',
      },
    ],
    detectors: [redirect('where they may not lead')],
  },
  {
    name: 'http-no-name-that-leads-inside',
    protects: 'from a name that resolves into a private network',
    edits: [
      {
        file: `${AT}/connection.ts`,
        find: '!privateAllowed() && addresses.some((a) => isPrivateAddress(a.address))',
        replace: '!privateAllowed() && addresses.length < 0',
      },
    ],
    detectors: [redirect('resolves into a private network')],
  },
  {
    name: 'http-redirects-end',
    protects: 'from following redirects for ever',
    edits: [
      { file: `${AT}/session.ts`, find: 'if (visited.has(next.origin + next.path)) throw', replace: 'if (visited.has("")) throw' },
      { file: `${AT}/session.ts`, find: 'if (visited.size > REDIRECTS_MAX)', replace: 'if (visited.size > 100)' },
    ],
    detectors: [redirect('five are followed')],
  },
  {
    name: 'http-body-stays-at-home',
    protects: 'from sending the file to another origin',
    edits: [{ file: `${AT}/session.ts`, find: '  if (from.origin !== to.origin) {\n', replace: '  if (from.origin === "") {\n' }],
    detectors: [redirect('a body never travels')],
  },
  {
    name: 'http-body-is-sent-once',
    protects: 'from repeating a request whose body is gone',
    edits: [{ file: `${AT}/session.ts`, find: 'if (keepsMethod && !finished.bodyStarted) return', replace: 'if (keepsMethod) return' }],
    detectors: [redirect('a body is not sent twice')],
  },
  {
    name: 'http-certificate',
    protects: 'from a server that nobody vouches for',
    edits: [
      {
        file: `${AT}/trust.ts`,
        find: 'if (socket.authorized || !policy.verify) return null',
        replace: 'if (socket.encrypted) return null',
      },
    ],
    detectors: [unit('http-tls', 'self-signed, wrong name')],
  },
  {
    name: 'http-pin',
    protects: 'from a certificate that is not the pinned one',
    edits: [
      {
        file: `${AT}/trust.ts`,
        find: 'return offered.some((one) => policy.pins.includes(one)) ? null',
        replace: 'return pin !== null ? null',
      },
    ],
    detectors: [here('remotes', 'http: another pin')],
  },
  {
    name: 'http-an-address-is-a-name',
    protects: 'from a certificate for another machine where the server is named by its address',
    edits: [{ file: `${AT}/dial.ts`, find: 'socket, host: hostname, servername', replace: 'socket, servername' }],
    detectors: [unit('http-tls', 'self-signed, wrong name')],
  },
  {
    name: 'http-judges-before-it-asks',
    protects: 'from a request to a server that is not verified',
    edits: [
      {
        file: `${AT}/connection.ts`,
        find: 'const verdict = socket instanceof TLSSocket ? judge(socket, config.tls, target.hostname) : null',
        replace: 'const verdict = socket.connecting && socket instanceof TLSSocket ? judge(socket, config.tls, target.hostname) : null',
      },
    ],
    detectors: [unit('http-tls', 'self-signed, wrong name')],
  },
  {
    name: 'http-own-headers',
    protects: 'from a header of the user that changes what an exchange means',
    edits: [
      { file: `${AT}/config.ts`, find: 'else if (OWN_HEADERS.test(lower)) faults', replace: 'else if (OWN_HEADERS.test("")) faults' },
    ],
    detectors: [unit('http-config', 'every fault')],
  },
  {
    name: 'http-no-directory-is-replaced',
    protects: 'from MOVE onto a directory, or DELETE of one, with everything in it',
    edits: [
      {
        file: `${AT}/tree.ts`,
        find: "if (there === 'directory') throw",
        replace: 'if (to === "") throw',
      },
    ],
    detectors: [unit('http-features', 'a directory is neither removed nor replaced')],
  },
  {
    name: 'http-answers-in-time',
    protects: 'from waiting for ever for a silent server',
    edits: [
      {
        file: `${AT}/exchange.ts`,
        find: 'setTimeout(() => look(this.#turns), patienceMs)',
        replace: 'setTimeout(() => look(this.#turns), patienceMs + 2 ** 30)',
      },
    ],
    detectors: [{ ...unit('http-waits', 'silence after accepting'), byLimit: true }],
  },
  {
    name: 'http-query-is-in-no-message',
    protects: 'from an error that quotes a signed URL',
    edits: [
      {
        file: `${AT}/location.ts`,
        find: "return target.origin + (target.path.split('?', 1)[0] ?? '')",
        replace: 'return target.origin + target.path',
      },
    ],
    detectors: [here('remotes', 'http: no message quotes')],
  },
  {
    name: 'http-labels-of-what-is-remade',
    protects: 'from bytes that a proxy compressed on the way, under a label that stored archives have as well',
    edits: [
      {
        file: `${AT}/labels.ts`,
        find: "if (!hasLength || isRemade) return 'doubtful'",
        replace: "if (!hasLength && isRemade) return 'doubtful'",
      },
    ],
    detectors: [unit('http-labels', 'a coding with length and version')],
  },
  {
    name: 'http-a-held-reply-is-of-this-reading',
    protects: 'from the reply to a look in the place of an answer past caches',
    edits: [
      {
        file: `${AT}/reading.ts`,
        find: 'if (reading.range.start > 0 || reading.options.pastCaches === true) return null',
        replace: 'if (reading.range.start > 0) return null',
      },
    ],
    detectors: [unit('http-looks', 'is not taken over by')],
  },
  {
    name: 'http-a-moment-is-no-refusal-of-ranges',
    protects: 'from losing what is kept because the server failed once',
    edits: [{ file: `${AT}/range-support.ts`, find: 'const DOUBTS_MAX = 2', replace: 'const DOUBTS_MAX = 1' }],
    detectors: [unit('http-looks', 'by a failure or a cut')],
  },
  {
    name: 'http-a-416-behind-the-end-is-an-answer',
    protects: 'from taking the end of a file for a server without ranges',
    edits: [{ file: `${AT}/reading.ts`, find: 'size === null || range.start >= size)', replace: 'range.start < 0)' }],
    detectors: [read('416: nothing left')],
  },
  {
    name: 'http-unknown-is-not-overwritten',
    protects: 'from MOVE onto a directory that the server does not show, with everything in it',
    edits: [{ file: `${AT}/tree.ts`, find: "there === 'unknown' ? 'F' : 'T'", replace: "there === 'unknown' ? 'T' : 'T'" }],
    detectors: [unit('http-names', 'what nobody can look at')],
  },
  {
    name: 'http-unknown-is-not-removed',
    protects: 'from DELETE of a directory that the server does not show, with everything in it',
    edits: [{ file: `${AT}/tree.ts`, find: "if (kind === 'unknown' && !made.has(path)) throw", replace: "if (path === '') throw" }],
    detectors: [unit('http-names', 'what nobody can look at')],
  },
  {
    name: 'http-downloads-only-get',
    protects: 'from OPTIONS and MOVE, with the token of the user, at a server that is only read from',
    edits: [{ file: `${AT}/index.ts`, find: 'const features = session.evidence ? ', replace: 'const features = session.origin ? ' }],
    detectors: [unit('http-features', 'a download asks for nothing')],
  },
  {
    name: 'http-nothing-replaces-nothing',
    protects: 'from losing the old file to a MOVE of a file that is not there',
    edits: [
      {
        file: `${AT}/tree.ts`,
        find: "if (replaces && (await kindOf(server, from, signal)) === 'nothing') throw",
        replace: 'if (from === to) throw',
      },
    ],
    detectors: [unit('http-names', 'a file is not replaced by one that is not there')],
  },
]
