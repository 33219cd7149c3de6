/** What the server can do besides sending a file. Nothing is changed by finding out. */
import { randomBytes } from 'node:crypto'
import { directoryName, joinPath } from '../../core/paths.ts'
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

/** Asks with OPTIONS, and where that says nothing by moving a file that does not exist. Any answer will do; only a failing connection rejects. */
export async function findFeatures(session: Session, path: string, signal: AbortSignal): Promise<Features> {
  const { reply } = await session.perform({ method: 'OPTIONS', path, stays: true }, () => EXCERPT, signal)
  if (/(?:^|,)\s*1\s*(?:,|$)/.test(header(reply, 'dav') ?? '')) return { puts: true, moves: true, dav: true }
  // The signature of a signed URL fits one method and one name.
  if (wirePath(path).search !== '') return { puts: true, moves: false, dav: false }
  const allowed = methodsOf(reply)
  if (allowed !== null) return { puts: allowed.has('PUT') || session.authenticated, moves: allowed.has('MOVE'), dav: false }
  // nginx answers OPTIONS with a bare 405 also where its dav_methods work.
  const silent = reply.status === 405 || reply.status === 501
  const moves = silent || session.authenticated ? await movesNothing(session, path, signal) : false
  return { puts: moves || session.authenticated || !silent, moves, dav: false }
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
