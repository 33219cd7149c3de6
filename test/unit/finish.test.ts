/** The post step: the second chance to save, and nothing else. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { finish } from '../../src/action/finish.ts'
import type { Host } from '../../src/action/host.ts'
import { emptyJournal, encodeJournal } from '../../src/core/journal.ts'
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
          source: { strength: 'hint', size: 1, modifiedAtMs: 1 },
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
