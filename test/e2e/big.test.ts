/** Beyond four gigabytes, where a number of 32 bits ends: killed there, continued there, in little memory. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createStep } from './action.ts'
import { MIB, randomBytes } from './files.ts'
import { attemptUntil, passed } from './kills.ts'
import { assertComplete } from './outcome.ts'
import { actionProcess, memoryPeak } from './process.ts'
import { vsftpdSite } from './sites.ts'

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

test('ftp: killed beyond 4 GiB and continued', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  const step = await createStep(t, { inputs: { ...site.inputs, source: NAME, destination: site.url(NAME) }, secrets: site.secrets })
  writeSource(step.local(NAME))
  let peak = 0
  const timer = setInterval(() => {
    const pid = actionProcess()
    peak = Math.max(peak, pid === null ? 0 : (memoryPeak(pid) ?? 0))
  }, 100)
  t.after(() => clearInterval(timer))
  const killed = await attemptUntil(step, site, 'up', passed(site, 'up') + 4 * GIB + 32 * MIB)
  assert.equal(killed.signal, 'SIGKILL', killed.log)
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.ok(Number(run.outputs['bytes-reused']) >= 4 * GIB - 32 * MIB, `only ${run.outputs['bytes-reused']} bytes were kept`)
  assert.equal(statSync(join(site.server.root, NAME)).size, SIZE)
  execFileSync('cmp', [step.local(NAME), join(site.server.root, NAME)])
  assert.ok(peak > 0 && peak <= MEMORY_MAX, `${(peak / MIB).toFixed(0)} MiB of memory`)
  t.diagnostic(`memory peak ${(peak / MIB).toFixed(0)} MiB`)
})
