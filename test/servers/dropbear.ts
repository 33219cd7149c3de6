/** Dropbear, the SSH server of routers and small boxes, with OpenSSH's sftp-server behind it. Needs root. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { amongAccounts, writeAccounts } from './accounts.ts'
import { findServer } from './debian.ts'
import { knownHostsLine } from './openssh.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

export async function startDropbear(): Promise<TestServer> {
  const { directory, root } = serverDirectory('dropbear')
  const port = await freePorts()
  const hostKey = join(directory, 'hostkey')
  const made = execFileSync('dropbearkey', ['-t', 'ed25519', '-f', hostKey], { encoding: 'utf8', stdio: 'pipe' })
  writeFileSync(join(directory, 'hostkey.pub'), /^ssh-ed25519 .+$/m.exec(made)?.[0] ?? '')
  writeAccounts(directory, root, 'dropbear')
  const listening = ['-p', `127.0.0.1:${port}`, '-P', join(directory, 'dropbear.pid')]
  return await startServer({
    name: 'dropbear',
    port,
    root,
    directory,
    ...amongAccounts(directory, [findServer('dropbear') ?? 'dropbear', '-F', '-E', '-r', hostKey, ...listening]),
    extra: { knownHosts: knownHostsLine(directory, port) },
  })
}
