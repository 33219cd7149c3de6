/** Hosts with rules about names: temporary names in other shapes, what is remembered of them, the last way to make room, and the mode of the replaced file. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { partialParts, passingKind } from '../../src/core/paths.ts'
import type { TransferEvent } from '../../src/engine/ports.ts'
import type { Remote, Tree, Writer } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, holds, Stage } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 3 * BLOCK + 77))
const SMALL = CONTENT.subarray(0, BLOCK)
const OLD = Buffer.from(seededBytes(2, 500))
const PLACE = '8899aabbccddeeff'

function staged(t: TestContext, content: Buffer, old: Buffer | null = null): Stage {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), content)
  if (old !== null) stage.server.files.set('out', old)
  return stage
}

/** Every name that is made or given must pass. */
function choosy(takes: (name: string) => boolean, kind: FailureKind = 'refused', ofLogin = false) {
  const asked: string[] = []
  const assertTaken = (name: string): void => {
    if (takes(name)) return
    asked.push(name)
    throw new TransferError(kind, `prohibited file name: ${name}`, { ofLogin })
  }
  const remote = (given: Remote): Remote => {
    const { tree, writer } = given
    if (tree === undefined || writer === undefined) return assert.fail('a tree and a writer')
    const create: Writer['create'] = async (path, size, body, observer, signal) => {
      assertTaken(path)
      return writer.create(path, size, body, observer, signal)
    }
    const rename: Tree['rename'] = async (from, to, signal) => {
      assertTaken(to)
      return tree.rename(from, to, signal)
    }
    return { ...given, writer: { ...writer, create }, tree: { ...tree, rename } }
  }
  return { remote, asked }
}

const noDots = (name: string): boolean => !name.startsWith('.')
const noWords = (name: string): boolean => noDots(name) && !/partial|aside|copy\./.test(name)

for (const [what, takes, shape] of [
  ['no dots', noDots, 'plain'],
  ['no dots and no .partial', noWords, 'extension'],
] as const)
  for (const content of [SMALL, CONTENT])
    for (const kind of ['refused', 'denied'] as const)
      test(`${what}, answered ${kind}, ${content.length} bytes: another shape of names, remembered, so that the next run asks once`, async (t) => {
        const stage = staged(t, content)
        const { remote, asked } = choosy(takes, kind)
        const result = await stage.upload('in', { remote })
        assert.equal(result.status, 'complete', result.failure?.message)
        assert.equal(result.writtenDirectly, undefined)
        assert.deepEqual([...stage.server.files.keys()], ['out'])
        assert.ok(holds(stage.server.files.get('out'), content))
        assert.equal(stage.hosts.get(PLACE)?.shape, shape)
        const before = asked.length
        assert.ok(before > 0)
        writeFileSync(stage.path('in'), Buffer.concat([content, OLD]))
        assert.equal((await stage.upload('in', { remote })).status, 'complete')
        assert.equal(asked.length, before, asked.join())
      })

test('where no temporary name is taken the final one is, with a note, when nothing is there; else nothing is sent', async (t) => {
  const { remote } = choosy((name) => name === 'out')
  const stage = staged(t, CONTENT)
  const notes: TransferEvent[] = []
  stage.onEvent = (event) => void (event.kind === 'note' && notes.push(event))
  const fresh = await stage.upload('in', { remote })
  assert.deepEqual([fresh.status, fresh.writtenDirectly], ['complete', true], fresh.failure?.message)
  assert.ok(notes.some((note) => note.kind === 'note' && /takes no temporary name/.test(note.message)))
  const taken = staged(t, CONTENT, OLD)
  const refused = await taken.upload('in', { remote })
  assert.deepEqual([refused.failure?.kind, refused.bytesTransferred], ['refused', 0])
  assert.match(refused.failure?.message ?? '', /^prohibited file name: \./)
  assert.deepEqual([...taken.server.files.keys()], ['out'])
  assert.ok(holds(taken.server.files.get('out'), OLD))
})

for (const content of [SMALL, CONTENT])
  for (const old of [null, OLD])
    test(`names with a dot are said to be missing, ${content.length} bytes, ${old === null ? 'a free name' : 'over a file'}: another shape of names`, async (t) => {
      const stage = staged(t, content, old)
      const { remote, asked } = choosy(noDots, 'not-found')
      const result = await stage.upload('in', { remote })
      assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
      assert.ok(holds(stage.server.files.get('out'), content))
      assert.equal(stage.hosts.get(PLACE)?.shape, 'plain')
      assert.equal(asked.length, 1, asked.join())
    })

for (const content of [SMALL, CONTENT])
  for (const old of [null, OLD])
    test(`a directory that is missing, ${content.length} bytes, ${old === null ? 'a free name' : 'over a file'}: told as such, and costs little`, async (t) => {
      const stage = staged(t, content, old)
      const { remote, asked } = choosy(() => false, 'not-found')
      const result = await stage.upload('in', { remote })
      assert.deepEqual([result.failure?.kind, result.bytesTransferred], ['refused', 0])
      assert.match(result.failure?.hint ?? '', /directory in the path of the destination is missing/)
      // Without a directory in its name the final one may be there: it is asked last, where nothing is lost by it.
      assert.deepEqual([asked.length, asked.includes('out')], old === null ? [4, true] : [3, false], asked.join())
    })

test('credentials that are refused are not tried under other names', async (t) => {
  const stage = staged(t, SMALL)
  const { remote, asked } = choosy(() => false, 'denied', true)
  assert.equal((await stage.upload('in', { remote })).failure?.kind, 'denied')
  assert.equal(asked.length, 1, asked.join())
})

test('a memory that is wrong is corrected: the shape, and whether renames work', async (t) => {
  const stage = staged(t, CONTENT)
  stage.hosts.set(PLACE, { key: PLACE, shape: 'dot', renames: true, replaces: true, sends: null })
  const { remote } = choosy(noWords)
  assert.equal((await stage.upload('in', { remote })).status, 'complete')
  assert.deepEqual(stage.hosts.get(PLACE), { key: PLACE, shape: 'extension', renames: true, replaces: true, sends: null })
  // It was forbidden, and is allowed now: asked again, also for a file of one block.
  const allowed = staged(t, SMALL, OLD)
  allowed.hosts.set(PLACE, { key: PLACE, shape: 'dot', renames: false, replaces: null, sends: null })
  const result = await allowed.upload('in')
  assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
  assert.equal(allowed.hosts.get(PLACE)?.renames, true)
  const forbidden = staged(t, CONTENT)
  forbidden.hosts.set(PLACE, { key: PLACE, shape: 'dot', renames: true, replaces: null, sends: null })
  const direct = await forbidden.upload('in', { remote: renaming(forbidden, () => 'refused') })
  assert.deepEqual([direct.status, direct.writtenDirectly], ['complete', true], direct.failure?.message)
  assert.equal(forbidden.hosts.get(PLACE)?.renames, false)
})

test('where nothing was renamed before that is asked first, also for a file of one block, and nothing is sent', async (t) => {
  const stage = staged(t, SMALL, OLD)
  stage.hosts.set(PLACE, { key: PLACE, shape: 'dot', renames: false, replaces: null, sends: null })
  const result = await stage.upload('in', { remote: renaming(stage, () => 'refused') })
  assert.deepEqual([result.failure?.kind, result.bytesTransferred, result.previous], ['refused', 0, { kind: 'untouched' }])
  assert.match(result.failure?.message ?? '', /lacks the right to rename/)
  assert.match(result.failure?.hint ?? '', /publish-without-rename/)
})

test('a partial of another shape is continued where the state is lost', async (t) => {
  const stage = staged(t, CONTENT)
  const { remote } = choosy(noWords)
  stage.server.before = (step, path) => {
    if (step === 'written' && partialParts('out', path) !== null) throw new TransferError('stopped', 'cut off')
  }
  await stage.upload('in', { remote })
  stage.server.before = () => {}
  stage.hosts.clear()
  stage.journal.clear()
  const result = await stage.upload('in', { remote })
  assert.deepEqual([result.status, result.bytesTransferred], ['complete', 0], result.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

/** `refuses` says what a rename is answered; null lets it happen. */
function renaming({ server }: Stage, refuses: (from: string, to: string) => FailureKind | null, more: Partial<Tree> = {}) {
  return (given: Remote): Remote => {
    const tree = server.remote.tree ?? assert.fail('a tree')
    const rename: Tree['rename'] = async (from, to, signal) => {
      const kind = refuses(from, to)
      if (kind !== null) throw new TransferError(kind, `rename of ${from} to ${to}`)
      return tree.rename(from, to, signal)
    }
    return { ...given, tree: { ...tree, rename, replaces: 'never', ...more } }
  }
}

/** Neither over the old file nor away with it. */
const stays =
  ({ server }: Stage) =>
  (from: string, to: string): FailureKind | null =>
    from === 'out' || (to === 'out' && server.files.has('out')) ? 'refused' : null

for (const content of [SMALL, CONTENT])
  test(`neither over it nor aside, ${content.length} bytes: the old file is removed when the new one is compared whole, and that is said`, async (t) => {
    const stage = staged(t, content, OLD)
    const notes: string[] = []
    stage.onEvent = (event) => void (event.kind === 'note' && notes.push(event.message))
    stage.server.before = (step, path) => {
      if (step !== 'remove' || path !== 'out') return
      const partial = [...stage.server.files].find(([name]) => partialParts('out', name) !== null)
      assert.ok(holds(partial?.[1], content), 'the new one is whole beside it')
    }
    const result = await stage.upload('in', { remote: renaming(stage, stays(stage)) })
    assert.deepEqual([result.status, result.previous], ['complete', { kind: 'replaced' }], result.failure?.message)
    assert.deepEqual([...stage.server.files.keys()], ['out'])
    assert.ok(notes.some((note) => /it was removed when the new one was whole/.test(note)))
    assert.equal(stage.hosts.get(PLACE)?.replaces, false)
  })

test('the old file is not removed where the new one cannot be read back, or may not be removed; both stay and it is said where', async (t) => {
  const said: string[] = []
  const unread = staged(t, CONTENT, OLD)
  const read = () => Promise.reject(new TransferError('refused', 'no reading'))
  const blind = (given: Remote): Remote => ({ ...renaming(unread, stays(unread))(given), read })
  const kept = staged(t, CONTENT, OLD)
  const remove: Tree['remove'] = async (path) => {
    if (path === 'out') throw new TransferError('refused', 'not allowed')
    kept.server.files.delete(path)
  }
  for (const [stage, remote] of [
    [unread, blind],
    [kept, renaming(kept, stays(kept), { remove })],
  ] as const) {
    stage.onEvent = (event) => void (event.kind === 'note' && said.push(event.message))
    const result = await stage.upload('in', { remote })
    assert.deepEqual([result.failure?.kind, result.previous], ['refused', { kind: 'untouched' }])
    assert.ok(holds(stage.server.files.get('out'), OLD))
    assert.deepEqual(
      said.filter((line) => /moved aside|removed/.test(line)),
      [],
      'what was not done is not said',
    )
    const partial = [...stage.server.files.keys()].find((name) => partialParts('out', name) !== null) ?? assert.fail('no partial')
    assert.ok(result.failure?.message.includes(partial), result.failure?.message)
  }
})

test('the old file was removed and the new one cannot follow: it is said where it lies, and the next run publishes it', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  let opens = false
  const refuses = (from: string, to: string): FailureKind | null => (from === 'out' || (to === 'out' && !opens) ? 'refused' : null)
  const result = await stage.upload('in', { remote: renaming(stage, refuses) })
  const partial = [...stage.server.files.keys()].find((name) => partialParts('out', name) !== null) ?? assert.fail('no partial')
  assert.deepEqual([result.failure?.kind, result.previous], ['refused', { kind: 'removed', path: partial }])
  assert.ok(result.failure?.message.includes(partial))
  opens = true
  const next = await stage.upload('in', { remote: renaming(stage, refuses) })
  assert.deepEqual([next.status, next.bytesTransferred], ['complete', 0], next.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

test('a server that breaks down at every rename over a file says no in its own way: the old one is moved aside', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  const refuses = (_from: string, to: string): FailureKind | null => (stage.server.files.has(to) ? 'transient' : null)
  const result = await stage.upload('in', { remote: renaming(stage, refuses) })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

for (const content of [SMALL, CONTENT])
  for (const [what, times, brokeDown, direct] of [
    ['fails inside at every rename', Number.POSITIVE_INFINITY, true, true],
    ['fails inside at one rename', 1, true, false],
    ['hangs up at two renames', 2, false, false],
  ] as const)
    test(`a server ${what}, ${content.length} bytes: ${direct ? 'it says no in its own way, which the next run does not believe' : 'it renames'}`, async (t) => {
      const stage = staged(t, content)
      let left = times
      const remote = (given: Remote): Remote => {
        const tree = given.tree ?? assert.fail('a tree')
        const rename: Tree['rename'] = async (from, to, signal) => {
          left -= 1
          if (left >= 0) throw new TransferError('transient', 'it failed inside', { brokeDown })
          return tree.rename(from, to, signal)
        }
        return { ...given, tree: { ...tree, rename } }
      }
      const result = await stage.upload('in', { remote, policy: { retries: 3 } })
      assert.deepEqual([result.status, result.writtenDirectly === true], ['complete', direct], result.failure?.message)
      assert.deepEqual([...stage.server.files.keys()], ['out'])
      assert.ok(holds(stage.server.files.get('out'), content))
      assert.equal(stage.hosts.get(PLACE)?.renames ?? null, direct ? null : true)
    })

/** Nothing can be removed: what was made beside `out`, and what was said of it, run by run. */
function hoarding(stage: Stage, more: (given: Remote) => Remote = (given) => given) {
  const said: string[] = []
  stage.onEvent = (event) => {
    if ((event.kind === 'note' || event.kind === 'warning') && /remove/.test(event.message)) said.push(event.message)
  }
  const remote = (given: Remote): Remote => {
    const changed = more(given)
    const tree = changed.tree ?? assert.fail('a tree')
    const remove: Tree['remove'] = async (path) => {
      if (stage.server.files.has(path)) throw new TransferError('refused', 'nobody removes here')
    }
    return { ...changed, tree: { ...tree, remove } }
  }
  const beside = (): readonly string[] => [...stage.server.files.keys()].filter((name) => name !== 'out')
  return { remote, said, beside }
}

test('where nothing may be removed one scratch file is made, named once, and none by the next runs', async (t) => {
  const stage = staged(t, CONTENT)
  const { remote, said, beside } = hoarding(stage)
  for (let run = 0; run < 3; run += 1) {
    writeFileSync(stage.path('in'), Buffer.concat([CONTENT, Buffer.alloc(run)]))
    assert.equal((await stage.upload('in', { remote })).status, 'complete')
    assert.equal(beside().length, 1, beside().join())
    assert.equal(said.length, 1, said.join())
  }
  assert.ok(said[0]?.includes(beside()[0] ?? '?') && /may not remove/.test(said[0]))
  assert.equal(stage.hosts.get(PLACE)?.keeps, true)
})

for (const publishWithoutRename of ['auto', 'always'] as const)
  test(`where nothing may be removed or renamed, ${publishWithoutRename}: neither, and the bytes go to the final name`, async (t) => {
    const stage = staged(t, CONTENT)
    const { remote, said, beside } = hoarding(stage, (given) => renaming(stage, () => 'refused')(given))
    for (let run = 0; run < 3; run += 1) {
      if (publishWithoutRename === 'auto') stage.server.files.delete('out')
      const result = await stage.upload('in', { remote, policy: { publishWithoutRename, resume: 'never' } })
      assert.deepEqual([result.status, result.writtenDirectly], ['complete', true], result.failure?.message)
      assert.equal(beside().length, 1, beside().join())
      assert.equal(said.filter((line) => /which stays/.test(line)).length, 1, said.join())
    }
    // Where it cannot be sent otherwise it is asked again, because it may be allowed by now.
    stage.server.files.set('out', OLD)
    const allowed = await stage.upload('in', { remote: hoarding(stage).remote })
    assert.deepEqual([allowed.status, allowed.writtenDirectly], ['complete', undefined], allowed.failure?.message)
  })

test('a file that cannot be sent names what stayed', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  const { remote, said, beside } = hoarding(stage, (given) => renaming(stage, () => 'refused')(given))
  assert.equal((await stage.upload('in', { remote })).failure?.kind, 'refused')
  assert.ok(
    said.some((line) => /which stays/.test(line) && beside().every((name) => line.includes(name))),
    said.join(),
  )
})

test('an old file that can neither be replaced nor moved nor removed: one scratch file a run, and none once it may be removed', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  const { remote, beside } = hoarding(stage, (given) => renaming(stage, stays(stage))(given))
  for (let run = 1; run <= 2; run += 1) {
    assert.equal((await stage.upload('in', { remote })).failure?.kind, 'refused')
    assert.ok(holds(stage.server.files.get('out'), OLD))
    assert.equal(beside().filter((name) => name.includes('rt-probe')).length, run, beside().join())
    assert.equal(beside().filter((name) => name.endsWith('.partial')).length, 1, beside().join())
  }
  assert.equal(stage.hosts.get(PLACE)?.keeps, true)
  const allowed = await stage.upload('in', { remote: renaming(stage, stays(stage)) })
  assert.deepEqual([allowed.status, stage.hosts.get(PLACE)?.keeps], ['complete', undefined], allowed.failure?.message)
})

/** Permission bits as servers keep them. */
function withModes({ refuses = null as FailureKind | null, unset = false, asked = null as string[] | null, fails = 0 } = {}) {
  const modes = new Map<string, number>()
  const seen: string[] = []
  const remote = (given: Remote): Remote => {
    const { tree, writer } = given
    if (tree === undefined || writer === undefined) return assert.fail('a tree and a writer')
    const setMode: Tree['setMode'] = async (path, mode) => {
      if (refuses !== null) throw new TransferError(refuses, 'no chmod here')
      seen.push(`${partialParts('out', path) === null ? path : 'partial'} ${mode.toString(8)}`)
      modes.set(path, mode)
    }
    const rename: Tree['rename'] = async (from, to, signal) => {
      await tree.rename(from, to, signal)
      modes.set(to, modes.get(from) ?? 0o644)
      modes.delete(from)
      if (to === 'out') seen.push(`published ${modes.get(to)?.toString(8)}`)
    }
    const create: Writer['create'] = async (path, size, body, observer, signal) => {
      modes.delete(path)
      await writer.create(path, size, body, observer, signal)
      if (path === 'out') seen.push('written in place')
    }
    const stat: Remote['stat'] = async (path, signal) => {
      const found = await given.stat(path, signal)
      return found === null || found.kind !== 'file' || asked !== null ? found : { ...found, mode: modes.get(path) ?? 0o644 }
    }
    // Where a look tells none, as over FTP without MLST.
    const modeOf = async (path: string): Promise<number | null> => {
      asked?.push(path)
      if ((asked?.length ?? 0) <= fails) throw new TransferError('transient', 'no answer')
      return modes.get(path) ?? 0o644
    }
    return {
      ...given,
      stat,
      writer: { ...writer, create },
      tree: { ...tree, rename, ...(unset ? {} : { setMode }), ...(asked === null ? {} : { modeOf }) },
    }
  }
  return { modes, seen, remote }
}

for (const [mode, seen] of [
  [0o755, ['partial 755', 'published 755']],
  [0o664, ['partial 664', 'published 664']],
  [0o644, ['published 644']],
  [0o600, ['partial 600', 'published 600']],
  [0o400, ['partial 600', 'partial 400', 'published 400']],
  [0o4755, ['partial 755', 'published 755']],
] as const)
  test(`the file that replaces one of mode ${mode.toString(8)} has it before it has the name`, async (t) => {
    const stage = staged(t, CONTENT, OLD)
    const kept = withModes()
    kept.modes.set('out', mode)
    stage.server.before = (step, path) => {
      // Of a private file no byte is ever where others can read it.
      if (step === 'chunk' && (mode & 4) === 0 && partialParts('out', path) !== null) assert.equal(kept.modes.get(path), 0o600)
    }
    const result = await stage.upload('in', { remote: kept.remote })
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.deepEqual(kept.seen, seen)
  })

for (const fails of [0, 1])
  test(`the mode that a look does not tell is asked for once, before the first byte; ${fails} failed`, async (t) => {
    const stage = staged(t, CONTENT, OLD)
    const asked: string[] = []
    const kept = withModes({ asked, fails })
    kept.modes.set('out', 0o600)
    stage.server.before = (step, path) => {
      if (step === 'chunk' && partialParts('out', path) !== null) assert.equal(kept.modes.get(path), 0o600)
    }
    const result = await stage.upload('in', { remote: kept.remote })
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.equal(kept.seen.at(-1), 'published 600')
    assert.deepEqual(asked, Array(fails + 1).fill('out'))
    const fresh = staged(t, CONTENT)
    assert.equal((await fresh.upload('in', { remote: withModes({ asked }).remote })).status, 'complete')
    assert.equal(asked.length, fails + 1, 'of a file that is not there')
  })

for (const way of ['a look', 'a question'])
  for (const bits of [0, 0o111, 0o200])
    test(`a mode by which nobody could read the old file is none, told by ${way}: ${bits.toString(8)}`, async (t) => {
      const stage = staged(t, CONTENT, OLD)
      const kept = withModes({ asked: way === 'a look' ? null : [] })
      kept.modes.set('out', bits)
      const result = await stage.upload('in', { remote: kept.remote })
      assert.equal(result.status, 'complete', result.failure?.message)
      assert.deepEqual(kept.seen, ['published 644'])
    })

test('a mode that nobody can ask for ends nothing, and is told', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  const asked: string[] = []
  const told: string[] = []
  stage.onEvent = (event) => {
    if (event.kind === 'note' && /may have another mode/.test(event.message)) told.push(event.message)
  }
  const result = await stage.upload('in', { remote: withModes({ asked, fails: 9 }).remote })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.deepEqual([asked.length, told.length], [2, 1])
  const once = staged(t, CONTENT, OLD)
  assert.equal((await once.upload('in', { policy: { retries: 0 }, remote: withModes({ asked, fails: 9 }).remote })).status, 'complete')
})

test('a new file has the mode that the server gives', async (t) => {
  const stage = staged(t, CONTENT)
  const { remote, seen } = withModes()
  assert.equal((await stage.upload('in', { remote })).status, 'complete')
  assert.deepEqual(seen, ['published 644'])
})

test('a mode that is not set is told once: a note, or a warning where more people may read the file', async (t) => {
  for (const [mode, kind] of [
    [0o755, 'note'],
    [0o600, 'warning'],
  ] as const)
    for (const how of [{ refuses: 'refused' }, { refuses: 'no-space' }, { refuses: 'protocol' }, { unset: true }] as const) {
      const stage = staged(t, CONTENT, OLD)
      const { remote, modes } = withModes(how)
      modes.set('out', mode)
      const told: string[] = []
      stage.onEvent = (event) => {
        if ((event.kind === 'note' || event.kind === 'warning') && /has the mode/.test(event.message)) told.push(event.kind)
      }
      assert.equal((await stage.upload('in', { remote })).status, 'complete')
      assert.deepEqual(told, [kind])
    }
})

test('a mode that is never set, because the server leaves over it, is dropped by the second attempt', async (t) => {
  for (const [retries, mode] of [
    [3, 0o755],
    [3, 0o600],
    [0, 0o755],
  ] as const) {
    const stage = staged(t, CONTENT, OLD)
    const { remote, modes } = withModes({ refuses: 'transient' })
    modes.set('out', mode)
    let told = 0
    stage.onEvent = (event) => {
      if ((event.kind === 'note' || event.kind === 'warning') && /has the mode/.test(event.message)) told += 1
    }
    const result = await stage.upload('in', { remote, policy: { retries } })
    assert.deepEqual([result.status, told], ['complete', 1], result.failure?.message)
    assert.ok(holds(stage.server.files.get('out'), CONTENT))
  }
})

test('what is written in place keeps the mode as well', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  const { remote, modes } = withModes()
  modes.set('out', 0o755)
  const refusing = (given: Remote): Remote => renamingOf(remote(given))
  const result = await stage.upload('in', { remote: refusing, policy: { publishWithoutRename: 'always' } })
  assert.deepEqual([result.status, result.writtenDirectly, modes.get('out')], ['complete', true, 0o755], result.failure?.message)
})

function renamingOf(given: Remote): Remote {
  const tree = given.tree ?? assert.fail('a tree')
  const rename: Tree['rename'] = async () => {
    throw new TransferError('refused', 'nobody renames here')
  }
  return { ...given, tree: { ...tree, rename } }
}

test('a run that died between the renames: the old file is put back, and its mode is kept', async (t) => {
  const stage = staged(t, CONTENT, OLD)
  const { remote, modes } = withModes()
  const over = (given: Remote): Remote => {
    const moded = remote(given)
    const tree = moded.tree ?? assert.fail('a tree')
    const rename: Tree['rename'] = async (from, to, signal) => {
      if (stage.server.files.has(to)) throw new TransferError('refused', 'not over a file')
      return tree.rename(from, to, signal)
    }
    return { ...moded, tree: { ...tree, rename, replaces: 'never' } }
  }
  modes.set('out', 0o755)
  stage.server.before = (step, path) => {
    if (step === 'renamed' && passingKind('out', path) === 'aside') throw new TransferError('stopped', 'dead')
  }
  await stage.upload('in', { remote: over })
  const aside = [...stage.server.files.keys()].find((name) => passingKind('out', name) === 'aside') ?? assert.fail('no aside')
  modes.set(aside, 0o755)
  for (const name of [...stage.server.files.keys()]) if (name !== aside) stage.server.files.delete(name)
  stage.server.before = () => {}
  const result = await stage.upload('in', { remote: over })
  assert.deepEqual([result.status, modes.get('out')], ['complete', 0o755], result.failure?.message)
})
