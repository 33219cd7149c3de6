/** Servers that fall silent, and everything else that must end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { rawServer } from '../servers/scripted-http.ts'
import { fails, never, rawly, read, remoteAt } from '../support/http-download.ts'

describe('http waits', () => {
  test('silence after accepting, after part of the header, and in the body end as transient', async (t) => {
    const answers = ['', 'HTTP/1.1 200 OK\r\nContent-', 'HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nhalf']
    for (const text of answers) await fails('transient', read(await rawly(t, (socket) => void socket.write(text), 300), 0, 10), /silent/)
  })

  test('interim replies for ever do not keep an exchange alive', async (t) => {
    const remote = await rawly(
      t,
      (socket) => {
        const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 50)
        socket.on('close', () => clearInterval(timer))
      },
      300,
    )
    await fails('transient', read(remote, 0, 10))
  })

  test('an error page that trickles holds nobody up', async (t) => {
    const remote = await rawly(
      t,
      (socket) => {
        socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 10000\r\n\r\n')
        const timer = setInterval(() => socket.write('x'), 50)
        socket.on('close', () => clearInterval(timer))
      },
      300,
    )
    await fails('denied', read(remote, 0, 10))
  })

  test('a slow sink is not the fault of the server', async (t) => {
    const remote = await rawly(
      t,
      (socket) => void socket.write('HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789'),
      200,
    )
    let bytes = 0
    const slow = async (chunk: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 600))
      bytes += chunk.length
    }
    await remote.read('/file', { start: 0, end: 10 }, slow, {}, never)
    assert.equal(bytes, 10)
  })

  test('an abort settles with its reason while the server is silent, and the connection ends', async (t) => {
    const gone: Promise<unknown>[] = []
    const controller = new AbortController()
    const remote = await rawly(t, (socket) => {
      gone.push(once(socket, 'close'))
      controller.abort(new TransferError('stopped', 'enough'))
    })
    await fails('stopped', read(remote, 0, 10, undefined, controller.signal), /enough/)
    await Promise.all(gone)
  })

  test('nobody listening is transient; close ends what runs', async (t) => {
    const server = await rawServer(() => undefined)
    await server.close()
    await assert.rejects((await remoteAt(t, server.origin)).stat('/file', never), { kind: 'transient' })
    await assert.rejects(remoteAt(t, server.origin, 5000, 'upload'), { kind: 'transient' })
    const remote = await rawly(t, () => undefined)
    const reading = read(remote, 0, 10)
    await new Promise((resolve) => setImmediate(resolve))
    await remote.close()
    assert.notEqual((await reading).error, null)
  })
})
