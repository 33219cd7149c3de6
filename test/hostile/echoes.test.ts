/** Servers that quote our secrets back, in every spelling and cut anywhere: what a person gets to read holds no eight characters of one in a row. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../src/action/clock.ts'
import { failureLines } from '../../src/action/failure-text.ts'
import type { Host } from '../../src/action/host.ts'
import { failureOf } from '../../src/action/outputs.ts'
import { createReporter } from '../../src/action/reporter.ts'
import { summaryMarkdown } from '../../src/action/summary.ts'
import type { TransferEvent, TransferFailure } from '../../src/engine/ports.ts'
import { protocol as ftp } from '../../src/remotes/ftp/index.ts'
import { protocol as http } from '../../src/remotes/http/index.ts'
import type { Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { protocol as sftp } from '../../src/remotes/sftp/index.ts'
import { type Answer, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { scriptedServer } from '../servers/scripted-http.ts'
import { startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { printingHost } from '../support/printed.ts'
import { longestRun, SECRETS, SPELLINGS } from '../support/spellings.ts'
import { absent, body, never, silent } from './ordeal.ts'
import { Site } from './transfer.ts'

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
  /** Exchanges in which the server says it, and that fail for good. */
  readonly refusals: Readonly<Record<string, () => Promise<unknown>>>
  /** Opens another session, which knows nothing of what was refused before. */
  open(): Promise<Remote>
  readonly remote: Remote
  stop(): Promise<void>
}

async function echo(open: () => Promise<Remote>, stop: () => Promise<void>): Promise<Echo> {
  const remote = await open()
  const { writer, tree } = remote
  const refusals = {
    reading: () => remote.read('/file', { start: 0, end: 9 }, () => undefined, {}, never),
    creating: () => writer?.create('/file', 1, body(Buffer.from('x')), silent, never) ?? absent(),
    renaming: () => tree?.rename('/file', '/other', never) ?? absent(),
  }
  return { refusals, open, remote, stop }
}

/** Nothing is told of any file, and no file is taken, read or renamed. */
const PROTOCOLS: Readonly<Record<string, () => Promise<Echo>>> = {
  HTTP: async () => {
    const server = await scriptedServer((request, response) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT, MOVE, DELETE' }).end()
      else response.writeHead(403, { 'content-type': 'text/html' }).end(`<h1>Forbidden</h1><p>${said}</p>`)
    })
    const config = http.parse(new URL('/file', server.origin), { ...LOGIN, password: 'x', username: 'y' })
    return echo(() => http.open(config, ports, never), server.close)
  },
  FTP: async () => {
    const no =
      (code: number): Answer =>
      (_argument, session) =>
        session.say(`${code}-no,\r\n ${said}\r\n${code} not now`)
    const looks = { SIZE: no(502), MLST: no(502), STAT: no(502), LIST: no(502), NLST: no(502) }
    const CWD: Answer = (path, session) => session.say(path === '/' ? '250 there' : '550 no such directory')
    const server = await startScriptedFtp({ ...looks, CWD, RETR: no(450), STOR: no(553), RNFR: '350 to what?', RNTO: no(553) })
    const config = ftp.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN)
    return echo(() => ftp.open(config, ports, never), server.close)
  },
  SFTP: async () => {
    const server = await startScriptedSftp({
      intercept: ({ name, sftp: channel, id }) => {
        if (name === 'CLOSE' || name === 'REMOVE') return false
        channel.status(id, 4, said)
        return true
      },
    })
    const config = sftp.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
    return echo(() => sftp.open(config, ports, never), server.stop)
  },
}

async function refused(refusal: () => Promise<unknown>): Promise<TransferFailure> {
  try {
    await refusal()
  } catch (error) {
    return failureOf(error)
  }
  throw new Error('the server refused nothing')
}

/** A whole upload by the engine: it goes on without the looks that are refused, and says so. */
async function uploaded({ open }: Echo): Promise<{ readonly failure: TransferFailure; readonly events: readonly TransferEvent[] }> {
  const { result, events } = await new Site().upload(open, '/file', Buffer.from('content'), { retries: 0 })
  assert.ok(result.failure !== undefined, 'the server refused nothing')
  return { failure: result.failure, events }
}

function refusedLookIn(events: readonly TransferEvent[]): string {
  const notes = events.flatMap((event) => (event.kind === 'note' ? [event.message] : []))
  const told = notes.find((note) => note.includes('the server does not tell what it has'))
  assert.ok(told !== undefined, `no look was refused: ${notes.join()}`)
  return told
}

async function printed(host: Host, failures: readonly TransferFailure[], events: readonly TransferEvent[]): Promise<void> {
  const reporter = createReporter(host, systemClock, { level: 'verbose', heartbeat: false })
  for (const event of events) reporter.report(event)
  for (const failure of failures) {
    const lines = failureLines(failure, [], { host: 'actions', keeps: 'server', presented: true })
    host.error(lines)
    await host.appendSummary(summaryMarkdown({ direction: 'upload', results: [], warnings: lines, failure: lines }))
  }
  for (const line of heard) host.info(line)
  reporter.close()
}

/** Servers that take a file, and of which a person is told a thing in their own words. */
const NOTED: Readonly<Record<string, () => Promise<Pick<Echo, 'open' | 'stop'>>>> = {
  'HTTP that does not show what it stored': async () => {
    const server = await scriptedServer((request, response) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT' }).end()
      else if (request.method === 'PUT') response.writeHead(201).end()
      else response.writeHead(403, { 'content-type': 'text/html' }).end(`<h1>Forbidden</h1><p>${said}</p>`)
    })
    const config = http.parse(new URL('/file', server.origin), { ...LOGIN, password: 'x', username: 'y' })
    return { open: () => http.open(config, ports, never), stop: server.close }
  },
  'SFTP without fsync': async () => {
    const server = await startScriptedSftp({
      extensions: ['fsync@openssh.com'],
      intercept: ({ name, sftp: channel, id }) => {
        if (name === 'EXTENDED') channel.status(id, 4, said)
        return name === 'EXTENDED'
      },
    })
    const config = sftp.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...LOGIN, fingerprints: [server.pin] })
    return { open: () => sftp.open(config, ports, never), stop: server.stop }
  },
}

async function noted({ open }: Pick<Echo, 'open'>): Promise<string> {
  const remote = await open()
  try {
    await (remote.writer?.create('/file', 1, body(Buffer.from('x')), silent, never) ?? absent())
    const told = remote.notes.find((note) => note.includes('wrong'))
    assert.ok(told !== undefined, `nothing was noted: ${remote.notes.join()}`)
    return told
  } finally {
    await remote.close()
  }
}

/** `work` makes the server say what is left of a secret, and prints what comes of it. */
async function hides({ spell, read }: (typeof SPELLINGS)[string], work: (host: Host) => Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(SECRETS, fc.infiniteStream(fc.nat(0xffff)), fc.nat(), fc.nat(), async (given, chances, from, end) => {
      const spelled = spell(given, () => chances.next().value ?? 0)
      said = `your ${spelled.slice(from % spelled.length, spelled.length - (end % spelled.length))} is wrong`
      const { host, out } = printingHost({ password: given })
      redact = host.redact
      heard.length = 0
      await work(host)
      for (const text of out) {
        const left = longestRun(read(text), given)
        assert.ok([...left].length <= 7, JSON.stringify({ said, text, left }))
      }
    }),
    { numRuns: 20, seed: 20_262 },
  )
}

for (const [name, start] of Object.entries(PROTOCOLS))
  describe(`${name} echoes`, async () => {
    const server = await start()
    after(async () => {
      await server.remote.close()
      await server.stop()
    })
    for (const [spelling, how] of Object.entries(SPELLINGS)) {
      test(`what is left of a secret in what ends the work: ${spelling}`, () =>
        hides(how, async (host) => {
          const failures: TransferFailure[] = []
          for (const refusal of Object.values(server.refusals)) failures.push(await refused(refusal))
          for (const { message } of failures) assert.match(message, /wrong/)
          await printed(host, failures, [])
        }))
      test(`what is left of a secret in what an upload goes on without: ${spelling}`, () =>
        hides(how, async (host) => {
          const { failure, events } = await uploaded(server)
          assert.match(failure.message, /wrong/)
          assert.match(refusedLookIn(events), /wrong/)
          await printed(host, [failure], events)
        }))
    }
  })

for (const [name, start] of Object.entries(NOTED))
  describe(`notes of ${name}`, async () => {
    const server = await start()
    after(server.stop)
    for (const [spelling, how] of Object.entries(SPELLINGS))
      test(`what is left of a secret: ${spelling}`, () =>
        hides(how, async (host) => printed(host, [], [{ kind: 'note', name: '', message: await noted(server) }])))
  })

describe('redacted where it enters, before anything is taken out of it', () => {
  const GIVEN = 'k3y<prod>Tq8  Wz1'
  const HIDDEN = /the key \*\*\* is wrong/
  const saying = (): void => {
    said = `the key ${GIVEN} is wrong`
    redact = (text) => text.replaceAll(GIVEN, '***')
  }
  for (const [name, start] of Object.entries(PROTOCOLS))
    test(name, async () => {
      const server = await start()
      saying()
      try {
        for (const refusal of Object.values(server.refusals)) assert.match((await refused(refusal)).message, HIDDEN)
        const { failure, events } = await uploaded(server)
        assert.match(failure.message, HIDDEN)
        assert.match(refusedLookIn(events), HIDDEN)
      } finally {
        await server.remote.close()
        await server.stop()
      }
    })
  for (const [name, start] of Object.entries(NOTED))
    test(`notes of ${name}`, async () => {
      const server = await start()
      saying()
      try {
        assert.match(await noted(server), HIDDEN)
      } finally {
        await server.stop()
      }
    })
})
