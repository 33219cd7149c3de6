/** The remote contract on every FTP server there is, plain and with TLS, and what only FTP servers do. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Body, Credentials, Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { findServer, type ServerName, serverOrSkip } from '../servers/debian.ts'
import { startFtpSrv } from '../servers/ftp-srv.ts'
import { startFtpdSsl } from '../servers/ftpd-ssl.ts'
import { startInetutilsFtpd } from '../servers/inetutils-ftpd.ts'
import { startProftpd } from '../servers/proftpd.ts'
import { startPureFtpd } from '../servers/pureftpd.ts'
import { startPyftpdlib } from '../servers/pyftpdlib.ts'
import type { TestServer } from '../servers/server.ts'
import { startTwistedFtp } from '../servers/twisted-ftp.ts'
import { startVsftpd } from '../servers/vsftpd.ts'
import { remotePorts } from '../support/remote-ports.ts'
import { type ContractOptions, type ContractSubject, remoteContract } from './remote-contract.ts'

type Scheme = 'ftp' | 'ftps' | 'ftps-implicit'

const never = new AbortController().signal

function credentialsFor(server: TestServer): Credentials {
  return {
    username: server.username,
    password: server.password,
    headers: new Map(),
    fingerprints: [],
    tlsVerify: true,
    ...(server.tlsCa === undefined ? {} : { tlsCa: server.tlsCa }),
  }
}

function open(server: TestServer, scheme: Scheme, more: Partial<Credentials> = {}, timeoutMs = 10_000): Promise<Remote> {
  const config = protocol.parse(new URL(`${scheme}://${server.host}:${server.port}/`), { ...credentialsFor(server), ...more })
  return protocol.open(config, remotePorts(timeoutMs), never)
}

/** Files behind the server's back, owned by whoever owns the root, who is the one the server writes as. */
function subjectOn(server: TestServer, scheme: Scheme): ContractSubject {
  return {
    open: () => open(server, scheme),
    path: (name) => name,
    put: (name, content) => {
      const file = join(server.root, name)
      const owner = statSync(server.root)
      writeFileSync(file, content)
      chownSync(file, owner.uid, owner.gid)
    },
    get: (name) => {
      const file = join(server.root, name)
      return existsSync(file) ? readFileSync(file) : null
    },
    names: () => readdirSync(server.root),
    local: (name) => join(server.root, name),
    dispose: () => server.dispose(),
  }
}

function contractOn(
  label: string,
  server: ServerName | null,
  scheme: Scheme,
  start: () => Promise<TestServer>,
  options: ContractOptions,
): void {
  if (server !== null && findServer(server) === null) test(`remote contract: ${label}`, (t) => void serverOrSkip(t, server))
  else remoteContract(label, async () => subjectOn(await start(), scheme), options)
}

contractOn('ProFTPD', 'proftpd', 'ftp', () => startProftpd(), { resumer: 'append', copies: true })
contractOn('ProFTPD as shipped', 'proftpd', 'ftp', () => startProftpd({ storeRestart: false, digests: false }), { resumer: null })
contractOn('ProFTPD with HiddenStores', 'proftpd', 'ftp', () => startProftpd({ extra: ['HiddenStores on'] }), {
  resumer: 'append',
  without: { 'odd-names': 'the prefix of the hidden file makes a name of 255 bytes too long' },
})
contractOn('ProFTPD without AllowOverwrite', 'proftpd', 'ftp', () => startProftpd({ overwrite: false }), {
  resumer: 'append',
  refusesToReplace: true,
})
contractOn('ProFTPD, TLS', 'proftpd', 'ftps', () => startProftpd(), { resumer: 'append', copies: true })
contractOn('ProFTPD, implicit TLS', 'proftpd', 'ftps-implicit', () => startProftpd({ implicitTls: true }), { resumer: 'append' })
contractOn('vsftpd', 'vsftpd', 'ftp', () => startVsftpd(), { resumer: 'append', copies: false })
contractOn('vsftpd, TLS', 'vsftpd', 'ftps', () => startVsftpd(), { resumer: 'append' })
contractOn('vsftpd, implicit TLS', 'vsftpd', 'ftps-implicit', () => startVsftpd({ extra: ['implicit_ssl=YES'] }), { resumer: 'append' })
contractOn('Pure-FTPd', 'pure-ftpd', 'ftp', () => startPureFtpd(), { resumer: 'append' })
contractOn('Pure-FTPd without EPSV', 'pure-ftpd', 'ftp', () => startPureFtpd({ extra: ['-b'] }), { resumer: 'append' })
contractOn('Pure-FTPd, TLS', 'pure-ftpd', 'ftps', () => startPureFtpd(), { resumer: 'append' })
contractOn('pyftpdlib', 'pyftpdlib', 'ftp', () => startPyftpdlib(), { resumer: 'append' })
contractOn('GNU inetutils ftpd', 'inetutils-ftpd', 'ftp', () => startInetutilsFtpd(), {
  resumer: 'append',
  without: { 'links-to-nothing': 'DELE does not find them, and STOR makes what they point at' },
})
contractOn('linux-ftpd-ssl', 'ftpd-ssl', 'ftp', () => startFtpdSsl(), {
  resumer: 'append',
  without: { 'links-to-nothing': 'DELE does not find them, and STOR makes what they point at' },
})
contractOn('Twisted FTP', 'twisted', 'ftp', () => startTwistedFtp(), {
  resumer: null,
  without: { 'read-tail': 'the server has no REST', 'odd-names': 'stores the bytes of UTF-8 as so many letters of Latin-1' },
})
contractOn('ftp-srv', null, 'ftp', () => startFtpSrv(), {
  resumer: 'append',
  without: { 'odd-names': 'drops quotes from names', 'links-to-nothing': 'DELE does not find them, and STOR makes what they point at' },
})

/** A server for one test, or a visible skip. */
async function serving(t: TestContext, name: ServerName, start: () => Promise<TestServer>): Promise<TestServer | null> {
  if (serverOrSkip(t, name) === null) return null
  const server = await start()
  t.after(() => server.dispose())
  return server
}

async function opened(
  t: TestContext,
  server: TestServer,
  scheme: Scheme,
  more: Partial<Credentials> = {},
  timeoutMs = 10_000,
): Promise<Remote> {
  const remote = await open(server, scheme, more, timeoutMs)
  t.after(() => remote.close())
  return remote
}

async function failure(action: Promise<unknown> | undefined): Promise<TransferError> {
  const error: unknown = await action?.then(
    () => assert.fail('did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  return error
}

async function* body(...chunks: readonly Uint8Array[]): Body {
  yield* chunks
}

const silent: WriteObserver = { sent: () => undefined, acknowledged: () => undefined }

describe('FTP servers: who is let in', () => {
  test('a wrong password is denied on every server', async (t) => {
    const starts: [ServerName, () => Promise<TestServer>][] = [
      ['proftpd', () => startProftpd()],
      ['vsftpd', () => startVsftpd()],
      ['pure-ftpd', () => startPureFtpd()],
    ]
    for (const [name, start] of starts) {
      const server = await serving(t, name, start)
      if (server !== null) assert.equal((await failure(open(server, 'ftp', { password: 'wrong' }, 30_000))).kind, 'denied', name)
    }
  })

  test('a connection limit after the password is transient, not denied', async (t) => {
    const server = await serving(t, 'proftpd', () => startProftpd({ extra: ['MaxClientsPerUser 1'] }))
    if (server === null) return
    await opened(t, server, 'ftp')
    const error = await failure(open(server, 'ftp'))
    assert.equal(error.kind, 'transient', error.message)
    assert.match(error.hint ?? '', /sessions may be open/)
  })

  test('a server that wants TLS says so, with advice', async (t) => {
    const server = await serving(t, 'vsftpd', () => startVsftpd({ extra: ['force_local_logins_ssl=YES', 'force_local_data_ssl=YES'] }))
    if (server === null) return
    const error = await failure(open(server, 'ftp'))
    assert.equal(error.kind, 'denied', error.message)
    assert.match(error.hint ?? '', /ftps/)
  })

  test('a pinned certificate of a wrong name carries whole transfers; without the pin it is untrusted', async (t) => {
    const server = await serving(t, 'vsftpd', () => startVsftpd({ certificateNames: 'DNS:elsewhere.example' }))
    if (server === null) return
    const error = await failure(open(server, 'ftps'))
    assert.equal(error.kind, 'untrusted', error.message)
    const pin = /SHA-256 is ([0-9A-F:]+)/.exec(error.message)?.[1] ?? assert.fail(error.message)
    const remote = await opened(t, server, 'ftps', { fingerprints: [pin] })
    for (let i = 0; i < 3; i += 1) await remote.writer?.create('x', 3, body(Buffer.from('abc')), silent, never)
    assert.equal((await remote.stat('x', never))?.size, 3)
  })

  test('a server that has TLS and no certificate is told as that, and not as untrusted', async (t) => {
    const server = await serving(t, 'ftpd-ssl', () => startFtpdSsl())
    if (server === null) return
    const error = await failure(open(server, 'ftps'))
    assert.equal(error.kind, 'refused', error.message)
    assert.match(error.message, /it has no certificate/)
  })

  test('TLS in the wrong place is untrusted', async (t) => {
    const server = await serving(t, 'proftpd', () => startProftpd())
    if (server !== null) assert.equal((await failure(open(server, 'ftps-implicit'))).kind, 'untrusted')
  })
})

describe('FTP servers: what only they do', () => {
  test('a name beyond ASCII is warned of where the server does not say that it knows UTF-8', async (t) => {
    const server = await serving(t, 'twisted', () => startTwistedFtp())
    if (server === null) return
    const said: string[] = []
    const config = protocol.parse(new URL(`ftp://${server.host}:${server.port}/`), credentialsFor(server))
    const remote = await protocol.open(config, remotePorts(10_000, { warn: (line) => void said.push(line) }), never)
    t.after(() => remote.close())
    const warned = (): number => said.filter((line) => /does not say that it takes names in UTF-8/.test(line)).length
    await remote.writer?.create('plain.bin', 3, body(Buffer.from('abc')), silent, never)
    assert.equal(warned(), 0)
    for (const name of ['ü.bin', 'ö.bin']) await remote.writer?.create(name, 3, body(Buffer.from('abc')), silent, never)
    assert.equal(warned(), 1)
  })

  test('ProFTPD digests what is stored now, also after a change within the second', async (t) => {
    const server = await serving(t, 'proftpd', () => startProftpd())
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    for (const text of ['one', 'two', 'six']) {
      await remote.writer?.create('x', 3, body(Buffer.from(text)), silent, never)
      const digest = await remote.digester?.digest('x', { start: 0, end: 3 }, never)
      assert.equal(digest, createHash('sha256').update(text).digest('hex'))
    }
  })

  test('ProFTPD that deletes aborted uploads keeps what was sent before a stop', async (t) => {
    const server = await serving(t, 'proftpd', () => startProftpd({ extra: ['DeleteAbortedStores on'] }))
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    const error = await failure(remote.writer?.create('x', 300_000, dying(Buffer.alloc(200_000, 7)), silent, never))
    assert.equal(error.kind, 'source-changed')
    assert.equal((await remote.stat('x', never))?.size, 200_000)
  })

  test('Pure-FTPd that stores beside an existing file stores under the name itself', async (t) => {
    const server = await serving(t, 'pure-ftpd', () => startPureFtpd({ extra: ['-r'] }))
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    for (const text of ['one', 'two']) await remote.writer?.create('x', 3, body(Buffer.from(text)), silent, never)
    assert.equal(readFileSync(join(server.root, 'x'), 'utf8'), 'two')
    assert.deepEqual(readdirSync(server.root), ['x'])
  })

  for (const [title, scheme] of [
    ['Pure-FTPd over quota is no-space', 'ftp'],
    ['Pure-FTPd over quota is no-space, TLS', 'ftps'],
  ] as const)
    test(title, async (t) => {
      const server = await serving(t, 'pure-ftpd', () => startPureFtpd({ quotaMegabytes: 1 }))
      if (server === null) return
      const remote = await opened(t, server, scheme)
      const error = await failure(remote.writer?.create('x', 3 * 1024 * 1024, body(Buffer.alloc(3 * 1024 * 1024)), silent, never))
      assert.equal(error.kind, 'no-space', error.message)
    })

  test('a listing that Pure-FTPd cuts at 10,000 entries is an error, and others list all', async (t) => {
    const starts: [ServerName, () => Promise<TestServer>, boolean][] = [
      ['pure-ftpd', () => startPureFtpd(), false],
      ['vsftpd', () => startVsftpd(), true],
      ['proftpd', () => startProftpd(), true],
    ]
    for (const [name, start, whole] of starts) {
      const server = await serving(t, name, start)
      if (server === null) continue
      for (let i = 0; i < 10_050; i += 1) writeFileSync(join(server.root, `file ${i}`), '')
      const remote = await opened(t, server, 'ftp', {}, 60_000)
      if (whole) assert.equal((await remote.tree?.list('', never))?.length, 10_050, name)
      else assert.equal((await failure(remote.tree?.list('', never))).kind, 'limit', name)
    }
  })

  test('vsftpd keeps a file locked while another session writes it: transient, with the likely cause; a fresh upload is not held up', async (t) => {
    const server = await serving(t, 'vsftpd', () => startVsftpd())
    if (server === null) return
    const orphan = await opened(t, server, 'ftp')
    const remote = await opened(t, server, 'ftp', {}, 1000)
    const stop = new AbortController()
    const [began, begun] = flag()
    async function* hanging(): Body {
      yield Buffer.alloc(1000)
      begun()
      await new Promise(() => undefined)
    }
    const writing = orphan.writer?.create('x', 5000, hanging(), silent, stop.signal)
    await began
    while ((await remote.stat('x', never))?.size !== 1000) await new Promise((resolve) => setImmediate(resolve))
    const resumer = await remote.writer?.resumer('', never)
    assert.equal(resumer?.kind, 'append')
    const error = await failure(
      resumer?.kind === 'append' ? resumer.append('x', 1000, 3, body(Buffer.from('abc')), silent, never) : undefined,
    )
    assert.equal(error.kind, 'transient')
    assert.match(error.hint ?? '', /another session/)
    await remote.writer?.create('x', 3, body(Buffer.from('abc')), silent, never)
    assert.equal(readFileSync(join(server.root, 'x'), 'utf8'), 'abc')
    stop.abort(new TransferError('stopped', 'enough'))
    await failure(writing)
    assert.equal(readFileSync(join(server.root, 'x'), 'utf8'), 'abc', 'the dead session writes elsewhere')
  })

  test('Pure-FTPd that forbids renaming (-G) takes files, and the refusal changes nothing', async (t) => {
    const server = await serving(t, 'pure-ftpd', () => startPureFtpd({ extra: ['-G'] }))
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    await remote.writer?.create('x', 3, body(Buffer.from('abc')), silent, never)
    assert.equal((await failure(remote.tree?.rename('x', 'y', never))).kind, 'refused')
    assert.deepEqual(readdirSync(server.root), ['x'])
    assert.equal((await remote.writer?.resumer('', never))?.kind, 'append')
    assert.deepEqual(readdirSync(server.root), ['x'])
  })

  test('Pure-FTPd that forbids names with a dot (-x) is probed with another name', async (t) => {
    const server = await serving(t, 'pure-ftpd', () => startPureFtpd({ extra: ['-x'] }))
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    assert.equal((await failure(remote.writer?.create('.x', 3, body(Buffer.from('abc')), silent, never))).kind, 'refused')
    assert.equal((await remote.writer?.resumer('', never))?.kind, 'append')
    await remote.writer?.create('x', 3, body(Buffer.from('abc')), silent, never)
    assert.deepEqual(readdirSync(server.root), ['x'])
  })

  test('vsftpd on which nothing may be looked at or fetched takes files and gives them names', async (t) => {
    const extra = ['download_enable=NO', 'cmds_denied=SIZE,MDTM,MLST,MLSD,LIST,NLST,STAT']
    const server = await serving(t, 'vsftpd', () => startVsftpd({ extra }))
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    assert.equal((await failure(remote.stat('x', never))).kind, 'refused')
    for (const text of ['one', 'two']) {
      await remote.writer?.create('part', 3, body(Buffer.from(text)), silent, never)
      await remote.tree?.rename('part', 'x', never)
      assert.equal(readFileSync(join(server.root, 'x'), 'utf8'), text)
    }
    assert.equal((await failure(remote.stat('x', never))).kind, 'refused')
    assert.equal(await remote.writer?.resumer('', never), null)
    assert.deepEqual(readdirSync(server.root), ['x'])
  })

  test('vsftpd lets anybody fetch, and take back where that is allowed', async (t) => {
    const extra = ['anonymous_enable=YES', 'anon_upload_enable=YES', 'anon_mkdir_write_enable=YES', 'anon_other_write_enable=YES']
    const base = mkdtempSync(join(tmpdir(), 'anonymous-'))
    t.after(() => rmSync(base, { recursive: true, force: true }))
    chmodSync(base, 0o755)
    mkdirSync(join(base, 'incoming'))
    chmodSync(join(base, 'incoming'), 0o777)
    writeFileSync(join(base, 'x'), 'abc')
    const more = [`anon_root=${base}`, 'anon_world_readable_only=NO', 'ftp_username=daemon', 'no_anon_password=YES']
    const server = await serving(t, 'vsftpd', () => startVsftpd({ extra: [...extra, ...more] }))
    if (server === null) return
    const { username: _username, password: _password, ...nobody } = credentialsFor(server)
    const remote = await protocol.open(protocol.parse(new URL(`ftp://${server.host}:${server.port}/`), nobody), remotePorts(10_000), never)
    t.after(() => remote.close())
    assert.equal((await remote.stat('x', never))?.size, 3)
    assert.equal((await failure(remote.writer?.create('y', 3, body(Buffer.from('abc')), silent, never))).kind, 'refused')
    await remote.writer?.create('incoming/y', 3, body(Buffer.from('abc')), silent, never)
    await remote.tree?.rename('incoming/y', 'incoming/z', never)
    assert.equal(readFileSync(join(base, 'incoming', 'z'), 'utf8'), 'abc')
  })

  test('a session that the server ended for idling is replaced', async (t) => {
    const server = await serving(t, 'vsftpd', () => startVsftpd({ extra: ['idle_session_timeout=1'] }))
    if (server === null) return
    const remote = await opened(t, server, 'ftp')
    await new Promise((resolve) => setTimeout(resolve, 1600))
    assert.equal(await remote.stat('x', never), null)
  })
})

async function* dying(bytes: Uint8Array): Body {
  yield bytes
  throw new TransferError('source-changed', 'gone')
}

function flag(): [Promise<void>, () => void] {
  let raise: () => void = () => undefined
  const raised = new Promise<void>((resolve) => {
    raise = resolve
  })
  return [raised, () => raise()]
}
