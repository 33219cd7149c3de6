/** What the server can do besides sending a file. Asked for uploads only; what it does not answer is no knowledge, and the transfer tells. */
import { randomBytes } from 'node:crypto'
import { TransferError } from '../../core/errors.ts'
import { directoryName, joinPath } from '../../core/paths.ts'
import type { Destinations } from './destinations.ts'
import { statusError } from './errors.ts'
import { header, type Reply } from './headers.ts'
import { EXCERPT, type Finished } from './intake.ts'
import { wirePath } from './location.ts'
import { lastWordMs } from './patience.ts'
import type { Session } from './session.ts'

export interface Features {
  /** MOVE, and with it DELETE and MKCOL. */
  readonly moves: boolean
  /** WebDAV class 1, so PROPFIND too. */
  readonly dav: boolean
  /** COPY makes a file of its own; lighttpd makes a hard link, which is the same file under two names. */
  readonly copies: boolean
}

const NOTHING: Features = { moves: false, dav: false, copies: false }
/** Nobody waits longer for what is only nice to know. */
const ASKING_MS = 10_000
/** Statuses that say nothing about the method, only about the moment. */
const MOMENTARY = new Set([408, 425, 429, 503, 504])

/**
 * Asks with OPTIONS. Where that says nothing (refused, silent, cut: gateways and firewalls) a MOVE tells: of a file that does not exist, and then of a scratch file.
 * Rejects when there is no connection; as `transient` when a server that we have credentials for is out of order, because an upload must not lose its rename to that;
 * as `denied` when two answers in a row say that the credentials are wrong, because every further one would count towards a lock-out.
 */
export async function findFeatures(session: Session, destinations: Destinations, path: string, signal: AbortSignal): Promise<Features> {
  const asked = await answerOf(session, { method: 'OPTIONS', path, stays: true }, signal)
  const copies = asked === null || !/lighttpd/i.test(header(asked.reply, 'server') ?? '')
  if (asked !== null && /(?:^|,)\s*1\s*(?:,|$)/.test(header(asked.reply, 'dav') ?? '')) return { moves: true, dav: true, copies }
  // The signature of a signed URL fits one method and one name.
  if (wirePath(path).search !== '') return NOTHING
  const allowed = asked === null ? null : methodsOf(asked.reply)
  if (allowed !== null) return { moves: allowed.has('MOVE'), dav: false, copies }
  // nginx answers OPTIONS with a bare 405 also where its dav_methods work.
  if (asked !== null && asked.reply.status < 400 && !session.authenticated) return NOTHING
  const denied = asked?.reply.status === 401
  return { moves: await moves(session, destinations, { directory: directoryName(path), denied }, signal), dav: false, copies }
}

/** Null when no answer comes, although the server is there. */
async function answerOf(session: Session, request: Parameters<Session['perform']>[0], signal: AbortSignal): Promise<Finished | null> {
  return session
    .perform({ ...request, withinMs: ASKING_MS }, () => EXCERPT, signal)
    .catch((error: unknown) => {
      if (signal.aborted || !session.connected() || !(error instanceof TransferError) || error.kind !== 'transient') throw error
      return null
    })
}

/** Name of a scratch resource beside the target. */
export function scratchPath(directory: string): string {
  return joinPath(directory, `.rt-probe-${randomBytes(8).toString('hex')}`)
}

function methodsOf(reply: Reply): ReadonlySet<string> | null {
  const allow = header(reply, 'allow')
  return allow === null || reply.status >= 400 ? null : new Set(allow.split(',').map((method) => method.trim().toUpperCase()))
}

/** Whoever knows MOVE misses the file (or dislikes where to); and who misses everything he does not know shows with a file that is there. */
async function moves(
  session: Session,
  destinations: Destinations,
  { directory, denied }: { readonly directory: string; readonly denied: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  const from = scratchPath(directory)
  const moving = { method: 'MOVE', from, to: `${from}-moved`, headers: { overwrite: 'F' }, lastWordMs: lastWordMs() } as const
  const headers = { ...moving.headers, destination: session.origin + wirePath(moving.to).pathname }
  const asked = await answerOf(session, { method: 'MOVE', path: from, headers, stays: true }, signal)
  if (asked === null) return false
  const { status } = asked.reply
  if (session.authenticated && (MOMENTARY.has(status) || (denied && status === 401))) throw statusError('MOVE', asked.reply, asked.excerpt)
  const misses = status === 404 || status === 409
  // A server behind a proxy that ends TLS may not know itself by this destination.
  const misreads = (status === 400 || status === 502) && session.origin.startsWith('https:')
  if (!misses && !misreads) return false
  const made = await answerOf(session, { method: 'PUT', path: from, body: 'scratch' }, signal)
  if (made === null || made.reply.status > 299) return misses
  let left = from
  try {
    const moved = (await destinations.relocate(session, moving, signal)).reply.status
    if (moved !== 201 && moved !== 204 && moved !== 200) return false
    left = moving.to
    return true
  } finally {
    await answerOf(session, { method: 'DELETE', path: left }, signal).catch(() => undefined)
  }
}
