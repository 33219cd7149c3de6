/** EPSV or PASV: which of them leads to a data connection is judged by the connection itself, because what stands between may break either. */
import { TransferError } from '../../core/errors.ts'
import type { DataConnection } from './data.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { parseExtendedPassive, parsePassive } from './features.ts'
import type { Ways } from './ways.ts'

type PassiveWay = 'EPSV' | 'PASV'

const PORT_OF: Readonly<Record<PassiveWay, (text: string) => number | null>> = { EPSV: parseExtendedPassive, PASV: parsePassive }
/** Of the time limit, so that our words about it come before those of whoever waits for us: for a way that has worked, and for one that has not yet. */
const PROVEN_SHARE = 2 / 3
const TRIED_SHARE = 1 / 3
const BLOCKED =
  'The ports for data connections (passive mode) are probably blocked by a firewall, or the server names ports that do not lead to it.'

export class Passive {
  readonly #ways: Ways
  #last: PassiveWay | null = null

  constructor(ways: Ways) {
    this.#ways = ways
  }

  /** The server could not make the connection that was asked for last: the other way has a turn. */
  failed(): void {
    if (this.#last !== null && !this.#ways.proven(this.#last)) this.#ways.passive = this.#last === 'EPSV' ? 'PASV' : 'EPSV'
  }

  /** A transfer has come to a good end. That a connection was made is less: what stands between makes it in the server's place. */
  worked(): void {
    if (this.#last !== null) this.#ways.worked(this.#last)
  }

  async open(
    ask: (command: string, timeoutMs: number) => Promise<Reply>,
    dial: (port: number, timeoutMs: number) => Promise<DataConnection>,
    timeoutMs: number,
  ): Promise<DataConnection> {
    const failures: Failure[] = []
    for (const way of this.#order()) {
      this.#last = way
      const share = timeoutMs * (this.#ways.proven(way) ? PROVEN_SHARE : TRIED_SHARE)
      const reply = await this.#asked(way, ask, timeoutMs, share)
      const port = reply.code >= 200 && reply.code < 300 ? PORT_OF[way](reply.text) : null
      if (port === null) {
        failures.push({ way, error: reply.code >= 400 ? replyError(reply, way) : replyErrorAs('protocol', reply, way), said: true })
        continue
      }
      try {
        const data = await dial(port, share)
        for (const failed of failures) this.#ways.refused(failed.way)
        return data
      } catch (error) {
        if (!(error instanceof TransferError) || error.kind !== 'transient') throw error
        failures.push({ way, error, said: false })
      }
    }
    throw verdict(failures)
  }

  #order(): readonly PassiveWay[] {
    const first = this.#ways.passive
    const allowed = ([first, first === 'EPSV' ? 'PASV' : 'EPSV'] as const).filter((way) => this.#ways.allows(way))
    const proven = allowed.filter((way) => this.#ways.proven(way))
    // Where one has worked, that the other might is no reason to double every wait.
    return proven.length > 0 ? proven : allowed
  }

  /** EPSV that is swallowed on its way: nobody can say what a late answer would answer, so the session is lost, but the next one begins with PASV. */
  async #asked(
    way: PassiveWay,
    ask: (command: string, timeoutMs: number) => Promise<Reply>,
    timeoutMs: number,
    share: number,
  ): Promise<Reply> {
    try {
      return await ask(way, way === 'EPSV' && this.#ways.allows('PASV') ? share : timeoutMs)
    } catch (error) {
      if (way === 'EPSV' && error instanceof TransferError && error.kind === 'transient') this.failed()
      throw error
    }
  }
}

interface Failure {
  readonly way: PassiveWay
  readonly error: TransferError
  /** The server itself would not, which is no news from the network. */
  readonly said: boolean
}

/** What the network did is told before what the server said: a server that has only one of the two refuses the other in so many words. */
function verdict(failures: readonly Failure[]): TransferError {
  const cause = failures.find((failure) => !failure.said)
  if (cause === undefined) return failures.at(-1)?.error ?? new TransferError('refused', 'the server has refused EPSV and PASV before')
  const tried = failures.map(({ way }) => way).join(' and ')
  return new TransferError('transient', `${cause.error.message} (${tried})`, { cause: cause.error, hint: BLOCKED })
}
