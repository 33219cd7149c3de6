/** Beyond four gigabytes, where a number of 32 bits ends: killed there, continued there, in little memory. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createStep } from './action.ts'
import { MIB, randomBytes } from './files.ts'
import { attemptUntil, passed } from './kills.ts'
import { assertComplete } from './outcome.ts'
import { actionProcess, memoryPeak } from './process.ts'
import { sftpSite, vsftpdSite } from './sites.ts'

const GIB = 1024 * MIB
const SIZE = 4 * GIB + 96 * MIB + 5
const NAME = 'big.bin'
const MEMORY_MAX = 200 * MIB

/** Sparse, with something to tell its places apart. */
function writeSource(path: string): void {
  writeFileSync(path, '')
  truncateSync(path, SIZE)
  const file = openSync(path, 'r+')
  for (const place of [0, GIB + 1, 4 * GIB - MIB / 2, 4 * GIB + 40 * MIB, SIZE - 7])
    writeSync(file, randomBytes(MIB), 0, Math.min(MIB, SIZE - place), place)
  closeSync(file)
}

/** Follows the action's processes; returns the most memory that any has held so far. */
function watchMemory(t: TestContext): () => number {
  let peak = 0
  const timer = setInterval(() => {
    const pid = actionProcess()
    peak = Math.max(peak, pid === null ? 0 : (memoryPeak(pid) ?? 0))
  }, 100)
  t.after(() => clearInterval(timer))
  return () => peak
}

function assertLittleMemory(t: TestContext, peak: number): void {
  assert.ok(peak > 0 && peak <= MEMORY_MAX, `${(peak / MIB).toFixed(0)} MiB of memory`)
  t.diagnostic(`memory peak ${(peak / MIB).toFixed(0)} MiB`)
}

test('ftp: killed beyond 4 GiB and continued', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  // Without a state, which would remember the rate of sending: whether reading back or sending is faster here is the noise of this machine.
  const inputs = { ...site.inputs, source: NAME, destination: site.url(NAME), state: 'none' }
  const step = await createStep(t, { inputs, secrets: site.secrets })
  writeSource(step.local(NAME))
  const peak = watchMemory(t)
  const killed = await attemptUntil(step, site, 'up', passed(site, 'up') + 4 * GIB + 32 * MIB)
  assert.equal(killed.signal, 'SIGKILL', killed.log)
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.ok(Number(run.outputs['bytes-reused']) >= 4 * GIB - 32 * MIB, `only ${run.outputs['bytes-reused']} bytes were kept`)
  assert.equal(statSync(join(site.server.root, NAME)).size, SIZE)
  execFileSync('cmp', [step.local(NAME), join(site.server.root, NAME)])
  assertLittleMemory(t, peak())
})

/** Where the most garbage arises: every packet is encrypted into memory of its own. */
test('sftp: 2 GiB in little memory', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const step = await createStep(t, { inputs: { ...site.inputs, source: NAME, destination: site.url(NAME) }, secrets: site.secrets })
  writeFileSync(step.local(NAME), '')
  truncateSync(step.local(NAME), 2 * GIB)
  const peak = watchMemory(t)
  assertComplete(await step.attempt(), { resumed: false, size: 2 * GIB })
  assertLittleMemory(t, peak())
})
