/** SFTP servers that programs in Python are made of: asyncssh, Paramiko (below most test servers and many appliances) and Twisted's conch. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { amongAccounts, writeAccounts } from './accounts.ts'
import { knownHostsLine } from './openssh.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

const PYTHON = '/usr/bin/python3'

const ASYNCSSH = `
import asyncio, sys, asyncssh
root, port, user, password, key = sys.argv[1:6]
class Login(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True
    def validate_password(self, name, given):
        return (name, given) == (user, password)
def session(channel):
    return asyncssh.SFTPServer(channel, chroot=root.encode())
async def main():
    await asyncssh.create_server(Login, "127.0.0.1", int(port), server_host_keys=[key], sftp_factory=session)
    await asyncio.Event().wait()
asyncio.run(main())
`

/** The hooks of Paramiko over a folder, in the way in which its own tests and the servers that copied them have it. */
const PARAMIKO = `
import os, socket, sys, threading, paramiko
from paramiko import SFTPAttributes, SFTPServer, SFTP_OK
root, port, user, password, key = sys.argv[1:6]
def told(action):
    def asked(*args):
        try:
            return action(*args)
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)
    return asked
class Handle(paramiko.SFTPHandle):
    @told
    def stat(self):
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))
    @told
    def chattr(self, attributes):
        SFTPServer.set_file_attr(self.filename, attributes)
        return SFTP_OK
class Files(paramiko.SFTPServerInterface):
    def place(self, path):
        return root + self.canonicalize(path)
    @told
    def list_folder(self, path):
        here = self.place(path)
        return [SFTPAttributes.from_stat(os.lstat(os.path.join(here, name)), name) for name in os.listdir(here)]
    @told
    def stat(self, path):
        return SFTPAttributes.from_stat(os.stat(self.place(path)))
    @told
    def lstat(self, path):
        return SFTPAttributes.from_stat(os.lstat(self.place(path)))
    @told
    def open(self, path, flags, attributes):
        here = self.place(path)
        fd = os.open(here, flags, attributes.st_mode if attributes.st_mode is not None else 0o666)
        writing = flags & (os.O_WRONLY | os.O_RDWR)
        mode = ("ab" if flags & os.O_APPEND else "wb" if flags & os.O_WRONLY else "r+b") if writing else "rb"
        handle = Handle(flags)
        handle.filename = here
        handle.readfile = handle.writefile = os.fdopen(fd, mode)
        return handle
    @told
    def remove(self, path):
        os.remove(self.place(path))
        return SFTP_OK
    @told
    def rename(self, old, new):
        os.rename(self.place(old), self.place(new))
        return SFTP_OK
    posix_rename = rename
    @told
    def mkdir(self, path, attributes):
        os.mkdir(self.place(path))
        return SFTP_OK
    @told
    def rmdir(self, path):
        os.rmdir(self.place(path))
        return SFTP_OK
    @told
    def chattr(self, path, attributes):
        SFTPServer.set_file_attr(self.place(path), attributes)
        return SFTP_OK
class Login(paramiko.ServerInterface):
    def check_auth_password(self, name, given):
        return paramiko.AUTH_SUCCESSFUL if (name, given) == (user, password) else paramiko.AUTH_FAILED
    def check_channel_request(self, kind, channel):
        return paramiko.OPEN_SUCCEEDED
def serve(connection):
    transport = paramiko.Transport(connection)
    transport.add_server_key(paramiko.Ed25519Key(filename=key))
    transport.set_subsystem_handler("sftp", SFTPServer, Files)
    try:
        transport.start_server(server=Login())
    except (paramiko.SSHException, EOFError):
        pass
listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`

/** Its own realm of accounts, whose home `twistd conch` of 22.4 gives as a text where its SFTP wants a path. */
const CONCH = `
import sys, warnings
warnings.simplefilter("ignore")
from twisted.conch import unix
from twisted.conch.ssh import factory, keys
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.python.filepath import FilePath
root, port, user, password, key = sys.argv[1:6]
unix.UnixConchUser.getHomeDir = lambda self: FilePath(root)
login = InMemoryUsernamePasswordDatabaseDontUse()
login.addUser(user.encode(), password.encode())
class Realm(unix.UnixSSHRealm):
    def requestAvatar(self, name, *rest):
        return super().requestAvatar(name.decode(), *rest)
class Factory(factory.SSHFactory):
    portal = Portal(Realm(), [login])
    def getPublicKeys(self):
        return {b"ssh-ed25519": keys.Key.fromFile(key).public()}
    def getPrivateKeys(self):
        return {b"ssh-ed25519": keys.Key.fromFile(key)}
reactor.listenTCP(int(port), Factory(), interface="127.0.0.1")
reactor.run()
`

interface Place {
  readonly directory: string
  readonly root: string
  readonly port: number
  readonly key: string
}

async function prepared(name: string): Promise<Place> {
  const { directory, root } = serverDirectory(name)
  const key = join(directory, 'hostkey')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  return { directory, root, port: await freePorts(), key }
}

async function startProgram(name: string, program: string): Promise<TestServer> {
  const { directory, root, port, key } = await prepared(name)
  return await startServer({
    name,
    port,
    root,
    directory,
    command: PYTHON,
    args: ['-c', program, root, String(port), TEST_USER, TEST_PASSWORD, key],
    extra: { knownHosts: knownHostsLine(directory, port) },
  })
}

export function startAsyncssh(): Promise<TestServer> {
  return startProgram('asyncssh', ASYNCSSH)
}

export function startParamiko(): Promise<TestServer> {
  return startProgram('paramiko', PARAMIKO)
}

/** The account of the machine behind conch, which is written for it. Needs root. */
export async function startConch(): Promise<TestServer> {
  const { directory, root, port, key } = await prepared('conch')
  writeAccounts(directory, root, 'conch')
  return await startServer({
    name: 'conch',
    port,
    root,
    directory,
    ...amongAccounts(directory, [PYTHON, '-c', CONCH, root, String(port), TEST_USER, TEST_PASSWORD, key]),
    extra: { knownHosts: knownHostsLine(directory, port) },
  })
}
