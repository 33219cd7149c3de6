/** The saved state is a hint: lost, refused, damaged or forged, the bytes on the server are right all the same. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AttemptOptions, createStep, type Step } from './action.ts'
import { brokenAttempt, freshMachine, onlyPartial } from './broken.ts'
import { getRemote, MIB, putRemote, randomBytes } from './files.ts'
import { assertComplete } from './outcome.ts'
import { ftpsSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

const SIZE = 16 * MIB
const CUT = 10 * MIB
const NAME = 'state.bin'
const bytes = randomBytes(SIZE)

function uploadStep(t: TestContext, site: Site): Promise<Step> {
  return createStep(t, { inputs: { ...site.inputs, source: NAME, destination: site.url(NAME) }, secrets: site.secrets })
}

function assertStored(site: Site): void {
  assert.ok(getRemote(site, NAME)?.equals(bytes), 'wrong bytes on the server')
}

interface Trouble {
  prepare?(step: Step): void
  /** Of both attempts. */
  readonly options?: AttemptOptions
  /** Only of the second one. */
  readonly second?: AttemptOptions
}

const TROUBLES: Readonly<Record<string, Trouble>> = {
  'emptied between the attempts': { second: { scopes: [{ Scope: 'refs/heads/other', Permission: 3 }] } },
  'that may only be read': { options: { scopes: [{ Scope: 'refs/heads/main', Permission: 1 }] } },
  'that may only be written': { options: { scopes: [{ Scope: 'refs/heads/main', Permission: 2 }] } },
  'that the runner gives no access to': { options: { scopes: null } },
  'that is down': { options: { env: { ACTIONS_RESULTS_URL: 'http://127.0.0.1:9/' } } },
  'that answers 500': {
    prepare: ({ cache }) => (['lookup', 'create'] as const).forEach((op) => void cache.fail(op, { kind: 'status', status: 500 })),
  },
  'that is slow': {
    prepare: ({ cache }) => (['lookup', 'get'] as const).forEach((op) => void cache.fail(op, { kind: 'slow', ms: 1_000 })),
  },
  'whose blob is cut': { prepare: ({ cache }) => cache.fail('get', { kind: 'truncate' }) },
}

for (const open of [sftpSite, vsftpdSite]) {
  test(`${open === sftpSite ? 'sftp' : 'ftp'}: a cache`, async (t) => {
    const site = await open(t)
    if (site === null) return
    for (const [name, trouble] of Object.entries(TROUBLES)) {
      if (open === vsftpdSite && name !== 'that answers 500') continue
      await t.test(name, async (t) => {
        const step = await uploadStep(t, site)
        trouble.prepare?.(step)
        freshMachine(step, NAME, bytes)
        await brokenAttempt(step, site, 'up', CUT, trouble.options)
        freshMachine(step, NAME, bytes)
        const run = await step.attempt({ ...trouble.options, ...trouble.second })
        assertComplete(run, { resumed: true, size: SIZE })
        assertStored(site)
        rmSync(join(site.server.root, NAME))
      })
    }
  })
}

interface RawJournal {
  id: string
  version: number
  entries: { source: { sha256: string; size: number }; blocks: string; acknowledged: unknown[]; [name: string]: unknown }[]
  [name: string]: unknown
}

/** With a line of digest that fits, so that nothing but the content is wrong. */
function sealed(line: string): Buffer {
  return Buffer.from(`${line}\n${createHash('sha256').update(line).digest('hex')}\n`)
}

/** The saved journal, changed, and sealed again. */
function forged(genuine: Buffer, change: (journal: RawJournal, entry: RawJournal['entries'][number]) => void): Buffer {
  const journal = JSON.parse(genuine.toString().split('\n')[0] ?? '') as RawJournal
  const entry = journal.entries[0]
  assert.ok(entry !== undefined, 'the genuine journal has no entry')
  change(journal, entry)
  return sealed(JSON.stringify(journal))
}

type Forgery = (genuine: Buffer) => Buffer

/** The line of the journal with one piece of its text replaced. */
function rewritten(pattern: RegExp, replacement: string): Forgery {
  return (genuine) => {
    const line = genuine.toString().split('\n')[0] ?? ''
    assert.match(line, pattern)
    return sealed(line.replace(pattern, replacement))
  }
}

/** Also none, as when the line was cut before the first of them was noted. */
const ACKNOWLEDGED = /"acknowledged":\[(?:\[[\d,]*\],?)*\]/
const EVERYTHING = [[0, SIZE]]
const FORGERIES: Readonly<Record<string, Forgery>> = {
  empty: () => Buffer.alloc(0),
  zeros: () => Buffer.alloc(4096),
  'cut in the middle': (genuine) => genuine.subarray(0, genuine.length / 2),
  binary: () => randomBytes(4096),
  'of 9 MiB': () => Buffer.alloc(9 * MIB, ' '),
  'of another step': (genuine) =>
    forged(genuine, (journal) => {
      journal.id = '0123456789abcdef'
    }),
  'of another source': (genuine) =>
    forged(genuine, (_, entry) => {
      entry.source.sha256 = 'ab'.repeat(32)
    }),
  'that claims every byte': (genuine) =>
    forged(genuine, (_, entry) => {
      entry.acknowledged = EVERYTHING
    }),
  'that claims bytes beyond the end': (genuine) =>
    forged(genuine, (_, entry) => {
      entry.acknowledged = [[0, SIZE * 2]]
    }),
  'that claims every byte of a longer file': (genuine) =>
    forged(genuine, (_, entry) => {
      entry.source.size = SIZE * 2
      entry.acknowledged = [[0, SIZE * 2]]
    }),
  'with negative numbers': (genuine) =>
    forged(genuine, (_, entry) => {
      entry.acknowledged = [[-5, SIZE]]
    }),
  'with numbers that are none': rewritten(ACKNOWLEDGED, '"acknowledged":[[0,NaN]]'),
  'with numbers too large': rewritten(ACKNOWLEDGED, '"acknowledged":[[0,1e999]]'),
  'with __proto__': rewritten(/"entries":/, '"__proto__":{"acknowledged":[[0,16777216]]},"entries":'),
  'with a key twice': rewritten(/"entries":/, '"version":1,"entries":'),
  'nested deeply': () => sealed(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  'of a newer version': (genuine) =>
    forged(genuine, (journal) => {
      journal.version = 2
    }),
  'with the digests of other blocks': (genuine) =>
    forged(genuine, (_, entry) => {
      entry.blocks = randomBytes(Buffer.from(entry.blocks, 'base64').length).toString('base64')
      entry.acknowledged = EVERYTHING
    }),
}

const SITES = { sftp: sftpSite, ftp: vsftpdSite, ftps: (t: TestContext) => ftpsSite(t, 'proftpd') } as const

/** What is on the server is damaged, so that a journal that were believed would leave wrong bytes under the final name. */
for (const [protocol, open] of Object.entries(SITES)) {
  test(`${protocol}: a journal in the cache, over a damaged partial`, async (t) => {
    const site = await open(t)
    if (site === null) return
    const step = await uploadStep(t, site)
    freshMachine(step, NAME, bytes)
    await brokenAttempt(step, site, 'up', CUT)
    const partial = onlyPartial(site.server.root)
    const damaged = readFileSync(partial)
    damaged[2 * MIB] = (damaged[2 * MIB] ?? 0) ^ 1
    const saved = step.cache.entries().findLast((entry) => entry.finalized)
    assert.ok(saved !== undefined, 'no state was saved')
    const names = protocol === 'sftp' ? Object.keys(FORGERIES) : ['that claims every byte', 'with the digests of other blocks']
    for (const name of names) {
      await t.test(name, async () => {
        rmSync(join(site.server.root, NAME), { force: true })
        putRemote(site, basename(partial), damaged)
        freshMachine(step, NAME, bytes)
        step.cache.fail('get', { kind: 'garbage', body: FORGERIES[name]?.(Buffer.from(saved.bytes)) ?? Buffer.alloc(0) }, 1)
        const run = await step.attempt()
        assert.equal(run.exitCode, 0, run.log)
        assertStored(site)
      })
    }
  })
}
