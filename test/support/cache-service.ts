/**
 * Stand-in of the Actions cache service, version 2, and of its blob store, on 127.0.0.1. Semantics of the real one as far as they are known: immutable keys
 * per scope and version, a reservation that is never finished burns its key, lookup by exact key, then by prefix of the key itself, then by every restore key,
 * newest first, scope after scope. test/contract/cache-toolkit.test.ts drives the toolkit's own client against it.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type BlobStore, blobStore } from './cache-blobs.ts'

const SERVICE = '/twirp/github.actions.results.api.v1.CacheService/'

export type CacheOperation = 'create' | 'finalize' | 'lookup' | 'put' | 'get'

export type CacheFault =
  /** An error answer: twirp JSON for the three calls, an empty body for the blob. */
  | { readonly kind: 'status'; readonly status: number; readonly code?: string; readonly message?: string; readonly retryAfter?: number }
  /** 200 with `ok: false`. For `create`, `finalize` and `lookup`. */
  | { readonly kind: 'refuse'; readonly message?: string }
  /** The connection is reset instead of the answer, before or after the request has taken effect. */
  | { readonly kind: 'reset'; readonly effect: 'before' | 'after' }
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  /** The answer is held back. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** `get`: full length announced, half of it sent. */
  | { readonly kind: 'truncate' }
  /** `get`: other bytes, with their own right length. */
  | { readonly kind: 'garbage'; readonly body: Uint8Array; readonly announce?: boolean }
  /** `create` and `lookup`: fields of the answer replaced, such as `matched_key` or `signed_download_url`. */
  | { readonly kind: 'lie'; readonly fields: Readonly<Record<string, unknown>> }

export interface StoredEntry {
  readonly scope: string
  readonly key: string
  readonly version: string
  readonly finalized: boolean
  readonly bytes: Uint8Array
}

/** Permission bits of the token: 1 read, 2 write. The first scope that may be written is the run's own. */
export interface CacheScope {
  readonly Scope: string
  readonly Permission: number
}

export interface CacheService {
  readonly url: string
  /** Environment of a `uses:` step with a token for these scopes; by default one that may read and write `refs/heads/main`. */
  environment(scopes?: readonly CacheScope[]): Record<string, string>
  /** The next `times` requests of this operation fail so; a later fault of the same operation replaces it. */
  fail(operation: CacheOperation, fault: CacheFault, times?: number): void
  heal(): void
  /** In the order of their reservation. */
  entries(): readonly StoredEntry[]
  readonly counts: Readonly<Record<CacheOperation, number>>
  /** Every token and URL signature handed out so far: none of them may turn up in any message. */
  readonly secrets: readonly string[]
  /** Resolves when the next request of this operation has arrived. */
  arrival(operation: CacheOperation): Promise<void>
  close(): Promise<void>
}

interface Entry {
  readonly scope: string
  readonly key: string
  readonly version: string
  readonly blob: string
  finalized: boolean
}

interface World {
  readonly entries: Entry[]
  readonly blobs: BlobStore
  readonly tokens: Map<string, readonly CacheScope[]>
  readonly secrets: string[]
  readonly faults: Map<CacheOperation, { readonly fault: CacheFault; times: number }>
  readonly counts: Record<CacheOperation, number>
  readonly waiting: { readonly operation: CacheOperation; readonly arrived: () => void }[]
  readonly timers: Set<NodeJS.Timeout>
  url: string
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Uint8Array | string | object
}

export async function startCacheService(): Promise<CacheService> {
  const world = newWorld()
  const server = createServer((request, response) => {
    handle(world, request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  world.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url: world.url,
    environment: (scopes = [{ Scope: 'refs/heads/main', Permission: 3 }]) => environment(world, scopes),
    fail: (operation, fault, times = Number.POSITIVE_INFINITY) => void world.faults.set(operation, { fault, times }),
    heal: () => world.faults.clear(),
    entries: () => world.entries.map(({ blob, ...entry }) => ({ ...entry, bytes: world.blobs.bytes(blob) ?? new Uint8Array() })),
    counts: world.counts,
    secrets: world.secrets,
    arrival: (operation) => new Promise((arrived) => world.waiting.push({ operation, arrived })),
    close: async () => {
      for (const timer of world.timers) clearTimeout(timer)
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function newWorld(): World {
  const secrets: string[] = []
  return {
    entries: [],
    blobs: blobStore((signature) => secrets.push(signature)),
    tokens: new Map(),
    secrets,
    faults: new Map(),
    counts: { create: 0, finalize: 0, lookup: 0, put: 0, get: 0 },
    waiting: [],
    timers: new Set(),
    url: '',
  }
}

function environment(world: World, scopes: readonly CacheScope[]): Record<string, string> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = `${part({ alg: 'none' })}.${part({ ac: JSON.stringify(scopes) })}.${randomBytes(16).toString('base64url')}`
  world.tokens.set(token, scopes)
  world.secrets.push(token)
  return {
    ACTIONS_CACHE_SERVICE_V2: 'True',
    ACTIONS_RESULTS_URL: world.url,
    ACTIONS_RUNTIME_TOKEN: token,
    GITHUB_SERVER_URL: 'https://github.com',
  }
}

const METHODS: Readonly<Record<string, CacheOperation>> = {
  CreateCacheEntry: 'create',
  FinalizeCacheEntryUpload: 'finalize',
  GetCacheEntryDownloadURL: 'lookup',
}

async function handle(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', world.url)
  const operation = url.pathname.startsWith('/blob/')
    ? request.method === 'PUT'
      ? 'put'
      : 'get'
    : METHODS[url.pathname.slice(SERVICE.length)]
  const body = await wholeBody(request)
  if (operation === undefined) return send(response, twirpError(404, 'bad_route', `no handler for path ${url.pathname}`))
  world.counts[operation] += 1
  for (const waiter of world.waiting.filter((w) => w.operation === operation)) {
    world.waiting.splice(world.waiting.indexOf(waiter), 1)
    waiter.arrived()
  }
  const perform = (): Answer =>
    operation === 'put' || operation === 'get' ? world.blobs.answer(request, url, body) : twirp(world, operation, request, body)
  const fault = takeFault(world, operation)
  const answer = fault === null ? perform() : faultyAnswer(fault, operation, perform)
  if (answer !== null) send(response, answer)
  else if (fault !== null) disrupt(world, fault, perform, response)
}

async function wholeBody(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function takeFault(world: World, operation: CacheOperation): CacheFault | null {
  const planned = world.faults.get(operation)
  if (planned === undefined || planned.times <= 0) return null
  planned.times -= 1
  return planned.fault
}

/** The answer that a fault gives, or null when it gives none or not a whole one. */
function faultyAnswer(fault: CacheFault, operation: CacheOperation, perform: () => Answer): Answer | null {
  switch (fault.kind) {
    case 'status': {
      const headers: Record<string, string> = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
      const { body } = twirpError(fault.status, fault.code ?? 'unknown', fault.message ?? 'fault of the test')
      return { status: fault.status, headers, body: operation === 'put' || operation === 'get' ? '' : body }
    }
    case 'refuse':
      return { status: 200, body: { ok: false, ...(fault.message === undefined ? {} : { message: fault.message }) } }
    case 'garbage':
      return fault.announce === false ? null : { status: 200, body: fault.body }
    case 'lie': {
      const { status, body } = perform()
      return { status, body: { ...(body as object), ...fault.fields } }
    }
    default:
      return null
  }
}

/** Faults of the connection rather than of the answer. */
function disrupt(world: World, fault: CacheFault, perform: () => Answer, response: ServerResponse): void {
  if (fault.kind === 'reset') {
    if (fault.effect === 'after') perform()
    response.socket?.resetAndDestroy()
  } else if (fault.kind === 'slow') {
    world.timers.add(setTimeout(() => send(response, perform()), fault.ms))
  } else if (fault.kind === 'truncate') {
    const { body } = perform()
    const bytes = body instanceof Uint8Array ? body : new Uint8Array()
    response.writeHead(200, { 'content-length': bytes.byteLength })
    response.write(bytes.subarray(0, Math.floor(bytes.byteLength / 2)), () => response.destroy())
  } else if (fault.kind === 'garbage') {
    response.socket?.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'), fault.body]))
  }
}

function send(response: ServerResponse, answer: Answer): void {
  const json = typeof answer.body === 'object' && !(answer.body instanceof Uint8Array)
  const body = json ? JSON.stringify(answer.body) : (answer.body as Uint8Array | string)
  const headers = { 'content-length': Buffer.byteLength(body), ...(json ? { 'content-type': 'application/json' } : {}), ...answer.headers }
  response.writeHead(answer.status, headers).end(response.req.method === 'HEAD' ? undefined : body)
}

function twirpError(status: number, code: string, msg: string): Answer & { readonly body: object } {
  return { status, body: { code, msg } }
}

function twirp(world: World, operation: 'create' | 'finalize' | 'lookup', request: IncomingMessage, body: Buffer): Answer {
  const scopes = world.tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '')
  if (request.method !== 'POST') return twirpError(404, 'bad_route', 'unsupported method')
  if (request.headers['content-type'] !== 'application/json') return twirpError(404, 'bad_route', 'unexpected Content-Type')
  if (scopes === undefined) return twirpError(401, 'unauthenticated', 'invalid token')
  const message = JSON.parse(body.toString()) as { key?: string; version?: string; restore_keys?: string[]; size_bytes?: string }
  const key = message.key ?? ''
  const version = message.version ?? ''
  if (key === '' || key.length > 512 || key.includes(',')) return twirpError(400, 'invalid_argument', 'key is invalid')
  if (!/^[0-9a-f]{64}$/.test(version)) return twirpError(400, 'invalid_argument', 'version is invalid')
  if (operation === 'create') return create(world, scopes, key, version)
  if (operation === 'finalize') return finalize(world, scopes, key, version, message.size_bytes)
  return lookup(world, scopes, [key, ...(message.restore_keys ?? [])], version)
}

function create(world: World, scopes: readonly CacheScope[], key: string, version: string): Answer {
  const scope = ownScope(scopes)
  if (scope === null) return { status: 200, body: { ok: false, message: 'cache write denied: this token may only read' } }
  if (world.entries.some((e) => e.scope === scope && e.key === key && e.version === version))
    return twirpError(409, 'already_exists', 'cache entry with the same key, version, and scope already exists')
  const blob = world.blobs.reserve(world.url)
  world.entries.push({ scope, key, version, blob: blob.id, finalized: false })
  return { status: 200, body: { ok: true, signed_upload_url: blob.url } }
}

function ownScope(scopes: readonly CacheScope[]): string | null {
  return scopes.find((s) => (s.Permission & 2) !== 0)?.Scope ?? null
}

function finalize(world: World, scopes: readonly CacheScope[], key: string, version: string, size: string | undefined): Answer {
  const scope = ownScope(scopes)
  const index = world.entries.findIndex((e) => e.scope === scope && e.key === key && e.version === version && !e.finalized)
  const entry = world.entries[index]
  if (entry === undefined) return twirpError(404, 'not_found', 'no such reservation')
  if (world.blobs.bytes(entry.blob)?.byteLength !== Number(size))
    return { status: 200, body: { ok: false, message: 'size does not match the blob' } }
  entry.finalized = true
  return { status: 200, body: { ok: true, entry_id: String(index + 1) } }
}

function lookup(world: World, scopes: readonly CacheScope[], keys: readonly string[], version: string): Answer {
  const readable = scopes.filter((s) => (s.Permission & 1) !== 0)
  if (readable.length === 0) return twirpError(403, 'permission_denied', 'cache read denied: this token has no scope that may be read')
  if (keys.length > 10) return twirpError(400, 'invalid_argument', 'too many keys')
  for (const { Scope } of readable) {
    const newestFirst = world.entries.filter((e) => e.scope === Scope && e.version === version && e.finalized).reverse()
    for (const key of keys) {
      const entry = newestFirst.find((e) => e.key === key) ?? newestFirst.find((e) => e.key.startsWith(key))
      if (entry !== undefined)
        return { status: 200, body: { ok: true, signed_download_url: world.blobs.sign(world.url, entry.blob), matched_key: entry.key } }
    }
  }
  return { status: 200, body: { ok: false } }
}
