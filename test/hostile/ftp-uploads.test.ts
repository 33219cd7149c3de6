/** FTP uploads by the whole engine to servers that store something else than they say. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PublicFailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import { type Answer, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { seededBytes } from '../support/prng.ts'
import { type Answers, Markers, memoryFtp, storing } from './memory-ftp.ts'
import { assertSilent, CLEAR, type Layer, never, secured, witness } from './ordeal.ts'
import { Site } from './transfer.ts'

const SIZE = 200_000
const CUT = 90_000
const CONTENT = Buffer.from(seededBytes(3, SIZE))

interface Lie {
  readonly name: string
  readonly answers: (files: Map<string, Buffer>, markers: Markers) => Answers
  readonly expect: readonly (PublicFailureKind | 'complete')[]
  /** The lie is about names other than the probe's, and `size` is all that `verify: auto` looks at here. */
  readonly onlyFullTells?: true
}

const PROBE = /\.rt-probe-/
/** Honest to the scratch file of the probe, and `lying` to everything else. */
function twoFaced(honest: Answer | undefined, lying: Answer): Answer {
  return (path, session) => {
    const answer = PROBE.test(path) ? honest : lying
    if (typeof answer === 'function') return answer(path, session)
  }
}

const LIES: readonly Lie[] = [
  {
    name: '226 and nothing stored',
    answers: (files, markers) => ({ STOR: storing(files, markers, () => null), APPE: storing(files, markers, () => null) }),
    expect: ['refused', 'transient', 'conflict'],
  },
  {
    name: '226 and half of it stored',
    answers: (files, markers) => ({
      STOR: storing(files, markers, (_old, _offset, came) => came.subarray(0, came.length / 2)),
      APPE: storing(files, markers, (old, _offset, came) => Buffer.concat([old, came.subarray(0, came.length / 2)])),
    }),
    expect: ['transient', 'complete'],
  },
  {
    name: 'a marker that is accepted and ignored',
    answers: (files, markers) => ({
      STOR: storing(files, markers, (_old, _offset, came) => came),
      APPE: storing(files, markers, (_old, _offset, came) => came),
    }),
    expect: ['complete'],
  },
  {
    name: 'zeros before the marker',
    answers: (files, markers) => ({
      STOR: storing(files, markers, (_old, offset, came) => Buffer.concat([Buffer.alloc(offset), came])),
      APPE: storing(files, markers, (old, _offset, came) => Buffer.concat([Buffer.alloc(old.length), came])),
    }),
    expect: ['complete'],
  },
  {
    name: 'zeros before the end, except in the probe',
    answers: (files, markers) => ({
      APPE: twoFaced(
        memoryFtp(files, markers).APPE,
        storing(files, markers, (old, _offset, came) => Buffer.concat([Buffer.alloc(old.length), came])),
      ),
    }),
    expect: ['complete', 'integrity'],
    onlyFullTells: true,
  },
  {
    name: 'other bytes of the right number',
    answers: (files, markers) => ({
      STOR: storing(files, markers, (old, offset, came) => Buffer.concat([old.subarray(0, offset), Buffer.alloc(came.length, 7)])),
      APPE: storing(files, markers, (old, _offset, came) => Buffer.concat([old, Buffer.alloc(came.length, 7)])),
    }),
    expect: ['integrity', 'complete'],
    onlyFullTells: true,
  },
  {
    name: '226 before the last byte',
    answers: (files, markers) => ({
      STOR: async (path, session) => {
        markers.take(session)
        session.say('150 go on\r\n226 done')
        const data = await session.data()
        data.on('data', (chunk) => void files.set(path, Buffer.concat([files.get(path) ?? Buffer.alloc(0), chunk])))
      },
    }),
    expect: ['transient', 'complete'],
  },
  { name: '226 at once, and no data connection', answers: () => ({ STOR: '226 done', APPE: '226 done' }), expect: ['protocol'] },
  {
    name: '452 after all of it',
    answers: (files, markers) => ({ STOR: storing(files, markers, (_old, _offset, came) => came, '452 no space') }),
    expect: ['no-space'],
  },
  {
    name: 'the size of something else',
    answers: () => ({ SIZE: (path, session) => session.say(path.endsWith('out.bin') ? '550 no' : '213 7') }),
    expect: ['transient', 'complete', 'conflict'],
  },
  { name: 'a size that is a word', answers: () => ({ SIZE: '213 many' }), expect: ['complete', 'refused'] },
  { name: 'a rename that is none', answers: () => ({ RNTO: '250 renamed' }), expect: ['refused', 'conflict'] },
  {
    name: 'a rename that loses the file',
    answers: (files) => ({
      RNTO: (_path, session) => {
        for (const name of files.keys()) if (name.endsWith('.partial')) files.delete(name)
        session.say('250 renamed')
      },
    }),
    expect: ['refused', 'conflict'],
  },
  { name: 'a rename that is refused', answers: () => ({ RNTO: '553 no' }), expect: ['refused'] },
  {
    name: 'a digest of other bytes',
    answers: () => ({ FEAT: '211-x\r\n XSHA256\r\n SIZE\r\n REST STREAM\r\n211 end', XSHA256: `250 ${'a'.repeat(64)}` }),
    expect: ['complete'],
  },
]

async function endure(layer: Layer, lie: Lie, interrupted: boolean, verify: 'auto' | 'full'): Promise<void> {
  const files = new Map([['d/out.bin', Site.old]])
  const markers = new Markers()
  const site = new Site()
  const who = witness(5000)
  const against = async (answers: Answers, policy = {}) => {
    const server = await startScriptedFtp(answers, layer.options)
    const config = protocol.parse(new URL(`${layer.scheme}://127.0.0.1:${server.port}/`), layer.login)
    try {
      return await site.upload(() => protocol.open(config, who, never), 'd/out.bin', CONTENT, { verify, ...policy })
    } finally {
      await server.close()
    }
  }
  if (interrupted) {
    const cutting = { ...memoryFtp(files, markers), STOR: storing(files, markers, (_old, _offset, came) => came.subarray(0, CUT)) }
    assert.equal((await against(cutting, { retries: 0 })).result.failure?.kind, 'transient')
  }
  const { result } = await against({ ...memoryFtp(files, markers), ...lie.answers(files, markers) })
  const ending = result.status === 'complete' ? 'complete' : (result.failure?.kind ?? result.status)
  assert.ok((lie.expect as readonly string[]).includes(ending), `${ending}: ${result.failure?.message ?? ''}`)
  if (lie.onlyFullTells === true && verify === 'auto')
    assert.ok(result.proof === 'size' || result.status === 'failed', 'nothing more is claimed')
  else Site.assertStored(files, 'd/', result, CONTENT)
  assertSilent(...who.heard)
}

for (const [name, layer] of Object.entries({ FTP: CLEAR, FTPS: secured() }))
  describe(`${name} uploads to servers that lie`, { concurrency: 6 }, () => {
    for (const lie of LIES)
      for (const verify of lie.onlyFullTells === true ? (['auto', 'full'] as const) : (['auto'] as const)) {
        test(`${lie.name}, verify: ${verify}`, () => endure(layer, lie, false, verify))
        test(`${lie.name}, verify: ${verify}, continued`, () => endure(layer, lie, true, verify))
      }
  })
