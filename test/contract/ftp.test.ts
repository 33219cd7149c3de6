/** The remote contract on every FTP server there is, plain and with TLS, and what only FTP servers do. */
import { chownSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Credentials, Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { findServer, type ServerName, serverOrSkip } from '../servers/debian.ts'
import { startFtpSrv } from '../servers/ftp-srv.ts'
import { startProftpd } from '../servers/proftpd.ts'
import { startPureFtpd } from '../servers/pureftpd.ts'
import { startPyftpdlib } from '../servers/pyftpdlib.ts'
import type { TestServer } from '../servers/server.ts'
import { startVsftpd } from '../servers/vsftpd.ts'
import { type ContractOptions, type ContractSubject, remoteContract } from './remote-contract.ts'

type Scheme = 'ftp' | 'ftps' | 'ftps-implicit'

const never = new AbortController().signal
const ports: RemotePorts = { timeoutMs: 10_000, debug: () => undefined, warn: () => undefined }

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

function open(server: TestServer, scheme: Scheme): Promise<Remote> {
  const config = protocol.parse(new URL(`${scheme}://${server.host}:${server.port}/`), credentialsFor(server))
  return protocol.open(config, ports, never)
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

contractOn('ProFTPD', 'proftpd', 'ftp', () => startProftpd(), { resumer: 'append' })
contractOn('ProFTPD as shipped', 'proftpd', 'ftp', () => startProftpd({ storeRestart: false, digests: false }), { resumer: null })
contractOn('ProFTPD with HiddenStores', 'proftpd', 'ftp', () => startProftpd({ extra: ['HiddenStores on'] }), {
  resumer: 'append',
  without: { 'odd-names': 'the prefix of the hidden file makes a name of 255 bytes too long' },
})
contractOn('ProFTPD, TLS', 'proftpd', 'ftps', () => startProftpd(), { resumer: 'append' })
contractOn('ProFTPD, implicit TLS', 'proftpd', 'ftps-implicit', () => startProftpd({ implicitTls: true }), { resumer: 'append' })
contractOn('vsftpd', 'vsftpd', 'ftp', () => startVsftpd(), { resumer: 'append' })
contractOn('vsftpd, TLS', 'vsftpd', 'ftps', () => startVsftpd(), { resumer: 'append' })
contractOn('vsftpd, implicit TLS', 'vsftpd', 'ftps-implicit', () => startVsftpd({ extra: ['implicit_ssl=YES'] }), { resumer: 'append' })
contractOn('Pure-FTPd', 'pure-ftpd', 'ftp', () => startPureFtpd(), { resumer: 'append' })
contractOn('Pure-FTPd without EPSV', 'pure-ftpd', 'ftp', () => startPureFtpd({ extra: ['-b'] }), { resumer: 'append' })
contractOn('Pure-FTPd, TLS', 'pure-ftpd', 'ftps', () => startPureFtpd(), { resumer: 'append' })
contractOn('pyftpdlib', 'pyftpdlib', 'ftp', () => startPyftpdlib(), { resumer: 'append' })
contractOn('ftp-srv', null, 'ftp', () => startFtpSrv(), {
  resumer: 'append',
  without: { 'odd-names': 'drops quotes from names' },
})
