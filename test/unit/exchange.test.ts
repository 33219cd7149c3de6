/** No exchange waits for ever: stall, trickle, the last word. Time is a list of timers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortError, TransferError } from '../../src/core/errors.ts'
import { type Watch, type WatchOptions, watched } from '../../src/engine/exchange.ts'
import { VirtualClock } from '../simulation/world.ts'

/** Counts the timers that are set and not cancelled. */
class CountingClock extends VirtualClock {
  pending = 0

  override after(ms: number, action: () => void): () => void {
    this.pending += 1
    let open = true
    const done = (): void => {
      if (open) this.pending -= 1
      open = false
    }
    const cancel = super.after(ms, () => {
      done()
      action()
    })
    return () => {
      done()
      cancel()
    }
  }
}

const never = new AbortController().signal
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(abortError(signal)), { once: true }))

/** Runs an exchange that moves as `moves` says (virtual ms → bytes so far) and then hangs; gives when and how it ended. */
async function hang(options: Partial<WatchOptions>, moves: Readonly<Record<number, number>> = {}) {
  const clock = new CountingClock()
  const ended = watched({ clock, timeoutMs: 1000, bytes: 1_000_000, what: 'testing', ...options }, never, (signal, watch) => {
    for (const [ms, total] of Object.entries(moves)) clock.after(Number(ms), () => watch.moved(total))
    return aborted(signal)
  }).catch((error: unknown) => error)
  let over = false
  void ended.then(() => {
    over = true
  })
  while (!over && clock.pending > 0) {
    let timers = 1
    await clock.pass(() => timers-- === 0)
    await new Promise(setImmediate)
  }
  const error = await ended
  assert.ok(error instanceof TransferError)
  assert.equal(error.kind, 'transient')
  assert.match(error.message, /no progress for \d+ s while testing/)
  assert.equal(clock.pending, 0, 'no timer is left')
  return clock.nowMs()
}

test('silence ends as transient after the timeout', async () => assert.equal(await hang({}), 1000))

test('without file bytes the exchange only has to end within its time', async () => assert.equal(await hang({ bytes: 0 }), 1000))

test('work that the server does silently has its allowance', async () => assert.equal(await hang({ bytes: 0, allowanceMs: 4000 }), 5000))

test('what moves goes on for as long as it moves', async () => {
  assert.equal(await hang({}, { 900: 10_000, 1900: 20_000, 2900: 30_000 }), 4000)
})

test('less than 4 KiB in a stretch of the timeout counts as a stall', async () => {
  assert.equal(await hang({}, { 100: 1, 300: 2, 500: 3, 700: 4095 }), 1000)
  assert.equal(await hang({}, { 100: 4096, 1100: 4097, 1900: 8191 }), 2000)
  assert.equal(await hang({ bytes: Number.POSITIVE_INFINITY }, { 500: 4095 }), 1000)
})

test('after the last byte the server has two minutes more for its last word, once', async () => {
  assert.equal(await hang({}, { 500: 1_000_000 }), 1000 + 1000 + 120_050)
  assert.equal(await hang({ bytes: 100 }, { 500: 100 }), 1000 + 1000 + 120_000, 'however small the file')
  assert.equal(await hang({ bytes: 100 }, { 500: 100, 2000: 100, 60000: 100 }), 1000 + 1000 + 120_000, 'saying it again is no progress')
  assert.equal(await hang({ bytes: 10_000 }, { 500: 9000, 1500: 10_000 }), 2000 + 1000 + 120_000, 'a short last stretch too')
})

test('what the server confirms is life as well: over a slow link a full queue is not refilled for minutes', async () => {
  const clock = new CountingClock()
  const options = { clock, timeoutMs: 1000, bytes: 100_000, what: 'testing' }
  const ended = watched(options, never, (signal, watch) => {
    watch.moved(50_000)
    for (let i = 1; i <= 5; i += 1) clock.after(i * 900, () => watch.confirmed(i * 5000))
    return aborted(signal)
  }).catch((error: unknown) => error)
  let over = false
  void ended.then(() => {
    over = true
  })
  while (!over && clock.pending > 0) {
    let timers = 1
    await clock.pass(() => timers-- === 0)
    await new Promise(setImmediate)
  }
  assert.ok((await ended) instanceof TransferError)
  assert.ok(clock.nowMs() > 4500, `ended after ${clock.nowMs()} ms`)
})

test('a count that moves back is no progress', async () => {
  assert.equal(await hang({}, { 100: 50_000, 1200: 10_000, 1500: 50_000 }), 2000)
})

test('the value and the error of the exchange go through as they are, and the timer is cancelled', async () => {
  const clock = new CountingClock()
  const options = { clock, timeoutMs: 1000, bytes: 5, what: 'testing' }
  const exchange = async (_signal: AbortSignal, watch: Watch): Promise<string> => {
    watch.moved(5)
    return 'value'
  }
  assert.equal(await watched(options, never, exchange), 'value')
  const error = new RangeError('ours')
  await assert.rejects(
    watched(options, never, () => Promise.reject(error)),
    (e) => e === error,
  )
  assert.equal(clock.pending, 0)
})

test('an abort from outside goes in with its reason, and nothing of ours stays on the signal', async () => {
  const clock = new CountingClock()
  const controller = new AbortController()
  const reason = new TransferError('stopped', 'cancelled')
  const running = watched({ clock, timeoutMs: 1000, bytes: 5, what: 'testing' }, controller.signal, aborted)
  controller.abort(reason)
  await assert.rejects(running, (e) => e === reason)
  assert.equal(clock.pending, 0)
  let started = false
  await assert.rejects(
    watched({ clock, timeoutMs: 1000, bytes: 5, what: 'testing' }, controller.signal, async () => {
      started = true
    }),
    (e) => e === reason,
  )
  assert.equal(started, false, 'nothing begins after a stop')
  assert.equal(clock.pending, 0)
})

test('an exchange that ignores its signal is left behind with the reason it was given', async () => {
  const clock = new CountingClock()
  const controller = new AbortController()
  const ignoring = (): Promise<never> => new Promise(() => undefined)
  const stalled = watched({ clock, timeoutMs: 1000, bytes: 1, what: 'testing' }, never, ignoring)
  const stopped = watched({ clock, timeoutMs: 1_000_000, bytes: 1, what: 'testing' }, controller.signal, ignoring)
  controller.abort(new TransferError('stopped', 'cancelled'))
  const outcomes = Promise.allSettled([stalled, stopped])
  let timers = 4
  await clock.pass(() => timers-- === 0)
  const [first, second] = await outcomes
  assert.ok(first?.status === 'rejected' && first.reason.kind === 'transient', 'a stall')
  assert.ok(second?.status === 'rejected' && second.reason.kind === 'stopped', 'a stop')
  assert.equal(clock.pending, 0, 'no timer is left')
})

test('what is only counted a turn after the time was over counts: our own loop stood still', async () => {
  assert.equal(await hang({}, { 1000: 50_000 }), 2000)
})
