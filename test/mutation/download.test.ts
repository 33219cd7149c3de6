/** Downloads from a server without digests that interferes in one point: what the defences of the way down are there for. */
import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { totalBytes } from '../../src/core/ranges.ts'
import type { LocalPartial, LocalTarget } from '../../src/local/local.ts'
import type { Digester, Remote } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, flipped, holds, Stage, sha256, type Wishes } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 8 * BLOCK + 77))
const OTHER = Buffer.from(seededBytes(2, CONTENT.length))

/** A first attempt that ends for good after so many whole blocks. */
async function interrupted(stage: Stage, blocks: number, wishes: Wishes = {}): Promise<string> {
  stage.server.files.set('in', CONTENT)
  let chunks = 0
  stage.server.before = (step) => {
    if (step === 'chunk') chunks += 1
    if (chunks > 2 * blocks) throw new TransferError('denied', 'an end')
  }
  await stage.download(wishes)
  stage.server.before = () => {}
  const partial = readdirSync(stage.folder).find((name) => name.endsWith('.partial')) ?? assert.fail('no partial')
  assert.equal(stage.local(partial)?.length, blocks * BLOCK)
  return partial
}

test('interrupted and continued: only what is missing is fetched', async (t) => {
  const stage = new Stage(t)
  await interrupted(stage, 4)
  const result = await stage.download()
  assert.deepEqual([result.status, result.proof, result.resumedFrom], ['complete', 'size', 4 * BLOCK])
  assert.ok(holds(stage.local('out'), CONTENT))
})

test('a damaged block of the partial is fetched again, wherever it is', async (t) => {
  for (const at of [0, 3 * BLOCK - 1]) {
    const stage = new Stage(t)
    const partial = await interrupted(stage, 4)
    writeFileSync(stage.path(partial), flipped(stage.local(partial) ?? assert.fail(), at))
    assert.equal((await stage.download()).status, 'complete')
    assert.ok(holds(stage.local('out'), CONTENT))
  }
})

test('rewritten while it is read: the result is one version', async (t) => {
  for (const blend of [
    OTHER,
    Buffer.concat([OTHER.subarray(0, 2 * BLOCK), CONTENT.subarray(2 * BLOCK, 6 * BLOCK), OTHER.subarray(6 * BLOCK)]),
  ]) {
    const stage = new Stage(t)
    stage.server.files.set('in', CONTENT)
    let chunks = 0
    stage.server.before = (step) => {
      if (step !== 'chunk') return
      chunks += 1
      if (chunks !== 8) return
      stage.server.files.set('in', blend)
      stage.server.modifiedAtMs = 9000
    }
    assert.equal((await stage.download()).status, 'complete')
    assert.ok(holds(stage.local('out'), blend))
  }
})

test('another version of the same size and date is not blended with what is kept', async (t) => {
  const stage = new Stage(t)
  await interrupted(stage, 4)
  stage.server.files.set('in', OTHER)
  assert.equal((await stage.download()).status, 'complete')
  assert.ok(holds(stage.local('out'), OTHER))
})

test('another version of the same size and date that differs only at its beginning is found by a sample', async (t) => {
  const stage = new Stage(t)
  await interrupted(stage, 4)
  const now = flipped(CONTENT, 10)
  stage.server.files.set('in', now)
  assert.equal((await stage.download({ chance: 0 })).status, 'complete')
  assert.ok(holds(stage.local('out'), now))
})

test('a server that tells no date: nothing is kept across a lost connection', async (t) => {
  const stage = new Stage(t)
  stage.server.modifiedAtMs = null
  stage.server.files.set('in', CONTENT)
  // Where no sample is taken.
  const now = flipped(CONTENT, BLOCK + 10)
  let chunks = 0
  stage.server.before = (step) => {
    if (step !== 'chunk') return
    chunks += 1
    if (chunks !== 9) return
    stage.server.files.set('in', now)
    throw new TransferError('transient', 'connection lost')
  }
  const result = await stage.download()
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(stage.local('out'), now))
})

test('on-change: fail fetches no other version than the one that was begun', async (t) => {
  const stage = new Stage(t)
  await interrupted(stage, 4)
  stage.server.files.set('in', OTHER)
  stage.server.modifiedAtMs = 9000
  assert.equal((await stage.download({ policy: { onChange: 'fail' } })).failure?.kind, 'source-changed')
  assert.equal(stage.local('out'), null)
})

test('a partial that somebody appends to while it is written is not published', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  let grown = 0
  const target = (given: LocalTarget): LocalTarget => ({
    ...given,
    openPartial: async (tag) => {
      const partial = await given.openPartial(tag)
      const size = async (): Promise<number> => {
        const name = readdirSync(stage.folder).find((one) => one.endsWith('.partial')) ?? assert.fail('no partial')
        if ((await partial.size()) === CONTENT.length) {
          appendFileSync(stage.path(name), 'more')
          grown += 1
        }
        return partial.size()
      }
      // Publishing looks at the length as well: here only the first look counts.
      return { ...partial, size, publish: async () => {} }
    },
  })
  const result = await stage.download({ target })
  assert.ok(grown > 0)
  assert.equal(result.status, 'failed')
  assert.equal(stage.local('out'), null)
})

test('the journal never claims a block that the disk does not have', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  let [onDisk, records] = [0, 0]
  const target = (given: LocalTarget): LocalTarget => ({
    ...given,
    openPartial: async (tag) => {
      const partial = await given.openPartial(tag)
      const write: typeof partial.write = async (position, bytes) => {
        await partial.write(position, bytes)
        onDisk += bytes.length
      }
      return { ...partial, write }
    },
  })
  stage.onRecord = ({ acknowledged }) => {
    records += 1
    assert.ok(totalBytes(acknowledged) <= onDisk, `${totalBytes(acknowledged)} recorded, ${onDisk} on the disk`)
  }
  assert.equal((await stage.download({ target })).status, 'complete')
  assert.ok(records > 2)
})

test('another checksum than the one given: nothing is published, and the partial is forgotten', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  writeFileSync(stage.path('out'), 'old')
  const result = await stage.download({ checksum: { algorithm: 'sha256', hex: sha256(OTHER) } })
  assert.equal(result.failure?.kind, 'integrity')
  assert.deepEqual(readdirSync(stage.folder), ['out'])
  assert.equal(stage.local('out')?.toString(), 'old')
})

test('an old file of the same size, with a checksum: replaced', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  writeFileSync(stage.path('out'), OTHER)
  const result = await stage.download({ checksum: { algorithm: 'sha256', hex: sha256(CONTENT) } })
  assert.deepEqual([result.status, result.proof], ['complete', 'digest'])
  assert.ok(holds(stage.local('out'), CONTENT))
})

test('another digest than the server tells: nothing is published', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  const digester: Digester = { algorithm: 'sha256', ranges: 'whole', digest: async () => sha256(OTHER) }
  const result = await stage.download({ remote: (remote: Remote) => ({ ...remote, digester }) })
  assert.equal(result.failure?.kind, 'integrity')
  assert.equal(stage.local('out'), null)
})

test('verify: full: a second reading gives other bytes: nothing is published, and the next try begins anew', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  // One byte goes wrong on the way of the very first reading, which no server and no date tells.
  let reads = 0
  const read: Remote['read'] = (path, range, sink, options, signal) => {
    reads += 1
    const wrong = reads === 1
    let at = range.start
    const spoiling: typeof sink = (chunk) => {
      const bytes = wrong && at === BLOCK ? flipped(chunk, 5) : chunk
      at += chunk.length
      return sink(bytes)
    }
    return stage.server.remote.read(path, range, spoiling, options, signal)
  }
  const result = await stage.download({ policy: { verify: 'full' }, remote: (remote) => ({ ...remote, read }) })
  assert.deepEqual([result.status, result.proof], ['complete', 'read-back'])
  assert.ok(holds(stage.local('out'), CONTENT))
})

test('what somebody else wrote into the partial is looked for block by block, and fetched again', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  let disturbed = false
  const target = (given: LocalTarget): LocalTarget => ({
    ...given,
    openPartial: async (tag) => {
      const partial = await given.openPartial(tag)
      const digest: LocalPartial['digest'] = async (...args) => {
        const path = stage.path(readdirSync(stage.folder).find((name) => name.endsWith('.partial')) ?? '')
        const { mtimeNs } = statSync(path, { bigint: true })
        // Until the disk's clock has moved on: within one tick nobody can tell.
        while (!disturbed && statSync(path, { bigint: true }).mtimeNs === mtimeNs) writeFileSync(path, flipped(CONTENT, BLOCK + 1))
        disturbed = true
        return partial.digest(...args)
      }
      return { ...partial, digest }
    },
  })
  const result = await stage.download({ target })
  assert.deepEqual([result.status, result.bytesTransferred], ['complete', CONTENT.length + BLOCK])
  assert.ok(holds(stage.local('out'), CONTENT))
})
