/** Which histories are run: each single fault at each step, each fault after a crash, and three or more faults by chance. */
import { BETWEEN, DURING, fits, KINDS, type Kind, type Place, type PlannedFault } from './alphabet.ts'
import { below, pick, seededRandom } from './chance.ts'
import type { TwinPlan } from './duet.ts'
import { runHistory } from './history.ts'
import { renames } from './judge.ts'
import { BLOCK, isUnreadable, PROFILES, type Profile } from './profiles.ts'
import type { Direction } from './scene.ts'
import type { HistorySpec, PolicyName } from './spec.ts'

/** One server and one direction. */
export interface Lane {
  readonly profile: Profile
  readonly direction: Direction
}

export const LANES: readonly Lane[] = PROFILES.flatMap((profile): Lane[] => [
  ...(profile.resumer === 'none' ? [] : [{ profile, direction: 'upload' } as const]),
  ...(onlyUploads(profile) ? [] : [{ profile, direction: 'download' } as const]),
])

/** Where a download would meet nothing that it does not meet elsewhere. */
function onlyUploads({ resumer, writeOnly, names, refuses, hides, statless, lists, removesNothing, mailbox, lags }: Profile): boolean {
  return (
    writeOnly === true ||
    names !== undefined ||
    (resumer !== 'none' && [refuses, hides, statless, lists, removesNothing, mailbox, lags].some((quirk) => quirk !== undefined))
  )
}

type Plan = readonly PlannedFault[]
type Plans = readonly Plan[]

/** Three whole blocks and a short one. */
const SIZE = 3 * BLOCK + 7
const LONG = 13 * BLOCK + 5
const SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 9, SIZE, SIZE, 6 * BLOCK, LONG]

const base = ({ profile, direction }: Lane): HistorySpec => ({
  profile: profile.name,
  direction,
  size: SIZE,
  policy: 'auto',
  seed: 1,
  attempts: [],
  twin: null,
})

/** Where the attempt after `before` passes. A violation on the way is not lost: the history without a further fault is one of those that are run. */
async function placesAfter(spec: HistorySpec, before: Plans, meanwhile: Plan = []): Promise<readonly Place[]> {
  try {
    return (await runHistory({ ...spec, attempts: [...before, meanwhile] }, { placesOf: before.length })).places
  } catch {
    return []
  }
}

/** Every fault at every step of what follows `before` and what others did meanwhile. */
async function* everyFault(spec: HistorySpec, before: Plans, kinds: readonly Kind[], meanwhile: Plan = []): AsyncGenerator<HistorySpec> {
  const places = await placesAfter(spec, before, meanwhile)
  yield { ...spec, attempts: [...before, meanwhile] }
  for (const kind of BETWEEN) if (kinds.includes(kind)) yield { ...spec, attempts: [...before, [...meanwhile, { kind, step: 0 }]] }
  for (const [i, place] of places.entries()) {
    for (const kind of DURING) {
      if (kinds.includes(kind) && fits(kind, place)) yield { ...spec, attempts: [...before, [...meanwhile, { kind, step: i + 1 }]] }
    }
  }
}

const ALL: readonly Kind[] = [...new Set([...BETWEEN, ...DURING])]
const OTHERS: readonly Kind[] = DURING.filter((kind) => !BETWEEN.includes(kind))

/** Every single fault at every step of an undisturbed transfer, with and without a file under the final name: each `share`th of these. */
export function singles(lane: Lane, share = 1, offset = 0): AsyncGenerator<HistorySpec> {
  return everyShareth(allSingles(lane), share, offset)
}

async function* everyShareth(all: AsyncGenerator<HistorySpec>, share: number, offset: number): AsyncGenerator<HistorySpec> {
  let count = offset
  for await (const spec of all) {
    count += 1
    if (count % share === 0) yield spec
  }
}

async function* allSingles(lane: Lane): AsyncGenerator<HistorySpec> {
  const spec = base(lane)
  yield* everyFault(spec, [], ALL)
  // Long enough that an interruption costs less than the whole.
  yield* everyFault({ ...spec, size: LONG }, [], ['crash', 'disconnect'])
  for (const policy of ['full', 'given', 'fail'] as const) {
    if (policy === 'full' && isUnreadable(lane.profile)) continue
    yield* everyFault(
      { ...spec, policy, seed: 2 },
      [
        [
          { kind: 'final-replaced', step: 0 },
          { kind: 'crash', step: 3 },
        ],
      ],
      ALL,
    )
  }
}

/** A crash at every `stride`th step, and every fault at every step of the attempt that follows. */
export async function* pairs(lane: Lane, stride: number, offset: number): AsyncGenerator<HistorySpec> {
  const spec = { ...base(lane), seed: 3 + offset }
  const places = await placesAfter(spec, [])
  for (let step = 1 + (offset % stride); step <= places.length; step += stride) yield* everyFault(spec, [[{ kind: 'crash', step }]], ALL)
}

/** A crash, then something that others did meanwhile, and every other fault at every step of what follows: each `share`th of these. */
export async function* triples(lane: Lane, share: number, offset: number): AsyncGenerator<HistorySpec> {
  const spec = { ...base(lane), seed: 5 + offset }
  const { length } = await placesAfter(spec, [])
  for (const part of [0.45, 0.7]) {
    const before = [[{ kind: 'crash', step: Math.floor(length * part) } as const]]
    for (const kind of BETWEEN)
      yield* everyShareth(everyFault(spec, before, OTHERS, [{ kind, step: 0 }]), share, offset + KINDS.indexOf(kind))
  }
}

const POLICY_CHANCES: readonly PolicyName[] = [
  'auto',
  'auto',
  'auto',
  'auto',
  'auto',
  'full',
  'full',
  'size',
  'never',
  'fail',
  'given',
  'given',
  'always',
  'renames',
]
/** What interrupts, so that there is something to continue. */
const INTERRUPTIONS: readonly Kind[] = ['crash', 'crash', 'crash', 'disconnect', 'stop', 'restart-lost', 'restart-zeroed', 'denied']

/** Three faults or so in one to three attempts, all from the seed. */
export function byChance(lane: Lane, seed: number): HistorySpec {
  const random = seededRandom(seed)
  const policy = pick(random, POLICY_CHANCES)
  const attempts: PlannedFault[][] = []
  for (let left = 2 + below(random, 3); left > 0; ) {
    const plan: PlannedFault[] = []
    if (random() < 0.4) plan.push({ kind: pick(random, BETWEEN), step: 0 })
    for (let count = 1 + below(random, 2); count > 0; count -= 1) {
      plan.push({ kind: pick(random, random() < 0.4 ? INTERRUPTIONS : DURING), step: 1 + below(random, random() < 0.5 ? 20 : 60) })
    }
    attempts.push(plan)
    left -= plan.length
  }
  const asked = policy === 'full' && isUnreadable(lane.profile) ? 'auto' : policy
  return { profile: lane.profile.name, direction: lane.direction, size: pick(random, SIZES), policy: asked, seed, attempts, twin: null }
}

/** May happen while two processes are under way: what breaks a connection breaks only that of the first. */
const BESIDE: readonly Kind[] = [
  'crash',
  'disconnect',
  'stop',
  'stall',
  'busy',
  'denied',
  'refused',
  'final-removed',
  'final-replaced',
  'saves-lost',
]

/** Whether two processes can have the same target without one of them writing over the other's bytes: not where both write to the final name itself. */
export function takesTwins({ profile, direction }: Lane): boolean {
  return direction === 'download' || (renames(profile) && profile.mailbox !== 'all')
}

/** Two processes that take turns, with the same version of the source or with two, all from the seed. */
export function twinByChance(lane: Lane, seed: number): HistorySpec {
  const random = seededRandom(seed)
  const attempts: PlannedFault[][] = []
  if (random() < 0.3) attempts.push([{ kind: 'final-replaced', step: 0 }])
  if (random() < 0.5) attempts.push([{ kind: 'crash', step: 1 + below(random, 50) }])
  const attempt = attempts.length
  attempts.push(random() < 0.7 ? [] : [{ kind: pick(random, BESIDE), step: 1 + below(random, 60) }])
  if (random() < 0.2) attempts.push([{ kind: 'crash', step: 1 + below(random, 50) }])
  const slices = Array.from({ length: 1 + below(random, 5) }, () => below(random, random() < 0.5 ? 60 : 12))
  const twin: TwinPlan = {
    attempt,
    version: lane.direction === 'download' || random() < 0.5 ? 'same' : 'other',
    state: random() < 0.5 ? 'shared' : 'own',
    fate: random() < 0.7 ? 'ends' : 'dies',
    slices,
  }
  const policy = pick(random, POLICY_CHANCES)
  const asked = policy === 'full' && isUnreadable(lane.profile) ? 'auto' : policy
  return { profile: lane.profile.name, direction: lane.direction, size: pick(random, SIZES), policy: asked, seed, attempts, twin }
}
