import { abortError, TransferError, throwIfAborted } from '../../core/errors.ts'
import type { Connection, Server } from './connection.ts'
import { socketError } from './errors.ts'
import { connect } from './login.ts'

/** What an exchange needs of its connection. */
export type Purpose = 'ask' | 'read' | 'change' | 'digest'

/** How many sessions one Remote may hold at a server. */
export const CONNECTIONS_MAX = 4

/** Lends connections, one exchange each, and keeps those whose exchange ended cleanly. There are never more of them than exchanges ran at once. */
export class Pool {
  readonly #server: Server
  readonly #lent = new Set<Connection>()
  readonly #closing = new AbortController()
  readonly #idle: Connection[]
  /** Grows with everything that we change on the server. */
  #epoch = 0
  /** No further login after a refused one: some servers lock accounts for it. */
  #denial: TransferError | null = null

  constructor(server: Server, first: Connection) {
    this.#server = server
    this.#idle = [first]
  }

  /** What was seen of a file counts as long as this stays the same. */
  get epoch(): number {
    return this.#epoch
  }

  /** Runs `exchange` on a connection of its own. Every rejection is a TransferError, or what the caller's sink or body threw. */
  async lease<T>(purpose: Purpose, signal: AbortSignal, exchange: (connection: Connection, signal: AbortSignal) => Promise<T>): Promise<T> {
    throwIfAborted(this.#closing.signal)
    throwIfAborted(signal)
    if (purpose === 'change') this.#epoch += 1
    const either = AbortSignal.any([signal, this.#closing.signal])
    const connection = this.#take(purpose) ?? (await this.#connect(either))
    if (purpose === 'digest') connection.digestEpoch ??= this.#epoch
    this.#lent.add(connection)
    try {
      return await exchange(connection, either)
    } catch (error) {
      throw either.aborted ? abortError(either) : error
    } finally {
      if (purpose === 'change') this.#epoch += 1
      this.#lent.delete(connection)
      this.#giveBack(connection)
    }
  }

  close(): void {
    this.#closing.abort(new TransferError('stopped', 'the connection to the server was closed'))
    for (const connection of this.#idle.splice(0)) connection.control.close()
    for (const connection of this.#lent) connection.control.close()
  }

  /** The one used last, because it is the least likely to have idled too long. A session that the server has ended meanwhile is no failure of ours. */
  #take(purpose: Purpose): Connection | null {
    for (const connection of this.#idle.filter((candidate) => !candidate.clean)) this.#discard(connection)
    const found = this.#idle.findLast((candidate) => this.#suits(candidate, purpose))
    if (found !== undefined) {
      this.#idle.splice(this.#idle.indexOf(found), 1)
      return found
    }
    const unfit = this.#idle[0]
    if (unfit !== undefined) this.#discard(unfit)
    return null
  }

  #discard(connection: Connection): void {
    this.#idle.splice(this.#idle.indexOf(connection), 1)
    connection.control.close()
  }

  #suits(connection: Connection, purpose: Purpose): boolean {
    if (purpose === 'change') return !connection.restartMarked
    return purpose !== 'digest' || connection.digestEpoch === null || connection.digestEpoch === this.#epoch
  }

  #giveBack(connection: Connection): void {
    if (connection.clean && this.#idle.length < CONNECTIONS_MAX && !this.#closing.signal.aborted) this.#idle.push(connection)
    else connection.control.close()
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    if (this.#denial !== null) throw this.#denial
    try {
      return await connect(this.#server, signal)
    } catch (error) {
      const failure = socketError(error, 'connecting')
      if (failure.kind === 'denied' || failure.kind === 'untrusted') this.#denial = failure
      throw failure
    }
  }
}
