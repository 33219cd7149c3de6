import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureLines, failureSetting } from '../../src/action/failure-text.ts'
import { OUTPUT_ROWS } from '../../src/action/input-table.ts'
import { parseInputs } from '../../src/action/inputs.ts'
import { conclude } from '../../src/action/outputs.ts'
import { summaryMarkdown } from '../../src/action/summary.ts'
import { exitCodeFor, type PublicFailureKind, TransferError } from '../../src/core/errors.ts'
import type { TransferResult } from '../../src/engine/ports.ts'

const GIB = 1024 ** 3
const WORLD = { localKind: () => 'missing' as const, windows: false, workingDirectory: '/w' }

function result(more: Partial<TransferResult> = {}): TransferResult {
  return {
    name: 'a.bin',
    status: 'complete',
    size: 10 * GIB,
    bytesTransferred: 4 * GIB,
    bytesReused: 6 * GIB,
    resumedFrom: 6 * GIB,
    proof: 'digest',
    proofDetail: 'sha256 by the server',
    digest: `sha256:${'a'.repeat(64)}`,
    durationMs: 60_000,
    ...more,
  }
}

function failed(kind: PublicFailureKind, more: Partial<TransferResult> = {}): TransferResult {
  return result({ status: 'failed', failure: { kind, message: `it was ${kind}` }, proof: null, proofDetail: null, digest: null, ...more })
}

const up = parseInputs(
  new Map([
    ['source', 'a.bin'],
    ['destination', 'sftp://h/'],
  ]),
  WORLD,
)
const twoUp = parseInputs(
  new Map([
    ['source', 'a.bin\nb.bin'],
    ['destination', 'sftp://h/'],
  ]),
  WORLD,
)
const down = parseInputs(
  new Map([
    ['source', 'https://h/a.bin'],
    ['destination', 'out/'],
  ]),
  WORLD,
)

test('outputs of a resumed upload', () => {
  const { status, exitCode, failure, outputs } = conclude(up, [result()], null)
  assert.deepEqual([status, exitCode, failure], ['complete', 0, null])
  assert.deepEqual(Object.fromEntries(outputs), {
    status: 'complete',
    complete: 'true',
    resumed: 'true',
    proof: 'digest',
    digest: `sha256:${'a'.repeat(64)}`,
    path: '',
    'bytes-total': String(10 * GIB),
    'bytes-transferred': String(4 * GIB),
    'bytes-reused': String(6 * GIB),
    'files-total': '1',
    'files-transferred': '1',
    'files-unchanged': '0',
    'error-kind': '',
  })
  assert.deepEqual(
    [...outputs.keys()],
    OUTPUT_ROWS.map((row) => row.name),
  )
  assert.equal(conclude(down, [result()], null).outputs.get('path'), 'out/a.bin')
})

test('the weakest proof counts, and unchanged files too', () => {
  const of = (...proofs: TransferResult['proof'][]) =>
    conclude(
      twoUp,
      proofs.map((proof) => result({ proof })),
      null,
    ).outputs.get('proof')
  assert.equal(of('digest', 'digest'), 'digest')
  assert.equal(of('digest', 'read-back'), 'read-back')
  assert.equal(of('size', 'read-back'), 'size')
  const unchanged = result({ status: 'unchanged', bytesReused: 0, bytesTransferred: 0 })
  assert.equal(conclude(twoUp, [unchanged, unchanged], null).status, 'unchanged')
  assert.equal(conclude(twoUp, [unchanged, result()], null).status, 'complete')
  assert.equal(conclude(up, [unchanged], null).outputs.get('resumed'), 'false')
})

test('no way to be green by accident', () => {
  for (const conclusion of [
    conclude(up, [], null),
    conclude(twoUp, [result()], null),
    conclude(up, [result({ proof: null })], null),
    conclude(up, [result({ status: 'failed' })], null),
    conclude(null, [], new Error('boom')),
    conclude(up, [result()], new TypeError('x is not a function')),
  ]) {
    assert.equal(conclusion.exitCode, 1)
    assert.equal(conclusion.status, 'failed')
    assert.equal(conclusion.outputs.get('error-kind'), 'internal')
    assert.equal(conclusion.outputs.get('complete'), 'false')
    assert.equal(conclusion.outputs.get('proof'), '')
  }
})

test('the worst failure decides, in one order', () => {
  const kinds: PublicFailureKind[] = ['stopped', 'transient', 'not-found', 'refused', 'denied', 'integrity', 'internal']
  for (const [i, kind] of kinds.entries())
    for (const milder of kinds.slice(0, i)) {
      for (const results of [
        [failed(kind), failed(milder)],
        [failed(milder), failed(kind)],
      ]) {
        const conclusion = conclude(twoUp, results, null)
        assert.equal(conclusion.failure?.kind, kind)
        assert.equal(conclusion.exitCode, exitCodeFor(kind))
      }
    }
  const stopped = conclude(up, [result({ status: 'incomplete', proof: null })], null)
  assert.deepEqual([stopped.status, stopped.exitCode], ['incomplete', 10])
  const invalid = conclude(null, [], new TransferError('invalid-input', 'a: 1\nb: 2', { hint: 'h' }))
  assert.deepEqual(invalid.failure, { kind: 'invalid-input', message: 'a: 1\nb: 2', hint: 'h' })
  assert.equal(invalid.exitCode, 2)
})

test('the error says what happened, what is safe and what to do', () => {
  const of = (kind: PublicFailureKind, setting = failureSetting('actions', up, 'github-hosted'), more: Partial<TransferResult> = {}) => {
    const results = [failed(kind, { bytesTransferred: 0.3 * GIB, previous: { kind: 'untouched' }, ...more })]
    const failure = results[0]?.failure
    assert.ok(failure !== undefined)
    return failureLines(failure, results, setting)
  }
  assert.deepEqual(of('transient'), [
    'a.bin: it was transient (transient)',
    "'Re-run failed jobs' proves what the server kept and continues from it. What was under the final name before is untouched.",
    'Run it again; raise retries or timeout if the network is known to be bad.',
  ])
  assert.match(
    of('stopped', failureSetting('terminal', up, undefined)).join(),
    /Running the same command again proves what the server kept and continues from it/,
  )
  assert.match(of('transient', failureSetting('actions', down, 'github-hosted')).join(), /on a fresh one starts over/)
  assert.match(of('transient', failureSetting('actions', down, 'self-hosted')).join(), /on this runner continues from/)
  for (const kind of ['no-space', 'refused', 'stopped', 'integrity'] as const) {
    assert.match(of(kind).join(), /what the server kept/)
    assert.doesNotMatch(of(kind).join(), /is kept/, 'nobody has seen what the server keeps')
  }
  for (const started of [
    { ...down, state: { ...down.state, kind: 'none' } as const },
    { ...down, policy: { ...down.policy, resume: 'never' } as const },
    { ...up, policy: { ...up.policy, resume: 'never' } as const },
  ])
    assert.doesNotMatch(of('transient', failureSetting('terminal', started, undefined)).join(), /kept|continues/)
  assert.match(of('no-space', failureSetting('terminal', down, undefined)).join(), /^[^,]*,Progress is kept: Running/)
  assert.match(of('transient', undefined, { writtenDirectly: true }).join(), /may be incomplete/)
  assert.doesNotMatch(of('transient', undefined, { writtenDirectly: true }).join(), /untouched/)
  for (const kind of ['none', 'unknown', 'replaced'] as const)
    assert.doesNotMatch(of('refused', undefined, { previous: { kind } }).join(), /What was under|untouched/, kind)
  const aside = of('refused', undefined, { previous: { kind: 'aside', path: 'dir/.a.bin.01234567.aside' } }).join()
  assert.match(aside, /lies at dir\/\.a\.bin\.01234567\.aside\. The next run puts it back/)
  assert.doesNotMatch(aside, /untouched/)
  // Of an empty file no byte travels, and it replaces what was there.
  for (const kind of ['transient', 'untrusted'] as const)
    assert.match(of(kind, undefined, { writtenDirectly: true, bytesTransferred: 0 }).join(), /may be incomplete/)
  assert.doesNotMatch(of('transient', undefined, { bytesReused: 0, bytesTransferred: 0 }).join(), /Progress is kept/)
  assert.doesNotMatch(of('source-changed').join(), /Progress is kept/)
  const outputs = { kind: 'refused', message: 'cannot write the outputs' } as const
  for (const [results, told] of [
    [[result()], 'One file is in place.'],
    [[result(), result({ status: 'unchanged' })], '2 files are in place.'],
  ] as const)
    assert.equal(failureLines(outputs, results, failureSetting('actions', up, undefined))[1], told)
  assert.match(of('untrusted', failureSetting('actions', up, undefined, false)).join(), /No credential was sent/)
  const later = of('untrusted', failureSetting('actions', up, undefined, true)).join()
  assert.match(later, /Credentials had been sent before that\. What was under the final name before is untouched/)
  assert.doesNotMatch(later, /No credential/)
  const hint = { kind: 'untrusted', message: 'unknown host key', hint: 'Paste this:\nhost ssh-ed25519 AAAA' } as const
  assert.deepEqual(failureLines(hint, [], failureSetting('actions', up, undefined)).slice(-2), ['Paste this:', 'host ssh-ed25519 AAAA'])
  assert.deepEqual(
    failureLines({ kind: 'invalid-input', message: 'a: 1\nb: 2' }, [], failureSetting('actions', null, undefined)).slice(0, 3),
    ['The inputs are not right:', 'a: 1', 'b: 2'],
  )
  assert.match(
    failureLines(
      { kind: 'refused', message: 'x' },
      [failed('refused'), failed('transient'), failed('transient')],
      failureSetting('actions', up, ''),
    ).join(),
    /2 more files are not in place/,
  )
})

test('the summary says what resume saved', () => {
  const text = summaryMarkdown({ direction: 'upload', results: [result()], warnings: [], failure: [] })
  assert.match(text, /^### Upload: complete\n/)
  assert.match(text, /Resume saved \*\*6\.00 GiB\*\* \(60 %\), about 1 min 30 s at this rate\./)
  assert.ok(
    text.includes(
      '| `a.bin` | complete | 10.0 GiB | 4.00 GiB | 6.00 GiB | 6.00 GiB | digest `sha256 by the server` | 1 min 0 s | 68.3 MiB/s |',
    ),
    text,
  )
  assert.doesNotMatch(
    summaryMarkdown({ direction: 'upload', results: [result({ bytesReused: 0 })], warnings: [], failure: [] }),
    /Resume saved/,
  )
})

test('a failed step: its text whole, its files first, its warnings', () => {
  const text = summaryMarkdown({
    direction: 'download',
    results: [result({ name: 'good' }), failed('refused', { name: 'bad' })],
    warnings: ['tls-verify is false: nobody checks that https://h is the right server.'],
    failure: ['bad: 550 no', 'Paste: host ssh-ed25519 AAAA'],
  })
  assert.match(text, /### Download: 1 of 2 files in place/)
  assert.match(text, /```text\nbad: 550 no\nPaste: host ssh-ed25519 AAAA\n```/)
  assert.ok(text.indexOf('`bad`') < text.indexOf('`good`'))
  assert.match(text, /> ⚠️ `tls-verify is false/)
})

test('hostile names, messages and warnings cannot leave their place', () => {
  const hostile = [
    'a`b|c<img src=x onerror=alert(1)>',
    'x\n\n# owned\n| a | b |',
    '```\n# owned',
    '[click](https://evil.example) @everyone #1',
    '<!-- </details> &lt;script>',
    '::stop-commands::x ##[error]y',
    '\u001b[31m\u202eevil\u2028# owned',
    '~~~\n# owned',
  ]
  const text = summaryMarkdown({
    direction: 'upload',
    results: hostile.map((name) =>
      failed('refused', { name, proof: 'size', proofDetail: name, failure: { kind: 'refused', message: name } }),
    ),
    warnings: hostile,
    failure: hostile,
  })
  const lines = text.split('\n')
  assert.equal(lines.filter((line) => line.startsWith('#')).length, 1, 'one heading, ours')
  assert.equal(lines.filter((line) => line.startsWith('```')).length, 2, 'one fence, ours')
  for (const row of lines.filter((line) => line.startsWith('| `'))) assert.equal(row.split('|').length, 11, row)
  for (const line of lines.filter((line) => line.startsWith('>'))) assert.match(line, /^>( ⚠️ `[^`|<>]*`)?$/)
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u202a-\u202e\u2028]|##\[|^\s*::/m)
  const outsideFence = text.replace(/```text[\s\S]*?\n```/, '')
  assert.doesNotMatch(outsideFence, /<\w/)
})

test('a hundred thousand files stay far below a mebibyte', () => {
  const results = Array.from({ length: 100_000 }, (_, i) =>
    result({ name: `${'\ud83d\ude00'.repeat(400)}${i}`, proofDetail: 'ü'.repeat(1000) }),
  )
  const text = summaryMarkdown({
    direction: 'upload',
    results,
    warnings: Array(1000).fill('w'.repeat(10_000)),
    failure: Array(1000).fill('f'.repeat(10_000)),
  })
  assert.ok(Buffer.byteLength(text) < 800 * 1024, String(Buffer.byteLength(text)))
  assert.match(text, /… and \d+ more files\./)
})
