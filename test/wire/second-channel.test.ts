/** A large upload to an OpenSSH server that is far away: it may use two channels of one connection (src/remotes/sftp/connection.ts says why). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { Body, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { serverOrSkip } from '../servers/debian.ts'
import { type OpensshServer, startOpenssh } from '../servers/openssh.ts'
import { startDelayLine } from '../support/delay-line.ts'
import { seededBytes } from '../support/prng.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const MIB = 1024 * 1024
const CONTENT = Buffer.from(seededBytes(9, 40 * MIB))
const ONE_WAY_MS = 15
const never = new AbortController().signal

async function* body(): Body {
  for (let at = 0; at < CONTENT.length; at += MIB) yield CONTENT.subarray(at, at + MIB)
}

interface Far {
  readonly server: OpensshServer
  readonly proxy: TcpProxy
  readonly remote: Remote
  /** Channels that the server has opened for SFTP. */
  channels(): number
  stored(): Buffer
}

async function far(t: TestContext, extraConfig = ''): Promise<Far | null> {
  if (serverOrSkip(t, 'sshd') === null) return null
  const server = await startOpenssh({ extraConfig })
  t.after(() => server.dispose())
  const proxy = await startTcpProxy({ target: { host: server.host, port: server.port } })
  t.after(() => proxy.close())
  const line = await startDelayLine(proxy, ONE_WAY_MS)
  t.after(() => line.close())
  const login = {
    username: server.username,
    password: server.password,
    headers: new Map(),
    fingerprints: [],
    tlsVerify: true,
    knownHosts: (server.knownHosts ?? '').replace(/^\S+/, `[127.0.0.1]:${line.port}`),
  }
  const config = protocol.parse(new URL(`sftp://127.0.0.1:${line.port}/`), login)
  const remote = await protocol.open(
    config,
    { timeoutMs: 20_000, direction: 'upload', redact: (text: string) => text, debug: () => {}, warn: () => {} },
    never,
  )
  t.after(() => remote.close())
  return {
    server,
    proxy,
    remote,
    channels: () => readFileSync(join(server.directory, 'stdout.log'), 'utf8').match(/Starting session: subsystem 'sftp'/g)?.length ?? 0,
    stored: () => readFileSync(join(server.root, 'far.bin')),
  }
}

function create({ remote, server }: Far, acknowledged: (total: number) => void): Promise<void> {
  const path = join(server.root, 'far.bin')
  return remote.writer?.create(path, CONTENT.length, body(), { sent: () => {}, acknowledged }, never) ?? assert.fail('no writer')
}

test('sftp: OpenSSH far away: two channels carry one file', async (t) => {
  const place = await far(t)
  if (place === null) return
  let mark = 0
  await create(place, (total) => {
    mark = total
  })
  assert.ok(place.stored().equals(CONTENT), 'wrong bytes')
  assert.equal(mark, CONTENT.length)
  assert.equal(place.channels(), 2)
  assert.equal(place.proxy.connections.length, 1, 'nobody logs in twice')
})

test('sftp: OpenSSH far away that allows one channel: it carries the file alone', async (t) => {
  const place = await far(t, 'MaxSessions 1')
  if (place === null) return
  await create(place, () => {})
  assert.ok(place.stored().equals(CONTENT), 'wrong bytes')
  assert.equal(place.channels(), 1)
})

test('sftp: OpenSSH far away, cut off with two channels in use: everything below the mark is there', async (t) => {
  const place = await far(t)
  if (place === null) return
  let mark = 0
  place.proxy.strike({ kind: 'rst', direction: 'up', at: 30 * MIB })
  const failure = await create(place, (total) => {
    mark = total
  }).then(
    () => null,
    (error: unknown) => error,
  )
  assert.ok(failure instanceof TransferError && failure.kind === 'transient', String(failure))
  assert.equal(place.channels(), 2)
  assert.ok(mark > 16 * MIB && mark < CONTENT.length, `${mark} bytes are confirmed`)
  assert.ok(place.stored().subarray(0, mark).equals(CONTENT.subarray(0, mark)), 'a gap below the mark')
})
