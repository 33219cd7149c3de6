/** What every StateStore promises, as one suite: file store, tool cache folder, Actions cache. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { STATE_BYTES_MAX, type StateIdentity, type StateStore } from '../../src/state/store.ts'
import { seededBytes } from '../support/prng.ts'

export interface StoreHarness {
  /** A store of this identity over one common medium, as a new process would open it. */
  open(identity: StateIdentity): StateStore | Promise<StateStore>
  dispose(): Promise<void>
}

const ID = '0123456789abcdef'
const OTHER_ID = '0123456789abcdee'

const NEVER = new AbortController().signal

export function stateStoreContract(name: string, start: () => Promise<StoreHarness>): void {
  describe(`state store contract: ${name}`, () => {
    let harness: StoreHarness
    before(async () => {
      harness = await start()
    })
    after(() => harness.dispose())

    const open = async (id: string, runId = '100', runAttempt = 1): Promise<StateStore> => await harness.open({ id, runId, runAttempt })
    const fresh = freshIds()

    test('an empty store holds null', async () => {
      assert.equal(await (await open(fresh())).load(NEVER), null)
    })

    for (const size of [0, 1, 65_537, STATE_BYTES_MAX])
      test(`${size} bytes come back as they were saved`, async () => {
        const id = fresh()
        const state = seededBytes(size, size)
        await (await open(id)).save(state, NEVER)
        const loaded = await (await open(id)).load(NEVER)
        assert.ok(loaded !== null && Buffer.compare(loaded, state) === 0)
      })

    test('the newest of several saves and attempts wins', async () => {
      const id = fresh()
      const first = await open(id)
      for (const text of ['a', 'b', 'c']) {
        await first.save(Buffer.from(text), NEVER)
        assert.equal(String(Buffer.from((await first.load(NEVER)) ?? [])), text)
      }
      const second = await open(id, '100', 2)
      assert.equal(String(Buffer.from((await second.load(NEVER)) ?? [])), 'c')
      await second.save(Buffer.from('d'), NEVER)
      assert.equal(String(Buffer.from((await (await open(id, '100', 3)).load(NEVER)) ?? [])), 'd')
    })

    test('an earlier run is continued', async () => {
      const id = fresh()
      await (await open(id, '100')).save(Buffer.from('run 100'), NEVER)
      assert.equal(String(Buffer.from((await (await open(id, '101')).load(NEVER)) ?? [])), 'run 100')
    })

    test('attempt 10 follows attempt 1 of the same run', async () => {
      const id = fresh()
      await (await open(id, '1', 1)).save(Buffer.from('attempt 1'), NEVER)
      await (await open(id, '1', 10)).save(Buffer.from('attempt 10'), NEVER)
      assert.equal(String(Buffer.from((await (await open(id, '1', 11)).load(NEVER)) ?? [])), 'attempt 10')
    })

    test('the state of another identity is never seen', async () => {
      await (await open(OTHER_ID)).save(Buffer.from('other'), NEVER)
      assert.equal(await (await open(ID)).load(NEVER), null)
    })

    test('a state that is too large is refused and replaces nothing', async () => {
      const store = await open(fresh())
      await store.save(Buffer.from('kept'), NEVER)
      await assert.rejects(store.save(new Uint8Array(STATE_BYTES_MAX + 1), NEVER), /too large/)
      assert.equal(String(Buffer.from((await store.load(NEVER)) ?? [])), 'kept')
    })

    test('an aborted signal rejects with its reason and changes nothing', async () => {
      const store = await open(fresh())
      const aborted = AbortSignal.abort()
      await assert.rejects(store.load(aborted), { name: 'TransferError', kind: 'stopped' })
      await assert.rejects(store.save(Buffer.from('late'), aborted), { name: 'TransferError', kind: 'stopped' })
      assert.equal(await store.load(NEVER), null)
    })

    test('an abort in the middle settles, and the old or the new state is left whole', async () => {
      const store = await open(fresh())
      await store.save(Buffer.from('old'), NEVER)
      const replacement = seededBytes(7, 1024 * 1024)
      const controller = new AbortController()
      const saving = store.save(replacement, controller.signal)
      setImmediate(() => controller.abort())
      await saving.catch((error: unknown) => assert.equal((error as { kind?: string }).kind, 'stopped'))
      const left = Buffer.from((await store.load(NEVER)) ?? [])
      assert.ok(String(left) === 'old' || left.equals(replacement))
    })
  })
}

/** Sixteen hex digits, new at every call and none of the two fixed ones. */
function freshIds(): () => string {
  let used = 0
  return () => {
    used += 1
    return used.toString(16).padStart(16, 'f')
  }
}
