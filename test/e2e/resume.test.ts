/** The promise itself: killed again and again, continued on the next machine, right bytes, little sent twice. */
import assert from 'node:assert/strict'
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { createStep, type Step } from './action.ts'
import { getRemote, MIB, partialsIn, putRemote, randomBytes, sha256 } from './files.ts'
import { attemptUntil, passed } from './kills.ts'
import { assertComplete } from './outcome.ts'
import { ftpsSite, httpsSite, proftpdSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

const SIZE = 96 * MIB
const KILLS = [0.2, 0.5, 0.8]
/** The promise: what all kills of one transfer together may send again. */
const RESENT_MAX = 32 * MIB
/** Packets of SSH and records of TLS around the bytes. */
const OVERHEAD = 1.03

const bytes = randomBytes(SIZE)
const digest = sha256(bytes)

function assertLittleSentAgain(site: Site, direction: 'up' | 'down', before: number): void {
  const sent = (passed(site, direction) - before) / OVERHEAD
  assert.ok(sent > SIZE / OVERHEAD, 'the proxy did not see the bytes')
  assert.ok(sent - SIZE <= RESENT_MAX, `${((sent - SIZE) / MIB).toFixed(1)} MiB were sent again`)
}

async function killedUpload(t: TestContext, site: Site, name: string): Promise<void> {
  const { inputs, secrets } = site
  const step = await createStep(t, { inputs: { ...inputs, source: name, destination: site.url(name) }, secrets })
  const before = passed(site, 'up')
  // As a checkout or an artifact brings it: the same bytes, another time.
  const nextMachine = (day: number): void => {
    step.machine.wipe()
    writeFileSync(step.local(name), bytes)
    utimesSync(step.local(name), 1_700_000_000 + 86_400 * day, 1_700_000_000 + 86_400 * day)
  }
  for (const [day, share] of KILLS.entries()) {
    nextMachine(day)
    const killed = await attemptUntil(step, site, 'up', before + share * SIZE)
    assert.equal(killed.signal, 'SIGKILL', killed.log)
    assert.equal(getRemote(site, name), null, 'a final name before its time')
  }
  nextMachine(KILLS.length)
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.equal(Number(run.outputs['bytes-reused']) + Number(run.outputs['bytes-transferred']), SIZE)
  assert.equal(run.outputs.digest, `sha256:${digest}`)
  assert.equal(sha256(getRemote(site, name) ?? Buffer.alloc(0)), digest)
  assert.deepEqual(partialsIn(site.server.root), [])
  assertLittleSentAgain(site, 'up', before)
}

function downloadStep(t: TestContext, site: Site, name: string, environment: Step['machine']['environment']): Promise<Step> {
  putRemote(site, name, bytes)
  const { inputs, secrets } = site
  return createStep(t, { environment, inputs: { ...inputs, source: site.url(name), destination: `./${name}` }, secrets })
}

function assertDownloaded(step: Step, name: string): void {
  assert.equal(sha256(readFileSync(step.local(name))), digest)
  assert.deepEqual(partialsIn(step.machine.workspace), [])
}

/**
 * Slower than any client: else a fast server on this machine fills the kernel's buffers, tens of MiB that no network between two machines would hold, and a
 * kill would lose what nobody could have kept.
 */
function throttled(site: Site): void {
  site.proxy.clear()
  site.proxy.plan({ kind: 'throttle', bytesPerSecond: 32 * MIB, direction: 'down', at: 0, channel: site.channel })
}

/** A self-hosted runner, whose workspace and tool cache the next attempt finds again. */
async function killedDownload(t: TestContext, site: Site, name: string): Promise<void> {
  const step = await downloadStep(t, site, name, 'self-hosted')
  throttled(site)
  const before = passed(site, 'down')
  for (const share of KILLS) {
    const killed = await attemptUntil(step, site, 'down', before + share * SIZE)
    assert.equal(killed.signal, 'SIGKILL', killed.log)
    step.machine.keepWorkspace()
  }
  const run = await step.attempt()
  assertComplete(run, { resumed: true, size: SIZE })
  assert.equal(run.outputs.digest, `sha256:${digest}`)
  assertDownloaded(step, name)
  assertLittleSentAgain(site, 'down', before)
  site.proxy.clear()
}

/** A hosted runner: nothing of the download is left, and nothing may be claimed. */
async function lostDownload(t: TestContext, site: Site, name: string): Promise<void> {
  const step = await downloadStep(t, site, name, 'github-hosted')
  const killed = await attemptUntil(step, site, 'down', passed(site, 'down') + SIZE / 2)
  assert.equal(killed.signal, 'SIGKILL', killed.log)
  step.machine.wipe()
  const run = await step.attempt()
  assertComplete(run, { resumed: false, size: SIZE })
  assertDownloaded(step, name)
}

const SITES = {
  'sftp: OpenSSH': sftpSite,
  'ftp: vsftpd': vsftpdSite,
  'ftp: ProFTPD': proftpdSite,
  'ftps: vsftpd': (t: TestContext) => ftpsSite(t, 'vsftpd'),
  'ftps: ProFTPD': (t: TestContext) => ftpsSite(t, 'proftpd'),
  'https: nginx': httpsSite,
}

for (const [name, open] of Object.entries(SITES)) {
  test(name, async (t) => {
    const site = await open(t)
    if (site === null) return
    const file = 'release.bin'
    if (!name.startsWith('https')) {
      await t.test('upload: killed at 20, 50 and 80 %, each time on a new machine', (t) => killedUpload(t, site, file))
    }
    await t.test('download: killed at 20, 50 and 80 %, workspace kept', (t) => killedDownload(t, site, file))
    await t.test('download: killed, machine lost', (t) => lostDownload(t, site, file))
  })
}
