/** Whether anybody has been told who we are when a server turns out not to be the one that is meant: what is said of credentials depends on it. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { protocol as ftp } from '../../src/remotes/ftp/index.ts'
import { protocol as http } from '../../src/remotes/http/index.ts'
import type { Credentials, Protocol, Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { protocol as sftp } from '../../src/remotes/sftp/index.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { type Script, scriptedServer } from '../servers/scripted-http.ts'
import { startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'

const never = new AbortController().signal
const NOBODY: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }
const LOGIN: Credentials = { ...NOBODY, username: TEST_USER, password: TEST_PASSWORD }
const OTHER_PIN = '00'.repeat(32)

interface Told {
  presented: boolean
  readonly ports: RemotePorts
}

function told(): Told {
  const facts: Told = {
    presented: false,
    ports: {
      timeoutMs: 5000,
      direction: 'download',
      redact: (text) => text,
      presenting: () => {
        facts.presented = true
      },
      debug: () => undefined,
      warn: () => undefined,
    },
  }
  return facts
}

async function opened<Config>(t: TestContext, protocol: Protocol<Config>, url: string, login: Credentials, who: Told): Promise<Remote> {
  const remote = await protocol.open(protocol.parse(new URL(url), login), who.ports, never)
  t.after(() => remote.close())
  return remote
}

function certificate(t: TestContext): { readonly tls: { readonly key: Buffer; readonly cert: Buffer }; readonly pem: string } {
  const folder = mkdtempSync(join(tmpdir(), 'rt-presenting-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { keyFile, certificateFile, pem } = makeCertificate(folder)
  return { tls: { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }, pem }
}

describe('SFTP', () => {
  test('not to a host key that nobody vouches for', async (t) => {
    const server = await startScriptedSftp()
    t.after(() => server.stop())
    const who = told()
    await assert.rejects(
      opened(t, sftp, `sftp://127.0.0.1:${server.port}/`, { ...LOGIN, fingerprints: [`SHA256:${'A'.repeat(43)}`] }, who),
      {
        kind: 'untrusted',
        message: /^(?!.*credential)/,
      },
    )
    assert.equal(who.presented, false)
  })

  test('when the host key is another one at the second connection, they had been sent', async (t) => {
    const [first, second] = [await startScriptedSftp(), await startScriptedSftp()]
    t.after(() => Promise.all([first.stop(), second.stop()]))
    let to = first.port
    const way = net.createServer((from) => {
      const on = net.connect(to, '127.0.0.1')
      for (const [a, b] of [
        [from, on],
        [on, from],
      ] as const)
        a.on('error', () => undefined)
          .on('close', () => b.destroy())
          .pipe(b)
    })
    await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', () => resolve()))
    t.after(() => way.close())
    const who = told()
    const url = `sftp://127.0.0.1:${(way.address() as net.AddressInfo).port}/`
    const remote = await opened(t, sftp, url, { ...LOGIN, fingerprints: [first.pin] }, who)
    assert.equal(who.presented, true)
    to = second.port
    for (const connection of first.connections) connection.end()
    // The first may still meet the end of the old connection.
    const failure = async (): Promise<unknown> => remote.stat('/a', never).catch((error: unknown) => error)
    let error = await failure()
    while (error instanceof Error && 'kind' in error && error.kind === 'transient') error = await failure()
    assert.ok(error instanceof Error && 'kind' in error && error.kind === 'untrusted', String(error))
    assert.doesNotMatch(error.message, /credential/)
  })
})

describe('FTP', () => {
  test('not to a certificate that is not trusted, nor without TLS', async (t) => {
    const { tls } = certificate(t)
    for (const [answers, options] of [
      [{}, { tls }],
      [{ AUTH: '502 no' }, {}],
    ] as const) {
      const server = await startScriptedFtp(answers, options)
      t.after(() => server.close())
      const who = told()
      const login = { ...LOGIN, fingerprints: [OTHER_PIN] }
      await assert.rejects(opened(t, ftp, `ftps://127.0.0.1:${server.port}/`, login, who), { kind: 'untrusted' })
      assert.equal(who.presented, false)
    }
  })

  test('when the data connections turn out to be in the clear, they had been sent', async (t) => {
    const { tls, pem } = certificate(t)
    const server = await startScriptedFtp({ PROT: '502 no' }, { tls })
    t.after(() => server.close())
    const who = told()
    await assert.rejects(opened(t, ftp, `ftps://127.0.0.1:${server.port}/`, { ...LOGIN, tlsCa: pem }, who), { kind: 'untrusted' })
    assert.equal(who.presented, true)
  })
})

describe('HTTP', () => {
  const redirecting: Script = (request, response) =>
    request.method === 'OPTIONS'
      ? void response.writeHead(200, { allow: 'GET' }).end()
      : void response.writeHead(302, { location: 'ftp://127.0.0.1/' }).end()

  test('not to a certificate that is not trusted', async (t) => {
    const { tls } = certificate(t)
    const server = await scriptedServer(redirecting, { tls: { key: `${tls.key}`, cert: `${tls.cert}` } })
    t.after(() => server.close())
    const who = told()
    const looking = opened(t, http, `${server.origin}/f`, LOGIN, who).then((remote) => remote.stat('/f', never))
    await assert.rejects(looking, { kind: 'untrusted' })
    assert.equal(who.presented, false)
  })

  test('when a redirect leads to where nobody may follow, they had been sent, unless there are none', async (t) => {
    const { tls, pem } = certificate(t)
    const server = await scriptedServer(redirecting, { tls: { key: `${tls.key}`, cert: `${tls.cert}` } })
    t.after(() => server.close())
    for (const [path, login, presented] of [
      ['/f', LOGIN, true],
      ['/f?sig=abc', NOBODY, true],
      ['/f', { ...NOBODY, headers: new Map([['X-Key', 'abc']]) }, true],
      ['/f', NOBODY, false],
    ] as const) {
      const who = told()
      const remote = await opened(t, http, server.origin + path, { ...login, tlsCa: pem }, who)
      await assert.rejects(
        remote.read(http.locate(new URL(server.origin + path)), { start: 0, end: 1 }, () => undefined, {}, never),
        {
          kind: 'untrusted',
        },
      )
      assert.equal(who.presented, presented, path)
    }
  })
})
