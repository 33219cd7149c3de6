/** With every log on, a transfer of each protocol says a lot and tells no secret: each run is searched by `createStep`. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createStep } from './action.ts'
import { getRemote, MIB, putRemote, randomBytes } from './files.ts'
import { assertComplete } from './outcome.ts'
import { ftpsSite, httpsSite, sftpSite, vsftpdSite } from './sites.ts'

const NAME = 'debug.bin'
const bytes = randomBytes(MIB)
const DEBUG = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true', ACTIONS_RUNNER_DEBUG: 'true' }

const SITES = {
  sftp: sftpSite,
  ftp: vsftpdSite,
  'ftps, vsftpd': (t: Parameters<typeof ftpsSite>[0]) => ftpsSite(t, 'vsftpd'),
  'ftps, ProFTPD': (t: Parameters<typeof ftpsSite>[0]) => ftpsSite(t, 'proftpd'),
  https: httpsSite,
} as const

for (const [name, open] of Object.entries(SITES))
  test(`debug on: ${name}`, async (t) => {
    const site = await open(t)
    if (site === null) return
    const isUpload = name !== 'https'
    const ends = isUpload ? { source: NAME, destination: site.url(NAME) } : { source: site.url(NAME), destination: `./${NAME}` }
    for (const level of ['verbose', 'standard']) {
      const step = await createStep(t, { inputs: { ...site.inputs, ...ends, 'log-level': level }, secrets: site.secrets })
      if (isUpload) writeFileSync(step.local(NAME), level === 'verbose' ? bytes : bytes.toReversed())
      else putRemote(site, NAME, level === 'verbose' ? bytes : bytes.toReversed())
      const run = await step.attempt({ env: DEBUG })
      assertComplete(run, { resumed: false, size: MIB })
      const arrived = isUpload ? getRemote(site, NAME) : readFileSync(step.local(NAME))
      assert.ok(arrived?.equals(level === 'verbose' ? bytes : bytes.toReversed()))
      // The dialogue with the server: in our log, or as commands that the runner shows when its own debug log is on.
      if (level === 'standard') assert.match(run.rawLog, /^::debug::/m)
      else assert.ok(run.log.split('\n').length > 8, run.log)
    }
  })
