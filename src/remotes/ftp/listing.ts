/** The entries of a directory, by whichever of MLSD, LIST and NLST the server does. */
import { TransferError } from '../../core/errors.ts'
import { type Connection, isGood } from './connection.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { parseMlsd } from './features.ts'
import { Intake } from './intake.ts'
import { decodeLines, type ListedEntry, marked, parseLines, parseNames } from './list-lines.ts'
import { receive } from './receive.ts'
import { isRefusal, refusedLook, saysNothingThere } from './refusals.ts'

const ENTRIES_MAX = 100_000
const LISTING_BYTES_MAX = 64 * 1024 * 1024
/** Pure-FTPd cuts listings at this many entries and answers 226; the text that says so may be switched off. */
const PURE_FTPD_ENTRIES = 10_000

export interface Listing {
  readonly entries: readonly ListedEntry[]
  /** Names that begin with a dot are listed, too. */
  readonly showsHidden: boolean
}

interface Way {
  readonly command: 'MLSD' | 'LIST -a' | 'LIST' | 'NLST'
  readonly parse: (lines: readonly string[]) => ListedEntry[]
}

/** `LIST -a` is taken for a name by servers that know no options; NLST says nothing but names. */
const WAYS: readonly Way[] = [
  { command: 'MLSD', parse: parseMlsd },
  { command: 'LIST -a', parse: parseLines },
  { command: 'LIST', parse: parseLines },
  { command: 'NLST', parse: parseNames },
]

/**
 * Rejects with `not-found` when there is no such directory, with `refused` when the server lists in no way. An empty answer from a way that has never shown anything
 * is asked for again by the others: `LIST -a` of a file named `-a` is empty as well, and everything would seem to be gone.
 */
export async function entriesOf(
  connection: Connection,
  path: string,
  signal: AbortSignal,
  commands: readonly string[] = WAYS.map(({ command }) => command),
): Promise<Listing> {
  let empty: Listing | null = null
  let refusal: Refusal | null = null
  for (const way of WAYS.filter(({ command }) => commands.includes(command))) {
    if (!allowed(connection, way.command, path) || (way.command === 'MLSD' && !connection.features.has('MLST'))) continue
    const found = await tryWay(connection, way, path, signal)
    if ('refused' in found) refusal ??= found
    else if (found.entries.length > 0 || connection.ways.proven(way.command)) return found
    else empty ??= found
  }
  if (empty !== null) return empty
  throw refusal?.refused() ?? new TransferError('refused', `listing ${path}: the server has refused every way of listing before`)
}

/** A listing that ran into the time limit is not asked for the same way again: of this directory, and of no other where the way has never worked. */
function allowed({ ways }: Connection, command: Way['command'], path: string): boolean {
  return ways.allows(command) && ways.allows(`${command} ${path}`)
}

function noteSilence({ ways }: Connection, command: Way['command'], path: string, error: unknown): void {
  if (!(error instanceof TransferError) || !/no (answer|data) from the server for/.test(error.message)) return
  ways.refused(`${command} ${path}`)
  ways.refused(command)
}

/** An answer, but no listing. It is an error only where no other way gives one. */
interface Refusal {
  readonly refused: () => TransferError
}

async function tryWay(connection: Connection, way: Way, path: string, signal: AbortSignal): Promise<Listing | Refusal> {
  const { ways } = connection
  const argument = await place(connection, way.command, path, signal)
  const lines = await listing(connection, way.command + argument, path, signal).catch((error: unknown) => {
    noteSilence(connection, way.command, path, error)
    throw error
  })
  if (!Array.isArray(lines)) {
    ways.refused(way.command)
    return lines
  }
  try {
    const entries = way.parse(lines).map(marked)
    if (lines.length > 0) ways.worked(way.command)
    return { entries, showsHidden: showsHidden(way.command, lines, entries) }
  } catch (error) {
    if (!isRefusal(error)) throw error
    ways.refused(way.command)
    return { refused: () => error }
  }
}

/** MLSD takes a name. For the others into the directory: servers expand wildcards in the argument of LIST and take a dash for an option. */
async function place(connection: Connection, command: Way['command'], path: string, signal: AbortSignal): Promise<string> {
  if (command === 'MLSD' && connection.ways.spelling === 'given') return ` ${await connection.name(path, signal)}`
  const reply = await connection.enterAsked(path, signal)
  if (reply === null || isGood(reply)) return ''
  throw replyErrorAs(refusedLook(reply, path) === 'nothing' ? 'not-found' : 'refused', reply, `listing ${path}`)
}

/** `.` is an entry of every directory. */
function showsHidden(command: Way['command'], lines: readonly string[], entries: readonly ListedEntry[]): boolean {
  return command === 'MLSD' || lines.some((line) => /(^|\s)\.\.?$/.test(line)) || entries.some((entry) => entry.name.startsWith('.'))
}

/** Lines of a listing that is known to be complete. */
async function listing(connection: Connection, command: string, path: string, signal: AbortSignal): Promise<string[] | Refusal> {
  const chunks: Buffer[] = []
  let bytes = 0
  const intake = new Intake(Number.POSITIVE_INFINITY, (chunk) => {
    bytes += chunk.length
    if (bytes > LISTING_BYTES_MAX) throw new TransferError('limit', `the listing of ${path} is longer than ${LISTING_BYTES_MAX} bytes`)
    chunks.push(Buffer.from(chunk))
  })
  const data = await connection.openData(intake, signal)
  try {
    await connection.restartAt(0, signal)
    const opening = await connection.begin(command, signal)
    if (opening.code >= 400 || isGood(opening)) connection.abandonTransfer()
    if (opening.code >= 400) return refusedListing(connection, opening, command, path)
    // 226 at once: some servers open no connection for an empty directory.
    if (opening.code >= 200) return []
    const final = connection.final()
    await data.ready(connection.wait(signal))
    await receive({ data, intake, final, timeoutMs: connection.timeoutMs, signal })
    data.destroy()
    const reply = await connection.control.within(final, command, connection.wait(signal))
    if (isGood(reply)) connection.endTransfer()
    else return refusedListing(connection, reply, command, path)
    const lines = decodeLines(Buffer.concat(chunks))
    assertComplete(lines, reply, path)
    return lines
  } finally {
    data.destroy()
  }
}

/** We are in the directory, or MLSD named it: `no files found` then says that it is empty. Otherwise it is a refusal, or the argument was not understood. */
function refusedListing(connection: Connection, reply: Reply, command: string, path: string): string[] | Refusal {
  if (reply.code === 421 || reply.code === 425 || reply.code === 426 || reply.code === 530) throw replyError(reply, command)
  const byName = command.startsWith('MLSD ')
  if (!byName && command !== 'LIST -a' && saysNothingThere(reply, path)) return []
  if (byName && connection.ways.proven('MLSD') && refusedLook(reply, path) === 'nothing') throw replyErrorAs('not-found', reply, command)
  return { refused: () => replyErrorAs('refused', reply, command) }
}

function assertComplete(lines: readonly string[], reply: Reply, path: string): void {
  if (lines.length === PURE_FTPD_ENTRIES || /truncated/i.test(reply.text)) {
    throw new TransferError('limit', `the server cut the listing of ${path} at ${lines.length} entries`, {
      hint: 'Pure-FTPd does that at 10,000 entries unless its administrator raises the limit (-L).',
    })
  }
  if (lines.length > ENTRIES_MAX + 2) throw new TransferError('limit', `${path} has more than ${ENTRIES_MAX} entries`)
}
