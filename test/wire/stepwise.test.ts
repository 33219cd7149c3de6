/** A real server that does not put one file in the place of another: killed before and after every request of the publishing, the old file is never lost. */
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { passingKind } from '../../src/core/paths.ts'
import { sftpSite } from '../e2e/sites.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, createRig, NAME, type Rig } from './rig.ts'

const NEW = Buffer.from(seededBytes(61, 3 * BLOCK + 5))
const OLD = Buffer.from(seededBytes(62, 2 * BLOCK + 9))

/** Names beside the final one, and what is under it and aside. */
function beside(rig: Rig): { readonly names: readonly string[]; readonly final: Buffer | null; readonly asides: readonly Buffer[] } {
  const folder = dirname(rig.storedPath)
  const names = readdirSync(folder).filter((name) => name !== NAME)
  const asides = names.filter((name) => passingKind(NAME, name) === 'aside').map((name) => readFileSync(join(folder, name)))
  return { names, final: rig.stored(), asides }
}

/** Ends the process, as far as the engine can tell, at the `n`th turn of a request about names. Says at which, or null when there were fewer. */
async function killedAt(rig: Rig, n: number): Promise<string | null> {
  let turns = 0
  let killed: string | null = null
  const calls = (method: string, when: 'before' | 'after'): void => {
    if (killed !== null) throw new Error('dead')
    if (method !== 'tree.rename' && method !== 'tree.remove') return
    turns += 1
    if (turns !== n) return
    killed = `${when} ${method}`
    throw new Error('dead')
  }
  await rig.upload({ calls }).catch((error: unknown) => assert.match(String(error), /dead/))
  return killed
}

test('sftp: OpenSSH without posix-rename: killed at every turn of the publishing', async (t) => {
  const site = await sftpSite(t, { sftpArgs: '-P posix-rename' })
  if (site === null) return
  const seen: string[] = []
  for (let n = 1; ; n += 1) {
    const rig = createRig(t, site, NEW)
    for (const name of readdirSync(dirname(rig.storedPath)).filter((one) => one.includes(NAME))) assert.fail(`left from before: ${name}`)
    writeFileSync(rig.storedPath, OLD)
    chmodSync(rig.storedPath, 0o666)
    const killed = await killedAt(rig, n)
    if (killed === null) break
    seen.push(killed)
    const { final, asides } = beside(rig)
    const whole = final?.equals(OLD) === true || final?.equals(NEW) === true
    assert.ok(whole || (final === null && asides.some((bytes) => bytes.equals(OLD))), `turn ${n}, ${killed}: neither file is there`)
    // Every second one has lost its journal as well.
    if (n % 2 === 0) rig.journal.clear()
    const next = await rig.upload()
    assert.ok(['complete', 'unchanged'].includes(next.status), next.failure?.message)
    assert.ok(rig.stored()?.equals(NEW))
    const left = beside(rig).names.filter((name) => !name.startsWith('.rt-probe-'))
    assert.ok(left.length <= 1 && left.every((name) => passingKind(NAME, name) === 'aside' || name.endsWith('.partial')), left.join())
    await t.test(`turn ${n}: ${killed}`, () => {})
    for (const name of [NAME, ...beside(rig).names]) rmSync(join(dirname(rig.storedPath), name), { force: true })
  }
  assert.ok(seen.length >= 8, seen.join())
})
