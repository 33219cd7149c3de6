/** What FTP servers answer when a name is made, continued, given or copied: nothing is written into what somebody else has, and a rename removes nothing. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { AppendResumer, Body, Remote } from '../../src/remotes/remote.ts'
import { memoryFtp } from '../hostile/memory-ftp.ts'
import { type Answer, type ScriptedFtp, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { remotePorts } from '../support/remote-ports.ts'

const never = new AbortController().signal
const silent = { sent: () => undefined, acknowledged: () => undefined }
const OLD = Buffer.from('old')
const NEW = Buffer.from('new')
const ANYBODY = { username: 'u', password: 'p', headers: new Map(), fingerprints: [], tlsVerify: true }

interface Scene {
  readonly server: ScriptedFtp
  readonly remote: Remote
  readonly files: Map<string, Buffer>
  create(name: string): Promise<void>
  /** Commands that changed something, or were to. */
  changes(): readonly string[]
}

type Answers = Record<string, Answer>

async function scene(t: TestContext, answers: (files: Map<string, Buffer>) => Answers = () => ({})): Promise<Scene> {
  const files = new Map<string, Buffer>()
  const server = await startScriptedFtp({ ...memoryFtp(files), ...answers(files) })
  const remote = await protocol.open(protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), ANYBODY), remotePorts(5000), never)
  t.after(async () => {
    await remote.close()
    await server.close()
  })
  return {
    server,
    remote,
    files,
    create: (name) => remote.writer?.create(name, NEW.length, body(NEW), silent, never) ?? assert.fail('no writer'),
    changes: () => server.commands.filter((line) => /^(DELE|STOR|APPE|RNFR|RNTO|SITE)/.test(line)),
  }
}

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

async function fails(kind: FailureKind, action: Promise<unknown> | undefined): Promise<TransferError> {
  const error: unknown = await action?.then(
    () => assert.fail(`should have failed as ${kind}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

describe('FTP: a file is created', () => {
  test('after what stands there is removed, and without another question when nothing does', async (t) => {
    const { create, files, server } = await scene(t)
    for (let time = 0; time < 2; time += 1) {
      const before = server.commands.length
      await create('f')
      assert.deepEqual(server.commands.slice(before), ['DELE f', 'EPSV', 'STOR f', 'SIZE f'])
      assert.equal(files.get('f')?.toString(), 'new')
    }
  })

  test('where DELE is refused only when there is nothing, whatever the words are', async (t) => {
    const { create, files, changes } = await scene(t, () => ({ DELE: '550 Delete operation failed.' }))
    await create('new')
    const before = changes().length
    files.set('f', OLD)
    const error = await fails('refused', create('f'))
    assert.match(error.message, /removing what stands in the place of f/)
    assert.equal(files.get('f'), OLD)
    assert.deepEqual(changes().slice(before), ['DELE f'])
  })

  test('or refused, and then the body is let go', async (t) => {
    const { remote } = await scene(t, () => ({ STOR: '553 no' }))
    let left = false
    const next = (): Promise<never> => assert.fail('nothing was to be sent')
    const leave = async (): Promise<IteratorResult<Uint8Array>> => {
      left = true
      return { done: true, value: undefined }
    }
    const whole: Body = { [Symbol.asyncIterator]: () => ({ next, return: leave }) }
    await fails('refused', remote.writer?.create('f', 3, whole, silent, never))
    assert.equal(left, true)
  })

  test('where nobody may look at it afterwards', async (t) => {
    const { create, files } = await scene(t, () => ({ SIZE: '550 Permission denied.' }))
    await create('f')
    assert.equal(files.get('f')?.toString(), 'new')
  })

  test('a name that sounds like an answer is none', async (t) => {
    const name = 'no such file'
    const { create, files } = await scene(t, () => ({ DELE: (path, session) => session.say(`550 ${path}: Operation not permitted`) }))
    files.set(name, OLD)
    await fails('refused', create(name))
    assert.equal(files.get(name), OLD)
  })
})

describe('FTP: a file is continued', () => {
  async function appending(
    t: TestContext,
    answers?: (files: Map<string, Buffer>) => Answers,
  ): Promise<Scene & { append: AppendResumer['append'] }> {
    const stage = await scene(t, answers)
    const resumer = await stage.remote.writer?.resumer('', never)
    assert.equal(resumer?.kind, 'append')
    return { ...stage, append: (resumer as AppendResumer).append }
  }

  test('when it still has its size in the last moment before the command', async (t) => {
    const { append, files, server } = await appending(t, (held) => ({
      // Another process goes on with the file while the data connection is made.
      EPSV: async (_argument, session) => {
        if (held.has('f')) held.set('f', Buffer.from('old and more'))
        session.say(`229 come (|||${await session.listen()}|)`)
      },
    }))
    files.set('f', OLD)
    const before = server.commands.length
    await fails('offset-conflict', append('f', OLD.length, NEW.length, body(NEW), silent, never))
    assert.equal(files.get('f')?.toString(), 'old and more')
    assert.ok(!server.commands.slice(before).some((line) => line.startsWith('APPE')))
  })

  test('and if it is longer afterwards, or gone, there is to be a new look', async (t) => {
    for (const [size, kind] of [
      ['213 7', 'offset-conflict'],
      ['550 no such file', 'offset-conflict'],
      ['213 5', 'transient'],
    ] as const) {
      let sent = false
      const { append, files } = await appending(t, (held) => ({
        SIZE: (path, session) => session.say(sent && path === 'f' ? size : `213 ${held.get(path)?.length}`),
      }))
      files.set('f', OLD)
      const late: Body = (async function* () {
        sent = true
        yield NEW
      })()
      await fails(kind, append('f', OLD.length, NEW.length, late, silent, never))
    }
  })
})

describe('FTP: a file is renamed', () => {
  for (const [reply, kind, overNothing] of [
    ['550 File exists', 'conflict', 'refused'],
    ['553 no', 'conflict', 'refused'],
    ['450 busy', 'conflict', 'refused'],
    ['502 not implemented', 'unsupported', 'unsupported'],
    ['452 no space', 'no-space', 'no-space'],
  ] as const)
    test(`and nothing is removed when that is refused: ${reply}`, async (t) => {
      const { remote, files, changes } = await scene(t, () => ({ RNTO: reply }))
      files.set('from', NEW)
      await fails(overNothing, remote.tree?.rename('from', 'to', never))
      assert.equal(remote.tree?.replaces, 'atomically')
      files.set('to', OLD)
      await fails(kind, remote.tree?.rename('from', 'to', never))
      assert.equal(remote.tree?.replaces, 'never')
      assert.deepEqual([files.get('from'), files.get('to')], [NEW, OLD])
      assert.deepEqual(changes(), ['RNFR from', 'RNTO to', 'RNFR from', 'RNTO to'])
    })

  test('not-found means that a look found nothing, whichever command was refused', async (t) => {
    for (const [answers, kind] of [
      [{ RNFR: '550 no' }, 'refused'],
      [{ RNFR: '350 go on', RNTO: '550 no' }, 'refused'],
      [{ RNFR: '500 what?' }, 'unsupported'],
    ] as const) {
      const { remote, files } = await scene(t, () => answers)
      await fails('not-found', remote.tree?.rename('from', 'to', never))
      files.set('from', NEW)
      await fails(kind, remote.tree?.rename('from', 'to', never))
    }
  })
})

describe('FTP: a file is copied on the server', () => {
  const FEAT = '211-x\r\n SIZE\r\n REST STREAM\r\n SITE MKDIR\r\n SITE COPY\r\n SITE UTIME\r\n211 end'
  const copying = (files: Map<string, Buffer>, makes: (bytes: Buffer) => Buffer = (bytes) => bytes): Answers => {
    let from = ''
    return {
      FEAT,
      SITE: (argument, session) => {
        const [, command = '', path = ''] = /^(\w+) (.*)$/.exec(argument) ?? []
        if (command === 'CPFR') from = path
        const file = files.get(from)
        if (file === undefined) return session.say('550 no such file')
        if (command === 'CPTO') files.set(path, makes(file))
        session.say(command === 'CPFR' ? '350 to what?' : '250 copied')
      },
    }
  }

  test('where that is announced', async (t) => {
    assert.equal((await scene(t)).remote.tree?.copy, undefined)
    const { remote, files } = await scene(t, copying)
    files.set('a b', OLD)
    await remote.tree?.copy?.('a b', 'c d', OLD.length, never)
    assert.equal(files.get('c d')?.toString(), 'old')
    await fails('not-found', remote.tree?.copy?.('nothing', 'e', 3, never))
  })

  test('never over a file', async (t) => {
    const { remote, files, changes } = await scene(t, copying)
    files.set('a', OLD).set('b', NEW)
    await fails('conflict', remote.tree?.copy?.('a', 'b', OLD.length, never))
    assert.equal(files.get('b'), NEW)
    assert.deepEqual(changes(), [])
  })

  test('and a copy that is too short is none', async (t) => {
    const { remote, files } = await scene(t, (held) => copying(held, (bytes) => bytes.subarray(1)))
    files.set('a', OLD)
    await fails('refused', remote.tree?.copy?.('a', 'b', OLD.length, never))
  })

  test('or it is unsupported, asked for once', async (t) => {
    const { remote, files, changes } = await scene(t, () => ({ FEAT, SITE: '500 unknown' }))
    files.set('a', OLD)
    await fails('unsupported', remote.tree?.copy?.('a', 'b', 3, never))
    await fails('unsupported', remote.tree?.copy?.('a', 'c', 3, never))
    assert.equal(changes().length, 1)
  })
})
