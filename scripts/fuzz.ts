/**
 * `npm run fuzz -- --minutes 10 [--seed 1] [--only http] [--path 3:1]`: the targets of test/fuzz in turn, with a new seed every round, until the time is up.
 * Prints what was tried and how fast. A failing case is printed with the command that shows it again; the exit code is then 1.
 */
import { parseArgs } from 'node:util'
import type { FuzzTarget } from '../test/fuzz/fuzz-target.ts'
import { FUZZ_TARGETS } from '../test/fuzz/fuzz-targets.ts'

/** One target's turn: long enough that starting it costs nothing, short enough that every target comes often. */
const TURN_MS = 2000
const MINUTE_MS = 60_000

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, only: { type: 'string' }, path: { type: 'string' } },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const minutes = Number(values.minutes)
const firstSeed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
const exact = FUZZ_TARGETS.filter(({ name }) => name === values.only)
const targets = exact.length > 0 ? exact : FUZZ_TARGETS.filter(({ name }) => name.includes(values.only ?? ''))
if (!(minutes > 0) || !Number.isSafeInteger(firstSeed) || targets.length === 0) {
  say(`usage: npm run fuzz -- [--minutes N] [--seed S] [--only NAME] [--path P]\nnames: ${FUZZ_TARGETS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

/** False when the case failed. */
async function replay({ name, check }: FuzzTarget, path: string): Promise<boolean> {
  const { failure } = await check({ seed: firstSeed, runs: Number.MAX_SAFE_INTEGER, path })
  say(failure ?? `${name}: holds now`)
  return failure === null
}

interface Tally {
  runs: number
  ms: number
}

/** False as soon as one fails. */
async function search(): Promise<boolean> {
  const tallies = new Map<string, Tally>(targets.map(({ name }) => [name, { runs: 0, ms: 0 }]))
  const startedMs = performance.now()
  let seed = firstSeed
  let failed: string | null = null
  for (; failed === null && performance.now() - startedMs < minutes * MINUTE_MS; seed += 1) {
    for (const { name, check } of targets) {
      const before = performance.now()
      const { runs, failure } = await check({ seed, runs: Number.MAX_SAFE_INTEGER, timeLimitMs: TURN_MS })
      const tally = tallies.get(name)
      if (tally !== undefined) Object.assign(tally, { runs: tally.runs + runs, ms: tally.ms + performance.now() - before })
      failed = failure
      if (failed !== null || performance.now() - startedMs > minutes * MINUTE_MS) break
    }
  }
  let total = 0
  for (const [name, { runs, ms }] of tallies) {
    total += runs
    if (runs > 0) say(`${name.padEnd(24)} ${String(runs).padStart(9)} runs ${String(Math.round((runs * 1000) / ms)).padStart(7)}/s`)
  }
  say(`${total} runs in ${Math.round((performance.now() - startedMs) / 1000)} s, seeds ${firstSeed} to ${seed - 1}`)
  if (failed !== null) say(`FAILED ${failed}`)
  return failed === null
}

const [only] = targets
const ok = values.path !== undefined && only !== undefined ? await replay(only, values.path) : await search()
process.exit(ok ? 0 : 1)
