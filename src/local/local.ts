/** The runner's disk as the engine sees it. Implemented by source.ts and target.ts, and by the simulation. */
import type { ContentDigests } from '../core/fingerprint.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm, Sink } from '../remotes/remote.ts'

export type Progress = (bytesDone: number) => void

/** A file to upload, held open: a path that is replaced meanwhile does not matter. */
export interface LocalSource {
  readonly size: number
  /** Digests of every block, read once. Rejects with `source-changed` when the file shrinks or changes meanwhile. */
  digests(progress: Progress, signal: AbortSignal): Promise<ContentDigests>
  /**
   * The bytes of `range` in order. Every block that is read whole is compared with `expected` before its bytes are handed out, so that
   * bytes of another version are never sent: `source-changed` otherwise. Partial blocks at the ends are compared by reading the whole block.
   */
  read(range: ByteRange, expected: ContentDigests, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Digest of a range in the server's algorithm, lowercase hex. */
  digest(range: ByteRange, algorithm: DigestAlgorithm, progress: Progress, signal: AbortSignal): Promise<string>
  /** Rejects with `source-changed` when size or change time are no longer those at opening. */
  recheck(): Promise<void>
  close(): Promise<void>
}

/** A partial on the local disk, open for writing. */
export interface LocalPartial {
  readonly size: number
  /** Writes at `position`; resolves when the bytes are with the operating system. May be called again before the last one settled. */
  write(position: number, bytes: Uint8Array): Promise<void>
  /** Digest of a range as it stands in the file, lowercase hex SHA-256. */
  read(range: ByteRange, sink: Sink, signal: AbortSignal): Promise<void>
  truncate(size: number): Promise<void>
  /** Everything written is on the medium. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Where a download goes: the final name and its directory. */
export interface LocalTarget {
  /** Size of what the final name holds, or null. Rejects with `conflict` when it is a directory. */
  finalSize(): Promise<number | null>
  readFinal(range: ByteRange, sink: Sink, signal: AbortSignal): Promise<void>
  /** Opens (creating, never truncating) the partial of this tag; refuses links and anything that is no plain file. */
  openPartial(tag: string): Promise<LocalPartial>
  /** Tags of the partials of this target that lie beside it. */
  partialTags(): Promise<readonly string[]>
  removePartial(tag: string): Promise<void>
  /** Renames the synced partial to the final name and syncs the directory. */
  commit(tag: string): Promise<void>
}
