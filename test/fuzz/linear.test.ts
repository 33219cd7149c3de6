/**
 * No parser takes more than its share: sixteen times the input, about sixteen times the time, up to the most that it can be given. What each took is printed;
 * only the ratio decides, and of it the time that this thread had on a processor: a quadratic parser shows 256.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { identifyingQuery } from '../../src/action/identifying-query.ts'
import { parseInputs } from '../../src/action/inputs.ts'
import { parseTypedUrl } from '../../src/action/remote-url.ts'
import { secretFormsOf } from '../../src/action/secrets.ts'
import { summaryMarkdown } from '../../src/action/summary.ts'
import { TransferError } from '../../src/core/errors.ts'
import { decodeJournal } from '../../src/core/journal.ts'
import { partialName } from '../../src/core/paths.ts'
import { redactor } from '../../src/core/redact.ts'
import { printable } from '../../src/core/text.ts'
import { parseDuration } from '../../src/core/units.ts'
import { replyError, replyText } from '../../src/remotes/ftp/errors.ts'
import { parseDirectory, parseExtendedPassive, parseFeatures, parseMlsd, parseMlst, parsePassive } from '../../src/remotes/ftp/features.ts'
import { parseLines } from '../../src/remotes/ftp/list-lines.ts'
import { sizeIn } from '../../src/remotes/ftp/size-reply.ts'
import { cacheMarkOf } from '../../src/remotes/http/caches.ts'
import { versionOf } from '../../src/remotes/http/etags.ts'
import { contentRangeOf, framingOf, type Reply, retryAfterMsOf, strongValidatorOf } from '../../src/remotes/http/headers.ts'
import { decodePath, targetOf } from '../../src/remotes/http/location.ts'
import { parseMultistatus } from '../../src/remotes/http/multistatus.ts'
import { connectionFailure } from '../../src/remotes/sftp/errors.ts'
import { linesFor, parseKnownHosts } from '../../src/remotes/sftp/known-hosts.ts'
import { parsePrivateKey } from '../../src/remotes/sftp/private-key.ts'
import { digestIn } from '../support/digest-in.ts'

const KIB = 1024
/** What can arrive: the runner passes an input in an environment variable, basic-ftp and undici bound what they read. */
const INPUT = 128 * KIB
const FTP_REPLY = 64 * KIB
const HTTP_HEADER = 16 * KIB
const LINE = 1024 * KIB

/** Shorter times are those of the clock and of the compiler. */
const MEASURABLE_MS = 0.5
const STEP = 16
const GROWTH_MAX = 100
const MEASUREMENTS = 4

type Work = (text: string) => unknown

/** The least of several: the collector of garbage and the compiler only add. No more of them than it takes to get below `enoughMs`. */
function leastMs(work: Work, text: string, enoughMs: number): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < MEASUREMENTS && least > enoughMs; i += 1) {
    const before = process.threadCpuUsage()
    work(text)
    const { user, system } = process.threadCpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

function assertLinear(t: TestContext, most: number, shape: Shape, work: Work): void {
  let beforeMs = 0
  for (const size of [most / STEP ** 2, most / STEP, most]) {
    const isMeasurable = beforeMs >= MEASURABLE_MS
    const ms = leastMs(work, textOf(shape, size), isMeasurable ? beforeMs * STEP : 0)
    assert.ok(!isMeasurable || ms <= beforeMs * GROWTH_MAX, `${size} bytes took ${ms} ms, a sixteenth of them ${beforeMs} ms`)
    beforeMs = ms
  }
  t.diagnostic(`${beforeMs.toFixed(1)} ms for ${most / KIB} KiB`)
}

/** Begins, goes on with as many of the middle as fit, ends. */
type Shape = readonly [begin: string, middle: string, end: string]

function textOf([begin, middle, end]: Shape, size: number): string {
  // Flat, as it would come from outside: a string that was put together lazily is first put together by the parser.
  return Buffer.from(begin + middle.repeat(Math.floor(size / middle.length)) + end).toString()
}

function headerReply(headers: Readonly<Record<string, string>>): Reply {
  return { status: 200, headers, target: { origin: 'https://h', path: '/' } }
}

const world = { localKind: () => 'missing' as const, windows: false, workingDirectory: '/w' }

/** Faults are an answer too. */
function orRefused(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind !== 'internal', String(error))
  }
}

function input(name: string): Work {
  const others = { source: 'a.bin', destination: 'sftp://h/' }
  return (text) => orRefused(() => parseInputs(new Map(Object.entries({ ...others, [name]: text })), world))
}

const dropIn: Work = (text) =>
  orRefused(() =>
    parseInputs(
      new Map([
        ['server', text],
        ['local-dir', 'a.bin'],
      ]),
      world,
    ),
  )

const bothSpellings =
  (parse: (text: string) => unknown): Work =>
  (text) =>
    void [parse(text), parse(`229 ${text}`), parse(`227 ${text}`)]
const HEX = 'a1'.repeat(32)
const reply =
  (code: number): Work =>
  (text) => [replyError({ code, text: `${code} ${text}` }, 'STOR x'), replyText({ code, text })]

const TABLE: readonly (readonly [name: string, most: number, work: Work, ...shapes: readonly Shape[]])[] = [
  ['journal', LINE, (text) => decodeJournal(Buffer.from(text)), ['', '{"a":[', ''], ['{"format":"', 'x', '"}\n'], ['', '\n', '']],
  [
    'checksum file',
    LINE,
    (text) => digestIn(text, 'f'),
    ['', 'SHA256 ', 'x'],
    ['', 'SHA256 of f.:\na1 a1\n', ''],
    ['', '"', ' x'],
    ['', 'Path : f\nHash : a1\n', ''],
    ['', `${HEX}  f\n`, ''],
    [`\\${HEX}  `, '\\\\n', 'x'],
    [`${HEX}  `, '\r', 'x'],
    ['', ' ', 'f'],
    ['', ':', 'x'],
    ['# ', '- ', 'x'],
    ['sha256', '-', 'x'],
    ['', 'sha3', '-x'],
    ['a: ', '.x ', '/f'],
    ['', 'a.b ', '/f'],
    ['', 'Path : f\nSHA256: a1\nx\n', ''],
    [`${HEX}  `, '/f', ''],
    ['SHA256 (', ')=', ' x'],
    ['SHA256 (', ') = a', ' x'],
    ['f', ':', 'x'],
    ['f: ', 'a ', 'x'],
    ['f:', '\n a', 'x'],
    ['f', ' x', ''],
  ],
  [
    'input: source',
    INPUT,
    input('source'),
    ['a', ' ', 'b'],
    ['', 'a => ', '\u2028x'],
    ['a =>', ' ', '\r'],
    ['', 'a\n', ''],
    ['', 'https://u:', ''],
    ['', '://', 'x'],
    ['https://h/?', 'sig=abcd&', ''],
  ],
  [
    'input: destination',
    INPUT,
    input('destination'),
    ['sftp://', 'a', ''],
    ['sftp://h/', '/', 'x'],
    ['sftp://u:', '@', 'x'],
    ['sftp://h/', '%41', ''],
    ['', 'a:', ''],
    ['sftp://h/', '../', ''],
  ],
  ['input: password', INPUT, input('password'), ['x', '\n', 'x'], ['x', '\r', 'x'], ['', '%41', '']],
  ['input: headers', INPUT, input('headers'), ['', 'A: b\n', ''], ['A:', ' ', 'b'], ['A', ' ', ': b'], ['', ':', '']],
  ['input: fingerprint', INPUT, input('fingerprint'), ['', 'ab:', ''], ['', ',', ''], ['', ' ', 'x'], ['SHA256:', 'A', '=']],
  ['input: checksum', INPUT, input('checksum'), ['sha256:', 'a', 'g'], ['https://h/', '/', '']],
  ['input: timeout', INPUT, input('timeout'), ['', '1m', 'x'], ['', '1', 's'], ['', '1.1s', '!']],
  ['drop-in: server', INPUT, dropIn, ['', ':', 'g'], ['', 'a', ' '], ['', '0:', '.z']],
  ['drop-in: server-dir', INPUT, input('server-dir'), ['', '/', 'x'], ['', './', '']],
  [
    'url',
    INPUT,
    (text) => parseTypedUrl(text, 'source', () => undefined),
    ['https://h/', '%', ''],
    ['sftp://', ':', '@h/'],
    ['sftp://h/', '#', ''],
  ],
  [
    'secrets',
    INPUT,
    (text) =>
      secretFormsOf(
        new Map([
          ['source', text],
          ['password', text],
        ]),
      ),
    ['', '://', 'x'],
    ['https://', 'u:p', '@h'],
    ['https://h/?', 'x&', ''],
  ],
  ['duration', INPUT, parseDuration, ['', '9', 's'], ['', '1ms', 'x']],
  ['printable', LINE, printable, ['', ':', ''], ['', '##[', ''], ['', '\u202e', ''], ['', '\u001b[31m', '']],
  [
    'redactor',
    LINE,
    redactor([{ text: 'correct horse battery', username: 'bob' }, { text: 'hunter2' }]),
    ['', 'correct horse ', ''],
    ['', 'c', ''],
    ['', 'corr', ''],
    ['', 'hunter2', ''],
    ['', '%41', ''],
    ['', '\\\\', ''],
    ['', '&#x63;', ''],
    ['&', 'a', ''],
    ['', '\\u00', ''],
    ['', '%25', ''],
    ['correct', ' ', 'horse'],
    ['', 'ü', ''],
  ],
  [
    'redactor: secrets',
    INPUT,
    (text) => redactor([{ text }])('some text'),
    ['', 'aB3/', ''],
    ['', '<', ''],
    ['', '%41', ''],
    ['-----BEGIN ', 'A', ''],
    ['', '-----BEGIN OPENSSH PRIVATE KEY-----', ''],
    ['-----BEGIN OPENSSH PRIVATE KEY-----', 'aB3/', '-----END OPENSSH PRIVATE KEY-----'],
    ['', 'ü\n', ''],
  ],
  ['partial name', LINE, (text) => partialName(text, '0123456789ab'), ['', 'é', '']],
  [
    'summary',
    LINE,
    (text) => summaryMarkdown({ direction: 'upload', results: [], warnings: [text], failure: [text] }),
    ['', '`|<', ''],
    ['', '\n', ''],
  ],
  [
    'known_hosts',
    INPUT,
    (text) => linesFor(parseKnownHosts(text), 'files.example.com', 22),
    ['h ssh-ed25519 ', '=', 'x'],
    ['', ' ', 'x'],
    ['', '*a', ' ssh-ed25519 AAAA'],
    ['', 'a b c\n', ''],
    ['|1|', 'A', '|B x y'],
    ['', '|', ' x y'],
  ],
  [
    'private key',
    INPUT,
    (text) => parsePrivateKey(text, undefined),
    ['', '-----BEGIN A-----', ''],
    ['-----BEGIN ', 'A ', ''],
    ['-----BEGIN A-----', '\n', 'x-----END A-----'],
    ['-----BEGIN A-----\n', 'A', '\n-----END A-----'],
    ['-----BEGIN A-----', '-----END B-----', ''],
    ['', '\\n', ''],
  ],
  [
    'FTP: replies that refuse',
    FTP_REPLY,
    (text) => [reply(550)(text), reply(421)(text)],
    ['', 'max ', ''],
    ['', 'maximum max ', ''],
    ['', ' ', 'x'],
    ['', ' \n', 'x'],
    ['', 'ssl ', ''],
    ['', 'quota', ''],
  ],
  [
    'FTP: ports',
    FTP_REPLY,
    bothSpellings((text) => [parsePassive(text), parseExtendedPassive(text)]),
    ['', '1,', ''],
    ['', '|', ''],
    ['', '1', ',2'],
    ['', '|||1', ''],
  ],
  [
    'FTP: SIZE',
    FTP_REPLY,
    (text) => sizeIn(text, 'f'),
    ['213 ', '3,000,', '1'],
    ['213 ', '7 ', 'x'],
    ['213 ', '\n213-', ''],
    ['213 ', 'kilo', ''],
  ],
  [
    'FTP: LIST',
    LINE,
    (text) => orRefused(() => parseLines([text])),
    ['-rw-r--r-- 1 ', 'a ', 'Jan 02 2024 f'],
    ['-rw-r--r-- 1 a a 7 Jan 02 2024 f', '/', ''],
    ['-rw-r--r-- ', ' ', 'x'],
    ['01-02-24  03:04AM', ' ', 'x'],
  ],
  ['FTP: PWD', FTP_REPLY, parseDirectory, ['257 "', 'a', ''], ['257 ', '"', ''], ['257 "', '""', 'x']],
  ['FTP: FEAT', FTP_REPLY, parseFeatures, ['211-\n', ' A B\n', '211 x'], ['211-\n', ' ', '\n211 x'], ['211-\n', '211-', '\n211 x']],
  [
    'FTP: MLST and MLSD',
    LINE,
    (text) => [parseMlst(`250-\n${text}\n250`), parseMlsd(text.split('\n'))],
    ['', 'a=b;', ' x'],
    ['', ' ', 'x'],
    ['', 'type=file;size=1; a\n', ''],
    ['', ';', ''],
  ],
  [
    'HTTP: headers',
    HTTP_HEADER,
    (text) => {
      const said = headerReply({ 'content-range': text, etag: text, 'retry-after': text, 'content-length': '1' })
      return [contentRangeOf(said), strongValidatorOf(said), retryAfterMsOf(said), framingOf(said)]
    },
    ['bytes ', ' ', '1'],
    ['bytes 1-', '1', ''],
    ['"', 'a', ''],
    ['', ' ', 'x'],
  ],
  [
    'HTTP: ETags',
    HTTP_HEADER,
    (text) => versionOf(headerReply({ etag: `"${text}"`, 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' }), 1_000_000),
    ['', 'a', ''],
    ['', '-', ''],
    ['', 'f4240-', 'x'],
    ['', '--gzip', 'x'],
  ],
  [
    'HTTP: marks of caches',
    HTTP_HEADER,
    (text) =>
      ['age', 'x-cache', 'cache-status', 'x-varnish', 'x-cache-hits', 'warning', `x-${text.slice(0, 100)}-cache`].map((name) =>
        cacheMarkOf(headerReply({ [name]: text })),
      ),
    ['hit', ' ', 'x'],
    ['', 'hit for', ''],
    ['; hit', ' ', 'x'],
    ['', '; hit', 'x'],
    ['', '1 ', 'x'],
    ['', '0', 'x'],
    ['', ' ', 'x'],
  ],
  ['HTTP: queries', INPUT, (text) => identifyingQuery(new URL(`https://h/?${text}`)), ['', '&', ''], ['', 'a=1&', ''], ['', '%73', '=1']],
  ['HTTP: paths', LINE, (text) => [decodePath(text), targetOf('https://h', decodePath(text))], ['', '/', 'x'], ['?', 'a', '']],
  [
    'HTTP: escaped paths',
    HTTP_HEADER,
    (text) => [decodePath(text), targetOf('https://h', decodePath(text))],
    ['/', '%c3', ''],
    ['/', '%41', ''],
    ['/', '\u0010', ''],
  ],
  [
    'HTTP: multistatus',
    LINE,
    parseMultistatus,
    ['', '<', ''],
    ['', '<a ', ''],
    ['', '<!--', ''],
    ['', '<![CDATA[', ''],
    ['<response><href>', '&amp;', '</href></response>'],
    ['<response><href>', '&', ''],
    ['', '<response><href>/a</href></response>', ''],
    ['<', ' ', '>'],
    ['<response><getcontentlength>', ' ', '1</response>'],
  ],
  [
    'SFTP: disconnect',
    LINE,
    (message) => connectionFailure({ message }, 'h', (text) => text),
    ['Packet length ', '1', ''],
    ['', 'no matching', ''],
    ['', 'Bad packet ', ''],
  ],
]

for (const [name, most, work, ...shapes] of TABLE)
  for (const shape of shapes) test(`linear: ${name}: ${JSON.stringify(shape)}`, (t) => assertLinear(t, most, shape, work))
