/** Scratch files beside a target: made to see what the server does with names, and removed. */
import { joinPath } from '../core/paths.ts'
import type { Body, Writer } from '../remotes/remote.ts'

/** A path in `directory` that no other process makes. */
export function scratchPath(directory: string, nonce: string): string {
  return joinPath(directory, `.rt-probe-${nonce}`)
}

/** Makes an empty file. Rejects as `Writer.create` does. */
export function makeScratch(writer: Writer, path: string, signal: AbortSignal): Promise<void> {
  return writer.create(path, 0, nothing(), { sent: () => {}, acknowledged: () => {} }, signal)
}

async function* nothing(): Body {}
