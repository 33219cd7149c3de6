import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import { type ActionRun, createMachine, type Machine, type RunOptions, runAction } from '../support/runner.ts'
import { logReader, parseCommand, parseKeyValueFile } from '../support/runner-commands.ts'

const ACTION = `
name: fake
description: for this test
inputs:
  first input:
    description: with a space
    default: of the file
  matrix:
    description: from an expression
    default: \${{ toJSON(matrix) }}
  empty:
    description: nothing given
runs:
  using: node24
  main: main.mjs
  post: post.mjs
`

// What main does is the code in the input `code`, so that each test shows its own action.
const MAIN = `
import { appendFileSync, writeFileSync } from 'node:fs'
const put = (file, text) => appendFileSync(process.env[file], text)
const forever = () => setInterval(() => {}, 1000)
await eval('(async () => {' + (process.env.INPUT_CODE ?? '') + '})()')
`
const POST = `
import { appendFileSync, existsSync } from 'node:fs'
console.log('post state=' + process.env.STATE_saved + ' more=' + process.env.MORE)
console.log(process.env.STATE_secret ?? '')
appendFileSync(process.env.GITHUB_OUTPUT, 'from-post=1\\n')
if (process.env.INPUT_POST) await eval('(async () => {' + process.env.INPUT_POST + '})()')
`

describe('the stand-in of the runner', { skip: process.platform === 'win32' ? 'no POSIX signals' : false }, () => {
  const action = mkdtempSync(join(tmpdir(), 'fake-action-'))
  writeFileSync(join(action, 'action.yml'), ACTION)
  writeFileSync(join(action, 'main.mjs'), MAIN)
  writeFileSync(join(action, 'post.mjs'), POST)
  after(() => rmSync(action, { recursive: true, force: true }))

  let machine: Machine
  beforeEach(() => {
    machine = createMachine()
  })
  afterEach(() => machine.dispose())

  const run = (code: string, options: Partial<RunOptions> = {}): Promise<ActionRun> =>
    runAction({ action, machine, expressions: { 'toJSON(matrix)': '{"os":"x"}' }, ...options, inputs: { code, ...options.inputs } })
  const ready = (line: string): boolean => line === 'ready'

  test('inputs: names, defaults, expressions, empty ones', async () => {
    const { outputs } = await run(`put('GITHUB_OUTPUT', 'seen=' + JSON.stringify(
      ['INPUT_FIRST_INPUT', 'INPUT_MATRIX', 'INPUT_EMPTY', 'INPUT_UNDECLARED'].map((n) => process.env[n] ?? null)) + '\\n')`)
    assert.deepEqual(JSON.parse(String(outputs.seen)), ['of the file', '{"os":"x"}', '', null])
    await assert.rejects(run('', { expressions: {} }), /toJSON\(matrix\)/)
  })

  test('the environment is clean, the working directory is the workspace', async () => {
    process.env.LEAKS_INTO_ACTION = 'yes'
    const { outputs } = await run(
      `put('GITHUB_OUTPUT', 'env=' + JSON.stringify([process.env.LEAKS_INTO_ACTION ?? null, process.env.HOME, process.cwd(), process.env.X]))`,
      {
        env: { X: 'given' },
      },
    )
    delete process.env.LEAKS_INTO_ACTION
    assert.deepEqual(JSON.parse(String(outputs.env)), [null, machine.home, machine.workspace, 'given'])
  })

  test('outputs, summary, state, environment, path; post sees state and environment', async () => {
    const result = await run(`
      put('GITHUB_OUTPUT', 'a=1\\nmany<<E\\nx=1\\n\\ny\\nE\\na=2\\n')
      put('GITHUB_STEP_SUMMARY', '# done\\n')
      put('GITHUB_STATE', 'saved=it\\n')
      put('GITHUB_ENV', 'MORE=yes\\n')
      put('GITHUB_PATH', '/opt/x\\n')`)
    assert.deepEqual(result.outputs, { a: '2', many: 'x=1\n\ny' })
    assert.equal(result.summary, '# done\n')
    assert.deepEqual([result.environment, result.paths, result.state], [{ MORE: 'yes' }, ['/opt/x'], { saved: 'it' }])
    assert.match(result.post?.log ?? '', /post state=it more=yes/)
    assert.deepEqual(result.post?.outputs, { 'from-post': '1' })
    assert.deepEqual([result.conclusion, result.exitCode], ['success', 0])
  })

  test('masks hide from the moment they are said, in main and in post; the raw log shows all', async () => {
    const result = await run(
      `console.log('early hunter2'); console.log('::add-mask::hunter2'); console.log('late hunter2 and given'); console.error('::error title=T::bad hunter2%0Aline')
      put('GITHUB_STATE', 'secret=hunter2\\n')`,
      { secrets: ['given'] },
    )
    assert.match(result.log, /early hunter2/)
    assert.match(result.log, /late \*\*\* and \*\*\*/)
    assert.match(result.rawLog, /late hunter2 and given/)
    assert.deepEqual(result.annotations, [{ level: 'error', message: 'bad ***\nline', properties: { title: 'T' } }])
    assert.deepEqual(result.masks, ['given', 'hunter2'])
    assert.doesNotMatch(result.post?.log ?? '', /hunter2/)
    assert.match(result.post?.rawLog ?? '', /hunter2/)
  })

  test('an exit code is a failure, and post runs all the same', async () => {
    const result = await run('process.exitCode = 7')
    assert.deepEqual([result.conclusion, result.exitCode, result.post?.exitCode], ['failure', 7, 0])
  })

  test('a broken output file fails the step with an annotation', async () => {
    const result = await run(`put('GITHUB_OUTPUT', 'a<<NEVER\\nb\\n')`)
    assert.equal(result.conclusion, 'failure')
    assert.match(result.annotations[0]?.message ?? '', /Matching delimiter not found/)
  })

  test('a summary beyond 1 MiB is dropped with an annotation', async () => {
    const result = await run(`put('GITHUB_STEP_SUMMARY', 'x'.repeat(1024 * 1024 + 1))`)
    assert.equal(result.summary, '')
    assert.match(result.annotations[0]?.message ?? '', /1024k/)
  })

  test('cancel: an action that listens ends after SIGINT; post runs', async () => {
    const result = await run(`process.on('SIGINT', () => { console.log('saving'); process.exit(10) }); forever(); console.log('ready')`, {
      interrupt: { when: ready, how: 'cancel' },
    })
    assert.deepEqual([result.conclusion, result.exitCode, result.signal], ['cancelled', 10, null])
    assert.match(result.log, /saving/)
    assert.notEqual(result.post, null)
  })

  test('cancel: the ladder climbs to SIGKILL, and what was written for post still counts', async () => {
    const code = `put('GITHUB_STATE', 'saved=early\\n')
      for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => console.log('got ' + name)); forever(); console.log('ready')`
    const result = await run(code, { interrupt: { when: ready, how: 'cancel' }, timeScale: 0.04 })
    assert.equal(result.signal, 'SIGKILL')
    assert.deepEqual(result.log.split('\n'), ['ready', 'got SIGINT', 'got SIGTERM'])
    assert.match(result.post?.log ?? '', /state=early/)
  })

  test('a promise of the test can interrupt too', async () => {
    const moment = Promise.withResolvers<void>()
    const running = run(`forever(); console.log('ready')`, { interrupt: { when: moment.promise, how: 'kill' } })
    moment.resolve()
    const result = await running
    assert.deepEqual([result.signal, result.conclusion], ['SIGKILL', 'failure'])
    assert.notEqual(result.post, null)
  })

  test('shutdown and a lost machine: no post', async () => {
    const shutdown = await run(`process.on('SIGINT', () => process.exit(10)); forever(); console.log('ready')`, {
      interrupt: { when: ready, how: 'shutdown' },
    })
    assert.deepEqual([shutdown.conclusion, shutdown.exitCode, shutdown.post], ['cancelled', 10, null])
    const lost = await run(`process.on('SIGINT', () => {}); forever(); console.log('ready')`, {
      interrupt: { when: ready, how: 'machine-lost' },
    })
    assert.deepEqual([lost.conclusion, lost.signal, lost.post], ['failure', 'SIGKILL', null])
  })

  test('double SIGINT: both arrive', async () => {
    const code = `let n = 0; process.on('SIGINT', () => { console.log('interrupt ' + ++n); if (n === 2) process.exit(10) }); forever(); console.log('ready')`
    const result = await run(code, { interrupt: { when: ready, how: 'double-sigint' } })
    assert.match(result.log, /interrupt 1\ninterrupt 2/)
    assert.deepEqual([result.exitCode, result.post], [10, null])
    const naive = await run(`process.once('SIGINT', () => console.log('saving')); forever(); console.log('ready')`, {
      interrupt: { when: ready, how: 'double-sigint' },
    })
    assert.equal(naive.signal, 'SIGINT')
  })

  test('a step timeout is a failure, and post runs', async () => {
    const result = await run('forever()', { stepTimeoutMs: 2000 })
    assert.deepEqual([result.conclusion, result.signal, result.post?.exitCode], ['failure', 'SIGINT', 0])
  })

  test('in a container main gets no signal and lives on beside post', async () => {
    const beat = join(machine.workspace, 'beat')
    const code = `process.on('SIGINT', () => console.log('signal')); setInterval(() => writeFileSync('beat', 'alive'), 20); console.log('ready')`
    // Post takes the beat away and waits until main has made it anew.
    const post = `const { rmSync } = await import('node:fs'); rmSync('beat', { force: true }); while (!existsSync('beat')) await new Promise((r) => setTimeout(r, 10)); console.log('main lives')`
    const result = await run(code, { inputs: { post }, interrupt: { when: ready, how: 'cancel-in-container' } })
    assert.match(result.post?.log ?? '', /main lives/)
    assert.deepEqual([result.conclusion, result.signal], ['cancelled', 'SIGKILL'])
    assert.doesNotMatch(result.log, /signal/)
    assert.ok(existsSync(beat))
  })

  test('a machine is wiped, or keeps what a self-hosted one keeps', () => {
    const { workspace, temp, toolCache, home } = machine
    const left = (): string[] => [workspace, temp, toolCache, home].filter((folder) => readdirSync(folder).length > 0)
    const fill = (): void => {
      for (const folder of [workspace, temp, toolCache, home]) mkdirSync(join(folder, 'a', 'b'), { recursive: true })
    }
    fill()
    machine.keepWorkspace()
    assert.deepEqual(left(), [workspace, toolCache, home])
    machine.keepToolCache()
    assert.deepEqual(left(), [toolCache, home])
    fill()
    machine.wipe()
    assert.deepEqual(left(), [])
  })

  test('a grandchild that holds the output open does not hold the runner', async () => {
    const code = `const { spawn } = await import('node:child_process'); const c = spawn('sleep', ['30'], { stdio: 'inherit', detached: true }); c.unref()
      put('GITHUB_OUTPUT', 'pid=' + c.pid)`
    const result = await run(code, { timeScale: 0.05 })
    process.kill(Number(result.outputs.pid), 'SIGKILL')
    assert.equal(result.conclusion, 'success')
  })
})

describe('commands of the log', () => {
  test('only a line that starts with :: is one, ##[ counts anywhere', () => {
    assert.equal(parseCommand('see ::error::x'), null)
    assert.deepEqual(parseCommand('  ::warning file=a%2Cb,line=1::50%25 of x'), {
      name: 'warning',
      properties: { file: 'a,b', line: '1' },
      message: '50% of x',
    })
    assert.deepEqual(parseCommand('file ##[error]x'), { name: 'error', properties: {}, message: 'x' })
  })

  test('stopped commands are text until the token comes', () => {
    const reader = logReader()
    for (const line of ['::stop-commands::tok', '::error::no', '::tok::', '::error::yes']) reader.line(line)
    assert.deepEqual(
      reader.annotations.map((a) => a.message),
      ['yes'],
    )
    assert.deepEqual(reader.log, ['::error::no', '##[error]yes'])
  })

  test('every line of a mask is a mask', () => {
    const reader = logReader()
    reader.line('::add-mask::one%0A two %0A')
    reader.line('one and two')
    assert.deepEqual(reader.log, ['*** and ***'])
  })

  test('key-value files', () => {
    assert.deepEqual(
      [...parseKeyValueFile('a=b<<c\r\nd<<E\r\n1\r\nE\r\n')],
      [
        ['a', 'b<<c'],
        ['d', '1'],
      ],
    )
    assert.throws(() => parseKeyValueFile('nothing'), /Invalid format/)
    assert.throws(() => parseKeyValueFile('a<<E\n1\n'), /delimiter/)
  })
})
