/** Gives a file another name by RNFR and RNTO and removes nothing: what becomes of a file in the way is for the engine to decide. */
import type { TransferError } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { wirePath } from './paths.ts'
import { stat } from './stat.ts'

const NOT_KNOWN: readonly number[] = [500, 502, 504]

export class Renaming {
  #replaces = true

  /** RNTO replaces a file on every server that we tried. IIS, FileZilla Server and others can be told to refuse that, which nothing announces. */
  get replaces(): boolean {
    return this.#replaces
  }

  async rename(connection: Connection, from: string, to: string, signal: AbortSignal): Promise<void> {
    const ask = `RNFR ${wirePath(from, connection)}`
    const ready = await connection.command(ask, signal)
    // Some answer 350 to every name, and only RNTO shows that there is none.
    const order = ready.code === 350 ? `RNTO ${wirePath(to, connection)}` : null
    const reply = order === null ? ready : await connection.command(order, signal)
    if (order !== null && reply.code >= 200 && reply.code <= 299) return
    if (reply.code < 400 || reply.code > 599) throw replyError(reply, order ?? ask)
    if ((await stat(connection, from, signal)) === null) throw replyErrorAs('not-found', reply, order ?? ask)
    const inTheWay = order !== null && (await stat(connection, to, signal)) !== null
    if (inTheWay) this.#replaces = false
    throw refusal(reply, order ?? ask, inTheWay)
  }
}

/** Whatever the code, this server does not do it. */
function refusal(reply: Reply, command: string, inTheWay: boolean): TransferError {
  if (NOT_KNOWN.includes(reply.code)) return replyErrorAs('unsupported', reply, command)
  const failure = replyError(reply, command)
  if (failure.kind !== 'refused' && failure.kind !== 'transient') return failure
  return replyErrorAs(inTheWay ? 'conflict' : 'refused', reply, command)
}
