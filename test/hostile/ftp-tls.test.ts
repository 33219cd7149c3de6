/** FTPS: a server, or somebody on the way, that talks us out of TLS, slips words in before it, or cuts it off. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { TLSSocket } from 'node:tls'
import type { FailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { makeCertificate } from '../servers/certificate.ts'
import {
  type Answer,
  deafAfter,
  type ScriptedFtp,
  type ScriptedOptions,
  type ScriptedSession,
  startScriptedFtp,
} from '../servers/scripted-ftp.ts'
import { absent, body, drip, ends, fails, flood, LOGIN, never, silent, TAKEN_BYTES_MAX, type Witness, witness } from './ordeal.ts'

const CONTENT = Buffer.alloc(50_000, 7)
const directory = mkdtempSync(join(tmpdir(), 'rt-hostile-tls-'))
after(() => rmSync(directory, { recursive: true, force: true }))

let tls: { key: Buffer; cert: Buffer }
let pem = ''
before(() => {
  const made = makeCertificate(directory)
  tls = { key: readFileSync(made.keyFile), cert: readFileSync(made.certificateFile) }
  pem = made.pem
})

async function withServer(
  answers: Record<string, Answer>,
  options: ScriptedOptions & { readonly timeoutMs?: number },
  work: (open: () => Promise<Remote>, who: Witness, server: ScriptedFtp) => Promise<void>,
): Promise<void> {
  const server = await startScriptedFtp(answers, options)
  const who = witness(options.timeoutMs ?? 5000)
  const config = protocol.parse(new URL(`ftps://127.0.0.1:${server.port}/`), { ...LOGIN, tlsCa: pem })
  let remote: Remote | undefined
  try {
    const open = async (): Promise<Remote> => {
      remote = await protocol.open(config, who, never)
      return remote
    }
    await work(open, who, server)
  } finally {
    if (remote !== undefined) await ends(remote.close())
    await server.close()
  }
}

const saidWho = (server: ScriptedFtp): boolean => server.commands.some((line) => /^(USER|PASS|ACCT)/.test(line))
const waits =
  (act: (session: ScriptedSession) => void): Answer =>
  (_argument, session) =>
    act(session)

describe('FTPS: talked out of TLS', { concurrency: 8 }, () => {
  const untrusted: readonly string[] = [
    ...[
      '120',
      '150',
      '200',
      '202',
      '211',
      '220',
      '230',
      '232',
      '250',
      '331',
      '332',
      '334',
      '335',
      '350',
      '431',
      '450',
      '500',
      '501',
      '502',
    ].map((code) => `${code} something`),
    ...['503', '504', '530', '533', '534', '536', '550', '999'].map((code) => `${code} something`),
    '230-hello\r\n230 you are logged in',
  ]
  for (const reply of untrusted)
    test(`AUTH TLS: ${reply.slice(0, 12).replace('\r', '')}`, () =>
      // A good word without TLS behind it: waited for, but not for long here.
      withServer({ AUTH: reply }, { timeoutMs: /^(2|334)/.test(reply) ? 3000 : 5000 }, async (open, who, server) => {
        await fails('untrusted', open(), who)
        assert.equal(saidWho(server), false)
      }))

  const injected: readonly string[] = [
    '230 logged in',
    '230-logged',
    '230',
    '2',
    ' ',
    '331 who\r\n230 logged in',
    '421 bye',
    '234 again',
    'x'.repeat(1000),
  ]
  for (const text of injected)
    test(`AUTH TLS: 234 and then ${JSON.stringify(text.slice(0, 20))}`, () =>
      withServer(
        { AUTH: waits(({ control }) => void control.write(`234 go on\r\n${text}`)) },
        { timeoutMs: 700 },
        async (open, who, server) => {
          await fails(['untrusted', 'transient'], open(), who)
          assert.equal(saidWho(server), false)
        },
      ))

  test('words slipped in beside the handshake are never an answer inside of it', () => {
    const slipping: Answer = (_argument, session) => {
      const plain = session.control
      session.say('234 go on')
      setImmediate(() => plain.write('230 logged in\r\n257 "/" is home\r\n'))
    }
    return withServer({ AUTH: slipping }, { timeoutMs: 700 }, async (open, who, server) => {
      await fails(['untrusted', 'transient'], open(), who)
      assert.equal(saidWho(server), false)
    })
  })

  for (const [name, greeting, kinds] of [
    ['a greeting that says we are logged in', '230 welcome, no login needed', ['untrusted', 'refused', 'protocol']],
    ['a greeting that refuses', '530 go away', ['denied']],
    ['a greeting and a login in one', '220 hi\r\n230 logged in', ['untrusted', 'transient']],
  ] as const satisfies readonly (readonly [string, string, readonly FailureKind[]])[])
    test(name, () =>
      withServer({ AUTH: '502 no' }, { greeting }, async (open, who, server) => {
        await fails(kinds, open(), who)
        assert.equal(saidWho(server), false)
      }),
    )

  for (const [verb, reply, kinds] of [
    ['PROT', '200-x\r\n534 no', ['transient', 'untrusted', 'protocol']],
    ...['150', '331', '431', '500', '504', '534', '536', '999'].map((code) => ['PROT', `${code} x`, ['untrusted']] as const),
  ] as const)
    test(`${verb}: ${reply.slice(0, 6)}`, () =>
      withServer({ [verb]: reply }, { tls, timeoutMs: reply.startsWith('200-') ? 700 : 5000 }, async (open, who, server) => {
        await fails(kinds, open(), who)
        assert.ok(!server.commands.some((line) => /^(RETR|STOR|EPSV|PASV)/.test(line)))
      }))
})

describe('FTPS: waiting', { concurrency: 8 }, () => {
  const places: Readonly<Record<string, Record<string, Answer>>> = {
    'AUTH, silence': { AUTH: null },
    'AUTH, a digit at a time': { AUTH: waits(({ control }) => drip(control, '2')) },
    'the handshake, silence': { AUTH: deafAfter('234 go on') },
    'PBSZ, silence': { PBSZ: null },
    'PROT, silence': { PROT: null },
    'PROT, a digit at a time': { PROT: waits(({ control }) => drip(control, '2')) },
  }
  for (const [place, answers] of Object.entries(places))
    test(place, () => {
      const plain = place.startsWith('AUTH') || place.startsWith('the handshake')
      return withServer(
        answers,
        { timeoutMs: 900, ...(plain ? {} : { tls }) },
        async (open, who) => void (await fails('transient', open(), who)),
      )
    })

  test('the silent server is silent whatever the bytes of the handshake are', async () => {
    const server = await startScriptedFtp({ AUTH: deafAfter('234 go on') })
    const socket = net.connect(server.port, '127.0.0.1')
    const heard: string[] = []
    socket.on('data', (chunk) => void heard.push(chunk.toString()))
    socket.write('AUTH TLS\r\n')
    while (!heard.join('').includes('234')) await once(socket, 'data')
    socket.end('\x16\x03\r\nUSER x\r\n')
    await once(socket, 'close')
    await server.close()
    assert.match(heard.join(''), /234 go on\r\n$/)
  })

  test('the handshake, a byte at a time, is not trusted', () =>
    withServer(
      {
        AUTH: waits((session) => {
          session.say('234 go on')
          // The beginning of a record of 16 kB that never ends.
          session.control.write(Buffer.from([22, 3, 3, 0x40, 0]))
          drip(session.control, '\0')
        }),
      },
      { timeoutMs: 700 },
      async (open, who, server) => {
        await fails(['transient', 'untrusted'], open(), who)
        assert.equal(saidWho(server), false)
      },
    ))

  test('a data connection that never begins its handshake', () =>
    withServer({ RETR: '150 here', STOR: '150 go on' }, { tls, timeoutMs: 700 }, async (open, who) => {
      const remote = await ends(open())
      await fails(
        'transient',
        remote.read('f', { start: 0, end: 10 }, () => undefined, {}, never),
        who,
      )
      await fails('transient', remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? absent(), who)
    }))

  test('text without end where the handshake belongs is not read for ever', () => {
    let taken = (): number => 0
    const answer = waits((session) => {
      session.say('234 go on')
      taken = flood(session.control, 'x'.repeat(65_536))
    })
    return withServer({ AUTH: answer }, {}, async (open, who, server) => {
      await fails(['untrusted', 'protocol'], open(), who)
      assert.equal(saidWho(server), false)
      assert.ok(taken() < TAKEN_BYTES_MAX)
    })
  })
})

/** Sends `bytes` over TLS and then ends the TCP connection under it, without a close_notify. */
const cutting =
  (bytes: Uint8Array, last: string | null): Answer =>
  async (_path, session) => {
    session.say('150 here')
    const raw = await session.data()
    const secure = new TLSSocket(raw, { isServer: true, ...tls })
    secure.on('error', () => undefined)
    secure.write(bytes, () => {
      raw.end()
      if (last !== null) session.say(last)
    })
  }

describe('FTPS: a data connection that is cut under its TLS', { concurrency: 4 }, () => {
  const SIZE: Answer = `213 ${CONTENT.length}`
  for (const last of ['226 done', '426 broken', null])
    test(`half of the file, ${last ?? 'silence'}`, () =>
      withServer({ RETR: cutting(CONTENT.subarray(0, 20_000), last), SIZE }, { tls, timeoutMs: 900 }, async (open, who) => {
        const remote = await ends(open())
        await fails(
          'transient',
          remote.read('f', { start: 0, end: CONTENT.length }, () => undefined, {}, never),
          who,
        )
        await fails(
          'transient',
          remote.read('f', { start: 0, end: Number.POSITIVE_INFINITY }, () => undefined, {}, never),
          who,
        )
      }))

  test('a listing that ends there is no listing when the server does not say that it was all', () =>
    withServer(
      { LIST: cutting(Buffer.from('-rw-r--r-- 1 u u 3 Jan 1 2020 a\r\n'), '426 broken') },
      { tls, timeoutMs: 900 },
      async (open, who) => {
        const remote = await ends(open())
        await fails('transient', remote.tree?.list('', never) ?? absent(), who)
      },
    ))
})

/** More than the buffers of both sides hold, so that most of it is still to be sent when the server has its say. */
const LARGE = 48 * 1024 * 1024

describe('FTPS: success said before the data was read', { concurrency: 2 }, () => {
  for (const [name, taken] of [
    ['after the first bytes', 1],
    ['in the middle', 1_000_000],
  ] as const)
    test(`226 ${name} is no success, also where the size is right`, () => {
      let sent = 0
      const hasty: Answer = async (_path, session) => {
        session.say('150 go on')
        const data = await session.data()
        let came = 0
        data.on('data', (chunk: Buffer) => {
          came += chunk.length
          if (came < taken || data.isPaused()) return
          data.pause()
          session.say('226 done')
        })
      }
      // An older file of the same length lies there: the size afterwards proves nothing.
      const answers = { STOR: hasty, SIZE: `213 ${LARGE}` }
      return withServer(answers, { tls, protects: true, timeoutMs: 3000 }, async (open, who) => {
        const remote = await ends(open())
        const observer: WriteObserver = {
          ...silent,
          sent: (total) => {
            sent = total
          },
        }
        const writing = remote.writer?.create('f', LARGE, body(Buffer.alloc(LARGE)), observer, never) ?? absent()
        const error = await fails('transient', writing, who)
        assert.match(error.message, /before/, error.message)
        assert.ok(sent < LARGE, 'all of it had been sent')
      })
    })
})
