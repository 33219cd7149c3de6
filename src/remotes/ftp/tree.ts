import { type FailureKind, TransferError } from '../../core/errors.ts'
import { baseName, directoryName } from '../../core/paths.ts'
import type { Tree, TreeEntry } from '../remote.ts'
import { isDone, isGood } from './connection.ts'
import { ftpCopy } from './copy.ts'
import { replyError, replyErrorAs } from './errors.ts'
import type { Features } from './features.ts'
import { entriesOf } from './listing.ts'
import { modeOf, setMode } from './modes.ts'
import type { Pool } from './pool.ts'
import { refusedLook, saysNothingThere } from './refusals.ts'
import { Renaming } from './renaming.ts'
import { spelled } from './spelled.ts'
import { isDirectory, known } from './stat.ts'

/** A listing that the server does not give, or not whole, says nothing about a link. */
const NO_LISTING: readonly FailureKind[] = ['unsupported', 'refused', 'not-found', 'protocol', 'limit']

export class FtpTree implements Tree {
  readonly copy?: NonNullable<Tree['copy']>
  readonly #pool: Pool
  readonly #renaming = new Renaming()

  constructor(pool: Pool, features: Features) {
    this.#pool = pool
    const copy = ftpCopy(pool, features)
    if (copy !== null) this.copy = copy
  }

  get replaces(): 'atomically' | 'never' {
    return this.#renaming.replaces ? 'atomically' : 'never'
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, (connection, either) => this.#renaming.rename(connection, from, to, either))
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, async (connection, either) => {
      const command = `DELE ${await connection.name(path, either)}`
      const reply = await connection.command(command, either)
      if (isDone(reply) || saysNothingThere(reply, path)) return
      const isPassing = !isGood(reply) && reply.code < 500
      if (!isPassing && (await known(connection, path, either)) === null) return
      throw isGood(reply) ? replyErrorAs('unsupported', reply, command) : replyError(reply, command)
    })
  }

  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, async (connection, either) => {
      if (await isDirectory(connection, path, either)) return
      const names = path.split('/')
      for (let depth = 1; depth <= names.length; depth += 1) {
        const ancestor = names.slice(0, depth).join('/')
        if (ancestor === '' || names[depth - 1] === '') continue
        if (depth < names.length && (await isDirectory(connection, ancestor, either))) continue
        await spelled({ connection, path: ancestor, signal: either, untouched: () => true }, async () => {
          const command = `MKD ${await connection.name(ancestor, either)}`
          const reply = await connection.command(command, either)
          // The same code says 'exists' and 'not allowed'; somebody else may have made it just now.
          if (reply.code >= 400 && !(await isDirectory(connection, ancestor, either))) throw replyError(reply, command)
        })
      }
    })
  }

  /**
   * MLST, SIZE and RETR tell of what a link points at. STAT tells of the name itself and needs no data connection; vsftpd 3.0.3, which has no
   * MLST, leaves out there a link to something: only its listing shows it.
   */
  async isLink(path: string, signal: AbortSignal): Promise<boolean> {
    const name = baseName(path)
    const shown = await this.#pool.lease('ask', signal, async (connection, either) => {
      if (!connection.features.has('MLST') || !connection.ways.allows('STAT')) return null
      const reply = await connection.command(`STAT ${await connection.name(path, either)}`, either)
      const { text } = reply
      if (isGood(reply)) connection.ways.worked('STAT')
      else if (refusedLook(reply, path) === 'untold') connection.ways.refused('STAT')
      return text.split(/\r?\n/).some((line) => /^ ?l[rwxsStT-]{9}/.test(line) && line.includes(`${name} -> `))
    })
    if (shown !== null) return shown
    try {
      return (await this.list(directoryName(path), signal)).some((entry) => entry.name === name && entry.kind === 'other')
    } catch (error) {
      if (error instanceof TransferError && NO_LISTING.includes(error.kind)) return false
      throw error
    }
  }

  async list(path: string, signal: AbortSignal): Promise<readonly TreeEntry[]> {
    const { entries } = await this.#pool.lease('read', signal, (connection, either) => entriesOf(connection, path, either))
    return entries
  }

  async setMode(path: string, mode: number, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, (connection, either) => setMode(connection, path, mode, either))
  }

  async modeOf(path: string, signal: AbortSignal): Promise<number | null> {
    return await this.#pool.lease('read', signal, (connection, either) => modeOf(connection, path, either))
  }
}
