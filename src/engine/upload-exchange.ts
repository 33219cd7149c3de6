/** One stretch of the file on its way to the server. */
import { type ByteRange, rangeSet, union } from '../core/ranges.ts'
import type { Body, WriteObserver } from '../remotes/remote.ts'
import { watched } from './exchange.ts'
import type { UploadSession } from './upload-session.ts'

/** How often acknowledged bytes go into the journal. The server describes itself by its partial, so this costs nothing but a proof when it is lost. */
const RECORD_BYTES = 8 * 1024 * 1024

export type Send = (body: Body, observer: WriteObserver, signal: AbortSignal) => Promise<void>

export async function exchange(session: UploadSession, segment: ByteRange, signal: AbortSignal, run: Send): Promise<void> {
  const { job, policy, ports, pace } = session
  const length = segment.end - segment.start
  const sentBefore = session.sentBytes
  let recorded = 0
  let paced = 0
  let acknowledged = -1
  let sent = 0
  let over = false
  const sending = watched({ clock: ports.clock, timeoutMs: policy.timeoutMs, bytes: length, what: 'sending' }, signal, (s, watch) => {
    const observer: WriteObserver = {
      sent: (total) => {
        watch.moved(total)
        session.begun = true
        session.sentBytes = sentBefore + total
        if (!over) pace.sent(total - sent)
        sent = total
        session.sending()
        // Protocols that acknowledge nothing before the end say nothing that could be recorded meanwhile.
        if (over || total - paced < RECORD_BYTES) return
        paced = total
        rememberPace(session)
      },
      acknowledged: (total) => {
        // What an exchange that was left behind still hears says nothing about the next one.
        if (over) return
        watch.confirmed(total)
        acknowledged = total
        // Beside this exchange others prove and acknowledge.
        session.acknowledge(union(session.acknowledged, rangeSet([{ start: segment.start, end: segment.start + total }])))
        if (total - recorded < RECORD_BYTES && total < length) return
        recorded = total
        session.record()
        rememberPace(session)
      },
    }
    return run(job.source.read(segment, s), observer, s)
  })
  await pace
    .sending(() => sending)
    .finally(() => {
      over = true
    })
  session.unacknowledged ||= acknowledged < length
}

/** For the next process, which may have to choose between reading back and sending before it has sent anything. */
function rememberPace(session: UploadSession): void {
  session.learn({ sends: session.pace.toRemember(session.known.sends) })
}
