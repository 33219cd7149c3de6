/** What a file is: asked by GET, with a range rather than HEAD, which many servers answer with another length, or without one. What is refused is no knowledge. */
import { type FailureKind, TransferError } from '../../core/errors.ts'
import type { RemoteFile } from '../remote.ts'
import { cacheMarkOf } from './caches.ts'
import { statusError } from './errors.ts'
import { isYoung, versionOf } from './etags.ts'
import { contentRangeOf, framingOf, header, type Reply } from './headers.ts'
import { holdReply, type Seen } from './held.ts'
import { type Accept, EXCERPT } from './intake.ts'
import { labelled } from './labels.ts'
import { describeTarget } from './location.ts'
import type { RangeSupport } from './range-support.ts'
import { addsSlash, isRedirect } from './redirects.ts'
import type { Session } from './session.ts'

const SMALL_BODY_BYTES = 16 * 1024
/** What `stat` makes of a reply that proves nothing: there may be a file. */
export const UNSEEN: RemoteFile = { kind: 'file', size: null, modifiedAtMs: null, validator: null }
export const DIRECTORY: RemoteFile = { kind: 'directory', size: null, modifiedAtMs: null, validator: null }

/** The server does not tell. */
const REFUSALS: readonly FailureKind[] = ['denied', 'refused', 'unsupported']

export function isRefused(error: unknown): error is TransferError {
  return error instanceof TransferError && REFUSALS.includes(error.kind)
}

/** By PROPFIND; null when there is nothing. Rejects like `stat`. */
export type Properties = (path: string, signal: AbortSignal) => Promise<RemoteFile | null>

export interface Looking {
  readonly session: Session
  readonly ranges: RangeSupport
  /** A redirect that only adds a slash marks a directory, and no moved file. */
  readonly directories: boolean
  readonly properties: Properties | null
}

export interface Look {
  readonly file: RemoteFile | null
  /** Of a download that answered with the whole of it. */
  readonly held: Seen['held']
}

/** `first`: a download that has not been looked at begins without a range: that is what browsers send, and the reply may be all that there ever is. */
export async function look(looking: Looking, path: string, first: boolean, signal: AbortSignal): Promise<Look> {
  const { session, ranges, properties } = looking
  const isRanged = !ranges.refused && (session.evidence || !first)
  const seen = isRanged ? await askRange(looking, path, signal) : await ask(looking, path, {}, signal)
  try {
    const file = fileIn(session, seen)
    // A listing of a directory has no ranges.
    if (properties === null || !isWhole(seen.reply) || file === UNSEEN) return { file, held: seen.held }
    const told = await properties(path, signal).catch(orNull)
    if (told?.kind === 'directory' || file === null) return { file: told, held: seen.held }
    return { file: { ...file, size: file.size ?? told?.size ?? null }, held: seen.held }
  } catch (error) {
    seen.held?.drop()
    if (properties === null || !isRefused(error)) throw error
    const told = await properties(path, signal).catch((again: unknown) => {
      throw isRefused(again) ? error : again
    })
    return { file: told, held: null }
  }
}

function orNull(error: unknown): null {
  if (!isRefused(error)) throw error
  return null
}

/** With a range, and once more without where that may be what is refused. */
async function askRange(looking: Looking, path: string, signal: AbortSignal): Promise<Seen> {
  const { session, ranges } = looking
  const asked = await ask(looking, path, { range: 'bytes=0-0' }, signal).catch((error: unknown) => {
    if (error instanceof TransferError && session.connected() && ranges.mayRefuse(error)) return error
    throw error
  })
  if (!(asked instanceof TransferError)) {
    const content = asked.reply.status === 206 ? contentRangeOf(asked.reply) : null
    if (content?.range?.start === 0 && content.range.end === 1) ranges.works()
    const isEmpty = asked.reply.status === 416 && contentRangeOf(asked.reply)?.total === 0
    if (isEmpty || !ranges.mayRefuse(asked.reply)) return asked
  }
  const whole = await ask(looking, path, {}, signal)
  // webfs answers 400 for the first byte of an empty file: true, and nothing about other files.
  if (isWhole(whole.reply) && sizeOf(whole.reply) !== 0) ranges.wholeWorked(asked instanceof TransferError ? asked : asked.reply)
  return whole
}

async function ask(looking: Looking, path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Seen> {
  const { session, directories } = looking
  const request = { method: 'GET', path, headers, ...(directories ? { endsAt: addsSlash } : {}) }
  if (!session.evidence) return holdReply((accept, s) => session.perform(request, accept, s), isWhole, signal)
  const { reply, excerpt } = await session.perform(request, acceptLook, signal)
  return { reply, excerpt, held: null }
}

const acceptLook: Accept = (reply) => {
  if (!isWhole(reply)) return EXCERPT
  const framing = framingOf(reply)
  return framing.kind === 'length' && framing.length <= SMALL_BODY_BYTES ? EXCERPT : { kind: 'drop' }
}

/** 203: a proxy on the way has changed something, of the header or the bytes. */
export function isWhole({ status }: Reply): boolean {
  return status === 200 || status === 203
}

function fileIn(session: Session, { reply, excerpt }: Seen): RemoteFile | null {
  const { status } = reply
  // Also of a 404: the file may have come since.
  if (session.evidence && isSecondHand(reply)) return UNSEEN
  if (isRedirect(reply)) return DIRECTORY
  if (status === 404 || status === 410) return null
  if (isWhole(reply)) return fileOf(session, reply, sizeOf(reply))
  if (status === 206) return fileOf(session, reply, partialSizeOf(reply))
  if (status !== 416) throw lookError(session, reply, excerpt)
  if (contentRangeOf(reply)?.total === 0) return fileOf(session, reply, 0)
  throw new TransferError('protocol', `${describeTarget(reply.target)} has no first byte and yet is not empty`)
}

/** An upload goes on without a look that fails inside the server; for a download the look is the transfer. */
export function lookError({ evidence }: Session, reply: Reply, excerpt: string): TransferError {
  const error = statusError('GET', reply, excerpt)
  return evidence && reply.status === 500 ? new TransferError('refused', error.message, { cause: error }) : error
}

function fileOf({ evidence }: Session, reply: Reply, told: number | null): RemoteFile {
  const size = evidence && labelled(reply) === 'doubtful' ? null : told
  const version = versionOf(reply, size)
  const { modifiedAtMs } = version
  // An upload is known by its content; there a date only tells the server's clock.
  if (evidence || modifiedAtMs === null || !isYoung(reply, modifiedAtMs)) return { kind: 'file', size, ...version }
  return { kind: 'file', size, ...version, modifiedAtMs: null, youngAtMs: modifiedAtMs }
}

function sizeOf(reply: Reply): number | null {
  const framing = framingOf(reply)
  return framing.kind === 'length' ? framing.length : null
}

/** A part that is wider than was asked (SabreDAV sends all for `0-0`) tells the size as well. */
function partialSizeOf(reply: Reply): number | null {
  const content = contentRangeOf(reply)
  if (content?.range?.start === 0) return content.total
  throw new TransferError(
    'protocol',
    `${describeTarget(reply.target)} answered bytes 0-0 with ${JSON.stringify(header(reply, 'content-range'))}`,
  )
}

/** Statuses that say something about the file; a refusal or a failure is one, whoever tells it. */
const TELLING = new Set([404, 410, 412, 416])

export function isSecondHand(reply: Reply): boolean {
  return (reply.status < 400 || TELLING.has(reply.status)) && cacheMarkOf(reply) !== null
}
