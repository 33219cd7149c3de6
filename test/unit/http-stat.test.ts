/** What stat makes of good and bad replies. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import type { Script } from '../servers/scripted-http.ts'
import { ETAG, never, partial, serving } from '../support/http-download.ts'

describe('http stat', () => {
  const told =
    (headers: Record<string, string>, status = 206): Script =>
    (_request, response) =>
      void response.writeHead(status, headers).end(status === 206 ? 'x' : undefined)

  test('size from Content-Range, strong ETag, Last-Modified; asked with identity', async (t) => {
    const seen: (string | undefined)[] = []
    const remote = await serving(t, (request, response) => {
      seen.push(request.headers['accept-encoding'], request.headers.range)
      partial(response, 0, 1, { 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' })
    })
    assert.deepEqual(await remote.stat('/file', never), { kind: 'file', size: 1000, modifiedAtMs: 1_445_412_480_000, validator: ETAG })
    assert.deepEqual(seen, ['identity', undefined])
    await remote.stat('/file', never)
    assert.deepEqual(seen.slice(2), ['identity', 'bytes=0-0'], 'the first look may be all that there ever is')
  })

  test('weak ETag is no validator; an unknown total is no size', async (t) => {
    const remote = await serving(t, told({ 'content-range': 'bytes 0-0/*', etag: 'W/"a"' }))
    assert.deepEqual(await remote.stat('/file', never), { kind: 'file', size: null, modifiedAtMs: null, validator: null, etag: 'W/"a"' })
  })

  test('a 200 that nobody reads ends with the next look, and nothing is left hanging', async (t) => {
    const closed: Promise<unknown>[] = []
    const remote = await serving(t, (_request, response) => {
      closed.push(once(response, 'close'))
      response.writeHead(200, { 'content-length': '1000000000', etag: ETAG })
      response.write(Buffer.alloc(65_536))
    })
    assert.equal((await remote.stat('/file', never))?.size, 1_000_000_000)
    await remote.stat('/other', never)
    await closed[0]
    await remote.close()
    await Promise.all(closed)
  })

  test('chunked 200 has no size', async (t) => {
    const remote = await serving(t, (_request, response) => {
      response.writeHead(200)
      response.write('a')
    })
    assert.equal((await remote.stat('/file', never))?.size, null)
  })

  test('empty files: 416 with */0, 416 without a word, 200 of length 0', async (t) => {
    assert.equal((await (await serving(t, told({ 'content-range': 'bytes */0' }, 416))).stat('/file', never))?.size, 0)
    const silent = await serving(
      t,
      (request, response) => void response.writeHead(request.headers.range === undefined ? 200 : 416, { 'content-length': '0' }).end(),
    )
    assert.equal((await silent.stat('/file', never))?.size, 0)
    assert.equal((await (await serving(t, told({ 'content-length': '0' }, 200))).stat('/file', never))?.size, 0)
  })

  test('404 and 410 are null; others say what they are', async (t) => {
    for (const status of [404, 410]) assert.equal(await (await serving(t, told({}, status))).stat('/file', never), null)
    const kinds = {
      401: 'denied',
      403: 'denied',
      407: 'denied',
      400: 'refused',
      408: 'transient',
      425: 'transient',
      429: 'transient',
      451: 'refused',
    }
    const worse = {
      500: 'transient',
      502: 'transient',
      503: 'transient',
      504: 'transient',
      507: 'no-space',
      413: 'refused',
      304: 'refused',
      204: 'protocol',
    }
    for (const [status, kind] of Object.entries({ ...kinds, ...worse })) {
      await assert.rejects((await serving(t, told({}, Number(status)))).stat('/file', never), { name: 'TransferError', kind }, status)
    }
  })

  test('Retry-After is passed on, the words of the page too', async (t) => {
    const remote = await serving(
      t,
      (_request, response) => void response.writeHead(503, { 'retry-after': '7' }).end('<html><h1>Under\nmaintenance</h1></html>'),
    )
    await assert.rejects(remote.stat('/file', never), { kind: 'transient', retryAfterMs: 7000, message: /503: Under maintenance$/ })
  })

  test('another part than asked for is refused', async (t) => {
    await assert.rejects((await serving(t, told({ 'content-range': 'bytes 1-1/1000' }))).stat('/file', never), { kind: 'protocol' })
    await assert.rejects((await serving(t, told({}))).stat('/file', never), { kind: 'protocol' })
  })
})
