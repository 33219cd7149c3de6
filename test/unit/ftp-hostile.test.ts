/** What the FTP client does when a server lies, dies, stalls or is somebody else. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { AppendResumer, Body, Credentials, Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { type Answer, type ScriptedFtp, type ScriptedOptions, type ScriptedSession, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const silent: WriteObserver = { sent: () => undefined, acknowledged: () => undefined }
const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 253))

interface Scene {
  readonly server: ScriptedFtp
  open(timeoutMs?: number, signal?: AbortSignal): Promise<Remote>
}

async function scene(
  t: TestContext,
  answers: Record<string, Answer>,
  options: ScriptedOptions & { scheme?: string; credentials?: Partial<Credentials> } = {},
): Promise<Scene> {
  const server = await startScriptedFtp(answers, options)
  const remotes: Remote[] = []
  t.after(async () => {
    for (const remote of remotes) await remote.close()
    await server.close()
  })
  const credentials: Credentials = { username: 'u', password: 'secret-word', headers: new Map(), fingerprints: [], tlsVerify: true }
  const config = protocol.parse(new URL(`${options.scheme ?? 'ftp'}://127.0.0.1:${server.port}/`), {
    ...credentials,
    ...options.credentials,
  })
  return {
    server,
    open: async (timeoutMs = 5000, signal = never) => {
      const remote = await protocol.open(config, remotePorts(timeoutMs), signal)
      remotes.push(remote)
      return remote
    },
  }
}

async function fails(kind: FailureKind, action: Promise<unknown>): Promise<TransferError> {
  const error: unknown = await action.then(
    () => assert.fail('did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

async function readAll(remote: Remote, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  await remote.read('f', { start, end }, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
  return Buffer.concat(chunks)
}

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

/** RETR that sends `bytes`, ends the data connection and says `last`. */
function sends(bytes: Uint8Array, last = '226 done'): Answer {
  return async (_argument, session) => {
    session.say('150 here it comes')
    const data = await session.data()
    data.end(bytes, () => session.say(last))
  }
}

/** STOR or APPE that takes everything; `stored` is told how many bytes that were and whether they ended with a FIN. */
function takes(stored: (bytes: number, ended: boolean) => void, last: string | null = '226 done'): Answer {
  return async (_argument, session) => {
    session.say('150 go on')
    const data = await session.data()
    let bytes = 0
    let ended = false
    data.on('data', (chunk) => {
      bytes += chunk.length
    })
    data.on('end', () => {
      ended = true
    })
    data.on('close', () => {
      stored(bytes, ended)
      if (last !== null) session.say(last)
    })
  }
}

describe('FTP: servers that lie about reads', () => {
  test('226 after too few bytes is transient, or source-changed when the file is shorter now', async (t) => {
    let size = content.length
    const { open } = await scene(t, { RETR: sends(content.subarray(0, 1000)), SIZE: (_, s) => s.say(`213 ${size}`) })
    const remote = await open()
    await fails('transient', readAll(remote, 0, content.length))
    size = 1000
    await fails('source-changed', readAll(remote, 0, content.length))
  })

  test('226 before the data does not end the read', async (t) => {
    const early: Answer = async (_argument, session) => {
      session.say('150 here\r\n226 done')
      const data = await session.data()
      data.write(content.subarray(0, 50_000))
      setImmediate(() => data.end(content.subarray(50_000)))
    }
    const { open } = await scene(t, { RETR: early })
    assert.ok((await readAll(await open(), 0, content.length)).equals(content))
  })

  test('a failure said before the data ends, and a reset with a reason, are told with the reason', async (t) => {
    const broken: Answer = async (_argument, session) => {
      session.say('150 here')
      const data = await session.data()
      data.write(content.subarray(0, 5000), () => {
        session.say('451 the disk is on fire')
        data.resetAndDestroy()
      })
    }
    const { open } = await scene(t, { RETR: broken })
    assert.match((await fails('transient', readAll(await open(), 0, content.length))).message, /disk is on fire/)
  })

  test('more bytes than asked for are not delivered', async (t) => {
    const { open } = await scene(t, { RETR: sends(content) })
    assert.ok((await readAll(await open(), 0, 777)).equals(content.subarray(0, 777)))
  })

  test('an unknown end is reached only with 226 and the size the server tells', async (t) => {
    let size = content.length
    const { open } = await scene(t, { RETR: sends(content), SIZE: (_, s) => s.say(`213 ${size}`) })
    const remote = await open()
    assert.ok((await readAll(remote, 0, Number.POSITIVE_INFINITY)).equals(content))
    size += 1
    await fails('transient', readAll(remote, 0, Number.POSITIVE_INFINITY))
  })

  test('a session that dies after the last byte takes nothing away', async (t) => {
    const dying: Answer = async (_argument, session) => {
      session.say('150 here')
      const data = await session.data()
      data.end(content, () => session.control.destroy())
    }
    const { open, server } = await scene(t, { RETR: dying })
    const remote = await open()
    assert.ok((await readAll(remote, 0, content.length)).equals(content))
    assert.equal(await remote.stat('f', never), null)
    assert.equal(server.sessions, 2)
  })

  test('a server that cannot start in the middle is unsupported', async (t) => {
    const { open } = await scene(t, { REST: '502 no', RETR: sends(content) })
    await fails('unsupported', readAll(await open(), 10, 20))
  })

  test('no data for the time limit is transient, and so is no reply', async (t) => {
    let mute = false
    const { open } = await scene(t, { RETR: (_, session) => (mute ? undefined : session.say('150 soon')) })
    const remote = await open(300)
    assert.match((await fails('transient', readAll(remote, 0, 10))).message, /no data/)
    mute = true
    assert.match((await fails('transient', readAll(remote, 0, 10))).message, /no answer/)
  })
})

describe('FTP: sessions out of step', () => {
  test('a reply that nobody asked for never answers the next command', async (t) => {
    let calls = 0
    const { open, server } = await scene(t, {
      SIZE: (_, session) => {
        calls += 1
        session.say(calls === 1 ? '550 no\r\n550 no\r\n213 999' : '550 no')
      },
    })
    const remote = await open()
    await remote.stat('f', never).catch(() => undefined)
    assert.equal(await remote.stat('f', never), null)
    assert.equal(server.sessions, 2, 'on a new session')
  })

  test('a marker left by an abandoned read is never in force for a write', async (t) => {
    const more: Answer = async (_argument, session) => {
      session.say('150 here')
      const data = await session.data()
      data.on('close', () => session.say('426 you left'))
      data.write(content)
    }
    const { open, server } = await scene(t, { RETR: more, STOR: takes(() => undefined) })
    const remote = await open()
    await readAll(remote, 5, 10)
    await remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never).catch(() => undefined)
    await readAll(remote, 0, 10)
    const lines = server.commands.slice(server.commands.lastIndexOf('--'))
    assert.ok(lines.includes('STOR f') && !lines.some((line) => line.startsWith('REST')), 'written on a session without a marker')
  })

  test('a read from 0 after an abandoned ranged read takes the marker back', async (t) => {
    const more: Answer = async (_argument, session) => {
      session.say('150 here')
      const data = await session.data()
      data.on('close', () => session.say('426 you left'))
      data.write(content)
    }
    const { open, server } = await scene(t, { RETR: more })
    const remote = await open()
    await readAll(remote, 5, 10)
    await readAll(remote, 0, 10)
    assert.equal(server.sessions, 1)
    assert.deepEqual(
      server.commands.filter((line) => line.startsWith('REST')),
      ['REST 5', 'REST 0'],
    )
  })

  test('the address in PASV is ignored', async (t) => {
    const elsewhere: Answer = async (_argument, session) => {
      const port = await session.listen()
      session.say(`227 Entering Passive Mode (203,0,113,7,${port >> 8},${port & 255})`)
    }
    const { open } = await scene(t, { EPSV: '500 no', PASV: elsewhere, RETR: sends(content) })
    assert.ok((await readAll(await open(), 0, content.length)).equals(content))
  })

  test('accepting and saying nothing is transient', async (t) => {
    const { open } = await scene(t, {}, { greeting: null })
    assert.match((await fails('transient', open(200))).message, /no answer/)
  })

  test('an abort does not wait for an answer', async (t) => {
    const controller = new AbortController()
    const { open } = await scene(t, { USER: () => controller.abort(new TransferError('stopped', 'enough')) })
    await fails('stopped', open(60_000, controller.signal))
  })

  test('logging in a byte at a time ends with the time limit', async (t) => {
    const drip: Answer = (_argument, session) => {
      const timer = setInterval(() => session.control.write('2'), 20)
      session.control.on('close', () => clearInterval(timer))
    }
    const { open } = await scene(t, { USER: drip })
    await fails('transient', open(300))
  })

  test('an endless reply is a protocol error', async (t) => {
    const { open } = await scene(t, { FEAT: (_, session) => void session.control.write(`211-x\r\n${' y\r\n'.repeat(40_000)}`) })
    await fails('protocol', open())
  })

  test('the reason for closing an idle session is told, or a new one is opened', async (t) => {
    let last: ScriptedSession | null = null
    const { open, server } = await scene(t, {
      SIZE: (_, session) => {
        last = session
        session.say('550 no')
      },
    })
    const remote = await open()
    await remote.stat('f', never)
    const gone = new Promise((resolve) => last?.control.once('close', resolve))
    const idle: ScriptedSession = last ?? assert.fail('no session')
    idle.say('421 idle for too long')
    idle.control.end()
    await gone
    assert.equal(await remote.stat('f', never), null)
    assert.equal(server.sessions, 2)
  })

  test('a name with a line break is refused and nothing is sent', async (t) => {
    const { open, server } = await scene(t, {})
    const remote = await open()
    const count = server.commands.length
    for (const name of ['a\nDELE b', 'a\rb', 'a\0b']) await fails('invalid-input', remote.stat(name, never))
    assert.equal(server.commands.length, count)
  })

  test('no error and no dialogue holds the password', async (t) => {
    for (const answer of ['530 no', null, '421 bye', (_: string, session: ScriptedSession) => void session.control.destroy()] as Answer[]) {
      const lines: string[] = []
      const { server } = await scene(t, { PASS: answer })
      const credentials: Credentials = { username: 'u', password: 'secret-word', headers: new Map(), fingerprints: [], tlsVerify: true }
      const config = protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), credentials)
      const hear = (line: string): void => void lines.push(line)
      const ports = remotePorts(200, { debug: hear, warn: hear })
      const error: unknown = await protocol.open(config, ports, never).catch((reason: unknown) => reason)
      assert.ok(error instanceof TransferError)
      assert.doesNotMatch(`${inspect(error, { depth: 9 })}${lines.join()}`, /secret-word/)
    }
  })

  test('a wrong password is denied once', async (t) => {
    const { open, server } = await scene(t, { PASS: '530 Login incorrect.' })
    await fails('denied', open())
    assert.equal(server.commands.filter((line) => line.startsWith('PASS')).length, 1)
  })
})

test('FTP: after a refused login no other one is tried', async (t) => {
  let password = '230 welcome'
  let last: ScriptedSession | undefined
  const { open, server } = await scene(t, {
    PASS: (_, session) => {
      last = session
      session.say(password)
    },
  })
  const remote = await open()
  await remote.stat('f', never)
  password = '530 Login incorrect.'
  const idle: ScriptedSession = last ?? assert.fail('no session')
  const gone = new Promise((resolve) => idle.control.once('close', resolve))
  idle.say('421 idle for too long')
  idle.control.end()
  await gone
  for (let i = 0; i < 3; i += 1) await fails('denied', remote.stat('f', never))
  assert.equal(server.commands.filter((line) => line.startsWith('PASS')).length, 2)
})

describe('FTP: servers that lie about writes', () => {
  test('226 counts only with the right size, where the server tells one', async (t) => {
    let size = '550 no'
    const { open } = await scene(t, { STOR: takes(() => undefined), SIZE: (_, session) => session.say(size) })
    const remote = await open()
    const create = (): Promise<void> => remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? assert.fail('no writer')
    // That it is not to be seen takes nothing back: others may have taken it, and many let nobody look.
    await create()
    size = '213 2'
    await fails('transient', create())
    size = '213 4'
    await fails('offset-conflict', create())
    size = '213 3'
    await create()
  })

  test('no answer to STOR names the likely cause', async (t) => {
    const { open } = await scene(t, { STOR: null })
    const remote = await open(300)
    const error = await fails('transient', remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? assert.fail())
    assert.match(error.hint ?? '', /another session/)
  })

  test('a refusal in the middle ends the upload with its reason and lets the body go', async (t) => {
    const full: Answer = async (_argument, session) => {
      session.say('150 go on')
      const data = await session.data()
      data.once('data', () => {
        session.say('452 No space left on device')
        data.pause()
      })
    }
    let released = false
    async function* endless(): Body {
      try {
        for (let i = 0; i < 1_000_000; i += 1) yield Buffer.alloc(65_536)
      } finally {
        released = true
      }
    }
    const { open } = await scene(t, { STOR: full })
    await fails('no-space', (await open()).writer?.create('f', 65_536_000_000, endless(), silent, never) ?? assert.fail())
    assert.ok(released)
  })

  test('a reset is transient, and 226 before the end is no success', async (t) => {
    const reset: Answer = async (_argument, session) => {
      session.say('150 go on')
      const data = await session.data()
      data.once('data', () => data.resetAndDestroy())
    }
    const hasty: Answer = (_argument, session) => session.say('150 go on\r\n226 done')
    async function* slow(): Body {
      for (let i = 0; i < 1000; i += 1) {
        yield Buffer.alloc(65_536)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const { open } = await scene(t, { STOR: (argument, session) => (argument === 'reset' ? reset : hasty)(argument, session) })
    const remote = await open()
    for (const name of ['reset', 'hasty'])
      await fails('transient', remote.writer?.create(name, 65_536_000, slow(), silent, never) ?? assert.fail())
  })

  test('a stopped upload ends with a FIN', async (t) => {
    let told: (how: { bytes: number; ended: boolean }) => void = () => undefined
    const how = new Promise<{ bytes: number; ended: boolean }>((resolve) => {
      told = resolve
    })
    const { open } = await scene(t, { STOR: takes((bytes, ended) => told({ bytes, ended })) })
    const controller = new AbortController()
    async function* stopping(): Body {
      yield Buffer.alloc(50_000)
      controller.abort(new TransferError('stopped', 'enough'))
      await new Promise(() => undefined)
    }
    await fails('stopped', (await open()).writer?.create('f', 100_000, stopping(), silent, controller.signal) ?? assert.fail())
    assert.deepEqual(await how, { bytes: 50_000, ended: true })
  })

  test('a session that dies after the last byte leaves it open what was stored', async (t) => {
    const dying: Answer = async (_argument, session) => {
      session.say('150 go on')
      const data = await session.data()
      data.resume().on('end', () => session.control.destroy())
    }
    const { open } = await scene(t, { STOR: dying })
    await fails('transient', (await open()).writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? assert.fail())
  })

  test('a body of another length is our own defect, whatever the server says', async (t) => {
    const { open } = await scene(t, { STOR: takes(() => undefined), SIZE: '213 3' })
    const remote = await open()
    for (const length of [2, 4]) {
      await fails('internal', remote.writer?.create('f', length, body(Buffer.from('abc')), silent, never) ?? assert.fail())
    }
  })

  test('a server that says yes to everything and keeps nothing cannot be resumed on', async (t) => {
    const { open, server } = await scene(t, {
      STOR: takes(() => undefined),
      APPE: takes(() => undefined),
      SIZE: '213 12',
      RETR: sends(Buffer.alloc(12)),
    })
    assert.equal(await (await open()).writer?.resumer('', never), null)
    assert.ok(
      server.commands.some((line) => line.startsWith('DELE .rt-probe-')),
      'the scratch file is removed',
    )
  })

  test('appending needs the exact size before it', async (t) => {
    const files = new Map<string, Buffer>()
    const { open, server } = await scene(t, memory(files))
    const remote = await open()
    const resumer = await remote.writer?.resumer('', never)
    assert.equal(resumer?.kind, 'append')
    const { append } = resumer as AppendResumer
    files.set('f', Buffer.from('abc'))
    const count = server.commands.length
    await fails('offset-conflict', append('f', 2, 1, body(Buffer.from('x')), silent, never))
    assert.ok(!server.commands.slice(count).some((line) => line.startsWith('APPE')))
    await append('f', 3, 1, body(Buffer.from('x')), silent, never)
    assert.equal(files.get('f')?.toString(), 'abcx')
  })
})

/** A server that keeps files in memory and appends, but knows no marker for STOR. */
function memory(files: Map<string, Buffer>): Record<string, Answer> {
  const store =
    (append: boolean): Answer =>
    async (name, session) => {
      session.say('150 go on')
      const data = await session.data()
      const chunks = append ? [files.get(name) ?? Buffer.alloc(0)] : []
      data.on('data', (chunk) => void chunks.push(chunk))
      data.on('close', () => {
        files.set(name, Buffer.concat(chunks))
        session.say('226 done')
      })
    }
  return {
    STOR: store(false),
    APPE: store(true),
    SIZE: (name, session) => session.say(files.has(name) ? `213 ${files.get(name)?.length}` : '550 no'),
    RETR: async (name, session) => {
      session.say('150 here')
      const data = await session.data()
      data.end(files.get(name) ?? Buffer.alloc(0), () => session.say('226 done'))
    },
  }
}

describe('FTP: digests', () => {
  const FEAT = '211-x\r\n XSHA256\r\n SIZE\r\n211 end'

  test('keep-alive lines before the digest, and only plain hex of the right length counts', async (t) => {
    const digest = createHash('sha256').update('x').digest('hex').toUpperCase()
    let reply = `250-Computing\r\n250-still computing\r\n250 ${digest}`
    const { open, server } = await scene(t, { FEAT, XSHA256: (_, session) => session.say(reply) })
    const { digester } = await open()
    assert.equal(await digester?.digest('a b', { start: 3, end: 9 }, never), digest.toLowerCase())
    assert.ok(server.commands.includes('XSHA256 "a b" 3 9'))
    for (const bad of [`250 ${digest.slice(1)}`, '250 ok', '500 what?', `250 ${digest} ${digest}`]) {
      reply = bad
      await fails('unsupported', digester?.digest('a', { start: 3, end: 9 }, never) ?? assert.fail())
    }
    await fails('unsupported', digester?.digest('a"b', { start: 3, end: 9 }, never) ?? assert.fail())
  })

  test('a session that has told a digest is not asked again after a change', async (t) => {
    const { open, server } = await scene(t, { FEAT, XSHA256: `250 ${'0'.repeat(64)}` })
    const remote = await open()
    await remote.digester?.digest('a', { start: 0, end: 1 }, never)
    await remote.digester?.digest('b', { start: 0, end: 1 }, never)
    assert.equal(server.sessions, 1)
    await remote.tree?.remove('a', never)
    await remote.digester?.digest('a', { start: 0, end: 1 }, never)
    assert.equal(server.sessions, 2)
  })
})

describe('FTP: who is at the other end', () => {
  let directory: string
  let tls: { key: Buffer; cert: Buffer }
  let pin: string
  let pem: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'rt-ftp-tls-'))
    const made = makeCertificate(directory)
    tls = { key: readFileSync(made.keyFile), cert: readFileSync(made.certificateFile) }
    pem = made.pem
    pin = createHash('sha256').update(new X509Certificate(made.pem).raw).digest('hex')
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const saidWho = (server: ScriptedFtp): boolean => server.commands.some((line) => /^(USER|PASS)/.test(line))

  test('AUTH TLS refused or answered oddly is untrusted, and no name or password is sent', async (t) => {
    for (const answer of ['502 no', '530 no', '230 already logged in', '200 fine', '334 more', '331 who are you']) {
      const { open, server } = await scene(t, { AUTH: answer }, { scheme: 'ftps' })
      await fails('untrusted', open(600))
      assert.equal(saidWho(server), false, answer)
    }
  })

  test('a full server is transient, not untrusted', async (t) => {
    const { open } = await scene(t, { AUTH: '421 too many connections' }, { scheme: 'ftps' })
    await fails('transient', open())
  })

  test('text slipped in before the handshake is untrusted', async (t) => {
    const { open, server } = await scene(t, { AUTH: '234 go on\r\n230 already logged in' }, { scheme: 'ftps' })
    const error = await fails('untrusted', open())
    // A handshake that began all the same would fail as untrusted too, if its random bytes made a line that the server answers.
    assert.match(error.message, /sent text between AUTH TLS/)
    assert.equal(saidWho(server), false)
  })

  test('an unknown certificate is untrusted before any name is sent, and the message holds its pin', async (t) => {
    const { open, server } = await scene(t, {}, { scheme: 'ftps', tls })
    const error = await fails('untrusted', open())
    assert.equal(saidWho(server), false)
    const shown = /SHA-256 is ([0-9A-F:]+)/.exec(error.message)?.[1] ?? ''
    assert.equal(shown.replaceAll(':', '').toLowerCase(), pin)
  })

  test('a pin is enough, another pin is not, even for a certificate with a trusted root', async (t) => {
    const right = await scene(t, {}, { scheme: 'ftps', tls, credentials: { fingerprints: [pin] } })
    await right.open()
    assert.ok(saidWho(right.server))
    const wrong = await scene(t, {}, { scheme: 'ftps', tls, credentials: { fingerprints: ['0'.repeat(64)], tlsCa: pem } })
    await fails('untrusted', wrong.open())
    assert.equal(saidWho(wrong.server), false)
  })

  test('tls-ca is enough when the name is right', async (t) => {
    await (await scene(t, {}, { scheme: 'ftps', tls, credentials: { tlsCa: pem } })).open()
  })

  test('another name in the certificate is untrusted; tls-verify false takes it with a warning', async (t) => {
    const other = mkdtempSync(join(tmpdir(), 'rt-ftp-tls-'))
    t.after(() => rmSync(other, { recursive: true, force: true }))
    const made = makeCertificate(other, 'DNS:elsewhere.example')
    const wrongName = { key: readFileSync(made.keyFile), cert: readFileSync(made.certificateFile) }
    const strict = await scene(t, {}, { scheme: 'ftps', tls: wrongName, credentials: { tlsCa: made.pem } })
    await fails('untrusted', strict.open())
    assert.equal(saidWho(strict.server), false)
    const loose = await scene(t, {}, { scheme: 'ftps', tls: wrongName, credentials: { tlsVerify: false } })
    assert.match((await loose.open()).notes.join(), /not verified/)
  })

  /** The issuer is trusted and the name right: only the date is wrong. */
  const expired = (t: TestContext): { tls: { key: Buffer; cert: Buffer }; pem: string } => {
    const folder = mkdtempSync(join(tmpdir(), 'rt-ftp-tls-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const made = makeCertificate(folder, undefined, 'expired')
    return { tls: { key: readFileSync(made.keyFile), cert: readFileSync(made.certificateFile) }, pem: made.pem }
  }

  const WAYS = {
    explicit: { scheme: 'ftps' },
    implicit: { scheme: 'ftps-implicit', implicit: true },
  } as const

  for (const [name, way] of Object.entries(WAYS)) {
    test(`an expired certificate is untrusted before any name is sent (${name} TLS)`, async (t) => {
      const { tls: old, pem: issuer } = expired(t)
      const { open, server } = await scene(t, {}, { ...way, tls: old, credentials: { tlsCa: issuer } })
      assert.match((await fails('untrusted', open())).message, /CERT_HAS_EXPIRED/)
      assert.equal(saidWho(server), false)
    })

    test(`a data connection with an expired certificate is untrusted, and nothing is delivered or sent (${name} TLS)`, async (t) => {
      const { tls: old, pem: issuer } = expired(t)
      let received = 0
      const stale: Answer = async (_argument, session) => {
        session.say('150 here')
        const data = new TLSSocket(await session.data(), { isServer: true, ...old })
        data.on('error', () => undefined)
        data.on('data', (chunk: Buffer) => {
          received += chunk.length
        })
        data.write(content)
      }
      const { open } = await scene(t, { RETR: stale, STOR: stale }, { ...way, tls, credentials: { tlsCa: `${pem}\n${issuer}` } })
      const remote = await open()
      let delivered = 0
      const sink = (chunk: Uint8Array): void => {
        delivered += chunk.length
      }
      const reading = await fails('untrusted', remote.read('f', { start: 0, end: content.length }, sink, {}, never))
      const writing = await fails('untrusted', remote.writer?.create('f', content.length, body(content), silent, never) ?? assert.fail())
      for (const { message } of [reading, writing]) assert.match(message, /CERT_HAS_EXPIRED/)
      assert.deepEqual([delivered, received], [0, 0])
    })
  }

  test('data connections that the server will not encrypt are untrusted', async (t) => {
    for (const answer of ['534 no', '502 unknown', '530 no']) {
      const { open } = await scene(t, { PROT: answer }, { scheme: 'ftps', tls, credentials: { tlsCa: pem } })
      await fails('untrusted', open())
    }
  })

  test('a data connection of somebody else is untrusted, and nothing is delivered or sent', async (t) => {
    const other = mkdtempSync(join(tmpdir(), 'rt-ftp-tls-'))
    t.after(() => rmSync(other, { recursive: true, force: true }))
    const made = makeCertificate(other)
    const foreign = (socket: Socket): TLSSocket =>
      new TLSSocket(socket, { isServer: true, key: readFileSync(made.keyFile), cert: readFileSync(made.certificateFile) })
    let received = 0
    const steal: Answer = async (_argument, session) => {
      session.say('150 here')
      const data = foreign(await session.data())
      data.on('error', () => undefined)
      data.on('data', (chunk) => {
        received += chunk.length
      })
      data.write(content)
    }
    const { open } = await scene(t, { RETR: steal, STOR: steal }, { scheme: 'ftps', tls, credentials: { tlsCa: pem } })
    const remote = await open()
    let delivered = 0
    const sink = (chunk: Uint8Array): void => {
      delivered += chunk.length
    }
    await fails('untrusted', remote.read('f', { start: 0, end: content.length }, sink, {}, never))
    await fails('untrusted', remote.writer?.create('f', content.length, body(content), silent, never) ?? assert.fail())
    assert.deepEqual([delivered, received], [0, 0])
  })
})
