/** Carries a plan out: the bytes travel. */
import { TransferError } from '../core/errors.ts'
import { directoryName } from '../core/paths.ts'
import { type ByteRange, EMPTY, missing, rangeSet, totalBytes, union } from '../core/ranges.ts'
import type { Body, Remote, Tree, WriteObserver, Writer } from '../remotes/remote.ts'
import { watched } from './exchange.ts'
import { chooseStaging } from './staging.ts'
import { discard } from './tidy.ts'
import type { PlannedUpload } from './upload-plan.ts'
import type { UploadSession } from './upload-session.ts'

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
    await exchange(session, segment, signal, (body, observer, s) => how(partial, segment.start, length, body, observer, s))
  }
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
  if (session.direct) {
    session.wroteDirectly = true
    session.previous = { kind: 'unknown' }
  }
  session.unacknowledged = false
  session.record()
  session.phase('transferring', size)
  await exchange(session, { start: 0, end: size }, signal, (body, observer, s) => writer.create(partial, size, body, observer, s))
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
