/** Python's http.server: ignores Range and always sends the whole file. */
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

export async function startPyhttp(): Promise<TestServer> {
  const { directory, root } = serverDirectory('pyhttp')
  const port = await freePorts()
  return startServer({
    name: 'python http.server',
    port,
    root,
    directory,
    command: 'python3',
    args: ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', root, String(port)],
  })
}
