/** The place of a download on a real disk. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { partialName } from '../../src/core/paths.ts'
import type { LocalTarget } from '../../src/local/local.ts'
import { encodeIdentity, thisProcess } from '../../src/local/process-identity.ts'
import { localTarget } from '../../src/local/target.ts'
import { seededBytes } from '../support/prng.ts'

const MIB = 1024 * 1024
const TAG = '0123456789ab'
const root = mkdtempSync(join(tmpdir(), 'target-'))
after(() => rmSync(root, { recursive: true, force: true }))

const never = new AbortController().signal
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const POSIX = process.platform !== 'win32'
const ROOT = process.geteuid?.() === 0
let places = 0

/** Writes into the middle of the file until its time has moved on: within one tick of the disk's clock nobody could tell. */
async function disturb(path: string, text: string): Promise<void> {
  const before = statSync(path, { bigint: true }).mtimeNs
  const file = openSync(path, 'r+')
  while (statSync(path, { bigint: true }).mtimeNs === before) {
    writeSync(file, text, 1000)
    fsyncSync(file)
    await new Promise((resolve) => setImmediate(resolve))
  }
  closeSync(file)
}

function place() {
  places += 1
  const folder = join(root, String(places))
  mkdirSync(folder)
  const path = join(folder, 'file.bin')
  return { folder, path, partial: join(folder, partialName('file.bin', TAG)), target: localTarget(path) }
}

test('a partial is opened as it is, never truncated', async () => {
  const { partial, target } = place()
  writeFileSync(partial, 'already here')
  const opened = await target.openPartial(TAG)
  assert.equal(await opened.size(), 12)
  await opened.close()
  assert.equal(readFileSync(partial, 'utf8'), 'already here')
})

test('missing directories are made; nothing is touched before', async () => {
  const { folder } = place()
  const target = localTarget(join(folder, 'a', 'b', 'file.bin'))
  assert.equal(await target.finalSize(), null)
  assert.equal(existsSync(join(folder, 'a')), false)
  await (await target.openPartial(TAG)).close()
  assert.ok(existsSync(join(folder, 'a', 'b', partialName('file.bin', TAG))))
})

test('links in the place of the partial are replaced by a new file, and what they point at stays', async () => {
  const outside = join(root, 'outside')
  writeFileSync(outside, 'precious')
  for (const make of [
    (path: string) => symlinkSync(outside, path),
    (path: string) => linkSync(outside, path),
    (path: string) => symlinkSync(join(root, 'not-yet'), path),
  ]) {
    const { partial, target } = place()
    make(partial)
    const opened = await target.openPartial(TAG)
    assert.equal(await opened.size(), 0)
    await opened.write(0, Buffer.from('mine'))
    await opened.truncate(2)
    await opened.close()
    assert.equal(readFileSync(partial, 'utf8'), 'mi')
    assert.ok(lstatSync(partial).isFile())
    assert.equal(readFileSync(outside, 'utf8'), 'precious')
  }
  assert.equal(existsSync(join(root, 'not-yet')), false)
})

test('a directory in the place of the partial is a conflict, and leaves no lock', async () => {
  const { folder, partial, target } = place()
  mkdirSync(partial)
  await assert.rejects(target.openPartial(TAG), { kind: 'conflict' })
  assert.deepEqual(readdirSync(folder), [partialName('file.bin', TAG)])
})

test('a FIFO in the place of the partial is neither waited for nor kept', { skip: POSIX ? false : 'no FIFOs' }, async () => {
  const { partial, target } = place()
  execFileSync('mkfifo', [partial])
  const opened = await target.openPartial(TAG)
  await opened.close()
  assert.ok(lstatSync(partial).isFile())
})

test('the partial of another user is replaced by a new file', { skip: ROOT ? false : 'needs root' }, async () => {
  const { partial, target } = place()
  writeFileSync(partial, 'planted')
  chownSync(partial, 1234, 1234)
  const opened = await target.openPartial(TAG)
  assert.equal(await opened.size(), 0)
  await opened.close()
  assert.equal(statSync(partial).uid, 0)
})

test('a directory in the place of the final name is a conflict', async () => {
  const { path, target } = place()
  mkdirSync(path)
  await assert.rejects(target.finalSize(), { kind: 'conflict' })
  const opened = await target.openPartial(TAG)
  await assert.rejects(opened.publish(), TransferError)
  await opened.close()
})

async function publish(target: LocalTarget, content: string): Promise<void> {
  const opened = await target.openPartial(TAG)
  await opened.truncate(0)
  await opened.write(0, Buffer.from(content))
  await opened.publish()
}

test('publishing replaces what the final name held, a link itself and not what it points at', async () => {
  const { folder, path, target } = place()
  writeFileSync(path, 'old')
  assert.equal(await target.finalSize(), 3)
  await publish(target, 'new content')
  assert.equal(readFileSync(path, 'utf8'), 'new content')
  assert.deepEqual(readdirSync(folder), ['file.bin'], 'neither partial nor lock is left')
  assert.equal(await target.digestFinal('sha256', never), sha256(Buffer.from('new content')))
  const linked = place()
  const outside = join(linked.folder, 'outside')
  writeFileSync(outside, 'precious')
  symlinkSync(outside, linked.path)
  assert.equal(await linked.target.finalSize(), null)
  await assert.rejects(linked.target.digestFinal('sha256', never), { kind: 'conflict' })
  await publish(linked.target, 'new')
  assert.equal(readFileSync(linked.path, 'utf8'), 'new')
  assert.equal(readFileSync(outside, 'utf8'), 'precious')
})

test('what is published is on the medium before', async (t) => {
  const { folder, path, partial, target } = place()
  const any = await open(folder)
  const ofAllHandles = Object.getPrototypeOf(any) as { sync(): Promise<void> }
  await any.close()
  const opened = await target.openPartial(TAG)
  await opened.write(0, Buffer.from('content'))
  const synced: (string | null)[] = []
  const sync = ofAllHandles.sync
  t.mock.method(ofAllHandles, 'sync', function (this: unknown) {
    synced.push(existsSync(path) ? null : readFileSync(partial, 'utf8'))
    return sync.call(this)
  })
  await opened.publish()
  assert.equal(synced[0], 'content', 'before the rename')
})

test('while one has the partial, another one gets its own, begins at zero, and both publish whole files', async () => {
  const { folder, path, partial, target } = place()
  const first = await target.openPartial(TAG)
  await first.write(0, Buffer.from('half'))
  const second = await localTarget(path).openPartial(TAG)
  assert.equal(await second.size(), 0)
  await second.truncate(0)
  await second.write(0, Buffer.from('whole file'))
  assert.equal(readFileSync(partial, 'utf8'), 'half')
  await target.removePartial(TAG)
  assert.equal(readFileSync(partial, 'utf8'), 'half', 'somebody has it')
  await second.publish()
  assert.equal(readFileSync(path, 'utf8'), 'whole file')
  await first.write(4, Buffer.from(' and rest'))
  await first.publish()
  assert.equal(readFileSync(path, 'utf8'), 'half and rest')
  assert.deepEqual(readdirSync(folder), ['file.bin'])
})

test('one of its own goes when it is not finished; the shared one stays and is continued', async () => {
  const { folder, path, target } = place()
  const first = await target.openPartial(TAG)
  await first.write(0, Buffer.from('half'))
  const second = await localTarget(path).openPartial(TAG)
  await second.write(0, Buffer.from('other'))
  await second.close()
  await first.close()
  assert.deepEqual(readdirSync(folder), [partialName('file.bin', TAG)])
  const again = await target.openPartial(TAG)
  assert.equal(await again.size(), 4)
  await again.close()
})

test('what killed processes have left goes when the directory is next used; what lives, and what is an upload of a server, stays', async () => {
  const { folder, path } = place()
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const lockText = (pid: number): string => `0123456789abcdef\n${encodeIdentity({ ...thisProcess(), pid })}\n`
  const names = {
    'other.bin.0123456789ab.11111111.partial': '',
    'other.bin.0123456789ab.11111111.lock': lockText(gone),
    'other.bin.0123456789ab.22222222.partial': '',
    'other.bin.0123456789ab.22222222.lock': lockText(process.pid),
    'upload.bin.0123456789ab.33333333.partial': '',
    'done.bin.0123456789ab.lock': lockText(gone),
    'cut.bin.0123456789ab.lock': lockText(gone),
    'cut.bin.0123456789ab.partial': 'half',
    'rt-lock-0123456789abcdef': lockText(gone),
    'rt-claim-0123456789abcdef01234567': lockText(gone),
  }
  for (const [name, text] of Object.entries(names)) writeFileSync(join(folder, `.${name}`), text)
  await (await localTarget(path).openPartial(TAG)).close()
  assert.deepEqual(readdirSync(folder), [
    '.cut.bin.0123456789ab.lock',
    '.cut.bin.0123456789ab.partial',
    '.file.bin.0123456789ab.partial',
    '.other.bin.0123456789ab.22222222.lock',
    '.other.bin.0123456789ab.22222222.partial',
    '.upload.bin.0123456789ab.33333333.partial',
  ])
})

test('what somebody else wrote into the partial after our last write counts for nothing', async () => {
  const { path, partial, target } = place()
  writeFileSync(path, 'old')
  const opened = await target.openPartial(TAG)
  const content = seededBytes(5, 2 * MIB)
  await opened.write(0, content)
  opened.settled(content.length)
  assert.equal(await opened.size(), content.length)
  await disturb(partial, 'damage')
  await assert.rejects(opened.digest('sha256', never), { kind: 'integrity' })
  const there = readFileSync(partial)
  assert.equal(await opened.digest('sha256', never), sha256(there), 'of what is on the disk, not of what was written')
  await disturb(partial, 'again!')
  await assert.rejects(opened.publish(), { kind: 'conflict', message: /somebody else wrote to it after it was proven/ })
  assert.equal(readFileSync(path, 'utf8'), 'old')
  await opened.close()
})

test('a file that was cut behind our back is noticed when the next write has come to rest', async () => {
  const { partial, target } = place()
  const opened = await target.openPartial(TAG)
  await opened.write(0, seededBytes(6, MIB))
  await opened.size()
  truncateSync(partial, 0)
  await opened.write(0, Buffer.from('short'))
  await assert.rejects(opened.digest('sha256', never), { kind: 'integrity' })
  await opened.close()
})

test('times that a file server sets late are no reason to refuse right bytes', async () => {
  const { path, partial, target } = place()
  const opened = await target.openPartial(TAG)
  await opened.write(0, Buffer.from('content'))
  const digest = await opened.digest('sha256', never)
  utimesSync(partial, 1_700_000_000, 1_700_000_000)
  await opened.publish()
  assert.equal(sha256(readFileSync(path)), digest)
})

for (const [what, change] of Object.entries({
  'is gone': (partial: string) => rmSync(partial),
  'means another file now': (partial: string) => {
    renameSync(partial, `${partial}.moved`)
    writeFileSync(partial, 'content')
  },
  'is a link now': (partial: string) => {
    renameSync(partial, `${partial}.moved`)
    symlinkSync(`${partial}.moved`, partial)
  },
  'has a second': (partial: string) => linkSync(partial, `${partial}.second`),
}))
  test(`a partial whose name ${what} is not published`, async () => {
    const { path, partial, target } = place()
    writeFileSync(path, 'old')
    const opened = await target.openPartial(TAG)
    await opened.write(0, Buffer.from('content'))
    await opened.digest('sha256', never)
    change(partial)
    await assert.rejects(opened.publish(), { kind: 'conflict', hint: /was not touched/ })
    assert.equal(readFileSync(path, 'utf8'), 'old')
    await opened.close()
  })

test('removing: a missing partial is no error', async () => {
  const { folder, partial, target } = place()
  await target.removePartial(TAG)
  writeFileSync(partial, '')
  await target.removePartial(TAG)
  assert.equal(existsSync(partial), false)
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  writeFileSync(partial.replace('.partial', '.lock'), `0123456789abcdef\n${encodeIdentity({ ...thisProcess(), pid: gone })}\n`)
  await target.removePartial(TAG)
  assert.deepEqual(readdirSync(folder), [], 'the lock of a process that died after its rename goes as well')
})

test('written anywhere, overlapping in time: read back the same, cut where told', async () => {
  const { target, partial } = place()
  const content = seededBytes(1, 3 * MIB + 11)
  const opened = await target.openPartial(TAG)
  const pieces = [MIB, 2 * MIB, 0, 3 * MIB].map((at) => ({ at, bytes: content.subarray(at, at + MIB) }))
  await Promise.all(pieces.map(({ at, bytes }) => opened.write(at, bytes)))
  const read: Buffer[] = []
  await opened.read({ start: 5, end: content.length }, (chunk) => void read.push(Buffer.from(chunk)), never)
  assert.deepEqual(Buffer.concat(read), Buffer.from(content.subarray(5)))
  await assert.rejects(
    opened.read({ start: 0, end: content.length + 1 }, () => {}, never),
    { kind: 'conflict' },
  )
  await opened.truncate(MIB)
  await opened.close()
  assert.deepEqual(readFileSync(partial), Buffer.from(content.subarray(0, MIB)))
})

test('the digest computed alongside is the digest afterwards, in any rhythm', async () => {
  const { target } = place()
  const content = seededBytes(2, 5 * MIB + 3)
  const opened = await target.openPartial(TAG)
  for (let at = 0; at < content.length; at += MIB) {
    await opened.write(at, content.subarray(at, at + MIB))
    opened.settled(Math.min(content.length, at + MIB))
    if (at === 2 * MIB) opened.settled(at) // smaller than before: nothing to do
  }
  assert.equal(await opened.digest('sha256', never), sha256(content))
  assert.equal(await opened.digest('sha256', never), sha256(content), 'and asked again')
  assert.equal(await opened.digest('md5', never), createHash('md5').update(content).digest('hex'))
  await opened.close()
})

test('after a truncation nothing of the old bytes is in the digest', async () => {
  const { target } = place()
  const opened = await target.openPartial(TAG)
  const [old, fresh] = [seededBytes(3, 2 * MIB), seededBytes(4, 2 * MIB + 1)]
  await opened.write(0, old)
  opened.settled(old.length)
  await opened.truncate(0)
  await opened.write(0, fresh)
  opened.settled(MIB)
  assert.equal(await opened.digest('sha256', never), sha256(fresh))
  await opened.close()
})

test('bytes that were taken for final and are written once more are in the digest as they are then', async () => {
  const { target } = place()
  const opened = await target.openPartial(TAG)
  const [old, fresh] = [seededBytes(5, MIB), seededBytes(6, MIB)]
  await opened.write(0, old)
  await opened.truncate(128 * MIB)
  opened.settled(MIB)
  // By the time that this thread has been through all the zeros, the other has long been through the first MiB.
  await opened.digest('md5', never)
  await opened.write(0, fresh)
  opened.settled(MIB)
  assert.equal(await opened.digest('sha256', never), sha256(Buffer.concat([fresh, Buffer.alloc(127 * MIB)])))
  await opened.close()
})

test('a stop ends the digest with its reason; what was not waited for is closed all the same', async () => {
  const { target } = place()
  const opened = await target.openPartial(TAG)
  await opened.truncate(20 * 1024 ** 3) // sparse: hashing it would take many seconds
  opened.settled(1024 ** 3)
  const controller = new AbortController()
  const reason = new TransferError('stopped', 'cancelled')
  const running = opened.digest('sha256', controller.signal)
  setImmediate(() => controller.abort(reason))
  await assert.rejects(running, (error) => error === reason)
  await assert.rejects(opened.digest('md5', controller.signal), (error) => error === reason)
  await opened.close()
})
