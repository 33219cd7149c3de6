/** A connection that ends at any place of the data, by RST or FIN: the attempt gets over it, or the next one goes on where the server stands. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { TransferEvent } from '../../src/engine/ports.ts'
import type { Site } from '../e2e/sites.ts'
import { seededBytes } from '../support/prng.ts'
import type { Fault } from '../support/tcp-faults.ts'
import { directionOf, GROUNDS, type Ground, laidOut, measure, type Span, type Way } from './grounds.ts'
import { BLOCK, type Rig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(20, SIZE))

/** Around the file's bytes, all connections together: handshakes, packets, replies, and what is compared again. */
const OVERHEAD_SHARE = 0.02
const OVERHEAD_BYTES = 32 * 1024

type Kind = 'rst' | 'fin'

interface Place {
  readonly name: string
  /** In the file; under SSH and TLS in what is on the wire, the last ones counted from its end. */
  readonly offset: number
  /** RST on the way up is tried everywhere; the others take turns. */
  readonly also: readonly (readonly [Way, Kind])[]
}

const UP_FIN = ['upload', 'fin'] as const
const DOWN_RST = ['download', 'rst'] as const
const DOWN_FIN = ['download', 'fin'] as const

const PLACES: readonly Place[] = [
  { name: 'p4, byte 0', offset: 0, also: [UP_FIN, DOWN_RST] },
  { name: 'p5, byte 1', offset: 1, also: [DOWN_FIN] },
  { name: 'p6, inside the first block', offset: 30_000, also: [UP_FIN, DOWN_RST] },
  { name: 'p7, before a block edge', offset: BLOCK - 1, also: [DOWN_FIN] },
  { name: 'p7, block edge', offset: BLOCK, also: [UP_FIN, DOWN_RST] },
  { name: 'p7, behind a block edge', offset: BLOCK + 1, also: [DOWN_FIN] },
  { name: 'p9, 16383', offset: 16_383, also: [] },
  { name: 'p9, 16384', offset: 16_384, also: [DOWN_FIN] },
  { name: 'p9, 16385', offset: 16_385, also: [] },
  { name: 'p9, 32767', offset: 32_767, also: [] },
  { name: 'p9, 32768', offset: 32_768, also: [DOWN_RST] },
  { name: 'p9, 32769', offset: 32_769, also: [] },
  { name: 'p10, inside the last block', offset: SIZE - 20_000, also: [UP_FIN, DOWN_FIN] },
  { name: 'p11, before the last byte', offset: SIZE - 1, also: [UP_FIN, DOWN_RST] },
]

const EDGES: readonly number[] = [16_383, 16_385, 32_767, 32_769]

function placeOnWire(ground: Ground, span: Span, offset: number): number {
  if (offset < SIZE / 2) return span.start + offset
  // Under SSH and TLS the last bytes of the file are followed by closing ones.
  return span.end - Math.max(SIZE - offset, ground.plain ? 0 : 400)
}

function cutAt(ground: Ground, rig: Rig, way: Way, span: Span, offset: number, kind: Kind): Fault {
  const { proxy, channel } = rig.site
  // A client of HTTP has two connections and sends on whichever is free.
  const first = proxy.connections.filter((c) => c.channel === channel).length
  const connection = first + span.connection
  if (ground.column === 'http')
    proxy.plan({
      kind,
      direction: directionOf(way),
      channel,
      connection: first + 1 - span.connection,
      at: placeOnWire(ground, span, offset),
    })
  const fault: Fault = { kind, direction: directionOf(way), channel, connection, at: placeOnWire(ground, span, offset) }
  proxy.plan(fault)
  return fault
}

function assertRight(rig: Rig, way: Way): void {
  assert.ok((way === 'upload' ? rig.stored() : rig.received())?.equals(bytes), 'wrong bytes')
  assert.deepEqual(rig.partials(), [])
}

function wholeBlocks(length: number): number {
  return Math.floor(length / BLOCK) * BLOCK
}

/** One attempt with retries. What is sent twice is what the server had not stored, and the rest of a block. */
async function survives(ground: Ground, rig: Rig, way: Way, span: Span, offset: number): Promise<void> {
  const { proxy, channel } = rig.site
  const fault = cutAt(ground, rig, way, span, offset, 'rst')
  const before = proxy.total(directionOf(way), channel)
  const metBefore = proxy.met.length
  let stored = 0
  let tries = 0
  const on = (event: TransferEvent): void => {
    if (event.kind !== 'retrying') return
    tries += 1
    stored = Math.max(stored, rig.storedPartial())
  }
  const result = await rig[way]({ on })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(
    proxy.met.some(({ at }) => at === fault.at),
    'the fault was not met',
  )
  assert.ok(tries >= 1 && tries <= 2, `${tries} tries`)
  assertRight(rig, way)
  if (way === 'download') assert.ok(result.bytesTransferred <= SIZE + BLOCK, `${result.bytesTransferred} bytes for ${SIZE}`)
  else {
    const sent = proxy.total('up', channel) - before
    // Over HTTP the connection that is cut may be the one of the second try as well.
    const cuts = proxy.met.length - metBefore
    const limit = (cuts * fault.at + SIZE - wholeBlocks(stored)) * (1 + OVERHEAD_SHARE) + OVERHEAD_BYTES
    assert.ok(sent <= limit, `${sent} bytes sent, the server held ${stored} at the cut`)
  }
}

/** Two attempts, the second one on another machine in an upload. */
async function goesOn(ground: Ground, rig: Rig, way: Way, span: Span, offset: number): Promise<void> {
  const fault = cutAt(ground, rig, way, span, offset, 'fin')
  const first = await rig[way]({ policy: { retries: 0 } })
  rig.site.proxy.clear()
  assert.deepEqual([first.status, first.failure?.kind], ['failed', 'transient'], first.failure?.message)
  assert.ok(
    rig.site.proxy.met.some(({ at }) => at === fault.at),
    'the fault was not met',
  )
  assert.equal(way === 'upload' ? rig.stored() : rig.received(), null, 'a final name before its time')
  const kept = way === 'upload' ? wholeBlocks(rig.storedPartial()) : (rig.journal.values().next().value?.acknowledged[0]?.end ?? 0)
  if (way === 'upload' && ground.column === 'ftp') assert.equal(rig.storedPartial(), offset, 'a FIN loses nothing')
  if (way === 'upload') rig.journal.clear()
  const second = await rig[way]()
  assert.equal(second.status, 'complete', second.failure?.message)
  assert.ok(second.resumedFrom >= kept, `continued at ${second.resumedFrom}, kept were ${kept}`)
  assert.ok(second.bytesTransferred <= SIZE - kept, `${second.bytesTransferred} bytes again, kept were ${kept}`)
  assertRight(rig, way)
}

/** Every byte is handed over; the connection that would bring the answer is reset by the first byte of it. */
async function answerLost(ground: Ground, rig: Rig): Promise<void> {
  const { proxy } = rig.site
  const metBefore = proxy.met.length
  let phase = ''
  let struck = false
  const on = (event: TransferEvent): void => {
    if (event.kind === 'phase') phase = event.phase
    if (struck || phase !== 'transferring' || event.kind !== 'progress' || event.done !== SIZE) return
    struck = true
    proxy.strike({ kind: 'rst', direction: 'down', at: 0 })
  }
  const result = await rig.upload({ on })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(proxy.met.length > metBefore, 'the fault was not met')
  // SFTP answers every packet: the reset takes back what is still on its way. Elsewhere the lost answer is the one to everything.
  if (ground.column !== 'sftp') assert.equal(result.bytesTransferred, SIZE, 'bytes were sent again')
  assertRight(rig, 'upload')
}

async function cutsOf(t: TestContext, ground: Ground, site: Site, way: Way): Promise<void> {
  const span = await measure(ground, laidOut(t, ground, site, way, bytes), way)
  const fresh = (t: TestContext): Rig => {
    t.after(() => site.proxy.clear())
    const rig = laidOut(t, ground, site, way, bytes)
    rmSync(way === 'upload' ? rig.storedPath : rig.localPath, { force: true })
    return rig
  }
  for (const { name, offset, also } of PLACES) {
    const kinds = [...(way === 'upload' ? ['rst' as const] : []), ...also.filter(([of]) => of === way).map(([, kind]) => kind)]
    // Beside the edge of a record only records matter; nginx is reset without TLS, and ended with it.
    if (ground.plain && EDGES.includes(offset)) continue
    if (ground.name.endsWith('nginx') && kinds.includes(ground.plain ? 'fin' : 'rst')) continue
    if (kinds.includes('rst')) await t.test(`${way}, RST at ${name}`, (t) => survives(ground, fresh(t), way, span, offset))
    if (kinds.includes('fin')) await t.test(`${way}, FIN at ${name}`, (t) => goesOn(ground, fresh(t), way, span, offset))
  }
  if (way === 'upload') await t.test('upload, RST at p12, the answer is lost', (t) => answerLost(ground, fresh(t)))
}

for (const ground of GROUNDS) {
  test(`cuts: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site === null) return
    for (const way of ground.ways) await cutsOf(t, ground, site, way)
  })
}
