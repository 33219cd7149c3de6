/**
 * The two requests that carry all the bytes, with one copy less than ssh2 1.17.0 makes. Like tuning.ts it looks at every private field
 * before it uses it, and leaves the work to ssh2 when one is not as expected.
 */
import type { SFTPWrapper } from 'ssh2'
import { type Fields, fields } from './fields.ts'

interface Awaited {
  readonly buffer: Buffer
  readonly offset: number
  readonly length: number
  readonly reply: ReadReply
}

export type ReadReply = (error: Error | undefined, bytes: Buffer | undefined) => void

const DATA_TYPE = 103
/** Of a DATA answer: length, type, id, length of the data. */
const DATA_HEADER = 4 + 1 + 4 + 4
/** Counted in the length of the packet. */
const DATA_HEADER_COUNTED = DATA_HEADER - 4

/**
 * Puts the data of READ answers where they are wanted as they arrive, packet by packet, where ssh2 would first gather each answer in new
 * memory. Everything else goes through to ssh2, which still parses it; so does everything if its parser is not as we know it.
 */
export class ReadIntake {
  readonly #channel: Fields | null
  readonly #awaited = new Map<number, Awaited>()
  #current: (Awaited & { readonly total: number; filled: number }) | null = null

  constructor(sftp: SFTPWrapper) {
    this.#channel = fields(sftp)
  }

  /** Call right after the READ was sent with this buffer. Its answer goes to `reply`, in the buffer or in memory of its own. */
  expect(buffer: Buffer, offset: number, length: number, reply: ReadReply): void {
    const requests = fields(this.#channel?._requests)
    const id = this.#channel?._writeReqid
    const request = typeof id === 'number' ? fields(requests?.[id]) : null
    if (requests === null || typeof id !== 'number' || !Buffer.isBuffer(request?.buffer) || typeof request.cb !== 'function') return
    this.#awaited.set(id, { buffer, offset, length, reply })
    requests[id] = {
      cb: (error: Error | undefined, bytes: Buffer | undefined) => {
        this.#awaited.delete(id)
        reply(error, bytes)
      },
    }
  }

  /** `pass` is ssh2's own reception. */
  push(data: Buffer, pass: (data: Buffer) => void): void {
    let at = 0
    while (at < data.length) {
      const length = this.#current === null ? this.#begin(data, at) : 0
      if (this.#current !== null) at += length + this.#fill(data, at + length)
      else {
        pass(at === 0 && length === data.length ? data : data.subarray(at, at + length))
        at += length
      }
    }
  }

  /** Bytes to skip if an awaited answer begins at `at`, which is current then; else the bytes that are ssh2's. */
  #begin(data: Buffer, at: number): number {
    const left = data.length - at
    const { _pktLenBytes: lengthBytes, _pktLen: length, _pktPos: position } = this.#channel ?? {}
    if (typeof lengthBytes !== 'number' || typeof length !== 'number' || typeof position !== 'number') return left
    // In the middle of a packet that ssh2 has begun.
    if (lengthBytes > 0) {
      const rest = lengthBytes < 4 ? 1 : length - position
      return rest > 0 ? Math.min(left, rest) : left
    }
    if (left < DATA_HEADER) return left
    const whole = data.readUInt32BE(at)
    const id = data.readUInt32BE(at + 5)
    const total = data.readUInt32BE(at + 9)
    const awaited = data[at + 4] === DATA_TYPE ? this.#awaited.get(id) : undefined
    if (awaited === undefined || total > awaited.length || whole !== DATA_HEADER_COUNTED + total) return Math.min(left, 4 + whole)
    this.#awaited.delete(id)
    delete fields(this.#channel?._requests)?.[id]
    this.#current = { ...awaited, total, filled: 0 }
    return DATA_HEADER
  }

  #fill(data: Buffer, at: number): number {
    const current = this.#current
    if (current === null) return 0
    const count = Math.min(current.total - current.filled, data.length - at)
    data.copy(current.buffer, current.offset + current.filled, at, at + count)
    current.filled += count
    if (current.filled === current.total) {
      this.#current = null
      current.reply(undefined, current.buffer.subarray(current.offset, current.offset + current.total))
    }
    return count
  }
}

interface Outgoing {
  readonly id: unknown
  readonly window: number
  readonly packetSize: number
}

/** The sending side of the channel while it is open, nothing waits in it, and ssh2 is as we know it. */
function idleOutgoing(sftp: SFTPWrapper): Outgoing | null {
  const channel = fields(sftp)
  const outgoing = fields(channel?.outgoing)
  if (outgoing?.state !== 'open' || !Array.isArray(channel?._buffer) || channel._buffer.length > 0) return null
  const { id, window, packetSize } = outgoing
  return typeof window === 'number' && typeof packetSize === 'number' ? { id, window, packetSize } : null
}

/** Length of a WRITE request without its data: length, type, id, handle, offset, length of the data. */
const WRITE_HEADER = 4 + 1 + 4 + 4 + 8 + 4
const WRITE_TYPE = 6
const REQUEST_IDS = 2 ** 32
/** SFTP v3 handles are no longer. */
export const HANDLE_MAX = 256

/** Whether `sendWrite` would have to be turned down only because the server's window is too full for `length` bytes. */
export function awaitsWindow(sftp: SFTPWrapper, length: number): boolean {
  const outgoing = idleOutgoing(sftp)
  return outgoing !== null && outgoing.window < WRITE_HEADER + HANDLE_MAX + length
}

/**
 * Sends a WRITE right out of `bytes`, which ssh2 would copy into a request first: a quarter of the time of an upload. Only if the window has
 * room for all of it, because nothing may get between its packets. False: nothing was sent, it has to go the ordinary way.
 */
export function sendWrite(sftp: SFTPWrapper, handle: Buffer, bytes: Buffer, position: number, answered: (error?: Error) => void): boolean {
  const channel = fields(sftp)
  const requests = fields(channel?._requests)
  const protocol = fields(channel?._protocol)
  const send = protocol?.channelData
  const outgoing = idleOutgoing(sftp)
  const last = channel?._writeReqid
  if (channel === null || requests === null || outgoing === null || typeof send !== 'function' || typeof last !== 'number') return false
  const length = WRITE_HEADER + handle.length + bytes.length
  if (outgoing.window < length || outgoing.packetSize < WRITE_HEADER + HANDLE_MAX || handle.length > HANDLE_MAX) return false
  const id = (last + 1) % REQUEST_IDS
  const header = Buffer.allocUnsafe(WRITE_HEADER + handle.length)
  header.writeUInt32BE(length - 4, 0)
  header[4] = WRITE_TYPE
  header.writeUInt32BE(id, 5)
  header.writeUInt32BE(handle.length, 9)
  handle.copy(header, 13)
  header.writeBigUInt64BE(BigInt(position), 13 + handle.length)
  header.writeUInt32BE(bytes.length, 21 + handle.length)
  channel._writeReqid = id
  requests[id] = { cb: answered }
  Object.assign(channel.outgoing as object, { window: outgoing.window - length })
  send.call(protocol, outgoing.id, header)
  for (let at = 0; at < bytes.length; at += outgoing.packetSize)
    send.call(protocol, outgoing.id, bytes.subarray(at, at + outgoing.packetSize))
  return true
}
