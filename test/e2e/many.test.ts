/** Several files in one step, with the names that files have. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createStep } from './action.ts'
import { putRemote, randomBytes } from './files.ts'
import { assertFailed } from './outcome.ts'
import { httpsSite, sftpSite, vsftpdSite } from './sites.ts'

const FILES: Readonly<Record<string, Buffer>> = {
  'plain.bin': randomBytes(100_000),
  'with a space.bin': randomBytes(1_500_000),
  'Größe ä.bin': randomBytes(1000),
  '[draft] 100%.bin': randomBytes(2000),
  'empty.bin': Buffer.alloc(0),
}

for (const open of [sftpSite, vsftpdSite]) {
  test(`upload: ${open.name}`, async (t) => {
    const site = await open(t)
    if (site === null) return
    const names = Object.keys(FILES)
    const source = [...names.slice(1), 'plain.bin => sub/renamed.bin'].join('\n')
    const step = await createStep(t, { inputs: { ...site.inputs, source, destination: site.url('') }, secrets: site.secrets })
    const fill = (): void => names.forEach((name) => void writeFileSync(step.local(name), FILES[name] ?? ''))
    const stored = (name: string): boolean =>
      readFileSync(join(site.server.root, name === 'plain.bin' ? 'sub/renamed.bin' : name)).equals(FILES[name] ?? Buffer.alloc(0))

    await t.test('all of them, then none of them again', async () => {
      fill()
      const run = await step.attempt()
      assert.equal(run.exitCode, 0, run.log)
      assert.deepEqual([run.outputs.status, run.outputs['files-total'], run.outputs['files-transferred']], ['complete', '5', '5'])
      assert.deepEqual(
        names.filter((name) => !stored(name)),
        [],
      )
      const again = await step.attempt()
      assert.equal(again.exitCode, 0, again.log)
      assert.ok(Number(again.outputs['bytes-transferred']) <= 100_000, again.log)
    })
    await t.test('one that is missing: the others arrive', async () => {
      step.machine.wipe()
      fill()
      const run = await step.attempt({ inputs: { source: 'plain.bin => late.bin\nno-such.bin\nempty.bin => late-empty.bin' } })
      assertFailed(run, 'not-found', 14)
      assert.equal(run.outputs['files-transferred'], '2')
      assert.ok(existsSync(join(site.server.root, 'late.bin')) && existsSync(join(site.server.root, 'late-empty.bin')))
    })
    await t.test('a directory is a fault of the inputs', async () => {
      mkdirSync(step.local('folder'), { recursive: true })
      assertFailed(await step.attempt({ inputs: { source: 'folder' } }), 'invalid-input', 2)
    })
    await t.test('one that must not be read', async (t) => {
      if (process.getuid?.() === 0) return t.skip('root may read everything')
      chmodSync(step.local('plain.bin'), 0)
      assertFailed(await step.attempt({ inputs: { source: 'plain.bin' } }), 'refused', 6)
    })
  })
}

for (const open of [sftpSite, vsftpdSite, httpsSite]) {
  test(`download: ${open.name}`, async (t) => {
    const site = await open(t)
    if (site === null) return
    const names = Object.keys(FILES)
    for (const [name, content] of Object.entries(FILES)) putRemote(site, name, content)
    const urls = names.map((name) => site.url(encodeURIComponent(name)))
    const source = [...urls.slice(1), `${urls[0]} => sub/renamed.bin`].join('\n')
    const step = await createStep(t, { inputs: { ...site.inputs, source, destination: 'got/' }, secrets: site.secrets })
    const run = await step.attempt()
    assert.equal(run.exitCode, 0, run.log)
    assert.equal(run.outputs['files-transferred'], '5')
    for (const name of names) {
      const path = step.local(join('got', name === 'plain.bin' ? 'sub/renamed.bin' : name))
      assert.ok(readFileSync(path).equals(FILES[name] ?? Buffer.alloc(0)), name)
    }
    const missing = await step.attempt({ inputs: { source: `${urls[0]}\n${site.url('no-such.bin')}`, destination: 'other/' } })
    assertFailed(missing, 'not-found', 14)
    assert.ok(existsSync(step.local('other/plain.bin')))
  })
}
