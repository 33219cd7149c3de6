/** MOVE, COPY and DELETE on servers that misread the destination, will not replace, answer late, or let nobody look. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote, Tree } from '../../src/remotes/remote.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { rawServer, type Script, type ScriptedOptions, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { never } from '../support/http-download.ts'
import { remotePorts } from '../support/remote-ports.ts'

const directory = mkdtempSync(join(tmpdir(), 'rt-http-names-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const certificate = makeCertificate(directory)
const identity = { key: readFileSync(certificate.keyFile, 'utf8'), cert: certificate.pem }

async function remoteOf(t: TestContext, origin: string, timeoutMs = 3000): Promise<Remote> {
  const credentials = { headers: new Map(), fingerprints: [], tlsVerify: true, tlsCa: certificate.pem }
  const remote = await protocol.open(
    protocol.parse(new URL('/dir/file', origin.replace('127.0.0.1', 'localhost')), credentials),
    remotePorts(timeoutMs),
    never,
  )
  t.after(() => remote.close())
  return remote
}

/** A WebDAV server on which nothing is there, but for what `script` says. */
async function dav(t: TestContext, script: Script, options: ScriptedOptions = {}): Promise<[Tree, ScriptedServer]> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'OPTIONS') response.writeHead(200, { dav: '1' }).end()
    else script(request, response, index)
  }, options)
  t.after(() => server.close())
  const { tree } = await remoteOf(t, server.origin)
  return [tree ?? assert.fail('no tree'), server]
}

const destinations = (server: ScriptedServer): unknown[] => server.requests.flatMap((r) => r.headers.destination ?? [])

describe('http: where MOVE leads to', () => {
  test('behind a proxy that ends TLS the destination is spelled as the server knows itself, found out once', async (t) => {
    for (const [understands, refusal] of [
      [/^http:/, 502],
      [/^http:/, 403],
      [/^\//, 400],
    ] as const) {
      const [tree, server] = await dav(
        t,
        ({ method, headers }, response) => {
          if (method === 'PROPFIND') response.writeHead(404).end()
          else response.writeHead(understands.test(String(headers.destination)) ? 201 : refusal).end()
        },
        { tls: identity },
      )
      await tree.rename('/dir/a', '/dir/b', never)
      const before = destinations(server)
      assert.match(String(before.at(-1)), understands)
      assert.equal(before.length, understands.source.startsWith('^http') ? 2 : 3)
      await tree.rename('/dir/b', '/dir/c', never)
      await tree.copy?.('/dir/c', '/dir/d', 1, never)
      assert.equal(destinations(server).length, before.length + 2)
      assert.ok(
        destinations(server)
          .slice(before.length)
          .every((one) => understands.test(String(one))),
      )
    }
  })

  test('what is no misreading is told at once; when nothing is understood, the first answer counts', async (t) => {
    for (const [status, kind, asked, brokeDown = false] of [
      [404, 'not-found', 1],
      [405, 'refused', 1],
      [409, 'refused', 1],
      [412, 'conflict', 1],
      [403, 'denied', 1],
      [423, 'transient', 1],
      [502, 'transient', 2, true],
      [503, 'transient', 1],
      [504, 'transient', 1],
    ] as const) {
      const [tree, server] = await dav(t, ({ method, path }, response) => {
        if (method !== 'PROPFIND') response.writeHead(status).end()
        else if (path === '/dir/b') response.writeHead(404).end()
        else response.writeHead(207).end(`<multistatus><response><href>${path}</href></response></multistatus>`)
      })
      await assert.rejects(tree.rename('/dir/a', '/dir/b', never), { kind, brokeDown }, String(status))
      assert.equal(destinations(server).length, asked)
    }
  })

  test('a failure inside is a refusal where a file is to be replaced', async (t) => {
    for (const [there, kind] of [
      [true, 'refused'],
      [false, 'transient'],
    ] as const) {
      const [tree] = await dav(t, ({ method }, response) => {
        if (method === 'MOVE') response.writeHead(500).end()
        else if (there) response.writeHead(207).end('<multistatus><response><href>/dir/b</href></response></multistatus>')
        else response.writeHead(404).end()
      })
      await assert.rejects(tree.rename('/dir/a', '/dir/b', never), { kind })
    }
  })

  test('a file is not replaced by one that is not there: some servers remove it before they look (SabreDAV)', async (t) => {
    const [tree, server] = await dav(t, ({ method, path }, response) => {
      if (method === 'PROPFIND' && path === '/dir/b')
        response.writeHead(207).end('<multistatus><response><href>/dir/b</href></response></multistatus>')
      else response.writeHead(404).end()
    })
    await assert.rejects(tree.rename('/dir/a', '/dir/b', never), { kind: 'not-found' })
    assert.ok(server.requests.every((r) => r.method !== 'MOVE'))
  })

  test('what nobody can look at is neither overwritten nor removed, unless this session made it', async (t) => {
    const [tree, server] = await dav(t, ({ method }, response) => {
      response.writeHead(method === 'PROPFIND' || method === 'GET' ? 403 : 201).end()
    })
    await tree.rename('/dir/a', '/dir/b', never)
    assert.equal(server.requests.find((r) => r.method === 'MOVE')?.headers.overwrite, 'F')
    await assert.rejects(tree.remove('/dir/b', never), { kind: 'refused' })
    assert.ok(server.requests.every((r) => r.method !== 'DELETE'))
    await tree.copy?.('/dir/a', '/dir/copy', 1, never)
    await tree.remove('/dir/copy', never)
    assert.equal(server.requests.at(-1)?.method, 'DELETE')
    await tree.makeDirectory('/dir', never)
  })

  test('the last word of PUT, MOVE and PROPFIND may take longer than silence elsewhere; a body that nobody wants is not waited for', async (t) => {
    const server = await rawServer((header, socket) => {
      const method = header.split(' ', 1)[0] ?? ''
      const answers: Record<string, string> = {
        // lighttpd's answer to OPTIONS, whose body never comes.
        OPTIONS: 'HTTP/1.1 200 OK\r\nDAV: 1\r\nContent-Length: 1000\r\n\r\n',
        PROPFIND: 'HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n',
        GET: 'HTTP/1.1 206 x\r\nContent-Range: bytes 0-0/3\r\nContent-Length: 1\r\n\r\nx',
      }
      setTimeout(() => socket.write(answers[method] ?? 'HTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\n'), /OPT|GET/.test(method) ? 0 : 700)
    })
    t.after(() => server.close())
    const remote = await remoteOf(t, server.origin, 300)
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc')
    }
    await remote.writer?.create('/dir/a', 3, body(), { sent: () => undefined, acknowledged: () => undefined }, never)
    await remote.tree?.rename('/dir/a', '/dir/b', never)
  })
})
