/** Servers that talk to the runner instead of to us, and tell our own password back, with the debug log on: all through dist/. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { OUTPUT_ROWS } from '../../src/action/input-table.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { scriptedServer } from '../servers/scripted-http.ts'
import { startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import type { ActionRun } from '../support/runner.ts'
import { parseCommand } from '../support/runner-commands.ts'
import { createStep } from './action.ts'
import { assertFailed } from './outcome.ts'

const MARK = 'Ωψ'
/** Words that mean something to a runner, a terminal, Markdown or HTML; the last ones are our password, as a server that knows it could show it. */
const WORDS = [
  `${MARK}::error::owned`,
  '::add-mask::owned',
  '::stop-commands::owned',
  '%0A::set-output name=status::complete',
  '##[error]owned',
  '\u001b[31m\u001b]8;;https://evil.example\u0007\u001b]52;c;ZXZpbA==\u0007',
  '\u0085\u2028\u2029\u202e\u200b\u2066\u180e\u{e0041}\ufeff',
  '`code` | cell | <img src=x> <!-- [x](https://evil.example) ![](y) www.evil.example @everyone #123',
  'EOF ghadelimiter_ << status<<EOF',
  TEST_PASSWORD,
  Buffer.from(`${TEST_USER}:${TEST_PASSWORD}`).toString('base64'),
  Buffer.from(TEST_PASSWORD).toString('hex'),
  encodeURIComponent(TEST_PASSWORD),
  TEST_PASSWORD.slice(0, 12),
  TEST_PASSWORD.slice(-12),
  [...TEST_PASSWORD].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(''),
  [...TEST_PASSWORD].map((c) => `\\u00${c.charCodeAt(0).toString(16).toUpperCase()}`).join(''),
  [...TEST_PASSWORD].map((c) => `&#x${c.charCodeAt(0).toString(16)};`).join(''),
]
const ONE_LINE = WORDS.join(' ')
/** Every word on a line of its own as well, and far too long. */
const LINES = [...WORDS, ONE_LINE, 'x'.repeat(10_000)]
/** What a file name may hold where it must hold no control character. */
const NAME = `${MARK}::error::a%0A##[error]b\u202e\u200b\u2028c|d<img src=x>\`e\`[x](y)@f#1.bin`

const OURS: readonly string[] = ['debug', 'group', 'endgroup', 'error', 'warning', 'notice', 'add-mask']
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

function assertStayedText(run: ActionRun): void {
  for (const phase of [run, run.post]) {
    if (phase === null) continue
    for (const line of phase.rawLog.split('\n')) {
      assert.doesNotMatch(line, INVISIBLE, JSON.stringify(line))
      const command = parseCommand(line)
      assert.ok(command === null || (OURS.includes(command.name) && line.startsWith('::')), JSON.stringify(line))
    }
    assert.ok(!phase.masks.some((mask) => mask.includes('owned')))
    for (const { properties } of phase.annotations) assert.deepEqual(properties, { title: 'Resumable Transfer' })
    assert.deepEqual([phase.environment, phase.paths], [{}, []])
  }
  assert.deepEqual(
    Object.keys(run.outputs),
    OUTPUT_ROWS.map(({ name }) => name),
  )
  assert.ok(run.summary.includes(MARK), 'the summary says what happened')
  const outsideCode = run.summary.replace(/^```text\n[\s\S]*?\n```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
  assert.ok(!outsideCode.includes('Ω') && !/[<`@]|\]\(|www|https?:/.test(outsideCode), outsideCode)
  assert.match(run.rawLog, /Ωψ:\u2009:error/, 'the log says it, made harmless')
}

/** With the runner's debug log on, and ours. */
async function attempt(t: TestContext, inputs: Readonly<Record<string, string>>): Promise<ActionRun> {
  const all = { username: TEST_USER, password: TEST_PASSWORD, retries: '0', timeout: '5s', 'log-level': 'verbose', ...inputs }
  const step = await createStep(t, { inputs: all, secrets: [TEST_PASSWORD, `${TEST_USER}:${TEST_PASSWORD}`] })
  writeFileSync(step.local(NAME), 'some bytes')
  return step.attempt({ env: { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' } })
}

const multiline = (code: number): string => `${LINES.map((line) => `${code}-${line}\r\n${line}`).join('\r\n')}\r\n${code} ${ONE_LINE}`

test('ftp: hostile greeting, features and refusal, and a hostile name of the file', async (t) => {
  const server = await startScriptedFtp(
    { FEAT: multiline(211), STOR: multiline(550), PWD: `257 "/${ONE_LINE}"`, MKD: multiline(550), SYST: multiline(215) },
    { greeting: multiline(220) },
  )
  t.after(() => server.close())
  const run = await attempt(t, { source: NAME, destination: `ftp://127.0.0.1:${server.port}/` })
  assertFailed(run, 'refused', 6)
  assertStayedText(run)
})

test('ftp: a refused login that tells the password back', async (t) => {
  const server = await startScriptedFtp({ PASS: (password, session) => session.say(`530 wrong: ${password} ${ONE_LINE}`) })
  t.after(() => server.close())
  const run = await attempt(t, { source: NAME, destination: `ftp://127.0.0.1:${server.port}/` })
  assertFailed(run, 'denied', 3)
  assertStayedText(run)
})

test('sftp: a hostile status, and a hostile name of the file', async (t) => {
  const FAILURE = 4
  const server = await startScriptedSftp({
    intercept: ({ name, id, sftp }) => {
      if (name !== 'OPEN') return false
      sftp.status(id, FAILURE, LINES.join('\n'))
      return true
    },
  })
  t.after(() => server.stop())
  const run = await attempt(t, { source: NAME, destination: `sftp://127.0.0.1:${server.port}/~/`, 'known-hosts': server.knownHosts })
  assertFailed(run, 'refused', 6)
  assertStayedText(run)
})

test('sftp: a hostile identification', async (t) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {}).resume()
    socket.end(`${LINES.map((line) => `${line}\r\n`).join('')}SSH-1.0-${ONE_LINE}\r\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const pin = `SHA256:${'A'.repeat(43)}`
  const run = await attempt(t, { source: NAME, destination: `sftp://127.0.0.1:${port}/~/`, fingerprint: pin })
  assert.equal(run.outputs.complete, 'false')
  assertStayedText(run)
})

test('http: a hostile page instead of the file, a hostile name in the URL', async (t) => {
  const server = await scriptedServer((_request, response) => {
    response.writeHead(403, 'No', { 'content-type': 'text/html', etag: '"x"', 'x-hostile': encodeURIComponent(ONE_LINE) })
    response.end(LINES.join('\r\n'))
  })
  t.after(() => server.close())
  const run = await attempt(t, { source: `${server.origin}/${encodeURIComponent(NAME)}`, destination: './out/' })
  assertFailed(run, 'denied', 3)
  assertStayedText(run)
})

test('configuration files of other tools, in the checkout and at home, change nothing', async (t) => {
  const server = await scriptedServer((request, response) => {
    response.writeHead(200, { 'content-length': '4', etag: '"x"' })
    response.end(request.method === 'HEAD' ? undefined : 'file')
  })
  t.after(() => server.close())
  const inputs = { source: `${server.origin}/a.bin`, destination: './out.bin', 'log-level': 'verbose', retries: '0' }
  const step = await createStep(t, { inputs, secrets: [] })
  const files: Readonly<Record<string, string>> = {
    '.netrc': 'machine 127.0.0.1 login me password stolen-password\n',
    '.curlrc': 'header = "x-owned: 1"\n',
    '.npmrc': 'proxy=http://127.0.0.1:9/\nscript-shell=./owned.sh\n',
    '.env': 'INPUT_DESTINATION=./owned.bin\nNODE_OPTIONS=--require=./owned.cjs\n',
    'owned.cjs': "require('node:fs').writeFileSync('owned', '')\n",
    'package.json': '{"type":"commonjs","main":"owned.cjs","scripts":{"preinstall":"touch owned"}}',
  }
  for (const folder of [step.machine.workspace, step.machine.home])
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const run = await step.attempt()
  assert.equal(run.exitCode, 0, run.log)
  assert.equal(readFileSync(step.local('out.bin'), 'utf8'), 'file')
  assert.ok(!run.rawLog.includes('stolen-password'))
  for (const { headers } of server.requests) assert.deepEqual([headers.authorization, headers['x-owned']], [undefined, undefined])
  const here = readdirSync(step.machine.workspace).filter((name) => !(name in files))
  assert.deepEqual(here, ['out.bin'])
})
