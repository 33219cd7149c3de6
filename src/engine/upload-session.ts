import type { ContentDigests, Fingerprint } from '../core/fingerprint.ts'
import { contentFingerprint, fingerprintTag } from '../core/fingerprint.ts'
import { baseName, directoryName, joinPath, partialName } from '../core/paths.ts'
import { EMPTY, type RangeSet, totalBytes } from '../core/ranges.ts'
import type { LocalSource } from '../local/local.ts'
import type { Remote, RemoteFile, Tree } from '../remotes/remote.ts'
import type { EnginePorts, RemoteSupply, TransferPolicy } from './ports.ts'
import { Session } from './session.ts'
import type { ProofContext } from './verify.ts'

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

/** What one upload knows from attempt to attempt. */
export class UploadSession extends Session {
  readonly job: UploadJob
  readonly expected: ContentDigests
  readonly fingerprint: Fingerprint
  /** Bytes of the file handed to the network, all attempts of this process together. */
  sentBytes = 0
  /** Bytes kept by the first plan; null before it. */
  resumedFrom: number | null = null
  acknowledged: RangeSet = EMPTY
  /** Bytes went to the final name itself. */
  wroteDirectly = false
  /** False once this server's way of continuing, or its digest, was found not to work. */
  resumerWorks = true
  digesterWorks = true

  constructor(job: UploadJob, ports: EnginePorts, expected: ContentDigests) {
    super(job.name, job.policy, ports)
    this.job = job
    this.expected = expected
    this.fingerprint = contentFingerprint(expected)
  }

  /** Where the bytes go before they are published; without renames the final name itself. */
  partial(remote: Remote): string {
    return remote.tree === undefined ? this.job.path : partialPath(this.job.path, this.fingerprint)
  }

  stat(remote: Remote, path: string, signal: AbortSignal): Promise<RemoteFile | null> {
    return this.guarded('looking at the target', signal, (s) => remote.stat(path, s))
  }

  isLink({ tree }: Remote, path: string, signal: AbortSignal): Promise<boolean> {
    return this.guarded('looking for a link', signal, async (s) => (await tree?.isLink?.(path, s)) ?? false)
  }

  remove(tree: Tree, path: string, signal: AbortSignal): Promise<void> {
    return this.guarded(`removing ${baseName(path)}`, signal, (s) => tree.remove(path, s))
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

  /** The bytes that are acknowledged from now on, proven ones included. */
  acknowledge(ranges: RangeSet): void {
    this.acknowledged = ranges
    this.advance(totalBytes(ranges))
  }

  record(): void {
    const { blockSize, blocks } = this.expected
    const { acknowledged, fingerprint: source } = this
    this.ports.recorder.record({ key: this.job.key, source, nonce: null, ended: false, blockSize, checkKey: null, blocks, acknowledged })
  }
}

export function partialPath(path: string, fingerprint: Fingerprint): string {
  return joinPath(directoryName(path), partialName(baseName(path), fingerprintTag(fingerprint)))
}
