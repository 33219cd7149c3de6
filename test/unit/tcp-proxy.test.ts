import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import { ftpReplies } from '../support/ftp-data-ports.ts'
import { seededBytes } from '../support/prng.ts'
import { startTcpProxy, type TcpProxy, type TcpProxyOptions } from '../support/tcp-proxy.ts'

const SIZE = 300_000
const BYTES = Buffer.from(seededBytes(42, SIZE))

interface Ending {
  readonly bytes: Buffer
  /** `fin`, or the code of the socket's error. */
  readonly how: string
}

/** What a socket received until it ended, and how it ended. */
function ending(socket: Socket): Promise<Ending> {
  const chunks: Buffer[] = []
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('end', () => resolve({ bytes: Buffer.concat(chunks), how: 'fin' }))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve({ bytes: Buffer.concat(chunks), how: error.code ?? '' }))
  })
}

/** Resolves once so many bytes have been received. */
function received(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.byteLength
      if (length >= count) resolve(Buffer.concat(chunks))
    })
  })
}

async function listening(server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

describe('tcp proxy', () => {
  let server: Server
  let port: number
  let proxy: TcpProxy
  const open = new Set<Socket>()
  before(async () => {
    server = createServer({ allowHalfOpen: true })
    server.on('connection', (socket) => keep(socket))
    port = await listening(server)
  })
  afterEach(async () => {
    for (const socket of open) socket.destroy()
    open.clear()
    await proxy.close()
  })
  after(() => server.close())

  function keep(socket: Socket): Socket {
    open.add(socket)
    return socket.on('error', () => undefined)
  }

  /** A client's socket and the server's at the other end. */
  async function pair(): Promise<readonly [Socket, Socket]> {
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const client = keep(connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true }))
    return [client, (await accepted)[0]]
  }

  async function start(options: Partial<TcpProxyOptions> = {}): Promise<void> {
    proxy = await startTcpProxy({ target: { host: '127.0.0.1', port }, ...options })
  }

  test('passes bytes both ways, half-closes, and counts exactly', async () => {
    await start()
    const [client, remote] = await pair()
    const [down, up] = [ending(client), ending(remote)]
    client.end(BYTES)
    assert.deepEqual(await up, { bytes: BYTES, how: 'fin' })
    remote.end(BYTES.subarray(0, 777))
    assert.deepEqual(await down, { bytes: BYTES.subarray(0, 777), how: 'fin' })
    await proxy.connections[0]?.closed
    assert.deepEqual([proxy.total('up'), proxy.total('down'), proxy.connections.length], [SIZE, 777, 1])
  })

  for (const at of [0, 1, 2, 1459, 65_535, 65_536, 65_537, SIZE - 1, SIZE])
    for (const direction of ['up', 'down'] as const) {
      test(`fin: exactly ${at} bytes ${direction}, then both ends see the end`, async () => {
        await start()
        proxy.plan({ kind: 'fin', direction, at })
        const [client, remote] = await pair()
        const [sender, receiver] = direction === 'up' ? [client, remote] : [remote, client]
        const ends = [ending(receiver), ending(sender)] as const
        sender.write(BYTES)
        const end = await ends[0]
        assert.ok(end.how === 'fin' && end.bytes.equals(BYTES.subarray(0, at)), `${end.how} after ${end.bytes.byteLength}`)
        assert.equal((await ends[1]).bytes.byteLength, 0)
        assert.equal(proxy.connections[0]?.[direction], at)
      })

      test(`rst: at most ${at} bytes ${direction}, none wrong, then a reset`, async () => {
        await start()
        proxy.plan({ kind: 'rst', direction, at })
        const [client, remote] = await pair()
        const [sender, receiver] = direction === 'up' ? [client, remote] : [remote, client]
        const ends = [ending(receiver), ending(sender)] as const
        sender.write(BYTES)
        const end = await ends[0]
        assert.equal(end.how, 'ECONNRESET')
        assert.ok(end.bytes.byteLength <= at && end.bytes.equals(BYTES.subarray(0, end.bytes.byteLength)))
        assert.match((await ends[1]).how, /ECONNRESET|EPIPE/)
        assert.equal(proxy.connections[0]?.[direction], at)
      })

      test(`flip: one bit of byte ${at} ${direction}, nothing else`, async () => {
        await start()
        proxy.plan({ kind: 'flip', direction, at, bit: 3 })
        const [client, remote] = await pair()
        const [sender, receiver] = direction === 'up' ? [client, remote] : [remote, client]
        const end = ending(receiver)
        sender.end(BYTES)
        const expected = Buffer.from(BYTES)
        if (at < SIZE) expected[at] = (expected[at] ?? 0) ^ 8
        assert.ok((await end).bytes.equals(expected))
      })
    }

  test('stall: exactly so many bytes, the rest after the release, and nothing is lost', async () => {
    await start()
    proxy.plan({ kind: 'stall', direction: 'up', at: 100_000 })
    const [client, remote] = await pair()
    const first = received(remote, 100_000)
    const whole = ending(remote)
    client.end(BYTES)
    assert.equal((await first).byteLength, 100_000)
    // The other direction lives.
    const reply = received(client, 2)
    remote.write('ok')
    assert.equal(String(await reply), 'ok')
    assert.equal(proxy.connections[0]?.up, 100_000)
    proxy.release()
    assert.ok((await whole).bytes.equals(BYTES))
  })

  test('black hole: exactly so many bytes, then silence both ways with open connections', async () => {
    await start()
    proxy.plan({ kind: 'black-hole', direction: 'up', at: 100_000 })
    const [client, remote] = await pair()
    const got = received(remote, 100_000)
    const flushed = new Promise((resolve) => client.write(BYTES, resolve))
    assert.ok((await got).equals(BYTES.subarray(0, 100_000)))
    await flushed
    await new Promise((resolve) => remote.write(BYTES, resolve))
    assert.deepEqual([proxy.total('up'), proxy.total('down')], [100_000, 0])
    assert.deepEqual([client.destroyed, remote.destroyed], [false, false])
  })

  test('throttle: nothing is lost, and it takes at least its time', async () => {
    await start()
    proxy.plan({ kind: 'throttle', direction: 'up', at: SIZE - 20_000, bytesPerSecond: 100_000 })
    const [client, remote] = await pair()
    const whole = ending(remote)
    const startedMs = performance.now()
    client.end(BYTES)
    assert.ok((await whole).bytes.equals(BYTES))
    // Only a lower bound: 0.2 s by the rate, less the last slice and the timers' rounding.
    assert.ok(performance.now() - startedMs > 120)
  })

  test('several faults of one connection come in the order of their bytes', async () => {
    await start()
    proxy.plan(
      { kind: 'fin', direction: 'up', at: 200 },
      { kind: 'flip', direction: 'up', at: 100 },
      { kind: 'flip', direction: 'up', at: 0 },
    )
    const [client, remote] = await pair()
    const end = ending(remote)
    client.write(BYTES)
    const expected = Buffer.from(BYTES.subarray(0, 200))
    for (const at of [0, 100]) expected[at] = (expected[at] ?? 0) ^ 1
    assert.ok((await end).bytes.equals(expected))
  })

  test('strike: counts from what has passed; with 0 the next byte that comes meets it and is lost', async () => {
    await start()
    const [client, other] = await pair()
    client.write(BYTES.subarray(0, 1000))
    await received(other, 1000)
    proxy.strike({ kind: 'flip', direction: 'up', at: 5 })
    const next = received(other, 10)
    client.write(BYTES.subarray(1000, 1010))
    const got = await next
    assert.deepEqual(
      [...got].map((byte, i) => byte ^ (BYTES[1000 + i] ?? 0)),
      [0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    )
    const fault = { kind: 'fin', direction: 'down', at: 0 } as const
    proxy.strike(fault)
    assert.deepEqual(
      proxy.met.map(({ kind }) => kind),
      ['flip'],
    )
    const end = ending(client)
    other.write(BYTES.subarray(0, 10))
    assert.deepEqual(await end, { bytes: Buffer.alloc(0), how: 'fin' })
    assert.deepEqual(
      proxy.met.map(({ kind }) => kind),
      ['flip', 'fin'],
    )
  })

  test('a fault meets its own connection only; cleared faults none', async () => {
    await start()
    proxy.plan({ kind: 'fin', direction: 'up', at: 10, connection: 1 })
    for (const length of [1000, 10, 1000]) {
      const [client, remote] = await pair()
      const end = ending(remote)
      client.end(BYTES.subarray(0, 1000))
      assert.equal((await end).bytes.byteLength, length)
    }
    await proxy.arrival('control', 3)
    proxy.plan({ kind: 'fin', direction: 'up', at: 0 })
    proxy.clear()
    const [client, remote] = await pair()
    const end = ending(remote)
    client.end('x')
    assert.equal(String((await end).bytes), 'x')
  })

  test('a reset at one end is a reset at the other', async () => {
    await start()
    const [client, remote] = await pair()
    const end = ending(remote)
    client.resetAndDestroy()
    assert.equal((await end).how, 'ECONNRESET')
  })

  test('a server that is not there is a reset', async () => {
    const gone = createServer()
    const free = await listening(gone)
    gone.close()
    await start({ target: { host: '127.0.0.1', port: free } })
    assert.equal((await ending(keep(connect(proxy.port, proxy.host)))).how, 'ECONNRESET')
  })

  test('ftp: data connections of 227 and 229 come through the proxy and are counted and harmed apart', async () => {
    const data = createServer((socket) => keep(socket).end(BYTES))
    const dataPort = await listening(data)
    await start({ ftp: true })
    proxy.plan({ kind: 'fin', channel: 'data', connection: 1, direction: 'down', at: 12_345 })
    const [client, remote] = await pair()
    const ask = async (reply: string): Promise<string> => {
      const line = once(client, 'data') as Promise<[Buffer]>
      remote.write(reply)
      return String((await line)[0])
    }
    const passive = await ask(`227 Entering Passive Mode (10,9,8,7,${dataPort >> 8},${dataPort & 255}).\r\n`)
    const numbers = /\((127,0,0,1),(\d+),(\d+)\)\.\r\n$/.exec(passive)
    const first = await ending(keep(connect(Number(numbers?.[2]) * 256 + Number(numbers?.[3]), '127.0.0.1')))
    assert.ok(first.bytes.equals(BYTES))
    const extended = await ask(`229 Extended Passive (|||${dataPort}|)\r\n`)
    const second = await ending(keep(connect(Number(/\|\|\|(\d+)\|/.exec(extended)?.[1]), '127.0.0.1')))
    assert.ok(second.bytes.equals(BYTES.subarray(0, 12_345)))
    assert.equal(await ask('226 Done\r\n'), '226 Done\r\n')
    assert.deepEqual(
      proxy.connections.map((c) => [c.channel, c.number]),
      [
        ['control', 0],
        ['data', 0],
        ['data', 1],
      ],
    )
    assert.deepEqual([proxy.total('down', 'data'), proxy.total('up', 'data')], [SIZE + 12_345, 0])
    data.close()
  })

  test('ftp: replies in pieces and in one packet are whole, and nothing is touched after TLS began', async () => {
    const opened: number[] = []
    const rewrite = ftpReplies('127.0.0.1', async (serverPort) => {
      opened.push(serverPort)
      return 0x0102
    })
    const said: string[] = []
    for (const piece of [
      '220 hi\r\n22',
      '7 Passive (1,2,3,4,',
      '200,10)\r\n229 x (|||5',
      '5|)\r\n',
      '150 (|||66|)\r\n234 go\r\n227 (9,9,9,9,9,9)',
      '\r\n',
    ])
      said.push(String(await rewrite(Buffer.from(piece))))
    assert.equal(
      said.join(''),
      '220 hi\r\n227 Passive (127,0,0,1,1,2)\r\n229 x (|||258|)\r\n150 (|||66|)\r\n234 go\r\n227 (9,9,9,9,9,9)\r\n',
    )
    assert.deepEqual(opened, [200 * 256 + 10, 55])
  })

  test('port range: the same numbers on another loopback address', {
    skip: process.platform === 'linux' ? false : 'only Linux has all of 127.0.0.0/8',
  }, async () => {
    const data = createServer((socket) => keep(socket).end(BYTES))
    const dataPort = await listening(data)
    await start({ host: '127.0.0.2', port, portRange: { first: dataPort, count: 1 } })
    proxy.plan({ kind: 'fin', channel: 'data', direction: 'down', at: 54_321 })
    assert.equal(proxy.port, port)
    const [client, remote] = await pair()
    const hello = received(client, 5)
    remote.write('hello')
    assert.equal(String(await hello), 'hello')
    assert.ok((await ending(keep(connect(dataPort, '127.0.0.2')))).bytes.equals(BYTES.subarray(0, 54_321)))
    assert.deepEqual([proxy.total('down', 'data'), proxy.total('down', 'control')], [54_321, 5])
    data.close()
  })
})
