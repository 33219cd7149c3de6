/** The tool cache folder of a self-hosted runner, where the journal of a step lies between its attempts. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJournal, type Journal } from '../../src/core/journal.ts'
import { totalBytes } from '../../src/core/ranges.ts'
import type { Step } from '../e2e/action.ts'

/** Longer ago than a job that still saves may have been. */
const ABANDONED_S = 3600

export function stateFolder({ machine }: Step): string {
  return join(machine.toolCache, 'resumable-transfer', '1.0.0', process.arch)
}

/** As an earlier job has left it. */
export function makeStateFolder(step: Step): void {
  mkdirSync(stateFolder(step), { recursive: true, mode: 0o700 })
  writeFileSync(`${stateFolder(step)}.complete`, '')
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** The journal on the disk, or null when there is none. One that does not parse fails the test: a save is all or nothing. */
export function journalOf(step: Step): Journal | null {
  const name = namesIn(stateFolder(step)).find((file) => file.endsWith('.state'))
  if (name === undefined) return null
  const journal = decodeJournal(readFileSync(join(stateFolder(step), name)))
  assert.ok(journal !== null, 'the journal on the disk does not parse')
  return journal
}

/** Bytes of the one file of the step that the journal says are there. */
export function acknowledgedBytes(step: Step): number {
  return totalBytes(journalOf(step)?.entries[0]?.acknowledged ?? [])
}

export function ageLeftovers(step: Step): void {
  const seconds = Date.now() / 1000 - ABANDONED_S
  for (const name of namesIn(stateFolder(step))) if (name.endsWith('.tmp')) utimesSync(join(stateFolder(step), name), seconds, seconds)
}

/** Nothing but one journal without entries, if any. */
export function assertNoLeftovers(step: Step): void {
  const names = namesIn(stateFolder(step))
  assert.ok(names.every((name) => name.endsWith('.state')) && names.length <= 1, `left in the state folder: ${names.join(', ')}`)
  assert.deepEqual(journalOf(step)?.entries ?? [], [])
}
