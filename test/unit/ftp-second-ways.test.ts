/** FTP: where one way does not lead there, another does, and it stays; and replies that are unmistakable, though not what the RFC says. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Body, Remote } from '../../src/remotes/remote.ts'
import { type Answers, memoryFtp } from '../hostile/memory-ftp.ts'
import { type Answer, type ScriptedFtp, type ScriptedSession, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const silent = { sent: () => undefined, acknowledged: () => undefined }
const CONTENT = Buffer.from('content')

interface Scene {
  readonly server: ScriptedFtp
  readonly files: Map<string, Buffer>
  open(timeoutMs?: number): Promise<Remote>
  /** The commands of all sessions that fit. */
  sent(command: RegExp): readonly string[]
}

async function scene(t: TestContext, answers: (files: Map<string, Buffer>) => Answers = () => ({})): Promise<Scene> {
  const files = new Map<string, Buffer>()
  const server = await startScriptedFtp({ ...memoryFtp(files), ...answers(files) })
  const credentials = { username: 'u', password: 'p', headers: new Map(), fingerprints: [], tlsVerify: true }
  const config = protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), credentials)
  t.after(() => server.close())
  return {
    server,
    files,
    open: async (timeoutMs = 5000) => {
      const remote = await protocol.open(config, remotePorts(timeoutMs), never)
      t.after(() => remote.close())
      return remote
    },
    sent: (command) => server.commands.filter((line) => command.test(line)),
  }
}

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

async function fails(kind: FailureKind, action: Promise<unknown>): Promise<TransferError> {
  const error: unknown = await action.then(
    () => assert.fail(`should have failed as ${kind}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

const create = (remote: Remote, name: string): Promise<void> =>
  remote.writer?.create(name, CONTENT.length, body(CONTENT), silent, never) ?? assert.fail('no writer')

async function contentOf(remote: Remote, name: string): Promise<string> {
  const chunks: Buffer[] = []
  await remote.read(name, { start: 0, end: CONTENT.length }, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
  return Buffer.concat(chunks).toString()
}

const pasv = async (session: ScriptedSession): Promise<void> => {
  const port = await session.listen()
  session.say(`227 Entering Passive Mode (10, 0, 0, 1, ${port >> 8}, ${port & 255})`)
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('FTP: a data connection', () => {
  test('by PASV where the port that EPSV names leads nowhere, for the whole session', async (t) => {
    const port = await closedPort()
    const { open, files, sent } = await scene(t, () => ({
      EPSV: `229 come (|||${port}|)`,
      PASV: (_argument, session) => pasv(session),
    }))
    const remote = await open()
    for (const name of ['a', 'b']) {
      await create(remote, name)
      assert.equal(files.get(name)?.toString(), 'content')
      assert.equal(await contentOf(remote, name), 'content')
    }
    assert.equal(sent(/^EPSV/).length, 1)
  })

  test('by PASV where the server then says that it has none by EPSV', async (t) => {
    let turn = 0
    const memory = memoryFtp(new Map([['f', CONTENT]]))
    const { open } = await scene(t, () => ({
      PASV: (_argument, session) => pasv(session),
      RETR: (path, session) => {
        turn += 1
        if (turn === 1) session.say('425 Cannot open data connection.')
        else if (typeof memory.RETR === 'function') return memory.RETR(path, session)
      },
    }))
    const remote = await open()
    await fails('transient', contentOf(remote, 'f'))
    assert.equal(await contentOf(remote, 'f'), 'content')
  })

  for (const before of ['', '150 opening\r\n'])
    test(`by PASV where the one that EPSV names is made, and not to the server: ${before === '' ? '' : '150 and '}425`, async (t) => {
      const extended = new WeakSet<ScriptedSession>()
      const { open, files, sent } = await scene(t, (held) => {
        const memory = memoryFtp(held)
        const unless: (verb: string) => Answer = (verb) => (argument, session) => {
          if (extended.has(session)) return session.say(`${before}425 Unable to build data connection`)
          const usual = memory[verb]
          if (typeof usual === 'function') return usual(argument, session)
        }
        return {
          EPSV: async (_argument, session) => {
            extended.add(session)
            session.say(`229 come (|||${await session.listen()}|)`)
          },
          PASV: (_argument, session) => {
            extended.delete(session)
            return pasv(session)
          },
          STOR: unless('STOR'),
          RETR: unless('RETR'),
        }
      })
      const remote = await open()
      await fails('transient', create(remote, 'f'))
      await create(remote, 'f')
      assert.equal(files.get('f')?.toString(), 'content')
      assert.equal(await contentOf(remote, 'f'), 'content')
      const other = await open()
      await fails('transient', contentOf(other, 'f'))
      assert.equal(await contentOf(other, 'f'), 'content')
      assert.equal(sent(/^EPSV/).length, 2)
    })

  test('by EPSV again where 425 passes and there is no PASV', async (t) => {
    let turn = 0
    const { open, files } = await scene(t, (held) => ({
      PASV: '502 no',
      STOR: (path, session) => {
        turn += 1
        const usual = memoryFtp(held).STOR
        if (turn === 1) session.say('425 Cannot open data connection.')
        else if (typeof usual === 'function') return usual(path, session)
      },
    }))
    const remote = await open()
    await fails('transient', create(remote, 'f'))
    await create(remote, 'f')
    assert.equal(files.get('f')?.toString(), 'content')
  })

  test('by EPSV where PASV is refused, and by PASV where EPSV is', async (t) => {
    for (const answers of [{ PASV: '502 no' }, { EPSV: '502 no', PASV: (_argument: string, session: ScriptedSession) => pasv(session) }]) {
      const { open, files } = await scene(t, () => answers)
      await create(await open(), 'f')
      assert.equal(files.get('f')?.toString(), 'content')
    }
  })

  test('by PASV after nobody answered EPSV', async (t) => {
    const { open, files } = await scene(t, () => ({ EPSV: null, PASV: (_argument, session) => pasv(session) }))
    const remote = await open(600)
    await fails('transient', create(remote, 'f'))
    await create(remote, 'f')
    assert.equal(files.get('f')?.toString(), 'content')
  })

  test('that cannot be had is told with its port and both ways', async (t) => {
    const port = await closedPort()
    const { open } = await scene(t, () => ({ EPSV: `229 come (|||${port}|)`, PASV: `227 (127,0,0,1,${port >> 8},${port & 255})` }))
    const error = await fails('transient', create(await open(), 'f'))
    assert.match(error.message, new RegExp(`data connection to port ${port}.*EPSV and PASV`))
    assert.match(error.hint ?? '', /firewall/)
  })
})

describe('FTP: names in other directories', () => {
  /** A server that keeps its files under names without a directory, and knows which directory a session is in. */
  const bareOnly = (files: Map<string, Buffer>, allowed: (name: string) => boolean): Answers => {
    const memory = memoryFtp(files)
    const at = new WeakMap<ScriptedSession, string>()
    const where = (name: string, session: ScriptedSession): string => (name.startsWith('/') ? name : `${at.get(session) ?? ''}/${name}`)
    const inside =
      (answer: Answer | undefined): Answer =>
      (name, session) => {
        if (!allowed(name)) return session.say('553 bad file name')
        if (typeof answer === 'function') return answer(where(name, session), session)
      }
    return {
      ...Object.fromEntries(['STOR', 'APPE', 'RETR', 'SIZE', 'MDTM', 'DELE', 'RNFR', 'RNTO'].map((verb) => [verb, inside(memory[verb])])),
      CWD: (path, session) => {
        if (!['/', 'sub', '/sub'].includes(path)) return session.say('550 no such directory')
        at.set(session, path === '/' ? '' : '/sub')
        session.say('250 there')
      },
    }
  }

  test('are bare after CWD where no others are taken', async (t) => {
    const { open, files, sent } = await scene(t, (held) => bareOnly(held, (name) => !name.includes('/')))
    const remote = await open()
    await create(remote, 'sub/f')
    await remote.tree?.rename('sub/f', 'sub/g', never)
    assert.equal(files.get('/sub/g')?.toString(), 'content')
    assert.equal(await contentOf(remote, 'sub/g'), 'content')
    await create(remote, 'top')
    assert.equal(files.get('/top')?.toString(), 'content')
    assert.equal(sent(/^STOR sub/).length, 1, 'what was refused is not tried again')
  })

  test('are absolute where relative ones are refused', async (t) => {
    const { open, files } = await scene(t, (held) => bareOnly(held, (name) => name.startsWith('/')))
    const remote = await open()
    await create(remote, 'sub/f')
    assert.equal(files.get('/sub/f')?.toString(), 'content')
    assert.equal(await contentOf(remote, 'sub/f'), 'content')
  })

  test('that are refused however they are spelled are refused once and for all, with the first word', async (t) => {
    const { open, sent } = await scene(t, (held) => ({ ...bareOnly(held, () => true), STOR: '553 read only' }))
    const remote = await open()
    for (let time = 0; time < 2; time += 1) {
      const error = await fails('refused', create(remote, 'sub/f'))
      assert.match(error.message, /STOR sub\/f/)
    }
    assert.equal(sent(/^STOR/).length, 4)
  })

  test('in a directory that is not there are tried once', async (t) => {
    const { open, sent } = await scene(t, (held) => ({ ...bareOnly(held, () => true), STOR: '553 no' }))
    await fails('refused', create(await open(), 'nowhere/f'))
    assert.equal(sent(/^STOR/).length, 1)
  })
})

describe('FTP: replies that are not as they should be', () => {
  const twice =
    (line: string): Answer =>
    (_argument, session) =>
      session.say(`${line}\r\n${line}`)
  const cases: readonly (readonly [string, (files: Map<string, Buffer>) => Answers])[] = [
    ['TYPE 226', () => ({ TYPE: '226 fine' })],
    ['FEAT 200', () => ({ FEAT: '200-x\r\n SIZE\r\n200 end' })],
    ['USER 300', () => ({ USER: '300 go on' })],
    ['PWD without quotes', () => ({ PWD: '257 / is home' })],
    ['PASS 202', () => ({ PASS: '202 not needed' })],
    ['PASS 230 twice', () => ({ PASS: twice('230 in') })],
    ['TYPE twice', () => ({ TYPE: twice('200 ok') })],
    ['PWD twice', () => ({ PWD: twice('257 "/" is home') })],
    ['DELE twice', () => ({ DELE: twice('250 gone') })],
    ['SIZE after 1xx', (held) => ({ SIZE: (path, session) => session.say(`150 wait\r\n${held.has(path) ? '213 7' : '550 no'}`) })],
    ['SIZE with words', (held) => ({ SIZE: (path, session) => session.say(held.has(path) ? '213 size 7' : '550 no') })],
    ['SIZE 250', (held) => ({ SIZE: (path, session) => session.say(held.has(path) ? '250 7 bytes' : '550 no') })],
    ['EPSV 200', () => ({ EPSV: async (_argument, session) => session.say(`200 (!!!${await session.listen()}!)`) })],
    ['STOR 125 and 150', (held) => ({ STOR: around(held, '125 open', '226 done') })],
    ['226 twice', (held) => ({ STOR: around(held, null, '226 done\r\n226 done') })],
    ['RNFR 250', () => ({ RNFR: '250 go on', RNTO: '250 done' })],
  ]

  function around(files: Map<string, Buffer>, first: string | null, last: string): Answer {
    return async (path, session) => {
      if (first !== null) session.say(first)
      session.say('150 go on')
      const chunks: Buffer[] = []
      const data = await session.data()
      for await (const chunk of data) chunks.push(chunk)
      files.set(path, Buffer.concat(chunks))
      session.say(last)
    }
  }

  for (const [name, answers] of cases)
    test(`${name} is understood`, async (t) => {
      const { open, files, server } = await scene(t, answers)
      const remote = await open()
      for (const file of ['a', 'b']) {
        await create(remote, file)
        assert.equal(files.get(file)?.toString(), 'content')
      }
      assert.equal(await contentOf(remote, 'a'), 'content')
      await remote.tree?.rename('a', 'c', never)
      assert.equal(server.sessions, 1, 'without another session')
    })

  test('a second answer that comes late is not taken for the next one', async (t) => {
    let asked = 0
    const { open, files } = await scene(t, (held) => ({
      // The second 250 arrives together with the third, behind the question that finds the place again.
      CWD: (path, session) => session.say(path === 'f' ? '550 no' : '250 there\r\n250 there'),
      PWD: (_argument, session) => {
        asked += 1
        session.say(`${asked === 1 ? '' : '250 there\r\n'}257 "/" is home`)
      },
      MDTM: (path, session) => session.say(held.has(path) ? '213 20200102030405' : '550 no'),
    }))
    const remote = await open()
    files.set('f', CONTENT)
    for (const path of ['d', 'f', 'd', 'f']) assert.equal((await remote.stat(path, never))?.kind, path === 'f' ? 'file' : 'directory')
    assert.ok(asked > 1)
  })

  test('a word of another kind that nobody asked for ends the session', async (t) => {
    let turn = 0
    const { open, server } = await scene(t, () => ({
      DELE: (_path, session) => {
        turn += 1
        session.say(turn === 1 ? '250 gone\r\n213 9' : '250 gone')
      },
    }))
    const remote = await open()
    await remote.tree?.remove('f', never)
    await remote.tree?.remove('f', never)
    assert.equal(server.sessions, 2)
  })
})
