/** Who is who in one direction, as one process meets it: source, partials and final name. */

import { partialParts, passingKind } from '../../src/core/paths.ts'
import type { Kind } from './alphabet.ts'
import { below } from './chance.ts'
import { Doubt } from './doubt.ts'
import { Ledger } from './ledger.ts'
import type { Profile } from './profiles.ts'
import { NO_BYTES, patched, type ServerFile, type World } from './world.ts'

/** Of either end, in any shape. */
export function isPartial(name: string): boolean {
  return partialParts(FINAL, name) !== null || partialParts(LOCAL, name) !== null
}

export function isAside(name: string): boolean {
  return passingKind(FINAL, name) === 'aside'
}

export type Direction = 'upload' | 'download'

export const LOCAL = 'local.bin'
export const FINAL = 'final.bin'
/** A file of somebody else. */
export const BYSTANDER = 'theirs.bin'

/** What people's files have. */
const MODES: readonly number[] = [0o600, 0o755, 0o640, 0o644]

/** None that turns over on the way (2, 64), in the store (4) or in a partial (16): an accident that undoes a change exactly leaves nothing that could be noticed. */
const FLIPS: readonly number[] = [1, 8, 32, 128]

export class Scene {
  readonly world: World
  readonly profile: Profile
  readonly direction: Direction
  readonly random: () => number
  /** Of the final name; shared by all processes that have the same target. */
  readonly ledger: Ledger
  /** All who have the same target, this one included. */
  readonly peers: Scene[]
  readonly doubt = new Doubt()
  wireFlips = 0
  /** Every content that the source had, oldest first. */
  readonly versions: Buffer[]
  /** Others took the partial away in this attempt. */
  taken = false
  /** Others changed the partial in this attempt. */
  edited = false
  /** The server restarted in this attempt and lost what it had not made durable, also of files that waited aside. */
  restarted = false
  /** An attempt is under way. */
  travelling = false
  /** This job wrote to the final name itself. */
  direct = false

  constructor(world: World, profile: Profile, direction: Direction, random: () => number, beside: Scene | null = null) {
    this.world = world
    this.profile = profile
    this.direction = direction
    this.random = random
    this.ledger = beside?.ledger ?? new Ledger()
    // What is downloaded is the server's, whoever asks.
    this.versions = direction === 'download' && beside !== null ? beside.versions : []
    this.peers = beside?.peers ?? []
    this.peers.push(this)
  }

  get source(): Buffer {
    return (this.direction === 'upload' ? this.world.local.get(LOCAL) : this.world.server.get(FINAL)?.bytes) ?? NO_BYTES
  }

  /** `quietly`: size and time stay as they were. */
  setSource(bytes: Buffer, quietly = false): void {
    const { world, doubt, direction } = this
    doubt.version = this.versions.push(bytes) - 1
    if (direction === 'download' && !this.isIdentified && this.travelling) doubt.unseen = true
    if (direction === 'download' && this.travelling) doubt.changed = true
    if (!quietly) world.wallMs += 5000
    world.version += 1
    if (direction === 'upload') world.local.set(LOCAL, bytes)
    else {
      const before = world.server.get(FINAL)?.modifiedAtMs
      world.server.set(FINAL, { bytes, modifiedAtMs: quietly && before !== undefined ? before : world.wallMs, durable: bytes.length })
    }
  }

  /** Two looks at the source could tell that it changed. */
  get isIdentified(): boolean {
    return this.profile.identity !== 'none' && this.profile.unsized !== true
  }

  /** Of the file under the final name of an upload, where the server tells it. */
  get finalMode(): number | null {
    const file = this.direction === 'upload' && this.profile.modes !== undefined ? this.world.server.get(FINAL) : undefined
    return file === undefined ? null : (file.mode ?? 0o644)
  }

  get final(): Buffer | null {
    return (this.direction === 'upload' ? this.world.server.get(FINAL)?.bytes : this.world.local.get(LOCAL)) ?? null
  }

  /** An upload that goes to the final name itself. */
  get inPlace(): boolean {
    return this.direction === 'upload' && (this.profile.rename === 'none' || this.direct)
  }

  setFinal(bytes: Buffer | null): void {
    const { world, direction } = this
    world.wallMs += 1000
    if (this.inPlace) this.doubtful(0, Math.max(this.final?.length ?? 0, bytes?.length ?? 0, this.source.length))
    if (bytes === null) (direction === 'upload' ? world.server : world.local).delete(direction === 'upload' ? FINAL : LOCAL)
    else if (direction === 'upload')
      world.server.set(FINAL, {
        bytes,
        modifiedAtMs: world.wallMs,
        durable: bytes.length,
        mode: MODES[bytes.length % MODES.length] ?? 0o644,
      })
    else world.local.set(LOCAL, bytes)
    this.ledger.note(null, 'others', bytes)
  }

  /** The server changed a file: whether that is what the final name means now. */
  changed(file: ServerFile, author: object | null): void {
    if (this.direction === 'upload' && this.world.server.get(FINAL) === file)
      this.ledger.note(author, 'written', file.bytes, { doubted: this.doubt.bytes.size > 0 })
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
    for (const name of this.world.local.keys()) if (isPartial(name)) return true
    return false
  }

  changePartial(change: (bytes: Buffer) => Buffer): void {
    const { server, local } = this.world
    if (this.direction === 'upload') {
      const theirs = server.get(BYSTANDER)
      for (const [name, file] of server) if (isPartial(name) && file !== theirs) file.bytes = change(file.bytes)
    } else {
      for (const name of local.keys()) if (isPartial(name)) local.touch(name, change(local.get(name) ?? NO_BYTES))
    }
  }

  removePartial(): void {
    this.taken = true
    for (const files of [this.world.server, this.world.local]) for (const name of files.keys()) if (isPartial(name)) files.delete(name)
  }

  flipped(bytes: Buffer, from = 0, to = bytes.length): Buffer {
    if (bytes.length === 0) return bytes
    const at = Math.min(bytes.length - 1, from + below(this.random, Math.max(1, to - from)))
    return patched(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (FLIPS[below(this.random, FLIPS.length)] ?? 1)))
  }

  /** Whether this server can do that at all. */
  allows(kind: Kind): boolean {
    const { profile, direction } = this
    if (kind === 'accepted-late' || kind === 'accepted-never') return profile.accepts === true && direction === 'upload'
    if (kind === 'cache-copies' || kind === 'cache-forgets') return profile.cache !== undefined
    if (kind === 'partial-linked') return direction === 'upload'
    return true
  }
}
