/** What is found in the workspace, or has become of the file on the server: right bytes of one version, or nothing under the final name. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, utimesSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { brokenAttempt, onlyPartial } from './broken.ts'
import { MIB, putRemote, randomBytes, sha256 } from './files.ts'
import { passed, whenPassed } from './kills.ts'
import { assertComplete, assertFailed } from './outcome.ts'
import { assertLocal, bytes, CUT, clean, downloadStep, NAME, SIZE, TAMPERING } from './scene.ts'
import { httpsSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

/** In place, and a minute later by the server's clock. */
function overwriteInPlace(site: Site, content: Uint8Array): void {
  const path = join(site.server.root, NAME)
  const file = openSync(path, 'r+')
  writeSync(file, content)
  closeSync(file)
  utimesSync(path, 1_800_000_000, 1_800_000_000)
}

for (const open of [sftpSite, vsftpdSite, httpsSite]) {
  test(`download: ${open.name}`, async (t) => {
    const site = await open(t)
    if (site === null) return
    t.beforeEach(() => putRemote(site, NAME, bytes))
    t.afterEach(() => {
      site.proxy.clear()
      clean(site)
    })
    const other = randomBytes(SIZE)
    await t.test('replaced on the server between the attempts', async (t) => {
      const step = await downloadStep(t, site)
      await brokenAttempt(step, site, 'down', CUT)
      step.machine.keepWorkspace()
      overwriteInPlace(site, other)
      const refused = await step.attempt({ inputs: { 'on-change': 'fail' } })
      assertFailed(refused, 'source-changed', 8)
      step.machine.keepWorkspace()
      const run = await step.attempt()
      assertComplete(run, { resumed: false, size: SIZE })
      assertLocal(step, other)
    })
    await t.test('overwritten on the server while it is read', async (t) => {
      const step = await downloadStep(t, site)
      site.proxy.plan({ kind: 'throttle', bytesPerSecond: 8 * MIB, at: 0, direction: 'down', channel: site.channel })
      const overwritten = whenPassed(site, 'down', passed(site, 'down') + 4 * MIB).then(() => {
        overwriteInPlace(site, other)
        site.proxy.clear()
      })
      const [run] = await Promise.all([step.attempt(), overwritten])
      assert.equal(run.exitCode, 0, run.log)
      assertLocal(step, other)
    })
    for (const [name, tamper] of Object.entries(TAMPERING)) {
      await t.test(`partial in the workspace ${name}`, async (t) => {
        const step = await downloadStep(t, site)
        await brokenAttempt(step, site, 'down', CUT)
        tamper(onlyPartial(step.machine.workspace))
        step.machine.keepWorkspace()
        const run = await step.attempt()
        assertComplete(run, { resumed: true, size: SIZE })
        assertLocal(step)
      })
    }
    await t.test('verify: full', async (t) => {
      const step = await downloadStep(t, site)
      const run = await step.attempt({ inputs: { verify: 'full' } })
      assertComplete(run, { resumed: false, size: SIZE })
      assert.match(String(run.outputs.proof), /^(digest|read-back)$/)
      assert.equal(basename(String(run.outputs.path)), NAME)
    })
    // Fetched three times before it is given up: one protocol stands for all.
    if (open !== httpsSite) return
    await t.test('checksum right, checksum wrong', async (t) => {
      const step = await downloadStep(t, site)
      const wrong = await step.attempt({ inputs: { checksum: `sha256:${'0'.repeat(64)}` } })
      assertFailed(wrong, 'integrity', 11)
      assert.throws(() => readFileSync(step.local(NAME)), { code: 'ENOENT' })
      const run = await step.attempt({ inputs: { checksum: `sha256:${sha256(bytes)}` } })
      assertComplete(run, { resumed: false, size: SIZE })
      assert.equal(run.outputs.proof, 'digest')
      assertLocal(step)
    })
  })
}
