/** The body of an upload on its way into undici: cut into pieces small enough to show progress, and never left undrained. */
import { Readable } from 'node:stream'
import type { Body } from '../remote.ts'

/** Small enough that one piece within a timeout of 30 s means 9 kB/s. */
const PIECE_BYTES_MAX = 256 * 1024

export interface Outgoing {
  readonly stream: Readable
  /** What the source threw, or undefined. */
  failure(): unknown
  /** Whether a byte has been asked for; from then on it cannot be sent again. */
  started(): boolean
  /** Ends the source. It may still be busy with a last piece; nobody waits for that. */
  release(): void
}

/** `waiting` is told when the source is asked for more and when it has answered: its slowness is not the server's. */
export function outgoing(body: Body, waiting: (yes: boolean) => void): Outgoing {
  const source = body[Symbol.asyncIterator]()
  let failure: unknown
  let started = false
  let ended = false
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    waiting(true)
    try {
      return await source.next()
    } catch (error) {
      ended = true
      failure = error
      throw error
    } finally {
      waiting(false)
    }
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    started = true
    for (let piece = await next(); piece.done !== true; piece = await next()) {
      for (let at = 0; at < piece.value.length; at += PIECE_BYTES_MAX) yield piece.value.subarray(at, at + PIECE_BYTES_MAX)
    }
    ended = true
  }
  const stream = Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE_BYTES_MAX })
  stream.on('error', () => undefined)
  return {
    stream,
    failure: () => failure,
    started: () => started,
    release: () => {
      stream.destroy()
      if (!ended) void Promise.resolve(source.return?.()).catch(() => undefined)
      ended = true
    },
  }
}
