import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { throwIfAborted } from '../core/errors.ts'
import { strangerToFolder } from '../state/ownership.ts'

const TOOL = 'resumable-transfer'
const VERSION = '1.0.0'

const POLL_MS = 100
/** How long another job may take to make an empty folder before we take over from it. */
const PATIENCE_MS = 3_000

/** The variables that decide whether this machine keeps anything between jobs. The toolkit itself reads RUNNER_TOOL_CACHE from the process. */
export interface ToolCacheEnvironment {
  readonly RUNNER_ENVIRONMENT?: string | undefined
  readonly RUNNER_TOOL_CACHE?: string | undefined
  readonly RUNNER_TEMP?: string | undefined
}

/** Hosted runners have a tool cache too, but each machine lives for one job. */
export function hasLastingToolCache(environment: ToolCacheEnvironment): boolean {
  return environment.RUNNER_ENVIRONMENT === 'self-hosted' && (environment.RUNNER_TOOL_CACHE ?? '') !== ''
}

/**
 * The folder of this tool in the runner's tool cache, made when it is not there yet, mode 0700. Other jobs of the same user share it. Where the folder belongs to
 * another user, as with two runners of one machine, this user gets one under a name of his own.
 * Rejects with the signal's reason, or with an Error when the tool cache cannot be written. Bounded by twelve seconds.
 */
export async function toolCacheFolder(environment: ToolCacheEnvironment, signal: AbortSignal): Promise<string> {
  const toolCache = environment.RUNNER_TOOL_CACHE ?? ''
  if (toolCache === '') throw new Error('RUNNER_TOOL_CACHE is not set')
  const user = process.geteuid?.()
  let failure: unknown = null
  for (const tool of user === undefined ? [TOOL] : [TOOL, `${TOOL}-${user}`]) {
    try {
      const folder = await folderOf(tool, toolCache, environment.RUNNER_TEMP ?? tmpdir(), signal)
      await narrow(folder)
      const why = await strangerToFolder(folder)
      if (why === null) return folder
      failure ??= new Error(why)
    } catch (error) {
      if (signal.aborted) throw error
      failure ??= error
    }
  }
  throw failure
}

async function folderOf(tool: string, toolCache: string, scratch: string, signal: AbortSignal): Promise<string> {
  const { cacheDir, find } = await import('@actions/tool-cache')
  const found = find(tool, VERSION)
  if (found !== '') return found
  const lock = join(toolCache, tool, 'making')
  if (!(await acquire(lock, () => find(tool, VERSION) !== '', signal))) return find(tool, VERSION)
  try {
    // cacheDir first removes what is there: another job may have made the folder, and saved into it, since we looked.
    const made = find(tool, VERSION)
    return made !== '' ? made : await makeFolder((source) => cacheDir(source, tool, VERSION), scratch)
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

/** A folder of this user that the job which made it did not come to close to others. */
async function narrow(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder)
  if (uid === process.geteuid?.() && (mode & 0o077) !== 0) await chmod(folder, 0o700)
}

async function makeFolder(cacheDir: (source: string) => Promise<string>, scratch: string): Promise<string> {
  const empty = await mkdtemp(join(scratch, `${TOOL}-`))
  try {
    const folder = await cacheDir(empty)
    await chmod(folder, 0o700)
    return folder
  } finally {
    await rm(empty, { recursive: true, force: true })
  }
}

/** Takes the lock directory. False when somebody else finished the work meanwhile. */
async function acquire(lock: string, finished: () => boolean, signal: AbortSignal): Promise<boolean> {
  await mkdir(dirname(lock), { recursive: true })
  for (const takeOver of [true, false]) {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
      throwIfAborted(signal)
      if (await makeDirectory(lock)) return true
      if (finished()) return false
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined)
    }
    if (takeOver) await removeAbandoned(lock)
  }
  throw new Error(`another job holds ${lock}`)
}

async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** The holder of the lock was killed. It is renamed first, because of several jobs that wait only one can rename it. */
async function removeAbandoned(lock: string): Promise<void> {
  const aside = `${lock}.${randomBytes(6).toString('hex')}`
  try {
    await rename(lock, aside)
    await rm(aside, { recursive: true, force: true })
  } catch {
    // somebody else was faster
  }
}
