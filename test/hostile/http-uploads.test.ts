/** HTTP uploads by the whole engine to servers that store something else than they say. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { protocol } from '../../src/remotes/http/index.ts'
import { type Script, scriptedServer } from '../servers/scripted-http.ts'
import { seededBytes } from '../support/prng.ts'
import { assertSilent, BEARER, never, witness } from './ordeal.ts'
import { Site } from './transfer.ts'

const CUT = 90_000
const CONTENT = Buffer.from(seededBytes(5, 200_000))

/** A WebDAV server in memory. `stored` says what it makes of a PUT. */
function dav(files: Map<string, Buffer>, stored: (body: Buffer, path: string, range: { start: number } | null) => Buffer | null): Script {
  return (request, response) => {
    const { method, path } = request
    const file = files.get(path)
    const inside = /^bytes (\d+)-/.exec(request.headers['content-range'] ?? '')
    if (method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT, MOVE, DELETE, MKCOL' }).end()
    else if (method === 'MKCOL') response.writeHead(405).end()
    else if (method === 'PUT') {
      const kept = stored(request.body, path, inside === null ? null : { start: Number(inside[1]) })
      if (kept !== null) files.set(path, kept)
      response.writeHead(201).end()
    } else if (method === 'MOVE' && file !== undefined) {
      files.delete(path)
      files.set(new URL(String(request.headers.destination)).pathname, file)
      response.writeHead(204).end()
    } else if (method === 'DELETE') response.writeHead(files.delete(path) ? 204 : 404).end()
    else if (file === undefined) response.writeHead(404).end()
    else if (file.length === 0) response.writeHead(416, { 'content-range': 'bytes */0' }).end()
    else {
      const [first = 0, last = file.length - 1] = (request.headers.range ?? 'bytes=0').slice(6).split('-').map(Number)
      const end = Math.min(file.length, last + 1)
      response.writeHead(206, { 'content-range': `bytes ${first}-${end - 1}/${file.length}` }).end(file.subarray(first, end))
    }
  }
}

describe('HTTP uploads to servers that store something else', { concurrency: 4 }, () => {
  const patched = (old: Buffer, at: number, bytes: Buffer): Buffer =>
    Buffer.concat([old.subarray(0, at), bytes, old.subarray(at + bytes.length)])
  const cases: readonly {
    readonly name: string
    readonly stored: (files: Map<string, Buffer>) => (body: Buffer, path: string, range: { start: number } | null) => Buffer | null
    readonly expect: readonly string[]
    readonly verify: 'auto' | 'full'
  }[] = [
    {
      name: 'the truth',
      stored: (files) => (bytes, path, range) => (range === null ? bytes : patched(files.get(path) ?? Buffer.alloc(0), range.start, bytes)),
      expect: ['complete'],
      verify: 'full',
    },
    { name: '201 and nothing stored', stored: () => () => null, expect: ['refused'], verify: 'auto' },
    { name: '201 and half stored', stored: () => (bytes) => bytes.subarray(0, bytes.length / 2), expect: ['integrity'], verify: 'auto' },
    { name: 'a range that replaces the whole', stored: () => (bytes) => bytes, expect: ['complete'], verify: 'auto' },
    {
      name: 'a range with zeros before it',
      stored: () => (bytes, _path, range) => (range === null ? bytes : Buffer.concat([Buffer.alloc(range.start), bytes])),
      expect: ['complete'],
      verify: 'auto',
    },
    {
      name: 'other bytes of the right number',
      stored: () => (bytes) => Buffer.alloc(bytes.length, 9),
      expect: ['integrity'],
      verify: 'full',
    },
    {
      name: 'a range that is ignored except in the probe',
      stored: (files) => (bytes, path, range) =>
        range === null
          ? bytes
          : path.includes('.rt-probe-')
            ? patched(files.get(path) ?? Buffer.alloc(0), range.start, bytes)
            : Buffer.concat([files.get(path) ?? Buffer.alloc(0), Buffer.alloc(bytes.length)]),
      expect: ['complete', 'integrity'],
      verify: 'full',
    },
  ]
  for (const { name, stored, expect, verify } of cases)
    for (const interrupted of [false, true])
      test(interrupted ? `${name}, continued` : name, async () => {
        const files = new Map([['/d/out.bin', Site.old]])
        const site = new Site()
        const send = async (script: Script, policy = {}) => {
          const server = await scriptedServer(script)
          const who = witness(5000)
          try {
            const open = () => protocol.open(protocol.parse(new URL('/d/out.bin', server.origin), BEARER), who, never)
            const { result } = await site.upload(open, '/d/out.bin', CONTENT, { verify, ...policy })
            assertSilent(...who.heard)
            return result
          } finally {
            await server.close()
          }
        }
        if (interrupted) {
          const cutting = dav(files, (bytes) => bytes.subarray(0, CUT))
          assert.notEqual((await send(cutting, { retries: 0 })).status, 'complete')
        }
        const result = await send(dav(files, stored(files)))
        const ending = result.status === 'complete' ? 'complete' : (result.failure?.kind ?? result.status)
        assert.ok(expect.includes(ending), `${ending}: ${result.failure?.message ?? ''}`)
        Site.assertStored(files, '/d/', result, CONTENT)
      })
})

describe('HTTP uploads with credentials that are wrong', { concurrency: 4 }, () => {
  for (const shown of [404, 401])
    test(`two requests tell it where anybody may ask (GET is answered ${shown}), and the file stays at home`, async () => {
      const denials: string[] = []
      let largest = 0
      const server = await scriptedServer(({ method, body, headers }, response) => {
        largest = Math.max(largest, body.length)
        if (method === 'OPTIONS') return void response.writeHead(200, { dav: '1', allow: 'GET, PUT, MOVE, DELETE, PROPFIND' }).end()
        if (method === 'GET' && shown === 404) return void response.writeHead(404).end()
        assert.ok(headers.authorization !== undefined)
        denials.push(method)
        response.writeHead(401).end()
      })
      const who = witness(5000)
      try {
        const open = () => protocol.open(protocol.parse(new URL('/d/out.bin', server.origin), BEARER), who, never)
        const { result } = await new Site().upload(open, '/d/out.bin', CONTENT)
        assert.equal(result.failure?.kind, 'denied')
        assert.ok(denials.length <= 2, denials.join())
        assert.ok(largest < 1000, `${largest} bytes were sent`)
      } finally {
        await server.close()
      }
    })

  test('a server that lets nobody look is written to with credentials that are right', async () => {
    const files = new Map<string, Buffer>()
    const script = dav(files, (body) => body)
    const server = await scriptedServer((request, response) =>
      request.method === 'GET' || request.method === 'PROPFIND' ? void response.writeHead(401).end() : script(request, response, 0),
    )
    const who = witness(5000)
    try {
      const open = () => protocol.open(protocol.parse(new URL('/d/out.bin', server.origin), BEARER), who, never)
      const { result } = await new Site().upload(open, '/d/out.bin', CONTENT)
      assert.deepEqual([result.status, result.proof], ['complete', 'acknowledged'], result.failure?.message)
      assert.ok(files.get('/d/out.bin')?.equals(CONTENT))
    } finally {
      await server.close()
    }
  })
})

describe('HTTP uploads to servers that break down when they are asked', { concurrency: 4 }, () => {
  for (const [verify, ending] of [
    ['auto', 'complete'],
    ['full', 'refused'],
  ] as const)
    test(`every look is answered 500, verify ${verify}: what was confirmed is sent once`, async () => {
      const files = new Map<string, Buffer>()
      const script = dav(files, (body) => body)
      let sent = 0
      const server = await scriptedServer((request, response) => {
        const { method, body } = request
        if (method === 'PUT' && body.length === CONTENT.length) sent += 1
        if (['PUT', 'MOVE', 'DELETE'].includes(method)) script(request, response, 0)
        else response.writeHead(500).end()
      })
      const who = witness(5000)
      try {
        const open = () => protocol.open(protocol.parse(new URL('/out.bin', server.origin), BEARER), who, never)
        const { result } = await new Site().upload(open, '/out.bin', CONTENT, { verify })
        assert.equal(result.failure?.kind ?? result.status, ending, result.failure?.message)
        assert.equal(sent, 1)
        if (verify === 'auto') assert.ok(files.get('/out.bin')?.equals(CONTENT))
      } finally {
        await server.close()
      }
    })
})

describe('HTTP uploads to servers that fail inside at every MOVE', { concurrency: 4 }, () => {
  const SMALL = CONTENT.subarray(0, 4096)
  for (const status of [500, 502])
    for (const [content, old, ending] of [
      [CONTENT, false, 'complete'],
      [SMALL, false, 'complete'],
      [CONTENT, true, 'refused'],
      [SMALL, true, 'refused'],
    ] as const)
      test(`${status}, ${content.length} bytes, ${old ? 'over an older file' : 'to a free name'}: as where MOVE is forbidden`, async () => {
        const files = new Map<string, Buffer>(old ? [['/out.bin', Site.old]] : [])
        const script = dav(files, (body) => body)
        const server = await scriptedServer((request, response) => {
          if (request.method === 'MOVE') response.writeHead(status).end('broken')
          else script(request, response, 0)
        })
        const who = witness(5000)
        try {
          const open = () => protocol.open(protocol.parse(new URL('/out.bin', server.origin), BEARER), who, never)
          const { result } = await new Site().upload(open, '/out.bin', content, { retries: 4 })
          assert.equal(result.failure?.kind ?? result.status, ending, result.failure?.message)
          assert.deepEqual([...files.keys()], ['/out.bin'])
          assert.ok(files.get('/out.bin')?.equals(old ? Site.old : content))
          if (old) assert.match(result.failure?.message ?? '', /lacks the right to rename/)
        } finally {
          await server.close()
        }
      })

  for (const status of [504, 522])
    for (const old of [true, false])
      test(`a gateway that answers three MOVEs ${status} and then does them, ${old ? 'over an older file' : 'to a free name'}: they are done`, async () => {
        const files = new Map<string, Buffer>(old ? [['/out.bin', Site.old]] : [])
        const script = dav(files, (body) => body)
        let left = 3
        const server = await scriptedServer((request, response) => {
          if (request.method !== 'MOVE' || left === 0) return script(request, response, 0)
          left -= 1
          response.writeHead(status).end()
        })
        const who = witness(5000)
        try {
          const open = () => protocol.open(protocol.parse(new URL('/out.bin', server.origin), BEARER), who, never)
          const { result } = await new Site().upload(open, '/out.bin', CONTENT, { retries: 6 })
          assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
          assert.ok(files.get('/out.bin')?.equals(CONTENT))
        } finally {
          await server.close()
        }
      })

  test('a MOVE that is done and answered 500 is done', async () => {
    const files = new Map<string, Buffer>()
    const script = dav(files, (body) => body)
    const server = await scriptedServer((request, response) => {
      const { method, path } = request
      const file = files.get(path)
      if (method !== 'MOVE' || file === undefined) return script(request, response, 0)
      files.delete(path)
      files.set(new URL(String(request.headers.destination)).pathname, file)
      response.writeHead(500).end()
    })
    const who = witness(5000)
    try {
      const open = () => protocol.open(protocol.parse(new URL('/out.bin', server.origin), BEARER), who, never)
      const { result } = await new Site().upload(open, '/out.bin', CONTENT)
      assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
      assert.deepEqual([...files.keys()], ['/out.bin'])
      assert.ok(files.get('/out.bin')?.equals(CONTENT))
    } finally {
      await server.close()
    }
  })
})

describe('HTTP uploads answered 404', { concurrency: 4 }, () => {
  const DOTTED = /\/\.[^/]*$/
  for (const size of [0, 300, 4096, CONTENT.length])
    for (const old of [false, true])
      test(`names with a dot are hidden, ${size} bytes, ${old ? 'over an older file' : 'to a free name'}: another shape`, async () => {
        const content = CONTENT.subarray(0, size)
        const files = new Map<string, Buffer>(old ? [['/out.bin', Site.old]] : [])
        const script = dav(files, (body) => body)
        let sent = 0
        const server = await scriptedServer((request, response) => {
          if (request.method === 'PUT') sent += request.body.length
          if (DOTTED.test(request.path)) response.writeHead(404).end()
          else script(request, response, 0)
        })
        const who = witness(5000)
        try {
          const open = () => protocol.open(protocol.parse(new URL('/out.bin', server.origin), BEARER), who, never)
          const { result } = await new Site().upload(open, '/out.bin', content)
          assert.deepEqual([result.status, result.writtenDirectly], ['complete', undefined], result.failure?.message)
          assert.ok(files.get('/out.bin')?.equals(content))
          assert.deepEqual([...files.keys()], ['/out.bin'])
          assert.ok(sent <= size + 4096 + 100, `${sent} bytes`)
        } finally {
          await server.close()
        }
      })

  for (const size of [300, 4096, CONTENT.length])
    for (const looks of [404, 403])
      test(`a directory that is missing, ${size} bytes, looks answered ${looks}: told as such, and costs little`, async () => {
        const content = CONTENT.subarray(0, size)
        let sent = 0
        const puts: string[] = []
        const server = await scriptedServer(({ method, path, body }, response) => {
          if (method === 'PUT') sent += body.length
          if (method === 'PUT') puts.push(path)
          if (method === 'OPTIONS') response.writeHead(200, { allow: 'GET, PUT, MOVE, DELETE' }).end()
          else if (method === 'PUT') response.writeHead(404).end()
          else if (method === 'MKCOL') response.writeHead(405).end()
          else response.writeHead(looks).end()
        })
        const who = witness(5000)
        try {
          const open = () => protocol.open(protocol.parse(new URL('/no/out.bin', server.origin), BEARER), who, never)
          const { result } = await new Site().upload(open, '/no/out.bin', content)
          assert.equal(result.failure?.kind, 'refused', result.failure?.message)
          assert.match(result.failure?.hint ?? '', /directory in the path of the destination is missing/)
          assert.ok(puts.length === 3 && !puts.includes('/no/out.bin'), puts.join())
          assert.ok(sent <= 4096, `${sent} bytes`)
        } finally {
          await server.close()
        }
      })
})
