/** Twisted's FTP server. It announces no UTF8 and takes names for Latin-1. */
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

const PROGRAM = `
import sys
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.protocols.ftp import BaseFTPRealm, FTPFactory
from twisted.python.filepath import FilePath
root, port, user, password = sys.argv[1:5]
class Realm(BaseFTPRealm):
    def getHomeDirectory(self, avatarId):
        return FilePath(root)
login = InMemoryUsernamePasswordDatabaseDontUse()
login.addUser(user, password)
reactor.listenTCP(int(port), FTPFactory(Portal(Realm(root), [login])), interface="127.0.0.1")
reactor.run()
`

export async function startTwistedFtp(): Promise<TestServer> {
  const { directory, root } = serverDirectory('twisted-ftp')
  const port = await freePorts()
  return await startServer({
    name: 'twisted-ftp',
    port,
    root,
    directory,
    command: findServer('twisted') ?? 'python3',
    args: ['-c', PROGRAM, root, String(port), TEST_USER, TEST_PASSWORD],
  })
}
