/** Which process: what it leaves behind says so, and whoever finds it later can see whether that process still runs. */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, uptime } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  /** When it started, as the kernel counts (field 22 of /proc/<pid>/stat): a process id is given out again. Null where nothing tells. */
  readonly started: string | null
  /** Which boot of the machine; null where nothing tells. */
  readonly boot: string | null
  /** Which process ids it sees: a container has its own. Null where nothing tells. */
  readonly space: string | null
  readonly host: string
}

/** When it was last heard of, and the time now, both by the clock of the disk that its trace lies on. */
export interface Trace {
  readonly lastSeenMs: number
  readonly nowMs: number
}

/** Who has not been heard of for this long, and cannot be asked, is gone: no transfer waits for so long. */
export const SILENCE_MS = 24 * 60 * 60 * 1000

let own: ProcessIdentity | null = null

export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    started: aboutProcess(process.pid)?.started ?? null,
    boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    space: orNull(() => readlinkSync('/proc/self/ns/pid')),
    host: hostname(),
  }
  return own
}

/** Whether that process has ended. In doubt it has not, unless nothing was heard of it for a day. */
export function hasEnded(other: ProcessIdentity, trace: Trace): boolean {
  const silent = trace.nowMs - trace.lastSeenMs > SILENCE_MS
  const me = thisProcess()
  const sameSpace = other.boot === me.boot && other.space === me.space && (me.boot !== null || process.platform !== 'linux')
  if (sameSpace && (me.boot !== null || other.host === me.host)) return isGone(other, silent)
  if (other.host !== me.host || other.boot === null || me.boot === null || other.boot === me.boot) return silent
  // Another boot of a machine of this name. Two machines may have one name: only what was silent before this one started is of an earlier boot of it.
  return silent || trace.lastSeenMs < trace.nowMs - uptime() * 1000
}

/** Of a process that we would see if it ran. */
function isGone(other: ProcessIdentity, silent: boolean): boolean {
  try {
    process.kill(other.pid, 0)
  } catch (error) {
    // A process of another user may not be signalled, and runs.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return true
  }
  const now = aboutProcess(other.pid)
  if (now === null || other.started === null) return silent
  return now.started !== other.started || now.dead
}

/** From /proc: a process that was killed and not waited for is still listed, and has nothing open any more. */
function aboutProcess(pid: number): { readonly started: string; readonly dead: boolean } | null {
  const stat = orNull(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (stat === null) return null
  // The second field is the name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const started = fields[19]
  return started === undefined ? null : { started, dead: state === 'Z' || state === 'X' }
}

export function encodeIdentity(identity: ProcessIdentity): string {
  const { pid, started, boot, space, host } = identity
  return JSON.stringify({ pid, started, boot, space, host })
}

/** Null when it is none of ours. */
export function decodeIdentity(text: string): ProcessIdentity | null {
  const fields: unknown = orNull(() => JSON.parse(text))
  if (typeof fields !== 'object' || fields === null) return null
  const { pid, started, boot, space, host } = fields as Readonly<Record<string, unknown>>
  const isTold = (value: unknown): value is string | null => value === null || typeof value === 'string'
  // Zero and less stand for groups of processes, and would be signalled as such.
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof host !== 'string') return null
  return isTold(started) && isTold(boot) && isTold(space) ? { pid, started, boot, space, host } : null
}

function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
