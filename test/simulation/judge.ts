/** Asks every rule after every attempt, and what an attempt may cost after the last. */
import type { Kind } from './alphabet.ts'
import { type Ended, RULES } from './rules.ts'
import type { Scene } from './scene.ts'
import type { HistorySpec } from './spec.ts'
import { Violation } from './turn.ts'

export function judge(ended: Ended): void {
  for (const { name, broken } of RULES) {
    const what = broken(ended)
    if (what !== null) throw new Violation(`${name}: ${what}`)
  }
}

/** Late twin: of two runs with the same content none fails because of the other. For attempts that nothing else disturbed, under a policy that has to succeed. */
export function judgeTwins(first: Ended, second: Ended): void {
  for (const [{ result, turn }, other] of [
    [first, second],
    [second, first],
  ] as const) {
    if (turn.crashed || result?.status === 'complete' || result?.status === 'unchanged') continue
    // The other one has removed its partial, and may stand still here for as long as this one waits for a sign of it.
    if (other.turn.took && result?.failure?.kind === 'refused' && /takes files away/.test(result.failure.message)) continue
    throw new Violation(`Late twin: one of two runs with the same content failed: ${result?.failure?.kind} ${result?.failure?.message}`)
  }
}

/** Faults after which everything that was confirmed is still there. */
const INTERRUPTIONS: ReadonlySet<Kind> = new Set(['crash', 'disconnect', 'stall', 'busy', 'stop', 'denied'])
/** Blocks that a download may have to fetch again: under way to the disk, not yet in the journal, and compared with the server. */
const BLOCKS_UNDER_WAY = 10

/** Cheap: what an interruption costs is what was under way. `moved`: bytes that travelled in all attempts together. */
export function judgeCost({ profile, direction, versions }: Scene, spec: HistorySpec, moved: number, blockSize: number): void {
  const faults = spec.attempts.flat()
  const continues =
    direction === 'upload'
      ? profile.refuses === undefined &&
        profile.hides !== true &&
        profile.statless !== true &&
        profile.mailbox === undefined &&
        (profile.resumer === 'positional' || profile.resumer === 'rewind') &&
        profile.writeOnly !== true &&
        renames(profile)
      : profile.refuses === undefined && profile.identity !== 'none' && profile.noRanges !== true && profile.unsized !== true
  const kept = continues && profile.removesBroken !== true && spec.policy === 'auto' && versions.length === 1 && spec.twin === null
  if (!kept || !faults.every(({ kind }) => INTERRUPTIONS.has(kind))) return
  const underWay =
    direction === 'upload' ? (profile.window + 2) * (profile.packet + blockSize) : profile.packet + BLOCKS_UNDER_WAY * blockSize
  // What is read more slowly than sent may be sent again: the promise there is of time.
  const { packetMs } = profile
  const sentAgain = direction === 'upload' && packetMs !== undefined && packetMs.read > packetMs.write ? spec.size : 0
  const most = spec.size + faults.length * (underWay + sentAgain)
  if (moved > most) throw new Violation(`Cheap: ${moved} bytes travelled for ${spec.size}, where ${most} are enough`)
}

/** A partial can be given another name. */
export function renames({ rename }: Scene['profile']): boolean {
  return rename === undefined || rename === 'atomically' || rename === 'after-delete' || rename === 'never'
}
