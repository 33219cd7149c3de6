/** The runner's disk is full, read-only or broken (faults 69 to 72): the right kind, the final name untouched, and the next attempt goes on. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MIB, partialsIn } from '../e2e/files.ts'
import { assertComplete, assertFailed } from '../e2e/outcome.ts'
import { vsftpdSite } from '../e2e/sites.ts'
import { canTrace, ONE_THREAD, strace } from '../support/strace.ts'
import { acknowledgedBytes, assertNoLeftovers } from './journals.ts'
import { memoryDisk } from './memory-disk.ts'
import { assertArrived, bytes, type Direction, finalBytes, NAME, old, PARTIAL, smallStep } from './small.ts'

test('ftp download: it fills the disk, and goes on when there is room', async (t) => {
  const disk = memoryDisk(t, 3 * MIB)
  const site = disk === null ? null : await vsftpdSite(t)
  if (disk === null || site === null) return
  const step = await smallStep(t, site, 'download', { destination: join(disk.path, NAME) })
  const full = await step.attempt()
  assertFailed(full, 'no-space', 7)
  assert.equal(partialsIn(disk.path).length, 1)
  const kept = acknowledgedBytes(step)
  assert.ok(kept >= 2 * MIB, `only ${kept} bytes are in the journal`)
  step.machine.keepWorkspace()
  disk.resize(16 * MIB)
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: bytes.length })
  assert.equal(Number(run.outputs['bytes-reused']), kept)
  assert.ok(readFileSync(join(disk.path, NAME)).equals(bytes))
  assert.deepEqual(partialsIn(disk.path), [])
  assertNoLeftovers(step)
})

for (const direction of ['upload', 'download'] as const) {
  test(`ftp ${direction}: the disk of the state is full, which is a warning`, async (t) => {
    const disk = memoryDisk(t, 4096)
    const site = disk === null ? null : await vsftpdSite(t)
    if (disk === null || site === null) return
    chmodSync(disk.path, 0o700)
    writeFileSync(join(disk.path, 'full'), Buffer.alloc(4096))
    const step = await smallStep(t, site, direction, { state: disk.path })
    const run = await step.attempt()
    assertComplete(run, { resumed: false, size: bytes.length })
    assertArrived(site, step, direction)
    const warnings = run.annotations.filter(({ level, message }) => level === 'warning' && message.includes('ENOSPC'))
    assert.equal(warnings.length, 1, run.log)
  })
}

interface Fault {
  /** As strace injects it. On the partial in a download, on the source in an upload. */
  readonly inject: string
  readonly kind: string
  readonly code: number
}

const FAULTS: Readonly<Record<Direction, Readonly<Record<string, Fault>>>> = {
  download: {
    'no space at the third block': { inject: 'pwrite64:error=ENOSPC:when=3+', kind: 'no-space', code: 7 },
    'a broken disk at the third block': { inject: 'pwrite64:error=EIO:when=3+', kind: 'refused', code: 6 },
    'a broken disk when the file is synced': { inject: 'fsync:error=EIO', kind: 'refused', code: 6 },
    'no permission for the partial': { inject: 'openat:error=EACCES', kind: 'refused', code: 6 },
    'a read-only disk': { inject: 'openat:error=EROFS', kind: 'refused', code: 6 },
    'too many open files': { inject: 'openat:error=EMFILE', kind: 'transient', code: 5 },
    'no permission to rename': { inject: 'rename:error=EACCES', kind: 'refused', code: 6 },
  },
  upload: {
    'a broken disk under the source': { inject: 'pread64:error=EIO:when=2+', kind: 'refused', code: 6 },
    'no permission for the source': { inject: 'openat:error=EACCES', kind: 'refused', code: 6 },
    'too many open files': { inject: 'openat:error=EMFILE', kind: 'transient', code: 5 },
  },
}

for (const direction of ['upload', 'download'] as const) {
  test(`ftp ${direction}: no descriptors are left for a while, and it is tried again`, async (t) => {
    if (!canTrace(t)) return
    const site = await vsftpdSite(t)
    if (site === null) return
    const step = await smallStep(t, site, direction)
    const log = join(site.server.directory, 'calls.log')
    const paths = [step.local(direction === 'upload' ? NAME : PARTIAL)]
    const inject = 'openat:error=EMFILE:when=1..2'
    const run = await step.attempt({ env: ONE_THREAD, under: strace({ log, calls: ['openat'], paths, inject }) })
    assertComplete(run, { resumed: false, size: bytes.length })
    assert.equal(readFileSync(log, 'utf8').match(/INJECTED/g)?.length, 2)
    assertArrived(site, step, direction)
  })
}

test('ftp download: the folder cannot be opened to sync it after the rename, which does not matter', async (t) => {
  if (!canTrace(t)) return
  const site = await vsftpdSite(t)
  if (site === null) return
  const step = await smallStep(t, site, 'download')
  const log = join(site.server.directory, 'calls.log')
  const under = strace({ log, calls: ['openat'], paths: [step.machine.workspace], inject: 'openat:error=EMFILE' })
  assertComplete(await step.attempt({ env: ONE_THREAD, under }), { resumed: false, size: bytes.length })
  assert.match(readFileSync(log, 'utf8'), /INJECTED/)
  assertArrived(site, step, 'download')
  assertNoLeftovers(step)
})

for (const direction of ['upload', 'download'] as const) {
  test(`ftp ${direction}: the operating system says no`, async (t) => {
    if (!canTrace(t)) return
    const site = await vsftpdSite(t)
    if (site === null) return
    const faulty = (t: TestContext) => smallStep(t, site, direction, { retries: '0' })
    for (const [name, { inject, kind, code }] of Object.entries(FAULTS[direction])) {
      await t.test(name, async (t) => {
        const step = await faulty(t)
        const paths = [step.local(direction === 'upload' ? NAME : PARTIAL)]
        const log = join(site.server.directory, 'calls.log')
        const call = inject.split(':')[0] ?? ''
        const run = await step.attempt({ env: ONE_THREAD, under: strace({ log, calls: [call], paths, inject }) })
        assertFailed(run, kind, code)
        assert.match(readFileSync(log, 'utf8'), /INJECTED/)
        assert.ok(finalBytes(site, step, direction)?.equals(old), 'the final name was touched')
        // Nothing was begun: there is nothing to continue.
        if (call === 'openat') return
        step.machine.keepWorkspace()
        const kept = acknowledgedBytes(step)
        const next = await step.attempt()
        assertComplete(next, { resumed: kept > 0, size: bytes.length })
        assertArrived(site, step, direction)
      })
    }
  })
}
