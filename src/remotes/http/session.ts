/** Requests to the server of one Remote, with its credentials, following redirects where that is safe. */
import { TransferError } from '../../core/errors.ts'
import type { Body, RemotePorts } from '../remote.ts'
import { PAST_CACHES } from './caches.ts'
import type { HttpConfig } from './config.ts'
import { type Connections, openConnections } from './connection.ts'
import { statusError } from './errors.ts'
import { exchange } from './exchange.ts'
import type { Accept, Finished } from './intake.ts'
import { describeTarget, type Target, targetOf } from './location.ts'
import { isRedirect, REDIRECTS_MAX, redirectTarget, withoutSecrets } from './redirects.ts'

const USER_AGENT = 'resumable-transfer'

export interface SessionRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Body | string
  readonly sent?: (total: number) => void
  /** Sees every redirect before it is followed; true ends the request with that reply. */
  readonly endsAt?: (from: Target, to: Target) => boolean
  /** Take a redirect as the answer. */
  readonly stays?: true
  /** Ask the server itself, past every cache. In uploads all that looks does so. */
  readonly pastCaches?: boolean
  /** More silence than usual once all is sent, for a server that works meanwhile. */
  readonly lastWordMs?: number
  /** Less silence than usual: the answer is only nice to have. */
  readonly withinMs?: number
}

export interface Session {
  readonly origin: string
  /** Whether credentials or headers of the user's travel with requests. */
  readonly authenticated: boolean
  /** What is seen is evidence of what was stored, so it must be the server's own answer. */
  readonly evidence: boolean
  /** Whether the server has been reached, and trusted, at all. */
  connected(): boolean
  perform(request: SessionRequest, accept: Accept, signal: AbortSignal): Promise<Finished>
  close(): Promise<void>
}

export function openSession(config: HttpConfig, ports: RemotePorts): Session {
  const connections = openConnections(config, ports)
  let closed = false
  const denials = new Denials(config, ports)
  return {
    origin: config.url.origin,
    authenticated: Object.keys(config.headers).length > 0,
    evidence: ports.direction === 'upload',
    connected: connections.connected,
    perform: async (request, accept, signal) => {
      if (closed) throw new TransferError('stopped', 'the connection was closed')
      denials.before(request)
      const finished = await perform(config, connections, ports, request, accept, signal)
      denials.after(request, finished)
      return finished
    },
    close: async () => {
      if (closed) return
      closed = true
      await connections.close()
    },
  }
}

const DENIALS_MAX = 2

const isLook = ({ method }: SessionRequest): boolean => method === 'GET' || method === 'PROPFIND'

/**
 * A request that is answered 401 may say that the credentials are wrong, or nothing: some servers let nobody look. The next change tells, so until one is accepted
 * nobody looks again; and after a second 401 nothing more is asked, because each counts towards a lock-out. OPTIONS is `findFeatures`' own.
 */
class Denials {
  readonly #origin: string
  readonly #counts: boolean
  #denial: TransferError | null = null
  #times = 0
  #accepted = false

  constructor({ url, headers }: HttpConfig, { direction }: RemotePorts) {
    this.#origin = url.origin
    this.#counts = direction === 'upload' && Object.keys(headers).length > 0
  }

  before(request: SessionRequest): void {
    if (this.#denial !== null && !this.#accepted && (isLook(request) || this.#times >= DENIALS_MAX)) throw this.#denial
  }

  after(request: SessionRequest, { reply, excerpt }: Finished): void {
    if (!this.#counts || request.method === 'OPTIONS') return
    if (!isLook(request)) this.#accepted ||= reply.status >= 200 && reply.status < 300
    if (reply.status !== 401 || reply.target.origin !== this.#origin) return
    this.#denial = statusError(request.method, reply, excerpt)
    this.#times += 1
  }
}

async function perform(
  config: HttpConfig,
  connections: Connections,
  ports: RemotePorts,
  request: SessionRequest,
  accept: Accept,
  signal: AbortSignal,
): Promise<Finished> {
  const asking = request.pastCaches === true || (isLook(request) && ports.direction === 'upload') ? PAST_CACHES : {}
  const headers = {
    'user-agent': USER_AGENT,
    accept: '*/*',
    'accept-encoding': 'identity',
    ...config.headers,
    ...request.headers,
    ...asking,
  }
  const visited = new Set<string>()
  let target = targetOf(config.url.origin, request.path)
  for (;;) {
    visited.add(target.origin + target.path)
    const finished = await exchange(
      connections.dispatcher,
      {
        method: request.method,
        target,
        headers: target.origin === config.url.origin ? headers : { ...withoutSecrets(headers), ...asking },
        redact: ports.redact,
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(request.sent === undefined ? {} : { sent: request.sent }),
        ...(request.lastWordMs === undefined ? {} : { lastWordMs: request.lastWordMs }),
      },
      (reply) => (isRedirect(reply) && request.stays === undefined ? { kind: 'excerpt' } : accept(reply)),
      Math.min(ports.timeoutMs, request.withinMs ?? ports.timeoutMs),
      signal,
    )
    ports.debug(`${request.method} ${describeTarget(target)}: ${finished.reply.status}`)
    if (!isRedirect(finished.reply) || request.stays !== undefined) return finished
    const next = redirectTarget(finished.reply, connections.homeIsPrivate())
    if (request.endsAt?.(target, next) === true) return finished
    if (request.method !== 'GET') refuseToFollow(request, finished, target, next)
    if (visited.has(next.origin + next.path)) throw new TransferError('protocol', `${describeTarget(target)} redirects in a circle`)
    if (visited.size > REDIRECTS_MAX)
      throw new TransferError('protocol', `more than ${REDIRECTS_MAX} redirects, the last to ${describeTarget(next)}`)
    target = next
  }
}

/** A request that changes something is only repeated where the server itself keeps the method, on the same origin, and nothing of its body is gone. */
function refuseToFollow(request: SessionRequest, finished: Finished, from: Target, to: Target): void {
  if (from.origin !== to.origin) {
    throw new TransferError('untrusted', `${describeTarget(from)} redirects ${request.method} to another origin, ${describeTarget(to)}`, {
      hint: 'Name that URL in the inputs if it is the right one.',
    })
  }
  const keepsMethod = finished.reply.status === 307 || finished.reply.status === 308
  if (keepsMethod && !finished.bodyStarted) return
  const refusal = statusError(request.method, finished.reply, `redirected to ${describeTarget(to)}`)
  throw new TransferError('refused', refusal.message, { hint: 'Name the URL that the server redirects to in the inputs.' })
}
