/** A download under way on the disk: written by this process alone, and published only as what it was proven to be. */
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TransferError } from '../core/errors.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'
import { localError, syncError } from './errors.ts'
import { type FileDigester, fileDigester } from './file-digester.ts'
import type { LocalPartial } from './local.ts'
import { isSameFile, type PartialPlace } from './partial-place.ts'
import { digestOf, readRange } from './reading.ts'

const NEVER = new AbortController().signal

/**
 * What nobody but us has done to a file is only known by its size and times. They are looked at each time that our own writes have come to rest, and compared before
 * a digest counts and before the file is published. Where they differ the bytes decide: some file servers set times late, by themselves. What remains unseen is a
 * program that writes into the partial between two of our own writes, or within the same tick of the disk's clock as the last one; it has to do so on purpose.
 */
class OwnWrites {
  private readonly handle: FileHandle
  private underWay = 0
  private begun = 0
  /** Where our own writes make the file end. */
  private end: bigint
  private resting: Promise<void> | null = null
  private lastSeen: BigIntStats
  private disturbed = false

  constructor(handle: FileHandle, opened: BigIntStats) {
    this.handle = handle
    this.lastSeen = opened
    this.end = opened.size
  }

  /** `end`: where the file ends afterwards, from where it ends now. */
  async during(change: () => Promise<void>, end: (now: bigint) => bigint): Promise<void> {
    this.underWay += 1
    this.begun += 1
    try {
      await change()
      this.end = end(this.end)
    } finally {
      this.underWay -= 1
      if (this.underWay === 0) this.resting = this.look(this.begun)
    }
  }

  /** A look that another write has overtaken says nothing; that one brings its own. */
  private async look(begun: number): Promise<void> {
    const seen = await this.handle.stat({ bigint: true }).catch(() => null)
    if (begun !== this.begun) return
    if (seen === null || seen.size !== this.end) this.disturbed = true
    this.lastSeen = seen ?? this.lastSeen
  }

  /** Whether somebody else has touched the file since the last call, as far as that can be seen. */
  async wereDisturbed(): Promise<boolean> {
    await this.resting
    const now = await this.handle.stat({ bigint: true })
    const before = this.lastSeen
    const same = now.size === before.size && now.mtimeNs === before.mtimeNs && now.ctimeNs === before.ctimeNs
    const disturbed = this.disturbed || !same
    this.disturbed = false
    this.lastSeen = now
    this.end = now.size
    return disturbed
  }
}

export async function openedPartial(place: PartialPlace, final: string): Promise<LocalPartial> {
  return new FilePartial(place, final, await place.handle.stat({ bigint: true }))
}

/** What can be called is a property each, so that the whole can be wrapped. */
class FilePartial implements LocalPartial {
  private readonly place: PartialPlace
  private readonly final: string
  private readonly handle: FileHandle
  private readonly opened: BigIntStats
  private readonly own: OwnWrites
  private alongside: FileDigester | null = null
  /** The running digest may have taken in the bytes before this place. */
  private settledTo = 0
  /** Every digest that was given out since the last change: what is published must still have them. */
  private readonly said = new Map<DigestAlgorithm, string>()

  constructor(place: PartialPlace, final: string, opened: BigIntStats) {
    this.place = place
    this.final = final
    this.handle = place.handle
    this.opened = opened
    this.own = new OwnWrites(place.handle, opened)
  }

  readonly size = async (): Promise<number> => {
    return (await this.handle.stat()).size
  }

  readonly write = async (position: number, bytes: Uint8Array): Promise<void> => {
    this.said.clear()
    // What was taken for final is fetched once more: the running digest begins again.
    if (position < this.settledTo) await this.stopAlongside()
    const end = BigInt(position + bytes.length)
    return this.own.during(
      () => this.writeAll(position, bytes),
      (now) => (end > now ? end : now),
    )
  }

  readonly read = (...[range, sink, signal]: Parameters<LocalPartial['read']>): Promise<void> => {
    return readRange(this.handle, range, sink, signal, this.place.path)
  }

  readonly settled = (end: number): void => {
    this.alongside ??= fileDigester(this.handle.fd)
    this.alongside.extend(end)
    this.settledTo = Math.max(this.settledTo, end)
  }

  readonly truncate = async (size: number): Promise<void> => {
    this.said.clear()
    await this.stopAlongside()
    const cut = (): Promise<void> => this.handle.truncate(size).catch(localError(`truncate ${this.place.path}`))
    await this.own.during(cut, () => BigInt(size))
  }

  readonly digest = async (algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string> => {
    await this.confirm(signal)
    const digest = await this.compute(algorithm, signal)
    this.said.set(algorithm, digest)
    return digest
  }

  readonly publish = async (): Promise<void> => {
    const { path, lock } = this.place
    await this.handle.sync().catch(syncError(path))
    await this.confirm(NEVER)
    await this.stopAlongside()
    const ours = await this.handle.stat({ bigint: true })
    const named = await lstat(path, { bigint: true }).catch(() => null)
    if (named === null) throw this.conflict('its name is gone', 'was not touched')
    if (!named.isFile() || !isSameFile(named, ours)) throw this.conflict('its name means another file now', 'was not touched')
    if (ours.nlink !== 1n) throw this.conflict('it has a second name, by which others can write to it', 'was not touched')
    await this.handle.close()
    await rename(path, this.final).catch(localError(`rename the finished download to ${this.final}`))
    await this.assertPublished(ours)
    await syncDirectory(dirname(this.final))
    await lock.release()
  }

  readonly close = async (): Promise<void> => {
    await this.stopAlongside()
    const { path, handle, lock, isPrivate } = this.place
    const named = isPrivate ? await lstat(path, { bigint: true }).catch(() => null) : null
    await handle.close()
    if (named !== null && isSameFile(named, this.opened)) await unlink(path).catch(() => {})
    await lock.release()
  }

  private async compute(algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string> {
    if (algorithm !== 'sha256' || this.alongside === null) return digestOf(this.handle, algorithm, signal)
    try {
      return await this.alongside.finish(await this.size(), signal)
    } finally {
      await this.stopAlongside()
    }
  }

  /** Somebody else touched the file: what was said of its bytes must hold for those that are there now. */
  private async confirm(signal: AbortSignal): Promise<void> {
    if (!(await this.own.wereDisturbed())) return
    await this.stopAlongside()
    const { path } = this.place
    // Nothing was said yet: what was written has to be looked at again before anything is said.
    if (this.said.size === 0) throw new TransferError('integrity', `somebody else wrote to the partial while it was downloaded: ${path}`)
    for (const [algorithm, digest] of this.said) {
      if ((await digestOf(this.handle, algorithm, signal)) === digest) continue
      throw this.conflict('somebody else wrote to it after it was proven', 'was not touched')
    }
    if (await this.own.wereDisturbed()) throw this.conflict('somebody else is writing to it', 'was not touched')
  }

  /** Another download of the same file may have published in the same moment: then the same bytes are there. */
  private async assertPublished(ours: BigIntStats): Promise<void> {
    const now = await lstat(this.final, { bigint: true }).catch(() => null)
    if (now?.isFile() === true && isSameFile(now, ours) && now.size === ours.size) return
    if (now === null) throw this.conflict('it was renamed, and nothing is under the final name now', 'is gone')
    const sha256 = this.said.get('sha256')
    const handle = now.isFile() ? await open(this.final, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(() => null) : null
    try {
      if (handle !== null && sha256 !== undefined && (await digestOf(handle, 'sha256', NEVER)) === sha256) return
    } finally {
      await handle?.close()
    }
    throw this.conflict('another file has taken the final name since it was renamed', 'was replaced')
  }

  private conflict(seen: string, previous: string): TransferError {
    return new TransferError('conflict', `the finished download is not what this process wrote: ${seen}: ${this.place.path}`, {
      hint: `What was under ${this.final} ${previous}. See which other program works in this directory.`,
    })
  }

  private async stopAlongside(): Promise<void> {
    const running = this.alongside
    this.alongside = null
    this.settledTo = 0
    await running?.stop()
  }

  private async writeAll(position: number, bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.handle
        .write(bytes, written, bytes.length - written, position + written)
        .catch(localError(`write ${this.place.path}`))
      written += bytesWritten
    }
  }
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return // directories cannot be opened there; NTFS journals renames
  // The rename has happened: a directory that may not be read, or a file system that refuses, must not make it a failure.
  const handle = await open(directory, constants.O_RDONLY).catch(() => null)
  await handle?.sync().catch(() => {})
  await handle?.close()
}
