/** The shortcuts past ssh2, against ssh2's own parser: whatever way a stream of answers is cut, everybody gets the same. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SFTPWrapper } from 'ssh2'
import { awaitsWindow, ReadIntake, sendWrite } from '../../src/remotes/sftp/raw-channel.ts'

const DATA = 103
const STATUS = 101

function packet(type: number, id: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUInt32BE(5 + rest.length, 0)
  head[4] = type
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, rest])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The part of ssh2's channel that the shortcuts look at, with a parser that keeps the same books. */
class Channel {
  _requests: Record<number, { cb: (error?: Error, bytes?: Buffer) => void; buffer?: Buffer }> = {}
  _writeReqid = -1
  _pktLenBytes = 0
  _pktLen = 0
  _pktPos = 0
  _buffer: Buffer[] = []
  readonly seen: string[] = []
  readonly sent: Buffer[] = []
  readonly outgoing = { id: 7, window: 1000, packetSize: 400, state: 'open' }
  readonly _protocol = { channelData: (_id: number, data: Buffer): void => void this.sent.push(Buffer.from(data)) }
  #packet = Buffer.alloc(0)

  read(buffer: Buffer): number {
    this._writeReqid += 1
    this._requests[this._writeReqid] = { cb: () => assert.fail('replaced'), buffer }
    return this._writeReqid
  }

  push(data: Buffer): void {
    for (const byte of data) {
      if (this._pktLenBytes < 4) {
        this._pktLen = this._pktLen * 256 + byte
        this._pktLenBytes += 1
        continue
      }
      this.#packet = Buffer.concat([this.#packet, Buffer.from([byte])])
      this._pktPos += 1
      if (this._pktPos === this._pktLen) this.#handle()
    }
  }

  #handle(): void {
    const whole = this.#packet
    this.#packet = Buffer.alloc(0)
    this._pktLenBytes = 0
    this._pktLen = 0
    this._pktPos = 0
    const id = whole.readUInt32BE(1)
    this.seen.push(`${whole[0]}:${id}`)
    const request = this._requests[id]
    delete this._requests[id]
    if (whole[0] === DATA) request?.cb(undefined, whole.subarray(9))
    else request?.cb(Object.assign(new Error('status'), { code: whole.readUInt32BE(5) }))
  }
}

describe('read intake', () => {
  const contents = [0, 1, 40, 300, 7].map((length, i) => Buffer.from(Array.from({ length }, (_, at) => (at * 7 + i) & 0xff)))

  /** A status in between, an answer to a request of somebody else, an error for one of ours, a longer answer than was asked for. */
  function stream(): Buffer {
    const answers = contents.map((bytes, id) => packet(DATA, id, Buffer.concat([uint32(bytes.length), bytes])))
    return Buffer.concat([
      ...answers.slice(0, 2),
      packet(STATUS, 90, uint32(0)),
      ...answers.slice(2, 4),
      packet(DATA, 91, Buffer.concat([uint32(3), Buffer.from('xyz')])),
      packet(STATUS, 5, uint32(1)),
      packet(DATA, 6, Buffer.concat([uint32(500), Buffer.alloc(500)])),
      ...answers.slice(4),
    ])
  }

  function run(sizes: (at: number) => number): { readonly replies: readonly string[]; readonly channel: Channel } {
    const channel = new Channel()
    const intake = new ReadIntake(channel as unknown as SFTPWrapper)
    const replies: string[] = []
    for (let i = 0; i < 7; i += 1) {
      const buffer = Buffer.alloc(400)
      const id = channel.read(buffer)
      intake.expect(buffer, 10, 300, (error, bytes) => replies.push(`${id}:${error === undefined ? bytes?.toString('hex') : 'error'}`))
    }
    const all = stream()
    for (let at = 0; at < all.length; ) {
      const size = Math.max(1, sizes(at))
      // A copy that is overwritten afterwards, as the receive buffer is.
      const chunk = Buffer.from(all.subarray(at, at + size))
      intake.push(chunk, (data) => channel.push(data))
      chunk.fill(0xee)
      at += size
    }
    return { replies, channel }
  }

  const wanted = [
    ...contents.slice(0, 4).map((bytes, id) => `${id}:${bytes.toString('hex')}`),
    '5:error',
    `6:${Buffer.alloc(500).toString('hex')}`,
    `4:${contents[4]?.toString('hex')}`,
  ]

  for (const size of [1, 2, 3, 5, 12, 13, 14, 17, 64, 100, 333, 5000])
    test(`answers cut into pieces of ${size} bytes arrive whole and in order`, () => {
      const { replies, channel } = run(() => size)
      assert.deepEqual(replies, wanted)
      assert.ok(channel.seen.includes('101:90') && channel.seen.includes('103:91'), 'what is not ours reaches ssh2')
      assert.deepEqual(channel._requests, {})
    })

  test('answers cut anywhere arrive whole and in order', () => {
    for (let seed = 1; seed < 300; seed += 1) {
      let state = seed
      const { replies } = run(() => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return 1 + ((state >>> 16) % 90)
      })
      assert.deepEqual(replies, wanted, `seed ${seed}`)
    }
  })

  test('leaves everything to ssh2 when its parser is not as known', () => {
    const channel = new Channel()
    Reflect.set(channel, '_pktLenBytes', 'other')
    const intake = new ReadIntake(channel as unknown as SFTPWrapper)
    const passed: Buffer[] = []
    intake.push(stream(), (data) => passed.push(data))
    assert.ok(Buffer.concat(passed).equals(stream()))
  })
})

describe('write shortcut', () => {
  const handle = Buffer.from('hand')

  test('sends one request in packets of the size that the server takes', () => {
    const channel = new Channel()
    const data = Buffer.from(Array.from({ length: 900 }, (_, i) => i & 0xff))
    let answered = 0
    assert.equal(
      sendWrite(channel as unknown as SFTPWrapper, handle, data, 2 ** 40 + 5, () => {
        answered += 1
      }),
      true,
    )
    const stream = Buffer.concat(channel.sent)
    assert.deepEqual(
      channel.sent.map((part) => part.length),
      [29, 400, 400, 100],
    )
    assert.equal(stream.readUInt32BE(0), stream.length - 4)
    assert.equal(stream[4], 6)
    assert.equal(stream.readUInt32BE(9), 4)
    assert.equal(stream.toString('latin1', 13, 17), 'hand')
    assert.equal(stream.readBigUInt64BE(17), BigInt(2 ** 40 + 5))
    assert.equal(stream.readUInt32BE(25), 900)
    assert.ok(stream.subarray(29).equals(data))
    assert.equal(channel.outgoing.window, 1000 - stream.length)
    channel.push(packet(STATUS, stream.readUInt32BE(5), uint32(0)))
    assert.equal(answered, 1)
  })

  test('sends nothing without room for all of it, behind waiting requests, or on a closed channel', () => {
    for (const spoil of [
      (c: Channel) => {
        c.outgoing.window = 500
      },
      (c: Channel) => {
        c._buffer = [Buffer.alloc(1)]
      },
      (c: Channel) => {
        c.outgoing.state = 'closing'
      },
    ]) {
      const channel = new Channel()
      spoil(channel)
      assert.equal(
        sendWrite(channel as unknown as SFTPWrapper, handle, Buffer.alloc(600), 0, () => {}),
        false,
      )
      assert.deepEqual([channel.sent.length, channel._writeReqid, Object.keys(channel._requests).length], [0, -1, 0])
    }
  })

  test('waits only for a window that is too full', () => {
    const channel = new Channel()
    assert.equal(awaitsWindow(channel as unknown as SFTPWrapper, 100), false)
    assert.equal(awaitsWindow(channel as unknown as SFTPWrapper, 900), true)
    channel._buffer = [Buffer.alloc(1)]
    assert.equal(awaitsWindow(channel as unknown as SFTPWrapper, 900), false)
  })
})
