/** What an SFTP server says outside of the bytes of files: its version packet, its limits, the answer to check-file, its key. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import fc, { type Arbitrary } from 'fast-check'
import type { Client, SFTPWrapper } from 'ssh2'
import { TransferError } from '../../src/core/errors.ts'
import { checkFile } from '../../src/remotes/sftp/check-file.ts'
import { connectionFailure, requestFailure, StatusError } from '../../src/remotes/sftp/errors.ts'
import { fields } from '../../src/remotes/sftp/fields.ts'
import { ReadIntake } from '../../src/remotes/sftp/raw-channel.ts'
import type { Requests } from '../../src/remotes/sftp/requests.ts'
import { announcedExtensions, requestLimits, watchChannel } from '../../src/remotes/sftp/tuning.ts'
import { cuts, damaged, damagedBytes, hostileText, pieces } from './arbitrary-text.ts'
import { type FuzzTarget, fuzzTarget } from './fuzz-target.ts'

interface Ssh2Channel extends SFTPWrapper {
  push(data: Buffer): void
}

const { SFTP } = createRequire(import.meta.url)('ssh2/lib/protocol/SFTP.js') as {
  SFTP: new (client: unknown, channel: unknown, options: unknown) => Ssh2Channel
}

const OPEN = { id: 0, window: 2 ** 31, packetSize: 32_768, state: 'open' }

function channel(): { readonly client: Client; readonly sftp: Ssh2Channel } {
  const nothing = (): void => undefined
  const protocol = { _remoteIdentRaw: Buffer.from('SSH-2.0-x'), channelData: nothing, channelWindowAdjust: nothing, channelClose: nothing }
  const client = { _protocol: protocol }
  const sftp = new SFTP(client, { type: 'sftp', incoming: { ...OPEN }, outgoing: { ...OPEN } }, {})
  sftp.on('error', nothing)
  return { client: client as unknown as Client, sftp }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function string(text: string): Buffer {
  return Buffer.concat([uint32(Buffer.byteLength(text)), Buffer.from(text)])
}

function packet(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from([type]), ...parts])
  return Buffer.concat([uint32(body.length), body])
}

const limits = (...values: readonly bigint[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8)
  for (const [i, value] of values.entries()) bytes.writeBigUInt64BE(value, i * 8)
  return bytes
}
const VERSION = packet(2, uint32(3), string('limits@openssh.com'), string('1'), string('__proto__'), string('x'))
const ANSWERS: readonly Uint8Array[] = [
  VERSION,
  packet(2, uint32(3)),
  packet(2, uint32(6), string('newline'), string('\n')),
  Buffer.concat([VERSION, packet(201, uint32(0), limits(262_144n, 261_120n, 261_120n, 0n))]),
  Buffer.concat([VERSION, packet(201, uint32(0), limits(0n, 1n, 2n ** 64n - 1n, 7n))]),
  Buffer.concat([VERSION, packet(101, uint32(0), uint32(4), string('no'), string(''))]),
]

/** The largest request that one channel packet of OpenSSH holds. */
const REQUEST_MAX = 255 * 1024

function assertSaneLimits(bytes: Buffer, at: readonly number[]): void {
  const { client, sftp } = channel()
  watchChannel(client, sftp, new ReadIntake(sftp), () => undefined)
  try {
    // Each piece has memory of its own, as from a socket.
    for (const piece of pieces(bytes, at)) sftp.push(Buffer.from(piece))
  } catch (error) {
    // What cannot be read ends the connection, with this.
    assert.ok(
      error instanceof Error && ['transient', 'protocol'].includes(connectionFailure(error, 'host:22', (text) => text).kind),
      String(error),
    )
  }
  const { read, write } = requestLimits(sftp)
  for (const limit of [read, write]) assert.ok(Number.isSafeInteger(limit) && limit >= 4096 && limit <= REQUEST_MAX, String(limit))
  for (const name of announcedExtensions(sftp)) assert.equal(typeof name, 'string')
}

const DIGEST = Buffer.alloc(32, 0xab)
const CHECKED: readonly Uint8Array[] = [
  Buffer.concat([Buffer.from([201]), uint32(0), string('sha256'), DIGEST]),
  Buffer.concat([Buffer.from([201]), uint32(0), string('md5'), DIGEST.subarray(16)]),
  Buffer.concat([Buffer.from([201]), uint32(0), string('check-file'), string('sha256'), DIGEST]),
  Buffer.concat([Buffer.from([101]), uint32(0), uint32(0), string('OK'), string('')]),
]

/** The digest that stands in the one right form of answer, or `unsupported`. */
async function assertStrictDigest(answer: Buffer): Promise<void> {
  const sent: Buffer[] = []
  const sftp = {
    _requests: {} as Record<number, { cb: (error?: Error) => void }>,
    _writeReqid: -1,
    _pkt: undefined as Buffer | undefined,
    _protocol: { channelData: (_: number, data: Buffer) => void sent.push(data) },
    outgoing: { ...OPEN },
  }
  const requests = {
    slow: <T>(_: number, send: (done: (error: Error | undefined, value: T) => void) => void): Promise<T> =>
      new Promise((resolve, reject) => {
        send((error, value) => (error === undefined ? resolve(value) : reject(error)))
        sftp._pkt = answer
        sftp._pkt = undefined
        sftp._requests[0]?.cb()
      }),
  }
  const right = CHECKED[0] ?? DIGEST
  const isRight = answer.length === right.length && answer[0] === 201 && answer.subarray(5, 15).equals(right.subarray(5, 15))
  const asked = checkFile(requests as unknown as Requests, sftp as unknown as SFTPWrapper, { path: 'x', algorithm: 'sha256', extraMs: 0 })
  if (isRight) assert.equal(await asked, answer.subarray(15).toString('hex'))
  else await assert.rejects(asked, (error: unknown) => error instanceof TransferError && error.kind === 'unsupported')
  assert.equal(sent.length, 1)
}

const WORDS = ['No such file', 'Failure', 'no space left on device', 'quota', 'Packet length 99 exceeds', 'no matching', 'subsystem']
const errorCode: Arbitrary<unknown> = fc.oneof(fc.constantFrom('ENOTFOUND', 'ECONNRESET', 'EINVAL'), fc.integer(), fc.anything())

export const SFTP_TARGETS: readonly FuzzTarget[] = [
  fuzzTarget('sftp-version-limits', 800, fc.tuple(fc.oneof(damagedBytes(ANSWERS), fc.uint8Array().map(Buffer.from)), cuts), ([bytes, at]) =>
    assertSaneLimits(bytes, at),
  ),
  fuzzTarget('sftp-check-file', 1500, fc.oneof(damagedBytes(CHECKED), fc.constantFrom(...CHECKED).map(Buffer.from)), assertStrictDigest),
  fuzzTarget(
    'sftp-status',
    1500,
    fc.tuple(fc.integer({ min: 0, max: 2 ** 32 }), fc.oneof(hostileText(), damaged(WORDS))),
    ([code, text]) => {
      const error = requestFailure(new StatusError(code, text), 'read')
      assert.ok(error.message.includes(text) && error.kind !== 'internal')
    },
  ),
  fuzzTarget(
    'sftp-disconnect',
    1500,
    fc.record({ message: fc.oneof(hostileText(), damaged(WORDS)), code: errorCode, level: errorCode }),
    (raw) => {
      assert.notEqual(connectionFailure(raw, 'host:22', (text) => text).kind, 'internal')
    },
  ),
  fuzzTarget('private-fields', 500, fc.anything(), (value) => {
    const found = fields(value)
    assert.ok(found === null || typeof found === 'object')
    const { read, write } = requestLimits(value as SFTPWrapper)
    assert.ok(read >= 4096 && read <= REQUEST_MAX && write >= 4096 && write <= REQUEST_MAX)
  }),
]
