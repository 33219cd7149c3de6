/** Uploads to servers that refuse, lie, or replace where they should write in place. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Body, Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { rawServer, type Script, type ScriptedOptions, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'

const never = new AbortController().signal
const silent: WriteObserver = { sent: () => undefined, acknowledged: () => undefined }

async function open(t: TestContext, origin: string, timeoutMs = 3000): Promise<Remote> {
  const config = protocol.parse(new URL('/dir/file', origin), { headers: new Map(), fingerprints: [], tlsVerify: true })
  const remote = await protocol.open(
    config,
    { timeoutMs, direction: 'upload', redact: (text) => text, debug: () => undefined, warn: () => undefined },
    never,
  )
  t.after(() => remote.close())
  return remote
}

async function serve(t: TestContext, script: Script, options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT, MOVE, DELETE' }).end()
    else script(request, response, index)
  }, options)
  t.after(() => server.close())
  return server
}

interface Watched {
  readonly body: Body
  /** How the source was left: 'drained', 'returned', or null while it is neither. */
  left(): string | null
}

function watched(size: number, chunk = 65_536): Watched {
  let left: string | null = null
  async function* pieces(): Body {
    try {
      for (let at = 0; at < size; at += chunk) yield Buffer.alloc(Math.min(chunk, size - at), 1)
      left = 'drained'
    } finally {
      left ??= 'returned'
    }
  }
  return { body: pieces(), left: () => left }
}

async function create(remote: Remote, size: number, body: Body = watched(size).body, observer = silent): Promise<TransferError | null> {
  assert.ok(remote.writer !== undefined)
  try {
    await remote.writer.create('/dir/file', size, body, observer, never)
    return null
  } catch (error) {
    assert.ok(error instanceof TransferError, String(error))
    return error
  }
}

/** An in-memory server; `ranged` says what it makes of a PUT with Content-Range. */
function store(files: Map<string, Buffer>, ranged: 'in place' | 'replace' | 'refuse' | 'ignore'): Script {
  return (request, response) => {
    const old = files.get(request.path)
    const range = /^bytes (\d+)-(\d+)\/\*$/.exec(request.headers['content-range'] ?? '')
    if (request.method === 'DELETE') response.writeHead(files.delete(request.path) ? 204 : 404).end()
    else if (request.method === 'PUT' && range !== null && ranged === 'refuse') response.writeHead(501).end()
    else if (request.method === 'PUT') {
      if (range === null || ranged === 'replace') files.set(request.path, request.body)
      else if (ranged === 'in place' && old !== undefined) request.body.copy(old, Number(range[1]))
      response.writeHead(old === undefined ? 201 : 204).end()
    } else if (old === undefined) response.writeHead(404).end()
    else {
      const [start = 0, last = 0] = (request.headers.range ?? '').replace('bytes=', '').split('-').map(Number)
      if (start >= old.length) response.writeHead(416, { 'content-range': `bytes */${old.length}` }).end()
      else {
        const part = old.subarray(start, last + 1)
        response.writeHead(206, { 'content-range': `bytes ${start}-${start + part.length - 1}/${old.length}` }).end(part)
      }
    }
  }
}

describe('http upload', () => {
  test('is one PUT with its length, in pieces, acknowledged once the size is seen', async (t) => {
    const files = new Map<string, Buffer>()
    const server = await serve(t, store(files, 'refuse'))
    const seen: string[] = []
    const observer: WriteObserver = { sent: (n) => void seen.push(`sent ${n}`), acknowledged: (n) => void seen.push(`acknowledged ${n}`) }
    const { body, left } = watched(600_000, 600_000)
    assert.equal(await create(await open(t, server.origin), 600_000, body, observer), null)
    assert.equal(files.get('/dir/file')?.length, 600_000)
    assert.deepEqual(seen, ['sent 262144', 'sent 524288', 'sent 600000', 'acknowledged 600000'])
    const put = server.requests.find((r) => r.method === 'PUT')
    assert.equal(put?.headers['content-length'], '600000')
    assert.equal(put?.headers['transfer-encoding'], undefined)
    assert.equal(left(), 'drained')
  })

  test('replies mean what they say, and the source is let go', async (t) => {
    const kinds: Record<number, FailureKind> = {
      401: 'denied',
      403: 'denied',
      404: 'not-found',
      405: 'refused',
      409: 'refused',
      413: 'refused',
      423: 'transient',
      429: 'transient',
      500: 'transient',
      501: 'refused',
      503: 'transient',
      507: 'no-space',
    }
    for (const [status, kind] of Object.entries(kinds)) {
      const server = await serve(t, (_request, response) => void response.writeHead(Number(status)).end('why'), { early: true })
      const { body, left } = watched(50_000_000)
      const error = await create(await open(t, server.origin), 50_000_000, body)
      assert.ok(error?.kind === kind || error?.kind === 'transient', `${status}: ${error?.message}`)
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(left(), 'returned')
    }
  })

  test('a stored size that is not the sent one is no success; a file that is not found takes nothing back', async (t) => {
    const short = await serve(t, (request, response) => {
      if (request.method === 'PUT') response.writeHead(201).end()
      else response.writeHead(206, { 'content-range': 'bytes 0-0/99' }).end('x')
    })
    assert.equal((await create(await open(t, short.origin), 100))?.kind, 'integrity')
    const lost = await serve(t, (request, response) => void response.writeHead(request.method === 'PUT' ? 201 : 404).end())
    const remote = await open(t, lost.origin)
    assert.equal(await create(remote, 100), null)
    assert.match(remote.notes.join(), /shows no such file/)
  })

  test('a server that takes but does not show is believed, with a note', async (t) => {
    for (const status of [400, 401, 403, 405, 500, 501, 503]) {
      const server = await serve(t, (request, response) => void response.writeHead(request.method === 'PUT' ? 201 : status).end())
      const remote = await open(t, server.origin)
      assert.equal(await create(remote, 100), null)
      assert.equal(await create(remote, 100), null)
      assert.equal(remote.notes.length, 1)
    }
  })

  test('a 2xx before the whole body has gone is no success', async (t) => {
    const server = await serve(t, (request, response) => void response.writeHead(request.method === 'PUT' ? 201 : 404).end(), {
      early: true,
    })
    assert.equal((await create(await open(t, server.origin), 50_000_000))?.kind, 'transient')
  })

  test('a source that fails, or is too short or too long, is its own failure', async (t) => {
    const files = new Map<string, Buffer>()
    const remote = await open(t, (await serve(t, store(files, 'refuse'))).origin)
    async function* failing(): Body {
      yield Buffer.alloc(10)
      throw new TransferError('source-changed', 'shrunk')
    }
    assert.equal((await create(remote, 1000, failing()))?.kind, 'source-changed')
    assert.notEqual(await create(remote, 1000, watched(999).body), null)
    assert.notEqual(await create(remote, 1000, watched(1001, 1001).body), null)
    assert.equal(files.size, 0)
    assert.equal(await create(remote, 1000), null)
  })

  test('a server that stops reading is transient; a slow source is not', async (t) => {
    const stalled = await rawServer((header, socket) => {
      if (header.startsWith('OPTIONS')) socket.write('HTTP/1.1 200 OK\r\nAllow: PUT\r\nContent-Length: 0\r\n\r\n')
      else socket.pause()
    })
    t.after(() => stalled.close())
    assert.equal((await create(await open(t, stalled.origin, 300), 50_000_000))?.kind, 'transient')
    async function* slow(): Body {
      yield Buffer.alloc(5)
      await new Promise((resolve) => setTimeout(resolve, 700))
      yield Buffer.alloc(5)
    }
    const files = new Map<string, Buffer>()
    assert.equal(await create(await open(t, (await serve(t, store(files, 'refuse'))).origin, 300), 10, slow()), null)
  })

  test('an abort settles although the source hangs', async (t) => {
    const server = await serve(t, store(new Map(), 'refuse'))
    const remote = await open(t, server.origin)
    const controller = new AbortController()
    async function* hanging(): Body {
      yield Buffer.alloc(5)
      controller.abort(new TransferError('stopped', 'enough'))
      await new Promise(() => undefined)
    }
    await assert.rejects(remote.writer?.create('/dir/file', 10, hanging(), silent, controller.signal) ?? Promise.resolve(), {
      kind: 'stopped',
    })
  })
})

describe('http upload to a URL that takes none', () => {
  test('405 and 501 are refused with what to check', async (t) => {
    for (const status of [405, 501]) {
      const server = await serve(t, (_request, response) => void response.writeHead(status, { allow: 'GET' }).end())
      const refusal = await create(await open(t, server.origin), 10)
      assert.equal(refusal?.kind, 'refused')
      assert.match(refusal.message, /PUT .* was answered with/)
      assert.match(refusal.hint ?? '', /takes no uploads\. Check/)
    }
  })
})

describe('http probe', () => {
  test('only a server that writes in place can be continued; the scratch is gone in every case', async (t) => {
    for (const behaviour of ['in place', 'replace', 'refuse', 'ignore'] as const) {
      const files = new Map<string, Buffer>()
      const server = await serve(t, store(files, behaviour))
      const remote = await open(t, server.origin)
      const found = await remote.writer?.resumer('/dir', never)
      assert.equal(found?.kind ?? null, behaviour === 'in place' ? 'positional' : null, behaviour)
      assert.equal(files.size, 0)
      const asked = server.requests.length
      await remote.writer?.resumer('/dir', never)
      assert.equal(server.requests.length, asked, 'the answer is kept')
      assert.match(server.requests.find((r) => r.method === 'PUT')?.path ?? '', /^\/dir\/\.rt-probe-[0-9a-f]{16}$/)
    }
  })

  test('a refused probe says why', async (t) => {
    const server = await serve(t, (_request, response) => void response.writeHead(403).end())
    await assert.rejects((await open(t, server.origin)).writer?.resumer('/dir', never) ?? Promise.resolve(), { kind: 'denied' })
  })

  test('a ranged write asks for an existing file and checks the size', async (t) => {
    const files = new Map<string, Buffer>()
    let lost = false
    const inPlace = store(files, 'in place')
    const server = await serve(t, (request, response, index) => {
      if (lost && request.headers['if-match'] === '*') response.writeHead(412).end()
      else inPlace(request, response, index)
    })
    const found = await (await open(t, server.origin)).writer?.resumer('/dir', never)
    assert.ok(found?.kind === 'positional')
    files.set('/dir/file', Buffer.alloc(10))
    await found.write('/dir/file', { start: 4, end: 10 }, watched(6).body, silent, never)
    assert.deepEqual(files.get('/dir/file'), Buffer.from([0, 0, 0, 0, 1, 1, 1, 1, 1, 1]))
    await assert.rejects(found.write('/dir/file', { start: 4, end: 20 }, watched(16).body, silent, never), { kind: 'integrity' })
    lost = true
    await assert.rejects(found.write('/dir/file', { start: 4, end: 10 }, watched(6).body, silent, never), { kind: 'offset-conflict' })
  })
})
