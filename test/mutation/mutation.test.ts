/** Takes the defences of src/ away, one after the other, and demands that a test fails. `npm run mutate` prints the same as a table. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { DEFENCES } from './catalogue.ts'
import { labelOf } from './defence.ts'
import { firstFailure, trial } from './trial.ts'

const root = new URL('../../', import.meta.url)

test('every defence is where the list says, once, and has a name and a detector of its own', () => {
  const sources = new Map<string, string>()
  for (const { name, edits } of DEFENCES) {
    for (const { file, find, replace } of edits) {
      const source = sources.get(file) ?? readFileSync(new URL(file, root), 'utf8')
      sources.set(file, source)
      assert.equal(source.split(find).length - 1, 1, `${name}: the defence has moved: ${file} does not hold exactly once: ${find}`)
      assert.notEqual(find, replace, name)
    }
  }
  assert.equal(new Set(DEFENCES.map(({ name }) => name)).size, DEFENCES.length)
  for (const { name, detectors, maskedBy } of DEFENCES) {
    assert.ok(detectors.length > 0, name)
    assert.ok(maskedBy === undefined || DEFENCES.some((other) => other.name === maskedBy.name), name)
  }
})

test('the harness: the first test that failed by itself, with the whole of its error passed over', () => {
  const tap = [
    'not ok 1 - outer',
    '  ---',
    "  failureType: 'subtestsFailed'",
    '  ...',
    '    not ok 2 - inner',
    '      ---',
    "      failureType: 'testCodeFailure'",
    '      error: |-',
    '        1 !== 2',
    '        ...',
    "      name: 'AssertionError'",
    '      ...',
    '',
  ].join('\n')
  assert.deepEqual(firstFailure(tap), { test: 'inner', kind: 'testCodeFailure', errorName: 'AssertionError', message: '1 !== 2' })
  assert.equal(firstFailure(tap.slice(0, tap.indexOf("      name: '"))), null, 'before its end has come')
})

// Two at a time: as many as the machines of the CI have processors.
describe('without a defence a test fails:', { concurrency: 2 }, () => {
  for (const { name, detectors, maskedBy } of DEFENCES) {
    for (const detector of detectors) {
      const off = maskedBy === undefined ? [name] : [name, maskedBy.name]
      test(`${off.join(' and ')}, by ${labelOf(detector)}`, async (t) => {
        const { caught, evidence, seconds } = await trial(off, detector)
        assert.ok(caught, `nothing notices: ${evidence}`)
        t.diagnostic(`${seconds.toFixed(1)} s: ${evidence.slice(0, 200)}`)
      })
      if (maskedBy === undefined) continue
      test(`${name} alone goes unnoticed by ${labelOf(detector)}, as the list says`, async () => {
        const { caught, evidence } = await trial([name], detector)
        assert.ok(!caught && /^all [1-9]\d* tests passed$/.test(evidence), evidence)
      })
    }
  }
})
