/** The runner's disk in memory. `step` is told before every local effect, so that a crash or a change of the source can happen there. */
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import { blockCount, type ContentDigests } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import type { LocalPartial, LocalSource, LocalTarget } from '../../src/local/local.ts'
import type { Place } from './alphabet.ts'
import { digestOf, NO_BYTES, patched, resized, type World } from './world.ts'

type Step = (place: Place) => void

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
        step('hash')
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
        step('read source')
        const now = bytes()
        if (digestNow(now, i, blockSize) !== expected.blocks[i]) throw changed()
        yield now.subarray(Math.max(i * blockSize, range.start), Math.min((i + 1) * blockSize, range.end))
      }
    },
    digest: async (range, algorithm) => digestOf(bytes().subarray(range.start, range.end), algorithm),
    recheck: async () => {
      step('recheck')
      if (bytes() !== opened) throw changed()
    },
    close: async () => {},
  }
}

/** Told of what happens to the partial, for the judge. */
export interface Watcher {
  written(start: number, end: number): void
  cut(size: number): void
  digested(): void
  publish(bytes: Buffer): void
}

const NOBODY: Watcher = { written: () => {}, cut: () => {}, digested: () => {}, publish: () => {} }

export function simulatedTarget(world: World, path: string, step: Step, watcher: Watcher = NOBODY): LocalTarget {
  const partialPath = (tag: string): string => partialName(path, tag)
  return {
    finalSize: async () => world.local.get(path)?.length ?? null,
    digestFinal: async (algorithm) => digestOf(world.local.get(path) ?? NO_BYTES, algorithm),
    openFinal: async () => {
      const bytes = world.local.get(path) ?? NO_BYTES
      return {
        size: async () => bytes.length,
        read: async (range, sink) => void (await sink(bytes.subarray(range.start, range.end))),
        digest: async (algorithm) => digestOf(bytes, algorithm),
        close: async () => {},
      }
    },
    openPartial: async (tag) => simulatedPartial(world, partialPath(tag), step, watcher),
    removePartial: async (tag) => {
      step('remove local')
      if (world.local.delete(partialPath(tag))) watcher.cut(0)
    },
    commit: async (tag) => {
      step('commit')
      const bytes = world.local.get(partialPath(tag))
      if (bytes === undefined) throw new TransferError('conflict', 'the partial is gone')
      world.local.delete(partialPath(tag))
      world.local.set(path, bytes)
      watcher.publish(bytes)
      step('committed')
    },
  }
}

function simulatedPartial(world: World, path: string, step: Step, watcher: Watcher): LocalPartial {
  const bytes = (): Buffer => world.local.get(path) ?? NO_BYTES
  if (!world.local.has(path)) world.local.set(path, NO_BYTES)
  return {
    size: async () => bytes().length,
    write: async (position, chunk) => {
      step('write local')
      if ((position & 16) !== 0) await null // writes overlap, and need not end in order
      // A file that others removed is still there for who has it open, and nowhere else.
      if (!world.local.has(path)) return
      world.local.set(path, patched(bytes(), position, chunk))
      watcher.written(position, position + chunk.length)
    },
    read: async (range, sink) => {
      if (bytes().length < range.end) throw new TransferError('conflict', 'the partial became shorter while it was read')
      await sink(bytes().subarray(range.start, range.end))
    },
    settled: () => {},
    digest: async (algorithm) => {
      watcher.digested()
      return digestOf(bytes(), algorithm)
    },
    truncate: async (size) => {
      step('truncate local')
      world.local.set(path, resized(bytes(), size))
      watcher.cut(size)
    },
    sync: async () => void step('sync'),
    close: async () => {},
  }
}
