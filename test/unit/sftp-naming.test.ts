/** What SFTP servers answer when a name is made, given or copied: only new files are written to, and a rename removes nothing. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import ssh2 from 'ssh2'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import type { Body, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type Script, type ScriptedRequest, type ScriptedSftp, sendRaw, sftpPacket, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { newKeyPair } from '../support/host-key.ts'
import { remotePorts } from '../support/remote-ports.ts'

const { STATUS_CODE: STATUS, OPEN_MODE } = ssh2.utils.sftp
const ALREADY_EXISTS = 11
const HOST_KEY = newKeyPair().private
const never = new AbortController().signal
const silent = { sent: () => {}, acknowledged: () => {} }
const FSYNC = 'fsync@openssh.com'
const POSIX_RENAME = 'posix-rename@openssh.com'

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

interface Session {
  readonly server: ScriptedSftp
  readonly remote: Remote
  /** Requests with paths in the order in which they came. */
  readonly log: readonly string[]
  create(text: string): Promise<void>
}

async function scripted(script: Script, work: (session: Session) => Promise<void>): Promise<void> {
  const log: string[] = []
  const intercept = (request: ScriptedRequest): boolean => {
    const { name, path, to, flags, extension } = request
    if (['OPEN', 'LSTAT', 'REMOVE', 'RENAME', 'EXTENDED'].includes(name) && !path.startsWith('.rt-'))
      log.push([extension || name, path, to, flags === 0 ? '' : flagsOf(flags)].filter((word) => word !== '').join(' '))
    return script.intercept?.(request) ?? false
  }
  const server = await startScriptedSftp({ hostKey: HOST_KEY, ...script, intercept })
  const login = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), fingerprints: [server.pin], tlsVerify: true }
  const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), login)
  const remote = await protocol.open(config, remotePorts(5000), never)
  log.length = 0
  const create = (text: string): Promise<void> =>
    remote.writer?.create('/a', text.length, body(Buffer.from(text)), silent, never) ?? assert.fail('no writer')
  try {
    await work({ server, remote, log, create })
  } finally {
    await remote.close()
    await server.stop()
  }
}

function flagsOf(flags: number): string {
  const names = Object.entries(OPEN_MODE).filter(([, bit]) => (flags & Number(bit)) !== 0)
  return names
    .map(([name]) => name)
    .sort()
    .join('+')
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

/** ssh2's own server refuses to send codes of later versions, as mod_sftp does. */
const says = ({ sftp, id }: ScriptedRequest, status: number): true => {
  const rest = Buffer.alloc(12)
  rest.writeUInt32BE(status)
  sendRaw(sftp, sftpPacket(STATUS_PACKET, id, rest))
  return true
}
const STATUS_PACKET = 101
const NEW = 'OPEN /a CREAT+EXCL+WRITE'

describe('SFTP: a file is created', () => {
  test('by one OPEN and no look before it, where that is known to be exclusive', () =>
    scripted({ extensions: [FSYNC] }, async ({ server, log, create }) => {
      await create('new')
      assert.equal(server.files.get('/a')?.toString(), 'new')
      assert.deepEqual(log.slice(0, -1), [NEW])
    }))

  test('after the removal of what may be in the way, where a server may take no notice of "exclusive"', () =>
    scripted({}, async ({ server, log, create }) => {
      server.files.set('/a', Buffer.from('what is open elsewhere'))
      await create('new')
      assert.deepEqual(log, ['REMOVE /a', NEW])
    }))

  test('not at all, where a server may take no notice of "exclusive" and keeps what is in the way', () =>
    scripted(
      { intercept: (request) => request.name === 'REMOVE' && says(request, STATUS.PERMISSION_DENIED) },
      async ({ server, log, create }) => {
        server.files.set('/a', Buffer.from('old'))
        const error = await rejects('refused', create('new'))
        assert.match(error.message, /remove what stands in the place of \/a/)
        assert.ok(!log.includes(NEW))
        server.files.delete('/a')
        await create('new')
      },
    ))

  for (const code of [STATUS.FAILURE, ALREADY_EXISTS, STATUS.PERMISSION_DENIED])
    test(`in the place of what stands there, whose name is removed (code ${code})`, () => {
      let files = new Map<string, Buffer>()
      const intercept = (request: ScriptedRequest): boolean => request.name === 'OPEN' && files.has(request.path) && says(request, code)
      return scripted({ extensions: [FSYNC], intercept }, async ({ server, log, create }) => {
        files = server.files
        server.files.set('/a', Buffer.from('of somebody else'))
        await create('new')
        assert.equal(server.files.get('/a')?.toString(), 'new')
        assert.deepEqual(log.slice(0, -1), [NEW, 'LSTAT /a', 'REMOVE /a', NEW])
      })
    })

  test('by one process only: a file that is there again is looked at anew', () => {
    const intercept = (request: ScriptedRequest): boolean => request.name === 'REMOVE' && says(request, STATUS.OK)
    return scripted({ extensions: [FSYNC], intercept }, async ({ server, create }) => {
      server.files.set('/a', Buffer.from('of a process that is quicker'))
      await rejects('offset-conflict', create('new'))
      assert.equal(server.files.get('/a')?.toString(), 'of a process that is quicker')
    })
  })

  for (const code of [STATUS.OP_UNSUPPORTED, STATUS.FAILURE])
    test(`without "exclusive" where a server does not take that, and only if it is empty then (code ${code})`, () => {
      let quicker: Buffer | null = null
      const intercept = (request: ScriptedRequest): boolean => {
        if (request.name !== 'OPEN') return false
        if (request.flags & OPEN_MODE.EXCL) return says(request, code)
        if (quicker !== null) files.set(request.path, quicker)
        return false
      }
      let files = new Map<string, Buffer>()
      return scripted({ intercept }, async ({ server, log, create }) => {
        files = server.files
        server.files.set('/a', Buffer.from('old'))
        await create('new')
        assert.equal(server.files.get('/a')?.toString(), 'new')
        // A server that has shown no file is asked in two ways whether there is one. Once more without the mode, which may be what is not taken.
        assert.deepEqual(log, ['REMOVE /a', NEW, 'LSTAT /a', 'OPEN /a READ', NEW, 'OPEN /a CREAT+WRITE'])
        quicker = Buffer.from('quicker')
        await rejects('offset-conflict', create('new'))
        assert.equal(server.files.get('/a'), quicker)
      })
    })

  test('not at all without its directory, and a refusal stays one', () => {
    let code: number = STATUS.NO_SUCH_FILE
    const intercept = (request: ScriptedRequest): boolean => request.name === 'OPEN' && says(request, code)
    return scripted({ extensions: [FSYNC], intercept }, async ({ log, create }) => {
      await rejects('not-found', create('new'))
      assert.deepEqual(log, [NEW])
      code = STATUS.PERMISSION_DENIED
      await rejects('refused', create('new'))
      assert.ok(!log.some((line) => line.startsWith('REMOVE')))
    })
  })

  test('and what the path means afterwards is the file that was written', () => {
    let other = ''
    let files = new Map<string, Buffer>()
    const intercept = ({ name, path, sftp, id }: ScriptedRequest): boolean => {
      if (name !== 'FSTAT') return false
      files.set(path, Buffer.from(other))
      // The handle has gone with its file.
      sftp.attrs(id, { mode: 0o100644, uid: 0, gid: 0, size: 'new'.length, atime: 1, mtime: 1 })
      return true
    }
    return scripted({ extensions: [FSYNC], intercept }, async ({ server, create }) => {
      files = server.files
      other = 'what another process has put there'
      await rejects('offset-conflict', create('new'))
      other = 'no'
      await rejects('conflict', create('new'))
    })
  })
})

describe('SFTP: a file is renamed', () => {
  const old = Buffer.from('old')
  const fresh = Buffer.from('new')
  const put = (server: ScriptedSftp): void => void server.files.set('/from', fresh).set('/to', old)
  const assertUntouched = ({ server, log }: Session): void => {
    assert.equal(server.files.get('/from'), fresh)
    assert.equal(server.files.get('/to'), old)
    assert.ok(!log.some((line) => line.startsWith('REMOVE')), log.join())
  }

  for (const [title, refuses] of [
    ['always', () => true],
    ['over a file only', ({ to }: ScriptedRequest, files: ReadonlyMap<string, Buffer>) => files.has(to)],
  ] as const)
    for (const code of [STATUS.OP_UNSUPPORTED, STATUS.PERMISSION_DENIED, STATUS.FAILURE, ALREADY_EXISTS])
      for (const announced of [false, true])
        test(`refused ${title}, code ${code}${announced ? ', posix-rename too' : ''}: nothing is removed`, () => {
          let files: ReadonlyMap<string, Buffer> = new Map()
          const intercept = (request: ScriptedRequest): boolean =>
            (request.name === 'RENAME' || request.name === 'EXTENDED') &&
            request.path === '/from' &&
            refuses(request, files) &&
            says(request, code)
          return scripted({ intercept, ...(announced ? { extensions: [POSIX_RENAME] } : {}) }, async (session) => {
            const { server, remote } = session
            files = server.files
            put(server)
            const kind = code === STATUS.OP_UNSUPPORTED ? 'unsupported' : code === ALREADY_EXISTS ? 'conflict' : 'refused'
            await rejects(kind, remote.tree?.rename('/from', '/to', never))
            assertUntouched(session)
          })
        })

  test('by posix-rename first, then by RENAME, and by RENAME alone once that was what worked', () => {
    const intercept = (request: ScriptedRequest): boolean => request.extension === POSIX_RENAME && says(request, STATUS.PERMISSION_DENIED)
    return scripted({ intercept, extensions: [POSIX_RENAME] }, async ({ server, remote, log }) => {
      const { tree } = remote
      assert.equal(tree?.replaces, 'atomically')
      for (const name of ['/b', '/c', '/d']) server.files.set(name, fresh)
      await tree?.rename('/b', '/to', never)
      assert.equal(tree?.replaces, 'never')
      assert.equal(server.files.get('/to'), fresh)
      await tree?.rename('/c', '/to2', never)
      assert.deepEqual(log, [`${POSIX_RENAME} /b /to`, 'RENAME /b /to', 'RENAME /c /to2'])
      assert.match((await rejects('refused', tree?.rename('/d', '/to', never))).message, /code 4/)
    })
  })

  test('the refusal that tells more is told', () => {
    const answers: readonly (readonly [number, number, RegExp])[] = [
      [STATUS.FAILURE, STATUS.PERMISSION_DENIED, /code 3/],
      [STATUS.PERMISSION_DENIED, STATUS.FAILURE, /code 3/],
      [STATUS.FAILURE, STATUS.OP_UNSUPPORTED, /code 4/],
      [STATUS.FAILURE, ALREADY_EXISTS, /code 11/],
    ]
    let [first, second] = [0, 0]
    const intercept = (request: ScriptedRequest): boolean =>
      (request.name === 'RENAME' && says(request, second)) || (request.extension === POSIX_RENAME && says(request, first))
    return scripted({ intercept, extensions: [POSIX_RENAME] }, async ({ server, remote }) => {
      put(server)
      for (const [posix, plain, told] of answers) {
        ;[first, second] = [posix, plain]
        const error: unknown = await remote.tree?.rename('/from', '/to', never).catch((reason: unknown) => reason)
        assert.ok(error instanceof TransferError)
        assert.match(error.message, told)
      }
    })
  })

  for (const code of [STATUS.NO_SUCH_FILE, STATUS.FAILURE])
    test(`when there is no such file that is not-found, and a missing directory is not (code ${code})`, () => {
      const intercept = (request: ScriptedRequest): boolean => request.name === 'RENAME' && says(request, code)
      return scripted({ intercept }, async ({ server, remote }) => {
        await rejects('not-found', remote.tree?.rename('/from', '/to', never))
        server.files.set('/from', fresh)
        await rejects('refused', remote.tree?.rename('/from', '/no/to', never))
      })
    })

  test('without posix-rename the target is never replaced', () =>
    scripted({}, async (session) => {
      const { server, remote } = session
      assert.equal(remote.tree?.replaces, 'never')
      put(server)
      await rejects('refused', remote.tree?.rename('/from', '/to', never))
      assertUntouched(session)
    }))
})

describe('SFTP: a file is copied on the server', () => {
  test('not where that is not announced', () => scripted({}, async ({ remote }) => assert.equal(remote.tree?.copy, undefined)))

  for (const code of [STATUS.OP_UNSUPPORTED, STATUS.PERMISSION_DENIED, STATUS.FAILURE])
    test(`or it is unsupported, asked for once (code ${code})`, () => {
      const intercept = (request: ScriptedRequest): boolean => request.extension === 'copy-data' && says(request, code)
      return scripted({ intercept, extensions: [FSYNC, 'copy-data'] }, async ({ server, remote, log }) => {
        server.files.set('/a', Buffer.from('content'))
        await rejects('unsupported', remote.tree?.copy?.('/a', '/b', 7, never))
        await rejects('unsupported', remote.tree?.copy?.('/a', '/c', 7, never))
        assert.deepEqual(log.filter((line) => line.startsWith('copy-data')).length, 1)
      })
    })

  test('and a copy that is too short is none', () => {
    const intercept = (request: ScriptedRequest): boolean => request.extension === 'copy-data' && says(request, STATUS.OK)
    return scripted({ intercept, extensions: [FSYNC, 'copy-data'] }, async ({ server, remote }) => {
      server.files.set('/a', Buffer.from('content'))
      await rejects('refused', remote.tree?.copy?.('/a', '/b', 7, never))
    })
  })
})
