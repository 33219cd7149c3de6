/** Servers that few people have and nobody here had tried: what a step makes of them, through the real engine. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { TransferError } from '../../src/core/errors.ts'
import type { TransferEvent, TransferResult } from '../../src/engine/ports.ts'
import { anySite, type Site } from '../e2e/sites.ts'
import { type ServerName, serverOrSkip } from '../servers/debian.ts'
import { startFtpdSsl } from '../servers/ftpd-ssl.ts'
import { startAsyncssh, startConch, startParamiko } from '../servers/python-sftp.ts'
import type { TestServer } from '../servers/server.ts'
import { startCaddy, startMiniHttpd } from '../servers/small-http.ts'
import { startTinysshd } from '../servers/tinysshd.ts'
import { startTwistedFtp } from '../servers/twisted-ftp.ts'
import { seededBytes } from '../support/prng.ts'
import { type AttemptOptions, BLOCK, createRig, putStored, type Rig, SIZE } from './rig.ts'

const BYTES = Buffer.from(seededBytes(81, SIZE))
const OTHER = Buffer.from(seededBytes(82, SIZE))
/** The next version: the same beginning, and shorter than what of the first one was sent. */
const SHORTER = BYTES.subarray(0, 2 * BLOCK)
const ODD = 'a b (1) [ü].bin'

interface Animal {
  readonly server: ServerName
  readonly start: () => Promise<TestServer & { readonly privateKey?: string }>
  readonly scheme: 'sftp' | 'ftp'
  /** What an upload that was cut leaves to the next one. */
  readonly continued: 'half' | 'whole file'
  /** What becomes of the beginning of a longer version that was cut. */
  readonly shortened: 'kept' | 'sent again'
  /** Permissions of a file that is replaced; else what is said of them. */
  readonly mode: 'kept' | 'lost'
  /** How a name beyond ASCII is stored; else what is said of it. */
  readonly odd: string | RegExp
}

const LATIN_1 = Buffer.from(ODD).toString('latin1')

const ZOO: Readonly<Record<string, Animal>> = {
  TinySSH: { server: 'tinysshd', start: startTinysshd, scheme: 'sftp', continued: 'half', shortened: 'kept', mode: 'kept', odd: ODD },
  asyncssh: { server: 'asyncssh', start: startAsyncssh, scheme: 'sftp', continued: 'half', shortened: 'kept', mode: 'kept', odd: ODD },
  Paramiko: {
    server: 'paramiko',
    start: startParamiko,
    scheme: 'sftp',
    continued: 'half',
    shortened: 'sent again',
    mode: 'kept',
    odd: ODD,
  },
  'Twisted conch': {
    server: 'twisted',
    start: startConch,
    scheme: 'sftp',
    continued: 'half',
    shortened: 'sent again',
    mode: 'kept',
    odd: /beyond ASCII/,
  },
  'linux-ftpd-ssl': {
    server: 'ftpd-ssl',
    start: startFtpdSsl,
    scheme: 'ftp',
    continued: 'half',
    shortened: 'sent again',
    mode: 'kept',
    odd: ODD,
  },
  'Twisted FTP': {
    server: 'twisted',
    start: startTwistedFtp,
    scheme: 'ftp',
    continued: 'whole file',
    shortened: 'sent again',
    mode: 'lost',
    odd: LATIN_1,
  },
}

interface Told {
  readonly result: TransferResult
  readonly notes: string
}

async function told(run: (options: AttemptOptions) => Promise<TransferResult>, options: AttemptOptions = {}): Promise<Told> {
  const notes: string[] = []
  const on = (event: TransferEvent): void => void ((event.kind === 'note' || event.kind === 'warning') && notes.push(event.message))
  return { result: await run({ ...options, on }), notes: notes.join('\n') }
}

function assertDone(result: TransferResult, what: string, status: TransferResult['status'] = 'complete'): void {
  assert.equal(result.status, status, `${what}: ${result.failure?.kind}: ${result.failure?.message}`)
}

function assertStored(rig: Rig, result: TransferResult, what: string): void {
  assertDone(result, what)
  assert.ok(rig.stored()?.equals(rig.bytes), `${what}: wrong bytes`)
  assert.deepEqual(rig.partials(), [], what)
}

function stoppedAtHalf(run: (options: AttemptOptions) => Promise<TransferResult>): Promise<TransferResult> {
  const stop = new AbortController()
  let phase = ''
  const on = (event: TransferEvent): void => {
    if (event.kind === 'phase') phase = event.phase
    if (event.kind === 'progress' && phase === 'transferring' && event.done >= SIZE / 2) stop.abort(new TransferError('stopped', 'enough'))
  }
  return run({ on, signal: stop.signal })
}

/**
 * How much of an upload that was cut is stored is a matter of chance: some servers write on for a moment, asyncssh drops what it had not written. Once it is at rest,
 * it becomes half of the file.
 */
async function leftAtHalf(rig: Rig): Promise<TransferResult> {
  const result = await stoppedAtHalf(rig.upload)
  for (let last = -1; last !== rig.storedPartial(); await setTimeout(100)) last = rig.storedPartial()
  const [partial = assert.fail('nothing is left')] = rig.partials()
  writeFileSync(partial, rig.bytes.subarray(0, SIZE / 2))
  return result
}

async function openSite(t: TestContext, animal: Pick<Animal, 'server' | 'start'>, scheme: 'sftp' | 'ftp' | 'http'): Promise<Site | null> {
  if (serverOrSkip(t, animal.server) === null) return null
  return await anySite(t, scheme, await animal.start())
}

async function replaced(t: TestContext, site: Site, { mode }: Animal): Promise<void> {
  const rig = createRig(t, site, BYTES)
  assertStored(rig, (await told(rig.upload)).result, 'fresh')
  assertDone((await told(rig.upload)).result, 'again', 'unchanged')
  chmodSync(rig.storedPath, 0o640)
  const other = createRig(t, site, OTHER)
  const { result, notes } = await told(other.upload)
  assertStored(other, result, 'replaced')
  if (mode === 'kept') assert.equal(statSync(rig.storedPath).mode & 0o777, 0o640)
  else assert.match(notes, /has the mode 0640, which the server does not set/)
}

async function cut(t: TestContext, site: Site, { continued, shortened }: Animal): Promise<void> {
  const rig = createRig(t, site, BYTES, { name: 'cut.bin' })
  assertDone(await leftAtHalf(rig), 'cut', 'incomplete')
  const next = createRig(t, site, SHORTER, { name: 'cut.bin' })
  for (const [key, entry] of rig.journal) next.journal.set(key, { ...entry, ended: true })
  const after = await next.upload()
  assertStored(next, after, 'shorter')
  assert.equal(after.bytesReused > 0, shortened === 'kept', 'shorter')
  assertDone(await leftAtHalf(rig), 'cut once more', 'incomplete')
  const rest = await rig.upload()
  assertStored(rig, rest, 'continued')
  assert.equal(rest.bytesReused > 0, continued === 'half', 'continued')
}

async function named(t: TestContext, site: Site, { odd, scheme }: Animal): Promise<void> {
  const empty = createRig(t, site, Buffer.alloc(0), { name: 'empty.bin' })
  assertStored(empty, await empty.upload(), 'empty')
  const name = typeof odd === 'string' ? odd : ODD
  const rig = createRig(t, site, BYTES.subarray(0, BLOCK), { name: ODD })
  const { result } = await told(rig.upload)
  if (odd instanceof RegExp) {
    assertDone(result, 'odd', 'failed')
    assert.match(`${result.failure?.message} ${result.failure?.hint}`, odd)
    return
  }
  assertDone(result, 'odd')
  assert.ok(existsSync(join(site.server.root, name)), `${scheme}: stored under another name`)
}

async function fetched(t: TestContext, site: Site, continued: Animal['continued']): Promise<void> {
  const rig = createRig(t, site, BYTES, { name: 'fetched.bin' })
  putStored(rig)
  assertDone(await stoppedAtHalf(rig.download), 'fetched, cut', 'incomplete')
  const { result } = await told(rig.download)
  assertDone(result, 'fetched')
  assert.ok(rig.received()?.equals(BYTES), 'fetched: wrong bytes')
  assert.equal(result.bytesReused > 0, continued === 'half', 'fetched')
}

async function turnedAway(t: TestContext, site: Site): Promise<void> {
  if (site.inputs['private-key'] !== undefined) return t.diagnostic('no password is taken here')
  const rig = createRig(t, site, BYTES, { name: 'denied.bin' })
  const result = await rig.upload({ inputs: { password: 'wrong' } })
  assert.deepEqual([result.status, result.failure?.kind], ['failed', 'denied'], result.failure?.message)
  assert.equal(rig.stored(), null)
}

for (const [name, animal] of Object.entries(ZOO))
  test(name, async (t) => {
    const site = await openSite(t, animal, animal.scheme)
    if (site === null) return
    for (const [what, run] of Object.entries({ replaced, cut, named })) await t.test(what, (inner) => run(inner, site, animal))
    await t.test('fetched', (inner) => fetched(inner, site, animal.continued))
    await t.test('turned away', (inner) => turnedAway(inner, site))
  })

test('Caddy, downloads', async (t) => {
  const site = await openSite(t, { server: 'caddy', start: startCaddy }, 'http')
  if (site !== null) await fetched(t, site, 'half')
})

test('mini-httpd: a stored archive that it calls gzip arrives as it is', async (t) => {
  const site = await openSite(t, { server: 'mini-httpd', start: startMiniHttpd }, 'http')
  if (site === null) return
  const rig = createRig(t, site, BYTES, { name: 'a.tar.gz' })
  writeFileSync(rig.storedPath, BYTES)
  const { result } = await told(rig.download)
  assertDone(result, 'archive')
  assert.ok(rig.received()?.equals(BYTES))
})
