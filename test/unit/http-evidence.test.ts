/** What an upload believes: the server itself, asked past caches, and only when it says that something is stored. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { cacheMarkOf } from '../../src/remotes/http/caches.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Body, Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { type Script, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { CONTENT, ETAG, fails, never, partial, read, serving } from '../support/http-download.ts'

const UNSEEN = { kind: 'file', size: null, modifiedAtMs: null, validator: null }

const FROM_A_CACHE: readonly Record<string, string>[] = [
  { age: '1' },
  { age: '0, 77' },
  { 'x-cache': 'HIT' },
  { 'x-cache': 'HIT, MISS' },
  { 'x-cache': 'MISS, HIT' },
  { 'x-cache': 'Hit from cloudfront' },
  { 'x-cache': 'RefreshHit from cloudfront' },
  { 'x-cache': 'TCP_HIT' },
  { 'x-cache': 'TCP_MEM_HIT from a1' },
  { 'x-cache': 'TCP_REFRESH_UNMODIFIED' },
  { 'x-cache': 'HIT-STALE' },
  { 'x-cache-status': 'STALE' },
  { 'x-cache-status': 'UPDATING' },
  { 'x-cache-status': 'REVALIDATED' },
  { 'x-cache-hits': '0, 1' },
  { 'cf-cache-status': 'HIT' },
  { 'x-proxy-cache': 'HIT' },
  { 'x-drupal-cache': 'HIT' },
  { 'x-vercel-cache': 'STALE' },
  { 'x-srcache-fetch-status': 'HIT' },
  { 'x-rack-cache': 'fresh' },
  { 'akamai-cache-status': 'Hit from child' },
  { 'cdn-cache': 'HIT' },
  { 'x-varnish': '32771 5' },
  { 'cache-status': 'ExampleCache; hit; ttl=30' },
  { 'cache-status': 'Origin; fwd=miss, Edge; hit' },
  { warning: '110 anderson/1.3.37 "Response is stale"' },
]
const FROM_THE_SERVER: readonly Record<string, string>[] = [
  {},
  { age: '0' },
  { age: 'soon' },
  { 'x-cache': 'MISS' },
  { 'x-cache': 'MISS, MISS' },
  { 'x-cache': 'Miss from cloudfront' },
  { 'x-cache': 'TCP_MISS' },
  { 'x-cache': 'TCP_REFRESH_MISS' },
  { 'x-cache': 'hit-for-pass' },
  { 'x-cache': 'HIT FOR MISS' },
  { 'x-cache': 'HIT-PASS' },
  { 'x-cache': 'MISS from whitehit.example' },
  { 'x-cache-lookup': 'HIT from squid:3128' },
  { 'x-cache-hits': '0, 0' },
  { 'x-cache-status': 'EXPIRED' },
  { 'x-cache-status': 'BYPASS' },
  { 'cf-cache-status': 'DYNAMIC' },
  { 'x-varnish': '32771' },
  { 'cache-status': 'ExampleCache; fwd=uri-miss; stored' },
  { 'cache-status': 'ExampleCache; hit=?0; fwd=stale' },
  { 'cache-control': 'max-age=60, stale-while-revalidate=5' },
]

async function serve(t: TestContext, script: Script, allow = 'GET, PUT'): Promise<ScriptedServer> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'OPTIONS') response.writeHead(200, allow === 'dav' ? { dav: '1' } : { allow }).end()
    else script(request, response, index)
  })
  t.after(() => server.close())
  return server
}

async function open(
  t: TestContext,
  origin: string,
  direction: RemotePorts['direction'] = 'upload',
  headers = new Map<string, string>(),
): Promise<Remote> {
  const ports: RemotePorts = { timeoutMs: 3000, direction, redact: (text) => text, debug: () => undefined, warn: () => undefined }
  const config = protocol.parse(new URL('/dir/file', origin), { headers, fingerprints: [], tlsVerify: true })
  const remote = await protocol.open(config, ports, never)
  t.after(() => remote.close())
  return remote
}

async function* ten(): Body {
  yield Buffer.alloc(10, 1)
}

interface Created {
  readonly error: TransferError | null
  readonly acknowledged: readonly number[]
}

async function create(remote: Remote): Promise<Created> {
  const acknowledged: number[] = []
  const observer = { sent: () => undefined, acknowledged: (total: number) => void acknowledged.push(total) }
  try {
    await remote.writer?.create('/dir/file', 10, ten(), observer, never)
    return { error: null, acknowledged }
  } catch (error) {
    assert.ok(error instanceof TransferError, String(error))
    return { error, acknowledged }
  }
}

describe('http caches', () => {
  test('what a cache leaves on its answers, and what is none', () => {
    const mark = (headers: Record<string, string>): string | null =>
      cacheMarkOf({ status: 200, headers, target: { origin: 'https://example.org', path: '/' } })
    for (const headers of FROM_A_CACHE) assert.equal(mark({ server: 'x', ...headers }), Object.keys(headers)[0], JSON.stringify(headers))
    for (const headers of FROM_THE_SERVER) assert.equal(mark({ server: 'x', ...headers }), null, JSON.stringify(headers))
  })

  test('an upload looks and reads past them, whatever the headers of the user say, and sends with those', async (t) => {
    const server = await serve(
      t,
      (request, response) => {
        if (request.method === 'PUT') response.writeHead(201).end()
        else if (request.method === 'PROPFIND') response.writeHead(207).end('<multistatus></multistatus>')
        else response.writeHead(206, { 'content-range': 'bytes 0-0/10' }).end('x')
      },
      'dav',
    )
    const remote = await open(t, server.origin, 'upload', new Map([['Cache-Control', 'public, max-age=60']]))
    await remote.stat('/dir/file', never)
    await remote.read('/dir/file', { start: 0, end: 1 }, () => undefined, {}, never)
    await remote.tree?.list('/dir', never)
    assert.equal((await create(remote)).error, null)
    const asked = (method: string): unknown[] =>
      server.requests.filter((r) => r.method === method).map((r) => [r.headers['cache-control'], r.headers.pragma])
    for (const seen of [...asked('GET'), ...asked('PROPFIND')]) assert.deepEqual(seen, ['no-cache', 'no-cache'])
    assert.equal(asked('GET').length + asked('PROPFIND').length, 4)
    assert.deepEqual(asked('PUT'), [['public, max-age=60', undefined]])
  })

  test('also behind a redirect to another origin, where the headers of the user do not go', async (t) => {
    const other = await serve(t, (_request, response) => partial(response, 0, 1))
    const home = await serve(t, (_request, response) => void response.writeHead(302, { location: `${other.origin}/file` }).end())
    await (await open(t, home.origin)).stat('/dir/file', never)
    assert.equal(other.requests.at(-1)?.headers['cache-control'], 'no-cache')
    const downloading = await open(t, home.origin, 'download', new Map([['Cache-Control', 'secret']]))
    await downloading.stat('/dir/file', never)
    assert.equal(other.requests.at(-1)?.headers['cache-control'], undefined)
  })

  test('a download asks them, unless it compares', async (t) => {
    const seen: unknown[] = []
    const remote = await serving(t, (request, response) => {
      seen.push(request.headers['cache-control'])
      partial(response, 100, 200, { age: '500', 'x-cache': 'HIT' })
    })
    assert.equal((await read(remote, 100, 200)).error, null)
    await remote.read('/file', { start: 100, end: 200 }, () => undefined, { pastCaches: true }, never)
    assert.deepEqual(seen, [undefined, 'no-cache'])
  })

  test('in an upload a look that a cache answers shows nothing: neither a size, nor a version, nor that there is no file', async (t) => {
    const answers: Script[] = [
      (_request, response) => partial(response, 0, 1, { age: '3', 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' }),
      (_request, response) => void response.writeHead(200, { 'content-length': '1000', etag: ETAG, 'x-cache': 'HIT' }).end(CONTENT),
      (_request, response) => void response.writeHead(404, { age: '3' }).end(),
      (_request, response) => void response.writeHead(416, { 'content-range': 'bytes */0', 'x-cache': 'HIT' }).end(),
      (request, response) =>
        void response
          .writeHead(request.headers.range === undefined ? 200 : 416, {
            'content-length': '0',
            ...(request.headers.range === undefined ? { age: '3' } : {}),
          })
          .end(),
    ]
    for (const answer of answers) {
      const remote = await serving(t, answer, 'upload')
      assert.deepEqual(await remote.stat('/file', never), UNSEEN)
      await remote.stat('/file', never)
      assert.equal(remote.notes.length, 1)
    }
    const own = await serving(t, (_request, response) => partial(response, 0, 1, { age: '0' }), 'upload')
    assert.equal((await own.stat('/file', never))?.size, 1000)
    const refused = await serving(t, (_request, response) => void response.writeHead(403, { age: '3' }).end(), 'upload')
    await assert.rejects(refused.stat('/file', never), { kind: 'denied' })
  })

  test('in an upload bytes from a cache prove nothing, and do not arrive; neither does the end of the file', async (t) => {
    for (const headers of FROM_A_CACHE) {
      const remote = await serving(t, (_request, response) => partial(response, 100, 200, headers), 'upload')
      assert.equal((await fails('refused', read(remote, 100, 200), /cache/)).length, 0)
    }
    const whole: Script = (_request, response) => void response.writeHead(200, { 'content-length': '1000', age: '3' }).end(CONTENT)
    assert.equal((await fails('refused', read(await serving(t, whole, 'upload'), 0, 1000))).length, 0)
    const end: Script = (_request, response) => void response.writeHead(416, { 'content-range': 'bytes */1000', age: '3' }).end()
    await fails('refused', read(await serving(t, end, 'upload'), 1000, 1001))
    const gone: Script = (_request, response) => void response.writeHead(404, { age: '3' }).end()
    await fails('refused', read(await serving(t, gone, 'upload'), 0, 1))
    const old = await serving(t, (_request, response) => partial(response, 100, 200, { age: '3' }))
    assert.equal((await read(old, 100, 200)).error, null)
  })

  test('a cached 404, or an older size, does not undo an upload that the server confirmed', async (t) => {
    for (const [status, headers] of [
      [404, { age: '3' }],
      [206, { age: '3', 'content-range': 'bytes 0-0/99' }],
    ] as const) {
      const server = await serve(t, (request, response) => {
        if (request.method === 'PUT') response.writeHead(201).end()
        else response.writeHead(status, headers).end(status === 206 ? 'x' : '')
      })
      assert.deepEqual(await create(await open(t, server.origin)), { error: null, acknowledged: [10] })
    }
  })

  test('a directory that a cache answers for is no file in the way', async (t) => {
    const server = await serve(
      t,
      (request, response) => {
        if (request.method === 'MKCOL') response.writeHead(405).end()
        else partial(response, 0, 1, { age: '3' })
      },
      'dav',
    )
    await (await open(t, server.origin)).tree?.makeDirectory('/dir', never)
    const file = await serve(
      t,
      (request, response) => {
        if (request.method === 'MKCOL') response.writeHead(405).end()
        else partial(response, 0, 1)
      },
      'dav',
    )
    await assert.rejects((await open(t, file.origin)).tree?.makeDirectory('/dir', never) ?? Promise.resolve(), { kind: 'conflict' })
  })
})

describe('http statuses that are half an answer', () => {
  test('PUT is stored with 200, 201 and 204; with any other success nothing is acknowledged, nothing looked at, and a note says so', async (t) => {
    for (const status of [200, 201, 202, 203, 204, 205, 206, 207, 226, 299]) {
      const stored = [200, 201, 204].includes(status)
      const server = await serve(t, (request, response) => {
        if (request.method === 'PUT') response.writeHead(status).end()
        else response.writeHead(206, { 'content-range': 'bytes 0-0/10' }).end('x')
      })
      const remote = await open(t, server.origin)
      assert.deepEqual(await create(remote), { error: null, acknowledged: stored ? [10] : [] }, String(status))
      assert.equal(remote.notes.length, stored ? 0 : 1)
    }
  })

  test('a range that is only accepted is no way to continue', async (t) => {
    const file = Buffer.alloc(20)
    const content = new Map<string, Buffer>()
    let status = 204
    const server = await serve(t, (request, response) => {
      const range = /^bytes (\d+)-/.exec(request.headers['content-range'] ?? '')
      const stored = content.get(request.path) ?? file
      if (request.method === 'PUT') {
        if (range === null) content.set(request.path, Buffer.from(request.body))
        else if (status === 204) request.body.copy(stored, Number(range[1]))
        response.writeHead(range === null ? 201 : status).end()
      } else if (request.method === 'DELETE') response.writeHead(204).end()
      else {
        const [start = 0, last = 0] = (request.headers.range ?? '').replace('bytes=', '').split('-').map(Number)
        response.writeHead(206, { 'content-range': `bytes ${start}-${last}/${stored.length}` }).end(stored.subarray(start, last + 1))
      }
    })
    const remote = await open(t, server.origin)
    const resumer = await remote.writer?.resumer('/dir', never)
    assert.ok(resumer?.kind === 'positional')
    status = 202
    const acknowledged: number[] = []
    const observer = { sent: () => undefined, acknowledged: (total: number) => void acknowledged.push(total) }
    await assert.rejects(resumer.write('/dir/file', { start: 5, end: 15 }, ten(), observer, never), { kind: 'unsupported' })
    assert.deepEqual(acknowledged, [])
    const never202 = await open(t, server.origin)
    assert.equal(await never202.writer?.resumer('/dir', never), null)
  })

  test('MOVE, COPY, DELETE and MKCOL that are put off are to be looked at again; a part that failed is a refusal', async (t) => {
    let status = 204
    const sent: unknown[] = []
    const server = await serve(
      t,
      (request, response) => {
        if (request.method === 'PROPFIND') response.writeHead(404).end()
        else {
          sent.push([
            request.method,
            request.headers.destination?.toString().replace(/^.*:\d+/, ''),
            request.headers.overwrite,
            request.headers.depth,
          ])
          response.writeHead(status).end()
        }
      },
      'dav',
    )
    const { tree } = await open(t, server.origin)
    assert.ok(tree?.copy !== undefined && tree.replaces === 'after-delete')
    const { copy } = tree
    const requests = {
      MOVE: () => tree.rename('/dir/a', '/dir/b', never),
      COPY: () => copy('/dir/a', '/dir/b', 10, never),
      DELETE: () => tree.remove('/dir/a', never),
      MKCOL: () => tree.makeDirectory('/dir', never),
    }
    for (const [method, request] of Object.entries(requests)) {
      for (status of [200, 201, 203, 204, 205]) await request()
      status = 202
      await assert.rejects(request(), { kind: 'transient' }, method)
      status = 207
      await assert.rejects(request(), { kind: 'refused' }, method)
      status = 206
      await assert.rejects(request(), { kind: 'protocol' }, method)
    }
    assert.deepEqual(sent[0], ['MOVE', '/dir/b', 'T', undefined])
    status = 412
    sent.length = 0
    await assert.rejects(requests.COPY(), { kind: 'conflict' })
    assert.deepEqual(sent, [['COPY', '/dir/b', 'F', '0']])
    for (const [refusal, kind] of [
      [404, 'not-found'],
      [405, 'refused'],
      [501, 'refused'],
    ] as const) {
      status = refusal
      await assert.rejects(requests.COPY(), { kind })
    }
  })
})
