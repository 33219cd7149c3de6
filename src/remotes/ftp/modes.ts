/** Permission bits: SITE CHMOD sets them; what of them no fact tells, a line tells that looks like one of `ls -l`. */
import { TransferError } from '../../core/errors.ts'
import { baseName, directoryName } from '../../core/paths.ts'
import { type Connection, isDone, isGood } from './connection.ts'
import { replyError, replyErrorAs } from './errors.ts'
import { type ListedEntry, parseLines } from './list-lines.ts'
import { entriesOf } from './listing.ts'
import { refusedLook } from './refusals.ts'
import { known } from './stat.ts'

const CHMOD = 'SITE CHMOD'
/** Lines of listings show them. */
const SHOWN = 'modes in listings'
const REFUSED_BEFORE = 'the server has not taken SITE CHMOD before'

/** No feature announces it: what the first refusal says counts for the session. So does a failure that may pass, because the mode is worth no second attempt. */
export async function setMode(connection: Connection, path: string, mode: number, signal: AbortSignal): Promise<void> {
  const { ways } = connection
  if (!ways.allows(CHMOD)) throw new TransferError('unsupported', REFUSED_BEFORE)
  const command = `${CHMOD} ${mode.toString(8).padStart(3, '0')} ${await connection.name(path, signal)}`
  const reply = await connection.command(command, signal).catch((error: unknown) => {
    // As of STAT below. Who was told to stop has asked for no answer.
    if (!signal.aborted) ways.refused(CHMOD)
    throw error
  })
  if (isDone(reply)) return ways.worked(CHMOD)
  const failure = replyError(reply, command)
  if (failure.kind === 'transient' && reply.code < 500 && reply.code !== 450) {
    ways.refused(CHMOD)
    throw failure
  }
  if (refusedLook(reply, path) === 'nothing' && (await known(connection, path, signal)) === null)
    throw replyErrorAs('not-found', reply, command)
  ways.refused(CHMOD)
  throw replyErrorAs(ways.allows(CHMOD) ? 'refused' : 'unsupported', reply, command)
}

/**
 * What is asked only where it can be set as well: else it is said once that it cannot, and null after that. STAT needs no data connection and tells of one name where
 * it tells anything; the listing is of the whole directory.
 */
export async function modeOf(connection: Connection, path: string, signal: AbortSignal): Promise<number | null> {
  const { ways } = connection
  if (!ways.allows(CHMOD)) {
    if (ways.first('no modes')) throw new TransferError('unsupported', REFUSED_BEFORE)
    return null
  }
  const told = await byStat(connection, path, signal)
  if (told !== null) return told
  if (!ways.allows(SHOWN)) return null
  const { entries } = await entriesOf(connection, directoryName(path), signal, ['LIST -a', 'LIST'])
  // Of a format without them, as of DOS, no other directory need be listed.
  if (entries.some((entry) => entry.mode !== undefined)) ways.worked(SHOWN)
  else if (entries.length > 0) ways.refused(SHOWN)
  return ofFile(entries, path)
}

/** What a server would take for more than one name, or for an option. */
const NO_PLAIN_NAME = /[*?[\]{}\\~]|^-/

async function byStat(connection: Connection, path: string, signal: AbortSignal): Promise<number | null> {
  const { ways } = connection
  const name = await connection.name(path, signal)
  if (!ways.allows('STAT') || NO_PLAIN_NAME.test(name)) return null
  const reply = await connection.command(`STAT ${name}`, signal).catch((error: unknown) => {
    // Whoever does not answer it, or ends the session over it, is not asked again.
    if (!signal.aborted) ways.refused('STAT')
    throw error
  })
  if (!isGood(reply)) {
    if (refusedLook(reply, path) === 'untold') ways.refused('STAT')
    return null
  }
  const lines = reply.text.split(/\r?\n/).map((line) => line.replace(/^21[123]-/, ''))
  const mode = ofFile(
    lines.filter((line) => /^\s*[-l][rwxsStTlL-]{9}/.test(line)).flatMap((line) => linesIn(line.trim())),
    path,
  )
  if (mode !== null) ways.worked('STAT')
  return mode
}

function linesIn(line: string): readonly ListedEntry[] {
  try {
    return parseLines([line])
  } catch (error) {
    if (error instanceof TransferError) return []
    throw error
  }
}

/** Of a link the bits are its own, and of two entries with one name nobody knows which. */
function ofFile(entries: readonly ListedEntry[], path: string): number | null {
  const [entry, another] = entries.filter(({ name }) => baseName(name) === baseName(path))
  return entry?.kind === 'file' && another === undefined ? (entry.mode ?? null) : null
}
