/** The search for leaks finds them: a secret that is planted in any encoding, in any place. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertNothingLeaked, ENCODINGS, leakIn, sinksOf, spellings } from '../e2e/canary.ts'
import type { CacheService, StoredEntry } from '../support/cache-service.ts'
import { type ActionRun, createMachine, type Machine, type PhaseRun } from '../support/runner.ts'

/** With everything that some encoding changes. */
const SECRET = `pä ss'w"ord<&>%=+/\\?1`
const sh = SECRET.replaceAll("'", "'\\''")

/** Each by means that have nothing to do with the search's own, and with other text around. */
const PLANTED: Readonly<Record<string, readonly string[]>> = {
  plain: [SECRET],
  'base64 and base64url': [1, 2, 3, 4, 5].flatMap((n) => {
    const bytes = Buffer.from(`${'u'.repeat(n)}${SECRET}tail`)
    return [bytes.toString('base64'), bytes.toString('base64url')]
  }),
  'base64 twice': [1, 2, 3, 4, 5, 6, 7].map((n) =>
    Buffer.from(`${'#'.repeat(n)}${Buffer.from(`${'u'.repeat(n)}${SECRET}z`).toString('base64')}.`).toString('base64'),
  ),
  'percent-encoding': [
    encodeURIComponent(SECRET),
    encodeURIComponent(SECRET).replaceAll(/%../g, (e) => e.toLowerCase()),
    `${new URLSearchParams([['q', SECRET]])}`,
  ],
  'percent-encoding of every byte': [[...Buffer.from(SECRET)].map((b) => `%${b.toString(16).toUpperCase()}`).join('')],
  'percent-encoding twice': [encodeURIComponent(encodeURIComponent(SECRET))],
  hex: [
    Buffer.from(SECRET).toString('hex'),
    Buffer.from(SECRET).toString('hex').toUpperCase(),
    Buffer.from(SECRET)
      .toString('hex')
      .replaceAll(/..(?!$)/g, '$&:'),
  ],
  'JSON and \\u escapes': [JSON.stringify({ a: SECRET }), JSON.stringify(JSON.stringify([SECRET]))],
  shell: [`echo '${sh}'`],
  HTML: [
    'p&#228;&#32;&#115;&#115;',
    SECRET.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
  ].slice(1),
  'quoted-printable': [`p=C3=A4=20ss'w"ord<&>%=3D+/\\?1`],
  // RFC 4648 by Python's base64.b32encode, with 0 and 3 bytes before.
  base32: ['ODB2IIDTOMTXOITPOJSDYJR6EU6SWL24H4YQ====', 'PB4HQ4GDUQQHG4ZHO4RG64TEHQTD4JJ5FMXVYPZR'],
  'UTF-16': [Buffer.from(`x${SECRET}`, 'utf16le').toString('latin1'), Buffer.from(`x${SECRET}`, 'utf16le').swap16().toString('latin1')],
  'UTF-8 read as Latin-1': [Buffer.from(SECRET).toString('latin1')],
  reversed: [[...SECRET].reverse().join('')],
  'cut to eight characters': [SECRET.slice(0, 8), SECRET.slice(5, 13), SECRET.slice(-8)],
  'JSON with an escaped slash': [JSON.stringify(SECRET).replaceAll('/', '\\/')],
}

test('there are more than twelve encodings, and each is tried here', () => {
  assert.ok(Object.keys(ENCODINGS).length >= 12)
  assert.deepEqual(Object.keys(PLANTED), Object.keys(ENCODINGS))
})

for (const [name, texts] of Object.entries(PLANTED))
  test(`a leak is found: ${name}`, () => {
    for (const text of texts) {
      assert.ok(leakIn([{ name: 'log', content: `before ${text} after` }], [SECRET]) !== null, text)
      // By this encoding, and not by the grace of another one.
      assert.ok(
        ENCODINGS[name]?.(SECRET).some((form) => text.includes(form)),
        text,
      )
    }
  })

test('every line of a key is a secret of its own, its frame is none', () => {
  const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'A1b2'.repeat(16)}\n${'Zz9+'.repeat(16)}\n-----END OPENSSH PRIVATE KEY-----`
  assert.ok(leakIn([{ name: 'log', content: Buffer.from(`xx${'Zz9+'.repeat(16)}`).toString('base64') }], [key]) !== null)
  assert.equal(leakIn([{ name: 'log', content: '-----BEGIN OPENSSH PRIVATE KEY-----' }], [key]), null)
  assert.deepEqual(spellings('short'), [])
})

function phase(more: Partial<PhaseRun> = {}): PhaseRun {
  return {
    exitCode: 0,
    signal: null,
    outputs: { status: 'complete' },
    summary: '',
    log: '',
    rawLog: `::add-mask::${SECRET}`,
    annotations: [],
    masks: [SECRET],
    state: {},
    environment: {},
    paths: [],
    durationMs: 1,
    ...more,
  }
}

function cacheWith(...entries: readonly Partial<StoredEntry>[]): CacheService {
  const whole = entries.map((entry) => ({ scope: '', key: 'rt1-', version: '', finalized: true, bytes: Buffer.alloc(0), ...entry }))
  return { entries: () => whole, secrets: [] } as unknown as CacheService
}

function machineOf(t: TestContext): Machine {
  const machine = createMachine()
  t.after(() => machine.dispose())
  return machine
}

test('a leak is found in every place that a run writes to', (t) => {
  const machine = machineOf(t)
  const found = (main: Partial<PhaseRun>, post: Partial<PhaseRun> = {}, cache = cacheWith()): string | null => {
    const run: ActionRun = { ...phase(main), conclusion: 'success', post: phase(post) }
    return leakIn(sinksOf(run, cache, machine), [SECRET])
  }
  assert.equal(found({}), null, 'the mask itself is no leak')
  const places: readonly Partial<PhaseRun>[] = [
    { log: SECRET },
    { rawLog: `::debug::${SECRET}` },
    { summary: SECRET },
    { outputs: { path: SECRET } },
    { outputs: { [SECRET]: '' } },
    { annotations: [{ level: 'error', message: SECRET, properties: {} }] },
    { annotations: [{ level: 'error', message: '', properties: { title: SECRET } }] },
    { state: { directory: SECRET } },
    { environment: { X: SECRET } },
    { paths: [SECRET] },
  ]
  for (const place of places) {
    assert.match(found(place) ?? '', /of main$/, JSON.stringify(place))
    assert.match(found({}, place) ?? '', /of post$/, JSON.stringify(place))
  }
  assert.match(found({}, {}, cacheWith({ bytes: Buffer.from(SECRET) })) ?? '', /saved state/)
  assert.match(found({}, {}, cacheWith({ key: `rt1-${Buffer.from(SECRET).toString('hex')}` })) ?? '', /saved state/)
  for (const folder of [machine.workspace, machine.temp, machine.toolCache, machine.home]) {
    mkdirSync(join(folder, 'deep'))
    writeFileSync(join(folder, 'deep', 'x.journal'), `{"a":"${Buffer.from(SECRET).toString('base64')}"}`)
    assert.match(found({}) ?? '', /the file deep/)
    rmSync(join(folder, 'deep'), { recursive: true })
    writeFileSync(join(folder, `.${Buffer.from(SECRET).toString('hex')}.partial`), '')
    assert.match(found({}) ?? '', /the file/)
    rmSync(join(folder, `.${Buffer.from(SECRET).toString('hex')}.partial`))
  }
  symlinkSync('/nowhere', join(machine.workspace, 'link'))
  assert.equal(found({}), null)
})

test('the saved state must not tell a host or a name either', (t) => {
  const run: ActionRun = { ...phase(), conclusion: 'success', post: null }
  const machine = machineOf(t)
  assert.doesNotThrow(() => assertNothingLeaked(run, [SECRET], cacheWith({ bytes: Buffer.from('{}') }), machine))
  for (const clear of ['127.0.0.1', 'sftp://', 'a.bin'])
    assert.throws(() => assertNothingLeaked(run, [SECRET], cacheWith({ bytes: Buffer.from(clear) }), machine), /saved state/)
})
