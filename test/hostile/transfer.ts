/** The whole engine against one hostile server: small blocks, no pauses. Right bytes or a plain failure, never a blend, nothing else touched. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/action/clock.ts'
import { throwIfAborted } from '../../src/core/errors.ts'
import { download } from '../../src/engine/download.ts'
import type { Clock, EnginePorts, TransferEvent, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { simulatedSource, simulatedTarget } from '../simulation/local.ts'
import { emptyWorld, worldRecorder } from '../simulation/world.ts'
import { seededRandom } from '../support/prng.ts'
import { assertSilent, ends, never } from './ordeal.ts'

const BLOCK = 4096
const KEY = 'aabbccddeeff0011'
const FINAL = 'out.bin'
const PARTIAL = /^\.out\.bin\.[0-9a-f]{12}(\.[0-9a-f]{8})?\.partial$/
const OLD = Buffer.from('what was there before')
const POLICY: TransferPolicy = {
  resume: 'auto',
  verify: 'auto',
  onChange: 'restart',
  publishWithoutRename: 'auto',
  timeoutMs: 5000,
  retries: 2,
}

export interface Attempt {
  readonly result: TransferResult
  readonly events: readonly TransferEvent[]
  /** How long the engine would have slept between attempts. */
  readonly pauses: readonly number[]
}

export type Open = () => Promise<Remote>

/** The local side, in memory: it is not the disk that is on trial here. With a target of an earlier version, and a journal that outlives attempts. */
export class Site {
  readonly #world = emptyWorld()
  readonly #recorder = worldRecorder(this.#world, () => 'saved')

  constructor() {
    this.#world.local.set(FINAL, OLD)
  }

  async download(open: Open, path: string, policy: Partial<TransferPolicy> = {}): Promise<Attempt> {
    return await this.#run(open, (remote, ports) => {
      const target = simulatedTarget(this.#world, FINAL, () => {})
      return download({ name: 'file', key: KEY, target, remote, path, checksum: null, policy: { ...POLICY, ...policy } }, ports, never)
    })
  }

  async upload(open: Open, path: string, content: Buffer, policy: Partial<TransferPolicy> = {}): Promise<Attempt> {
    this.#world.local.set('source', content)
    const source = simulatedSource(this.#world, 'source', () => {})
    return await this.#run(open, (remote, ports) =>
      upload({ name: 'file', key: KEY, place: '8899aabbccddeeff', source, remote, path, policy: { ...POLICY, ...policy } }, ports, never),
    )
  }

  /** The final name holds `content` and nothing lies beside it, or what was there before and at most one partial. */
  assertLanded(result: TransferResult, content: Uint8Array): void {
    const { local } = this.#world
    const beside = [...local.keys()].filter((name) => name !== FINAL)
    if (result.status === 'complete' || result.status === 'unchanged') {
      assert.ok(local.get(FINAL)?.equals(content) === true, `wrong bytes under a green step: ${local.get(FINAL)?.length}`)
      assert.deepEqual(beside, [])
    } else {
      assert.ok(local.get(FINAL)?.equals(OLD) === true, 'the final name was touched')
      assert.ok(beside.length <= 1 && beside.every((name) => PARTIAL.test(name)), beside.join())
    }
  }

  /** As `assertLanded`, on a server that keeps its files in memory. `folder` ends in a slash or is empty. */
  static assertStored(files: ReadonlyMap<string, Buffer>, folder: string, result: TransferResult, content: Uint8Array): void {
    const final = files.get(folder + FINAL)
    const names = [...files.keys()].filter((name) => name !== folder + FINAL)
    assert.ok(
      names.every((name) => name.startsWith(folder) && PARTIAL.test(name.slice(folder.length))),
      `left on the server: ${names.join()}`,
    )
    if (result.status === 'complete' || result.status === 'unchanged')
      assert.ok(final?.equals(content) === true, 'wrong bytes under a green step')
    else assert.ok(final === undefined || final.equals(OLD), 'the final name was touched')
  }

  static readonly old = OLD

  async #run(open: Open, transfer: (supply: { get(): Promise<Remote> }, ports: EnginePorts) => Promise<TransferResult>): Promise<Attempt> {
    const events: TransferEvent[] = []
    const pauses: number[] = []
    const clock: Clock = {
      ...systemClock,
      nowMs: () => systemClock.nowMs() + pauses.reduce((sum, ms) => sum + ms, 0),
      sleep: async (ms, signal) => {
        pauses.push(ms)
        await new Promise((resolve) => setImmediate(resolve))
        throwIfAborted(signal)
      },
    }
    const random = seededRandom(7)
    const ports: EnginePorts = {
      clock,
      random: seededRandom(1),
      newKey: () => '5'.repeat(32),
      newNonce: () =>
        Math.floor(random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      reporter: { report: (event) => void events.push(event) },
      recorder: this.#recorder,
      blockSize: () => BLOCK,
    }
    let opened: Promise<Remote> | null = null
    const get = (): Promise<Remote> => {
      opened ??= open().catch((error: unknown) => {
        opened = null
        throw error
      })
      return opened
    }
    try {
      const result = await ends(transfer({ get }, ports))
      assertSilent(result, events)
      return { result, events, pauses }
    } finally {
      const remote = await (opened as Promise<Remote> | null)?.catch(() => null)
      if (remote) await ends(remote.close())
    }
  }
}
