/** The place of a download on a real disk. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { partialName } from '../../src/core/paths.ts'
import { localTarget } from '../../src/local/target.ts'
import { seededBytes } from '../support/prng.ts'

const MIB = 1024 * 1024
const TAG = '0123456789ab'
const root = mkdtempSync(join(tmpdir(), 'target-'))
after(() => rmSync(root, { recursive: true, force: true }))

const never = new AbortController().signal
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
let places = 0

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

test('links and anything that is no plain file of its own are refused, and what they point at stays', async () => {
  const outside = join(root, 'outside')
  writeFileSync(outside, 'precious')
  for (const make of [
    (path: string) => symlinkSync(outside, path),
    (path: string) => linkSync(outside, path),
    (path: string) => mkdirSync(path),
  ]) {
    const { partial, target } = place()
    make(partial)
    await assert.rejects(target.openPartial(TAG), { kind: 'conflict' })
  }
  const dangling = place()
  symlinkSync(join(root, 'not-yet'), dangling.partial)
  await assert.rejects(dangling.target.openPartial(TAG), { kind: 'conflict' })
  assert.equal(existsSync(join(root, 'not-yet')), false)
  assert.equal(readFileSync(outside, 'utf8'), 'precious')
})

test('a directory in the place of the final name is a conflict', async () => {
  const { path, target } = place()
  mkdirSync(path)
  await assert.rejects(target.finalSize(), { kind: 'conflict' })
  await (await target.openPartial(TAG)).close()
  await assert.rejects(target.commit(TAG), TransferError)
})

test('commit replaces what the final name held, a link itself and not what it points at', async () => {
  const { path, partial, target } = place()
  writeFileSync(path, 'old')
  writeFileSync(partial, 'new content')
  assert.equal(await target.finalSize(), 3)
  await target.commit(TAG)
  assert.equal(readFileSync(path, 'utf8'), 'new content')
  assert.equal(existsSync(partial), false)
  assert.equal(await target.digestFinal('sha256', never), sha256(Buffer.from('new content')))
  const linked = place()
  const outside = join(linked.folder, 'outside')
  writeFileSync(outside, 'precious')
  symlinkSync(outside, linked.path)
  assert.equal(await linked.target.finalSize(), null)
  await assert.rejects(linked.target.digestFinal('sha256', never), { kind: 'conflict' })
  writeFileSync(linked.partial, 'new')
  await linked.target.commit(TAG)
  assert.equal(readFileSync(linked.path, 'utf8'), 'new')
  assert.equal(readFileSync(outside, 'utf8'), 'precious')
})

test('removing: a missing partial is no error', async () => {
  const { partial, target } = place()
  await target.removePartial(TAG)
  writeFileSync(partial, '')
  await target.removePartial(TAG)
  assert.equal(existsSync(partial), false)
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
  await opened.sync()
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
