import { blockCheck } from '../core/block-check.ts'
import { TransferError, throwIfAborted } from '../core/errors.ts'
import { blockCount, type Fingerprint, fingerprintTag, VALIDATOR_LENGTH_MAX } from '../core/fingerprint.ts'
import { type ByteRange, EMPTY, prefixLength, type RangeSet, totalBytes, union } from '../core/ranges.ts'
import type { LocalPartial, LocalTarget } from '../local/local.ts'
import type { DigestAlgorithm, ReadOptions, Remote, RemoteFile, Sink } from '../remotes/remote.ts'
import type { BlockWritten } from './assembler.ts'
import { watched } from './exchange.ts'
import { isUntold, type Look } from './look.ts'
import type { EnginePorts, Previous, RemoteSupply, TransferPolicy } from './ports.ts'
import { Session } from './session.ts'

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

/** How often received blocks go into the journal. The share keeps the writing of journals, which grow with the file, far below the writing of the file. */
const RECORD_BYTES_MAX = 2 * 1024 * 1024
const RECORD_SHARE = 1 / 256
/** So much may be on the disk without the journal's word for it: when the process is killed, it is fetched again. */
const UNSAVED_BYTES_MAX = 4 * RECORD_BYTES_MAX
/** A server that hashes slower than this is no faster than reading. */
const DIGEST_BYTES_PER_MS = 5_000

interface Receiving {
  readonly range: ByteRange
  readonly sink: Sink
  readonly pastCaches: boolean
}

/** What one download knows from attempt to attempt. */
export class DownloadSession extends Session {
  readonly job: DownloadJob
  receivedBytes = 0
  /** Bytes kept by the first plan. */
  resumedFrom = 0
  size: number | null = null
  /** Of the version that the partial belongs to; null before it is known, and when the server does not tell a size. */
  fingerprint: Fingerprint | null = null
  /** Whole blocks in the partial that were received in this process or found intact. */
  acknowledged: RangeSet = EMPTY
  blocks: (string | null)[] = []
  /** False once this server was found not to start in the middle of a file. */
  rangesWork = true
  /** The server does not tell what the source is, or did not at the end. */
  untoldSource = false
  /** Digests of a finished download that were not what they should be. */
  private wrongDigest: string | null = null
  /** The plan was made and told. */
  decided = false
  tag = ''
  /** What became of the file that was under the final name. */
  previous: Previous = { kind: 'unknown' }
  /** Of one look at it. */
  readonly finalDigests = new Map<DigestAlgorithm, string>()
  /** What was written in this process may not be what is on the disk any more: its blocks are looked at again. */
  doubtful = false
  /** Of blocks as they were received; the key lies in this machine's journal, outside the workspace. */
  check: (bytes: Uint8Array) => string = () => ''
  private checkKey = ''
  private partial: LocalPartial | null = null
  private writtenBytes = 0
  private recordedBytes = 0
  private savedBytes = 0
  private saving: void | Promise<void> = undefined

  constructor(job: DownloadJob, ports: EnginePorts) {
    super(job.name, job.policy, ports)
    this.job = job
  }

  /** From here on the attempt is about this version of the source. */
  begin(fingerprint: Fingerprint | null): void {
    this.fingerprint = fingerprint
    this.tag = fingerprintTag(fingerprint ?? { strength: 'hint', size: 0, modifiedAtMs: null, etag: null })
    const count = fingerprint === null ? 0 : blockCount(fingerprint.size, this.ports.blockSize(fingerprint.size))
    this.blocks = new Array<null>(count).fill(null)
    const earlier = this.ports.recorder.entry(this.job.key)
    this.checkKey = earlier?.checkKey ?? this.ports.newKey()
    this.check = blockCheck(this.checkKey)
  }

  async openPartial(fingerprint: Fingerprint | null): Promise<LocalPartial> {
    if (this.partial !== null) return this.partial
    this.begin(fingerprint)
    this.partial = await this.job.target.openPartial(this.tag)
    return this.partial
  }

  /** A partial of a version that nothing identifies can never be continued: it would only lie there, beside the one that can. */
  async end(): Promise<void> {
    const isUseless = this.partial !== null && this.fingerprint === null
    await this.close()
    // How the download went is what counts.
    if (isUseless) await this.job.target.removePartial(this.tag).catch(() => undefined)
  }

  async close(): Promise<void> {
    await this.partial?.close()
    this.partial = null
  }

  /** Gives the finished partial its final name. */
  async publish(): Promise<void> {
    const { previous } = this
    this.previous = { kind: 'unknown' }
    await this.partial?.publish()
    this.partial = null
    this.previous = previous.kind === 'none' ? previous : { kind: 'replaced' }
  }

  /** Each digest of what the final name holds is made once: the one that is told is the one that was compared. */
  async digestFinal(algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string> {
    const known = this.finalDigests.get(algorithm)
    if (known !== undefined) return known
    const digest = await this.job.target.digestFinal(algorithm, signal)
    this.finalDigests.set(algorithm, digest)
    return digest
  }

  /** Forgets the partial and everything known of it. */
  async discard(): Promise<void> {
    await this.close()
    if (this.tag !== '') await this.job.target.removePartial(this.tag)
    this.ports.recorder.forget(this.job.key)
    this.fingerprint = null
    this.acknowledged = EMPTY
    this.restarted()
    this.decided = false
    this.resumedFrom = 0
  }

  written(block: BlockWritten): void {
    this.acknowledged = union(this.acknowledged, [block.range])
    this.blocks[block.index] = block.check
    this.partial?.settled(prefixLength(this.acknowledged))
    this.advance(totalBytes(this.acknowledged))
    this.writtenBytes += block.range.end - block.range.start
    if (this.writtenBytes - this.recordedBytes >= Math.min(RECORD_BYTES_MAX, (this.size ?? 0) * RECORD_SHARE)) this.record()
  }

  /** A promise to wait for when the journal lags behind what is received: a busy machine or a slow disk must not make a kill dear. */
  lag(): void | Promise<void> {
    if (this.writtenBytes - this.savedBytes > UNSAVED_BYTES_MAX) return this.saving
  }

  record(): void {
    if (this.fingerprint === null) return
    const { fingerprint: source, acknowledged, writtenBytes } = this
    this.recordedBytes = writtenBytes
    const saved = (): void => {
      this.savedBytes = writtenBytes
    }
    const entry = {
      key: this.job.key,
      source,
      nonce: null,
      ended: false,
      blockSize: this.ports.blockSize(source.size),
      checkKey: this.checkKey,
      blocks: [...this.blocks],
      acknowledged,
    }
    this.saving = this.ports.recorder.record(entry)?.then(saved)
    if (this.saving === undefined) saved()
  }

  /** Resolves when the disk has the last record. */
  async saved(): Promise<void> {
    await this.saving
  }

  read(remote: Remote, range: ByteRange, sink: Sink, signal: AbortSignal): Promise<void> {
    return this.receive(remote, { range, sink, pastCaches: false }, signal)
  }

  /** For comparing with what was read before: a cache on the way would answer with the same copy again, broken or old. */
  readAgain(remote: Remote, range: ByteRange, sink: Sink, signal: AbortSignal): Promise<void> {
    return this.receive(remote, { range, sink, pastCaches: true }, signal)
  }

  private receive(remote: Remote, { range, sink, pastCaches }: Receiving, signal: AbortSignal): Promise<void> {
    const { fingerprint } = this
    const options: ReadOptions = {
      ...(pastCaches ? { pastCaches } : {}),
      ...(this.job.checksum === null ? {} : { checked: true }),
      ...(fingerprint === null ? {} : { size: fingerprint.size }),
      ...validatorOf(fingerprint),
    }
    const bytes = range.end - range.start
    return watched({ clock: this.ports.clock, timeoutMs: this.policy.timeoutMs, bytes, what: 'receiving' }, signal, async (s, watch) => {
      let moved = 0
      const counted: Sink = (chunk) => {
        // An exchange that was left behind must not write into the partial of the next one.
        throwIfAborted(s)
        moved += chunk.length
        if (moved > bytes) throw new TransferError('protocol', `received more than the ${bytes} bytes asked for`)
        watch.moved(moved)
        return sink(chunk)
      }
      await remote.read(this.job.path, range, counted, options, s)
      // No remote resolves short. If one did, a hole in a partial of full length would pass for the file.
      if (moved < bytes && Number.isFinite(bytes)) throw new TransferError('integrity', `received ${moved} instead of ${bytes} bytes`)
    })
  }

  stat(remote: Remote, signal: AbortSignal): Promise<Look> {
    return this.look(remote, this.job.path, 'looking at the source', signal)
  }

  /** True at the second time in a row: fetching once more gives the same again. */
  isWrongAgain(digest: string): boolean {
    const before = this.wrongDigest
    this.wrongDigest = digest
    return before === digest
  }

  /** The server's digest of the whole file; null when it has none after all, or does not tell it. */
  async serverDigest(remote: Remote, size: number, signal: AbortSignal): Promise<string | null> {
    const { digester } = remote
    if (digester === undefined) return null
    const options = { clock: this.ports.clock, timeoutMs: this.policy.timeoutMs, bytes: 0, what: 'the server computes a digest' }
    try {
      return await watched({ ...options, allowanceMs: size / DIGEST_BYTES_PER_MS }, signal, (s) =>
        digester.digest(this.job.path, { start: 0, end: size }, s),
      )
    } catch (error) {
      if (isUntold(error)) return null
      throw error
    }
  }
}

function validatorOf(fingerprint: Fingerprint | null): Pick<ReadOptions, 'validator'> {
  if (fingerprint?.strength === 'validator') return { validator: fingerprint.validator }
  return fingerprint?.strength === 'hint' && fingerprint.etag !== null ? { validator: fingerprint.etag } : {}
}

export function fingerprintOf(file: RemoteFile): Fingerprint | null {
  if (file.size === null) return null
  const { size, validator, modifiedAtMs } = file
  // What the journal cannot hold identifies nothing: one strange header must not make the whole journal unreadable.
  const holdable = (tag: string | null): tag is string => tag !== null && tag.length > 0 && tag.length <= VALIDATOR_LENGTH_MAX
  if (holdable(validator)) return { strength: 'validator', size, validator }
  const dated = modifiedAtMs !== null && Number.isSafeInteger(modifiedAtMs) && modifiedAtMs >= 0
  const etag = file.etag ?? null
  return { strength: 'hint', size, modifiedAtMs: dated ? modifiedAtMs : null, etag: holdable(etag) ? etag : null }
}
