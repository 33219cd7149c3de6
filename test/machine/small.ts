/** One small file on its way up or down, with an older one in the place where it goes. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import { createStep, type Step } from '../e2e/action.ts'
import { MIB, partialsIn, randomBytes } from '../e2e/files.ts'
import type { Site } from '../e2e/sites.ts'

export type Direction = 'upload' | 'download'

export const NAME = 'small.bin'
export const bytes = randomBytes(5 * MIB + 7)
export const old = Buffer.from('what an earlier release has left here')

const MODIFIED_S = 1_700_000_000

/** Of a download over SFTP or FTP, which know the source by its size and time. */
export const PARTIAL = partialName(
  NAME,
  fingerprintTag({ strength: 'hint', size: bytes.length, modifiedAtMs: MODIFIED_S * 1000, etag: null }),
)

/** While a process writes it. */
export const LOCK = PARTIAL.replace(/partial$/, 'lock')

/** Where a small file is moved to or from. */
export type Place = Pick<Site, 'server' | 'inputs' | 'secrets' | 'url'>

/** On a self-hosted runner, whose disk the next attempt finds again. */
export async function smallStep(
  t: TestContext,
  site: Place,
  direction: Direction,
  inputs: Readonly<Record<string, string>> = {},
): Promise<Step> {
  for (const name of partialsIn(site.server.root)) rmSync(join(site.server.root, name))
  const [source, destination] = direction === 'upload' ? [NAME, site.url(NAME)] : [site.url(NAME), `./${NAME}`]
  const all = { ...site.inputs, source, destination, ...inputs }
  const step = await createStep(t, { environment: 'self-hosted', inputs: all, secrets: site.secrets })
  const [here, there] = direction === 'upload' ? [bytes, old] : [old, bytes]
  writeFileSync(step.local(NAME), here)
  const remote = join(site.server.root, NAME)
  writeFileSync(remote, there)
  chmodSync(remote, 0o666)
  utimesSync(remote, MODIFIED_S, MODIFIED_S)
  return step
}

export function finalBytes(site: Place, step: Step, direction: Direction): Buffer | null {
  const path = direction === 'upload' ? join(site.server.root, NAME) : step.local(NAME)
  return existsSync(path) ? readFileSync(path) : null
}

/** The file is in place, and nothing of ours beside it on either side. */
export function assertArrived(site: Place, step: Step, direction: Direction): void {
  assert.ok(finalBytes(site, step, direction)?.equals(bytes), 'wrong bytes under the final name')
  assert.deepEqual(readdirSync(step.machine.workspace), [NAME])
  assert.deepEqual(readdirSync(site.server.root), [NAME])
}

export function assertOldOrNew(site: Place, step: Step, direction: Direction): void {
  const found = finalBytes(site, step, direction)
  assert.ok(found?.equals(old) || found?.equals(bytes), 'the final name holds something else than the old or the new file')
}

/** Bytes in whole blocks of the partial in a folder; 0 without one. */
export function wholeBlocksIn(folder: string): number {
  const sizes = partialsIn(folder).map((name) => statSync(join(folder, name)).size)
  return Math.floor(Math.max(0, ...sizes) / MIB) * MIB
}
