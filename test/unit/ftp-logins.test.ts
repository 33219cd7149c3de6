/** FTP: what an answer to a login means, and how often a password is sent. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { type Answer, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { remotePorts } from '../support/remote-ports.ts'

interface Scene {
  open(): Promise<Remote>
  /** The commands of all sessions that fit. */
  sent(command: RegExp): readonly string[]
}

async function scene(t: TestContext, answers: () => Readonly<Record<string, Answer>>, timeoutMs = 5000): Promise<Scene> {
  const server = await startScriptedFtp(answers())
  const credentials = { username: 'u', password: 'p', headers: new Map(), fingerprints: [], tlsVerify: true }
  const config = protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), credentials)
  t.after(() => server.close())
  return {
    open: async () => {
      const remote = await protocol.open(config, remotePorts(timeoutMs), new AbortController().signal)
      t.after(() => remote.close())
      return remote
    },
    sent: (command) => server.commands.filter((line) => command.test(line)),
  }
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

describe('FTP: a login', () => {
  for (const [reply, words] of [
    ['332 Need account', /account \(ACCT\)/],
    ['530 Your password has expired, change your password', /new password/],
    ['451 Login failed', null],
    ['433 no such user', null],
  ] as const)
    test(`${reply} is final`, async (t) => {
      const { open } = await scene(t, () => ({ PASS: reply }))
      const error = await fails('denied', open())
      assert.ok(error.message.includes(reply))
      if (words !== null) assert.match(error.hint ?? '', words)
    })

  for (const [reply, logins] of [
    ['530 Too many failed login attempts', 1],
    ['530 Login incorrect. Too many bad passwords, account will be locked', 1],
    ['530 Maximum login attempts. Disconnecting.', 1],
    ['421 Login incorrect, closing', 1],
    ['421 Too many failed login attempts, closing control connection', 1],
    ['421 closing', 2],
    ['421 Login failed: too many connections', 2],
    ['530 too many', 2],
  ] as const)
    test(`${reply}: the same password is sent no more than ${logins} times`, async (t) => {
      const { open, sent } = await scene(t, () => ({ PASS: reply }))
      for (let time = 1; time < logins; time += 1) await fails('transient', open())
      await fails('denied', open())
      assert.equal(sent(/^PASS/).length, logins)
    })

  test('that the server has no room for may pass, however often; before the password 421 does, too', async (t) => {
    for (const answers of [
      { PASS: '530 too many connections' },
      { PASS: '421 Sorry, the maximum number of clients (2) for this user are already connected' },
      { USER: '421 busy' },
    ]) {
      const { open } = await scene(t, () => answers)
      for (let time = 0; time < 4; time += 1) await fails('transient', open())
    }
  })

  test('421 to a password that was taken before is none to the password', async (t) => {
    let times = 0
    const { open } = await scene(t, () => ({
      PASS: (_word, session) => {
        times += 1
        session.say(times === 1 ? '230 in' : '421 busy')
      },
    }))
    await open()
    for (let time = 0; time < 4; time += 1) await fails('transient', open())
  })

  test('that ends the session at the password is tried twice', async (t) => {
    const { open } = await scene(t, () => ({ PASS: (_word, { control }) => void control.end() }))
    await fails('transient', open())
    assert.match((await fails('denied', open())).message, /2 times/)
  })

  test('that is never answered is tried twice', async (t) => {
    const { open, sent } = await scene(t, () => ({ PASS: null }), 400)
    await fails('transient', open())
    assert.match((await fails('denied', open())).message, /2 times/)
    assert.equal(sent(/^PASS/).length, 2)
  })
})
