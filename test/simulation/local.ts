/** What is uploaded, on a disk in memory. `step` is told before every local effect, so that a crash or a change of the source can happen there. */
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import { blockCount, type ContentDigests } from '../../src/core/fingerprint.ts'
import type { LocalSource } from '../../src/local/local.ts'
import type { Place } from './alphabet.ts'
import { digestOf, NO_BYTES, type World } from './world.ts'

export { simulatedTarget } from './target.ts'

/** A promise where another process may have its turn first. */
export type Step = (place: Place) => void | Promise<void>

/** Of contents, which never change: SHA-256 of their blocks. */
const blocksOf = new WeakMap<Buffer, readonly string[]>()

function blocksIn(bytes: Buffer, blockSize: number): readonly string[] {
  const known = blocksOf.get(bytes)
  if (known !== undefined) return known
  const blocks = Array.from({ length: blockCount(bytes.length, blockSize) }, (_, i) =>
    digestOf(bytes.subarray(i * blockSize, (i + 1) * blockSize), 'sha256'),
  )
  blocksOf.set(bytes, blocks)
  return blocks
}

export function simulatedSource(world: World, path: string, step: Step): LocalSource {
  const bytes = (): Buffer => world.local.get(path) ?? NO_BYTES
  const opened = bytes()
  const size = opened.length
  let expected: ContentDigests = { size, blockSize: 1, blocks: [] }
  const changed = (): TransferError => new TransferError('source-changed', 'the source changed')
  const piece = (now: Buffer, i: number, blockSize: number): Buffer => now.subarray(i * blockSize, Math.min(size, (i + 1) * blockSize))
  const digestNow = (now: Buffer, i: number, blockSize: number): string =>
    (now.length === size ? blocksIn(now, blockSize)[i] : undefined) ?? digestOf(piece(now, i, blockSize), 'sha256')
  return {
    size,
    blockDigests: async (blockSize, progress, signal): Promise<ContentDigests> => {
      const blocks: string[] = []
      for (let i = 0; i < blockCount(size, blockSize); i += 1) {
        throwIfAborted(signal)
        await step('hash')
        blocks.push(digestNow(bytes(), i, blockSize))
        progress(Math.min(size, (i + 1) * blockSize))
      }
      expected = { size, blockSize, blocks }
      return expected
    },
    read: async function* (range, signal) {
      const { blockSize } = expected
      for (let i = Math.floor(range.start / blockSize); i < Math.ceil(range.end / blockSize); i += 1) {
        throwIfAborted(signal)
        await step('read source')
        const now = bytes()
        if (digestNow(now, i, blockSize) !== expected.blocks[i]) throw changed()
        yield now.subarray(Math.max(i * blockSize, range.start), Math.min((i + 1) * blockSize, range.end))
      }
    },
    digest: async (range, algorithm) => digestOf(bytes().subarray(range.start, range.end), algorithm),
    recheck: async () => {
      await step('recheck')
      if (bytes() !== opened) throw changed()
    },
    close: async () => {},
  }
}
