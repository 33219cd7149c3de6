/** SFTP servers that understand only absolute names: what lies below the login directory is named by where that is, as curl and OpenSSH's sftp do it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import ssh2 from 'ssh2'
import type { Body, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type ScriptedRequest, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { remotePorts } from '../support/remote-ports.ts'

const { STATUS_CODE: STATUS } = ssh2.utils.sftp
const HOME = '/data/jane'
const never = new AbortController().signal
const silent = { sent: () => {}, acknowledged: () => {} }

async function* body(bytes: Uint8Array): Body {
  yield bytes
}

/** Uploads, looks at and renames `a` below the login directory; the names that the server saw, and what it holds. */
async function worked(
  script: (request: ScriptedRequest) => boolean,
): Promise<{ readonly seen: readonly string[]; readonly held: readonly string[] }> {
  const seen: string[] = []
  const intercept = (request: ScriptedRequest): boolean => {
    seen.push(`${request.name} ${request.path}`)
    return script(request)
  }
  const server = await startScriptedSftp({ intercept })
  const login = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map(), fingerprints: [server.pin], tlsVerify: true }
  const remote: Remote = await protocol.open(
    protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/~/a`), login),
    remotePorts(5000),
    never,
  )
  try {
    const { writer, tree } = remote
    if (writer === undefined || tree === undefined) assert.fail('nothing can be written')
    await Promise.all([remote.stat('a', never), remote.stat('b', never)])
    await writer.create('a', 3, body(Buffer.from('abc')), silent, never)
    assert.equal((await remote.stat('a', never))?.size, 3)
    await tree.rename('a', 'b', never)
    await tree.list('', never)
    return { seen, held: [...server.files.keys()] }
  } finally {
    await remote.close()
    await server.stop()
  }
}

const tells =
  (home: string) =>
  ({ name, id, sftp, path }: ScriptedRequest): boolean => {
    if (name === 'REALPATH') sftp.name(id, [{ filename: path === '.' ? home : path, longname: '', attrs: {} as never }])
    else if (!path.startsWith('/') && path !== '' && name !== 'EXTENDED') sftp.status(id, STATUS.PERMISSION_DENIED)
    else return false
    return true
  }

test('a server that refuses names that are not absolute is told absolute ones, and asked once where the login directory is', async () => {
  const { seen, held } = await worked(tells(HOME))
  assert.deepEqual(held, [`${HOME}/b`])
  assert.equal(seen.filter((line) => line.startsWith('REALPATH')).length, 1)
  assert.ok(seen.includes(`OPENDIR ${HOME}`), seen.join('\n'))
})

test('the root is a login directory as well', async () => {
  assert.deepEqual((await worked(tells('/'))).held, ['/b'])
})

for (const [what, script] of [
  ['refuses the question', () => false],
  ['tells a name that is not absolute', (r: ScriptedRequest) => r.name === 'REALPATH' && tells('.')(r)],
  ['tells a name that is no UTF-8', (r: ScriptedRequest) => r.name === 'REALPATH' && tells('/da\uFFFDta')(r)],
  ['tells no name at all', ({ name, sftp, id }: ScriptedRequest) => name === 'REALPATH' && (sftp.name(id, []) ?? true)],
] as const)
  test(`a server that ${what} is told the names as they are`, async () => {
    const { seen, held } = await worked((request) => Boolean(script(request)))
    assert.deepEqual(held, ['b'])
    assert.equal(seen.filter((line) => line.startsWith('REALPATH')).length, 1)
    assert.ok(seen.includes('OPENDIR .'), seen.join('\n'))
  })
