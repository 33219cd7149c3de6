/** rclone serve sftp: a server that truncates at every open for writing. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { knownHostsLine } from './openssh.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

export async function startRcloneSftp(cacheMode: 'off' | 'writes' = 'off'): Promise<TestServer> {
  const { directory, root } = serverDirectory('rclone-sftp')
  const port = await freePorts()
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'hostkey')])
  writeFileSync(join(directory, 'rclone.conf'), '')
  return startServer({
    name: `rclone serve sftp (cache ${cacheMode})`,
    port,
    root,
    directory,
    command: 'rclone',
    args: [
      ...['serve', 'sftp', root, '--addr', `127.0.0.1:${port}`, '--user', TEST_USER, '--pass', TEST_PASSWORD],
      ...['--key', join(directory, 'hostkey'), '--vfs-cache-mode', cacheMode, '--vfs-write-back', '0s'],
      ...['--dir-cache-time', '0s', '--cache-dir', join(directory, 'cache')],
    ],
    env: { RCLONE_CONFIG: join(directory, 'rclone.conf') },
    extra: { knownHosts: knownHostsLine(directory, port) },
  })
}
