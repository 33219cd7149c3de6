/** Servers that quote our secrets back, in every spelling and cut anywhere: what a person gets to read holds no eight characters of one in a row. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { failureLines } from '../../src/action/failure-text.ts'
import { failureOf } from '../../src/action/outputs.ts'
import { summaryMarkdown } from '../../src/action/summary.ts'
import { protocol as ftp } from '../../src/remotes/ftp/index.ts'
import { protocol as http } from '../../src/remotes/http/index.ts'
import type { Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { protocol as sftp } from '../../src/remotes/sftp/index.ts'
import { startScriptedFtp } from '../servers/scripted-ftp.ts'
import { scriptedServer } from '../servers/scripted-http.ts'
import { startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { printingHost } from '../support/printed.ts'
import { longestRun, SECRETS, SPELLINGS } from '../support/spellings.ts'

const never = new AbortController().signal
const LOGIN = { username: TEST_USER, password: TEST_PASSWORD, headers: new Map<string, string>(), fingerprints: [], tlsVerify: true }

/** What the server says next, and what hides secrets meanwhile: opening a connection for each would take minutes. */
let said = ''
let redact = (text: string): string => text
const heard: string[] = []
const ports: RemotePorts = {
  timeoutMs: 5000,
  direction: 'upload',
  redact: (text) => redact(text),
  debug: (line) => void heard.push(line),
  warn: (line) => void heard.push(line),
}

interface Echo {
  /** Makes the server say it in a refusal. */
  refusal(): Promise<unknown>
  close(): Promise<void>
}

function echo(remote: Remote, refusal: () => Promise<unknown>, stop: () => Promise<void>): Echo {
  return {
    refusal: async () => {
      try {
        await refusal()
      } catch (error) {
        return error
      }
      throw new Error('the server refused nothing')
    },
    close: async () => {
      await remote.close()
      await stop()
    },
  }
}

const PROTOCOLS: Readonly<Record<string, () => Promise<Echo>>> = {
  HTTP: async () => {
    const server = await scriptedServer((request, response) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET' }).end()
      else response.writeHead(403, { 'content-type': 'text/html' }).end(`<h1>Forbidden</h1><p>${said}</p>`)
    })
    const remote = await http.open(http.parse(new URL('/file', server.origin), { ...LOGIN, password: 'x', username: 'y' }), ports, never)
    return echo(remote, () => remote.read('/file', { start: 0, end: 9 }, () => undefined, {}, never), server.close)
  },
  FTP: async () => {
    const server = await startScriptedFtp({ SIZE: (_name, session) => session.say(`450-no,\r\n ${said}\r\n450 not now`) })
    const remote = await ftp.open(ftp.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), ports, never)
    return echo(remote, () => remote.stat('/file', never), server.close)
  },
  SFTP: async () => {
    const server = await startScriptedSftp({
      intercept: ({ name, sftp: channel, id }) => {
        if (name !== 'STAT') return false
        channel.status(id, 4, said)
        return true
      },
    })
    const remote = await sftp.open(
      sftp.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] }),
      ports,
      never,
    )
    return echo(remote, () => remote.stat('/file', never), server.stop)
  },
}

for (const [name, start] of Object.entries(PROTOCOLS))
  describe(`${name} echoes`, async () => {
    const server = await start()
    after(() => server.close())
    for (const [spelling, { spell, read }] of Object.entries(SPELLINGS))
      test(`what is left of a secret: ${spelling}`, () =>
        fc.assert(
          fc.asyncProperty(SECRETS, fc.infiniteStream(fc.nat(0xffff)), fc.nat(), fc.nat(), async (given, chances, from, end) => {
            const spelled = spell(given, () => chances.next().value ?? 0)
            said = `your ${spelled.slice(from % spelled.length, spelled.length - (end % spelled.length))} is wrong`
            const { host, out } = printingHost({ password: given })
            redact = host.redact
            heard.length = 0
            const failure = failureOf(await server.refusal())
            assert.match(failure.message, /wrong/)
            const lines = failureLines(failure, [], { host: 'actions', keeps: 'server', presented: true })
            host.error(lines)
            for (const line of heard) host.info(line)
            await host.appendSummary(summaryMarkdown({ direction: 'upload', results: [], warnings: lines, failure: lines }))
            for (const text of out) {
              const left = longestRun(read(text), given)
              assert.ok([...left].length <= 7, JSON.stringify({ said, text, left }))
            }
          }),
          { numRuns: 20, seed: 20_262 },
        ))
  })

describe('redacted where it enters, before anything is taken out of it', () => {
  const GIVEN = 'k3y<prod>Tq8  Wz1'
  for (const [name, start] of Object.entries(PROTOCOLS))
    test(name, async () => {
      const server = await start()
      said = `the key ${GIVEN} is wrong`
      redact = (text) => text.replaceAll(GIVEN, '***')
      try {
        assert.match(failureOf(await server.refusal()).message, /the key \*\*\* is wrong/)
      } finally {
        await server.close()
      }
    })
})
