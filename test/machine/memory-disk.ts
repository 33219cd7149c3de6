/** A disk of a few megabytes that can be full and made larger: tmpfs. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface MemoryDisk {
  readonly path: string
  resize(bytes: number): void
}

/** Mounted until the test ends. Null with a printed reason where nothing can be mounted; as root in CI that is a failure. */
export function memoryDisk(t: TestContext, bytes: number): MemoryDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'rt-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0777`, 'none', path], { encoding: 'utf8' })
  if (mounted.status !== 0) {
    rmdirSync(path)
    const reason = `a tmpfs cannot be mounted here: ${(mounted.error?.message ?? mounted.stderr).trim()}`
    if (process.env.CI === 'true' && process.getuid?.() === 0) throw new Error(reason)
    t.skip(reason)
    return null
  }
  t.after(() => {
    // Lazily: what a failed test left running must not keep it.
    execFileSync('umount', ['-l', path])
    rmdirSync(path)
  })
  return { path, resize: (size) => void execFileSync('mount', ['-o', `remount,size=${size}`, path]) }
}
