/**
 * SIGKILL at every call that changes a file (fault 136): after each one the final name holds the old or the new file, the journal parses, and the next attempt
 * completes with right bytes, keeps what was kept and leaves nothing behind. `npm test` takes one or two of each kind, KILL_POINTS=all takes every one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sftpSite, vsftpdSite } from '../e2e/sites.ts'
import { canTrace, type TracedCall } from '../support/strace.ts'
import { crashes, journalName, WATCHED } from './crash.ts'

const ALL = process.env.KILL_POINTS === 'all'

/** One of each kind of call: the first, or the one in the middle. */
function someOf(points: readonly TracedCall[], which: 'first' | 'middle'): readonly TracedCall[] {
  const kinds = new Set(points.map(({ call }) => call))
  return [...kinds].flatMap((kind) => {
    const same = points.filter(({ call }) => call === kind)
    return same[which === 'first' ? 0 : Math.floor(same.length / 2)] ?? []
  })
}

for (const [protocol, direction, open, which] of [
  ['sftp', 'upload', sftpSite, 'first'],
  ['sftp', 'download', sftpSite, 'middle'],
  ['ftp', 'upload', vsftpdSite, 'middle'],
  ['ftp', 'download', vsftpdSite, 'first'],
] as const) {
  test(`${protocol} ${direction}: killed at a call`, async (t) => {
    if (!canTrace(t)) return
    const site = await open(t)
    if (site === null) return
    const journal = await journalName(t, site, direction)
    for (const [what, watched] of Object.entries(WATCHED)) {
      if (watched.direction !== undefined && watched.direction !== direction) continue
      if (!ALL && watched.only !== undefined && watched.only !== `${protocol} ${direction}`) continue
      const { points, killAt } = await crashes(t, site, direction, watched, journal)
      assert.ok(points.length > 0, `no call on ${what} was seen`)
      const taken = ALL ? points : someOf(points, which)
      let killed = 0
      for (const point of taken) {
        await t.test(`on ${what}: ${point.call} ${point.ordinal}`, async (t) => {
          if (await killAt(t, point)) killed += 1
          else t.diagnostic('the call did not come this time')
        })
      }
      assert.ok(killed * 2 > taken.length, `only ${killed} of ${taken.length} calls came`)
      t.diagnostic(`${what}: killed at ${killed} of ${points.length} calls${ALL ? '' : '; KILL_POINTS=all takes every one'}`)
    }
  })
}
