/** A lock of one process among several, of which some have died. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir, uptime } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isAbandoned, takeLock } from '../../src/local/lock.ts'
import { decodeIdentity, encodeIdentity, hasEnded, type ProcessIdentity, thisProcess } from '../../src/local/process-identity.ts'

const root = mkdtempSync(join(tmpdir(), 'lock-'))
after(() => rmSync(root, { recursive: true, force: true }))

const LINUX = process.platform === 'linux'
const DAY_MS = 24 * 60 * 60 * 1000
const NOW = 1_800_000_000_000
const just = { lastSeenMs: NOW, nowMs: NOW }
const me = thisProcess()
let places = 0

function place(): string {
  places += 1
  const folder = mkdtempSync(join(root, `${places}-`))
  return join(folder, '.file.0123456789ab.lock')
}

const lockText = (identity: ProcessIdentity, token = '0123456789abcdef'): string => `${token}\n${encodeIdentity(identity)}\n`

/** A process id that was given out and is free again. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  assert.ok(child.pid !== undefined)
  return child.pid
}

test('one has it, the next gets it once it is given back, and nothing else is left', async () => {
  const path = place()
  const first = await takeLock(path)
  assert.ok(first !== null)
  assert.equal(await takeLock(path), null)
  await first.release()
  const second = await takeLock(path)
  assert.ok(second !== null)
  await first.release()
  assert.ok(existsSync(path), 'what is given back twice is not what somebody else has meanwhile')
  await second.release()
  assert.deepEqual(readdirSync(join(path, '..')), [])
})

test('of many that see a lock of a process that has ended exactly one takes over', async () => {
  const pid = await deadProcess()
  for (let turn = 0; turn < 20; turn += 1) {
    const path = place()
    writeFileSync(path, lockText({ ...me, pid }))
    const taken = await Promise.all(Array.from({ length: 8 }, () => takeLock(path)))
    const holders = taken.filter((lock) => lock !== null)
    assert.equal(holders.length, 1)
    await holders[0]?.release()
    assert.deepEqual(readdirSync(join(path, '..')), [])
  }
})

test('a lock that cannot be read counts as held for a day', async () => {
  const path = place()
  writeFileSync(path, '')
  assert.equal(await takeLock(path), null)
  const longAgo = Date.now() / 1000 - 2 * 24 * 3600
  utimesSync(path, longAgo, longAgo)
  const activity = `${path}.partial`
  writeFileSync(activity, '')
  assert.equal(await takeLock(path, activity), null, 'its file is being written')
  utimesSync(activity, longAgo, longAgo)
  assert.equal(await isAbandoned(path, activity, Date.now()), true)
  const lock = await takeLock(path, activity)
  assert.ok(lock !== null)
  await lock.release()
})

test('a directory that is not there is told as such', async () => {
  await assert.rejects(takeLock(join(root, 'nowhere', '.x.lock')), { kind: 'not-found' })
})

test('a process that runs, one that ended, and one that got its number afterwards', { skip: LINUX ? false : 'no /proc' }, async () => {
  assert.equal(hasEnded(me, just), false)
  assert.equal(hasEnded(me, { lastSeenMs: NOW - 3 * DAY_MS, nowMs: NOW }), false, 'however long it takes')
  assert.equal(hasEnded({ ...me, pid: await deadProcess() }, just), true)
  assert.equal(hasEnded({ ...me, started: '1' }, just), true)
  assert.equal(hasEnded({ ...me, host: 'another-name-of-this-machine' }, just), false)
})

test('a process that was killed and not waited for has ended', { skip: LINUX ? false : 'no /proc' }, async (t) => {
  // The shell starts a process, tells its number, and then never waits for it.
  const script = 'sleep 1000 & echo $!; kill -9 $!; exec sleep 1000'
  const parent: ChildProcess = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(() => parent.kill('SIGKILL'))
  assert.ok(parent.stdout !== null)
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  const started = readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[21] ?? ''
  assert.match(started, /^\d+$/)
  const zombie = { ...me, pid, started }
  while (!hasEnded(zombie, just)) await new Promise((resolve) => setImmediate(resolve))
})

test('who cannot be asked has ended after a day of silence', () => {
  const silent = { lastSeenMs: NOW - DAY_MS - 1, nowMs: NOW }
  const others: readonly ProcessIdentity[] = [
    { ...me, boot: 'another', host: 'other-host' },
    { ...me, space: 'pid:[1]', host: 'container' },
    { ...me, boot: null, started: null, space: null, host: 'other-host' },
  ]
  for (const other of others) {
    assert.equal(hasEnded(other, just), false, encodeIdentity(other))
    assert.equal(hasEnded(other, silent), true, encodeIdentity(other))
  }
})

test('an earlier boot of this machine is over; another machine of its name is not', { skip: LINUX ? false : 'no boot id' }, () => {
  const earlier = { ...me, boot: 'earlier', host: hostname() }
  const upMs = uptime() * 1000
  assert.equal(hasEnded(earlier, { lastSeenMs: NOW - upMs - 1000, nowMs: NOW }), true)
  assert.equal(hasEnded(earlier, just), upMs < 0)
})

test('what says who it is comes back the same, anything else is nobody', () => {
  assert.deepEqual(decodeIdentity(encodeIdentity(me)), me)
  for (const text of ['', 'null', '[]', '{}', '{"pid":0,"host":"x"}', '{"pid":-1,"started":null,"boot":null,"space":null,"host":"x"}'])
    assert.equal(decodeIdentity(text), null, text)
})
