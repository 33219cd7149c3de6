/** What a step is asked to do, decided wholly from its inputs. Plain data. */
import type { Credentials } from '../remotes/remote.ts'

export type LogLevel = 'minimal' | 'standard' | 'verbose'

/** One file. In an upload `localPath` is the source and `url` the target; in a download the other way round. */
export interface JobEntry {
  /** As typed: relative to the working directory or absolute. */
  readonly localPath: string
  /** The file itself, never a directory. Without userinfo and fragment. */
  readonly url: URL
  /** Short and unique within the job. Unescaped. */
  readonly displayName: string
}

export type ExpectedChecksum =
  | { readonly kind: 'digest'; readonly algorithm: 'sha256' | 'sha512'; readonly hex: string }
  /** A SHA256SUMS file. */
  | { readonly kind: 'sums'; readonly url: URL }

export interface Policy {
  readonly resume: 'auto' | 'never'
  readonly verify: 'auto' | 'full' | 'size'
  readonly onChange: 'restart' | 'fail'
  readonly publishWithoutRename: 'auto' | 'always' | 'never'
  readonly serverDigests: 'auto' | 'never'
  /** Only in downloads. `digest` only for a single file. */
  readonly checksum: ExpectedChecksum | null
}

export type StateKind = 'auto' | 'cache' | 'tool-cache' | 'none'

export type StatePlace =
  | { readonly kind: StateKind; readonly name: string }
  | { readonly kind: 'directory'; readonly directory: string; readonly name: string }

export interface Job {
  readonly direction: 'upload' | 'download'
  /** At least one. */
  readonly entries: readonly JobEntry[]
  /** Belong to the one origin that the entries name, whenever there is anything secret among them. */
  readonly credentials: Credentials
  readonly policy: Policy
  readonly pace: { readonly timeoutMs: number; readonly retries: number }
  readonly state: StatePlace
  readonly logLevel: LogLevel
  readonly summary: boolean
  readonly matrix: string
  /** For the log and the summary. */
  readonly warnings: readonly string[]
}

/** A URL for people: no userinfo, no query (it may hold a signature). */
export function displayUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

/** `from → to`, so that a wrong target (an unset variable in a path) is seen at the top of the log. */
export function describeEntry(job: Job, entry: JobEntry): string {
  const remote = displayUrl(entry.url)
  return job.direction === 'upload' ? `${entry.localPath} → ${remote}` : `${remote} → ${entry.localPath}`
}
