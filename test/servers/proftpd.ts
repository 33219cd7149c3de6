/** ProFTPD with a virtual user. As root it runs as nobody and shuts the user into the root folder. */
import { chownSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { cryptPassword, makeCertificate, type TestCertificate } from './certificate.ts'
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

export interface ProftpdOptions {
  /** False: as Debian ships it, a partial can be continued neither by REST nor by APPE. */
  readonly storeRestart?: boolean
  /** False: nothing is written to, or renamed over, a file that exists. */
  readonly overwrite?: boolean
  /** mod_digest: HASH, XSHA256 and the like. */
  readonly digests?: boolean
  /** TLSOptions; by default data connections must continue the TLS session. */
  readonly tlsOptions?: string
  readonly implicitTls?: boolean
  /** A folder to serve instead of a temporary one. */
  readonly root?: string
  /** Raw lines for the Global section. */
  readonly extra?: readonly string[]
}

export async function startProftpd(options: ProftpdOptions = {}): Promise<TestServer> {
  const made = serverDirectory('proftpd')
  const { directory } = made
  const root = options.root ?? made.root
  const certificate = makeCertificate(directory)
  const port = await freePorts()
  const asRoot = process.getuid?.() === 0
  const { uid, gid, username } = asRoot ? { uid: 65_534, gid: 65_534, username: 'nobody' } : userInfo()
  const group = asRoot ? 'nogroup' : username
  if (asRoot) chownSync(root, uid, gid)
  writeFileSync(join(directory, 'passwd'), `${TEST_USER}:${cryptPassword(TEST_PASSWORD)}:${uid}:${gid}::${root}:/bin/sh\n`, { mode: 0o600 })
  writeFileSync(join(directory, 'group'), `${group}:x:${gid}:\n`, { mode: 0o600 })
  const configuration = join(directory, 'proftpd.conf')
  const head = serverLines(directory, port, asRoot ? { user: 'nobody', group } : { user: username, group })
  const lines = [...head, ...globalLines(directory, asRoot, options), ...tlsLines(directory, certificate, options), '']
  writeFileSync(configuration, lines.join('\n'))
  return await startServer({
    name: 'proftpd',
    port,
    root,
    directory,
    command: findServer('proftpd') ?? 'proftpd',
    args: ['-q', '-n', '-c', configuration],
    extra: { tlsCa: certificate.pem },
  })
}

function serverLines(directory: string, port: number, as: { user: string; group: string }): string[] {
  return [
    'ModulePath /usr/lib/proftpd',
    'LoadModule mod_tls.c',
    'LoadModule mod_digest.c',
    'LoadModule mod_copy.c',
    'ServerName test',
    'ServerType standalone',
    'DefaultAddress 127.0.0.1',
    'SocketBindTight on',
    'UseIPv6 off',
    'UseReverseDNS off',
    `Port ${port}`,
    `PidFile ${join(directory, 'proftpd.pid')}`,
    `ScoreboardFile ${join(directory, 'proftpd.score')}`,
    `SystemLog ${join(directory, 'system.log')}`,
    `TransferLog ${join(directory, 'transfer.log')}`,
    'WtmpLog off',
    `User ${as.user}`,
    `Group ${as.group}`,
    '<IfModule mod_delay.c>',
    'DelayEngine off',
    '</IfModule>',
  ]
}

function globalLines(directory: string, asRoot: boolean, options: ProftpdOptions): string[] {
  return [
    '<IfModule mod_digest.c>',
    `DigestEngine ${options.digests === false ? 'off' : 'on'}`,
    'DigestMaxSize 0',
    '</IfModule>',
    '<Global>',
    'AuthOrder mod_auth_file.c',
    `AuthUserFile ${join(directory, 'passwd')}`,
    `AuthGroupFile ${join(directory, 'group')}`,
    'RequireValidShell off',
    ...(asRoot ? ['DefaultRoot ~'] : []),
    `AllowOverwrite ${options.overwrite === false ? 'off' : 'on'}`,
    `AllowStoreRestart ${options.storeRestart === false ? 'off' : 'on'}`,
    'AllowRetrieveRestart on',
    'TimeoutLinger 5',
    ...(options.extra ?? []),
    '</Global>',
  ]
}

function tlsLines(directory: string, certificate: TestCertificate, options: ProftpdOptions): string[] {
  const tlsOptions = [options.tlsOptions, options.implicitTls === true ? 'UseImplicitSSL' : undefined].filter((o) => o !== undefined)
  return [
    'TLSEngine on',
    `TLSECCertificateFile ${certificate.certificateFile}`,
    `TLSECCertificateKeyFile ${certificate.keyFile}`,
    'TLSRequired off',
    ...(tlsOptions.length > 0 ? [`TLSOptions ${tlsOptions.join(' ')}`] : []),
    `TLSLog ${join(directory, 'tls.log')}`,
  ]
}
