/** strace as a test uses it: which calls the action makes on some paths, and a fault at one of them. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { serverOrSkip } from '../servers/debian.ts'
import type { RunOptions } from './runner.ts'

export interface Tracing {
  /** Where the calls are written to. */
  readonly log: string
  readonly calls: readonly string[]
  /** Only calls on these paths, and on descriptors of them, are seen and counted. `$NAME` is a variable of the action's environment. */
  readonly paths?: readonly string[]
  /** As in `-e inject=`: `fsync:error=EIO`, `pwrite64:signal=SIGKILL:when=3`. strace counts for every thread and every name of a call on its own. */
  readonly inject?: string
}

export interface TracedCall {
  readonly call: string
  /** Which one of this name in its thread, from 1. */
  readonly ordinal: number
  readonly text: string
}

/** One thread for all file operations, so that counting their calls means something. */
export const ONE_THREAD = { UV_THREADPOOL_SIZE: '1' }

/** False with a printed reason; in CI a failure. A container may have strace and forbid it. */
export function canTrace(t: TestContext): boolean {
  if (serverOrSkip(t, 'strace') === null) return false
  const tried = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], { encoding: 'utf8' })
  if (tried.status === 0) return true
  const reason = `strace may not trace here: ${tried.stderr.trim()}`
  if (process.env.CI === 'true') throw new Error(reason)
  t.skip(reason)
  return false
}

/** What `RunOptions.under` wants. */
export function strace({ log, calls, paths = [], inject }: Tracing): NonNullable<RunOptions['under']> {
  const faults = inject === undefined ? [] : ['-e', `inject=${inject}`]
  return (environment) => {
    const named = paths.flatMap((path) => ['-P', path.startsWith('$') ? (environment[path.slice(1)] ?? '') : path])
    return ['strace', '-f', '-y', '-o', log, '-e', `trace=${calls.join(',')}`, ...faults, ...named]
  }
}

/** The calls of a log in their order. */
export function tracedCalls(log: string): readonly TracedCall[] {
  const counts = new Map<string, number>()
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? []
      if (thread === undefined || call === undefined) return []
      const ordinal = (counts.get(`${thread} ${call}`) ?? 0) + 1
      counts.set(`${thread} ${call}`, ordinal)
      return [{ call, ordinal, text: line }]
    })
}
