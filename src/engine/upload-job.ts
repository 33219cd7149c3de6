import type { ContentDigests } from '../core/fingerprint.ts'
import type { LocalSource } from '../local/local.ts'
import type { RemoteSupply, TransferPolicy } from './ports.ts'

/** One file to a server. */
export interface UploadJob {
  readonly name: string
  /** Sixteen hex digits: this file's entry in the journal. */
  readonly key: string
  /** Sixteen hex digits: the server, the account and the directory, for what the journal remembers of them. */
  readonly place: string
  readonly source: LocalSource
  readonly remote: RemoteSupply
  /** Final name on the server. */
  readonly path: string
  readonly policy: TransferPolicy
  /** Told what the final name holds once it was seen to. */
  placed?(content: ContentDigests): void
}
