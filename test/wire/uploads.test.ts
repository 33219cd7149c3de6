/** What happens to the partial, the source, the rename and the process of an upload, on every protocol: right bytes, and no more sent than must be. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, closeSync, openSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { contentFingerprint, fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import type { Phase, TransferEvent } from '../../src/engine/ports.ts'
import type { Site } from '../e2e/sites.ts'
import { seededBytes } from '../support/prng.ts'
import { GROUNDS, type Ground, laidOut } from './grounds.ts'
import { BLOCK, KEY, NAME, type Rig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(89, SIZE))
const KEPT = 8 * BLOCK
const NONCE = '0a1b2c3d'
const blocks = Array.from({ length: Math.ceil(SIZE / BLOCK) }, (_, i) =>
  createHash('sha256')
    .update(bytes.subarray(i * BLOCK, (i + 1) * BLOCK))
    .digest('hex'),
)
const fingerprint = contentFingerprint({ size: SIZE, blockSize: BLOCK, blocks })

/** As an attempt before would have left it, or as somebody or something has changed it since. */
function putPartial(rig: Rig, content: Uint8Array): void {
  const path = join(dirname(rig.storedPath), partialName(NAME, fingerprintTag(fingerprint), NONCE))
  writeFileSync(path, content)
  chmodSync(path, 0o666)
}

/** The journal of an attempt to which the server had acknowledged everything up to there. */
function claim(rig: Rig, end: number): void {
  rig.journal.set(KEY, {
    key: KEY,
    source: fingerprint,
    nonce: NONCE,
    ended: false,
    blockSize: BLOCK,
    checkKey: null,
    blocks,
    acknowledged: [{ start: 0, end }],
  })
}

function changed(content: Uint8Array, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(content)
  change(copy)
  return copy
}

const kept = bytes.subarray(0, KEPT)
const PARTIALS: Readonly<Record<string, { readonly content: Buffer; readonly good: number; readonly claimed?: number }>> = {
  'untouched, and no state': { content: kept, good: KEPT },
  'with one byte changed': { content: changed(kept, (c) => c.writeUInt8((c[3 * BLOCK] ?? 0) ^ 1, 3 * BLOCK)), good: 3 * BLOCK },
  'with a hole of 98,304 bytes': { content: changed(kept, (c) => c.fill(0, 2 * BLOCK + 100, 2 * BLOCK + 98_404)), good: 2 * BLOCK },
  'without the last acknowledged bytes': { content: bytes.subarray(0, 5 * BLOCK + 7), good: 5 * BLOCK, claimed: KEPT },
  'with zeros for the last acknowledged bytes': { content: changed(kept, (c) => c.fill(0, 5 * BLOCK)), good: 5 * BLOCK, claimed: KEPT },
}

function assertStored(rig: Rig): void {
  assert.ok(rig.stored()?.equals(bytes), 'wrong bytes')
  assert.deepEqual(rig.partials(), [])
}

async function partialFound(ground: Ground, rig: Rig, name: string): Promise<void> {
  const { content, good, claimed } = PARTIALS[name] ?? assert.fail(name)
  putPartial(rig, content)
  if (claimed !== undefined) claim(rig, claimed)
  const result = await rig.upload()
  assert.equal(result.status, 'complete', result.failure?.message)
  assertStored(rig)
  // FTP appends only: what is damaged below the end costs the whole file, unless the server can go back.
  const appends = ground.column.startsWith('ftp') && good < content.length - BLOCK
  assert.ok(result.bytesTransferred <= (appends ? SIZE : SIZE - good), `${result.bytesTransferred} bytes were sent`)
  if (!appends) assert.ok(result.resumedFrom >= good, `continued at ${result.resumedFrom}`)
}

/** By the order of requests, without a clock: the reading of what was kept begins when new bytes are on their way, and on a connection of its own. */
async function newBytesFirst(rig: Rig): Promise<void> {
  putPartial(rig, kept)
  let sent = 0
  let phase = ''
  const sentBefore: number[] = []
  const connections: number[] = []
  const on = (event: TransferEvent): void => {
    if (event.kind === 'phase') phase = event.phase
    // The hashing of the source is told as progress, too.
    if (event.kind === 'progress' && phase === 'transferring') sent = event.done - event.reused
  }
  const calls = (method: string, when: 'before' | 'after'): void => {
    if (method !== 'read') return
    if (when === 'before') sentBefore.push(sent)
    connections.push(rig.site.proxy.connections.length)
  }
  const before = rig.site.proxy.connections.length
  const result = await rig.upload({ on, calls })
  assert.deepEqual([result.status, result.resumedFrom, result.bytesTransferred], ['complete', KEPT, SIZE - KEPT], result.failure?.message)
  assertStored(rig)
  assert.equal(sentBefore.length, 2, 'the first block is read, and what was kept once')
  assert.equal(sentBefore[0], 0, 'nothing is written before the first block is seen to be ours')
  assert.ok((sentBefore[1] ?? 0) >= (SIZE - KEPT) / 4, `${sentBefore[1]} new bytes were sent when the reading began`)
  assert.ok((connections.at(-1) ?? 0) - before >= 2, 'one connection for both')
}

/** Rights go when the whole partial is there. The next attempt proves it and renames. */
async function renameForbidden(ground: Ground, rig: Rig): Promise<void> {
  const folder = dirname(rig.storedPath)
  const mode = statSync(folder).mode & 0o777
  const on = (event: TransferEvent): void => {
    if (event.kind === 'phase' && event.phase === 'committing') chmodSync(folder, 0o555)
  }
  const first = await rig.upload({ on })
  chmodSync(folder, mode)
  // Apache says 500, as it does to everything that goes wrong.
  const kind = ground.column === 'http' ? 'transient' : 'refused'
  assert.deepEqual([first.status, first.failure?.kind], ['failed', kind], first.failure?.message)
  assert.equal(rig.stored(), null)
  assert.equal(rig.storedPartial(), SIZE)
  rig.journal.clear()
  const second = await rig.upload()
  assert.deepEqual([second.status, second.bytesTransferred], ['complete', 0], second.failure?.message)
  assertStored(rig)
}

/** Another job with the same file has renamed the partial that both had filled. */
async function partialTaken(rig: Rig): Promise<void> {
  let taken = false
  const calls = (method: string, when: 'before' | 'after'): void => {
    if (taken || method !== 'tree.rename' || when === 'after' || rig.partials().length === 0) return
    taken = true
    renameSync(rig.partials()[0] ?? assert.fail('no partial'), rig.storedPath)
  }
  const result = await rig.upload({ calls })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.equal(result.bytesTransferred, SIZE, 'bytes were sent again')
  assertStored(rig)
}

/** How many bytes the requests of a rename have, all connections together. */
async function renameRequest(rig: Rig): Promise<number> {
  const sent: Record<'before' | 'after', number> = { before: 0, after: 0 }
  const calls = (method: string, when: 'before' | 'after'): void => {
    if (method === 'tree.rename') sent[when] = rig.site.proxy.total('up', 'control')
  }
  const result = await rig.upload({ calls })
  assert.equal(result.status, 'complete', result.failure?.message)
  rmSync(rig.storedPath)
  return sent.after - sent.before
}

/** Cuts when the last request has gone through and before its answer can: both pass through this very thread. */
async function cutBehind(site: Site, requestEnd: number): Promise<void> {
  while (site.proxy.total('up', 'control') < requestEnd) await new Promise((turn) => setImmediate(turn))
  site.proxy.strike({ kind: 'rst', direction: 'down', at: 0 })
}

async function renameReplyLost(rig: Rig): Promise<void> {
  const { proxy } = rig.site
  const request = await renameRequest(rig)
  const met = proxy.met.length
  let renames = 0
  let done = false
  const calls = (method: string, when: 'before' | 'after'): void => {
    // Before the bytes a scratch file is renamed.
    if (method !== 'tree.rename' || when === 'after' || rig.partials().length === 0) return
    renames += 1
    if (renames === 1) void cutBehind(rig.site, proxy.total('up', 'control') + request)
  }
  const on = (event: TransferEvent): void => {
    if (event.kind === 'retrying') done = rig.stored() !== null
  }
  const result = await rig.upload({ on, calls })
  assert.ok(proxy.met.length > met, 'the fault was not met')
  assert.ok(done, 'the rename was not done when its answer was lost')
  assert.deepEqual([result.status, renames], ['complete', 1], result.failure?.message)
  assert.equal(result.bytesTransferred, SIZE, 'bytes were sent again')
  assertStored(rig)
}

async function twoJobs(t: TestContext, ground: Ground, site: Site, rig: Rig): Promise<void> {
  const other = laidOut(t, ground, site, 'upload', bytes)
  const results = await Promise.all([rig, other].map((one) => one.upload({ policy: { retries: 3 } })))
  const ends = results.map(({ status, failure }) => failure?.kind ?? status)
  assert.ok(ends.includes('complete'), ends.join(' and '))
  assert.ok(rig.stored()?.equals(bytes), 'wrong bytes')
  const next = await rig.upload()
  assert.ok(['complete', 'unchanged'].includes(next.status), next.failure?.message)
  assert.ok(rig.stored()?.equals(bytes), 'wrong bytes')
  t.diagnostic(`ended as ${ends.join(' and ')}`)
}

const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  'is cut': (path) => truncateSync(path, SIZE / 2),
  'is changed in place, size and time as before': (path) => {
    const { atime, mtime } = statSync(path)
    const file = openSync(path, 'r+')
    for (let at = 0; at < SIZE; at += BLOCK) writeSync(file, Buffer.of((bytes[at] ?? 0) ^ 1), 0, 1, at)
    closeSync(file)
    utimesSync(path, atime, mtime)
  },
}

async function sourceChanges(rig: Rig, change: (path: string) => void): Promise<void> {
  const old = Buffer.from('an older release')
  writeFileSync(rig.storedPath, old)
  chmodSync(rig.storedPath, 0o666)
  let done = false
  const on = (event: TransferEvent): void => {
    if (done || event.kind !== 'phase' || event.phase !== 'transferring') return
    done = true
    change(rig.localPath)
  }
  const result = await rig.upload({ on })
  assert.deepEqual([result.status, result.failure?.kind], ['failed', 'source-changed'], result.failure?.message)
  assert.ok(rig.stored()?.equals(old), 'the final name was touched')
}

const PHASES: readonly Phase[] = ['hashing', 'connecting', 'transferring', 'proving', 'committing']
const STOPS_WITHIN_MS = 5_000

async function stopped(rig: Rig, phase: Phase): Promise<void> {
  const controller = new AbortController()
  let at = Number.NaN
  const on = (event: TransferEvent): void => {
    if (controller.signal.aborted || event.kind !== 'phase' || event.phase !== phase) return
    at = performance.now()
    controller.abort(new TransferError('stopped', 'cancelled'))
  }
  const result = await rig.upload({ on, signal: controller.signal, policy: { verify: 'full' } })
  assert.deepEqual([result.status, result.failure?.kind], ['incomplete', 'stopped'], result.failure?.message)
  assert.ok(performance.now() - at < STOPS_WITHIN_MS, 'the stop took too long')
  const kept = rig.storedPartial()
  rig.journal.clear()
  const next = await rig.upload()
  assert.ok(['complete', 'unchanged'].includes(next.status), next.failure?.message)
  assertStored(rig)
  if (phase === 'proving') assert.deepEqual([kept, next.bytesTransferred], [SIZE, 0], 'what was there was sent again')
}

async function uploadsOn(t: TestContext, ground: Ground, site: Site): Promise<void> {
  const each = (name: string, holds: (rig: Rig, t: TestContext) => Promise<void>): Promise<void> =>
    t.test(name, async (t) => {
      const rig = laidOut(t, ground, site, 'upload', bytes)
      rmSync(rig.storedPath, { force: true })
      await holds(rig, t)
    })
  for (const name of Object.keys(PARTIALS)) await each(`a partial ${name}`, (rig) => partialFound(ground, rig, name))
  if (ground.column === 'sftp' || ground.column === 'http') await each('new bytes travel before what is kept is read', newBytesFirst)
  await each('permission lost at the rename', (rig) => renameForbidden(ground, rig))
  await each('the answer to the rename is lost', renameReplyLost)
  await each('another job was first to rename', partialTaken)
  await each('two jobs at once with the same file', (rig, t) => twoJobs(t, ground, site, rig))
  for (const [name, change] of Object.entries(CHANGES)) await each(`the source ${name} meanwhile`, (rig) => sourceChanges(rig, change))
  for (const phase of PHASES) await each(`stopped while ${phase}`, (rig) => stopped(rig, phase))
}

for (const ground of GROUNDS.filter(({ ways }) => ways.includes('upload'))) {
  test(`uploads: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site !== null) await uploadsOn(t, ground, site)
  })
}
