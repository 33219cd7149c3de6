/** Carries a plan out: the bytes travel. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import { directoryName } from '../core/paths.ts'
import { type ByteRange, EMPTY, missing, rangeSet, totalBytes, union } from '../core/ranges.ts'
import type { Body, Remote, Tree, WriteObserver, Writer } from '../remotes/remote.ts'
import { watched } from './exchange.ts'
import { isMissing, isRefusal } from './refusal.ts'
import { chooseStaging } from './staging.ts'
import { discard } from './tidy.ts'
import type { PlannedUpload } from './upload-plan.ts'
import type { UploadSession } from './upload-session.ts'
import { proveRanges } from './verify.ts'

/** How often acknowledged bytes go into the journal. The server describes itself by its partial, so this costs nothing but a proof when it is lost. */
const RECORD_BYTES = 8 * 1024 * 1024

type Send = (body: Body, observer: WriteObserver, signal: AbortSignal) => Promise<void>

export async function send(
  session: UploadSession,
  remote: Remote,
  writer: Writer,
  { plan, resumer }: PlannedUpload,
  signal: AbortSignal,
): Promise<void> {
  const { size } = session.job.source
  session.acknowledge(plan.kind === 'start' ? EMPTY : missing(plan.segments, size))
  session.kept = 0
  if (plan.kind === 'start') return create(session, remote, writer, signal)
  const { partial } = session
  session.record()
  session.phase('transferring', size)
  session.unacknowledged = false
  if (plan.kind === 'fill') {
    if (resumer?.kind !== 'positional') throw new TransferError('internal', 'a plan to fill holes needs a positional writer')
    if (plan.truncateTo !== null) await session.guarded('cutting the partial', signal, (s) => resumer.truncate(partial, size, s))
    for (const segment of plan.segments) {
      await exchange(session, segment, signal, (body, observer, s) => resumer.write(partial, segment, body, observer, s))
    }
    return
  }
  // Where the server writes at a given place, a twin that still has the file open does no harm; appending goes to wherever the end is by then.
  const how = resumer?.kind !== 'append' ? undefined : (resumer.rewind ?? (plan.kind === 'append' ? resumer.append : undefined))
  if (how === undefined) throw new TransferError('internal', `a plan to ${plan.kind} needs a server that can`)
  for (const segment of plan.segments) {
    const length = segment.end - segment.start
    session.kept = segment.start
    await exchange(session, segment, signal, (body, observer, s) => how(partial, segment.start, length, body, observer, s))
    await confirmKept(session, remote, segment.start, signal)
  }
}

/**
 * Protocols that continue by name open the file once more, and a server makes a new one when somebody has claimed it meanwhile: of the right length, with zeros below
 * the place of continuation. One kept block that is not all zeros tells.
 */
async function confirmKept(session: UploadSession, remote: Remote, end: number, signal: AbortSignal): Promise<void> {
  const piece = await tellingPiece(session, end, signal)
  if (piece === null) return
  const sample = rangeSet([piece])
  const { proven } = await proveRanges(session.proofContext(remote, session.partial), sample, signal)
  if (totalBytes(proven) === totalBytes(sample)) return
  throw new TransferError('offset-conflict', 'what was kept is not in the file any more: it was made anew when it was continued')
}

/** The last block below `end`, whole or not, that a hole in the file would change. */
async function tellingPiece({ expected, job }: UploadSession, end: number, signal: AbortSignal): Promise<ByteRange | null> {
  const { blockSize, blocks } = expected
  const ofZeros = (length: number): string => createHash('sha256').update(new Uint8Array(length)).digest('hex')
  const whole = Math.floor(end / blockSize)
  const rest = { start: whole * blockSize, end }
  if (end > rest.start && (await job.source.digest(rest, 'sha256', signal)) !== ofZeros(end - rest.start)) return rest
  const zeros = ofZeros(blockSize)
  for (let i = whole - 1; i >= 0; i -= 1) if (blocks[i] !== zeros) return { start: i * blockSize, end: (i + 1) * blockSize }
  return null
}

/** The whole file, under a name that nobody has used. What this process had before under another is of no use any more. */
async function create(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<void> {
  const { size } = session.job.source
  if (session.owned && !session.direct && remote.tree !== undefined) {
    await discard(session, remote.tree, session.partial, signal)
    session.renew()
  }
  if (remote.tree !== undefined) await ensureDirectory(session, remote, remote.tree, directoryName(session.job.path), signal)
  await chooseStaging(session, remote, writer, signal)
  const { partial } = session
  session.owned = true
  session.unacknowledged = false
  session.record()
  session.phase('transferring', size)
  const before = session.previous
  if (session.direct) session.previous = { kind: 'unknown' }
  try {
    await exchange(session, { start: 0, end: size }, signal, (body, observer, s) => writer.create(partial, size, body, observer, s))
    session.wroteDirectly ||= session.direct
  } catch (error) {
    // Once bytes have gone to a server that refuses then, it may have emptied the file for them.
    const isRefused = (isRefusal(error) || isMissing(error)) && !session.begun
    session.wroteDirectly ||= session.direct && !isRefused
    if (!isRefused) throw error
    // An empty file has nothing that could have been sent: whether the server made it nobody knows.
    if (size > 0) session.previous = before
    throw isMissing(error) ? badPath(error) : error
  }
}

/** The server took no byte, because the place is not there. */
function badPath(cause: TransferError): TransferError {
  const hint = 'A directory in the path of the destination is missing, or is a file.'
  return new TransferError('refused', cause.message, { cause, hint })
}

async function exchange(session: UploadSession, segment: ByteRange, signal: AbortSignal, run: Send): Promise<void> {
  const { job, policy, ports } = session
  const length = segment.end - segment.start
  const before = session.acknowledged
  const kept = totalBytes(before)
  const sentBefore = session.sentBytes
  let recorded = 0
  let acknowledged = -1
  let over = false
  const sending = watched({ clock: ports.clock, timeoutMs: policy.timeoutMs, bytes: length, what: 'sending' }, signal, (s, watch) => {
    const observer: WriteObserver = {
      sent: (total) => {
        watch.moved(total)
        session.begun = true
        session.sentBytes = sentBefore + total
        session.progress(kept + total, kept)
      },
      acknowledged: (total) => {
        // What an exchange that was left behind still hears says nothing about the next one.
        if (over) return
        acknowledged = total
        session.acknowledge(union(before, rangeSet([{ start: segment.start, end: segment.start + total }])))
        if (total - recorded < RECORD_BYTES && total < length) return
        recorded = total
        session.record()
      },
    }
    return run(job.source.read(segment, s), observer, s)
  })
  await sending.finally(() => {
    over = true
  })
  session.unacknowledged ||= acknowledged < length
}

async function ensureDirectory(session: UploadSession, remote: Remote, tree: Tree, directory: string, signal: AbortSignal): Promise<void> {
  if (directory === '' || directory === '/') return
  const found = await session.stat(remote, directory, signal)
  // A cache's answer says only that there may be something.
  if (found !== null && !(found.kind === 'file' && found.size === null)) return
  await session.guarded('making the directory', signal, (s) => tree.makeDirectory(directory, s))
}
