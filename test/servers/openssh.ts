/** OpenSSH's sshd with an account of its own; passwd and shadow are bound inside a mount namespace, the machine stays as it is. Needs root. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

const UID = 65533
const SEPARATION_UID = 65532

export interface OpensshOptions {
  /** `force`: ForceCommand internal-sftp, no shell. `chroot`: that, with the root directory as the server's `/` and only `/up` writable. */
  readonly mode?: 'internal' | 'external' | 'force' | 'chroot'
  /** Extra lines of sshd_config. */
  readonly extraConfig?: string
  /** Arguments of the sftp server, such as `-P fsync`. */
  readonly sftpArgs?: string
  /** The account's login shell instead of /bin/sh. */
  readonly shell?: string
  /** What /etc/ssh/sftp_config holds, where the login shell reads it. */
  readonly shellConfig?: string
  /** A folder to serve instead of a temporary one. */
  readonly root?: string
  readonly listen?: string
}

export interface OpensshServer extends TestServer {
  /** An unencrypted key that the account accepts. */
  readonly privateKey: string
}

export async function startOpenssh(options: OpensshOptions = {}): Promise<OpensshServer> {
  const mode = options.mode ?? 'internal'
  const made = serverDirectory('openssh')
  const directory = made.directory
  const root = options.root ?? made.root
  const port = await freePorts()
  for (const name of ['hostkey', 'userkey'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', join(directory, name)])
  writeAccounts(directory, root, options.shell ?? '/bin/sh')
  copyFileSync(join(directory, 'userkey.pub'), join(directory, 'authorized_keys'))
  chmodSync(join(directory, 'authorized_keys'), 0o644)
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  if (mode === 'chroot') {
    mkdirSync(join(root, 'up'))
    chownSync(join(root, 'up'), UID, UID)
  } else chownSync(root, UID, UID)
  if (options.shellConfig !== undefined) {
    mkdirSync(join(directory, 'ssh'))
    writeFileSync(join(directory, 'ssh', 'sftp_config'), options.shellConfig)
  }
  writeFileSync(join(directory, 'sshd_config'), configuration(directory, port, mode, options))
  const server = await startServer({
    name: `openssh (${mode})`,
    port,
    root,
    directory,
    command: 'unshare',
    // In a process namespace of its own, so that sessions end with the server.
    args: [
      '-m',
      '--propagation',
      'private',
      '--ipc',
      '--pid',
      '--fork',
      '--kill-child=SIGKILL',
      'sh',
      '-c',
      NAMESPACE,
      'sh',
      directory,
      mode,
      root,
    ],
    extra: { knownHosts: knownHostsLine(directory, port, options.listen) },
  })
  return Object.assign(server, { privateKey: readFileSync(join(directory, 'userkey'), 'utf8') })
}

// sshd refuses a chroot below a directory that others can write, such as /tmp; so the root is bound to a place of its own.
const NAMESPACE = `mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow
[ -d "$1/ssh" ] && mount --bind "$1/ssh" /etc/ssh
[ "$2" = chroot ] && { mount -t tmpfs -o mode=755 none /srv; mkdir /srv/jail; mount --bind "$3" /srv/jail; }
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"`

function writeAccounts(directory: string, home: string, shell: string): void {
  const others = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('sshd:'))
  const own = [`sshd:x:${SEPARATION_UID}:65534::/run/sshd:/usr/sbin/nologin`, `${TEST_USER}:x:${UID}:${UID}::${home}:${shell}`]
  writeFileSync(join(directory, 'passwd'), [...others, ...own, ''].join('\n'), { mode: 0o644 })
  const hash = execFileSync('openssl', ['passwd', '-6', TEST_PASSWORD], { encoding: 'utf8' }).trim()
  writeFileSync(join(directory, 'shadow'), `${readFileSync('/etc/shadow', 'utf8').trimEnd()}\n${TEST_USER}:${hash}:19000:0:99999:7:::\n`, {
    mode: 0o600,
  })
}

function configuration(directory: string, port: number, mode: string, options: OpensshOptions): string {
  const args = options.sftpArgs ?? ''
  const forced = mode === 'force' || mode === 'chroot'
  return [
    `ListenAddress ${options.listen ?? '127.0.0.1'}`,
    `Port ${port}`,
    `HostKey ${join(directory, 'hostkey')}`,
    `PidFile ${join(directory, 'sshd.pid')}`,
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin no',
    `AllowUsers ${TEST_USER}`,
    'MaxStartups 100',
    'LogLevel VERBOSE',
    `Subsystem sftp ${mode === 'external' ? '/usr/lib/openssh/sftp-server' : 'internal-sftp'} ${args}`,
    ...(forced ? [`ForceCommand internal-sftp ${args}`] : []),
    ...(mode === 'chroot' ? ['ChrootDirectory /srv/jail'] : []),
    options.extraConfig ?? '',
    '',
  ].join('\n')
}

export function knownHostsLine(directory: string, port: number, host = '127.0.0.1'): string {
  const [type, key] = readFileSync(join(directory, 'hostkey.pub'), 'utf8').split(' ')
  return `[${host}]:${port} ${type} ${key?.trim()}\n`
}
