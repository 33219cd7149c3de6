import { TransferError } from '../../core/errors.ts'
import type { AppendResumer, Body, Resumer, WriteObserver, Writer } from '../remote.ts'
import type { Connection } from './connection.ts'
import { wirePath } from './paths.ts'
import type { Pool } from './pool.ts'
import { type Continuation, probe } from './probe.ts'
import { type Start, store } from './send.ts'
import { sizeOf } from './stat.ts'

export class FtpWriter implements Writer {
  readonly #pool: Pool
  /** What the probe found out, once it has. */
  #resumer: Resumer | null | undefined

  constructor(pool: Pool) {
    this.#pool = pool
  }

  async create(path: string, size: number, body: Body, observer: WriteObserver, signal: AbortSignal): Promise<void> {
    await this.#change(body, signal, async (connection, source, either) => {
      // Not overwritten in place: Pure-FTPd -r would store the new file beside the old one, and vsftpd would wait for a dead session that still writes it.
      // Not asked for first: SIZE does not see a link to nothing, and STOR would make the file it points at.
      await connection.command(`DELE ${wirePath(path, connection)}`, either)
      await store(connection, path, { verb: 'STOR', offset: 0 }, size, source, observer, either)
      await confirm(connection, path, size, 'equal', either)
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
        await assertOffset(connection, path, (size) => size === offset, offset, either)
        const start: Start = found.append === 'APPE' ? { verb: 'APPE', offset: 0 } : { verb: 'STOR', offset }
        await store(connection, path, start, length, source, observer, either)
        await confirm(connection, path, offset + length, 'equal', either)
        observer.acknowledged(length)
      })
    if (!found.rewind) return { kind: 'append', append }
    const rewind: AppendResumer['rewind'] = (path, offset, length, body, observer, signal) =>
      this.#change(body, signal, async (connection, source, either) => {
        await assertOffset(connection, path, (size) => size >= offset, offset, either)
        await store(connection, path, { verb: 'STOR', offset }, length, source, observer, either)
        await confirm(connection, path, offset + length, 'at-least', either)
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
  if (size === null || !fits(size)) throw new TransferError('offset-conflict', `the partial has ${size ?? 'no'} bytes, not ${offset}`)
}

/** Every FTP server answers 226 to an upload that was cut off: only the size afterwards says what is stored, and only under the name that was asked for. */
async function confirm(connection: Connection, path: string, size: number, how: 'equal' | 'at-least', signal: AbortSignal): Promise<void> {
  const stored = await sizeOf(connection, path, signal)
  if (stored === size || (how === 'at-least' && stored !== null && stored > size)) return
  if (stored === null) {
    throw new TransferError('refused', 'the server took the upload, but there is no file of that name afterwards', {
      hint: 'Some servers rewrite names with odd characters, or store beside an existing file (Pure-FTPd -r).',
    })
  }
  if (stored > size)
    throw new TransferError('conflict', `the file has ${stored} bytes after an upload that ends at ${size}: somebody else writes to it`)
  throw new TransferError('transient', `the server called the upload complete, but the file has ${stored} bytes instead of ${size}`)
}
