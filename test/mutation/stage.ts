/** A server in memory that does what it is asked unless a test interferes, and the engine around it with the real disk in a scratch folder. */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import type { JournalEntry } from '../../src/core/journal.ts'
import type { HostEntry } from '../../src/core/journal-hosts.ts'
import { download } from '../../src/engine/download.ts'
import type { DownloadJob } from '../../src/engine/download-session.ts'
import type { EnginePorts, TransferEvent, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import type { LocalTarget } from '../../src/local/local.ts'
import { openSource } from '../../src/local/source.ts'
import { localTarget } from '../../src/local/target.ts'
import type { Body, PositionalResumer, Remote, RemoteFile, Sink, WriteObserver } from '../../src/remotes/remote.ts'

/** The overlap and the samples of a download are 64 KiB: files must be longer for anything to escape them. */
export const BLOCK = 64 * 1024

export type Step = 'stat' | 'read' | 'chunk' | 'create' | 'continue' | 'written' | 'rename' | 'renamed' | 'remove'

export class Server {
  readonly files = new Map<string, Buffer>()
  readonly directories = new Set<string>()
  modifiedAtMs: number | null = 5000
  validator: string | null = null
  /** Called before every effect, and after the last byte of a write and after a rename. What it throws is the answer. */
  before: (step: Step, path: string) => void | Promise<void> = () => {}

  readonly remote: Remote = {
    protocol: 'memory',
    connectionsMax: 1,
    notes: [],
    stat: async (path) => {
      await this.before('stat', path)
      return this.look(path)
    },
    read: (path, range, sink, _options, signal) => this.#read(path, range, sink, signal),
    close: async () => {},
    writer: {
      create: async (path, size, body, observer) => {
        await this.before('create', path)
        this.files.set(path, Buffer.alloc(0))
        await this.#write(path, 0, size, body, observer)
      },
      resumer: async () => this.#resumer,
    },
    tree: {
      replaces: 'atomically',
      rename: async (from, to) => {
        await this.before('rename', from)
        const bytes = this.files.get(from)
        if (bytes === undefined) throw new TransferError('not-found', from)
        this.files.delete(from)
        this.files.set(to, bytes)
        await this.before('renamed', to)
      },
      remove: async (path) => {
        await this.before('remove', path)
        this.files.delete(path)
      },
      makeDirectory: async (path) => void this.directories.add(path),
      list: async () => [...this.files].map(([name, bytes]) => ({ name, kind: 'file' as const, size: bytes.length })),
    },
  }

  readonly #resumer: PositionalResumer = {
    kind: 'positional',
    write: (path, range, body, observer) => this.#write(path, range.start, range.end - range.start, body, observer),
    truncate: async (path, size) => void this.files.set(path, (this.files.get(path) ?? Buffer.alloc(0)).subarray(0, size)),
  }

  look(path: string): RemoteFile | null {
    const { modifiedAtMs, validator } = this
    if (this.directories.has(path)) return { kind: 'directory', size: null, modifiedAtMs, validator: null }
    const bytes = this.files.get(path)
    return bytes === undefined ? null : { kind: 'file', size: bytes.length, modifiedAtMs, validator }
  }

  async #read(path: string, { start, end }: { start: number; end: number }, sink: Sink, signal: AbortSignal): Promise<void> {
    await this.before('read', path)
    for (let at = start; at < end; at += BLOCK / 2) {
      throwIfAborted(signal)
      await this.before('chunk', path)
      const bytes = this.files.get(path) ?? Buffer.alloc(0)
      if (bytes.length < Math.min(end, at + BLOCK / 2)) throw new TransferError('source-changed', 'it is shorter')
      await sink(Buffer.from(bytes.subarray(at, Math.min(end, at + BLOCK / 2))))
    }
  }

  async #write(path: string, start: number, length: number, body: Body, observer: WriteObserver): Promise<void> {
    let at = start
    for await (const chunk of body) {
      await this.before('chunk', path)
      const before = this.files.get(path) ?? Buffer.alloc(0)
      const after = Buffer.alloc(Math.max(before.length, at + chunk.length))
      before.copy(after)
      after.set(chunk, at)
      this.files.set(path, after)
      at += chunk.length
      observer.sent(at - start)
    }
    await this.before('written', path)
    observer.acknowledged(length)
  }
}

const POLICY: TransferPolicy = {
  resume: 'auto',
  verify: 'auto',
  onChange: 'restart',
  publishWithoutRename: 'auto',
  timeoutMs: 1000,
  retries: 2,
}

export interface Wishes {
  readonly policy?: Partial<TransferPolicy>
  readonly remote?: (remote: Remote) => Remote
  readonly checksum?: DownloadJob['checksum']
  readonly target?: (target: LocalTarget) => LocalTarget
  /** In [0, 1): what every throw of dice gives. */
  readonly chance?: number
}

/** One machine and one server; attempts share the journal and what lies on both. */
export class Stage {
  readonly server: Server
  readonly folder: string
  readonly journal = new Map<string, JournalEntry>()
  readonly hosts = new Map<string, HostEntry>()
  #nonces = 0
  #now = 0
  /** Sleeping takes time. */
  ticks = false
  onEvent: (event: TransferEvent) => void = () => {}
  /** What was recorded, one after the other. The promise, where there is one, resolves when the disk has it. */
  onRecord: (entry: JournalEntry) => void | Promise<void> = () => {}

  constructor(t: TestContext, server = new Server()) {
    this.server = server
    this.folder = mkdtempSync(join(tmpdir(), 'resumable-transfer-stage-'))
    t.after(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** What the local file holds, or null. */
  local(name: string): Buffer | null {
    return existsSync(this.path(name)) ? readFileSync(this.path(name)) : null
  }

  /** What a test does takes that long. */
  passes(ms: number): void {
    this.#now += ms
  }

  async upload(name: string, { policy, remote = (same) => same }: Wishes = {}): Promise<TransferResult> {
    const source = await openSource(this.path(name))
    try {
      const supply = { get: async () => remote(this.server.remote) }
      const job = {
        name,
        key: 'aabbccddeeff0011',
        place: '8899aabbccddeeff',
        source,
        remote: supply,
        path: 'out',
        policy: { ...POLICY, ...policy },
      }
      return await upload(job, this.#ports(0.5), new AbortController().signal)
    } finally {
      await source.close()
    }
  }

  download({
    policy,
    remote = (same) => same,
    checksum = null,
    target = (same) => same,
    chance = 0.999,
  }: Wishes = {}): Promise<TransferResult> {
    const supply = { get: async () => remote(this.server.remote) }
    const place = target(localTarget(this.path('out')))
    const job = {
      name: 'file',
      key: 'aabbccddeeff0011',
      target: place,
      remote: supply,
      path: 'in',
      checksum,
      policy: { ...POLICY, ...policy },
    }
    return download(job, this.#ports(chance), new AbortController().signal)
  }

  #ports(chance: number): EnginePorts {
    let keys = 0
    return {
      newNonce: () => {
        this.#nonces += 1
        return String(this.#nonces).padStart(8, '0')
      },
      // Nothing here waits: a pause is over at once and no limit is ever reached.
      clock: {
        nowMs: () => this.#now,
        sleep: async (ms) => {
          if (this.ticks) this.#now += ms
        },
        after: () => () => {},
      },
      random: () => chance,
      newKey: () => {
        keys += 1
        return String(keys).padStart(32, '0')
      },
      reporter: { report: (event) => this.onEvent(event) },
      recorder: {
        entry: (key) => this.journal.get(key) ?? null,
        record: (entry) => {
          this.journal.set(entry.key, entry)
          return this.onRecord(entry)
        },
        forget: (key) => void this.journal.delete(key),
        host: (key) => this.hosts.get(key) ?? null,
        learn: (host) => void this.hosts.set(host.key, host),
      },
      blockSize: () => BLOCK,
    }
  }
}

/** assert.deepEqual would compute a difference for minutes. */
export function holds(actual: Uint8Array | null | undefined, expected: Uint8Array): boolean {
  return actual !== null && actual !== undefined && Buffer.compare(actual, expected) === 0
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A copy with one bit changed. */
export function flipped(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
