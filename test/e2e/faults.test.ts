/** What servers, networks and people do to a transfer: right bytes, or a plain failure and an untouched final name. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { contentFingerprint, fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import type { Direction, FaultKind } from '../support/tcp-faults.ts'
import { createStep, type Step } from './action.ts'
import { brokenAttempt, freshMachine, onlyPartial } from './broken.ts'
import { getRemote, MIB, partialsIn, putRemote, randomBytes, sha256 } from './files.ts'
import { passed, whenPassed } from './kills.ts'
import { assertComplete, assertFailed } from './outcome.ts'
import { ftpSrvSite, httpsSite, proftpdSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

const SIZE = 16 * MIB
const CUT = 10 * MIB
const NAME = 'fault.bin'
const bytes = randomBytes(SIZE)
const old = Buffer.from('an older release')

function uploadStep(t: TestContext, site: Site, inputs: Readonly<Record<string, string>> = {}): Promise<Step> {
  return createStep(t, { inputs: { ...site.inputs, source: NAME, destination: site.url(NAME), ...inputs }, secrets: site.secrets })
}

function downloadStep(t: TestContext, site: Site, inputs: Readonly<Record<string, string>> = {}): Promise<Step> {
  const all = { ...site.inputs, source: site.url(NAME), destination: `./${NAME}`, ...inputs }
  return createStep(t, { environment: 'self-hosted', inputs: all, secrets: site.secrets })
}

function assertStored(site: Site, wanted: Uint8Array = bytes): void {
  assert.ok(getRemote(site, NAME)?.equals(wanted), 'wrong bytes on the server')
  assert.deepEqual(partialsIn(site.server.root), [])
}

function assertLocal(step: Step, wanted: Uint8Array = bytes): void {
  assert.ok(readFileSync(step.local(NAME)).equals(wanted), 'wrong bytes in the workspace')
  assert.deepEqual(partialsIn(step.machine.workspace), [])
}

function flipped(content: Uint8Array, at: number): Buffer {
  const other = Buffer.from(content)
  other[at] = (other[at] ?? 0) ^ 1
  return other
}

function clean(site: Site): void {
  for (const name of [NAME, ...partialsIn(site.server.root)]) rmSync(join(site.server.root, name), { force: true })
}

const TAMPERING: Readonly<Record<string, (path: string) => void>> = {
  'one byte flipped': (path) => writeFileSync(path, flipped(readFileSync(path), 3 * MIB)),
  truncated: (path) => truncateSync(path, 5 * MIB + 7),
  extended: (path) => writeFileSync(path, Buffer.concat([readFileSync(path), randomBytes(SIZE)])),
}

/** `salvages`: the server acknowledges while bytes travel, so that the journal knows which blocks of the older version it has. FTP's one reply comes last. */
async function changedBetween(t: TestContext, site: Site, salvages: boolean): Promise<void> {
  const step = await uploadStep(t, site)
  const other = flipped(bytes, 4 * MIB)
  freshMachine(step, NAME, bytes)
  await brokenAttempt(step, site, 'up', CUT)
  freshMachine(step, NAME, other)
  const refused = await step.attempt({ inputs: { 'on-change': 'fail' } })
  assertFailed(refused, 'source-changed', 8)
  assert.equal(getRemote(site, NAME), null)
  const run = await step.attempt()
  assertComplete(run, { resumed: salvages, size: SIZE })
  assert.equal(/the source changed; .* may still be good/.test(run.log), salvages, run.log)
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
    await t.test('source changed between the attempts', (t) => changedBetween(t, site, open === sftpSite))
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

test('upload: ftp-srv, which zeroes what comes before the place of a restart', async (t) => {
  const site = await ftpSrvSite(t)
  const step = await uploadStep(t, site)
  freshMachine(step, NAME, bytes)
  await brokenAttempt(step, site, 'up', CUT)
  // It deletes what breaks off: put the partial there as any other server would have kept it.
  const blocks = Array.from({ length: SIZE / MIB }, (_, i) => sha256(bytes.subarray(i * MIB, (i + 1) * MIB)))
  const tag = fingerprintTag(contentFingerprint({ size: SIZE, blockSize: MIB, blocks }))
  putRemote(site, partialName(NAME, tag), bytes.subarray(0, CUT))
  freshMachine(step, NAME, bytes)
  assert.equal((await step.attempt()).exitCode, 0)
  assertStored(site)
})

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
    await t.test('verify: full', async (t) => {
      const step = await downloadStep(t, site)
      const run = await step.attempt({ inputs: { verify: 'full' } })
      assertComplete(run, { resumed: false, size: SIZE })
      assert.match(String(run.outputs.proof), /^(digest|read-back)$/)
      assert.equal(basename(String(run.outputs.path)), NAME)
    })
  })
}
