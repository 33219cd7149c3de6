/** Two lines of a step may name one file: by links, letter case or the form of their accents. The second would take away what the first has put there. */
import { randomBytes } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { lstat, open, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { TransferError } from '../core/errors.ts'

interface Place {
  readonly path: string
  /** The nearest directory above that is there already. */
  readonly directory: string
  /** Device and number of that directory, however it was reached. */
  readonly id: string
  /** From there down to the file; nothing of it is there yet, but for the last. */
  readonly below: readonly string[]
}

/** Rejects with `conflict` when two of the targets are one file on this disk. Nothing needs to be there yet; nothing is left behind. */
export async function refuseAliases(paths: readonly string[]): Promise<void> {
  const directories = new Map<string, Promise<string | null>>()
  const groups = new Map<string, Place[]>()
  for (const path of paths) {
    const place = await placeOf(path, directories)
    const key = `${place.id}\n${folded(place.below.join('\n'))}`
    groups.set(key, [...(groups.get(key) ?? []), place])
  }
  for (const group of groups.values()) {
    for (const [i, one] of group.entries()) {
      for (const other of group.slice(i + 1)) if (await areOne(one, other)) throw aliasError(one, other)
    }
  }
}

function aliasError(one: Place, other: Place): TransferError {
  return new TransferError('conflict', `two lines have one file as their target on this disk: ${one.path} and ${other.path}`, {
    hint: 'Links, letter case or the form of accented letters make them one. Give one of them another name: URL => name.',
  })
}

async function placeOf(path: string, directories: Map<string, Promise<string | null>>): Promise<Place> {
  const below = [basename(path)]
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const known = directories.get(directory) ?? idOf(directory)
    directories.set(directory, known)
    const id = await known
    if (id !== null || directory === dirname(directory)) return { path, directory, id: id ?? directory, below }
    below.unshift(basename(directory))
  }
}

async function idOf(directory: string): Promise<string | null> {
  const about = await stat(directory, { bigint: true }).catch(() => null)
  return about === null ? null : fileId(about)
}

/** On Windows the number of the file is enough, and the one of the volume not always the same. */
function fileId({ dev, ino }: BigIntStats): string {
  return process.platform === 'win32' ? String(ino) : `${dev}:${ino}`
}

/** Equal for names that some disk takes for one. */
function folded(name: string): string {
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}

/** Of two places in one directory whose names fold together. Whether this disk folds them a scratch file shows. */
async function areOne(a: Place, b: Place): Promise<boolean> {
  const [i] = a.below.flatMap((name, at) => (name === b.below[at] ? [] : [at]))
  if (i === undefined) return true
  const mark = `.rt-probe-${randomBytes(4).toString('hex')}-`
  const [made, asked] = [a, b].map(({ below }) => join(a.directory, mark + (below[i] ?? '')))
  if (made === undefined || asked === undefined) return false
  try {
    await (await open(made, 'wx', 0o600)).close()
  } catch (error) {
    // Too long with the mark before it: such a pair is refused unseen. Where nothing can be made nothing will be downloaded either.
    return error instanceof Error && 'code' in error && error.code === 'ENAMETOOLONG'
  }
  try {
    return (await lstat(asked).catch(() => null)) !== null
  } finally {
    await unlink(made).catch(() => {})
  }
}

export interface FinishedTarget {
  readonly path: string
  readonly size: number | null
  /** Of the whole file, when known. */
  readonly digest: string | null
}

/**
 * The last look at everything that was put in place: what is wrong with each of the targets, or null. Two names of one file are right when both were to hold the
 * same bytes.
 */
export async function findLost(targets: readonly FinishedTarget[]): Promise<readonly (TransferError | null)[]> {
  const seen = new Map<string, FinishedTarget>()
  const found: (TransferError | null)[] = []
  // The later one has the file; what the earlier one had put there is gone.
  for (const target of [...targets].reverse()) {
    const about = await lstat(target.path, { bigint: true }).catch(() => null)
    // Some file systems number no files.
    const id = about === null || about.ino === 0n ? null : fileId(about)
    const other = id === null ? undefined : seen.get(id)
    if (id !== null && other === undefined) seen.set(id, target)
    found.unshift(lostIn(target, about, other))
  }
  return found
}

function lostIn(target: FinishedTarget, about: BigIntStats | null, other: FinishedTarget | undefined): TransferError | null {
  const hint = 'See which other line or program writes there.'
  if (about === null) return new TransferError('conflict', `the file that was put in place is gone: ${target.path}`, { hint })
  if (!about.isFile())
    return new TransferError('conflict', `the file that was put in place is no plain file any more: ${target.path}`, { hint })
  if (other !== undefined && (target.digest === null || target.digest !== other.digest))
    return new TransferError('conflict', `${target.path} and ${other.path} are one file, which holds the latter`, { hint })
  if (target.size === null || about.size === BigInt(target.size)) return null
  return new TransferError('conflict', `${target.path} holds ${about.size} bytes, and ${target.size} were put in place`, { hint })
}
