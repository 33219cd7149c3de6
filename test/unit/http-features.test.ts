/** What a server is found to be able to do, and what WebDAV must not be allowed to do. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { rawServer, type Script, scriptedServer } from '../servers/scripted-http.ts'

const never = new AbortController().signal

async function open(t: TestContext, origin: string, timeoutMs = 3000): Promise<Remote> {
  const config = protocol.parse(new URL('/dir/file', origin), { headers: new Map(), fingerprints: [], tlsVerify: true })
  const remote = await protocol.open(
    config,
    { timeoutMs, direction: 'download', redact: (text) => text, debug: () => undefined, warn: () => undefined },
    never,
  )
  t.after(() => remote.close())
  return remote
}

describe('http features', () => {
  const facets = async (t: TestContext, script: Script): Promise<string> => {
    const server = await scriptedServer(script)
    t.after(() => server.close())
    const remote = await open(t, server.origin)
    return `${remote.writer === undefined ? '' : 'writer '}${remote.tree === undefined ? '' : 'tree'}`.trim()
  }

  test('what OPTIONS and a move of nothing tell', async (t) => {
    assert.equal(
      await facets(t, (_request, response) => void response.writeHead(200, { dav: '1,2', allow: 'OPTIONS' }).end()),
      'writer tree',
    )
    assert.equal(await facets(t, (_request, response) => void response.writeHead(200, { allow: 'GET, HEAD' }).end()), '')
    assert.equal(await facets(t, (_request, response) => void response.writeHead(200, { allow: 'GET, PUT' }).end()), 'writer')
    assert.equal(
      await facets(t, (request, response) => void response.writeHead(request.method === 'MOVE' ? 404 : 405).end()),
      'writer tree',
    )
    assert.equal(await facets(t, (_request, response) => void response.writeHead(405).end()), '')
    assert.equal(await facets(t, (_request, response) => void response.writeHead(403).end()), 'writer')
    assert.equal(await facets(t, (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()), 'writer')
  })

  test('a server out of order is not taken for one that cannot rename; a cut connection only matters with credentials', async (t) => {
    const busy = await scriptedServer((_request, response) => void response.writeHead(503, { 'retry-after': '2' }).end())
    const cutting = await rawServer((_header, socket) => void socket.destroy())
    t.after(() => Promise.all([busy.close(), cutting.close()]))
    const opening = (origin: string, token?: string): Promise<Remote> =>
      protocol.open(
        protocol.parse(new URL(origin), {
          headers: new Map(),
          fingerprints: [],
          tlsVerify: true,
          ...(token === undefined ? {} : { token }),
        }),
        { timeoutMs: 3000, direction: 'download', redact: (text) => text, debug: () => undefined, warn: () => undefined },
        never,
      )
    await assert.rejects(opening(busy.origin, 'x'), { kind: 'transient', retryAfterMs: 2000 })
    await assert.rejects(opening(cutting.origin, 'x'), { kind: 'transient' })
    for (const origin of [busy.origin, cutting.origin]) await (await opening(origin)).close()
  })

  test('a directory is neither removed nor replaced', async (t) => {
    const server = await scriptedServer((request, response) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { dav: '1' }).end()
      else if (request.method === 'PROPFIND') {
        response
          .writeHead(207)
          .end('<multistatus><response><href>/dir/file/</href><resourcetype><collection/></resourcetype></response></multistatus>')
      } else response.writeHead(204).end()
    })
    t.after(() => server.close())
    const { tree } = await open(t, server.origin)
    await assert.rejects(tree?.remove('/dir/file', never) ?? Promise.resolve(), { kind: 'refused' })
    await assert.rejects(tree?.rename('/dir/part', '/dir/file', never) ?? Promise.resolve(), { kind: 'conflict' })
    assert.deepEqual(new Set(server.requests.map((r) => r.method)), new Set(['OPTIONS', 'PROPFIND']))
  })

  test('a listing that was cut short is no listing', async (t) => {
    const server = await scriptedServer((request, response) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { dav: '1' }).end()
      else response.writeHead(207, { connection: 'close' }).end('<multistatus><response><href>/dir/</href></response>')
    })
    t.after(() => server.close())
    const { tree } = await open(t, server.origin)
    await assert.rejects(tree?.list('/dir', never) ?? Promise.resolve(), { kind: 'transient' })
  })

  test('a listing of something else is refused', async (t) => {
    const server = await scriptedServer((request, response) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { dav: '1' }).end()
      else
        response
          .writeHead(207)
          .end('<multistatus><response><href>/dir/</href></response><response><href>/other/x</href></response></multistatus>')
    })
    t.after(() => server.close())
    const { tree } = await open(t, server.origin)
    await assert.rejects(tree?.list('/dir', never) ?? Promise.resolve(), { kind: 'protocol' })
  })
})
