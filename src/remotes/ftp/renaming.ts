/** Gives a file another name by RNFR and RNTO and removes nothing: what becomes of a file in the way is for the engine to decide. */
import type { TransferError } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import { type Connection, isDone, isGood } from './connection.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { nameFor } from './paths.ts'
import { askPatiently } from './patience.ts'
import { spelled } from './spelled.ts'
import { known } from './stat.ts'

/** Where the new name lies on another disk the server copies. */
const LAST_WORD_MS = 120_000
const NOT_KNOWN: readonly number[] = [500, 502, 504]

export class Renaming {
  #replaces = true

  /** RNTO replaces a file on every server that we tried. IIS, FileZilla Server and others can be told to refuse that, which nothing announces. */
  get replaces(): boolean {
    return this.#replaces
  }

  async rename(connection: Connection, from: string, to: string, signal: AbortSignal): Promise<void> {
    await spelled({ connection, path: to, signal, untouched: () => true }, () => this.#rename(connection, from, to, signal))
  }

  async #rename(connection: Connection, from: string, to: string, signal: AbortSignal): Promise<void> {
    const ask = `RNFR ${await connection.name(from, signal)}`
    // Named before RNFR: what comes between it and RNTO may make a server forget.
    const aim =
      directoryName(from) === directoryName(to) ? await connection.name(to, signal) : nameFor(to, 'absolute', connection.home).name
    const ready = await connection.command(ask, signal)
    // 350, or a good word of another number. Some give it to every name, and only RNTO shows that there is none.
    const order = ready.code >= 200 && ready.code < 400 ? `RNTO ${aim}` : null
    const reply = order === null ? ready : await askPatiently(connection, order, Math.max(connection.timeoutMs, LAST_WORD_MS), signal)
    if (order !== null && isDone(reply)) return
    if (order !== null && isGood(reply)) throw replyErrorAs('unsupported', reply, order)
    if (reply.code < 400 || reply.code > 599 || reply.code === 421) throw replyError(reply, order ?? ask)
    if ((await known(connection, from, signal)) === null) throw replyErrorAs('not-found', reply, order ?? ask)
    const inTheWay = order !== null && ((await known(connection, to, signal)) ?? null) !== null
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
