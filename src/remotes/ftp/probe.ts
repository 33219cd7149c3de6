import { randomBytes } from 'node:crypto'
import { type FailureKind, TransferError } from '../../core/errors.ts'
import { joinPath } from '../../core/paths.ts'
import { wirePath } from './paths.ts'
import type { Pool } from './pool.ts'
import { read } from './read.ts'
import { store } from './send.ts'
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
  const scratch = new Scratch(pool, joinPath(directory, `.rt-probe-${randomBytes(8).toString('hex')}`), signal)
  try {
    await scratch.write('STOR', 0, WRITTEN)
    const append = await scratch.findAppend()
    if (append === null) return null
    const marker = 4
    const rewound = await scratch.accepts('STOR', marker, OVERWRITTEN)
    const after = rewound ? await scratch.content() : Buffer.alloc(0)
    const expected = Buffer.concat([WRITTEN.subarray(0, marker), OVERWRITTEN])
    return { append, rewind: after.subarray(0, expected.length).equals(expected) }
  } finally {
    await scratch.remove()
  }
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
      await store(connection, this.#path, { verb, offset }, bytes.length, once(bytes), observer, either)
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

  async findAppend(): Promise<Continuation['append'] | null> {
    const expected = Buffer.concat([WRITTEN, APPENDED])
    if (await this.accepts('APPE', 0, APPENDED)) return (await this.content()).equals(expected) ? 'APPE' : null
    if (await this.accepts('STOR', WRITTEN.length, APPENDED)) return (await this.content()).equals(expected) ? 'REST' : null
    return null
  }

  async content(): Promise<Buffer> {
    const chunks: Buffer[] = []
    await this.#pool.lease('read', this.#signal, async (connection, either) => {
      const size = await sizeOf(connection, this.#path, either)
      if (size === null) return
      await read(connection, this.#path, { start: 0, end: Math.min(size, 64) }, (chunk) => void chunks.push(Buffer.from(chunk)), either)
    })
    return Buffer.concat(chunks)
  }

  /** Also after an abort, then only for a moment. */
  async remove(): Promise<void> {
    const signal = this.#signal.aborted ? AbortSignal.timeout(CLEANUP_MS) : this.#signal
    await this.#pool
      .lease('ask', signal, (connection, either) => connection.command(`DELE ${wirePath(this.#path, connection)}`, either))
      .catch(() => undefined)
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
