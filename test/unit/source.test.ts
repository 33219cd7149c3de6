/** The upload source on a real disk: what is handed out is what was hashed, or nothing. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  futimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { TransferError } from '../../src/core/errors.ts'
import type { ByteRange } from '../../src/core/ranges.ts'
import type { LocalSource } from '../../src/local/local.ts'
import { openSource } from '../../src/local/source.ts'
import { seededBytes } from '../support/prng.ts'

const MIB = 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'source-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const never = new AbortController().signal
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
let files = 0

function file(bytes: Uint8Array): string {
  files += 1
  const path = join(folder, `file-${files}`)
  writeFileSync(path, bytes)
  return path
}

function overwrite(path: string, text: string, position: number): void {
  const descriptor = openSync(path, 'r+')
  writeSync(descriptor, text, position)
  closeSync(descriptor)
}

async function opened<T>(path: string, use: (source: LocalSource) => Promise<T>): Promise<T> {
  const source = await openSource(path)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const workers = (): number => process.getActiveResourcesInfo().filter((name) => /worker|messageport/i.test(name)).length

const BLOCK = 4096
for (const size of [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 6 * BLOCK, 9 * BLOCK + 7])
  test(`${size} bytes: digests of blocks, reading of ranges`, async () => {
    const content = seededBytes(size, size)
    await opened(file(content), async (source) => {
      assert.equal(source.size, size)
      let last = 0
      const report = (done: number): void => {
        assert.ok(done > last)
        last = done
      }
      const digests = await source.blockDigests(BLOCK, report, never)
      assert.equal(last, size)
      assert.deepEqual(digests, {
        size,
        blockSize: BLOCK,
        blocks: Array.from({ length: Math.ceil(size / BLOCK) }, (_, i) => sha256(content.subarray(i * BLOCK, (i + 1) * BLOCK))),
      })
      const edges = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, size - 1, size].filter((at) => at >= 0 && at <= size)
      for (const start of edges)
        for (const end of edges.filter((at) => at >= start))
          assert.deepEqual(await collect(source.read({ start, end }, never)), Buffer.from(content.subarray(start, end)), `${start}-${end}`)
      assert.equal(await source.digest({ start: 0, end: size }, 'sha256', never), sha256(content))
    })
  })

test('digests of ranges in every algorithm', async () => {
  const content = seededBytes(5, 3 * MIB + 9)
  await opened(file(content), async (source) => {
    for (const algorithm of ['sha256', 'sha512', 'sha1', 'md5'] as const)
      for (const { start, end } of [
        { start: 0, end: content.length },
        { start: 7, end: 7 },
        { start: 0, end: 2 * MIB + 3 },
        { start: 0, end: MIB },
        { start: MIB - 1, end: 2 * MIB + 1 },
      ] satisfies ByteRange[])
        assert.equal(
          await source.digest({ start, end }, algorithm, never),
          createHash(algorithm).update(content.subarray(start, end)).digest('hex'),
        )
    assert.equal(
      await source.digest({ start: 1, end: content.length }, 'crc32', never),
      crc32(content.subarray(1)).toString(16).padStart(8, '0'),
    )
    assert.equal(await source.digest({ start: 3, end: 3 }, 'crc32', never), '00000000')
  })
  await opened(file(Buffer.from('123456789')), async (source) => {
    assert.equal(await source.digest({ start: 0, end: 9 }, 'crc32', never), 'cbf43926')
  })
})

test('changed between hashing and reading, size and time as before: the bytes are not handed out', async () => {
  const path = file(seededBytes(1, 8 * BLOCK))
  await opened(path, async (source) => {
    await source.blockDigests(BLOCK, () => {}, never)
    const { atime, mtime } = statSync(path)
    overwrite(path, 'x', 5 * BLOCK + 3)
    utimesSync(path, atime, mtime)
    const got: Uint8Array[] = []
    await assert.rejects(
      async () => {
        for await (const chunk of source.read({ start: 2 * BLOCK, end: 8 * BLOCK }, never)) got.push(Buffer.from(chunk))
      },
      { kind: 'source-changed' },
    )
    assert.equal(Buffer.concat(got).length, 3 * BLOCK, 'the blocks before are right and went out')
    await assert.rejects(source.recheck(), { kind: 'source-changed' })
  })
})

test('shrunk or grown meanwhile', async () => {
  const path = file(seededBytes(1, 8 * BLOCK))
  await opened(path, async (source) => {
    await source.blockDigests(BLOCK, () => {}, never)
    truncateSync(path, 3 * BLOCK + 1)
    await assert.rejects(collect(source.read({ start: 0, end: 8 * BLOCK }, never)), { kind: 'source-changed' })
    await assert.rejects(
      source.blockDigests(BLOCK, () => {}, never),
      { kind: 'source-changed' },
    )
    await assert.rejects(source.digest({ start: 0, end: 8 * BLOCK }, 'md5', never), { kind: 'source-changed' })
    await assert.rejects(source.recheck(), { kind: 'source-changed' })
  })
  const grows = file(seededBytes(1, 100))
  await opened(grows, async (source) => {
    await source.recheck()
    writeFileSync(grows, seededBytes(1, 101))
    await assert.rejects(
      source.blockDigests(BLOCK, () => {}, never),
      { kind: 'source-changed' },
    )
  })
})

test('a path that is replaced meanwhile does not matter: the opened file is read', async () => {
  const content = seededBytes(9, 2 * BLOCK)
  const path = file(content)
  await opened(path, async (source) => {
    await source.blockDigests(BLOCK, () => {}, never)
    const other = file(seededBytes(10, 2 * BLOCK))
    execFileSync('mv', [other, path])
    assert.deepEqual(await collect(source.read({ start: 0, end: 2 * BLOCK }, never)), Buffer.from(content))
    await source.recheck()
  })
})

test('a path that is removed meanwhile does not matter, bytes written afterwards do', async () => {
  const path = file(seededBytes(11, BLOCK))
  const other = openSync(path, 'r+')
  await opened(path, async (source) => {
    rmSync(path)
    await source.recheck()
    writeSync(other, 'x')
    futimesSync(other, 1_800_000_000, 1_800_000_000)
    await assert.rejects(source.recheck(), { kind: 'source-changed' })
  })
  closeSync(other)
})

test('what is no plain file is refused at once: a directory, a FIFO, a device, nothing', async (t) => {
  const directory = join(folder, 'directory')
  mkdirSync(directory)
  await assert.rejects(openSource(directory), { kind: 'invalid-input' })
  await assert.rejects(openSource(join(folder, 'missing')), { kind: 'not-found' })
  await assert.rejects(openSource(join(file(Buffer.of(1)), 'below')), { kind: 'not-found' })
  if (process.platform === 'win32') return t.diagnostic('skipped on Windows: FIFO and device')
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  await assert.rejects(openSource(fifo), { kind: 'invalid-input' })
  await assert.rejects(openSource('/dev/null'), { kind: 'invalid-input' })
})

test('an unreadable file is refused', {
  skip: process.getuid?.() === 0 ? 'root reads everything' : process.platform === 'win32' ? 'no modes' : false,
}, async () => {
  const path = file(Buffer.of(1))
  chmodSync(path, 0)
  await assert.rejects(openSource(path), { kind: 'refused' })
})

test('beyond 4 GiB: offsets stay exact', async () => {
  const path = file(Buffer.alloc(0))
  const far = 4 * 1024 ** 3 + MIB
  const size = far + MIB + 3
  truncateSync(path, size)
  overwrite(path, 'beyond four GiB', far - 5)
  await opened(path, async (source) => {
    assert.equal(source.size, size)
    const { blocks } = await source.blockDigests(MIB, () => {}, never)
    const block = Buffer.alloc(MIB)
    block.write('d four GiB')
    assert.equal(blocks[far / MIB], sha256(block))
    const range = { start: far - 5, end: far + 10 }
    assert.equal((await collect(source.read(range, never))).toString(), 'beyond four GiB')
    assert.equal(await source.digest(range, 'sha256', never), sha256(Buffer.from('beyond four GiB')))
  })
})

test('a stop ends hashing, digests and reading with its reason, and closing leaves no thread', async () => {
  const path = file(Buffer.alloc(0))
  truncateSync(path, 20 * 1024 ** 3) // sparse: hashing it would take many seconds
  const reason = new TransferError('stopped', 'cancelled')
  const before = workers()
  await opened(path, async (source) => {
    for (const algorithm of ['sha256', 'md5'] as const) {
      const controller = new AbortController()
      const running = source.digest({ start: 0, end: source.size }, algorithm, controller.signal)
      setImmediate(() => controller.abort(reason))
      await assert.rejects(running, (error) => error === reason)
    }
    const controller = new AbortController()
    let done = 0
    const hashing = source.blockDigests(
      MIB,
      (bytes) => {
        done = bytes
        controller.abort(reason)
      },
      controller.signal,
    )
    await assert.rejects(hashing, (error) => error === reason)
    assert.ok(done <= 8 * MIB)
    await assert.rejects(collect(source.read({ start: 0, end: source.size }, controller.signal)), (error) => error === reason)
    await assert.rejects(source.digest({ start: 0, end: 5 }, 'md5', controller.signal), (error) => error === reason)
  })
  assert.equal(workers(), before)
})

test('a whole SHA-256 is begun once: one who stops waiting does not take it from the others', async () => {
  const content = seededBytes(3, 5 * MIB)
  await opened(file(content), async (source) => {
    const controller = new AbortController()
    const whole = { start: 0, end: content.length }
    const [first, second] = [source.digest(whole, 'sha256', controller.signal), source.digest(whole, 'sha256', never)]
    controller.abort(new TransferError('stopped', 'cancelled'))
    await assert.rejects(first, { kind: 'stopped' })
    assert.equal(await second, sha256(content))
    assert.equal(await source.digest(whole, 'sha256', never), sha256(content))
  })
})
