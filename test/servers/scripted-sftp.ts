/** An SFTP server inside the test's process, over files in memory, that can be told to misbehave at any request. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import net from 'node:net'
import ssh2, { type AuthContext, type Connection, type KexAlgorithm, type SFTPWrapper } from 'ssh2'
import { newKeyPair } from '../support/host-key.ts'
import { TEST_PASSWORD, TEST_USER } from './server.ts'

const { STATUS_CODE: STATUS, OPEN_MODE } = ssh2.utils.sftp

export interface ScriptedRequest {
  readonly name:
    | 'OPEN'
    | 'READ'
    | 'WRITE'
    | 'CLOSE'
    | 'STAT'
    | 'LSTAT'
    | 'FSTAT'
    | 'SETSTAT'
    | 'REMOVE'
    | 'RENAME'
    | 'OPENDIR'
    | 'READDIR'
    | 'MKDIR'
    | 'REALPATH'
    | 'EXTENDED'
  readonly id: number
  /** Path of the file, or of the file behind the handle; of EXTENDED its first string, which is a path in posix-rename. */
  readonly path: string
  /** Second path of RENAME and posix-rename. */
  readonly to: string
  /** Of OPEN. */
  readonly flags: number
  /** Of EXTENDED. */
  readonly extension: string
  readonly offset: number
  readonly length: number
  /** How many requests of this name came before, on all connections. */
  readonly nth: number
  readonly sftp: SFTPWrapper
  readonly connection: Connection
}

export interface Script {
  /** True: the script has dealt with the request (or leaves it unanswered). */
  intercept?(request: ScriptedRequest): boolean
  /** False refuses it, null means that the script answers by itself. Default: the test user's password. */
  authenticate?(context: AuthContext): boolean | null
  /** False leaves a channel, or the subsystem on it, without an answer for ever. */
  readonly opensChannels?: boolean
  readonly opensSubsystems?: boolean
  readonly methods?: readonly ('password' | 'publickey' | 'keyboard-interactive')[]
  readonly hostKey?: string
  /** Keys of other types that it has as well. */
  readonly moreHostKeys?: readonly string[]
  /** The only key exchanges that it knows. */
  readonly kex?: readonly KexAlgorithm[]
  /** The only one that the server has. */
  readonly cipher?: ssh2.CipherAlgorithm
  /** What is sent before the login. */
  readonly banner?: string
  /** Names of extensions, announced as version 1; what they do is the script's. */
  readonly extensions?: readonly string[]
}

export interface ScriptedSftp {
  readonly port: number
  readonly knownHosts: string
  readonly pin: string
  readonly files: Map<string, Buffer>
  /** Authentication methods asked for, in order. */
  readonly authentications: string[]
  readonly connections: Set<Connection>
  stop(): Promise<void>
}

export async function startScriptedSftp(script: Script = {}): Promise<ScriptedSftp> {
  const hostKey = script.hostKey ?? newKeyPair().private
  const publicKey = publicBlob(hostKey)
  const files = new Map<string, Buffer>()
  const authentications: string[] = []
  const connections = new Set<Connection>()
  const counts = new Map<string, number>()
  const server = new ssh2.Server(
    {
      hostKeys: [hostKey, ...(script.moreHostKeys ?? [])],
      algorithms: {
        ...(script.kex === undefined ? {} : { kex: [...script.kex] }),
        ...(script.cipher === undefined ? {} : { cipher: [script.cipher] }),
      },
      ...(script.banner === undefined ? {} : { banner: script.banner }),
    },
    (connection) => {
      connections.add(connection)
      // Small answers would wait for the client's delayed acknowledgements.
      const socket = connection as Connection & { setNoDelay(noDelay: boolean): void }
      socket.setNoDelay(true)
      connection.on('error', () => {})
      connection.on('close', () => connections.delete(connection))
      connection.on('authentication', (context) => {
        authentications.push(context.method)
        const right =
          script.authenticate ?? ((c: AuthContext) => c.method === 'password' && c.username === TEST_USER && c.password === TEST_PASSWORD)
        const verdict = right(context)
        if (verdict === true) context.accept()
        else if (verdict === false) context.reject([...(script.methods ?? ['password'])])
      })
      connection.on('session', (accept) => {
        if (script.opensChannels === false) return
        accept().on('sftp', (acceptSftp) => {
          if (script.opensSubsystems === false) return
          const sftp = acceptSftp()
          if (script.extensions !== undefined) announce(sftp, script.extensions)
          serve(sftp, connection, files, script, counts)
        })
      })
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    knownHosts: `[127.0.0.1]:${port} ssh-ed25519 ${publicKey.toString('base64')}`,
    pin: `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}`,
    files,
    authentications,
    connections,
    stop: async () => {
      for (const connection of connections) connection.end()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function publicBlob(hostKey: string): Buffer {
  const parsed = ssh2.utils.parseKey(hostKey)
  if (parsed instanceof Error) throw parsed
  return (Array.isArray(parsed) ? parsed[0] : parsed).getPublicSSH()
}

function serve(sftp: SFTPWrapper, connection: Connection, files: Map<string, Buffer>, script: Script, counts: Map<string, number>): void {
  const handles = new Map<number, string>()
  const pathOf = (handle: Buffer): string => handles.get(handle.readUInt32BE(0)) ?? ''
  const taken = (name: ScriptedRequest['name'], id: number, path: string, more: Partial<ScriptedRequest> = {}): boolean => {
    const nth = counts.get(name) ?? 0
    counts.set(name, nth + 1)
    const request = { name, id, path, to: '', flags: 0, extension: '', offset: 0, length: 0, nth, sftp, connection, ...more }
    return script.intercept?.(request) ?? false
  }
  const attributes = (size: number) => ({ mode: 0o100644, uid: 0, gid: 0, size, atime: 1, mtime: 1 })
  const tell = (id: number, path: string): void => {
    const file = files.get(path)
    if (file === undefined) sftp.status(id, STATUS.NO_SUCH_FILE)
    else sftp.attrs(id, attributes(file.length))
  }
  sftp.on('OPEN', (id, path, flags) => {
    if (taken('OPEN', id, path, { flags })) return
    if (files.has(path) && flags & OPEN_MODE.EXCL) return void sftp.status(id, STATUS.FAILURE)
    if (!files.has(path) && !(flags & OPEN_MODE.CREAT)) return void sftp.status(id, STATUS.NO_SUCH_FILE)
    if (!files.has(path) || flags & OPEN_MODE.TRUNC) files.set(path, Buffer.alloc(0))
    const handle = Buffer.alloc(4)
    handle.writeUInt32BE(handles.size)
    handles.set(handles.size, path)
    sftp.handle(id, handle)
  })
  sftp.on('READ', (id, handle, offset, length) => {
    if (taken('READ', id, pathOf(handle), { offset, length })) return
    const bytes = files.get(pathOf(handle))?.subarray(offset, offset + length) ?? Buffer.alloc(0)
    if (bytes.length === 0) sftp.status(id, STATUS.EOF)
    else sftp.data(id, bytes)
  })
  sftp.on('WRITE', (id, handle, offset, data) => {
    const path = pathOf(handle)
    if (taken('WRITE', id, path, { offset, length: data.length })) return
    const before = files.get(path) ?? Buffer.alloc(0)
    const after = Buffer.alloc(Math.max(before.length, offset + data.length))
    before.copy(after)
    data.copy(after, offset)
    files.set(path, after)
    sftp.status(id, STATUS.OK)
  })
  sftp.on('CLOSE', (id, handle) => {
    if (!taken('CLOSE', id, pathOf(handle))) sftp.status(id, STATUS.OK)
  })
  sftp.on('FSTAT', (id, handle) => {
    if (!taken('FSTAT', id, pathOf(handle))) tell(id, pathOf(handle))
  })
  sftp.on('LSTAT', (id, path) => {
    if (!taken('LSTAT', id, path)) tell(id, path)
  })
  sftp.on('STAT', (id, path) => {
    if (!taken('STAT', id, path)) tell(id, path)
  })
  sftp.on('SETSTAT', (id, path, attrs) => {
    if (taken('SETSTAT', id, path)) return
    files.set(path, Buffer.from(files.get(path)?.subarray(0, attrs.size) ?? []))
    sftp.status(id, STATUS.OK)
  })
  sftp.on('REMOVE', (id, path) => {
    if (!taken('REMOVE', id, path)) sftp.status(id, files.delete(path) ? STATUS.OK : STATUS.NO_SUCH_FILE)
  })
  sftp.on('RENAME', (id, from, to) => {
    if (taken('RENAME', id, from, { to })) return
    const file = files.get(from)
    if (file === undefined) return void sftp.status(id, STATUS.NO_SUCH_FILE)
    if (files.has(to)) return void sftp.status(id, STATUS.FAILURE)
    files.delete(from)
    files.set(to, file)
    sftp.status(id, STATUS.OK)
  })
  sftp.on('OPENDIR', (id, path) => {
    if (taken('OPENDIR', id, path)) return
    const handle = Buffer.alloc(4)
    handle.writeUInt32BE(handles.size)
    handles.set(handles.size, path)
    sftp.handle(id, handle)
  })
  sftp.on('READDIR', (id, handle) => {
    if (!taken('READDIR', id, pathOf(handle))) sftp.status(id, STATUS.EOF)
  })
  sftp.on('MKDIR', (id, path) => {
    if (!taken('MKDIR', id, path)) sftp.status(id, STATUS.OK)
  })
  sftp.on('REALPATH', (id, path) => {
    if (!taken('REALPATH', id, path)) sftp.status(id, STATUS.OP_UNSUPPORTED)
  })
  sftp.on('EXTENDED', (id, extension, data) => {
    const [path = '', to = ''] = strings(data)
    if (!taken('EXTENDED', id, path, { extension, to })) sftp.status(id, STATUS.OP_UNSUPPORTED)
  })
}

/** The strings that a packet begins with. */
function strings(packet: Buffer | undefined): string[] {
  const found: string[] = []
  for (let at = 0; packet !== undefined && at + 4 <= packet.length; ) {
    const end = at + 4 + packet.readUInt32BE(at)
    if (end > packet.length) break
    found.push(packet.toString('utf8', at + 4, end))
    at = end
  }
  return found
}

const VERSION = 2

/** ssh2's own server announces nothing: its VERSION is replaced by one that does. */
function announce(sftp: SFTPWrapper, extensions: readonly string[]): void {
  const channel = sftp as unknown as { _protocol: { channelData(id: number, data: Buffer): void } }
  const protocol = channel._protocol
  const own = Object.create(protocol) as typeof protocol
  const text = (value: string): Buffer => Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(value)])
  own.channelData = (id, data) => {
    channel._protocol = protocol
    assert.equal(data[4], VERSION)
    const payload = Buffer.concat([Buffer.of(VERSION), uint32(3), ...extensions.flatMap((name) => [text(name), text('1')])])
    protocol.channelData(id, Buffer.concat([uint32(payload.length), payload]))
  }
  channel._protocol = own
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Sends these very bytes on the channel: packets that ssh2's own server would refuse to make. */
export function sendRaw(sftp: SFTPWrapper, bytes: Buffer): void {
  const { _protocol, outgoing } = sftp as unknown as {
    readonly _protocol: { channelData(id: number, data: Buffer): void }
    readonly outgoing: { readonly id: number }
  }
  for (let at = 0; at < bytes.length; at += 32_768) _protocol.channelData(outgoing.id, bytes.subarray(at, at + 32_768))
}

/** One SFTP packet: its length, type, request number, and the rest. */
export function sftpPacket(type: number, id: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt32BE(5 + rest.length, 0)
  head[4] = type
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, rest])
}

/** Accepts connections and says nothing. */
export async function startSilentServer(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return {
    port: (server.address() as net.AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
