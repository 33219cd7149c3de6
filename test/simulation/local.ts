/** The runner's disk in memory. */
import { createHash } from 'node:crypto'
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import { blockCount, type ContentDigests } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import type { LocalPartial, LocalSource, LocalTarget } from '../../src/local/local.ts'
import { sha256, type World } from './world.ts'

/** `step` is told before every local effect, so that a crash or a change of the source can happen there. */
export function simulatedSource(world: World, path: string, step: (what: string) => void): LocalSource {
  const bytes = (): Buffer => world.local.get(path) ?? Buffer.alloc(0)
  const { length: size } = bytes()
  const opened = sha256(bytes())
  let expected: ContentDigests = { size, blockSize: 1, blocks: [] }
  const block = (index: number, blockSize: number): Buffer => bytes().subarray(index * blockSize, (index + 1) * blockSize)
  const changed = (): TransferError => new TransferError('source-changed', 'the source changed')
  return {
    size,
    blockDigests: async (blockSize, progress, signal): Promise<ContentDigests> => {
      const blocks: string[] = []
      for (let i = 0; i < blockCount(size, blockSize); i += 1) {
        throwIfAborted(signal)
        step('hash')
        await Promise.resolve()
        blocks.push(sha256(block(i, blockSize)))
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
        const content = Buffer.from(block(i, blockSize))
        if (sha256(content) !== expected.blocks[i]) throw changed()
        yield content.subarray(Math.max(0, range.start - i * blockSize), Math.min(content.length, range.end - i * blockSize))
      }
    },
    digest: async (range, algorithm) => createHash(algorithm).update(bytes().subarray(range.start, range.end)).digest('hex'),
    recheck: async () => {
      step('recheck')
      if (sha256(bytes()) !== opened) throw changed()
    },
    close: async () => {},
  }
}

export function simulatedTarget(world: World, path: string, step: (what: string) => void): LocalTarget {
  const partialPath = (tag: string): string => partialName(path, tag)
  return {
    finalSize: async () => world.local.get(path)?.length ?? null,
    digestFinal: async (algorithm) =>
      createHash(algorithm)
        .update(world.local.get(path) ?? '')
        .digest('hex'),
    openPartial: async (tag) => simulatedPartial(world, partialPath(tag), step),
    removePartial: async (tag) => {
      step('remove partial')
      world.local.delete(partialPath(tag))
    },
    commit: async (tag) => {
      step('commit')
      const bytes = world.local.get(partialPath(tag))
      if (bytes === undefined) throw new TransferError('conflict', 'the partial is gone')
      world.local.delete(partialPath(tag))
      world.local.set(path, bytes)
    },
  }
}

function simulatedPartial(world: World, path: string, step: (what: string) => void): LocalPartial {
  const bytes = (): Buffer => world.local.get(path) ?? Buffer.alloc(0)
  if (!world.local.has(path)) world.local.set(path, Buffer.alloc(0))
  return {
    size: async () => bytes().length,
    write: async (position, chunk) => {
      step('write local')
      await Promise.resolve()
      const grown = Buffer.concat([bytes(), Buffer.alloc(Math.max(0, position + chunk.length - bytes().length))])
      grown.set(chunk, position)
      world.local.set(path, grown)
    },
    read: async (range, sink) => {
      await sink(bytes().subarray(range.start, range.end))
    },
    settled: () => {},
    digest: async (algorithm) => createHash(algorithm).update(bytes()).digest('hex'),
    truncate: async (size) => {
      step('truncate local')
      world.local.set(path, Buffer.from(bytes().subarray(0, size)))
    },
    sync: async () => step('sync'),
    close: async () => {},
  }
}
