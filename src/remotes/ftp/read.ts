import { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Sink } from '../remote.ts'
import type { Connection } from './connection.ts'
import type { DataConnection } from './data.ts'
import { settledWithin } from './deadline.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { Intake } from './intake.ts'
import { wirePath } from './paths.ts'
import { type ReceiveEnd, receive } from './receive.ts'
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
  const intake = new Intake(range.end - range.start, sink)
  const data = await connection.openData(intake, signal)
  try {
    if (!(await connection.restartAt(range.start, signal))) {
      throw new TransferError('unsupported', `the server cannot start reading at byte ${range.start}`)
    }
    const command = `RETR ${wirePath(path, connection)}`
    const opening = await connection.command(command, signal)
    if (opening.code >= 400) throw await refusedRead(connection, path, range, opening, signal)
    if (opening.code !== 150 && opening.code !== 125) throw replyErrorAs('protocol', opening, command)
    await transfer(connection, path, range, data, intake, signal)
    if (intake.overrun && range.end === size) throw surplus(range)
  } finally {
    data.destroy()
  }
}

/** More than there is: then the bytes are those of another place, even where a sample of them looks right. */
function surplus({ start, end }: ByteRange): TransferError {
  const message = `the server sent more than the ${end - start} bytes from byte ${start} to the end of the file`
  return new TransferError(start > 0 ? 'unsupported' : 'source-changed', message)
}

async function transfer(
  connection: Connection,
  path: string,
  range: ByteRange,
  data: DataConnection,
  intake: Intake,
  signal: AbortSignal,
): Promise<void> {
  const final = connection.control.reply()
  const end = await takeAll(connection, data, intake, final, signal)
  if (end === 'full') return await leaveEarly(connection, data, final)
  const complete = intake.full
  data.destroy()
  let reply: Reply
  try {
    reply = await connection.control.within(final, `RETR ${path}`, connection.wait(signal))
  } catch (error) {
    // Every byte is here; that the session died afterwards takes none away.
    if (complete && !signal.aborted) return
    throw error
  }
  if (reply.code >= 200 && reply.code < 300) connection.endTransfer()
  if (complete) return
  if (reply.code < 200 || reply.code > 299) throw replyError(reply, `RETR ${path}`)
  await assertWhole(connection, path, range, intake.received, signal)
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
  const reply = (await settledWithin(final, SETTLE_MS)) ? await final.catch(() => null) : null
  // vsftpd and ProFTPD say 426; Pure-FTPd says 150 once more and then waits for ABOR.
  if (reply === null || reply.code < 200 || reply.code === 421) connection.control.close()
  else if (reply.code < 300) connection.endTransfer()
  else connection.abandonTransfer()
}

/** The server said it sent everything, and it was less than wanted (or the wanted end was unknown). */
async function assertWhole(connection: Connection, path: string, range: ByteRange, received: number, signal: AbortSignal): Promise<void> {
  const end = range.start + received
  const size = await sizeOf(connection, path, signal)
  if (size === end && range.end === Number.POSITIVE_INFINITY) return
  if (size === null || size < range.end) {
    if (size !== null && range.end === Number.POSITIVE_INFINITY && size > end) throw shortRead(end, size)
    throw new TransferError('source-changed', `the file has ${size ?? 'no'} bytes now, and a read up to byte ${range.end} ended at ${end}`)
  }
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
  if ((reply.code < 500 && range.start === 0) || error.kind === 'denied') return error
  const size = await sizeOf(connection, path, signal)
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
