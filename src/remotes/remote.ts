/**
 * What the engine knows of a server. A protocol is one folder that opens a `Remote`; everything a server may lack is an optional facet,
 * so that an impossible combination does not compile. The contract below is held by test/contract/remote-contract.ts on every real server.
 *
 * For every method:
 * - It rejects with a TransferError whose kind says what happened (the folder's errors.ts maps what the server said), or with the signal's
 *   reason once the signal aborts. After an abort it settles within a second even when the server is silent, and it starts nothing new.
 * - It never retries; it performs one exchange. An exchange that did not end cleanly retires its connection, and the next call connects anew.
 * - It may be called again after any failure except `untrusted` and `denied`. Calls on one Remote may overlap up to `connectionsMax`.
 * - Paths are what `Protocol.locate` made; they hold no CR, LF or NUL.
 */
import type { TransferError } from '../core/errors.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { Proxies } from './proxies.ts'

export interface RemoteFile {
  readonly kind: 'file' | 'directory' | 'other'
  /** In bytes; null when the server does not tell (HTTP without a length). */
  readonly size: number | null
  /** Null also in downloads while it is younger than two seconds by the server's clock: the file may be written again within the same time. */
  readonly modifiedAtMs: number | null
  /** Such a young time. Another one is a change, an equal one proves nothing. */
  readonly youngAtMs?: number
  /** A validator of the content (HTTP's strong ETag, unless it is made of time and size); null elsewhere. */
  readonly validator: string | null
  /** An ETag that says nothing about the content: weak, or made of time and size. A changed one is a change; an equal one proves nothing. */
  readonly etag?: string
  /** Permission bits (0o7777), where the server tells them. */
  readonly mode?: number
}

/** Takes the bytes in order. A chunk may be reused as soon as the sink has returned or its promise has settled; a promise is back-pressure. */
export type Sink = (chunk: Uint8Array) => void | Promise<void>

/**
 * Bytes to send, in order, any chunk sizes. A chunk stays valid and unchanged until 10 MiB of later bytes have been taken, so a remote must not have more than that
 * on its way. It must drain the body or call its `return()`.
 */
export type Body = AsyncIterable<Uint8Array>

export interface ReadOptions {
  /** Reject with `source-changed` unless the file still has this validator or `etag`. Only given when `stat` told one. */
  readonly validator?: string
  /** The size that the file is taken to have. Reject with `source-changed` where it shows that it has another, above all when it goes on behind this end. */
  readonly size?: number
  /** Ask the server itself, past every cache on the way: what is compared must not be the copy that it is compared with. */
  readonly pastCaches?: boolean
  /** A digest from elsewhere will be compared: labels and a missing length need not vouch for the bytes. */
  readonly checked?: boolean
}

/** Told while bytes travel. Counts are of this exchange and only grow. */
export interface WriteObserver {
  /** Bytes handed to the network: for progress and stall detection only. */
  sent(total: number): void
  /** Bytes from the start of the exchange, without a gap, that the server confirmed to have stored. */
  acknowledged(total: number): void
}

/** Continues a partial file at its end. */
export interface AppendResumer {
  readonly kind: 'append'
  /**
   * Appends `body` (exactly `length` bytes) to a file of exactly `offset` bytes. Rejects with `offset-conflict`, changing nothing, when the file has
   * another size. Resolves once the server has confirmed and the file's size is `offset + length`.
   */
  append(path: string, offset: number, length: number, body: Body, observer: WriteObserver, signal: AbortSignal): Promise<void>
  /**
   * Present where the server writes at an offset below the file's size and leaves what is before it alone: the file ends with
   * at least `offset + length` bytes, those before `offset` unchanged.
   */
  readonly rewind?: (
    path: string,
    offset: number,
    length: number,
    body: Body,
    observer: WriteObserver,
    signal: AbortSignal,
  ) => Promise<void>
}

/** Writes anywhere in an existing file and leaves the rest of it alone. */
export interface PositionalResumer {
  readonly kind: 'positional'
  /** Writes exactly `range`. The file must exist. It is never truncated. */
  write(path: string, range: ByteRange, body: Body, observer: WriteObserver, signal: AbortSignal): Promise<void>
  truncate(path: string, size: number, signal: AbortSignal): Promise<void>
}

export type Resumer = AppendResumer | PositionalResumer

export interface Writer {
  /**
   * Makes a new file and sends `body`, exactly `size` bytes. What stands under `path` is removed first, never written into: somebody may have it open, or it may
   * be a link to another file. Resolves once the server has confirmed and does not tell another size than `size`: a look that is refused, or that finds nothing,
   * takes nothing back. Resolves without having acknowledged all of it when the server took the bytes and did not say that they are stored (HTTP 202).
   */
  create(path: string, size: number, body: Body, observer: WriteObserver, signal: AbortSignal): Promise<void>
  /**
   * How a partial in `directory` can be continued on this server, or null when it can only take whole files. What cannot be known otherwise is
   * found out with a scratch file of a few bytes, removed afterwards; the partial itself is not touched. The answer is kept for the session.
   */
  resumer(directory: string, signal: AbortSignal): Promise<Resumer | null>
}

export interface TreeEntry {
  readonly name: string
  /** `unknown`: the server does not say. Never to be overwritten or removed on the strength of the listing. */
  readonly kind: 'file' | 'directory' | 'other' | 'unknown'
  readonly size: number | null
  /** The name could not be decoded, so that no request can name the entry. */
  readonly garbled?: true
}

export interface Tree {
  /**
   * What `rename` does about a file that has the new name: puts `from` in its place in one step; has the server remove it just before (WebDAV);
   * or is refused (SFTP without posix-rename).
   */
  readonly replaces: 'atomically' | 'after-delete' | 'never'
  /**
   * Gives a file another name. Rejects with `not-found` when there is no `from`, with `refused`, `conflict` or `unsupported` when the server will not, and has
   * then changed nothing. It never removes a file by itself: what becomes of the file under `to` is for the caller to decide.
   */
  rename(from: string, to: string, signal: AbortSignal): Promise<void>
  /**
   * Has the server copy the whole file to a new name. Rejects as `rename` does; what it left under `to` then is for the caller to remove. Absent where the server
   * cannot. `size` is the file's, for the time that it may take.
   */
  copy?(from: string, to: string, size: number, signal: AbortSignal): Promise<void>
  /** Removes a file; a missing one is no error. */
  remove(path: string, signal: AbortSignal): Promise<void>
  /**
   * What the server says, where the account may neither rename nor remove anything in `directory`; null where it may, or where only a file would tell. Makes
   * nothing. Absent where an answer does not tell a right that is missing from a file that is (FTP, WebDAV).
   */
  mayNeither?(directory: string, signal: AbortSignal): Promise<TransferError | null>
  /** Makes a directory and its missing parents; an existing one is no error. */
  makeDirectory(path: string, signal: AbortSignal): Promise<void>
  /** Sets the permission bits (0o7777) of a file. Rejects as `rename` does. Absent where the server cannot. */
  setMode?(path: string, mode: number, signal: AbortSignal): Promise<void>
  /** Those of a file of which `stat` does not tell them; null where nothing does. Rejects where it is no use to know them, once. Absent where `stat` tells all. */
  modeOf?(path: string, signal: AbortSignal): Promise<number | null>
  /** Whether `path` itself is a link; false when the server does not tell. Absent where nothing can tell (HTTP). */
  isLink?(path: string, signal: AbortSignal): Promise<boolean>
  /** Entries of a directory without `.` and `..`, names unchecked. Rejects with `limit` beyond 100,000 entries. */
  list(path: string, signal: AbortSignal): Promise<readonly TreeEntry[]>
}

export type DigestAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5' | 'crc32'

/** Digests that the server computes of what it has stored. */
export interface Digester {
  /** The strongest the server has. */
  readonly algorithm: DigestAlgorithm
  /** `any`: every range; `prefix`: ranges that start at 0; `whole`: only the whole file. */
  readonly ranges: 'any' | 'prefix' | 'whole'
  /** Lowercase hex. `range.end` is at most the file's size. Rejects with `unsupported` when the server turns out not to do it. */
  digest(path: string, range: ByteRange, signal: AbortSignal): Promise<string>
}

export interface Remote {
  readonly protocol: string
  /** How many exchanges may run at once. */
  readonly connectionsMax: number
  /** What a person should know about this server: a downgrade, a missing extension. For the log and the summary. */
  readonly notes: readonly string[]
  /** A look is a reading (HTTP): what it does not find cannot be read either. Elsewhere names may be hidden from looks. */
  readonly looksByReading?: true
  /**
   * Missing is null, not an error; so is an answer that means nothing else here. Rejects with `refused`, `denied` or `unsupported` when the server does not tell after
   * every way of asking was tried: the caller goes on without knowing. A way that was refused is not tried again in this session. Follows links.
   */
  stat(path: string, signal: AbortSignal): Promise<RemoteFile | null>
  /**
   * Delivers exactly the bytes of `range` to `sink`, or rejects. Never resolves short: `transient` when the connection ended early, `source-changed` when the
   * file has fewer bytes, `unsupported` when the server cannot start at `range.start`. `end` may be Infinity when the size is unknown.
   */
  read(path: string, range: ByteRange, sink: Sink, options: ReadOptions, signal: AbortSignal): Promise<void>
  /** Ends everything. Idempotent; never rejects; bounded. Calls after it reject. */
  close(): Promise<void>
  readonly writer?: Writer
  readonly tree?: Tree
  /** May go in the course of a session, once it has turned out not to work. */
  readonly digester?: Digester | undefined
}

/** A server on which files can be renamed, listed and removed. */
export type TreeRemote = Remote & { readonly tree: Tree }

export function hasTree(remote: Remote): remote is TreeRemote {
  return remote.tree !== undefined
}

/** What a protocol folder needs from outside. */
export interface RemotePorts {
  /**
   * No byte for this long ends an exchange with `transient`. Connecting and logging in as a whole are bounded by it too. Once a request that changes something is sent,
   * the server's last word may take longer: the caller's clock is the outer one.
   */
  readonly timeoutMs: number
  /** Which way the files of this step go: what is looked at in an upload is evidence, and is asked of the server itself. */
  readonly direction: 'upload' | 'download'
  /** Whether the account's own shell may be asked for digests (SFTP). */
  readonly shellDigests?: boolean
  /**
   * Hides what is secret in foreign text, and every piece of eight characters of it. To be applied where such text enters and is for people, before anything is
   * stripped, folded or cut: that may change a secret so that nobody recognises it further up. Not to what is parsed.
   */
  redact(text: string): string
  /** For the protocols that go through proxies. Without it there are none. */
  readonly proxies?: Proxies
  /** To be called before the first byte leaves that tells who we are, a user name included: what is said of credentials after a failure depends on it. */
  presenting?(): void
  /** Protocol dialogue and decisions, for `log-level: verbose`. Never given a secret: the folder leaves it out. Escaped and redacted further up. */
  debug(message: string): void
  /** Something a person should see once. */
  warn(message: string): void
}

/** Who we are and whom we trust, as the inputs say. Each protocol takes what it knows. */
export interface Credentials {
  readonly username?: string
  readonly password?: string
  readonly privateKey?: string
  readonly passphrase?: string
  readonly token?: string
  readonly headers: ReadonlyMap<string, string>
  readonly knownHosts?: string
  /** `SHA256:…` of SSH host keys, or SHA-256 of TLS certificates as hex (with or without colons) or base64. */
  readonly fingerprints: readonly string[]
  readonly tlsCa?: string
  readonly tlsVerify: boolean
}

export interface RemoteUrl {
  readonly url: URL
  /** The path in the protocol's own terms, decoded once. `~`-relative and login-relative forms are the protocol's to resolve. */
  readonly path: string
}

export interface Protocol<Config = unknown> {
  /** With the colon, as in `URL.protocol`. */
  readonly schemes: readonly string[]
  readonly defaultPorts: Readonly<Record<string, number>>
  /** Checks URL and credentials without any connection. Throws one TransferError `invalid-input` that lists every fault, one a line. */
  parse(url: URL, credentials: Credentials): Config
  /** The server path of a URL of this protocol. Throws `invalid-input`. */
  locate(url: URL): string
  /** Connects, authenticates the server first and us second, asks for its features. On a first connection `untrusted` comes before any credential is sent. */
  open(config: Config, ports: RemotePorts, signal: AbortSignal): Promise<Remote>
}
