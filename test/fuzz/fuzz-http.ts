/** What an HTTP server says: headers, redirects, listings, and files of checksums. */
import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import { TransferError } from '../../src/core/errors.ts'
import { cacheMarkOf } from '../../src/remotes/http/caches.ts'
import { networkError, statusError } from '../../src/remotes/http/errors.ts'
import { isYoung, versionOf } from '../../src/remotes/http/etags.ts'
import { contentRangeOf, framingOf, modifiedAtMsOf, type Reply, retryAfterMsOf, strongValidatorOf } from '../../src/remotes/http/headers.ts'
import { decodePath, locate, targetOf } from '../../src/remotes/http/location.ts'
import { parseMultistatus } from '../../src/remotes/http/multistatus.ts'
import { isRedirect, redirectTarget, withoutSecrets } from '../../src/remotes/http/redirects.ts'
import { digestIn } from '../support/digest-in.ts'
import { damaged, hostileText, jumble } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

const ORIGIN = 'https://files.example.com'
const SIGNATURE = 'X-Amz-Signature=canary'

function reply(headers: Readonly<Record<string, string>>, status = 200): Reply {
  return { status, headers, target: { origin: ORIGIN, path: `/a/b.bin?${SIGNATURE}` } }
}

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'content-range': ['bytes 0-9/100', 'bytes 5-5/*', 'bytes */100', 'bytes 9007199254740990-9007199254740991/9007199254740993'],
  'content-length': ['0', '7', '9007199254740991', '7, 7', '+7', '0x7'],
  'transfer-encoding': ['chunked', 'gzip, chunked', 'identity'],
  'content-encoding': ['identity', 'gzip', 'br, gzip'],
  'retry-after': ['120', '999999999', 'Wed, 21 Oct 2015 07:28:00 GMT', '-5', '1e9'],
  date: ['Wed, 21 Oct 2015 07:28:00 GMT', 'Wed, 21 Oct 275760 07:28:00 GMT'],
  'last-modified': ['Wed, 21 Oct 2015 07:28:00 GMT', '0', '99999999999999'],
  etag: ['"abc"', 'W/"abc"', '""', '"a"b"', '"é"', '"5627a2a0-7"', '"21"', '"130d2a4be6f7000"'],
  age: ['0', '1', '0, 5', '-1'],
  'x-cache': ['HIT', 'MISS, MISS', 'hit-for-pass', 'TCP_HIT from a'],
  'cache-status': ['a; hit', 'a; fwd=miss, b; hit=?0'],
}
const words = ['bytes ', '0', '9', '-', '/', '*', '"', 'W/', ', ', 'GMT', 'chunked', '9007199254740993']

const headers: Arbitrary<Record<string, string>> = fc
  .tuple(
    ...Object.entries(HEADERS).map(([name, values]) =>
      fc.option(fc.oneof(damaged(values, words), jumble(words, 8))).map((text) => [name, text]),
    ),
  )
  .map((pairs) => Object.fromEntries(pairs.filter(([, text]) => text !== null)))

const isOffset = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

function assertHeadersAreStrict(given: Record<string, string>): void {
  const said = reply(given)
  const range = contentRangeOf(said)
  if (range !== null) {
    assert.ok(range.total === null || isOffset(range.total))
    assert.ok(range.range !== null || range.total !== null)
    if (range.range !== null)
      assert.ok(isOffset(range.range.start) && range.range.start < range.range.end && range.range.end <= (range.total ?? Infinity))
  }
  const etag = strongValidatorOf(said)
  if (etag !== null) assert.ok(/^"[^"]*"$/.test(etag) && !/[\r\n\0]/.test(etag) && given.etag?.trim() === etag)
  // A validator or an ETag that proves nothing, never both; whatever the numbers are that the header tells.
  for (const size of [null, 0, 7, Number.MAX_SAFE_INTEGER]) {
    const version = versionOf(said, size)
    assert.ok(version.validator === null || (version.etag === undefined && version.validator === etag))
    assert.ok(version.etag === undefined || given.etag?.trim() === version.etag)
    if (version.modifiedAtMs !== null) isYoung(said, version.modifiedAtMs)
  }
  const mark = cacheMarkOf(said)
  assert.ok(mark === null || mark in given)
  const pause = retryAfterMsOf(said)
  assert.ok(pause === null || (pause >= 0 && Number.isFinite(pause)), String(pause))
  const modified = modifiedAtMsOf(said)
  assert.ok(modified === null || Number.isSafeInteger(modified))
  const framing = orRefused(() => framingOf(said))
  if (framing?.kind === 'length') assert.ok(isOffset(framing.length) && /^\d+$/.test(given['content-length']?.trim() ?? ''))
}

/** Anything but a TransferError is our defect. */
function orRefused<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    assert.ok(error instanceof TransferError && error.kind !== 'internal', String(error))
    assert.ok(!error.message.includes(SIGNATURE), 'the message holds the query')
    return null
  }
}

const LOCATIONS = [
  '/other/path?x=1',
  '//host.example/x',
  'http://files.example.com/',
  'https://10.0.0.1/',
  'https://[::1]/',
  'file:///etc/passwd',
  'b.bin#f',
]
const LOCATION_WORDS = [
  'https://',
  'http://',
  '//',
  '/',
  '\\',
  '@',
  '127.1',
  '0x7f.1',
  'localhost',
  '[::ffff:a00:1]',
  '169.254.169.254',
  '?',
  '#',
  ':',
  'é',
  '。',
]

function assertRedirectStaysSafe(location: string): void {
  const said = reply({ location }, 302)
  assert.ok(isRedirect(said))
  const target = orRefused(() => redirectTarget(said, false))
  if (target === null) return
  const url = new URL(target.origin + target.path)
  assert.equal(url.protocol, 'https:')
  assert.doesNotMatch(url.hostname, /^((127|10|0|169\.254|192\.168)(\.\d+)+|localhost|\[::1?\]|\[f[cde].*)$/)
  assert.ok(!/[\r\n\0 ]/.test(target.path))
}

/** What goes on the wire is a path of the same origin, and a spelling is its own fixed point. */
function assertPathKeepsItsMeaning(text: string): void {
  const url = URL.parse(`${ORIGIN}/${text}`)
  if (url === null) return
  const path = orRefused(() => locate(url))
  if (path === null) return
  const target = orRefused(() => targetOf(ORIGIN, path))
  if (target === null) return
  assert.equal(target.origin, ORIGIN)
  assert.equal(target.path, url.pathname + url.search)
  assert.equal(typeof decodePath(text), 'string')
}

const MULTISTATUS = [
  `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/d/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop></D:propstat></D:response></D:multistatus>`,
  '<response><href>/d/a&amp;b</href><getcontentlength>12</getcontentlength></response><![CDATA[x]]><!-- y -->',
]
const XML_WORDS = [
  '<response>',
  '</response>',
  '<href>',
  '</href>',
  '<getcontentlength>',
  '</getcontentlength>',
  '<collection/>',
  '&#x1f600;',
  '&#1114112;',
  '&amp;',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '<',
  '>',
  '12',
  '-1',
  '<x:y z="',
]

const HEX = 'a1'.repeat(32)
const SUMS = [`${HEX}  f\n`, `\\${HEX} *dir/f\r\n`, `${HEX}${HEX}  f\n${HEX}  g`]

export const HTTP_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('http-headers', 1500, headers, assertHeadersAreStrict),
  fuzzTarget('http-redirect', 1500, fc.oneof(damaged(LOCATIONS, LOCATION_WORDS), jumble(LOCATION_WORDS, 8)), assertRedirectStaysSafe),
  fuzzTarget(
    'http-path',
    1500,
    fc.oneof(hostileText(), fc.webPath(), jumble(['%', '2', 'F', 'f', '%2F', '%c3%a9', '.', '/', '?', '\u0010'])),
    assertPathKeepsItsMeaning,
  ),
  fuzzTarget('http-multistatus', 3000, fc.oneof(damaged(MULTISTATUS, XML_WORDS), jumble(XML_WORDS), hostileText()), (xml) => {
    for (const { href, size } of parseMultistatus(xml)) {
      assert.equal(typeof href, 'string')
      assert.ok(size === null || isOffset(size))
    }
  }),
  fuzzTarget('http-status', 1500, fc.tuple(fc.integer({ min: 100, max: 999 }), hostileText(), headers), ([status, excerpt, said]) => {
    const error = statusError('GET', reply(said, status), excerpt)
    assert.ok(error.kind !== 'internal' && !error.message.includes(SIGNATURE))
    assert.ok(error.retryAfterMs === undefined || error.retryAfterMs >= 0)
  }),
  fuzzTarget('http-network-error', 1000, fc.oneof(fc.anything(), fc.record({ code: fc.anything(), message: fc.anything() })), (thrown) => {
    assert.ok(networkError(thrown, ORIGIN, false) instanceof TransferError)
  }),
  fuzzTarget('http-headers-of-others', 1000, fc.dictionary(fc.string(), fc.string()), (given) => {
    for (const name of Object.keys(withoutSecrets(given))) assert.match(name, /^(range|if-range|accept|accept-encoding|user-agent)$/)
  }),
  fuzzTarget(
    'checksum-file',
    3000,
    fc.tuple(fc.oneof(damaged(SUMS, [HEX, '\\', '  ', ' *', '\n', 'f']), hostileText()), fc.constantFrom('f', 'g', '', '\\')),
    ([text, name]) => {
      const hex = digestIn(text, name)
      // gpg writes it in groups.
      assert.ok(hex === null || (/^([0-9a-f]{64}|[0-9a-f]{128})$/.test(hex) && text.toLowerCase().replaceAll(/\s/g, '').includes(hex)))
    },
  ),
]
