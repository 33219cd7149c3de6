/** Uploads: whole files by PUT, and ranges of them where a probe has shown that the server writes those in place. */
import { type FailureKind, TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Body, PositionalResumer, WriteObserver, Writer } from '../remote.ts'
import { statusError } from './errors.ts'
import { scratchPath } from './features.ts'
import type { Reply } from './headers.ts'
import { EXCERPT, type Finished } from './intake.ts'
import { lastWordMs } from './patience.ts'
import type { Reader } from './reader.ts'
import type { DavServer } from './server.ts'
import type { Session } from './session.ts'

export function openWriter(server: DavServer): Writer {
  const { session, reader, note } = server
  let probed: PositionalResumer | null | undefined
  const create: Writer['create'] = async (path, size, body, observer, signal) => {
    reader.forget(path)
    const finished = await put(session, path, size, {}, body, observer, signal)
    requireTaken(finished)
    server.made.add(path)
    // An older file of the same size would pass for this one, so the size says nothing now.
    if (!isStored(finished.reply))
      return note(`This server answers PUT with ${finished.reply.status}: it accepts files without saying that they are stored.`)
    await confirm(reader, path, size, note, signal)
    observer.acknowledged(size)
  }
  return {
    create,
    resumer: async (directory, signal) => {
      if (probed === undefined)
        probed = (await writesInPlace(session, reader, directory, signal)) ? positional(session, reader, create) : null
      return probed
    },
  }
}

async function put(
  session: Session,
  path: string,
  size: number,
  headers: Readonly<Record<string, string>>,
  body: Body,
  observer: WriteObserver,
  signal: AbortSignal,
): Promise<Finished> {
  if (size === 0) await body[Symbol.asyncIterator]().return?.()
  const sent = (total: number): void => observer.sent(total)
  return session.perform(
    {
      method: 'PUT',
      path,
      headers: { ...headers, 'content-length': String(size) },
      body: size === 0 ? '' : body,
      sent,
      lastWordMs: lastWordMs(size),
    },
    () => EXCERPT,
    signal,
  )
}

/** 202 Accepted may mean never, and what other successes mean for PUT is nowhere said. */
function isStored({ status }: Reply): boolean {
  return status === 200 || status === 201 || status === 204
}

function requireTaken({ reply, excerpt, requestSent }: Finished): void {
  if (reply.status < 200 || reply.status > 299) throw statusError('PUT', reply, excerpt)
  if (!requestSent) throw new TransferError('transient', `the server answered PUT with ${reply.status} before it had the whole file`)
}

/** How a look can fail without a word about the file. */
const NOT_SHOWN: readonly FailureKind[] = ['denied', 'refused', 'unsupported', 'transient', 'protocol']

/** Another size than the one sent is told, or nothing is wrong: a finished PUT stays finished when the look after it fails, or finds nothing (yet, or for us). */
async function confirm(reader: Reader, path: string, size: number, note: (message: string) => void, signal: AbortSignal): Promise<void> {
  const stored = await reader.stat(path, signal).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof TransferError) || !NOT_SHOWN.includes(error.kind)) throw error
    return error
  })
  if (stored instanceof TransferError)
    return note(`This server takes files but does not show them, so their size is not confirmed (${stored.message}).`)
  if (stored === null) return note('This server confirmed an upload and shows no such file, so its size is not confirmed.')
  if (stored.size === null) return note('This server does not tell the size of files, so the size of uploads is not confirmed.')
  if (stored.size !== size) throw new TransferError('integrity', `the server stored ${stored.size} bytes instead of ${size}`)
}

function positional(session: Session, reader: Reader, create: Writer['create']): PositionalResumer {
  return {
    kind: 'positional',
    write: async (path, range, body, observer, signal) => {
      reader.forget(path)
      const { reply, excerpt, requestSent } = await putRange(session, path, range, body, observer, signal)
      if (reply.status === 412 || reply.status === 404) throw new TransferError('offset-conflict', 'the partial is no longer there')
      requireTaken({ reply, excerpt, requestSent, bodyStarted: true })
      if (!isStored(reply))
        throw new TransferError(
          'unsupported',
          `the server answered a range of the file with ${reply.status}, so nobody knows whether it is stored`,
        )
      const file = await reader.stat(path, signal)
      // Without a size the proof of the whole will tell.
      const size = file === null ? 0 : (file.size ?? range.end)
      if (size < range.end) throw new TransferError('integrity', `the server has ${size} bytes after a write up to ${range.end}`)
      observer.acknowledged(range.end - range.start)
    },
    truncate: async (path, size, signal) => {
      const file = await reader.stat(path, signal)
      if (file?.size === size) return
      if (size !== 0) throw new TransferError('unsupported', 'HTTP cannot shorten a file')
      await create(path, 0, nothing(), { sent: () => undefined, acknowledged: () => undefined }, signal)
    },
  }
}

/** If-Match keeps Apache from inventing a file of zero bytes and a tail where the partial is gone. */
function putRange(
  session: Session,
  path: string,
  range: ByteRange,
  body: Body,
  observer: WriteObserver,
  signal: AbortSignal,
): Promise<Finished> {
  const headers = { 'content-range': `bytes ${range.start}-${range.end - 1}/*`, 'if-match': '*' }
  return put(session, path, range.end - range.start, headers, body, observer, signal)
}

/** There may be no scratch file, it cannot be read, or only a cache answers: nothing shows that ranges are written in place. */
const NOT_IN_PLACE: readonly FailureKind[] = ['source-changed', 'unsupported', 'not-found', 'refused']

/** nginx refuses Content-Range, and Go's WebDAV replaces the whole file by the range with a 201: only the bytes themselves can tell. */
async function writesInPlace(session: Session, reader: Reader, directory: string, signal: AbortSignal): Promise<boolean> {
  const path = scratchPath(directory)
  const observer: WriteObserver = { sent: () => undefined, acknowledged: () => undefined }
  try {
    const made = await put(session, path, 8, {}, once('abcdefgh'), observer, signal)
    requireTaken(made)
    if (!isStored(made.reply)) return false
    const { reply } = await putRange(session, path, { start: 4, end: 6 }, once('XY'), observer, signal)
    if (!isStored(reply)) return false
    const stored: Buffer[] = []
    await reader.read(path, { start: 0, end: 8 }, (chunk) => void stored.push(Buffer.from(chunk)), {}, signal)
    const size = (await reader.stat(path, signal))?.size
    return size === 8 && Buffer.concat(stored).toString('latin1') === 'abcdXYgh'
  } catch (error) {
    if (error instanceof TransferError && NOT_IN_PLACE.includes(error.kind)) return false
    throw error
  } finally {
    await session.perform({ method: 'DELETE', path }, () => EXCERPT, signal).catch(() => undefined)
  }
}

async function* once(text: string): Body {
  yield Buffer.from(text)
}

async function* nothing(): Body {}
