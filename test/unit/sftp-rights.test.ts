/** SFTP accounts that may neither rename nor remove, or not log in again: found out without making anything, and not tried for ever. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import ssh2 from 'ssh2'
import { TransferError } from '../../src/core/errors.ts'
import type { Body, Remote, WriteObserver } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type Script, type ScriptedRequest, type ScriptedSftp, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { newKeyPair } from '../support/host-key.ts'
import { remotePorts } from '../support/remote-ports.ts'

const { STATUS_CODE: STATUS } = ssh2.utils.sftp
const HOST_KEY = newKeyPair().private
const never = new AbortController().signal

type Refused = (request: ScriptedRequest) => number | null

/** `refused`: the code of the answer, or null where the server does as it is told. */
async function scripted(refused: Refused, work: (remote: Remote, server: ScriptedSftp, log: string[]) => Promise<void>, more: Script = {}) {
  const log: string[] = []
  const intercept = (request: ScriptedRequest): boolean => {
    log.push(`${request.extension || request.name} ${request.path}`)
    const code = refused(request)
    if (code !== null) request.sftp.status(request.id, code)
    return code !== null
  }
  const server = await startScriptedSftp({ hostKey: HOST_KEY, ...more, intercept })
  const login = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), fingerprints: [server.pin], tlsVerify: true }
  const remote = await protocol.open(protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), login), remotePorts(5000), never)
  try {
    await work(remote, server, log)
  } finally {
    await remote.close()
    await server.stop()
  }
}

const RENAMES: readonly string[] = ['RENAME', 'posix-rename@openssh.com']
const isRename = ({ name, extension }: ScriptedRequest): boolean => RENAMES.includes(extension || name)
const LOOKS: readonly string[] = ['STAT', 'LSTAT', 'FSTAT', 'OPENDIR']
const neither =
  (code: number): Refused =>
  (request) =>
    isRename(request) || request.name === 'REMOVE' ? code : null

const mayNeither = (remote: Remote): Promise<TransferError | null> => remote.tree?.mayNeither?.('/d', never) ?? assert.fail('not asked')

describe('SFTP: what an account may not', () => {
  for (const code of [STATUS.PERMISSION_DENIED, STATUS.OP_UNSUPPORTED])
    for (const looks of [true, false])
      test(`neither rename nor remove (code ${code}), ${looks ? 'and look' : 'nor look'}: known before a file is made`, () =>
        scripted(
          (request) => neither(code)(request) ?? (!looks && LOOKS.includes(request.name) ? code : null),
          async (remote, { files }) => {
            assert.match((await mayNeither(remote))?.message ?? '', /rename or remove anything/)
            assert.equal(await remote.writer?.resumer('/d', never), null, 'no scratch file is made that nobody can remove')
            assert.deepEqual([...files.keys()], [])
          },
          { extensions: ['posix-rename@openssh.com'] },
        ))

  const others: readonly (readonly [string, Refused])[] = [
    ['code 4 may mean that nothing is there', neither(STATUS.FAILURE)],
    ['only renaming is refused', (request) => (isRename(request) ? STATUS.PERMISSION_DENIED : null)],
    ['only removing is refused', ({ name }) => (name === 'REMOVE' ? STATUS.PERMISSION_DENIED : null)],
    ['only posix-rename is refused', ({ name, extension }) => (extension !== '' || name === 'REMOVE' ? STATUS.PERMISSION_DENIED : null)],
    [
      'a gateway that says "denied" of every missing name',
      (request) => neither(STATUS.PERMISSION_DENIED)(request) ?? (request.name === 'OPEN' ? STATUS.PERMISSION_DENIED : null),
    ],
  ]
  for (const [name, refused] of others)
    test(`no knowledge: ${name}`, () =>
      scripted(
        refused,
        async (remote, { files }) => {
          assert.equal(await mayNeither(remote), null)
          assert.deepEqual([...files.keys()], [])
        },
        { extensions: ['posix-rename@openssh.com'] },
      ))

  test('a scratch file that could not be removed is the last one', () =>
    scripted(
      ({ name }) => (name === 'REMOVE' ? STATUS.FAILURE : name === 'OPENDIR' ? STATUS.PERMISSION_DENIED : null),
      async (remote, { files }) => {
        await remote.writer?.resumer('/d', never)
        const left = files.size
        await remote.writer?.resumer('/d', never)
        assert.equal(files.size, left)
      },
    ))

  for (const [code, missing] of [
    [STATUS.FAILURE, STATUS.NO_SUCH_FILE],
    [STATUS.PERMISSION_DENIED, STATUS.FAILURE],
    [STATUS.OP_UNSUPPORTED, STATUS.PERMISSION_DENIED],
  ] as const)
    test(`directories are made where nothing can be looked at (code ${code}, of a missing parent ${missing})`, () => {
      const made = new Set(['/', '/home'])
      const refused: Refused = ({ name, path }) => {
        if (name !== 'MKDIR') return name === 'OPEN' || LOOKS.includes(name) ? code : null
        if (made.has(path)) return STATUS.FAILURE
        if (!made.has(path.slice(0, path.lastIndexOf('/')) || '/')) return missing
        made.add(path)
        return STATUS.OK
      }
      return scripted(refused, async (remote) => {
        await remote.tree?.makeDirectory('/home/a/b/c', never)
        await remote.tree?.makeDirectory('/home/a/b/c', never)
        assert.deepEqual([...made], ['/', '/home', '/home/a', '/home/a/b', '/home/a/b/c'])
      })
    })
})

test('SFTP: after a refused login no other one is tried', async () => {
  let logins = 0
  const authenticate = (): boolean => {
    logins += 1
    return logins <= 2
  }
  const more: Script = { authenticate, methods: ['password'] }
  await scripted(
    () => null,
    async (remote, { connections }) => {
      const first = logins
      logins = 2
      for (const connection of connections) connection.end()
      const failures: string[] = []
      const look = async (): Promise<void> => {
        const error: unknown = await remote.stat('/f', never).catch((reason: unknown) => reason)
        failures.push(error instanceof TransferError ? error.kind : 'none')
      }
      while (failures.at(-1) !== 'denied') await look()
      const seen = logins
      assert.ok(seen > first)
      await look()
      await look()
      assert.equal(logins, seen, 'no further attempt')
      assert.deepEqual(failures.slice(-2), ['denied', 'denied'])
    },
    more,
  )
})

test('SFTP: what lies in a queue of this process is not sent yet, and what is acknowledged is', async () => {
  const totals: number[] = []
  const observer: WriteObserver = { sent: (total) => void totals.push(total), acknowledged: () => {} }
  const bytes = Buffer.alloc(100_000, 7)
  async function* body(): Body {
    yield bytes
  }
  await scripted(
    () => null,
    async (remote, { files }) => {
      await remote.writer?.create('/f', bytes.length, body(), observer, never)
      assert.ok(files.get('/f')?.equals(bytes))
      assert.deepEqual(
        totals,
        totals.toSorted((a, b) => a - b),
      )
      assert.ok((totals[0] ?? 0) < bytes.length)
      assert.equal(totals.at(-1), bytes.length)
    },
  )
})
