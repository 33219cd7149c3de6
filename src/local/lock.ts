/** A file that says which process has something to itself. Whoever finds one sees whether that process still runs, and takes over when it does not. */
import { createHash, randomBytes } from 'node:crypto'
import { link, lstat, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TransferError } from '../core/errors.ts'
import { localError } from './errors.ts'
import { decodeIdentity, encodeIdentity, hasEnded, type ProcessIdentity, SILENCE_MS, thisProcess } from './process-identity.ts'

export interface Lock {
  /** Never rejects: a lock that stays is seen to be of a process that has ended. */
  release(): Promise<void>
}

/** Beginnings of the names of files that exist for a moment. */
export const SCRATCH_PREFIX = '.rt-lock-'
const CLAIM_PREFIX = '.rt-claim-'
const TURNS_MAX = 8
/** A claim on a claim on a claim: so many processes that all died while they took over. */
const DEPTH_MAX = 4

interface Holder {
  /** New for each lock, so that two looks can tell whether it is still the same one. */
  readonly token: string
  readonly identity: ProcessIdentity
}

/**
 * Takes the lock `path`, or null while a process that may still run has it. `activity` is a file that its holder writes to: a holder that cannot be asked counts as
 * running until neither that file nor the lock has changed for a day, by the clock of their disk.
 */
export async function takeLock(path: string, activity: string | null = null): Promise<Lock | null> {
  const token = randomBytes(8).toString('hex')
  const scratch = join(dirname(path), `${SCRATCH_PREFIX}${token}`)
  const mine: Mine = { token, scratch, nowMs: await writeLock(scratch, token) }
  try {
    if (!(await take(path, activity, mine, 0))) return null
    return { release: () => releaseOwn(path, token) }
  } finally {
    await unlink(scratch).catch(() => {})
  }
}

interface Mine {
  readonly token: string
  /** A file with what a lock of ours says, complete before any name of a lock means it. */
  readonly scratch: string
  /** When it was made, by the clock of the disk. */
  readonly nowMs: number
}

/**
 * A lock of a process that has ended is replaced by one rename. Two may both have seen that it has: only the one that holds the claim on exactly this lock may replace
 * it, and looks again once it has the claim. The claim is a lock as well.
 */
async function take(path: string, activity: string | null, mine: Mine, depth: number): Promise<boolean> {
  for (let turn = 0; turn < TURNS_MAX && depth < DEPTH_MAX; turn += 1) {
    if (await create(path, mine)) return true
    const held = await look(path, activity, mine.nowMs)
    if (held === 'gone') continue
    if (!held.ended) return false
    const claim = join(dirname(path), `${CLAIM_PREFIX}${createHash('sha256').update(`${path}\n${held.mark}`).digest('hex').slice(0, 24)}`)
    if (!(await take(claim, null, mine, depth + 1))) return false
    try {
      const now = await look(path, activity, mine.nowMs)
      if (now === 'gone' || now.mark !== held.mark) continue
      await replace(path, mine)
      return true
    } finally {
      await releaseOwn(claim, mine.token)
    }
  }
  return false
}

/** By a hard link, which is there whole or not at all; where the file system has none, by a new file. */
async function create(path: string, mine: Mine): Promise<boolean> {
  try {
    await link(mine.scratch, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
  }
  try {
    await writeLock(path, mine.token)
    return true
  } catch (error) {
    if (error instanceof TransferError && codeOf(error.cause) === 'EEXIST') return false
    throw error
  }
}

async function replace(path: string, mine: Mine): Promise<void> {
  const second = `${mine.scratch}-2`
  await writeLock(second, mine.token)
  await rename(second, path).catch(localError(`lock ${path}`))
}

/** When it was written, by the clock of the disk. */
async function writeLock(path: string, token: string): Promise<number> {
  const handle = await open(path, 'wx', 0o644).catch(localError(`lock ${path}`))
  try {
    await handle.writeFile(`${token}\n${encodeIdentity(thisProcess())}\n`)
    return (await handle.stat()).mtimeMs
  } catch (error) {
    await unlink(path).catch(() => {})
    return localError(`lock ${path}`)(error)
  } finally {
    await handle.close()
  }
}

interface Held {
  /** Tells this lock from any other that has its name before or after. */
  readonly mark: string
  readonly ended: boolean
}

async function look(path: string, activity: string | null, nowMs: number): Promise<Held | 'gone'> {
  const about = await lstat(path).catch(() => null)
  if (about === null) return 'gone'
  const written = activity === null ? null : await stat(activity).catch(() => null)
  const lastSeenMs = Math.max(about.mtimeMs, written?.mtimeMs ?? 0)
  const holder = about.isFile() ? await holderOf(path) : null
  // Nobody can be asked: cut off by a power failure, or not ours.
  if (holder === null) return { mark: `${about.ino} ${about.mtimeMs}`, ended: nowMs - lastSeenMs > SILENCE_MS && about.isFile() }
  return { mark: holder.token, ended: hasEnded(holder.identity, { lastSeenMs, nowMs }) }
}

async function holderOf(path: string): Promise<Holder | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const [token = '', line = ''] = text.split('\n')
  const identity = decodeIdentity(line)
  return identity === null || !/^[0-9a-f]{16}$/.test(token) ? null : { token, identity }
}

async function releaseOwn(path: string, token: string): Promise<void> {
  if ((await holderOf(path))?.token === token) await unlink(path).catch(() => {})
}

/** Whether the process that made this lock has ended, as far as that can be known. */
export async function isAbandoned(path: string, activity: string | null, nowMs: number): Promise<boolean> {
  const held = await look(path, activity, nowMs)
  return held !== 'gone' && held.ended
}

export function isClaim(name: string): boolean {
  return name.startsWith(CLAIM_PREFIX)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
