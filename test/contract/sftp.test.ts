import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Credentials, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { findServer, type ServerName, serverOrSkip } from '../servers/debian.ts'
import { startDropbear } from '../servers/dropbear.ts'
import { startMysecureshell } from '../servers/mysecureshell.ts'
import { startOpenssh } from '../servers/openssh.ts'
import { startProftpdSftp } from '../servers/proftpd-sftp.ts'
import { startAsyncssh, startConch, startParamiko } from '../servers/python-sftp.ts'
import { startRcloneSftp } from '../servers/rclone-sftp.ts'
import type { TestServer } from '../servers/server.ts'
import { startTinysshd } from '../servers/tinysshd.ts'
import { remotePorts } from '../support/remote-ports.ts'
import { type ContractOptions, type ContractSubject, remoteContract } from './remote-contract.ts'

function openRemote(server: TestServer & { readonly privateKey?: string }, hasShell: boolean): Promise<Remote> {
  const url = new URL(`sftp://${server.host}:${server.port}/`)
  const credentials: Credentials = {
    username: server.username,
    password: server.password,
    ...(server.privateKey === undefined ? {} : { privateKey: server.privateKey }),
    headers: new Map(),
    fingerprints: [],
    tlsVerify: true,
    ...(server.knownHosts === undefined ? {} : { knownHosts: server.knownHosts }),
  }
  // Elsewhere there is no shell, or one that sees other files: test/wire/shell-digests.test.ts.
  const ports = remotePorts(10_000, { shellDigests: hasShell })
  return protocol.open(protocol.parse(url, credentials), ports, new AbortController().signal)
}

/** `below`: where the test's files lie under the server's root; `prefix`: the same place in the server's paths. */
function subject(server: TestServer, prefix: string, below = '', hasShell = false): ContractSubject {
  const local = (name: string): string => join(server.root, below, name)
  return {
    open: () => openRemote(server, hasShell),
    path: (name) => prefix + name,
    put: (name, content) => {
      writeFileSync(local(name), content)
      // It belongs to root; the account writes to it all the same.
      chmodSync(local(name), 0o666)
    },
    get: (name) => (existsSync(local(name)) ? readFileSync(local(name)) : null),
    names: () => readdirSync(local('')),
    local,
    dispose: () => server.dispose(),
  }
}

const OPENSSH: ContractOptions = { resumer: 'positional', copies: true }

remoteContract('OpenSSH internal-sftp, login-relative', async () => subject(await startOpenssh(), '', '', true), OPENSSH)
remoteContract(
  'OpenSSH sftp-server, absolute',
  async () => {
    const server = await startOpenssh({ mode: 'external' })
    return subject(server, `${server.root}/`, '', true)
  },
  OPENSSH,
)
remoteContract('OpenSSH chroot and ForceCommand', async () => subject(await startOpenssh({ mode: 'chroot' }), '/up/', 'up'), OPENSSH)
remoteContract('OpenSSH without fsync and copy-data', async () => subject(await startOpenssh({ sftpArgs: '-P fsync,copy-data' }), ''), {
  ...OPENSSH,
  copies: false,
})
remoteContract('OpenSSH without posix-rename', async () => subject(await startOpenssh({ sftpArgs: '-P posix-rename' }), ''), {
  ...OPENSSH,
  refusesToReplace: true,
})
// Forms in which an administrator lists what is forbidden, or what alone is allowed: test/wire/narrow-accounts.test.ts has those that refuse more.
remoteContract(
  'OpenSSH without setting attributes',
  async () => subject(await startOpenssh({ sftpArgs: '-P setstat,fsetstat,lsetstat' }), ''),
  OPENSSH,
)
remoteContract('OpenSSH without looking', async () => subject(await startOpenssh({ sftpArgs: '-P stat,lstat,fstat' }), ''), OPENSSH)
const ALLOWED = '-p realpath,stat,lstat,fstat,opendir,readdir,open,close,read,write,mkdir,remove,rename'
remoteContract('OpenSSH with a list of what alone is allowed', async () => subject(await startOpenssh({ sftpArgs: ALLOWED }), ''), {
  resumer: 'positional',
  copies: false,
  refusesToReplace: true,
})

/** Servers of packages that are not everywhere. */
function contractOn(label: string, name: ServerName, start: () => Promise<ContractSubject>, options: ContractOptions): void {
  if (findServer(name) === null) test(`remote contract: ${label}`, (t) => void serverOrSkip(t, name))
  else remoteContract(label, start, options)
}

contractOn('Dropbear with sftp-server', 'dropbear', async () => subject(await startDropbear(), '', '', true), OPENSSH)
contractOn('MySecureShell', 'mysecureshell', async () => subject(await startMysecureshell(), ''), {
  resumer: 'positional',
  copies: false,
  replacesUnannounced: true,
})
// Its connections have one channel each, so that no command can run beside SFTP.
contractOn('TinySSH with sftp-server', 'tinysshd', async () => subject(await startTinysshd(), ''), OPENSSH)
contractOn('asyncssh', 'asyncssh', async () => subject(await startAsyncssh(), '/'), { resumer: 'positional', copies: false })
contractOn('Paramiko', 'paramiko', async () => subject(await startParamiko(), '/'), {
  resumer: 'positional',
  copies: false,
  replacesUnannounced: true,
})
contractOn('Twisted conch', 'twisted', async () => subject(await startConch(), ''), {
  resumer: 'positional',
  copies: false,
  replacesUnannounced: true,
  without: { 'odd-names': 'refuses every name beyond ASCII' },
})
remoteContract('ProFTPD mod_sftp', async () => subject(await startProftpdSftp(), '/'), { resumer: 'positional', copies: false })
const RCLONE: ContractOptions = {
  resumer: null,
  copies: false,
  without: { links: 'rclone 1.60 hides links, also from REMOVE, and writes through them', 'links-to-nothing': 'the same' },
}

remoteContract('rclone serve sftp', async () => subject(await startRcloneSftp(), '/'), RCLONE)
remoteContract('rclone serve sftp with a write cache', async () => subject(await startRcloneSftp('writes'), '/'), RCLONE)
