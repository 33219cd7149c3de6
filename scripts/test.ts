/**
 * `npm test`: brings the real servers (Debian's packages, where it may), checks types, lint and dist/, runs every test. Ends with the runner's totals.
 * `npm test -- test/unit` runs only what is below a folder or in a file, without the checks.
 */
import { spawnSync } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDebianServers } from '../test/servers/debian.ts'
import { check } from './check.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const asked = process.argv.slice(2)
const say = (line: string): void => console.log(line)

const servers = ensureDebianServers(say)
const missing = [...servers].filter(([, path]) => path === null).map(([name]) => name)
say(missing.length === 0 ? 'All real servers are here.' : `Left out, because they are not on this machine: ${missing.join(', ')}`)

const checked = asked.length > 0 || (await check())
const files = (asked.length > 0 ? asked : ['test']).flatMap((path) =>
  statSync(join(root, path)).isDirectory() ? globSync(`${path}/**/*.test.ts`, { cwd: root }) : [path],
)
// A test that waits for ever must become a failure with a name, not a CI run that is cut.
const TEST_TIMEOUT_MS = 600_000
// More than two cores: a third of the time the tests wait for a server or a clock.
const args = [
  '--disable-warning=ExperimentalWarning',
  '--test',
  `--test-reporter=${join(root, 'scripts/ring-seconds.ts')}`,
  '--test-reporter-destination=stdout',
  '--test-concurrency=3',
  `--test-timeout=${TEST_TIMEOUT_MS}`,
  ...files.sort(),
]
const run = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
if (!checked) say('The checks of types, lint or dist/ failed: see above the tests.')
process.exitCode = run.status === 0 && checked ? 0 : 1
