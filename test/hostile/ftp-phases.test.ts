/** FTP: every way of not answering, in every place where an answer is waited for. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FailureKind } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/ftp/index.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { type Answer, type ScriptedSession, startScriptedFtp } from '../servers/scripted-ftp.ts'
import { absent, body, drip, ends, failureOf, flood, LOGIN, never, silent, TAKEN_BYTES_MAX, witness } from './ordeal.ts'

/** For cases that end by waiting. A busy machine may not come to the place in time: then again with more of it. */
const SHORT_MS = [700, 3000, 9000]
const LONG_MS = [5000, 9000]

interface Phase {
  /** The command whose answer is the hostile one; null is the greeting. */
  readonly verb: string | null
  readonly name?: string
  /** Answers with this first, and is hostile where the transfer's last reply belongs. */
  readonly opening?: (session: ScriptedSession) => Promise<void>
  readonly answers?: Readonly<Record<string, Answer>>
  readonly run?: (remote: Remote) => Promise<unknown>
  /** Any refusal is an answer here, so one without sense is too. */
  readonly lenient?: true
  /** The limit for silence is minutes, and a test of its own. */
  readonly patient?: true
}

const read = (start: number) => (remote: Remote) => remote.read('f', { start, end: Number.POSITIVE_INFINITY }, () => undefined, {}, never)
const create = (remote: Remote) => remote.writer?.create('f', 3, body(Buffer.from('abc')), silent, never) ?? absent()
const stat = (remote: Remote) => remote.stat('f', never)
const taking = async (session: ScriptedSession): Promise<void> => {
  session.say('150 go on')
  const data = await session.data()
  await new Promise((resolve) => data.resume().once('end', resolve))
}
const giving = async (session: ScriptedSession): Promise<void> => {
  session.say('150 here')
  const data = await session.data()
  await new Promise<void>((resolve) => data.end('some bytes', () => resolve()))
}

const MACHINE = { FEAT: '211-x\r\n MLST type*;size*;\r\n SIZE\r\n REST STREAM\r\n211 end' }
const DIGESTS = { FEAT: '211-x\r\n XSHA256\r\n SIZE\r\n211 end', SIZE: '213 9' }
const HASHES = { FEAT: '211-x\r\n HASH SHA-256*\r\n SIZE\r\n211 end', SIZE: '213 9' }
const digest = (remote: Remote) => remote.digester?.digest('f', { start: 0, end: 9 }, never) ?? absent()

const PHASES: readonly Phase[] = [
  { verb: null },
  { verb: 'USER' },
  { verb: 'PASS' },
  { verb: 'FEAT', lenient: true },
  { verb: 'OPTS', answers: { FEAT: '211-x\r\n UTF8\r\n211 end' }, lenient: true },
  { verb: 'TYPE' },
  { verb: 'PWD', lenient: true },
  { verb: 'EPSV', run: read(0), lenient: true },
  { verb: 'PASV', run: read(0), answers: { EPSV: '500 no' } },
  { verb: 'REST', run: read(5), lenient: true },
  { verb: 'RETR', run: read(0), lenient: true },
  { verb: 'RETR', name: 'RETR, last reply', run: read(0), opening: giving },
  { verb: 'SIZE', run: stat, lenient: true },
  { verb: 'CWD', run: stat, lenient: true },
  { verb: 'MDTM', run: stat, answers: { SIZE: (path, session) => session.say(path === 'f' ? '213 9' : '550 no') }, lenient: true },
  { verb: 'MLST', run: stat, answers: MACHINE, lenient: true },
  { verb: 'STOR', run: create },
  { verb: 'STOR', name: 'STOR, last reply', run: create, opening: taking, patient: true },
  { verb: 'RNFR', run: (remote) => remote.tree?.rename('a', 'b', never) ?? absent() },
  { verb: 'RNTO', run: (remote) => remote.tree?.rename('a', 'b', never) ?? absent(), answers: { RNFR: '350 go on' }, patient: true },
  { verb: 'DELE', run: (remote) => remote.tree?.remove('f', never) ?? absent(), lenient: true },
  { verb: 'MKD', run: (remote) => remote.tree?.makeDirectory('d', never) ?? absent(), lenient: true },
  { verb: 'MLSD', run: (remote) => remote.tree?.list('', never) ?? absent(), answers: MACHINE, lenient: true },
  { verb: 'LIST', name: 'LIST, last reply', run: (remote) => remote.tree?.list('', never) ?? absent(), opening: giving, lenient: true },
  { verb: 'XSHA256', run: digest, answers: DIGESTS, lenient: true, patient: true },
  { verb: 'OPTS', name: 'OPTS HASH', run: digest, answers: HASHES, lenient: true },
  { verb: 'HASH', run: digest, answers: { ...HASHES, OPTS: '200 ok' }, lenient: true, patient: true },
]

interface Fault {
  readonly name: string
  readonly kinds: readonly FailureKind[]
  /** Ends by our clock. */
  readonly waits?: true
  /** A refusal, where one is an answer. */
  readonly refuses?: true
  /** Tells how much of it was taken. */
  readonly act: (session: ScriptedSession) => (() => number) | undefined
}

/** What is done is done, and nothing is counted. */
const idle = (_done: unknown): undefined => undefined

const FAULTS: readonly Fault[] = [
  { name: 'silence', kinds: ['transient'], waits: true, act: () => undefined },
  { name: 'a digit at a time', kinds: ['transient'], waits: true, act: ({ control }) => idle(drip(control, '2')) },
  {
    name: 'a reply that grows a line at a time',
    kinds: ['transient'],
    waits: true,
    act: ({ control }) => idle(drip(control, '250-more\r\n')),
  },
  { name: 'the end of the session', kinds: ['transient'], act: ({ control }) => idle(control.end()) },
  { name: 'a reset', kinds: ['transient'], act: ({ control }) => idle(control.resetAndDestroy()) },
  { name: '421', kinds: ['transient'], act: (session) => idle(session.say('421 closing')) },
  { name: '421 and the end', kinds: ['transient'], act: ({ control }) => idle(control.end('421 closing\r\n')) },
  { name: 'a line without end', kinds: ['protocol'], act: ({ control }) => flood(control, '250 '.padEnd(65_536, 'x')) },
  { name: 'a reply without end', kinds: ['protocol'], act: ({ control }) => flood(control, '250-x\r\n'.repeat(9000)) },
  {
    name: '1xx without end',
    kinds: ['protocol', 'transient'],
    refuses: true,
    act: ({ control }) => flood(control, '150 wait\r\n'.repeat(6000)),
  },
  { name: 'a code that does not exist', kinds: ['protocol'], refuses: true, act: (session) => idle(session.say('999 what')) },
]

async function suffer(phase: Phase, fault: Fault): Promise<void> {
  for (const timeoutMs of fault.waits === true || fault.refuses === true ? SHORT_MS : LONG_MS) {
    if (await reaches(phase, fault, timeoutMs)) return
  }
  assert.fail('the place was never reached')
}

async function reaches(phase: Phase, fault: Fault, timeoutMs: number): Promise<boolean> {
  let taken = (): number => 0
  const hostile: Answer = async (_argument, session) => {
    await phase.opening?.(session)
    taken = fault.act(session) ?? taken
  }
  const answers = { ...phase.answers, ...(phase.verb === null ? {} : { [phase.verb]: hostile }) }
  const server = await startScriptedFtp(answers, phase.verb === null ? { greeting: hostile } : {})
  const who = witness(timeoutMs)
  let remote: Remote | undefined
  try {
    const work = async (): Promise<void> => {
      remote = await protocol.open(protocol.parse(new URL(`ftp://127.0.0.1:${server.port}/`), LOGIN), who, never)
      await phase.run?.(remote)
    }
    const tolerated = fault.refuses === true && phase.lenient === true
    const error = await failureOf(work(), who)
    assert.ok(tolerated || (error !== null && fault.kinds.includes(error.kind)), `${error?.kind ?? 'success'}: ${error?.message}`)
    assert.ok(taken() < TAKEN_BYTES_MAX, `${taken()} bytes were taken`)
    return phase.verb === null || server.commands.some((line) => line.split(' ')[0] === phase.verb)
  } finally {
    if (remote !== undefined) await ends(remote.close())
    await server.close()
  }
}

const nameOf = (phase: Phase): string => phase.name ?? phase.verb ?? 'greeting'

describe('FTP in every phase: waiting', { concurrency: 16 }, () => {
  for (const fault of FAULTS.filter((one) => one.waits === true))
    for (const phase of PHASES.filter((one) => one.patient !== true)) test(`${nameOf(phase)}: ${fault.name}`, () => suffer(phase, fault))
})

describe('FTP in every phase: at once', () => {
  for (const fault of FAULTS.filter((one) => one.waits !== true))
    for (const phase of PHASES) test(`${nameOf(phase)}: ${fault.name}`, () => suffer(phase, fault))
})
