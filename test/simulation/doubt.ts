/** What nobody could have noticed, as named facts. It excuses wrong bytes; nothing else does. */
import type { Change } from './ledger.ts'
import type { Ended } from './rules.ts'

/**
 * Doubt: bytes that changed where a proof by size cannot see it, and that nobody has looked at since. An upload forgets it with every new connection and at every
 * new attempt, because what was there before is proven then. What is in doubt excuses wrong bytes; nothing else does.
 */
export class Doubt {
  /** Positions in the partial. */
  readonly bytes = new Set<number>()
  /** Of an upload: those that were in doubt when its connection broke. Only where nothing can be looked at they stay so. */
  readonly unlooked = new Set<number>()
  /** Of a download whose bytes were digested while in doubt: only a comparison of that digest could have told. */
  undigested = false
  /** A download that was in doubt when it was published, and of which version it is: a journal that comes back vouches for it as it was received. */
  published: { readonly bytes: Buffer; readonly version: number } | null = null
  /** Index of the latest version of the source. */
  version = -1
  /** The source of a download changed in this attempt: only a look afterwards could tell. */
  changed = false
  /** The source of a download changed without a trace. */
  unseen = false
  /** The same lie about the end of a file that has no size was told in two readings: they agree. */
  agreed = false
  readonly #lies = new Set<string>()

  /** A reading of a file that has no size ended too early or too late. No end is the wrong one there, so nothing but another reading can tell. */
  ends(lie: string): void {
    this.unseen = true
    this.agreed ||= this.#lies.has(lie)
    this.#lies.add(lie)
  }

  /** Positions that arrived wrong and were not written yet. */
  readonly arriving = new Set<number>()

  arrives(start: number, end: number): void {
    if (this.arriving.size > 0) for (let at = start; at < end; at += 1) this.arriving.delete(at)
  }

  /** The bytes that arrived are in the partial. */
  written(start: number, end: number): void {
    this.settle(start, end)
    for (const at of this.arriving) if (at >= start && at < end) this.bytes.add(at)
  }

  publish(bytes: Buffer): void {
    this.published = this.undigested || this.bytes.size > 0 ? { bytes, version: this.version } : null
  }

  /** Another process begins: it proves whatever it goes on with. */
  forgetUpload(): void {
    this.bytes.clear()
    this.unlooked.clear()
  }

  /** Nothing is kept of any partial. */
  forgetPartial(): void {
    this.bytes.clear()
    this.undigested = false
  }

  cut(size: number): void {
    for (const at of this.bytes) if (at >= size) this.bytes.delete(at)
    if (size === 0) this.undigested = false
  }

  /** The whole partial was digested: a comparison of that digest tells. */
  digested(): void {
    this.undigested ||= this.bytes.size > 0
    this.bytes.clear()
  }

  add(start: number, end: number): void {
    for (let at = start; at < end; at += 1) this.bytes.add(at)
  }

  settle(start: number, end: number): void {
    if (this.bytes.size + this.unlooked.size === 0) return
    for (let at = start; at < end; at += 1) {
      this.bytes.delete(at)
      this.unlooked.delete(at)
    }
  }

  /** What is in doubt there now: what comes later is not seen by who reads now. */
  within(start: number, end: number): readonly number[] {
    return [...this.bytes, ...this.unlooked].filter((at) => at >= start && at < end)
  }

  /** The connection of an upload broke: what it goes on with is proven anew, where anything can be looked at. */
  breaks(): void {
    for (const at of this.bytes) this.unlooked.add(at)
    this.bytes.clear()
  }
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

/**
 * Whether nobody can know that `content` is wrong: bytes that the server lost after it confirmed them, that flipped on the way, or that somebody changed in the partial
 * after it was proven. Where only sizes are compared nothing notices; everything stronger must, unless two readings of a file without a size were lied to alike.
 */
export function beyondProof(
  { scene, result, policy, turn, firstVersion }: Ended,
  { content, doubted }: Pick<Change, 'content' | 'doubted'>,
): boolean {
  const { doubt, profile, direction, versions, isIdentified } = scene
  // Where nothing can be looked at, what the server confirmed and did not keep is not found out.
  const isBlind =
    direction === 'upload' && (profile.hides === true || profile.statless === true || turn.refusedLooks + turn.failedLooks > 0)
  if (isBlind && (result === null || result.proof === null || result.proof === 'acknowledged'))
    return doubted || doubt.bytes.size > 0 || doubt.unlooked.size > 0
  if (direction === 'download' && result?.proof === 'acknowledged')
    return (
      doubted || doubt.bytes.size > 0 || doubt.undigested || doubt.unseen || (doubt.changed && turn.refusedLooks + turn.failedLooks > 0)
    )
  // A size is always compared, so it must be right unless it was lied about, or somebody changed the partial behind our back.
  const sized = turn.sizeLies > 0 || scene.edited || versions.slice(firstVersion).some(({ length }) => length === content?.length)
  if (!sized && isIdentified && !scene.inPlace) return false
  const isInDoubt = doubted || doubt.bytes.size > 0
  if (direction === 'upload') return isInDoubt
  // An empty file is proven by its size alone, also where there are digests.
  const digestible = profile.digests !== 'none' && scene.source.length > 0
  const comparable = policy === 'given' || policy === 'full' || (policy !== 'size' && digestible)
  const bySize = result?.proof === 'size' || ((result === null || result.proof === null) && (!comparable || turn.digestFailed))
  const { published } = doubt
  const isPublished = published !== null && published.version >= firstVersion && same(published.bytes, content)
  const found = result?.status === 'unchanged' && isPublished
  return ((isInDoubt || doubt.undigested || doubt.unseen || found) && bySize) || (doubt.agreed && result?.proof === 'read-back')
}
