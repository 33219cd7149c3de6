/** One connection set per server: opened once, shared; a refusal is remembered, a passing trouble is not. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { after, before, test } from 'node:test'
import { remoteSet } from '../../src/action/remotes.ts'
import type { Credentials, RemotePorts } from '../../src/remotes/remote.ts'

const CREDENTIALS: Credentials = { headers: new Map(), fingerprints: [], tlsVerify: true }
const PORTS: RemotePorts = { timeoutMs: 2000, direction: 'upload', redact: (text: string) => text, debug: () => {}, warn: () => {} }
const never = new AbortController().signal
let server: Server
let origin = ''

before(async () => {
  server = createServer((_request, response) => response.writeHead(404).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => new Promise((resolve) => server.close(resolve)))

test('two files of one server share one remote; another server has its own', async () => {
  const set = remoteSet(CREDENTIALS, PORTS)
  const [a, b] = [await set.prepare(new URL(`${origin}/a`)), await set.prepare(new URL(`${origin}/b`))]
  const [first, second, again] = await Promise.all([a.supply.get(never), b.supply.get(never), a.supply.get(never)])
  assert.equal(first, second)
  assert.equal(first, again)
  assert.notEqual(a.path, b.path)
  const other = await set.prepare(new URL(`${origin.replace('127.0.0.1', 'localhost')}/a`))
  assert.notEqual(other.supply, a.supply)
  await set.close()
  await set.close()
})

test('nothing connects while preparing, and a set that never opened closes', async () => {
  const set = remoteSet(CREDENTIALS, PORTS)
  await set.prepare(new URL('sftp://user@127.0.0.1:1/file')).catch(() => {})
  await set.prepare(new URL('ftp://127.0.0.1:1/file'))
  assert.deepEqual(set.notes(), [])
  await set.close()
})

test('a passing trouble is forgotten: the next asks anew', async () => {
  const set = remoteSet(CREDENTIALS, PORTS)
  const { supply } = await set.prepare(new URL('ftp://127.0.0.1:1/file'))
  const one = supply.get(never)
  await assert.rejects(one, { kind: 'transient' })
  const two = supply.get(never)
  assert.notEqual(one, two)
  await assert.rejects(two, { kind: 'transient' })
  await set.close()
})

test('a refusal for good is remembered: one login, one answer', async () => {
  let logins = 0
  const refusing = createNetServer((socket) => {
    socket.on('error', () => {})
    socket.write('220 ready\r\n')
    socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n').filter(Boolean)) {
        if (/^PASS/i.test(line)) logins += 1
        socket.write(/^USER/i.test(line) ? '331 password\r\n' : /^PASS/i.test(line) ? '530 not you\r\n' : '530 log in first\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
  const { port } = refusing.address() as AddressInfo
  const set = remoteSet({ ...CREDENTIALS, username: 'user', password: 'wrong-password' }, PORTS)
  try {
    const { supply } = await set.prepare(new URL(`ftp://127.0.0.1:${port}/file`))
    const asked = [supply.get(never), supply.get(never)]
    for (const one of asked) await assert.rejects(one, { kind: 'denied' })
    await assert.rejects(supply.get(never), { kind: 'denied' })
    assert.equal(logins, 1)
  } finally {
    await set.close()
    refusing.close()
  }
})
