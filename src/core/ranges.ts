/** Half-open byte range `[start, end)`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Sorted, disjoint, non-empty, non-touching ranges. Only the functions of this file make one. */
export type RangeSet = readonly ByteRange[]

export const EMPTY: RangeSet = []

export function rangeSet(ranges: readonly ByteRange[]): RangeSet {
  const sorted = ranges.filter((r) => r.end > r.start).sort((a, b) => a.start - b.start)
  const merged: { start: number; end: number }[] = []
  for (const range of sorted) {
    const last = merged.at(-1)
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end)
    else merged.push({ start: range.start, end: range.end })
  }
  return merged
}

export function union(a: RangeSet, b: RangeSet): RangeSet {
  return rangeSet([...a, ...b])
}

export function subtract(from: RangeSet, cut: RangeSet): RangeSet {
  const left: ByteRange[] = []
  for (const range of from) {
    let start = range.start
    for (const hole of cut) {
      if (hole.end <= start || hole.start >= range.end) continue
      if (hole.start > start) left.push({ start, end: hole.start })
      start = Math.max(start, hole.end)
    }
    if (start < range.end) left.push({ start, end: range.end })
  }
  return left
}

export function intersect(a: RangeSet, b: RangeSet): RangeSet {
  return subtract(a, subtract(a, b))
}

/** What of `[0, size)` the set does not hold. */
export function missing(set: RangeSet, size: number): RangeSet {
  return subtract(rangeSet([{ start: 0, end: size }]), set)
}

export function totalBytes(set: RangeSet): number {
  return set.reduce((sum, r) => sum + (r.end - r.start), 0)
}

/** Length of the stretch that starts at byte 0. */
export function prefixLength(set: RangeSet): number {
  const first = set[0]
  return first !== undefined && first.start === 0 ? first.end : 0
}

export function containsRange(set: RangeSet, range: ByteRange): boolean {
  return range.end <= range.start || set.some((r) => r.start <= range.start && range.end <= r.end)
}
