/** A step with one small file, killed at a call of the operating system, and what must be true from then on. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Step } from '../e2e/action.ts'
import { allClosed } from '../e2e/kills.ts'
import type { Site } from '../e2e/sites.ts'
import { ONE_THREAD, strace, type TracedCall, tracedCalls } from '../support/strace.ts'
import { acknowledgedBytes, ageLeftovers, assertNoLeftovers, makeStateFolder, stateFolder } from './journals.ts'
import { assertArrived, assertOldOrNew, type Direction, LOCK, NAME, PARTIAL, smallStep, wholeBlocksIn } from './small.ts'

/** Calls that change a file or its directory. */
const CHANGES = ['openat', 'write', 'pwrite64', 'link', 'rename', 'unlink', 'rmdir', 'mkdir', 'ftruncate', 'fsync', 'fdatasync']

/** Names of temporary state files come from chance; here from a counter, so that strace can be told them. */
const COUNTED_NAMES = `import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
const { randomBytes } = crypto
let last = 0
crypto.randomBytes = (size, ...rest) => size === 6 ? Buffer.from(String(++last).padStart(12, '0'), 'hex') : randomBytes(size, ...rest)
syncBuiltinESMExports()`
const ENVIRONMENT = { ...ONE_THREAD, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(COUNTED_NAMES)}` }
const SAVES_MAX = 12

/** What is watched for calls; `fresh`: the runner's tool cache does not have the folder of the state yet. */
export interface Watched {
  readonly fresh?: boolean
  /** `npm test` takes it only there: it is the same for every protocol. */
  readonly only?: string
  /** The calls are none of the other one. */
  readonly direction?: Direction
  /** `journal`: the file name of the step's journal. */
  paths(step: Step, direction: Direction, journal: string): readonly string[]
}

export const WATCHED: Readonly<Record<string, Watched>> = {
  'the file and the journal': {
    paths: (step, direction, name) => {
      const journal = join(stateFolder(step), name)
      const counted = Array.from({ length: SAVES_MAX }, (_, i) => `${journal}.${String(i + 1).padStart(12, '0')}.tmp`)
      const local = [step.machine.workspace, step.local(NAME), step.local(PARTIAL), step.local(LOCK)]
      return [...(direction === 'download' ? local : []), stateFolder(step), journal, ...counted]
    },
  },
  'the folder of the file, once it is renamed': { direction: 'download', only: 'ftp download', paths: (step) => [step.machine.workspace] },
  'the folder of the state': {
    fresh: true,
    only: 'sftp upload',
    paths: (step) => {
      const folder = stateFolder(step)
      const above = [join(folder, '..', '..'), join(folder, '..'), folder].map((path) => join(path))
      return [...above, `${folder}.complete`, join(folder, '..', '..', 'making')]
    },
  },
  'what the runner is told': { only: 'ftp download', paths: () => ['$GITHUB_STATE', '$GITHUB_OUTPUT', '$GITHUB_STEP_SUMMARY'] },
}

export interface Crashes {
  /** Calls of a run without a fault at which a process can be killed. */
  readonly points: readonly TracedCall[]
  /** Kills an attempt at the point, and proves what is left and what the next attempt makes of it. False when the point did not come. */
  killAt(t: TestContext, point: TracedCall): Promise<boolean>
}

export async function crashes(t: TestContext, site: Site, direction: Direction, watched: Watched, journal: string): Promise<Crashes> {
  const log = join(site.server.directory, 'calls.log')
  const traced = (step: Step, inject?: string) => {
    const paths = watched.paths(step, direction, journal)
    const under = strace({ log, calls: CHANGES, paths, ...(inject === undefined ? {} : { inject }) })
    return step.attempt({ under, env: ENVIRONMENT })
  }
  const prepared = async (t: TestContext): Promise<Step> => {
    const step = await smallStep(t, site, direction)
    if (watched.fresh !== true) makeStateFolder(step)
    return step
  }
  const clean = await traced(await prepared(t))
  assert.equal(clean.exitCode, 0, clean.log)
  const points = tracedCalls(log).filter(({ text }) => !text.includes('openat(') || /O_WRONLY|O_RDWR/.test(text))
  return {
    points,
    killAt: async (t, { call, ordinal }) => {
      const step = await prepared(t)
      const run = await traced(step, `${call}:signal=SIGKILL:when=${ordinal}`)
      await allClosed(site)
      // How often the journal is saved depends on the speed of the disk: the last calls may not come.
      if (run.signal === null) assert.equal(run.exitCode, 0, run.log)
      else assert.equal(run.signal, 'SIGKILL', run.log)
      assertOldOrNew(site, step, direction)
      const acknowledged = acknowledgedBytes(step)
      const kept = direction === 'upload' ? wholeBlocksIn(site.server.root) : acknowledged
      ageLeftovers(step)
      step.machine.keepWorkspace()
      const next = await step.attempt()
      assert.equal(next.exitCode, 0, next.log)
      assertArrived(site, step, direction)
      assert.ok(Number(next.outputs['bytes-reused']) >= kept, `${next.outputs['bytes-reused']} of ${kept} bytes were kept\n${next.log}`)
      assertNoLeftovers(step)
      return run.signal !== null
    },
  }
}

/** The file name of the journal, from a run without a fault: it stands for the inputs, not for the machine. */
export async function journalName(t: TestContext, site: Site, direction: Direction): Promise<string> {
  const step = await smallStep(t, site, direction)
  const run = await step.attempt()
  assert.equal(run.exitCode, 0, run.log)
  const name = readdirSync(stateFolder(step)).find((file) => file.endsWith('.state'))
  assert.ok(name !== undefined, 'no journal')
  return name
}
