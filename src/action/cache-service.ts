/** Client of the Actions cache service, version 2: three calls of JSON over HTTP and one blob. The body is the state itself, without any archive. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { abortError, TransferError, throwIfAborted } from '../core/errors.ts'
import { redactor } from '../core/redact.ts'
import { printable } from '../core/text.ts'
import { messageOf } from '../remotes/reach.ts'
import { STATE_BYTES_MAX, type StateIdentity, type StateStore } from '../state/store.ts'
import { type CacheEnvironment, cacheAvailability, isTrustedTransport, parseUrl } from './cache-availability.ts'
import { cacheConnections } from './cache-connections.ts'

const SERVICE = '/twirp/github.actions.results.api.v1.CacheService/'
const USER_AGENT = 'resumable-transfer'
/** Opaque to the service, which only compares it. Changes when the body's format does; paths and tools of the machine play no part, so every machine sees every state. */
const VERSION = createHash('sha256').update('resumable-transfer state 1').digest('hex')
const KEY_PREFIX = 'rt1-'

const LOAD_TIMEOUT_MS = 20_000
const SAVE_TIMEOUT_MS = 60_000
const RETRY_PAUSE_MS = 500
const REPLY_BYTES_MAX = 64 * 1024
/** Keys tried when somebody already took one. */
const KEYS_MAX = 3

export interface CachePorts {
  /** Wall clock in milliseconds since 1970: keys made in main and later in post must rise. */
  nowMs(): number
  /** Bounds for a whole load (default 20 s) and a whole save (default 60 s). */
  readonly loadTimeoutMs?: number
  readonly saveTimeoutMs?: number
  /** Before a second try (default 0.5 s). */
  readonly retryPauseMs?: number
}

/**
 * The newest state of an identity in the Actions cache: of this run if there is one, otherwise of any earlier run that the service lets this one see.
 * Rejects with an Error of one line without any secret, or with the signal's reason. A second try follows a 5xx answer or a lost connection, nothing else.
 */
export function cacheServiceStore(environment: CacheEnvironment, identity: StateIdentity, ports: CachePorts): StateStore {
  const keys = keysOf(identity, ports.nowMs)
  return {
    description: 'Actions cache',
    load: (signal) => exchange(environment, ports, ports.loadTimeoutMs ?? LOAD_TIMEOUT_MS, signal, (session) => load(session, keys)),
    save: (state, signal) =>
      exchange(environment, ports, ports.saveTimeoutMs ?? SAVE_TIMEOUT_MS, signal, (session) => save(session, keys, state)),
  }
}

interface Keys {
  readonly all: string
  readonly run: string
  readonly attempt: string
  next(): string
}

/** Every component ends in `-`, because the service matches by prefix: run 1 must not find run 10. */
function keysOf(identity: StateIdentity, nowMs: () => number): Keys {
  let sequence = 0
  const all = `${KEY_PREFIX}${identity.id}-`
  const run = `${all}${identity.runId.replace(/[^0-9A-Za-z]/g, '_').slice(0, 64)}-`
  const attempt = `${run}${identity.runAttempt}-`
  const next = (): string => {
    sequence = Math.max(Math.trunc(nowMs()), sequence + 1)
    return `${attempt}${sequence}`
  }
  return { all, run, attempt, next }
}

/** One load or save: its connections, its time limit and what must not be repeated in messages. */
interface Session {
  readonly environment: CacheEnvironment
  readonly base: URL
  readonly dispatcher: Dispatcher
  readonly signal: AbortSignal
  readonly retryPauseMs: number
  readonly discreet: (text: string) => string
}

async function exchange<T>(
  environment: CacheEnvironment,
  ports: CachePorts,
  timeoutMs: number,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal)
  const base = parseUrl(environment.ACTIONS_RESULTS_URL ?? '')
  const { available, reason } = cacheAvailability(environment)
  if (base === null || !available) throw new Error(reason ?? 'ACTIONS_RESULTS_URL is not a URL')
  const limit = new AbortController()
  const onAbort = (): void => limit.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(onAbort, timeoutMs)
  const dispatcher = cacheConnections(environment, timeoutMs)
  try {
    const retryPauseMs = ports.retryPauseMs ?? RETRY_PAUSE_MS
    return await work({ environment, base, dispatcher, signal: limit.signal, retryPauseMs, discreet: discretion(environment) })
  } catch (error) {
    if (signal.aborted) throw abortError(signal)
    if (limit.signal.aborted) throw new Error(`the Actions cache did not finish within ${timeoutMs / 1000} s`)
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    await dispatcher.destroy()
  }
}

/** Server text for a message: without the token in any form, without the query of any URL (it is the signature), on one line. */
function discretion(environment: CacheEnvironment): (text: string) => string {
  const redact = redactor([{ text: environment.ACTIONS_RUNTIME_TOKEN ?? '' }])
  return (text) => printable(redact(text).replace(/\?\S*/g, '?…'), 300)
}

async function load(session: Session, keys: Keys): Promise<Uint8Array | null> {
  const reply = await call(session, 'GetCacheEntryDownloadURL', {
    key: keys.attempt,
    version: VERSION,
    restore_keys: [keys.run, keys.all],
  })
  if (reply.status === 404 && reply.fields.code === 'not_found') return null
  if (reply.fields.ok !== true) {
    if (reply.status !== 200 || reply.text.includes('cache read denied')) throw refusal(session, 'read', reply)
    return null
  }
  const matched = text(reply.fields.matched_key ?? reply.fields.matchedKey)
  if (!matched.startsWith(keys.all)) throw new Error('the Actions cache answered with an entry that is not ours')
  const url = signedUrl(session, reply.fields.signed_download_url ?? reply.fields.signedDownloadUrl)
  return await twice(session, () => download(session, url))
}

async function save(session: Session, keys: Keys, state: Uint8Array): Promise<void> {
  if (state.byteLength > STATE_BYTES_MAX) throw new Error(`the state is too large to be saved (${state.byteLength} bytes)`)
  const { key, url } = await reserve(session, keys)
  await twice(session, () => upload(session, url, state))
  const reply = await call(session, 'FinalizeCacheEntryUpload', { key, version: VERSION, size_bytes: String(state.byteLength) })
  if (reply.fields.ok !== true) throw refusal(session, 'finish the entry of', reply)
}

/** An entry that only we know. After a lost answer our own first try may hold the key: the next one is free. */
async function reserve(session: Session, keys: Keys): Promise<{ readonly key: string; readonly url: URL }> {
  for (let tried = 1; ; tried += 1) {
    const key = keys.next()
    const reply = await call(session, 'CreateCacheEntry', { key, version: VERSION })
    if (reply.fields.ok === true) return { key, url: signedUrl(session, reply.fields.signed_upload_url ?? reply.fields.signedUploadUrl) }
    const taken = reply.status === 409 || reply.fields.code === 'already_exists'
    if (!taken || tried === KEYS_MAX) throw refusal(session, 'write', reply)
  }
}

interface Reply {
  readonly status: number
  readonly retryAfter: string
  readonly text: string
  /** The answer's JSON object; empty when it was something else. */
  readonly fields: Readonly<Record<string, unknown>>
}

async function call(session: Session, method: string, message: object): Promise<Reply> {
  // A path prefix of the base is dropped, as the toolkit does.
  const url = new URL(`${SERVICE}${method}`, session.base)
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${session.environment.ACTIONS_RUNTIME_TOKEN ?? ''}`,
    'user-agent': USER_AGENT,
  }
  return await twice(session, async () => {
    const options = {
      method: 'POST',
      headers,
      body: JSON.stringify(message),
      dispatcher: session.dispatcher,
      signal: session.signal,
    } as const
    const response = await request(url, options)
    const body = (await bounded(response.body, REPLY_BYTES_MAX)).toString()
    if (response.statusCode >= 500) throw new Passing(`it answered ${response.statusCode}`)
    return { status: response.statusCode, retryAfter: text(response.headers['retry-after']), text: body, fields: jsonObject(body) }
  })
}

async function upload(session: Session, url: URL, state: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream', 'x-ms-blob-type': 'BlockBlob', 'user-agent': USER_AGENT }
  const options = { method: 'PUT', headers, body: state, dispatcher: session.dispatcher, signal: session.signal } as const
  const response = await request(url, options)
  await bounded(response.body, REPLY_BYTES_MAX)
  if (response.statusCode >= 500) throw new Passing(`its blob store answered ${response.statusCode}`)
  if (response.statusCode !== 201) throw new Error(`cannot write the Actions cache: its blob store answered ${response.statusCode}`)
}

async function download(session: Session, url: URL): Promise<Uint8Array> {
  const headers = { 'accept-encoding': 'identity', 'user-agent': USER_AGENT }
  const response = await request(url, { headers, dispatcher: session.dispatcher, signal: session.signal })
  if (response.statusCode >= 500) throw new Passing(`its blob store answered ${response.statusCode}`)
  if (response.statusCode !== 200) throw new Error(`cannot read the Actions cache: its blob store answered ${response.statusCode}`)
  const encoding = text(response.headers['content-encoding'])
  if (encoding !== '' && encoding !== 'identity') throw new Error('cannot read the Actions cache: the blob comes encoded')
  const announced = response.headers['content-length']
  // Without a length and without chunks the end of the connection ends the body, and a cut looks like an end.
  if (announced === undefined && response.headers['transfer-encoding'] === undefined)
    throw new Error('cannot read the Actions cache: the blob comes without a length')
  if (Number(announced ?? 0) > STATE_BYTES_MAX) throw new Error('the entry in the Actions cache is larger than any state')
  const body = await bounded(response.body, STATE_BYTES_MAX)
  if (announced !== undefined && body.byteLength !== Number(announced)) throw new Passing('the blob was cut short')
  return body
}

async function bounded(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.byteLength
    if (length > bytesMax) throw new Error('the Actions cache answered with more than it should')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What may be gone at the next try. */
class Passing extends Error {}

/** Runs `work`, and once more after a passing failure. Whatever comes from the HTTP client becomes a message without its URL. */
async function twice<T>(session: Session, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (session.signal.aborted || !isPassing(error)) throw connectionError(error)
  }
  await sleep(session.retryPauseMs, undefined, { signal: session.signal })
  try {
    return await work()
  } catch (error) {
    throw connectionError(error)
  }
}

// As undici and Node name a connection that ended under an exchange.
const LOST_CONNECTION = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_CLOSED']

function isPassing(error: unknown): boolean {
  return error instanceof Passing || LOST_CONNECTION.includes(errorCode(error))
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** The client's error is dropped, not chained: it may hold the URL or the proxy's credentials. */
function connectionError(error: unknown): Error {
  if (error instanceof Passing) return new Error(`the Actions cache is not working: ${error.message}`)
  // A proxy that cannot be used: of no more weight here than any other failure of the cache.
  if (error instanceof TransferError) return new Error(error.message)
  const code = errorCode(error)
  if (error instanceof AggregateError) return new Error(`no connection to the Actions cache: ${messageOf(error)}`)
  if (code !== '') return new Error(`no connection to the Actions cache (${code})`)
  return error instanceof Error ? error : new Error('no connection to the Actions cache')
}

function signedUrl(session: Session, value: unknown): URL {
  const url = parseUrl(text(value))
  if (url === null) throw new Error('the Actions cache answered without a usable URL')
  if (!isTrustedTransport(url) || (url.protocol !== 'https:' && session.base.protocol === 'https:'))
    throw new Error('the Actions cache answered with a URL that is not https')
  return url
}

/** The service said no: why, in one line. */
function refusal(session: Session, action: string, reply: Reply): Error {
  const said = text(reply.fields.message) || text(reply.fields.msg)
  const intro = `cannot ${action} the Actions cache: `
  if (said.includes('insufficient usage')) return new Error(`${intro}its storage quota is used up`)
  if (said.includes('cache write denied')) return new Error(`${intro}this run may only read it (${session.discreet(said)})`)
  if (said.includes('cache read denied')) return new Error(`${intro}this run may not read it (${session.discreet(said)})`)
  if (reply.status === 429) {
    const wish = /^\d{1,6}$/.test(reply.retryAfter) ? `; it may be asked again in ${reply.retryAfter} s` : ''
    return new Error(`${intro}too many requests${wish}`)
  }
  const detail = said === '' ? '' : `: ${session.discreet(said)}`
  return new Error(reply.status === 200 ? `${intro}it refused${detail}` : `${intro}it answered ${reply.status}${detail}`)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function jsonObject(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
