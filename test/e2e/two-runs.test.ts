/** Two runs at once for one target: real processes, default inputs, real servers. Neither may write into what the other one publishes. */
import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ActionRun } from '../support/runner.ts'
import { davSite } from '../wire/grounds.ts'
import { createStep, type Step } from './action.ts'
import { getRemote, MIB, partialsIn, randomBytes } from './files.ts'
import { whenPassed } from './kills.ts'
import { ftpsSite, proftpdSite, type Site, sftpSite, vsftpdSite } from './sites.ts'

const SIZE = 8 * MIB
const HELD_AT = 3.5 * MIB
const NAME = 'app.bin'
const V1 = randomBytes(SIZE)
/** Some blocks of it are those of the first version, at the same place. */
const V2 = Buffer.from(V1)
for (const block of [0, 5, 6]) randomBytes(MIB).copy(V2, block * MIB)

interface Place {
  readonly name: string
  /** Below the server's root. */
  readonly folder: string
  /** What has come of a file shows only when all of it has. */
  readonly hidden?: true
  /** One session waits for the other that has the file open, so the two cannot work on one partial. */
  readonly locks?: true
  open(t: TestContext): Promise<Site | null>
}

const PLACES: readonly Place[] = [
  { name: 'sftp: OpenSSH', folder: '', open: sftpSite },
  { name: 'sftp: OpenSSH without posix-rename', folder: '', open: (t) => sftpSite(t, { sftpArgs: '-P posix-rename' }) },
  { name: 'ftp: vsftpd', folder: '', locks: true, open: vsftpdSite },
  { name: 'ftp: ProFTPD', folder: '', open: proftpdSite },
  { name: 'ftps: ProFTPD', folder: '', open: (t) => ftpsSite(t, 'proftpd') },
  { name: 'http: Apache', folder: 'dav', hidden: true, open: davSite },
]

/** A run on a machine of its own. `state`: a folder that both share, as two runs of one step share what the cache holds. */
async function machine(t: TestContext, site: Site, content: Buffer, state?: string): Promise<Step> {
  const inputs = { ...site.inputs, source: NAME, destination: site.url(NAME), ...(state === undefined ? {} : { state }) }
  const step = await createStep(t, { inputs, secrets: site.secrets })
  writeFileSync(step.local(NAME), content)
  return step
}

interface Held {
  readonly run: Promise<ActionRun>
  /** Lets it go on. */
  release(): void
}

/** Starts a run and holds it in the middle of its file; whoever comes later is not held. */
async function held(site: Site, step: Step): Promise<Held> {
  const before = site.proxy.total('up', site.channel)
  site.proxy.plan({ kind: 'stall', direction: 'up', at: HELD_AT, channel: site.channel })
  const run = step.attempt()
  await Promise.race([whenPassed(site, 'up', before + HELD_AT), run])
  site.proxy.clear()
  return { run, release: () => site.proxy.release() }
}

function remaining(site: Site, place: Place): readonly string[] {
  return readdirSync(join(site.server.root, place.folder)).filter((name) => name.includes(NAME) && name !== NAME)
}

function assertHolds(site: Site, place: Place, ...contents: readonly Buffer[]): void {
  const found = getRemote(site, join(place.folder, NAME))
  assert.ok(found !== null && contents.some((content) => found.equals(content)), 'a blend, or nothing, under the final name')
}

for (const place of PLACES) {
  test(`two runs with the same file, the first held in the middle: both green, the file whole: ${place.name}`, async (t) => {
    const site = await place.open(t)
    if (site === null) return
    const [one, two] = [await machine(t, site, V1), await machine(t, site, V1)]
    const first = await held(site, one)
    if (place.locks === true) {
      const second = two.attempt()
      await site.proxy.arrival('control', 2)
      first.release()
      const runs = await Promise.all([first.run, second])
      for (const run of runs) assert.equal(run.exitCode, 0, run.log)
    } else {
      const second = await two.attempt()
      assert.equal(second.exitCode, 0, second.log)
      assertHolds(site, place, V1)
      first.release()
      const late = await first.run
      assert.equal(late.exitCode, 0, late.log)
    }
    assertHolds(site, place, V1)
    assert.deepEqual(remaining(site, place), [])
  })

  for (const ending of ['goes on', 'is cut off'] as const)
    test(`two runs with different files, the first held in the middle ${ending}: never a blend: ${place.name}`, async (t) => {
      const site = await place.open(t)
      if (site === null) return
      const state = join(site.server.directory, 'state')
      const [one, two] = [await machine(t, site, V1, state), await machine(t, site, V2, state)]
      const first = await held(site, one)
      const [old = ''] = partialsIn(join(site.server.root, place.folder))
      assert.equal(old === '', place.hidden === true)
      const second = await two.attempt()
      assert.equal(second.exitCode, 0, second.log)
      assertHolds(site, place, V2)
      if (place.hidden !== true) {
        assert.ok(remaining(site, place).includes(old), 'the live partial was taken away')
        assert.match(second.log, /may still be using it/)
        assert.match(second.summary, /may still be using it/)
      }
      if (ending === 'goes on') {
        first.release()
        const late = await first.run
        assert.equal(late.exitCode, 0, late.log)
        assertHolds(site, place, V1)
        assert.deepEqual(remaining(site, place), [])
      } else {
        site.proxy.strike({ kind: 'rst', direction: 'up', at: 0 })
        first.release()
        await first.run
        assertHolds(site, place, V1, V2)
      }
      if (old !== '') rmSync(join(site.server.root, place.folder, old), { force: true })
    })
}
