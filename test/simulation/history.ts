/** One history: attempts with faults, what happens between them, and a last attempt without any, which must succeed. */

import { download } from '../../src/engine/download.ts'
import type { EnginePorts, RemoteSupply, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import type { Place, PlannedFault } from './alphabet.ts'
import { randomBytes, seededRandom } from './chance.ts'
import { judge, judgeCost } from './judge.ts'
import { simulatedSource, simulatedTarget } from './local.ts'
import { profileNamed } from './profiles.ts'
import { simulatedRemote } from './remote.ts'
import { ACTS, FINAL, LOCAL, Scene } from './scene.ts'
import { orphanStores } from './server-write.ts'
import { type HistorySpec, POLICIES } from './spec.ts'
import { Turn, Violation } from './turn.ts'
import { Crash, digestOf, emptyWorld, worldRecorder } from './world.ts'

export const BLOCK = 16
const KEY = 'aabbccddeeff0011'
/** Enough for an attempt without faults to look, read back, send and prove the longest source, packet by packet, twice. */
const LIVE_STEPS_MAX = 600

export interface History {
  readonly attempts: number
  readonly steps: number
  readonly trace: readonly string[] | null
  /** Of the attempt that was asked for. */
  readonly places: readonly Place[]
}

export interface HistoryOptions {
  readonly trace?: boolean
  /** Keeps the places that this attempt passes. */
  readonly placesOf?: number
}

/** Throws a Violation when a promise was broken. */
export async function runHistory(spec: HistorySpec, options: HistoryOptions = {}): Promise<History> {
  const history = new Running(spec, options)
  try {
    return await history.run()
  } catch (error) {
    if (history.trace !== null && error instanceof Error) error.message += `\n${history.trace.join('\n')}`
    throw error
  }
}

class Running {
  readonly trace: string[] | null
  private readonly spec: HistorySpec
  private readonly scene: Scene
  private readonly places: Place[] = []
  private readonly placesOf: number | undefined
  private readonly given: string
  private readonly random: () => number
  private steps = 0
  private moved = 0

  constructor(spec: HistorySpec, { trace = false, placesOf }: HistoryOptions) {
    this.spec = spec
    this.random = seededRandom(spec.seed)
    this.scene = new Scene(emptyWorld(), profileNamed(spec.profile), spec.direction, this.random)
    this.trace = trace ? [] : null
    this.placesOf = placesOf
    this.scene.setSource(randomBytes(this.random, spec.size))
    this.given = digestOf(this.scene.source, 'sha256')
  }

  async run(): Promise<History> {
    const { spec, scene, trace, places } = this
    for (const [i, plan] of spec.attempts.entries()) {
      trace?.push(`attempt ${i + 1}`)
      await this.attempt(plan, i, POLICIES[spec.policy])
    }
    while (scene.world.orphans.length > 0) orphanStores(scene)
    trace?.push('the last attempt, without faults')
    const { steps } = this
    // Whether it is there already, a download only asks where the answer costs nothing.
    const there = scene.isWhole(scene.final)
    const last = await this.attempt([], spec.attempts.length, this.lastPolicy())
    if (last?.status !== 'complete' && last?.status !== 'unchanged')
      throw new Violation(`an attempt without faults did not succeed: ${last?.failure?.kind} ${last?.failure?.message}`)
    if (this.steps - steps > LIVE_STEPS_MAX) throw new Violation(`an attempt without faults took ${this.steps - steps} steps`)
    if (!there) judgeCost(scene, spec, this.moved, BLOCK)
    return { attempts: spec.attempts.length + 1, steps: this.steps, trace, places }
  }

  /** Somebody who wants the transfer to end well allows what it takes. */
  private lastPolicy(): TransferPolicy {
    const policy = POLICIES[this.spec.policy]
    return this.scene.profile.writeOnly === true && policy.verify === 'full' ? POLICIES.auto : { ...policy, onChange: 'restart' }
  }

  /** Runs one attempt to its end or its crash and judges the world afterwards. */
  private async attempt(plan: readonly PlannedFault[], index: number, policy: TransferPolicy): Promise<TransferResult | null> {
    const { scene, spec, trace } = this
    for (const { kind } of plan.filter(({ step }) => step === 0)) {
      trace?.push(`  before: ${kind}`)
      ACTS[kind]?.(scene)
    }
    const turn = new Turn(scene, plan, index, trace, index === this.placesOf ? this.places : null)
    turn.losing = plan.some(({ kind, step }) => kind === 'saves-lost' && step === 0)
    if (spec.direction === 'upload') scene.doubt.bytes.clear()
    else if (!scene.hasLocalPartial()) scene.doubt.forgetPartial()
    scene.foreign = []
    scene.displaced = []
    scene.wasWhole = false
    scene.edited = false
    scene.travelling = true
    const before = scene.final
    const firstVersion = scene.versions.length - 1
    const result = await this.transfer(turn, policy)
    scene.travelling = false
    this.steps += turn.steps
    this.moved += turn.moved
    trace?.push(`  ended after ${turn.steps} steps: ${describe(result)}`)
    // A digest is only given of the first version: see `checksum`.
    const judged = spec.policy === 'given' && firstVersion > 0 ? 'auto' : spec.policy
    judge(scene, { result, policy: judged, turn, before, firstVersion })
    return result
  }

  private async transfer(turn: Turn, policy: TransferPolicy): Promise<TransferResult | null> {
    const { scene, spec, random } = this
    const { world, doubt } = scene
    const step = (place: Place): void => void turn.step(place)
    const supply: RemoteSupply = {
      get: async () => {
        step('connect')
        return simulatedRemote(scene, turn)
      },
    }
    const saving = (): 'saved' | 'lost' => {
      step('save')
      return turn.losing ? 'lost' : 'saved'
    }
    const ports: EnginePorts = {
      clock: turn.clock,
      random,
      newKey: () =>
        Math.floor(random() * 2 ** 32)
          .toString(16)
          .padStart(32, '0'),
      reporter: { report: () => {} },
      recorder: worldRecorder(world, saving, spec.seed % 16 === 0),
      blockSize: () => BLOCK,
    }
    const { signal } = turn.controller
    const common = { name: 'file', key: KEY, remote: supply, policy, path: FINAL }
    try {
      const result =
        spec.direction === 'upload'
          ? await upload({ ...common, source: simulatedSource(world, LOCAL, step) }, ports, signal)
          : await download({ ...common, target: simulatedTarget(world, LOCAL, step, doubt), checksum: this.checksum() }, ports, signal)
      return turn.crashed ? null : result
    } catch (error) {
      if (turn.crashed || error instanceof Crash) return null
      throw error
    }
  }

  /** As the user gave it; for another version it would rightly fail for ever. */
  private checksum(): { algorithm: 'sha256'; hex: string } | null {
    const { spec, scene, given } = this
    return spec.policy === 'given' && scene.versions.length === 1 ? { algorithm: 'sha256', hex: given } : null
  }
}

function describe(result: TransferResult | null): string {
  if (result === null) return 'the machine died'
  const { status, proof, resumedFrom, bytesTransferred, failure } = result
  const why = failure === undefined ? '' : `, ${failure.kind}: ${failure.message}`
  return `${status} by ${proof}, resumed from ${resumedFrom}, ${bytesTransferred} bytes moved${why}`
}
