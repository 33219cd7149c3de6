/** Connections that stay open and carry nothing, or next to nothing: each ends within its time, and the next try gets through. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { systemClock } from '../../src/action/clock.ts'
import type { Clock, TransferEvent } from '../../src/engine/ports.ts'
import { proftpdSite, type Site } from '../e2e/sites.ts'
import { seededBytes } from '../support/prng.ts'
import type { Fault, FaultKind } from '../support/tcp-faults.ts'
import { directionOf, GROUNDS, type Ground, laidOut, measure, type Span, type Way } from './grounds.ts'
import { type Rig, SIZE } from './rig.ts'

const MIB = 1024 * 1024
/** More than the kernel takes off a sender's hands between two sockets of one machine. */
const LARGE = 7 * MIB
const large = Buffer.from(seededBytes(30, LARGE))
const small = large.subarray(0, SIZE)
const TIMEOUT_MS = 1_500
const LAST_WORD_MS = 120_000
/** Inside the first block. */
const PLACE = 30_000

interface Silence {
  readonly fault: FaultKind
  /** Every way back of the session too. */
  readonly bothWays?: boolean
}

const KINDS: Readonly<Record<string, Silence>> = {
  'the other end takes nothing more': { fault: { kind: 'stall' } },
  'nothing passes either way': { fault: { kind: 'stall' }, bothWays: true },
  'both ways are swallowed': { fault: { kind: 'black-hole' } },
  'less than 4 KiB a second pass': { fault: { kind: 'throttle', bytesPerSecond: 1_000 } },
}

/** vsftpd keeps a file locked for a session that says nothing: test/contract/ftp.test.ts. */
const SILENT: readonly Ground[] = GROUNDS.map((ground) =>
  ground.column === 'ftp' ? { ...ground, name: 'ftp: ProFTPD', open: (t: TestContext) => proftpdSite(t) } : ground,
)

/** Two minutes for a server's last word are a second here; everything else keeps its time. */
const impatient: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
  after: (ms, action) => systemClock.after(ms > LAST_WORD_MS ? 1_000 : ms, action),
}

/** An attempt that meets silence once. */
async function getsThrough(rig: Rig, way: Way, span: Span, { fault, bothWays = false }: Silence): Promise<void> {
  const { proxy, channel } = rig.site
  // Whichever connection gets there first: on a busy machine one may be given up before it has begun.
  const planned: Fault = { ...fault, direction: directionOf(way), channel, at: span.start + PLACE }
  proxy.plan(planned)
  let tries = 0
  let silenced = false
  const on = (event: TransferEvent): void => {
    if (event.kind === 'retrying') tries += 1
    if (event.kind === 'retrying' && proxy.met.includes(planned)) proxy.clear()
    if (!bothWays || silenced || !proxy.met.includes(planned)) return
    silenced = true
    for (const which of ['control', 'data'] as const) proxy.strike({ kind: 'stall', direction: 'down', at: 0, channel: which })
  }
  const result = await rig[way]({ on, clock: impatient, policy: { timeoutMs: TIMEOUT_MS, retries: 10 } })
  assert.ok(proxy.met.includes(planned), 'the fault was not met')
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(tries >= 1, 'nobody noticed')
  assert.ok((way === 'upload' ? rig.stored() : rig.received())?.equals(rig.bytes), 'wrong bytes')
  assert.deepEqual(rig.partials(), [])
  assert.ok(result.bytesTransferred <= 2 * rig.bytes.length, `${result.bytesTransferred} bytes`)
}

/** No try is left: the failure is the one of a passing trouble, and what came before it is kept. */
async function givesUp(rig: Rig, span: Span): Promise<void> {
  const { proxy, channel } = rig.site
  proxy.plan({ kind: 'black-hole', direction: 'down', channel, at: span.start + 5 * MIB })
  const first = await rig.download({ policy: { timeoutMs: TIMEOUT_MS, retries: 0 } })
  assert.deepEqual([first.status, first.failure?.kind], ['failed', 'transient'], first.failure?.message)
  proxy.clear()
  const second = await rig.download()
  assert.equal(second.status, 'complete', second.failure?.message)
  assert.ok(second.resumedFrom >= 3 * MIB, `continued at ${second.resumedFrom}`)
  assert.ok(rig.received()?.equals(rig.bytes), 'wrong bytes')
}

/** All bytes went over the data connection and were stored; the control connection carries nothing any more. */
async function finalReplyLost(rig: Rig): Promise<void> {
  const { proxy } = rig.site
  let phase = ''
  let struck = false
  const on = (event: TransferEvent): void => {
    if (event.kind === 'phase') phase = event.phase
    if (struck || phase !== 'transferring' || event.kind !== 'progress' || event.done !== rig.bytes.length) return
    struck = true
    proxy.strike({ kind: 'black-hole', direction: 'down', at: 0 })
  }
  const met = proxy.met.length
  const result = await rig.upload({ on, clock: impatient, policy: { timeoutMs: TIMEOUT_MS, retries: 10 } })
  assert.ok(proxy.met.length > met, 'the fault was not met')
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.equal(result.bytesTransferred, rig.bytes.length, 'bytes were sent again')
  assert.ok(rig.stored()?.equals(rig.bytes), 'wrong bytes')
}

async function silenceOf(t: TestContext, ground: Ground, site: Site, way: Way): Promise<void> {
  const fresh = (t: TestContext, bytes: Buffer): Rig => {
    t.after(() => site.proxy.clear())
    const rig = laidOut(t, ground, site, way, bytes)
    rmSync(way === 'upload' ? rig.storedPath : rig.localPath, { force: true })
    return rig
  }
  // Where the bytes begin on the wire does not depend on how many they are.
  const span = await measure(ground, fresh(t, small), way)
  for (const [name, silence] of Object.entries(KINDS)) {
    // What a download sends while its bytes come is of no account.
    if (way === 'download' && silence.bothWays === true) continue
    await t.test(`${way}: ${name}`, (t) => getsThrough(fresh(t, way === 'upload' ? large : small), way, span, silence))
  }
  if (way === 'download') await t.test('download: swallowed, and no try is left', (t) => givesUp(fresh(t, large), span))
  if (way === 'upload' && ground.column.startsWith('ftp'))
    await t.test('upload: the control connection is dead when 226 comes', (t) => finalReplyLost(fresh(t, small)))
}

describe('silence', { concurrency: 2 }, () => {
  for (const ground of SILENT) {
    test(ground.name, async (t) => {
      const site = await ground.open(t)
      if (site === null) return
      for (const way of ground.ways) await silenceOf(t, ground, site, way)
    })
  }
})
