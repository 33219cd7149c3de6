import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type LookupFunction, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { TransferError } from '../../src/core/errors.ts'
import { messageOf, type Reaching, reach } from '../../src/remotes/reach.ts'

const FIRST_WAIT_MS = 250

/** A socket whose connection the test decides. */
class Scripted extends Socket {
  target = ''

  override connect(...args: readonly unknown[]): this {
    const [options] = args
    if (typeof options === 'object' && options !== null && 'host' in options) this.target = String(options.host)
    return this
  }

  fails(code: string): void {
    this.emit('error', Object.assign(new Error(`connect ${code}`), { code }))
  }
}

function resolving(...addresses: readonly string[]): LookupFunction {
  return (_host, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
}

interface Made {
  readonly sockets: Scripted[]
  readonly reaching: Reaching<{ readonly socket: Scripted }>
}

async function race(t: TestContext, ...addresses: readonly string[]): Promise<Made> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const sockets: Scripted[] = []
  const reaching = reach({ host: 'two.test', port: 21, lookup: resolving(...addresses) }, () => {
    const socket = new Scripted()
    sockets.push(socket)
    return { socket }
  })
  await turn()
  return { sockets, reaching }
}

const triedBy = (sockets: readonly Scripted[]): readonly string[] => sockets.map((socket) => socket.target)

test('a slow address stays alive beside the next one, and the one that loses is ended', async (t) => {
  const { sockets, reaching } = await race(t, '2001:db8::1', '192.0.2.1')
  assert.deepEqual(triedBy(sockets), ['2001:db8::1'])
  t.mock.timers.tick(FIRST_WAIT_MS)
  assert.deepEqual(triedBy(sockets), ['2001:db8::1', '192.0.2.1'])
  const [slow, next] = sockets
  assert.equal(slow?.destroyed, false)
  slow?.emit('connect')
  assert.equal((await reaching.connected).socket, slow)
  assert.equal(slow?.destroyed, false)
  assert.equal(next?.destroyed, true)
  next?.fails('ECONNRESET') // nobody minds
})

test('an address that is refused gives way at once', async (t) => {
  const { sockets, reaching } = await race(t, '2001:db8::1', '192.0.2.1')
  sockets[0]?.fails('ENETUNREACH')
  assert.deepEqual(triedBy(sockets), ['2001:db8::1', '192.0.2.1'])
  sockets[1]?.emit('connect')
  assert.equal((await reaching.connected).socket, sockets[1])
})

test('the families are tried by turns, each address once', async (t) => {
  const { sockets } = await race(t, '2001:db8::1', '2001:db8::2', '2001:db8::3', '192.0.2.1', '192.0.2.1')
  for (let i = 0; i < 9; i += 1) t.mock.timers.tick(FIRST_WAIT_MS)
  assert.deepEqual(triedBy(sockets), ['2001:db8::1', '192.0.2.1', '2001:db8::2', '2001:db8::3'])
})

test('when all fail, each is named; the code is that of an answer, not of a missing route', async (t) => {
  const { sockets, reaching } = await race(t, '2001:db8::1', '192.0.2.1')
  sockets[0]?.fails('ENETUNREACH')
  sockets[1]?.fails('ECONNREFUSED')
  await assert.rejects(reaching.connected, {
    code: 'ECONNREFUSED',
    message: 'cannot connect to two.test port 21 (2001:db8::1: ENETUNREACH, 192.0.2.1: ECONNREFUSED)',
  })
})

test('the error of an only address is passed on as it is', async (t) => {
  const { sockets, reaching } = await race(t, '192.0.2.1')
  sockets[0]?.fails('ECONNREFUSED')
  await assert.rejects(reaching.connected, { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' })
})

test('stopped, it ends every attempt, starts none, and says what was tried', async (t) => {
  const { sockets, reaching } = await race(t, '2001:db8::1', '192.0.2.1', '192.0.2.2')
  sockets[0]?.fails('EHOSTUNREACH')
  assert.equal(reaching.tried(), ' (2001:db8::1: EHOSTUNREACH, 192.0.2.1: no answer)')
  reaching.stop(new TransferError('transient', 'late'))
  t.mock.timers.tick(FIRST_WAIT_MS)
  assert.deepEqual(
    sockets.map((socket) => socket.destroyed),
    [true, true],
  )
  await assert.rejects(reaching.connected, { message: 'late' })
})

test('a name that is not known, or whose lookup is refused, fails with that', async () => {
  const refused = new TransferError('untrusted', 'a private network')
  const lookup: LookupFunction = (_host, _options, callback) => callback(refused, '')
  await assert.rejects(reach({ host: 'x.test', port: 1, lookup }, () => ({ socket: new Socket() })).connected, refused)
  await assert.rejects(reach({ host: 'x.test', port: 1, lookup: resolving() }, () => ({ socket: new Socket() })).connected, {
    code: 'ENOTFOUND',
  })
})

test('real sockets: the address that listens is found behind the one that does not', async (t) => {
  const server = createServer((socket) => socket.end('hello'))
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const { connected } = reach({ host: 'two.test', port: address.port, lookup: resolving('127.0.0.2', '127.0.0.1') }, () => ({
    socket: new Socket(),
  }))
  const { socket } = await connected
  assert.equal(socket.remoteAddress, '127.0.0.1')
  assert.equal(String((await socket.toArray())[0]), 'hello')
})

test("Node's own error of several addresses, which has no message, is told with each of them", () => {
  const part = (address: string, code: string): Error => Object.assign(new Error('connect'), { address, port: 443, code })
  assert.equal(
    messageOf(new AggregateError([part('192.0.2.1', 'ETIMEDOUT'), part('::1', 'ECONNREFUSED'), new Error('odd')])),
    'cannot connect (192.0.2.1 port 443: ETIMEDOUT, ::1 port 443: ECONNREFUSED, odd)',
  )
})
