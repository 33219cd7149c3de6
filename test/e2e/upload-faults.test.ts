/** What is found on the server, or has become of the source: right bytes, or a plain failure and an untouched final name. */
import assert from 'node:assert/strict'
import { watch } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { brokenAttempt, freshMachine, onlyPartial } from './broken.ts'
import { getRemote, MIB, partialsIn, putRemote } from './files.ts'
import { assertComplete, assertFailed } from './outcome.ts'
import { assertStored, bytes, CUT, clean, flipped, NAME, SIZE, TAMPERING, uploadStep } from './scene.ts'
import { ftpSrvSite, ftpSrvTlsSite, proftpdSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

const old = Buffer.from('an older release')

/** `salvages`: the server acknowledges while bytes travel, so that the journal knows which blocks of the older version it has. FTP's one reply comes last. */
async function changedBetween(t: TestContext, site: Site): Promise<void> {
  const step = await uploadStep(t, site)
  const other = flipped(bytes, 4 * MIB)
  freshMachine(step, NAME, bytes)
  await brokenAttempt(step, site, 'up', CUT)
  freshMachine(step, NAME, other)
  const refused = await step.attempt({ inputs: { 'on-change': 'fail' } })
  assertFailed(refused, 'source-changed', 8)
  assert.equal(getRemote(site, NAME), null)
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.match(run.log, /the source changed; .* may still be good/)
  assertStored(site, other)
}

for (const open of [sftpSite, vsftpdSite, proftpdSite]) {
  test(`upload: ${open.name}`, async (t) => {
    const site = await open(t)
    if (site === null) return
    t.afterEach(() => clean(site))
    for (const [name, tamper] of Object.entries(TAMPERING)) {
      await t.test(`partial on the server ${name}`, async (t) => {
        const step = await uploadStep(t, site)
        putRemote(site, NAME, old)
        freshMachine(step, NAME, bytes)
        await brokenAttempt(step, site, 'up', CUT)
        assert.ok(getRemote(site, NAME)?.equals(old), 'the final name was touched')
        tamper(onlyPartial(site.server.root))
        freshMachine(step, NAME, bytes)
        assert.equal((await step.attempt()).exitCode, 0)
        assertStored(site)
      })
    }
    await t.test('source changed between the attempts', (t) => changedBetween(t, site))
    await t.test('verify: full', async (t) => {
      const step = await uploadStep(t, site, { verify: 'full' })
      freshMachine(step, NAME, bytes)
      const run = await step.attempt()
      assertComplete(run, { resumed: false, size: SIZE })
      assert.match(String(run.outputs.proof), /^(digest|read-back)$/)
      assertStored(site)
    })
  })
}

test('upload: a server that refuses to restart, as Debian ships ProFTPD', async (t) => {
  const site = await proftpdSite(t, { storeRestart: false })
  if (site === null) return
  const step = await uploadStep(t, site)
  freshMachine(step, NAME, bytes)
  await brokenAttempt(step, site, 'up', CUT)
  freshMachine(step, NAME, bytes)
  assertComplete(await step.attempt(), { resumed: false, size: SIZE })
  assertStored(site)
})

async function zeroesBeforeTheMarker(t: TestContext, site: Site): Promise<void> {
  const step = await uploadStep(t, site)
  freshMachine(step, NAME, bytes)
  const seen = new Set<string>()
  const watcher = watch(site.server.root, () => {
    for (const name of partialsIn(site.server.root)) seen.add(name)
  })
  await brokenAttempt(step, site, 'up', CUT)
  watcher.close()
  // It deletes what breaks off: put the partial there as any other server would have kept it.
  const [name] = seen
  putRemote(site, name ?? assert.fail('no partial was seen'), bytes.subarray(0, CUT))
  freshMachine(step, NAME, bytes)
  const run = await step.attempt()
  assert.equal(run.exitCode, 0, run.log)
  assertStored(site)
}

test('upload: ftp-srv, which zeroes what comes before the place of a restart', async (t) => zeroesBeforeTheMarker(t, await ftpSrvSite(t)))

test('upload: ftp-srv under TLS, which zeroes what comes before the place of a restart', async (t) =>
  zeroesBeforeTheMarker(t, await ftpSrvTlsSite(t)))
