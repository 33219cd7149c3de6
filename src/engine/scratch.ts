/** Scratch files beside a target: made to see what the server does with names, and removed. */
import { joinPath } from '../core/paths.ts'
import type { Body, Writer } from '../remotes/remote.ts'

/** A path in `directory` that no other process makes. */
export function scratchPath(directory: string, nonce: string): string {
  return joinPath(directory, `.rt-probe-${nonce}`)
}

const NOTHING = Buffer.alloc(0)
const SOMETHING = Buffer.from('made to see whether files stay here\n')

/** Makes an empty file, or a `filled` one. Rejects as `Writer.create` does. */
export function makeScratch(writer: Writer, path: string, signal: AbortSignal, filled = false): Promise<void> {
  const bytes = filled ? SOMETHING : NOTHING
  return writer.create(path, bytes.length, bodyOf(bytes), { sent: () => {}, acknowledged: () => {} }, signal)
}

async function* bodyOf(bytes: Buffer): Body {
  if (bytes.length > 0) yield bytes
}
