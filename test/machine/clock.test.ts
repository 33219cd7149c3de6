/** The wall clock jumps (fault 81), between attempts and in the middle of one: nothing is decided by it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AttemptOptions, Step } from '../e2e/action.ts'
import { brokenAttempt, freshMachine } from '../e2e/broken.ts'
import { MIB, putRemote } from '../e2e/files.ts'
import { passed, whenPassed } from '../e2e/kills.ts'
import { assertComplete } from '../e2e/outcome.ts'
import { assertLocal, assertStored, bytes, downloadStep, flipped, NAME, SIZE, uploadStep } from '../e2e/scene.ts'
import { sftpSite, vsftpdSite } from '../e2e/sites.ts'
import { serverOrSkip } from '../servers/debian.ts'

const DAY_MS = 86_400_000
const NONE = '+0'
const JUMPS = [NONE, '+10y', '-3d']

/** Another time in `file` is another time for the process at once. The monotonic clock and the times of files stay true. */
function fakeTime(t: TestContext, file: string, jump: string): AttemptOptions | null {
  const library = serverOrSkip(t, 'faketime') === null ? undefined : globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0]
  if (library === undefined) return null
  writeFileSync(file, jump)
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  }
  const now = Number(execFileSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' }))
  assert.ok(Math.abs(now - Date.now()) > 2 * DAY_MS || jump === NONE, `the clock does not jump: ${new Date(now).toISOString()}`)
  return { env }
}

test('sftp upload: ten years on in the second attempt, three days back in the third, whose state is the newest', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const step = await uploadStep(t, site)
  for (const jump of JUMPS) {
    const faked = fakeTime(t, join(site.server.directory, 'time'), jump)
    if (faked === null) return
    freshMachine(step, NAME, bytes)
    await brokenAttempt(step, site, 'up', 4 * MIB, faked)
  }
  // Only the newest journal knows how much of the older version the partial holds.
  const other = flipped(bytes, SIZE - 1)
  freshMachine(step, NAME, other)
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.ok(Number(run.outputs['bytes-reused']) > 8 * MIB, `only ${run.outputs['bytes-reused']} bytes were kept\n${run.log}`)
  assertStored(site, other)
})

test('ftp download: ten years on in the second attempt, three days back in the third', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  putRemote(site, NAME, bytes)
  const step = await downloadStep(t, site)
  for (const jump of JUMPS) {
    const faked = fakeTime(t, join(site.server.directory, 'time'), jump)
    if (faked === null) return
    await brokenAttempt(step, site, 'down', 4 * MIB, faked)
    step.machine.keepWorkspace()
  }
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.ok(Number(run.outputs['bytes-reused']) > 8 * MIB, `only ${run.outputs['bytes-reused']} bytes were kept`)
  assertLocal(step)
})

test('ftp upload: jumps to and fro while it transfers', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  const file = join(site.server.directory, 'time')
  const faked = fakeTime(t, file, NONE)
  if (faked === null) return
  const step: Step = await uploadStep(t, site, { timeout: '5s', retries: '0' })
  freshMachine(step, NAME, bytes)
  site.proxy.plan({ kind: 'throttle', bytesPerSecond: 8 * MIB, at: 0, direction: 'up', channel: site.channel })
  const start = passed(site, 'up')
  const jumps = ['+10y', '-3d', NONE].map((jump, i) =>
    whenPassed(site, 'up', start + (i + 1) * 3 * MIB).then(() => writeFileSync(file, jump)),
  )
  const [run] = await Promise.all([step.attempt(faked), ...jumps])
  assertComplete(run, { resumed: false, size: SIZE })
  assert.ok(run.durationMs < 60_000)
  assertStored(site)
})
