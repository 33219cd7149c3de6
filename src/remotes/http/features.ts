/** What the server can do besides sending a file. Nothing is changed by finding out. */
import { randomBytes } from 'node:crypto'
import { TransferError } from '../../core/errors.ts'
import { directoryName, joinPath } from '../../core/paths.ts'
import { statusError } from './errors.ts'
import type { Intake } from './exchange.ts'
import { header, type Reply } from './headers.ts'
import { targetOf, wirePath } from './location.ts'
import type { Session } from './session.ts'

export interface Features {
  /** PUT is possible as far as we know; only trying shows for certain. */
  readonly puts: boolean
  /** MOVE, and with it DELETE and MKCOL. */
  readonly moves: boolean
  /** WebDAV class 1, so PROPFIND too. */
  readonly dav: boolean
}

export const EXCERPT: Intake = { kind: 'excerpt' }

/** Statuses that say nothing about the method, only about the moment. */
const MOMENTARY = new Set([408, 425, 429, 502, 503, 504])
const UNKNOWN: Features = { puts: true, moves: false, dav: false }

/**
 * Asks with OPTIONS, and where that says nothing by moving a file that does not exist. Rejects when the connection fails, and as `transient` when a
 * server that we have credentials for is out of order: an upload must not lose its rename to that; as `denied` when it does not take them. Any other answer
 * will do.
 */
export async function findFeatures(session: Session, path: string, signal: AbortSignal): Promise<Features> {
  const asked = await session
    .perform({ method: 'OPTIONS', path, stays: true }, () => EXCERPT, signal)
    .catch((error: unknown) => {
      // Some firewalls cut the connection at OPTIONS; a download without credentials needs no answer.
      if (session.authenticated || !session.connected() || !isCut(error)) throw error
      return null
    })
  if (asked === null) return UNKNOWN
  const { reply } = asked
  // Wrong credentials are tried once: every further request would count towards a lock-out.
  const fails = MOMENTARY.has(reply.status) || reply.status === 401
  if (fails && session.authenticated) throw statusError('OPTIONS', reply, asked.excerpt)
  if (/(?:^|,)\s*1\s*(?:,|$)/.test(header(reply, 'dav') ?? '')) return { puts: true, moves: true, dav: true }
  // The signature of a signed URL fits one method and one name.
  if (wirePath(path).search !== '') return UNKNOWN
  const allowed = methodsOf(reply)
  if (allowed !== null) return { puts: allowed.has('PUT') || session.authenticated, moves: allowed.has('MOVE'), dav: false }
  // nginx answers OPTIONS with a bare 405 also where its dav_methods work.
  const silent = reply.status === 405 || reply.status === 501
  const moves = silent || session.authenticated ? await movesNothing(session, path, signal) : false
  return { puts: moves || session.authenticated || !silent, moves, dav: false }
}

function isCut(error: unknown): boolean {
  return error instanceof TransferError && error.kind === 'transient' && error.cause !== undefined
}

/** Name of a scratch resource beside the target. */
export function scratchPath(directory: string): string {
  return joinPath(directory, `.rt-probe-${randomBytes(8).toString('hex')}`)
}

function methodsOf(reply: Reply): ReadonlySet<string> | null {
  const allow = header(reply, 'allow')
  return allow === null || reply.status >= 400 ? null : new Set(allow.split(',').map((method) => method.trim().toUpperCase()))
}

async function movesNothing(session: Session, path: string, signal: AbortSignal): Promise<boolean> {
  const from = scratchPath(directoryName(path))
  const destination = targetOf(session.origin, `${from}-moved`)
  const headers = { destination: destination.origin + destination.path, overwrite: 'F' }
  const { reply } = await session.perform({ method: 'MOVE', path: from, headers, stays: true }, () => EXCERPT, signal)
  return reply.status === 404 || reply.status === 409
}
