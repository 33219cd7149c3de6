/** However the runner ends a step: in time, with the state saved, and the next attempt continues. */
import assert from 'node:assert/strict'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startSilentServer } from '../servers/scripted-sftp.ts'
import type { ActionRun, Interruption } from '../support/runner.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createStep, type Step } from './action.ts'
import { brokenAttempt, freshMachine } from './broken.ts'
import { getRemote, MIB, partialsIn, randomBytes } from './files.ts'
import { passed, whenPassed } from './kills.ts'
import { assertComplete } from './outcome.ts'
import { actionProcess } from './process.ts'
import { type Site, sftpSite, vsftpdSite } from './sites.ts'

const SIZE = 16 * MIB
const NAME = 'life.bin'
const bytes = randomBytes(SIZE)

/** The promise from the signal to the end of the process. The runner's SIGTERM comes after 7.5 s. */
const ENDS_WITHIN_MS = 5_000

function uploadStep(t: TestContext, site: Site, inputs: Readonly<Record<string, string>> = {}): Promise<Step> {
  return createStep(t, { inputs: { ...site.inputs, source: NAME, destination: site.url(NAME), ...inputs }, secrets: site.secrets })
}

/** Slow enough to be met in the middle. */
function slowly(site: Site, direction: 'up' | 'down'): void {
  site.proxy.plan({ kind: 'throttle', bytesPerSecond: 4 * MIB, at: 0, direction, channel: site.channel })
}

interface Interrupted {
  readonly run: ActionRun
  /** From the signal to the end of main. */
  readonly tookMs: number
}

async function interrupted(step: Step, when: Promise<unknown>, how: Interruption): Promise<Interrupted> {
  let signalledMs = Number.NaN
  const startedMs = performance.now()
  const marked = when.then(() => {
    signalledMs = performance.now()
  })
  const run = await step.attempt({ interrupt: { when: marked, how } })
  return { run, tookMs: startedMs + run.durationMs - signalledMs }
}

function assertStopped({ run, tookMs }: Interrupted): void {
  assert.deepEqual([run.outputs['error-kind'], run.exitCode, run.signal], ['stopped', 10, null], run.log)
  assert.equal(run.outputs.status, 'incomplete')
  assert.ok(tookMs < ENDS_WITHIN_MS, `${tookMs.toFixed(0)} ms from the signal to the end`)
}

function saved(step: Step): number {
  return step.cache.entries().filter((entry) => entry.finalized).length
}

async function assertContinues(step: Step, site: Site): Promise<void> {
  site.proxy.clear()
  freshMachine(step, NAME, bytes)
  assertComplete(await step.attempt(), { resumed: true, size: SIZE })
  assert.ok(getRemote(site, NAME)?.equals(bytes), 'wrong bytes on the server')
}

function clean(site: Site): void {
  site.proxy.clear()
  for (const name of [NAME, ...partialsIn(site.server.root)]) rmSync(join(site.server.root, name), { force: true })
}

test('cancelled while it connects to a server that says nothing', async (t) => {
  const silent = await startSilentServer()
  const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: silent.port } })
  t.after(async () => {
    await proxy.close()
    await silent.stop()
  })
  const password = 'never-to-be-asked-for'
  for (const scheme of ['sftp', 'ftp', 'ftps']) {
    await t.test(scheme, async (t) => {
      const destination = `${scheme}://127.0.0.1:${proxy.port}/x`
      const pin = `SHA256:${Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '')}`
      const trust: Record<string, string> = scheme === 'sftp' ? { fingerprint: pin } : {}
      const step = await createStep(t, { inputs: { source: NAME, destination, username: 'u', password, ...trust }, secrets: [password] })
      writeFileSync(step.local(NAME), bytes)
      const came = proxy.arrival('control', proxy.connections.length + 1)
      assertStopped(await interrupted(step, came, 'cancel'))
    })
  }
})

test('sftp: cancelled', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  t.afterEach(() => clean(site))

  await t.test('while it hashes a large file', async (t) => {
    const step = await uploadStep(t, site)
    writeFileSync(step.local(NAME), '')
    truncateSync(step.local(NAME), 64 * 1024 * MIB)
    assertStopped(await interrupted(step, site.proxy.arrival('control', site.proxy.connections.length + 1), 'cancel'))
  })

  for (const how of ['cancel', 'double-sigint', 'shutdown'] as const) {
    await t.test(`while it transfers: ${how}`, async (t) => {
      const step = await uploadStep(t, site)
      freshMachine(step, NAME, bytes)
      slowly(site, 'up')
      const stopped = await interrupted(step, whenPassed(site, 'up', passed(site, 'up') + 4 * MIB), how)
      assertStopped(stopped)
      assert.equal(stopped.run.post === null, how !== 'cancel')
      assert.ok(saved(step) > 0, 'no state in the cache')
      await assertContinues(step, site)
    })
  }

  await t.test('while it transfers: SIGTERM alone', async (t) => {
    const step = await uploadStep(t, site)
    freshMachine(step, NAME, bytes)
    slowly(site, 'up')
    void whenPassed(site, 'up', passed(site, 'up') + 4 * MIB).then(() => process.kill(actionProcess() ?? Number.NaN, 'SIGTERM'))
    const run = await step.attempt()
    assert.deepEqual([run.outputs['error-kind'], run.exitCode], ['stopped', 10], run.log)
    assert.ok(saved(step) > 0, 'no state in the cache')
    await assertContinues(step, site)
  })

  await t.test('while it reads back what is there', async (t) => {
    const step = await uploadStep(t, site, { 'server-digests': 'never' })
    freshMachine(step, NAME, bytes)
    await brokenAttempt(step, site, 'up', 10 * MIB)
    freshMachine(step, NAME, bytes)
    // Both ways, so that sending does not overtake the reading.
    slowly(site, 'up')
    slowly(site, 'down')
    assertStopped(await interrupted(step, whenPassed(site, 'down', passed(site, 'down') + 2 * MIB), 'cancel'))
    assert.ok(saved(step) > 0, 'no state in the cache')
    await assertContinues(step, site)
  })
})

test('ftp: cancelled while it transfers', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  const step = await uploadStep(t, site)
  freshMachine(step, NAME, bytes)
  slowly(site, 'up')
  assertStopped(await interrupted(step, whenPassed(site, 'up', passed(site, 'up') + 4 * MIB), 'cancel'))
  assert.ok(saved(step) > 0, 'no state in the cache')
  await assertContinues(step, site)
})

test('post saves what main could not, and only that', async (t) => {
  const site = await sftpSite(t)
  if (site === null) return
  const step = await uploadStep(t, site)
  freshMachine(step, NAME, bytes)
  slowly(site, 'up')
  const { run } = await interrupted(step, whenPassed(site, 'up', passed(site, 'up') + 4 * MIB), 'kill')
  assert.equal(run.signal, 'SIGKILL')
  assert.match(run.post?.log ?? '', /was saved to the Actions cache/)
  assert.equal(saved(step), 1)
  await assertContinues(step, site)

  const before = step.cache.counts.create
  freshMachine(step, NAME, bytes)
  const unchanged = await step.attempt()
  assert.equal(unchanged.outputs.status, 'unchanged', unchanged.log)
  assert.equal(unchanged.post?.log, '')
  assert.equal(step.cache.counts.create, before)
})
