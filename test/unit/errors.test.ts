import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortError, exitCodeFor, type FailureKind, publicKind, reactionTo, TransferError, throwIfAborted } from '../../src/core/errors.ts'
import { failedOutcome } from '../../src/engine/outcome.ts'

const TABLE: Readonly<Record<FailureKind, readonly [string, string, number]>> = {
  internal: ['fail', 'internal', 1],
  'invalid-input': ['fail', 'invalid-input', 2],
  denied: ['fail', 'denied', 3],
  untrusted: ['fail', 'untrusted', 4],
  transient: ['retry', 'transient', 5],
  refused: ['fail', 'refused', 6],
  'no-space': ['fail', 'no-space', 7],
  'source-changed': ['restart', 'source-changed', 8],
  conflict: ['fail', 'conflict', 9],
  stopped: ['stop', 'stopped', 10],
  integrity: ['replan', 'integrity', 11],
  limit: ['fail', 'limit', 12],
  protocol: ['fail', 'protocol', 13],
  'not-found': ['fail', 'not-found', 14],
  'offset-conflict': ['replan', 'conflict', 9],
  unsupported: ['downgrade', 'refused', 6],
}

test('every kind has one reaction, one public name and one exit code, and none is 0', () => {
  for (const [kind, [reaction, shown, code]] of Object.entries(TABLE) as [FailureKind, readonly [string, string, number]][]) {
    assert.equal(reactionTo(kind), reaction, kind)
    assert.equal(publicKind(kind), shown, kind)
    assert.equal(exitCodeFor(publicKind(kind)), code, kind)
  }
})

test('a failure becomes part of the result; only a stop is incomplete; a defect goes on as it is', () => {
  for (const kind of Object.keys(TABLE) as FailureKind[]) {
    const outcome = failedOutcome(new TransferError(kind, 'm', { hint: 'h' }))
    assert.equal(outcome.status, kind === 'stopped' ? 'incomplete' : 'failed')
    assert.deepEqual(outcome.failure, { kind: publicKind(kind), message: 'm', hint: 'h' })
    assert.equal(outcome.proof, null)
  }
  const defect = new RangeError('ours')
  assert.throws(() => failedOutcome(defect), defect)
})

test('the reason of an abort goes on as it is; a foreign one counts as stopped', () => {
  const ours = new TransferError('transient', 'stalled')
  assert.equal(abortError(AbortSignal.abort(ours)), ours)
  const foreign = abortError(AbortSignal.abort('foreign'))
  assert.equal(foreign.kind, 'stopped')
  assert.equal(foreign.cause, 'foreign')
  assert.throws(() => throwIfAborted(AbortSignal.abort(ours)), ours)
  assert.doesNotThrow(() => throwIfAborted(new AbortController().signal))
})
