/** What a server was seen not to do, shared by all connections of one Remote: what was refused once is not asked again. */
import { TransferError } from '../../core/errors.ts'
import { STATUS, StatusError } from './errors.ts'

export type Ability =
  | 'STAT'
  | 'LSTAT'
  | 'FSTAT'
  | 'OPEN to look'
  | 'REALPATH'
  | 'READDIR'
  | 'OPEN with a mode'
  | 'SETSTAT of the mode'
  | 'exclusive OPEN'
  | 'fsync'
  | 'check-file'
  | 'REMOVE'

export class Habits {
  /** Type of the host key by which the server was trusted. */
  hostKeyType: string | undefined
  readonly #refusals = new Map<string, StatusError>()
  readonly #allowed = new Set<Ability>()
  readonly #notes: string[] = []
  #home: Promise<string | null> | undefined
  readonly #debug: (message: string) => void

  constructor(debug: (message: string) => void = () => undefined) {
    this.#debug = debug
  }

  /** For the summary, each once. */
  get notes(): readonly string[] {
    return this.#notes
  }

  /** The refusal that was seen, here or everywhere. `where`: a directory, where a refusal there says nothing of others. */
  lacks(ability: Ability, where = ''): StatusError | undefined {
    return this.#refusals.get(ability) ?? this.#refusals.get(`${ability} in ${where}`)
  }

  /** Of the whole server. `note`: what a person should know of it. */
  refused(ability: Ability, refusal: StatusError, note?: string): void {
    if (this.#refusals.has(ability)) return
    this.#refusals.set(ability, refusal)
    this.#debug(`${ability} is not asked of this server again: ${refusal.message}`)
    if (note !== undefined) this.note(note)
  }

  refusedIn(where: string, ability: Ability, refusal: StatusError): void {
    if (refusal.code === STATUS.unsupported) this.refused(ability, refusal)
    else this.#refusals.set(`${ability} in ${where}`, refusal)
  }

  /** Nothing has spoken against it when it was asked: it is not asked again. */
  may(ability: Ability): boolean {
    return this.#allowed.has(ability)
  }

  allowed(ability: Ability): void {
    this.#allowed.add(ability)
  }

  /** The login directory as an absolute path, asked for once; null where the server tells none that can be used. Rejects where the connection is lost over it. */
  home(ask: () => Promise<string>): Promise<string | null> {
    this.#home ??= this.#find(ask).catch((error: unknown) => {
      this.#home = undefined
      throw error
    })
    return this.#home
  }

  async #find(ask: () => Promise<string>): Promise<string | null> {
    if (this.lacks('REALPATH') !== undefined) return null
    try {
      const told = await this.daring('REALPATH', ask)
      // What is no UTF-8 could not be sent back as it was.
      return told.startsWith('/') && !/[\uFFFD\r\n]/.test(told) && !told.includes('\0') ? told : null
    } catch (error) {
      if (error instanceof StatusError || (error instanceof TransferError && error.kind === 'protocol')) return null
      throw error
    }
  }

  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text)
  }

  /** Runs a request that some servers take for the end, or do not answer: one that the connection does not outlive is not sent again. */
  async daring<T>(ability: Ability, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof TransferError && (error.kind === 'transient' || error.kind === 'protocol'))
        this.refused(ability, new StatusError(STATUS.unsupported, `the connection ended over it (${error.message})`))
      throw error
    }
  }
}
