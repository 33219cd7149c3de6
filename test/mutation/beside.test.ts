/** Kept bytes are proven while the missing ones are sent: every one of them is proven or sent before anything is published, and two exchanges end as one. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { TransferResult } from '../../src/engine/ports.ts'
import type { Digester, PositionalResumer, Remote, Resumer } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, flipped, holds, Stage, type Wishes } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 12 * BLOCK + 77))
const KEPT = 8 * BLOCK

/** Two exchanges at once. */
const open = (remote: Remote): Remote => ({ ...remote, connectionsMax: 2 })

/** A stage on which an upload has ended in the middle. */
async function begun(t: TestContext): Promise<{ readonly stage: Stage; readonly partial: string }> {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  let chunks = 0
  stage.server.before = (step, path) => {
    if (step === 'chunk' && path.endsWith('.partial')) chunks += 1
    if (chunks > KEPT / BLOCK) throw new TransferError('denied', 'an end')
  }
  assert.equal((await stage.upload('in')).status, 'failed')
  stage.server.before = () => {}
  const partial = [...stage.server.files.keys()].find((name) => name.endsWith('.partial')) ?? assert.fail('no partial')
  assert.equal(stage.server.files.get(partial)?.length, KEPT)
  return { stage, partial }
}

function assertWhole(stage: Stage, result: TransferResult): void {
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(stage.server.files.get('out'), CONTENT), 'wrong bytes')
  assert.deepEqual([...stage.server.files.keys()], ['out'])
}

/** With another way to write into the partial. */
function writing(remote: Remote, write: (real: PositionalResumer) => PositionalResumer['write']): Remote {
  const { writer } = remote
  if (writer === undefined) return assert.fail('no writer')
  const resumer = async (directory: string, signal: AbortSignal): Promise<Resumer | null> => {
    const real = await writer.resumer(directory, signal)
    return real?.kind === 'positional' ? { ...real, write: write(real) } : real
  }
  return open({ ...remote, writer: { ...writer, resumer } })
}

test('all that is missing is sent while nothing that was kept is read yet to its end', async (t) => {
  const { stage } = await begun(t)
  const sent = Promise.withResolvers<void>()
  let reads = 0
  let orders = ''
  stage.server.before = async (step, path) => {
    if (step === 'written' && path.endsWith('.partial')) {
      orders += 'written '
      sent.resolve()
    }
    if (step !== 'read' || !path.endsWith('.partial')) return
    reads += 1
    // The first block is read before anything is written: it tells that the file is ours.
    if (reads === 1) return
    await sent.promise
    orders += 'read'
  }
  const result = await stage.upload('in', { remote: open })
  assertWhole(stage, result)
  assert.deepEqual([reads, orders], [2, 'written read'])
  assert.deepEqual([result.resumedFrom, result.bytesTransferred], [KEPT, CONTENT.length - KEPT])
})

test('nothing is written to a file that does not begin as the source does', async (t) => {
  const { stage, partial } = await begun(t)
  stage.server.files.set(partial, Buffer.alloc(KEPT, 7))
  const written: number[] = []
  const write = (real: PositionalResumer): PositionalResumer['write'] => {
    return (path, range, body, observer, signal) => {
      written.push(range.start)
      return real.write(path, range, body, observer, signal)
    }
  }
  const result = await stage.upload('in', { remote: (remote) => writing(remote, write) })
  assertWhole(stage, result)
  assert.deepEqual(written, [])
})

test('a kept block that turns out wrong is sent again, and only that one', async (t) => {
  const { stage, partial } = await begun(t)
  stage.server.files.set(partial, flipped(CONTENT.subarray(0, KEPT), 3 * BLOCK + 5))
  const result = await stage.upload('in', { remote: open })
  assertWhole(stage, result)
  assert.equal(result.bytesTransferred, CONTENT.length - KEPT + BLOCK)
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A server that computes digests of what it has stored. */
function digesting(stage: Stage, digest: (stored: Uint8Array) => string = sha256): (remote: Remote) => Remote {
  return (remote) =>
    open({
      ...remote,
      digester: {
        algorithm: 'sha256',
        ranges: 'any',
        digest: async (path, range) => digest((stage.server.files.get(path) ?? assert.fail(path)).subarray(range.start, range.end)),
      },
    })
}

test('what is missing is sent while the server digests what it has', async (t) => {
  const { stage } = await begun(t)
  const sent = Promise.withResolvers<void>()
  stage.server.before = (step, path) => {
    if (step === 'written' && path.endsWith('.partial')) sent.resolve()
  }
  const wrap = digesting(stage)
  const waiting = (remote: Remote): Remote => {
    const { digester } = wrap(remote)
    const digest: Digester['digest'] = async (path, range, signal) => {
      await sent.promise
      return (digester ?? assert.fail('no digester')).digest(path, range, signal)
    }
    return open({ ...remote, digester: { algorithm: 'sha256', ranges: 'any', digest } })
  }
  const result = await stage.upload('in', { remote: waiting })
  assertWhole(stage, result)
  assert.equal(result.proof, 'digest')
  assert.equal(result.bytesReused, KEPT)
})

test('a kept block that the digest does not prove is sent again, and only that one', async (t) => {
  const { stage, partial } = await begun(t)
  stage.server.files.set(partial, flipped(CONTENT.subarray(0, KEPT), 5 * BLOCK + 3))
  const wholes: boolean[] = []
  const told = (stored: Uint8Array): string => {
    if (stored.length === CONTENT.length) wholes.push(CONTENT.equals(stored))
    return sha256(stored)
  }
  const result = await stage.upload('in', { remote: digesting(stage, told) })
  assertWhole(stage, result)
  assert.equal(result.bytesTransferred, CONTENT.length - KEPT + BLOCK)
  assert.deepEqual(wholes, [true], 'it was put right before the whole was looked at')
})

test('where the digest is refused while the rest is sent, what is there is read', async (t) => {
  const { stage } = await begun(t)
  const refused = digesting(stage, () => {
    throw new TransferError('refused', 'no digests today')
  })
  const result = await stage.upload('in', { remote: refused })
  assertWhole(stage, result)
  assert.equal(result.bytesReused, KEPT)
})

test('nothing is published before the last kept block is read', async (t) => {
  const { stage, partial } = await begun(t)
  stage.server.files.set(partial, flipped(CONTENT.subarray(0, KEPT), KEPT - 1))
  const sent = Promise.withResolvers<void>()
  stage.server.before = (step, path) => {
    if (step === 'written' && path.endsWith('.partial')) sent.resolve()
  }
  const read: Remote['read'] = (path, range, sink, options, signal) => {
    let at = range.start
    const held: typeof sink = async (chunk) => {
      at += chunk.length
      if (at >= KEPT) {
        await sent.promise
        // As many turns as publishing may take.
        for (let i = 0; i < 200; i += 1) await new Promise((turn) => setImmediate(turn))
        assert.equal(stage.server.files.has('out'), false, 'published while a kept block was still being read')
      }
      return sink(chunk)
    }
    return stage.server.remote.read(path, range, held, options, signal)
  }
  assertWhole(stage, await stage.upload('in', { remote: (remote) => open({ ...remote, read }) }))
})

test('a server that lets no more than the first block be read is sent everything', async (t) => {
  const { stage } = await begun(t)
  const read: Remote['read'] = (path, range, sink, options, signal) => {
    // The first block shows whose file it is.
    if (range.end <= BLOCK) return stage.server.remote.read(path, range, sink, options, signal)
    return Promise.reject(new TransferError('refused', 'no reading'))
  }
  const result = await stage.upload('in', { remote: (remote) => open({ ...remote, read }) })
  assertWhole(stage, result)
  assert.equal(result.bytesTransferred, CONTENT.length)
})

test('a file that ends below what it was said to hold is sent from there on', async (t) => {
  const { stage } = await begun(t)
  const read: Remote['read'] = async (path, range, sink, options, signal) => {
    const end = 5 * BLOCK
    await stage.server.remote.read(path, { start: range.start, end: Math.min(range.end, end) }, sink, options, signal)
    if (range.end > end) throw new TransferError('source-changed', 'it ends here')
  }
  const result = await stage.upload('in', { remote: (remote) => open({ ...remote, read }) })
  assertWhole(stage, result)
  assert.equal(result.resumedFrom, 5 * BLOCK)
})

for (const kind of ['transient', 'denied'] as const) {
  test(`a server that lets nobody in twice (${kind}) is read first, at the next try`, async (t) => {
    const { stage } = await begun(t)
    let writing = 0
    const read: Remote['read'] = async (path, range, sink, options, signal) => {
      if (writing > 0) throw new TransferError(kind, 'too many connections')
      return stage.server.remote.read(path, range, sink, options, signal)
    }
    stage.server.before = (step) => {
      if (step === 'chunk') writing += 1
      if (step === 'written' || step === 'stat') writing = 0
    }
    const result = await stage.upload('in', { remote: (remote) => open({ ...remote, read }) })
    assertWhole(stage, result)
    assert.ok(result.bytesTransferred <= CONTENT.length - KEPT + 4 * BLOCK, `${result.bytesTransferred} bytes were sent`)
  })
}

test('a server that restarts under the reading has lost what was sent meanwhile: it is looked at anew', async (t) => {
  const { stage } = await begun(t)
  let restarted = false
  let writing = false
  const read: Remote['read'] = async (path, range, sink, options, signal) => {
    if (!writing || restarted) return stage.server.remote.read(path, range, sink, options, signal)
    restarted = true
    const there = stage.server.files.get(path) ?? assert.fail('no partial')
    stage.server.files.set(path, Buffer.from(there).fill(0, KEPT))
    throw new TransferError('transient', 'the connection is lost')
  }
  stage.server.before = (step) => {
    if (step === 'chunk') writing = true
    if (step === 'stat') writing = false
  }
  const result = await stage.upload('in', { remote: (remote) => open({ ...remote, read }) })
  assert.ok(restarted)
  assertWhole(stage, result)
})

/** What each side fails with, and which of the two is told. */
const ENDS: Readonly<Record<string, Wishes['remote']>> = {
  'the reading': (remote) =>
    open({
      ...remote,
      read: async (path, range, sink, options, signal) => {
        if (path.endsWith('.partial') && range.start === 0 && range.end > BLOCK) {
          await sink(CONTENT.subarray(0, BLOCK))
          throw new TransferError('no-space', 'the reading broke')
        }
        return remote.read(path, range, sink, options, signal)
      },
    }),
  'the sending': (remote) =>
    writing(remote, () => async (_path, range, body, observer) => {
      for await (const chunk of body) {
        observer.sent(chunk.length)
        break
      }
      throw new TransferError('no-space', `the sending broke at ${range.start}`)
    }),
}

for (const [which, remote] of Object.entries(ENDS)) {
  test(`when ${which} breaks, the other side ends with it, and its failure is the one that is told`, async (t) => {
    const { stage } = await begun(t)
    const loose: unknown[] = []
    const unhandled = (error: unknown): void => void loose.push(error)
    process.on('unhandledRejection', unhandled)
    const result = await stage.upload('in', { remote: remote ?? open })
    for (let i = 0; i < 20; i += 1) await new Promise((turn) => setImmediate(turn))
    process.off('unhandledRejection', unhandled)
    assert.deepEqual([result.status, result.failure?.kind], ['failed', 'no-space'], result.failure?.message)
    assert.match(result.failure?.message ?? '', new RegExp(`${which.split(' ')[1]} broke`))
    assert.deepEqual(loose, [])
    assert.equal(stage.server.files.has('out'), false)
  })
}

test('the journal never says of a kept block that it is stored before it is proven', async (t) => {
  const { stage, partial } = await begun(t)
  stage.server.files.set(partial, flipped(CONTENT.subarray(0, KEPT), 2 * BLOCK))
  let records = 0
  stage.onRecord = ({ acknowledged }) => {
    const [now = Buffer.alloc(0)] = [...stage.server.files].flatMap(([name, bytes]) => (name.endsWith('.partial') ? [bytes] : []))
    records += 1
    for (const { start, end } of acknowledged)
      assert.ok(holds(now.subarray(start, end), CONTENT.subarray(start, end)), `${start}-${end} is not what was sent`)
  }
  assertWhole(stage, await stage.upload('in', { remote: open }))
  assert.ok(records > 2)
})

test('reading that is slower than sending gives way: both meet, and nothing stays unproven', async (t) => {
  const { stage } = await begun(t)
  stage.ticks = true
  const slow: Remote['read'] = (path, range, sink, options, signal) =>
    stage.server.remote.read(
      path,
      range,
      async (chunk) => {
        stage.passes(2000)
        await sink(chunk)
        await new Promise((turn) => setImmediate(turn))
      },
      options,
      signal,
    )
  stage.server.before = (step) => {
    if (step === 'chunk') stage.passes(200)
  }
  const result = await stage.upload('in', { remote: (remote) => open({ ...remote, read: slow }) })
  assertWhole(stage, result)
  assert.ok(result.bytesTransferred > CONTENT.length - KEPT, 'all was read, slowly')
  assert.ok(result.resumedFrom > 0 && result.resumedFrom < KEPT, `${result.resumedFrom} bytes were proven`)
})
