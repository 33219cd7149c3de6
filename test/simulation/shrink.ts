/** Makes a failing history small: fewer attempts and faults first, then earlier steps, then a smaller source. */
import type { TwinPlan } from './duet.ts'
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
  if (spec.twin !== null) yield { ...spec, twin: null }
  for (const i of attempts.keys()) {
    if (i === spec.twin?.attempt) continue
    const twin = spec.twin === null || i > spec.twin.attempt ? spec.twin : { ...spec.twin, attempt: spec.twin.attempt - 1 }
    yield { ...spec, attempts: attempts.filter((_, at) => at !== i), twin }
  }
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
  if (spec.twin !== null) for (const twin of smallerTwins(spec.twin)) yield { ...spec, twin }
}

function* smallerTwins(twin: TwinPlan): Generator<TwinPlan> {
  const { slices } = twin
  if (slices.length > 1) yield { ...twin, slices: slices.slice(0, -1) }
  if (twin.fate === 'dies') yield { ...twin, fate: 'ends' }
  for (const [i, slice] of slices.entries()) {
    if (slice > 1) yield { ...twin, slices: slices.with(i, Math.floor(slice / 2)) }
    if (slice > 0) yield { ...twin, slices: slices.with(i, slice - 1) }
  }
}
