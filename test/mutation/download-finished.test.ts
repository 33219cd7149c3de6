/** Downloads of which an attempt died between its rename and the journal's last word. */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fingerprintTag } from '../../src/core/fingerprint.ts'
import { partialName } from '../../src/core/paths.ts'
import type { LocalPartial, LocalTarget } from '../../src/local/local.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, flipped, holds, Stage, sha256 } from './stage.ts'

const CONTENT = Buffer.from(seededBytes(1, 8 * BLOCK + 77))
const OTHER = Buffer.from(seededBytes(2, CONTENT.length))

/** An attempt that died right after its rename. */
async function killedAfterRename(t: TestContext): Promise<Stage> {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  const target = (given: LocalTarget): LocalTarget => ({
    ...given,
    openPartial: async (tag) => {
      const partial = await given.openPartial(tag)
      const publish = async (): Promise<void> => {
        await partial.publish()
        throw new Error('killed')
      }
      return { ...partial, publish }
    },
  })
  await assert.rejects(stage.download({ target }), /killed/)
  assert.ok(holds(stage.local('out'), CONTENT))
  return stage
}

test('killed after the rename: the file is found in place, proven, and not fetched again', async (t) => {
  for (const [verify, proof, most] of [
    ['auto', 'size', 4 * BLOCK],
    ['full', 'read-back', CONTENT.length + 4 * BLOCK],
  ] as const) {
    const stage = await killedAfterRename(t)
    // A crash of an attempt before may have left one.
    const leftover = stage.path(
      partialName('out', fingerprintTag({ strength: 'hint', size: CONTENT.length, modifiedAtMs: 5000, etag: null })),
    )
    writeFileSync(leftover, 'x')
    let read = 0
    const counted: Remote['read'] = (path, range, ...rest) => {
      read += range.end - range.start
      return stage.server.remote.read(path, range, ...rest)
    }
    const result = await stage.download({ policy: { verify }, remote: (remote) => ({ ...remote, read: counted }) })
    assert.deepEqual([result.status, result.proof, result.bytesTransferred], ['unchanged', proof, 0])
    assert.equal(result.digest, `sha256:${sha256(CONTENT)}`)
    assert.ok(read <= most, `${read} bytes were read`)
    assert.deepEqual(readdirSync(stage.folder), ['out'])
    assert.equal(stage.journal.size, 0)
  }
})

test('killed after the rename, and the file is damaged since: fetched again', async (t) => {
  for (const at of [0, CONTENT.length - 1]) {
    const stage = await killedAfterRename(t)
    writeFileSync(stage.path('out'), flipped(CONTENT, at))
    assert.equal((await stage.download()).status, 'complete')
    assert.ok(holds(stage.local('out'), CONTENT))
  }
})

test('killed after the rename, and the server has another version since, also one of the same size and date: fetched', async (t) => {
  for (const [modifiedAtMs, now, chance] of [
    [9000, OTHER, 0.999],
    [5000, OTHER, 0.999],
    [5000, flipped(CONTENT, 10), 0],
  ] as const) {
    const stage = await killedAfterRename(t)
    stage.server.files.set('in', now)
    stage.server.modifiedAtMs = modifiedAtMs
    assert.equal((await stage.download({ chance })).status, 'complete')
    assert.ok(holds(stage.local('out'), now))
  }
})

test('killed after the rename, and the file changes on the server while it is looked at: fetched', async (t) => {
  const stage = await killedAfterRename(t)
  let looks = 0
  stage.server.before = (step) => {
    if (step !== 'stat') return
    looks += 1
    if (looks !== 2) return
    stage.server.files.set('in', OTHER)
    stage.server.modifiedAtMs = 9000
  }
  assert.equal((await stage.download()).status, 'complete')
  assert.ok(holds(stage.local('out'), OTHER))
})

test('killed after the rename, and resume: never: fetched', async (t) => {
  const stage = await killedAfterRename(t)
  const result = await stage.download({ policy: { resume: 'never' } })
  assert.deepEqual([result.status, result.bytesTransferred], ['complete', CONTENT.length])
})

test('the disk has the whole journal before the rename', async (t) => {
  const stage = new Stage(t)
  stage.server.files.set('in', CONTENT)
  const saved: PromiseWithResolvers<void> = Promise.withResolvers()
  let onDisk = false
  stage.onRecord = () => saved.promise
  const target = (given: LocalTarget): LocalTarget => ({
    ...given,
    openPartial: async (tag) => {
      const partial = await given.openPartial(tag)
      const digest: LocalPartial['digest'] = async (...args) => {
        const computed = await partial.digest(...args)
        // Later than everything that does not wait for it.
        setImmediate(() => {
          onDisk = true
          saved.resolve()
        })
        return computed
      }
      const publish = async (): Promise<void> => {
        assert.ok(onDisk, 'renamed before')
        await partial.publish()
      }
      return { ...partial, digest, publish }
    },
  })
  assert.equal((await stage.download({ target })).status, 'complete')
})
