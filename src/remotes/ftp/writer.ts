import { TransferError } from '../../core/errors.ts'
import type { AppendResumer, Body, Resumer, WriteObserver, Writer } from '../remote.ts'
import { type Connection, isDone, isGood } from './connection.ts'
import { replyError, replyErrorAs } from './errors.ts'
import type { Pool } from './pool.ts'
import { type Continuation, probe } from './probe.ts'
import { saysNothingThere } from './refusals.ts'
import { store } from './send.ts'
import { spelled } from './spelled.ts'
import { sizeOf } from './stat.ts'

export class FtpWriter implements Writer {
  readonly #pool: Pool
  /** What the probe found out, once it has. */
  #resumer: Resumer | null | undefined

  constructor(pool: Pool) {
    this.#pool = pool
  }

  async create(path: string, size: number, body: Body, observer: WriteObserver, signal: AbortSignal): Promise<void> {
    let begun = false
    const source = noticed(body, () => {
      begun = true
    })
    await this.#change(source, signal, async (connection, bytes, either) => {
      await spelled({ connection, path, signal: either, untouched: () => !begun }, async () => {
        await clear(connection, path, either)
        await store(connection, path, { verb: 'STOR', offset: 0 }, size, bytes, observer, either)
      })
      const stored = await sizeOf(connection, path, either)
      // The server said that it has all of it, and we counted: who says now that there is nothing says so of everything, or gave the file to somebody at once.
      if (stored === null) connection.ways.blind = true
      else if (stored !== undefined) assertStored(stored, size, 'equal')
      observer.acknowledged(size)
    })
  }

  async resumer(directory: string, signal: AbortSignal): Promise<Resumer | null> {
    if (this.#resumer === undefined) {
      const found = await probe(this.#pool, directory, signal)
      this.#resumer = found === null ? null : this.#resumerFor(found)
    }
    return this.#resumer
  }

  #resumerFor(found: Continuation): AppendResumer {
    const append: AppendResumer['append'] = (path, offset, length, body, observer, signal) =>
      this.#change(body, signal, async (connection, source, either) => {
        const assertFile = (): Promise<void> => assertOffset(connection, path, (size) => size === offset, offset, either)
        const how = found.append === 'APPE' ? ({ verb: 'APPE', offset: 0 } as const) : ({ verb: 'STOR', offset } as const)
        await store(connection, path, { ...how, assertFile }, length, source, observer, either)
        assertContinued(await sizeOf(connection, path, either), offset + length, 'equal')
        observer.acknowledged(length)
      })
    if (!found.rewind) return { kind: 'append', append }
    const rewind: AppendResumer['rewind'] = (path, offset, length, body, observer, signal) =>
      this.#change(body, signal, async (connection, source, either) => {
        const assertFile = (): Promise<void> => assertOffset(connection, path, (size) => size >= offset, offset, either)
        await store(connection, path, { verb: 'STOR', offset, assertFile }, length, source, observer, either)
        assertContinued(await sizeOf(connection, path, either), offset + length, 'at-least')
        observer.acknowledged(length)
      })
    return { kind: 'append', append, rewind }
  }

  /** One writing exchange; the body is always let go, also when no connection was to be had. */
  async #change(
    body: Body,
    signal: AbortSignal,
    exchange: (connection: Connection, source: AsyncIterator<Uint8Array>, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const source = body[Symbol.asyncIterator]()
    try {
      await this.#pool.lease('change', signal, (connection, either) => exchange(connection, source, either))
    } finally {
      // Not awaited: a body that hangs must not hold us. Harmless after its end.
      void Promise.resolve(source.return?.()).catch(() => undefined)
    }
  }
}

async function assertOffset(
  connection: Connection,
  path: string,
  fits: (size: number) => boolean,
  offset: number,
  signal: AbortSignal,
): Promise<void> {
  const size = await sizeOf(connection, path, signal)
  if (size === undefined) throw new TransferError('unsupported', 'the server does not tell how long the partial is')
  if (size === null || !fits(size)) throw new TransferError('offset-conflict', `the partial has ${size ?? 'no'} bytes, not ${offset}`)
}

/**
 * Nothing is written into what stands under the name: somebody may have it open, or it may be a link. It is not asked for first: SIZE does not see a link to nothing,
 * and STOR would make the file that it points at. Besides, Pure-FTPd -r would store the new file beside the old one, and vsftpd would wait for a session that writes it.
 */
async function clear(connection: Connection, path: string, signal: AbortSignal): Promise<void> {
  const reply = await connection.command(`DELE ${await connection.name(path, signal)}`, signal)
  if (isDone(reply) || saysNothingThere(reply, path)) return
  const removing = `removing what stands in the place of ${path}`
  // Where there is nothing the same code is used.
  const size = await sizeOf(connection, path, signal)
  if (typeof size === 'number') throw isGood(reply) ? replyErrorAs('unsupported', reply, removing) : replyError(reply, removing)
}

function assertContinued(stored: number | null | undefined, size: number, how: 'equal' | 'at-least'): void {
  if (stored === null) throw new TransferError('offset-conflict', 'the file vanished while it was written')
  if (stored !== undefined) assertStored(stored, size, how)
}

/** Every FTP server answers 226 to an upload that was cut off: only the size afterwards says what is stored, and only under the name that was asked for. */
function assertStored(stored: number, size: number, how: 'equal' | 'at-least'): void {
  if (stored === size || (how === 'at-least' && stored > size)) return
  // Another process with the same content may have gone on with it: a new look tells.
  if (stored > size)
    throw new TransferError(
      'offset-conflict',
      `the file has ${stored} bytes after an upload that ends at ${size}: somebody else writes to it`,
    )
  throw new TransferError('transient', `the server called the upload complete, but the file has ${stored} bytes instead of ${size}`)
}

/** The same body; tells when any of it is asked for. */
function noticed(body: Body, begun: () => void): Body {
  const source = body[Symbol.asyncIterator]()
  const next = (): Promise<IteratorResult<Uint8Array>> => {
    begun()
    return source.next()
  }
  // Let go also when nothing was asked for, which a generator around it would not pass on.
  const leave = async (): Promise<IteratorResult<Uint8Array>> => (await source.return?.()) ?? { done: true, value: undefined }
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) }
}
