/** The post step: the second chance to save, and nothing else. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { finish, foundUnended } from '../../src/action/finish.ts'
import type { Host } from '../../src/action/host.ts'
import { decodeJournal, emptyJournal, encodeJournal, type Journal, type JournalEntry, uploadMark } from '../../src/core/journal.ts'
import { encodeIdentity, thisProcess } from '../../src/local/process-identity.ts'
import { fileStore } from '../../src/state/file-store.ts'
import { type CacheService, startCacheService } from '../support/cache-service.ts'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'finish-'))
let service: CacheService

before(async () => {
  service = await startCacheService()
})
after(async () => {
  await service.close()
  rmSync(folder, { recursive: true, force: true })
})

const identityOf = (n: number) => ({ id: n.toString(16).padStart(16, '0'), runId: '1', runAttempt: 1 })
const journalOf = (id: string): Buffer =>
  Buffer.from(
    encodeJournal({
      ...emptyJournal(id),
      sequence: 3,
      entries: [
        {
          key: id,
          source: { strength: 'hint', size: 1, modifiedAtMs: 1, etag: null },
          nonce: null,
          ended: false,
          blockSize: 1024,
          checkKey: null,
          blocks: [null],
          acknowledged: [],
        },
      ],
    }),
  )

function post(saved: Readonly<Record<string, string>>) {
  const lines: string[] = []
  const host = {
    environment: service.environment(),
    getState: (name: string) => saved[name] ?? '',
    info: (line: string) => void lines.push(`info ${line}`),
    warning: (line: string) => void lines.push(`warning ${line}`),
  } as unknown as Host
  return { host, lines }
}

const stored = (identity: ReturnType<typeof identityOf>) =>
  cacheServiceStore(service.environment(), identity, { nowMs: Date.now }).load(never)

test('when main ended by itself, or kept nothing, there is nothing to do and nothing said', async () => {
  const identity = identityOf(1)
  await fileStore(folder, identity).save(journalOf(identity.id), never)
  for (const saved of [{}, { directory: '' }, { directory: folder, identity: JSON.stringify(identity), ended: 'true' }]) {
    const { host, lines } = post(saved)
    await finish(host)
    assert.deepEqual(lines, [])
  }
  assert.equal(await stored(identity), null)
})

test('when main was killed, the journal on the disk goes to the store as it is', async () => {
  const identity = identityOf(2)
  const journal = journalOf(identity.id)
  await fileStore(folder, identity).save(journal, never)
  const { host, lines } = post({ directory: folder, identity: JSON.stringify(identity) })
  await finish(host)
  assert.match(lines.join('\n'), /^info .*was saved to the /)
  assert.deepEqual(Buffer.from((await stored(identity)) ?? []), journal)
})

const upload = (n: number, nonce: string, ended = false): JournalEntry => ({
  key: n.toString(16).padStart(16, '0'),
  source: { strength: 'content', size: 1, sha256: '1'.repeat(64) },
  nonce,
  ended,
  blockSize: 1024,
  checkKey: null,
  blocks: [null],
  acknowledged: [],
})

/** What the store holds of a journal that main left, after post has run. */
async function brought(n: number, entries: readonly JournalEntry[], saved: Readonly<Record<string, string>>): Promise<Journal | null> {
  const identity = identityOf(n)
  await fileStore(folder, identity).save(Buffer.from(encodeJournal({ ...emptyJournal(identity.id), sequence: 3, entries })), never)
  await finish(post({ directory: folder, identity: JSON.stringify(identity), ...saved }).host)
  return decodeJournal((await stored(identity)) ?? Buffer.from(''))
}

test('main is gone: what it recorded is marked as ended, what it had found of others is not', async () => {
  const gone = encodeIdentity({ ...thisProcess(), pid: spawnSync(process.execPath, ['-e', '']).pid })
  const [found, taken, own] = [upload(1, '11111111'), upload(2, '22222222'), upload(3, '33333333')]
  const unended = foundUnended([found, upload(2, '99999999')].map(uploadMark))
  const journal = await brought(21, [found, taken, own], { process: gone, unended })
  assert.deepEqual(journal?.entries, [found, { ...taken, ended: true }, { ...own, ended: true }])
  assert.equal(journal?.sequence, 4, 'it is the newer one')
  assert.deepEqual((await brought(22, [own], { process: gone, unended: '' }))?.entries, [{ ...own, ended: true }])
})

test('main runs on in its container, or nobody knows: nothing is marked', async () => {
  const gone = encodeIdentity({ ...thisProcess(), pid: spawnSync(process.execPath, ['-e', '']).pid })
  const many = foundUnended(Array.from({ length: 2000 }, (_, n) => uploadMark(upload(n, '11111111'))))
  for (const [n, saved] of [
    { process: encodeIdentity(thisProcess()), unended: '' },
    { process: '', unended: '' },
    { process: gone, unended: many },
  ].entries())
    assert.deepEqual((await brought(30 + n, [upload(1, '11111111')], saved))?.entries, [upload(1, '11111111')])
})

test('no journal, an empty one, or one that is damaged is not saved', async () => {
  const [none, empty, damaged] = [identityOf(3), identityOf(4), identityOf(5)]
  await fileStore(folder, empty).save(Buffer.from(encodeJournal(emptyJournal(empty.id))), never)
  writeFileSync(join(folder, `${damaged.id}.state`), 'garbage')
  for (const identity of [none, empty, damaged]) {
    const { host, lines } = post({ directory: folder, identity: JSON.stringify(identity) })
    await finish(host)
    assert.deepEqual(lines, ['info Nothing to save: the transfer had not begun.'])
    assert.equal(await stored(identity), null)
  }
})

test('whatever the saved state says, it ends with a warning and never throws', async () => {
  for (const identity of ['', 'garbage', 'null', '{}', '{"id":"../../etc/passwd","runId":"1","runAttempt":1}']) {
    const { host, lines } = post({ directory: folder, identity })
    await finish(host)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^warning The state of the interrupted transfer could not be saved: /)
  }
})
