/** Downloads from servers that break the contract or say strange things: never green with wrong bytes, never a journal that cannot be read again. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { decodeJournal, encodeJournal } from '../../src/core/journal.ts'
import { download } from '../../src/engine/download.ts'
import type { EnginePorts, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import type { LocalTarget } from '../../src/local/local.ts'
import type { Remote, RemoteFile } from '../../src/remotes/remote.ts'
import { simulatedTarget } from '../simulation/local.ts'
import { emptyWorld, seededRandom, VirtualClock, type World, worldRecorder } from '../simulation/world.ts'
import { seededBytes } from '../support/prng.ts'

const BLOCK = 16
const CONTENT = Buffer.from(seededBytes(1, 10 * BLOCK + 5))
const POLICY: TransferPolicy = {
  resume: 'auto',
  verify: 'auto',
  onChange: 'restart',
  publishWithoutRename: 'auto',
  timeoutMs: 1000,
  retries: 2,
}

interface Quirks {
  readonly file?: Partial<RemoteFile>
  readonly missing?: boolean
  readonly looksByReading?: true
  /** What a read of the range delivers before it resolves or fails. */
  readonly deliver?: (start: number, end: number, pastCaches: boolean) => { readonly bytes: Uint8Array; readonly error?: Error }
  readonly digester?: Remote['digester']
}

/** What the contract asks of a read: no short success, and no silence about a file that goes on behind the size it is taken to have. */
function contentAs(size: number | undefined): NonNullable<Quirks['deliver']> {
  return (start, end) => {
    const wrong = start >= CONTENT.length || (end === size && end < CONTENT.length)
    return { bytes: CONTENT.subarray(start, end), ...(wrong ? { error: new TransferError('source-changed', 'another size') } : {}) }
  }
}

function run(world: World, quirks: Quirks, policy: Partial<TransferPolicy> = {}, finalCrc = ''): Promise<TransferResult> {
  const remote: Remote = {
    protocol: 'scripted',
    connectionsMax: 1,
    notes: [],
    ...(quirks.looksByReading === undefined ? {} : { looksByReading: quirks.looksByReading }),
    stat: async () =>
      quirks.missing === true ? null : { kind: 'file', size: CONTENT.length, modifiedAtMs: 5000, validator: null, ...quirks.file },
    read: async (_path, range, sink, { size, pastCaches = false }) => {
      const { bytes, error } = (quirks.deliver ?? contentAs(size))(range.start, range.end, pastCaches)
      for (let at = 0; at < bytes.length; at += 7) await sink(bytes.subarray(at, at + 7))
      if (error !== undefined) throw error
    },
    close: async () => {},
    ...(quirks.digester === undefined ? {} : { digester: quirks.digester }),
  }
  const random = seededRandom(1)
  const ports: EnginePorts = {
    clock: new VirtualClock(),
    random,
    reporter: { report: () => {} },
    recorder: worldRecorder(world, () => 'saved'),
    blockSize: () => BLOCK,
    newNonce: () => '01234567',
    newKey: () => String(Math.floor(random() * 1e9)).padStart(32, '0'),
  }
  const supply = { get: async () => remote }
  const simulated = simulatedTarget(world, 'out', () => {})
  const target: LocalTarget = {
    ...simulated,
    digestFinal: async (algorithm, signal) => (algorithm === 'crc32' ? finalCrc : simulated.digestFinal(algorithm, signal)),
  }
  const job = { name: 'file', key: 'aabbccddeeff0011', target, remote: supply, path: 'file', checksum: null }
  return download({ ...job, policy: { ...POLICY, ...policy } }, ports, new AbortController().signal)
}

/** A world in which a first attempt left three blocks, in a partial that has its full length. */
async function interrupted(): Promise<World> {
  const world = emptyWorld()
  await run(world, { deliver: (start) => ({ bytes: CONTENT.subarray(start, 3 * BLOCK), error: new Error('crash') }) }).catch(() => {})
  const [name = ''] = [...world.local.keys()]
  const partial = Buffer.concat([world.local.get(name) ?? Buffer.alloc(0), Buffer.alloc(CONTENT.length)])
  world.local.set(name, partial.subarray(0, CONTENT.length))
  return world
}

test('a read that resolves short is no success, not even in a partial that has its full length already', async () => {
  const world = await interrupted()
  const result = await run(world, { deliver: (start, end) => ({ bytes: CONTENT.subarray(start, end - start > 70 ? end - BLOCK : end) }) })
  if (result.status === 'complete') assert.deepEqual(world.local.get('out'), CONTENT)
  else assert.equal(world.local.get('out'), undefined)
})

test('a read that always resolves short fails as integrity and publishes nothing', async () => {
  const world = await interrupted()
  const result = await run(world, { deliver: (start, end) => ({ bytes: CONTENT.subarray(start, Math.max(start, end - BLOCK)) }) })
  assert.equal(result.status, 'failed')
  assert.equal(result.failure?.kind, 'integrity')
  assert.equal(world.local.get('out'), undefined)
})

test('a read that delivers too much fails as protocol and publishes nothing', async () => {
  const world = await interrupted()
  const result = await run(world, { deliver: (start, end) => ({ bytes: Buffer.concat([CONTENT.subarray(start, end), Buffer.of(1)]) }) })
  assert.equal(result.failure?.kind, 'protocol')
  assert.equal(world.local.get('out'), undefined)
})

test('with verify: full, a CRC-32 of the server that happens to agree does not make an old file the new one', async () => {
  const zeros = Buffer.alloc(CONTENT.length)
  const digester: Remote['digester'] = { algorithm: 'crc32', ranges: 'any', digest: async () => 'cccccccc' }
  for (const verify of ['auto', 'full'] as const) {
    const world = emptyWorld()
    world.local.set('out', zeros)
    const result = await run(world, { digester }, { verify }, 'cccccccc')
    assert.equal(result.status, verify === 'full' ? 'complete' : 'unchanged')
    if (verify === 'full') assert.deepEqual(world.local.get('out'), CONTENT)
  }
})

for (const [name, file] of [
  ['a time before 1970', { modifiedAtMs: -1000 }],
  ['a time that is no whole millisecond', { modifiedAtMs: 1000.5 }],
  ['no time', { modifiedAtMs: Number.NaN }],
  ['a validator of 4000 characters', { validator: `"${'x'.repeat(4000)}"` }],
  ['an empty validator', { validator: '' }],
] as const)
  test(`${name} does not spoil the journal, and the file arrives`, async () => {
    const world = emptyWorld()
    await run(world, { file, deliver: (start) => ({ bytes: CONTENT.subarray(start, 3 * BLOCK), error: new Error('crash') }) }).catch(
      () => {},
    )
    assert.ok(world.saved !== null && decodeJournal(Buffer.from(encodeJournal(world.saved))) !== null, 'what was saved can be read again')
    const result = await run(world, { file })
    assert.equal(result.status, 'complete')
    assert.deepEqual(world.local.get('out'), CONTENT)
  })

for (const first of [2 * BLOCK, 0])
  test(`of a file without a length, a second reading goes to its own end: what was cut off after ${first} bytes the first time is not proven`, async () => {
    const world = emptyWorld()
    let readings = 0
    const deliver = (start: number, end: number) => {
      readings += 1
      return { bytes: CONTENT.subarray(start, readings === 1 ? first : end) }
    }
    const result = await run(world, { file: { size: null }, deliver }, { verify: 'full' })
    assert.deepEqual([result.status, result.proof], ['complete', 'read-back'])
    assert.deepEqual(world.local.get('out'), CONTENT)
  })

for (const size of [CONTENT.length - 5, 0])
  for (const verify of ['auto', 'full', 'size'] as const)
    test(`a server that always tells ${size} of ${CONTENT.length} bytes, verify: ${verify}: nothing is published`, async () => {
      const world = emptyWorld()
      const digester: Remote['digester'] = {
        algorithm: 'sha256',
        ranges: 'any',
        digest: async (_path, { start, end }) => createHash('sha256').update(CONTENT.subarray(start, end)).digest('hex'),
      }
      const result = await run(world, { file: { size }, digester }, { verify })
      assert.deepEqual([result.status, result.failure?.kind], ['failed', 'source-changed'])
      assert.equal(world.local.get('out'), undefined)
    })

test('a file that is the beginning of the source is not the source, although the size told and its digest agree', async () => {
  const world = emptyWorld()
  const beginning = CONTENT.subarray(0, 2 * BLOCK)
  world.local.set('out', Buffer.from(beginning))
  const digester: Remote['digester'] = {
    algorithm: 'sha256',
    ranges: 'any',
    digest: async () => createHash('sha256').update(beginning).digest('hex'),
  }
  const result = await run(world, { file: { size: beginning.length }, digester })
  assert.equal(result.failure?.kind, 'source-changed')
})

test('a source without a date that has another size at the second try is begun anew, and the journal can be read', async () => {
  const world = emptyWorld()
  let size = BLOCK
  const file = {
    get size() {
      return size
    },
    modifiedAtMs: null,
  }
  let readings = 0
  const deliver = (start: number, end: number) => {
    readings += 1
    if (readings > 1) return { bytes: CONTENT.subarray(start, end) }
    size = CONTENT.length
    return { bytes: CONTENT.subarray(start, start + 7), error: new TransferError('transient', 'cut off') }
  }
  const result = await run(world, { file, deliver })
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.deepEqual(world.local.get('out'), CONTENT)
  const journals = world.savedBefore.filter((saved) => saved !== null).map(encodeJournal)
  assert.ok(journals.length > 1)
  for (const text of journals) assert.ok(decodeJournal(Buffer.from(text)) !== null, text)
})

test('a file too young for its date to identify it, that is rewritten while it is read, has got another date: begun anew', async () => {
  for (const etag of [undefined, 'W/"same"']) {
    const world = emptyWorld()
    const older = Buffer.from(seededBytes(2, CONTENT.length))
    let looks = 0
    const file = {
      modifiedAtMs: null,
      ...(etag === undefined ? {} : { etag }),
      get youngAtMs() {
        looks += 1
        return looks === 1 ? 1000 : 2000
      },
    }
    let readings = 0
    const deliver = (start: number, end: number) => {
      readings += 1
      // The first half of what was there, the rest of what is.
      if (readings === 1) return { bytes: Buffer.concat([older.subarray(0, 80), CONTENT.subarray(80)]).subarray(start, end) }
      return contentAs(CONTENT.length)(start, end, false)
    }
    const result = await run(world, { file, deliver })
    assert.equal(result.status, 'complete', result.failure?.message)
    assert.ok(world.local.get('out')?.equals(CONTENT))
  }
})

test('a date that is of every look, on a server that tells no size, is no change', async () => {
  let looks = 0
  const file = {
    size: null,
    modifiedAtMs: null,
    get youngAtMs() {
      looks += 1
      return looks * 1000
    },
  }
  const result = await run(emptyWorld(), { file, deliver: (start) => ({ bytes: CONTENT.subarray(start) }) })
  assert.equal(result.status, 'complete', result.failure?.message)
})

test('a weak ETag that is another one now is another file: nothing is kept of the old one, though size, date and every sample agree', async () => {
  const world = emptyWorld()
  const crash = (start: number) => ({ bytes: CONTENT.subarray(start, 3 * BLOCK), error: new Error('crash') })
  await run(world, { file: { etag: 'W/"1"' }, deliver: crash }).catch(() => {})
  const asked: number[] = []
  const deliver = (start: number, end: number) => {
    asked.push(start)
    return contentAs(CONTENT.length)(start, end, false)
  }
  const result = await run(world, { file: { etag: 'W/"2"' }, deliver })
  assert.deepEqual([result.status, result.resumedFrom], ['complete', 0])
  assert.equal(asked[0], 0)
})

test('what is kept of a file with a strong validator is compared too, its beginning always; a second reading asks past caches', async () => {
  const world = emptyWorld()
  const file = { validator: '"v"' }
  const crash = (start: number) => ({ bytes: CONTENT.subarray(start, 6 * BLOCK), error: new Error('crash') })
  await run(world, { file, deliver: crash }).catch(() => {})
  const rebuilt = Buffer.concat([seededBytes(9, 4), CONTENT.subarray(4)])
  const past: [number, boolean][] = []
  const deliver = (start: number, end: number, pastCaches: boolean) => {
    past.push([start, pastCaches])
    const wrong = start >= rebuilt.length || end === rebuilt.length + 1
    return { bytes: rebuilt.subarray(start, end), ...(wrong ? { error: new TransferError('source-changed', 'another size') } : {}) }
  }
  const result = await run(world, { file, deliver }, { verify: 'full' })
  assert.deepEqual([result.status, result.proof], ['complete', 'read-back'])
  assert.ok(world.local.get('out')?.equals(rebuilt))
  assert.deepEqual(past, [
    [0, true],
    [0, false],
    [0, true],
  ])
})

test('what no look shows is read all the same, and missing only if it cannot be: said once, without reading where a look is a reading', async () => {
  const world = emptyWorld()
  const shown = await run(world, { missing: true })
  assert.equal(shown.status, 'complete', shown.failure?.message)
  assert.deepEqual(world.local.get('out'), CONTENT)
  for (const quirks of [{}, { looksByReading: true }] as const) {
    const ends = emptyWorld()
    let reads = 0
    const deliver = () => {
      reads += 1
      return { bytes: Buffer.alloc(0), error: new TransferError('not-found', 'nothing here') }
    }
    const result = await run(ends, { missing: true, deliver, ...quirks })
    assert.equal(result.failure?.kind, 'not-found')
    assert.match(result.failure?.message ?? '', /the server has no such file/)
    assert.equal(reads, 'looksByReading' in quirks ? 0 : 1)
    assert.deepEqual([...ends.local.keys()], [])
  }
})

test('a file that an earlier attempt has seen is missing when no look shows it, and what was kept of it stays', async () => {
  const world = await interrupted()
  const before = [...world.local.keys()]
  const result = await run(world, { missing: true })
  assert.equal(result.failure?.kind, 'not-found')
  assert.deepEqual([...world.local.keys()], before)
})
