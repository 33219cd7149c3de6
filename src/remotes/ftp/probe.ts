import { randomBytes } from 'node:crypto'
import { type FailureKind, TransferError } from '../../core/errors.ts'
import { joinPath } from '../../core/paths.ts'
import type { Pool } from './pool.ts'
import { read } from './read.ts'
import { store } from './send.ts'
import { spelled } from './spelled.ts'
import { sizeOf } from './stat.ts'

/** How a partial can be continued here. */
export interface Continuation {
  /** `REST`: by STOR after a restart marker at the end. */
  readonly append: 'APPE' | 'REST'
  /** STOR after a restart marker below the end keeps what is before it. */
  readonly rewind: boolean
}

/** A server that cannot do it says so in one of these ways; anything else is a failure of the probe. */
const REFUSALS: readonly FailureKind[] = ['unsupported', 'refused', 'protocol']
const CLEANUP_MS = 500

const WRITTEN = Buffer.from('01234567')
const APPENDED = Buffer.from('abcd')
const OVERWRITTEN = Buffer.from('XY')

/**
 * Tries it with a scratch file: what servers answer does not say what they do. ftp-srv answers 226 to REST and STOR and zeroes everything before the marker,
 * Pure-FTPd cuts the file at the marker, ProFTPD as shipped refuses, and with HiddenStores it refuses only STOR.
 */
export async function probe(pool: Pool, directory: string, signal: AbortSignal): Promise<Continuation | null> {
  // Some accounts may not write names that begin with a dot (pure-ftpd -x).
  for (const mark of ['.rt-probe-', 'rt-probe-']) {
    const scratch = new Scratch(pool, joinPath(directory, `${mark}${randomBytes(8).toString('hex')}`), signal)
    try {
      if (await scratch.accepts('STOR', 0, WRITTEN)) return await scratch.findContinuation()
    } finally {
      await scratch.remove()
    }
  }
  return null
}

class Scratch {
  readonly #pool: Pool
  readonly #path: string
  readonly #signal: AbortSignal

  constructor(pool: Pool, path: string, signal: AbortSignal) {
    this.#pool = pool
    this.#path = path
    this.#signal = signal
  }

  async write(verb: 'STOR' | 'APPE', offset: number, bytes: Uint8Array): Promise<void> {
    await this.#pool.lease('change', this.#signal, async (connection, either) => {
      const observer = { sent: () => undefined }
      const path = this.#path
      const send = (): Promise<void> => store(connection, path, { verb, offset }, bytes.length, once(bytes), observer, either)
      await (offset === 0 && verb === 'STOR' ? spelled({ connection, path, signal: either, untouched: () => true }, send) : send())
    })
  }

  /** False when the server refuses. */
  async accepts(verb: 'STOR' | 'APPE', offset: number, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.write(verb, offset, bytes)
      return true
    } catch (error) {
      if (error instanceof TransferError && REFUSALS.includes(error.kind)) return false
      throw error
    }
  }

  async findContinuation(): Promise<Continuation | null> {
    const append = await this.#findAppend()
    if (append === null) return null
    const marker = 4
    const rewound = await this.accepts('STOR', marker, OVERWRITTEN)
    const after = rewound ? await this.#content() : Buffer.alloc(0)
    const expected = Buffer.concat([WRITTEN.subarray(0, marker), OVERWRITTEN])
    return { append, rewind: after.subarray(0, expected.length).equals(expected) }
  }

  async #findAppend(): Promise<Continuation['append'] | null> {
    const expected = Buffer.concat([WRITTEN, APPENDED])
    if (await this.accepts('APPE', 0, APPENDED)) return (await this.#content()).equals(expected) ? 'APPE' : null
    if (await this.accepts('STOR', WRITTEN.length, APPENDED)) return (await this.#content()).equals(expected) ? 'REST' : null
    return null
  }

  /** Empty where nothing of it can be known: then nobody could say later where a partial ends, or what is in it. */
  async #content(): Promise<Buffer> {
    const chunks: Buffer[] = []
    try {
      await this.#pool.lease('read', this.#signal, async (connection, either) => {
        const size = await sizeOf(connection, this.#path, either)
        if (typeof size !== 'number') return
        await read(connection, this.#path, { start: 0, end: Math.min(size, 64) }, (chunk) => void chunks.push(Buffer.from(chunk)), either)
      })
    } catch (error) {
      if (error instanceof TransferError && REFUSALS.includes(error.kind)) return Buffer.alloc(0)
      throw error
    }
    return Buffer.concat(chunks)
  }

  /** Also after an abort, then only for a moment. */
  async remove(): Promise<void> {
    const signal = this.#signal.aborted ? AbortSignal.timeout(CLEANUP_MS) : this.#signal
    await this.#pool
      .lease('ask', signal, async (connection, either) => connection.command(`DELE ${await connection.name(this.#path, either)}`, either))
      .catch(() => undefined)
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
