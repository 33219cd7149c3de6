/** One file from a server: identify the source, keep what is provably of it, fetch the rest, prove the whole, publish by rename. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import { blockCount, type Fingerprint, fingerprintTag, sameFingerprint } from '../core/fingerprint.ts'
import { type ByteRange, EMPTY, missing, prefixLength, type RangeSet, rangeSet, totalBytes, union } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { LocalPartial, LocalTarget } from '../local/local.ts'
import type { DigestAlgorithm, ReadOptions, Remote, RemoteFile } from '../remotes/remote.ts'
import { BlockAssembler, type BlockWritten } from './assembler.ts'
import { watched } from './exchange.ts'
import { failedOutcome, type Outcome } from './outcome.ts'
import { keepableBlocks } from './plan.ts'
import type { EnginePorts, Phase, ProofLevel, RemoteSupply, TransferPolicy, TransferResult } from './ports.ts'
import { persevere } from './scheduler.ts'

export interface DownloadJob {
  readonly name: string
  readonly key: string
  readonly target: LocalTarget
  readonly remote: RemoteSupply
  readonly path: string
  readonly policy: TransferPolicy
  /** What the user says the file's digest is. */
  readonly checksum: { readonly algorithm: DigestAlgorithm; readonly hex: string } | null
}

/** Bytes before the place of continuation that are fetched again and compared. */
const OVERLAP_BYTES = 64 * 1024
/** With size and date only (`hint`), this many more places of what is kept are compared, chosen by chance. */
const SAMPLES = 3
const RECORD_BYTES = 8 * 1024 * 1024
/** A server that hashes slower than this is no faster than reading. */
const DIGEST_BYTES_PER_MS = 5_000

/** Never rejects with a TransferError: how it failed is part of the result. */
export async function download(job: DownloadJob, ports: EnginePorts, signal: AbortSignal): Promise<TransferResult> {
  const started = ports.clock.nowMs()
  const run = new DownloadRun(job, ports)
  ports.reporter.report({ kind: 'started', name: job.name, size: null })
  try {
    const outcome = await run.toTheEnd(signal).catch(failedOutcome)
    const result: TransferResult = {
      name: job.name,
      size: run.size,
      bytesTransferred: run.receivedBytes,
      bytesReused: outcome.status === 'unchanged' ? (run.size ?? 0) : run.resumedFrom,
      resumedFrom: run.resumedFrom,
      durationMs: ports.clock.nowMs() - started,
      ...outcome,
    }
    ports.reporter.report({ kind: 'finished', name: job.name, result })
    return result
  } finally {
    await run.close()
  }
}

/** The identity of what the server holds now. `fingerprint` is null when the server does not tell a size. */
interface Identified {
  readonly file: RemoteFile
  readonly fingerprint: Fingerprint | null
}

class DownloadRun {
  receivedBytes = 0
  resumedFrom = 0
  size: number | null = null
  private readonly job: DownloadJob
  private readonly ports: EnginePorts
  private fingerprint: Fingerprint | null = null
  private partial: LocalPartial | null = null
  private tag = ''
  private acknowledged: RangeSet = EMPTY
  private blocks: (string | null)[] = []
  private rangesWork = true
  private planned = false
  private mark = 0
  private unrecorded = 0

  constructor(job: DownloadJob, ports: EnginePorts) {
    this.job = job
    this.ports = ports
  }

  toTheEnd(signal: AbortSignal): Promise<Outcome> {
    const { job, ports } = this
    return persevere(
      {
        clock: ports.clock,
        random: ports.random,
        policy: job.policy,
        progressMark: () => this.mark,
        retrying: (error, delayMs, failuresLeft) =>
          ports.reporter.report({ kind: 'retrying', name: job.name, message: error.message, delayMs, failuresLeft }),
        restart: (error) => this.restart(error),
        downgrade: (error) => {
          if (!this.rangesWork) return false
          this.rangesWork = false
          this.note(`continuing does not work on this server (${error.message}); fetching the whole file`)
          return true
        },
      },
      signal,
      () => this.attempt(signal),
    )
  }

  async close(): Promise<void> {
    await this.partial?.close()
    this.partial = null
  }

  /** What was kept belongs to an older version: never blend, begin again. */
  private async restart(error: TransferError): Promise<void> {
    if (this.job.policy.onChange === 'fail') throw error
    this.note(`the source changed (${error.message}); starting over with the new version`)
    await this.discard()
  }

  private async discard(): Promise<void> {
    await this.close()
    if (this.tag !== '') await this.job.target.removePartial(this.tag)
    this.ports.recorder.forget(this.job.key)
    this.fingerprint = null
    this.acknowledged = EMPTY
    this.planned = false
    this.resumedFrom = 0
  }

  private async attempt(signal: AbortSignal): Promise<Outcome> {
    const { job } = this
    this.phase('connecting', null)
    const remote = await job.remote.get(signal)
    const { file, fingerprint } = await this.identify(remote, signal)
    this.size = file.size
    if (!this.planned && (await this.isPresent(remote, file, signal))) return this.present(remote, signal)
    const partial = await this.openPartial(fingerprint)
    await this.keep(remote, partial, fingerprint, signal)
    await this.fetch(remote, partial, file, signal)
    await this.confirmIdentity(remote, fingerprint, signal)
    const outcome = await this.prove(remote, partial, signal)
    this.phase('committing', null)
    await partial.sync()
    await this.close()
    await job.target.commit(this.tag)
    this.ports.recorder.forget(job.key)
    return outcome
  }

  private async identify(remote: Remote, signal: AbortSignal): Promise<Identified> {
    const { job } = this
    const file = await this.guarded('looking at the source', signal, (s) => remote.stat(job.path, s))
    if (file === null) throw new TransferError('not-found', `the server has no such file: ${job.name}`)
    if (file.kind !== 'file') {
      throw new TransferError('invalid-input', `the source is no plain file: ${job.name}`, {
        hint: 'This release moves single files; name each file.',
      })
    }
    const fingerprint = fingerprintOf(file)
    const known = this.fingerprint ?? this.ports.recorder.entry(job.key)?.source ?? null
    if (known !== null && identifies(known) && (fingerprint === null || !sameFingerprint(known, fingerprint))) {
      if (this.fingerprint === null) this.tag = fingerprintTag(known)
      throw new TransferError('source-changed', 'it is not the file whose download was begun', {
        hint: 'Set `on-change: restart` to fetch the new version.',
      })
    }
    return { file, fingerprint }
  }

  /** Whether the final name holds the file already; asked only where the answer costs no second transfer. */
  private async isPresent(remote: Remote, file: RemoteFile, signal: AbortSignal): Promise<boolean> {
    const { target, checksum, policy, path } = this.job
    const finalSize = await target.finalSize()
    if (finalSize === null || finalSize !== file.size || policy.resume === 'never') return false
    if (checksum !== null) return (await target.digestFinal(checksum.algorithm, signal)) === checksum.hex
    const { digester } = remote
    if (digester === undefined || policy.verify === 'size' || finalSize === 0) return false
    this.phase('comparing', finalSize)
    const theirs = await this.serverDigest(remote, path, finalSize, signal)
    return theirs !== null && theirs === (await target.digestFinal(digester.algorithm, signal))
  }

  private async present(remote: Remote, signal: AbortSignal): Promise<Outcome> {
    const { job } = this
    this.ports.recorder.forget(job.key)
    const detail = job.checksum !== null ? `${job.checksum.algorithm} as given` : `${remote.digester?.algorithm ?? ''} by the server`
    return { status: 'unchanged', proof: 'digest', proofDetail: detail, digest: `sha256:${await job.target.digestFinal('sha256', signal)}` }
  }

  private async openPartial(fingerprint: Fingerprint | null): Promise<LocalPartial> {
    if (this.partial !== null) return this.partial
    this.fingerprint = fingerprint
    this.tag = fingerprint === null ? fingerprintTag({ strength: 'hint', size: 0, modifiedAtMs: null }) : fingerprintTag(fingerprint)
    this.blocks =
      fingerprint === null ? [] : new Array<null>(blockCount(fingerprint.size, this.ports.blockSize(fingerprint.size))).fill(null)
    this.partial = await this.job.target.openPartial(this.tag)
    return this.partial
  }

  /** Decides what of the local partial stays, and proves it against the server as far as the server allows. */
  private async keep(remote: Remote, partial: LocalPartial, fingerprint: Fingerprint | null, signal: AbortSignal): Promise<void> {
    const { job } = this
    const resumable =
      fingerprint !== null &&
      this.rangesWork &&
      job.policy.resume === 'auto' &&
      !(fingerprint.strength === 'hint' && fingerprint.modifiedAtMs === null)
    if (!resumable) this.acknowledged = EMPTY
    else if (!this.planned) this.acknowledged = await this.intactBlocks(partial, fingerprint, signal)
    const size = await partial.size()
    if (totalBytes(this.acknowledged) === 0 && size > 0) await partial.truncate(0)
    else if (fingerprint !== null && size > fingerprint.size) await partial.truncate(fingerprint.size)
    if (totalBytes(this.acknowledged) > 0 && fingerprint !== null) await this.compareSamples(remote, partial, fingerprint, signal)
    this.advance()
    if (this.planned) return
    this.planned = true
    this.resumedFrom = totalBytes(this.acknowledged)
    const togo = fingerprint === null ? null : fingerprint.size - this.resumedFrom
    const decision =
      this.resumedFrom > 0 && togo !== null
        ? `continuing with ${formatBytes(this.resumedFrom)} in place, ${formatBytes(togo)} to go`
        : 'starting from the beginning'
    this.ports.reporter.report({ kind: 'planned', name: job.name, decision })
  }

  /** Blocks of the partial that still have the digest which this machine's journal recorded when they were received. */
  private async intactBlocks(partial: LocalPartial, fingerprint: Fingerprint, signal: AbortSignal): Promise<RangeSet> {
    const blockSize = this.ports.blockSize(fingerprint.size)
    const blocks = keepableBlocks(this.ports.recorder.entry(this.job.key), fingerprint, blockSize, await partial.size())
    if (blocks.length > 0) this.phase('verifying', blocks.length * blockSize)
    const intact: ByteRange[] = []
    for (const { index, range, digest } of blocks) {
      const hash = createHash('sha256')
      await partial.read(range, (chunk) => void hash.update(chunk), signal)
      if (hash.digest('hex') !== digest) continue
      this.blocks[index] = digest
      intact.push(range)
      this.progress(range.end, 0)
    }
    return rangeSet(intact)
  }

  private async compareSamples(remote: Remote, partial: LocalPartial, fingerprint: Fingerprint, signal: AbortSignal): Promise<void> {
    const kept = this.acknowledged
    const last = kept.at(-1)
    if (last === undefined) return
    const windows = [{ start: Math.max(last.start, last.end - OVERLAP_BYTES), end: last.end }]
    for (let i = 0; fingerprint.strength === 'hint' && i < SAMPLES; i += 1) {
      const range = kept[Math.floor(this.ports.random() * kept.length)] ?? last
      const start = range.start + Math.floor(this.ports.random() * Math.max(1, range.end - range.start - OVERLAP_BYTES))
      windows.push({ start, end: Math.min(range.end, start + OVERLAP_BYTES) })
    }
    for (const window of windows) {
      const ours = createHash('sha256')
      const theirs = createHash('sha256')
      await partial.read(window, (chunk) => void ours.update(chunk), signal)
      await this.read(remote, window, fingerprint, (chunk) => void theirs.update(chunk), signal)
      if (ours.digest('hex') !== theirs.digest('hex'))
        throw new TransferError('source-changed', `bytes ${window.start} to ${window.end} differ from the partial`)
    }
  }

  private async fetch(remote: Remote, partial: LocalPartial, file: RemoteFile, signal: AbortSignal): Promise<void> {
    const { fingerprint } = this
    this.phase('transferring', file.size)
    const segments = file.size === null ? [{ start: 0, end: Number.POSITIVE_INFINITY }] : missing(this.acknowledged, file.size)
    const blockSize = this.ports.blockSize(file.size ?? 0)
    for (const segment of segments) {
      const reused = totalBytes(this.acknowledged)
      const receivedBefore = this.receivedBytes
      const assembler = new BlockAssembler(partial, blockSize, segment.start, (block) => this.written(block))
      try {
        await this.read(
          remote,
          segment,
          fingerprint,
          (chunk) => {
            const result = assembler.push(chunk)
            this.receivedBytes = receivedBefore + assembler.position - segment.start
            this.progress(reused + assembler.position - segment.start, this.resumedFrom)
            return result
          },
          signal,
        )
        await assembler.finish()
        if (file.size === null) this.size = assembler.position
      } finally {
        await assembler.drain()
        this.record()
      }
    }
    if (this.size === null) throw new TransferError('internal', 'a download without a length')
    const length = await partial.size()
    if (length !== this.size) throw new TransferError('integrity', `the partial holds ${length} instead of ${this.size} bytes`)
  }

  private written(block: BlockWritten): void {
    this.acknowledged = union(this.acknowledged, [block.range])
    this.blocks[block.index] = block.sha256
    this.partial?.settled(prefixLength(this.acknowledged))
    this.advance()
    this.unrecorded += block.range.end - block.range.start
    if (this.unrecorded >= RECORD_BYTES) this.record()
  }

  private record(): void {
    if (this.fingerprint === null) return
    this.unrecorded = 0
    const blockSize = this.ports.blockSize(this.fingerprint.size)
    const { fingerprint: source, acknowledged } = this
    this.ports.recorder.record({ key: this.job.key, source, blockSize, blocks: [...this.blocks], acknowledged })
  }

  /** The file may have been rewritten while it was read: same connection, same length, mixed bytes, no error anywhere (protocols.md, trap 27). */
  private async confirmIdentity(remote: Remote, fingerprint: Fingerprint | null, signal: AbortSignal): Promise<void> {
    const now = await this.guarded('looking at the source again', signal, (s) => remote.stat(this.job.path, s))
    const identity = now === null ? null : fingerprintOf(now)
    const unknowable = fingerprint?.strength === 'hint' && fingerprint.modifiedAtMs === null
    const same =
      fingerprint === null || unknowable
        ? now !== null && (now.size === null || now.size === this.size)
        : identity !== null && sameFingerprint(identity, fingerprint)
    if (!same) throw new TransferError('source-changed', 'the file was changed on the server while it was read')
  }

  private async prove(remote: Remote, partial: LocalPartial, signal: AbortSignal): Promise<Outcome> {
    const { job } = this
    const size = this.size ?? 0
    const done = async (proof: ProofLevel, proofDetail: string): Promise<Outcome> => {
      return { status: 'complete', proof, proofDetail, digest: `sha256:${await partial.digest('sha256', signal)}` }
    }
    if (job.checksum !== null) {
      const { algorithm, hex } = job.checksum
      this.phase('proving', size)
      const ours = await partial.digest(algorithm, signal)
      if (ours !== hex) return this.mismatch(`${algorithm} of the downloaded file is ${ours}, expected ${hex}`)
      return done('digest', `${algorithm} as given`)
    }
    if (job.policy.verify === 'size' || size === 0) return done('size', 'size')
    const { digester } = remote
    const strong = digester !== undefined && !(job.policy.verify === 'full' && digester.algorithm === 'crc32')
    if (digester !== undefined && strong) {
      this.phase('proving', size)
      const theirs = await this.serverDigest(remote, job.path, size, signal)
      if (theirs !== null) {
        const ours = await partial.digest(digester.algorithm, signal)
        if (ours !== theirs) return this.mismatch(`${digester.algorithm} of the downloaded file differs from the server's`)
        return done('digest', `${digester.algorithm} by the server`)
      }
    }
    if (job.policy.verify === 'auto') return done('size', 'size')
    this.phase('proving', size)
    const theirs = createHash('sha256')
    await this.read(remote, { start: 0, end: size }, this.fingerprint, (chunk) => void theirs.update(chunk), signal)
    if (theirs.digest('hex') !== (await partial.digest('sha256', signal)))
      return this.mismatch('reading the file a second time gave other bytes')
    return done('read-back', 'read a second time and compared')
  }

  /** Nothing of this partial can be believed any more; the scheduler decides whether to fetch again. */
  private async mismatch(message: string): Promise<never> {
    await this.discard()
    throw new TransferError('integrity', message, { hint: 'Nothing was published under the final name.' })
  }

  private async serverDigest(remote: Remote, path: string, size: number, signal: AbortSignal): Promise<string | null> {
    const { digester } = remote
    if (digester === undefined) return null
    const options = { clock: this.ports.clock, timeoutMs: this.job.policy.timeoutMs, bytes: 0, what: 'the server computes a digest' }
    try {
      return await watched({ ...options, allowanceMs: size / DIGEST_BYTES_PER_MS }, signal, (s) =>
        digester.digest(path, { start: 0, end: size }, s),
      )
    } catch (error) {
      if (error instanceof TransferError && error.kind === 'unsupported') return null
      throw error
    }
  }

  private read(
    remote: Remote,
    range: ByteRange,
    fingerprint: Fingerprint | null,
    sink: (chunk: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const options: ReadOptions = fingerprint?.strength === 'validator' ? { validator: fingerprint.validator } : {}
    const bytes = range.end - range.start
    return watched({ clock: this.ports.clock, timeoutMs: this.job.policy.timeoutMs, bytes, what: 'receiving' }, signal, (s, watch) => {
      let moved = 0
      const counted = (chunk: Uint8Array): void | Promise<void> => {
        moved += chunk.length
        watch.moved(moved)
        return sink(chunk)
      }
      return remote.read(this.job.path, range, counted, options, s)
    })
  }

  private guarded<T>(what: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return watched({ clock: this.ports.clock, timeoutMs: this.job.policy.timeoutMs * 2, bytes: 0, what }, signal, run)
  }

  private advance(): void {
    this.mark = Math.max(this.mark, totalBytes(this.acknowledged))
  }

  private phase(phase: Phase, total: number | null): void {
    this.ports.reporter.report({ kind: 'phase', name: this.job.name, phase, total })
  }

  private progress(done: number, reused: number): void {
    this.ports.reporter.report({ kind: 'progress', name: this.job.name, done, reused })
  }

  private note(message: string): void {
    this.ports.reporter.report({ kind: 'note', name: this.job.name, message })
  }
}

/** Whether two looks at the source could tell that it changed. */
function identifies(fingerprint: Fingerprint): boolean {
  return fingerprint.strength === 'validator' || (fingerprint.strength === 'hint' && fingerprint.modifiedAtMs !== null)
}

function fingerprintOf(file: RemoteFile): Fingerprint | null {
  if (file.size === null) return null
  if (file.validator !== null) return { strength: 'validator', size: file.size, validator: file.validator }
  return { strength: 'hint', size: file.size, modifiedAtMs: file.modifiedAtMs }
}
