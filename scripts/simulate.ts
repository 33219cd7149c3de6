/**
 * `npm run simulate -- --histories 10000000 [--seed N] [--profile NAME] [--threads N]`: the engine against faults, first every single one and every pair with a
 * crash, then by chance, of one process and of two. Ends with 1 at a violation; with `--each` it goes on, and shows one for each server and direction.
 * `--replay 'SPEC'` runs one history and shows its trace.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Done, laneName, replay, type Task } from '../test/simulation/campaign.ts'
import { PAST_FAILURES } from '../test/simulation/past-failures.ts'
import { LANES } from '../test/simulation/search.ts'
import { startThread } from '../test/simulation/workers.ts'

const CHUNK = 2_000
const STRIDE = 3
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    profile: { type: 'string' },
    threads: { type: 'string' },
    each: { type: 'boolean', default: false },
    replay: { type: 'string' },
  },
})

if (values.replay === undefined) process.exitCode = await simulate()
else {
  const told = await replay(values.replay)
  say(told)
  process.exitCode = told.endsWith('no promise was broken') ? 0 : 1
}

async function simulate(): Promise<number> {
  for (const [spec, found] of PAST_FAILURES) {
    const told = await replay(spec)
    if (told.endsWith('no promise was broken')) continue
    say(`${found}\n${told}`)
    return 1
  }
  const wanted = Number(values.histories)
  const threads = Math.max(1, Number(values.threads ?? availableParallelism()))
  const started = performance.now()
  const total = { histories: 0, attempts: 0, steps: 0, seconds: 0 }
  const violations = new Map<string, string>()
  const more = (lane: string): boolean => total.histories < wanted && (values.each ? !violations.has(lane) : violations.size === 0)
  const tasks = tasksFor(more)
  const take = (done: Done, { lane }: Task): void => {
    for (const key of ['histories', 'attempts', 'steps', 'seconds'] as const) total[key] += done[key]
    if (done.violation === null || violations.has(lane)) return
    violations.set(lane, done.violation)
    say(done.violation)
  }
  const progress = setInterval(
    () => say(`${total.histories} histories, ${Math.round(total.histories / total.seconds)} a second and core`),
    30_000,
  )
  await Promise.all(
    Array.from({ length: threads }, async () => {
      const thread = startThread()
      for (const task of tasks) take(await thread.perform(task), task)
      await thread.end()
    }),
  )
  clearInterval(progress)
  const elapsed = (performance.now() - started) / 1000
  const { histories, attempts, steps, seconds } = total
  say(`${histories} histories, ${attempts} attempts, ${steps} steps in ${elapsed.toFixed(1)} s`)
  say(
    `${Math.round(histories / seconds)} histories a second of one core, ${Math.round(histories / elapsed)} a second with ${threads} threads`,
  )
  say(violations.size === 0 ? 'no promise was broken' : `a promise was broken: ${[...violations.keys()].join(', ')}`)
  return violations.size === 0 ? 0 : 1
}

/** Without an end, until enough were run. Shared by the threads. */
function* tasksFor(more: (lane: string) => boolean): Generator<Task> {
  const lanes = LANES.filter(({ profile }) => values.profile === undefined || profile.name === values.profile).map(laneName)
  if (lanes.length === 0) throw new Error(`no such profile: ${values.profile}`)
  const rounds: ((lane: string) => Task)[] = [
    (lane) => ({ kind: 'singles', lane }),
    ...Array.from(
      { length: STRIDE },
      (_, offset) =>
        (lane: string): Task => ({ kind: 'pairs', lane, stride: STRIDE, offset }),
    ),
  ]
  for (let round = 0; ; round += 1) {
    const open = lanes.filter(more)
    if (open.length === 0) return
    for (const lane of open) {
      if (!more(lane)) continue
      const from = Number(values.seed) + (round - rounds.length) * CHUNK
      yield rounds[round]?.(lane) ?? { kind: round % 3 === 0 ? 'twins' : 'chance', lane, from, count: CHUNK }
    }
  }
}
