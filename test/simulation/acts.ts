/** What others do, at any moment: to the source, to partials, to the final name, to the saved state, to a cache. */
import type { Journal, JournalEntry } from '../../src/core/journal.ts'
import { rangeSet } from '../../src/core/ranges.ts'
import type { Kind } from './alphabet.ts'
import { below, randomBytes } from './chance.ts'
import { BLOCK } from './profiles.ts'
import { BYSTANDER, FINAL, isPartial, LOCAL, type Scene } from './scene.ts'
import { NO_BYTES, patched, resized, type World } from './world.ts'

type Act = (scene: Scene) => void

/** What others do, at any moment. Each leaves old contents alone and puts new ones in their place. */
export const ACTS: Partial<Readonly<Record<Kind, Act>>> = {
  'source-flip': (s) => s.setSource(s.flipped(s.source)),
  'source-flip-quietly': (s) => quietly(s, 0, s.source.length),
  'source-first': (s) => quietly(s, 0, BLOCK),
  'source-last': (s) => quietly(s, Math.max(0, Math.ceil(s.source.length / BLOCK) - 1) * BLOCK, s.source.length),
  'source-middle': (s) => quietly(s, BLOCK, Math.max(BLOCK + 1, (Math.ceil(s.source.length / BLOCK) - 1) * BLOCK)),
  // Same size, same time, nothing of the old bytes.
  'source-replace-quietly': (s) => {
    if (untold(s) && s.travelling) s.doubt.unseen = true
    const bytes = s.source
    const other = randomBytes(s.random, bytes.length)
    for (let i = 0; i < other.length; i += 1) if (other[i] === bytes[i]) other[i] = (other[i] ?? 0) ^ 255
    s.setSource(other, untold(s))
  },
  'source-shrink': (s) => s.setSource(resized(s.source, Math.floor(s.source.length / 2))),
  'source-grow': (s) => s.setSource(Buffer.concat([s.source, randomBytes(s.random, 1 + below(s.random, 20))])),
  'source-replace': (s) => s.setSource(randomBytes(s.random, s.random() < 0.5 ? s.source.length : below(s.random, 90))),
  'partial-flip': (s) =>
    s.changePartial((bytes) => {
      if (bytes.length === 0) return bytes
      const at = below(s.random, bytes.length)
      s.doubtful(at, at + 1)
      return patched(bytes, at, Buffer.of((bytes[at] ?? 0) ^ 16))
    }),
  'partial-cut': (s) =>
    s.changePartial((bytes) => {
      const size = below(s.random, bytes.length + 1)
      s.doubtful(size, bytes.length)
      return resized(bytes, size)
    }),
  'partial-grown': (s) =>
    s.changePartial((bytes) => {
      const more = randomBytes(s.random, 1 + below(s.random, 40))
      s.doubtful(bytes.length, bytes.length + more.length)
      return Buffer.concat([bytes, more])
    }),
  'partial-zeroed': (s) =>
    s.changePartial((bytes) => {
      const from = below(s.random, bytes.length + 1)
      s.doubtful(from, bytes.length)
      return patched(bytes, from, Buffer.alloc(bytes.length - from))
    }),
  // As long as the source, and none of it.
  'partial-filled': (s) =>
    s.changePartial((bytes) => {
      s.doubtful(bytes.length, s.source.length)
      return bytes.length >= s.source.length ? bytes : resized(bytes, s.source.length)
    }),
  'partial-removed': (s) => s.removePartial(),
  'final-flip': (s) => {
    if (s.final?.length !== 0) s.setFinal(s.flipped(s.final ?? NO_BYTES))
  },
  'final-replaced': (s) => s.setFinal(randomBytes(s.random, s.random() < 0.5 ? s.source.length : below(s.random, 90))),
  'final-removed': (s) => s.setFinal(null),
  // Another name of a file that is somebody else's.
  'final-linked': (s) => {
    const theirs = s.direction === 'upload' ? s.world.server.get(BYSTANDER) : s.world.local.inode(BYSTANDER)
    s.setFinal(theirs?.bytes ?? null)
    if (s.direction === 'upload') linkServer(s.world, FINAL)
    else linkLocal(s.world)
  },
  'partial-linked': (s) => {
    for (const name of s.world.server.keys()) if (isPartial(name)) linkServer(s.world, name)
    s.doubtful(0, s.source.length)
  },
  'day-passes': ({ world }) => {
    world.wallMs += 25 * 60 * 60 * 1000
  },
  'cache-copies': ({ world }) => {
    for (const [name, file] of world.server) world.cache.set(name, { file: { ...file }, version: world.version })
  },
  'cache-forgets': ({ world }) => world.cache.clear(),
  'state-lost': ({ world }) => {
    world.saved = null
  },
  'state-stale': ({ world, random }) => {
    world.saved = world.savedBefore[below(random, world.savedBefore.length)] ?? null
  },
  'state-claims-all': (s) => changeEntries(s.world, (e) => ({ ...e, acknowledged: rangeSet([{ start: 0, end: e.source.size }]) })),
  'state-other-blocks': (s) =>
    changeEntries(s.world, (e) => ({ ...e, blocks: [...e.blocks].reverse(), acknowledged: rangeSet([{ start: 0, end: e.source.size }]) })),
  'state-other-key': (s) => changeEntries(s.world, (e) => ({ ...e, checkKey: e.checkKey === null ? null : 'f'.repeat(32) })),
  'state-other-source': (s) =>
    changeEntries(s.world, (e) => ({
      ...e,
      source:
        e.source.strength === 'content'
          ? { ...e.source, sha256: 'a'.repeat(64) }
          : { strength: 'hint', size: e.source.size, modifiedAtMs: 7, etag: null },
    })),
}

/** Neither the time nor an ETag of such a server shows a version of the same size and time. */
function untold({ direction, profile: { identity } }: Scene): boolean {
  return direction === 'download' && identity !== 'validator' && identity !== 'weak'
}

/**
 * Another version of the same size and time, with one byte changed. What is kept of a download is compared at its first block, at its last one, and at three places
 * by chance: a change elsewhere need not be noticed, and neither need any be that comes while the bytes travel.
 */
function quietly(s: Scene, from: number, to: number): void {
  const before = s.source
  const now = s.flipped(before, from, to)
  const at = now.findIndex((byte, i) => byte !== before[i])
  const isCompared = at < BLOCK || at >= (Math.ceil(before.length / BLOCK) - 1) * BLOCK
  if (untold(s) && (s.travelling || !isCompared)) s.doubt.unseen = true
  s.setSource(now, untold(s))
}

function linkServer({ server }: World, name: string): void {
  const theirs = server.get(BYSTANDER)
  if (theirs !== undefined) server.set(name, theirs)
}

function linkLocal({ local }: World): void {
  const theirs = local.inode(BYSTANDER)
  if (theirs !== undefined) local.place(LOCAL, theirs)
}

function changeEntries(world: World, change: (entry: JournalEntry) => JournalEntry): void {
  if (world.saved === null) return
  const changed: Journal = { ...world.saved, entries: world.saved.entries.map(change) }
  world.saved = changed
}
