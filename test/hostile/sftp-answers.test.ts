/** SFTP: every request answered by silence, by chatter, and by every kind of packet that is no answer to it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FailureKind } from '../../src/core/errors.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { protocol } from '../../src/remotes/sftp/index.ts'
import { type ScriptedRequest, sendRaw, sftpPacket, startScriptedSftp } from '../servers/scripted-sftp.ts'
import { TEST_PASSWORD, TEST_USER } from '../servers/server.ts'
import { newKeyPair } from '../support/host-key.ts'
import { absent, body, ends, failureOf, LOGIN, never, silent, witness } from './ordeal.ts'

const HOST_KEY = newKeyPair().private
const CREDENTIALS = { ...LOGIN, username: TEST_USER, password: TEST_PASSWORD }
/** A busy machine may not come to the place in time: then again with more of it. */
const SHORT_MS = [900, 3000, 9000]
const LONG_MS = [5000, 9000]

const uint32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}
const text = (bytes: Buffer | string): Buffer => Buffer.concat([uint32(Buffer.byteLength(bytes)), Buffer.from(bytes)])
const [STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY] = [101, 102, 103, 104, 105, 201]

type Place = ScriptedRequest['name']

const read = (remote: Remote) => remote.read('/f', { start: 0, end: 100 }, () => undefined, {}, never)
const create = (remote: Remote) => remote.writer?.create('/g', 3, body(Buffer.from('abc')), silent, never) ?? absent()
const PLACES: Readonly<Record<Exclude<Place, 'SETSTAT'>, (remote: Remote) => Promise<unknown>>> = {
  EXTENDED: async () => undefined,
  STAT: (remote) => remote.stat('/f', never),
  LSTAT: (remote) => remote.tree?.isLink?.('/f', never) ?? absent(),
  OPEN: read,
  READ: read,
  WRITE: create,
  FSTAT: create,
  CLOSE: create,
  REMOVE: (remote) => remote.tree?.remove('/f', never) ?? absent(),
  RENAME: (remote) => remote.tree?.rename('/f', '/h', never) ?? absent(),
  OPENDIR: (remote) => remote.tree?.list('/', never) ?? absent(),
  READDIR: (remote) => remote.tree?.list('/', never) ?? absent(),
  MKDIR: (remote) => remote.tree?.makeDirectory('/d', never) ?? absent(),
  REALPATH: (remote) => remote.stat('f', never),
}
/** Where nothing is learned from an answer but whether it is positive, a strange one may be taken for a yes or a no. */
const INDIFFERENT: readonly Place[] = ['EXTENDED', 'LSTAT', 'FSTAT', 'CLOSE', 'MKDIR', 'REMOVE', 'REALPATH']

interface Answer {
  readonly name: string
  readonly kinds: readonly FailureKind[]
  readonly waits?: true
  /** Right for these requests. */
  readonly fits?: readonly Place[]
  readonly send: (request: ScriptedRequest) => unknown
}

const packet = (
  name: string,
  type: number,
  rest: Buffer,
  fits: readonly Place[],
  kinds: readonly FailureKind[] = ['protocol'],
): Answer => ({
  name,
  kinds,
  fits,
  send: ({ sftp, id }) => sendRaw(sftp, sftpPacket(type, id, rest)),
})
const raw = (name: string, bytes: Buffer, kinds: readonly FailureKind[] = ['protocol']): Answer => ({
  name,
  kinds,
  send: ({ sftp }) => sendRaw(sftp, bytes),
})
const chatter = (request: ScriptedRequest, every: () => void): void => {
  const timer = setInterval(every, 25)
  request.connection.on('close', () => clearInterval(timer))
}

const YES: readonly Place[] = ['WRITE', 'CLOSE', 'REMOVE', 'RENAME', 'MKDIR']
/** What a refusal of these leaves open is asked of other requests. */
const ASKED_OTHERWISE: readonly Place[] = ['STAT']
const ANSWERS: readonly Answer[] = [
  packet('OK', STATUS, Buffer.concat([uint32(0), text(''), text('')]), YES),
  packet('a handle', HANDLE, text('hand'), ['OPEN', 'OPENDIR', 'READ']),
  packet('data', DATA, text('x'), ['READ', 'OPEN', 'OPENDIR']),
  packet('names', NAME, Buffer.concat([uint32(1), text('.'), text('-rw .'), uint32(0)]), []),
  packet('attributes', ATTRS, uint32(0), ['STAT', 'FSTAT']),
  packet('an extended reply', EXTENDED_REPLY, text('x'), YES),
  packet('a status that ends after its code', STATUS, uint32(4), ASKED_OTHERWISE, ['refused']),
  packet('a status without a code', STATUS, Buffer.alloc(0), [], ['protocol', 'refused', 'transient']),
  packet('a handle that is cut', HANDLE, uint32(100), []),
  packet('data that is cut', DATA, uint32(100), []),
  packet('names that are cut', NAME, uint32(0xffff_ffff), []),
  packet('attributes that are cut', ATTRS, uint32(0xf), []),
  packet('a version', 2, uint32(3), []),
  packet('an unknown type', 250, text('x'), []),
  raw('a packet of no bytes', uint32(0)),
  raw('a packet of 10 MB', Buffer.concat([uint32(10_000_000), Buffer.alloc(200_000)])),
  raw('a packet of 4 GB', Buffer.concat([uint32(0xffff_ffff), Buffer.alloc(200_000)])),
  ...[5, 8, 99, 0xffff_ffff].map((code) =>
    packet(`code ${code}`, STATUS, Buffer.concat([uint32(code), text('\u001b[31m::error::no'), text('')]), ASKED_OTHERWISE, [
      'refused',
      'transient',
      'unsupported',
    ]),
  ),
  { name: 'the end of the channel', kinds: ['transient'], send: ({ sftp }) => sftp.end() },
  { name: 'the end of the connection', kinds: ['transient'], send: ({ connection }) => connection.end() },
  { name: 'silence', kinds: ['transient'], waits: true, send: () => undefined },
  {
    name: 'half an answer and silence',
    kinds: ['transient'],
    waits: true,
    send: ({ sftp, id }) => sendRaw(sftp, sftpPacket(STATUS, id, Buffer.concat([uint32(0), text(''), text('')])).subarray(0, 7)),
  },
]

async function suffer(place: Exclude<Place, 'SETSTAT'>, answer: Answer): Promise<void> {
  for (const timeoutMs of answer.waits === true ? SHORT_MS : LONG_MS) if (await reaches(place, answer, timeoutMs)) return
  assert.fail('the place was never reached')
}

async function reaches(place: Exclude<Place, 'SETSTAT'>, answer: Answer, timeoutMs: number): Promise<boolean> {
  let reached = false
  const server = await startScriptedSftp({
    hostKey: HOST_KEY,
    intercept: (request) => {
      // Without them mkdir and list would not come to their place.
      if (place === 'MKDIR' && request.name === 'STAT') return false
      if (request.name !== place) return false
      reached = true
      answer.send(request)
      return true
    },
  })
  server.files.set('/f', Buffer.alloc(100))
  const who = witness(timeoutMs)
  let remote: Remote | undefined
  try {
    const config = protocol.parse(new URL(`sftp://127.0.0.1:${server.port}/`), { ...CREDENTIALS, fingerprints: [server.pin] })
    const work = async (): Promise<void> => {
      remote = await protocol.open(config, who, never)
      await PLACES[place](remote)
    }
    const error = await failureOf(work(), who)
    const tolerated = answer.fits?.includes(place) === true || INDIFFERENT.includes(place)
    if (tolerated) assert.notEqual(error?.kind, 'internal', error?.message)
    else assert.ok(error !== null && answer.kinds.includes(error.kind), `${error?.kind ?? 'success'}: ${error?.message}`)
    return reached
  } finally {
    if (remote !== undefined) await ends(remote.close())
    await server.stop()
  }
}

describe('SFTP answers that are none', { concurrency: 4 }, () => {
  for (const place of Object.keys(PLACES) as (keyof typeof PLACES)[])
    for (const answer of ANSWERS.filter((one) => one.waits !== true)) test(`${place}: ${answer.name}`, () => suffer(place, answer))
})

describe('SFTP requests that are not answered', { concurrency: 12 }, () => {
  for (const place of Object.keys(PLACES) as (keyof typeof PLACES)[])
    for (const answer of ANSWERS.filter((one) => one.waits === true)) test(`${place}: ${answer.name}`, () => suffer(place, answer))
  test('opening ends although the server goes on chatting', () =>
    suffer('EXTENDED', {
      name: '',
      kinds: ['transient'],
      waits: true,
      send: (request) =>
        chatter(request, () => sendRaw(request.sftp, sftpPacket(STATUS, 77_777, Buffer.concat([uint32(0), text(''), text('')])))),
    }))
})
