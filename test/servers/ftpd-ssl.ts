/**
 * linux-ftpd-ssl: BSD's ftpd with TLS, which inetd starts. Without FEAT, MLST and SITE CHMOD. Debian's 0.17.36 takes AUTH TLS and never opens a certificate, neither
 * that of `-z cert=` nor its own ftpd.pem. Needs root.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAccounts } from './accounts.ts'
import { findServer } from './debian.ts'
import { behindInetd } from './inetd.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

/** pam_ftp lets nobody in but anonymous; without it the server answers 550 to USER, because only that prompts in a way that it knows. */
const PAM = [
  'auth sufficient pam_ftp.so',
  'auth required pam_unix.so',
  'account required pam_permit.so',
  'session optional pam_permit.so',
  '',
]

export async function startFtpdSsl(): Promise<TestServer> {
  const { directory, root } = serverDirectory('ftpd-ssl')
  const port = await freePorts()
  writeAccounts(directory, root, 'ftp')
  writeFileSync(join(directory, 'pam.d', 'ftp'), PAM.join('\n'))
  return await startServer({
    name: 'linux-ftpd-ssl',
    port,
    root,
    directory,
    ...behindInetd(directory, port, [findServer('ftpd-ssl') ?? 'in.ftpd']),
  })
}
