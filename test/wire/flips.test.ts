/** One bit turned over on the way. SSH and TLS notice it by themselves; without them a digest or a second reading must. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { TransferResult } from '../../src/engine/ports.ts'
import { proftpdSite, type Site } from '../e2e/sites.ts'
import { seededBytes } from '../support/prng.ts'
import type { Fault } from '../support/tcp-faults.ts'
import { directionOf, GROUNDS, type Ground, laidOut, measure, type Span, type Way } from './grounds.ts'
import { type AttemptOptions, BLOCK, type Rig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(38, SIZE))
const sha256 = createHash('sha256').update(bytes).digest('hex')

const PLACES: Readonly<Record<string, number>> = {
  'the first byte': 0,
  'a block edge': BLOCK,
  'the last block': SIZE - 20_000,
}

/** ProFTPD tells digests, vsftpd does not. */
const WITH_DIGESTS: Ground = {
  name: 'ftp: ProFTPD',
  column: 'ftp',
  ways: ['upload', 'download'],
  open: (t) => proftpdSite(t),
  folder: '',
  plain: true,
}

/** Beyond what small requests of the same exchange bring on the other connection. */
const BODY_BEGUN = 2000

/** Over HTTP it is left to chance which of two idle connections an upload takes: each has the fault, while the upload lasts. The file's first bytes are left alone. */
async function flippedOnAny(rig: Rig, { lead }: Span, offset: number, options: AttemptOptions): Promise<TransferResult> {
  const { proxy } = rig.site
  const fault: Fault = { kind: 'flip', direction: 'up', at: lead + Math.max(offset, BODY_BEGUN), bit: 3 }
  let struck = false
  const calls: AttemptOptions['calls'] = (method, when, [, size]) => {
    // Not the scratch file.
    if (method !== 'writer.create' || size !== SIZE) return
    proxy.clear()
    if (when === 'after') proxy.forgive()
    if (when === 'after' || struck) return
    struck = true
    proxy.plan(fault)
    proxy.strike(fault)
  }
  const before = proxy.met.length
  const result = await rig.upload({ ...options, calls })
  assert.equal(proxy.met.length, before + 1, 'the fault was not met once')
  return result
}

async function flipped(rig: Rig, way: Way, span: Span, offset: number, options: AttemptOptions): Promise<TransferResult> {
  const { proxy, channel } = rig.site
  if (channel === 'control' && way === 'upload' && rig.site.url('').startsWith('http')) return flippedOnAny(rig, span, offset, options)
  const at = offset < SIZE / 2 ? span.start + offset : span.end - (SIZE - offset)
  const connection = span.connection + proxy.connections.filter((c) => c.channel === channel).length
  const fault: Fault = { kind: 'flip', direction: directionOf(way), channel, connection, at, bit: 3 }
  proxy.plan(fault)
  const result = await rig[way](options)
  proxy.clear()
  assert.ok(proxy.met.includes(fault), 'the fault was not met')
  return result
}

const arrived = (rig: Rig, way: Way): Buffer | null => (way === 'upload' ? rig.stored() : rig.received())

function assertRight(rig: Rig, way: Way, result: TransferResult): void {
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(arrived(rig, way)?.equals(bytes), 'wrong bytes')
  assert.deepEqual(rig.partials(), [])
}

/** What notices the flip on this ground. */
function proofsOf(ground: Ground, way: Way): Readonly<Record<string, AttemptOptions>> {
  if (!ground.plain) return { 'by the encryption': {} }
  if (ground === WITH_DIGESTS) return { "by the server's digest": {} }
  const full: AttemptOptions = { policy: { verify: 'full' } }
  return way === 'upload' ? { 'by reading back': full } : { 'by a second reading': full, 'by the checksum': { checksum: sha256 } }
}

async function flipsOf(t: TestContext, ground: Ground, site: Site, way: Way): Promise<void> {
  const fresh = (t: TestContext): Rig => {
    const rig = laidOut(t, ground, site, way, bytes)
    rmSync(way === 'upload' ? rig.storedPath : rig.localPath, { force: true })
    return rig
  }
  const span = await measure(ground, fresh(t), way)
  for (const [proof, options] of Object.entries(proofsOf(ground, way))) {
    for (const [place, offset] of Object.entries(PLACES)) {
      await t.test(`${way}: ${place}, noticed ${proof}`, async (t) => {
        const rig = fresh(t)
        assertRight(rig, way, await flipped(rig, way, span, offset, options))
      })
    }
  }
  if (!ground.plain || ground === WITH_DIGESTS) return
  await t.test(`${way}: where nothing can notice, no more than the size is claimed`, async (t) => {
    const rig = fresh(t)
    const result = await flipped(rig, way, span, BLOCK, {})
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.equal(result.proof, 'size')
    assert.equal(arrived(rig, way)?.equals(bytes), false, 'the flip came through')
  })
}

for (const ground of [...GROUNDS, WITH_DIGESTS]) {
  test(`flips: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site === null) return
    for (const way of ground.ways) await flipsOf(t, ground, site, way)
  })
}
