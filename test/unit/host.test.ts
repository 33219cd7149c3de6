import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCliHost, environmentName, helpText, parseCommandLine } from '../../src/action/cli-host.ts'
import { createHost, type Host, type HostSink } from '../../src/action/host.ts'
import { transferIdentity } from '../../src/action/identity.ts'
import { INPUT_ROWS } from '../../src/action/input-table.ts'
import { parseInputs } from '../../src/action/inputs.ts'
import { secretFormsOf } from '../../src/action/secrets.ts'
import { createTerminal } from '../../src/action/terminal.ts'
import { printable } from '../../src/core/text.ts'

const HOSTILE = [
  'a\n::stop-commands::x',
  '::error::x',
  '  ::add-mask::x',
  'a##[error]b',
  '\u001b[31mred\u001b[0m\u0007',
  'a\u202eexe.zip',
  'a\u2028b\u0085c\rd',
  '\ufeff::warning::x',
  '%0A::error::x',
]

function recorded(inputs: Readonly<Record<string, string>> = {}): { host: Host; out: string[]; masks: string[] } {
  const out: string[] = []
  const masks: string[] = []
  const put = (text: string): void => {
    out.push(text)
  }
  const sink: HostSink = {
    kind: 'actions',
    mask: (form) => masks.push(form),
    line: put,
    debug: put,
    annotation: (_, text) => put(text),
    startGroup: put,
    endGroup: () => {},
    output: (name, value) => put(`${name}=${value}`),
    saveState: () => {},
    getState: () => '',
    summary: async (markdown) => put(markdown),
    exitCode: () => {},
    close: () => {},
  }
  return { host: createHost(sink, { inputs: new Map(Object.entries(inputs)), environment: {} }), out, masks }
}

function say(host: Host, text: string): Promise<void> {
  host.info(text)
  host.debug(text)
  host.notice(text)
  host.warning(text)
  host.error([text, `x ${text}`])
  host.startGroup(text)
  host.setOutput('path', text)
  return host.appendSummary(text)
}

const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAA\nQyNTUxOQAAACDcanary\nab\n-----END OPENSSH PRIVATE KEY-----\n`

test('no name and no banner can speak to the runner', async () => {
  const { host, out } = recorded()
  for (const text of HOSTILE) {
    host.info(text)
    host.warning(text)
    host.error([text])
    host.startGroup(text)
  }
  for (const line of out) {
    assert.doesNotMatch(line, /^\s*::|##\[|[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\ufeff]/, JSON.stringify(line))
  }
  host.error(['one', 'two'])
  assert.equal(out.at(-1), 'one\ntwo', 'lines of ours stay lines')
})

test('an annotation stays below what the runner keeps', () => {
  const { host, out } = recorded()
  host.error(Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(500)}`))
  assert.ok((out.at(-1) ?? '').length < 4096)
  assert.match(out.at(-1) ?? '', /… and \d+ more$/)
})

test('the canary: no secret in any form leaves through any sink', async () => {
  const secrets = {
    password: 'p@ss w%rd/ü"\\canary::1',
    passphrase: 'päss phrase+&=',
    token: 'tok.en-_~canary==',
    'private-key': KEY,
    headers: 'X-Api-Key: header-canary-1\nAuthorization: Bearer header-canary-2',
    username: 'user',
    source: 'https://u:url%20canary%3A@host/a?X-Amz-Signature=sig%2Fcanary&x=1',
    destination: 'sftp://u:raw@p/ss#word@host/x',
  }
  const { host, out, masks } = recorded(secrets)
  const plain = [
    secrets.password,
    secrets.passphrase,
    secrets.token,
    KEY,
    'header-canary-1',
    'header-canary-2',
    'url canary:',
    'sig/canary',
    'raw@p/ss#word',
  ]
  const url = new URL('sftp://h')
  const forms = plain.flatMap((text) => {
    url.password = text
    return [
      text,
      text.trim(),
      encodeURIComponent(text),
      encodeURI(text),
      url.password,
      JSON.stringify(text).slice(1, -1),
      Buffer.from(text).toString('base64').replace(/=+$/, ''),
      Buffer.from(text).toString('base64url'),
      Buffer.from(text).toString('hex'),
    ]
  })
  forms.push(Buffer.from(`user:${secrets.password}`).toString('base64'), 'url%20canary%3A', 'sig%2Fcanary', ...KEY.split('\n').slice(1, 3))
  for (const form of forms) await say(host, `before ${form} after`)
  for (const text of plain) {
    await say(host, `escaped further down: ${printable(text)}`)
    await say(host, `cut in its middle: ${'x'.repeat(970)}${text}${'y'.repeat(1200)}`)
  }
  for (const printed of out) {
    for (const form of forms) assert.ok(!printed.includes(form), `${JSON.stringify(form)} in ${JSON.stringify(printed.slice(0, 300))}`)
    assert.doesNotMatch(printed, /canary/)
  }
  for (const mask of masks) assert.ok(mask.trim().length >= 4 && !/[\r\n]/.test(mask), JSON.stringify(mask))
  assert.ok(masks.includes('b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAA') && !masks.includes('ab'))
  assert.ok(!masks.some((mask) => /^-----[A-Z ]+-----$/.test(mask)), 'the frame of a key is no secret')
})

test('a short secret is gone before anything is cut, since its rest would not be recognised', () => {
  const { host, out } = recorded({ password: 'hUnt3r' })
  for (let lead = 980; lead < 1010; lead += 1) host.info(`${'x'.repeat(lead)}hUnt3r${'y'.repeat(1200)}`)
  for (const line of out) assert.doesNotMatch(line, /hU|3r/)
})

test('without secrets nothing is masked, and short ones would ruin the log', () => {
  assert.deepEqual(
    secretFormsOf(
      new Map([
        ['source', 'https://host/a?b=c'],
        ['password', ''],
        ['token', ' '],
      ]),
    ),
    [],
  )
  const { host, out } = recorded({ password: 'abc' })
  host.info('abc abcdef')
  assert.equal(out.at(-1), 'abc abcdef')
})

test('a secret in a URL is found behind a path with slashes and question marks of its own', () => {
  const lines = ['dist//app.bin => sftp://me:hunter2secret@host/app.bin', 'what?.bin => https://host/x?token=querysecret']
  const forms = secretFormsOf(new Map([['source', lines.join('\n')]]))
  for (const secret of ['hunter2secret', 'querysecret']) assert.ok(forms.includes(secret), secret)
})

test('a secret that reads like an output leaves the closed outputs alone', () => {
  const { host, out } = recorded({ password: 'true', token: 'complete' })
  host.setOutput('complete', 'true')
  host.setOutput('status', 'complete')
  host.setOutput('path', 'dir/true.bin')
  assert.deepEqual(out, ['complete=true', 'status=complete', 'path=dir/***.bin'])
})

test('outputs that cannot be written fail with the name of the file, state that cannot is told once', () => {
  const out: string[] = []
  const fails = (error: Error, file: string): Host => {
    const never = (): never => {
      throw error
    }
    const sink: HostSink = {
      kind: 'actions',
      mask: () => {},
      line: () => {},
      debug: () => {},
      annotation: (level, text) => out.push(`${level} ${text}`),
      startGroup: () => {},
      endGroup: () => {},
      output: never,
      saveState: never,
      getState: () => '',
      summary: async () => {},
      exitCode: () => {},
      close: () => {},
    }
    return createHost(sink, { inputs: new Map(), environment: { GITHUB_OUTPUT: file } })
  }
  const gone = fails(new Error('Missing file at path: /temp/out'), '/temp/out')
  assert.throws(() => gone.setOutput('status', 'x'), {
    name: 'TransferError',
    kind: 'refused',
    message: 'cannot write the outputs: Missing file at path: /temp/out',
  })
  const full = fails(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }), '/temp/out')
  assert.throws(() => full.setOutput('status', 'x'), {
    kind: 'no-space',
    message: 'cannot write the outputs: /temp/out: ENOSPC: no space left on device, write',
  })
  for (const name of ['identity', 'directory', 'ended']) gone.saveState(name, 'x')
  assert.deepEqual(out, ['warning If this step is killed, its post step cannot save anything: Missing file at path: /temp/out'])
})

test('a summary that cannot be written is a warning', async () => {
  const out: string[] = []
  const { host } = recorded()
  const failing = createHost(
    {
      kind: 'actions',
      mask: () => {},
      line: () => {},
      debug: () => {},
      annotation: (level, text) => out.push(`${level} ${text}`),
      startGroup: () => {},
      endGroup: () => {},
      output: () => {},
      saveState: () => {},
      getState: () => '',
      summary: () => Promise.reject(new Error('disk full')),
      exitCode: () => {},
      close: () => {},
    },
    host,
  )
  await failing.appendSummary('x')
  assert.match(out.join(), /^warning The job summary could not be written: disk full/)
})

test('the runner: masks come first, commands are escaped, files are written', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rt-host-'))
  try {
    const file = (name: string): string => {
      writeFileSync(join(directory, name), '')
      return join(directory, name)
    }
    const script = `
      import { createActionsHost } from ${JSON.stringify(new URL('../../src/action/workflow-commands.ts', import.meta.url).href)}
      const host = createActionsHost(process.env)
      host.info('hello\\n::error::x canary-1')
      host.error(['50% failed', 'do this'])
      host.startGroup('a,b:c')
      host.endGroup()
      host.setOutput('path', 'a\\nb')
      host.saveState('k', 'v')
      await host.appendSummary('# T canary-1')
      await host.appendSummary('## U')
      host.setExitCode(5)
      host.close()`
    let stdout = ''
    try {
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          PATH: process.env.PATH,
          INPUT_PASSWORD: 'canary-1',
          GITHUB_OUTPUT: file('output'),
          GITHUB_STATE: file('state'),
          GITHUB_STEP_SUMMARY: file('summary'),
        },
      })
      assert.fail('the exit code is lost')
    } catch (error) {
      const failed = error as { status: number; stdout: string }
      assert.equal(failed.status, 5)
      stdout = failed.stdout
    }
    const lines = stdout.split(/\r?\n/)
    const firstOther = lines.findIndex((line) => !line.startsWith('::add-mask::'))
    assert.ok(lines.indexOf('::add-mask::canary-1') < firstOther)
    assert.deepEqual(lines.slice(firstOther), [
      'hello\\u{a}:\u2009:error:\u2009:x ***',
      '::error title=Resumable Transfer::50%25 failed%0Ado this',
      '::group::a,b:c',
      '::endgroup::',
      '',
    ])
    assert.match(readFileSync(join(directory, 'output'), 'utf8'), /^path<<(ghadelimiter_\S+)\r?\na\nb\r?\n\1\r?\n$/)
    assert.match(readFileSync(join(directory, 'state'), 'utf8'), /^k<<(ghadelimiter_\S+)\r?\nv\r?\n\1\r?\n$/)
    assert.equal(readFileSync(join(directory, 'summary'), 'utf8').replaceAll('\r', ''), '# T ***\n## U\n')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the command line: flags are the inputs', () => {
  const parsed = parseCommandLine(
    [
      '--source',
      'a',
      '--source=b => c',
      '--destination',
      'sftp://h/',
      '--tls-verify=false',
      '--summary',
      '--retries',
      '3',
      '--pasword',
      'x',
    ],
    { RESUMABLE_TRANSFER_PASSWORD: 'secret', RESUMABLE_TRANSFER_USERNAME: 'me', RESUMABLE_TRANSFER_SOURCE: 'not from here', PATH: '/bin' },
  )
  assert.equal(parsed.kind, 'run')
  if (parsed.kind !== 'run') return
  assert.equal(parsed.inputs.get('source'), 'a\nb => c')
  assert.equal(parsed.inputs.get('summary'), 'true')
  assert.equal(parsed.inputs.get('tls-verify'), 'false')
  assert.equal(parsed.inputs.get('retries'), '3')
  assert.equal(parsed.inputs.get('password'), 'secret')
  assert.ok(parsed.inputs.has('pasword'))
  assert.deepEqual(parsed.stray, ['x'])
  assert.equal(parsed.inputs.get('username'), 'me')
  assert.deepEqual(parsed.unread, ['RESUMABLE_TRANSFER_SOURCE'])
  assert.equal(parseCommandLine(['--source', 'x', '--help'], {}).kind, 'help')
  assert.equal(parseCommandLine(['--version'], {}).kind, 'version')
  const dashed = parseCommandLine(['--source=-rf', '--summary', 'false', '--password', 'flag'], { RESUMABLE_TRANSFER_PASSWORD: 'env' })
  assert.ok(dashed.kind === 'run')
  assert.deepEqual(
    [...dashed.inputs],
    [
      ['source', '-rf'],
      ['summary', 'false'],
      ['password', 'flag'],
    ],
  )
  const last = parseCommandLine(['--destination', 'a', '--destination', 'b'], {})
  assert.equal(last.kind === 'run' && last.inputs.get('destination'), 'b', 'an input of one value takes the last')
})

test('--help names every input, its default and where secrets belong', () => {
  const help = helpText()
  for (const row of INPUT_ROWS) {
    assert.ok(help.includes(`--${row.name}`), row.name)
    if (row.secret) assert.ok(help.includes(environmentName(row.name)))
  }
  assert.ok(!help.includes('${{'))
})

test('the command line prints outputs at the end and on stdout only', async () => {
  const err: string[] = []
  const out: string[] = []
  const codes: number[] = []
  const host = createCliHost({
    inputs: new Map([['password', 'canary']]),
    environment: {},
    terminal: createTerminal({ write: (text) => err.push(text) }),
    stdout: { write: (text: string) => out.push(text) },
    setExitCode: (code) => codes.push(code),
  })
  host.setOutput('status', 'failed')
  host.info('canary and\n::error::more')
  host.error(['it failed', 'do this'])
  host.saveState('a', 'b')
  await host.appendSummary('# no')
  host.setOutput('status', 'complete')
  host.setExitCode(3)
  assert.deepEqual(out, [])
  host.close()
  assert.deepEqual(out, ['status=complete\n'])
  assert.equal(err.join(''), '*** and\\u{a}:\u2009:error:\u2009:more\nerror: it failed\ndo this\n')
  assert.equal(host.getState('a'), 'b')
  assert.deepEqual(codes, [3])
})

test('the identity survives another machine, another password and a new signature, and nothing else', () => {
  const env = {
    GITHUB_REPOSITORY: 'o/r',
    GITHUB_JOB: 'j',
    GITHUB_ACTION: 'a',
    GITHUB_WORKSPACE: '/home/runner/work/r/r',
    RUNNER_TEMP: '/tmp/t',
  }
  const id = (inputs: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = env): string => {
    const base = { source: 'dist/a.bin', destination: 'sftp://u@h/d/', ...inputs }
    const world = { localKind: () => 'missing' as const, windows: /^[A-Z]:/.test(base.source), workingDirectory: '/w' }
    return transferIdentity(parseInputs(new Map(Object.entries(base)), world), environment)
  }
  const one = id({})
  assert.match(one, /^[0-9a-f]{16}$/)
  assert.equal(one, '5dde0c41eedebd07', 'a saved state must still be found by a newer release')
  for (const same of [
    id({ password: 'x' }),
    id({ destination: 'sftp://u:pw@H/d/' }),
    id({ source: './dist/a.bin' }),
    id({ source: '/home/runner/work/r/r/dist/a.bin' }),
    id({ source: 'D:\\a\\r\\r\\dist\\a.bin' }, { ...env, GITHUB_WORKSPACE: 'D:\\a\\r\\r' }),
    id({ retries: '3', 'log-level': 'verbose', timeout: '5m' }),
  ])
    assert.equal(same, one)
  const get = (query: string): string => id({ source: `https://h/a?${query}`, destination: 'out' })
  assert.equal(get('sig=1'), get('sig=2'))
  assert.notEqual(get('file=a&sig=1'), get('file=b&sig=1'))
  const others = [
    id({ source: 'dist/b.bin' }),
    id({ source: '/tmp/t/dist/a.bin' }),
    id({ source: '/elsewhere/dist/a.bin' }),
    id({ destination: 'sftp://v@h/d/' }),
    id({ destination: 'sftp://u@g/d/' }),
    id({ destination: 'sftp://u@h:23/d/' }),
    id({ destination: 'sftp://u@h/e/' }),
    id({ destination: 'ftps://u@h/d/' }),
    id({ 'state-name': 'x' }),
    id({ matrix: '{"os":"linux"}' }),
    id({}, { ...env, GITHUB_JOB: 'k' }),
    id({}, { ...env, GITHUB_ACTION: 'b' }),
    id({}, { ...env, GITHUB_REPOSITORY: 'o/s' }),
    id({ source: 'sftp://u@h/d/a.bin', destination: 'dist/a.bin' }),
  ]
  assert.equal(new Set([one, ...others]).size, others.length + 1)
})
