import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { type CacheEnvironment, cacheAvailability } from '../../src/action/cache-availability.ts'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { STATE_BYTES_MAX, type StateStore } from '../../src/state/store.ts'
import { type CacheFault, type CacheOperation, type CacheService, startCacheService } from '../support/cache-service.ts'

const NEVER = new AbortController().signal

describe('Actions cache', () => {
  let service: CacheService
  let environment: CacheEnvironment
  before(async () => {
    service = await startCacheService()
  })
  beforeEach(() => {
    service.heal()
    environment = service.environment()
  })
  after(() => service.close())

  let used = 0
  const freshId = (): string => {
    used += 1
    return (0xabc000 + used).toString(16).padStart(16, '0')
  }
  const open = (id = freshId(), runId = '1', timeoutMs = 10_000, nowMs = Date.now): StateStore =>
    cacheServiceStore(
      environment,
      { id, runId, runAttempt: 1 },
      { nowMs, loadTimeoutMs: timeoutMs, saveTimeoutMs: timeoutMs, retryPauseMs: 20 },
    )
  const loadText = async (store: StateStore): Promise<string> => String(Buffer.from((await store.load(NEVER)) ?? []))

  /** One line, and none of the secrets in it or in anything that hangs on the error. */
  async function message(operation: Promise<unknown>): Promise<string> {
    const error: unknown = await operation.then(
      () => assert.fail('it did not reject'),
      (e: unknown) => e,
    )
    assert.ok(error instanceof Error && error.message !== '' && !/[\r\n]/.test(error.message), String(error))
    const whole = inspect(error, { depth: 10, showHidden: true })
    for (const secret of service.secrets) assert.ok(!whole.includes(secret), 'a secret is in the error')
    assert.doesNotMatch(error.message, /sig=/)
    return error.message
  }

  test('of two runs the own one is preferred, and run 1 does not find run 10 as its own', async () => {
    const id = freshId()
    await open(id, '1').save(Buffer.from('run 1'), NEVER)
    await open(id, '10').save(Buffer.from('run 10'), NEVER)
    assert.equal(await loadText(open(id, '1')), 'run 1')
    assert.equal(await loadText(open(id, '10')), 'run 10')
    assert.equal(await loadText(open(id, '2')), 'run 10')
  })

  test('an id that begins another id does not find it', async () => {
    await open('00000000000000abc').save(Buffer.from('longer'), NEVER)
    assert.equal(await open('00000000000000ab').load(NEVER), null)
  })

  test('keys rise in one process even when the clock stands still or goes back, and in the next one too', async () => {
    const id = freshId()
    let now = 1_000_000
    const main = open(id, '7', 10_000, () => now--)
    for (const text of ['a', 'b', 'c']) await main.save(Buffer.from(text), NEVER)
    const post = open(id, '7', 10_000, () => 999_999)
    await post.save(Buffer.from('d'), NEVER)
    const keys = service
      .entries()
      .filter((e) => e.key.includes(id))
      .map((e) => e.key)
    assert.equal(new Set(keys).size, 4)
    assert.deepEqual(keys[0], `rt1-${id}-7-1-1000000`)
    assert.equal(await loadText(post), 'd')
  })

  test('version is constant, 64 hex digits; blob is the state itself', async () => {
    const id = freshId()
    await open(id).save(Buffer.from('raw'), NEVER)
    const entry = service.entries().find((e) => e.key.includes(id))
    assert.match(entry?.version ?? '', /^[0-9a-f]{64}$/)
    assert.equal(String(Buffer.from(entry?.bytes ?? [])), 'raw')
  })

  test('another branch sees the default branch, not the other way round', async () => {
    const id = freshId()
    const main = { Scope: 'refs/heads/main', Permission: 3 }
    environment = service.environment([
      { Scope: 'refs/heads/x', Permission: 3 },
      { ...main, Permission: 1 },
    ])
    const branch = open(id)
    await branch.save(Buffer.from('branch'), NEVER)
    environment = service.environment([main])
    assert.equal(await open(id).load(NEVER), null)
    await open(id).save(Buffer.from('main'), NEVER)
    assert.equal(await loadText(branch), 'branch')
  })

  test('a key that is taken is passed over', async () => {
    const id = freshId()
    await open(id, '1', 10_000, () => 5).save(Buffer.from('a'), NEVER)
    await open(id, '1', 10_000, () => 5).save(Buffer.from('b'), NEVER)
    assert.equal(await loadText(open(id)), 'b')
  })

  test('a reservation that was never finished is invisible', async () => {
    const id = freshId()
    const store = open(id)
    await store.save(Buffer.from('whole'), NEVER)
    service.fail('put', { kind: 'status', status: 403 })
    await message(store.save(Buffer.from('unfinished'), NEVER))
    service.heal()
    assert.equal(await loadText(store), 'whole')
    await store.save(Buffer.from('next'), NEVER)
    assert.equal(await loadText(store), 'next')
  })

  const once5xxOrReset: readonly CacheFault[] = [
    { kind: 'status', status: 500 },
    { kind: 'status', status: 503 },
    { kind: 'reset', effect: 'before' },
    { kind: 'reset', effect: 'after' },
  ]
  for (const operation of ['create', 'put', 'lookup', 'get'] as const)
    for (const fault of once5xxOrReset)
      test(`${operation}: ${JSON.stringify(fault)} once is survived by one more try`, async () => {
        const store = open()
        await store.save(Buffer.from('first'), NEVER)
        service.fail(operation, fault, 1)
        await store.save(Buffer.from('second'), NEVER)
        assert.equal(await loadText(store), 'second')
      })

  const lasting: readonly (readonly [CacheOperation, CacheFault, RegExp, number])[] = [
    ['create', { kind: 'refuse', message: 'cache write denied: policy' }, /may only read it/, 1],
    ['create', { kind: 'status', status: 403, code: 'permission_denied', message: 'cache write denied: policy' }, /may only read it/, 1],
    ['create', { kind: 'status', status: 403, code: 'permission_denied', message: 'no' }, /answered 403: no/, 1],
    ['create', { kind: 'status', status: 403, message: 'insufficient usage for x' }, /quota is used up/, 1],
    ['create', { kind: 'refuse', message: 'insufficient usage' }, /quota is used up/, 1],
    ['create', { kind: 'status', status: 429, retryAfter: 37 }, /too many requests; it may be asked again in 37 s/, 1],
    ['create', { kind: 'status', status: 429 }, /too many requests$/, 1],
    ['create', { kind: 'status', status: 500 }, /not working: it answered 500/, 2],
    ['create', { kind: 'status', status: 409, code: 'already_exists', message: 'exists' }, /answered 409: exists/, 3],
    ['create', { kind: 'status', status: 302 }, /answered 302/, 1],
    ['create', { kind: 'reset', effect: 'before' }, /no connection .*(ECONNRESET|UND_ERR_SOCKET)/, 2],
    ['create', { kind: 'garbage', body: Buffer.from('<html>') }, /it refused/, 1],
    ['create', { kind: 'garbage', body: new Uint8Array(100_000) }, /more than it should/, 1],
    ['create', { kind: 'lie', fields: { signed_upload_url: 'http://example.com/x?sig=s' } }, /not https/, 1],
    ['create', { kind: 'lie', fields: { signed_upload_url: 'nonsense?sig=s' } }, /usable URL/, 1],
    ['create', { kind: 'lie', fields: { signed_upload_url: 7 } }, /usable URL/, 1],
    ['put', { kind: 'status', status: 403 }, /blob store answered 403/, 1],
    ['put', { kind: 'status', status: 500 }, /blob store answered 500/, 2],
    ['put', { kind: 'status', status: 307 }, /blob store answered 307/, 1],
    ['put', { kind: 'reset', effect: 'before' }, /no connection/, 2],
    ['finalize', { kind: 'refuse', message: 'sizes differ' }, /finish the entry .* refused: sizes differ/, 1],
    ['finalize', { kind: 'refuse' }, /finish the entry .* refused$/, 1],
    ['finalize', { kind: 'status', status: 500 }, /answered 500/, 2],
  ]
  for (const [operation, fault, expected, requests] of lasting)
    test(`save, ${operation} ${JSON.stringify(fault).slice(0, 100)}: one clear message, ${requests} request(s)`, async () => {
      service.fail(operation, fault)
      const before = service.counts[operation]
      assert.match(await message(open().save(Buffer.from('state'), NEVER)), expected)
      assert.equal(service.counts[operation] - before, requests)
    })

  const unreadable: readonly (readonly [CacheOperation, CacheFault, RegExp, number])[] = [
    ['lookup', { kind: 'status', status: 401, code: 'unauthenticated', message: 'token expired' }, /answered 401: token expired/, 1],
    ['lookup', { kind: 'status', status: 403, message: 'cache read denied: policy' }, /may not read it/, 1],
    ['lookup', { kind: 'refuse', message: 'cache read denied: policy' }, /may not read it/, 1],
    ['lookup', { kind: 'status', status: 429, retryAfter: 5 }, /again in 5 s/, 1],
    ['lookup', { kind: 'status', status: 502 }, /answered 502/, 2],
    ['lookup', { kind: 'status', status: 404, code: 'bad_route' }, /answered 404/, 1],
    ['lookup', { kind: 'lie', fields: { matched_key: 'rt1-ffffffffffffffff-1-1-1' } }, /not ours/, 1],
    ['lookup', { kind: 'lie', fields: { matched_key: undefined } }, /not ours/, 1],
    ['lookup', { kind: 'lie', fields: { signed_download_url: 'http://example.com/x?sig=s' } }, /not https/, 1],
    ['lookup', { kind: 'lie', fields: { signed_download_url: 'file:///etc/passwd' } }, /not https/, 1],
    ['get', { kind: 'status', status: 403 }, /blob store answered 403/, 1],
    ['get', { kind: 'status', status: 404 }, /blob store answered 404/, 1],
    ['get', { kind: 'status', status: 500 }, /blob store answered 500/, 2],
    ['get', { kind: 'truncate' }, /no connection|cut short/, 2],
    ['get', { kind: 'garbage', body: new Uint8Array(STATE_BYTES_MAX + 1) }, /larger than any state/, 1],
    ['get', { kind: 'garbage', body: Buffer.from('half a state'), announce: false }, /without a length/, 1],
  ]
  for (const [operation, fault, expected, requests] of unreadable)
    test(`load, ${operation} ${JSON.stringify(fault).slice(0, 100)}: rejects, it is not "no state"`, async () => {
      const store = open()
      await store.save(Buffer.from('state'), NEVER)
      service.fail(operation, fault)
      const before = service.counts[operation]
      assert.match(await message(store.load(NEVER)), expected)
      assert.equal(service.counts[operation] - before, requests)
    })

  test('an answer of not_found is no state', async () => {
    service.fail('lookup', { kind: 'status', status: 404, code: 'not_found', message: 'no entry' })
    assert.equal(await open().load(NEVER), null)
  })

  test('garbage of a right length is handed out: the journal is what judges it', async () => {
    const store = open()
    await store.save(Buffer.from('state'), NEVER)
    service.fail('get', { kind: 'garbage', body: Buffer.from('garbage') })
    assert.equal(await loadText(store), 'garbage')
  })

  test('an answer that comes late still counts', async () => {
    service.fail('create', { kind: 'slow', ms: 300 }, 1)
    const store = open()
    await store.save(Buffer.from('slow'), NEVER)
    assert.equal(await loadText(store), 'slow')
  })

  for (const operation of ['create', 'put', 'finalize'] as const)
    test(`a service that hangs at ${operation} ends a save at its limit`, async () => {
      service.fail(operation, { kind: 'hang' })
      assert.match(await message(open(freshId(), '1', 400).save(Buffer.from('x'), NEVER)), /did not finish within 0.4 s/)
    })

  for (const operation of ['lookup', 'get'] as const)
    test(`a service that hangs at ${operation} ends a load at its limit, or at the signal`, async () => {
      const id = freshId()
      await open(id).save(Buffer.from('x'), NEVER)
      service.fail(operation, { kind: 'hang' })
      assert.match(await message(open(id, '1', 400).load(NEVER)), /did not finish within 0.4 s/)
      const controller = new AbortController()
      const arrived = service.arrival(operation)
      const loading = open(id).load(controller.signal)
      await arrived
      controller.abort()
      await assert.rejects(loading, { kind: 'stopped' })
    })

  test('an abort while the second try is waited for settles at once', async () => {
    service.fail('create', { kind: 'status', status: 500 })
    const controller = new AbortController()
    const arrived = service.arrival('create')
    const saving = open().save(Buffer.from('x'), controller.signal)
    await arrived
    controller.abort()
    await assert.rejects(saving, { kind: 'stopped' })
  })

  test('no service at all: one message, at most two tries', async () => {
    const gone = await startCacheService()
    environment = gone.environment()
    await gone.close()
    assert.match(await message(open().load(NEVER)), /no connection .*ECONNREFUSED/)
    assert.match(await message(open().save(Buffer.from('x'), NEVER)), /no connection .*ECONNREFUSED/)
  })

  test('a server that repeats the token or a signed URL does not get it into the message', async () => {
    const token = environment.ACTIONS_RUNTIME_TOKEN ?? ''
    const said = `bad ${token} at https://blob.example/x?sp=w&sig=abc%2Bdef\n::error::boo`
    service.fail('create', { kind: 'refuse', message: said })
    const shown = await message(open().save(Buffer.from('x'), NEVER))
    assert.ok(!shown.includes(token) && !shown.includes('abc%2Bdef') && !shown.includes('::error'))
    assert.match(shown, /bad \*\*\* at https:\/\/blob\.example\/x\?…/)
  })

  test('the token goes to the service only, never to the blob store', async () => {
    // The stand-in answers 403 to a blob request with an authorization header, as Azure does.
    const store = open()
    await store.save(Buffer.from('x'), NEVER)
    assert.equal(await loadText(store), 'x')
  })

  test('nothing is asked of a service that cannot be used', async () => {
    const before = service.counts.lookup + service.counts.create
    environment = { ...environment, ACTIONS_CACHE_MODE: 'none' }
    assert.match(await message(open().load(NEVER)), /cache-mode/)
    assert.match(await message(open().save(Buffer.from('x'), NEVER)), /cache-mode/)
    assert.equal(service.counts.lookup + service.counts.create, before)
  })

  test('a read-only token is known up front', () => {
    const readOnly = service.environment([{ Scope: 'refs/heads/main', Permission: 1 }])
    assert.deepEqual({ ...cacheAvailability(readOnly), reason: '' }, { available: true, readable: true, writable: false, reason: '' })
  })

  test('a read-only token that hides it is refused by the service in one clear message', async () => {
    service.fail('create', { kind: 'refuse', message: 'cache write denied: this token may only read' })
    assert.match(await message(open().save(Buffer.from('x'), NEVER)), /may only read/)
  })
})
