/** Where a download goes, on a disk in memory: what src/local/target.ts promises, with a place to crash at every effect. */
import { TransferError } from '../../src/core/errors.ts'
import { partialName } from '../../src/core/paths.ts'
import type { LocalFile, LocalPartial, LocalTarget } from '../../src/local/local.ts'
import type { Disk, Inode } from './disk.ts'
import type { Step } from './local.ts'
import { digestOf, NO_BYTES, patched, resized, type World } from './world.ts'

/** Told of what happens to the partial, for the judge. */
export interface Watcher {
  written(start: number, end: number): void
  cut(size: number): void
  digested(): void
  publish(bytes: Buffer): void
  /** The final name means something else now, or what it means may have been written to. */
  changed(how: 'renamed' | 'written'): void
}

const NOBODY: Watcher = { written: () => {}, cut: () => {}, digested: () => {}, publish: () => {}, changed: () => {} }

export interface TargetOptions {
  readonly step: Step
  readonly watcher: Watcher
  /** This process: what it has locked is free when it is not alive any more. */
  readonly owner: { readonly alive: boolean }
  /** Of partials that need another name, because a living process has the usual one. */
  newNonce(): string
}

const ALONE: Omit<TargetOptions, 'step'> = { watcher: NOBODY, owner: { alive: true }, newNonce: () => '00000000' }

export function simulatedTarget(world: World, path: string, step: Step, options: Omit<TargetOptions, 'step'> = ALONE): LocalTarget {
  const { local } = world
  const { watcher, owner } = options
  const partialPath = (tag: string): string => partialName(path, tag)
  const isFree = (inode: Inode | undefined): boolean => inode?.owner == null || inode.owner === owner || !inode.owner.alive
  return {
    finalSize: async () => local.get(path)?.length ?? null,
    digestFinal: async (algorithm) => digestOf(local.get(path) ?? NO_BYTES, algorithm),
    openFinal: async () => opened(local.inode(path) ?? { bytes: NO_BYTES, touched: 0, owner: null }),
    openPartial: async (tag) => {
      const usual = partialPath(tag)
      const own = isFree(local.inode(usual)) ? usual : partialName(path, tag, options.newNonce())
      if (!local.has(own)) local.set(own, NO_BYTES)
      return new SimulatedPartial(local, { path: own, final: path, isSpare: own !== usual }, { ...options, step })
    },
    removePartial: async (tag) => {
      await step('remove local')
      if (isFree(local.inode(partialPath(tag))) && local.delete(partialPath(tag))) watcher.cut(0)
    },
  }
}

function opened(inode: Inode): LocalFile {
  return {
    size: async () => inode.bytes.length,
    read: async (range, sink) => {
      if (inode.bytes.length < range.end) throw new TransferError('conflict', 'the file became shorter while it was read')
      await sink(inode.bytes.subarray(range.start, range.end))
    },
    digest: async (algorithm) => digestOf(inode.bytes, algorithm),
    close: async () => {},
  }
}

interface Names {
  readonly path: string
  readonly final: string
  /** A name that no other process looks for. */
  readonly isSpare: boolean
}

class SimulatedPartial implements LocalPartial {
  private readonly disk: Disk
  private readonly names: Names
  private readonly options: TargetOptions
  private readonly inode: Inode
  /** What others had done to the file by our last write. */
  private touched: number
  /** The running digest takes in bytes as they settle: up to `end`, as they were then. */
  private readonly settledBytes: { readonly start: number; readonly end: number; readonly bytes: Buffer }[] = []
  private touchedBefore: number

  constructor(disk: Disk, names: Names, options: TargetOptions) {
    this.disk = disk
    this.names = names
    this.options = options
    this.inode = disk.inode(names.path) ?? { bytes: NO_BYTES, touched: 0, owner: null }
    this.inode.owner = options.owner
    this.touched = this.inode.touched
    this.touchedBefore = this.inode.touched
  }

  async size(): Promise<number> {
    return this.inode.bytes.length
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    const { inode, options } = this
    await options.step('write local')
    if (position < (this.settledBytes.at(-1)?.end ?? 0)) this.settledBytes.length = 0
    if ((position & 16) !== 0) await null // writes overlap, and need not end in order
    inode.bytes = patched(inode.bytes, position, bytes)
    this.touched = inode.touched
    // A file that others removed is still there for who has it open, and nowhere else.
    if (this.disk.inode(this.names.path) === inode) options.watcher.written(position, position + bytes.length)
    else options.watcher.changed('written')
  }

  read: LocalPartial['read'] = (range, sink, signal) => opened(this.inode).read(range, sink, signal)

  settled(end: number): void {
    const start = this.settledBytes.at(-1)?.end ?? 0
    if (start === 0) this.touchedBefore = this.inode.touched
    if (end > start) this.settledBytes.push({ start, end, bytes: this.inode.bytes })
  }

  async digest(algorithm: Parameters<LocalPartial['digest']>[0]): Promise<string> {
    const { inode, options } = this
    const running = this.settledBytes.splice(0)
    options.watcher.digested()
    // One that was computed while the bytes came counts only if nobody else touched the file.
    if (algorithm !== 'sha256' || running.length === 0 || this.touchedBefore !== inode.touched) return digestOf(inode.bytes, algorithm)
    const pieces = running.map(({ start, end, bytes }) => bytes.subarray(start, end))
    return digestOf(Buffer.concat([...pieces, inode.bytes.subarray(running.at(-1)?.end ?? 0)]), algorithm)
  }

  async truncate(size: number): Promise<void> {
    await this.options.step('truncate local')
    this.settledBytes.length = 0
    this.inode.bytes = resized(this.inode.bytes, size)
    this.touched = this.inode.touched
    this.options.watcher.cut(size)
  }

  async publish(): Promise<void> {
    const { disk, inode, names, options } = this
    const { step, watcher } = options
    await step('sync')
    await step('commit')
    const own = disk.inode(names.path) === inode && inode.touched === this.touched
    inode.owner = null
    if (!own) throw new TransferError('conflict', 'the partial was changed by somebody else')
    disk.delete(names.path)
    disk.place(names.final, inode)
    watcher.publish(inode.bytes)
    watcher.changed('renamed')
    await step('committed')
  }

  async close(): Promise<void> {
    const { disk, inode, names } = this
    if (inode.owner === this.options.owner) inode.owner = null
    if (names.isSpare && disk.inode(names.path) === inode) disk.delete(names.path)
  }
}
