import { abortError, TransferError, throwIfAborted } from '../../core/errors.ts'
import { type Connection, connect, type Server } from './connection.ts'
import { socketError } from './errors.ts'

/** What an exchange needs of its connection. */
export type Purpose = 'ask' | 'read' | 'change' | 'digest'

/** Lends connections, one exchange each. Keeps one idle; a connection whose exchange did not end cleanly is never lent again. */
export class Pool {
  readonly #server: Server
  readonly #lent = new Set<Connection>()
  readonly #closing = new AbortController()
  #idle: Connection | null = null
  /** Grows with everything that we change on the server. */
  #epoch = 0

  constructor(server: Server, first: Connection) {
    this.#server = server
    this.#idle = first
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
    this.#idle?.control.close()
    this.#idle = null
    for (const connection of this.#lent) connection.control.close()
  }

  #take(purpose: Purpose): Connection | null {
    const connection = this.#idle
    if (connection === null) return null
    this.#idle = null
    // A session that the server has ended meanwhile is no failure of this exchange: nothing was sent yet.
    if (connection.clean && this.#suits(connection, purpose)) return connection
    connection.control.close()
    return null
  }

  #suits(connection: Connection, purpose: Purpose): boolean {
    if (purpose === 'change') return !connection.restartMarked
    return purpose !== 'digest' || connection.digestEpoch === null || connection.digestEpoch === this.#epoch
  }

  #giveBack(connection: Connection): void {
    if (connection.clean && this.#idle === null && !this.#closing.signal.aborted) this.#idle = connection
    else connection.control.close()
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    try {
      return await connect(this.#server, signal)
    } catch (error) {
      throw socketError(error, 'connecting')
    }
  }
}
