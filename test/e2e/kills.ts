/** Ends an attempt at a byte: what counts is what the proxy has handed on, never the clock. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { ActionRun, Interruption } from '../support/runner.ts'
import type { Direction } from '../support/tcp-faults.ts'
import type { AttemptOptions, Step } from './action.ts'
import type { Site } from './sites.ts'

const POLL_MS = 2
const CLOSED_MS = 60_000

/** Bytes of file data that the proxy has handed on so far. */
export function passed(site: Site, direction: Direction): number {
  return site.proxy.total(direction, site.channel)
}

/** Resolves when the proxy has handed on `bytes` since it was started; never when they do not come. */
export function whenPassed(site: Site, direction: Direction, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (passed(site, direction) < bytes) return
      clearInterval(timer)
      resolve()
    }, POLL_MS)
    timer.unref()
  })
}

/** One attempt that is interrupted once the proxy has handed on `bytes` in all attempts together. */
export async function attemptUntil(
  step: Step,
  site: Site,
  direction: Direction,
  bytes: number,
  how: Interruption = 'machine-lost',
  options: AttemptOptions = {},
): Promise<ActionRun> {
  const run = await step.attempt({ ...options, interrupt: { when: whenPassed(site, direction, bytes), how } })
  await allClosed(site)
  return run
}

/** The servers have noticed that a process is gone: whatever it sent last has arrived. */
export async function allClosed({ proxy }: Site): Promise<void> {
  const open = new Set(proxy.connections)
  const closing = [...open].map((connection) => connection.closed.then(() => open.delete(connection)))
  const late = new AbortController()
  await Promise.race([Promise.all(closing), setTimeout(CLOSED_MS, undefined, { signal: late.signal })])
  late.abort()
  const left = [...open].map(({ channel, number, up, down }) => `${channel} ${number} (${up} up, ${down} down)`)
  assert.deepEqual(left, [], `connections of a process that is gone, still open ${CLOSED_MS / 1000} s later`)
}
