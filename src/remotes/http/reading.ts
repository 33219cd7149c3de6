/** Exactly the bytes of one range of a file, or a failure. */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { ReadOptions, Sink } from '../remote.ts'
import { cacheMarkOf } from './caches.ts'
import { statusError } from './errors.ts'
import { contentRangeOf, framingOf, header, type Reply } from './headers.ts'
import type { Held } from './held.ts'
import { EXCERPT, type Finished, type Intake } from './intake.ts'
import { labelled, labelOf } from './labels.ts'
import { describeTarget } from './location.ts'
import { isSecondHand, isWhole, lookError } from './look.ts'
import { isRefusal, type RangeSupport } from './range-support.ts'
import type { Session } from './session.ts'

export interface ReadingAt {
  readonly session: Session
  readonly ranges: RangeSupport
  note(message: string): void
}

export interface Reading {
  readonly path: string
  readonly range: ByteRange
  readonly sink: Sink
  readonly options: ReadOptions
  /** As the caller knows it, or as `stat` told it last. */
  readonly size: number | null
  /** The reply to the last look, with the file still to come. */
  readonly held: Held | null
}

export async function read(at: ReadingAt, reading: Reading, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal)
  const { range, size, held } = reading
  if (range.end <= range.start) return held?.drop()
  const begun = held === null ? null : await takeOver(at, reading, held, signal)
  if (begun !== null) return finish(at, reading, begun)
  held?.drop()
  // Who wants all of it asks for no part.
  const isAll = range.start === 0 && (range.end === Number.POSITIVE_INFINITY || range.end === size)
  if (isAll || (at.ranges.refused && range.start === 0)) return finish(at, reading, await ask(at, reading, {}, signal))
  if (at.ranges.refused) throw alwaysWhole(reading.path)
  const answer = await askRange(at, reading, signal)
  if (answer instanceof TransferError || mayBeRefused(at, reading, answer.reply)) return withoutRange(at, reading, answer, signal)
  finish(at, reading, answer)
  await readOn(at, reading, answer.reply, signal)
}

/** The reply that waits since the last look, when it is what is wanted now. Null also when it turns out to be over before its first byte. */
async function takeOver(at: ReadingAt, reading: Reading, held: Held, signal: AbortSignal): Promise<Finished | null> {
  if (reading.range.start > 0 || reading.options.pastCaches === true) return null
  let intake: Intake
  try {
    intake = acceptRead(at, held.reply, reading)
  } catch {
    return null
  }
  if (intake.kind !== 'deliver' || intake.length !== held.length || intake.beyond !== 'protocol') return null
  let begun = false
  const sink: Sink = (chunk) => {
    begun = true
    return reading.sink(chunk)
  }
  try {
    return await held.deliver(sink, signal)
  } catch (error) {
    if (begun || signal.aborted || !(error instanceof TransferError) || error.kind !== 'transient') throw error
    return null
  }
}

function ask(at: ReadingAt, reading: Reading, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Finished> {
  const { path, options } = reading
  const request = { method: 'GET', path, headers, pastCaches: options.pastCaches ?? false }
  return at.session.perform(request, (reply) => acceptRead(at, reply, reading), signal)
}

/** An error is returned when the connection was cut without a word, as some firewalls do about any range. */
async function askRange(at: ReadingAt, reading: Reading, signal: AbortSignal): Promise<Finished | TransferError> {
  const { start, end } = reading.range
  const { validator } = reading.options
  const headers: Record<string, string> = { range: `bytes=${start}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}` }
  // A weak one never matches, and the whole file would be sent.
  if (validator !== undefined && !isWeak(validator)) headers['if-range'] = validator
  let answered = false
  const accept = (reply: Reply): Intake => {
    answered = true
    return acceptRead(at, reply, reading)
  }
  const request = { method: 'GET', path: reading.path, headers, pastCaches: reading.options.pastCaches ?? false }
  return at.session.perform(request, accept, signal).catch((error: unknown) => {
    if (!answered && error instanceof TransferError && at.session.connected() && at.ranges.mayRefuse(error)) return error
    throw error
  })
}

/** Of 416 only one to a place that the file has: behind its end it is the right answer. */
function mayBeRefused(at: ReadingAt, { range, size }: Reading, reply: Reply): boolean {
  if (reply.status === 416 && (contentRangeOf(reply) !== null || size === null || range.start >= size)) return false
  return at.ranges.mayRefuse(reply)
}

/** Once more for the whole file: whether that is sent tells what the refusal was about. */
async function withoutRange(at: ReadingAt, reading: Reading, answer: Finished | TransferError, signal: AbortSignal): Promise<void> {
  const refusal = answer instanceof TransferError ? answer : answer.reply
  if (reading.range.start === 0) {
    finish(at, reading, await ask(at, reading, {}, signal))
    at.ranges.wholeWorked(refusal)
    return
  }
  const request = { method: 'GET', path: reading.path, pastCaches: reading.options.pastCaches ?? false }
  const whole = await at.session.perform(request, (reply) => (isWhole(reply) ? { kind: 'drop' } : EXCERPT), signal)
  if (!isWhole(whole.reply)) throw statusError('GET', whole.reply, whole.excerpt)
  if (at.ranges.wholeWorked(refusal)) throw alwaysWhole(reading.path)
  throw answer instanceof TransferError ? answer : statusError('GET', answer.reply, answer.excerpt)
}

function alwaysWhole(what: string): TransferError {
  return new TransferError('unsupported', `the server sends ${what} only as a whole`)
}

function finish({ session }: ReadingAt, reading: Reading, finished: Finished): void {
  const { reply, excerpt } = finished
  if (session.evidence) requireOrigin(reply)
  if (isWhole(reply) || (reply.status === 206 && !isRefusal(reply))) return
  if (reply.status === 416) {
    unsatisfied(reply, reading)
    return
  }
  if (reply.status === 412) throw new TransferError('source-changed', `${describeTarget(reply.target)} is another version than before`)
  throw lookError(session, reply, excerpt)
}

/** A server may send less than was asked for and leave the rest to the next request. */
async function readOn(at: ReadingAt, reading: Reading, reply: Reply, signal: AbortSignal): Promise<void> {
  const content = reply.status === 206 ? contentRangeOf(reply) : null
  const sentTo = content?.range?.end ?? reading.range.end
  const end = Math.min(reading.range.end, content?.total ?? reading.range.end)
  if (sentTo < end) await read(at, { ...reading, range: { start: sentTo, end }, held: null }, signal)
}

/** What is read of an upload is a proof, and a copy of what once was there proves nothing. */
function requireOrigin(reply: Reply): void {
  if (!isSecondHand(reply)) return
  const hint = 'Name an address of the server itself, or let the cache honour Cache-Control: no-cache.'
  const message = `a cache answered for ${describeTarget(reply.target)} (its header ${cacheMarkOf(reply)} says so), which proves nothing`
  throw new TransferError('refused', message, { hint })
}

function acceptRead(at: ReadingAt, reply: Reply, reading: Reading): Intake {
  if (reply.status === 206 ? isRefusal(reply) : !isWhole(reply)) return reply.status === 206 ? { kind: 'drop' } : EXCERPT
  if (at.session.evidence) requireOrigin(reply)
  compareValidator(reply, reading.options)
  judgeLabels(at, reply, reading.options)
  return reply.status === 206 ? acceptPartial(at, reply, reading) : acceptWhole(reply, reading)
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

/** Bytes that may not be the stored ones are only taken where they are compared with a digest from elsewhere, or, in an upload, with the source itself. */
function judgeLabels({ session, note }: ReadingAt, reply: Reply, { checked = false }: ReadOptions): void {
  if (session.evidence) return
  const from = describeTarget(reply.target)
  if (reply.status === 203) note(`A proxy on the way says that it has changed the reply of ${from} (203).`)
  const judged = labelled(reply)
  if (judged === 'plain') return
  const coding = JSON.stringify(labelOf(reply))
  if (judged === 'doubtful' && !checked) {
    const message = `${from} was sent in the content encoding ${coding} although identity was asked for, and nothing shows that it is stored so`
    throw new TransferError('protocol', message, { hint: 'Switch compression off for this path on the server, or give a `checksum`.' })
  }
  note(`${from} is labelled with the content encoding ${coding} although identity was asked for. The bytes are saved as they came.`)
}

function acceptPartial({ ranges }: ReadingAt, reply: Reply, { range, sink, size }: Reading): Intake {
  const content = contentRangeOf(reply)
  const said = JSON.stringify(header(reply, 'content-range'))
  const broken = (): TransferError =>
    new TransferError('protocol', `${describeTarget(reply.target)} answered bytes from ${range.start} to ${range.end} with ${said}`)
  if (content?.range == null) throw broken()
  const { total } = content
  if (total !== null && size !== null && total !== size && !looksBehind(range, size))
    throw changed(reply, `its size is ${total} instead of ${size}`)
  if (total !== null && Number.isFinite(range.end) && total < range.end) throw changed(reply, `it has only ${total} bytes`)
  const framing = framingOf(reply)
  if (framing.kind === 'length' && framing.length !== content.range.end - content.range.start) throw broken()
  const end = Number.isFinite(range.end) ? range.end : total
  if (end === null || content.range.end <= range.start || content.range.start > range.start) throw broken()
  if (content.range.start < range.start) throw alwaysWhole(describeTarget(reply.target))
  ranges.works()
  // What is wider than asked for is cut off; what is narrower goes on with the next request.
  const until = Math.min(end, content.range.end)
  return { kind: 'deliver', sink, length: until - range.start, beyond: content.range.end > end ? 'cut' : 'protocol' }
}

/** Whoever reads behind the size he knows wants to see what is there, not to hear that there is something. */
function looksBehind(range: ByteRange, size: number): boolean {
  return Number.isFinite(range.end) && range.end > size
}

/** The server ignored the range, or none was asked for. */
function acceptWhole(reply: Reply, { range, sink, size, options }: Reading): Intake {
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
  if (framing.kind === 'close' && known === null && options.checked !== true) {
    const message = `${describeTarget(reply.target)} does not say how long its reply is, so nobody can know whether it is complete`
    throw new TransferError('protocol', message, { hint: 'Give a `checksum`: then that tells.' })
  }
  return { kind: 'deliver', sink, length: known, beyond: 'protocol' }
}

/** Nothing at or beyond the end of the file is nothing left to read; with If-Range the server has compared the version before. */
function unsatisfied(reply: Reply, { range }: Reading): void {
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
