/** The final name: whatever is refused or cut off, it means the old file or the new one, or the old one waits beside it and comes back. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { passingKind } from '../../src/core/paths.ts'
import type { Remote, Tree } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, holds, Stage } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 3 * BLOCK + 77))
const SMALL = CONTENT.subarray(0, BLOCK)
const OLD = Buffer.from(seededBytes(2, 500))
const REFUSALS: readonly FailureKind[] = ['refused', 'conflict', 'unsupported', 'denied']

function staged(t: TestContext, content: Buffer, old: Buffer | null = OLD): Stage {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), content)
  if (old !== null) stage.server.files.set('out', old)
  return stage
}

/** `refuses` says what a rename is answered; null lets it happen. */
function renaming({ server }: Stage, refuses: (from: string, to: string) => FailureKind | null, more: Partial<Tree> = {}) {
  return (given: Remote): Remote => {
    const tree = server.remote.tree ?? assert.fail('a tree')
    const rename: Tree['rename'] = async (from, to, signal) => {
      const kind = refuses(from, to)
      if (kind !== null) throw new TransferError(kind, `rename of ${from} to ${to}`)
      return tree.rename(from, to, signal)
    }
    return { ...given, tree: { ...tree, rename, ...more } }
  }
}

const removals = ({ server }: Stage): string[] => {
  const removed: string[] = []
  server.before = (step, path) => {
    if (step === 'remove') removed.push(path)
  }
  return removed
}

/** As SFTP without posix-rename. */
const overNothing = ({ server }: Stage) => ({
  refuses: (_from: string, to: string): FailureKind | null => (server.files.has(to) ? 'refused' : null),
  more: { replaces: 'never' } as const,
})

for (const kind of REFUSALS) {
  for (const content of [SMALL, CONTENT])
    test(`every rename is answered ${kind}, ${content.length} bytes: the old file stays, and that is what is said`, async (t) => {
      const stage = staged(t, content)
      const removed = removals(stage)
      const result = await stage.upload('in', { remote: renaming(stage, () => kind) })
      assert.equal(result.failure?.kind, 'refused', result.failure?.message)
      assert.match(result.failure?.hint ?? '', /publish-without-rename/)
      assert.deepEqual(result.previous, { kind: 'untouched' })
      assert.ok(holds(stage.server.files.get('out'), OLD))
      assert.deepEqual([...stage.server.files.keys()], ['out'], 'nothing is left')
      assert.ok(!removed.includes('out'))
      if (content === CONTENT) assert.equal(result.bytesTransferred, 0, 'it is known before the bytes travel')
    })

  test(`a rename over a file is answered ${kind}: the old one is moved aside, and goes when the new one is in place`, async (t) => {
    const stage = staged(t, CONTENT)
    let isAside = false
    stage.onEvent = (event) => {
      if (event.kind !== 'note' || !/moved aside/.test(event.message)) return
      assert.ok(!isAside && stage.server.files.get('out') === undefined, 'said once, when it has happened')
      isAside = true
    }
    const { more } = overNothing(stage)
    const refuses = (_from: string, to: string): FailureKind | null => (stage.server.files.has(to) ? kind : null)
    const seen: string[] = []
    stage.server.before = (step, path) => {
      if (step === 'rename' || step === 'remove')
        seen.push(`${step} ${passingKind('out', path) ?? (path.endsWith('.partial') ? 'partial' : path)}`)
      // At every moment one of the two is whole under the final name, or the old one waits aside.
      const { files } = stage.server
      const aside = [...files].some(([name, bytes]) => passingKind('out', name) === 'aside' && holds(bytes, OLD))
      assert.ok(aside || holds(files.get('out'), OLD) || holds(files.get('out'), CONTENT))
    }
    const result = await stage.upload('in', { remote: renaming(stage, refuses, more) })
    assert.deepEqual([result.status, result.previous], ['complete', { kind: 'replaced' }], result.failure?.message)
    assert.deepEqual([...stage.server.files.keys()], ['out'])
    assert.ok(holds(stage.server.files.get('out'), CONTENT))
    assert.deepEqual(seen.slice(-3), ['rename out', 'rename partial', 'remove aside'])
    assert.ok(isAside)
  })
}

for (const partial of ['stays', 'vanishes'] as const) {
  test(`a rename over a file as long as the new one is confirmed and not done, and the partial ${partial}: that is no success`, async (t) => {
    const old = Buffer.from(seededBytes(9, CONTENT.length))
    const stage = staged(t, CONTENT, old)
    const remote = (given: Remote): Remote => {
      const tree = stage.server.remote.tree ?? assert.fail('a tree')
      const rename: Tree['rename'] = async (from, to, signal) => {
        if (to !== 'out') return tree.rename(from, to, signal)
        if (partial === 'vanishes') stage.server.files.delete(from)
      }
      return { ...given, tree: { ...tree, rename } }
    }
    const result = await stage.upload('in', { remote })
    assert.deepEqual([result.status, result.failure?.kind], ['failed', 'conflict'], result.failure?.message)
    assert.match(result.failure?.message ?? '', /did not do it/)
    assert.ok(holds(stage.server.files.get('out'), old))
  })
}

test('the new file cannot follow: the old one is put back', async (t) => {
  const stage = staged(t, CONTENT)
  const { refuses, more } = overNothing(stage)
  const never = (from: string, to: string): FailureKind | null =>
    from.endsWith('.partial') && to === 'out' ? 'refused' : refuses(from, to)
  const result = await stage.upload('in', { remote: renaming(stage, never, more) })
  assert.deepEqual([result.failure?.kind, result.previous], ['refused', { kind: 'untouched' }])
  assert.ok(holds(stage.server.files.get('out'), OLD))
})

test('neither can the old one go back: it stays aside, and the result says where', async (t) => {
  const stage = staged(t, CONTENT)
  const { refuses, more } = overNothing(stage)
  const never = (from: string, to: string): FailureKind | null =>
    to === 'out' && (from.endsWith('.partial') || from.endsWith('.aside')) ? 'refused' : refuses(from, to)
  const result = await stage.upload('in', { remote: renaming(stage, never, more) })
  assert.equal(result.failure?.kind, 'refused')
  const aside = [...stage.server.files.keys()].find((name) => passingKind('out', name) === 'aside') ?? assert.fail('no aside')
  assert.deepEqual(result.previous, { kind: 'aside', path: aside })
  assert.ok(holds(stage.server.files.get(aside), OLD))
  // The next run finds it, with or without the journal.
  const lost = new Stage(t, stage.server)
  writeFileSync(lost.path('in'), CONTENT)
  stage.server.before = (step) => {
    if (step === 'create') throw new TransferError('denied', 'it ends before the bytes')
  }
  await lost.upload('in', { remote: renaming(stage, refuses, more) })
  assert.ok(holds(stage.server.files.get('out'), OLD), 'put back by the next run')
})

for (const cut of ['rename', 'renamed'] as const)
  for (const which of [1, 2])
    test(`the process dies ${cut === 'rename' ? 'before' : 'after'} rename ${which} of the two: the next one ends with the new file, the old one never lost`, async (t) => {
      const stage = staged(t, SMALL)
      const { refuses, more } = overNothing(stage)
      let renames = 0
      let dead = false
      stage.server.before = (step) => {
        if (dead) throw new TransferError('stopped', 'dead')
        if (step === cut) renames += 1
        dead = step === cut && renames === which
        if (dead) throw new TransferError('stopped', 'dead')
      }
      await stage.upload('in', { remote: renaming(stage, refuses, more) })
      const { files } = stage.server
      const kept = [...files].some(
        ([name, bytes]) => (name === 'out' || passingKind('out', name) === 'aside') && (holds(bytes, OLD) || holds(bytes, SMALL)),
      )
      assert.ok(kept, 'neither the old file nor the new one is there')
      stage.server.before = () => {}
      const result = await stage.upload('in', { remote: renaming(stage, refuses, more) })
      assert.ok(['complete', 'unchanged'].includes(result.status), result.failure?.message)
      assert.ok(holds(files.get('out'), SMALL))
    })

test('an answer that is lost between the renames: the same process goes on, and the old file is not lost', async (t) => {
  const stage = staged(t, CONTENT)
  const { refuses, more } = overNothing(stage)
  let lost = false
  stage.server.before = (step, path) => {
    if (step !== 'renamed' || lost || passingKind('out', path) !== 'aside') return
    lost = true
    throw new TransferError('transient', 'connection lost')
  }
  const result = await stage.upload('in', { remote: renaming(stage, refuses, more) })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(lost && holds(stage.server.files.get('out'), CONTENT))
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

test('publish-without-rename: nothing there yet is written in place with a note, never refuses, always overwrites', async (t) => {
  const refusing = (stage: Stage) => renaming(stage, () => 'refused')
  const fresh = staged(t, CONTENT, null)
  const written = await fresh.upload('in', { remote: refusing(fresh) })
  assert.deepEqual([written.status, written.writtenDirectly], ['complete', true], written.failure?.message)
  assert.deepEqual([...fresh.server.files.keys()], ['out'])
  const strict = staged(t, CONTENT, null)
  const refused = await strict.upload('in', { remote: refusing(strict), policy: { publishWithoutRename: 'never' } })
  assert.deepEqual([refused.failure?.kind, strict.server.files.size], ['refused', 0])
  const bold = staged(t, CONTENT)
  const overwritten = await bold.upload('in', { remote: refusing(bold), policy: { publishWithoutRename: 'always' } })
  assert.deepEqual([overwritten.status, overwritten.writtenDirectly], ['complete', true])
  assert.ok(holds(bold.server.files.get('out'), CONTENT))
})

test('what a run wrote in place and did not finish, the next run with the same file may finish', async (t) => {
  const stage = staged(t, CONTENT, null)
  stage.server.before = (step, path) => {
    if (step === 'written' && path === 'out') throw new TransferError('stopped', 'cut off')
  }
  await stage.upload('in', { remote: renaming(stage, () => 'refused') })
  stage.server.files.set('out', CONTENT.subarray(0, BLOCK))
  stage.server.before = () => {}
  const result = await stage.upload('in', { remote: renaming(stage, () => 'refused') })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})
