/** Reads what a server has stored and compares it with the source, block by block. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import type { ByteRange } from '../core/ranges.ts'
import { UNPROVEN } from './end-of-file.ts'
import { watched } from './exchange.ts'
import type { ProofContext } from './verify.ts'

export interface Reading {
  readonly range: ByteRange
  progress(bytes: number): void
  /** Told of every block, in order. False: that is enough. */
  judged(piece: ByteRange, same: boolean): boolean
}

/** `short`: the bytes are not there; `refused`, `denied`: the server would not let us read on. */
export type ReadEnd = 'read' | 'enough' | 'short' | 'refused' | 'denied'

export async function readBack(context: ProofContext, { range, progress, judged }: Reading, signal: AbortSignal): Promise<ReadEnd> {
  const { blockSize, blocks, size } = context.expected
  let at = range.start
  let hash = createHash('sha256')
  const blockEnd = (): number => Math.min((Math.floor(at / blockSize) + 1) * blockSize, range.end)
  let blockStart = range.start
  let end = blockEnd()
  const enough = new TransferError('internal', 'enough was read')
  const finishBlock = async (): Promise<void> => {
    const piece = { start: blockStart, end }
    const whole = piece.start % blockSize === 0 && piece.end === Math.min(piece.start + blockSize, size)
    const ours = whole ? blocks[piece.start / blockSize] : await context.source.digest(piece, 'sha256', signal)
    if (!judged(piece, hash.digest('hex') === ours) && end < range.end) throw enough
    hash = createHash('sha256')
    blockStart = end
    if (end < range.end) end = blockEnd()
  }
  const options = { clock: context.clock, timeoutMs: context.timeoutMs, bytes: range.end - range.start, what: 'reading back' }
  try {
    await watched(options, signal, (s, w) =>
      context.remote.read(
        context.path,
        range,
        async (chunk) => {
          const asked = range.end - range.start
          if (chunk.length > range.end - at) throw new TransferError('protocol', `received more than the ${asked} bytes asked for`)
          let rest = chunk
          while (rest.length > 0) {
            const piece = rest.subarray(0, end - at)
            hash.update(piece)
            at += piece.length
            rest = rest.subarray(piece.length)
            if (at === end) await finishBlock()
          }
          w.moved(at - range.start)
          progress(at - range.start)
        },
        {},
        s,
      ),
    )
  } catch (error) {
    if (error === enough) return 'enough'
    // Shorter than stat said, no start in the middle, no right to read: what was compared so far stands, the rest is not proven.
    if (!(error instanceof TransferError) || !UNPROVEN.includes(error.kind)) throw error
    return error.kind === 'source-changed' ? 'short' : error.kind === 'denied' ? 'denied' : 'refused'
  }
  return 'read'
}
