/** When the journal goes to the store that outlives the machine while a step runs. */
import type { Clock, Random, Recorder } from '../engine/ports.ts'

/** So often, give or take a fifth, so that a matrix does not save in step. */
const PERIOD_MS = 300_000
/** So long after its first record the store hears of a file that is still under way. One that is done by then needs no save of its own. */
const FIRST_MS = 8000

interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly recorder: Recorder
  /** Brings the journal to the store. Never rejects. */
  save(): Promise<void>
}

export interface Checkpoints {
  /** The recorder, watched for files whose transfer begins. */
  readonly recorder: Recorder
  stop(): void
}

export function checkpoints({ clock, random, recorder, save }: Ports): Checkpoints {
  /** Of files that the store has not heard of: when their first record was made. */
  const waiting = new Map<string, number>()
  const known = new Set<string>()
  let stopped = false
  let cancelFirst: (() => void) | null = null
  let cancelPeriod = (): void => {}

  const checkpoint = async (): Promise<void> => {
    for (const key of waiting.keys()) known.add(key)
    waiting.clear()
    cancelPeriod()
    await save()
    armPeriod()
  }
  const armPeriod = (): void => {
    cancelPeriod()
    if (!stopped) cancelPeriod = clock.after(PERIOD_MS * (0.8 + 0.4 * random()), () => void checkpoint())
  }
  /** For the file that waits longest. */
  const armFirst = (): void => {
    const [oldest] = waiting.values()
    if (stopped || cancelFirst !== null || oldest === undefined) return
    cancelFirst = clock.after(Math.max(0, oldest + FIRST_MS - clock.nowMs()), () => {
      cancelFirst = null
      const [due] = waiting.values()
      const isDue = due !== undefined && due + FIRST_MS <= clock.nowMs()
      if (isDue) void checkpoint().then(armFirst)
      else armFirst()
    })
  }

  armPeriod()
  return {
    recorder: {
      ...recorder,
      record: (entry) => {
        if (!known.has(entry.key) && !waiting.has(entry.key)) waiting.set(entry.key, clock.nowMs())
        armFirst()
        return recorder.record(entry)
      },
      forget: (key) => {
        waiting.delete(key)
        known.delete(key)
        recorder.forget(key)
      },
    },
    stop: () => {
      stopped = true
      cancelFirst?.()
      cancelPeriod()
    },
  }
}
