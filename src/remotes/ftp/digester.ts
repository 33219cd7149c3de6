import { createHash } from 'node:crypto'
import { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { DigestAlgorithm, Digester } from '../remote.ts'
import { type Connection, isGood } from './connection.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import type { Features } from './features.ts'
import { askPatiently, SILENCE_MS } from './patience.ts'
import type { Pool } from './pool.ts'
import { sizeOf } from './stat.ts'

const HEX_DIGITS: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128, sha1: 40, md5: 32, crc32: 8 }
const EMPTY_CRC32 = '00000000'
/** Slower than this is not worth waiting for: reading it back would be faster. Bytes per millisecond. */
const RATE_MIN = 10_000

interface Way {
  readonly algorithm: DigestAlgorithm
  /** The command with a range, or HASH, which knows only whole files. */
  readonly command: string
  /** What HASH calls the algorithm. */
  readonly hashName?: string
}

/** Strongest first; SHA-256 before SHA-512 because it costs both sides half as much and is as good here. */
const WAYS: readonly Way[] = [
  { algorithm: 'sha256', command: 'XSHA256' },
  { algorithm: 'sha256', command: 'HASH', hashName: 'SHA-256' },
  { algorithm: 'sha512', command: 'XSHA512' },
  { algorithm: 'sha512', command: 'HASH', hashName: 'SHA-512' },
  { algorithm: 'sha1', command: 'XSHA1' },
  { algorithm: 'sha1', command: 'XSHA' },
  { algorithm: 'sha1', command: 'HASH', hashName: 'SHA-1' },
  { algorithm: 'md5', command: 'XMD5' },
  { algorithm: 'md5', command: 'HASH', hashName: 'MD5' },
  { algorithm: 'crc32', command: 'XCRC' },
]

/** The best digest that FEAT offers, or null. */
export function digestWay(features: Features): Way | null {
  const hashes = (features.get('HASH') ?? '').toUpperCase().split(/[;\s*]+/)
  return WAYS.find((way) => (way.hashName === undefined ? features.has(way.command) : hashes.includes(way.hashName))) ?? null
}

export class FtpDigester implements Digester {
  readonly algorithm: DigestAlgorithm
  readonly ranges: 'any' | 'whole'
  readonly #way: Way
  readonly #pool: Pool

  constructor(way: Way, pool: Pool) {
    this.#way = way
    this.#pool = pool
    this.algorithm = way.algorithm
    this.ranges = way.hashName === undefined ? 'any' : 'whole'
  }

  /** On a session that has seen no digest from before our last change: ProFTPD would repeat it. */
  async digest(path: string, range: ByteRange, signal: AbortSignal): Promise<string> {
    if (range.end <= range.start) return this.algorithm === 'crc32' ? EMPTY_CRC32 : createHash(this.algorithm).digest('hex')
    return await this.#pool.lease('digest', signal, async (connection, either) => {
      const whole = this.#way.hashName !== undefined
      const reply = whole ? await this.#hash(connection, path, range, either) : await this.#ranged(connection, path, range, either)
      const digest = digestIn(reply, HEX_DIGITS[this.algorithm])
      if (digest === null) throw replyErrorAs('unsupported', reply, this.#way.command)
      return digest
    })
  }

  async #ranged(connection: Connection, path: string, range: ByteRange, signal: AbortSignal): Promise<Reply> {
    const name = await connection.name(path, signal)
    // With a range the name stands in quotes, and there is no way to write a quote or, on ProFTPD, a backslash inside.
    if (/["\\]/.test(name)) throw new TransferError('unsupported', 'a name with a quote or a backslash cannot be digested by range')
    return await ask(connection, `${this.#way.command} "${name}" ${range.start} ${range.end}`, range.end - range.start, signal)
  }

  async #hash(connection: Connection, path: string, range: ByteRange, signal: AbortSignal): Promise<Reply> {
    if (range.start !== 0 || (await sizeOf(connection, path, signal)) !== range.end) {
      throw new TransferError('unsupported', 'HASH digests only whole files')
    }
    const select = await connection.command(`OPTS HASH ${this.#way.hashName}`, signal)
    if (!isGood(select)) throw replyErrorAs('unsupported', select, 'OPTS HASH')
    return await ask(connection, `HASH ${await connection.name(path, signal)}`, range.end, signal)
  }
}

/** A digest takes as long as reading the file. */
async function ask(connection: Connection, command: string, bytes: number, signal: AbortSignal): Promise<Reply> {
  const reply = await askPatiently(connection, command, Math.max(connection.timeoutMs, SILENCE_MS) + bytes / RATE_MIN, signal)
  if (isGood(reply)) return reply
  throw reply.code >= 500 ? replyErrorAs('unsupported', reply, command) : replyError(reply, command)
}

/** The last word of the reply that can be the digest; servers disagree about what stands around it. */
function digestIn(reply: Reply, digits: number): string | null {
  const last = reply.text.split('\n').at(-1) ?? ''
  const words = last.slice(4).split(/\s+/)
  const found = words.filter((word) => word.length === digits && /^[0-9a-f]+$/i.test(word))
  return found.length === 1 ? (found[0]?.toLowerCase() ?? null) : null
}
