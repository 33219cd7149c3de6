/** The connection reads into one buffer that goes round: no chunk may change while a sink holds it, whatever the sizes of reads and pauses. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { seededRandom } from '../simulation/world.ts'
import { never, rawly } from '../support/http-download.ts'

const SIZE = 24 * 1024 * 1024

/** Bytes in which every place differs from every other nearby, made without a table. */
function content(): Buffer {
  const bytes = Buffer.alloc(SIZE)
  for (let at = 0; at < SIZE; at += 4) bytes.writeUInt32LE(Math.imul(at + 1, 2_654_435_761) >>> 0, at)
  return bytes
}

for (const pieces of ['small', 'large', 'mixed'] as const) {
  test(`a sink that holds chunks sees them unchanged: ${pieces} reads`, async (t) => {
    const bytes = content()
    const random = seededRandom(7)
    const pieceOf = { small: () => 700, large: () => 900_000, mixed: () => 1 + Math.floor(random() ** 4 * 400_000) }[pieces]
    const length = pieces === 'small' ? 6 * 1024 * 1024 : SIZE
    const remote = await rawly(
      t,
      async (socket) => {
        socket.setNoDelay(true)
        socket.write(`HTTP/1.1 206 x\r\nContent-Range: bytes 0-${length - 1}/${length}\r\nContent-Length: ${length}\r\n\r\n`)
        for (let at = 0; at < length; ) {
          const piece = Math.min(pieceOf(), length - at)
          const flowing = socket.write(bytes.subarray(at, at + piece))
          at += piece
          if (!flowing) await new Promise((resolve) => socket.once('drain', resolve))
        }
      },
      10_000,
    )
    const hash = createHash('sha256')
    let held = 0
    const sink = (chunk: Uint8Array): void | Promise<void> => {
      held += 1
      if (held % 3 !== 0) return void hash.update(chunk)
      const turns = held % 5
      return (async () => {
        for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve))
        hash.update(chunk)
      })()
    }
    await remote.read('/file', { start: 0, end: length }, sink, {}, never)
    assert.equal(hash.digest('hex'), createHash('sha256').update(bytes.subarray(0, length)).digest('hex'))
  })
}

test('a connection that ends right after the last byte, while the sink holds it, is no failure', async (t) => {
  const bytes = content().subarray(0, 300_000)
  const remote = await rawly(
    t,
    async (socket) => {
      socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 200 x\r\nContent-Length: ${bytes.length}\r\n\r\n`), bytes]))
    },
    10_000,
  )
  const hash = createHash('sha256')
  const sink = async (chunk: Uint8Array): Promise<void> => {
    // Long enough for the end to come in as well.
    for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve))
    hash.update(chunk)
  }
  await remote.read('/file', { start: 0, end: bytes.length }, sink, {}, never)
  assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
})

for (const [name, server] of [
  ['that goes on', (socket: Socket, reply: Buffer) => void socket.write(reply)],
  ['that ends', (socket: Socket, reply: Buffer) => void socket.end(reply)],
] as const) {
  test(`a sink that settles within the turn, every time, on a connection ${name}`, async (t) => {
    const bytes = content()
    const head = `HTTP/1.1 200 x\r\nContent-Length: ${bytes.length}\r\n\r\n`
    const remote = await rawly(t, async (socket) => server(socket, Buffer.concat([Buffer.from(head), bytes])), 10_000)
    const hash = createHash('sha256')
    const sink = async (chunk: Uint8Array): Promise<void> => void hash.update(chunk)
    await remote.read('/file', { start: 0, end: bytes.length }, sink, {}, never)
    assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'))
  })
}
