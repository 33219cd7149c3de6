/** Downloads from servers that lie, break off, or fall silent. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type net from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { rawServer, type Script, scriptedServer } from '../servers/scripted-http.ts'

const never = new AbortController().signal
const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
const ETAG = '"v1"'

async function remoteAt(t: TestContext, origin: string, timeoutMs = 5000): Promise<Remote> {
  const config = protocol.parse(new URL('/file', origin), { headers: new Map(), fingerprints: [], tlsVerify: true })
  const remote = await protocol.open(config, { timeoutMs, debug: () => undefined, warn: () => undefined }, never)
  t.after(() => remote.close())
  return remote
}

/** A server whose GET is `answer`. */
async function serving(t: TestContext, answer: Script): Promise<Remote> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'GET') answer(request, response, index)
    else response.writeHead(200, { allow: 'GET' }).end()
  })
  t.after(() => server.close())
  return remoteAt(t, server.origin)
}

/** A server that answers GET with these very bytes, and then ends the connection when `end`. */
async function rawly(t: TestContext, answer: (socket: net.Socket) => void, timeoutMs?: number): Promise<Remote> {
  const server = await rawServer((header, socket) => {
    if (header.startsWith('GET')) answer(socket)
    else socket.write('HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n')
  })
  t.after(() => server.close())
  return remoteAt(t, server.origin, timeoutMs)
}

interface Got {
  readonly bytes: Buffer
  readonly error: TransferError | null
}

async function read(remote: Remote, start: number, end: number, validator?: string, signal = never): Promise<Got> {
  const chunks: Buffer[] = []
  try {
    await remote.read(
      '/file',
      { start, end },
      (chunk) => void chunks.push(Buffer.from(chunk)),
      validator === undefined ? {} : { validator },
      signal,
    )
    return { bytes: Buffer.concat(chunks), error: null }
  } catch (error) {
    assert.ok(error instanceof TransferError, String(error))
    return { bytes: Buffer.concat(chunks), error }
  }
}

async function fails(kind: FailureKind, reading: Promise<Got>, match?: RegExp): Promise<Buffer> {
  const { bytes, error } = await reading
  assert.equal(error?.kind, kind, error?.message)
  if (match !== undefined) assert.match(error?.message ?? '', match)
  return bytes
}

function partial(response: ServerResponse, start: number, end: number, headers: Record<string, string> = {}): void {
  response.writeHead(206, {
    'content-range': `bytes ${start}-${end - 1}/1000`,
    etag: ETAG,
    'content-length': String(end - start),
    ...headers,
  })
  response.end(CONTENT.subarray(start, end))
}

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
    assert.deepEqual(seen, ['identity', 'bytes=0-0'])
  })

  test('weak ETag is no validator; an unknown total is no size', async (t) => {
    const remote = await serving(t, told({ 'content-range': 'bytes 0-0/*', etag: 'W/"a"' }))
    assert.deepEqual(await remote.stat('/file', never), { kind: 'file', size: null, modifiedAtMs: null, validator: null })
  })

  test('a 200 is not read: its connection ends, and nothing is left hanging', async (t) => {
    const closed: Promise<unknown>[] = []
    const remote = await serving(t, (_request, response) => {
      closed.push(once(response, 'close'))
      response.writeHead(200, { 'content-length': '1000000000', etag: ETAG })
      response.write(Buffer.alloc(65_536))
    })
    assert.equal((await remote.stat('/file', never))?.size, 1_000_000_000)
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

  test('another part than asked for, and other codings, are refused', async (t) => {
    await assert.rejects((await serving(t, told({ 'content-range': 'bytes 1-1/1000' }))).stat('/file', never), { kind: 'protocol' })
    await assert.rejects((await serving(t, told({}))).stat('/file', never), { kind: 'protocol' })
    await assert.rejects((await serving(t, told({ 'content-range': 'bytes 0-0/9', 'content-encoding': 'gzip' }))).stat('/file', never), {
      kind: 'protocol',
    })
  })
})

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
    for (const range of [
      'bytes 0-99/1000',
      'bytes 101-200/1000',
      'bytes 100-198/1000',
      'bytes 100-200/1000',
      'bytes 100-199/150',
      'bytes=100-199/1000',
      'x',
    ]) {
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

  test('another total than stat told is another file, also without ETag', async (t) => {
    const remote = await serving(t, (request, response) => {
      const total = request.headers.range === 'bytes=0-0' ? 1000 : 1001
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
      if (request.headers.range === 'bytes=0-0') partial(response, 0, 1)
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

  test('gzip on a range or a whole is refused', async (t) => {
    const zipped = gzipSync(CONTENT)
    const range = await serving(t, (_request, response) => partial(response, 100, 200, { 'content-encoding': 'gzip' }))
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

describe('http waits', () => {
  test('silence after accepting, after part of the header, and in the body end as transient', async (t) => {
    const answers = ['', 'HTTP/1.1 200 OK\r\nContent-', 'HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nhalf']
    for (const text of answers) await fails('transient', read(await rawly(t, (socket) => void socket.write(text), 300), 0, 10), /silent/)
  })

  test('interim replies for ever do not keep an exchange alive', async (t) => {
    const remote = await rawly(
      t,
      (socket) => {
        const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 50)
        socket.on('close', () => clearInterval(timer))
      },
      300,
    )
    await fails('transient', read(remote, 0, 10))
  })

  test('an error page that trickles holds nobody up', async (t) => {
    const remote = await rawly(
      t,
      (socket) => {
        socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 10000\r\n\r\n')
        const timer = setInterval(() => socket.write('x'), 50)
        socket.on('close', () => clearInterval(timer))
      },
      300,
    )
    await fails('denied', read(remote, 0, 10))
  })

  test('a slow sink is not the fault of the server', async (t) => {
    const remote = await rawly(
      t,
      (socket) => void socket.write('HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789'),
      200,
    )
    let bytes = 0
    const slow = async (chunk: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 600))
      bytes += chunk.length
    }
    await remote.read('/file', { start: 0, end: 10 }, slow, {}, never)
    assert.equal(bytes, 10)
  })

  test('an abort settles with its reason while the server is silent, and the connection ends', async (t) => {
    const gone: Promise<unknown>[] = []
    const controller = new AbortController()
    const remote = await rawly(t, (socket) => {
      gone.push(once(socket, 'close'))
      controller.abort(new TransferError('stopped', 'enough'))
    })
    await fails('stopped', read(remote, 0, 10, undefined, controller.signal), /enough/)
    await Promise.all(gone)
  })

  test('nobody listening is transient; close ends what runs', async (t) => {
    const server = await rawServer(() => undefined)
    await server.close()
    await assert.rejects(remoteAt(t, server.origin), { kind: 'transient' })
    const remote = await rawly(t, () => undefined)
    const reading = read(remote, 0, 10)
    await new Promise((resolve) => setImmediate(resolve))
    await remote.close()
    assert.notEqual((await reading).error, null)
  })
})
