/** Cuts, stalls and a server that dies: the same attempt gets over them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Direction, FaultKind } from '../support/tcp-faults.ts'
import { freshMachine } from './broken.ts'
import { MIB, putRemote } from './files.ts'
import { passed, whenPassed } from './kills.ts'
import { assertLocal, assertStored, bytes, CUT, clean, downloadStep, NAME, uploadStep } from './scene.ts'
import { httpsSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

interface Disturbance {
  readonly inputs?: Readonly<Record<string, string>>
  readonly fault: FaultKind
}

const DISTURBANCES: Readonly<Record<string, Disturbance>> = {
  'a reset': { fault: { kind: 'rst' } },
  'an early end': { fault: { kind: 'fin' } },
  'a stall': { fault: { kind: 'stall' }, inputs: { timeout: '3s' } },
}

/** Beyond the middle, so that what is left passes under it. A stall ends when the client comes back: until then vsftpd keeps the file locked. */
function disturb(site: Site, direction: Direction, fault: FaultKind): void {
  const { proxy } = site
  proxy.plan({ ...fault, direction, at: CUT, channel: site.channel })
  if (fault.kind !== 'stall') return
  void whenPassed(site, direction, passed(site, direction) + CUT).then(async () => {
    await proxy.arrival('control', proxy.connections.filter((connection) => connection.channel === 'control').length + 1)
    proxy.release()
  })
}

async function killServer(site: Site, direction: Direction): Promise<void> {
  site.proxy.plan({ kind: 'throttle', bytesPerSecond: 8 * MIB, at: 0, direction, channel: site.channel })
  await whenPassed(site, direction, passed(site, direction) + 6 * MIB)
  await site.server.stop('SIGKILL')
  site.proxy.clear()
  await site.server.restart()
}

for (const open of [sftpSite, vsftpdSite, httpsSite]) {
  test(`within one attempt: ${open.name}`, async (t) => {
    const site = await open(t)
    if (site === null) return
    t.afterEach(() => {
      site.proxy.clear()
      clean(site)
    })
    for (const [name, { fault, inputs }] of Object.entries(DISTURBANCES)) {
      if (open !== httpsSite) {
        await t.test(`upload: ${name} in the middle`, async (t) => {
          const step = await uploadStep(t, site, inputs)
          freshMachine(step, NAME, bytes)
          disturb(site, 'up', fault)
          const run = await step.attempt()
          assert.equal(run.exitCode, 0, run.log)
          assertStored(site)
        })
      }
      await t.test(`download: ${name} in the middle`, async (t) => {
        putRemote(site, NAME, bytes)
        const step = await downloadStep(t, site, inputs)
        disturb(site, 'down', fault)
        const run = await step.attempt()
        assert.equal(run.exitCode, 0, run.log)
        assertLocal(step)
      })
    }
    await t.test('the server is killed and comes back', async (t) => {
      const upload = open !== httpsSite
      const step = upload ? await uploadStep(t, site) : await downloadStep(t, site)
      if (upload) freshMachine(step, NAME, bytes)
      else putRemote(site, NAME, bytes)
      const [run] = await Promise.all([step.attempt(), killServer(site, upload ? 'up' : 'down')])
      assert.equal(run.exitCode, 0, run.log)
      if (upload) assertStored(site)
      else assertLocal(step)
    })
  })
}
