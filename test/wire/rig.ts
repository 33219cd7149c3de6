/**
 * The engine in this process, over the real remotes, against a real server behind the proxy: an attempt in milliseconds, and faults that strike at a turn of
 * the engine itself. What a runner adds to it is in test/e2e.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/action/clock.ts'
import { remoteSet } from '../../src/action/remotes.ts'
import type { JournalEntry } from '../../src/core/journal.ts'
import type { HostEntry } from '../../src/core/journal-hosts.ts'
import { download } from '../../src/engine/download.ts'
import type { Clock, EnginePorts, TransferEvent, TransferPolicy, TransferResult } from '../../src/engine/ports.ts'
import { upload } from '../../src/engine/upload.ts'
import { openSource } from '../../src/local/source.ts'
import { localTarget } from '../../src/local/target.ts'
import type { Credentials, Remote } from '../../src/remotes/remote.ts'
import type { Site } from '../e2e/sites.ts'

export const BLOCK = 64 * 1024
/** Sixteen blocks, and a last one that is not full. */
export const SIZE = 16 * BLOCK + 40_000
export const NAME = 'wire.bin'
export const KEY = '0011223344556677'
const PLACE = '8899aabbccddeeff'

/** Pauses between tries are kept short; limits of time are real. */
const brisk: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) }

export interface AttemptOptions {
  readonly policy?: Partial<TransferPolicy>
  readonly clock?: Clock
  readonly signal?: AbortSignal
  readonly inputs?: Readonly<Record<string, string>>
  readonly checksum?: string
  readonly shellDigests?: true
  /** Told synchronously: what it plans on the proxy meets the very next byte. */
  readonly on?: (event: TransferEvent) => void
  /** Told before and after each method of the remote, with what it is given: `read`, `writer.create`, `tree.rename`. */
  readonly calls?: (method: string, when: 'before' | 'after', given: readonly unknown[]) => void
}

/** A file on its way between this machine and a server. What is on both sides stays from attempt to attempt. */
export interface Rig {
  readonly site: Site
  readonly bytes: Buffer
  readonly localPath: string
  /** Path of the final name on the server's disk. */
  readonly storedPath: string
  /** The journal of this machine. Cleared, it is another machine. */
  readonly journal: Map<string, JournalEntry>
  upload(options?: AttemptOptions): Promise<TransferResult>
  download(options?: AttemptOptions): Promise<TransferResult>
  stored(): Buffer | null
  received(): Buffer | null
  /** Size of the one partial beside the final name; 0 without one. */
  storedPartial(): number
  /** Paths of partials on both sides. */
  partials(): readonly string[]
}

export interface RigPlace {
  /** Where `site.url('')` leads, below the server's root. */
  readonly folder?: string | undefined
  /** What the file is called on the server. */
  readonly name?: string
}

export function createRig(t: TestContext, site: Site, bytes: Buffer, { folder = '', name: remoteName = NAME }: RigPlace = {}): Rig {
  const local = mkdtempSync(join(tmpdir(), 'rt-wire-'))
  const remoteFolder = join(site.server.root, folder)
  const localPath = join(local, NAME)
  const storedPath = join(remoteFolder, remoteName)
  const url = site.url(encodeURIComponent(remoteName))
  const journal = new Map<string, JournalEntry>()
  t.after(() => {
    rmSync(local, { recursive: true, force: true })
    for (const name of existsSync(remoteFolder) ? readdirSync(remoteFolder) : [])
      if (name.includes(remoteName)) rmSync(join(remoteFolder, name), { force: true })
  })
  const partials = (): readonly string[] =>
    [local, remoteFolder].flatMap((where) =>
      readdirSync(where)
        .filter((name) => name.endsWith('.partial'))
        .map((name) => join(where, name)),
    )
  return {
    site,
    bytes,
    localPath,
    storedPath,
    journal,
    upload: (options = {}) => {
      writeFileSync(localPath, bytes)
      return attempt({ site, url, direction: 'upload', journal }, options, async (ends, ports, signal) => {
        const source = await openSource(localPath)
        try {
          return await upload({ ...ends, source }, ports, signal)
        } finally {
          await source.close()
        }
      })
    },
    download: (options = {}) => {
      const checksum = options.checksum === undefined ? null : { algorithm: 'sha256' as const, hex: options.checksum }
      return attempt({ site, url, direction: 'download', journal }, options, (ends, ports, signal) =>
        download({ ...ends, target: localTarget(localPath), checksum }, ports, signal),
      )
    },
    stored: () => contentOf(storedPath),
    received: () => contentOf(localPath),
    storedPartial: () => Math.max(0, ...partials().map((path) => (path.startsWith(remoteFolder) ? statSync(path).size : 0))),
    partials,
  }
}

/** Puts the file on the server, as if it had been there for a while: Apache and nginx tell a strong ETag only then. */
export function putStored(rig: Rig, bytes: Uint8Array = rig.bytes): void {
  writeFileSync(rig.storedPath, bytes)
  chmodSync(rig.storedPath, 0o666)
}

function contentOf(path: string): Buffer | null {
  return existsSync(path) ? readFileSync(path) : null
}

type Ends = Pick<Parameters<typeof upload>[0], 'name' | 'key' | 'place' | 'remote' | 'path' | 'policy'>

interface Way {
  readonly site: Site
  readonly url: string
  readonly direction: 'upload' | 'download'
  readonly journal: Map<string, JournalEntry>
}

async function attempt(
  { site, url, direction, journal }: Way,
  options: AttemptOptions,
  run: (ends: Ends, ports: EnginePorts, signal: AbortSignal) => Promise<TransferResult>,
): Promise<TransferResult> {
  const policy: TransferPolicy = {
    resume: 'auto',
    verify: 'auto',
    onChange: 'restart',
    publishWithoutRename: 'auto',
    timeoutMs: 10_000,
    retries: 5,
    ...options.policy,
  }
  const quiet = () => undefined
  const remotes = remoteSet(credentialsOf({ ...site.inputs, ...options.inputs }), {
    timeoutMs: policy.timeoutMs,
    direction,
    shellDigests: options.shellDigests === true,
    redact: (text) => text,
    debug: quiet,
    warn: quiet,
  })
  const hosts = new Map<string, HostEntry>()
  const { supply, path } = await remotes.prepare(new URL(url))
  const ports: EnginePorts = {
    clock: options.clock ?? brisk,
    random: () => 0.5,
    newKey: () => randomBytes(16).toString('hex'),
    newNonce: () => randomBytes(4).toString('hex'),
    reporter: { report: (event) => options.on?.(event) },
    recorder: {
      entry: (key) => journal.get(key) ?? null,
      record: (entry) => void journal.set(entry.key, entry),
      forget: (key) => void journal.delete(key),
      host: (key) => hosts.get(key) ?? null,
      learn: (host) => void hosts.set(host.key, host),
    },
    blockSize: () => BLOCK,
  }
  const calls = options.calls ?? quiet
  const remote = { get: async (signal: AbortSignal): Promise<Remote> => overheard(await supply.get(signal), '', calls) }
  try {
    return await run({ name: NAME, key: KEY, place: PLACE, remote, path, policy }, ports, options.signal ?? new AbortController().signal)
  } finally {
    await remotes.close()
  }
}

function credentialsOf(inputs: Readonly<Record<string, string>>): Credentials {
  const { username, password, fingerprint } = inputs
  const { 'private-key': privateKey, 'known-hosts': knownHosts, 'tls-ca': tlsCa } = inputs
  return {
    headers: new Map(),
    fingerprints: fingerprint === undefined ? [] : [fingerprint],
    tlsVerify: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
    ...(tlsCa === undefined ? {} : { tlsCa }),
  }
}

/** The same object to its user. Each call of a method, also of a facet, is told. */
function overheard<T extends object>(target: T, prefix: string, calls: NonNullable<AttemptOptions['calls']>): T {
  const get = (_: T, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return overheard(value, `${prefix}${String(name)}.`, calls)
    if (typeof value !== 'function') return value
    return (...args: unknown[]): unknown => {
      calls(prefix + String(name), 'before', args)
      const returned: unknown = Reflect.apply(value, target, args)
      return returned instanceof Promise ? returned.finally(() => calls(prefix + String(name), 'after', args)) : returned
    }
  }
  return new Proxy(target, { get })
}
