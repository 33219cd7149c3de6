/** GNU inetutils' ftpd, which inetd starts, one process a connection. Without MLST. Needs root. */
import { amongAccounts, writeAccounts } from './accounts.ts'
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

/** What inetd does. As the first process of its namespace it ends at a signal only because it says so. */
const INETD = `import signal, socket, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
while True:
    connection, _ = listener.accept()
    subprocess.Popen(sys.argv[2:], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL)
    connection.close()
`

export async function startInetutilsFtpd(): Promise<TestServer> {
  const { directory, root } = serverDirectory('inetutils-ftpd')
  const port = await freePorts()
  writeAccounts(directory, root, 'ftp')
  const ftpd = findServer('inetutils-ftpd') ?? 'ftpd'
  return await startServer({
    name: 'inetutils-ftpd',
    port,
    root,
    directory,
    ...amongAccounts(directory, ['/usr/bin/python3', '-c', INETD, String(port), ftpd]),
  })
}
