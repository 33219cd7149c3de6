/** The proof ladder: a server digest where there is one, else reading back. Nothing is claimed above the level reached. */
import { abortError } from '../core/errors.ts'
import type { ContentDigests } from '../core/fingerprint.ts'
import { type ByteRange, EMPTY, type RangeSet, rangeSet, totalBytes } from '../core/ranges.ts'
import type { LocalSource } from '../local/local.ts'
import type { Digester, Remote, Sink } from '../remotes/remote.ts'
import { endOf } from './end-of-file.ts'
import { type WatchOptions, watched } from './exchange.ts'
import { isUntold, lookWith } from './look.ts'
import type { Clock } from './ports.ts'
import { readBack } from './read-back.ts'

/** A server that hashes slower than this is no faster than reading back. */
const DIGEST_BYTES_PER_MS = 5_000
/** Halving a damaged range this often finds the damage in a file of any size without a flood of commands. */
const DIGEST_CALLS_MAX = 48
/** Where a transfer was cut off, what was on its way over two channels leaves holes (SFTP, 6 MiB). Asked about by itself: a hole must not have gigabytes digested again. */
const CUT_OFF_BLOCKS = 8

export interface ProofContext {
  readonly remote: Remote
  readonly path: string
  readonly source: LocalSource
  readonly expected: ContentDigests
  readonly clock: Clock
  readonly timeoutMs: number
  /** Absent: read back. */
  readonly digester: Digester | undefined
  progress(bytesDone: number): void
}

export type ProofMethod = 'digest' | 'read-back'

export interface RangeProof {
  readonly proven: RangeSet
  readonly method: ProofMethod
}

function watch(context: ProofContext, what: string, bytes: number, allowanceMs = 0): WatchOptions {
  return { clock: context.clock, timeoutMs: context.timeoutMs, bytes, what, allowanceMs }
}

/** Which bytes of `ranges` the file at `path` provably shares with the source. */
export async function proveRanges(context: ProofContext, ranges: RangeSet, signal: AbortSignal): Promise<RangeProof> {
  return (await proveByDigester(context, ranges, signal)) ?? proveByReading(context, ranges, () => true, signal)
}

/** Null where there is no digest for these ranges, or none that says what is wrong. */
export async function proveByDigester(context: ProofContext, ranges: RangeSet, signal: AbortSignal): Promise<RangeProof | null> {
  const { digester } = context
  if (totalBytes(ranges) === 0) return { proven: EMPTY, method: 'read-back' }
  if (digester === undefined || !digestFits(context, ranges)) return null
  try {
    const proven = await proveByDigest(context, digester, ranges, signal)
    // A digest of the whole says that something is wrong, not what: one hole must not cost everything.
    return proven.length > 0 || digester.ranges !== 'whole' ? { proven, method: 'digest' } : null
  } catch (error) {
    if (!isUntold(error)) throw error
    return null
  }
}

/** `readOn` is asked after every block, with the bytes that are left. */
export async function proveByReading(
  context: ProofContext,
  ranges: RangeSet,
  readOn: (left: number) => boolean,
  signal: AbortSignal,
): Promise<RangeProof> {
  const total = totalBytes(ranges)
  const proven: ByteRange[] = []
  let done = 0
  for (const range of ranges) {
    const judged = (piece: ByteRange, same: boolean): boolean => {
      if (same) proven.push(piece)
      return readOn(total - done - (piece.end - range.start))
    }
    const end = await readBack(context, { range, progress: (bytes) => context.progress(done + bytes), judged }, signal)
    if (end === 'enough') break
    done += range.end - range.start
  }
  return { proven: rangeSet(proven), method: 'read-back' }
}

/** The server's digester can be asked about these ranges. */
export function digestFits({ digester, expected }: ProofContext, ranges: RangeSet): boolean {
  if (digester === undefined || digester.ranges === 'any') return digester !== undefined
  if (ranges.length !== 1 || ranges[0]?.start !== 0) return false
  return digester.ranges === 'prefix' || ranges[0].end === expected.size
}

async function digestMatches(context: ProofContext, digester: Digester, range: ByteRange, signal: AbortSignal): Promise<boolean> {
  const allowanceMs = (range.end - range.start) / DIGEST_BYTES_PER_MS
  return watched(watch(context, 'the server computes a digest', 0, allowanceMs), signal, async (s) => {
    const ours = new AbortController()
    const stop = (): void => ours.abort(abortError(s))
    s.addEventListener('abort', stop, { once: true })
    try {
      const local = context.source.digest(range, digester.algorithm, ours.signal)
      local.catch(() => {}) // of no use once the server's has failed
      return (await digester.digest(context.path, range, s)) === (await local)
    } finally {
      s.removeEventListener('abort', stop)
      ours.abort()
    }
  })
}

/** Halves what does not match until single blocks remain. A digester of prefixes only ever halves towards the front. */
async function proveByDigest(context: ProofContext, digester: Digester, ranges: RangeSet, signal: AbortSignal): Promise<RangeSet> {
  const { blockSize } = context.expected
  const proven: ByteRange[] = []
  let calls = 0
  const prove = async (range: ByteRange): Promise<void> => {
    if (range.end <= range.start || calls >= DIGEST_CALLS_MAX) return
    calls += 1
    if (await digestMatches(context, digester, range, signal)) {
      proven.push(range)
      return context.progress(totalBytes(rangeSet(proven)))
    }
    if (range.end - range.start <= blockSize || digester.ranges === 'whole') return
    const middle = Math.floor((range.start + range.end) / 2 / blockSize) * blockSize
    const cut = middle > range.start ? middle : range.start + blockSize
    if (digester.ranges === 'any') return proveParts(range, cut)
    return proveLongestPrefix(range.end)
  }
  const proveParts = async ({ start, end }: ByteRange, cut: number): Promise<void> => {
    await prove({ start, end: cut })
    await prove({ start: cut, end })
  }
  const proveLongestPrefix = async (end: number): Promise<void> => {
    let good = 0
    let bad = Math.ceil(end / blockSize)
    let next = cutOffPlace({ start: 0, end }, blockSize) / blockSize
    while (bad - good > 1 && calls < DIGEST_CALLS_MAX) {
      calls += 1
      if (next <= good || next >= bad) next = Math.floor((good + bad) / 2)
      if (await digestMatches(context, digester, { start: 0, end: next * blockSize }, signal)) good = next
      else bad = next
    }
    if (good > 0) proven.push({ start: 0, end: good * blockSize })
  }
  for (const range of ranges) {
    const cut = digester.ranges === 'any' ? cutOffPlace(range, blockSize) : 0
    if (cut > range.start) await proveParts(range, cut)
    else await prove(range)
  }
  return rangeSet(proven)
}

/** Where to ask about the end of a range by itself, at the beginning of a block, or 0: it is too short for that. */
function cutOffPlace({ start, end }: ByteRange, blockSize: number): number {
  const blocks = Math.floor(end / blockSize) - CUT_OFF_BLOCKS
  return blocks - start / blockSize > CUT_OFF_BLOCKS ? blocks * blockSize : 0
}

export interface WholeProof {
  /** `unknown`: the server neither computes a digest of it nor lets us read it (or reading was not wanted). */
  readonly verdict: 'same' | 'different' | 'unknown'
  readonly method: ProofMethod
}

/** Whether the file at `path` holds exactly the source, and how that was found out. The caller has compared the sizes. */
export async function proveWhole(context: ProofContext, mayReadBack: boolean, signal: AbortSignal): Promise<WholeProof> {
  const { size } = context.expected
  const whole = { start: 0, end: size }
  if (size === 0) {
    const verdicts = { here: 'same', later: 'different', unknown: 'unknown' } as const
    return { verdict: mayReadBack ? verdicts[await endOfPartial(context, signal)] : 'unknown', method: 'read-back' }
  }
  if (context.digester !== undefined) {
    try {
      const same = await digestMatches(context, context.digester, whole, signal)
      return { verdict: same ? await wholeTo(context, signal) : 'different', method: 'digest' }
    } catch (error) {
      if (!isUntold(error)) throw error
    }
  }
  if (!mayReadBack) return { verdict: 'unknown', method: 'read-back' }
  let good = 0
  const judged = (piece: ByteRange, same: boolean): boolean => {
    if (same) good += piece.end - piece.start
    return same
  }
  const end = await readBack(context, { range: whole, progress: context.progress, judged }, signal)
  if (good < size) return { verdict: end === 'refused' || end === 'denied' ? 'unknown' : 'different', method: 'read-back' }
  return { verdict: await wholeTo(context, signal), method: 'read-back' }
}

/** What was read is the source. Where nobody may read behind it, the size is asked once more: the first answer, and the file, may be another one by now. */
async function wholeTo(context: ProofContext, signal: AbortSignal): Promise<WholeProof['verdict']> {
  const end = await endOfPartial(context, signal)
  if (end !== 'unknown') return end === 'here' ? 'same' : 'different'
  const look = await lookWith(() =>
    watched(watch(context, 'looking at the size again', 0), signal, (s) => context.remote.stat(context.path, s)),
  )
  if (look.is === 'missing') return 'different'
  if (look.is === 'unknown' || look.file.size === null) return 'unknown'
  return look.file.size === context.expected.size ? 'same' : 'different'
}

function endOfPartial(context: ProofContext, signal: AbortSignal): ReturnType<typeof endOf> {
  const read = (range: ByteRange, sink: Sink): Promise<void> =>
    watched(watch(context, 'looking for the end', 0), signal, (s) => context.remote.read(context.path, range, sink, {}, s))
  return endOf(read, context.expected.size)
}
