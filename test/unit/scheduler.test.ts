/** The one place that retries, on a clock that only moves when it sleeps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FailureKind, reactionTo, TransferError } from '../../src/core/errors.ts'
import type { Clock } from '../../src/engine/ports.ts'
import { type Perseverance, persevere } from '../../src/engine/scheduler.ts'

interface Scene {
  readonly how: Perseverance
  readonly sleeps: number[]
  readonly told: number[]
  mark: number
  attempts: number
}

function scene(changes: Partial<Perseverance> = {}, retries = 3): Scene {
  const sleeps: number[] = []
  const told: number[] = []
  const clock: Clock = {
    nowMs: () => 0,
    sleep: async (ms, signal) => {
      if (signal.aborted) throw signal.reason
      sleeps.push(ms)
    },
    after: () => () => {},
  }
  const made: Scene = {
    sleeps,
    told,
    mark: 0,
    attempts: 0,
    how: {
      clock,
      random: () => 0.5,
      policy: { retries },
      progressMark: () => made.mark,
      retrying: (_error, _delayMs, failuresLeft) => void told.push(failuresLeft),
      downgrade: () => false,
      ...changes,
    },
  }
  return made
}

const failure = (kind: FailureKind, retryAfterMs?: number): TransferError =>
  new TransferError(kind, kind, retryAfterMs === undefined ? {} : { retryAfterMs })
const never = new AbortController().signal
const alive = (): AbortController => new AbortController()

/** Runs attempts that fail as told, one after another, and then succeed. */
function run(s: Scene, failures: readonly unknown[], signal = never, before?: (attempt: number) => void): Promise<string> {
  return persevere(s.how, signal, async () => {
    const error = failures[s.attempts]
    s.attempts += 1
    before?.(s.attempts)
    if (error !== undefined) throw error
    return 'done'
  })
}

test('what succeeds at once is neither repeated nor told', async () => {
  const s = scene()
  assert.equal(await run(s, []), 'done')
  assert.deepEqual([s.attempts, s.sleeps, s.told], [1, [], []])
})

test('a passing trouble is tried again, with growing pauses, as often as the policy says', async () => {
  const s = scene()
  assert.equal(await run(s, [failure('transient'), failure('transient'), failure('transient')]), 'done')
  assert.deepEqual(s.sleeps, [500, 1000, 2000])
  assert.deepEqual(s.told, [2, 1, 0])
  const last = failure('transient')
  const t = scene()
  await assert.rejects(run(t, [failure('transient'), failure('transient'), failure('transient'), last]), (error) => error === last)
  assert.equal(t.attempts, 4)
})

test('no retries means one attempt', async () => {
  const s = scene({}, 0)
  await assert.rejects(run(s, [failure('transient')]))
  assert.deepEqual([s.attempts, s.sleeps], [1, []])
})

test('progress gives the whole budget back, and the pauses begin anew', async () => {
  const s = scene({}, 2)
  const failures = Array.from({ length: 20 }, () => failure('transient'))
  assert.equal(
    await run(s, failures, never, (attempt) => {
      s.mark += attempt % 2
    }),
    'done',
  )
  assert.equal(s.attempts, 21)
  assert.ok(s.sleeps.every((ms) => ms <= 1000))
})

test('the budget counts from the last progress, not from a mark that moved back', async () => {
  const s = scene({}, 2)
  s.mark = 10
  await assert.rejects(
    run(s, [failure('transient'), failure('transient'), failure('transient')], never, (attempt) => {
      s.mark = attempt === 1 ? 5 : 10 // what was lost and won back is no progress
    }),
  )
  assert.equal(s.attempts, 3)
})

test('plan and server may disagree twice; the third time is final, unless bytes were proven in between', async () => {
  for (const kind of ['integrity', 'offset-conflict'] as const) {
    const s = scene()
    assert.equal(await run(s, [failure(kind), failure(kind)]), 'done')
    assert.equal(s.sleeps.length, 1, 'the first time at once')
    const t = scene()
    await assert.rejects(run(t, [failure(kind), failure(kind), failure(kind)]))
    const u = scene()
    assert.equal(
      await run(u, [failure(kind), failure(kind), failure(kind), failure(kind)], never, (attempt) => {
        if (attempt === 3) u.mark = 1
      }),
      'done',
    )
  }
})

test('retries and replans do not reset one another: a server that alternates ends', async () => {
  const s = scene({}, 3)
  const failures = Array.from({ length: 40 }, (_, i) => failure(i % 2 === 0 ? 'transient' : 'integrity'))
  await assert.rejects(run(s, failures))
  assert.ok(s.attempts <= 7, String(s.attempts))
})

test('a changed source starts over at most twice, without a pause', async () => {
  let restarted = 0
  const restart = async (): Promise<void> => {
    restarted += 1
  }
  const changed = Array.from({ length: 3 }, () => failure('source-changed'))
  const s = scene({ restart })
  assert.equal(await run(s, changed.slice(1)), 'done')
  assert.deepEqual([restarted, s.sleeps], [2, []])
  await assert.rejects(run(scene({ restart }), changed), { kind: 'source-changed' })
})

test('a changed source is final where nothing can start over, and when starting over fails', async () => {
  const s = scene()
  await assert.rejects(run(s, [failure('source-changed')]), { kind: 'source-changed' })
  const refused = failure('refused')
  await assert.rejects(run(scene({ restart: () => Promise.reject(refused) }), [failure('source-changed')]), (error) => error === refused)
})

test('what the server cannot do is done without, as long as there is something to do without', async () => {
  let left = 1
  const s = scene({ downgrade: () => left-- > 0 })
  assert.equal(await run(s, [failure('unsupported')]), 'done')
  assert.deepEqual(s.sleeps, [])
  left = 1
  await assert.rejects(run(scene({ downgrade: () => left-- > 0 }), [failure('unsupported'), failure('unsupported')]), {
    kind: 'unsupported',
  })
})

test('everything else is final at once', async () => {
  const kinds = [
    'internal',
    'invalid-input',
    'denied',
    'untrusted',
    'refused',
    'no-space',
    'conflict',
    'limit',
    'protocol',
    'not-found',
    'stopped',
  ] as const
  for (const kind of kinds) {
    assert.ok(['fail', 'stop'].includes(reactionTo(kind)))
    const s = scene({ restart: async () => {}, downgrade: () => true })
    await assert.rejects(run(s, [failure(kind)]), { kind })
    assert.deepEqual([s.attempts, s.sleeps, s.told], [1, [], []])
  }
})

test('what is no TransferError goes through as it is, at once', async () => {
  for (const defect of [new TypeError('ours'), 'text', null]) {
    const s = scene()
    const caught = await run(s, [defect]).catch((error: unknown) => error)
    if (defect === null) assert.equal(caught, null)
    else assert.equal(caught, defect)
    assert.equal(s.attempts, 1)
  }
})

test('a stop wins over whatever the attempt died of', async () => {
  for (const kind of ['transient', 'integrity', 'source-changed', 'unsupported', 'refused'] as const) {
    const controller = alive()
    const stopped = failure('stopped')
    const s = scene({ restart: async () => {}, downgrade: () => true })
    await assert.rejects(
      run(s, [failure(kind)], controller.signal, () => controller.abort(stopped)),
      (error) => error === stopped,
    )
    assert.equal(s.attempts, 1)
  }
  const controller = alive()
  await assert.rejects(
    run(scene(), [new TypeError('torn down')], controller.signal, () => controller.abort('cancelled')),
    { kind: 'stopped' },
  )
})

test('a stop ends the pause', async () => {
  const controller = alive()
  const stopped = failure('stopped')
  const s = scene({ retrying: () => controller.abort(stopped) })
  await assert.rejects(run(s, [failure('transient')], controller.signal), (error) => error === stopped)
})

test("the server's wish for a pause is heard, up to five minutes", async () => {
  const s = scene()
  await run(s, [failure('transient', 42_000), failure('transient', 86_400_000), failure('transient', 0)])
  assert.deepEqual(s.sleeps, [42_000, 300_000, 2000])
})
