/** What a reply's header says, read strictly. */
import { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Target } from './location.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Where it came from, after redirects. */
  readonly target: Target
}

export function header(reply: Reply, name: string): string | null {
  const value = reply.headers[name]
  if (value === undefined) return null
  return typeof value === 'string' ? value : value.join(', ')
}

/** How the end of the body is known: by a count, by chunks, or only by the end of the connection, which a cut looks like too. */
export type Framing = { readonly kind: 'length'; readonly length: number } | { readonly kind: 'chunked' } | { readonly kind: 'close' }

export function framingOf(reply: Reply): Framing {
  const coding = header(reply, 'transfer-encoding')
  if (coding !== null) {
    if (coding.trim().toLowerCase() === 'chunked') return { kind: 'chunked' }
    throw new TransferError('protocol', `the server sent the transfer encoding ${JSON.stringify(coding)}, which was not asked for`)
  }
  const text = header(reply, 'content-length')
  if (text === null) return { kind: 'close' }
  const length = decimal(text.trim())
  if (length === null) throw new TransferError('protocol', `the server sent the content length ${JSON.stringify(text)}`)
  return { kind: 'length', length }
}

/** `bytes 0-9/100`: the range half-open, the total null when the server does not tell (`*`), the range null when unsatisfied (`bytes * /100`). */
export interface ContentRange {
  readonly range: ByteRange | null
  readonly total: number | null
}

/** Null when there is none or when it makes no sense. */
export function contentRangeOf(reply: Reply): ContentRange | null {
  const match = /^bytes[ \t]+(?:(\d{1,16})-(\d{1,16})|\*)\/(\d{1,16}|\*)$/i.exec((header(reply, 'content-range') ?? '').trim())
  if (match === null) return null
  const [, first, last, totalText] = match
  const total = totalText === '*' ? null : decimal(totalText ?? '')
  if (first === undefined || last === undefined) return total === null ? null : { range: null, total }
  const start = decimal(first)
  const end = decimal(last)
  if (start === null || end === null || end < start || (total !== null && end >= total)) return null
  return { range: { start, end: end + 1 }, total }
}

/** The strong ETag, quotes included; null for a weak one (`W/`) or none. */
export function strongValidatorOf(reply: Reply): string | null {
  const tag = (header(reply, 'etag') ?? '').trim()
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag) ? tag : null
}

/** Any ETag that is one, as it was told. */
export function entityTagOf(reply: Reply): string | null {
  const tag = (header(reply, 'etag') ?? '').trim()
  return /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(tag) ? tag : null
}

export function modifiedAtMsOf(reply: Reply): number | null {
  const at = Date.parse(header(reply, 'last-modified') ?? '')
  return Number.isNaN(at) ? null : at
}

/** Retry-After in milliseconds: seconds, or a date that is compared with the reply's own Date, so that our clock does not matter. */
export function retryAfterMsOf(reply: Reply): number | null {
  const text = header(reply, 'retry-after')?.trim()
  if (text === undefined || text === '') return null
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const until = Date.parse(text)
  if (/^[+-]?\d/.test(text) || Number.isNaN(until)) return null
  const served = Date.parse(header(reply, 'date') ?? '')
  return Math.max(0, until - (Number.isNaN(served) ? Date.now() : served))
}

function decimal(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : null
}
