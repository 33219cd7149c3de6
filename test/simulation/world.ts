/** The durable world of a history (server files, local disk, saved journals) and the volatile attempt that runs in it. */
import { createHash } from 'node:crypto'
import { decodeJournal, emptyJournal, encodeJournal, entryOf, type Journal, withEntry, withoutEntry } from '../../src/core/journal.ts'
import type { Clock, Recorder } from '../../src/engine/ports.ts'

/** A seeded source of chance: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function randomBytes(random: () => number, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Thrown through everything when the machine dies: no handler of the engine may turn it into an answer, because the attempt is never looked at again. */
export class Crash extends Error {}

export interface ServerFile {
  bytes: Buffer
  modifiedAtMs: number
  /** Bytes below this survive a restart of the server. */
  durable: number
}

/** Virtual time: sleeping is free, timers fire only when nothing else can happen (`stall`). */
export class VirtualClock implements Clock {
  private now = 0
  private timers: { at: number; action: () => void }[] = []

  nowMs(): number {
    return this.now
  }

  async sleep(ms: number): Promise<void> {
    this.now += ms
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.now + ms, action }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((t) => t !== timer)
    }
  }

  /** Lets time pass until `done`, firing timers in order; throws when there is nothing left to wait for: a hang. */
  async pass(done: () => boolean): Promise<void> {
    while (!done()) {
      this.timers.sort((a, b) => a.at - b.at)
      const next = this.timers.shift()
      if (next === undefined) throw new Error('hang: nothing moves and no timer is set')
      this.now = Math.max(this.now, next.at)
      next.action()
      await Promise.resolve()
    }
  }
}

export interface World {
  readonly server: Map<string, ServerFile>
  /** Local files by path: upload sources, download partials and targets. */
  readonly local: Map<string, Buffer>
  /** What the state store and the machine's own journal file hold. */
  saved: Uint8Array | null
  wallMs: number
}

export function emptyWorld(): World {
  return { server: new Map(), local: new Map(), saved: null, wallMs: 1_000_000 }
}

export const JOURNAL_ID = '00112233445566ff'

/** The journal kept in memory and written through to the world, as state/keeper.ts does it. `saving` may fail or crash. */
export function worldRecorder(world: World, saving: () => 'saved' | 'lost'): Recorder {
  let journal: Journal = (world.saved === null ? null : decodeJournal(world.saved)) ?? emptyJournal(JOURNAL_ID)
  const save = (next: Journal): void => {
    journal = { ...next, sequence: next.sequence + 1 }
    if (saving() === 'saved') world.saved = Buffer.from(encodeJournal(journal))
  }
  return {
    entry: (key) => entryOf(journal, key),
    record: (entry) => save(withEntry(journal, entry)),
    forget: (key) => save(withoutEntry(journal, key)),
  }
}
