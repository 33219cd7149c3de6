import { type FailureKind, TransferError } from '../core/errors.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { Sink } from '../remotes/remote.ts'

/** A reading that ends like this says that the bytes are not there, or cannot be looked at. */
export const UNPROVEN: readonly FailureKind[] = ['source-changed', 'unsupported', 'refused', 'denied', 'not-found']

/**
 * Whether a file has a byte behind its `size`th. Neither a digest of that many bytes nor the server's word for the size tells; `unknown`: the server does not let
 * us read there. `read` reads a range of the file.
 */
export async function endOf(read: (range: ByteRange, sink: Sink) => Promise<void>, size: number): Promise<'here' | 'later' | 'unknown'> {
  let bytes = 0
  const sink = (chunk: Uint8Array): void => {
    bytes += chunk.length
  }
  try {
    await read({ start: size, end: size + 1 }, sink)
    return 'later'
  } catch (error) {
    // Some servers have odd words for a place behind the end.
    if (!(error instanceof TransferError) || !(UNPROVEN.includes(error.kind) || error.kind === 'protocol')) throw error
    // A file that goes on further than was told is 'source-changed' as well.
    if (bytes > 0) return 'later'
    return error.kind === 'source-changed' ? 'here' : 'unknown'
  }
}
