/** FTP downloads by the whole engine from servers that lie about what they have and what they send. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import type { PublicFailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import { type Answer, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { seededBytes } from '../support/prng.ts'
import { type Answers, Markers, memoryFtp, retrieving, TIME } from './memory-ftp.ts'
import { assertSilent, CLEAR, type Layer, never, secured, witness } from './ordeal.ts'
import { Site } from './transfer.ts'

const SIZE = 300_000
const CUT = 120_000
const RANDOM = Buffer.from(seededBytes(1, SIZE))
/** A disk image: what a server sends from byte 0 looks like what is wanted from later. */
const IMAGE = Buffer.concat([Buffer.alloc(200_000), RANDOM.subarray(0, 100_000)])

interface Lie {
  readonly name: string
  readonly answers: (files: Map<string, Buffer>, markers: Markers) => Answers
  /** `complete`, or the kinds of failure that may end it; both when chance decides. */
  readonly expect: readonly (PublicFailureKind | 'complete')[]
}

const saying = (text: string): Answer => text
/** The second and later answers differ from the first. */
function turning(first: string, then: (turn: number) => string): Answer {
  let turn = 0
  return (_path, session) => {
    session.say(turn === 0 ? first : then(turn))
    turn += 1
  }
}
const machine = (facts: string): Answers => ({
  FEAT: '211-x\r\n MLST type*;size*;modify*;\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n211 end',
  MLST: `250-x\r\n ${facts} f\r\n250 end`,
})
const digesting = (answer: Answer): Answers => ({ FEAT: '211-x\r\n XSHA256\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n211 end', XSHA256: answer })
const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const TRANSFERS: readonly Lie[] = [
  {
    name: '226 after 70 kB, again and again',
    answers: (files, markers) => ({ RETR: retrieving(files, markers, (file, offset) => file.subarray(offset, offset + 70_000)) }),
    expect: ['complete'],
  },
  {
    name: '226 after nothing',
    answers: (files, markers) => ({ RETR: retrieving(files, markers, () => Buffer.alloc(0)) }),
    expect: ['transient'],
  },
  { name: '226 and no data connection', answers: () => ({ RETR: '226 done' }), expect: ['protocol'] },
  {
    name: '226 before a half of the data',
    answers: (files, markers) => ({
      RETR: async (path, session) => {
        const offset = markers.take(session)
        session.say('150 here\r\n226 done')
        const data = await session.data()
        data.end(files.get(path)?.subarray(offset, offset + 70_000) ?? '')
      },
    }),
    expect: ['complete'],
  },
  {
    name: '550 after all of the data',
    answers: (files, markers) => ({ RETR: retrieving(files, markers, (file, offset) => file.subarray(offset), '550 disk on fire') }),
    expect: ['complete'],
  },
  {
    name: '150 twice',
    answers: (files, markers) => ({
      RETR: async (path, session) => {
        const offset = markers.take(session)
        session.say('150 here\r\n150 here')
        const data = await session.data()
        data.end(files.get(path)?.subarray(offset) ?? '', () => session.say('226 done'))
      },
    }),
    expect: ['complete'],
  },
  {
    name: 'a marker that is accepted and ignored',
    answers: (files, markers) => ({ RETR: retrieving(files, markers, (file) => file) }),
    expect: ['complete'],
  },
  {
    name: 'a marker that is one byte off',
    answers: (files, markers) => ({ RETR: retrieving(files, markers, (file, offset) => file.subarray(Math.max(0, offset - 1))) }),
    expect: ['complete', 'source-changed'],
  },
  {
    name: 'a marker that zeroes what is before it',
    answers: (files, markers) => ({ RETR: retrieving(files, markers, (file, offset) => Buffer.from(file).fill(0, 0, offset)) }),
    expect: ['complete', 'source-changed'],
  },
  {
    name: 'more bytes than the file has',
    answers: (files, markers) => ({
      RETR: retrieving(files, markers, (file, offset) => Buffer.concat([file.subarray(offset), Buffer.alloc(5000)])),
    }),
    expect: ['source-changed'],
  },
]

const FACTS: readonly Lie[] = [
  ...['213 -1', '213 lots', '213 1e20', '213 12abc', '213 99999999999999999999', '213', '213 0x10', '213 ٣'].map(
    (reply): Lie => ({ name: `SIZE: ${reply}`, answers: () => ({ SIZE: saying(reply) }), expect: ['complete', 'refused'] }),
  ),
  {
    name: 'no look shows any name',
    answers: () => ({ SIZE: '550 no such file', MDTM: '550 no such file', CWD: '550 no such file' }),
    expect: ['complete'],
  },
  { name: 'a size that is smaller', answers: () => ({ SIZE: `213 ${SIZE - 1000}` }), expect: ['source-changed'] },
  { name: 'a size that is larger', answers: () => ({ SIZE: `213 ${SIZE + 1000}` }), expect: ['transient'] },
  {
    name: 'another size at every look',
    answers: () => ({ SIZE: turning(`213 ${SIZE}`, (turn) => `213 ${SIZE + turn}`) }),
    expect: ['source-changed', 'transient'],
  },
  {
    name: 'another time at every look',
    answers: () => ({ MDTM: turning(`213 ${TIME}`, (turn) => `213 ${20_210_101_000_000 + turn}`) }),
    expect: ['source-changed'],
  },
  ...['213 yesterday', '213 99999999999999', '213 20200231', '550 no', '213 -1'].map(
    (reply): Lie => ({ name: `MDTM: ${reply}`, answers: () => ({ MDTM: saying(reply) }), expect: ['complete', 'source-changed'] }),
  ),
  { name: 'MLST: a smaller size', answers: () => machine(`type=file;size=${SIZE - 1};modify=${TIME};`), expect: ['source-changed'] },
  {
    name: 'MLST: a larger size',
    answers: () => machine(`type=file;size=${SIZE + 1};modify=${TIME};`),
    expect: ['source-changed', 'transient'],
  },
  ...[
    'size=-1;type=file;',
    'size=1e20;type=file;',
    'type=file;',
    '__proto__=1;constructor=2;size=x;type=file;',
    'type=toString;',
    ';;;=;',
  ].map((facts): Lie => ({ name: `MLST: ${facts}`, answers: () => machine(facts), expect: ['complete', 'source-changed'] })),
  { name: 'MLST: a directory', answers: () => machine('type=dir;size=4;'), expect: ['invalid-input'] },
  { name: 'a digest of other bytes', answers: () => digesting(`250 ${hex(Buffer.from('other'))}`), expect: ['integrity'] },
  { name: 'a digest of the first half', answers: () => digesting(`250 ${hex(RANDOM.subarray(0, SIZE / 2))}`), expect: ['integrity'] },
  {
    name: 'a right digest and wrong bytes',
    answers: (files, markers) => ({
      ...digesting(`250 ${hex(RANDOM)}`),
      RETR: retrieving(files, markers, (file, offset) => Buffer.alloc(file.length - offset)),
    }),
    expect: ['integrity', 'source-changed'],
  },
  ...['250 true', '200 ok', '250 ', `250 ${'0'.repeat(63)}`, `250 ${'0'.repeat(64)} ${'1'.repeat(64)}`, '502 no', '999 what'].map(
    (reply): Lie => ({ name: `a digest that is none: ${reply.slice(0, 12)}`, answers: () => digesting(reply), expect: ['complete'] }),
  ),
]

async function endure(layer: Layer, lie: Lie, content: Buffer, interrupted: boolean): Promise<void> {
  const files = new Map([['f', content]])
  const markers = new Markers()
  const site = new Site()
  const who = witness(5000)
  const against = async (answers: Answers, policy = {}) => {
    const server = await startScriptedFtp(answers, layer.options)
    const config = protocol.parse(new URL(`${layer.scheme}://127.0.0.1:${server.port}/`), layer.login)
    try {
      return await site.download(() => protocol.open(config, who, never), 'f', policy)
    } finally {
      await server.close()
    }
  }
  if (interrupted) {
    const cutting = { ...memoryFtp(files, markers), RETR: retrieving(files, markers, (file, offset) => file.subarray(offset, CUT)) }
    assert.equal((await against(cutting, { retries: 0 })).result.failure?.kind, 'transient')
  }
  const { result } = await against({ ...memoryFtp(files, markers), ...lie.answers(files, markers) })
  const ending = result.status === 'complete' ? 'complete' : (result.failure?.kind ?? result.status)
  assert.ok((lie.expect as readonly string[]).includes(ending), `${ending}: ${result.failure?.message ?? ''}`)
  site.assertLanded(result, content)
  assertSilent(...who.heard)
}

for (const [name, layer] of Object.entries({ FTP: CLEAR, FTPS: secured() }))
  describe(`${name} downloads from servers that lie`, { concurrency: 6 }, () => {
    for (const lie of TRANSFERS)
      for (const [what, content] of [
        ['random bytes', RANDOM],
        ['a disk image', IMAGE],
      ] as const) {
        test(`${lie.name}: ${what}`, () => endure(layer, lie, content, false))
        test(`${lie.name}: ${what}, continued`, () => endure(layer, lie, content, true))
      }
    for (const lie of FACTS) test(lie.name, () => endure(layer, lie, RANDOM, false))
  })
