/** Uploads to servers whose answers cannot be relied on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import type { EnginePorts, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import type { DigestAlgorithm, Digester, Remote } from '../../src/remotes/remote.ts'
import { simulatedSource } from '../simulation/local.ts'
import type { Profile } from '../simulation/profiles.ts'
import { simulatedRemote } from '../simulation/remote.ts'
import { Scene } from '../simulation/scene.ts'
import { Turn } from '../simulation/turn.ts'
import { emptyWorld, seededRandom, VirtualClock, type World, worldRecorder } from '../simulation/world.ts'
import { seededBytes } from '../support/prng.ts'

const CONTENT = Buffer.from(seededBytes(1, 165))
const OTHER = Buffer.from(seededBytes(2, 165))
const PROFILE: Profile = { name: 'scripted', resumer: 'positional', digests: 'none', identity: 'time', packet: 9, window: 3 }

/** A digester that says the same of everything, as colliding digests do. */
const blind = (algorithm: DigestAlgorithm): Digester => ({ algorithm, ranges: 'any', digest: async () => '00000000' })

async function run(
  world: World,
  verify: TransferPolicy['verify'],
  change: (remote: Remote, clock: VirtualClock) => Remote,
  sourceBlind = false,
): Promise<TransferResult> {
  world.local.set('in', CONTENT)
  const scene = new Scene(world, PROFILE, 'upload', () => 0.5)
  const clock = new VirtualClock()
  const remote = change(simulatedRemote(scene, new Turn(scene, [])), clock)
  const source = simulatedSource(world, 'in', () => {})
  const digest: typeof source.digest = async (range, algorithm, signal) =>
    sourceBlind && algorithm === 'crc32' ? '00000000' : source.digest(range, algorithm, signal)
  const ports: EnginePorts = {
    clock,
    random: seededRandom(1),
    reporter: { report: () => {} },
    recorder: worldRecorder(world, () => 'saved'),
    blockSize: () => 16,
    newKey: () => '0'.repeat(32),
    newNonce: () => '01234567',
  }
  const policy: TransferPolicy = { resume: 'auto', verify, onChange: 'restart', publishWithoutRename: 'auto', timeoutMs: 1000, retries: 2 }
  const job = {
    name: 'file',
    key: 'aabbccddeeff0011',
    place: '8899aabbccddeeff',
    source: { ...source, digest },
    remote: { get: async () => remote },
    path: 'out',
    policy,
  }
  return upload(job, ports, new AbortController().signal)
}

test('with verify: full, a CRC-32 of the server that happens to agree does not make an old file the new one', async () => {
  for (const verify of ['auto', 'full'] as const) {
    const world = emptyWorld()
    world.server.set('out', { bytes: OTHER, modifiedAtMs: 1, durable: OTHER.length })
    const result = await run(world, verify, (remote) => ({ ...remote, digester: blind('crc32') }), true)
    assert.equal(result.status, verify === 'full' ? 'complete' : 'unchanged')
    if (verify === 'full') {
      assert.equal(result.proof, 'read-back')
      assert.deepEqual(world.server.get('out')?.bytes, CONTENT)
    }
  }
})

test('a digest that is wrong for a right file is overruled by reading back', async () => {
  const world = emptyWorld()
  const result = await run(world, 'auto', (remote) => ({ ...remote, digester: blind('sha256') }))
  assert.deepEqual([result.status, result.proof], ['complete', 'read-back'])
  assert.deepEqual(world.server.get('out')?.bytes, CONTENT)
})

test('a server that tells a wrong digest and cannot be read from publishes nothing', async () => {
  const world = emptyWorld()
  const read = () => Promise.reject(new TransferError('refused', 'no reading'))
  const result = await run(world, 'auto', (remote) => ({ ...remote, digester: blind('sha256'), read }))
  assert.equal(result.failure?.kind, 'integrity')
  assert.equal(world.server.has('out'), false)
})

test('a failed upload says whether its bytes went to the final name itself', async () => {
  const read = () => Promise.reject(new TransferError('refused', 'no reading'))
  const lying = (remote: Remote): Remote => ({ ...remote, digester: blind('sha256'), read })
  const beside = await run(emptyWorld(), 'auto', lying)
  assert.equal(beside.failure?.hint, 'Nothing was published under the final name.')
  assert.equal(beside.writtenDirectly, undefined)
  const straight = await run(emptyWorld(), 'auto', (remote) => {
    const { tree: _, ...rest } = lying(remote)
    return rest
  })
  assert.equal(straight.failure?.kind, 'integrity')
  assert.doesNotMatch(straight.failure?.hint ?? '', /Nothing was published/)
  assert.equal(straight.writtenDirectly, true)
})

test('a rename for which the server copies the file has its last word', async () => {
  const world = emptyWorld()
  let renames = 0
  const result = await run(world, 'auto', (remote, clock) => {
    const { tree } = remote
    assert.ok(tree !== undefined)
    const rename: typeof tree.rename = async (from, to, signal) => {
      renames += to === 'out' ? 1 : 0
      let isCopied = false
      clock.after(100_000, () => {
        isCopied = true
      })
      await clock.pass(() => isCopied || signal.aborted)
      throwIfAborted(signal)
      await tree.rename(from, to, signal)
    }
    return { ...remote, tree: Object.assign(Object.create(tree) as typeof tree, { rename }) }
  })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.equal(renames, 1)
})
