/** Whom we trust: nothing of a request is written before the certificate is right. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import { NO_PROXIES, proxiesOf } from '../../src/remotes/proxies.ts'
import type { Credentials, Remote } from '../../src/remotes/remote.ts'
import { makeCertificate, type Validity } from '../servers/certificate.ts'
import { pinOf } from '../servers/nginx.ts'
import { rawServer, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { printed } from '../support/printed-pins.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const BASE: Credentials = { headers: new Map(), username: 'tester', password: 'pass', fingerprints: [], tlsVerify: true }
const directory = mkdtempSync(join(tmpdir(), 'rt-tls-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const good = certificate('DNS:localhost,IP:127.0.0.1')
const wrongName = certificate('DNS:other.example')
const localName = certificate('DNS:localhost')
const addressOnly = certificate('IP:127.0.0.1')
const expired = certificate('DNS:localhost,IP:127.0.0.1', 'expired')

interface Identity {
  readonly pem: string
  readonly key: string
}

function certificate(names: string, validity: Validity = 'valid'): Identity {
  const { pem, keyFile } = makeCertificate(directory, names, validity)
  return { pem, key: readFileSync(keyFile, 'utf8') }
}

async function serve(t: TestContext, certificate: Identity): Promise<ScriptedServer> {
  const server = await scriptedServer(
    (_request, response) => void response.writeHead(206, { allow: 'GET', 'content-range': 'bytes 0-0/5' }).end('x'),
    {
      tls: { key: certificate.key, cert: certificate.pem },
    },
  )
  t.after(() => server.close())
  return server
}

/** Opens, and looks at the file: that is the first request of a download. */
async function open(t: TestContext, origin: string, credentials: Partial<Credentials>, proxies = NO_PROXIES): Promise<Remote> {
  const warnings: string[] = []
  const config = protocol.parse(new URL('/file', origin), { ...BASE, ...credentials })
  const remote = await protocol.open(
    config,
    remotePorts(3000, { direction: 'download', warn: (m) => void warnings.push(m), proxies }),
    never,
  )
  t.after(() => remote.close())
  await remote.stat('/file', never)
  assert.equal(warnings.length, config.tls.verify || config.tls.pins.length > 0 ? 0 : 1)
  return remote
}

describe('http tls', () => {
  test('a certificate of a given issuer is trusted', async (t) => {
    for (const certificate of [good, addressOnly]) {
      const server = await serve(t, certificate)
      const remote = await open(t, server.origin, { tlsCa: certificate.pem })
      assert.equal((await remote.stat('/file', never))?.size, 5)
      assert.ok(server.requests.every((r) => r.headers.authorization !== undefined))
    }
  })

  test('self-signed, wrong name and expired are untrusted, name the pin, and see no request', async (t) => {
    for (const [certificate, credentials] of [
      [good, {}],
      [wrongName, { tlsCa: wrongName.pem }],
      [localName, { tlsCa: localName.pem }],
      [expired, { tlsCa: expired.pem }],
      [good, { tlsCa: good.pem, fingerprints: ['00'.repeat(32)] }],
      [good, { tlsVerify: false, fingerprints: ['00'.repeat(32)] }],
    ] as const) {
      const server = await serve(t, certificate)
      await assert.rejects(open(t, server.origin, credentials), { kind: 'untrusted', message: /SHA-256 is [0-9a-f]{64}$/ })
      assert.equal(server.requests.length, 0)
    }
  })

  test("closing in the middle of a reply is our own end, not the server's", async (t) => {
    for (const tls of [{ key: good.key, cert: good.pem }, undefined]) {
      const silent = (response: http.ServerResponse): void => {
        response.writeHead(200, { 'content-length': '50', etag: '"a"' }).write('begun')
      }
      const server = await scriptedServer(
        (request, response) => (request.method === 'GET' && request.headers.range === undefined ? silent(response) : void response.end()),
        tls === undefined ? {} : { tls },
      )
      t.after(() => server.close())
      const config = protocol.parse(new URL('/file', server.origin), { ...BASE, tlsCa: good.pem })
      const remote = await protocol.open(
        config,
        { timeoutMs: 3000, direction: 'download', redact: (text) => text, debug: () => undefined, warn: () => undefined },
        never,
      )
      const begun = Promise.withResolvers<void>()
      const reading = remote.read('/file', { start: 0, end: Number.POSITIVE_INFINITY }, () => begun.resolve(), {}, never)
      await begun.promise
      await Promise.all([assert.rejects(reading, { kind: 'stopped' }), remote.close()])
    }
  })

  test('a pin is enough, whatever else is wrong with the certificate', async (t) => {
    for (const certificate of [good, wrongName]) {
      const server = await serve(t, certificate)
      await open(t, server.origin, { fingerprints: ['11'.repeat(32), pinOf(certificate.pem)] })
      assert.equal(server.requests.length, 1)
    }
  })

  test('tls-verify false accepts everything with a warning', async (t) => {
    const server = await serve(t, wrongName)
    await open(t, server.origin, { tlsVerify: false })
    assert.equal(server.requests.length, 1)
  })

  test('TLS 1.1 and no TLS at all are untrusted', async (t) => {
    const plain = await rawServer((_header, socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    t.after(() => plain.close())
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    await assert.rejects(open(t, `https://127.0.0.1:${(server.address() as AddressInfo).port}`, {}), { kind: 'untrusted' })
  })

  test('https never continues as http', async (t) => {
    const plain = await scriptedServer((_request, response) => void response.end('x'))
    t.after(() => plain.close())
    const server = await scriptedServer(
      (request, response) => void response.writeHead(request.method === 'GET' ? 302 : 200, { location: plain.origin, allow: 'GET' }).end(),
      {
        tls: { key: good.key, cert: good.pem },
      },
    )
    t.after(() => server.close())
    await assert.rejects(open(t, server.origin, { tlsCa: good.pem }), { kind: 'untrusted' })
    assert.equal(plain.requests.length, 0)
  })

  test('a pin as curl has it, of the public key, is as good as one of the certificate', async (t) => {
    const server = await serve(t, wrongName)
    const { certificate, publicKey } = printed(wrongName.pem)
    for (const pin of [certificate, `sha256//${publicKey}`])
      assert.equal((await (await open(t, server.origin, { fingerprints: [pin] })).stat('/file', never))?.size, 5)
    await assert.rejects(open(t, server.origin, { fingerprints: [`sha256//${publicKey.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`] }), {
      kind: 'untrusted',
    })
  })

  test('through a proxy the certificate is judged as well', async (t) => {
    const proxy = http.createServer()
    let tunnels = 0
    proxy.on('connect', (request, socket) => {
      tunnels += 1
      const upstream = net.connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
      for (const end of [upstream, socket]) end.on('error', () => upstream.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    t.after(() => proxy.close())
    const proxies = proxiesOf({ https_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` })
    const server = await serve(t, wrongName)
    await assert.rejects(open(t, server.origin, {}, proxies), { kind: 'untrusted', message: /SHA-256 is/ })
    assert.equal(server.requests.length, 0)
    const remote = await open(t, server.origin, { fingerprints: [pinOf(wrongName.pem)] }, proxies)
    assert.equal((await remote.stat('/file', never))?.size, 5)
    assert.ok(tunnels >= 2)
  })

  test('http warns, and once more when credentials travel', async (t) => {
    const server = await scriptedServer((_request, response) => void response.end())
    t.after(() => server.close())
    for (const [credentials, count] of [
      [BASE, 2],
      [{ headers: new Map(), fingerprints: [], tlsVerify: true }, 1],
    ] as const) {
      const warnings: string[] = []
      const remote = await protocol.open(
        protocol.parse(new URL(server.origin), credentials),
        { timeoutMs: 3000, direction: 'download', redact: (text) => text, debug: () => undefined, warn: (m) => void warnings.push(m) },
        never,
      )
      await remote.close()
      assert.equal(warnings.length, count)
      assert.ok(warnings.every((warning) => !warning.includes('pass')))
    }
  })
})
