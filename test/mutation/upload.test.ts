/** Uploads to a server without digests that interferes in one point: what the defences of the way up are there for. */
import assert from 'node:assert/strict'
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, flipped, holds, Stage } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 5 * BLOCK + 77))
const OTHER = Buffer.from(seededBytes(2, CONTENT.length))

function partialOf({ server }: Stage): string {
  return [...server.files.keys()].find((name) => name.endsWith('.partial')) ?? assert.fail('no partial')
}

test('nothing interferes: the file arrives, proven by its size', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.proof], ['complete', 'size'])
  assert.deepEqual([...stage.server.files.keys()], ['out'])
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

test('a server that keeps less than it confirms publishes nothing', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.before = (step, path) => {
    if (step === 'written') stage.server.files.set(path, CONTENT.subarray(0, 4 * BLOCK))
  }
  const result = await stage.upload('in')
  assert.equal(result.failure?.kind, 'integrity')
  assert.equal(stage.server.files.has('out'), false)
})

test('verify: full finds a byte that the server changed, and the old file stays', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.files.set('out', OTHER)
  stage.server.before = (step, path) => {
    if (step === 'written') stage.server.files.set(path, flipped(CONTENT, 2 * BLOCK))
  }
  const result = await stage.upload('in', { policy: { verify: 'full' } })
  assert.equal(result.failure?.kind, 'integrity')
  assert.ok(holds(stage.server.files.get('out'), OTHER), 'the old file')
})

test('verify: full: a file that ends early when it is read back is not proven', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  let chunks = 0
  const read: Remote['read'] = async (path, range, sink, options, signal) => {
    const counted: typeof sink = (chunk) => {
      chunks += 1
      if (chunks > 4) throw new TransferError('source-changed', 'it ended')
      return sink(chunk)
    }
    chunks = 0
    return stage.server.remote.read(path, range, counted, options, signal)
  }
  const result = await stage.upload('in', { policy: { verify: 'full' }, remote: (remote) => ({ ...remote, read }) })
  assert.equal(result.failure?.kind, 'integrity')
  assert.equal(stage.server.files.has('out'), false)
})

test('verify: full at a server that lets nothing be read does not call the upload proven', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const read: Remote['read'] = () => Promise.reject(new TransferError('refused', 'no reading'))
  const result = await stage.upload('in', { policy: { verify: 'full' }, remote: (remote) => ({ ...remote, read }) })
  assert.equal(result.failure?.kind, 'refused')
  assert.equal(stage.server.files.has('out'), false)
})

test('a source that is rewritten after its last byte was read is a changed source', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.before = (step, path) => {
    if (step !== 'written' || !path.endsWith('.partial')) return
    const { atime, mtime } = statSync(stage.path('in'))
    writeFileSync(stage.path('in'), OTHER)
    utimesSync(stage.path('in'), atime, mtime)
  }
  const result = await stage.upload('in')
  assert.equal(result.failure?.kind, 'source-changed')
  assert.equal(stage.server.files.has('out'), false)
})

test('a rename that only says it was done is found out before the bytes travel: the old file stays, and a new one is written in place', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const tree = stage.server.remote.tree ?? assert.fail('a tree')
  const remote = (given: Remote): Remote => ({ ...given, tree: { ...tree, rename: async () => {} } })
  stage.server.files.set('out', OTHER)
  const refused = await stage.upload('in', { remote })
  assert.deepEqual([refused.failure?.kind, refused.bytesTransferred, refused.previous], ['refused', 0, { kind: 'untouched' }])
  assert.deepEqual([...stage.server.files.keys()], ['out'])
  assert.ok(holds(stage.server.files.get('out'), OTHER))
  stage.server.files.clear()
  const direct = await stage.upload('in', { remote })
  assert.deepEqual([direct.status, direct.writtenDirectly], ['complete', true])
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

test('a rename that only says it was done at the end is no success', async (t) => {
  const stage = new Stage(t)
  stage.ticks = true
  writeFileSync(stage.path('in'), CONTENT)
  const tree = stage.server.remote.tree ?? assert.fail('a tree')
  const rename: typeof tree.rename = async (from, to, signal) => (from.endsWith('.partial') ? undefined : tree.rename(from, to, signal))
  const remote = (given: Remote): Remote => ({ ...given, tree: { ...tree, rename } })
  assert.equal((await stage.upload('in', { remote })).failure?.kind, 'conflict')
})

test('the reply to the rename is lost: found out by looking, and nothing is sent again', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  let lost = false
  stage.server.before = (step, path) => {
    if (step !== 'renamed' || path !== 'out' || lost) return
    lost = true
    throw new TransferError('transient', 'connection lost')
  }
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.bytesTransferred], ['complete', CONTENT.length])
  assert.deepEqual([...stage.server.files.keys()], ['out'])
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

test('a longer final file that begins with the source is replaced', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.files.set('out', Buffer.concat([CONTENT, OTHER]))
  assert.equal((await stage.upload('in')).status, 'complete')
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

test('two machines with different sources for one target at the same time: the target is one of them', async (t) => {
  const stage = new Stage(t)
  const other = new Stage(t, stage.server)
  writeFileSync(stage.path('in'), CONTENT)
  writeFileSync(other.path('in'), OTHER)
  // Both are in the middle at the same time: the first to get there waits for the other.
  const both = Promise.withResolvers<void>()
  let chunks = 0
  let blends = 0
  const partials = new Set<string>()
  const isWhole = (): boolean => [CONTENT, OTHER].some((bytes) => holds(stage.server.files.get('out'), bytes))
  stage.server.before = async (step, path) => {
    if (step === 'create' && path.endsWith('.partial')) partials.add(path)
    // Also for the moment until the other one publishes.
    if (step === 'renamed' && path === 'out' && !isWhole()) blends += 1
    if (step !== 'chunk') return
    chunks += 1
    if (chunks === 6) both.resolve()
    if (chunks === 3) await both.promise
  }
  const results = await Promise.all([stage.upload('in'), other.upload('in')])
  assert.ok(isWhole() && blends === 0, 'a blend of both')
  assert.equal(partials.size, 2, 'one partial for two sources')
  assert.deepEqual(
    results.map(({ status, bytesTransferred }) => [status, bytesTransferred]),
    [
      ['complete', CONTENT.length],
      ['complete', OTHER.length],
    ],
    'neither disturbs the other',
  )
})

test('on-change: fail sends no other version than the one that was begun', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.before = (step) => {
    if (step === 'written') throw new TransferError('denied', 'an end')
  }
  await stage.upload('in')
  partialOf(stage)
  stage.server.before = () => {}
  writeFileSync(stage.path('in'), OTHER)
  const result = await stage.upload('in', { policy: { onChange: 'fail' } })
  assert.equal(result.failure?.kind, 'source-changed')
  assert.equal(stage.server.files.has('out'), false)
})

test('a directory of the name is a conflict, and nothing is sent', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.directories.add('out')
  const result = await stage.upload('in')
  assert.deepEqual([result.failure?.kind, result.bytesTransferred, stage.server.files.size], ['conflict', 0, 0])
})

test("the partial's name is taken by a directory: another name is taken, and the directory stays", async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.before = (step) => {
    if (step === 'written') throw new TransferError('denied', 'an end')
  }
  await stage.upload('in')
  const partial = partialOf(stage)
  stage.server.before = () => {}
  stage.server.files.clear()
  stage.server.directories.add(partial)
  const result = await stage.upload('in')
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
  assert.ok(stage.server.directories.has(partial))
})

test('a link in the place of the partial is no partial: what it points at is not continued', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.before = (step, path) => {
    if (step === 'written' && path.endsWith('.partial')) throw new TransferError('stopped', 'cut off')
  }
  assert.equal((await stage.upload('in')).failure?.kind, 'stopped')
  const partial = partialOf(stage)
  stage.server.before = () => {}
  for (const isThere of [true, false]) {
    const isLink = async (path: string): Promise<boolean> => isThere && path === partial
    const remote = (of: Remote): Remote => ({ ...of, ...(of.tree === undefined ? {} : { tree: { ...of.tree, isLink } }) })
    // Without the link the same bytes are continued, so the question is what decides.
    stage.server.files.set(partial, CONTENT.subarray(0, 3 * BLOCK))
    stage.server.files.delete('out')
    const result = await stage.upload('in', { remote })
    assert.deepEqual([result.status, result.resumedFrom], ['complete', isThere ? 0 : 3 * BLOCK])
    assert.ok(holds(stage.server.files.get('out'), CONTENT))
  }
})
