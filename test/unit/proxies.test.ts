import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import { type Environment, proxiesOf, proxySecrets } from '../../src/remotes/proxies.ts'
import type { Credentials } from '../../src/remotes/remote.ts'
import { type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { remotePorts } from '../support/remote-ports.ts'

const HTTPS = 'https://files.example.com/a'
const HTTP = 'http://files.example.com/a'
const SECRET = 'p@ss-canary'

/** Where a URL is led; empty for directly. */
function led(environment: Environment, url = HTTPS): string {
  return proxiesOf(environment).proxyFor(new URL(url))?.url.origin ?? ''
}

test('a proxy is taken as people write it', () => {
  for (const [value, origin] of [
    ['proxy.corp:3128', 'http://proxy.corp:3128'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128'],
    ['localhost:3128', 'http://localhost:3128'],
    ['//10.0.0.1:3128', 'http://10.0.0.1:3128'],
    [' http://proxy.corp:3128/ \n', 'http://proxy.corp:3128'],
    ['HTTP://proxy.corp:3128', 'http://proxy.corp:3128'],
    ['https://proxy.corp', 'https://proxy.corp'],
    ['[2001:db8::1]:3128', 'http://[2001:db8::1]:3128'],
    ['user:p%40ss@proxy.corp:3128', 'http://proxy.corp:3128'],
    ['http://user:p@ss@proxy.corp:3128', 'http://proxy.corp:3128'],
  ] as const)
    assert.equal(led({ https_proxy: value }), origin, value)
})

test('a name and a password are decoded; a percent sign that encodes nothing is meant as it stands', () => {
  for (const [userinfo, pair] of [
    ['user:p%40ss', 'user:p@ss'],
    ['user:p@ss', 'user:p@ss'],
    ['user:p#s/s?', 'user:p#s/s?'],
    ['user:100%', 'user:100%'],
    ['corp%5Cuser:x', 'corp\\user:x'],
    ['user', 'user:'],
  ] as const) {
    const proxy = proxiesOf({ https_proxy: `http://${userinfo}@proxy.corp:3128` }).proxyFor(new URL(HTTPS))
    assert.equal(proxy?.authorization, `Basic ${Buffer.from(pair).toString('base64')}`, userinfo)
    assert.ok(!proxy.url.href.includes('@'))
  }
  assert.equal(proxiesOf({ https_proxy: 'proxy.corp:1' }).proxyFor(new URL(HTTPS))?.authorization, null)
})

test('which variable counts: small letters first, an empty one not, each scheme its own, then all_proxy', () => {
  assert.equal(led({ https_proxy: 'a:1', HTTPS_PROXY: 'b:1' }), 'http://a:1')
  assert.equal(led({ https_proxy: '', HTTPS_PROXY: 'b:1' }), 'http://b:1')
  assert.equal(led({ http_proxy: 'a:1' }), '')
  assert.equal(led({ https_proxy: 'a:1' }, HTTP), '')
  assert.equal(led({ HTTP_PROXY: 'a:1' }, HTTP), 'http://a:1')
  assert.equal(led({ ALL_PROXY: 'a:1' }), 'http://a:1')
  assert.equal(led({ all_proxy: 'a:1', http_proxy: 'b:1' }, HTTP), 'http://b:1')
  assert.equal(led({ all_proxy: 'socks5://a:1', https_proxy: 'b:1' }), 'http://b:1')
  assert.equal(led({}), '')
})

test('what cannot be used is invalid-input that names the variable, never its value', () => {
  for (const [value, wanted] of [
    [`http://user:${SECRET}@`, /is not the address of a proxy/],
    [`http://user:${SECRET}#/x@proxy.corp:99999`, /is not the address of a proxy/],
    [`http://user:${SECRET}@proxy corp`, /is not the address of a proxy/],
    ['http://proxy.corp:0', /is not the address of a proxy/],
    [`socks5h://user:${SECRET}@proxy.corp:1080`, /SOCKS/],
    ['ftp://proxy.corp', /only http and https/],
  ] as const) {
    for (const name of ['https_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])
      assert.throws(
        () => led({ [name]: value }),
        (error) => {
          assert.ok(error instanceof TransferError && error.kind === 'invalid-input')
          assert.match(error.message, wanted)
          assert.ok(error.message.includes(name) && !error.message.includes('\n') && !error.message.includes('canary'))
          return true
        },
      )
    assert.equal(led({ https_proxy: value, no_proxy: 'example.com' }), '', 'nobody asks for it')
  }
})

test('no_proxy', () => {
  for (const [list, url, direct] of [
    ['*', HTTPS, true],
    ['example.com', HTTPS, true],
    ['.example.com', HTTPS, true],
    ['*.example.com', HTTPS, true],
    ['EXAMPLE.com.', HTTPS, true],
    ['other.org, files.example.com', HTTPS, true],
    ['other.org files.example.com', HTTPS, true],
    ['.example.com', 'https://example.com/', true],
    ['ample.com', HTTPS, false],
    ['example.com.org', HTTPS, false],
    ['files.example.com:443', HTTPS, true],
    ['files.example.com:8443', HTTPS, false],
    ['files.example.com:8443', 'https://files.example.com:8443/', true],
    ['*:8443', HTTPS, false],
    ['files.example.com', 'https://files.example.com./', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/8', 'https://11.1.2.3/', false],
    ['10.0.0.0/8', 'https://x10.example.com/', false],
    ['192.168.1.7', 'https://192.168.1.7/', true],
    ['192.168.1.0/24:8443', 'https://192.168.1.7:8443/', true],
    ['192.168.1.0/24:8443', 'https://192.168.1.7/', false],
    ['10.0.0.0/99', 'https://10.1.2.3/', false],
    ['10.0.0.0/', 'https://10.1.2.3/', false],
    ['::1', 'https://[::1]/', true],
    ['0:0:0:0:0:0:0:1', 'https://[::1]/', true],
    ['[::1]:8443', 'https://[::1]:8443/', true],
    ['[::1]', 'https://[::1]:8443/', true],
    ['[::1]:8443', 'https://[::1]/', false],
    ['fd00::/8', 'https://[fd12::5]/', true],
    ['fd00::/8', 'https://[fe80::5]/', false],
    ['[fd00::]/8', 'https://[fd12::5]/', false],
    [',. ,', HTTPS, false],
    ['', HTTPS, false],
  ] as const)
    assert.equal(led({ https_proxy: 'proxy.corp:3128', no_proxy: list }, url), direct ? '' : 'http://proxy.corp:3128', `${list} ${url}`)
  assert.equal(led({ https_proxy: 'a:1', no_proxy: '', NO_PROXY: 'example.com' }), '')
})

test('the passwords of proxies are secrets, written and decoded', () => {
  assert.deepEqual(proxySecrets({ https_proxy: 'user:p%40ss@h:1', ALL_PROXY: 'socks5://u:q@h', http_proxy: 'h:1', HTTP_PROXY: 'x@h' }), [
    { text: 'p%40ss', username: 'user' },
    { text: 'p@ss', username: 'user' },
    { text: 'q', username: 'u' },
    { text: 'q', username: 'u' },
  ])
})

const ANYBODY: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }

async function proxy(t: TestContext): Promise<ScriptedServer> {
  const server = await scriptedServer((_request, response) => void response.writeHead(200, { 'content-length': '5' }).end('hello'))
  t.after(() => server.close())
  return server
}

test('a request goes through a proxy that was written without its scheme, with its password', async (t) => {
  const server = await proxy(t)
  const proxies = proxiesOf({ http_proxy: `user:p%40ss@${new URL(server.origin).host}` })
  const config = protocol.parse(new URL('http://files.test/a'), ANYBODY)
  const remote = await protocol.open(config, remotePorts(3000, { direction: 'download', proxies }), new AbortController().signal)
  t.after(() => remote.close())
  await remote.stat('/a', new AbortController().signal)
  const seen = server.requests.at(-1)
  assert.equal(seen?.path, 'http://files.test/a')
  assert.equal(seen.headers['proxy-authorization'], `Basic ${Buffer.from('user:p@ss').toString('base64')}`)
})

test('no_proxy goes directly, and a proxy that cannot be used ends it before anything connects', async (t) => {
  const server = await proxy(t)
  const open = (environment: Environment): Promise<unknown> => {
    const ports = remotePorts(3000, { direction: 'download', proxies: proxiesOf(environment) })
    return protocol.open(protocol.parse(new URL('/a', server.origin), ANYBODY), ports, new AbortController().signal).then((remote) => {
      t.after(() => remote.close())
      return remote.stat('/a', new AbortController().signal)
    })
  }
  await assert.rejects(open({ http_proxy: 'socks5://h:1' }), { kind: 'invalid-input' })
  assert.equal(server.requests.length, 0)
  await open({ http_proxy: 'socks5://h:1', no_proxy: '127.0.0.0/8' })
  assert.equal(server.requests.at(-1)?.path, '/a')
})

test('the cache goes through the same proxy, and says which variable cannot be used', async (t) => {
  const asked: { readonly path: string | undefined; readonly authorization: string | undefined }[] = []
  const server = createServer()
  server.on('connect', (request, socket) => {
    asked.push({ path: request.url, authorization: request.headers['proxy-authorization'] })
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const runner = { ACTIONS_RESULTS_URL: 'https://results.test/', ACTIONS_RUNTIME_TOKEN: 'token', ACTIONS_CACHE_SERVICE_V2: 'true' }
  const load = (environment: Environment): Promise<unknown> =>
    cacheServiceStore({ ...runner, ...environment }, { id: 'a', runId: '1', runAttempt: 1 }, { nowMs: () => 0, retryPauseMs: 1 }).load(
      new AbortController().signal,
    )
  await assert.rejects(
    load({ https_proxy: `user:p%40ss@127.0.0.1:${address.port}`, HTTPS_PROXY: 'http://127.0.0.1:1' }),
    /Actions cache|403/,
  )
  assert.deepEqual(asked[0], { path: 'results.test:443', authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` })
  await assert.rejects(load({ ALL_PROXY: `socks5://u:${SECRET}@h:1` }), /^Error: the environment variable ALL_PROXY names a SOCKS proxy/)
})
