/** Which ETags say something about the content, and which only repeat time and size. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fingerprintTag, sameFingerprint } from '../../src/core/fingerprint.ts'
import { isTimeAndSize } from '../../src/remotes/http/etags.ts'
import { CONTENT, fails, never, partial, read, serving } from '../support/http-download.ts'

const SIZE = 8_388_608
const TIME = '2024-03-01T10:20:30.000Z'
const MS = Date.parse(TIME)
const S = BigInt(MS / 1000)
const FILETIME = S * 10_000_000n + 116_444_736_000_000_000n + 1_234_567n
const hex = (value: bigint | number): string => value.toString(16)
const base36 = (value: bigint | number): string => value.toString(36)

const MADE_OF_TIME_AND_SIZE: Readonly<Record<string, string>> = {
  nginx: `"${hex(S)}-${hex(SIZE)}"`,
  'nginx, gzip_static': `"${hex(S)}-${hex(SIZE)}-gzip"`,
  'Apache 2.4': `"${hex(SIZE)}-${hex(S * 1_000_000n + 5n)}"`,
  'Apache 2.2': `"${hex(1_234_567)}-${hex(SIZE)}-${hex(S * 1_000_000n + 5n)}"`,
  'Apache, mod_deflate': `"${hex(SIZE)}-${hex(S * 1_000_000n + 5n)}-gzip"`,
  lighttpd: '"3071402417"',
  'Caddy 2.6': `"${base36(S)}${base36(SIZE)}"`,
  'Caddy 2.8': `"${base36(S * 1_000_000_000n + 7n)}${base36(SIZE)}"`,
  'Go, x/net/webdav': `"${hex(S * 1_000_000_000n + 7n)}${hex(SIZE)}"`,
  IIS: '"80a1a2b3c4d5d601:0"',
  'ASP.NET Core': `"${hex(FILETIME ^ BigInt(SIZE))}"`,
  aiohttp: `"${hex(S * 1_000_000_000n + 7n)}-${hex(SIZE)}"`,
  Werkzeug: `"${S}.5-${SIZE}-${3_071_402_417}"`,
  'the time alone': `"${hex(S)}"`,
  'the time alone, FILETIME': `"${hex(FILETIME)}"`,
  'Tomcat, called strong': `"${SIZE}-${MS}"`,
  'send, weak': `W/"${hex(SIZE)}-${hex(MS)}"`,
}

const OF_CONTENT: Readonly<Record<string, string>> = {
  'S3, MD5': '"d41d8cd98f00b204e9800998ecf8427e"',
  'S3, several parts': '"d41d8cd98f00b204e9800998ecf8427e-38"',
  Azure: '"0x8DC39D3E2A5F6B1"',
  'SHA-256': `"${'0f'.repeat(32)}"`,
  'SHA-1 in base 64, Apache FileETag Digest': '"2jmj7l5rSw0yVb/vlWAYkK/YBwk"',
  UUID: '"550e8400-e29b-41d4-a716-446655440000"',
  'a name': '"v1"',
  CouchDB: '"1-967a00dff5e02add41819138abb3284d"',
  Nextcloud: '"5f3e9a1b7c2d4"',
}

describe('http ETags', () => {
  test('those made of time and size are recognised, with the date and mostly without', () => {
    for (const [name, etag] of Object.entries(MADE_OF_TIME_AND_SIZE)) assert.ok(isTimeAndSize(etag, SIZE, MS), name)
    for (const name of ['nginx', 'Apache 2.4', 'Apache 2.2', 'lighttpd', 'Caddy 2.6', 'Caddy 2.8', 'Go, x/net/webdav', 'IIS', 'aiohttp'])
      assert.ok(isTimeAndSize(MADE_OF_TIME_AND_SIZE[name] ?? '', SIZE, null), name)
    assert.ok(isTimeAndSize(MADE_OF_TIME_AND_SIZE.nginx ?? '', null, null), 'by its form alone')
  })

  test('those of the content, or of every write, are left alone', () => {
    for (const [name, etag] of Object.entries(OF_CONTENT))
      for (const [size, date] of [
        [SIZE, MS],
        [5, MS],
        [null, null],
      ] as const)
        assert.ok(!isTimeAndSize(etag, size, date), name)
  })

  test('stat tells them apart, and any ETag of a kind that proves nothing as etag', async (t) => {
    const told = async (etag: string): Promise<unknown> => {
      const headers = { etag, 'last-modified': new Date(MS).toUTCString(), date: new Date(MS + 60_000).toUTCString() }
      const remote = await serving(
        t,
        (_r, response) => void response.writeHead(206, { 'content-range': `bytes 0-0/${SIZE}`, ...headers }).end('x'),
      )
      return remote.stat('/file', never)
    }
    const file = { kind: 'file', size: SIZE, modifiedAtMs: MS, validator: null }
    for (const etag of ['"v1"', OF_CONTENT['S3, MD5'] ?? '']) assert.deepEqual(await told(etag), { ...file, validator: etag })
    for (const etag of ['W/"v1"', MADE_OF_TIME_AND_SIZE.nginx ?? '']) assert.deepEqual(await told(etag), { ...file, etag })
    assert.deepEqual(await told('unquoted'), file)
  })

  test('a date as young as the reply identifies nothing, and is told as young', async (t) => {
    const told = async (ageMs: number): Promise<unknown> => {
      const headers = { 'last-modified': new Date(MS).toUTCString(), date: new Date(MS + ageMs).toUTCString() }
      const remote = await serving(
        t,
        (_r, response) => void response.writeHead(206, { 'content-range': 'bytes 0-0/9', ...headers }).end('x'),
      )
      return remote.stat('/file', never)
    }
    const file = { kind: 'file', size: 9, modifiedAtMs: null, validator: null }
    for (const ageMs of [0, 2000, -1000]) assert.deepEqual(await told(ageMs), { ...file, youngAtMs: MS })
    assert.deepEqual(await told(3000), { ...file, modifiedAtMs: MS })
  })

  test('If-Range carries an ETag that claims to be strong, and never a weak one; another one is another file', async (t) => {
    const asked: unknown[] = []
    const answering = (etag: string): ReturnType<typeof serving> =>
      serving(t, (request, response) => {
        asked.push(request.headers['if-range'])
        partial(response, 100, 200, { etag })
      })
    for (const etag of ['"65e1b0ce-3e8"', 'W/"a"']) {
      const { bytes, error } = await read(await answering(etag), 100, 200, etag)
      assert.equal(error, null)
      assert.ok(bytes.equals(CONTENT.subarray(100, 200)))
      assert.equal((await fails('source-changed', read(await answering('W/"b"'), 100, 200, etag))).length, 0)
    }
    // Apache: weak in a file's first second, strong later.
    assert.equal((await read(await answering('"a"'), 100, 200, 'W/"a"')).error, null)
    assert.deepEqual(new Set(asked), new Set(['"65e1b0ce-3e8"', undefined]))
  })
})

describe('hints', () => {
  const hint = { strength: 'hint', size: 7, modifiedAtMs: MS, etag: 'W/"a"' } as const

  test('an ETag that turned strong, or a date that now counts, is no change and has the same partial', () => {
    for (const later of [
      { ...hint, etag: '"a"' },
      { ...hint, modifiedAtMs: null },
      { ...hint, etag: '"a"', modifiedAtMs: null },
    ]) {
      assert.ok(sameFingerprint(hint, later) && sameFingerprint(later, hint))
      assert.equal(fingerprintTag(later), fingerprintTag(hint))
    }
  })

  test('another ETag, one that is gone, or another date is a change; without both nothing is the same', () => {
    for (const other of [
      { ...hint, etag: 'W/"b"' },
      { ...hint, etag: null },
      { ...hint, modifiedAtMs: MS + 1000 },
    ])
      assert.ok(!sameFingerprint(hint, other) && !sameFingerprint(other, hint))
    const bare = { ...hint, etag: null, modifiedAtMs: null }
    assert.ok(!sameFingerprint(bare, bare))
    assert.ok(!sameFingerprint({ ...bare, modifiedAtMs: MS }, bare))
  })
})
