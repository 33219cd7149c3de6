/** What is typed into a workflow: every input at once, URLs, the spelling of the other action, the command line. */
import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import { parseCommandLine } from '../../src/action/cli-host.ts'
import { transferIdentity } from '../../src/action/identity.ts'
import { INPUT_NAMES, INPUT_ROWS } from '../../src/action/input-table.ts'
import { type InputWorld, inputsFromEnvironment, parseInputs } from '../../src/action/inputs.ts'
import { describeEntry, type Job } from '../../src/action/job.ts'
import { parseTypedUrl } from '../../src/action/remote-url.ts'
import { secretsOf } from '../../src/action/secrets.ts'
import { TransferError } from '../../src/core/errors.ts'
import { redactor } from '../../src/core/redact.ts'
import { printable } from '../../src/core/text.ts'
import { parseDuration } from '../../src/core/units.ts'
import { endpointFor } from '../../src/remotes/registry.ts'
import { damaged, hostileText, jumble } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

/** In every secret, and in nothing else. */
const CANARY = 'cAnArY7'

const URLS = [
  `sftp://me:${CANARY}-pw@files.example.com:22/srv/~/a/`,
  `ftps://me:${CANARY}%40%2F@[::1]:990//abs/dir/`,
  `https://files.example.com/a/b.bin?sig=${CANARY}&x=1`,
  'ftp://host/path/file.bin',
  'http://host:8080/dav/%C3%A9%20x',
  'sftp://host/~',
]
const PATHS = ['dist/a.bin', './a', 'C:\\a\\b.bin', '/abs/x => y/z', 'a => b/', 'out/', '~/x', 'a\nb => c\nd']
const URL_WORDS = [
  'sftp://',
  'ftp://',
  'ftps://',
  'https://',
  'http:',
  'sftp:',
  '//',
  '/',
  '..',
  '%2e%2e',
  '@',
  ':',
  '[::1]',
  ':0',
  ':99999',
  'host',
  '?',
  '#',
  '\\',
  ' => ',
  '\n',
]
const SECRETS = [
  `${CANARY}`,
  `${CANARY} x:y@z/w`,
  `Name: ${CANARY}\nAuthorization: Bearer ${CANARY}-2`,
  `-----BEGIN X-----\n${CANARY}${CANARY}\n-----END X-----`,
]
const VALUES: Readonly<Record<string, readonly string[]>> = {
  source: [...PATHS, ...URLS],
  destination: [...URLS, ...PATHS],
  'known-hosts': ['host ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB', '|1|a|b x y'],
  fingerprint: [`SHA256:${'A'.repeat(43)}`, 'ab'.repeat(32), 'MD5:00:11', '256 SHA256:x c (ED25519)'],
  checksum: [`sha256:${'a'.repeat(64)}`, `https://u:${CANARY}@h/SUMS`, 'a'.repeat(64)],
  'tls-ca': ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  timeout: ['30s', '1.5 h', '30', '0', '-1', '9'.repeat(20)],
  retries: ['0', '10', '1001', '1e3'],
  state: ['auto', './dir', 'nowhere', 'https://x/'],
  server: ['ftp.example.com', '::1', `ftp://me:${CANARY}@host`, 'a b'],
  port: ['21', '0', '65536'],
  'local-dir': ['dist/a.bin', './', '..'],
  'server-dir': ['/a/b/', 'a/../b', './', '//x'],
  matrix: ['null', '{"os":"x"}'],
}

function valueFor(name: string, isSecret: boolean, choices: readonly string[]): Arbitrary<string> {
  const known = [...(VALUES[name] ?? []), ...choices]
  if (isSecret) return damaged(SECRETS).map((text) => (text.includes(CANARY) ? text : CANARY + text))
  const any = fc.oneof(hostileText(10), jumble(URL_WORDS, 10))
  return known.length === 0
    ? any
    : fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...known) },
        { weight: 2, arbitrary: damaged(known, URL_WORDS) },
        { weight: 1, arbitrary: any },
      )
}

const URL_INPUTS = ['source', 'destination', 'checksum', 'server'] as const

/** Everything may be missing; source and destination rarely are, so that more than their absence is looked at. */
const inputs: Arbitrary<ReadonlyMap<string, string>> = fc
  .tuple(
    fc.record(Object.fromEntries(INPUT_ROWS.map((row) => [row.name, valueFor(row.name, row.secret === true, row.values ?? [])])), {
      requiredKeys: [],
      noNullPrototype: true,
    }),
    valueFor('source', false, []),
    valueFor('destination', false, []),
    fc.subarray([...INPUT_NAMES], { minLength: 0, maxLength: 6 }),
    fc.option(fc.tuple(hostileText(3), hostileText(3))),
  )
  .map(([all, source, destination, kept, unknown]) => {
    const chosen = Object.entries(all).filter(([name]) => kept.includes(name)) as [string, string][]
    return new Map([['source', source], ['destination', destination], ...chosen, ...(unknown === null ? [] : [unknown])])
  })

const KINDS = ['file', 'directory', 'missing', 'other'] as const
const world: Arbitrary<InputWorld> = fc
  .record({ kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 7, maxLength: 7 }), windows: fc.boolean() })
  .map(({ kinds, windows }) => ({
    localKind: (path) => kinds[path.length % kinds.length] ?? 'missing',
    windows,
    workingDirectory: windows ? 'C:\\w' : '/w',
  }))

/** Where a password stands in a URL; what a slip has moved anywhere else nobody can tell from a name. */
const IN_URL = /(?:\/\/[^\s:@/]*:\S*?|[?&]sig=)cAnArY7[^\s@&]*/g

/** What a person gets to read, made safe as the host does it, tells no secret and no runner command. */
function assertDiscreet(given: ReadonlyMap<string, string>, text: string): void {
  const redact = redactor(secretsOf(given))
  const misplaced = URL_INPUTS.some((name) => given.get(name)?.replace(IN_URL, '').includes(CANARY))
  for (const line of text.split('\n')) {
    const shown = redact(printable(redact(line)))
    if (!misplaced) assert.ok(!shown.includes(CANARY), shown)
    assert.doesNotMatch(shown, /::|##\[/)
  }
}

function refused(given: ReadonlyMap<string, string>, error: unknown): void {
  assert.ok(error instanceof TransferError && error.kind === 'invalid-input', String(error))
  assertDiscreet(given, error.message)
}

function assertJob(given: ReadonlyMap<string, string>, job: Job): void {
  assert.ok(job.entries.length > 0)
  assert.ok(job.pace.timeoutMs >= 1000 && job.pace.retries >= 0)
  for (const warning of job.warnings) assertDiscreet(given, warning)
  for (const entry of job.entries) {
    assert.equal(entry.url.username + entry.url.password, '')
    assert.ok(!/[\r\n\0]/.test(entry.localPath + decodeURIComponent(entry.url.pathname)), 'a control character in a path')
    assertDiscreet(given, describeEntry(job, entry))
  }
  assert.match(transferIdentity(job, {}), /^[0-9a-f]{16}$/)
}

async function assertAllFaultsAtOnce([given, machine]: readonly [ReadonlyMap<string, string>, InputWorld]): Promise<void> {
  let job: Job
  try {
    job = parseInputs(given, machine)
  } catch (error) {
    return refused(given, error)
  }
  assertJob(given, job)
  for (const entry of job.entries) {
    try {
      const endpoint = await endpointFor(entry.url, job.credentials)
      assert.ok(endpoint !== null && !/[\r\n\0]/.test(endpoint.path))
    } catch (error) {
      refused(given, error)
    }
  }
}

export const INPUT_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('inputs', 1000, fc.tuple(inputs, world), assertAllFaultsAtOnce),
  fuzzTarget('url', 3000, fc.oneof(damaged(URLS, URL_WORDS), jumble(URL_WORDS, 12), hostileText(20)), (text) => {
    const faults: string[] = []
    const typed = parseTypedUrl(text, 'source', (_, problem) => faults.push(problem))
    assert.ok(typed === null ? faults.length > 0 : typed.url.username === '' && typed.url.password === '')
    for (const fault of faults) assert.ok(!fault.includes(CANARY), 'the fault repeats the URL')
  }),
  fuzzTarget(
    'duration',
    2000,
    fc.oneof(jumble(['1', '9', '.', 's', 'm', 'h', 'd', 'ms', ' ', '999999999'], 12), hostileText(8)),
    (text) => {
      const ms = parseDuration(text)
      assert.ok(ms === null || (Number.isSafeInteger(ms) && ms >= 0))
    },
  ),
  fuzzTarget(
    'environment',
    1000,
    fc.dictionary(fc.oneof(fc.constantFrom('INPUT_SOURCE', 'input_x', 'INPUT_', 'PATH'), fc.string()), fc.string()),
    (environment) => {
      for (const name of inputsFromEnvironment(environment).keys()) assert.equal(name, name.toLowerCase())
    },
  ),
  fuzzTarget(
    'command-line',
    1500,
    fc.array(
      fc.oneof(fc.constantFrom(...INPUT_NAMES.map((name) => `--${name}`), '--', '-h', '--no-summary', '=', 'true'), hostileText(4)),
      { maxLength: 10 },
    ),
    (argv) => {
      const parsed = parseCommandLine(argv, {})
      assert.ok(['run', 'help', 'version'].includes(parsed.kind))
    },
  ),
]
