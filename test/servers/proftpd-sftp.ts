/** ProFTPD's mod_sftp alone, with a virtual user. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { knownHostsLine } from './openssh.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

const NOBODY = 65534

export async function startProftpdSftp(extraConfig = ''): Promise<TestServer> {
  const { directory, root } = serverDirectory('proftpd-sftp')
  const port = await freePorts()
  const privileged = process.getuid?.() === 0
  const uid = privileged ? NOBODY : (process.getuid?.() ?? NOBODY)
  const gid = privileged ? NOBODY : (process.getgid?.() ?? NOBODY)
  if (privileged) chownSync(root, uid, gid)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'hostkey')])
  chmodSync(join(directory, 'hostkey'), 0o600)
  const hash = execFileSync('openssl', ['passwd', '-6', TEST_PASSWORD], { encoding: 'utf8' }).trim()
  writeFileSync(join(directory, 'passwd'), `${TEST_USER}:${hash}:${uid}:${gid}::${root}:/bin/sh\n`, { mode: 0o600 })
  writeFileSync(join(directory, 'group'), `${TEST_USER}:x:${gid}:\n`, { mode: 0o600 })
  writeFileSync(join(directory, 'proftpd.conf'), configuration(directory, port, privileged, extraConfig))
  return startServer({
    name: 'proftpd mod_sftp',
    port,
    root,
    directory,
    command: '/usr/sbin/proftpd',
    args: ['-q', '-n', '-c', join(directory, 'proftpd.conf')],
    extra: { knownHosts: knownHostsLine(directory, port) },
  })
}

function configuration(directory: string, port: number, privileged: boolean, extraConfig: string): string {
  return [
    'ModulePath /usr/lib/proftpd',
    'LoadModule mod_sftp.c',
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
    `TransferLog ${join(directory, 'xfer.log')}`,
    'WtmpLog off',
    ...(privileged ? ['User nobody', 'Group nogroup', 'DefaultRoot ~'] : []),
    '<IfModule mod_delay.c>',
    'DelayEngine off',
    '</IfModule>',
    'AuthOrder mod_auth_file.c',
    `AuthUserFile ${join(directory, 'passwd')}`,
    `AuthGroupFile ${join(directory, 'group')}`,
    'RequireValidShell off',
    'AllowOverwrite on',
    'AllowStoreRestart on',
    'AllowRetrieveRestart on',
    'SFTPEngine on',
    `SFTPLog ${join(directory, 'sftp.log')}`,
    `SFTPHostKey ${join(directory, 'hostkey')}`,
    'SFTPAuthMethods password',
    extraConfig,
    '',
  ].join('\n')
}
