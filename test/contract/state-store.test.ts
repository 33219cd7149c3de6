import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, chown, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { hasLastingToolCache, toolCacheFolder } from '../../src/action/tool-cache-folder.ts'
import { fileStore } from '../../src/state/file-store.ts'
import { STATE_BYTES_MAX, type StateStore } from '../../src/state/store.ts'
import { startCacheService } from '../support/cache-service.ts'
import { seededBytes } from '../support/prng.ts'
import { stateStoreContract } from './state-store-contract.ts'

const NEVER = new AbortController().signal
const IDENTITY = { id: '00112233445566aa', runId: '100', runAttempt: 1 }
const POSIX = process.platform !== 'win32'

async function scratch(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'state-store-'))
}

stateStoreContract('file store', async () => {
  const directory = await scratch()
  return {
    open: (identity) => fileStore(join(directory, 'not', 'there', 'yet'), identity),
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
})

stateStoreContract('tool cache folder', async () => {
  const directory = await scratch()
  process.env.RUNNER_TOOL_CACHE = directory
  return {
    open: async (identity) => fileStore(await toolCacheFolder({ RUNNER_TOOL_CACHE: directory, RUNNER_TEMP: tmpdir() }, NEVER), identity),
    dispose: async () => {
      delete process.env.RUNNER_TOOL_CACHE
      await rm(directory, { recursive: true, force: true })
    },
  }
})

stateStoreContract('Actions cache', async () => {
  const service = await startCacheService()
  const environment = service.environment()
  return { open: (identity) => cacheServiceStore(environment, identity, { nowMs: Date.now }), dispose: () => service.close() }
})

describe('file store', () => {
  let directory: string
  let path: string
  let store: StateStore
  beforeEach(async () => {
    directory = join(await scratch(), 'state')
    path = join(directory, `${IDENTITY.id}.state`)
    store = fileStore(directory, IDENTITY)
  })
  afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }))

  test('only the owner may read file and directory, and nothing else is left', { skip: POSIX ? false : 'no POSIX modes' }, async () => {
    await store.save(Buffer.from('x'), NEVER)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await stat(directory)).mode & 0o777, 0o700)
    assert.deepEqual(await readdir(directory), [`${IDENTITY.id}.state`])
  })

  test('links are not read', { skip: POSIX ? false : 'links need rights' }, async () => {
    await mkdir(directory)
    await writeFile(join(directory, 'secret'), 'secret')
    await symlink('secret', path)
    await assert.rejects(store.load(NEVER), /is a link/)
  })

  test('a save replaces a link and leaves its target alone', { skip: POSIX ? false : 'links need rights' }, async () => {
    await mkdir(directory)
    await writeFile(join(directory, 'target'), 'target')
    await symlink('target', path)
    await store.save(Buffer.from('state'), NEVER)
    assert.equal(await readFile(join(directory, 'target'), 'utf8'), 'target')
    assert.equal(String(Buffer.from((await store.load(NEVER)) ?? [])), 'state')
  })

  test('a directory in the place of the file is refused both ways and no temporary file stays', async () => {
    await mkdir(path, { recursive: true })
    await assert.rejects(store.load(NEVER), /not a plain file|EISDIR/)
    await assert.rejects(store.save(Buffer.from('x'), NEVER), /cannot write .*: E/)
    assert.deepEqual(await readdir(directory), [`${IDENTITY.id}.state`])
  })

  test('a FIFO is refused without waiting for a writer', { skip: POSIX ? false : 'no FIFOs' }, async () => {
    const { execFileSync } = await import('node:child_process')
    await mkdir(directory)
    execFileSync('mkfifo', [path])
    await assert.rejects(store.load(NEVER), /not a plain file/)
  })

  const ROOT = process.geteuid?.() === 0 ? false : 'needs root'

  test('a folder or a file that others may write holds no state, and none is saved there', {
    skip: POSIX ? false : 'no POSIX modes',
  }, async () => {
    await store.save(Buffer.from('x'), NEVER)
    for (const mode of [0o770, 0o702, 0o1777]) {
      await chmod(directory, mode)
      await assert.rejects(fileStore(directory, IDENTITY).load(NEVER), /may be written by other users/)
      await assert.rejects(fileStore(directory, IDENTITY).save(Buffer.from('y'), NEVER), /may be written by other users.*Make it yours/)
    }
    await chmod(directory, 0o755)
    assert.equal(String(Buffer.from((await store.load(NEVER)) ?? [])), 'x')
    await chmod(path, 0o620)
    await assert.rejects(store.load(NEVER), /may be written by other users/)
    await store.save(Buffer.from('z'), NEVER)
    assert.equal(String(Buffer.from((await store.load(NEVER)) ?? [])), 'z', 'a save makes a new file')
  })

  test('what belongs to another user is no state', { skip: ROOT }, async () => {
    await store.save(Buffer.from('x'), NEVER)
    await chown(path, 1234, 1234)
    await assert.rejects(store.load(NEVER), /belongs to user 1234, and this is user 0/)
    await chown(path, 0, 0)
    await chown(directory, 1234, 1234)
    await assert.rejects(fileStore(directory, IDENTITY).load(NEVER), /belongs to user 1234/)
    await assert.rejects(fileStore(directory, IDENTITY).save(Buffer.from('y'), NEVER), /belongs to user 1234/)
    assert.deepEqual(await readFile(path, 'utf8'), 'x')
  })

  test('a file larger than any state is refused before it is read', async () => {
    await mkdir(directory)
    await writeFile(path, new Uint8Array(STATE_BYTES_MAX + 1))
    await assert.rejects(store.load(NEVER), /larger than any state/)
  })

  test('unreadable is told from absent', { skip: process.getuid?.() === 0 ? 'root reads everything' : false }, async () => {
    await store.save(Buffer.from('x'), NEVER)
    await chmod(path, 0)
    await assert.rejects(store.load(NEVER), /cannot read .*EACCES/)
  })

  test('a directory that is a file is told from an absent one', async () => {
    await writeFile(directory, '')
    await assert.rejects(store.load(NEVER), /cannot read .*ENOTDIR/)
    await assert.rejects(store.save(Buffer.from('x'), NEVER), /cannot write/)
  })

  test('what a killed save left is removed once it is old, a concurrent one is not', async () => {
    await mkdir(directory)
    const [old, young, foreign] = ['aaa', 'bbb', 'other'].map((n) =>
      join(directory, n === 'other' ? 'other.tmp' : `${IDENTITY.id}.state.${n}.tmp`),
    )
    for (const name of [old, young, foreign]) await writeFile(String(name), '')
    const hourAgo = Date.now() / 1000 - 3600
    for (const name of [old, foreign]) await utimes(String(name), hourAgo, hourAgo)
    await store.save(Buffer.from('x'), NEVER)
    assert.deepEqual(
      [old, young, foreign].map((n) => existsSync(String(n))),
      [false, true, true],
    )
  })

  test('saves at once leave one of the states, whole', async () => {
    const states = Array.from({ length: 8 }, (_, i) => Buffer.from(seededBytes(i, 50_000)))
    await Promise.all(states.map((state) => store.save(state, NEVER)))
    const left = Buffer.from((await store.load(NEVER)) ?? [])
    assert.ok(states.some((state) => state.equals(left)))
    assert.equal((await readdir(directory)).length, 1)
  })

  test('a save that was aborted does not come through after a later one', async () => {
    const controller = new AbortController()
    const aborted = store.save(seededBytes(1, STATE_BYTES_MAX), controller.signal)
    setImmediate(() => controller.abort())
    await assert.rejects(aborted, { kind: 'stopped' })
    await store.save(Buffer.from('later'), NEVER)
    // The aborted one ends in the background: its temporary file goes last.
    while ((await readdir(directory)).length > 1) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(String(Buffer.from((await store.load(NEVER)) ?? [])), 'later')
  })

  test('a hard link of the old state keeps the old bytes', { skip: POSIX ? false : 'links need rights' }, async () => {
    await store.save(Buffer.from('old'), NEVER)
    await link(path, join(directory, 'kept'))
    await store.save(Buffer.from('new'), NEVER)
    assert.equal(await readFile(join(directory, 'kept'), 'utf8'), 'old')
  })

  test('an id that could leave the directory is a defect of ours', () => {
    assert.throws(() => fileStore(directory, { ...IDENTITY, id: '../../../../etc' }), { kind: 'internal' })
  })
})

describe('tool cache folder', () => {
  let toolCache: string
  const environment = (): { RUNNER_TOOL_CACHE: string; RUNNER_TEMP: string } => ({ RUNNER_TOOL_CACHE: toolCache, RUNNER_TEMP: tmpdir() })
  beforeEach(async () => {
    toolCache = await scratch()
    process.env.RUNNER_TOOL_CACHE = toolCache
  })
  afterEach(async () => {
    delete process.env.RUNNER_TOOL_CACHE
    await rm(toolCache, { recursive: true, force: true })
  })

  test('only a self-hosted runner with a tool cache keeps anything', () => {
    assert.equal(hasLastingToolCache({ RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: '/x' }), true)
    assert.equal(hasLastingToolCache({ RUNNER_ENVIRONMENT: 'github-hosted', RUNNER_TOOL_CACHE: '/x' }), false)
    assert.equal(hasLastingToolCache({ RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: '' }), false)
    assert.equal(hasLastingToolCache({}), false)
  })

  test('the folder is one that the toolkit finds, and its files stay', async () => {
    const { find } = await import('@actions/tool-cache')
    const folder = await toolCacheFolder(environment(), NEVER)
    assert.equal(find('resumable-transfer', '1.0.0'), folder)
    await writeFile(join(folder, 'x'), 'x')
    assert.equal(await toolCacheFolder(environment(), NEVER), folder)
    assert.ok(existsSync(join(folder, 'x')))
  })

  test('of many jobs that come one shortly after the other none removes what another has saved', async () => {
    const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const folders = await Promise.all(
      Array.from({ length: 24 }, async (_, job) => {
        for (let turn = 0; turn < job; turn += 1) await nextTurn()
        const folder = await toolCacheFolder(environment(), NEVER)
        await writeFile(join(folder, String(job)), '')
        return folder
      }),
    )
    assert.equal(new Set(folders).size, 1)
    assert.equal((await readdir(String(folders[0]))).length, 24)
    assert.deepEqual(await readdir(join(toolCache, 'resumable-transfer')), ['1.0.0'])
  })

  test('a lock left by a killed job is taken over', async () => {
    await mkdir(join(toolCache, 'resumable-transfer', 'making'), { recursive: true })
    assert.ok(existsSync(await toolCacheFolder(environment(), NEVER)))
  })

  test('an abort ends the wait for the lock', async () => {
    await mkdir(join(toolCache, 'resumable-transfer', 'making'), { recursive: true })
    const controller = new AbortController()
    const waiting = toolCacheFolder(environment(), controller.signal)
    setImmediate(() => controller.abort())
    await assert.rejects(waiting, { kind: 'stopped' })
  })

  test('the folder of another user is left alone: this one gets its own', {
    skip: process.geteuid?.() === 0 ? false : 'needs root',
  }, async () => {
    const { find } = await import('@actions/tool-cache')
    const theirs = await toolCacheFolder(environment(), NEVER)
    await chown(theirs, 1234, 1234)
    const ours = await toolCacheFolder(environment(), NEVER)
    assert.notEqual(ours, theirs)
    assert.equal(find('resumable-transfer-0', '1.0.0'), ours)
    assert.equal((await stat(ours)).mode & 0o777, 0o700)
    assert.equal(await toolCacheFolder(environment(), NEVER), ours)
    await chown(ours, 1234, 1234)
    await assert.rejects(toolCacheFolder(environment(), NEVER), /belongs to user 1234/)
  })

  test('a folder of this user that was not closed to others is closed', { skip: POSIX ? false : 'no POSIX modes' }, async () => {
    const folder = await toolCacheFolder(environment(), NEVER)
    await chmod(folder, 0o777)
    assert.equal(await toolCacheFolder(environment(), NEVER), folder)
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
  })

  test('no tool cache is an error', async () => {
    await assert.rejects(toolCacheFolder({}, NEVER), /RUNNER_TOOL_CACHE/)
  })
})
