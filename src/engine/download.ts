/** One file from a server: identify the source, keep what is provably of it, fetch the rest, prove the whole, publish by rename. */
import { TransferError } from '../core/errors.ts'
import { blockCount, type Fingerprint, fingerprintTag, identifies, sameFingerprint } from '../core/fingerprint.ts'
import { missing, totalBytes } from '../core/ranges.ts'
import type { LocalPartial } from '../local/local.ts'
import type { Remote, RemoteFile } from '../remotes/remote.ts'
import { BlockAssembler } from './assembler.ts'
import { compareSamples, intactBlocks, keepProven } from './download-keep.ts'
import { proveDownload, provenAsGiven } from './download-proof.ts'
import { type DownloadJob, DownloadSession, fingerprintOf } from './download-session.ts'
import { endOf } from './end-of-file.ts'
import { failedOutcome, type Outcome } from './outcome.ts'
import { keepableBlocks } from './plan.ts'
import type { EnginePorts, TransferResult } from './ports.ts'

/** Never rejects with a TransferError: how it failed is part of the result. */
export async function download(job: DownloadJob, ports: EnginePorts, signal: AbortSignal): Promise<TransferResult> {
  const started = ports.clock.nowMs()
  const session = new DownloadSession(job, ports)
  ports.reporter.report({ kind: 'started', name: job.name, size: null })
  try {
    const outcome = await toTheEnd(session, signal).catch(failedOutcome)
    const { size, receivedBytes: bytesTransferred, resumedFrom } = session
    const result: TransferResult = {
      name: job.name,
      size,
      bytesTransferred,
      bytesReused: outcome.status === 'unchanged' ? (size ?? 0) : resumedFrom,
      resumedFrom,
      previous: session.previous,
      durationMs: ports.clock.nowMs() - started,
      ...outcome,
    }
    ports.reporter.report({ kind: 'finished', name: job.name, result })
    return result
  } finally {
    await session.end()
  }
}

function toTheEnd(session: DownloadSession, signal: AbortSignal): Promise<Outcome> {
  /** What was kept belongs to an older version: never blend, begin again. */
  const restart = async (error: TransferError): Promise<void> => {
    if (session.policy.onChange === 'fail') throw error
    session.note(`the source changed (${error.message}); starting over with the new version`)
    await session.discard()
  }
  const downgrade = (error: TransferError): boolean => {
    if (!session.rangesWork) return false
    session.rangesWork = false
    session.note(`continuing does not work on this server (${error.message}); fetching the whole file`)
    return true
  }
  const doubted = (error: unknown): never => {
    session.doubtful ||= error instanceof TransferError && error.kind === 'integrity'
    throw error
  }
  return session.persevere({ restart, downgrade }, signal, () => attempt(session, signal).catch(doubted))
}

async function attempt(session: DownloadSession, signal: AbortSignal): Promise<Outcome> {
  const { job } = session
  session.phase('connecting', null)
  const remote = await job.remote.get(signal)
  const file = await identify(session, remote, signal)
  session.size = file.size
  if (!session.decided && (await isPresent(session, remote, file, signal))) return present(session, remote, signal)
  const finished = session.decided ? null : await proveFinished(session, remote, file, signal)
  if (finished !== null) return finished
  const partial = await session.openPartial(fingerprintOf(file))
  await keepProven(session, remote, partial, signal)
  await fetch(session, remote, partial, file, signal)
  // A digest that comes from elsewhere says all: what the server tells later takes nothing back.
  const given = await provenAsGiven(session, partial, signal)
  if (given === null) await confirmIdentity(session, remote, file, signal)
  const outcome = given ?? (await proveDownload(session, remote, partial, signal))
  session.phase('committing', null)
  // Whoever dies after the rename has the journal's word for every block, and need not fetch them again.
  await session.saved()
  await session.publish()
  session.ports.recorder.forget(job.key)
  return outcome
}

/** What the server holds now; `source-changed` when it is not what was begun. */
async function identify(session: DownloadSession, remote: Remote, signal: AbortSignal): Promise<RemoteFile> {
  const { job } = session
  const look = await session.stat(remote, signal)
  if (look.is === 'missing' && (await isReadable(session, remote, signal))) return untold(session)
  if (look.is === 'missing') throw new TransferError('not-found', `the server has no such file: ${job.name}`)
  // Reading would present the same credentials once more.
  if (look.is === 'unknown' && look.why.ofLogin) throw look.why
  if (look.is === 'unknown') return untold(session)
  const { file } = look
  if (file.kind !== 'file') {
    const hint = 'This release moves single files; name each file.'
    throw new TransferError('invalid-input', `the source is no plain file: ${job.name}`, { hint })
  }
  const known = session.fingerprint ?? session.ports.recorder.entry(job.key)?.source ?? null
  if (known === null || isSame(fingerprintOf(file), known)) return file
  // Without a date only another size tells; what was begun in this session is of the old one.
  const { fingerprint } = session
  if (!identifies(known) && (fingerprint === null || fingerprint.size === file.size)) return file
  if (session.fingerprint === null) session.tag = fingerprintTag(known)
  throw new TransferError('source-changed', 'it is not the file whose download was begun', {
    hint: 'Set `on-change: restart` to fetch the new version.',
  })
}

const UNTOLD: RemoteFile = { kind: 'file', size: null, modifiedAtMs: null, validator: null }

/** Some servers hide names from every look and let them be read. What a look has shown before is gone when it shows it no more. */
async function isReadable(session: DownloadSession, remote: Remote, signal: AbortSignal): Promise<boolean> {
  const known = session.fingerprint !== null || session.ports.recorder.entry(session.job.key) !== null
  if (known || remote.looksByReading === true) return false
  try {
    await session.read(remote, { start: 0, end: 1 }, () => undefined, signal)
  } catch (error) {
    if (signal.aborted || !(error instanceof TransferError)) throw error
    // Of an empty file there is no first byte.
    if (error.kind !== 'source-changed') return false
  }
  if (!session.untoldSource) session.note('the server says that there is no such file, and lets it be read: going on without its size')
  return true
}

/** Reading tells. What was kept of a version that nobody can identify any more is not continued. */
async function untold(session: DownloadSession): Promise<RemoteFile> {
  session.untoldSource = true
  if (session.fingerprint !== null) await session.discard()
  return UNTOLD
}

function isSame(now: Fingerprint | null, known: Fingerprint): boolean {
  return now !== null && sameFingerprint(now, known)
}

/** Whether the final name holds the file already; asked only where the answer costs no second transfer. */
async function isPresent(session: DownloadSession, remote: Remote, file: RemoteFile, signal: AbortSignal): Promise<boolean> {
  const { target, checksum } = session.job
  const finalSize = await target.finalSize()
  session.previous = { kind: finalSize === null ? 'none' : 'untouched' }
  session.finalDigests.clear()
  const mayBe = finalSize === file.size || (file.size === null && checksum !== null)
  if (finalSize === null || !mayBe || session.policy.resume === 'never') return false
  if (checksum !== null) return (await session.digestFinal(checksum.algorithm, signal)) === checksum.hex
  const { digester } = remote
  if (digester === undefined || session.policy.verify === 'size' || finalSize === 0) return false
  if (session.policy.verify === 'full' && digester.algorithm === 'crc32') return false
  session.phase('comparing', finalSize)
  const theirs = await session.serverDigest(remote, finalSize, signal)
  if (theirs === null || theirs !== (await session.digestFinal(digester.algorithm, signal))) return false
  return (await endAt(session, remote, finalSize, signal)) !== 'later'
}

function endAt(session: DownloadSession, remote: Remote, size: number, signal: AbortSignal): ReturnType<typeof endOf> {
  return endOf((range, sink) => session.read(remote, range, sink, signal), size)
}

async function present(session: DownloadSession, remote: Remote, signal: AbortSignal): Promise<Outcome> {
  const { job, ports } = session
  ports.recorder.forget(job.key)
  const detail = job.checksum !== null ? `${job.checksum.algorithm} as given` : `${remote.digester?.algorithm ?? ''} by the server`
  const digest = await session.digestFinal('sha256', signal)
  return { status: 'unchanged', proof: 'digest', proofDetail: detail, digest: `sha256:${digest}` }
}

/** An attempt that died after its rename left the whole file, and the journal that knows it: proven as a full partial is, and never written to. */
async function proveFinished(session: DownloadSession, remote: Remote, file: RemoteFile, signal: AbortSignal): Promise<Outcome | null> {
  const { job, policy, ports } = session
  const fingerprint = fingerprintOf(file)
  if (fingerprint === null || fingerprint.size === 0 || !identifies(fingerprint) || !session.rangesWork) return null
  // With a digest that was given, the question has been answered already.
  if (policy.resume === 'never' || job.checksum !== null || !knowsWhole(session, fingerprint)) return null
  if ((await job.target.finalSize()) !== fingerprint.size) return null
  session.begin(fingerprint)
  const final = await job.target.openFinal()
  try {
    const intact = await intactBlocks(session, final, fingerprint, signal)
    if (totalBytes(intact) !== fingerprint.size) return null
    await compareSamples(session, remote, final, fingerprint, intact, signal)
    await confirmIdentity(session, remote, file, signal)
    const outcome = await proveDownload(session, remote, final, signal)
    await job.target.removePartial(session.tag)
    ports.recorder.forget(job.key)
    return { ...outcome, status: 'unchanged' }
  } finally {
    await final.close()
  }
}

/** Whether the journal of this machine has every block of this version. */
function knowsWhole({ job, ports }: DownloadSession, fingerprint: Fingerprint): boolean {
  const { size } = fingerprint
  const blockSize = ports.blockSize(size)
  return keepableBlocks(ports.recorder.entry(job.key), fingerprint, blockSize, size).length === blockCount(size, blockSize)
}

async function fetch(
  session: DownloadSession,
  remote: Remote,
  partial: LocalPartial,
  file: RemoteFile,
  signal: AbortSignal,
): Promise<void> {
  session.phase('transferring', file.size)
  const segments = file.size === null ? [{ start: 0, end: Number.POSITIVE_INFINITY }] : missing(session.acknowledged, file.size)
  const blockSize = session.ports.blockSize(file.size ?? 0)
  for (const segment of segments) {
    const kept = totalBytes(session.acknowledged)
    const receivedBefore = session.receivedBytes
    const assembler = new BlockAssembler(partial, blockSize, session.check, segment.start, (block) => session.written(block))
    const sink = (chunk: Uint8Array): void | Promise<void> => {
      const taken = assembler.push(chunk)
      session.receivedBytes = receivedBefore + assembler.position - segment.start
      session.progress(kept + assembler.position - segment.start, session.resumedFrom)
      return taken ?? session.lag()
    }
    try {
      await session.read(remote, segment, sink, signal)
      await assembler.finish()
      if (file.size === null) session.size = assembler.position
    } finally {
      await assembler.drain()
      session.record()
    }
  }
  if (session.size === null) throw new TransferError('internal', 'a download without a length')
  // Of an empty file nothing was read that could have gone on.
  if (file.size === 0 && (await endAt(session, remote, 0, signal)) === 'later')
    throw new TransferError('source-changed', 'the file was said to be empty, and is not')
  const length = await partial.size()
  if (length !== session.size) throw new TransferError('integrity', `the partial holds ${length} instead of ${session.size} bytes`)
}

/** The file may have been rewritten while it was read: same connection, same length, mixed bytes, no error anywhere. */
async function confirmIdentity(session: DownloadSession, remote: Remote, file: RemoteFile, signal: AbortSignal): Promise<void> {
  const { fingerprint } = session
  const look = await session.stat(remote, signal)
  if (look.is !== 'there') {
    const wasShown = !session.untoldSource
    // A link that works once, a server that shows nothing any more: every byte has come, and nothing says that they were changed.
    session.untoldSource = true
    if (look.is === 'missing' && wasShown)
      session.note('the source is gone since it was read, so nothing shows that it was not changed meanwhile')
    return
  }
  const now = look.file
  const same =
    fingerprint !== null && identifies(fingerprint)
      ? isSame(fingerprintOf(now), fingerprint)
      : now.size === null || now.size === session.size
  if (!same || isRedated(fingerprint, file, now))
    throw new TransferError('source-changed', 'the file was changed on the server while it was read')
}

/** Another date is a change, also where an equal one says nothing because the file is young. What tells its content needs none. */
function isRedated(fingerprint: Fingerprint | null, file: RemoteFile, now: RemoteFile): boolean {
  // A page that is made for every look has the time of the look.
  if (fingerprint?.strength === 'validator' || (fingerprint === null && file.youngAtMs !== undefined)) return false
  const before = file.modifiedAtMs ?? file.youngAtMs ?? null
  const after = now.modifiedAtMs ?? now.youngAtMs ?? null
  return before !== null && after !== null && !Object.is(before, after)
}
