/** A control group with a bound on memory: beyond it the kernel kills. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const ROOT = '/sys/fs/cgroup'

export interface MemoryGroup {
  /** Environment that takes a Node process into the group before it does anything, as the first one to be killed. */
  readonly environment: Readonly<Record<string, string>>
  readonly processes: string
  /** The most that the group has held, page cache included, or null where the kernel does not tell. */
  peak(): number | null
}

/** Null with a printed reason where groups cannot be made: not root, a read-only /sys/fs/cgroup, no memory controller. */
export function memoryGroup(t: TestContext, bytes: number): MemoryGroup | null {
  const name = `rt-test-${process.pid}`
  try {
    const first = existsSync(join(ROOT, 'memory'))
      ? firstVersion(join(ROOT, 'memory', name), bytes)
      : secondVersion(join(ROOT, name), bytes)
    t.after(() => rmdirSync(first.folder))
    const processes = join(first.folder, 'cgroup.procs')
    const joining = `import { writeFileSync } from 'node:fs'
writeFileSync('/proc/self/oom_score_adj', '1000')
writeFileSync('${processes}', String(process.pid))`
    const peak = (): number | null => (existsSync(first.peakFile) ? Number(readFileSync(first.peakFile, 'utf8')) : null)
    return { environment: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(joining)}` }, processes, peak }
  } catch (error) {
    t.skip(`no group with a bound on memory can be made here: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

interface Group {
  readonly folder: string
  readonly peakFile: string
}

function firstVersion(folder: string, bytes: number): Group {
  mkdirSync(folder)
  writeFileSync(join(folder, 'memory.limit_in_bytes'), String(bytes))
  return { folder, peakFile: join(folder, 'memory.max_usage_in_bytes') }
}

function secondVersion(folder: string, bytes: number): Group {
  writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+memory')
  mkdirSync(folder)
  writeFileSync(join(folder, 'memory.max'), String(bytes))
  return { folder, peakFile: join(folder, 'memory.peak') }
}
