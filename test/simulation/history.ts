/** One history: attempts with faults, what happens between them, and a last attempt without any, which must succeed. */
import type { TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { ACTS } from './acts.ts'
import type { Place, PlannedFault } from './alphabet.ts'
import { randomBytes, seededRandom } from './chance.ts'
import { Disk } from './disk.ts'
import { Duet } from './duet.ts'
import { judge, judgeCost, judgeTwins, renames } from './judge.ts'
import { type ProcessOptions, runProcess, type Wrong } from './process.ts'
import { BLOCK, isUnreadable, profileNamed } from './profiles.ts'
import { lateShows } from './reticent.ts'
import type { Ended } from './rules.ts'
import { BYSTANDER, FINAL, isAside, Scene } from './scene.ts'
import { orphanStores } from './server-write.ts'
import { type HistorySpec, POLICIES, type PolicyName } from './spec.ts'
import { Turn, Violation } from './turn.ts'
import { digestOf, emptyWorld } from './world.ts'

/** Enough for an attempt without faults to look, read back, send and prove the longest source, packet by packet, twice. */
const LIVE_STEPS_MAX = 700

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
  readonly wrong?: Wrong
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

/** The second process of an attempt. */
interface Twin {
  readonly scene: Scene
  readonly turn: Turn
  readonly firstVersion: number
  owed: Buffer | null
}

class Running {
  readonly trace: string[] | null
  private readonly spec: HistorySpec
  private readonly scene: Scene
  private readonly places: Place[] = []
  private readonly placesOf: number | undefined
  private readonly given: string
  private readonly bystander: Buffer
  private readonly wrong: Wrong
  private steps = 0
  private moved = 0

  constructor(spec: HistorySpec, { trace = false, placesOf, wrong = {} }: HistoryOptions) {
    this.spec = spec
    this.wrong = wrong
    const random = seededRandom(spec.seed)
    this.scene = new Scene(emptyWorld(), profileNamed(spec.profile), spec.direction, random)
    this.trace = trace ? [] : null
    this.placesOf = placesOf
    this.scene.setSource(randomBytes(random, spec.size))
    this.given = digestOf(this.scene.source, 'sha256')
    this.bystander = randomBytes(random, spec.size + 3)
    const { server, local } = this.scene.world
    if (spec.direction === 'download') local.set(BYSTANDER, this.bystander)
    else server.set(BYSTANDER, { bytes: this.bystander, modifiedAtMs: 0, durable: this.bystander.length })
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
    if (last?.status !== 'complete' && last?.status !== 'unchanged' && !this.isTaken(last))
      throw new Violation(`an attempt without faults did not succeed: ${last?.failure?.kind} ${last?.failure?.message}`)
    if (this.steps - steps > LIVE_STEPS_MAX) throw new Violation(`an attempt without faults took ${this.steps - steps} steps`)
    if (!there) judgeCost(scene, spec, this.moved, BLOCK)
    return { attempts: spec.attempts.length + 1, steps: this.steps, trace, places }
  }

  /** Somebody who wants the transfer to end well allows what it takes. */
  private lastPolicy(): TransferPolicy {
    const policy = POLICIES[this.spec.policy]
    const wanted: TransferPolicy = { ...policy, onChange: 'restart', publishWithoutRename: 'always' }
    return isUnreadable(this.scene.profile) && policy.verify === 'full' ? { ...wanted, verify: 'auto' } : wanted
  }

  /** What is taken away under its temporary name cannot be given the final one, and neither where a rename is only said to be done: that is said. */
  private isTaken(last: TransferResult | null): boolean {
    const { mailbox, rename } = this.scene.profile
    if (rename === 'pretends') return last?.failure?.kind === 'conflict' && /after the rename|did not do it/.test(last.failure.message)
    const takes = mailbox === 'closed' || mailbox === 'all'
    return takes && last?.failure?.kind === 'refused' && /takes|wants the file read back/.test(last.failure.message)
  }

  /** Runs one attempt to its end or its crash and judges the world afterwards. */
  private async attempt(plan: readonly PlannedFault[], index: number, policy: TransferPolicy): Promise<TransferResult | null> {
    const { scene, spec, trace } = this
    for (const { kind } of plan.filter(({ step }) => step === 0)) {
      trace?.push(`  before: ${kind}`)
      if (scene.allows(kind)) ACTS[kind]?.(scene)
    }
    this.prepare(plan)
    scene.ledger.begin(scene.final, scene.finalMode)
    const turn = new Turn(scene, plan, index, trace, index === this.placesOf ? this.places : null)
    turn.losing = plan.some(({ kind, step }) => kind === 'saves-lost' && step === 0)
    const firstVersion = this.firstVersion()
    // A digest is only given of the first version: see `checksum`.
    const given: PolicyName = spec.policy === 'given' && firstVersion > 0 ? 'auto' : spec.policy
    const overwrites = policy.publishWithoutRename === 'always'
    const facts = {
      policy: given,
      overwrites,
      firstVersion,
      wasDirect: this.beganDirectly(),
      owed: this.owed(),
      bystander: this.bystander,
      foundLeftovers: [...scene.world.server.keys()].some((name) => name !== FINAL && name !== BYSTANDER),
    }
    const twin = spec.twin?.attempt === index ? this.twin(turn, index) : null
    const options: ProcessOptions = { policy, checksum: this.checksum(), text: spec.seed % 16 === 0, wrong: this.wrong }
    scene.travelling = true
    const [result, other] = await this.transfer(turn, twin, options)
    scene.travelling = false
    lateShows(scene.world, null)
    this.steps += turn.steps
    this.moved += turn.moved
    trace?.push(`  ended after ${turn.steps} steps: ${describe(result)}`)
    if (twin !== null) trace?.push(`  the other one ended after ${twin.turn.steps} steps: ${describe(other)}`)
    const ended: Ended = { ...facts, scene, turn, result }
    if (twin === null) judge(ended)
    else {
      const second: Ended = {
        ...facts,
        scene: twin.scene,
        turn: twin.turn,
        result: other,
        wasDirect: false,
        firstVersion: twin.firstVersion,
        owed: twin.owed,
      }
      judge(ended)
      judge(second)
      if (plan.length === 0 && this.mustSucceed()) judgeTwins(ended, second)
    }
    // What it has begun under the final name is done: whatever comes there is not its own any more.
    if (result?.status === 'complete' || result?.status === 'unchanged') scene.direct = false
    return result
  }

  private prepare(plan: readonly PlannedFault[]): void {
    const { scene, spec } = this
    if (spec.direction === 'upload') scene.doubt.forgetUpload()
    else if (!scene.hasLocalPartial()) scene.doubt.forgetPartial()
    scene.restarted = false
    scene.taken = false
    scene.doubt.changed = false
    scene.edited = plan.some(({ kind, step }) => kind === 'partial-linked' && step === 0)
  }

  /** What a cache still has may be older than what the server has now. */
  private firstVersion(): number {
    const { versions, world } = this.scene
    const now = versions.length - 1
    const copy = this.spec.direction === 'download' ? world.cache.get(FINAL)?.file.bytes : undefined
    const cached = copy === undefined ? now : versions.indexOf(copy)
    return cached < 0 ? now : Math.min(now, cached)
  }

  /** The file of the final name, or the one that was moved aside and has no successor. */
  private owed(): Buffer | null {
    const { final, world, direction } = this.scene
    if (final !== null || direction === 'download') return final
    for (const [name, { bytes }] of world.server) if (isAside(name)) return bytes
    return null
  }

  /** As far as the journal can know. */
  private beganDirectly(): boolean {
    const { direct, world, direction } = this.scene
    return direct || (direction === 'upload' && world.saved?.entries.some(({ nonce }) => nonce === null) === true)
  }

  private twin(turn: Turn, index: number): Twin {
    const { scene, spec } = this
    const plan = spec.twin
    if (plan === null) throw new Error('no second process')
    const random = seededRandom(spec.seed + 77)
    const saves = plan.state === 'shared' ? scene.world.saves : { saved: null, before: [] }
    const world = scene.world.beside(spec.direction === 'upload' ? new Disk() : scene.world.local, saves)
    const second = new Scene(world, scene.profile, spec.direction, random, scene)
    if (spec.direction === 'upload') second.setSource(plan.version === 'same' ? scene.source : otherVersion(scene.source, random))
    second.travelling = true
    const other = new Turn(second, [], index)
    const duet = new Duet([turn, other], plan)
    turn.duet = { pause: () => duet.pause(0), ended: () => duet.ended(0) }
    other.duet = { pause: () => duet.pause(1), ended: () => duet.ended(1) }
    return { scene: second, turn: other, firstVersion: spec.direction === 'upload' ? 0 : this.firstVersion(), owed: this.owed() }
  }

  private async transfer(
    turn: Turn,
    twin: Twin | null,
    options: ProcessOptions,
  ): Promise<readonly [TransferResult | null, TransferResult | null]> {
    const { scene } = this
    if (twin === null) return [await runProcess(scene, turn, options), null]
    const first = runProcess(scene, turn, options).finally(() => turn.duet?.ended())
    const second = (async () => {
      await twin.turn.pause()
      twin.turn.begin()
      // What was taken away before it came it does not owe.
      twin.owed = this.owed()
      return runProcess(twin.scene, twin.turn, options)
    })().finally(() => twin.turn.duet?.ended())
    return Promise.all([first, second])
  }

  /** Nothing but the other run is in the way. */
  private mustSucceed(): boolean {
    const { spec, scene } = this
    const disturbed = spec.attempts.flat().some(({ kind }) => kind !== 'crash' && kind !== 'disconnect' && kind !== 'state-lost')
    const { refuses, mailbox, lists } = scene.profile
    // Where looks are refused or show nothing, or what is published does not stay, nobody can tell the other run from a server that takes files away.
    if (refuses !== undefined || mailbox !== undefined || lists !== undefined) return false
    // What a dead session stores late is not the other run's doing.
    const isLate = scene.profile.lingers === true && spec.attempts.flat().length > 0
    const possible = renames(scene.profile) && !(isUnreadable(scene.profile) && spec.policy === 'full')
    return spec.twin?.version === 'same' && !disturbed && !isLate && possible && spec.policy !== 'fail'
  }

  /** As the user gave it; for another version it would rightly fail for ever. */
  private checksum(): { algorithm: 'sha256'; hex: string } | null {
    const { spec, scene, given } = this
    return spec.policy === 'given' && scene.versions.length === 1 ? { algorithm: 'sha256', hex: given } : null
  }
}

/** Alike enough that blocks of it can be used, or as long, or neither. */
function otherVersion(bytes: Buffer, random: () => number): Buffer {
  const kind = random()
  const size = kind < 0.8 ? bytes.length : bytes.length + 1 + Math.floor(random() * 20)
  const made = randomBytes(random, size)
  if (kind < 0.6) bytes.copy(made, 0, 0, Math.floor(random() * bytes.length))
  return made
}

function describe(result: TransferResult | null): string {
  if (result === null) return 'the machine died'
  const { status, proof, resumedFrom, bytesTransferred, failure } = result
  const why = failure === undefined ? '' : `, ${failure.kind}: ${failure.message}`
  return `${status} by ${proof}, resumed from ${resumedFrom}, ${bytesTransferred} bytes moved${why}`
}
