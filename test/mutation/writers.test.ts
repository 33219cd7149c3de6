/** Only processes that send exactly this content have ever written to a file that is published; and what the server has not said it has stored is not taken for stored. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { contentFingerprint, fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName, partialParts, passingKind } from '../../src/core/paths.ts'
import type { AppendResumer, Body, Remote, Tree, WriteObserver } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, holds, Stage, sha256 } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 5 * BLOCK + 77))
/** The next version: its first and last blocks differ. */
const NEXT = Buffer.concat([
  Buffer.from(seededBytes(9, BLOCK)),
  CONTENT.subarray(BLOCK, 4 * BLOCK),
  Buffer.from(seededBytes(8, BLOCK + 77)),
])
const DAY_MS = 24 * 60 * 60 * 1000

function tagOf(bytes: Buffer): string {
  const blocks = Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, i) => sha256(bytes.subarray(i * BLOCK, (i + 1) * BLOCK)))
  return fingerprintTag(contentFingerprint({ size: bytes.length, blockSize: BLOCK, blocks }))
}

const partials = ({ server }: Stage): string[] => [...server.files.keys()].filter((name) => name.endsWith('.partial'))

/** A run of this content that was cut off after four blocks; `ended`: in order. */
async function interrupted(t: TestContext, ended = false): Promise<Stage> {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  stage.server.before = (step, path) => {
    if (step === 'written' && path.endsWith('.partial')) throw new TransferError('stopped', 'cut off')
  }
  assert.equal((await stage.upload('in')).failure?.kind, 'stopped')
  stage.server.before = () => {}
  const [partial] = partials(stage)
  stage.server.files.set(partial ?? assert.fail('no partial'), CONTENT.subarray(0, 4 * BLOCK))
  for (const [key, entry] of stage.journal) stage.journal.set(key, { ...entry, ended })
  return stage
}

const with_ =
  (stage: Stage, more: Partial<Tree>) =>
  (given: Remote): Remote => ({
    ...given,
    tree: { ...(stage.server.remote.tree ?? assert.fail('a tree')), ...more },
  })

test('an earlier partial is renamed before anything is written to it, and both names are never the same', async (t) => {
  const stage = await interrupted(t)
  const [before] = partials(stage)
  const written: string[] = []
  stage.server.before = (step, path) => {
    if (step === 'chunk' && path.endsWith('.partial')) written.push(path)
  }
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.resumedFrom], ['complete', 4 * BLOCK])
  assert.ok(!new Set(written.slice(-2)).has(before ?? ''), 'written under the name of the earlier process')
  assert.ok(written.every((path) => partialParts('out', path)?.tag === tagOf(CONTENT)))
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

test('the journal is lost: the partial is found by listing, also that of an earlier release', async (t) => {
  for (const nonce of ['89abcdef', null]) {
    const stage = new Stage(t)
    writeFileSync(stage.path('in'), CONTENT)
    stage.server.files.set(partialName('out', tagOf(CONTENT), nonce), CONTENT.subarray(0, 3 * BLOCK))
    const result = await stage.upload('in')
    assert.deepEqual([result.status, result.resumedFrom], ['complete', 3 * BLOCK])
    assert.deepEqual([...stage.server.files.keys()], ['out'])
  }
})

test('a partial that another process takes away first is not missed: the file is sent anew', async (t) => {
  const stage = await interrupted(t)
  const rename: Tree['rename'] = async (from, to, signal) => {
    if (partialParts('out', to) !== null) throw new TransferError('not-found', 'taken')
    return stage.server.remote.tree?.rename(from, to, signal)
  }
  const result = await stage.upload('in', { remote: with_(stage, { rename }) })
  assert.deepEqual([result.status, result.resumedFrom], ['complete', 0])
  assert.ok(holds(stage.server.files.get('out'), CONTENT))
})

test('a file that is begun again has another name: the one before may be about to be published by another process', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const made: string[] = []
  let cut = false
  stage.server.before = (step, path) => {
    if (step === 'create' && path.endsWith('.partial')) made.push(path)
    if (step !== 'written' || !path.endsWith('.partial') || cut) return
    cut = true
    throw new TransferError('transient', 'connection lost')
  }
  const whole = (remote: Remote): Remote => ({
    ...remote,
    ...(remote.writer === undefined ? {} : { writer: { create: remote.writer.create, resumer: async () => null } }),
  })
  const result = await stage.upload('in', { remote: whole })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.equal(made.length, 2)
  assert.notEqual(made[0], made[1])
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

/** A server that continues a file at its end, and with `rewinds` at any place below it. */
function appending(stage: Stage, rewinds: boolean, seen: string[]) {
  return (given: Remote): Remote => {
    const write = (how: string) => async (path: string, offset: number, length: number, body: Body, observer: WriteObserver) => {
      seen.push(`${how} ${path}`)
      await stage.server.before('continue', path)
      const before = (stage.server.files.get(path) ?? assert.fail(`no ${path}`)).subarray(0, offset)
      const chunks: Uint8Array[] = [before]
      for await (const chunk of body) chunks.push(Buffer.from(chunk))
      stage.server.files.set(path, Buffer.concat(chunks))
      await stage.server.before('written', path)
      observer.acknowledged(length)
    }
    const create = given.writer?.create ?? assert.fail('a writer')
    const resumer: AppendResumer = { kind: 'append', append: write('append'), ...(rewinds ? { rewind: write('rewind') } : {}) }
    return { ...given, writer: { create, resumer: async () => resumer } }
  }
}

test('a partial that somebody appends to has a mark, and nobody continues it whose run may be alive', async (t) => {
  for (const [ended, resumed] of [
    [false, 0],
    [true, 4 * BLOCK],
  ] as const) {
    const stage = await interrupted(t)
    const seen: string[] = []
    stage.server.before = (step, path) => {
      if (step === 'written' && path.endsWith('.partial')) throw new TransferError('stopped', 'cut off')
    }
    const second = await stage.upload('in', { remote: appending(stage, false, seen) })
    assert.deepEqual([second.failure?.kind, second.resumedFrom], ['stopped', 4 * BLOCK], 'what a process made by STOR may be continued')
    const marked = seen.map((line) => line.slice('append '.length))
    assert.ok(marked.length === 1 && partialParts('out', marked[0] ?? '')?.appended === true, marked.join())
    stage.server.files.set(marked[0] ?? '', CONTENT.subarray(0, 4 * BLOCK))
    stage.server.before = () => {}
    for (const [key, entry] of stage.journal) stage.journal.set(key, { ...entry, ended })
    const third = await stage.upload('in', { remote: appending(stage, false, seen) })
    assert.deepEqual([third.status, third.resumedFrom], ['complete', resumed], third.failure?.message)
    assert.equal(stage.server.files.has(marked[0] ?? ''), !ended, 'one that may be alive stays')
    assert.ok(holds(stage.server.files.get('out'), CONTENT))
  }
})

test('a server that writes at a given place is never told to append: the same bytes at the same place harm nobody', async (t) => {
  const stage = await interrupted(t)
  const seen: string[] = []
  const result = await stage.upload('in', { remote: appending(stage, true, seen) })
  assert.deepEqual([result.status, result.resumedFrom], ['complete', 4 * BLOCK])
  assert.deepEqual(
    seen.map((line) => line.split(' ')[0]),
    ['rewind'],
  )
})

test('a file that is made anew when it is continued by name is not taken for the one that was proven', async (t) => {
  const stage = await interrupted(t)
  let claimed = false
  stage.server.before = (step, path) => {
    // Between the look at its size and the STOR a twin takes it away: the server makes one with zeros below the place.
    if (step !== 'continue' || claimed) return
    claimed = true
    stage.server.files.set(path, Buffer.alloc(4 * BLOCK))
  }
  const result = await stage.upload('in', { remote: appending(stage, true, []) })
  assert.ok(claimed)
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(stage.server.files.get('out'), CONTENT), 'zeros under the final name')
})

test('a partial that is being written to is left to its run, and the late one ends with what that has published', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const partial = partialName('out', tagOf(CONTENT), '89abcdef')
  let looks = 0
  const touched: string[] = []
  stage.server.files.set(partial, CONTENT.subarray(0, BLOCK))
  stage.server.before = (step, path) => {
    if ((step === 'rename' || step === 'remove') && path === partial) touched.push(step)
    if (step !== 'stat' || path !== partial) return
    looks += 1
    if (looks < 6) stage.server.files.set(partial, CONTENT.subarray(0, looks * BLOCK))
    else if (stage.server.files.delete(partial)) stage.server.files.set('out', CONTENT)
  }
  stage.ticks = true
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.bytesTransferred, touched], ['complete', 0, []], result.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

test('a run that has stopped writing is not waited for longer than the time limit', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const partial = partialName('out', tagOf(CONTENT), '89abcdef')
  stage.server.files.set(partial, CONTENT.subarray(0, BLOCK))
  let looks = 0
  stage.server.before = (step, path) => {
    if (step !== 'stat' || path !== partial) return
    looks += 1
    if (looks < 4) stage.server.files.set(partial, CONTENT.subarray(0, looks * BLOCK))
  }
  stage.ticks = true
  const result = await stage.upload('in', { policy: { timeoutMs: 10_000 } })
  assert.deepEqual([result.status, result.resumedFrom], ['complete', 3 * BLOCK], result.failure?.message)
  assert.ok(looks < 15, String(looks))
})

test('of two runs with the same content the late one finds the file in place', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  let taken = false
  stage.server.before = (step, path) => {
    if (step !== 'written' || !path.endsWith('.partial') || taken) return
    // The other one claimed the partial that both had filled, and has published it.
    taken = true
    stage.server.files.delete(path)
    stage.server.files.set('out', CONTENT)
  }
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.bytesTransferred], ['complete', CONTENT.length], result.failure?.message)
  assert.deepEqual([...stage.server.files.keys()], ['out'])
})

test('the live partial of another version is neither renamed nor removed, and is named', async (t) => {
  const stage = await interrupted(t)
  const [old] = partials(stage)
  writeFileSync(stage.path('in'), NEXT)
  const touched: string[] = []
  stage.server.before = (step, path) => {
    if ((step === 'rename' || step === 'remove') && path === old) touched.push(step)
  }
  const warnings: string[] = []
  stage.onEvent = (event) => {
    if (event.kind === 'warning') warnings.push(event.message)
  }
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.resumedFrom, touched], ['complete', 0, []])
  assert.ok(stage.server.files.has(old ?? ''))
  assert.match(warnings.join(), new RegExp(`may still be using it.*${old}`))
})

test('where the server copies, blocks of another version come from a copy, and the copy is no partial until it is complete', async (t) => {
  const stage = await interrupted(t)
  const [old = ''] = partials(stage)
  writeFileSync(stage.path('in'), NEXT)
  const copies: string[] = []
  const copy: Tree['copy'] = async (from, to) => {
    copies.push(to)
    stage.server.files.set(to, Buffer.from(stage.server.files.get(from) ?? assert.fail(from)))
  }
  const result = await stage.upload('in', { remote: with_(stage, { copy }) })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.equal(result.bytesReused, 3 * BLOCK)
  assert.deepEqual(
    copies.map((path) => passingKind('out', path)),
    ['copy'],
  )
  assert.deepEqual(new Set(stage.server.files.keys()), new Set(['out', old]), 'the live partial stays, the copy went')
  assert.ok(holds(stage.server.files.get('out'), NEXT))
})

test('a copy whose answer is lost is never continued: the server may still be copying into it', async (t) => {
  const stage = await interrupted(t)
  writeFileSync(stage.path('in'), NEXT)
  const copies: string[] = []
  const copy: Tree['copy'] = async (from, to) => {
    copies.push(to)
    stage.server.files.set(to, (stage.server.files.get(from) ?? assert.fail(from)).subarray(0, BLOCK))
    if (copies.length === 1) throw new TransferError('transient', 'connection lost')
    stage.server.files.set(to, stage.server.files.get(from) ?? assert.fail(from))
  }
  const used: string[] = []
  stage.server.before = (step, path) => {
    if (step === 'rename') used.push(path)
  }
  const result = await stage.upload('in', { remote: with_(stage, { copy }) })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(!used.includes(copies[0] ?? ''))
  assert.ok(!stage.server.files.has(copies[0] ?? ''), 'the scrap is removed at the end')
})

test('the partial of another version whose run ended in order is used itself', async (t) => {
  const stage = await interrupted(t, true)
  writeFileSync(stage.path('in'), NEXT)
  const result = await stage.upload('in')
  assert.deepEqual([result.status, result.bytesReused], ['complete', 3 * BLOCK])
  assert.deepEqual([...stage.server.files.keys()], ['out'])
  assert.ok(holds(stage.server.files.get('out'), NEXT))
})

test('a partial of another version goes when it is a day old by the clock of the server', async (t) => {
  for (const [writtenAtMs, nowMs, stays] of [
    [1000, DAY_MS, true],
    [1000, DAY_MS + 2000, false],
    // No time at all, which gateways show of what is being written.
    [0, 2 * DAY_MS, true],
    [-1000, 2 * DAY_MS, true],
    [null, 2 * DAY_MS, true],
  ] as const) {
    const stage = await interrupted(t)
    const [old = ''] = partials(stage)
    writeFileSync(stage.path('in'), NEXT)
    const stat: Remote['stat'] = async (path, signal) => {
      const file = await stage.server.remote.stat(path, signal)
      return file === null ? null : { ...file, modifiedAtMs: path === old ? writtenAtMs : nowMs }
    }
    const result = await stage.upload('in', { remote: (remote) => ({ ...remote, stat }) })
    assert.equal(result.status, 'complete')
    assert.equal(stage.server.files.has(old), stays, `written at ${writtenAtMs}`)
  }
})

/** A server that takes a file and says only that (HTTP 202). `storesAfter` looks later it has stored it. */
function accepting(stage: Stage, storesAfter: number) {
  let looks = 0
  let taken: { path: string; bytes: Buffer } | null = null
  return ({ tree: _, ...given }: Remote): Remote => ({
    ...given,
    stat: async (path, signal) => {
      looks += 1
      if (taken !== null && looks > storesAfter) stage.server.files.set(taken.path, taken.bytes)
      return stage.server.remote.stat(path, signal)
    },
    writer: {
      resumer: async () => null,
      create: async (path, _size, body) => {
        const chunks: Uint8Array[] = []
        for await (const chunk of body) chunks.push(Buffer.from(chunk))
        taken = { path, bytes: Buffer.concat(chunks) }
      },
    },
  })
}

test('what a server only accepts is looked for within the time, by its content, and is red when it never comes', async (t) => {
  for (const [storesAfter, status, kind] of [
    [4, 'complete', undefined],
    [Number.POSITIVE_INFINITY, 'failed', 'refused'],
  ] as const) {
    const stage = new Stage(t)
    writeFileSync(stage.path('in'), CONTENT)
    // Of the same size: only the content tells.
    stage.server.files.set('out', NEXT)
    stage.ticks = true
    const result = await stage.upload('in', { remote: accepting(stage, storesAfter), policy: { timeoutMs: 20_000 } })
    assert.deepEqual([result.status, result.failure?.kind], [status, kind], result.failure?.message)
    if (status === 'complete') assert.equal(result.proof, 'read-back')
  }
})

test('a size that the server does not tell is no proof: the file is read back, or nothing but the acknowledgements is claimed', async (t) => {
  const untold =
    (stage: Stage, readable: boolean) =>
    (remote: Remote): Remote => ({
      ...remote,
      stat: async (path, signal) => {
        const file = await stage.server.remote.stat(path, signal)
        return file === null ? null : { ...file, size: null }
      },
      read: readable ? remote.read : () => Promise.reject(new TransferError('refused', 'no reading')),
    })
  for (const readable of [true, false])
    for (const half of [false, true]) {
      const stage = new Stage(t)
      writeFileSync(stage.path('in'), CONTENT)
      stage.server.before = (step, path) => {
        if (half && step === 'written' && path.endsWith('.partial')) stage.server.files.set(path, CONTENT.subarray(0, 2 * BLOCK))
      }
      const result = await stage.upload('in', { remote: untold(stage, readable), policy: { verify: 'size' } })
      const wanted = readable ? (half ? ['failed', null] : ['complete', 'read-back']) : ['complete', 'acknowledged']
      assert.deepEqual([result.status, result.proof], wanted, `readable ${readable}, half ${half}: ${result.failure?.message}`)
      if (result.status === 'failed') assert.equal(stage.server.files.has('out'), false)
    }
})

test('an older file of the same size that shows no change after a PUT is no proof that it was stored', async (t) => {
  for (const stores of [true, false]) {
    const stage = new Stage(t)
    writeFileSync(stage.path('in'), CONTENT)
    stage.server.files.set('out', NEXT)
    stage.ticks = true
    const remote = ({ tree: _, ...given }: Remote): Remote => ({
      ...given,
      writer: {
        resumer: async () => null,
        create: async (path, size, body, observer) => {
          const chunks: Uint8Array[] = []
          for await (const chunk of body) chunks.push(Buffer.from(chunk))
          if (stores) stage.server.files.set(path, Buffer.concat(chunks))
          observer.acknowledged(size)
        },
      },
    })
    const result = await stage.upload('in', { remote })
    assert.deepEqual([result.status, result.proof], stores ? ['complete', 'read-back'] : ['failed', null], result.failure?.message)
  }
})

test('where all write to the final name itself, the length is no proof: it is read back', async (t) => {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const rename: Tree['rename'] = () => Promise.reject(new TransferError('refused', 'no renaming'))
  stage.server.before = (step, path) => {
    // Another version is being sent to the same name.
    if (step === 'written' && path === 'out')
      stage.server.files.set('out', Buffer.concat([NEXT.subarray(0, BLOCK), CONTENT.subarray(BLOCK)]))
  }
  const spoilt = await stage.upload('in', { remote: with_(stage, { rename }) })
  assert.equal(spoilt.failure?.kind, 'integrity')
  const calm = new Stage(t)
  writeFileSync(calm.path('in'), CONTENT)
  const whole = await calm.upload('in', { remote: with_(calm, { rename }) })
  assert.deepEqual([whole.status, whole.proof, whole.writtenDirectly], ['complete', 'read-back', true], whole.failure?.message)
})
