/** HTTP downloads by the whole engine from servers that lie about what they send. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { PublicFailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import { type RecordedRequest, type Script, scriptedServer } from '../servers/scripted-http.ts'
import { seededBytes } from '../support/prng.ts'
import { assertSilent, BEARER, never, witness } from './ordeal.ts'
import { Site } from './transfer.ts'

const SIZE = 200_000
const CUT = 90_000
const CONTENT = Buffer.from(seededBytes(5, SIZE))
const OTHER = Buffer.from(seededBytes(6, SIZE))
const TAG = '"one"'
const WHEN = 'Wed, 21 Oct 2015 07:28:00 GMT'
const identified = { etag: TAG, 'last-modified': WHEN }

function wanted(request: RecordedRequest, size = SIZE): { start: number; end: number } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  return match === null ? null : { start: Number(match[1]), end: match[2] === '' ? size : Math.min(size, Number(match[2]) + 1) }
}

function part(response: ServerResponse, bytes: Buffer, start: number, end: number, headers: Record<string, string> = identified): void {
  response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}`, ...headers }).end(bytes.subarray(start, end))
}

const honest: Script = (request, response) => {
  const range = wanted(request)
  if (range === null) response.writeHead(200, { ...identified, 'content-length': String(SIZE) }).end(CONTENT)
  else part(response, CONTENT, range.start, range.end)
}

/** Tells the truth about single bytes, so that looking goes well, and lies about what is read. */
const lyingAbout =
  (read: (range: { start: number; end: number }, response: ServerResponse, request: RecordedRequest) => void): Script =>
  (request, response, index) => {
    const range = wanted(request)
    if (range === null || range.end - range.start === 1) honest(request, response, index)
    else read(range, response, request)
  }

interface Lie {
  readonly name: string
  readonly script: Script
  readonly expect: readonly (PublicFailureKind | 'complete')[]
}

const claiming = (contentRange: (start: number, end: number) => string): Script =>
  lyingAbout(({ start, end }, response) => {
    response.writeHead(206, { 'content-range': contentRange(start, end), ...identified }).end(CONTENT.subarray(start, end))
  })

const LIES: readonly Lie[] = [
  { name: 'the truth', script: honest, expect: ['complete'] },
  { name: 'Content-Range: another start', script: claiming((start, end) => `bytes ${start + 1}-${end}/${SIZE}`), expect: ['protocol'] },
  {
    name: 'Content-Range: from the beginning',
    script: claiming((start, end) => `bytes 0-${end - start - 1}/${SIZE}`),
    expect: ['protocol', 'complete'],
  },
  {
    name: 'Content-Range: another total',
    script: claiming((start, end) => `bytes ${start}-${end - 1}/${SIZE + 1}`),
    expect: ['source-changed'],
  },
  {
    name: 'Content-Range: too short a total',
    script: claiming((start, end) => `bytes ${start}-${end - 1}/${end - 1}`),
    expect: ['protocol', 'source-changed'],
  },
  { name: 'Content-Range: another end', script: claiming((start, end) => `bytes ${start}-${end - 2}/${SIZE}`), expect: ['protocol'] },
  { name: 'Content-Range: text', script: claiming(() => 'some bytes of it'), expect: ['complete'] },
  { name: 'Content-Range: 1e20', script: claiming((start) => `bytes ${start}-1e20/1e20`), expect: ['complete'] },
  { name: 'Content-Range: negative', script: claiming((_start, end) => `bytes -1-${end}/${SIZE}`), expect: ['complete'] },
  { name: 'Content-Range: two', script: claiming((start, end) => `bytes ${start}-${end - 1}/${SIZE}, bytes 0-1/2`), expect: ['complete'] },
  {
    name: 'no Content-Range',
    script: lyingAbout(({ start, end }, response) => void response.writeHead(206, identified).end(CONTENT.subarray(start, end))),
    expect: ['complete'],
  },
  {
    name: '200 to every range',
    script: (_request, response) => void response.writeHead(200, { ...identified, 'content-length': String(SIZE) }).end(CONTENT),
    expect: ['complete'],
  },
  {
    name: '206 of another entity with its ETag',
    script: lyingAbout(({ start, end }, response) => part(response, OTHER, start, end, { etag: '"two"' })),
    expect: ['source-changed'],
  },
  {
    name: '206 without the ETag',
    script: lyingAbout(({ start, end }, response) => part(response, CONTENT, start, end, {})),
    expect: ['protocol'],
  },
  {
    name: 'another ETag every time',
    script: (() => {
      let turn = 0
      return (request, response) => {
        turn += 1
        const range = wanted(request) ?? { start: 0, end: SIZE }
        part(response, CONTENT, range.start, range.end, { etag: `"${turn}"` })
      }
    })(),
    expect: ['source-changed'],
  },
  {
    name: 'multipart/byteranges',
    script: lyingAbout(
      ({ start, end }, response) =>
        void response
          .writeHead(206, { 'content-type': 'multipart/byteranges; boundary=x', ...identified })
          .end(`--x\r\nContent-Range: bytes ${start}-${end - 1}/${SIZE}\r\n\r\n`),
    ),
    expect: ['complete'],
  },
  {
    name: 'gzip on a range',
    script: lyingAbout(
      ({ start, end }, response) =>
        void response
          .writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${SIZE}`, 'content-encoding': 'gzip', ...identified })
          .end(gzipSync(CONTENT.subarray(start, end))),
    ),
    expect: ['protocol'],
  },
  {
    name: 'gzip on the whole',
    script: (_request, response) => void response.writeHead(200, { ...identified, 'content-encoding': 'gzip' }).end(gzipSync(CONTENT)),
    expect: ['protocol'],
  },
  {
    name: 'a body of half',
    script: lyingAbout(({ start, end }, response) => {
      response.writeHead(206, {
        'content-range': `bytes ${start}-${end - 1}/${SIZE}`,
        'content-length': String(end - start),
        ...identified,
      })
      response.write(CONTENT.subarray(start, start + Math.ceil((end - start) / 2)), () => response.destroy())
    }),
    expect: ['complete', 'transient'],
  },
  {
    name: 'a body of nothing',
    script: lyingAbout(({ start, end }, response) => {
      response.writeHead(206, {
        'content-range': `bytes ${start}-${end - 1}/${SIZE}`,
        'content-length': String(end - start),
        ...identified,
      })
      response.flushHeaders()
      setImmediate(() => response.destroy())
    }),
    expect: ['transient'],
  },
  {
    name: 'chunks that are too few',
    script: lyingAbout(
      ({ start, end }, response) =>
        void response
          .writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${SIZE}`, 'transfer-encoding': 'chunked', ...identified })
          .end(CONTENT.subarray(start, end - 1)),
    ),
    expect: ['source-changed'],
  },
  {
    name: 'chunks that are too many',
    script: lyingAbout(
      ({ start, end }, response) =>
        void response
          .writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${SIZE}`, 'transfer-encoding': 'chunked', ...identified })
          .end(Buffer.concat([CONTENT.subarray(start, end), Buffer.from('x')])),
    ),
    expect: ['protocol'],
  },
  {
    name: '416 to everything',
    script: lyingAbout((_range, response) => void response.writeHead(416, { 'content-range': `bytes */${SIZE}` }).end()),
    expect: ['protocol'],
  },
  {
    name: '503 with a pause of thirty years',
    script: lyingAbout((_range, response) => void response.writeHead(503, { 'retry-after': '999999999' }).end()),
    expect: ['transient'],
  },
  {
    name: '503 with a pause of 10^10 seconds',
    script: lyingAbout((_range, response) => void response.writeHead(503, { 'retry-after': '10000000000' }).end()),
    expect: ['transient'],
  },
  { name: '204', script: lyingAbout((_range, response) => void response.writeHead(204).end()), expect: ['protocol'] },
  { name: '304', script: lyingAbout((_range, response) => void response.writeHead(304).end()), expect: ['refused'] },
  { name: '401 in the middle', script: lyingAbout((_range, response) => void response.writeHead(401).end()), expect: ['denied'] },
]

async function against(script: Script, run: (origin: string, who: ReturnType<typeof witness>) => Promise<void>): Promise<void> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'OPTIONS') response.writeHead(200, { allow: 'GET' }).end()
    else script(request, response, index)
  })
  const who: ReturnType<typeof witness> = { ...witness(5000), direction: 'download' }
  try {
    await run(server.origin, who)
    assertSilent(...who.heard)
  } finally {
    await server.close()
  }
}

async function endure(lie: Lie, interrupted: boolean): Promise<void> {
  const site = new Site()
  const fetch = (script: Script, policy = {}) => {
    let attempt: ReturnType<Site['download']> | undefined
    return against(script, async (origin, who) => {
      attempt = site.download(() => protocol.open(protocol.parse(new URL('/f', origin), BEARER), who, never), '/f', policy)
      await attempt
    }).then(() => attempt ?? assert.fail())
  }
  if (interrupted) {
    const cutting: Script = (request, response, index) => {
      if (wanted(request) !== null) return honest(request, response, index)
      response.writeHead(200, { 'content-length': String(SIZE), ...identified })
      response.write(CONTENT.subarray(0, CUT), () => response.destroy())
    }
    assert.equal((await fetch(cutting, { retries: 0 })).result.failure?.kind, 'transient')
  }
  const { result, pauses } = await fetch(lie.script)
  const ending = result.status === 'complete' ? 'complete' : (result.failure?.kind ?? result.status)
  // Who begins, or begins again, asks for no range, and meets no lie about one.
  const expected: readonly string[] = [...lie.expect, 'complete']
  assert.ok(expected.includes(ending), `${ending}: ${result.failure?.message ?? ''}`)
  site.assertLanded(result, CONTENT)
  assert.ok(
    pauses.every((ms) => ms <= 300_000),
    'no server decides how long the job runs',
  )
}

describe('HTTP downloads from servers that lie', { concurrency: 6 }, () => {
  for (const lie of LIES) {
    test(lie.name, () => endure(lie, false))
    test(`${lie.name}, continued`, () => endure(lie, true))
  }
})
