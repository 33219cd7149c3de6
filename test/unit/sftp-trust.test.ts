/** Who is trusted before what is told: against an SSH server inside this process that notes every authentication. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { Credentials, Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type Script, type ScriptedSftp, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { newKeyPair } from '../support/host-key.ts'
import { remotePorts } from '../support/remote-ports.ts'

const signal = new AbortController().signal

async function withServer(script: Script, work: (server: ScriptedSftp) => Promise<void>): Promise<void> {
  const server = await startScriptedSftp(script)
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

function open(port: number, credentials: Partial<Credentials>, debug: (message: string) => void = () => {}): Promise<Remote> {
  const login: Credentials = {
    username: TEST_USER,
    password: TEST_PASSWORD,
    headers: new Map(),
    fingerprints: [],
    tlsVerify: true,
    ...credentials,
  }
  return protocol.open(protocol.parse(new URL(`sftp://127.0.0.1:${port}/`), login), remotePorts(5000, { debug }), signal)
}

async function failure(opening: Promise<Remote>): Promise<TransferError> {
  try {
    const remote = await opening
    await remote.close()
  } catch (error) {
    assert.ok(error instanceof TransferError, String(error))
    return error
  }
  assert.fail('should not have connected')
}

describe('sftp trust', () => {
  test('without a host key to trust nothing is told, and the error shows what to trust', () =>
    withServer({}, async (server) => {
      const error = await failure(open(server.port, {}))
      assert.equal(error.kind, 'untrusted')
      assert.ok(error.message.includes(server.pin))
      assert.ok(error.hint?.includes(server.knownHosts))
      assert.deepEqual(server.authentications, [])
    }))

  test('with another host key nothing is told', () =>
    withServer({}, (server) =>
      withServer({}, async (other) => {
        for (const credentials of [
          { knownHosts: other.knownHosts.replace(String(other.port), String(server.port)) },
          { fingerprints: [other.pin] },
        ]) {
          const error = await failure(open(server.port, credentials))
          assert.equal(error.kind, 'untrusted')
          assert.ok(error.message.includes(server.pin))
          assert.ok(error.hint?.includes(server.knownHosts))
        }
        assert.deepEqual(server.authentications, [])
      }),
    ))

  test('what the error tells makes the next attempt work', () =>
    withServer({}, async (server) => {
      const error = await failure(open(server.port, {}))
      const pin = /SHA256:[A-Za-z0-9+/]{43}/.exec(error.message)?.[0] ?? ''
      await (await open(server.port, { fingerprints: [pin] })).close()
      const line = /add this line to known-hosts: (.*)$/.exec(error.hint ?? '')?.[1] ?? ''
      await (await open(server.port, { knownHosts: line })).close()
    }))
})

describe('sftp authentication', () => {
  test('a wrong password is offered once and denied, and is in no message', () =>
    withServer({}, async (server) => {
      const heard: string[] = []
      const error = await failure(open(server.port, { password: 'wrong-password', knownHosts: server.knownHosts }, (m) => heard.push(m)))
      assert.equal(error.kind, 'denied')
      assert.match(error.message, /refused the password of tester; it accepts password/)
      assert.deepEqual(server.authentications, ['none', 'password'])
      assert.ok(!`${error.message}${error.hint}${heard.join()}`.includes('wrong-password'))
    }))

  test('the password stays at home when the server takes only keys', () =>
    withServer({ methods: ['publickey'] }, async (server) => {
      const error = await failure(open(server.port, { knownHosts: server.knownHosts }))
      assert.equal(error.kind, 'denied')
      assert.deepEqual(server.authentications, ['none'])
    }))

  test('keyboard-interactive is answered with the password when password is not offered', () => {
    const asked: string[] = []
    const script: Script = {
      methods: ['keyboard-interactive'],
      authenticate: (context) => {
        if (context.method !== 'keyboard-interactive') return false
        context.prompt(
          [
            { prompt: 'Password: ', echo: false },
            { prompt: 'Code: ', echo: true },
          ],
          (answers) => {
            asked.push(...answers)
            if (answers[0] === TEST_PASSWORD) context.accept()
            else context.reject()
          },
        )
        return null
      },
    }
    return withServer(script, async (server) => {
      await (await open(server.port, { knownHosts: server.knownHosts })).close()
      assert.deepEqual(asked, [TEST_PASSWORD, ''])
    })
  })

  test('a key is offered first, and the password as a second factor', () => {
    const { private: privateKey } = newKeyPair()
    let keyAccepted = false
    const script: Script = {
      authenticate: (context) => {
        if (context.method === 'publickey') {
          if (context.signature === undefined) return true
          keyAccepted = true
          context.reject(['password'], true)
          return null
        }
        return context.method === 'password' && keyAccepted && context.password === TEST_PASSWORD
      },
    }
    return withServer(script, async (server) => {
      await (await open(server.port, { knownHosts: server.knownHosts, privateKey })).close()
      assert.deepEqual(server.authentications, ['publickey', 'publickey', 'password'])
    })
  })

  test('a refused key is denied after one offer', () =>
    withServer({ methods: ['publickey'] }, async (server) => {
      const { private: privateKey } = newKeyPair()
      const { password: _password, ...keyOnly } = { password: '', privateKey, knownHosts: server.knownHosts }
      const error = await failure(open(server.port, { ...keyOnly, password: '' }))
      assert.equal(error.kind, 'denied')
      assert.deepEqual(server.authentications, ['publickey'])
    }))
})
