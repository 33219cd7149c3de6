import type { TransferError } from '../core/errors.ts'
import type { ContentDigests, Fingerprint } from '../core/fingerprint.ts'
import { contentFingerprint, fingerprintTag, sameFingerprint } from '../core/fingerprint.ts'
import type { JournalEntry } from '../core/journal.ts'
import { type HostEntry, sameHost, unseenHost } from '../core/journal-hosts.ts'
import {
  baseName,
  directoryName,
  joinPath,
  type NameForm,
  type NameShape,
  type Passing,
  partialName,
  partialParts,
  passingName,
  scratchName,
} from '../core/paths.ts'
import { EMPTY, type RangeSet, totalBytes } from '../core/ranges.ts'
import type { Remote, Tree } from '../remotes/remote.ts'
import { isUntold, type Look, showsFile } from './look.ts'
import { Manners } from './manners.ts'
import { Pace } from './pace.ts'
import type { EnginePorts, Previous } from './ports.ts'
import { Session } from './session.ts'
import { TwinSigns } from './twin-signs.ts'
import type { UploadJob } from './upload-job.ts'
import type { ProofContext } from './verify.ts'

/** What was confirmed may show a little later: an index that lags, a cache. So often it is looked for, with a second between. */
const LOOKS_MAX = 5
const LOOK_AGAIN_MS = 1000

/** What one upload knows from attempt to attempt. */
export class UploadSession extends Session {
  readonly job: UploadJob
  readonly expected: ContentDigests
  readonly fingerprint: Fingerprint
  /** What the journal knew of this file when the process began. */
  readonly earlier: JournalEntry | null
  /** Bytes of the file handed to the network, all attempts of this process together. */
  sentBytes = 0
  /** Bytes kept by the first plan; null before it. */
  resumedFrom: number | null = null
  acknowledged: RangeSet = EMPTY
  /** The bytes go to the final name itself, because nothing can be renamed here. */
  direct = false
  /** What the server said to a rename that it refuses for good. */
  cannotRename: TransferError | null = null
  /** Bytes went to the final name itself. */
  wroteDirectly = false
  /** The server took the bytes of the last exchange and did not say that it has stored them. */
  unacknowledged = false
  /** The partial of this process has been there: bytes went to it, or it was claimed. */
  begun = false
  /** A request to make the partial of this process's name has been sent, so that there may be one. */
  owned = false
  /** A rename to the final name was sent: what was there may be gone. */
  renameSent = false
  /** The first look at the final name, or a later one at what was not the source either. */
  finalBefore: Look | null = null
  /** Bytes from the start of the partial that were proven before the last exchange; 0 for a new file. */
  kept = 0
  /** Another process has been seen at work on the same content. */
  contested = false
  readonly twinSigns = new TwinSigns()
  /** What may as well be older was taken for the sign of another run. */
  missedOnce = false
  /** How often the partial of this process was gone while it was written. */
  vanished = 0
  /** The server has been told to append to the partial, or will be. */
  appended = false
  /** What the names look like that this process makes beside the target. */
  shape: NameShape
  /** A file of such a name was made here. */
  shapeWorks = false
  /** Those in which none could be made, with what the server said. */
  readonly refusedShapes = new Map<NameShape, TransferError>()
  /** This process was seen to rename a file here. */
  renames = false
  readonly manners = new Manners()
  /** How a server that breaks down at renames over a file did so. */
  breakdown: TransferError | null = null
  /** False once this server's way of continuing, or its digest, was found not to work. */
  resumerWorks = true
  digesterWorks = true
  /** What became of the file that was under the final name. */
  previous: Previous = { kind: 'unknown' }
  /** Whether there was one before ours; null when nobody could tell. */
  hadFile: boolean | null = null
  /** By the last look at the final name, which has told so, or nothing. */
  nothingThere = false
  finalUntold = false
  /** Permission bits of the file that is to be replaced, by the last look that told them, and of the one that is to replace it. */
  oldMode: number | null = null
  newMode: number | null = null
  /** The server does not set them; how often that failed, and how often it was asked for those of the old file. */
  modeRefused = false
  modeFailures = 0
  modeAsks = 0
  /** Where the old file waits while this process puts the new one in its place. */
  aside: string | null = null
  /** Those left because what stands under the final name is not the new file: first the old one, then what came instead. */
  readonly keptAsides: string[] = []
  /** The server's clock, as the time of a file that this process has just written. */
  serverNowMs: number | null = null
  /** Files of the final name that were set aside, by every listing so far. */
  readonly asidesSeen = new Set<string>()
  /** Partials of other processes that were left alone. */
  readonly left = new Set<string>()
  /** Files of this process that nobody needs any more. */
  readonly spent = new Set<string>()
  /** How fast bytes travel to and from this server. */
  readonly pace: Pace
  /** A second exchange beside the first one was not let in. */
  oneAtATime = false
  /** So many kept bytes were not read back the last time, because sending them again is faster. */
  leftUnread = 0
  /** Bytes of the file that were there, proven in this attempt. */
  reused = 0
  /** `sentBytes` as the attempt's sending began. */
  private sentBefore = 0
  private nonce: string
  private readonly earlierShape: NameShape

  constructor(job: UploadJob, ports: EnginePorts, expected: ContentDigests) {
    super(job.name, job.policy, ports)
    this.job = job
    this.expected = expected
    this.fingerprint = contentFingerprint(expected)
    this.earlier = ports.recorder.entry(job.key)
    this.nonce = ports.newNonce()
    this.pace = new Pace(ports.clock, this.known.sends)
    this.shape = this.known.shape
    this.earlierShape = this.shape
  }

  /** Of this server and directory, by this process or an earlier one. */
  get known(): HostEntry {
    return this.ports.recorder.host(this.job.place) ?? unseenHost(this.job.place)
  }

  learn(seen: Partial<Omit<HostEntry, 'key'>>): void {
    const now = { ...this.known, ...seen }
    if (!sameHost(now, this.known)) this.ports.recorder.learn(now)
  }

  /**
   * Where the bytes go before they are published. No other process ever makes a file of this name, so the file found under it was begun by this process, or was
   * renamed to it by this process.
   */
  get partial(): string {
    const { nonce, appended, shape } = this
    return this.direct ? this.job.path : partialPath(this.job.path, this.fingerprint, nonce, { appended, shape })
  }

  /** What was found under such a name can only be given one that is like it: others may be forbidden here. */
  namedLike(path: string): void {
    const { shape } = partialParts(baseName(this.job.path), baseName(path)) ?? {}
    if (shape !== undefined && !this.owned) this.shape = shape
  }

  /** From here on another name, which nobody has used. */
  renew(): void {
    this.nonce = this.ports.newNonce()
    this.appended = false
    this.begun = false
    this.owned = false
  }

  /** A name beside the target that no other process chooses. */
  passingPath(what: Passing): string {
    const { path } = this.job
    return joinPath(directoryName(path), passingName(baseName(path), this.ports.newNonce(), what, this.shape))
  }

  /** Of a scratch file, and what it is renamed to. */
  scratchPaths(shape: NameShape): readonly [string, string] {
    const { path } = this.job
    const nonce = this.ports.newNonce()
    const pathOf = (renamed: boolean): string => joinPath(directoryName(path), scratchName(baseName(path), nonce, renamed, shape))
    return [pathOf(false), pathOf(true)]
  }

  /** Where the process that wrote the journal had its partial: two places, of which only the first may be taken from a process that may be alive. */
  earlierPartials(): readonly string[] {
    const { earlier, job } = this
    const { nonce } = earlier ?? { nonce: null }
    if (earlier === null || nonce === null) return []
    return [false, true].map((appended) => partialPath(job.path, earlier.source, nonce, { appended, shape: this.earlierShape }))
  }

  /** A look at what is under the final name, for what is said about it later. `ours`: what is there may be the new file. */
  sawFinal(final: Look, ours: boolean): void {
    this.finalBefore ??= final
    if (final.is !== 'unknown' && !ours && !this.wroteDirectly && !this.renameSent) this.hadFile ??= final.is === 'there'
    this.nothingThere = final.is === 'missing'
    this.finalUntold = final.is === 'unknown'
    if (showsFile(final) && !ours && !this.wroteDirectly) this.oldMode = final.file.mode ?? this.oldMode
    if (this.keptAsides[0] !== undefined) this.previous = { kind: 'aside', path: this.keptAsides[0] }
    else if (ours || this.wroteDirectly) this.previous = { kind: 'unknown' }
    else if (this.aside !== null) return
    else if (final.is !== 'missing') this.previous = { kind: final.is === 'there' ? 'untouched' : 'unknown' }
    // Some servers remove the old file before they refuse the rename.
    else this.previous = { kind: this.hadFile === false ? 'none' : 'unknown' }
  }

  /** The new file is in place. */
  replacedFinal(): void {
    this.previous = { kind: this.hadFile === null ? 'unknown' : this.hadFile ? 'replaced' : 'none' }
  }

  /** The process that wrote the journal wrote this content to the final name itself. */
  earlierDirectly(): boolean {
    const { earlier } = this
    return earlier !== null && earlier.nonce === null && sameFingerprint(earlier.source, this.fingerprint)
  }

  stat(remote: Remote, path: string, signal: AbortSignal): Promise<Look> {
    return this.look(remote, path, 'looking at the target', signal)
  }

  /** Looks again for a while, unless it is there already, or is not told. */
  async whenShown(remote: Remote, path: string, isIt: (look: Look) => boolean, signal: AbortSignal): Promise<Look> {
    for (let looks = 1; ; looks += 1) {
      const look = await this.stat(remote, path, signal)
      if (look.is === 'unknown' || isIt(look) || looks >= LOOKS_MAX) return look
      await this.ports.clock.sleep(LOOK_AGAIN_MS, signal)
    }
  }

  /** A server that does not tell shows no link. */
  async isLink({ tree }: Remote, path: string, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.guarded('looking for a link', signal, async (s) => (await tree?.isLink?.(path, s)) ?? false)
    } catch (error) {
      if (!isUntold(error)) throw error
      return false
    }
  }

  remove(tree: Tree, path: string, signal: AbortSignal): Promise<void> {
    return this.guarded(`removing ${baseName(path)}`, signal, (s) => tree.remove(path, s))
  }

  rename(tree: Tree, from: string, to: string, signal: AbortSignal): Promise<void> {
    return this.patient(`renaming ${baseName(from)}`, this.job.source.size, signal, (s) => tree.rename(from, to, s))
  }

  proofContext(remote: Remote, path: string): ProofContext {
    return {
      remote,
      path,
      source: this.job.source,
      expected: this.expected,
      clock: this.ports.clock,
      timeoutMs: this.policy.timeoutMs,
      digester: this.digesterWorks && this.policy.verify !== 'size' ? remote.digester : undefined,
      progress: (done) => this.progress(done),
    }
  }

  /** For the last word on a whole file: `verify: full` does not take a CRC's. */
  wholeProofContext(remote: Remote, path: string): ProofContext {
    const context = this.proofContext(remote, path)
    const weak = this.policy.verify === 'full' && context.digester?.algorithm === 'crc32'
    return weak ? { ...context, digester: undefined } : context
  }

  /** Every byte is proven or acknowledged. */
  get isAcknowledged(): boolean {
    return totalBytes(this.acknowledged) === this.job.source.size
  }

  /** The bytes that are acknowledged from now on, proven ones included. */
  acknowledge(ranges: RangeSet): void {
    this.acknowledged = ranges
    this.advance(totalBytes(ranges))
  }

  begunAttempt(): void {
    this.sentBefore = this.sentBytes
    this.reused = totalBytes(this.acknowledged)
  }

  /** Bytes are on their way. */
  sending(): void {
    this.progress(Math.min(this.expected.size, this.reused + this.sentBytes - this.sentBefore), this.reused)
  }

  record(): void {
    const { blockSize, blocks } = this.expected
    const { acknowledged, fingerprint: source } = this
    const nonce = this.direct ? null : this.nonce
    this.ports.recorder.record({ key: this.job.key, source, nonce, ended: false, blockSize, checkKey: null, blocks, acknowledged })
  }
}

export function partialPath(path: string, fingerprint: Fingerprint, nonce: string | null, form: NameForm = {}): string {
  return joinPath(directoryName(path), partialName(baseName(path), fingerprintTag(fingerprint), nonce, form))
}
