/** Makes a failing history small: fewer attempts and faults first, then earlier steps, then a smaller source. */
import { runHistory } from './history.ts'
import type { HistorySpec } from './spec.ts'

const TRIES_MAX = 2_000

export async function fails(spec: HistorySpec): Promise<boolean> {
  try {
    await runHistory(spec)
    return false
  } catch {
    return true
  }
}

export async function shrunk(spec: HistorySpec): Promise<HistorySpec> {
  let best = spec
  let tries = 0
  for (let found = true; found && tries < TRIES_MAX; ) {
    found = false
    for (const smaller of smallerOnes(best)) {
      tries += 1
      if (tries >= TRIES_MAX) break
      if (!(await fails(smaller))) continue
      best = smaller
      found = true
      break
    }
  }
  return best
}

function* smallerOnes(spec: HistorySpec): Generator<HistorySpec> {
  const { attempts } = spec
  for (const i of attempts.keys()) yield { ...spec, attempts: attempts.filter((_, at) => at !== i) }
  for (const [i, plan] of attempts.entries())
    for (const j of plan.keys())
      yield {
        ...spec,
        attempts: attempts.with(
          i,
          plan.filter((_, at) => at !== j),
        ),
      }
  for (const size of [1, 17, 55]) if (size < spec.size) yield { ...spec, size }
  if (spec.policy !== 'auto') yield { ...spec, policy: 'auto' }
  for (const [i, plan] of attempts.entries()) {
    for (const [j, fault] of plan.entries()) {
      for (const step of [Math.floor(fault.step / 2), fault.step - 1])
        if (step > 0) yield { ...spec, attempts: attempts.with(i, plan.with(j, { ...fault, step })) }
    }
  }
}
