/** The toolkit's own client and ours against one stand-in of the service: if the stand-in drifts from what the toolkit speaks, this fails. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'
import { seededBytes } from '../support/prng.ts'

const NEVER = new AbortController().signal

describe('the toolkit and our client at the same service', () => {
  let service: CacheService
  let workspace: string
  let environment: Record<string, string>
  before(async () => {
    service = await startCacheService()
    environment = service.environment()
    workspace = await mkdtemp(join(tmpdir(), 'cache-toolkit-'))
    await mkdir(join(workspace, 'temp'))
  })
  after(async () => {
    await service.close()
    await rm(workspace, { recursive: true, force: true })
  })

  /** Runs an expression over the toolkit's module `cache` in a process of its own, since the toolkit reads the process environment and prints commands. */
  async function toolkit(
    expression: string,
    extra: Record<string, string> = {},
  ): Promise<{ readonly value: unknown; readonly log: string }> {
    const script = `
      const cache = await import(${JSON.stringify(import.meta.resolve('@actions/cache'))})
      const value = await (${expression})
      console.log('\\nVALUE ' + JSON.stringify(value ?? null))`
    const env = {
      ...environment,
      ...extra,
      PATH: process.env.PATH ?? '',
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: join(workspace, 'temp'),
    }
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: workspace, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [log, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    const value = /^VALUE (.*)$/m.exec(log)?.[1]
    assert.ok(value !== undefined, `${log}\n${errors}`)
    return { value: JSON.parse(value), log }
  }

  const restore = (key: string, keys: readonly string[] = []): Promise<{ readonly value: unknown; readonly log: string }> =>
    toolkit(`cache.restoreCache(['folder'], ${JSON.stringify(key)}, ${JSON.stringify(keys)})`)

  test('saves and restores a folder', async () => {
    await mkdir(join(workspace, 'folder'), { recursive: true })
    const bytes = seededBytes(1, 200_000)
    await writeFile(join(workspace, 'folder', 'file'), bytes)
    const saved = await toolkit("cache.saveCache(['folder'], 'folder-1')")
    assert.ok(Number(saved.value) > 0, saved.log)
    await rm(join(workspace, 'folder'), { recursive: true })
    assert.equal((await restore('folder-1')).value, 'folder-1')
    assert.deepEqual(new Uint8Array(await readFile(join(workspace, 'folder', 'file'))), bytes)
  })

  test('restores by prefix, newest first; the key itself is a prefix too', async () => {
    for (const version of ['2', '3']) {
      await writeFile(join(workspace, 'folder', 'file'), version)
      assert.ok(Number((await toolkit(`cache.saveCache(['folder'], 'folder-${version}')`)).value) > 0)
    }
    assert.equal((await restore('nothing', ['none-', 'folder-'])).value, 'folder-3')
    assert.equal((await restore('folder-')).value, 'folder-3')
    assert.equal(await readFile(join(workspace, 'folder', 'file'), 'utf8'), '3')
  })

  test('a key that exists is refused, and the toolkit says -1', async () => {
    const { value, log } = await toolkit("cache.saveCache(['folder'], 'folder-3')")
    assert.equal(value, -1)
    assert.match(log, /Unable to reserve cache/)
  })

  test('a miss is undefined', async () => {
    assert.equal((await restore('absent-', ['absent-too-'])).value, null)
  })

  test('a read-only token: the toolkit says -1, ours says why', async () => {
    const readOnly = service.environment([{ Scope: 'refs/heads/main', Permission: 1 }])
    const { value, log } = await toolkit("cache.saveCache(['folder'], 'denied')", readOnly)
    assert.equal(value, -1)
    assert.match(log, /cache write denied/)
  })

  test('neither client sees what the other saved, though both use one service', async () => {
    const identity = { id: 'feedfacefeedface', runId: '7', runAttempt: 1 }
    const ours = cacheServiceStore(environment, identity, { nowMs: Date.now })
    await ours.save(Buffer.from('our state'), NEVER)
    assert.equal((await restore('rt1-', ['rt1-feedfacefeedface-'])).value, null)
    assert.equal((await toolkit("cache.saveCache(['folder'], 'rt1-feedfacefeedface-7-9-9999999999999')")).value !== -1, true)
    assert.equal(String(Buffer.from((await ours.load(NEVER)) ?? [])), 'our state')
  })

  test('every entry is finished, whichever client saved it', () => {
    const entries = service.entries()
    assert.ok(entries.every((entry) => entry.finalized))
    assert.ok(entries.some((entry) => entry.key.startsWith('folder-')) && entries.some((entry) => entry.key.startsWith('rt1-')))
  })

  test('the blob store takes blocks and gives ranges, as clients of large entries need it', async () => {
    const twirp = async (method: string, message: object): Promise<Record<string, string>> => {
      const url = `${service.url}twirp/github.actions.results.api.v1.CacheService/${method}`
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${environment.ACTIONS_RUNTIME_TOKEN}` }
      return (await (await fetch(url, { method: 'POST', headers, body: JSON.stringify(message) })).json()) as Record<string, string>
    }
    const entry = { key: 'blocks', version: '0'.repeat(64) }
    const { signed_upload_url: upload } = await twirp('CreateCacheEntry', entry)
    const blocks = ['YQ==', 'Yg==']
    for (const [index, id] of blocks.entries())
      assert.equal(
        (await fetch(`${upload}&comp=block&blockid=${encodeURIComponent(id)}`, { method: 'PUT', body: `block ${index} ` })).status,
        201,
      )
    const list = `<BlockList>${blocks.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`
    assert.equal((await fetch(`${upload}&comp=blocklist`, { method: 'PUT', body: list })).status, 201)
    assert.deepEqual(await twirp('FinalizeCacheEntryUpload', { ...entry, size_bytes: '16' }), {
      ok: true,
      entry_id: String(service.entries().length),
    })
    const { signed_download_url: download } = await twirp('GetCacheEntryDownloadURL', entry)
    assert.ok(download !== undefined)
    assert.equal(await (await fetch(download)).text(), 'block 0 block 1 ')
    assert.equal((await fetch(download, { method: 'HEAD' })).headers.get('content-length'), '16')
    const range = await fetch(download, { headers: { 'x-ms-range': 'bytes=8-11' } })
    assert.deepEqual([range.status, range.headers.get('content-range'), await range.text()], [206, 'bytes 8-11/16', 'bloc'])
    assert.equal((await fetch(download.replace(/sig=.*/, 'sig=x'))).status, 403)
  })
})
