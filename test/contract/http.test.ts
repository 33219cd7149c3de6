/** HTTP and HTTPS against nginx, Apache and a server without ranges: static folders, and WebDAV where there is some. */
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { joinPath } from '../../src/core/paths.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Credentials, RemotePorts } from '../../src/remotes/remote.ts'
import { startApache } from '../servers/apache.ts'
import { type NginxServer, startNginx } from '../servers/nginx.ts'
import { startPyhttp } from '../servers/pyhttp.ts'
import { TEST_PASSWORD, TEST_USER, type TestServer } from '../servers/server.ts'
import { type ContractSubject, remoteContract } from './remote-contract.ts'

const NOBODY: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }
const TESTER: Credentials = { ...NOBODY, username: TEST_USER, password: TEST_PASSWORD }
const ports: RemotePorts = { timeoutMs: 10_000, debug: () => undefined, warn: () => undefined }

/** `url` is the directory that the server shows `folder` at. */
function subject(server: TestServer, folder: string, url: string, credentials: Credentials): ContractSubject {
  const directory = protocol.locate(new URL(url))
  return {
    open: () => protocol.open(protocol.parse(new URL('target.bin', url), credentials), ports, new AbortController().signal),
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
  )
}

remoteContract('nginx, static', () => nginxAt('s'))
remoteContract('nginx, without ETag', () => nginxAt('noetag'))
remoteContract('nginx, static over TLS', async () => {
  const server: NginxServer = await startNginx()
  const credentials = { ...NOBODY, ...(server.tlsCa === undefined ? {} : { tlsCa: server.tlsCa }) }
  return subject(server, server.root, `https://localhost:${server.tlsPort}/s/`, credentials)
})
remoteContract('nginx, max_ranges 0', () => nginxAt('nor'), {
  without: { 'read-tail': 'the server cannot start inside a file' },
})
remoteContract('nginx, dav', () => nginxAt('dav', TESTER), {
  resumer: null,
  without: { 'existing-directory': 'nginx has no PROPFIND, so directories cannot be listed' },
})
remoteContract('apache, static', async () => {
  const server = await startApache()
  return subject(server, server.root, `http://127.0.0.1:${server.port}/s/`, NOBODY)
})
remoteContract(
  'apache, mod_dav',
  async () => {
    const server = await startApache()
    return subject(server, join(server.root, 'dav'), `http://127.0.0.1:${server.port}/dav/`, TESTER)
  },
  { resumer: 'positional' },
)
remoteContract(
  'python http.server',
  async () => {
    const server = await startPyhttp()
    return subject(server, server.root, `http://127.0.0.1:${server.port}/`, NOBODY)
  },
  { without: { 'read-tail': 'the server ignores ranges' } },
)
