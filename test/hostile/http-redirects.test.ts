/** HTTP redirects as a matrix: where they lead, with which status, for which request; and what every server got to see. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { FailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { makeCertificate } from '../servers/certificate.ts'
import { pinOf } from '../servers/nginx.ts'
import { type RecordedRequest, type Script, type ScriptedServer, scriptedServer } from '../servers/scripted-http.ts'
import { absent, assertSilent, BEARER, body, ends, failureOf, never, silent, witness } from './ordeal.ts'

const STATUSES = [301, 302, 303, 307, 308] as const
const BODY = Buffer.from('canary-of-the-body')
const directory = mkdtempSync(join(tmpdir(), 'rt-hostile-redirect-'))
after(() => rmSync(directory, { recursive: true, force: true }))
let identity: { key: string; cert: string }
before(() => {
  const made = makeCertificate(directory)
  identity = { key: readFileSync(made.keyFile, 'utf8'), cert: made.pem }
})

const serve: Script = (request, response) => {
  if (request.method === 'GET') response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).end('0123456789')
  else response.writeHead(201).end()
}

interface Sites {
  readonly home: ScriptedServer
  readonly others: readonly ScriptedServer[]
}

type Where = (sites: Sites) => string

interface Destination {
  readonly name: string
  readonly location: Where
  readonly secureHome?: true
  /** What a GET makes of it; `followed` when it gets the bytes. */
  readonly get: FailureKind | 'followed'
  /** Whether the request that is redirected may be repeated with its headers. */
  readonly sameOrigin?: true
}

const [plain, secure] = [0, 1]
const other = (sites: Sites, index: number): ScriptedServer => sites.others[index] ?? absent()
const authority = (server: ScriptedServer): string => `127.0.0.1:${server.port}`

const DESTINATIONS: readonly Destination[] = [
  { name: 'the same origin', location: () => '/there', get: 'followed', sameOrigin: true },
  { name: 'the same origin, in full', location: ({ home }) => `${home.origin}/there?x=1#f`, get: 'followed', sameOrigin: true },
  { name: 'another port', location: (sites) => `${other(sites, plain).origin}/there`, get: 'followed' },
  { name: 'another host name of this machine', location: (sites) => `http://localhost:${other(sites, plain).port}/there`, get: 'followed' },
  { name: 'another host, no scheme', location: (sites) => `//${authority(other(sites, plain))}/there`, get: 'followed' },
  {
    name: 'another host in capitals and backslashes',
    location: (sites) => `HTTP:\\\\${authority(other(sites, plain))}\\there`,
    get: 'followed',
  },
  {
    name: 'userinfo before another host',
    location: ({ home, ...rest }) => `http://${authority(home)}@${authority(other({ home, ...rest }, plain))}/there`,
    get: 'followed',
  },
  { name: 'credentials of somebody else', location: (sites) => `http://who:what@${authority(other(sites, plain))}/there`, get: 'followed' },
  {
    name: 'the same origin with credentials',
    location: ({ home }) => `http://who:what@${authority(home)}/there`,
    get: 'followed',
    sameOrigin: true,
  },
  { name: 'https to http', location: (sites) => `${other(sites, plain).origin}/there`, secureHome: true, get: 'untrusted' },
  {
    name: 'https to https on another port',
    location: (sites) => `${other(sites, secure).origin}/there`,
    secureHome: true,
    get: 'followed',
  },
  { name: 'javascript', location: () => 'javascript:alert(1)', get: 'untrusted' },
  { name: 'file', location: () => 'file:///etc/passwd', get: 'untrusted' },
  { name: 'data', location: () => 'data:text/plain,0123456789', get: 'untrusted' },
  { name: 'ftp', location: () => 'ftp://127.0.0.1/there', get: 'untrusted' },
  { name: 'no URL', location: () => 'http://[', get: 'protocol' },
  { name: 'a port that is none', location: () => 'http://127.0.0.1:99999/', get: 'protocol' },
  { name: 'line breaks, encoded', location: ({ home }) => `${home.origin}/there%0d%0aX-Injected:%201`, get: 'followed', sameOrigin: true },
  { name: 'itself', location: () => '/d/f', get: 'protocol', sameOrigin: true },
  { name: 'nobody', location: () => 'http://127.0.0.1:1/', get: 'transient' },
]

function assertNothingOfOurs(request: RecordedRequest): void {
  assertSilent(request.headers, request.path, request.body.toString('latin1'))
  for (const name of ['authorization', 'cookie', 'x-api-key', 'referer', 'x-injected']) assert.equal(request.headers[name], undefined, name)
  assert.equal(request.body.length, 0)
}

async function withSites(
  destination: Destination,
  status: number,
  work: (sites: Sites, open: () => Promise<Remote>) => Promise<void>,
): Promise<void> {
  const others = [await scriptedServer(serve), ...(destination.secureHome === true ? [await scriptedServer(serve, { tls: identity })] : [])]
  const home = await scriptedServer(
    (request, response, index) => {
      if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT, MOVE, DELETE' }).end()
      else if (request.path === '/d/f') response.writeHead(status, { location: destination.location({ home, others }) }).end('moved')
      else serve(request, response, index)
    },
    destination.secureHome === true ? { tls: identity } : {},
  )
  const who = witness(5000)
  let remote: Remote | undefined
  try {
    await work({ home, others }, async () => {
      remote = await protocol.open(
        protocol.parse(new URL('/d/f', home.origin), { ...BEARER, fingerprints: [pinOf(identity.cert)] }),
        who,
        never,
      )
      return remote
    })
    assertSilent(...who.heard)
  } finally {
    if (remote !== undefined) await ends(remote.close())
    await Promise.all([home, ...others].map((server) => server.close()))
  }
}

describe('HTTP redirects of a download', { concurrency: 4 }, () => {
  for (const destination of DESTINATIONS)
    for (const status of destination.get === 'followed' ? STATUSES : [302])
      test(`${status} to ${destination.name}`, () =>
        withSites(destination, status, async ({ home, others }, open) => {
          const who = witness(5000)
          const remote = await ends(open())
          const got: Buffer[] = []
          const reading = remote.read('/d/f', { start: 0, end: 10 }, (chunk) => void got.push(Buffer.from(chunk)), {}, never)
          const error = await failureOf(reading, who)
          assert.equal(error?.kind ?? 'followed', destination.get, error?.message)
          assert.equal(Buffer.concat(got).toString(), destination.get === 'followed' ? '0123456789' : '')
          for (const server of others) for (const request of server.requests) assertNothingOfOurs(request)
          if (destination.sameOrigin === true) assert.ok(home.requests.every(({ headers }) => headers.authorization !== undefined))
          if (destination.get !== 'followed') assert.deepEqual([...others.flatMap((server) => server.requests)], [])
        }))
})

describe('HTTP redirects of an upload and of a rename', { concurrency: 4 }, () => {
  for (const destination of DESTINATIONS)
    for (const status of destination.get === 'followed' ? STATUSES : [307])
      test(`${status} to ${destination.name}`, () =>
        withSites(destination, status, async ({ home, others }, open) => {
          const who = witness(5000)
          const remote = await ends(open())
          const put = await failureOf(remote.writer?.create('/d/f', BODY.length, body(BODY), silent, never) ?? absent(), who)
          assert.ok(put !== null && ['untrusted', 'refused', 'protocol'].includes(put.kind), put?.message)
          const moved = await failureOf(remote.tree?.rename('/d/f', '/d/g', never) ?? absent(), who)
          assert.ok(moved === null || ['untrusted', 'refused', 'protocol', 'transient', 'conflict'].includes(moved.kind), moved?.message)
          for (const server of others) {
            assert.ok(
              server.requests.every(({ method }) => method === 'GET'),
              'nothing is changed elsewhere',
            )
            for (const request of server.requests) assertNothingOfOurs(request)
          }
          const bodies = home.requests.filter((request) => request.method === 'PUT' && request.body.length > 0)
          assert.ok(bodies.length <= 1 && bodies.every(({ path }) => path === '/d/f'), 'the body went where it was told to, once')
        }))
})

describe('HTTP redirects without an end', () => {
  for (const status of STATUSES)
    test(`${status}: every place leads to another`, async () => {
      let step = 0
      const home = await scriptedServer((request, response) => {
        step += 1
        if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET' }).end()
        else response.writeHead(status, { location: `/step${step}` }).end()
      })
      const who = witness(5000)
      const remote = await ends(protocol.open(protocol.parse(new URL('/d/f', home.origin), BEARER), who, never))
      assert.equal((await failureOf(remote.stat('/d/f', never), who))?.kind, 'protocol')
      assert.ok(home.requests.length < 10)
      await ends(remote.close())
      await home.close()
    })

  test('a redirect without a Location, or with one that is empty, is an answer like any other', async () => {
    for (const headers of [{}, { location: '' }]) {
      const home = await scriptedServer((request, response) => {
        if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET' }).end()
        else response.writeHead(302, headers).end()
      })
      const who = witness(5000)
      const remote = await ends(protocol.open(protocol.parse(new URL('/d/f', home.origin), BEARER), who, never))
      const error = await failureOf(remote.stat('/d/f', never), who)
      assert.ok(error !== null && ['refused', 'protocol'].includes(error.kind), error?.message)
      await ends(remote.close())
      await home.close()
    }
  })
})
