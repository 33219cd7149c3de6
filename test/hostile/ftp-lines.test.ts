/** FTP: replies that arrive in pieces, without end, twice, or before anybody asked. */
import assert from 'node:assert/strict'
import type net from 'node:net'
import { describe, test } from 'node:test'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { type Answer, type ScriptedFtp, type ScriptedOptions, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { body, ends, fails, failureOf, flood, LOGIN, never, silent, TAKEN_BYTES_MAX, type Witness, witness } from './ordeal.ts'

interface Scene {
  readonly server: ScriptedFtp
  readonly who: Witness
  readonly open: () => Promise<Remote>
}

async function withServer(
  answers: Record<string, Answer>,
  work: (scene: Scene) => Promise<void>,
  options: ScriptedOptions = {},
): Promise<void> {
  const server = await startScriptedFtp(answers, options)
  const who = witness(3000)
  const remotes: Remote[] = []
  const open = async (): Promise<Remote> => {
    const remote = await protocol.open(protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), who, never)
    remotes.push(remote)
    return remote
  }
  try {
    await work({ server, who, open })
  } finally {
    for (const remote of remotes) await ends(remote.close())
    await server.close()
  }
}

/** Each piece is on its way before the next: the client gets them one by one. */
async function inPieces(socket: net.Socket, text: string, size: number): Promise<void> {
  socket.setNoDelay(true)
  for (let at = 0; at < text.length; at += size) {
    await new Promise<void>((resolve) => socket.write(text.slice(at, at + size), () => resolve()))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

describe('FTP replies in pieces', { concurrency: 8 }, () => {
  const MLST = '250-listing\r\n type=file;size=100000;modify=20200102030405; f\r\n250 end\r\n'
  for (const size of [1, 2, 3, 4, 5, 7, 11])
    test(`pieces of ${size} bytes say the same as the whole`, () =>
      withServer(
        {
          SIZE: (path, { control }) => void inPieces(control, path === 'f' ? '213 100000\r\n' : '550 no\r\n', size),
          MDTM: (_path, { control }) => void inPieces(control, '213 20200102030405\r\n', size),
          MLST: (_path, { control }) => void inPieces(control, MLST, size),
        },
        async ({ open, who }) => {
          const remote = await ends(open())
          const told = await ends(remote.stat('f', never))
          assert.deepEqual([told?.size, told?.modifiedAtMs], [100_000, Date.UTC(2020, 0, 2, 3, 4, 5)])
          assert.equal(await failureOf(remote.stat('g', never), who), null)
        },
      ))

  test('a login in single bytes works', () =>
    withServer(
      { USER: (_name, { control }) => void inPieces(control, '331-who\r\n331 password\r\n', 1) },
      async ({ open }) => assert.equal(await ends((await ends(open())).stat('f', never)), null),
      { greeting: (_nothing, { control }) => void inPieces(control, '220 scripted\r\n', 1) },
    ))
})

describe('FTP replies that nobody asked for', () => {
  const said: Answer = (_path, session) => session.say('550 no\r\n213 999\r\n230 hello')
  for (const [name, answers] of Object.entries<Record<string, Answer>>({
    'a second answer': { SIZE: said },
    'an answer and the beginning of another': { SIZE: (_path, { control }) => void control.write('550 no\r\n213 9') },
    'an answer and a reply that never ends': { CWD: (_path, { control }) => void control.write('550 no\r\n250-x\r\n') },
  }))
    test(`${name} is never taken for the answer to the next command`, () =>
      withServer(answers, async ({ open, who, server }) => {
        const remote = await ends(open())
        for (let i = 0; i < 3; i += 1) await failureOf(remote.stat('f', never), who)
        assert.ok(
          server.commands.every((line) => !line.startsWith('MDTM')),
          'no size was believed',
        )
      }))

  test('an idle session that chatters without end is left for a new one', () => {
    let taken = (): number => 0
    let chattering = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      chattering = resolve
    })
    // The last question of a look at what is not there.
    const answer: Answer = (_path, session) => {
      session.say('550 no')
      if (server?.sessions !== 1) return
      // Only once the exchange is over and the session idle.
      setTimeout(() => {
        taken = flood(session.control, '200 hello\r\n'.repeat(6000))
        chattering()
      }, 50)
    }
    let server: ScriptedFtp | undefined
    return withServer({ NLST: answer }, async (scene) => {
      server = scene.server
      const remote = await ends(scene.open())
      assert.equal(await ends(remote.stat('f', never)), null)
      await begun
      // Until a word of it has been heard it could be the answer to anything.
      while (!scene.who.heard.some((line) => line.includes('200 hello'))) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(await ends(remote.stat('f', never)), null)
      assert.equal(server.sessions, 2)
      assert.ok(taken() < TAKEN_BYTES_MAX, `${taken()} bytes were taken`)
    })
  })

  test('1xx without end beside a transfer is cut off, and the file is not called complete', () => {
    let taken = (): number => 0
    return withServer(
      {
        RETR: async (_path, session) => {
          taken = flood(session.control, '150 wait\r\n'.repeat(6000))
          const data = await session.data()
          data.write('some')
        },
      },
      async ({ open, who }) => {
        const remote = await ends(open())
        await fails(
          ['transient', 'protocol'],
          remote.read('f', { start: 0, end: 100 }, () => undefined, {}, never),
          who,
        )
        assert.ok(taken() < TAKEN_BYTES_MAX, `${taken()} bytes were taken`)
      },
    )
  })

  test('two 1xx replies do not end an upload as a success', () =>
    withServer(
      {
        STOR: async (_path, session) => {
          session.say('125 go on\r\n150 go on')
          const data = await session.data()
          data.resume().on('end', () => session.say('150 still here\r\n451 disk error'))
        },
      },
      async ({ open, who }) => {
        const remote = await ends(open())
        await fails('transient', remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? assert.fail(), who)
      },
    ))
})
