/** What of the local partial stays: intact by this machine's journal, and still the bytes that the server has. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import { type Fingerprint, identifies } from '../core/fingerprint.ts'
import { type ByteRange, EMPTY, type RangeSet, rangeSet, totalBytes } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { LocalFile, LocalPartial } from '../local/local.ts'
import type { Remote } from '../remotes/remote.ts'
import type { DownloadSession } from './download-session.ts'
import { keepableBlocks } from './plan.ts'

/** Bytes before the place of continuation that are fetched again and compared. */
const OVERLAP_BYTES = 64 * 1024
/** With size and date only (`hint`), this many more places of what is kept are compared, chosen by chance. */
const SAMPLES = 3

/** Brings `session.acknowledged` and the partial in line with each other and with the server; `source-changed` when the server has other bytes. */
export async function keepProven(session: DownloadSession, remote: Remote, partial: LocalPartial, signal: AbortSignal): Promise<void> {
  const { fingerprint } = session
  const resumable = fingerprint !== null && identifies(fingerprint) && session.rangesWork && session.policy.resume === 'auto'
  if (!resumable) session.acknowledged = EMPTY
  else if (!session.decided || session.doubtful) session.acknowledged = await intactBlocks(session, partial, fingerprint, signal)
  session.doubtful = false
  const size = await partial.size()
  const kept = totalBytes(session.acknowledged)
  if (kept === 0 && size > 0) await partial.truncate(0)
  else if (fingerprint !== null && size > fingerprint.size) await partial.truncate(fingerprint.size)
  if (kept > 0 && fingerprint !== null) await compareSamples(session, remote, partial, fingerprint, session.acknowledged, signal)
  session.advance(kept)
  if (session.decided) return
  session.decided = true
  session.resumedFrom = kept
  const toGo = (fingerprint?.size ?? 0) - kept
  session.planned(kept > 0 ? `continuing with ${formatBytes(kept)} in place, ${formatBytes(toGo)} to go` : 'starting from the beginning')
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

/** Fetches places of what is kept again; `source-changed` when the server has other bytes there. */
export async function compareSamples(
  session: DownloadSession,
  remote: Remote,
  file: LocalFile,
  fingerprint: Fingerprint,
  kept: RangeSet,
  signal: AbortSignal,
): Promise<void> {
  const { random } = session.ports
  const last = kept.at(-1)
  if (last === undefined) return
  const overlap = Math.min(OVERLAP_BYTES, session.ports.blockSize(fingerprint.size))
  const windows = [{ start: Math.max(last.start, last.end - overlap), end: last.end }]
  for (let i = 0; fingerprint.strength === 'hint' && i < SAMPLES; i += 1) {
    const range = kept[Math.floor(random() * kept.length)] ?? last
    const start = range.start + Math.floor(random() * Math.max(1, range.end - range.start - overlap))
    windows.push({ start, end: Math.min(range.end, start + overlap) })
  }
  for (const window of windows) {
    const ours = createHash('sha256')
    const theirs = createHash('sha256')
    await file.read(window, (chunk) => void ours.update(chunk), signal)
    await session.read(remote, window, (chunk) => void theirs.update(chunk), signal)
    if (ours.digest('hex') === theirs.digest('hex')) continue
    throw new TransferError('source-changed', `bytes ${window.start} to ${window.end} differ from what is kept`)
  }
}
