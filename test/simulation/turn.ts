/** The faults of one attempt: counts its steps and makes happen what was planned. */
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import { ACTS } from './acts.ts'
import { FAILURES, fits, type Kind, type Place, type PlannedFault } from './alphabet.ts'
import { FINAL, type Scene } from './scene.ts'
import { orphanStores } from './server-write.ts'
import { Crash, resized, VirtualClock } from './world.ts'

const STEPS_MAX = 5_000
const DRAINED_MS = 1000
const LOOKS: readonly Place[] = ['stat', 'list', 'digest', 'read', 'read packet']

/** A violation, as far as it is known where it shows. */
export class Violation extends Error {}

export class Turn {
  readonly clock = new VirtualClock((ms) => {
    // What a dead session had received it stores within a moment.
    while (ms >= DRAINED_MS && this.scene.world.orphans.length > 0) orphanStores(this.scene)
  })
  readonly controller = new AbortController()
  readonly scene: Scene
  /** Which attempt of the history this is. */
  readonly session: number
  steps = 0
  crashed = false
  /** Dies with its next step. */
  crashes = false
  /** Has come to its end. */
  over = false
  /** What was last sent was accepted, and not said to be stored. */
  accepts = false
  /** Requests to make a file under the final name. */
  directRequests = 0
  /** With a second process under way: which of the two this is. */
  duet: { readonly pause: () => Promise<void> | undefined; readonly ended: () => void } | null = null
  /** How far the ledger was when the final name was last looked at. */
  lookedAt = 0
  comparedAt = 0
  /** The old file was to be moved aside, and was not. */
  keptInPlace = false
  /** How far the ledger was when this attempt began. */
  began: number
  /** Saves of the journal come to nothing from here on. */
  losing = false
  /** Bytes of the file that travelled. */
  moved = 0
  sizeLies = 0
  /** Looks that were refused. */
  refusedLooks = 0
  /** Files that a server which takes them away has got. */
  delivered = 0
  /** Looks that failed in another way. */
  failedLooks = 0
  /** Faults that happened. */
  faults = 0
  /** Those that ended an exchange. */
  breaks = 0
  /** Answers that were lost after the server had done what it was asked. */
  lostReplies = 0
  /** The server said no to a rename. */
  renameRefused = false
  /** Has removed a partial. */
  took = false
  /** The server confirmed every byte of an exchange. */
  confirmed = false
  digestFailed = false
  /** The server did not set the mode that it was told to. */
  modeRefused = false
  modeAsksFailed = 0
  /** Only kept when somebody wants to read them. */
  readonly places: Place[] | null
  private readonly trace: string[] | null
  private readonly plan: PlannedFault[]
  private next: number

  constructor(scene: Scene, plan: readonly PlannedFault[], session = 0, trace: string[] | null = null, places: Place[] | null = null) {
    this.session = session
    this.scene = scene
    this.plan = plan.filter(({ step }) => step > 0).sort((a, b) => a.step - b.step)
    this.next = this.plan[0]?.step ?? Number.POSITIVE_INFINITY
    this.trace = trace
    this.places = places
    this.began = Math.max(0, scene.ledger.length - 1)
  }

  /** For the lock of a partial: a dead process holds none. */
  get alive(): boolean {
    return !this.crashed && !this.over
  }

  /** Where there is a second process, it may have its turn first. */
  pause(): Promise<void> | undefined {
    return this.duet?.pause()
  }

  /** Its first step is to come: before it others may have changed the final name. */
  begin(): void {
    this.began = Math.max(0, this.scene.ledger.length - 1)
  }

  /** What is done takes that long. */
  lasts(ms = 0): void {
    void this.clock.sleep(ms)
  }

  looked(): void {
    this.lookedAt = Math.max(0, this.scene.ledger.length - 1)
  }

  /** The content itself was looked at: what comes after that is not this process's to see. */
  compared(): void {
    this.looked()
    this.comparedAt = this.lookedAt
  }

  /** Called before every effect. Throws what ends the exchange, or answers with what the place itself has to do wrong. */
  step(place: Place): Kind | null {
    if (this.crashes) this.crashed = true
    if (this.crashed) throw new Crash(place)
    this.steps += 1
    if (this.places !== null) this.places.push(place)
    if (this.steps < this.next) return null
    if (this.steps > STEPS_MAX) throw new Violation('livelock')
    // A fault waits for the first place that it fits.
    const due = this.plan.findIndex(({ kind, step }) => step <= this.steps && fits(kind, place) && this.scene.allows(kind))
    const [fault] = due < 0 ? [] : this.plan.splice(due, 1)
    this.next = this.plan[0]?.step ?? STEPS_MAX
    if (fault === undefined) return null
    this.faults += 1
    this.trace?.push(`  step ${this.steps} ${place}: ${fault.kind}`)
    return this.happen(fault.kind, place)
  }

  /** For a silent server: lets time pass until somebody has enough of it. */
  async silence(signal: AbortSignal): Promise<never> {
    await this.clock.pass(() => signal.aborted)
    this.reconnecting()
    throwIfAborted(signal)
    throw new Violation('a silence without an end')
  }

  private happen(kind: Kind, place: Place): Kind | null {
    const act = ACTS[kind]
    if (act !== undefined) {
      act(this.scene)
      return null
    }
    if (kind === 'crash') {
      this.crashed = true
      throw new Crash(place)
    }
    if (kind === 'stop') {
      this.controller.abort(new TransferError('stopped', 'cancelled'))
      return null
    }
    if (kind === 'saves-lost') {
      this.losing = true
      return null
    }
    if (kind === 'restart-lost' || kind === 'restart-zeroed') this.restart(kind === 'restart-zeroed')
    const failure = FAILURES[kind]
    if (place === 'digest') this.digestFailed = true
    if (kind === 'read-long' || kind === 'read-short') this.failedLooks += 1
    if (failure === undefined && kind !== 'stall') return kind
    this.breaks += 1
    if (LOOKS.includes(place)) this.failedLooks += 1
    if (place.endsWith(' reply')) this.lostReplies += 1
    this.renameRefused ||= place === 'rename reply' && failure !== 'transient'
    if (failure === undefined) return kind
    if (failure === 'transient') this.reconnecting()
    throw new TransferError(failure, kind, kind === 'busy' ? { retryAfterMs: 5000 } : {})
  }

  /** What an upload goes on with after this is proven anew. */
  private reconnecting(): void {
    if (this.scene.direction === 'upload') this.scene.doubt.breaks()
  }

  private restart(zeroed: boolean): void {
    const { world, direction, ledger } = this.scene
    this.scene.restarted = true
    for (const [name, file] of world.server) {
      const size = file.bytes.length
      if (file.durable >= size) continue
      file.bytes = resized(file.bytes, file.durable)
      if (zeroed) file.bytes = resized(file.bytes, size)
      // The final name loses what the server did not keep: no success may be told of it, but it was not us.
      if (name === FINAL && direction === 'upload') ledger.note(null, 'others', file.bytes)
    }
    world.orphans.length = 0
    world.accepted.length = 0
  }
}
