/** What of the local partial stays: intact by this machine's journal, and still the bytes that the server has. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import { type Fingerprint, identifies } from '../core/fingerprint.ts'
import { type ByteRange, EMPTY, type RangeSet, rangeSet, totalBytes } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { LocalFile, LocalPartial } from '../local/local.ts'
import type { Remote } from '../remotes/remote.ts'
import type { DownloadSession } from './download-session.ts'
import { downloadStart, keepableBlocks } from './plan.ts'

/** Of every place that is compared. */
const SAMPLE_BYTES = 64 * 1024
/** Besides the beginning, where formats have their header, and the end. */
const PLACES_BY_CHANCE = 3

/** Brings `session.acknowledged` and the partial in line with each other and with the server; `source-changed` when the server has other bytes. */
export async function keepProven(session: DownloadSession, remote: Remote, partial: LocalPartial, signal: AbortSignal): Promise<void> {
  const { fingerprint } = session
  const resumable = fingerprint !== null && identifies(fingerprint) && session.rangesWork && session.policy.resume === 'auto'
  const { policy, rangesWork, ports, job } = session
  const size = await partial.size()
  const facts = { resume: policy.resume, rangesWork, source: fingerprint, partialSize: size, entry: ports.recorder.entry(job.key) }
  if (!resumable) session.acknowledged = EMPTY
  else if (!session.decided || session.doubtful) session.acknowledged = await intactBlocks(session, partial, fingerprint, signal)
  session.doubtful = false
  const kept = totalBytes(session.acknowledged)
  if (kept === 0 && size > 0) await partial.truncate(0)
  else if (fingerprint !== null && size > fingerprint.size) await partial.truncate(fingerprint.size)
  if (kept > 0 && fingerprint !== null) await compareSamples(session, remote, partial, fingerprint, session.acknowledged, signal)
  session.advance(kept)
  if (session.decided) return
  session.decided = true
  session.resumedFrom = kept
  const toGo = (fingerprint?.size ?? 0) - kept
  session.planned(
    kept > 0
      ? `continuing with ${formatBytes(kept)} in place, ${formatBytes(toGo)} to go`
      : `starting from the beginning: ${downloadStart(facts)}`,
  )
}

/** Blocks of the file that still have the check which this machine's journal recorded when they were received. */
export async function intactBlocks(
  session: DownloadSession,
  file: LocalFile,
  fingerprint: Fingerprint,
  signal: AbortSignal,
): Promise<RangeSet> {
  const blockSize = session.ports.blockSize(fingerprint.size)
  const blocks = keepableBlocks(session.ports.recorder.entry(session.job.key), fingerprint, blockSize, await file.size())
  if (blocks.length > 0) session.phase('verifying', blocks.length * blockSize)
  const intact: ByteRange[] = []
  const block = new Uint8Array(blockSize)
  for (const { index, range, check } of blocks) {
    let filled = 0
    const take = (chunk: Uint8Array): void => {
      block.set(chunk, filled)
      filled += chunk.length
    }
    await file.read(range, take, signal)
    if (session.check(block.subarray(0, filled)) !== check) continue
    session.blocks[index] = check
    intact.push(range)
    session.progress(range.end)
  }
  return rangeSet(intact)
}

/**
 * Fetches places of what is kept again; `source-changed` when the server has other bytes there. With every kind of identity: most ETags are made of time and size, and
 * whether one is nobody can tell for certain.
 */
export async function compareSamples(
  session: DownloadSession,
  remote: Remote,
  file: LocalFile,
  fingerprint: Fingerprint,
  kept: RangeSet,
  signal: AbortSignal,
): Promise<void> {
  const { random } = session.ports
  const bytes = Math.min(SAMPLE_BYTES, session.ports.blockSize(fingerprint.size))
  for (const place of samplePlaces(kept, bytes, random)) {
    const ours = createHash('sha256')
    const theirs = createHash('sha256')
    await file.read(place, (chunk) => void ours.update(chunk), signal)
    await session.readAgain(remote, place, (chunk) => void theirs.update(chunk), signal)
    if (ours.digest('hex') === theirs.digest('hex')) continue
    throw new TransferError('source-changed', `bytes ${place.start} to ${place.end} differ from what is kept`)
  }
}

/** The first and the last `bytes` of what is kept, and places by chance, all kept bytes being equally likely. None is compared twice. */
export function samplePlaces(kept: RangeSet, bytes: number, random: () => number): RangeSet {
  const first = kept[0]
  const last = kept.at(-1)
  if (first === undefined || last === undefined) return EMPTY
  const places = [
    { start: first.start, end: Math.min(first.end, first.start + bytes) },
    { start: Math.max(last.start, last.end - bytes), end: last.end },
  ]
  for (let i = 0; i < PLACES_BY_CHANCE; i += 1) {
    let at = Math.floor(random() * totalBytes(kept))
    for (const range of kept) {
      const length = range.end - range.start
      if (at < length) {
        const start = range.start + Math.max(0, Math.min(at, length - bytes))
        places.push({ start, end: Math.min(range.end, start + bytes) })
        break
      }
      at -= length
    }
  }
  return rangeSet(places)
}
