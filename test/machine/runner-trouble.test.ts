/** What the machine takes away from a running step: its log (fault 142), its temporary folder (79), its source (73, 75 to 77). */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freshMachine } from '../e2e/broken.ts'
import { getRemote, MIB, randomBytes } from '../e2e/files.ts'
import { passed, whenPassed } from '../e2e/kills.ts'
import { assertComplete, assertFailed } from '../e2e/outcome.ts'
import { assertStored, bytes, clean, NAME, SIZE, uploadStep } from '../e2e/scene.ts'
import { type Site, vsftpdSite } from '../e2e/sites.ts'
import { serverOrSkip } from '../servers/debian.ts'
import type { ActionRun, RunOptions } from '../support/runner.ts'
import { memoryDisk } from './memory-disk.ts'

/** Slow enough to be met in the middle; what `meanwhile` does, it does there. */
function inTheMiddle(site: Site, meanwhile: () => void): Promise<void> {
  site.proxy.plan({ kind: 'throttle', bytesPerSecond: 8 * MIB, at: 0, direction: 'up', channel: site.channel })
  return whenPassed(site, 'up', passed(site, 'up') + 4 * MIB).then(() => {
    meanwhile()
    site.proxy.clear()
  })
}

/** Each opens descriptor 1 anew and becomes the command that follows. */
const LOGS: Readonly<Record<string, string>> = {
  'nobody reads': 'r, w = os.pipe(); os.dup2(w, 1); os.close(r); os.close(w)',
  'is on a full disk': 'os.dup2(os.open("/dev/full", os.O_WRONLY), 1)',
}

for (const [name, opening] of Object.entries(LOGS)) {
  test(`a log that ${name} does not matter`, async (t) => {
    const python = serverOrSkip(t, 'pyftpdlib')
    const site = python === null ? null : await vsftpdSite(t)
    if (python === null || site === null) return
    const step = await uploadStep(t, site)
    freshMachine(step, NAME, bytes)
    const program = `import os, sys; ${opening}; os.execvp(sys.argv[1], sys.argv[1:])`
    const run = await step.attempt({ under: () => [python, '-c', program] })
    assertComplete(run, { resumed: false, size: SIZE })
    assert.equal(run.rawLog, '')
    assertStored(site)
  })
}

test('the temporary folder of the runner is emptied meanwhile', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  t.afterEach(() => clean(site))
  await t.test('the state: it is made again', async (t) => {
    const step = await uploadStep(t, site)
    freshMachine(step, NAME, bytes)
    const wiped = inTheMiddle(site, () => rmSync(join(step.machine.temp, 'resumable-transfer'), { recursive: true }))
    const [run] = await Promise.all([step.attempt(), wiped])
    assertComplete(run, { resumed: false, size: SIZE })
    assertStored(site)
    assert.deepEqual(readdirSync(join(step.machine.temp, 'resumable-transfer')).length, 1)
  })
  await t.test('everything, the files for outputs too: red, and the file is in place', async (t) => {
    const step = await uploadStep(t, site)
    freshMachine(step, NAME, bytes)
    const wiped = inTheMiddle(site, () => {
      for (const name of readdirSync(step.machine.temp)) rmSync(join(step.machine.temp, name), { recursive: true })
    })
    const [run] = await Promise.all([step.attempt(), wiped])
    assert.deepEqual([run.exitCode, run.conclusion], [6, 'failure'], 'green without outputs')
    assertOutputsLost(run, 'refused')
    const warnings = messagesOf(run, 'warning')
    assert.ok(warnings.some((message) => message.startsWith('If this step is killed')))
    assert.ok(warnings.some((message) => message.startsWith('The job summary could not be written')))
    assertStored(site)
    freshMachine(step, NAME, bytes)
    assert.equal((await step.attempt()).outputs.status, 'unchanged')
  })
})

/** One error that names the file and says that the transfer itself is done. */
function assertOutputsLost(run: ActionRun, kind: string): void {
  const errors = messagesOf(run, 'error')
  assert.equal(errors.length, 1, run.log)
  assert.match(
    errors[0] ?? '',
    new RegExp(`^cannot write the outputs: .*(output_|outputs).*\\(${kind}\\)\\nOne file is in place\\.\\nLater steps`),
  )
  assert.doesNotMatch(run.log, /Internal error|\n\s+at /)
}

function messagesOf(run: ActionRun, level: string): readonly string[] {
  return run.annotations.filter((one) => one.level === level).map(({ message }) => message)
}

/** Runs a command on one of the runner's files before the action begins. */
function after(command: string, name: string): NonNullable<RunOptions['under']> {
  return (environment) => ['sh', '-c', `${command}; shift; exec "$@"`, 'sh', environment[name] ?? '']
}

test('a file of the runner is not there, or full', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  t.afterEach(() => clean(site))
  const attempt = async (t: TestContext, under: RunOptions['under'], inputs: Readonly<Record<string, string>> = {}) => {
    const step = await uploadStep(t, site, inputs)
    freshMachine(step, NAME, bytes)
    return step.attempt({ ...(under === undefined ? {} : { under }) })
  }
  await t.test('for outputs: red, by a failure of its own, and the file is in place', async (t) => {
    const run = await attempt(t, after('rm "$1"', 'GITHUB_OUTPUT'))
    assert.deepEqual([run.exitCode, run.conclusion], [6, 'failure'], 'green without outputs')
    assertOutputsLost(run, 'refused')
    assertStored(site)
  })
  await t.test('for outputs, which is full', async (t) => {
    const disk = memoryDisk(t, 4096)
    if (disk === null) return
    writeFileSync(join(disk.path, 'full'), Buffer.alloc(4096))
    const outputs = join(disk.path, 'outputs')
    writeFileSync(outputs, '')
    const run = await attempt(t, after(`ln -sf '${outputs}' "$1"`, 'GITHUB_OUTPUT'))
    assert.deepEqual([run.exitCode, run.conclusion], [7, 'failure'], 'green without outputs')
    assertOutputsLost(run, 'no-space')
    assertStored(site)
  })
  await t.test('for outputs, of a step that fails anyway: it keeps its own reason', async (t) => {
    const run = await attempt(t, after('rm "$1"', 'GITHUB_OUTPUT'), { source: 'missing.bin' })
    assert.equal(run.exitCode, 14, run.log)
    assert.match(messagesOf(run, 'error').join(), /\(not-found\)/)
    assert.match(messagesOf(run, 'warning').join(), /cannot write the outputs: .*output_/)
  })
  for (const [name, warning] of [
    ['GITHUB_STATE', /^If this step is killed, its post step cannot save anything: .*state_/],
    ['GITHUB_STEP_SUMMARY', /^The job summary could not be written: .*step_summary_/],
  ] as const) {
    await t.test(`${name}: a warning, once`, async (t) => {
      const run = await attempt(t, after('rm "$1"', name))
      assertComplete(run, { resumed: false, size: SIZE })
      const warnings = messagesOf(run, 'warning').filter((message) => !message.startsWith('FTP without TLS'))
      assert.equal(warnings.length, 1, run.log)
      assert.match(warnings[0] ?? '', warning)
      assertStored(site)
    })
  }
})

test('the source while it is sent', async (t) => {
  const site = await vsftpdSite(t)
  if (site === null) return
  t.afterEach(() => {
    site.proxy.clear()
    clean(site)
  })
  const harmless: Readonly<Record<string, (path: string) => void>> = {
    deleted: (path) => rmSync(path),
    'replaced by a rename': (path) => {
      writeFileSync(`${path}.new`, randomBytes(SIZE))
      renameSync(`${path}.new`, path)
    },
  }
  for (const [name, change] of Object.entries(harmless)) {
    await t.test(`${name}: the open file is sent`, async (t) => {
      const step = await uploadStep(t, site)
      freshMachine(step, NAME, bytes)
      const [run] = await Promise.all([step.attempt(), inTheMiddle(site, () => change(step.local(NAME)))])
      assertComplete(run, { resumed: false, size: SIZE })
      assertStored(site)
    })
  }
  const harmful: Readonly<Record<string, (path: string) => void>> = {
    truncated: (path) => truncateSync(path, 9 * MIB),
    overwritten: (path) => writeFileSync(path, randomBytes(SIZE), { flag: 'r+' }),
  }
  for (const [name, change] of Object.entries(harmful)) {
    await t.test(`${name}: nothing is published`, async (t) => {
      const step = await uploadStep(t, site)
      freshMachine(step, NAME, bytes)
      const [run] = await Promise.all([step.attempt(), inTheMiddle(site, () => change(step.local(NAME)))])
      assertFailed(run, 'source-changed', 8)
      assert.equal(getRemote(site, NAME), null)
      const now = readFileSync(step.local(NAME))
      const next = await step.attempt()
      assert.equal(next.exitCode, 0, next.log)
      assertStored(site, now)
    })
  }
})
