/** Ends an attempt at a byte: what counts is what the proxy has handed on, never the clock. */
import type { ActionRun, Interruption } from '../support/runner.ts'
import type { Direction } from '../support/tcp-faults.ts'
import type { AttemptOptions, Step } from './action.ts'
import type { Site } from './sites.ts'

const POLL_MS = 2

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
  await Promise.all(site.proxy.connections.map((connection) => connection.closed))
  return run
}
