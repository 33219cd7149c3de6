/** Who is who in one direction: source, partial and final name; and what other people do to them. */
import type { Journal, JournalEntry } from '../../src/core/journal.ts'
import { rangeSet } from '../../src/core/ranges.ts'
import type { Kind } from './alphabet.ts'
import { below, randomBytes } from './chance.ts'
import type { Profile } from './profiles.ts'
import { NO_BYTES, patched, resized, type World } from './world.ts'

export type Direction = 'upload' | 'download'

export const LOCAL = 'local.bin'
export const FINAL = 'final.bin'

/** None that turns over on the way (2, 64), in the store (4) or in a partial (16): an accident that undoes a change exactly leaves nothing that could be noticed. */
const FLIPS: readonly number[] = [1, 8, 32, 128]

/**
 * Doubt: bytes that changed where a proof by size cannot see it, and that nobody has looked at since. An upload forgets it with every new connection and at every
 * new attempt, because what was there before is proven then. What is in doubt excuses wrong bytes; nothing else does.
 */
export class Doubt {
  /** Positions in the partial. */
  readonly bytes = new Set<number>()
  /** Of a download whose bytes were digested while in doubt: only a comparison of that digest could have told. */
  undigested = false
  /** A download that was in doubt when it was published, and of which version it is: a journal that comes back vouches for it as it was received. */
  published: { readonly bytes: Buffer; readonly version: number } | null = null
  /** Index of the latest version of the source. */
  version = -1
  /** The source of a download changed without a trace. */
  unseen = false
  /** The same lie about the end of a file that has no size was told in two readings: they agree. */
  agreed = false
  readonly #lies = new Set<string>()

  /** A reading of a file that has no size ended too early or too late. No end is the wrong one there, so nothing but another reading can tell. */
  ends(lie: string): void {
    this.unseen = true
    this.agreed ||= this.#lies.has(lie)
    this.#lies.add(lie)
  }

  /** Positions that arrived wrong and were not written yet. */
  readonly arriving = new Set<number>()

  arrives(start: number, end: number): void {
    if (this.arriving.size > 0) for (let at = start; at < end; at += 1) this.arriving.delete(at)
  }

  /** The bytes that arrived are in the partial. */
  written(start: number, end: number): void {
    this.settle(start, end)
    for (const at of this.arriving) if (at >= start && at < end) this.bytes.add(at)
  }

  publish(bytes: Buffer): void {
    this.published = this.undigested || this.bytes.size > 0 ? { bytes, version: this.version } : null
  }

  /** Nothing is kept of any partial. */
  forgetPartial(): void {
    this.bytes.clear()
    this.undigested = false
  }

  cut(size: number): void {
    for (const at of this.bytes) if (at >= size) this.bytes.delete(at)
    if (size === 0) this.undigested = false
  }

  /** The whole partial was digested: a comparison of that digest tells. */
  digested(): void {
    this.undigested ||= this.bytes.size > 0
    this.bytes.clear()
  }

  add(start: number, end: number): void {
    for (let at = start; at < end; at += 1) this.bytes.add(at)
  }

  settle(start: number, end: number): void {
    if (this.bytes.size === 0) return
    for (let at = start; at < end; at += 1) this.bytes.delete(at)
  }
}

export class Scene {
  readonly world: World
  readonly profile: Profile
  readonly direction: Direction
  readonly random: () => number
  readonly doubt = new Doubt()
  wireFlips = 0
  /** Every content that the source had, oldest first. */
  readonly versions: Buffer[] = []
  /** Contents that others gave the final name in this attempt. */
  foreign: (Buffer | null)[] = []
  /** Contents that they put theirs in the place of, ours perhaps. */
  displaced: (Buffer | null)[] = []
  /** The final name held a whole version of the source when others changed it. */
  wasWhole = false
  /** Others changed the partial in this attempt. */
  edited = false
  /** An attempt is under way. */
  travelling = false

  constructor(world: World, profile: Profile, direction: Direction, random: () => number) {
    this.world = world
    this.profile = profile
    this.direction = direction
    this.random = random
  }

  get source(): Buffer {
    return (this.direction === 'upload' ? this.world.local.get(LOCAL) : this.world.server.get(FINAL)?.bytes) ?? NO_BYTES
  }

  setSource(bytes: Buffer, quietly = false): void {
    const { world } = this
    this.doubt.version = this.versions.push(bytes) - 1
    if (this.direction === 'download' && this.profile.identity === 'none' && this.travelling) this.doubt.unseen = true
    if (!quietly) world.wallMs += 5000
    world.version += 1
    if (this.direction === 'upload') world.local.set(LOCAL, bytes)
    else world.server.set(FINAL, { bytes, modifiedAtMs: world.wallMs, durable: bytes.length })
  }

  get final(): Buffer | null {
    return (this.direction === 'upload' ? this.world.server.get(FINAL)?.bytes : this.world.local.get(LOCAL)) ?? null
  }

  /** An upload that goes to the final name itself. */
  get inPlace(): boolean {
    return this.direction === 'upload' && this.profile.rename === 'none'
  }

  setFinal(bytes: Buffer | null): void {
    const { world, direction } = this
    this.wasWhole ||= this.isWhole(this.final)
    this.displaced.push(this.final)
    this.foreign.push(bytes)
    if (this.inPlace) this.doubtful(0, Math.max(this.final?.length ?? 0, bytes?.length ?? 0, this.source.length))
    if (bytes === null) (direction === 'upload' ? world.server : world.local).delete(direction === 'upload' ? FINAL : LOCAL)
    else if (direction === 'upload') world.server.set(FINAL, { bytes, modifiedAtMs: world.wallMs, durable: bytes.length })
    else world.local.set(LOCAL, bytes)
  }

  isWhole(bytes: Buffer | null, from = 0): boolean {
    if (bytes === null) return false
    for (let i = from; i < this.versions.length; i += 1) if (this.versions[i]?.equals(bytes) === true) return true
    return false
  }

  /** Bytes of the partial were exchanged for others from `start` to `end`. */
  doubtful(start: number, end: number): void {
    if (!this.travelling) return
    this.edited = true
    this.doubt.add(start, end)
  }

  hasLocalPartial(): boolean {
    return [...this.world.local.keys()].some((name) => name.endsWith('.partial'))
  }

  changePartial(change: (bytes: Buffer) => Buffer): void {
    const { world } = this
    const files = this.direction === 'upload' ? world.server : world.local
    for (const name of files.keys()) {
      if (!name.endsWith('.partial')) continue
      const file = world.server.get(name)
      if (file !== undefined) file.bytes = change(file.bytes)
      else world.local.set(name, change(world.local.get(name) ?? NO_BYTES))
    }
  }

  removePartial(): void {
    for (const files of [this.world.server, this.world.local])
      for (const name of files.keys()) if (name.endsWith('.partial')) files.delete(name)
  }

  flipped(bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes
    const at = below(this.random, bytes.length)
    return patched(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (FLIPS[below(this.random, FLIPS.length)] ?? 1)))
  }
}

type Act = (scene: Scene) => void

/** What others do, at any moment. Each leaves old contents alone and puts new ones in their place. */
export const ACTS: Partial<Readonly<Record<Kind, Act>>> = {
  'source-flip': (s) => s.setSource(s.flipped(s.source)),
  'source-flip-quietly': (s) => {
    // A local file tells every change by its change time, a strong ETag tells them all.
    const untold = s.direction === 'download' && s.profile.identity !== 'validator'
    if (untold) s.doubt.unseen = true
    s.setSource(s.flipped(s.source), untold)
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
  'final-flip': (s) => s.setFinal(s.flipped(s.final ?? NO_BYTES)),
  'final-replaced': (s) => s.setFinal(randomBytes(s.random, s.random() < 0.5 ? s.source.length : below(s.random, 90))),
  'final-removed': (s) => s.setFinal(null),
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
        e.source.strength === 'content' ? { ...e.source, sha256: 'a'.repeat(64) } : { ...e.source, strength: 'hint', modifiedAtMs: 7 },
    })),
}

function changeEntries(world: World, change: (entry: JournalEntry) => JournalEntry): void {
  if (world.saved === null) return
  const changed: Journal = { ...world.saved, entries: world.saved.entries.map(change) }
  world.saved = changed
}
