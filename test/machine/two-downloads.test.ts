/** Two processes of one machine download one file to one place, each with its own state: whoever ends first or dies, what is published is whole. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { decodeJournal } from '../../src/core/journal.ts'
import { totalBytes } from '../../src/core/ranges.ts'
import { scriptedServer } from '../servers/scripted-http.ts'
import { seededBytes } from '../support/prng.ts'

const MIB = 1024 * 1024
const bytes = Buffer.from(seededBytes(7, 8 * MIB))
const HALF = 6 * MIB
const CLI = new URL('../../src/cli.ts', import.meta.url).pathname

interface Download {
  readonly process: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly log: string }>
  readonly output: (name: string) => string
}

/** A server that sends each job six of eight MiB, and the rest once it is told to. */
async function rig(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'two-downloads-'))
  const shared = join(folder, 'shared')
  const state = (job: string): string => join(folder, `state-${job}`)
  const folders = [shared, state('a'), state('b')]
  for (const one of folders) mkdirSync(one, { mode: 0o700 })
  const changes = new EventEmitter()
  const watchers = folders.map((one) => watch(one, () => changes.emit('change')))
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await once(changes, 'change')
  }
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const gate = (job: string): PromiseWithResolvers<void> => {
    const known = gates.get(job) ?? Promise.withResolvers<void>()
    gates.set(job, known)
    return known
  }
  const server = await scriptedServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(200, { allow: 'GET, HEAD' }).end()
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const start = Number(from ?? 0)
    const end = to === undefined || to === '' ? bytes.length : Number(to) + 1
    const headers = { etag: '"v1"', 'content-length': end - start, 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }
    response.writeHead(from === undefined ? 200 : 206, headers)
    if (request.method === 'HEAD' || end - start < MIB) return void response.end(bytes.subarray(start, end))
    response.write(bytes.subarray(start, Math.max(start, HALF)))
    void gate(String(request.headers['x-job'])).promise.then(() => response.end(bytes.subarray(Math.max(start, HALF), end)))
  })
  const running = new Set<ChildProcess>()
  t.after(async () => {
    for (const child of running) child.kill('SIGKILL')
    for (const watcher of watchers) watcher.close()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const target = join(shared, 'tool.bin')
  const start = (job: string): Download => {
    const args = ['--source', `${server.origin}/tool.bin`, '--destination', target, '--headers', `X-Job: ${job}`, '--state', state(job)]
    const child = spawn(process.execPath, ['--no-warnings', CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let outputs = ''
    let log = ''
    child.stdout.on('data', (chunk: Buffer) => {
      outputs += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString()
    })
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child)
      return { code: code as number | null, log: `${log}\n${outputs}` }
    })
    return { process: child, ended, output: (name) => new RegExp(`^${name}=(.*)$`, 'm').exec(outputs)?.[1] ?? '' }
  }
  const recorded = (job: string): number => {
    const name = readdirSync(state(job)).find((file) => file.endsWith('.state'))
    const journal = name === undefined ? null : decodeJournal(readFileSync(join(state(job), name)))
    return totalBytes(journal?.entries[0]?.acknowledged ?? [])
  }
  const partials = (): readonly string[] => readdirSync(shared).filter((name) => name.endsWith('.partial'))
  /** Each of so many processes has a partial with what it was sent. */
  const haveHalf = (count: number): Promise<void> =>
    until(() => partials().filter((name) => statSync(join(shared, name), { throwIfNoEntry: false })?.size === HALF).length === count)
  const hasRecorded = (job: string, count: number): Promise<void> => until(() => recorded(job) === count)
  return { shared, target, gate, start, hasRecorded, haveHalf }
}

for (const [first, last] of [
  ['a', 'b'],
  ['b', 'a'],
] as const)
  test(`both at once, ${first} of a and b ends first: both green, and the file whole after each`, async (t) => {
    const { shared, target, gate, start, haveHalf } = await rig(t)
    const jobs = new Map<string, Download>()
    jobs.set('a', start('a'))
    await haveHalf(1)
    jobs.set('b', start('b'))
    await haveHalf(2)
    for (const job of [first, last]) {
      gate(job).resolve()
      const ended = await jobs.get(job)?.ended
      assert.equal(ended?.code, 0, ended?.log)
      assert.ok(readFileSync(target).equals(bytes))
    }
    assert.deepEqual(readdirSync(shared), ['tool.bin'])
  })

test('one that is killed does not lock out the next: it is continued, and nothing is left', async (t) => {
  const { shared, target, gate, start, hasRecorded, haveHalf } = await rig(t)
  const killed = start('a')
  await haveHalf(1)
  await hasRecorded('a', HALF)
  killed.process.kill('SIGKILL')
  await killed.ended
  gate('a').resolve()
  const next = start('a')
  const { code, log } = await next.ended
  assert.equal(code, 0, log)
  assert.match(log, new RegExp(`bytes-reused\\W+${HALF}`))
  assert.ok(readFileSync(target).equals(bytes))
  assert.deepEqual(readdirSync(shared), ['tool.bin'])
})

test('the second one is killed: what it leaves goes with the next use of the directory', async (t) => {
  const { shared, target, gate, start, haveHalf } = await rig(t)
  const first = start('a')
  await haveHalf(1)
  const second = start('b')
  await haveHalf(2)
  second.process.kill('SIGKILL')
  await second.ended
  gate('a').resolve()
  assert.equal((await first.ended).code, 0)
  assert.ok(readFileSync(target).equals(bytes))
  assert.equal(readdirSync(shared).length, 3, 'the file, and a partial with its lock')
  rmSync(target)
  assert.equal((await start('a').ended).code, 0)
  assert.deepEqual(readdirSync(shared), ['tool.bin'])
})
