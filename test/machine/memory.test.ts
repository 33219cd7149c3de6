/** Little memory (fault 140): a file much larger than the bound passes below it, and a process that the kernel kills for want of memory is continued. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, statfsSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MIB, putRemote, randomBytes } from '../e2e/files.ts'
import { allClosed, passed, whenPassed } from '../e2e/kills.ts'
import { assertComplete } from '../e2e/outcome.ts'
import { assertLocal, assertStored, bytes, downloadStep, NAME, SIZE, uploadStep } from '../e2e/scene.ts'
import { sftpSite, vsftpdSite } from '../e2e/sites.ts'
import { memoryGroup } from './memory-group.ts'

const BOUND = 160 * MIB
const LARGE = 288 * MIB + 3
/** As the kernel names tmpfs. Files there are memory, which nobody can take back. */
const TMPFS = 0x01021994

/** Sparse, with something at its places. */
function writeLarge(path: string): void {
  writeFileSync(path, '')
  truncateSync(path, LARGE)
  const file = openSync(path, 'r+')
  for (const place of [0, 200 * MIB, LARGE - MIB]) writeSync(file, randomBytes(MIB), 0, MIB, place)
  closeSync(file)
}

for (const direction of ['up', 'down'] as const) {
  test(`ftp: ${Math.floor(LARGE / MIB)} MiB ${direction} in ${BOUND / MIB} MiB of memory`, async (t) => {
    if (statfsSync(tmpdir()).type === TMPFS) return t.skip('the folder for temporary files is in memory')
    const group = memoryGroup(t, BOUND)
    const site = group === null ? null : await vsftpdSite(t)
    if (group === null || site === null) return
    const step = direction === 'up' ? await uploadStep(t, site) : await downloadStep(t, site)
    const [source, target] =
      direction === 'up' ? [step.local(NAME), join(site.server.root, NAME)] : [join(site.server.root, NAME), step.local(NAME)]
    writeLarge(source)
    const run = await step.attempt({ env: group.environment })
    assertComplete(run, { resumed: false, size: LARGE })
    execFileSync('cmp', [source, target])
    t.diagnostic(`the group held ${((group.peak() ?? 0) / MIB).toFixed(0)} MiB at most, page cache included`)
  })
}

for (const [direction, open] of [
  ['up', vsftpdSite],
  ['down', sftpSite],
] as const) {
  test(`killed by the kernel for want of memory on the way ${direction}, and continued`, async (t) => {
    const group = memoryGroup(t, BOUND)
    const site = group === null ? null : await open(t)
    if (group === null || site === null) return
    const step = direction === 'up' ? await uploadStep(t, site) : await downloadStep(t, site)
    if (direction === 'up') writeFileSync(step.local(NAME), bytes)
    else putRemote(site, NAME, bytes)
    site.proxy.plan({ kind: 'throttle', bytesPerSecond: 8 * MIB, at: 0, direction, channel: site.channel })
    void whenPassed(site, direction, passed(site, direction) + 8 * MIB).then(() => {
      // Somebody else in the group wants all of it; the action is the first to go.
      const glutton = spawn('tail', ['/dev/zero'], { stdio: 'ignore' })
      writeFileSync(group.processes, String(glutton.pid))
    })
    const run = await step.attempt({ env: group.environment })
    assert.equal(run.signal, 'SIGKILL', run.log)
    site.proxy.clear()
    await allClosed(site)
    step.machine.keepWorkspace()
    const next = await step.attempt()
    assertComplete(next, { resumed: true, size: SIZE })
    if (direction === 'up') assertStored(site)
    else assertLocal(step)
  })
}
