/**
 * What an ETag is worth. Most servers of files make it of time and size (nginx, Apache, Caddy, Go, lighttpd, IIS, ASP.NET): two versions of equal time and size then
 * have the same one, however strong it claims to be.
 */
import type { RemoteFile } from '../remote.ts'
import { entityTagOf, header, modifiedAtMsOf, type Reply, strongValidatorOf } from './headers.ts'

/** A file that was written in the same moment as it was looked at may be written again with the same time. */
const YOUNG_MS = 2000
/** 1 January 1601, from which Windows counts, to 1970, in units of 100 ns. */
const WINDOWS_EPOCH = 116_444_736_000_000_000n
const SECOND_NS = 1_000_000_000n
/** Longer ones hold a digest. */
const PLAIN_LENGTH_MAX = 30

/** What a reply tells of the version that it is of. */
export function versionOf(reply: Reply, size: number | null): Pick<RemoteFile, 'modifiedAtMs' | 'validator' | 'etag'> {
  const modifiedAtMs = modifiedAtMsOf(reply)
  const validator = strongValidatorOf(reply)
  const etag = entityTagOf(reply)
  if (validator !== null && !isTimeAndSize(validator, size, modifiedAtMs)) return { modifiedAtMs, validator }
  return { modifiedAtMs, validator: null, ...(etag === null ? {} : { etag }) }
}

/** Whether the file may still be written in the second in which it was, by the server's own clock. */
export function isYoung(reply: Reply, modifiedAtMs: number): boolean {
  return Math.abs(Date.parse(header(reply, 'date') ?? '') - modifiedAtMs) <= YOUNG_MS
}

export function isTimeAndSize(etag: string, size: number | null, modifiedAtMs: number | null): boolean {
  const opaque = etag
    .replace(/^W\//, '')
    .replace(/^"|"$/g, '')
    .replace(/(?:-|--|;)(?:gzip|br|zstd|deflate)$/i, '')
    .toLowerCase()
  // nginx `time-size`, Apache `size-time` and `inode-size-time`, aiohttp, IIS `filetime:changes`; lighttpd a 32-bit hash in decimal.
  if (/^[0-9a-f]{1,16}(?:-[0-9a-f]{1,16}){1,2}$/.test(opaque) || /^[0-9a-f]{8,16}:[0-9a-f]{1,8}$/.test(opaque) || /^\d{1,20}$/.test(opaque))
    return true
  if (opaque.split(/[^0-9a-z]+/).some((piece) => isTime(piece, modifiedAtMs) || (piece.length > 2 && spells(piece, size)))) return true
  return joinsWithSize(opaque, size) || isMixedWithSize(opaque, size, modifiedAtMs)
}

/** Caddy (base 36) and Go's WebDAV (hexadecimal) write time and size without anything between. */
function joinsWithSize(opaque: string, size: number | null): boolean {
  if (size === null || opaque.length > PLAIN_LENGTH_MAX) return false
  return spellings(BigInt(size)).some((s) => s.length > 2 && opaque.length > s.length && (opaque.endsWith(s) || opaque.startsWith(s)))
}

/** ASP.NET Core: the FILETIME and the size, combined by XOR. */
function isMixedWithSize(opaque: string, size: number | null, modifiedAtMs: number | null): boolean {
  return size !== null && /^[0-9a-f]{15,16}$/.test(opaque) && isWindowsTime(BigInt(`0x${opaque}`) ^ BigInt(size), modifiedAtMs)
}

function spells(piece: string, number: number | null): boolean {
  return number !== null && spellings(BigInt(number)).includes(piece)
}

function spellings(number: bigint): readonly string[] {
  return [number.toString(16), number.toString(10), number.toString(36)]
}

/** Whether the text is the time of Last-Modified: in seconds or finer, hexadecimal, decimal or in base 36, or as a FILETIME. */
function isTime(text: string, modifiedAtMs: number | null): boolean {
  if (modifiedAtMs === null || text.length < 5 || text.length > 20) return false
  const seconds = BigInt(Math.floor(modifiedAtMs / 1000))
  return [16, 10, 36].some((base) => {
    const value = parsed(text, base)
    if (value === null) return false
    const inSeconds = [1n, 1000n, 1_000_000n, SECOND_NS].some((unit) => value / unit === seconds)
    return inSeconds || (base === 16 && isWindowsTime(value, modifiedAtMs))
  })
}

function isWindowsTime(value: bigint, modifiedAtMs: number | null): boolean {
  return modifiedAtMs !== null && (value - WINDOWS_EPOCH) / 10_000_000n === BigInt(Math.floor(modifiedAtMs / 1000))
}

function parsed(text: string, base: number): bigint | null {
  let value = 0n
  for (const character of text) {
    const digit = Number.parseInt(character, base)
    if (Number.isNaN(digit)) return null
    value = value * BigInt(base) + BigInt(digit)
  }
  return value
}
