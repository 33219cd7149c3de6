/** Runs many histories, and stops at the first that breaks a promise: shrunk, with its trace and the command that runs it again. */
import { runHistory } from './history.ts'
import { byChance, LANES, type Lane, pairs, singles, takesTwins, triples, twinByChance } from './search.ts'
import { shrunk } from './shrink.ts'
import { type HistorySpec, parseSpec, specText } from './spec.ts'

export type Task =
  | { readonly kind: 'singles'; readonly lane: string; readonly share?: number; readonly offset?: number }
  | { readonly kind: 'pairs'; readonly lane: string; readonly stride: number; readonly offset: number }
  | { readonly kind: 'triples'; readonly lane: string; readonly stride: number; readonly offset: number }
  | { readonly kind: 'chance' | 'twins'; readonly lane: string; readonly from: number; readonly count: number }

export interface Done {
  readonly histories: number
  readonly attempts: number
  readonly steps: number
  /** Of the processor, by this thread. */
  readonly seconds: number
  readonly violation: string | null
}

export function laneName({ profile, direction }: Lane): string {
  return `${direction} ${profile.name}`
}

function specsOf(task: Task): AsyncIterable<HistorySpec> | Iterable<HistorySpec> {
  const lane = LANES.find((candidate) => laneName(candidate) === task.lane)
  if (lane === undefined) throw new Error(`no such lane: ${task.lane}`)
  switch (task.kind) {
    case 'singles':
      return singles(lane, task.share, task.offset)
    case 'pairs':
      return pairs(lane, task.stride, task.offset)
    case 'triples':
      return triples(lane, task.stride, task.offset)
    case 'chance':
      return chances(lane, task, byChance)
    default:
      return takesTwins(lane) ? chances(lane, task, twinByChance) : []
  }
}

function* chances(
  lane: Lane,
  { from, count }: { readonly from: number; readonly count: number },
  by: typeof byChance,
): Generator<HistorySpec> {
  for (let seed = from; seed < from + count; seed += 1) yield by(lane, seed)
}

export async function perform(task: Task): Promise<Done> {
  const before = process.threadCpuUsage()
  let histories = 0
  let attempts = 0
  let steps = 0
  let violation: string | null = null
  for await (const spec of specsOf(task)) {
    histories += 1
    try {
      const history = await runHistory(spec)
      attempts += history.attempts
      steps += history.steps
    } catch (error) {
      violation = await told(spec, error)
      break
    }
  }
  const { user, system } = process.threadCpuUsage(before)
  return { histories, attempts, steps, seconds: (user + system) / 1e6, violation }
}

async function told(spec: HistorySpec, error: unknown): Promise<string> {
  const small = await shrunk(spec)
  return `${specText(spec)}: ${reason(error)}\nshrunk:\n${await replay(specText(small))}`
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Runs one history with a trace; the text of it, which says how it ended. */
export async function replay(text: string): Promise<string> {
  const spec = parseSpec(text)
  const command = `npm run simulate -- --replay '${specText(spec)}'`
  try {
    const { trace } = await runHistory(spec, { trace: true })
    return [command, ...(trace ?? []), 'no promise was broken'].join('\n')
  } catch (error) {
    return [command, reason(error)].join('\n')
  }
}
