/** What the cache service answers: any JSON in any field, any body. Nothing of it may reach another host, be taken for a state, or stay in a message. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc, { type Arbitrary } from 'fast-check'
import { cacheAvailability } from '../../src/action/cache-availability.ts'
import { cacheServiceStore } from '../../src/action/cache-service.ts'
import { type CacheFault, startCacheService } from '../support/cache-service.ts'
import { hostileText } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

const ID = createHash('sha256').update('fuzz').digest('hex').slice(0, 16)
const FIELDS = ['ok', 'matched_key', 'signed_download_url', 'signed_upload_url', 'message', 'code', 'msg', '__proto__', 'constructor']

const value: Arbitrary<unknown> = fc.oneof(
  hostileText(8),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(true, false, 'http://127.0.0.1:1/x', 'https://:0', `rt1-${ID}-`),
)
const lie: Arbitrary<CacheFault> = fc
  .array(fc.tuple(fc.constantFrom(...FIELDS), value), { maxLength: 4 })
  .map((pairs) => ({ kind: 'lie', fields: Object.fromEntries(pairs) }))
const garbage: Arbitrary<CacheFault> = fc
  .oneof(hostileText().map(Buffer.from), fc.json().map(Buffer.from))
  .map((body) => ({ kind: 'garbage', body }))
const status: Arbitrary<CacheFault> = fc
  .tuple(fc.integer({ min: 200, max: 599 }), hostileText(10), hostileText(2))
  .map(([code, message, word]) => ({ kind: 'status', status: code, message, code: word.toWellFormed() }))
const fault = fc.oneof(lie, garbage, status)

async function assertHarmless(load: CacheFault, save: CacheFault): Promise<void> {
  const service = await startCacheService()
  const store = cacheServiceStore(service.environment(), { id: ID, runId: '1', runAttempt: 1 }, { nowMs: () => 1, retryPauseMs: 0 })
  const never = new AbortController().signal
  const told = async (work: Promise<unknown>): Promise<void> => {
    const message = await work.then(
      () => '',
      (error: unknown) => (error instanceof Error ? error.message : assert.fail(String(error))),
    )
    assert.doesNotMatch(message, /[\p{Cc}\p{Cf}\u2028\u2029]|::|##\[/u)
    assert.ok(message.length < 500)
    for (const secret of service.secrets) assert.ok(!message.includes(secret), 'the message holds a token or a signature')
  }
  try {
    await store.save(Buffer.from('state'), never)
    service.fail('lookup', load)
    service.fail('create', save)
    await told(store.load(never))
    await told(store.save(Buffer.from('state'), never))
  } finally {
    await service.close()
  }
}

const VARIABLES = ['ACTIONS_CACHE_SERVICE_V2', 'ACTIONS_RESULTS_URL', 'ACTIONS_RUNTIME_TOKEN', 'ACTIONS_CACHE_MODE', 'GITHUB_SERVER_URL']
const token = (claims: unknown): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`
const setting = fc.oneof(
  fc.constantFrom(
    'true',
    'https://results.example.com/',
    'http://127.0.0.1:1/',
    'https://github.com',
    'read',
    'write',
    'none',
    token({ ac: '[{"Scope":"x","Permission":3}]' }),
  ),
  fc.jsonValue().map(token),
  hostileText(6),
)

export const CACHE_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('cache-answer', 80, fc.tuple(fault, fault), ([load, save]) => assertHarmless(load, save)),
  fuzzTarget('cache-environment', 1500, fc.dictionary(fc.constantFrom(...VARIABLES), setting), (environment) => {
    const { available, readable, writable, reason } = cacheAvailability(environment)
    assert.equal(available, readable || writable)
    assert.equal(reason === null, readable && writable)
  }),
]
