/** SFTP servers that refuse the first way: a look, a nicety, an extension, a key or a login has a second one, and none is tried for ever. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import ssh2 from 'ssh2'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import type { Body, Credentials, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type Script, type ScriptedRequest, type ScriptedSftp, sendRaw, sftpPacket, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { newKeyPair } from '../support/host-key.ts'
import { seededBytes } from '../support/prng.ts'
import { remotePorts } from '../support/remote-ports.ts'

const { STATUS_CODE: STATUS, OPEN_MODE } = ssh2.utils.sftp
const HOST_KEY = newKeyPair().private
const FSYNC = 'fsync@openssh.com'
const never = new AbortController().signal
const silent = { sent: () => {}, acknowledged: () => {} }

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

interface Session {
  readonly server: ScriptedSftp
  readonly remote: Remote
  /** Names of the requests, with what the test asks about. */
  readonly log: string[]
  create(path: string, text: string): Promise<void>
}

function open(server: ScriptedSftp, more: Partial<Credentials> = {}, timeoutMs = 5000): Promise<Remote> {
  const login = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), fingerprints: [server.pin], tlsVerify: true, ...more }
  return protocol.open(protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), login), remotePorts(timeoutMs), never)
}

async function scripted(script: Script, work: (session: Session) => Promise<void>, timeoutMs?: number): Promise<void> {
  const log: string[] = []
  const intercept = (request: ScriptedRequest): boolean => {
    log.push(`${request.extension || request.name} ${request.path}`)
    return script.intercept?.(request) ?? false
  }
  const server = await startScriptedSftp({ hostKey: HOST_KEY, ...script, intercept })
  const remote = await open(server, {}, timeoutMs)
  const create = (path: string, text: string): Promise<void> =>
    remote.writer?.create(path, text.length, body(Buffer.from(text)), silent, never) ?? assert.fail('no writer')
  try {
    await work({ server, remote, log, create })
  } finally {
    await remote.close()
    await server.stop()
  }
}

async function rejects(kind: FailureKind, action: Promise<unknown> | undefined): Promise<TransferError> {
  const error: unknown = await action?.then(
    () => assert.fail(`should have failed as ${kind}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof TransferError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

const says = ({ sftp, id }: ScriptedRequest, code: number): true => {
  // Codes of later versions, which ssh2's own server does not send.
  if (code > STATUS.OP_UNSUPPORTED) sendRaw(sftp, sftpPacket(101, id, Buffer.from([0, 0, 0, code, 0, 0, 0, 0, 0, 0, 0, 0])))
  else sftp.status(id, code)
  return true
}
const sends = (sftp: ScriptedRequest['sftp'], bytes: Buffer): true => {
  sendRaw(sftp, bytes)
  return true
}
const NO = [STATUS.FAILURE, STATUS.PERMISSION_DENIED, STATUS.OP_UNSUPPORTED]

test('SFTP: where a second login is refused, two exchanges go one after the other on the connection that there is', async () => {
  let logins = 0
  const authenticate: Script['authenticate'] = ({ method }) => {
    if (method !== 'password') return false
    logins += 1
    return logins === 1
  }
  const bytes = Buffer.from(seededBytes(4, 300_000))
  await scripted({ authenticate }, async ({ server, remote }) => {
    server.files.set('/a', bytes)
    const read = async (): Promise<Buffer> => {
      const got: Buffer[] = []
      await remote.read('/a', { start: 0, end: bytes.length }, (chunk) => void got.push(Buffer.from(chunk)), {}, never)
      return Buffer.concat(got)
    }
    for (const got of await Promise.all([read(), read()])) assert.ok(got.equals(bytes))
    assert.equal(logins, 2, 'the refused one is not repeated')
  })
})

describe('SFTP: looking', () => {
  for (const code of NO)
    test(`what is missing is told by other requests where STAT does not (code ${code})`, () => {
      const files: { has(path: string): boolean }[] = []
      const intercept = (request: ScriptedRequest): boolean =>
        ['STAT', 'LSTAT'].includes(request.name) && files[0]?.has(request.path) !== true && says(request, code)
      return scripted({ intercept }, async ({ server, remote, create }) => {
        files.push(server.files)
        assert.equal(await remote.stat('/a', never), null)
        await create('/a', 'new')
        assert.equal((await remote.stat('/a', never))?.size, 3)
      })
    })

  for (const code of NO)
    test(`what no way tells is refused, asked once, and takes no upload back (code ${code})`, () => {
      const intercept = (request: ScriptedRequest): boolean =>
        (['STAT', 'LSTAT', 'FSTAT', 'OPENDIR', 'REMOVE'].includes(request.name) ||
          (request.name === 'OPEN' && request.flags === OPEN_MODE.READ)) &&
        says(request, code)
      return scripted({ intercept }, async ({ server, remote, log, create }) => {
        for (let i = 0; i < 3; i += 1) await rejects(code === STATUS.OP_UNSUPPORTED ? 'unsupported' : 'refused', remote.stat('/a', never))
        for (const way of ['STAT', 'LSTAT']) assert.equal(log.filter((line) => line === `${way} /a`).length, 1, way)
        await create('/a', 'new')
        await create('/b', 'new')
        assert.equal(log.filter((line) => line.startsWith('FSTAT')).length, 1)
        assert.equal(server.files.get('/b')?.toString(), 'new')
        assert.ok(remote.notes.some((note) => note.includes('acknowledged')))
      })
    })

  for (const code of NO)
    test(`the listing tells the size where all that is told of a file is that it can be opened (code ${code})`, () => {
      const attrs = { mode: 0o100644, uid: 0, gid: 0, size: 3, atime: 1, mtime: 1 }
      const intercept = (request: ScriptedRequest): boolean => {
        if (request.name === 'READDIR') {
          request.sftp.name(request.id, [{ filename: 'a', longname: '', attrs }])
          return true
        }
        return ['STAT', 'LSTAT', 'FSTAT'].includes(request.name) && says(request, code)
      }
      return scripted({ intercept }, async ({ server, remote, log }) => {
        server.files.set('/a', Buffer.from('abc'))
        for (let i = 0; i < 2; i += 1) assert.equal((await remote.stat('/a', never))?.size, 3)
        for (const way of ['STAT', 'LSTAT']) assert.equal(log.filter((line) => line === `${way} /a`).length, 1, way)
      })
    })

  test('a link to nothing that only the listing shows is not written through', () => {
    const attrs = { mode: 0o120777, uid: 0, gid: 0, size: 3, atime: 1, mtime: 1 }
    let isThere = true
    const through: string[] = []
    const intercept = (request: ScriptedRequest): boolean => {
      const { name, flags, sftp, id } = request
      if (['STAT', 'LSTAT', 'FSTAT'].includes(name)) return says(request, STATUS.PERMISSION_DENIED)
      if (!isThere) return false
      if (name === 'READDIR') {
        sftp.name(id, [{ filename: 'a', longname: '', attrs }])
        return true
      }
      if (name === 'REMOVE') {
        isThere = false
        return says(request, STATUS.OK)
      }
      if (name !== 'OPEN') return false
      if ((flags & OPEN_MODE.EXCL) !== 0) return says(request, STATUS.FAILURE)
      if ((flags & OPEN_MODE.CREAT) === 0) return says(request, STATUS.NO_SUCH_FILE)
      through.push(request.path)
      return false
    }
    return scripted({ extensions: [FSYNC], intercept }, async ({ server, create }) => {
      await create('/a', 'new')
      assert.deepEqual(through, [])
      assert.equal(server.files.get('/a')?.toString(), 'new')
    })
  })

  const NOT_SHOWN = [STATUS.NO_SUCH_FILE, 10]
  for (const code of NOT_SHOWN)
    test(`what can be opened is there, whatever STAT says, and what cannot is missing (code ${code})`, () => {
      const hides = ['STAT', 'LSTAT']
      const intercept = (request: ScriptedRequest): boolean => hides.includes(request.name) && says(request, code)
      return scripted({ intercept }, async ({ server, remote, log, create }) => {
        assert.equal(await remote.stat('/a', never), null)
        server.files.set('/a', Buffer.from('abc'))
        const asked = log.length
        for (let i = 0; i < 3; i += 1) assert.equal((await remote.stat('/a', never))?.size, 3)
        assert.equal(await remote.stat('/b', never), null)
        // Once, and once more because the file may have come between.
        assert.deepEqual(
          log.slice(asked).filter((line) => /^L?STAT/.test(line)),
          ['STAT /a', 'STAT /a', 'LSTAT /a'],
        )
        await create('/a', 'new')
        assert.equal(server.files.get('/a')?.toString(), 'new')
      })
    })

  test('STAT is believed of what is missing once it has shown a file', () => {
    const opens = (log: readonly string[]): number => log.filter((line) => line.startsWith('OPEN ')).length
    return scripted({}, async ({ server, remote, log }) => {
      server.files.set('/a', Buffer.from('abc'))
      assert.equal(await remote.stat('/b', never), null)
      assert.equal(opens(log), 1)
      assert.equal((await remote.stat('/a', never))?.size, 3)
      for (let i = 0; i < 3; i += 1) assert.equal(await remote.stat('/b', never), null)
      assert.equal(opens(log), 1)
    })
  })

  test('a file that comes between two looks takes nothing from STAT', () => {
    let files = new Map<string, Buffer>()
    const intercept = ({ name, path }: ScriptedRequest): boolean => {
      if (name === 'OPEN') files.set(path, Buffer.from('abc'))
      return false
    }
    return scripted({ intercept }, async ({ server, remote, log }) => {
      files = server.files
      for (let i = 0; i < 2; i += 1) assert.equal((await remote.stat('/a', never))?.size, 3)
      assert.equal(log.filter((line) => line === 'STAT /a').length, 3)
    })
  })

  for (const flags of ['what may not be read', 'what is not shown for reading'])
    test(`${flags} is there where only the listing shows it: it can be renamed, and is not taken away`, () => {
      const attrs = { mode: 0o100600, uid: 0, gid: 0, size: 3, atime: 1, mtime: 1 }
      const code = flags.includes('shown') ? STATUS.NO_SUCH_FILE : STATUS.PERMISSION_DENIED
      let isListed = false
      const intercept = (request: ScriptedRequest): boolean => {
        if (request.name === 'OPENDIR') isListed = false
        if (['STAT', 'LSTAT'].includes(request.name)) return says(request, STATUS.NO_SUCH_FILE)
        if (request.name === 'OPEN' && request.flags === OPEN_MODE.READ) return says(request, code)
        if (request.name !== 'READDIR') return request.name === 'RENAME' && says(request, STATUS.FAILURE)
        if (isListed) return false
        isListed = true
        request.sftp.name(request.id, [{ filename: 'a', longname: '', attrs }])
        return true
      }
      return scripted({ intercept }, async ({ server, remote }) => {
        server.files.set('/a', Buffer.from('abc'))
        if (code === STATUS.PERMISSION_DENIED) assert.equal((await remote.stat('/a', never))?.size, 3)
        await rejects('refused', remote.tree?.rename('/a', '/b', never))
      })
    })

  test('a file that was taken away after it was acknowledged takes nothing back', () => {
    let files = new Map<string, Buffer>()
    const intercept = ({ name, path }: ScriptedRequest): boolean => {
      if (name === 'CLOSE') files.delete(path)
      return false
    }
    return scripted({ intercept }, async ({ server, create }) => {
      files = server.files
      await create('/a', 'new')
    })
  })

  test('attributes without permissions: the long name tells, or nothing', () => {
    const uint32 = (value: number): Buffer => Buffer.from([0, 0, 0, value])
    const text = (value: string): Buffer => Buffer.concat([uint32(value.length), Buffer.from(value)])
    const entry = (name: string, long: string): Buffer => Buffer.concat([text(name), text(long), uint32(0)])
    const entries = [
      entry('d', 'drwxr-xr-x 1 u g 0 d'),
      entry('f', '-rw-r--r-- 1 u g 0 f'),
      entry('l', 'lrwxrwxrwx 1 u g 0 l'),
      entry('x', 'x'),
    ]
    const intercept = (request: ScriptedRequest): boolean => {
      if (request.name === 'READDIR' && request.nth === 0)
        return sends(request.sftp, sftpPacket(104, request.id, Buffer.concat([uint32(entries.length), ...entries])))
      if (request.name === 'STAT') return sends(request.sftp, sftpPacket(105, request.id, uint32(0)))
      return request.name === 'OPENDIR' && request.path === '/f' && says(request, STATUS.FAILURE)
    }
    return scripted({ intercept }, async ({ remote }) => {
      assert.deepEqual(
        (await remote.tree?.list('/', never))?.map(({ kind }) => kind),
        ['directory', 'file', 'other', 'unknown'],
      )
      assert.equal((await remote.stat('/d', never))?.kind, 'directory')
      assert.equal((await remote.stat('/f', never))?.kind, 'file')
    })
  })
})

describe('SFTP: niceties', () => {
  for (const code of NO)
    test(`an fsync that is refused is a note and asked once (code ${code})`, () => {
      const intercept = (request: ScriptedRequest): boolean => request.extension === FSYNC && says(request, code)
      return scripted({ extensions: [FSYNC], intercept }, async ({ server, remote, log, create }) => {
        await create('/a', 'new')
        await create('/b', 'new')
        assert.equal(server.files.get('/b')?.toString(), 'new')
        assert.equal(log.filter((line) => line.startsWith(FSYNC)).length, 1)
        assert.equal(remote.notes.filter((note) => note.includes('fsync')).length, 1)
      })
    })

  test('TRUNC is for names of our own', () => {
    const intercept = (request: ScriptedRequest): boolean =>
      request.name === 'OPEN' &&
      (request.flags & OPEN_MODE.WRITE) !== 0 &&
      (request.flags & OPEN_MODE.TRUNC) === 0 &&
      says(request, STATUS.FAILURE)
    return scripted({ intercept }, async ({ server, create }) => {
      await rejects('refused', create('/a', 'new'))
      const own = '/.a.0123456789ab.01234567.partial'
      await create(own, 'new')
      assert.equal(server.files.get(own)?.toString(), 'new')
    })
  })

  for (const code of [...NO, STATUS.EOF, STATUS.BAD_MESSAGE, STATUS.NO_CONNECTION, STATUS.CONNECTION_LOST, 14])
    test(`a mode that may not be set is unsupported from then on (code ${code})`, () =>
      scripted({ intercept: (request) => request.name === 'SETSTAT' && says(request, code) }, async ({ server, remote, log }) => {
        server.files.set('/a', Buffer.from('a'))
        for (let i = 0; i < 2; i += 1) await rejects('unsupported', remote.tree?.setMode?.('/a', 0o600, never))
        assert.equal(log.filter((line) => line.startsWith('SETSTAT')).length, 1)
        assert.equal((await remote.stat('/a', never))?.mode, 0o644)
      }))

  for (const code of NO)
    test(`a scratch file that is refused only means whole files (code ${code})`, () => {
      const intercept = (request: ScriptedRequest): boolean =>
        request.name === 'OPEN' && request.path.includes('probe') && says(request, code)
      return scripted({ intercept }, async ({ remote, log, create }) => {
        assert.equal(await remote.writer?.resumer('/', never), null)
        const asked = log.length
        assert.equal(await remote.writer?.resumer('/', never), null)
        assert.equal(log.length, asked)
        await create('/a', 'new')
      })
    })

  const ends: Readonly<Record<string, (request: ScriptedRequest) => unknown>> = {
    'the end of the channel': ({ sftp }) => sftp.end(),
    'the end of the connection': ({ connection }) => connection.end(),
    silence: () => undefined,
  }
  for (const [name, act] of Object.entries(ends))
    test(`a mode is not set again where the answer is ${name}`, () => {
      const intercept = (request: ScriptedRequest): boolean => {
        if (request.name !== 'SETSTAT') return false
        act(request)
        return true
      }
      const set = async ({ server, remote, log }: Session): Promise<void> => {
        server.files.set('/a', Buffer.from('a'))
        await rejects('transient', remote.tree?.setMode?.('/a', 0o600, never))
        await rejects('unsupported', remote.tree?.setMode?.('/a', 0o600, never))
        assert.equal(log.filter((line) => line.startsWith('SETSTAT')).length, 1)
      }
      return scripted({ intercept }, set, 700)
    })

  for (const [name, act] of Object.entries(ends))
    test(`a question about digests is asked once where it is answered by ${name}`, () => {
      const intercept = (request: ScriptedRequest): boolean => {
        if (request.name !== 'EXTENDED') return false
        act(request)
        return true
      }
      return scripted({ intercept }, async ({ server, remote, log, create }) => {
        assert.equal(remote.digester, undefined)
        await create('/a', 'new')
        assert.equal(server.files.get('/a')?.toString(), 'new')
        assert.equal(log.filter((line) => line.startsWith('check-file')).length, 1)
      })
    })
})

describe('SFTP: last words', { concurrency: 2 }, () => {
  const TIMEOUT_MS = 1000
  const patiently = (name: 'CLOSE' | 'RENAME', answer: (request: ScriptedRequest) => unknown): Script => ({
    intercept: (request) => {
      if (request.name !== name || !request.path.startsWith('/a')) return false
      // Longer than any other request may take.
      setTimeout(() => answer(request), 2 * TIMEOUT_MS)
      return true
    },
  })

  test('a server that stores a file when it is closed has the time for it', () =>
    scripted(
      patiently('CLOSE', (request) => says(request, STATUS.OK)),
      async ({ server, create }) => {
        await create('/a', 'new')
        assert.equal(server.files.get('/a')?.toString(), 'new')
      },
      TIMEOUT_MS,
    ))

  test('and one that copies it for a rename', () =>
    scripted(
      patiently('RENAME', (request) => says(request, STATUS.OK)),
      async ({ remote }) => {
        await remote.tree?.rename('/a', '/b', never)
      },
      TIMEOUT_MS,
    ))
})

describe('SFTP: keys and logins', () => {
  function ecdsaKey(): { readonly key: string; readonly pin: string } {
    for (;;) {
      const pair = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 })
      const parsed = ssh2.utils.parseKey(pair.private)
      if (parsed instanceof Error) continue
      const blob = (Array.isArray(parsed) ? parsed[0] : parsed).getPublicSSH()
      return { key: pair.private, pin: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}` }
    }
  }

  test('a key of another type is asked for only on behalf of a pin, and before anything is told', async () => {
    const other = ecdsaKey()
    const server = await startScriptedSftp({ hostKey: HOST_KEY, moreHostKeys: [other.key] })
    await (await open(server, { fingerprints: [other.pin] })).close()
    server.authentications.length = 0
    let connections = 0
    const debug = (line: string): void => {
      if (line.startsWith('connecting')) connections += 1
    }
    const wrong = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), tlsVerify: true, fingerprints: [] }
    const opening = (more: Partial<Credentials>): Promise<Remote> =>
      protocol.open(protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...wrong, ...more }), remotePorts(5000, { debug }), never)
    await rejects('untrusted', opening({ fingerprints: [`SHA256:${'A'.repeat(43)}`] }))
    assert.equal(connections, 2)
    connections = 0
    await rejects('untrusted', opening({}))
    assert.equal(connections, 1)
    assert.deepEqual(server.authentications, [])
    await server.stop()
  })

  test('two refused attempts are enough, and a one-time code is told', async () => {
    const asked: string[] = []
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      methods: ['publickey', 'password', 'keyboard-interactive'],
      authenticate: () => false,
    })
    await rejects('denied', open(server, { privateKey: newKeyPair().private }))
    assert.deepEqual(server.authentications, ['publickey', 'password'])
    await server.stop()
    const codes = await startScriptedSftp({
      hostKey: HOST_KEY,
      banner: 'Members only',
      methods: ['keyboard-interactive'],
      authenticate: (context) => {
        if (context.method !== 'keyboard-interactive') return false
        context.prompt([{ prompt: 'Verification code: ', echo: false }], (answers) => {
          asked.push(...answers)
          context.reject(['keyboard-interactive'])
        })
        return null
      },
    })
    const error = await rejects('denied', open(codes))
    assert.match(error.message, /it asked "Verification code:".*Members only/)
    assert.deepEqual(asked, [''])
    await codes.stop()
  })

  test('a password question that is shown as it is typed is answered', async () => {
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      methods: ['keyboard-interactive'],
      authenticate: (context) => {
        if (context.method !== 'keyboard-interactive') return false
        context.prompt([{ prompt: 'Password: ', echo: true }], ([answer]) => {
          if (answer === TEST_PASSWORD) context.accept()
          else context.reject(['keyboard-interactive'])
        })
        return null
      },
    })
    await (await open(server)).close()
    await server.stop()
  })

  test('an expired password is told at once', async () => {
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      authenticate: (context) => {
        if (context.method !== 'password') return false
        context.requestChange('Set a new one', () => undefined)
        return null
      },
    })
    const error = await rejects('denied', open(server))
    assert.match(error.message, /has expired.*Set a new one/)
    await server.stop()
  })

  /** Rounds of questions, each a list of what is asked without showing what is typed; what was answered to them. */
  async function questioned(
    rounds: readonly (readonly string[])[],
  ): Promise<{ readonly error: TransferError; readonly answers: string[] }> {
    const answers: string[] = []
    const server = await startScriptedSftp({
      hostKey: HOST_KEY,
      methods: ['keyboard-interactive'],
      authenticate: (context) => {
        if (context.method !== 'keyboard-interactive') return false
        const ask = (round: number): void => {
          const questions = rounds[round]
          if (questions === undefined) {
            context.reject(['keyboard-interactive'])
            return
          }
          context.prompt(
            questions.map((prompt) => ({ prompt, echo: false })),
            (given) => {
              answers.push(...given)
              ask(round + 1)
            },
          )
        }
        ask(0)
        return null
      },
    })
    try {
      return { error: await rejects('denied', open(server)), answers }
    } finally {
      await server.stop()
    }
  }

  const CHANGE = 'You are required to change your password immediately (administrator enforced).\nCurrent password: '
  for (const asked of [
    ['Password has expired. Enter new password:'],
    ['New password: '],
    ['New UNIX password: ', 'Retype new UNIX password: '],
    ['Enter your new (UNIX) password: '],
    ['Geben Sie ein neues UNIX-Passwort ein: '],
    ['New Active Directory account password: '],
    ['Neues Passwort: '],
    ['Nouveau mot de passe : '],
    ['Contraseña nueva:'],
    [CHANGE],
  ])
    test(`a question for a new password is answered with nothing, not even nothing: ${asked[0]?.slice(0, 30)}`, async () => {
      const { error, answers } = await questioned([['Password: '], asked, ['Retype: ']])
      assert.match(error.message, /has expired/)
      assert.deepEqual(answers, [TEST_PASSWORD])
    })

  for (const asked of [['Uusi salasana: '], ['Uusi salasana: ', 'Uudelleen: '], ['Verification code: ']])
    test(`after the password nothing is said to a question that hides its answer: ${asked[0]}`, async () => {
      const { error, answers } = await questioned([['Password: '], asked])
      assert.ok(error.message.includes(`it asked "${asked[0]?.trim()}"`), error.message)
      assert.match(error.hint ?? '', /new password/)
      assert.deepEqual(answers, [TEST_PASSWORD])
    })

  test('the same question again means that the password was wrong, and it is not sent again', async () => {
    const { error, answers } = await questioned([['Password: '], ['Password: ']])
    assert.match(error.message, /refused the password/)
    assert.deepEqual(answers, [TEST_PASSWORD])
  })

  test('a new password that is asked for at first gets nothing of the old one', async () => {
    const { error, answers } = await questioned([['Old password: ', 'New password: ', 'New password again: ']])
    assert.match(error.message, /has expired/)
    assert.deepEqual(answers, [])
  })

  for (const question of [
    'Password for tester@new.example.com: ',
    'Password (new rules: 12 letters): ',
    'Wrong, try again. Password: ',
    'New York server password:',
    'tester@new-delhi password: ',
    'New server password: ',
  ])
    test(`no question for a new password: ${question}`, async () => {
      const { answers } = await questioned([[question]])
      assert.deepEqual(answers, [TEST_PASSWORD])
    })
})
