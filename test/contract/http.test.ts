/** HTTP and HTTPS against nginx, Apache and a server without ranges: static folders, and WebDAV where there is some. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { joinPath } from '../../src/core/paths.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Credentials, Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { startApache } from '../servers/apache.ts'
import { findServer, type ServerName, serverOrSkip } from '../servers/debian.ts'
import { type NginxServer, startNginx } from '../servers/nginx.ts'
import { startPyhttp } from '../servers/pyhttp.ts'
import { TEST_PASSWORD, TEST_USER, type TestServer } from '../servers/server.ts'
import {
  startBusybox,
  startCaddy,
  startLighttpd,
  startMiniHttpd,
  startNginxDavExt,
  startRcloneDav,
  startSabreDav,
  startWebfs,
} from '../servers/small-http.ts'
import { type ContractOptions, type ContractSubject, remoteContract } from './remote-contract.ts'

const never = new AbortController().signal
const NOBODY: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }
const TESTER: Credentials = { ...NOBODY, username: TEST_USER, password: TEST_PASSWORD }
const ports: RemotePorts = {
  timeoutMs: 10_000,
  direction: 'download',
  redact: (text) => text,
  debug: () => undefined,
  warn: () => undefined,
}

/** `url` is the directory that the server shows `folder` at. */
function subject(
  server: TestServer,
  folder: string,
  url: string,
  credentials: Credentials,
  direction: RemotePorts['direction'] = 'download',
): ContractSubject {
  const directory = protocol.locate(new URL(url))
  return {
    open: () =>
      protocol.open(protocol.parse(new URL('target.bin', url), credentials), { ...ports, direction }, new AbortController().signal),
    path: (name) => joinPath(directory, name),
    put: (name, content) => {
      writeFileSync(join(folder, name), content)
      // Apache serves as nobody and writes ranges in place.
      chmodSync(join(folder, name), 0o666)
      // Apache's ETag is weak during a file's first second.
      const earlier = Date.now() / 1000 - 10
      utimesSync(join(folder, name), earlier, earlier)
    },
    get: (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name)) : null),
    names: () => readdirSync(folder),
    dispose: () => server.dispose(),
  }
}

async function nginxAt(location: string, credentials: Credentials = NOBODY): Promise<ContractSubject> {
  const server = await startNginx()
  return subject(
    server,
    location === 'dav' ? join(server.root, 'dav') : server.root,
    `http://127.0.0.1:${server.port}/${location}/`,
    credentials,
    location === 'dav' ? 'upload' : 'download',
  )
}

/** The suite, or a visible skip where the server is not installed. */
function contractOn(name: string, server: ServerName | null, start: () => Promise<ContractSubject>, options: ContractOptions = {}): void {
  if (server !== null && findServer(server) === null) test(`remote contract: ${name}`, (t) => void serverOrSkip(t, server))
  else remoteContract(name, start, options)
}

contractOn('nginx, static', 'nginx', () => nginxAt('s'))
contractOn('nginx, without ETag', 'nginx', () => nginxAt('noetag'))
contractOn('nginx, static over TLS', 'nginx', async () => {
  const server: NginxServer = await startNginx()
  const credentials = { ...NOBODY, ...(server.tlsCa === undefined ? {} : { tlsCa: server.tlsCa }) }
  return subject(server, server.root, `https://localhost:${server.tlsPort}/s/`, credentials)
})
contractOn('nginx, max_ranges 0', 'nginx', () => nginxAt('nor'), {
  without: { 'read-tail': 'the server cannot start inside a file' },
})
contractOn('nginx, dav', 'nginx', () => nginxAt('dav', TESTER), {
  resumer: null,
  without: { 'existing-directory': 'nginx has no PROPFIND, so directories cannot be listed' },
})
contractOn('apache, static', 'apache2', async () => {
  const server = await startApache()
  return subject(server, server.root, `http://127.0.0.1:${server.port}/s/`, NOBODY)
})
contractOn(
  'apache, mod_dav',
  'apache2',
  async () => {
    const server = await startApache()
    return subject(server, join(server.root, 'dav'), `http://127.0.0.1:${server.port}/dav/`, TESTER, 'upload')
  },
  { resumer: 'positional' },
)
contractOn(
  'python http.server',
  null,
  async () => {
    const server = await startPyhttp()
    return subject(server, server.root, `http://127.0.0.1:${server.port}/`, NOBODY)
  },
  { without: { 'read-tail': 'the server ignores ranges' } },
)

/** Servers that let anybody write; both ways. */
for (const [name, start, options] of [
  ['sabredav', startSabreDav, {}],
  [
    'lighttpd',
    startLighttpd,
    { copies: false, without: { 'odd-names': 'lighttpd answers 500 to names of 255 bytes: its temporary name is longer' } },
  ],
  ['rclone', startRcloneDav, {}],
  ['nginx-dav-ext', startNginxDavExt, {}],
] as const)
  for (const place of ['', 'sub/'])
    contractOn(
      `${name}, WebDAV, /${place}`,
      name,
      async () => {
        const server = await start()
        return subject(server, join(server.root, place), `http://127.0.0.1:${server.port}/${place}`, NOBODY, 'upload')
      },
      options,
    )
for (const [name, start, options] of [
  ['sabredav', startSabreDav, { without: { 'empty-file': "PHP's server sends no length for an empty body" } }],
  ['busybox', startBusybox, {}],
  ['mini-httpd', startMiniHttpd, { without: { 'read-tail': 'the server ignores ranges' } }],
  ['webfs', startWebfs, {}],
  ['caddy', startCaddy, {}],
] as const)
  contractOn(
    `${name}, downloads`,
    name,
    async () => {
      const server = await start()
      return subject(server, server.root, `http://127.0.0.1:${server.port}/`, NOBODY)
    },
    options,
  )

/** What only a real server of its kind does, beyond the suite. */
async function opened(
  t: TestContext,
  url: string,
  credentials: Credentials = NOBODY,
  direction: RemotePorts['direction'] = 'download',
): Promise<Remote> {
  const remote = await protocol.open(protocol.parse(new URL(url), credentials), { ...ports, direction }, never)
  t.after(() => remote.close())
  return remote
}

test('nginx and apache: the ETag is made of time and size, and a file changed underneath is another file', async (t) => {
  for (const [name, start] of [
    ['nginx', startNginx],
    ['apache2', startApache],
  ] as const) {
    if (serverOrSkip(t, name) === null) return
    const server = await start()
    t.after(() => server.dispose())
    const file = join(server.root, 'f')
    writeFileSync(file, 'a'.repeat(1000))
    utimesSync(file, 1_000_000, 1_000_000)
    const remote = await opened(t, `http://127.0.0.1:${server.port}/s/f`)
    const told = await remote.stat('/s/f', never)
    assert.deepEqual([told?.validator, told?.modifiedAtMs], [null, 1_000_000_000], name)
    const validator = told?.etag ?? assert.fail(`${name} tells an ETag`)
    const range = { start: 100, end: 200 }
    await remote.read('/s/f', range, () => undefined, { validator }, never)
    // Nothing that the server tells shows this change: that is why kept bytes are compared.
    writeFileSync(file, 'b'.repeat(1000))
    utimesSync(file, 1_000_000, 1_000_000)
    assert.deepEqual(await remote.stat('/s/f', never), told)
    utimesSync(file, 2_000_000, 2_000_000)
    let bytes = 0
    const count = (chunk: Uint8Array): void => {
      bytes += chunk.length
    }
    await assert.rejects(remote.read('/s/f', range, count, { validator }, never), { kind: 'source-changed' })
    assert.equal(bytes, 0)
  }
})

test('apache calls the ETag of a file just written weak: it is compared, and never sent as If-Range', async (t) => {
  if (serverOrSkip(t, 'apache2') === null) return
  const server = await startApache()
  t.after(() => server.dispose())
  const file = join(server.root, 'f')
  const remote = await opened(t, `http://127.0.0.1:${server.port}/s/f`)
  writeFileSync(file, 'a'.repeat(1000))
  // Apache takes a file for young that is not older than a second by its own clock, so also one of the future.
  const later = Math.floor(Date.now() / 1000) + 3600
  utimesSync(file, later, later)
  const etag = (await remote.stat('/s/f', never))?.etag ?? assert.fail('no ETag')
  assert.match(etag, /^W\//)
  const chunks: Buffer[] = []
  const range = { start: 100, end: 200 }
  await remote.read('/s/f', range, (chunk) => void chunks.push(Buffer.from(chunk)), { validator: etag }, never)
  assert.equal(Buffer.concat(chunks).toString(), 'a'.repeat(100))
  utimesSync(file, later + 1, later + 1)
  await assert.rejects(
    remote.read('/s/f', range, () => undefined, { validator: etag }, never),
    { kind: 'source-changed' },
  )
})

test('nginx and apache copy a file to a new name, and to no other', async (t) => {
  for (const [name, start] of [
    ['nginx', startNginx],
    ['apache2', startApache],
  ] as const) {
    if (serverOrSkip(t, name) === null) return
    const server = await start()
    t.after(() => server.dispose())
    const folder = join(server.root, 'dav')
    const content = Buffer.alloc(300_000, 'copied ')
    for (const file of ['a', 'taken']) {
      writeFileSync(join(folder, file), file === 'a' ? content : 'old')
      chmodSync(join(folder, file), 0o666)
    }
    const { tree } = await opened(t, `http://127.0.0.1:${server.port}/dav/a`, TESTER, 'upload')
    const copy = tree?.copy ?? assert.fail(`${name} copies`)
    await copy('/dav/a', '/dav/b', content.length, never)
    assert.ok(readFileSync(join(folder, 'a')).equals(content) && readFileSync(join(folder, 'b')).equals(content), name)
    await assert.rejects(copy('/dav/a', '/dav/taken', content.length, never), { kind: 'conflict' })
    assert.equal(readFileSync(join(folder, 'taken'), 'utf8'), 'old')
    await assert.rejects(copy('/dav/none', '/dav/c', 1, never), { kind: 'not-found' })
    assert.ok(!existsSync(join(folder, 'c')))
  }
})

test('compression on the server does not change what is read', async (t) => {
  for (const [name, start] of [
    ['nginx', startNginx],
    ['apache2', startApache],
  ] as const) {
    if (serverOrSkip(t, name) === null) return
    const server = await start()
    t.after(() => server.dispose())
    const content = Buffer.alloc(50_000, 'compressible ')
    writeFileSync(join(server.root, 'f.bin'), content)
    const remote = await opened(t, `http://127.0.0.1:${server.port}/gz/f.bin`)
    assert.equal((await remote.stat('/gz/f.bin', never))?.size, content.length)
    const chunks: Buffer[] = []
    await remote.read('/gz/f.bin', { start: 7, end: 40_000 }, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
    assert.ok(Buffer.concat(chunks).equals(content.subarray(7, 40_000)))
  }
})

test('nginx that dies in the middle is transient, and the same remote goes on when it is back', async (t) => {
  if (serverOrSkip(t, 'nginx') === null) return
  const server = await startNginx()
  t.after(() => server.dispose())
  writeFileSync(join(server.root, 'f'), Buffer.alloc(8_000_000, 1))
  const remote = await opened(t, `http://127.0.0.1:${server.port}/slow/f`)
  const stopping: Promise<void>[] = []
  const kill = (): void => {
    if (stopping.length === 0) stopping.push(server.stop('SIGKILL'))
  }
  const reading = remote.read('/slow/f', { start: 0, end: 8_000_000 }, kill, {}, never)
  await assert.rejects(reading, { kind: 'transient' })
  await Promise.all(stopping)
  await assert.rejects(remote.stat('/slow/f', never), { kind: 'transient' })
  await server.restart()
  assert.equal((await remote.stat('/slow/f', never))?.size, 8_000_000)
})

test('the wrong password is denied', async (t) => {
  if (serverOrSkip(t, 'apache2') === null) return
  const server = await startApache()
  t.after(() => server.dispose())
  const wrong = { ...TESTER, password: 'wrong' }
  await assert.rejects(opened(t, `http://127.0.0.1:${server.port}/dav/f`, wrong, 'upload'), { kind: 'denied' })
  const remote = await opened(t, `http://127.0.0.1:${server.port}/dav/f`, wrong)
  await assert.rejects(remote.stat('/dav/f', never), { kind: 'denied' })
})
