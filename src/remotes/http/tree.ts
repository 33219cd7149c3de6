/** Names on a WebDAV server: MOVE, COPY, DELETE, MKCOL, PROPFIND. */
import { TransferError } from '../../core/errors.ts'
import { baseName, directoryName } from '../../core/paths.ts'
import { trimmedEnd } from '../../core/text.ts'
import type { Tree, TreeEntry } from '../remote.ts'
import { statusError } from './errors.ts'
import type { Reply } from './headers.ts'
import { EXCERPT, type Finished } from './intake.ts'
import { decodePath, targetOf } from './location.ts'
import { isRefused, UNSEEN } from './look.ts'
import { copyingMs, lastWordMs } from './patience.ts'
import { resources } from './properties.ts'
import type { DavServer } from './server.ts'
import type { Session } from './session.ts'

const ENTRIES_MAX = 100_000

export function openTree(server: DavServer, copies: boolean): Tree {
  const { session, properties } = server
  return {
    // mod_dav removes the target before it renames; nothing tells that a server does not.
    replaces: 'after-delete',
    rename: (from, to, signal) => rename(server, from, to, signal),
    ...(copies ? { copy: (from, to, size, signal) => copy(server, { from, to, size }, signal) } : {}),
    remove: (path, signal) => remove(server, path, signal),
    makeDirectory: (path, signal) => makeDirectory(server, trimmedEnd(path, '/'), signal),
    list: (path, signal) => {
      // nginx alone has the other methods without this one.
      if (properties === null) return Promise.reject(new TransferError('unsupported', 'this server does not list directories'))
      return list(session, path, signal)
    },
  }
}

async function rename(server: DavServer, from: string, to: string, signal: AbortSignal): Promise<void> {
  const there = await kindOf(server, to, signal)
  if (there === 'directory') throw new TransferError('conflict', 'the target is a directory')
  // SabreDAV removes what has the new name before it sees that there is no file to take its place.
  const replaces = there === 'file' || there === 'unseen'
  if (replaces && (await kindOf(server, from, signal)) === 'nothing') throw new TransferError('not-found', 'there is no file to be renamed')
  server.reader.forget(from)
  server.reader.forget(to)
  // Overwrite replaces a directory too, with everything in it: what nobody can look at is left alone.
  const headers = { overwrite: there === 'unknown' ? 'F' : 'T' }
  const moving = { method: 'MOVE', from, to, headers, lastWordMs: lastWordMs() } as const
  const { reply, excerpt } = await server.destinations.relocate(server.session, moving, signal)
  // Some fail inside when the new name is taken; there is another way to replace a file.
  if (reply.status === 500 && there === 'file') throw new TransferError('refused', statusError('MOVE', reply, excerpt).message)
  // rclone says 403 where others say 404.
  const isRefusal = reply.status >= 400 && reply.status < 500 && reply.status !== 404
  if (isRefusal && (await kindOf(server, from, signal)) === 'nothing')
    throw new TransferError('not-found', statusError('MOVE', reply, excerpt).message)
  requireDone('MOVE', reply, excerpt)
  if (server.made.delete(from)) server.made.add(to)
}

/** `Overwrite: F`: what stands under the new name is not ours to replace. */
async function copy(
  { session, reader, destinations, made }: DavServer,
  { from, to, size }: { readonly from: string; readonly to: string; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  reader.forget(to)
  const copying = { method: 'COPY', from, to, headers: { overwrite: 'F', depth: '0' }, lastWordMs: copyingMs(size) } as const
  const { reply, excerpt } = await destinations.relocate(session, copying, signal)
  requireDone('COPY', reply, excerpt)
  made.add(to)
}

async function remove(server: DavServer, path: string, signal: AbortSignal): Promise<void> {
  const { session, reader, made } = server
  // DELETE of a collection takes everything in it along.
  const kind = await kindOf(server, path, signal)
  if (kind === 'directory') throw new TransferError('refused', 'what should be removed is a directory')
  if (kind === 'unknown' && !made.has(path)) throw new TransferError('refused', 'what should be removed may be a directory')
  reader.forget(path)
  const { reply, excerpt } = await session.perform({ method: 'DELETE', path, lastWordMs: lastWordMs() }, () => EXCERPT, signal)
  if (reply.status === 404 || reply.status === 410) return
  requireDone('DELETE', reply, excerpt)
}

/** 202: the server puts it off, perhaps for ever; looking again shows. 207: a part of it failed. These have no meaning here; other successes mean 200 (RFC 9110). */
const MEANINGLESS = new Set([206, 208, 226])

function requireDone(method: string, reply: Reply, excerpt: string): void {
  if (reply.status === 202) throw new TransferError('transient', `the server put off the ${method}`)
  if (reply.status === 207) throw new TransferError('refused', `the server could not do the ${method}: ${excerpt}`)
  if (reply.status < 200 || reply.status > 299 || MEANINGLESS.has(reply.status)) throw statusError(method, reply, excerpt)
}

/** MKCOL of what is there is 405; some say 403, 409 or 501 to that, or to MKCOL at all. Where nobody can look, the PUT tells. */
const PERHAPS_THERE = new Set([400, 403, 405, 409, 412, 415, 500, 501])

async function makeDirectory(server: DavServer, path: string, signal: AbortSignal): Promise<void> {
  const { session } = server
  if (targetOf(session.origin, path).path.split('?', 1)[0] === '/') return
  // nginx wants the slash.
  const make = (): Promise<Finished> => session.perform({ method: 'MKCOL', path: `${path}/` }, () => EXCERPT, signal)
  let made = await make()
  if (made.reply.status === 409 || made.reply.status === 404) {
    await makeDirectory(server, directoryName(path), signal)
    made = await make()
  }
  const { reply, excerpt } = made
  if (!PERHAPS_THERE.has(reply.status)) return requireDone('MKCOL', reply, excerpt)
  const there = await kindOf(server, path, signal)
  if (there === 'file') throw new TransferError('conflict', 'a file stands where a directory should be made')
  if (there === 'nothing' && reply.status !== 405) throw statusError('MKCOL', reply, excerpt)
}

/** By PROPFIND where there is one: many answer 501, 403 or a page of their own to GET of a directory. */
async function kindOf(
  { reader, properties }: DavServer,
  path: string,
  signal: AbortSignal,
): Promise<'directory' | 'file' | 'nothing' | 'unseen' | 'unknown'> {
  const orUndefined = (error: unknown): undefined => {
    if (!isRefused(error)) throw error
  }
  let found = properties === null ? undefined : await properties(path, signal).catch(orUndefined)
  found ??= found === null ? null : await reader.stat(path, signal).catch(orUndefined)
  if (found === undefined) return 'unknown'
  // A cache answers for a file that is there, or was.
  if (found === UNSEEN) return 'unseen'
  if (found === null) return 'nothing'
  return found.kind === 'directory' ? 'directory' : 'file'
}

async function list(session: Session, path: string, signal: AbortSignal): Promise<readonly TreeEntry[]> {
  const directory = `${trimmedEnd(path, '/')}/`
  const base = new URL(targetOf(session.origin, directory).path, session.origin)
  const own = decodePath(base.pathname)
  const entries: TreeEntry[] = []
  for (const resource of await resources(session, directory, '1', signal)) {
    const decoded = decodePath(URL.parse(resource.href, base.href)?.pathname ?? '')
    const bare = trimmedEnd(decoded, '/')
    if (`${bare}/` === own) continue
    if (bare !== own + baseName(bare)) throw new TransferError('protocol', 'the server listed something that is not in the directory')
    entries.push({
      name: baseName(bare),
      kind: resource.collection ? 'directory' : 'file',
      size: resource.collection ? null : resource.size,
    })
    if (entries.length > ENTRIES_MAX) throw new TransferError('limit', `more than ${ENTRIES_MAX} entries in one directory`)
  }
  return entries
}
