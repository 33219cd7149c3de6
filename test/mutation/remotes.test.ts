/** Defences of the protocol folders that no other test noticed when they were taken away. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SFTPWrapper } from 'ssh2'
import { TransferError } from '../../src/core/errors.ts'
import { protocol as ftp } from '../../src/remotes/ftp/index.ts'
import { protocol as http } from '../../src/remotes/http/index.ts'
import type { Body, Credentials, Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { checkFile } from '../../src/remotes/sftp/check-file.ts'
import type { Connection } from '../../src/remotes/sftp/connection.ts'
import { STATUS, StatusError } from '../../src/remotes/sftp/errors.ts'
import { sendFile } from '../../src/remotes/sftp/files.ts'
import { Habits } from '../../src/remotes/sftp/habits.ts'
import { Leases } from '../../src/remotes/sftp/leases.ts'
import { OPEN, type Requests } from '../../src/remotes/sftp/requests.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { scriptedServer } from '../servers/scripted-http.ts'
import { CONTENT, fails, read, serving } from '../support/http-download.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const ANYBODY: Credentials = { username: 'u', password: 'p', headers: new Map(), fingerprints: [], tlsVerify: true }
const PORTS = remotePorts(5000)

async function* body(...chunks: readonly Uint8Array[]): Body {
  yield* chunks
}

async function failure(action: Promise<unknown>): Promise<TransferError> {
  const error: unknown = await action.then(
    () => assert.fail('did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  return error
}

/** A file on an SFTP server, request by request, without a connection. */
class File {
  bytes: Buffer | null = null
  readonly log: string[] = []
  /** Answers a write; the default is that it is stored. */
  write: (position: number) => Promise<void> = async () => {}

  readonly #requests: Partial<Requests> = {
    outstanding: 0,
    habits: new Habits(),
    open: async (_path, flags) => {
      if (this.bytes === null && (flags & OPEN.create) === 0) throw new StatusError(STATUS.noSuchFile, 'No such file')
      this.bytes ??= Buffer.alloc(0)
      return Buffer.alloc(4)
    },
    write: async (_handle, bytes, position) => {
      const after = Buffer.alloc(Math.max(this.bytes?.length ?? 0, position + bytes.length))
      this.bytes?.copy(after)
      bytes.copy(after, position)
      this.bytes = after
      await this.write(position)
      this.log.push('stored')
    },
    writeHadBetterWait: () => false,
    drained: 0,
    fstat: async () => ({ size: this.bytes?.length ?? 0 }) as Awaited<ReturnType<Requests['fstat']>>,
    stat: async () => {
      if (this.bytes === null) throw new StatusError(STATUS.noSuchFile, 'No such file')
      return { size: this.bytes.length, mode: 0o100644 } as Awaited<ReturnType<Requests['stat']>>
    },
    sync: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      this.log.push('synced')
    },
    close: async () => {},
  }

  /** Creates the file, or writes into it from `offset` on. */
  send(chunks: readonly Uint8Array[], offset?: number): Promise<void> {
    const connection = {
      requests: this.#requests,
      extensions: new Set(['fsync@openssh.com']),
      limits: { read: 32_768, write: 32_768 },
    } as unknown as Connection
    const leases = new Leases(() => Promise.reject(new Error('no further connection')), 1)
    leases.adopt({ ...connection, onEnd: () => {}, retire: () => {} } as unknown as Connection)
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const observer: WriteObserver = {
      sent: () => {},
      acknowledged: (total) => void (total === length && this.log.push('acknowledged')),
    }
    return sendFile(leases, { path: 'f', length, body: body(...chunks), observer, ...(offset === undefined ? {} : { offset }) }, never)
  }
}

test('sftp: a write that is refused last, after everything was sent, fails the upload', async () => {
  const file = new File()
  file.write = async (position) => {
    if (position === 0) return
    await new Promise((resolve) => setImmediate(resolve))
    throw new StatusError(STATUS.failure, 'Failure')
  }
  assert.equal((await failure(file.send([Buffer.alloc(10), Buffer.alloc(10)]))).kind, 'refused')
  assert.ok(!file.log.includes('acknowledged'))
})

test('sftp: the last acknowledgement comes after the server has synced', async () => {
  const file = new File()
  await file.send([Buffer.alloc(10)])
  assert.deepEqual(file.log, ['stored', 'synced', 'acknowledged'])
})

test('sftp: a partial that has gone is not invented anew', async () => {
  const file = new File()
  assert.equal((await failure(file.send([Buffer.alloc(10)], 100))).kind, 'not-found')
  assert.equal(file.bytes, null)
})

test('sftp: an answer to check-file of another algorithm or length is no digest', async () => {
  const digest = Buffer.alloc(32, 0xab)
  const answer = (algorithm: string, bytes: Buffer, type = 201): Buffer =>
    Buffer.concat([Buffer.from([type, 0, 0, 0, 1, 0, 0, 0, algorithm.length]), Buffer.from(algorithm), bytes])
  const ask = (packet: Buffer): Promise<string> => {
    const requests: Record<number, { cb: (error?: Error) => void }> = {}
    const sftp = {
      _requests: requests,
      _writeReqid: 0,
      _pkt: undefined as Buffer | undefined,
      _protocol: {
        channelData: (_channel: number, request: Buffer) =>
          queueMicrotask(() => {
            sftp._pkt = packet
            requests[request.readUInt32BE(5)]?.cb()
          }),
      },
      outgoing: { id: 0, window: 1_000_000, packetSize: 32_768, state: 'open' },
    }
    const slow: Requests['slow'] = (_extraMs, send) =>
      new Promise((resolve, reject) => send((error, value) => (error ? reject(error) : resolve(value))))
    return checkFile({ slow } as Requests, sftp as unknown as SFTPWrapper, { path: 'f', algorithm: 'sha256', extraMs: 0 })
  }
  assert.equal(await ask(answer('sha256', digest)), digest.toString('hex'))
  for (const wrong of [answer('sha512', digest), answer('sha256', Buffer.alloc(33)), answer('sha256', digest, 101)])
    assert.equal((await failure(ask(wrong))).kind, 'unsupported')
})

test('sftp: an exchange that was given up ends its connection, because its requests may still arrive', async () => {
  let made = 0
  const leases = new Leases(async () => {
    made += 1
    let ended = (): void => {}
    const connection: Partial<Connection> = {
      requests: {} as Requests,
      outstanding: 1,
      onEnd: (listener) => {
        ended = listener
      },
      retire: () => ended(),
      end: async () => {},
    }
    return connection as Connection
  }, 4)
  const controller = new AbortController()
  const hanging = leases.exclusive(controller.signal, () => {
    setImmediate(() => controller.abort(new TransferError('stopped', 'enough')))
    return new Promise<never>(() => {})
  })
  assert.equal((await failure(hanging)).kind, 'stopped')
  await leases.exclusive(never, async () => {})
  assert.equal(made, 2)
})

test('ftp: 226 before the last byte is no success', async (t) => {
  let stored = 0
  const server = await startScriptedFtp({
    STOR: async (_argument, session) => {
      session.say('150 go on')
      const data = await session.data()
      data.once('data', (chunk: Buffer) => {
        stored = chunk.length
        session.say('226 done')
        data.resume()
      })
    },
    SIZE: (_argument, session) => session.say(stored === 0 ? '550 no' : `213 ${stored}`),
  })
  const remote = await ftp.open(ftp.parse(new URL(`ftp://127.0.0.1:${server.port}/`), ANYBODY), PORTS, never)
  t.after(async () => {
    await remote.close()
    await server.close()
  })
  async function* slow(): Body {
    for (let i = 0; i < 200; i += 1) {
      yield Buffer.alloc(65_536)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const observer: WriteObserver = { sent: () => {}, acknowledged: () => {} }
  assert.equal((await failure(remote.writer?.create('f', 200 * 65_536, slow(), observer, never) ?? assert.fail())).kind, 'transient')
})

test('http: a range that is said to start elsewhere delivers nothing, whatever its length', async (t) => {
  const remote = await serving(t, (_request, response) => {
    response.writeHead(206, { 'content-range': 'bytes 8-19/1000', 'content-length': '12' }).end(CONTENT.subarray(8, 20))
  })
  assert.equal((await fails('unsupported', read(remote, 10, 20))).length, 0)
})

test('http: another pin is refused, also for a certificate of a trusted issuer', async (t) => {
  const { url, tlsCa, requests } = await secured(t)
  const open = (fingerprints: readonly string[]): Promise<Remote> =>
    http.open(http.parse(url, { ...ANYBODY, tlsCa, fingerprints }), PORTS, never)
  assert.equal((await failure(open(['0'.repeat(64)]))).kind, 'untrusted')
  assert.equal(requests.length, 0)
  await (await open([])).close()
})

test('http: no message quotes the query, which may be a signature', async (t) => {
  const server = await scriptedServer((_request, response) => void response.writeHead(403).end())
  const remote = await http.open(
    http.parse(new URL('/file?sig=canary', server.origin), { ...ANYBODY, username: '', password: '' }),
    PORTS,
    never,
  )
  t.after(async () => {
    await remote.close()
    await server.close()
  })
  const error = await failure(remote.stat(http.locate(new URL('/file?sig=canary', server.origin)), never))
  assert.ok(server.requests.some(({ path }) => path.includes('canary')))
  assert.doesNotMatch(`${error.message}${error.hint}`, /canary/)
})

async function secured(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'rt-mutation-tls-'))
  const { pem, keyFile } = makeCertificate(directory, 'IP:127.0.0.1')
  const tls = { key: readFileSync(keyFile, 'utf8'), cert: pem }
  const server = await scriptedServer((_request, response) => void response.writeHead(200, { allow: 'GET' }).end(), { tls })
  t.after(async () => {
    await server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { url: new URL('/file', server.origin), tlsCa: pem, requests: server.requests }
}
