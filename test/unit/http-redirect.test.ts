/** Where redirects may lead, and what other origins get to see. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { publicLookup } from '../../src/remotes/http/connection.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import { redirectTarget } from '../../src/remotes/http/redirects.ts'
import { NO_PROXIES, proxiesOf } from '../../src/remotes/proxies.ts'
import type { Body, Credentials, Remote, RemotePorts, WriteObserver } from '../../src/remotes/remote.ts'
import { type Script, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const silent: WriteObserver = { sent: () => undefined, acknowledged: () => undefined }
const SECRETS: Credentials = {
  headers: new Map([
    ['X-Api-Key', 'key'],
    ['Cookie', 'session=1'],
  ]),
  username: 'tester',
  password: 'pass',
  fingerprints: [],
  tlsVerify: true,
}

async function open(
  t: TestContext,
  origin: string,
  direction: RemotePorts['direction'] = 'download',
  proxies = NO_PROXIES,
): Promise<Remote> {
  const remote = await protocol.open(protocol.parse(new URL('/file', origin), SECRETS), remotePorts(3000, { direction, proxies }), never)
  t.after(() => remote.close())
  return remote
}

async function serve(t: TestContext, script: Script): Promise<ScriptedServer> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT, MOVE' }).end()
    else script(request, response, index)
  })
  t.after(() => server.close())
  return server
}

const partial: Script = (request, response) => {
  if (request.headers.range === undefined)
    return void response.writeHead(200, { 'content-length': 1000, etag: '"e"' }).end(Buffer.alloc(1000, 120))
  const [start = 0, last = 0] = (request.headers.range ?? '').replace('bytes=', '').split('-').map(Number)
  response.writeHead(206, { 'content-range': `bytes ${start}-${last}/1000`, etag: '"e"' }).end(Buffer.alloc(last + 1 - start, 120))
}

async function* body(text: string): Body {
  yield Buffer.from(text)
}

function methods(server: ScriptedServer): string[] {
  return server.requests.map((r) => r.method).filter((m) => m !== 'OPTIONS')
}

describe('http redirects', () => {
  test('another origin sees the range and nothing of ours', async (t) => {
    const other = await serve(t, partial)
    const home = await serve(
      t,
      (_request, response) => void response.writeHead(302, { location: `${other.origin}/signed?x=/y#f` }).end('moved'),
    )
    const remote = await open(t, home.origin)
    assert.equal((await remote.stat('/file', never))?.size, 1000)
    await remote.read('/file', { start: 10, end: 20 }, () => undefined, { validator: '"e"' }, never)
    assert.deepEqual(methods(home), ['GET', 'GET'], 'asked anew every time')
    for (const { headers } of home.requests) {
      assert.deepEqual([headers['x-api-key'], headers.cookie, headers.authorization?.startsWith('Basic ')], ['key', 'session=1', true])
    }
    assert.deepEqual(
      other.requests.map((r) => [r.path, Object.keys(r.headers).sort()]),
      [
        ['/signed?x=/y', ['accept', 'accept-encoding', 'connection', 'host', 'user-agent']],
        ['/signed?x=/y', ['accept', 'accept-encoding', 'connection', 'host', 'if-range', 'range', 'user-agent']],
      ],
    )
  })

  test('the same origin keeps its headers; coming back home brings them back', async (t) => {
    const home = await serve(t, (request, response, index) => {
      if (request.path === '/file') response.writeHead(301, { location: '/there' }).end()
      else partial(request, response, index)
    })
    const remote = await open(t, home.origin)
    assert.equal((await remote.stat('/file', never))?.size, 1000)
    assert.equal(home.requests.at(-1)?.headers['x-api-key'], 'key')
  })

  test('five are followed, six are not, circles are seen', async (t) => {
    const chain =
      (length: number): Script =>
      (request, response, index) => {
        const step = Number(/\d+$/.exec(request.path)?.[0] ?? 0)
        if (step < length) response.writeHead(308, { location: `/step${step + 1}` }).end()
        else partial(request, response, index)
      }
    assert.equal((await (await open(t, (await serve(t, chain(5))).origin)).stat('/file', never))?.size, 1000)
    await assert.rejects((await open(t, (await serve(t, chain(6))).origin)).stat('/file', never), {
      kind: 'protocol',
      message: /more than 5/,
    })
    const circle = await serve(
      t,
      (request, response) => void response.writeHead(302, { location: request.path === '/file' ? '/b' : '/file' }).end(),
    )
    await assert.rejects((await open(t, circle.origin)).stat('/file', never), { kind: 'protocol', message: /circle/ })
  })

  test('where they may not lead', () => {
    const to = (location: string, from = 'https://example.org'): unknown =>
      redirectTarget({ status: 302, headers: { location }, target: { origin: from, path: '/a/b?c' } }, false)
    assert.deepEqual(to('d'), { origin: 'https://example.org', path: '/a/d' })
    assert.deepEqual(to('//user:pw@cdn.example.net/x#y'), { origin: 'https://cdn.example.net', path: '/x' })
    for (const bad of [
      'http://example.org/',
      'ftp://example.org/',
      'file:///etc/passwd',
      'data:,x',
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://localhost/',
      'https://169.254.169.254/',
      'https://2130706433/',
      'https://[::ffff:10.0.0.1]/',
    ]) {
      assert.throws(() => to(bad), { kind: 'untrusted' }, bad)
    }
    assert.deepEqual(to('https://example.net/', 'http://example.org'), { origin: 'https://example.net', path: '/' })
    assert.throws(() => to('https://['), { kind: 'protocol' })
  })

  test('a name that resolves into a private network is refused when it is resolved', async () => {
    const resolve = (allowed: boolean): Promise<unknown> =>
      new Promise((done) => publicLookup(() => allowed)('localhost', { all: true }, (error, addresses) => done(error ?? addresses)))
    assert.equal(((await resolve(false)) as { kind?: string }).kind, 'untrusted')
    assert.ok(Array.isArray(await resolve(true)))
  })

  test('a server reached through a proxy cannot send us to our own machine', async (t) => {
    const victim = await serve(t, partial)
    const proxy = await serve(t, (_request, response) => void response.writeHead(302, { location: `${victim.origin}/` }).end())
    const proxies = proxiesOf({ http_proxy: proxy.origin })
    const remote = await open(t, 'http://public.example', 'download', proxies)
    await assert.rejects(remote.stat('/file', never), { kind: 'untrusted', message: /private network/ })
    assert.ok(proxy.requests[0]?.path.startsWith('http://public.example/file'), 'the proxy is used')
    assert.equal(victim.requests.length, 0)
  })

  test('a body never travels to another origin', async (t) => {
    for (const status of [301, 302, 303, 307, 308]) {
      const other = await serve(t, (_request, response) => void response.writeHead(201).end())
      const home = await serve(t, (request, response) => {
        if (request.method === 'GET') response.writeHead(404).end()
        else response.writeHead(status, { location: `${other.origin}/x` }).end()
      })
      const remote = await open(t, home.origin, 'upload')
      await assert.rejects(remote.writer?.create('/file', 6, body('secret'), silent, never) ?? Promise.resolve(), { kind: 'untrusted' })
      await assert.rejects(remote.tree?.rename('/file', '/b', never) ?? Promise.resolve(), { kind: 'untrusted' })
      assert.deepEqual(other.requests, [])
    }
  })

  test('on the same origin a body is not sent twice, an empty one is', async (t) => {
    const stored = new Map<string, number>()
    const home = await serve(t, (request, response) => {
      if (request.method === 'PUT' && request.path === '/file') response.writeHead(307, { location: '/moved' }).end()
      else if (request.method === 'PUT') {
        stored.set(request.path, request.body.length)
        response.writeHead(201).end()
      } else response.writeHead(416, { 'content-range': 'bytes */0' }).end()
    })
    const remote = await open(t, home.origin, 'upload')
    await assert.rejects(remote.writer?.create('/file', 6, body('secret'), silent, never) ?? Promise.resolve(), {
      kind: 'refused',
      message: /moved/,
    })
    assert.equal(stored.size, 0)
    await remote.writer?.create('/file', 0, body(''), silent, never)
    assert.deepEqual([...stored], [['/moved', 0]])
  })
})
