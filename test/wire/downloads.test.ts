/** What happens to the file on the server and to the partial of a download between two attempts: one version, or none. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { Site } from '../e2e/sites.ts'
import { seededBytes } from '../support/prng.ts'
import { GROUNDS, type Ground, httpSite, laidOut, measure, type Span } from './grounds.ts'
import { BLOCK, type Rig, SIZE } from './rig.ts'

const bytes = Buffer.from(seededBytes(58, SIZE))
const other = Buffer.from(seededBytes(59, SIZE))
const CUT = SIZE - 3 * BLOCK
/** SFTP asks for many packets at once: what is on its way when the line is cut counts for nothing. */
const KEPT_MIN = 2 * BLOCK

/** nginx without ETag, and nginx that ignores ranges. */
const WITHOUT_ETAG: Ground = {
  name: 'http: nginx without ETag',
  column: 'http',
  ways: ['download'],
  open: (t) => httpSite(t, 'noetag'),
  folder: '',
  plain: true,
}
const WITHOUT_RANGES: Ground = { ...WITHOUT_ETAG, name: 'http: nginx without ranges', open: (t) => httpSite(t, 'nor') }

async function broken(rig: Rig, span: Span): Promise<void> {
  const { proxy, channel } = rig.site
  proxy.plan({ kind: 'fin', direction: 'down', channel, at: span.start + CUT })
  const first = await rig.download({ policy: { retries: 0 } })
  proxy.clear()
  assert.deepEqual([first.status, first.failure?.kind], ['failed', 'transient'], first.failure?.message)
}

/** As when an image is built anew with fixed times: only its header, its checksum at the end and nothing between are other bytes. */
const rebuilt = Buffer.concat([other.subarray(0, 1000), bytes.subarray(1000, SIZE - 1000), other.subarray(SIZE - 1000)])

/** In place, so that nothing but the bytes and, with `later`, the time is another. */
function overwrite(rig: Rig, later: boolean, version: Buffer): void {
  const { atime, mtime } = statSync(rig.storedPath)
  const file = openSync(rig.storedPath, 'r+')
  writeSync(file, version)
  closeSync(file)
  if (later) utimesSync(rig.storedPath, 1_800_000_000, 1_800_000_000)
  else utimesSync(rig.storedPath, atime, mtime)
}

function assertReceived(rig: Rig, wanted: Buffer): void {
  assert.ok(rig.received()?.equals(wanted), 'wrong bytes')
  assert.deepEqual(rig.partials(), [])
}

async function replaced(rig: Rig, span: Span, later: boolean, version = other): Promise<void> {
  await broken(rig, span)
  overwrite(rig, later, version)
  const result = await rig.download()
  assert.equal(result.status, 'complete', result.failure?.message)
  assertReceived(rig, version)
}

const TAMPERING: Readonly<Record<string, (path: string) => void>> = {
  'one byte changed': (path) => {
    const content = readFileSync(path)
    content[BLOCK] = (content[BLOCK] ?? 0) ^ 1
    writeFileSync(path, content)
  },
  'its end cut off': (path) => truncateSync(path, BLOCK + 7),
}

async function tampered(rig: Rig, span: Span, tamper: (path: string) => void): Promise<void> {
  await broken(rig, span)
  tamper(rig.partials()[0] ?? assert.fail('no partial'))
  const result = await rig.download()
  assert.equal(result.status, 'complete', result.failure?.message)
  assertReceived(rig, bytes)
}

async function continued(rig: Rig, span: Span): Promise<void> {
  await broken(rig, span)
  const result = await rig.download()
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(result.resumedFrom >= KEPT_MIN, `continued at ${result.resumedFrom}`)
  assertReceived(rig, bytes)
}

async function rangesIgnored(rig: Rig, span: Span): Promise<void> {
  await broken(rig, span)
  const result = await rig.download()
  assert.equal(result.status, 'complete', result.failure?.message)
  assertReceived(rig, bytes)
}

async function downloadsOn(t: TestContext, ground: Ground, site: Site): Promise<void> {
  const fresh = (t: TestContext): Rig => {
    const rig = laidOut(t, ground, site, 'download', bytes)
    utimesSync(rig.storedPath, 1_700_000_000, 1_700_000_000)
    rmSync(rig.localPath, { force: true })
    return rig
  }
  const span = await measure(ground, fresh(t), 'download')
  const each = (name: string, holds: (rig: Rig) => Promise<void>): Promise<void> => t.test(name, (t) => holds(fresh(t)))
  if (ground === WITHOUT_RANGES) return each('200 to a range: the whole file, once', (rig) => rangesIgnored(rig, span))
  await each('continued', (rig) => continued(rig, span))
  await each('replaced between the attempts, another time', (rig) => replaced(rig, span, true))
  await each('replaced between the attempts, same size and time', (rig) => replaced(rig, span, false))
  await each('rebuilt between the attempts, same size, time and middle', (rig) => replaced(rig, span, false, rebuilt))
  for (const [name, tamper] of Object.entries(TAMPERING)) await each(`a partial with ${name}`, (rig) => tampered(rig, span, tamper))
}

for (const ground of [...GROUNDS.filter(({ ways }) => ways.includes('download')), WITHOUT_ETAG, WITHOUT_RANGES]) {
  test(`downloads: ${ground.name}`, async (t) => {
    const site = await ground.open(t)
    if (site !== null) await downloadsOn(t, ground, site)
  })
}
