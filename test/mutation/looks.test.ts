/** A look that fails is not knowledge, and takes nothing back: src/engine/{look,published,publish,upload-proof,upload,staging}.ts, src/engine/download*.ts. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import type { TransferEvent } from '../../src/engine/ports.ts'
import type { Remote, Tree } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, holds, Stage, sha256 } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 3 * BLOCK + 77))
const SMALL = Buffer.from(seededBytes(3, 400))
const OTHER = Buffer.from(seededBytes(2, 3 * BLOCK + 77))
const REFUSALS: readonly FailureKind[] = ['refused', 'denied', 'unsupported', 'protocol', 'conflict']

const no =
  (kind: FailureKind): (() => Promise<never>) =>
  () =>
    Promise.reject(new TransferError(kind, 'not told'))

function staged(t: TestContext, bytes = CONTENT): { readonly stage: Stage; readonly created: string[]; readonly said: string[] } {
  const stage = new Stage(t)
  const created: string[] = []
  const said: string[] = []
  writeFileSync(stage.path('in'), bytes)
  stage.server.before = (step, path) => {
    if (step === 'create' && !path.startsWith('.rt-probe')) created.push(path)
  }
  stage.onEvent = (event: TransferEvent) => {
    if (event.kind === 'note' || event.kind === 'warning' || event.kind === 'planned')
      said.push(event.kind === 'planned' ? event.decision : event.message)
  }
  return { stage, created, said }
}

const treeOf = ({ server }: Stage): Tree => server.remote.tree ?? assert.fail('a tree')

/** Nothing may be looked at. */
const blind =
  (kind: FailureKind, more: Partial<Tree> = {}) =>
  (given: Remote): Remote => ({
    ...given,
    stat: no(kind),
    read: no('refused'),
    ...(given.tree === undefined ? {} : { tree: { ...given.tree, list: no(kind), ...more } }),
  })

for (const kind of REFUSALS) {
  test(`every look is answered ${kind}: the file is published by its acknowledgements, said once; verify: full is red`, async (t) => {
    const { stage, said } = staged(t)
    stage.server.files.set('out', OTHER)
    const result = await stage.upload('in', { remote: blind(kind) })
    assert.deepEqual(
      [result.status, result.proof, result.previous],
      ['complete', 'acknowledged', { kind: 'unknown' }],
      result.failure?.message,
    )
    assert.ok(holds(stage.server.files.get('out'), CONTENT))
    assert.equal(said.filter((line) => line.includes('does not tell what it has (')).length, 1)
    assert.ok(said.some((line) => line.includes('nothing of what it stored could be looked at')))
    const full = await stage.upload('in', { remote: blind(kind), policy: { verify: 'full' } })
    assert.deepEqual([full.failure?.kind, full.proof], ['refused', null])
  })

  test(`every look at a download is answered ${kind}: reading tells`, async (t) => {
    const { stage } = staged(t)
    stage.server.files.set('in', CONTENT)
    const ends = (given: Remote): Remote => ({
      ...given,
      stat: no(kind),
      read: (path, range, sink, options, signal) =>
        given.read(path, { ...range, end: Math.min(range.end, CONTENT.length) }, sink, options, signal),
    })
    const result = await stage.download({ remote: ends })
    assert.deepEqual([result.status, result.proof, result.size], ['complete', 'acknowledged', CONTENT.length], result.failure?.message)
    assert.ok(holds(stage.local('out'), CONTENT))
    assert.equal((await stage.download({ remote: ends, policy: { verify: 'full', resume: 'never' } })).proof, 'read-back')
  })
}

test('what can be read is read back where its size is not told', async (t) => {
  const { stage } = staged(t)
  const result = await stage.upload('in', { remote: (given) => ({ ...given, stat: no('refused') }) })
  assert.deepEqual([result.status, result.proof], ['complete', 'read-back'])
})

test('without the right to rename, and without a look at the final name, nothing is sent, however small', async (t) => {
  const { stage, created } = staged(t, SMALL)
  stage.server.files.set('out', OTHER)
  const remote = blind('refused', { rename: no('refused') })
  const result = await stage.upload('in', { remote })
  assert.deepEqual([result.failure?.kind, result.bytesTransferred, created], ['refused', 0, []])
  assert.match(result.failure?.message ?? '', /may not look/)
  assert.ok(holds(stage.server.files.get('out'), OTHER))
})

test('a server that renames nothing and says of everything that it is missing: the final name is not written to unseen', async (t) => {
  const { stage, created } = staged(t)
  stage.server.files.set('out', OTHER)
  const remote = (given: Remote): Remote => ({ ...given, stat: async () => null, tree: { ...treeOf(stage), rename: no('refused') } })
  const result = await stage.upload('in', { remote })
  assert.deepEqual([result.failure?.kind, result.bytesTransferred, created], ['refused', 0, []])
  assert.match(result.failure?.message ?? '', /may not look/)
  assert.ok(holds(stage.server.files.get('out'), OTHER))
})

test('a rename of the scratch file that is refused and done all the same is done', async (t) => {
  const { stage } = staged(t)
  const rename: Tree['rename'] = async (from, to, signal) => {
    await treeOf(stage).rename(from, to, signal)
    if (from.includes('rt-probe')) throw new TransferError('refused', 'no')
  }
  const result = await stage.upload('in', { remote: (given) => ({ ...given, tree: { ...treeOf(stage), rename } }) })
  assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

test('a server that does not replace and shows nothing: the old file is moved aside, and never removed unseen', async (t) => {
  const { stage, said } = staged(t)
  stage.server.files.set('out', OTHER)
  const rename: Tree['rename'] = (from, to, signal) =>
    stage.server.files.has(to) ? no('refused')() : treeOf(stage).rename(from, to, signal)
  const result = await stage.upload('in', { remote: blind('refused', { rename }) })
  assert.deepEqual([result.status, result.proof], ['complete', 'acknowledged'], result.failure?.message)
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
  const aside = [...stage.server.files].find(([name]) => name.endsWith('.aside'))
  assert.ok(holds(aside?.[1], OTHER))
  assert.ok(said.some((line) => line.includes(aside?.[0] ?? '?')))
})

test('a server that takes the file as soon as it has its name gets it once, and the step is green', async (t) => {
  const { stage, created, said } = staged(t)
  const taken: Buffer[] = []
  const rename: Tree['rename'] = async (from, to, signal) => {
    await treeOf(stage).rename(from, to, signal)
    if (to === 'out') taken.push(stage.server.files.get(to) ?? assert.fail(to))
    if (to === 'out') stage.server.files.delete(to)
  }
  const placed: unknown[] = []
  const result = await stage.upload('in', { remote: (given) => ({ ...given, tree: { ...treeOf(stage), rename } }) })
  assert.deepEqual([result.status, result.proof, taken.length, created.length], ['complete', 'acknowledged', 1, 1], result.failure?.message)
  assert.ok(said.some((line) => line.includes('takes files away at once')))
  assert.deepEqual(placed, [])
})

test('a file that shows a moment after its rename is waited for', async (t) => {
  const { stage } = staged(t)
  let looks = 0
  const remote = (given: Remote): Remote => ({
    ...given,
    stat: async (path, signal) => {
      const found = await given.stat(path, signal)
      if (path !== 'out' || found === null) return found
      looks += 1
      return looks < 3 ? null : found
    },
  })
  const result = await stage.upload('in', { remote })
  assert.deepEqual([result.status, result.proof, looks], ['complete', 'size', 3])
})

test('a server that takes the file under its temporary name gets it once, with one clear error', async (t) => {
  for (const verify of ['auto', 'full'] as const) {
    const { stage, created } = staged(t)
    const counting = stage.server.before
    stage.server.before = (step, path) => {
      void counting(step, path)
      if (step === 'written' && path.endsWith('.partial')) stage.server.files.delete(path)
    }
    const result = await stage.upload('in', { policy: { verify } })
    assert.equal(result.failure?.kind, 'refused')
    assert.match(result.failure?.message ?? '', /takes files away before they can be given the final name/)
    assert.equal(created.length, 1)
  }
})

/** Takes away whatever is closed. `out` stays where it was there before. */
function mailbox({ server }: Stage, takes = (_path: string, _bytes: Buffer): boolean => true): [string, Buffer][] {
  const box: [string, Buffer][] = []
  const counting = server.before
  server.before = (step, path) => {
    void counting(step, path)
    const bytes = server.files.get(path)
    if (step !== 'written' || bytes === undefined || !takes(path, bytes)) return
    box.push([path, bytes])
    server.files.delete(path)
  }
  return box
}

const PLACE = '8899aabbccddeeff'
const isFile = ([, bytes]: readonly [string, Buffer]): boolean => bytes.length > 100

for (const [bytes, publishWithoutRename] of [
  [CONTENT, 'auto'],
  [CONTENT, 'always'],
  [SMALL, 'always'],
] as const)
  test(`a server that takes whatever is closed gets the file once, under its own name: ${bytes.length} bytes, ${publishWithoutRename}`, async (t) => {
    const { stage, created, said } = staged(t, bytes)
    const box = mailbox(stage)
    const result = await stage.upload('in', { policy: { publishWithoutRename } })
    assert.deepEqual([result.status, result.proof, result.writtenDirectly], ['complete', 'acknowledged', true], result.failure?.message)
    assert.deepEqual(created, ['out'])
    assert.deepEqual(
      box.filter(isFile).map(([name, got]) => [name, holds(got, bytes)]),
      [['out', true]],
    )
    assert.ok(said.some((line) => /takes files away.*the bytes go to the final name itself/.test(line)))
  })

test('a file of one block is taken under its temporary name; nothing is said of continuing it, and the next run is right', async (t) => {
  const { stage } = staged(t, SMALL)
  const box = mailbox(stage)
  const first = await stage.upload('in')
  assert.deepEqual([first.failure?.kind, first.keptNothing], ['refused', true])
  assert.doesNotMatch(first.failure?.hint ?? '', /is not sent again/)
  assert.equal(stage.hosts.get(PLACE)?.renames, false)
  const second = await stage.upload('in')
  assert.deepEqual([second.status, second.writtenDirectly], ['complete', true], second.failure?.message)
  assert.equal(box.filter(isFile).length, 2)
  assert.ok(holds(box.filter(isFile)[1]?.[1], SMALL) && box.filter(isFile)[1]?.[0] === 'out')
})

for (const [what, old, policy] of [
  ['a file that stays under the final name', true, {}],
  ['nothing but renames', false, { publishWithoutRename: 'never' }],
  ['verify: full', false, { verify: 'full' }],
  ['verify: full, also with always', false, { verify: 'full', publishWithoutRename: 'always' }],
] as const)
  test(`a server that takes whatever is closed, and ${what}: nothing is sent`, async (t) => {
    const { stage, created } = staged(t)
    if (old) stage.server.files.set('out', OTHER)
    const box = mailbox(stage)
    const result = await stage.upload('in', { policy })
    assert.deepEqual([result.failure?.kind, result.bytesTransferred], ['refused', 0])
    assert.match(result.failure?.message ?? '', /takes files away/)
    assert.deepEqual([created, box.filter(isFile)], [[], []])
    if (old) assert.ok(holds(stage.server.files.get('out'), OTHER))
  })

test('a server that removes empty files keeps the others: they are renamed', async (t) => {
  const { stage } = staged(t)
  mailbox(stage, (_path, bytes) => bytes.length === 0)
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

test('an older file of the same size is no sign of another run', async (t) => {
  const { stage, created } = staged(t)
  stage.server.files.set('out', OTHER)
  const counting = stage.server.before
  stage.server.before = (step, path) => {
    void counting(step, path)
    if (step === 'written' && path.endsWith('.partial')) stage.server.files.delete(path)
  }
  assert.equal((await stage.upload('in')).failure?.kind, 'refused')
  assert.equal(created.length, 1)
})

test('after the rename was confirmed the server cannot be asked any more: the file is not sent again, and verify: full says so', async (t) => {
  const { stage, created } = staged(t)
  let isPublished = false
  const remote = (given: Remote): Remote => ({
    ...given,
    stat: (path, signal) => (isPublished ? no('transient')() : given.stat(path, signal)),
    tree: {
      ...treeOf(stage),
      rename: async (from, to, signal) => {
        await treeOf(stage).rename(from, to, signal)
        isPublished ||= to === 'out'
      },
    },
  })
  const result = await stage.upload('in', { remote })
  assert.deepEqual([result.status, result.proof, created.length], ['complete', 'acknowledged', 1], result.failure?.message)
  isPublished = false
  stage.server.files.clear()
  assert.equal((await stage.upload('in', { remote, policy: { verify: 'full' } })).failure?.kind, 'transient')
})

const put = ({ tree: _, ...given }: Remote): Remote => given

test('a PUT that was confirmed and never shows is done, and sent once', async (t) => {
  const { stage, created } = staged(t)
  const remote = (given: Remote): Remote => ({ ...put(given), stat: async () => null, read: no('not-found') })
  const result = await stage.upload('in', { remote })
  assert.deepEqual([result.status, result.proof, created.length], ['complete', 'acknowledged', 1], result.failure?.message)
  const full = await stage.upload('in', { remote, policy: { verify: 'full' } })
  assert.deepEqual([full.failure?.kind, created.length], ['refused', 2])
})

test('a PUT that was confirmed, and an answer 503 for ever after: done, and sent once; a content that can be read and differs is sent again', async (t) => {
  const { stage, created } = staged(t)
  const down = (given: Remote): Remote => ({
    ...put(given),
    stat: (path, s) => (created.length > 0 ? no('transient')() : given.stat(path, s)),
  })
  const result = await stage.upload('in', { remote: down })
  assert.deepEqual([result.status, result.proof, created.length], ['complete', 'acknowledged', 1], result.failure?.message)
  const lost = staged(t)
  let breaks = 1
  const losing = (given: Remote): Remote => ({
    ...put(given),
    stat: (path, s) => {
      if (lost.created.length === 0 || breaks-- <= 0) return given.stat(path, s)
      lost.stage.server.files.set('out', OTHER)
      return no('transient')()
    },
  })
  const again = await lost.stage.upload('in', { remote: losing })
  assert.deepEqual([again.status, lost.created.length], ['complete', 2])
  assert.ok(holds(lost.stage.server.files.get('out'), CONTENT))
})

test('where nobody could look before a PUT, a length afterwards is no proof', async (t) => {
  const { stage } = staged(t)
  let looks = 0
  const remote = (given: Remote): Remote => ({
    ...put(given),
    stat: (path, s) => {
      looks += 1
      return looks === 1 ? no('refused')() : given.stat(path, s)
    },
  })
  assert.equal((await stage.upload('in', { remote })).proof, 'read-back')
})

test('a given digest that fits outweighs every look that comes later', async (t) => {
  const { stage } = staged(t)
  stage.server.files.set('in', CONTENT)
  let looks = 0
  const remote = (given: Remote): Remote => ({
    ...given,
    stat: async (path, s) => {
      looks += 1
      return looks === 1 ? given.stat(path, s) : no('transient')()
    },
  })
  const result = await stage.download({ remote, checksum: { algorithm: 'sha256', hex: sha256(CONTENT) } })
  assert.deepEqual([result.status, result.proof], ['complete', 'digest'], result.failure?.message)
})

test('a wrong checksum ends at the second identical digest', async (t) => {
  const { stage } = staged(t)
  stage.server.files.set('in', CONTENT)
  let reads = 0
  stage.server.before = (step) => {
    if (step === 'read') reads += 1
  }
  const result = await stage.download({ checksum: { algorithm: 'sha256', hex: sha256(OTHER) } })
  assert.deepEqual([result.failure?.kind, reads], ['integrity', 2])
  assert.match(result.failure?.message ?? '', /fetched twice, with the same bytes/)
})

test('a source that is gone after its last byte is not thrown away', async (t) => {
  const { stage } = staged(t)
  stage.server.files.set('in', CONTENT)
  let looks = 0
  const remote = (given: Remote): Remote => ({
    ...given,
    stat: async (path, s) => {
      looks += 1
      return looks === 1 ? given.stat(path, s) : null
    },
  })
  const result = await stage.download({ remote })
  assert.deepEqual([result.status, result.proof], ['complete', 'acknowledged'])
})
