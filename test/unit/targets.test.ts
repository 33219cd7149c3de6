/** Targets of one step that are one file. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '../../src/action/clock.ts'
import { TransferError } from '../../src/core/errors.ts'
import type { ContentDigests } from '../../src/core/fingerprint.ts'
import { type Looking, lookAgain, refuseFolded, type UploadTarget } from '../../src/engine/targets.ts'
import type { Remote } from '../../src/remotes/remote.ts'

const BLOCK = 8
const signal = new AbortController().signal
const looking: Looking = {
  policy: { resume: 'auto', verify: 'auto', onChange: 'restart', publishWithoutRename: 'auto', timeoutMs: 1000, retries: 0 },
  ports: {
    clock: systemClock,
    random: () => 0.5,
    newKey: () => '0'.repeat(32),
    newNonce: () => '01234567',
    reporter: { report: () => {} },
    recorder: { entry: () => null, record: () => {}, forget: () => {}, host: () => null, learn: () => {} },
    blockSize: () => BLOCK,
  },
  signal,
}

const digests = (text: string): ContentDigests => ({
  size: text.length,
  blockSize: BLOCK,
  blocks: (text.match(/.{1,8}/g) ?? []).map((block) => createHash('sha256').update(block).digest('hex')),
})

/** `means` gives the name under which the server keeps a path. */
function server(files: Map<string, string>, means: (path: string) => string, seen: string[] = []): Remote {
  return {
    protocol: 'memory',
    connectionsMax: 1,
    notes: [],
    stat: async (path) => {
      const text = files.get(means(path))
      return text === undefined ? null : { kind: 'file', size: text.length, modifiedAtMs: 1, validator: null }
    },
    read: async (path, { start, end }, sink) => {
      seen.push(`read ${path} ${start}-${end}`)
      await sink(Buffer.from((files.get(means(path)) ?? '').slice(start, end)))
    },
    close: async () => {},
    writer: {
      create: async (path) => {
        seen.push('create')
        files.set(means(path), '')
      },
      resumer: async () => null,
    },
    tree: {
      replaces: 'atomically',
      rename: async () => {},
      remove: async (path) => void files.delete(means(path)),
      makeDirectory: async () => {},
      list: async () => [],
    },
  }
}

const target = (remote: Remote, path: string, text: string | null): UploadTarget => ({
  name: path,
  path,
  remote: { get: async () => remote },
  content: text === null ? null : digests(text),
})

test('two names of one file: the one whose bytes are gone is told, by one block', async () => {
  const seen: string[] = []
  const linked = (path: string): string => path.replace('current/', 'v2/')
  const remote = server(new Map([['v2/app', 'the second file of the step']]), linked, seen)
  const first = target(remote, 'current/app', 'the sec0nd file of the step')
  const wrong = await lookAgain([first, target(remote, 'v2/app', 'the second file of the step')], looking)
  assert.deepEqual([...wrong.keys()], [first])
  assert.equal(wrong.get(first)?.kind, 'conflict')
  assert.match(wrong.get(first)?.message ?? '', /v2\/app may be the same file/)
  assert.deepEqual(seen, ['read current/app 0-8'])
})

test('the same content under two names of one file is in place, and other sizes and other names are not read', async () => {
  const seen: string[] = []
  const files = new Map([
    ['a/x', 'one'],
    ['b/x', 'two2'],
    ['c/y', 'six'],
    ['d/x', 'one'],
  ])
  const remote = server(files, (path) => path, seen)
  const targets = [...files].map(([path, text]) => target(remote, path, text))
  assert.equal((await lookAgain(targets, looking)).size, 0)
  assert.deepEqual(seen, [])
})

test('a target that has another size is told; one that is gone since, was not put in place, or cannot be looked at, is not', async () => {
  const remote = server(new Map([['b', 'longer than it was']]), (path) => path)
  const refusing: Remote = { ...remote, stat: () => Promise.reject(new TransferError('refused', 'no looking')) }
  const targets = [target(remote, 'a', 'gone'), target(remote, 'b', 'short'), target(remote, 'c', null), target(refusing, 'd', 'x')]
  const wrong = await lookAgain(targets, looking)
  assert.deepEqual(
    [...wrong.keys()].map(({ name }) => name),
    ['b'],
  )
})

test('a look that breaks off is tried again, and only then says nothing', async () => {
  const remote = server(new Map([['b', 'longer than it was']]), (path) => path)
  let breaks = 1
  const breaking: Remote = {
    ...remote,
    stat: (path, s) => (breaks-- > 0 ? Promise.reject(new TransferError('transient', 'connection lost')) : remote.stat(path, s)),
  }
  const targets = [target(breaking, 'b', 'short'), target(remote, 'c', null)]
  const patient: Looking = {
    ...looking,
    policy: { ...looking.policy, retries: 1 },
    ports: { ...looking.ports, clock: { ...systemClock, sleep: async () => {} } },
  }
  assert.equal((await lookAgain(targets, patient)).size, 1)
  breaks = 2
  assert.equal((await lookAgain(targets, patient)).size, 0)
})

test('names that fold together are refused before anything is sent, where the server folds them', async () => {
  for (const [a, b, means] of [
    ['d/App', 'd/app', (path: string) => path.toLowerCase()],
    ['d/\u00e9', 'd/e\u0301', (path: string) => path.normalize('NFC')],
  ] as const) {
    const files = new Map<string, string>()
    const folding = server(files, means)
    await assert.rejects(refuseFolded([target(folding, a, null), target(folding, b, null)], looking), { kind: 'conflict' })
    assert.equal(files.size, 0, 'the scratch file is gone')
    const exact = server(files, (path) => path)
    await refuseFolded([target(exact, a, null), target(exact, b, null)], looking)
    assert.equal(files.size, 0)
  }
})

test('a scratch file that cannot be removed does not hide that names fold, and one that cannot be looked at is removed', async () => {
  const files = new Map<string, string>()
  const folding = server(files, (path) => path.toLowerCase())
  const { tree } = folding
  assert.ok(tree)
  const keeping: Remote = { ...folding, tree: { ...tree, remove: () => Promise.reject(new TransferError('refused', 'no removing')) } }
  await assert.rejects(refuseFolded([target(keeping, 'd/App', null), target(keeping, 'd/app', null)], looking), { kind: 'conflict' })
  files.clear()
  const blind: Remote = { ...folding, stat: () => Promise.reject(new TransferError('refused', 'no looking')) }
  await refuseFolded([target(blind, 'd/App', null), target(blind, 'd/app', null)], looking)
  assert.equal(files.size, 0)
})

test('without such a pair nothing is asked', async () => {
  const seen: string[] = []
  const remote = server(new Map(), (path) => path, seen)
  await refuseFolded([target(remote, 'd/a', null), target(remote, 'd/b', null), target(remote, 'e/a', null)], looking)
  assert.deepEqual(seen, [])
})
