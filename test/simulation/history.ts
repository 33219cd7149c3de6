/** One history: attempts with faults from one seed, what happens between them, and a last attempt without any. */
import assert from 'node:assert/strict'
import { TransferError } from '../../src/core/errors.ts'
import { download } from '../../src/engine/download.ts'
import type { EnginePorts, RemoteSupply, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import { simulatedSource, simulatedTarget } from './local.ts'
import { type Profile, type StepFault, simulatedRemote } from './remote.ts'
import { Crash, emptyWorld, randomBytes, seededRandom, VirtualClock, type World, worldRecorder } from './world.ts'

const BLOCK = 16
const KEY = 'aabbccddeeff0011'
const STEPS_MAX = 50_000
const LOCAL = 'local.bin'
const FINAL = 'final.bin'

export interface HistoryResult {
  readonly attempts: number
  readonly steps: number
  readonly trace: readonly string[]
}

export type Direction = 'upload' | 'download'

type Fault = 'crash' | 'disconnect' | 'stall' | 'lie-stored' | 'mutate' | 'shrink' | 'tamper' | 'stop' | 'lose-save'

const FAULTS: readonly Fault[] = [
  'crash',
  'crash',
  'crash',
  'disconnect',
  'disconnect',
  'stall',
  'lie-stored',
  'mutate',
  'shrink',
  'tamper',
  'stop',
  'lose-save',
]

const TRAVELLING: readonly string[] = ['create', 'write', 'read source', 'write local']

export async function runHistory(seed: number, profile: Profile, direction: Direction): Promise<HistoryResult> {
  const random = seededRandom(seed)
  const world = emptyWorld()
  const sizes = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7, 13 * BLOCK + 5]
  const size = sizes[Math.floor(random() * sizes.length)] ?? 0
  const trace: string[] = [`seed ${seed} ${profile.name} ${direction} size ${size}`]
  setSource(world, direction, randomBytes(random, size))
  if (random() < 0.3) setFinal(world, direction, randomBytes(random, random() < 0.5 ? size : size + 3))
  let steps = 0
  const faulty = 1 + Math.floor(random() * 3)
  for (let attempt = 0; attempt < faulty; attempt += 1) {
    const plan = new Map<number, Fault>()
    for (let i = 0; i <= Math.floor(random() * 3); i += 1) plan.set(Math.floor(random() * (random() < 0.3 ? 12 : 90)), pick(random, FAULTS))
    steps += await attemptOnce(world, profile, direction, plan, random, trace)
    betweenAttempts(world, direction, random, trace)
  }
  const last = await attemptOnce(world, profile, direction, new Map(), random, trace)
  assert.ok(
    trace.at(-1)?.startsWith('ended complete') || trace.at(-1)?.startsWith('ended unchanged'),
    `a fault-free attempt completes:\n${trace.join('\n')}`,
  )
  return { attempts: faulty + 1, steps: steps + last, trace }
}

function pick<T>(random: () => number, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

function sourceOf(world: World, direction: Direction): Buffer {
  return direction === 'upload' ? (world.local.get(LOCAL) ?? Buffer.alloc(0)) : (world.server.get(FINAL)?.bytes ?? Buffer.alloc(0))
}

function setSource(world: World, direction: Direction, bytes: Buffer): void {
  world.wallMs += 5000
  if (direction === 'upload') world.local.set(LOCAL, bytes)
  else world.server.set(FINAL, { bytes, modifiedAtMs: world.wallMs, durable: bytes.length })
}

function targetOf(world: World, direction: Direction): Buffer | null {
  return (direction === 'upload' ? world.server.get(FINAL)?.bytes : world.local.get(LOCAL)) ?? null
}

function setFinal(world: World, direction: Direction, bytes: Buffer): void {
  if (direction === 'upload') world.server.set(FINAL, { bytes, modifiedAtMs: world.wallMs, durable: bytes.length })
  else world.local.set(LOCAL, bytes)
}

function partials(world: World, direction: Direction): string[] {
  return [...(direction === 'upload' ? world.server : world.local).keys()].filter((name) => name.endsWith('.partial'))
}

function changePartial(world: World, direction: Direction, change: (bytes: Buffer) => Buffer): void {
  for (const name of partials(world, direction)) {
    const file = world.server.get(name)
    if (direction === 'upload' && file !== undefined) file.bytes = change(Buffer.from(file.bytes))
    if (direction === 'download') world.local.set(name, change(Buffer.from(world.local.get(name) ?? '')))
  }
}

function flipped(bytes: Buffer, random: () => number): Buffer {
  if (bytes.length === 0) return bytes
  const at = Math.floor(random() * bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
  return bytes
}

function betweenAttempts(world: World, direction: Direction, random: () => number, trace: string[]): void {
  const events: Readonly<Record<string, () => void>> = {
    nothing: () => {},
    'source changed': () => setSource(world, direction, flipped(Buffer.from(sourceOf(world, direction)), random)),
    'source replaced': () => setSource(world, direction, randomBytes(random, Math.floor(random() * 9 * BLOCK))),
    'journal lost': () => {
      world.saved = null
    },
    'journal garbage': () => {
      world.saved = randomBytes(random, 200)
    },
    'partial tampered': () => changePartial(world, direction, (bytes) => flipped(bytes, random)),
    'partial truncated': () => changePartial(world, direction, (bytes) => bytes.subarray(0, Math.floor(random() * bytes.length))),
    'partial extended': () => changePartial(world, direction, (bytes) => Buffer.concat([bytes, randomBytes(random, 40)])),
    'partial zeroed tail': () => changePartial(world, direction, (bytes) => bytes.fill(0, Math.floor(random() * bytes.length))),
    'partial removed': () => {
      for (const name of partials(world, direction)) {
        world.server.delete(name)
        world.local.delete(name)
      }
    },
  }
  const name = random() < 0.4 ? 'nothing' : pick(random, Object.keys(events))
  // On this machine's own disk the partial is judged by its journal; both changed together is the same user's doing (SECURITY.md).
  trace.push(`between: ${name}`)
  events[name]?.()
}

/** Runs one attempt to its end or its crash and judges the world afterwards. Returns the steps taken. */
async function attemptOnce(
  world: World,
  profile: Profile,
  direction: Direction,
  plan: ReadonlyMap<number, Fault>,
  random: () => number,
  trace: string[],
): Promise<number> {
  const clock = new VirtualClock()
  const controller = new AbortController()
  const finalBefore = targetOf(world, direction)
  const versions: Buffer[] = [Buffer.from(sourceOf(world, direction))]
  let steps = 0
  let crashed = false
  let losing = false
  const local = (what: string): void => void step(what)
  const step = (what: string): StepFault => {
    if (crashed) throw new Crash(what)
    steps += 1
    if (steps > STEPS_MAX) throw new Error(`livelock:\n${trace.join('\n')}`)
    const fault = plan.get(steps)
    if (fault === undefined) return 'none'
    trace.push(`step ${steps} ${what}: ${fault}`)
    switch (fault) {
      case 'crash':
        crashed = true
        throw new Crash(what)
      case 'disconnect':
      case 'stall':
      case 'lie-stored':
        return fault
      case 'mutate':
      case 'shrink': {
        const bytes = Buffer.from(sourceOf(world, direction))
        setSource(world, direction, fault === 'mutate' ? flipped(bytes, random) : bytes.subarray(0, Math.floor(bytes.length / 2)))
        versions.push(Buffer.from(sourceOf(world, direction)))
        return 'none'
      }
      case 'tamper':
        // After the final proof nobody can tell (SECURITY.md): the fault is only planted while bytes travel.
        if (!TRAVELLING.includes(what)) return 'none'
        changePartial(world, direction, (bytes) => flipped(bytes, random))
        tampered = true
        return 'none'
      case 'stop':
        controller.abort(new TransferError('stopped', 'cancelled'))
        return 'none'
      case 'lose-save':
        losing = true
        return 'none'
      default:
        return fault satisfies never
    }
  }
  let tampered = false
  const faults = { step, random, pass: (done: () => boolean) => clock.pass(done) }
  const remote = simulatedRemote(world, profile, faults)
  const supply: RemoteSupply = { get: async () => remote }
  const ports: EnginePorts = {
    clock,
    random,
    newKey: () => randomBytes(random, 16).toString('hex'),
    reporter: { report: () => {} },
    recorder: worldRecorder(world, () => (crashed || losing ? 'lost' : 'saved')),
    blockSize: () => BLOCK,
  }
  const policy: TransferPolicy = { resume: 'auto', verify: 'auto', onChange: 'restart', timeoutMs: 30_000, retries: 5 }
  const common = { name: 'file', key: KEY, remote: supply, policy }
  let result: TransferResult | null = null
  try {
    result =
      direction === 'upload'
        ? await upload({ ...common, source: simulatedSource(world, LOCAL, local), path: FINAL }, ports, controller.signal)
        : await download({ ...common, target: simulatedTarget(world, LOCAL, local), path: FINAL, checksum: null }, ports, controller.signal)
    trace.push(
      `ended ${result.status} by ${result.proof}, resumed from ${result.resumedFrom}${result.failure === undefined ? '' : `, ${result.failure.kind}: ${result.failure.message}`}`,
    )
  } catch (error) {
    if (!(error instanceof Crash)) throw error
    trace.push('ended crash')
  }
  judge(world, direction, result, finalBefore, versions, { lied: [...plan.values()].includes('lie-stored'), tampered, profile }, trace)
  return steps
}

interface Circumstances {
  readonly lied: boolean
  readonly tampered: boolean
  readonly profile: Profile
}

/** C1 and C2: success means one whole version of the source; otherwise the final name holds what it held or one whole version. */
function judge(
  world: World,
  direction: Direction,
  result: TransferResult | null,
  before: Buffer | null,
  versions: readonly Buffer[],
  circumstances: Circumstances,
  trace: readonly string[],
): void {
  const now = targetOf(world, direction)
  const whole = now !== null && versions.some((v) => v.equals(now))
  const asBefore = now === null ? before === null : before?.equals(now) === true
  // Proof by size is what a server without digests can give: bytes that it lost after it confirmed them, or that somebody else changes in the partial during
  // the attempt, are beyond it. The result says so: proof 'size'. Everything stronger must hold.
  const beyond =
    (circumstances.lied || circumstances.tampered) &&
    (result === null || result.proof === 'size' || (result.proof === null && circumstances.profile.digests === 'none'))
  if (result !== null && (result.status === 'complete' || result.status === 'unchanged') && !beyond) {
    assert.ok(whole, `success with wrong bytes:\n${trace.join('\n')}`)
  }
  assert.ok(whole || asBefore || beyond, `the final name holds something that never was a source:\n${trace.join('\n')}`)
}
