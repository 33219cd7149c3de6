/**
 * An SFTP server in a process of its own, for the demo: needs no package of the system. Serves `root` with files on disk.
 *   node embedded-sftp.ts ROOT USER PASSWORD   prints one line of JSON: { port, knownHosts }
 */
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join, posix } from 'node:path'
import type ssh2Types from 'ssh2'
import { newKeyPair } from './host-key.ts'

const ssh2 = createRequire(import.meta.url)('ssh2') as typeof ssh2Types
const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp
const [root = '.', username = '', password = ''] = process.argv.slice(2)

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const sameText = (a: string, b: string): boolean => digest(a).equals(digest(b))
/** Normalising an absolute path first keeps every name below the root. */
const local = (path: string): string => join(root, posix.normalize(`/${path}`))

function statusOf(error: NodeJS.ErrnoException | null): number {
  if (error === null) return STATUS_CODE.OK
  return error.code === 'ENOENT' ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE
}

function flagsOf(wanted: number): number {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_EXCL } = fs.constants
  const write = (wanted & OPEN_MODE.WRITE) !== 0
  const read = (wanted & OPEN_MODE.READ) !== 0
  return (
    (write && read ? O_RDWR : write ? O_WRONLY : O_RDONLY) |
    (wanted & OPEN_MODE.CREAT ? O_CREAT : 0) |
    (wanted & OPEN_MODE.TRUNC ? O_TRUNC : 0) |
    (wanted & OPEN_MODE.EXCL ? O_EXCL : 0)
  )
}

function attributes(stat: fs.Stats): ssh2Types.Attributes {
  return { mode: stat.mode, uid: stat.uid, gid: stat.gid, size: stat.size, atime: stat.atimeMs / 1000, mtime: stat.mtimeMs / 1000 }
}

function serve(sftp: ssh2Types.SFTPWrapper): void {
  const open = new Map<string, number>()
  const done = (id: number) => (error: NodeJS.ErrnoException | null) => sftp.status(id, statusOf(error))
  const tell = (id: number) => (error: NodeJS.ErrnoException | null, stat: fs.Stats) => {
    if (error === null) sftp.attrs(id, attributes(stat))
    else sftp.status(id, statusOf(error))
  }
  const descriptor = (handle: Buffer): number => open.get(handle.toString('hex')) ?? -1
  sftp.on('REALPATH', (id, path) => {
    const filename = posix.normalize(`/${path}`)
    sftp.name(id, [{ filename, longname: filename, attrs: {} as ssh2Types.Attributes }])
  })
  sftp.on('OPEN', (id, path, flags) => {
    fs.open(local(path), flagsOf(flags), 0o644, (error, fd) => {
      if (error !== null) return sftp.status(id, statusOf(error))
      const handle = randomBytes(8)
      open.set(handle.toString('hex'), fd)
      sftp.handle(id, handle)
    })
  })
  sftp.on('READ', (id, handle, offset, length) => {
    fs.read(descriptor(handle), Buffer.alloc(Math.min(length, 262_144)), 0, Math.min(length, 262_144), offset, (error, read, bytes) => {
      if (error !== null) sftp.status(id, statusOf(error))
      else if (read === 0) sftp.status(id, STATUS_CODE.EOF)
      else sftp.data(id, bytes.subarray(0, read))
    })
  })
  sftp.on('WRITE', (id, handle, offset, data) => fs.write(descriptor(handle), data, 0, data.length, offset, done(id)))
  sftp.on('FSTAT', (id, handle) => fs.fstat(descriptor(handle), tell(id)))
  sftp.on('STAT', (id, path) => fs.stat(local(path), tell(id)))
  sftp.on('LSTAT', (id, path) => fs.lstat(local(path), tell(id)))
  sftp.on('FSETSTAT', (id, handle, attrs) => {
    if (attrs.size === undefined) sftp.status(id, STATUS_CODE.OK)
    else fs.ftruncate(descriptor(handle), attrs.size, done(id))
  })
  sftp.on('CLOSE', (id, handle) => {
    fs.close(descriptor(handle), done(id))
    open.delete(handle.toString('hex'))
  })
  sftp.on('REMOVE', (id, path) => fs.unlink(local(path), done(id)))
  sftp.on('MKDIR', (id, path) => fs.mkdir(local(path), done(id)))
  sftp.on('RENAME', (id, from, to) => fs.rename(local(from), local(to), done(id)))
  sftp.on('EXTENDED', (id) => sftp.status(id, STATUS_CODE.OP_UNSUPPORTED))
}

const hostKey = newKeyPair()
const server = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
  connection.on('error', () => {})
  connection.on('authentication', (context) => {
    if (context.method === 'password' && sameText(context.username, username) && sameText(context.password, password)) context.accept()
    else context.reject(['password'])
  })
  connection.on('session', (accept) => accept().on('sftp', (acceptSftp) => serve(acceptSftp())))
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  const [type = '', key = ''] = hostKey.public.split(' ')
  process.stdout.write(`${JSON.stringify({ port, key: `${type} ${key}` })}\n`)
})
