import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Host } from '../../src/action/host.ts'
import type { Job, StatePlace } from '../../src/action/job.ts'
import { statePlaces } from '../../src/action/state-places.ts'
import { startCacheService } from '../support/cache-service.ts'

const root = mkdtempSync(join(tmpdir(), 'places-'))
after(() => rmSync(root, { recursive: true, force: true }))

const never = new AbortController().signal
const IDENTITY = { id: '00112233445566ff', runId: '1', runAttempt: 1 }
const temporary = join(root, 'resumable-transfer')

function places(
  state: Partial<StatePlace>,
  options: { direction?: Job['direction']; kind?: Host['kind']; environment?: Host['environment'] } = {},
) {
  const job = { direction: options.direction ?? 'upload', state: { kind: 'auto', name: '', ...state } } as Job
  const environment = { RUNNER_TEMP: root, ...options.environment }
  return statePlaces(job, { kind: options.kind ?? 'actions', environment } as unknown as Host, IDENTITY, never)
}

test('none: nothing is kept anywhere', async () => {
  const { disk, directory, store, reason } = await places({ kind: 'none' })
  assert.deepEqual([directory, store, reason], [null, null, null])
  await disk.save(Buffer.from('x'), never)
  assert.equal(await disk.load(never), null)
})

test('a directory: there and nowhere else, also on a machine with a cache', async () => {
  const wanted = join(root, 'mine')
  const { disk, directory, store } = await places({ kind: 'directory', directory: wanted } as StatePlace)
  assert.deepEqual([directory, store], [wanted, null])
  await disk.save(Buffer.from('x'), never)
  assert.equal(String(await disk.load(never)), 'x')
})

test('a directory that others may write is not used, which is said once', {
  skip: process.platform === 'win32' ? 'no POSIX modes' : false,
}, async () => {
  const wanted = join(root, 'shared')
  mkdirSync(wanted)
  chmodSync(wanted, 0o777)
  for (const options of [{}, { kind: 'terminal' as const }]) {
    const { disk, directory, store, reason } = await places({ kind: 'directory', directory: wanted } as StatePlace, options)
    assert.deepEqual([directory, store], [temporary, null])
    assert.match(reason ?? '', /shared may be written by other users \(mode 0777\).*chmod go-w/)
    await disk.save(Buffer.from('x'), never)
    assert.deepEqual(readdirSync(wanted), [])
  }
})

test('a temporary folder of another user is not used', { skip: process.geteuid?.() === 0 ? false : 'needs root' }, async () => {
  const temp = join(root, 'temp')
  mkdirSync(join(temp, 'resumable-transfer'), { recursive: true })
  chownSync(join(temp, 'resumable-transfer'), 1234, 1234)
  const { directory } = await places({ kind: 'cache' }, { direction: 'download', environment: { RUNNER_TEMP: temp } })
  assert.equal(directory, join(temp, 'resumable-transfer-0'))
})

test('auto on a hosted runner: the temporary directory and the cache for an upload, only the machine for a download', async () => {
  const service = await startCacheService()
  try {
    const up = await places({}, { environment: { ...service.environment() } })
    assert.equal(up.directory, temporary)
    assert.match(up.store?.description ?? '', /cache/i)
    assert.equal(up.reason, null)
    for (const kind of ['auto', 'cache'] as const) {
      const down = await places({ kind }, { direction: 'download', environment: { ...service.environment() } })
      assert.deepEqual([down.directory, down.store], [temporary, null], 'the cache must not vouch for bytes on a disk')
    }
  } finally {
    await service.close()
  }
})

test('without access to the cache the state stays on the machine, and a reason is given', async () => {
  const { directory, store, reason } = await places({})
  assert.deepEqual([directory, store], [temporary, null])
  assert.match(reason ?? '', /cache/i)
})

test('the tool cache: only where it outlives the job', async () => {
  const hosted = await places({ kind: 'tool-cache' }, { environment: { RUNNER_ENVIRONMENT: 'github-hosted', RUNNER_TOOL_CACHE: root } })
  assert.deepEqual([hosted.directory, hosted.store], [temporary, null])
  assert.match(hosted.reason ?? '', /tool cache/)
  const missing = await places({}, { environment: { RUNNER_ENVIRONMENT: 'self-hosted' } })
  assert.deepEqual([missing.directory, missing.store], [temporary, null])
  assert.match(missing.reason ?? '', /tool cache/)
})

test('in a terminal: the state folder of the user', { skip: process.platform === 'win32' ? 'another variable there' : false }, async () => {
  const xdg = await places({}, { kind: 'terminal', environment: { XDG_STATE_HOME: join(root, 'xdg') } })
  assert.deepEqual([xdg.directory, xdg.store, xdg.reason], [join(root, 'xdg', 'resumable-transfer'), null, null])
  const home = await places({}, { kind: 'terminal', environment: { XDG_STATE_HOME: '' } })
  assert.match(home.directory ?? '', /\.local\/state\/resumable-transfer$/)
})
