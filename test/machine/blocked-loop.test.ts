/** The event loop stands still for longer than `timeout` (fault 80): no exchange is called stalled for it, even when no retry is left. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { freshMachine } from '../e2e/broken.ts'
import { MIB, putRemote } from '../e2e/files.ts'
import { passed, whenPassed } from '../e2e/kills.ts'
import { assertComplete } from '../e2e/outcome.ts'
import { actionProcess } from '../e2e/process.ts'
import { assertLocal, assertStored, bytes, downloadStep, NAME, SIZE, uploadStep } from '../e2e/scene.ts'
import { httpsSite, type Site, sftpSite, vsftpdSite } from '../e2e/sites.ts'

const TIMEOUT = '1s'
/** Longer than the timeout, and than the double of it that an exchange without file bytes has. */
const BLOCKED_MS = 3_000
const BLOCKS_AT_SIGWINCH = `process.on('SIGWINCH', () => {
  process.stdout.write('blocked\\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${BLOCKED_MS})
})`
const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(BLOCKS_AT_SIGWINCH)}` }
const inputs = { timeout: TIMEOUT, retries: '0' }

async function blockedOnce(t: TestContext, site: Site, direction: 'up' | 'down'): Promise<void> {
  const step = direction === 'up' ? await uploadStep(t, site, inputs) : await downloadStep(t, site, inputs)
  if (direction === 'up') freshMachine(step, NAME, bytes)
  else putRemote(site, NAME, bytes)
  site.proxy.plan({ kind: 'throttle', bytesPerSecond: 8 * MIB, at: 0, direction, channel: site.channel })
  void whenPassed(site, direction, passed(site, direction) + 4 * MIB).then(() => {
    const pid = actionProcess()
    if (pid !== null) process.kill(pid, 'SIGWINCH')
  })
  const run = await step.attempt({ env })
  site.proxy.clear()
  assertComplete(run, { resumed: false, size: SIZE })
  assert.match(run.log, /^blocked$/m)
  if (direction === 'up') assertStored(site)
  else assertLocal(step)
}

for (const open of [sftpSite, vsftpdSite, httpsSite]) {
  for (const direction of ['up', 'down'] as const) {
    if (open === httpsSite && direction === 'up') continue
    test(`${open.name}: blocked on the way ${direction}`, async (t) => {
      const site = await open(t)
      if (site !== null) await blockedOnce(t, site, direction)
    })
  }
}
