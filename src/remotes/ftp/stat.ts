/** What lies under a name. No answer of one command is knowledge by itself: each way of asking is the second source of the others. */
import { TransferError } from '../../core/errors.ts'
import { baseName, directoryName } from '../../core/paths.ts'
import type { RemoteFile } from '../remote.ts'
import { type Connection, isGood } from './connection.ts'
import { type Reply, replyErrorAs } from './errors.ts'
import { kindOf, parseMlst, parseMode, parseSize, parseTime } from './features.ts'
import { entriesOf } from './listing.ts'
import { isRefusal, refusedLook } from './refusals.ts'
import { sizeIn } from './size-reply.ts'

/**
 * `missing`: told by a way that is known to find what is there. `nothing`: by one that is not. `empty`: by a listing that shows nothing at all, as one does that is
 * switched off. A failure: the way is closed.
 */
type Look = RemoteFile | 'missing' | 'nothing' | 'empty' | TransferError

const DIRECTORY: RemoteFile = { kind: 'directory', size: null, modifiedAtMs: null, validator: null }
const NOTHING_SAID = 'the server has refused before to say anything of names'

/** What lies at `path`; missing is null. Links are followed wherever the server does so. Rejects with `refused` when nothing of it can be known. */
export async function stat(connection: Connection, path: string, signal: AbortSignal): Promise<RemoteFile | null> {
  return await firstAnswer(connection, path, [byMlst, bySize, byListing], signal)
}

type Way = (connection: Connection, path: string, signal: AbortSignal) => Promise<Look>

async function firstAnswer(connection: Connection, path: string, ways: readonly Way[], signal: AbortSignal): Promise<RemoteFile | null> {
  let nothing = false
  let refusal: TransferError | null = null
  for (const way of ways) {
    const look = await way(connection, path, signal)
    if (look === 'missing') return null
    if (look === 'nothing') nothing = true
    else if (look === 'empty') continue
    else if (look instanceof TransferError) refusal = look
    else return look
  }
  if (nothing || refusal === null) return null
  throw refusal
}

async function byMlst(connection: Connection, path: string, signal: AbortSignal): Promise<Look> {
  const { ways } = connection
  const closed = new TransferError('refused', NOTHING_SAID)
  if (!connection.features.has('MLST') || !ways.allows('MLST')) return closed
  const command = `MLST ${await connection.name(path, signal)}`
  const reply = await connection.command(command, signal)
  if (!isGood(reply)) return await refused(connection, 'MLST', { reply, path, command }, signal)
  const facts = parseMlst(reply.text)?.facts
  const type = facts?.get('type')
  const kind = type === undefined ? 'other' : kindOf(type)
  const size = parseSize(facts?.get('size'))
  // A link, or an answer without what we need.
  if (facts === undefined || kind === 'other' || (kind === 'file' && size === null)) return replyErrorAs('refused', reply, command)
  ways.worked('MLST')
  const mode = parseMode(facts.get('unix.mode'))
  return {
    kind,
    size: kind === 'file' ? size : null,
    modifiedAtMs: parseTime(facts.get('modify')),
    validator: null,
    ...(mode === null ? {} : { mode }),
  }
}

interface Asked {
  readonly reply: Reply
  readonly path: string
  readonly command: string
}

/** Notes what a refusal says about the way itself. */
async function refused(connection: Connection, way: 'MLST' | 'SIZE', { reply, path, command }: Asked, signal: AbortSignal): Promise<Look> {
  const { ways } = connection
  if (refusedLook(reply, path) === 'untold') {
    ways.refused(way)
    return replyErrorAs('refused', reply, command)
  }
  if (way === 'MLST' && !ways.proven('MLST')) await tryMlst(connection, signal)
  if (ways.proven(way)) return 'missing'
  return ways.blind ? replyErrorAs('refused', reply, command) : 'nothing'
}

/** Whether MLST finds what is surely there. */
async function tryMlst(connection: Connection, signal: AbortSignal): Promise<void> {
  const reply = await connection.command(`MLST ${await connection.name('', signal)}`, signal)
  if (isGood(reply) && parseMlst(reply.text) !== null) connection.ways.worked('MLST')
}

/** SIZE for a file and CWD for a directory, the only way that every server knows; MDTM tells the time. */
async function bySize(connection: Connection, path: string, signal: AbortSignal): Promise<Look> {
  const size = path === '' ? 'nothing' : await askSize(connection, path, signal)
  if (typeof size !== 'number' || (await tellsSizeOfDirectories(connection, signal))) {
    if (await isDirectory(connection, path, signal)) return DIRECTORY
    if (typeof size !== 'number') return size
  }
  return { kind: 'file', size, modifiedAtMs: await timeOf(connection, path, signal), validator: null }
}

/** As `stat`, and undefined when nothing can be known. */
export async function known(connection: Connection, path: string, signal: AbortSignal): Promise<RemoteFile | null | undefined> {
  try {
    return await stat(connection, path, signal)
  } catch (error) {
    if (isUntold(error)) return undefined
    throw error
  }
}

function isUntold(error: unknown): error is TransferError {
  return isRefusal(error) || (error instanceof TransferError && error.kind === 'limit')
}

async function timeOf(connection: Connection, path: string, signal: AbortSignal): Promise<number | null> {
  if (!connection.ways.allows('MDTM')) return null
  const reply = await connection.command(`MDTM ${await connection.name(path, signal)}`, signal)
  const time = isGood(reply) ? parseTime(reply.text.slice(4).trim()) : null
  if (time !== null) connection.ways.worked('MDTM')
  else connection.ways.refused('MDTM')
  return time
}

/** By the listing of its directory: what is not in a whole one is not there. */
async function byListing(connection: Connection, path: string, signal: AbortSignal): Promise<Look> {
  if (path === '') return DIRECTORY
  const name = baseName(path)
  let listing: Awaited<ReturnType<typeof entriesOf>>
  try {
    listing = await entriesOf(connection, directoryName(path), signal)
  } catch (error) {
    if (error instanceof TransferError && error.kind === 'not-found') return 'nothing'
    // Cut off, or in a format of its own.
    if (isUntold(error)) return error
    throw error
  }
  const entry = listing.entries.find((one) => one.name === name)
  if (entry === undefined) {
    const hidden = name.startsWith('.') && !listing.showsHidden
    const unreadable = /[^\0-\x7f]/.test(name) && listing.entries.some((one) => one.garbled === true)
    if (hidden || unreadable) return new TransferError('refused', `the listing does not tell whether there is ${path}`)
    if (listing.entries.length > 0) return 'missing'
    return connection.ways.blind ? new TransferError('refused', `the listing in which ${path} should be is empty`) : 'empty'
  }
  // They found nothing where there is something. Those that have worked before are right in general.
  for (const way of ['MLST', 'SIZE']) connection.ways.refused(way)
  if (entry.kind === 'directory') return DIRECTORY
  const size = entry.kind === 'file' ? entry.size : null
  const time = await timeOf(connection, path, signal)
  return { kind: 'file', size, modifiedAtMs: time, validator: null, ...(entry.mode === undefined ? {} : { mode: entry.mode }) }
}

/**
 * The size of a file in TYPE I; null when there is no such file, undefined when the server tells in no way. What SIZE says counts before anything else: it is of this
 * moment, where listings and facts may come from a cache.
 */
export async function sizeOf(connection: Connection, path: string, signal: AbortSignal): Promise<number | null | undefined> {
  const size = await askSize(connection, path, signal)
  if (typeof size === 'number') return size
  if (size === 'missing') return null
  const settled: Way = () => Promise.resolve(size)
  try {
    const file = await firstAnswer(connection, path, [settled, byMlst, byListing], signal)
    return file === null || file.kind === 'directory' ? null : (file.size ?? undefined)
  } catch (error) {
    if (isUntold(error)) return undefined
    throw error
  }
}

async function askSize(connection: Connection, path: string, signal: AbortSignal): Promise<number | 'missing' | 'nothing' | TransferError> {
  if (!connection.ways.allows('SIZE')) return new TransferError('refused', NOTHING_SAID)
  const command = `SIZE ${await connection.name(path, signal)}`
  const reply = await connection.command(command, signal)
  const size = isGood(reply) ? sizeIn(reply.text, path) : null
  if (size !== null) {
    connection.ways.worked('SIZE')
    return size
  }
  const look = isGood(reply)
    ? replyErrorAs('protocol', reply, command)
    : await refused(connection, 'SIZE', { reply, path, command }, signal)
  if (isGood(reply)) connection.ways.refused('SIZE')
  return look === 'missing' || look === 'nothing' || look instanceof TransferError ? look : 'nothing'
}

/** ftp-srv answers SIZE of a directory with 4096; asking about the login directory shows it. */
async function tellsSizeOfDirectories(connection: Connection, signal: AbortSignal): Promise<boolean> {
  if (connection.features.has('MLST')) return false
  connection.sizeOfDirectories ??= isGood(await connection.command(`SIZE ${await connection.name('', signal)}`, signal))
  return connection.sizeOfDirectories
}

/** By going there, the only way that every server knows. */
export async function isDirectory(connection: Connection, path: string, signal: AbortSignal): Promise<boolean> {
  return await connection.enter(path, signal)
}
