/** What the tests of faults have in common: one file of random bytes, on its way up or down. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createStep, type Step } from './action.ts'
import { getRemote, MIB, partialsIn, randomBytes } from './files.ts'
import type { Site } from './sites.ts'

export const SIZE = 16 * MIB
export const CUT = 10 * MIB
export const NAME = 'fault.bin'
export const bytes = randomBytes(SIZE)

export function uploadStep(t: TestContext, site: Site, inputs: Readonly<Record<string, string>> = {}): Promise<Step> {
  return createStep(t, { inputs: { ...site.inputs, source: NAME, destination: site.url(NAME), ...inputs }, secrets: site.secrets })
}

export function downloadStep(t: TestContext, site: Site, inputs: Readonly<Record<string, string>> = {}): Promise<Step> {
  const all = { ...site.inputs, source: site.url(NAME), destination: `./${NAME}`, ...inputs }
  return createStep(t, { environment: 'self-hosted', inputs: all, secrets: site.secrets })
}

export function assertStored(site: Site, wanted: Uint8Array = bytes): void {
  assert.ok(getRemote(site, NAME)?.equals(wanted), 'wrong bytes on the server')
  assert.deepEqual(partialsIn(site.server.root), [])
}

export function assertLocal(step: Step, wanted: Uint8Array = bytes): void {
  assert.ok(readFileSync(step.local(NAME)).equals(wanted), 'wrong bytes in the workspace')
  assert.deepEqual(partialsIn(step.machine.workspace), [])
}

export function flipped(content: Uint8Array, at: number): Buffer {
  const other = Buffer.from(content)
  other[at] = (other[at] ?? 0) ^ 1
  return other
}

export function clean(site: Site): void {
  for (const name of [NAME, ...partialsIn(site.server.root)]) rmSync(join(site.server.root, name), { force: true })
}

export const TAMPERING: Readonly<Record<string, (path: string) => void>> = {
  'one byte flipped': (path) => writeFileSync(path, flipped(readFileSync(path), 3 * MIB)),
  truncated: (path) => truncateSync(path, 5 * MIB + 7),
  extended: (path) => writeFileSync(path, Buffer.concat([readFileSync(path), randomBytes(SIZE)])),
}
