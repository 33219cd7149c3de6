/** TinySSH, the SSH server of embedded systems, which inetd starts: keys only, with OpenSSH's sftp-server behind it. Needs root. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeAccounts } from './accounts.ts'
import { findServer } from './debian.ts'
import { behindInetd } from './inetd.ts'
import { knownHostsLine, type OpensshServer } from './openssh.ts'
import { freePorts, serverDirectory, startServer } from './server.ts'

/** It reads no authorized_keys below a folder that others may write, such as /tmp. */
const HOME = '/srv'
const AT_HOME = `[ -d ${HOME}/.ssh ] || mount --bind "$1" ${HOME}
shift
exec "$@"`
const SFTP_SERVER = '/usr/lib/openssh/sftp-server'

export async function startTinysshd(): Promise<OpensshServer> {
  const { directory, root } = serverDirectory('tinysshd')
  const port = await freePorts()
  const tinysshd = findServer('tinysshd') ?? '/usr/sbin/tinysshd'
  const keys = join(directory, 'keys')
  // Its own maker of keys is the same program under another name.
  spawnSync(tinysshd, [keys], { argv0: 'tinysshd-makekey' })
  const publicKey = Buffer.alloc(51)
  publicKey.write('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1')
  readFileSync(join(keys, 'ed25519.pk')).copy(publicKey, 19)
  writeFileSync(join(directory, 'hostkey.pub'), `ssh-ed25519 ${publicKey.toString('base64')}`)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'userkey')])
  writeAccounts(directory, root, 'tinysshd')
  const accounts = join(directory, 'passwd')
  writeFileSync(accounts, readFileSync(accounts, 'utf8').replace(`:${root}:`, `:${HOME}:`))
  const authorized = join(root, '.ssh', 'authorized_keys')
  mkdirSync(dirname(authorized), { mode: 0o700 })
  copyFileSync(join(directory, 'userkey.pub'), authorized)
  const { uid, gid } = statSync(root)
  for (const path of [dirname(authorized), authorized]) chownSync(path, uid, gid)
  const server = await startServer({
    name: 'tinysshd',
    port,
    root,
    directory,
    ...behindInetd(directory, port, ['sh', '-c', AT_HOME, 'sh', root, tinysshd, '-x', `sftp=${SFTP_SERVER}`, keys]),
    extra: { knownHosts: knownHostsLine(directory, port) },
  })
  return Object.assign(server, { privateKey: readFileSync(join(directory, 'userkey'), 'utf8') })
}
