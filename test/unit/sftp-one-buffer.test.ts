/** What arrives lies in one buffer that is used again: nothing that ssh2 still needs may be in it, wherever the network cuts the stream. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { seededBytes } from '../support/prng.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const CONTENT = Buffer.from(seededBytes(3, 100_000))
/** Poly1305, and the tag of AES-GCM. */
const MAC_BYTES = 16

/** Passes the MAC of the last packet on by itself, after all that came before it. */
async function cuttingProxy(t: TestContext, port: number): Promise<number> {
  const proxy = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1')
    client.setNoDelay(true)
    for (const socket of [client, server]) socket.on('error', () => {})
    client.on('data', (bytes) => server.write(bytes))
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroy())
    // A server writes a packet in pieces: what belongs together is gathered first.
    let gathered: Buffer[] = []
    let passed = Promise.resolve()
    server.on('data', (bytes: Buffer) => {
      gathered.push(bytes)
      passed = passed.then(async () => {
        await pause(3)
        const packets = Buffer.concat(gathered)
        gathered = []
        for (const piece of [packets.subarray(0, -MAC_BYTES), packets.subarray(-MAC_BYTES)]) {
          if (piece.length > 0) client.write(piece)
          await pause(1)
        }
      })
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', () => resolve()))
  t.after(() => proxy.close())
  return (proxy.address() as net.AddressInfo).port
}

for (const cipher of ['chacha20-poly1305@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr'] as const)
  test(`packets that come in two pieces, the second one the MAC: ${cipher}`, async (t) => {
    const server = await startScriptedSftp({ cipher })
    t.after(() => server.stop())
    server.files.set('/f', CONTENT)
    const port = await cuttingProxy(t, server.port)
    const login = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), fingerprints: [server.pin], tlsVerify: true }
    const said: string[] = []
    const ports = { ...remotePorts(5000), debug: (message: string) => void said.push(message) }
    const remote = await protocol.open(protocol.parse(new URL(`sftp://127.0.0.1:${port}/f`), login), ports, never)
    t.after(() => remote.close())
    assert.ok(said.join().includes(`cipher ${cipher}/${cipher}`), said.join('\n'))
    const got: Buffer[] = []
    await remote.read('/f', { start: 0, end: CONTENT.length }, (bytes) => void got.push(Buffer.from(bytes)), {}, never)
    assert.ok(Buffer.concat(got).equals(CONTENT), 'wrong bytes')
  })
