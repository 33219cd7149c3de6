/** What a server is found to be able to do, and what WebDAV must not be allowed to do. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { rawServer, type Script, scriptedServer } from '../servers/scripted-http.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal

async function open(
  t: TestContext,
  origin: string,
  timeoutMs = 3000,
  direction: RemotePorts['direction'] = 'upload',
  token?: string,
): Promise<Remote> {
  const credentials = { headers: new Map(), fingerprints: [], tlsVerify: true, ...(token === undefined ? {} : { token }) }
  const config = protocol.parse(new URL('/dir/file', origin), credentials)
  const remote = await protocol.open(config, remotePorts(timeoutMs, { direction }), never)
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

  test('what OPTIONS, a move of nothing and a move of a scratch file tell; PUT is always tried', async (t) => {
    const always =
      (status: number, headers: Record<string, string> = {}): Script =>
      (_request, response) =>
        void response.writeHead(status, headers).end()
    /** `OPTIONS` is refused; `moving` is the answer to MOVE of what is not there, then of what is. */
    const withoutOptions =
      (options: number, ...moving: number[]): Script =>
      ({ method }, response) =>
        void response.writeHead(method === 'OPTIONS' ? options : method === 'MOVE' ? (moving.shift() ?? 500) : 201).end()
    for (const [script, found] of [
      [always(200, { dav: '1,2', allow: 'OPTIONS' }), 'writer tree'],
      [always(200, { allow: 'GET, HEAD' }), 'writer'],
      [always(200, { allow: 'GET, PUT' }), 'writer'],
      [always(200, { allow: 'GET, PUT, MOVE' }), 'writer tree'],
      [always(405), 'writer'],
      [always(403), 'writer'],
      [always(302, { location: 'http://127.0.0.1:1/' }), 'writer'],
      // A server that misses whatever it does not know.
      [withoutOptions(404, 404, 404), 'writer'],
      [withoutOptions(405, 404, 201), 'writer tree'],
      [withoutOptions(401, 409, 204), 'writer tree'],
      [withoutOptions(503, 404, 403), 'writer'],
      [withoutOptions(403, 405), 'writer'],
    ] as const)
      assert.equal(await facets(t, script), found)
  })

  test('a download asks for nothing but the file', async (t) => {
    const server = await scriptedServer((_request, response) => void response.writeHead(200, { 'content-length': '4' }).end('file'))
    t.after(() => server.close())
    const remote = await open(t, server.origin, 3000, 'download')
    assert.deepEqual([remote.writer, remote.tree], [undefined, undefined])
    assert.equal((await remote.stat('/dir/file', never))?.size, 4)
    assert.deepEqual(
      server.requests.map((r) => r.method),
      ['GET'],
    )
  })

  test('the scratch file of the question is removed under the name that it has', async (t) => {
    for (const moved of [201, 403]) {
      const files = new Set<string>()
      const server = await scriptedServer(({ method, path, headers }, response) => {
        if (method === 'OPTIONS') return void response.writeHead(401).end()
        if (method === 'PUT') files.add(path)
        else if (method === 'DELETE') files.delete(path)
        else if (!files.has(path)) return void response.writeHead(404).end()
        else if (moved === 201) {
          files.delete(path)
          files.add(new URL(String(headers.destination)).pathname)
        } else return void response.writeHead(moved).end()
        response.writeHead(201).end()
      })
      t.after(() => server.close())
      assert.equal((await open(t, server.origin)).tree !== undefined, moved === 201)
      assert.deepEqual([...files], [])
    }
  })

  test('OPTIONS that is cut or never answered is no knowledge; no connection, and wrong credentials twice, are', async (t) => {
    for (const silent of [false, true]) {
      const server = await rawServer((header, socket) => {
        if (!header.startsWith('OPTIONS')) socket.write('HTTP/1.1 405 no\r\nContent-Length: 0\r\n\r\n')
        else if (!silent) socket.destroy()
      })
      t.after(() => server.close())
      assert.notEqual((await open(t, server.origin, 300)).writer, undefined)
    }
    const closed = await rawServer(() => undefined)
    await closed.close()
    await assert.rejects(open(t, closed.origin), { kind: 'transient' })
    for (const [status, kind] of [
      [401, 'denied'],
      [503, 'transient'],
    ] as const) {
      const server = await scriptedServer((_request, response) => void response.writeHead(status, { 'retry-after': '2' }).end())
      t.after(() => server.close())
      await assert.rejects(open(t, server.origin, 3000, 'upload', 'token'), { kind })
      assert.equal(server.requests.length, 2)
      await open(t, server.origin)
    }
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
