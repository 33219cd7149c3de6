/** HTTP: every way of not answering, of answering without end and of framing wrongly, for every request that is made. */
import assert from 'node:assert/strict'
import type net from 'node:net'
import { describe, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { rawServer } from '../servers/scripted-http.ts'
import { absent, BEARER, body, drip, ends, fails, failureOf, flood, never, silent, TAKEN_BYTES_MAX, witness } from './ordeal.ts'

/** For cases that end by waiting. A busy machine may not come to the place in time: then again with more of it. */
const SHORT_MS = [700, 3000, 9000]
const LONG_MS = 5000

const read = (remote: Remote) => remote.read('/d/f', { start: 0, end: 1000 }, () => undefined, {}, never)

interface Phase {
  readonly method: string
  /** How many of these are answered well before. */
  readonly after?: number
  readonly name?: string
  readonly run?: (remote: Remote, signal: AbortSignal) => Promise<unknown>
}

const PHASES: readonly Phase[] = [
  { method: 'OPTIONS' },
  { method: 'GET', name: 'GET, looking', run: (remote) => remote.stat('/d/f', never) },
  { method: 'GET', name: 'GET, reading', run: read },
  { method: 'PUT', run: (remote, signal) => remote.writer?.create('/d/f', 3, body(Buffer.from('abc')), silent, signal) ?? absent() },
  { method: 'MOVE', run: (remote, signal) => remote.tree?.rename('/d/a', '/d/b', signal) ?? absent() },
  { method: 'DELETE', run: (remote, signal) => remote.tree?.remove('/d/f', signal) ?? absent() },
  { method: 'MKCOL', run: (remote) => remote.tree?.makeDirectory('/d/e', never) ?? absent() },
  { method: 'PROPFIND', run: (remote, signal) => remote.tree?.list('/d', signal) ?? absent() },
]

const NOTHING = '<multistatus><response><href>/d/</href></response></multistatus>'
const WELL: Readonly<Record<string, string>> = {
  OPTIONS: 'HTTP/1.1 200 OK\r\nDAV: 1\r\nContent-Length: 0\r\n\r\n',
  GET: 'HTTP/1.1 206 x\r\nContent-Range: bytes 0-0/3\r\nContent-Length: 1\r\n\r\nx',
  PUT: 'HTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\n',
  PROPFIND: `HTTP/1.1 207 x\r\nContent-Length: ${NOTHING.length}\r\n\r\n${NOTHING}`,
}

interface Fault {
  readonly name: string
  readonly kinds: readonly FailureKind[]
  readonly waits?: true
  readonly act: (socket: net.Socket) => unknown
}

const HEAD = 'HTTP/1.1 200 OK\r\n'
const WAITING: readonly Fault[] = [
  { name: 'silence', kinds: ['transient'], waits: true, act: () => undefined },
  { name: 'a letter at a time', kinds: ['transient'], waits: true, act: (socket) => socket.write('HTTP/1.1 200 O') && drip(socket, 'K') },
  { name: 'a header at a time', kinds: ['transient'], waits: true, act: (socket) => socket.write(HEAD) && drip(socket, 'X-More: y\r\n') },
  {
    name: '1xx at a time',
    kinds: ['transient'],
    waits: true,
    act: (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'),
  },
]
const AT_ONCE: readonly Fault[] = [
  { name: 'the end of the connection', kinds: ['transient'], act: (socket) => socket.end() },
  { name: 'the end within the header', kinds: ['transient', 'protocol'], act: (socket) => socket.end(`${HEAD}Content-Len`) },
  { name: 'a reset', kinds: ['transient'], act: (socket) => socket.resetAndDestroy() },
  {
    name: 'a header line without end',
    kinds: ['protocol'],
    act: (socket) => socket.write(`${HEAD}X: `) && flood(socket, 'y'.repeat(65_536)),
  },
  { name: 'headers without end', kinds: ['protocol'], act: (socket) => socket.write(HEAD) && flood(socket, 'X-More: y\r\n'.repeat(5000)) },
  { name: 'another protocol', kinds: ['protocol'], act: (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n') },
  { name: 'a version that does not exist', kinds: ['protocol'], act: (socket) => socket.write('HTTP/9.9 200 OK\r\n\r\n') },
  { name: 'a status of two digits', kinds: ['protocol'], act: (socket) => socket.write('HTTP/1.1 20 OK\r\n\r\n') },
  {
    name: 'a line break within a header',
    kinds: ['protocol'],
    act: (socket) => socket.write(`${HEAD}X: a\rb\r\nContent-Length: 0\r\n\r\n`),
  },
  { name: 'a NUL within a header', kinds: ['protocol'], act: (socket) => socket.write(`${HEAD}X: a\0b\r\nContent-Length: 0\r\n\r\n`) },
]

/** undici notices some of these only when the body does not fit, as of a connection that was cut. */
const LENGTHS: readonly Fault[] = [
  ...[
    '-1',
    '5, 6',
    '0x10',
    '1e3',
    '+5',
    '99999999999999999999',
    'five',
    '5 5',
    '5\r\nContent-Length: 6',
    '5\r\nTransfer-Encoding: chunked',
  ].map(
    (length): Fault => ({
      name: `a length of ${length.replace('\r\n', ' and ')}`,
      kinds: ['protocol', 'transient'],
      act: (socket) => socket.write(`${HEAD}Content-Length: ${length}\r\n\r\nhello`),
    }),
  ),
  { name: 'zipped chunks', kinds: ['protocol'], act: (socket) => socket.write(`${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`) },
]

/** Their last word may be slow: the engine's clock, which is the outer one, ends them. */
const LAST_WORDS = /^(?:PUT|MOVE|DELETE|PROPFIND)$/

async function suffer(phase: Phase, fault: Fault): Promise<void> {
  for (const timeoutMs of fault.waits === true ? SHORT_MS : [LONG_MS]) if (await reaches(phase, fault, timeoutMs)) return
  assert.fail('the place was never reached')
}

async function reaches(phase: Phase, fault: Fault, timeoutMs: number): Promise<boolean> {
  let reached = false
  let taken: unknown
  const server = await rawServer((header, socket) => {
    const method = header.split(' ')[0] ?? ''
    if (method !== phase.method) return void socket.write(WELL[method] ?? 'HTTP/1.1 204 x\r\n\r\n')
    reached = true
    taken = fault.act(socket)
  })
  const who = witness(timeoutMs)
  const outer = new AbortController()
  const ending = (): void => outer.abort(new TransferError('transient', 'no progress'))
  const clock = fault.waits === true && LAST_WORDS.test(phase.method) ? setTimeout(ending, timeoutMs) : undefined
  let remote: Remote | undefined
  try {
    const work = async (): Promise<void> => {
      remote = await protocol.open(protocol.parse(new URL('/d/f', server.origin), BEARER), who, never)
      await phase.run?.(remote, outer.signal)
    }
    // What is only nice to know may fail, and the work goes on.
    if (phase.method !== 'OPTIONS') await fails(fault.kinds, work(), who)
    else {
      const error = await failureOf(work(), who)
      assert.ok(error === null || fault.kinds.includes(error.kind), error?.message)
    }
    if (typeof taken === 'function' && fault.waits !== true) assert.ok(taken() < TAKEN_BYTES_MAX, `${taken()} bytes were taken`)
    return reached
  } finally {
    clearTimeout(clock)
    if (remote !== undefined) await ends(remote.close())
    await server.close()
  }
}

const nameOf = (phase: Phase): string => phase.name ?? phase.method

describe('HTTP in every phase: waiting', { concurrency: 16 }, () => {
  for (const fault of WAITING) for (const phase of PHASES) test(`${nameOf(phase)}: ${fault.name}`, () => suffer(phase, fault))
})

describe('HTTP in every phase: at once', () => {
  for (const fault of AT_ONCE) for (const phase of PHASES) test(`${nameOf(phase)}: ${fault.name}`, () => suffer(phase, fault))
})

describe('HTTP lengths that are none', () => {
  for (const fault of LENGTHS) for (const phase of PHASES.slice(0, 4)) test(`${nameOf(phase)}: ${fault.name}`, () => suffer(phase, fault))

  test('a reason without end is over in time', () =>
    suffer(
      { method: 'GET', run: read },
      {
        name: '',
        kinds: ['transient'],
        waits: true,
        act: (socket) => void (socket.write('HTTP/1.1 200 ') && flood(socket, 'y'.repeat(65_536))),
      },
    ))
})

/** What a body may be that is not one of the 1000 bytes that were asked for. */
const PART = 'HTTP/1.1 206 x\r\nContent-Range: bytes 0-999/1000\r\n'
const X = 'x'.repeat(400)
const BODIES: readonly Fault[] = [
  {
    name: 'silence after the header',
    kinds: ['transient'],
    waits: true,
    act: (socket) => socket.write(`${PART}Content-Length: 1000\r\n\r\n`),
  },
  {
    name: 'silence in the body',
    kinds: ['transient'],
    waits: true,
    act: (socket) => socket.write(`${PART}Content-Length: 1000\r\n\r\n${X}`),
  },
  {
    name: 'silence in a chunk',
    kinds: ['transient'],
    waits: true,
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n3e8\r\n${X}`),
  },
  {
    name: 'the size of a chunk, a zero at a time',
    kinds: ['transient', 'protocol'],
    waits: true,
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n`) && drip(socket, '0'),
  },
  {
    name: 'an extension of a chunk at a time',
    kinds: ['transient', 'protocol'],
    waits: true,
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n5`) && drip(socket, ';a=b'),
  },
  {
    name: 'a trailer at a time',
    kinds: ['transient', 'protocol'],
    waits: true,
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n190\r\n${X}\r\n0\r\n`) && drip(socket, 'X-More: y\r\n'),
  },
  {
    name: 'a trailer without end',
    kinds: ['transient', 'protocol'],
    waits: true,
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n190\r\n${X}\r\n0\r\nX: `) && flood(socket, 'y'.repeat(65_536)),
  },
  {
    name: 'a chunk of 2^64 bytes',
    kinds: ['protocol'],
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n${X}`),
  },
  { name: 'a chunk of -1', kinds: ['protocol'], act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n-1\r\n${X}`) },
  {
    name: 'a chunk without its end',
    kinds: ['protocol'],
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n`),
  },
  {
    name: 'chunks that go on',
    kinds: ['protocol'],
    act: (socket) => socket.write(`${PART}Transfer-Encoding: chunked\r\n\r\n`) && flood(socket, `190\r\n${X}\r\n`.repeat(200)),
  },
  {
    name: 'the connection until its end, longer',
    kinds: ['protocol'],
    act: (socket) => socket.write(`${PART}Connection: close\r\n\r\n`) && flood(socket, X.repeat(200)),
  },
  {
    name: 'the connection until its end, shorter',
    kinds: ['transient'],
    act: (socket) => socket.end(`${PART}Connection: close\r\n\r\n${X}`),
  },
]

describe('HTTP bodies that end wrongly or not at all', { concurrency: 8 }, () => {
  for (const fault of BODIES) test(fault.name, () => suffer({ method: 'GET', run: read }, fault))

  test('an error page without end costs no memory and hides no status', async () => {
    let taken = (): number => 0
    const server = await rawServer((header, socket) => {
      if (!header.startsWith('GET')) return void socket.write(WELL.OPTIONS ?? '')
      socket.write('HTTP/1.1 403 x\r\nConnection: close\r\n\r\n')
      taken = flood(socket, '<p>no</p>'.repeat(7000))
    })
    const who = witness(LONG_MS)
    const remote = await ends(protocol.open(protocol.parse(new URL('/d/f', server.origin), BEARER), who, never))
    const error = await fails('denied', read(remote), who)
    assert.ok(error.message.length < 1000)
    assert.ok(taken() < TAKEN_BYTES_MAX)
    await ends(remote.close())
    await server.close()
  })

  test('a listing without end is a limit, or over in time', async () => {
    let taken = (): number => 0
    const server = await rawServer((header, socket) => {
      if (!header.startsWith('PROPFIND')) return void socket.write(WELL.OPTIONS ?? '')
      socket.write('HTTP/1.1 207 x\r\nConnection: close\r\n\r\n<multistatus>')
      taken = flood(socket, '<response><href>/d/x</href></response>'.repeat(20_000))
    })
    const who = witness(LONG_MS)
    const remote = await ends(protocol.open(protocol.parse(new URL('/d/f', server.origin), BEARER), who, never))
    await fails('limit', remote.tree?.list('/d', never) ?? absent(), who)
    assert.ok(taken() < 128 * 1024 * 1024 + TAKEN_BYTES_MAX)
    await ends(remote.close())
    await server.close()
  })

  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__'])
    test(`a header called ${name} is a header like any other`, async () => {
      const server = await rawServer((header, socket) => {
        const extra = `${name}: 1\r\n${name}: 2\r\n`
        const method = header.split(' ')[0] ?? ''
        socket.write((WELL[method] ?? '').replace('\r\n', `\r\n${extra}`))
      })
      const who = witness(LONG_MS)
      const remote = await ends(protocol.open(protocol.parse(new URL('/d/f', server.origin), BEARER), who, never))
      assert.equal((await ends(remote.stat('/d/f', never)))?.size, 3)
      assert.equal(
        await failureOf(
          remote.read('/d/f', { start: 0, end: 1 }, () => undefined, {}, never),
          who,
        ),
        null,
      )
      assert.equal(Object.hasOwn(Object.prototype, 'content-range'), false)
      await ends(remote.close())
      await server.close()
    })
})
