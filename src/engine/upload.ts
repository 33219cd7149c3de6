/** One file to a server: gather facts, plan, prove what is kept, send the rest, prove the whole, publish by rename. */
import { abortError, reactionTo, TransferError } from '../core/errors.ts'
import { type ContentDigests, contentFingerprint, type Fingerprint, fingerprintTag, sameFingerprint } from '../core/fingerprint.ts'
import { baseName, directoryName, joinPath, partialName } from '../core/paths.ts'
import { type ByteRange, EMPTY, type RangeSet, rangeSet, totalBytes, union } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { LocalSource } from '../local/local.ts'
import type { Remote, Resumer, Tree, WriteObserver, Writer } from '../remotes/remote.ts'
import { watched } from './exchange.ts'
import { failedOutcome, type Outcome } from './outcome.ts'
import { candidates, describePlan, planUpload, salvageable, type TransferPlan, type UploadFacts } from './plan.ts'
import type { EnginePorts, ProofLevel, RemoteSupply, TransferPolicy, TransferResult } from './ports.ts'
import { persevere } from './scheduler.ts'
import { type ProofContext, type ProofMethod, proveRanges, proveWhole } from './verify.ts'

export interface UploadJob {
  readonly name: string
  /** Sixteen hex digits: this file's entry in the journal. */
  readonly key: string
  readonly source: LocalSource
  readonly remote: RemoteSupply
  /** Final name on the server. */
  readonly path: string
  readonly policy: TransferPolicy
}

/** How often acknowledged bytes go into the journal. The server describes itself by its partial, so this costs nothing but a proof when it is lost. */
const RECORD_BYTES = 8 * 1024 * 1024

/** Never rejects with a TransferError: how it failed is part of the result. */
export async function upload(job: UploadJob, ports: EnginePorts, signal: AbortSignal): Promise<TransferResult> {
  const started = ports.clock.nowMs()
  const run = new UploadRun(job, ports)
  ports.reporter.report({ kind: 'started', name: job.name, size: job.source.size })
  const outcome = await run.toTheEnd(signal).catch(failedOutcome)
  const result: TransferResult = {
    name: job.name,
    size: job.source.size,
    bytesTransferred: run.sentBytes,
    bytesReused: outcome.status === 'unchanged' ? job.source.size : (run.resumedFrom ?? 0),
    resumedFrom: run.resumedFrom ?? 0,
    durationMs: ports.clock.nowMs() - started,
    ...outcome,
  }
  ports.reporter.report({ kind: 'finished', name: job.name, result })
  return result
}

class UploadRun {
  sentBytes = 0
  resumedFrom: number | null = null
  private readonly job: UploadJob
  private readonly ports: EnginePorts
  private expected: ContentDigests | null = null
  private publishedProof: ProofMethod = 'read-back'
  private digesterWorks = true
  private resumerWorks = true
  private renameSent = false
  private compared = false
  private acknowledged: RangeSet = EMPTY
  private mark = 0

  constructor(job: UploadJob, ports: EnginePorts) {
    this.job = job
    this.ports = ports
  }

  async toTheEnd(signal: AbortSignal): Promise<Outcome> {
    const { job, ports } = this
    const expected = await this.hashWhileConnecting(signal)
    this.expected = expected
    return persevere(
      {
        clock: ports.clock,
        random: ports.random,
        policy: job.policy,
        progressMark: () => this.mark,
        retrying: (error, delayMs, failuresLeft) =>
          ports.reporter.report({ kind: 'retrying', name: job.name, message: error.message, delayMs, failuresLeft }),
        downgrade: (error) => this.downgrade(error),
      },
      signal,
      () => this.attempt(expected, signal),
    )
  }

  /** The connection opens while the source is hashed. A refusal for good ends the hashing; a passing trouble is the scheduler's, later. */
  private async hashWhileConnecting(signal: AbortSignal): Promise<ContentDigests> {
    const { job, ports } = this
    const controller = new AbortController()
    const onAbort = (): void => controller.abort(abortError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    job.remote.get(signal).catch((error: unknown) => {
      if (!(error instanceof TransferError) || reactionTo(error.kind) !== 'retry') controller.abort(error)
    })
    ports.reporter.report({ kind: 'phase', name: job.name, phase: 'hashing', total: job.source.size })
    try {
      return await job.source.blockDigests(ports.blockSize(job.source.size), (done) => this.progress(done, 0), controller.signal)
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  private downgrade(error: TransferError): boolean {
    if (!this.resumerWorks) return false
    this.resumerWorks = false
    this.note(`continuing does not work on this server (${error.message}); sending the whole file`)
    return true
  }

  private async attempt(expected: ContentDigests, signal: AbortSignal): Promise<Outcome> {
    const { job } = this
    this.phase('connecting', null)
    const remote = await job.remote.get(signal)
    const writer = remote.writer
    if (writer === undefined) throw new TransferError('refused', `nothing can be written to this server over ${remote.protocol}`)
    const fingerprint = contentFingerprint(expected)
    const final = await this.stat(remote, job.path, signal)
    if (final?.kind === 'directory') {
      throw new TransferError('conflict', `the target is a directory: ${job.path}`, {
        hint: 'End `destination` with a slash to upload into it.',
      })
    }
    const partial = remote.tree === undefined ? job.path : partialPath(job.path, fingerprint)
    if (final?.size === expected.size && (await this.isPublished(remote, partial, signal))) {
      return this.published(remote, partial, fingerprint, signal)
    }
    const proof = await this.bringUp(remote, writer, partial, fingerprint, signal)
    await job.source.recheck()
    if (remote.tree !== undefined) await this.commit(remote, remote.tree, partial, signal)
    return this.complete(remote, fingerprint, proof, signal)
  }

  /** Whether the final name already holds the source: asked once, and again when the reply to our rename was lost. */
  private async isPublished(remote: Remote, partial: string, signal: AbortSignal): Promise<boolean> {
    if (this.job.policy.resume === 'never' && !this.renameSent) return false
    if (this.renameSent) {
      if ((await this.stat(remote, partial, signal)) !== null) return false
    } else if (this.compared) return false
    this.compared = true
    this.phase('comparing', this.job.source.size)
    try {
      const { same, method } = await proveWhole(this.proofContext(remote, this.job.path), signal)
      this.publishedProof = method
      return same
    } catch (error) {
      // A server that lets us write but not read tells nothing by that.
      if (error instanceof TransferError && (error.kind === 'refused' || error.kind === 'denied')) return false
      throw error
    }
  }

  private async published(remote: Remote, partial: string, fingerprint: Fingerprint, signal: AbortSignal): Promise<Outcome> {
    await this.job.source.recheck()
    if (!this.renameSent && remote.tree !== undefined && this.ports.recorder.entry(this.job.key) !== null)
      await this.remove(remote.tree, partial, signal)
    const outcome = await this.complete(remote, fingerprint, this.publishedProof, signal)
    return this.renameSent ? outcome : { ...outcome, status: 'unchanged' }
  }

  /** Makes the partial hold the source, and proves it. */
  private async bringUp(
    remote: Remote,
    writer: Writer,
    partial: string,
    fingerprint: Fingerprint,
    signal: AbortSignal,
  ): Promise<ProofLevel> {
    const hinted = await this.salvage(remote, writer, partial, fingerprint, signal)
    const { plan, resumer } = await this.plan(remote, writer, partial, hinted, signal)
    this.ports.reporter.report({ kind: 'planned', name: this.job.name, decision: describePlan(plan, formatBytes) })
    this.resumedFrom ??= plan.kind === 'start' ? 0 : plan.kept
    this.acknowledged = plan.kind === 'start' ? EMPTY : keptRanges(plan, this.job.source.size)
    this.record(fingerprint)
    this.phase('transferring', this.job.source.size)
    await this.send(remote, writer, resumer, plan, partial, signal)
    return this.proveSent(remote, partial, signal)
  }

  /** Gives the partial of an older version of the source our name when blocks of it are still good. Returns the blocks worth proving, or null for all. */
  private async salvage(
    remote: Remote,
    writer: Writer,
    partial: string,
    fingerprint: Fingerprint,
    signal: AbortSignal,
  ): Promise<RangeSet | null> {
    const old = this.ports.recorder.entry(this.job.key)
    const { tree } = remote
    if (old === null || tree === undefined || sameFingerprint(old.source, fingerprint)) return null
    if (this.job.policy.onChange === 'fail') {
      throw new TransferError('source-changed', 'the source is not the one whose upload was begun', {
        hint: 'Set `on-change: restart` to send the new version, or provide the same file again.',
      })
    }
    const oldPartial = partialPath(this.job.path, old.source)
    const blocks = salvageable(old, this.expectedDigests())
    const useful = this.resumerWorks && this.job.policy.resume === 'auto' && totalBytes(blocks) > 0
    const [mine, theirs] = [await this.stat(remote, partial, signal), await this.stat(remote, oldPartial, signal)]
    if (theirs?.kind !== 'file') return null
    if (useful && mine === null && (await writer.resumer(directoryName(partial), signal)) !== null) {
      await this.guarded(`renaming ${baseName(oldPartial)}`, signal, (s) => tree.rename(oldPartial, partial, s))
      this.note(`the source changed; ${formatBytes(totalBytes(blocks))} of the older partial may still be good`)
      return blocks
    }
    await this.remove(tree, oldPartial, signal)
    return null
  }

  private async plan(
    remote: Remote,
    writer: Writer,
    partial: string,
    hinted: RangeSet | null,
    signal: AbortSignal,
  ): Promise<{ plan: TransferPlan; resumer: Resumer | null }> {
    const { size } = this.job.source
    const there = remote.tree === undefined ? null : await this.stat(remote, partial, signal)
    if (there !== null && there.kind !== 'file')
      throw new TransferError('conflict', `the partial's name is taken by something else: ${partial}`)
    const partialSize = there?.size ?? null
    const wanted = partialSize !== null && partialSize > 0 && this.job.policy.resume === 'auto' && this.resumerWorks
    const resumer = wanted
      ? await this.guarded('probing how a file can be continued', signal, (s) => writer.resumer(directoryName(partial), s))
      : null
    const kind = resumer === null ? null : resumer.kind === 'positional' ? 'positional' : resumer.rewind === undefined ? 'append' : 'rewind'
    const facts: UploadFacts = { size, resume: this.job.policy.resume, partialSize, resumer: kind }
    const worth = candidates(facts, hinted)
    if (totalBytes(worth) === 0) return { plan: planUpload(facts, EMPTY), resumer }
    this.phase('verifying', totalBytes(worth))
    const { proven, method } = await proveRanges(this.proofContext(remote, partial), worth, signal)
    this.advance(totalBytes(proven))
    this.note(
      `${formatBytes(totalBytes(proven))} of ${formatBytes(totalBytes(worth))} there proven by ${method === 'digest' ? 'server digest' : 'reading back'}`,
    )
    return { plan: planUpload(facts, proven), resumer }
  }

  private async send(
    remote: Remote,
    writer: Writer,
    resumer: Resumer | null,
    plan: TransferPlan,
    partial: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { source } = this.job
    const whole = { start: 0, end: source.size }
    if (plan.kind === 'start') {
      if (remote.tree !== undefined) await this.ensureDirectory(remote, remote.tree, directoryName(partial), signal)
      return this.exchange(whole, signal, (body, observer, s) => writer.create(partial, source.size, body, observer, s))
    }
    if (plan.kind === 'fill') {
      if (resumer?.kind !== 'positional') throw new TransferError('internal', 'a plan to fill holes needs a positional writer')
      if (plan.truncateTo !== null) await this.guarded('cutting the partial', signal, (s) => resumer.truncate(partial, source.size, s))
      for (const segment of plan.segments)
        await this.exchange(segment, signal, (body, observer, s) => resumer.write(partial, segment, body, observer, s))
      return
    }
    if (resumer?.kind !== 'append') throw new TransferError('internal', 'a plan to append needs an appending writer')
    const how = plan.kind === 'rewind' ? resumer.rewind : resumer.append
    if (how === undefined) throw new TransferError('internal', 'a plan to rewind needs a server that can')
    for (const segment of plan.segments) {
      await this.exchange(segment, signal, (body, observer, s) =>
        how(partial, segment.start, segment.end - segment.start, body, observer, s),
      )
    }
  }

  private async exchange(
    segment: ByteRange,
    signal: AbortSignal,
    run: (body: AsyncIterable<Uint8Array>, observer: WriteObserver, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { job, ports } = this
    const length = segment.end - segment.start
    const before = this.acknowledged
    const sentBefore = this.sentBytes
    let recorded = 0
    await watched({ clock: ports.clock, timeoutMs: job.policy.timeoutMs, bytes: length, what: 'sending' }, signal, (s, watch) => {
      const observer: WriteObserver = {
        sent: (total) => {
          watch.moved(total)
          this.sentBytes = sentBefore + total
          this.progress(totalBytes(before) + total, totalBytes(before))
        },
        acknowledged: (total) => {
          this.acknowledged = union(before, rangeSet([{ start: segment.start, end: segment.start + total }]))
          this.advance(totalBytes(this.acknowledged))
          if (total - recorded < RECORD_BYTES && total < length) return
          recorded = total
          this.record(contentFingerprint(this.expectedDigests()))
        },
      }
      return run(job.source.read(segment, this.expectedDigests(), s), observer, s)
    })
  }

  /** The final proof of the partial, as strong as `verify` asks and the server allows. */
  private async proveSent(remote: Remote, partial: string, signal: AbortSignal): Promise<ProofLevel> {
    const { source, policy } = this.job
    const there = await this.stat(remote, partial, signal)
    if (there === null || (there.size !== null && there.size !== source.size)) {
      throw new TransferError('integrity', `the server holds ${there?.size ?? 'nothing'} instead of ${source.size} bytes after the upload`)
    }
    if (policy.verify === 'size' || source.size === 0) return 'size'
    const digester = this.digester(remote)
    if (policy.verify === 'auto' && digester === undefined) return 'size'
    this.phase('proving', source.size)
    const context = this.proofContext(remote, partial)
    const weak = policy.verify === 'full' && digester?.algorithm === 'crc32'
    const first = await proveWhole(weak ? { ...context, digester: undefined } : context, signal)
    if (first.same) return first.method
    if (first.method === 'digest') {
      // Which of the two is wrong, the file or the server's digest of it? Reading back knows.
      const second = await proveWhole({ ...context, digester: undefined }, signal)
      this.digesterWorks = false
      if (second.same) {
        this.note("the server's digest is wrong for this file; reading back shows that the bytes are right")
        return second.method
      }
    }
    throw new TransferError('integrity', 'the uploaded file differs from the source')
  }

  private async commit(remote: Remote, tree: Tree, partial: string, signal: AbortSignal): Promise<void> {
    const { job } = this
    this.phase('committing', null)
    this.renameSent = true
    await this.guarded('renaming the partial', signal, (s) => tree.rename(partial, job.path, s))
    const final = await this.stat(remote, job.path, signal)
    if (final?.kind === 'file' && (final.size === null || final.size === job.source.size)) return
    throw new TransferError(
      'conflict',
      `after the rename ${job.path} holds ${final?.size ?? 'nothing'} instead of ${job.source.size} bytes`,
      {
        hint: 'Somebody else writes to the same target.',
      },
    )
  }

  private async complete(remote: Remote, fingerprint: Fingerprint, proof: ProofLevel, signal: AbortSignal): Promise<Outcome> {
    const { job, ports } = this
    const digest = await job.source.digest({ start: 0, end: job.source.size }, 'sha256', signal)
    await job.source.recheck()
    const old = ports.recorder.entry(job.key)
    if (old !== null && remote.tree !== undefined && !sameFingerprint(old.source, fingerprint)) {
      await this.remove(remote.tree, partialPath(job.path, old.source), signal)
    }
    ports.recorder.forget(job.key)
    const algorithm = remote.digester?.algorithm ?? ''
    const proofDetail = { digest: `${algorithm} by the server`, 'read-back': 'read back and compared', size: 'size and acknowledgements' }[
      proof
    ]
    return { status: 'complete', proof, proofDetail, digest: `sha256:${digest}` }
  }

  private async ensureDirectory(remote: Remote, tree: Tree, directory: string, signal: AbortSignal): Promise<void> {
    if (directory === '' || directory === '/') return
    if ((await this.stat(remote, directory, signal)) === null)
      await this.guarded('making the directory', signal, (s) => tree.makeDirectory(directory, s))
  }

  private async remove(tree: Tree, path: string, signal: AbortSignal): Promise<void> {
    await this.guarded(`removing ${baseName(path)}`, signal, (s) => tree.remove(path, s))
  }

  private stat(remote: Remote, path: string, signal: AbortSignal) {
    return this.guarded('looking at the target', signal, (s) => remote.stat(path, s))
  }

  /** An exchange without file bytes, bounded. */
  private guarded<T>(what: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return watched({ clock: this.ports.clock, timeoutMs: this.job.policy.timeoutMs * 2, bytes: 0, what }, signal, run)
  }

  private digester(remote: Remote) {
    return this.digesterWorks && this.job.policy.verify !== 'size' ? remote.digester : undefined
  }

  private proofContext(remote: Remote, path: string): ProofContext {
    const { job, ports } = this
    return {
      remote,
      path,
      source: job.source,
      expected: this.expectedDigests(),
      clock: ports.clock,
      timeoutMs: job.policy.timeoutMs,
      digester: this.digester(remote),
      progress: (done) => this.progress(done, 0),
    }
  }

  private expectedDigests(): ContentDigests {
    if (this.expected === null) throw new TransferError('internal', 'the source was not hashed')
    return this.expected
  }

  private record(fingerprint: Fingerprint): void {
    const { blockSize, blocks } = this.expectedDigests()
    this.ports.recorder.record({ key: this.job.key, source: fingerprint, blockSize, blocks, acknowledged: this.acknowledged })
  }

  private advance(provenBytes: number): void {
    this.mark = Math.max(this.mark, provenBytes)
  }

  private phase(phase: 'connecting' | 'comparing' | 'verifying' | 'transferring' | 'proving' | 'committing', total: number | null): void {
    this.ports.reporter.report({ kind: 'phase', name: this.job.name, phase, total })
  }

  private progress(done: number, reused: number): void {
    this.ports.reporter.report({ kind: 'progress', name: this.job.name, done, reused })
  }

  private note(message: string): void {
    this.ports.reporter.report({ kind: 'note', name: this.job.name, message })
  }
}

function partialPath(path: string, fingerprint: Fingerprint): string {
  return joinPath(directoryName(path), partialName(baseName(path), fingerprintTag(fingerprint)))
}

function keptRanges(plan: TransferPlan, size: number): RangeSet {
  return plan.segments.length === 0 ? rangeSet([{ start: 0, end: size }]) : complementOf(plan.segments, size)
}

function complementOf(segments: RangeSet, size: number): RangeSet {
  const kept: ByteRange[] = []
  let at = 0
  for (const segment of segments) {
    kept.push({ start: at, end: segment.start })
    at = segment.end
  }
  return rangeSet([...kept, { start: at, end: size }])
}
