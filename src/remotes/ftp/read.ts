import { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Sink } from '../remote.ts'
import { type Connection, isGood } from './connection.ts'
import type { DataConnection } from './data.ts'
import { settledWithin } from './deadline.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { parseSize } from './features.ts'
import { Intake } from './intake.ts'
import { type ReceiveEnd, receive } from './receive.ts'
import { saysNothingThere } from './refusals.ts'
import { spelled } from './spelled.ts'
import { isDirectory, sizeOf } from './stat.ts'

/** How long a server may take to say that it noticed our end of a transfer, before its connection is given up. */
const SETTLE_MS = 500
/** How long the server's reason may lag behind a broken data connection. */
const REASON_MS = 1000

/** Delivers exactly `range` or rejects; see `Remote.read`. `size` is what the server told of the whole file. */
export async function read(
  connection: Connection,
  path: string,
  range: ByteRange,
  sink: Sink,
  signal: AbortSignal,
  size: number | null = null,
): Promise<void> {
  let begun = false
  await spelled({ connection, path, signal, untouched: () => !begun }, async () => {
    const intake = new Intake(range.end - range.start, sink)
    const data = await connection.openData(intake, signal)
    try {
      const { opening, command } = await begin(connection, path, range, signal)
      begun = true
      const final = connection.final()
      await transfer({ connection, command, path, range, data, intake, final, told: toldBytes(opening) }, signal)
      if (intake.overrun && range.end === size) throw surplus(range)
    } finally {
      data.destroy()
    }
  })
}

async function begin(
  connection: Connection,
  path: string,
  range: ByteRange,
  signal: AbortSignal,
): Promise<{ opening: Reply; command: string }> {
  const command = `RETR ${await connection.name(path, signal)}`
  if (!(await connection.restartAt(range.start, signal))) {
    throw new TransferError('unsupported', `the server cannot start reading at byte ${range.start}`)
  }
  const opening = await connection.begin(command, signal)
  if (opening.code >= 400) throw await refusedRead(connection, path, range, opening, signal)
  if (opening.code >= 200) throw replyErrorAs('protocol', opening, command)
  return { opening, command }
}

/** `150 Opening BINARY mode data connection for f (1234 bytes)`. */
function toldBytes(opening: Reply): number | null {
  return parseSize(/\((\d+) bytes\)/.exec(opening.text)?.[1])
}

interface Transfer {
  readonly connection: Connection
  readonly command: string
  readonly path: string
  readonly range: ByteRange
  readonly data: DataConnection
  readonly intake: Intake
  readonly final: Promise<Reply>
  /** How many bytes the server announced, if it did. */
  readonly told: number | null
}

/** More than there is: then the bytes are those of another place, even where a sample of them looks right. */
function surplus({ start, end }: ByteRange): TransferError {
  const message = `the server sent more than the ${end - start} bytes from byte ${start} to the end of the file`
  return new TransferError(start > 0 ? 'unsupported' : 'source-changed', message)
}

async function transfer(going: Transfer, signal: AbortSignal): Promise<void> {
  const { connection, command, data, intake, final } = going
  const end = await takeAll(connection, data, intake, final, signal)
  if (end === 'full') return await leaveEarly(connection, data, final)
  const complete = intake.full
  data.destroy()
  let reply: Reply
  try {
    reply = await connection.control.within(final, command, connection.wait(signal))
  } catch (error) {
    // Every byte is here; that the session died afterwards takes none away.
    if (complete && !signal.aborted) return
    throw error
  }
  if (isGood(reply)) connection.endTransfer()
  if (complete) return
  if (!isGood(reply)) throw replyError(reply, command)
  await assertWhole(going, signal)
}

/** The pump, with the server's own words in place of a bare `connection reset` where it sent some. */
async function takeAll(
  connection: Connection,
  data: DataConnection,
  intake: Intake,
  final: Promise<Reply>,
  signal: AbortSignal,
): Promise<ReceiveEnd> {
  try {
    await data.ready(connection.wait(signal))
    return await receive({ data, intake, final, timeoutMs: connection.timeoutMs, signal })
  } catch (error) {
    data.destroy()
    if (data.failure !== null && error === data.failure && (await settledWithin(final, REASON_MS))) {
      const reply = await final.catch(() => null)
      if (reply !== null && reply.code >= 400) throw replyError(reply, 'reading')
    }
    throw error
  }
}

/** All wanted bytes are here and the server has more: end the data connection and see whether the session survives that. */
async function leaveEarly(connection: Connection, data: DataConnection, final: Promise<Reply>): Promise<void> {
  data.destroy()
  const said = final.catch(() => null)
  // vsftpd and ProFTPD say 426; Pure-FTPd says 150 once more and then waits for ABOR.
  const reply = await Promise.race([said, connection.control.marked.then(() => null), settledWithin(said, SETTLE_MS).then(() => null)])
  if (reply === null || reply.code === 421) connection.control.close()
  else if (reply.code < 300) connection.endTransfer()
  else connection.abandonTransfer()
}

/** The server said it sent everything, and it was less than wanted (or the wanted end was unknown). */
async function assertWhole({ connection, path, range, intake, told }: Transfer, signal: AbortSignal): Promise<void> {
  const end = range.start + intake.received
  const isOpen = range.end === Number.POSITIVE_INFINITY
  const found = await sizeOf(connection, path, signal)
  // What was read to an end that nobody had told is not shown by a server that hides names.
  const size = isOpen && found === null ? undefined : found
  if (isOpen && size === end) return
  if (isOpen && size === undefined) {
    // The end of the connection is all that there is to tell the end of the file by.
    if (range.start === 0 && told !== null && told > end) throw shortRead(end, told)
    return
  }
  if (isOpen && typeof size === 'number' && size > end) throw shortRead(end, size)
  if (isOpen || size === null || (size !== undefined && size < range.end)) {
    throw new TransferError('source-changed', `the file has ${size ?? 'no'} bytes now, and a read up to byte ${range.end} ended at ${end}`)
  }
  // Not a byte from there, and no word of the size: asked again it says the same.
  if (size === undefined && range.start > 0 && intake.received === 0)
    throw new TransferError('unsupported', `the server sends nothing from byte ${range.start} on, and does not tell where the file ends`)
  throw shortRead(end, range.end)
}

function shortRead(end: number, wanted: number): TransferError {
  return new TransferError(
    'transient',
    `the data connection ended at byte ${end} of ${wanted}, although the server called the transfer complete`,
  )
}

/** Why RETR was refused: no such file, fewer bytes than the offset, an offset it does not do, or something else. */
async function refusedRead(
  connection: Connection,
  path: string,
  range: ByteRange,
  reply: Reply,
  signal: AbortSignal,
): Promise<TransferError> {
  const error = replyError(reply, `RETR ${path}`)
  if (range.start === 0 && saysNothingThere(reply, path) && error.kind !== 'denied') return replyErrorAs('not-found', reply, `RETR ${path}`)
  if ((reply.code < 500 && range.start === 0) || error.kind === 'denied') return error
  const size = await sizeOf(connection, path, signal)
  if (size === undefined) return error
  if (size === null) {
    return (await isDirectory(connection, path, signal)) ? error : replyErrorAs('not-found', reply, `RETR ${path}`)
  }
  if (size < range.start) return new TransferError('source-changed', `the file has ${size} bytes now, fewer than ${range.start}`)
  // ProFTPD without AllowRetrieveRestart accepts REST and answers 451 to what follows.
  if (range.start > 0 && (reply.code === 451 || reply.code === 501 || reply.code === 554)) {
    return replyErrorAs('unsupported', reply, `RETR ${path} from byte ${range.start}`)
  }
  return error
}
