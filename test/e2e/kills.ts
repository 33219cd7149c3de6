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

/** One attempt that is interrupted once the proxy has handed on `bytes` in all attempts together. */
export async function attemptUntil(
  step: Step,
  site: Site,
  direction: Direction,
  bytes: number,
  how: Interruption = 'machine-lost',
  options: AttemptOptions = {},
): Promise<ActionRun> {
  const reached = Promise.withResolvers<void>()
  const timer = setInterval(() => {
    if (passed(site, direction) >= bytes) reached.resolve()
  }, POLL_MS)
  try {
    return await step.attempt({ ...options, interrupt: { when: reached.promise, how } })
  } finally {
    clearInterval(timer)
    await Promise.all(site.proxy.connections.map((connection) => connection.closed))
  }
}
