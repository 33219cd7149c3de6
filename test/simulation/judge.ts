/** What must hold after every attempt, whatever happened in it. */
import type { TransferResult } from '../../src/engine/ports.ts'
import type { Kind } from './alphabet.ts'
import type { Scene } from './scene.ts'
import type { HistorySpec, PolicyName } from './spec.ts'
import { type Turn, Violation } from './turn.ts'
import { digestOf } from './world.ts'

export interface Ended {
  /** Null: the machine died. */
  readonly result: TransferResult | null
  readonly policy: PolicyName
  readonly turn: Turn
  /** What the final name held when the attempt began. */
  readonly before: Buffer | null
  /** The version of the source then. */
  readonly firstVersion: number
}

/** C1, true: success means one whole version of the source. C2, whole: the final name never holds anything else that we made. */
export function judge(scene: Scene, ended: Ended): void {
  const { result, before, firstVersion } = ended
  const { final } = scene
  const whole = scene.isWhole(final, firstVersion)
  const foreign = scene.foreign.some((bytes) => same(bytes, final))
  const excused = beyondProof(scene, ended, foreign)
  const succeeded = result !== null && (result.status === 'complete' || result.status === 'unchanged')
  if (succeeded) {
    judgeProof(scene, ended, result)
    // What others put there after us is theirs.
    if (!whole && !excused && !(foreign && scene.wasWhole)) throw new Violation('success with wrong bytes')
    if (whole && final !== null && !excused && !(foreign && scene.wasWhole) && result.digest !== `sha256:${digestOf(final, 'sha256')}`)
      throw new Violation('the digest in the result is not that of the file')
  }
  if (whole || foreign || excused || same(before, final) || scene.inPlace) return
  // Where a rename replaces by deleting first there is a moment without any file.
  if (final === null && scene.direction === 'upload' && scene.profile.rename === 'after-delete') return
  throw new Violation('the final name holds something that never was the source')
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

/**
 * What nobody can know: bytes that the server lost after it confirmed them, that flipped on the way, or that somebody changes in the partial after it was proven.
 * Where only sizes are compared nothing notices; everything stronger must, unless two readings of a file without a size were lied to alike.
 */
function beyondProof(scene: Scene, { result, policy, turn, firstVersion }: Ended, foreign: boolean): boolean {
  const { doubt, profile, direction, versions, final } = scene
  // A size is always compared, so it must be right unless it was lied about, or somebody changed the partial behind our back.
  const isSized = (bytes: Buffer | null): boolean => versions.slice(firstVersion).some(({ length }) => length === bytes?.length)
  const sized = turn.sizeLies > 0 || scene.edited || isSized(final) || (foreign && scene.displaced.some(isSized))
  if (!sized && profile.identity !== 'none' && !scene.inPlace) return false
  if (doubt.bytes.size > 0) return true
  if (direction === 'upload') return false
  // An empty file is proven by its size alone, also where there are digests.
  const digestible = profile.digests !== 'none' && scene.source.length > 0
  const comparable = policy === 'given' || policy === 'full' || (policy !== 'size' && digestible)
  const bySize = result?.proof === 'size' || ((result === null || result.proof === null) && (!comparable || turn.digestFailed))
  const { published } = doubt
  const isPublished = (bytes: Buffer | null): boolean =>
    published !== null && published.version >= firstVersion && same(published.bytes, bytes)
  const found = result?.status === 'unchanged' && (isPublished(final) || (foreign && scene.displaced.some(isPublished)))
  return ((doubt.undigested || doubt.unseen || found) && bySize) || (doubt.agreed && result?.proof === 'read-back')
}

/** Nothing is claimed above the level that can have been reached. */
function judgeProof({ profile, source }: Scene, { policy }: Ended, result: TransferResult): void {
  if (result.proof === null) throw new Violation('success without a proof')
  if (result.proof === 'digest' && profile.digests === 'none' && policy !== 'given')
    throw new Violation('a digest was claimed that there is none of')
  if (result.proof === 'size' && policy === 'full' && source.length > 0 && (result.size !== 0 || profile.unsized === true))
    throw new Violation('a proof of content was asked for')
}

/** Faults after which everything that was confirmed is still there. */
const INTERRUPTIONS: ReadonlySet<Kind> = new Set(['crash', 'disconnect', 'stall', 'busy', 'stop', 'denied'])
/** Blocks that a download may have to fetch again: under way to the disk, not yet in the journal, and compared with the server. */
const BLOCKS_UNDER_WAY = 10

/** I4, cheap: what an interruption costs is what was under way. `moved`: bytes that travelled in all attempts together. */
export function judgeCost({ profile, direction, versions }: Scene, spec: HistorySpec, moved: number, blockSize: number): void {
  const faults = spec.attempts.flat()
  const continues =
    direction === 'upload'
      ? (profile.resumer === 'positional' || profile.resumer === 'rewind') && profile.writeOnly !== true
      : profile.identity !== 'none' && profile.noRanges !== true
  const kept = continues && profile.removesBroken !== true && spec.policy === 'auto' && versions.length === 1
  if (!kept || !faults.every(({ kind }) => INTERRUPTIONS.has(kind))) return
  const underWay =
    direction === 'upload' ? (profile.window + 2) * (profile.packet + blockSize) : profile.packet + BLOCKS_UNDER_WAY * blockSize
  const most = spec.size + faults.length * underWay
  if (moved > most) throw new Violation(`${moved} bytes travelled for ${spec.size}, where ${most} are enough`)
}
