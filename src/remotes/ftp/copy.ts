/** Copies a file on the server by SITE CPFR and SITE CPTO (ProFTPD's mod_copy). */
import { TransferError } from '../../core/errors.ts'
import type { Tree } from '../remote.ts'
import type { Connection } from './connection.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import type { Features } from './features.ts'
import { askPatiently } from './patience.ts'
import type { Pool } from './pool.ts'
import { known, sizeOf } from './stat.ts'

/** A server that copies at this rate is given the time for it, in bytes per millisecond. */
const COPY_RATE = 4096
const NOT_KNOWN: readonly number[] = [500, 501, 502, 504]

interface Copy {
  readonly from: string
  readonly to: string
  readonly size: number
}

/** Null where it is not announced. */
export function ftpCopy(pool: Pool, features: Features): NonNullable<Tree['copy']> | null {
  if (!/\b(COPY|CPFR)\b/i.test(features.get('SITE') ?? '')) return null
  let refused: TransferError | null = null
  return async (from, to, size, signal) => {
    if (refused !== null) throw refused
    try {
      await pool.lease('change', signal, (connection, either) => copyFile(connection, { from, to, size }, either))
    } catch (error) {
      if (error instanceof TransferError && error.kind === 'unsupported') refused = error
      throw error
    }
  }
}

async function copyFile(connection: Connection, { from, to, size }: Copy, signal: AbortSignal): Promise<void> {
  // CPTO writes into what is there.
  if ((await known(connection, to, signal)) !== null)
    throw new TransferError('conflict', `cannot copy to ${to}: there is, or may be, a file of that name`)
  const ask = `SITE CPFR ${await connection.name(from, signal)}`
  const ready = await connection.command(ask, signal)
  if (ready.code < 200 || ready.code >= 400) throw await refusal(connection, ready, ask, from, signal)
  const order = `SITE CPTO ${await connection.name(to, signal)}`
  const reply = await askPatiently(connection, order, connection.timeoutMs + size / COPY_RATE, signal)
  if (reply.code < 200 || reply.code > 299) throw await refusal(connection, reply, order, from, signal)
  const copied = await sizeOf(connection, to, signal)
  if (copied !== size)
    throw new TransferError('refused', `the copy ${to} has ${copied ?? 'nobody knows how many'} bytes instead of ${size}`)
}

async function refusal(connection: Connection, reply: Reply, command: string, from: string, signal: AbortSignal): Promise<TransferError> {
  if (NOT_KNOWN.includes(reply.code)) return replyErrorAs('unsupported', reply, command)
  if (reply.code === 550 && (await known(connection, from, signal)) === null) return replyErrorAs('not-found', reply, command)
  return replyError(reply, command)
}
