/** Servers that refuse a look, or a range: what is learned from that, and that a link which answers once is enough for a download. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { rawServer, type Script, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { CONTENT, ETAG, fails, never, partial, read } from '../support/http-download.ts'
import { remotePorts } from '../support/remote-ports.ts'

async function at(t: TestContext, script: Script, direction: RemotePorts['direction'] = 'download'): Promise<[Remote, ScriptedServer]> {
  const server = await scriptedServer(script)
  t.after(() => server.close())
  const config = protocol.parse(new URL('/file', server.origin), { headers: new Map(), fingerprints: [], tlsVerify: true })
  const remote = await protocol.open(config, remotePorts(3000, { direction }), never)
  t.after(() => remote.close())
  return [remote, server]
}

const whole: Script = (_request, response) => void response.writeHead(200, { 'content-length': CONTENT.length, etag: ETAG }).end(CONTENT)
/** Of what was asked: the method, and `R` for a range. */
const asked = (server: ScriptedServer): string =>
  server.requests.map(({ method, headers }) => method + (headers.range === undefined ? '' : ' R')).join(', ')

describe('http: the first look at a download', () => {
  test('is the transfer: a link that answers once works', async (t) => {
    let answers = 0
    const [remote, server] = await at(t, (request, response, index) => {
      answers += 1
      if (answers === 1) whole(request, response, index)
      else response.writeHead(410).end()
    })
    assert.equal((await remote.stat('/file', never))?.size, CONTENT.length)
    const { bytes, error } = await read(remote, 0, CONTENT.length, ETAG)
    assert.equal(error, null)
    assert.ok(bytes.equals(CONTENT))
    assert.equal(asked(server), 'GET')
  })

  test('is not taken over by who wants another part, another version, or an answer past caches', async (t) => {
    for (const [start, options] of [
      [10, {}],
      [0, { validator: '"other"' }],
      [0, { pastCaches: true }],
    ] as const) {
      const [remote, server] = await at(t, (request, response, index) => {
        if (request.headers.range === undefined) whole(request, response, index)
        else partial(response, start, 1000)
      })
      await remote.stat('/file', never)
      const chunks: Buffer[] = []
      const sink = (chunk: Uint8Array): void => void chunks.push(Buffer.from(chunk))
      const reading = remote.read('/file', { start, end: 1000 }, sink, options, never)
      if ('validator' in options) await assert.rejects(reading, { kind: 'source-changed' })
      else await reading
      assert.ok('validator' in options || Buffer.concat(chunks).equals(CONTENT.subarray(start)))
      assert.equal(server.requests.length, 2)
    }
  })

  test('is asked anew when its reply is over before it is read; what comes of the reading is told as ever', async (t) => {
    let answers = 0
    const server = await rawServer((_header, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n`)
      answers += 1
      if (answers === 1) socket.resetAndDestroy()
      else socket.end(CONTENT.subarray(0, 600))
    })
    t.after(() => server.close())
    const config = protocol.parse(new URL('/file', server.origin), { headers: new Map(), fingerprints: [], tlsVerify: true })
    const remote = await protocol.open(config, remotePorts(3000, { direction: 'download' }), never)
    t.after(() => remote.close())
    await remote.stat('/file', never).catch(() => remote.stat('/file', never))
    await fails('transient', read(remote, 0, 1000))
    assert.ok(answers >= 2)
  })

  test('a reading that is given up ends it; a sink that fails, too', async (t) => {
    const big = Buffer.alloc(4_000_000, 1)
    const [remote] = await at(t, (_request, response) => void response.writeHead(200, { 'content-length': big.length }).end(big))
    await remote.stat('/file', never)
    const controller = new AbortController()
    const stopping = remote.read('/file', { start: 0, end: big.length }, () => controller.abort(new Error('enough')), {}, controller.signal)
    await assert.rejects(stopping, { kind: 'stopped' })
    await remote.stat('/other', never)
    const failing = remote.read(
      '/other',
      { start: 0, end: big.length },
      () => {
        throw new Error('disk')
      },
      {},
      never,
    )
    await assert.rejects(failing, /disk/)
  })
})

describe('http: a range that is refused', () => {
  /** As a server or a firewall that takes no Range. */
  const refusing =
    (status: number | 'cut' | 'no range said' | 'all of it'): Script =>
    (request, response, index) => {
      if (request.method !== 'GET') response.writeHead(200, { allow: 'GET, PUT' }).end()
      else if (request.headers.range === undefined) whole(request, response, index)
      else if (status === 'cut') response.destroy()
      else if (status === 'no range said') response.writeHead(206, { 'content-length': '1000', etag: ETAG }).end(CONTENT)
      else if (status === 'all of it') partial(response, 0, 1000)
      else response.writeHead(status).end('blocked')
    }

  test('is asked once more without, and not again in this session', async (t) => {
    for (const status of [400, 403, 405, 406, 416, 501, 'no range said'] as const) {
      const [remote, server] = await at(t, refusing(status))
      for (let i = 0; i < 3; i += 1) assert.equal((await remote.stat('/file', never))?.size, 1000, String(status))
      await fails('unsupported', read(remote, 100, 200, ETAG))
      assert.ok((await read(remote, 0, 200, ETAG)).bytes.equals(CONTENT.subarray(0, 200)))
      assert.equal(asked(server), 'GET, GET R, GET, GET, GET', String(status))
    }
  })

  test('by a failure or a cut that may be of the moment, twice', async (t) => {
    for (const status of [500, 503, 'cut'] as const) {
      const [remote] = await at(t, refusing(status))
      assert.equal((await remote.stat('/file', never))?.size, 1000)
      await fails('transient', read(remote, 100, 200, ETAG))
      await fails('unsupported', read(remote, 100, 200, ETAG))
    }
  })

  test('also where the first reading meets it, and in an upload', async (t) => {
    const [reading] = await at(t, refusing(403))
    await fails('unsupported', read(reading, 100, 200, ETAG))
    const [begun, server] = await at(t, refusing(400))
    assert.ok((await read(begun, 0, 10, ETAG)).bytes.equals(CONTENT.subarray(0, 10)))
    assert.equal(asked(server), 'GET R, GET')
    const [upload] = await at(t, refusing(501), 'upload')
    assert.equal((await upload.stat('/file', never))?.size, 1000)
    const [sabre] = await at(t, refusing('all of it'), 'upload')
    assert.equal((await sabre.stat('/file', never))?.size, 1000)
  })

  test('is about the file where ranges have worked, or where it is refused without one as well', async (t) => {
    let works = true
    const [remote, server] = await at(t, (_request, response) => {
      if (works) partial(response, 100, 200)
      else response.writeHead(403).end()
    })
    await read(remote, 100, 200, ETAG)
    works = false
    await fails('denied', read(remote, 100, 200, ETAG))
    assert.equal(asked(server), 'GET R, GET R')
    const [gone] = await at(t, (_request, response) => void response.writeHead(403).end())
    await fails('denied', read(gone, 100, 200, ETAG))
  })

  test('of an empty file says nothing about others (webfs)', async (t) => {
    const [remote, server] = await at(
      t,
      ({ method, path, headers }, response) => {
        if (method !== 'GET') response.writeHead(200, { allow: 'GET, PUT' }).end()
        else if (path === '/empty') response.writeHead(headers.range === undefined ? 200 : 400, { 'content-length': '0' }).end()
        else partial(response, 0, 1)
      },
      'upload',
    )
    assert.equal((await remote.stat('/empty', never))?.size, 0)
    assert.equal((await remote.stat('/file', never))?.size, 1000)
    assert.match(asked(server), /GET R, GET, GET R$/)
  })
})

describe('http: a look at an upload that is refused', () => {
  test('is refused at once the next time, until something was sent there', async (t) => {
    for (const [status, kind] of [
      [400, 'refused'],
      [401, 'denied'],
      [403, 'denied'],
      [405, 'refused'],
      [500, 'refused'],
      [501, 'refused'],
    ] as const) {
      let stored = false
      const [remote, server] = await at(
        t,
        (request, response) => {
          if (request.method === 'OPTIONS') response.writeHead(403).end()
          else if (request.method === 'PUT') {
            stored = request.path === '/file'
            response.writeHead(201).end()
          } else if (stored) partial(response, 0, 1)
          else response.writeHead(status).end()
        },
        'upload',
      )
      await assert.rejects(remote.stat('/file', never), { kind })
      const before = server.requests.length
      await assert.rejects(remote.stat('/file', never), { kind })
      assert.equal(server.requests.length, before)
      async function* body(): AsyncGenerator<Uint8Array> {
        yield CONTENT
      }
      const acknowledged: number[] = []
      const observer = { sent: () => undefined, acknowledged: (total: number) => void acknowledged.push(total) }
      await remote.writer?.create('/file', 1000, body(), observer, never)
      assert.deepEqual([acknowledged, remote.notes, (await remote.stat('/file', never))?.size], [[1000], [], 1000])
    }
  })

  test('is made up for by PROPFIND, which knows directories too', async (t) => {
    for (const status of [200, 400, 401, 403, 405, 500, 501]) {
      const [remote] = await at(
        t,
        ({ method, path }, response) => {
          if (method === 'OPTIONS') response.writeHead(200, { dav: '1' }).end()
          else if (method === 'MKCOL') response.writeHead(405).end()
          else if (method === 'GET') response.writeHead(status).end('not here')
          else {
            const type = path.startsWith('/dir') ? '<resourcetype><collection/></resourcetype>' : '<getcontentlength>7</getcontentlength>'
            response.writeHead(207).end(`<multistatus><response><href>${path}</href>${type}</response></multistatus>`)
          }
        },
        'upload',
      )
      assert.equal((await remote.stat('/dir', never))?.kind, 'directory')
      if (status !== 200) assert.equal((await remote.stat('/file', never))?.size, 7)
      await remote.tree?.makeDirectory('/dir', never)
      await assert.rejects(remote.tree?.makeDirectory('/file', never) ?? Promise.resolve(), { kind: 'conflict' })
    }
  })
})
