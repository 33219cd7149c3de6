/** Servers that never fall silent and never come to an end: the remote waits as long as something arrives, the engine does not. And secrets that come back. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { redactor } from '../../src/core/redact.ts'
import { protocol as ftp } from '../../src/remotes/ftp/index.ts'
import { protocol as http } from '../../src/remotes/http/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { protocol as sftp } from '../../src/remotes/sftp/index.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { rawServer } from '../servers/scripted-http.ts'
import { sendRaw, sftpPacket, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { newKeyPair } from '../support/host-key.ts'
import { memoryFtp } from './memory-ftp.ts'
import { absent, BEARER, body, drip, ends, LOGIN, never, silent, type Witness, witness } from './ordeal.ts'
import { Site } from './transfer.ts'

const CONTENT = Buffer.alloc(100_000, 5)
const POLICY = { timeoutMs: 500, retries: 1 }
const HOST_KEY = newKeyPair().private

async function isGivenUp(site: Site, open: () => Promise<Remote>, path: string): Promise<void> {
  const { result } = await site.download(open, path, POLICY)
  assert.equal(result.failure?.kind, 'transient', result.failure?.message)
  site.assertLanded(result, CONTENT)
}

describe('servers that trickle', { concurrency: 8 }, () => {
  test('FTP: data, a byte at a time', async () => {
    const server = await startScriptedFtp({
      ...memoryFtp(new Map([['f', CONTENT]])),
      RETR: async (_path, session) => {
        session.say('150 here')
        drip(await session.data(), 'x')
      },
    })
    const config = ftp.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN)
    await isGivenUp(new Site(), () => ftp.open(config, witness(5000), never), 'f')
    await server.close()
  })

  test('HTTP: a body, a byte at a time', async () => {
    const server = await rawServer((header, socket) => {
      if (header.startsWith('OPTIONS')) return void socket.write('HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n')
      const all = `HTTP/1.1 206 x\r\nContent-Range: bytes 0-${CONTENT.length - 1}/${CONTENT.length}\r\nContent-Length: ${CONTENT.length}\r\n\r\n`
      const one = `HTTP/1.1 206 x\r\nContent-Range: bytes 0-0/${CONTENT.length}\r\nContent-Length: 1\r\n\r\nx`
      if (/range: bytes=0-0\r/i.test(`${header}\r`)) return void socket.write(one)
      socket.write(all)
      drip(socket, 'x')
    })
    const config = http.parse(new URL('/f', server.origin), BEARER)
    await isGivenUp(new Site(), () => http.open(config, witness(5000), never), '/f')
    await server.close()
  })

  for (const place of ['STAT', 'OPEN', 'READ'] as const)
    test(`SFTP: chatter in place of an answer to ${place}`, async () => {
      const server = await startScriptedSftp({
        hostKey: HOST_KEY,
        authenticate: () => true,
        intercept: (request) => {
          if (request.name !== place) return false
          const timer = setInterval(() => sendRaw(request.sftp, sftpPacket(101, 77_777, Buffer.alloc(12))), 25)
          request.connection.on('close', () => clearInterval(timer))
          return true
        },
      })
      server.files.set('/f', CONTENT)
      const config = sftp.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
      await isGivenUp(new Site(), () => sftp.open(config, witness(5000), never), '/f')
      await server.stop()
    })
})

describe('waits of minutes end at once when the step is stopped', () => {
  const digesting = { FEAT: '211-x\r\n XSHA256\r\n SIZE\r\n211 end', SIZE: '213 9' }
  const cases: Readonly<
    Record<string, { readonly answers: Parameters<typeof startScriptedFtp>[0]; run(remote: Remote, signal: AbortSignal): Promise<unknown> }>
  > = {
    'FTP: the last reply to an upload': {
      answers: {
        STOR: async (_path, session) => {
          session.say('150 go on')
          ;(await session.data()).resume().on('end', () => stop())
        },
      },
      run: (remote, signal) => remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, signal) ?? absent(),
    },
    'FTP: a digest': {
      answers: { ...digesting, XSHA256: () => stop() },
      run: (remote, signal) => remote.digester?.digest('f', { start: 0, end: 9 }, signal) ?? absent(),
    },
  }
  let stop = (): void => undefined
  for (const [name, { answers, run }] of Object.entries(cases))
    test(name, async () => {
      const controller = new AbortController()
      stop = () => controller.abort(new TransferError('stopped', 'enough'))
      const server = await startScriptedFtp(answers)
      const remote = await ends(ftp.open(ftp.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), witness(5000), never))
      await ends(assert.rejects(run(remote, controller.signal), { kind: 'stopped' }))
      await ends(remote.close())
      await server.close()
    })
})

/** The folders leave their own secrets out; what a server sends back is taken out further up, by this. */
describe('secrets that the server sends back', () => {
  const secrets = [LOGIN.password ?? '', BEARER.token ?? '', ...BEARER.headers.values()]
  const redact = redactor(secrets.map((text) => ({ text, username: LOGIN.username ?? '' })))
  const told = async (open: (who: Witness) => Promise<Remote>): Promise<string> => {
    const who = witness(3000)
    const error: unknown = await ends(
      open(who)
        .then((remote) => remote.read('/f', { start: 0, end: 10 }, () => undefined, {}, never))
        .catch((reason: unknown) => reason),
    )
    assert.ok(error instanceof TransferError)
    return [error.message, error.hint, ...who.heard].join('\n')
  }
  const assertGone = (text: string): void => {
    const left = redact(text)
    assert.notEqual(left, text, 'something was sent back')
    for (const secret of secrets) assert.ok(!left.includes(secret))
  }

  test('FTP: the password in the refusal', async () => {
    const server = await startScriptedFtp({ PASS: (password, session) => session.say(`530 "${password}" is not your password`) })
    assertGone(await told((who) => ftp.open(ftp.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), who, never)))
    await server.close()
  })

  for (const credentials of [LOGIN, BEARER])
    test(`HTTP: the request's header in the page, ${credentials === LOGIN ? 'basic' : 'bearer'}`, async () => {
      const server = await rawServer((header, socket) => {
        const page = `you sent ${/authorization: \S+ (\S+)/i.exec(header)?.[1]} and ${/x-api-key: (\S+)/i.exec(header)?.[1]}`
        socket.write(`HTTP/1.1 403 x\r\nContent-Length: ${page.length}\r\n\r\n${page}`)
      })
      assertGone(await told((who) => http.open(http.parse(new URL('/f', server.origin), credentials), who, never)))
      await server.close()
    })
})
