/** What a file is, and exactly the bytes of one of its ranges. */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { ReadOptions, RemoteFile, Sink } from '../remote.ts'
import { cacheMarkOf } from './caches.ts'
import { statusError } from './errors.ts'
import { isYoung, versionOf } from './etags.ts'
import type { Accept, Finished, Intake } from './exchange.ts'
import { contentRangeOf, framingOf, header, type Reply, refuseEncoding } from './headers.ts'
import { describeTarget } from './location.ts'
import { addsSlash, isRedirect } from './redirects.ts'
import type { Session } from './session.ts'

const SMALL_BODY_BYTES = 16 * 1024
const EXCERPT: Intake = { kind: 'excerpt' }

export interface Reader {
  stat(path: string, signal: AbortSignal): Promise<RemoteFile | null>
  read(path: string, range: ByteRange, sink: Sink, options: ReadOptions, signal: AbortSignal): Promise<void>
  /** What was seen of this path no longer counts: it has been written to. */
  forget(path: string): void
}

/** What `stat` makes of a reply that proves nothing: there may be a file. */
export const UNSEEN: RemoteFile = { kind: 'file', size: null, modifiedAtMs: null, validator: null }

export interface ReaderOptions {
  /** The server is known to speak WebDAV, so a redirect that only adds a slash marks a directory and no moved file. */
  readonly directories: boolean
  /** Takes what a person should know about this server. */
  note(message: string): void
}

export function openReader(session: Session, { directories, note }: ReaderOptions): Reader {
  const sizes = new Map<string, number>()
  return {
    stat: async (path, signal) => {
      const file = await stat(session, path, directories, signal)
      if (file === UNSEEN)
        note(
          'A cache between here and the server answers in its place, so looking at uploaded files proves nothing. Use an address of the server itself.',
        )
      if (file?.size === null || file === null) sizes.delete(path)
      else sizes.set(path, file.size)
      return file
    },
    read: (path, range, sink, options, signal) =>
      read(session, path, { range, sink, options, size: options.size ?? sizes.get(path) ?? null }, signal),
    forget: (path) => void sizes.delete(path),
  }
}

/** Asked for with a range rather than HEAD, which many servers answer with another length, or without one. */
async function stat(session: Session, path: string, directories: boolean, signal: AbortSignal): Promise<RemoteFile | null> {
  const request = { method: 'GET', path, headers: { range: 'bytes=0-0' }, ...(directories ? { endsAt: addsSlash } : {}) }
  const { reply, excerpt } = await session.perform(request, acceptStat, signal)
  const { status } = reply
  // Also of a 404: the file may have come since.
  if (session.evidence && isSecondHand(reply)) return UNSEEN
  if (isRedirect(reply)) return { kind: 'directory', size: null, modifiedAtMs: null, validator: null }
  if (status === 404 || status === 410) return null
  if (status === 200) return fileOf(session, reply, wholeSizeOf(reply))
  if (status === 206) return fileOf(session, reply, partialSizeOf(reply))
  if (status !== 416) throw statusError('GET', reply, excerpt)
  const unsatisfied = contentRangeOf(reply)
  if (unsatisfied?.total === 0) return fileOf(session, reply, 0)
  // Apache and lighttpd send 416 without a Content-Range; only the empty file has no byte 0, so the whole of it is asked for.
  const whole = await session.perform({ method: 'GET', path }, acceptStat, signal)
  if (session.evidence && isSecondHand(whole.reply)) return UNSEEN
  if (whole.reply.status === 200 && wholeSizeOf(whole.reply) === 0) return fileOf(session, whole.reply, 0)
  throw new TransferError('protocol', `${describeTarget(reply.target)} has no first byte and yet is not empty`)
}

const acceptStat: Accept = (reply) => {
  if (reply.status !== 200) return EXCERPT
  const framing = framingOf(reply)
  return framing.kind === 'length' && framing.length <= SMALL_BODY_BYTES ? EXCERPT : { kind: 'drop' }
}

function fileOf({ evidence }: Session, reply: Reply, size: number | null): RemoteFile {
  refuseEncoding(reply)
  const version = versionOf(reply, size)
  const { modifiedAtMs } = version
  // An upload is known by its content; there a date only tells the server's clock.
  if (evidence || modifiedAtMs === null || !isYoung(reply, modifiedAtMs)) return { kind: 'file', size, ...version }
  return { kind: 'file', size, ...version, modifiedAtMs: null, youngAtMs: modifiedAtMs }
}

function wholeSizeOf(reply: Reply): number | null {
  const framing = framingOf(reply)
  return framing.kind === 'length' ? framing.length : null
}

function partialSizeOf(reply: Reply): number | null {
  const content = contentRangeOf(reply)
  if (content?.range?.start !== 0 || content.range.end !== 1) {
    throw new TransferError(
      'protocol',
      `${describeTarget(reply.target)} answered bytes 0-0 with ${JSON.stringify(header(reply, 'content-range'))}`,
    )
  }
  return content.total
}

interface Reading {
  readonly range: ByteRange
  readonly sink: Sink
  readonly options: ReadOptions
  /** As the caller knows it, or as `stat` told it last. */
  readonly size: number | null
}

async function read(session: Session, path: string, reading: Reading, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal)
  const { start, end } = reading.range
  if (end <= start) return
  const whole = start === 0 && end === Number.POSITIVE_INFINITY
  const headers: Record<string, string> = {}
  if (!whole) headers.range = `bytes=${start}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}`
  const { validator, pastCaches = false } = reading.options
  // A weak one never matches, and the whole file would be sent.
  if (!whole && validator !== undefined && !isWeak(validator)) headers['if-range'] = validator
  const accept: Accept = (reply) => acceptRead(session, reply, reading)
  const finished = await session.perform({ method: 'GET', path, headers, pastCaches }, accept, signal)
  const { status } = finished.reply
  if (session.evidence) requireOrigin(finished.reply)
  if (status === 200 || status === 206) return
  if (status === 416) return unsatisfied(finished, reading)
  if (status === 412) throw new TransferError('source-changed', `${describeTarget(finished.reply.target)} is another version than before`)
  throw statusError('GET', finished.reply, finished.excerpt)
}

/** Statuses that say something about the file; a refusal or a failure is one, whoever tells it. */
const TELLING = new Set([404, 410, 412, 416])

function isSecondHand(reply: Reply): boolean {
  return (reply.status < 400 || TELLING.has(reply.status)) && cacheMarkOf(reply) !== null
}

/** What is read of an upload is a proof, and a copy of what once was there proves nothing. */
function requireOrigin(reply: Reply): void {
  if (!isSecondHand(reply)) return
  const hint = 'Name an address of the server itself, or let the cache honour Cache-Control: no-cache.'
  const message = `a cache answered for ${describeTarget(reply.target)} (its header ${cacheMarkOf(reply)} says so), which proves nothing`
  throw new TransferError('refused', message, { hint })
}

function acceptRead(session: Session, reply: Reply, reading: Reading): Intake {
  if (reply.status !== 200 && reply.status !== 206) return EXCERPT
  if (session.evidence) requireOrigin(reply)
  compareValidator(reply, reading.options)
  refuseEncoding(reply)
  return reply.status === 206 ? acceptPartial(reply, reading) : acceptWhole(reply, reading)
}

function compareValidator(reply: Reply, { validator }: ReadOptions): void {
  if (validator === undefined) return
  const tag = header(reply, 'etag')
  if (tag === null) throw new TransferError('protocol', `${describeTarget(reply.target)} no longer says which version it sends`)
  const same = isWeak(validator) ? opaque(tag) === opaque(validator) : tag.trim() === validator
  if (!same) throw changed(reply, `its ETag is ${tag} instead of ${validator}`)
}

function isWeak(etag: string): boolean {
  return etag.startsWith('W/')
}

/** Apache calls the ETag of a file weak during its first second, and strong later. */
function opaque(etag: string): string {
  return etag.trim().replace(/^W\//, '')
}

function acceptPartial(reply: Reply, { range, sink, size }: Reading): Intake {
  const content = contentRangeOf(reply)
  const said = JSON.stringify(header(reply, 'content-range'))
  const broken = (): TransferError =>
    new TransferError('protocol', `${describeTarget(reply.target)} answered bytes from ${range.start} to ${range.end} with ${said}`)
  if (content?.range?.start !== range.start) throw broken()
  const { total } = content
  if (total !== null && size !== null && total !== size && !looksBehind(range, size))
    throw changed(reply, `its size is ${total} instead of ${size}`)
  if (total !== null && Number.isFinite(range.end) && total < range.end) throw changed(reply, `it has only ${total} bytes`)
  const end = Number.isFinite(range.end) ? range.end : total
  if (content.range.end !== end) throw broken()
  const length = end - range.start
  const framing = framingOf(reply)
  if (framing.kind === 'length' && framing.length !== length) throw broken()
  return { kind: 'deliver', sink, length, beyond: 'protocol' }
}

/** Whoever reads behind the size he knows wants to see what is there, not to hear that there is something. */
function looksBehind(range: ByteRange, size: number): boolean {
  return Number.isFinite(range.end) && range.end > size
}

/** The server ignored the range, or none was asked for. */
function acceptWhole(reply: Reply, { range, sink, size }: Reading): Intake {
  const framing = framingOf(reply)
  const length = framing.kind === 'length' ? framing.length : null
  if (length !== null && size !== null && length !== size && !looksBehind(range, size))
    throw changed(reply, `its size is ${length} instead of ${size}`)
  if (range.start > 0) throw new TransferError('unsupported', `${describeTarget(reply.target)} always sends the whole file`)
  if (Number.isFinite(range.end)) {
    if (length !== null && length < range.end) throw changed(reply, `it has only ${length} bytes`)
    return { kind: 'deliver', sink, length: range.end, beyond: (length ?? size) === range.end ? 'protocol' : 'cut' }
  }
  const known = length ?? size
  if (framing.kind === 'close' && known === null) {
    throw new TransferError(
      'protocol',
      `${describeTarget(reply.target)} does not say how long its reply is, so nobody can know whether it is complete`,
    )
  }
  return { kind: 'deliver', sink, length: known, beyond: 'protocol' }
}

/** Nothing at or beyond the end of the file is nothing left to read; with If-Range the server has compared the version before. */
function unsatisfied({ reply }: Finished, { range }: Reading): void {
  const total = contentRangeOf(reply)?.total ?? null
  if (total === range.start && range.end === Number.POSITIVE_INFINITY) return
  if (total !== null && total >= range.end) {
    throw new TransferError(
      'protocol',
      `${describeTarget(reply.target)} says that bytes ${range.start} to ${range.end} are not within its ${total}`,
    )
  }
  throw changed(reply, total === null ? 'it is shorter than before' : `it has only ${total} bytes`)
}

function changed(reply: Reply, why: string): TransferError {
  return new TransferError('source-changed', `${describeTarget(reply.target)} is not the same file any more: ${why}`)
}
