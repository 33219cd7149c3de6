/** An attempt that ends in the middle, at an exact byte, in order: the network is cut and no retry is left. The state is saved. */
import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionRun } from '../support/runner.ts'
import type { Direction } from '../support/tcp-faults.ts'
import type { AttemptOptions, Step } from './action.ts'
import { partialsIn } from './files.ts'
import { assertFailed } from './outcome.ts'
import type { Site } from './sites.ts'

export async function brokenAttempt(
  step: Step,
  site: Site,
  direction: Direction,
  at: number,
  options: AttemptOptions = {},
): Promise<ActionRun> {
  site.proxy.plan({ kind: 'fin', direction, at, channel: site.channel })
  const run = await step.attempt({ ...options, inputs: { ...options.inputs, retries: '0' } })
  site.proxy.clear()
  assertFailed(run, 'transient', 5)
  return run
}

/** The next machine, with the source brought again: another time, the same or other bytes. */
export function freshMachine(step: Step, name: string, bytes: Uint8Array): void {
  step.machine.wipe()
  writeFileSync(step.local(name), bytes)
  const seconds = 1_700_000_000 + Math.floor(Math.random() * 1_000_000)
  utimesSync(step.local(name), seconds, seconds)
}

/** The path of the one partial in a folder. */
export function onlyPartial(folder: string): string {
  const names = partialsIn(folder)
  assert.equal(names.length, 1, `partials: ${names.join(', ')}`)
  return join(folder, String(names[0]))
}
