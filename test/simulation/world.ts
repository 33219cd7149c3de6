/** The durable world of a history (server files, local disk, saved journals) and the volatile attempt that runs in it. */
import { hash } from 'node:crypto'
import { throwIfAborted } from '../../src/core/errors.ts'
import {
  decodeJournal,
  emptyJournal,
  encodeJournal,
  entryOf,
  hostOf,
  type Journal,
  withEntry,
  withHost,
  withoutEntry,
} from '../../src/core/journal.ts'
import type { Clock, Recorder } from '../../src/engine/ports.ts'
import { Disk } from './disk.ts'
import type { Late } from './reticent.ts'

export { seededRandom } from './chance.ts'
export { NO_BYTES } from './disk.ts'

/** Thrown through everything when the machine dies: no handler of the engine may turn it into an answer, because the attempt is never looked at again. */
export class Crash extends Error {}

/** A file of the server, whatever its names. Contents are never changed in place: who holds `bytes` holds them as they were. */
export interface ServerFile {
  bytes: Buffer
  modifiedAtMs: number
  /** Permission bits; 0644 unless somebody set others. */
  mode?: number
  /** Bytes below this survive a restart of the server. */
  durable: number
}

/** What a dead session of the server still has to store, into the file that it had opened. */
export interface Orphan {
  readonly file: ServerFile
  readonly at: number
  readonly bytes: Buffer
  /** The version that the session was sent. */
  readonly version: Buffer
}

/** What the server said that it would store (HTTP 202), and stores after so many looks, or never. */
export interface Accepted {
  readonly path: string
  readonly bytes: Buffer
  looks: number
  readonly by: object
}

/** What the store and the machine's own journal file hold, and what they held before, oldest first. */
export interface Saves {
  saved: Journal | null
  readonly before: (Journal | null)[]
}

/** One for all who share the server. */
interface Shared {
  wallMs: number
  /** Rises with every version of the file that is downloaded; its ETag. */
  version: number
}

export class World {
  readonly server = new Map<string, ServerFile>()
  /** What a cache between the machines and the server still has of it. */
  readonly cache = new Map<string, { readonly file: ServerFile; readonly version: number }>()
  readonly orphans: Orphan[] = []
  readonly accepted: Accepted[] = []
  readonly late: Late[] = []
  /** Local files by path: upload sources, download partials and targets. */
  readonly local: Disk
  readonly saves: Saves
  private readonly shared: Shared

  constructor(local = new Disk(), saves: Saves = { saved: null, before: [] }, other: World | null = null) {
    this.local = local
    this.saves = saves
    this.shared = other?.shared ?? { wallMs: 1_000_000, version: 1 }
    if (other !== null)
      Object.assign(this, { server: other.server, cache: other.cache, orphans: other.orphans, accepted: other.accepted, late: other.late })
  }

  /** The same server, as another process meets it. */
  beside(local: Disk, saves: Saves): World {
    return new World(local, saves, this)
  }

  get saved(): Journal | null {
    return this.saves.saved
  }

  set saved(journal: Journal | null) {
    this.saves.saved = journal
  }

  get savedBefore(): (Journal | null)[] {
    return this.saves.before
  }

  get wallMs(): number {
    return this.shared.wallMs
  }

  set wallMs(ms: number) {
    this.shared.wallMs = ms
  }

  get version(): number {
    return this.shared.version
  }

  set version(version: number) {
    this.shared.version = version
  }
}

export function emptyWorld(): World {
  return new World()
}

/** A copy of `bytes` with `piece` at `at`; a gap is zeros, as in a sparse file. */
export function patched(bytes: Uint8Array, at: number, piece: Uint8Array): Buffer {
  const size = Math.max(bytes.length, at + piece.length)
  const made = Buffer.allocUnsafe(size)
  made.set(bytes)
  if (at > bytes.length) made.fill(0, bytes.length, at)
  made.set(piece, at)
  return made
}

/** A copy of `bytes` of this size, cut or filled up with zeros. */
export function resized(bytes: Uint8Array, size: number): Buffer {
  if (size <= bytes.length) return Buffer.from(bytes.subarray(0, size))
  const made = Buffer.alloc(size)
  made.set(bytes)
  return made
}

/** SHA-256 is what the engine computes itself and must be true. Every other algorithm only ever meets itself, so something cheap stands in for it. */
export function digestOf(bytes: Uint8Array, algorithm: string): string {
  return algorithm === 'sha256' ? hash('sha256', bytes) : standIn(bytes)
}

function standIn(bytes: Uint8Array): string {
  let a = 0x811c9dc5
  let b = bytes.length + 1
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0
    a = Math.imul(a ^ byte, 0x01000193)
    b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13)
  }
  return `${(a >>> 0).toString(16).padStart(8, '0')}${(b >>> 0).toString(16).padStart(8, '0')}`
}

interface Timer {
  readonly at: number
  action: (() => void) | null
}

/** Virtual time: sleeping is free, timers fire only when nothing else can happen (`pass`). */
export class VirtualClock implements Clock {
  private now = 0
  private readonly timers: Timer[] = []
  private readonly slept: (ms: number) => void

  /** `slept` is told of every sleep: what others do meanwhile. */
  constructor(slept: (ms: number) => void = () => {}) {
    this.slept = slept
  }

  nowMs(): number {
    return this.now
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.now += ms
    this.slept(ms)
    if (signal !== undefined) throwIfAborted(signal)
  }

  after(ms: number, action: () => void): () => void {
    const { timers } = this
    while (timers.length > 0 && timers[timers.length - 1]?.action === null) timers.pop()
    const timer: Timer = { at: this.now + ms, action }
    timers.push(timer)
    return () => {
      timer.action = null
    }
  }

  /** Lets time pass until `done`, firing timers in order; throws when there is nothing left to wait for: a hang. */
  async pass(done: () => boolean): Promise<void> {
    while (!done()) {
      let next: Timer | null = null
      for (const timer of this.timers) if (timer.action !== null && (next === null || timer.at < next.at)) next = timer
      if (next === null) throw new Error('hang: nothing moves and no timer is set')
      this.now = Math.max(this.now, next.at)
      const { action } = next
      next.action = null
      action?.()
      await Promise.resolve()
    }
  }
}

export const JOURNAL_ID = '00112233445566ff'

/**
 * The journal kept in memory and written through to the world, as state/keeper.ts does it. `saving` is asked before each save, and may crash. Journals stay
 * objects: text costs more than all the rest. Every journal that is loaded with `text` goes through it, and must come out the same.
 */
export function worldRecorder(world: World, saving: () => 'saved' | 'lost', text = true): Recorder {
  let journal: Journal = world.saved ?? emptyJournal(JOURNAL_ID)
  if (text && world.saved !== null) {
    const read = decodeJournal(Buffer.from(encodeJournal(world.saved)))
    if (read === null) throw new Error(`a saved journal cannot be read: ${encodeJournal(world.saved)}`)
    journal = read
  }
  const save = (next: Journal): void => {
    journal = { ...next, sequence: next.sequence + 1 }
    if (saving() !== 'saved') return
    world.savedBefore.push(world.saved)
    world.saved = journal
  }
  return {
    entry: (key) => entryOf(journal, key),
    record: (entry) => save(withEntry(journal, entry)),
    forget: (key) => save(withoutEntry(journal, key)),
    host: (key) => hostOf(journal, key),
    learn: (host) => save(withHost(journal, host)),
  }
}
