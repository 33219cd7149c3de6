/** Downloads from servers that lie or break off. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Script, scriptedServer } from '../servers/scripted-http.ts'
import { CONTENT, ETAG, fails, never, partial, rawly, read, remoteAt, serving } from '../support/http-download.ts'

describe('http read', () => {
  test('range and If-Range are sent, and the bytes are those', async (t) => {
    const seen: unknown[] = []
    const remote = await serving(t, (request, response) => {
      seen.push(request.headers.range, request.headers['if-range'], request.headers['accept-encoding'])
      partial(response, 100, 200)
    })
    const { bytes, error } = await read(remote, 100, 200, ETAG)
    assert.equal(error, null)
    assert.ok(bytes.equals(CONTENT.subarray(100, 200)))
    assert.deepEqual(seen, ['bytes=100-199', ETAG, 'identity'])
  })

  test('a wrong or missing Content-Range delivers nothing', async (t) => {
    for (const range of ['bytes 0-99/1000', 'bytes 101-200/1000', 'bytes 100-199/150', 'bytes=100-199/1000', 'x']) {
      const remote = await serving(
        t,
        (_request, response) => void response.writeHead(206, { 'content-range': range, etag: ETAG }).end(CONTENT.subarray(100, 200)),
      )
      assert.equal((await fails('protocol', read(remote, 100, 200, ETAG))).length, 0, range)
    }
    const multipart = await serving(
      t,
      (_request, response) => void response.writeHead(206, { 'content-type': 'multipart/byteranges; boundary=x' }).end('--x'),
    )
    assert.equal((await fails('protocol', read(multipart, 100, 200))).length, 0)
  })

  test('a 206 of another version delivers nothing', async (t) => {
    const remote = await serving(t, (_request, response) => partial(response, 100, 200, { etag: '"v2"' }))
    assert.equal((await fails('source-changed', read(remote, 100, 200, ETAG))).length, 0)
    const weak = await serving(t, (_request, response) => partial(response, 100, 200, { etag: `W/${ETAG}` }))
    assert.equal((await fails('source-changed', read(weak, 100, 200, ETAG))).length, 0)
    const silent = await serving(
      t,
      (_request, response) => void response.writeHead(206, { 'content-range': 'bytes 100-199/1000' }).end(CONTENT.subarray(100, 200)),
    )
    assert.equal((await fails('protocol', read(silent, 100, 200, ETAG))).length, 0)
  })

  test('a wider part is cut off, a narrower one goes on with the next request', async (t) => {
    for (const room of [7, 100, 150, 900]) {
      const remote = await serving(t, (request, response) => {
        const start = Number(/\d+/.exec(request.headers.range ?? '')?.[0])
        partial(response, start, Math.min(start + room, 1000))
      })
      const { bytes, error } = await read(remote, 100, 200, ETAG)
      assert.equal(error, null)
      assert.ok(bytes.equals(CONTENT.subarray(100, 200)), String(room))
    }
  })

  test('another total than stat told is another file, also without ETag', async (t) => {
    const remote = await serving(t, (request, response) => {
      const total = request.headers.range === undefined ? 1000 : 1001
      if (request.headers.range === undefined) return void response.writeHead(200, { 'content-length': 1000 }).end(CONTENT)
      const [start = 0, last = 0] = (request.headers.range ?? '').replace('bytes=', '').split('-').map(Number)
      response.writeHead(206, { 'content-range': `bytes ${start}-${last}/${total}` }).end(CONTENT.subarray(start, last + 1))
    })
    await remote.stat('/file', never)
    assert.equal((await fails('source-changed', read(remote, 100, 200))).length, 0)
  })

  test('a 200 to a range: changed by ETag or size, else unsupported; from byte 0 it serves', async (t) => {
    const whole: Script = (_request, response) => void response.writeHead(200, { etag: ETAG, 'content-length': '1000' }).end(CONTENT)
    assert.equal((await fails('unsupported', read(await serving(t, whole), 100, 200, ETAG))).length, 0)
    assert.equal((await fails('source-changed', read(await serving(t, whole), 100, 200, '"v0"'))).length, 0)
    for (const end of [1000, 300, 1, Number.POSITIVE_INFINITY]) {
      const { bytes, error } = await read(await serving(t, whole), 0, end, ETAG)
      assert.equal(error, null)
      assert.ok(bytes.equals(CONTENT.subarray(0, end)), String(end))
    }
    assert.equal((await fails('source-changed', read(await serving(t, whole), 0, 1001, ETAG))).length, 0)
    const remote = await serving(t, (request, response) => {
      if (request.headers.range === undefined) response.writeHead(200, { 'content-length': '1000' }).end(CONTENT)
      else response.writeHead(200, { 'content-length': '999' }).end(CONTENT.subarray(1))
    })
    await remote.stat('/file', never)
    await fails('source-changed', read(remote, 100, 200))
  })

  test('416: nothing left, shorter, or nonsense', async (t) => {
    const answering =
      (range: string | null): Script =>
      (_request, response) =>
        void response.writeHead(416, range === null ? {} : { 'content-range': range }).end('no')
    assert.equal((await read(await serving(t, answering('bytes */1000')), 1000, Number.POSITIVE_INFINITY)).error, null)
    await fails('source-changed', read(await serving(t, answering('bytes */50')), 100, 200))
    await fails('source-changed', read(await serving(t, answering(null)), 100, 200))
    await fails('protocol', read(await serving(t, answering('bytes */1000')), 100, 200))
  })

  test('412 is another version, 404 is not found', async (t) => {
    await fails('source-changed', read(await serving(t, (_r, response) => void response.writeHead(412).end()), 0, 10, ETAG))
    await fails('not-found', read(await serving(t, (_r, response) => void response.writeHead(404).end()), 0, 10))
  })

  test('what may have been compressed on the way is refused', async (t) => {
    const zipped = gzipSync(CONTENT)
    const range = await serving(t, (_request, response) => partial(response, 100, 200, { 'content-encoding': 'gzip', etag: `W/${ETAG}` }))
    assert.equal((await fails('protocol', read(range, 100, 200), /gzip/)).length, 0)
    const whole = await serving(t, (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped))
    assert.equal((await fails('protocol', read(whole, 0, Number.POSITIVE_INFINITY), /gzip/)).length, 0)
  })

  test('a short body is transient, however it ends', async (t) => {
    const head = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/1000\r\n'
    for (const connection of ['', 'Connection: close\r\n']) {
      const remote = await rawly(t, (socket) => void socket.end(`${head}Content-Length: 1000\r\n${connection}\r\n${'x'.repeat(500)}`))
      assert.ok((await fails('transient', read(remote, 0, 1000))).length <= 500)
    }
    const reset = await rawly(
      t,
      (socket) => void socket.write(`${head}Content-Length: 1000\r\n\r\n${'x'.repeat(500)}`, () => socket.resetAndDestroy()),
    )
    await fails('transient', read(reset, 0, 1000))
    const chunked = await rawly(t, (socket) => void socket.end(`${head}Transfer-Encoding: chunked\r\n\r\n1f4\r\n${'x'.repeat(500)}\r\n`))
    await fails('transient', read(chunked, 0, 1000))
    const counted = await rawly(t, (socket) => void socket.end(`${head}Connection: close\r\n\r\n${'x'.repeat(500)}`))
    await fails('transient', read(counted, 0, 1000))
  })

  test('a body longer than announced is a protocol error and delivers no byte beyond', async (t) => {
    const head = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/1000\r\n'
    const chunked = await rawly(t, (socket) => void socket.write(`${head}Transfer-Encoding: chunked\r\n\r\nb\r\nxxxxxxxxxxx\r\n0\r\n\r\n`))
    assert.ok((await fails('protocol', read(chunked, 0, 10))).length <= 10)
    const declared = await rawly(t, (socket) => void socket.write(`${head}Content-Length: 11\r\n\r\nxxxxxxxxxxx`))
    assert.equal((await fails('protocol', read(declared, 0, 10))).length, 0)
    const closing = await rawly(t, (socket) => void socket.end(`${head}Connection: close\r\n\r\nxxxxxxxxxxx`))
    assert.ok((await fails('protocol', read(closing, 0, 10))).length <= 10)
  })

  test('two replies in one, or bytes after the reply, never reach the sink', async (t) => {
    const one = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/1000\r\nContent-Length: 10\r\n\r\n0123456789'
    const remote = await rawly(t, (socket) => void socket.write(one + one.replace('0123456789', 'ABCDEFGHIJ')))
    assert.equal((await read(remote, 0, 10)).bytes.toString(), '0123456789')
    const { bytes, error } = await read(remote, 0, 10)
    if (error === null) assert.equal(bytes.toString(), '0123456789')
  })

  test('the end of the connection is no proof of completeness', async (t) => {
    const remote = await rawly(t, (socket) => void socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello'))
    assert.equal((await fails('protocol', read(remote, 0, Number.POSITIVE_INFINITY), /complete/)).length, 0)
    assert.equal((await read(remote, 0, 5)).bytes.toString(), 'hello')
    await fails('transient', read(remote, 0, 6))
  })

  test('chunks without any length are complete by themselves, and too few for a range are a shorter file', async (t) => {
    const remote = await serving(t, (_request, response) => {
      response.write('hel')
      response.end('lo')
    })
    assert.equal((await read(remote, 0, Number.POSITIVE_INFINITY)).bytes.toString(), 'hello')
    assert.equal((await read(remote, 0, 3)).bytes.toString(), 'hel')
    await fails('source-changed', read(remote, 0, 6))
  })

  test('a paused reader loses nothing when the server closes the connection meanwhile', async (t) => {
    const big = Buffer.alloc(400_000, 7)
    const remote = await rawly(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${big.length}\r\n\r\n`)
      socket.end(big)
    })
    let bytes = 0
    let inside = 0
    await remote.read(
      '/file',
      { start: 0, end: big.length },
      async (chunk) => {
        inside += 1
        assert.equal(inside, 1, 'one chunk at a time')
        await new Promise((resolve) => setTimeout(resolve, 5))
        bytes += chunk.length
        inside -= 1
      },
      {},
      never,
    )
    assert.equal(bytes, big.length)
  })

  test('many megabytes arrive in order through every pause, also under a name with two addresses', async (t) => {
    const big = Buffer.alloc(6_000_001)
    for (let i = 0; i + 4 <= big.length; i += 4) big.writeUInt32LE(i, i)
    const server = await scriptedServer(
      (request, response) => void response.writeHead(200, { allow: 'GET' }).end(request.method === 'GET' ? big : ''),
    )
    t.after(() => server.close())
    const remote = await remoteAt(t, server.origin.replace('127.0.0.1', 'localhost'))
    for (const every of [1, 3, 7, 1000]) {
      const chunks: Buffer[] = []
      const sink = (chunk: Uint8Array): void | Promise<void> => {
        chunks.push(Buffer.from(chunk))
        if (chunks.length % every === 0) return new Promise((resolve) => setImmediate(resolve))
      }
      await remote.read('/file', { start: 0, end: big.length }, sink, {}, never)
      assert.ok(Buffer.concat(chunks).equals(big), `pause every ${every}`)
    }
  })

  test('garbage, endless headers and conflicting lengths deliver nothing', async (t) => {
    for (const text of [
      'SSH-2.0-OpenSSH_9.2\r\n\r\n',
      `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ]) {
      const remote = await rawly(t, (socket) => void socket.write(text))
      const { bytes, error } = await read(remote, 0, 5)
      assert.equal(bytes.length, 0, text.slice(0, 60))
      assert.ok(error?.kind === 'protocol' || error?.kind === 'transient', error?.message)
    }
  })
})
