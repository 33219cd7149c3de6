/**
 * The check-file extension (draft-ietf-secsh-filexfer-extensions-00, section 3) by hand: mod_sftp 1.3.8 has it without announcing it,
 * and ssh2 1.17.0 drops the answers to extensions that it does not know. Uses private fields of ssh2, each looked at first.
 */
import type { SFTPWrapper } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import type { Requests } from './requests.ts'

const EXTENDED = 200
const EXTENDED_REPLY = 201
const REQUEST_IDS = 2 ** 32

interface Internals {
  _requests: Record<number, { cb: (error?: Error) => void }>
  _writeReqid: number
  _pkt: Buffer | undefined
  readonly _protocol: { channelData(channel: number, data: Buffer): void }
  readonly outgoing: { readonly id: number; window: number; readonly packetSize: number; readonly state: string }
}

function internals(sftp: SFTPWrapper): Internals | null {
  const known = sftp as unknown as Partial<Internals>
  const fits =
    typeof known._requests === 'object' &&
    typeof known._writeReqid === 'number' &&
    typeof known._protocol?.channelData === 'function' &&
    typeof known.outgoing?.window === 'number' &&
    '_pkt' in known
  return fits ? (known as Internals) : null
}

function sshString(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([uint32(bytes.length), bytes])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

export interface CheckFileRequest {
  readonly path: string
  readonly algorithm: 'sha256'
  /** How much longer than usual the server may take, in milliseconds. */
  readonly extraMs: number
}

/** Digest of the whole file in lowercase hex. Rejects with a StatusError for a negative answer; with `unsupported` when ssh2 is not as we know it. */
export async function checkFile(requests: Requests, sftp: SFTPWrapper, request: CheckFileRequest): Promise<string> {
  const ssh2 = internals(sftp)
  const payload = Buffer.concat([
    sshString('check-file-name'),
    sshString(request.path),
    sshString(request.algorithm),
    // From 0, to the end, as a single digest.
    uint64(0),
    uint64(0),
    uint32(0),
  ])
  if (ssh2 === null || ssh2.outgoing.state !== 'open' || payload.length + 9 > Math.min(ssh2.outgoing.window, ssh2.outgoing.packetSize))
    throw new TransferError('unsupported', 'the check-file extension cannot be asked for')
  const tap = tapPackets(ssh2)
  try {
    await requests.slow<void>(request.extraMs, (done) => {
      ssh2._writeReqid = (ssh2._writeReqid + 1) % REQUEST_IDS
      const id = ssh2._writeReqid
      ssh2._requests[id] = { cb: (error) => done(error, undefined) }
      const packet = Buffer.concat([uint32(payload.length + 5), Buffer.from([EXTENDED]), uint32(id), payload])
      ssh2.outgoing.window -= packet.length
      ssh2._protocol.channelData(ssh2.outgoing.id, packet)
    })
    return digestIn(tap.last(), request.algorithm)
  } finally {
    tap.remove()
  }
}

/** Remembers the last packet that ssh2 put together, which it drops before anybody else sees it. */
function tapPackets(ssh2: Internals): { last(): Buffer | undefined; remove(): void } {
  let current = ssh2._pkt
  let last: Buffer | undefined
  Object.defineProperty(ssh2, '_pkt', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (packet: Buffer | undefined) => {
      current = packet
      if (packet !== undefined) last = packet
    },
  })
  return {
    last: () => last,
    remove: () => Object.defineProperty(ssh2, '_pkt', { configurable: true, enumerable: true, writable: true, value: current }),
  }
}

function digestIn(packet: Buffer | undefined, algorithm: string): string {
  const named = sshString(algorithm)
  const digestAt = 5 + named.length
  const right =
    packet !== undefined && packet[0] === EXTENDED_REPLY && packet.length === digestAt + 32 && packet.subarray(5, digestAt).equals(named)
  if (!right) throw new TransferError('unsupported', 'the server answered check-file in a form that is not understood')
  return packet.subarray(digestAt).toString('hex')
}
