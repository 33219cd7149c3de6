// The SFTP half of self-test-server.mjs: one flat directory, writing at any offset, and one connection that breaks in the middle of an upload.
import { createHash } from 'node:crypto'
import { close, constants, fstat, ftruncate, open, read, rename, stat, truncate, unlink, write } from 'node:fs'
import { join, posix } from 'node:path'
import ssh2 from 'ssh2'

const { STATUS_CODE: STATUS, OPEN_MODE } = ssh2.utils.sftp
const DIRECTORY_MODE = 0o040755

/** Resolves with the port and the pin of the host key. After `cutAfter` written bytes the connection of that moment ends, once. */
export async function startSftp({ host, root, username, password, cutAfter }) {
  const hostKey = ssh2.utils.generateKeyPairSync('ed25519').private
  const publicKey = ssh2.utils.parseKey(hostKey).getPublicSSH()
  const cut = { left: cutAfter, done: false }
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on('error', () => {})
    connection.on('authentication', (context) => {
      if (context.method === 'password' && context.username === username && context.password === password) context.accept()
      else context.reject(['password'])
    })
    connection.on('session', (accept) => {
      accept().on('sftp', (acceptSftp) => answer(acceptSftp(), { root, connection, cut }))
    })
  })
  await new Promise((resolve) => server.listen(0, host, () => resolve(undefined)))
  return { port: server.address().port, pin: `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}` }
}

function answer(sftp, { root, connection, cut }) {
  const handles = new Map()
  let last = 0
  const local = (path) => join(root, posix.basename(path))
  const isRoot = (path) => ['', '.', '/'].includes(path)
  const done = (id) => (error) => sftp.status(id, error ? statusOf(error) : STATUS.OK)
  const attributes = (id) => (error, found) => {
    if (error) sftp.status(id, statusOf(error))
    else sftp.attrs(id, { mode: found.mode, size: found.size, uid: 0, gid: 0, atime: 0, mtime: Math.floor(found.mtimeMs / 1000) })
  }
  const look = (id, path) => {
    if (isRoot(path)) sftp.attrs(id, { mode: DIRECTORY_MODE, size: 0, uid: 0, gid: 0, atime: 0, mtime: 0 })
    else stat(local(path), attributes(id))
  }
  const withFile = (id, handle, use) => {
    const file = handles.get(handle.toString('hex'))
    if (file === undefined) sftp.status(id, STATUS.FAILURE)
    else use(file)
  }
  sftp.on('OPEN', (id, path, flags) => {
    open(local(path), flagsOf(flags), (error, file) => {
      if (error) return sftp.status(id, statusOf(error))
      last += 1
      const handle = Buffer.alloc(4)
      handle.writeUInt32BE(last)
      handles.set(handle.toString('hex'), file)
      sftp.handle(id, handle)
    })
  })
  sftp.on('READ', (id, handle, offset, length) => {
    withFile(id, handle, (file) => {
      read(file, Buffer.alloc(length), 0, length, offset, (error, count, buffer) => {
        if (error || count === 0) sftp.status(id, error ? statusOf(error) : STATUS.EOF)
        else sftp.data(id, buffer.subarray(0, count))
      })
    })
  })
  sftp.on('WRITE', (id, handle, offset, data) => {
    cut.left -= data.length
    if (cut.left <= 0 && !cut.done) {
      cut.done = true
      connection.end()
      return
    }
    withFile(id, handle, (file) => write(file, data, 0, data.length, offset, done(id)))
  })
  sftp.on('FSTAT', (id, handle) => withFile(id, handle, (file) => fstat(file, attributes(id))))
  sftp.on('FSETSTAT', (id, handle, { size }) =>
    withFile(id, handle, (file) => (size === undefined ? done(id)(null) : ftruncate(file, size, done(id)))),
  )
  sftp.on('CLOSE', (id, handle) => {
    withFile(id, handle, (file) => close(file, done(id)))
    handles.delete(handle.toString('hex'))
  })
  sftp.on('STAT', look)
  sftp.on('LSTAT', look)
  sftp.on('SETSTAT', (id, path, { size }) => (size === undefined ? done(id)(null) : truncate(local(path), size, done(id))))
  sftp.on('REMOVE', (id, path) => unlink(local(path), done(id)))
  sftp.on('RENAME', (id, from, to) => rename(local(from), local(to), done(id)))
  sftp.on('REALPATH', (id, path) => sftp.name(id, [{ filename: path === '.' ? '/' : path, longname: '', attrs: {} }]))
  sftp.on('close', () => {
    for (const file of handles.values()) close(file, () => {})
  })
}

function flagsOf(wanted) {
  const access = (wanted & OPEN_MODE.WRITE) === 0 ? constants.O_RDONLY : constants.O_RDWR
  const create = (wanted & OPEN_MODE.CREAT) === 0 ? 0 : constants.O_CREAT
  const truncated = (wanted & OPEN_MODE.TRUNC) === 0 ? 0 : constants.O_TRUNC
  const exclusive = (wanted & OPEN_MODE.EXCL) === 0 ? 0 : constants.O_EXCL
  return access | create | truncated | exclusive
}

function statusOf(error) {
  return error.code === 'ENOENT' ? STATUS.NO_SUCH_FILE : STATUS.FAILURE
}
