/** Pipelined reads of one open file, delivered in order. */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Sink } from '../remote.ts'
import type { Handle, Requests } from './requests.ts'

const IN_FLIGHT_MIN = 16
const IN_FLIGHT_MAX = 64
/** As much as the channel's receive window. */
const BYTES_IN_FLIGHT_FIRST = 4 * 1024 * 1024
const BYTES_IN_FLIGHT_MAX = 8 * 1024 * 1024

/** Requests are sent in groups, as one packet on the network. */
const REFILL = 4

interface Piece {
  /** For ssh2 to put the answer into, where it insists. */
  readonly buffer: Buffer
  readonly length: number
  readonly filled: Promise<Buffer>
  arrived: boolean
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
  const inFlightMax = piecesOf(BYTES_IN_FLIGHT_MAX, size)
  let inFlight = piecesOf(BYTES_IN_FLIGHT_FIRST, size)
  let next = range.start
  let delivered = range.start
  while (delivered < range.end) {
    throwIfAborted(signal)
    const refill = pieces.length <= inFlight - REFILL
    while (refill && pieces.length < inFlight && next < range.end) {
      const length = Math.min(size, range.end - next)
      pieces.push(request(job, spare.pop() ?? Buffer.allocUnsafeSlow(size), next, length))
      next += length
    }
    const piece = pieces.shift()
    if (piece === undefined) throw new TransferError('internal', 'the read pipeline ran dry')
    // Waiting for the network rather than for the sink: more requests in flight may help.
    if (!piece.arrived) inFlight = Math.min(inFlightMax, inFlight + 1)
    const bytes = await piece.filled
    throwIfAborted(signal)
    const accepted = sink(bytes)
    if (accepted !== undefined) await accepted
    spare.push(piece.buffer)
    delivered += piece.length
  }
}

/** Delivers what there is from `range.start` on, where the server tells no size: one request after the other, because only the answer "end of file" ends it. */
export async function readToEnd({ requests, handle, range, requestMax, sink, signal }: ReadJob): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(requestMax)
  for (let position = range.start; ; ) {
    throwIfAborted(signal)
    const bytes = await requests.read(handle, buffer, 0, requestMax, position)
    if (bytes.length === 0) return
    if (bytes.length > requestMax) throw new TransferError('protocol', 'the server sent more than was asked for')
    const accepted = sink(bytes)
    if (accepted !== undefined) await accepted
    position += bytes.length
  }
}

function request(job: ReadJob, buffer: Buffer, position: number, length: number): Piece {
  const filled = fill(job, buffer, position, length)
  const piece: Piece = { buffer, length, filled, arrived: false }
  // A failure is reported when its turn comes; until then nobody waits for it.
  filled.then(
    () => {
      piece.arrived = true
    },
    () => {},
  )
  return piece
}

function piecesOf(bytes: number, size: number): number {
  return Math.min(IN_FLIGHT_MAX, Math.max(IN_FLIGHT_MIN, Math.ceil(bytes / size)))
}

/** A server may answer with less than was asked; the rest is asked for at once, so that the pipeline does not run dry. */
async function fill(job: ReadJob, buffer: Buffer, position: number, length: number): Promise<Buffer> {
  let done = 0
  for (;;) {
    const bytes = await job.requests.read(job.handle, buffer, done, length - done, position + done)
    if (bytes.length === 0) {
      const message = `${job.path} ended at ${position + done} bytes, ${job.range.end - position - done} bytes early: it has changed`
      throw new TransferError('source-changed', message)
    }
    if (bytes.length > length - done) throw new TransferError('protocol', 'the server sent more than was asked for')
    if (bytes.length === length) return bytes
    bytes.copy(buffer, done)
    done += bytes.length
    if (done === length) return buffer.subarray(0, length)
  }
}
