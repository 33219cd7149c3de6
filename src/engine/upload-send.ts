/** Carries a plan out: the bytes travel. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import { directoryName } from '../core/paths.ts'
import { type ByteRange, EMPTY, missing, rangeSet, totalBytes } from '../core/ranges.ts'
import type { Remote, Tree, Writer } from '../remotes/remote.ts'
import { Ground } from './ground.ts'
import { isUntold } from './look.ts'
import { beginPrivately } from './private-partial.ts'
import { badPath, isMissing, isRefusal } from './refusal.ts'
import { chooseStaging, otherName } from './staging.ts'
import { discard } from './tidy.ts'
import { sendBeside } from './upload-beside.ts'
import { exchange, type Send } from './upload-exchange.ts'
import type { PlannedUpload } from './upload-plan.ts'
import type { UploadSession } from './upload-session.ts'
import { proveRanges } from './verify.ts'

export async function send(
  session: UploadSession,
  remote: Remote,
  writer: Writer,
  { plan, resumer }: PlannedUpload,
  signal: AbortSignal,
): Promise<void> {
  const { size } = session.job.source
  session.acknowledge(plan.kind === 'start' || plan.kind === 'beside' ? EMPTY : missing(plan.segments, size))
  session.begunAttempt()
  session.kept = 0
  if (plan.kind === 'start') return create(session, remote, writer, signal)
  const { partial } = session
  session.record()
  session.phase('transferring', size)
  session.unacknowledged = false
  if (plan.kind === 'fill' || plan.kind === 'beside') {
    if (resumer?.kind !== 'positional') throw new TransferError('internal', 'a plan to fill holes needs a positional writer')
    if (plan.truncateTo !== null) await session.guarded('cutting the partial', signal, (s) => resumer.truncate(partial, size, s))
    if (plan.kind === 'beside') return sendBeside(session, { remote, resumer, ground: new Ground(plan.segments, plan.unproven) }, signal)
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
  // One that is gone was not made anew: the rename tells.
  if ((await session.stat(remote, session.partial, signal)).is === 'missing') return
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
  if (session.owned && !session.direct && remote.tree !== undefined) {
    await discard(session, remote.tree, session.partial, signal)
    session.renew()
  }
  if (remote.tree !== undefined) await ensureDirectory(session, remote, remote.tree, directoryName(session.job.path), signal)
  await chooseStaging(session, remote, signal)
  for (let refusal: unknown = null; ; ) {
    const before = session.sentBytes
    try {
      return await createNamed(session, remote, writer, signal)
    } catch (error) {
      refusal ??= error
      if (await otherName(session, remote, error, session.sentBytes - before, signal)) continue
      const first = session.direct ? error : refusal
      throw isMissing(first) ? badPath(first) : first
    }
  }
}

/** Under the name that the session has now. */
async function createNamed(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<void> {
  const { size } = session.job.source
  const { partial } = session
  session.owned = true
  session.unacknowledged = false
  session.record()
  session.phase('transferring', size)
  const before = session.previous
  if (session.direct) session.previous = { kind: 'unknown' }
  try {
    const begun = await beginPrivately(session, remote, writer, signal)
    const send: Send = begun ?? ((body, observer, s) => writer.create(partial, size, body, observer, s))
    await exchange(session, { start: 0, end: size }, signal, send)
    session.shapeWorks = true
    if (!session.direct) session.learn({ shape: session.shape })
    session.wroteDirectly ||= session.direct
  } catch (error) {
    // Once bytes have gone to a server that refuses then, it may have emptied the file for them.
    const isRefused = (isRefusal(error) || isMissing(error)) && !session.begun
    session.wroteDirectly ||= session.direct && !isRefused
    if (!isRefused) throw error
    // An empty file has nothing that could have been sent: whether the server made it nobody knows.
    if (size > 0) session.previous = before
    throw error
  }
}

async function ensureDirectory(session: UploadSession, remote: Remote, tree: Tree, directory: string, signal: AbortSignal): Promise<void> {
  if (directory === '' || directory === '/') return
  const found = await session.stat(remote, directory, signal)
  // A cache's answer says only that there may be something.
  if (found.is === 'there' && !(found.file.kind === 'file' && found.file.size === null)) return
  try {
    await session.guarded('making the directory', signal, (s) => tree.makeDirectory(directory, s))
  } catch (error) {
    // One that is there already is refused too: whether it is missing, the file tells.
    if (found.is !== 'unknown' || !isUntold(error)) throw error
  }
}
