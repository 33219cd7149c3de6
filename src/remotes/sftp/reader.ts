/** Pipelined reads of one open file, delivered in order. */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Sink } from '../remote.ts'
import type { Handle, Requests } from './requests.ts'

const IN_FLIGHT_FIRST = 16
const IN_FLIGHT_MAX = 64
const BYTES_IN_FLIGHT_MAX = 8 * 1024 * 1024

interface Piece {
  readonly buffer: Buffer
  readonly length: number
  readonly filled: Promise<void>
}

export interface ReadJob {
  readonly requests: Requests
  readonly handle: Handle
  /** For messages. */
  readonly path: string
  readonly range: ByteRange
  /** Largest read the server answers, in bytes. */
  readonly requestMax: number
  readonly sink: Sink
  readonly signal: AbortSignal
}

/**
 * Delivers exactly `range`. Rejects with `source-changed` as soon as the file turns out to end before it, and with the sink's error.
 */
export async function readRange(job: ReadJob): Promise<void> {
  const { range, sink, signal } = job
  const pieces: Piece[] = []
  const spare: Buffer[] = []
  const size = Math.min(job.requestMax, Math.max(1, range.end - range.start))
  const inFlightMax = Math.min(IN_FLIGHT_MAX, Math.max(IN_FLIGHT_FIRST, Math.floor(BYTES_IN_FLIGHT_MAX / size)))
  let inFlight = IN_FLIGHT_FIRST
  let next = range.start
  let delivered = range.start
  while (delivered < range.end) {
    throwIfAborted(signal)
    while (pieces.length < inFlight && next < range.end) {
      const length = Math.min(size, range.end - next)
      pieces.push(request(job, spare.pop() ?? Buffer.allocUnsafeSlow(size), next, length))
      next += length
    }
    const piece = pieces.shift()
    if (piece === undefined) throw new TransferError('internal', 'the read pipeline ran dry')
    await piece.filled
    throwIfAborted(signal)
    const accepted = sink(piece.buffer.subarray(0, piece.length))
    // A sink that is never waited for leaves the network as the bottleneck: then more requests in flight help.
    if (accepted === undefined) inFlight = Math.min(inFlightMax, inFlight + 1)
    else await accepted
    spare.push(piece.buffer)
    delivered += piece.length
  }
}

function request(job: ReadJob, buffer: Buffer, position: number, length: number): Piece {
  const filled = fill(job, buffer, position, length)
  // Reported when its turn comes; until then nobody waits for it.
  filled.catch(() => {})
  return { buffer, length, filled }
}

/** A server may answer with less than was asked; the rest is asked for at once, so that the pipeline does not run dry. */
async function fill(job: ReadJob, buffer: Buffer, position: number, length: number): Promise<void> {
  let done = 0
  while (done < length) {
    const count = await job.requests.read(job.handle, buffer, done, length - done, position + done)
    if (count === 0) {
      const message = `${job.path} ended at ${position + done} bytes, ${job.range.end - position - done} bytes early: it has changed`
      throw new TransferError('source-changed', message)
    }
    if (count > length - done) throw new TransferError('protocol', 'the server sent more than was asked for')
    done += count
  }
}
