import type { RemoteFile } from '../remote.ts'
import type { Connection } from './connection.ts'
import { replyError, replyErrorAs } from './errors.ts'
import { kindOf, parseMlst, parseSize, parseTime } from './features.ts'
import { wirePath } from './paths.ts'

/** What lies at `path`; missing is null. Links are followed wherever the server does so. */
export async function stat(connection: Connection, path: string, signal: AbortSignal): Promise<RemoteFile | null> {
  if (!connection.features.has('MLST')) return await statByCommands(connection, path, signal)
  const command = `MLST ${wirePath(path, connection)}`
  const reply = await connection.command(command, signal)
  if (reply.code === 550) return null
  if (reply.code >= 400 && reply.code < 500) throw replyError(reply, command)
  const facts = reply.code === 250 ? parseMlst(reply.text)?.facts : undefined
  const kind = kindOf(facts?.get('type'))
  const size = parseSize(facts?.get('size'))
  // A link, or an answer without what we need.
  if (facts === undefined || kind === 'other' || (kind === 'file' && size === null)) return await statByCommands(connection, path, signal)
  return { kind, size: kind === 'file' ? size : null, modifiedAtMs: parseTime(facts.get('modify')), validator: null }
}

async function statByCommands(connection: Connection, path: string, signal: AbortSignal): Promise<RemoteFile | null> {
  const size = path === '' ? null : await sizeOf(connection, path, signal)
  if (size === null || (await tellsSizeOfDirectories(connection, signal))) {
    if (await isDirectory(connection, path, signal)) return { kind: 'directory', size: null, modifiedAtMs: null, validator: null }
    if (size === null) return null
  }
  const reply = await connection.command(`MDTM ${wirePath(path, connection)}`, signal)
  const modifiedAtMs = reply.code === 213 ? parseTime(reply.text.slice(4).trim()) : null
  return { kind: 'file', size, modifiedAtMs, validator: null }
}

/** The size of a file as SIZE tells it in TYPE I; null when there is no such file. Some servers also answer for a directory. */
export async function sizeOf(connection: Connection, path: string, signal: AbortSignal): Promise<number | null> {
  const command = `SIZE ${wirePath(path, connection)}`
  const reply = await connection.command(command, signal)
  if (reply.code === 213) {
    // ftp-srv 4.6.3 has this text in place of a zero.
    if (reply.text === '213 File status') return 0
    const size = parseSize(reply.text.slice(4).trim().split(/[ ,]/)[0])
    if (size === null) throw replyErrorAs('protocol', reply, command)
    return size
  }
  if (reply.code === 550 || reply.code === 553) return null
  throw replyError(reply, command)
}

/** ftp-srv answers SIZE of a directory with 4096; asking about the login directory shows it. */
async function tellsSizeOfDirectories(connection: Connection, signal: AbortSignal): Promise<boolean> {
  if (connection.features.has('MLST')) return false
  connection.sizeOfDirectories ??= (await connection.command(`SIZE ${wirePath('', connection)}`, signal)).code === 213
  return connection.sizeOfDirectories
}

/** By going there and back, the only way that every server knows. */
export async function isDirectory(connection: Connection, path: string, signal: AbortSignal): Promise<boolean> {
  if (path === '') return true
  const reply = await connection.command(`CWD ${wirePath(path, connection)}`, signal)
  if (reply.code < 200 || reply.code > 299) return false
  await connection.goHome(signal)
  return true
}
