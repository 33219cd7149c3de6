/** The runner's disk as the engine sees it. Implemented by source.ts and target.ts, and by the simulation. */
import type { ContentDigests } from '../core/fingerprint.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { DigestAlgorithm, Sink } from '../remotes/remote.ts'

export type Progress = (bytesDone: number) => void

/** A file to upload, held open: a path that is replaced meanwhile does not matter. */
export interface LocalSource {
  readonly size: number
  /** Digests of every block, read once. Rejects with `source-changed` when the file shrinks or changes meanwhile. */
  blockDigests(blockSize: number, progress: Progress, signal: AbortSignal): Promise<ContentDigests>
  /**
   * The bytes of `range` in order, after `blockDigests`. Every block they come from is compared with what was hashed there before its bytes are handed out,
   * so that bytes of another version are never sent: `source-changed` otherwise.
   */
  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Digest of a range in the server's algorithm, lowercase hex. A whole-file SHA-256 is begun once and shared by all who ask. */
  digest(range: ByteRange, algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string>
  /** Rejects with `source-changed` when size or change time are no longer those at opening. */
  recheck(): Promise<void>
  close(): Promise<void>
}

/** A download on the local disk, open for reading. */
export interface LocalFile {
  size(): Promise<number>
  read(range: ByteRange, sink: Sink, signal: AbortSignal): Promise<void>
  /** Digest of the whole file as it stands on disk, lowercase hex. One that was computed while the bytes came counts only if nobody else has touched the file. */
  digest(algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string>
  close(): Promise<void>
}

/** A partial, open for writing as well. */
export interface LocalPartial extends LocalFile {
  /** Writes at `position`; resolves when the bytes are with the operating system. Calls may overlap. `bytes` must not change meanwhile. */
  write(position: number, bytes: Uint8Array): Promise<void>
  /** Tells that everything before `end` is final, so that the whole file's SHA-256 can be computed alongside. Only grows, until `truncate`. */
  settled(end: number): void
  truncate(size: number): Promise<void>
  /**
   * Ends the writing and gives the file its final name: everything is on the medium, the partial's name still means this very file, nobody else has written to it
   * since its last own write, and after the rename the final name means it. `conflict` otherwise. The file is closed then.
   */
  publish(): Promise<void>
}

/** Where a download goes: the final name and its directory. */
export interface LocalTarget {
  /** Size of what the final name holds, or null. Rejects with `conflict` when it is a directory. */
  finalSize(): Promise<number | null>
  digestFinal(algorithm: DigestAlgorithm, signal: AbortSignal): Promise<string>
  /** What the final name holds, a plain file. Whoever proves it must not be able to change it. */
  openFinal(): Promise<LocalFile>
  /**
   * Opens the partial of this tag for this process alone, making it and its directory where there is none; refuses links and anything that is no plain file of one
   * name. While another process has it, a new one is made under a name of its own beside it.
   */
  openPartial(tag: string): Promise<LocalPartial>
  /** A missing one is no error. */
  removePartial(tag: string): Promise<void>
}
