/** A rename that copies, and leaves half a file under the final name when it breaks off: the old file is not lost over it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { passingKind } from '../../src/core/paths.ts'
import type { Remote, Tree } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, holds, Stage } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 3 * BLOCK + 77))
const OLD = Buffer.from(seededBytes(2, 500))

function staged(t: TestContext): Stage {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.files.set('out', OLD)
  return stage
}

/** A gateway whose rename copies, and leaves half of it when it fails: \`fails\` says how often it does, to the final name. */
function copying(stage: Stage, fails: number, kind: FailureKind) {
  let left = fails
  const { files } = stage.server
  const tree = stage.server.remote.tree ?? assert.fail('a tree')
  const rename: Tree['rename'] = async (from, to, signal) => {
    if (files.has(to)) throw new TransferError('refused', `${to} is there`)
    if (to !== 'out' || left === 0) return tree.rename(from, to, signal)
    left -= 1
    const bytes = files.get(from) ?? assert.fail(from)
    files.set('out', bytes.subarray(0, bytes.length / 2))
    throw new TransferError(kind, 'the copy broke off')
  }
  return (given: Remote): Remote => ({ ...given, tree: { ...tree, replaces: 'never', rename } })
}

for (const kind of ['refused', 'denied', 'transient'] as const) {
  test(`a rename that leaves half a copy every time (${kind}): the old file waits aside, and is named`, async (t) => {
    const stage = staged(t)
    const result = await stage.upload('in', { remote: copying(stage, 100, kind), policy: { retries: 5 } })
    assert.equal(result.status, 'failed')
    const kept = [...stage.server.files].find(([, bytes]) => bytes.equals(OLD))?.[0]
    assert.ok(kept !== undefined && passingKind('out', kept) === 'aside', [...stage.server.files.keys()].join())
    assert.deepEqual(result.previous, { kind: 'aside', path: kept })
    assert.ok(
      [...stage.server.files.values()].some((bytes) => bytes.equals(CONTENT)),
      'the new one is whole beside it',
    )
  })

  test(`a rename that leaves half a copy once (${kind}): the old file goes when the new one is whole in its place`, async (t) => {
    const stage = staged(t)
    stage.server.before = (step) => {
      const { files } = stage.server
      const isThere = [...files.values()].some((bytes) => bytes.equals(OLD)) || holds(files.get('out'), CONTENT)
      assert.ok(isThere, `at ${step} neither the old file nor the whole new one is there`)
    }
    const result = await stage.upload('in', { remote: copying(stage, 1, kind), policy: { retries: 5 } })
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.ok(holds(stage.server.files.get('out'), CONTENT))
    assert.deepEqual([...stage.server.files.keys()], ['out'])
  })
}

test('after half a copy a rename is refused outright: the old file, and not the half one, is put back', async (t) => {
  const stage = staged(t)
  const { files } = stage.server
  const tree = stage.server.remote.tree ?? assert.fail('a tree')
  let publishing = 0
  const rename: Tree['rename'] = async (from, to, signal) => {
    if (files.has(to)) throw new TransferError('refused', `${to} is there`)
    if (to !== 'out' || passingKind('out', from) === 'aside') return tree.rename(from, to, signal)
    publishing += 1
    if (publishing === 1) files.set('out', CONTENT.subarray(0, BLOCK))
    throw new TransferError('refused', 'not now')
  }
  const remote = (given: Remote): Remote => ({ ...given, tree: { ...tree, replaces: 'never', rename } })
  const said: string[] = []
  stage.onEvent = (event) => {
    if (event.kind === 'warning') said.push(event.message)
  }
  const result = await stage.upload('in', { remote })
  assert.equal(result.status, 'failed')
  assert.ok(holds(files.get('out'), OLD), [...files].map(([name, bytes]) => `${name} ${bytes.length}`).join())
  assert.deepEqual(result.previous, { kind: 'untouched' })
  const half = [...files].find(([, bytes]) => bytes.length === BLOCK)?.[0] ?? assert.fail('the half copy')
  assert.ok(
    said.some((message) => message.includes(half)),
    'what is left is named',
  )
})

test('after half a copy a rename is done and its answer lost: nothing is left beside the new file', async (t) => {
  const stage = staged(t)
  const { files } = stage.server
  const tree = stage.server.remote.tree ?? assert.fail('a tree')
  let publishing = 0
  const rename: Tree['rename'] = async (from, to, signal) => {
    if (files.has(to)) throw new TransferError('refused', `${to} is there`)
    if (to !== 'out' || passingKind('out', from) === 'aside') return tree.rename(from, to, signal)
    publishing += 1
    if (publishing === 1) files.set('out', CONTENT.subarray(0, BLOCK))
    else await tree.rename(from, to, signal)
    throw new TransferError('transient', 'the connection is gone')
  }
  const result = await stage.upload('in', {
    remote: (given) => ({ ...given, tree: { ...tree, replaces: 'never', rename } }),
    policy: { retries: 5 },
  })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(files.get('out'), CONTENT))
  assert.deepEqual([...files.keys()], ['out'])
})
