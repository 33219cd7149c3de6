/** One run of the engine in the world of a history. */
import { download } from '../../src/engine/download.ts'
import type { EnginePorts, RemoteSupply, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import type { LocalTarget } from '../../src/local/local.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import type { Place } from './alphabet.ts'
import { type Step, simulatedSource } from './local.ts'
import { BLOCK } from './profiles.ts'
import { simulatedRemote } from './remote.ts'
import { FINAL, LOCAL, type Scene } from './scene.ts'
import { simulatedTarget, type Watcher } from './target.ts'
import type { Turn } from './turn.ts'
import { Crash, worldRecorder } from './world.ts'

const KEY = 'aabbccddeeff0011'
const PLACE = '8899aabbccddeeff'

/** Puts something wrong in the place of a part, to see that it is noticed. */
export interface Wrong {
  remote?(remote: Remote, scene: Scene, turn: Turn): Remote
  target?(target: LocalTarget, scene: Scene): LocalTarget
  /** How the names of two processes differ. */
  nonce?(): string
}

export interface ProcessOptions {
  readonly policy: TransferPolicy
  readonly checksum: { readonly algorithm: 'sha256'; readonly hex: string } | null
  /** Journals go through their text. */
  readonly text: boolean
  readonly wrong: Wrong
}

/** Null when the machine died. */
export async function runProcess(scene: Scene, turn: Turn, options: ProcessOptions): Promise<TransferResult | null> {
  const { world, random } = scene
  const { policy, checksum, wrong } = options
  const nonces = new Set<string>()
  const hex = (digits: number): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(digits, '0')
  const newNonce = (): string => {
    const nonce = wrong.nonce?.() ?? hex(8)
    nonces.add(nonce)
    return nonce
  }
  const step: Step = turn.duet === null ? (place) => void turn.step(place) : (place) => afterPause(turn, place)
  const supply: RemoteSupply = {
    get: async () => {
      await step('connect')
      const remote = simulatedRemote(scene, turn)
      return wrong.remote?.(remote, scene, turn) ?? remote
    },
  }
  const saving = (): 'saved' | 'lost' => {
    turn.step('save')
    return turn.losing ? 'lost' : 'saved'
  }
  const ports: EnginePorts = {
    clock: turn.clock,
    random,
    newKey: () => hex(32),
    newNonce,
    reporter: { report: () => {} },
    recorder: worldRecorder(world, saving, options.text),
    blockSize: () => BLOCK,
  }
  const { signal } = turn.controller
  const common = { name: 'file', key: KEY, place: PLACE, remote: supply, policy, path: FINAL }
  try {
    const target = simulatedTarget(world, LOCAL, step, { watcher: watcherOf(scene, turn), owner: turn, newNonce })
    const result =
      scene.direction === 'upload'
        ? await upload({ ...common, source: simulatedSource(world, LOCAL, step) }, ports, signal)
        : await download({ ...common, target: wrong.target?.(target, scene) ?? target, checksum }, ports, signal)
    if (turn.crashed) return null
    turn.step('saved')
    if (!turn.losing) markEnded(scene, nonces)
    return turn.crashed ? null : result
  } catch (error) {
    if (turn.crashed || error instanceof Crash) return null
    throw error
  } finally {
    turn.over = true
  }
}

async function afterPause(turn: Turn, place: Place): Promise<void> {
  await turn.pause()
  turn.step(place)
}

/** As main and post do it: what this process wrote has no writer any more. */
function markEnded({ world, direction }: Scene, nonces: ReadonlySet<string>): void {
  if (world.saved === null || direction !== 'upload') return
  const entries = world.saved.entries.map((entry) => (entry.nonce !== null && nonces.has(entry.nonce) ? { ...entry, ended: true } : entry))
  world.saved = { ...world.saved, entries }
}

function watcherOf(scene: Scene, turn: Turn): Watcher {
  const { doubt } = scene
  return {
    written: (start, end) => doubt.written(start, end),
    cut: (size) => doubt.cut(size),
    digested: () => doubt.digested(),
    publish: (bytes) => doubt.publish(bytes),
    changed: (how) => scene.ledger.note(turn, how, scene.final, { doubted: doubt.bytes.size > 0 }),
  }
}
