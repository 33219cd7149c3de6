/** Connections of one Remote. A lease is exclusive use of one for one exchange; small requests share whatever is open. */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import { abortable, settlesWithin } from './waiting.ts'

interface Member {
  readonly connection: Connection
  leased: boolean
  /** False while a request runs that the server may work on for minutes. */
  shareable: boolean
}

export interface LeaseOptions {
  /** False: nobody else uses the connection meanwhile. */
  readonly shareable?: boolean
  /** After an abort, how long `work` may tidy up by itself before the connection is cut. */
  readonly graceMs?: number
  /** `work` leaves nothing unanswered when it is aborted: the connection can be used again. */
  readonly outlivesAbort?: boolean
}

export class Leases {
  readonly #connect: (signal: AbortSignal) => Promise<Connection>
  readonly #max: number
  readonly #members = new Set<Member>()
  readonly #waiting: (() => void)[] = []
  readonly #closing = new AbortController()
  #opening = 0
  /** No further login after a refused one: some servers lock accounts for it, or let nobody in twice. What is open serves one after the other then. */
  #denial: TransferError | null = null

  constructor(connect: (signal: AbortSignal) => Promise<Connection>, max: number) {
    this.#connect = connect
    this.#max = max
  }

  /** Adds a connection that is open already. */
  adopt(connection: Connection): void {
    this.#join(connection)
  }

  /**
   * Runs one exchange on a connection of its own. When the signal aborts, or `work` fails with requests unanswered, that connection
   * is retired: what the server still does with them is unknown.
   */
  async exclusive<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>, options: LeaseOptions = {}): Promise<T> {
    const member = await this.#take(signal, true)
    member.shareable = options.shareable ?? true
    const working = work(member.connection)
    try {
      return await abortable(working, signal)
    } catch (error) {
      if (signal.aborted && options.graceMs !== undefined) await settlesWithin(working, options.graceMs)
      // Whoever shares the connection did not stop: for them it is a lost connection.
      const isUnclean = signal.aborted && options.outlivesAbort !== true
      if (isUnclean || member.connection.outstanding > 0)
        member.connection.retire(new TransferError('transient', 'another exchange on this connection ended early', { cause: error }))
      throw error
    } finally {
      member.leased = false
      this.#wake()
    }
  }

  /** Runs a few small requests beside whatever else uses the connection. */
  async shared<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    const member = await this.#take(signal, false)
    return abortable(work(member.connection), signal)
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError())
    await Promise.all([...this.#members].map((member) => member.connection.end()))
  }

  async #take(signal: AbortSignal, lease: boolean): Promise<Member> {
    for (;;) {
      throwIfAborted(signal)
      throwIfAborted(this.#closing.signal)
      const found = this.#find(lease)
      if (found !== undefined) {
        if (lease) found.leased = true
        return found
      }
      const mayOpen = !this.#takesNoMore && this.#members.size + this.#opening < this.#max
      if (mayOpen && (lease || this.#opening === 0)) await this.#open(signal)
      else await this.#turn(signal)
    }
  }

  #find(lease: boolean): Member | undefined {
    const members = [...this.#members]
    return members.find((member) => !member.leased) ?? (lease ? undefined : members.find((member) => member.shareable))
  }

  /** No connection is to be had beside those that are open. */
  get #takesNoMore(): boolean {
    return this.#denial !== null && this.#members.size > 0
  }

  async #open(signal: AbortSignal): Promise<void> {
    if (this.#denial !== null) throw this.#denial
    this.#opening += 1
    try {
      const either = AbortSignal.any([signal, this.#closing.signal])
      const connection = await this.#connect(either)
      if (this.#closing.signal.aborted) await connection.end()
      else this.#join(connection)
    } catch (error) {
      if (error instanceof TransferError && (error.kind === 'denied' || error.kind === 'untrusted')) this.#denial = error
      if (!this.#takesNoMore) throw error
    } finally {
      this.#opening -= 1
      this.#wake()
    }
  }

  #join(connection: Connection): void {
    const member: Member = { connection, leased: false, shareable: true }
    this.#members.add(member)
    connection.onEnd(() => {
      this.#members.delete(member)
      this.#wake()
    })
  }

  #turn(signal: AbortSignal): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve))
    return abortable(turn, AbortSignal.any([signal, this.#closing.signal]))
  }

  #wake(): void {
    // Everybody looks again: who waits for a lease and who only wants to share differ in what they can use.
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function closedError(): TransferError {
  return new TransferError('stopped', 'this SFTP remote is closed')
}
