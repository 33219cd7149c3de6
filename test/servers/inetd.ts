/** What inetd does for servers that take one connection on their standard input, in a namespace where the account exists. Needs root. */
import { amongAccounts } from './accounts.ts'

/** As the first process of its namespace it ends at a signal only because it says so. */
const INETD = `import signal, socket, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
while True:
    connection, _ = listener.accept()
    subprocess.Popen(sys.argv[2:], stdin=connection, stdout=connection, stderr=subprocess.DEVNULL)
    connection.close()
`

/** One process of `command` for each connection to `port`. `directory`: as `writeAccounts` left it. */
export function behindInetd(
  directory: string,
  port: number,
  command: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  return amongAccounts(directory, ['/usr/bin/python3', '-c', INETD, String(port), ...command])
}
