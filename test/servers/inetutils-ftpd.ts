/** GNU inetutils' ftpd, which inetd starts, one process a connection. Without MLST. Needs root. */
import { writeAccounts } from './accounts.ts'
import { findServer } from './debian.ts'
import { behindInetd } from './inetd.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

export async function startInetutilsFtpd(): Promise<TestServer> {
  const { directory, root } = serverDirectory('inetutils-ftpd')
  const port = await freePorts()
  writeAccounts(directory, root, 'ftp')
  return await startServer({
    name: 'inetutils-ftpd',
    port,
    root,
    directory,
    ...behindInetd(directory, port, [findServer('inetutils-ftpd') ?? 'ftpd']),
  })
}
