/** pyftpdlib in clear text. Its TLS handler resets data connections of most clients; the other servers cover TLS. */
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

const PROGRAM = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
root, port, user, password = sys.argv[1:5]
authorizer = DummyAuthorizer()
authorizer.add_user(user, password, root, perm="elradfmwMT")
FTPHandler.authorizer = authorizer
FTPServer(("127.0.0.1", int(port)), FTPHandler).serve_forever()
`

export async function startPyftpdlib(): Promise<TestServer> {
  const { directory, root } = serverDirectory('pyftpdlib')
  const port = await freePorts()
  return await startServer({
    name: 'pyftpdlib',
    port,
    root,
    directory,
    command: findServer('pyftpdlib') ?? 'python3',
    args: ['-c', PROGRAM, root, String(port), TEST_USER, TEST_PASSWORD],
  })
}
