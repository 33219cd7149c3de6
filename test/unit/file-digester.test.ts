import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { blockCheck } from '../../src/core/block-check.ts'
import { TransferError } from '../../src/core/errors.ts'
import { fileDigester } from '../../src/local/file-digester.ts'
import { seededBytes, seededRandom } from '../support/prng.ts'

const MIB = 1024 * 1024
const CONTENT = seededBytes(1, 3 * MIB + 1)
const checkKey = '000102030405060708090a0b0c0d0e0f'
const never = new AbortController().signal
let folder = ''
let file: FileHandle

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digester-'))
  file = await open(join(folder, 'file'), 'w+')
  await file.write(CONTENT)
})
after(async () => {
  await file.close()
  await rm(folder, { recursive: true, force: true })
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('the running digest from any start to any end, told in between or not', async () => {
  for (const [start, end] of [
    [0, 0],
    [0, 1],
    [5, 5],
    [1, 2 * MIB + 5],
    [0, CONTENT.length],
  ] as const) {
    const digester = fileDigester(file.fd, { start })
    digester.extend(Math.floor((start + end) / 2))
    assert.equal(await digester.finish(end, never), sha256(CONTENT.subarray(start, end)))
    await digester.stop()
    await digester.stop()
  }
})

test('the running digest tells what it is at a place, and goes on; what it has passed it cannot tell', async () => {
  for (const algorithm of ['sha256', 'crc32'] as const) {
    const digester = fileDigester(file.fd, { algorithm })
    const alone = async (end: number): Promise<string> => {
      const other = fileDigester(file.fd, { algorithm })
      return other.finish(end, never).finally(() => other.stop())
    }
    for (const end of [0, 7, MIB, MIB, 2 * MIB + 5]) assert.equal(await digester.prefix(end), await alone(end))
    assert.equal(await digester.prefix(MIB), null)
    assert.equal(await digester.prefix(CONTENT.length), await alone(CONTENT.length))
    assert.equal(await digester.finish(CONTENT.length, never), await alone(CONTENT.length))
    await digester.stop()
  }
})

test('pieces in any order and the running digest beside them are both right', async () => {
  const random = seededRandom(7)
  for (let round = 0; round < 8; round += 1) {
    const digester = fileDigester(file.fd, { checkKey })
    const edges = [0, MIB / 2, MIB, 2 * MIB - 7, 2 * MIB, 3 * MIB, CONTENT.length]
    const pieces = edges.slice(1).map((end, i) => ({ start: edges[i] ?? 0, end }))
    pieces.sort(() => random() - 0.5)
    const got = pieces.map(async (range) => {
      if (random() < 0.3) digester.extend(Math.floor(random() * CONTENT.length))
      const bytes = CONTENT.subarray(range.start, range.end)
      const { digest, check } = await digester.piece(range)
      assert.deepEqual({ digest, check }, { digest: sha256(bytes), check: blockCheck(checkKey)(bytes) })
    })
    await Promise.all(got)
    assert.equal(await digester.finish(CONTENT.length, never), sha256(CONTENT))
    await digester.stop()
  }
})

test('a file that ends early is a changed source, for a piece and for the running digest', async () => {
  const digester = fileDigester(file.fd)
  await assert.rejects(digester.piece({ start: 3 * MIB, end: 4 * MIB }), { kind: 'source-changed' })
  await assert.rejects(digester.finish(CONTENT.length + 1, never), { kind: 'source-changed' })
  await digester.stop()
})

test('a place behind the end of the file is a changed source too', async () => {
  const digester = fileDigester(file.fd)
  await assert.rejects(digester.prefix(CONTENT.length + 1), { kind: 'source-changed' })
  await digester.stop()
})

test('a descriptor that cannot be read is told', async () => {
  const digester = fileDigester(987_654)
  digester.extend(5)
  await assert.rejects(digester.piece({ start: 0, end: 5 }), { kind: 'refused', message: /EBADF/ })
  await assert.rejects(digester.finish(5, never), { kind: 'refused', message: /EBADF/ })
  await digester.stop()
})

test('stopped while somebody waits, and asked afterwards: an error, never a wait for ever', async () => {
  const digester = fileDigester(file.fd)
  const waiting = assert.rejects(digester.finish(CONTENT.length, never), { kind: 'stopped' })
  await digester.stop()
  await waiting
  await assert.rejects(digester.piece({ start: 0, end: 5 }), { kind: 'stopped' })
})

test('a stop has its reason, before and meanwhile', async () => {
  const reason = new TransferError('stopped', 'cancelled')
  const digester = fileDigester(file.fd)
  await assert.rejects(digester.finish(5, AbortSignal.abort(reason)), (error) => error === reason)
  const controller = new AbortController()
  const waiting = digester.finish(CONTENT.length, controller.signal)
  controller.abort(reason)
  await assert.rejects(waiting, (error) => error === reason)
  await digester.stop()
})
