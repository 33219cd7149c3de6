/** Decisions as data: pure functions from facts to plans. `upload.ts` and `download.ts` gather the facts and carry the plans out. */
import { type ContentDigests, type Fingerprint, identifies, sameFingerprint } from '../core/fingerprint.ts'
import type { JournalEntry } from '../core/journal.ts'
import {
  type ByteRange,
  containsRange,
  EMPTY,
  intersect,
  missing,
  prefixLength,
  type RangeSet,
  rangeSet,
  totalBytes,
} from '../core/ranges.ts'

export type StartReason =
  | 'nothing-there'
  | 'not-told'
  | 'resume-off'
  | 'server-cannot-resume'
  | 'nothing-proven'
  | 'partial-too-long'
  | 'cannot-rewind'
  | 'sending-is-faster'

/** How the bytes will travel. `segments` are what is to be sent or fetched, in order; `kept` bytes were proven. */
export type TransferPlan =
  | { readonly kind: 'start'; readonly reason: StartReason; readonly segments: RangeSet }
  | { readonly kind: 'append'; readonly kept: number; readonly segments: RangeSet }
  | { readonly kind: 'rewind'; readonly kept: number; readonly segments: RangeSet }
  | { readonly kind: 'fill'; readonly kept: number; readonly truncateTo: number | null; readonly segments: RangeSet }
  /** `unproven` bytes are proven while the segments are sent, or sent as well. */
  | { readonly kind: 'beside'; readonly unproven: RangeSet; readonly truncateTo: number | null; readonly segments: RangeSet }

/** What an upload may build on, once it is proven. */
export interface UploadFacts {
  readonly size: number
  readonly resume: 'auto' | 'never'
  /** Size of the partial that carries this source's fingerprint in its name; null when there is none. */
  readonly partialSize: number | null
  /** The server does not tell whether there is one. */
  readonly untold?: boolean
  /** How this server continues a partial; null: not at all. */
  readonly resumer: 'append' | 'rewind' | 'positional' | null
}

/** Which bytes of the partial are worth proving; empty means that the upload starts from the first byte. */
export function candidates(facts: UploadFacts, hinted: RangeSet | null): RangeSet {
  if (facts.resume === 'never' || facts.partialSize === null || facts.resumer === null) return EMPTY
  if (facts.partialSize > facts.size && facts.resumer !== 'positional') return EMPTY
  const present = rangeSet([{ start: 0, end: Math.min(facts.partialSize, facts.size) }])
  return hinted === null ? present : intersect(hinted, present)
}

/** The plan, given what was proven of the partial. Bytes that are merely there count for nothing. */
export function planUpload(facts: UploadFacts, proven: RangeSet): Exclude<TransferPlan, { readonly kind: 'beside' }> {
  const { size, partialSize } = facts
  const start = (reason: StartReason) => ({ kind: 'start' as const, reason, segments: rangeSet([{ start: 0, end: size }]) })
  if (facts.resume === 'never') return start('resume-off')
  if (partialSize === null) return start(facts.untold === true ? 'not-told' : 'nothing-there')
  if (facts.resumer === null) return start('server-cannot-resume')
  if (facts.resumer === 'positional') {
    const kept = totalBytes(proven)
    if (kept === 0 && size > 0) return start('nothing-proven')
    return { kind: 'fill', kept, truncateTo: partialSize > size ? size : null, segments: missing(proven, size) }
  }
  if (partialSize > size) return start('partial-too-long')
  const kept = prefixLength(proven)
  const segments = rangeSet([{ start: kept, end: size }])
  if (kept === partialSize) return kept === 0 && size > 0 ? start('nothing-proven') : { kind: 'append', kept, segments }
  if (kept === 0) return start('nothing-proven')
  return facts.resumer === 'rewind' ? { kind: 'rewind', kept, segments } : start('cannot-rewind')
}

/** The plan where the server writes anywhere and lets what is there, `worth` proving, be read meanwhile. */
export function planBeside({ size, partialSize }: UploadFacts, worth: RangeSet): TransferPlan {
  const truncateTo = partialSize !== null && partialSize > size ? size : null
  return { kind: 'beside', unproven: worth, truncateTo, segments: missing(worth, size) }
}

/** Starting over although something is there: that is faster. */
export function planAnew({ size }: UploadFacts): TransferPlan {
  return { kind: 'start', reason: 'sending-is-faster', segments: rangeSet([{ start: 0, end: size }]) }
}

/**
 * Blocks of an older version of the source that the new one still has at the same place and that its partial reaches, as ranges; empty when the old journal entry
 * is of no use. Worth proving, no more: what was acknowledged does not count, because FTP only acknowledges the end of an upload.
 */
export function salvageable(old: JournalEntry, oldPartialSize: number, now: ContentDigests): RangeSet {
  const { blockSize, size } = now
  if (old.source.strength !== 'content' || old.checkKey !== null || old.blockSize !== blockSize) return EMPTY
  const same: ByteRange[] = []
  for (const [i, block] of now.blocks.entries()) {
    const range = { start: i * blockSize, end: Math.min((i + 1) * blockSize, size) }
    const oldEnd = Math.min((i + 1) * blockSize, old.source.size)
    if (block === old.blocks[i] && oldEnd === range.end && range.end <= oldPartialSize) same.push(range)
  }
  return rangeSet(same)
}

export interface KeepableBlock {
  readonly index: number
  readonly range: ByteRange
  readonly check: string
}

/** What a download may keep of its local partial: whole blocks that this machine's journal vouches for, still to be hashed again. */
export function keepableBlocks(
  entry: JournalEntry | null,
  source: Fingerprint,
  blockSize: number,
  partialSize: number,
): readonly KeepableBlock[] {
  if (entry === null || entry.checkKey === null || entry.blockSize !== blockSize || !sameFingerprint(entry.source, source)) return []
  return entry.blocks.flatMap((check, index) => {
    const range = { start: index * blockSize, end: Math.min((index + 1) * blockSize, source.size) }
    const stored = containsRange(entry.acknowledged, range) && range.end <= partialSize
    return check !== null && stored ? [{ index, range, check }] : []
  })
}

/** What a download may build on. */
export interface DownloadFacts {
  readonly resume: 'auto' | 'never'
  readonly rangesWork: boolean
  /** Null: the server does not tell the size. */
  readonly source: Fingerprint | null
  readonly partialSize: number
  /** What the journal of this machine knows of this file. */
  readonly entry: JournalEntry | null
}

/** Why nothing is kept of a partial, for people. */
export function downloadStart({ resume, rangesWork, source, partialSize, entry }: DownloadFacts): string {
  if (resume === 'never') return 'resume is off'
  if (partialSize === 0) return 'nothing was fetched before'
  if (source === null || !identifies(source)) return 'the server does not tell which version of the file it has'
  if (!rangesWork) return 'this server cannot continue a file'
  if (entry === null || entry.checkKey === null) return 'the journal of the earlier run is gone, and only it knows what the partial holds'
  if (!sameFingerprint(entry.source, source)) return 'what was fetched before is of another version'
  return 'the blocks that were fetched before are damaged'
}

/** One line for people. */
export function describePlan(plan: TransferPlan, format: (bytes: number) => string): string {
  switch (plan.kind) {
    case 'start':
      return START_TEXT[plan.reason]
    case 'append':
    case 'rewind':
      return `continuing at ${format(plan.kept)}, ${format(totalBytes(plan.segments))} to go`
    case 'fill':
      return `continuing with ${format(plan.kept)} in place, ${format(totalBytes(plan.segments))} to go`
    case 'beside':
      return `continuing: ${format(totalBytes(plan.segments))} to go, while the ${format(totalBytes(plan.unproven))} in place are proven`
    default:
      return plan satisfies never
  }
}

const START_TEXT: Readonly<Record<StartReason, string>> = {
  'nothing-there': 'starting from the beginning: nothing was sent before',
  'not-told': 'starting from the beginning: the server does not tell what it has',
  'resume-off': 'starting from the beginning: resume is off',
  'server-cannot-resume': 'starting from the beginning: this server cannot continue a file',
  'nothing-proven': 'starting from the beginning: nothing of the partial could be proven to be this source',
  'partial-too-long': 'starting from the beginning: the partial is longer than the source',
  'cannot-rewind': 'starting from the beginning: the partial is damaged and this server only appends',
  'sending-is-faster': 'starting from the beginning: reading back what is there would take longer than sending it',
}
