/** Names on a WebDAV server: MOVE, COPY, DELETE, MKCOL, PROPFIND. */
import { TransferError } from '../../core/errors.ts'
import { baseName, directoryName } from '../../core/paths.ts'
import { trimmedEnd } from '../../core/text.ts'
import type { Tree, TreeEntry } from '../remote.ts'
import { statusError } from './errors.ts'
import type { Finished } from './exchange.ts'
import { EXCERPT } from './features.ts'
import type { Reply } from './headers.ts'
import { decodePath, targetOf } from './location.ts'
import { type DavResource, parseMultistatus } from './multistatus.ts'
import { type Reader, UNSEEN } from './reader.ts'
import type { Session } from './session.ts'

const ENTRIES_MAX = 100_000
const LISTING_BYTES_MAX = 128 * 1024 * 1024
/** A server that copies slower than this is not waited for. */
const COPY_BYTES_PER_MS = 5_000
const PROPFIND = '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>'

/** `propfind`: the server announced WebDAV; nginx alone has the other methods without this one. */
export function openTree(session: Session, reader: Reader, propfind: boolean): Tree {
  return {
    // mod_dav removes the target before it renames; nothing tells that a server does not.
    replaces: 'after-delete',
    rename: (from, to, signal) => rename(session, reader, propfind, from, to, signal),
    copy: (from, to, size, signal) => copy(session, reader, { from, to, size }, signal),
    remove: async (path, signal) => {
      // DELETE of a collection takes everything in it along.
      if (await isDirectory(session, reader, propfind, path, signal))
        throw new TransferError('refused', 'what should be removed is a directory')
      reader.forget(path)
      const { reply, excerpt } = await session.perform({ method: 'DELETE', path }, () => EXCERPT, signal)
      if (reply.status === 404 || reply.status === 410) return
      requireDone('DELETE', reply, excerpt)
    },
    makeDirectory: (path, signal) => makeDirectory(session, reader, trimmedEnd(path, '/'), signal),
    list: (path, signal) => {
      if (!propfind) return Promise.reject(new TransferError('unsupported', 'this server does not list directories'))
      return list(session, path, signal)
    },
  }
}

async function rename(session: Session, reader: Reader, propfind: boolean, from: string, to: string, signal: AbortSignal): Promise<void> {
  // Overwrite replaces a directory too, with everything in it.
  if (await isDirectory(session, reader, propfind, to, signal)) throw new TransferError('conflict', 'the target is a directory')
  reader.forget(from)
  reader.forget(to)
  const destination = targetOf(session.origin, to)
  const headers = { destination: destination.origin + destination.path, overwrite: 'T' }
  const { reply, excerpt } = await session.perform({ method: 'MOVE', path: from, headers }, () => EXCERPT, signal)
  requireDone('MOVE', reply, excerpt)
}

/** `Overwrite: F`: what stands under the new name is not ours to replace. */
async function copy(
  session: Session,
  reader: Reader,
  { from, to, size }: { readonly from: string; readonly to: string; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  reader.forget(to)
  const destination = targetOf(session.origin, to)
  const headers = { destination: destination.origin + destination.path, overwrite: 'F', depth: '0' }
  const request = { method: 'COPY', path: from, headers, patienceMs: size / COPY_BYTES_PER_MS }
  const { reply, excerpt } = await session.perform(request, () => EXCERPT, signal)
  requireDone('COPY', reply, excerpt)
}

/** 202: the server puts it off, perhaps for ever; looking again shows. 207: a part of it failed. */
function requireDone(method: string, reply: Reply, excerpt: string): void {
  if (reply.status === 200 || reply.status === 201 || reply.status === 204) return
  if (reply.status === 202) throw new TransferError('transient', `the server put off the ${method}`)
  if (reply.status === 207) throw new TransferError('refused', `the server could not do the ${method}: ${excerpt}`)
  throw statusError(method, reply, excerpt)
}

async function makeDirectory(session: Session, reader: Reader, path: string, signal: AbortSignal): Promise<void> {
  if (targetOf(session.origin, path).path.split('?', 1)[0] === '/') return
  // nginx wants the slash.
  const make = (): Promise<Finished> => session.perform({ method: 'MKCOL', path: `${path}/` }, () => EXCERPT, signal)
  let made = await make()
  if (made.reply.status === 409 || made.reply.status === 404) {
    await makeDirectory(session, reader, directoryName(path), signal)
    made = await make()
  }
  if (made.reply.status !== 405) return requireDone('MKCOL', made.reply, made.excerpt)
  const there = await reader.stat(path, signal)
  if (there?.kind === 'file' && there !== UNSEEN) throw new TransferError('conflict', 'a file stands where a directory should be made')
}

async function isDirectory(session: Session, reader: Reader, propfind: boolean, path: string, signal: AbortSignal): Promise<boolean> {
  if (!propfind) return (await reader.stat(path, signal))?.kind === 'directory'
  return (await resources(session, path, '0', signal)).some((resource) => resource.collection)
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

/** Empty where there is nothing. */
async function resources(session: Session, path: string, depth: '0' | '1', signal: AbortSignal): Promise<readonly DavResource[]> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const sink = (chunk: Uint8Array): void => {
    bytes += chunk.length
    if (bytes > LISTING_BYTES_MAX) throw new TransferError('limit', 'the listing of a directory is too long')
    chunks.push(chunk)
  }
  const { reply, excerpt } = await session.perform(
    { method: 'PROPFIND', path, headers: { depth, 'content-type': 'application/xml' }, body: PROPFIND },
    (found) => (found.status === 207 ? { kind: 'deliver', sink, length: null, beyond: 'protocol' } : EXCERPT),
    signal,
  )
  if (reply.status === 404) {
    if (depth === '0') return []
    throw statusError('PROPFIND', reply, excerpt)
  }
  if (reply.status !== 207) throw statusError('PROPFIND', reply, excerpt)
  const xml = Buffer.concat(chunks).toString('utf8')
  // A listing that was cut short would make files look gone.
  if (!/<\/(?:[^<>]{1,100}:)?multistatus\s*>\s*$/.test(xml.slice(-300)))
    throw new TransferError('transient', 'the listing of a directory is incomplete')
  return parseMultistatus(xml)
}
