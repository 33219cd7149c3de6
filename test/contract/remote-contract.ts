/**
 * What every Remote must do, run against real servers. A facet that a server lacks is a skip with its reason printed; a case that needs something the
 * server is known not to do is switched off by name in `options.without`, with the reason.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, linkSync, lstatSync, openSync, readFileSync, symlinkSync, writeSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import type { ByteRange } from '../../src/core/ranges.ts'
import type { Body, Remote, Resumer, WriteObserver, Writer } from '../../src/remotes/remote.ts'

export interface ContractSubject {
  /** A new Remote with its own connections. */
  open(): Promise<Remote>
  /** Server path of a name in the writable (or, for read-only servers, the served) directory. */
  path(name: string): string
  /** Behind the server's back. */
  put(name: string, content: Uint8Array): void | Promise<void>
  get(name: string): Uint8Array | null | Promise<Uint8Array | null>
  names(): readonly string[] | Promise<readonly string[]>
  /** Where the file of this name lies on this machine: for links, and for holding it open. Absent where it is no plain file. */
  local?(name: string): string
  dispose(): Promise<void>
}

export type ContractCase = 'empty-file' | 'odd-names' | 'read-tail' | 'mtime' | 'existing-directory' | 'links' | 'links-to-nothing'

export interface ContractOptions {
  /** Cases this server cannot do, each with the reason that is printed. */
  readonly without?: Partial<Record<ContractCase, string>>
  /** What the probe must find out about this server. */
  readonly resumer?: 'append' | 'positional' | null
  /** A rename over an existing file is refused. */
  readonly refusesToReplace?: true
  /** A rename over an existing file is done, and nothing announces it. */
  readonly replacesUnannounced?: true
  /** Whether it must copy on the server. */
  readonly copies?: boolean
}

const never = new AbortController().signal
const MIB = 1024 * 1024

function pattern(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size)
  let state = seed >>> 0 || 1
  for (let i = 0; i < size; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

async function* body(bytes: Uint8Array, chunk = 256 * 1024): Body {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
}

function observer(): WriteObserver & { readonly counts: { sent: number; acknowledged: number } } {
  const counts = { sent: 0, acknowledged: 0 }
  return {
    counts,
    sent: (total) => {
      assert.ok(total >= counts.sent, 'sent only grows')
      counts.sent = total
    },
    acknowledged: (total) => {
      assert.ok(total >= counts.acknowledged, 'acknowledged only grows')
      counts.acknowledged = total
    },
  }
}

async function readAll(remote: Remote, path: string, range: ByteRange): Promise<Buffer> {
  const chunks: Buffer[] = []
  await remote.read(path, range, (chunk) => void chunks.push(Buffer.from(chunk)), {}, never)
  return Buffer.concat(chunks)
}

async function rejectsWith(kinds: readonly FailureKind[], action: Promise<unknown>): Promise<void> {
  await assert.rejects(action, (error: unknown) => {
    assert.ok(error instanceof TransferError, `a TransferError, not ${String(error)}`)
    assert.ok(kinds.includes(error.kind), `${error.kind} is one of ${kinds.join(', ')}: ${error.message}`)
    return true
  })
}

export function remoteContract(name: string, start: () => Promise<ContractSubject>, options: ContractOptions = {}): void {
  describe(`remote contract: ${name}`, { timeout: 180_000 }, () => {
    let subject: ContractSubject
    let remote: Remote
    before(async () => {
      subject = await start()
      remote = await subject.open()
    })
    after(async () => {
      await remote?.close()
      await subject?.dispose()
    })

    const without = (t: TestContext, which: ContractCase): boolean => {
      const reason = options.without?.[which]
      if (reason !== undefined) t.skip(`${name}: ${reason}`)
      return reason !== undefined
    }
    const writer = (t: TestContext): Writer | null => {
      if (remote.writer === undefined) t.skip(`${name} has no writer facet`)
      return remote.writer ?? null
    }
    const resumer = async (t: TestContext): Promise<Resumer | null> => {
      const found = (await remote.writer?.resumer(directoryOf(subject.path('x')), never)) ?? null
      if (found === null) t.skip(`${name} cannot continue a partial`)
      return found
    }

    test('a missing file is null', async () => {
      assert.equal(await remote.stat(subject.path('missing.bin'), never), null)
    })

    test('stat tells kind and exact size', async () => {
      await subject.put('stat.bin', pattern(12_345))
      const file = await remote.stat(subject.path('stat.bin'), never)
      assert.equal(file?.kind, 'file')
      assert.equal(file?.size, 12_345)
    })

    test('a zero-byte file has size 0 and reads as nothing', async (t) => {
      if (without(t, 'empty-file')) return
      await subject.put('empty.bin', new Uint8Array(0))
      assert.equal((await remote.stat(subject.path('empty.bin'), never))?.size, 0)
      assert.equal((await readAll(remote, subject.path('empty.bin'), { start: 0, end: 0 })).length, 0)
    })

    test('reads exactly the whole, head, middle, tail and nothing', async (t) => {
      const content = pattern(3 * MIB + 7)
      await subject.put('read.bin', content)
      const path = subject.path('read.bin')
      const ranges: ByteRange[] = [
        { start: 0, end: content.length },
        { start: 0, end: 1 },
        { start: 5, end: 5 },
      ]
      if (!without(t, 'read-tail')) {
        ranges.push(
          { start: MIB - 1, end: 2 * MIB + 3 },
          { start: content.length - 1, end: content.length },
          { start: 100, end: content.length },
        )
      }
      for (const range of ranges) {
        const got = await readAll(remote, path, range)
        assert.ok(got.equals(content.subarray(range.start, range.end)), `range ${range.start}-${range.end}, got ${got.length} bytes`)
      }
    })

    test('reading does not change what stat says', async (t) => {
      if (without(t, 'mtime')) return
      await subject.put('same.bin', pattern(1000))
      const earlier = await remote.stat(subject.path('same.bin'), never)
      await readAll(remote, subject.path('same.bin'), { start: 0, end: 1000 })
      assert.deepEqual(await remote.stat(subject.path('same.bin'), never), earlier)
    })

    test('a range past the end rejects and delivers nothing false', async () => {
      await subject.put('short.bin', pattern(1000))
      await rejectsWith(
        ['source-changed', 'protocol', 'unsupported', 'transient', 'refused'],
        readAll(remote, subject.path('short.bin'), { start: 0, end: 5000 }),
      )
      await rejectsWith(
        ['source-changed', 'protocol', 'unsupported', 'transient', 'refused'],
        readAll(remote, subject.path('short.bin'), { start: 3000, end: 5000 }),
      )
      assert.equal((await readAll(remote, subject.path('short.bin'), { start: 0, end: 1000 })).length, 1000, 'usable afterwards')
    })

    test('a file that goes on behind the size it is taken to have is another one', async () => {
      await subject.put('longer.bin', pattern(1000))
      const path = subject.path('longer.bin')
      await rejectsWith(
        ['source-changed'],
        remote.read(path, { start: 0, end: 900 }, () => {}, { size: 900 }, never),
      )
      await rejectsWith(
        ['source-changed', 'unsupported'],
        remote.read(path, { start: 300, end: 900 }, () => {}, { size: 900 }, never),
      )
      await remote.read(path, { start: 0, end: 1000 }, () => {}, { size: 1000 }, never)
      for (const size of [900, 0]) {
        const seen: number[] = []
        const reading = remote.read(path, { start: size, end: size + 1 }, (chunk) => void seen.push(chunk.length), { size }, never)
        const cannotStartThere = await reading.then(
          () => false,
          (error: unknown) => size > 0 && error instanceof TransferError && error.kind === 'unsupported',
        )
        assert.ok(seen.length === 1 || cannotStartThere, 'what lies behind the size told is seen')
      }
    })

    test('reading a missing file is not-found', async () => {
      await rejectsWith(['not-found'], readAll(remote, subject.path('missing.bin'), { start: 0, end: 10 }))
    })

    test('a sink that fails ends the read with its error, and the remote stays usable', async () => {
      const content = pattern(8 * MIB)
      await subject.put('abandon.bin', content)
      const failing = remote.read(
        subject.path('abandon.bin'),
        { start: 0, end: content.length },
        () => {
          throw new TransferError('no-space', 'disk full here')
        },
        {},
        never,
      )
      await rejectsWith(['no-space'], failing)
      assert.ok((await readAll(remote, subject.path('abandon.bin'), { start: 0, end: 1000 })).equals(content.subarray(0, 1000)))
    })

    test('an abort while reading settles promptly with the reason', async () => {
      const content = pattern(8 * MIB)
      await subject.put('abort.bin', content)
      const controller = new AbortController()
      const reading = remote.read(
        subject.path('abort.bin'),
        { start: 0, end: content.length },
        () => {
          controller.abort(new TransferError('stopped', 'stop now'))
          return new Promise((resolve) => setTimeout(resolve, 20))
        },
        {},
        controller.signal,
      )
      await rejectsWith(['stopped'], reading)
      assert.equal((await remote.stat(subject.path('abort.bin'), never))?.size, content.length, 'usable afterwards')
    })

    test('a slow sink holds the sender back and loses nothing', async () => {
      const content = pattern(4 * MIB)
      await subject.put('slow.bin', content)
      const hash = createHash('sha256')
      let bytes = 0
      await remote.read(
        subject.path('slow.bin'),
        { start: 0, end: content.length },
        async (chunk) => {
          hash.update(chunk)
          bytes += chunk.length
          await new Promise((resolve) => setImmediate(resolve))
        },
        {},
        never,
      )
      assert.equal(bytes, content.length)
      assert.equal(hash.digest('hex'), createHash('sha256').update(content).digest('hex'))
    })

    test('create sends the whole file and confirms it', async (t) => {
      const to = writer(t)
      if (to === null) return
      for (const size of [0, 1, 70_000, 3 * MIB + 7]) {
        const content = pattern(size, size + 1)
        const seen = observer()
        await to.create(subject.path('create.bin'), size, body(content), seen, never)
        assert.ok(content.equals(await stored(subject, 'create.bin')), `size ${size}`)
        assert.equal(seen.counts.acknowledged, size)
        assert.equal((await remote.stat(subject.path('create.bin'), never))?.size, size)
      }
    })

    test('create replaces a longer file', async (t) => {
      const to = writer(t)
      if (to === null) return
      await to.create(subject.path('shrink.bin'), 50_000, body(pattern(50_000)), observer(), never)
      await to.create(subject.path('shrink.bin'), 10, body(pattern(10, 9)), observer(), never)
      assert.ok(pattern(10, 9).equals(await stored(subject, 'shrink.bin')))
    })

    test('creating over a file that is open elsewhere makes another one', async (t) => {
      const to = writer(t)
      const local = subject.local?.bind(subject)
      if (to === null || local === undefined) return
      await subject.put('held.bin', pattern(50_000, 3))
      const held = openSync(local('held.bin'), 'r+')
      try {
        await to.create(subject.path('held.bin'), 70_000, body(pattern(70_000, 4)), observer(), never)
        assert.ok(pattern(50_000, 3).equals(readFileSync(held)), 'what is open is left alone')
        writeSync(held, 'written late', 0)
      } finally {
        closeSync(held)
      }
      assert.ok(pattern(70_000, 4).equals(await stored(subject, 'held.bin')), 'a late write goes elsewhere')
    })

    test('creating over a link leaves what has the other name, or what it points at, alone', async (t) => {
      const to = writer(t)
      const local = subject.local?.bind(subject)
      if (to === null || local === undefined) return
      await subject.put('other.bin', pattern(1000, 3))
      linkSync(local('other.bin'), local('hard.bin'))
      symlinkSync('other.bin', local('link.bin'))
      symlinkSync('nothing-here.bin', local('dangling.bin'))
      const { links, 'links-to-nothing': dangling } = options.without ?? {}
      for (const reason of [links, dangling]) if (reason !== undefined) t.diagnostic(`${name}: ${reason}`)
      const names = ['hard.bin', ...(links === undefined ? ['link.bin'] : []), ...(dangling === undefined ? ['dangling.bin'] : [])]
      for (const link of names) {
        await to.create(subject.path(link), 500, body(pattern(500, 4)), observer(), never)
        assert.ok(pattern(500, 4).equals(await stored(subject, link)), link)
        assert.ok(lstatSync(local(link)).isFile(), `${link} is a file of its own`)
        assert.ok(pattern(1000, 3).equals(await stored(subject, 'other.bin')), `other.bin after creating ${link}`)
        assert.equal(await subject.get('nothing-here.bin'), null)
      }
    })

    test('names with spaces, quotes, brackets, percent, hash, leading dash and dot, umlauts', async (t) => {
      const to = writer(t)
      if (to === null || without(t, 'odd-names')) return
      const names = [
        'a b.bin',
        "it's.bin",
        'say "hi".bin',
        'a[1].bin',
        '100%25.bin',
        'a#b?c.bin',
        '-rf.bin',
        '.hidden.bin',
        'ü-nfc.bin',
        'u\u0308-nfd.bin',
        'semi;colon&.bin',
        'n'.repeat(255),
      ]
      for (const odd of names) {
        const content = Buffer.from(`content of ${odd}`)
        await to.create(subject.path(odd), content.length, body(content), observer(), never)
        assert.equal((await remote.stat(subject.path(odd), never))?.size, content.length, odd)
        assert.ok(content.equals(await stored(subject, odd)), odd)
        assert.ok((await readAll(remote, subject.path(odd), { start: 0, end: content.length })).equals(content), odd)
        await remote.tree?.remove(subject.path(odd), never)
      }
    })

    test('a body that dies leaves a prefix or nothing, never other bytes', async (t) => {
      const to = writer(t)
      if (to === null) return
      const content = pattern(4 * MIB)
      async function* dying(): Body {
        yield content.subarray(0, 2 * MIB)
        throw new TransferError('source-changed', 'gone')
      }
      await rejectsWith(['source-changed'], to.create(subject.path('dying.bin'), content.length, dying(), observer(), never))
      const left = await settled(subject, 'dying.bin')
      assert.ok(left === null || content.subarray(0, left.length).equals(left), `left ${left?.length} bytes`)
      assert.ok(left === null || left.length < content.length)
    })

    test('an abort while writing settles promptly and leaves a prefix or nothing', async (t) => {
      const to = writer(t)
      if (to === null) return
      const content = pattern(6 * MIB)
      const controller = new AbortController()
      async function* stopping(): Body {
        yield content.subarray(0, 3 * MIB)
        controller.abort(new TransferError('stopped', 'stop now'))
        yield content.subarray(3 * MIB)
      }
      await rejectsWith(['stopped'], to.create(subject.path('stopped.bin'), content.length, stopping(), observer(), controller.signal))
      const left = await settled(subject, 'stopped.bin')
      assert.ok(left === null || content.subarray(0, left.length).equals(left), `left ${left?.length} bytes`)
      await to.create(subject.path('after-stop.bin'), 5, body(pattern(5)), observer(), never)
    })

    test('the probe finds out how a partial can be continued, and leaves nothing behind', async (t) => {
      const to = writer(t)
      if (to === null) return
      const found = await to.resumer(directoryOf(subject.path('x')), never)
      if (options.resumer !== undefined) assert.equal(found?.kind ?? null, options.resumer)
      assert.deepEqual(
        (await subject.names()).filter((n) => n.includes('rt-probe')),
        [],
      )
    })

    test('a partial is continued at its end and holds the source afterwards', async (t) => {
      const how = await resumer(t)
      if (how === null) return
      const content = pattern(3 * MIB + 11, 5)
      for (const offset of [1, 100_001, 2 * MIB, content.length - 1]) {
        await subject.put('continue.bin', content.subarray(0, offset))
        const rest = content.subarray(offset)
        const seen = observer()
        if (how.kind === 'append') await how.append(subject.path('continue.bin'), offset, rest.length, body(rest), seen, never)
        else await how.write(subject.path('continue.bin'), { start: offset, end: content.length }, body(rest), seen, never)
        assert.ok(content.equals(await stored(subject, 'continue.bin')), `offset ${offset}`)
        assert.equal(seen.counts.acknowledged, rest.length)
      }
    })

    test('append at a wrong offset is an offset-conflict and changes nothing', async (t) => {
      const how = await resumer(t)
      if (how === null) return
      if (how.kind !== 'append') return t.skip(`${name} writes at positions`)
      const content = pattern(5000)
      await subject.put('conflict.bin', content)
      for (const offset of [4000, 6000]) {
        await rejectsWith(
          ['offset-conflict'],
          how.append(subject.path('conflict.bin'), offset, 10, body(pattern(10, 3)), observer(), never),
        )
        assert.ok(content.equals(await stored(subject, 'conflict.bin')))
      }
    })

    test('rewind overwrites from an offset and leaves what is before it alone', async (t) => {
      const how = await resumer(t)
      if (how === null) return
      if (how.kind !== 'append' || how.rewind === undefined) return t.skip(`${name} has no rewind`)
      const content = pattern(400_000, 6)
      await subject.put('rewind.bin', Buffer.concat([content.subarray(0, 200_000), pattern(50_000, 99)]))
      await how.rewind(subject.path('rewind.bin'), 200_000, 200_000, body(content.subarray(200_000)), observer(), never)
      assert.ok(content.equals(await stored(subject, 'rewind.bin')))
    })

    test('positional writes leave the rest alone, in any order, and truncate cuts', async (t) => {
      const how = await resumer(t)
      if (how === null) return
      if (how.kind !== 'positional') return t.skip(`${name} only appends`)
      const content = pattern(2 * MIB, 7)
      const path = subject.path('positional.bin')
      await subject.put('positional.bin', Buffer.concat([content.subarray(0, 1000), Buffer.alloc(content.length - 1000)]))
      for (const range of [
        { start: MIB, end: content.length },
        { start: 1000, end: MIB },
      ]) {
        await how.write(path, range, body(content.subarray(range.start, range.end)), observer(), never)
      }
      assert.ok(content.equals(await stored(subject, 'positional.bin')))
      try {
        await how.truncate(path, 12_345, never)
      } catch (error) {
        assert.ok(error instanceof TransferError && error.kind === 'unsupported', String(error))
        return t.diagnostic(`${name} cannot truncate`)
      }
      assert.ok(content.subarray(0, 12_345).equals(await stored(subject, 'positional.bin')))
    })

    test('writing into a missing file by position or offset does not invent bytes', async (t) => {
      const how = await resumer(t)
      if (how === null) return
      const action =
        how.kind === 'append'
          ? how.append(subject.path('absent.bin'), 100, 10, body(pattern(10)), observer(), never)
          : how.write(subject.path('absent.bin'), { start: 100, end: 110 }, body(pattern(10)), observer(), never)
      await rejectsWith(['offset-conflict', 'not-found'], action)
      const left = await subject.get('absent.bin')
      assert.ok(left === null || left.length === 0)
    })

    test('rename gives a free name', async (t) => {
      const tree = remote.tree
      if (tree === undefined) return t.skip(`${name} has no tree facet`)
      await subject.put('from.bin', pattern(100, 1))
      await tree.rename(subject.path('from.bin'), subject.path('free.bin'), never)
      assert.ok(pattern(100, 1).equals(await stored(subject, 'free.bin')))
      assert.equal(await subject.get('from.bin'), null)
      await rejectsWith(['not-found'], tree.rename(subject.path('nothing.bin'), subject.path('free.bin'), never))
      await rejectsWith(['not-found'], tree.rename(subject.path('nothing.bin'), subject.path('also-nothing.bin'), never))
      assert.ok(pattern(100, 1).equals(await stored(subject, 'free.bin')))
    })

    test('rename replaces a file or is refused, and changes nothing then', async (t) => {
      const tree = remote.tree
      if (tree === undefined) return t.skip(`${name} has no tree facet`)
      await subject.put('new.bin', pattern(100, 1))
      await subject.put('to.bin', pattern(200, 2))
      const renaming = tree.rename(subject.path('new.bin'), subject.path('to.bin'), never)
      if (options.refusesToReplace === true) {
        await rejectsWith(['refused', 'conflict', 'unsupported'], renaming)
        assert.equal(tree.replaces, 'never')
        assert.ok(pattern(100, 1).equals(await stored(subject, 'new.bin')))
        assert.ok(pattern(200, 2).equals(await stored(subject, 'to.bin')))
        // What the engine does then: the old one aside, the new one in its place, the old one away.
        await tree.rename(subject.path('to.bin'), subject.path('aside.bin'), never)
        await tree.rename(subject.path('new.bin'), subject.path('to.bin'), never)
        await tree.remove(subject.path('aside.bin'), never)
      } else {
        await renaming
        assert.equal(tree.replaces === 'never', options.replacesUnannounced === true)
      }
      assert.ok(pattern(100, 1).equals(await stored(subject, 'to.bin')))
      assert.equal(await subject.get('new.bin'), null)
    })

    test('remove tolerates a missing file', async (t) => {
      const tree = remote.tree
      if (tree === undefined) return t.skip(`${name} has no tree facet`)
      await subject.put('gone.bin', pattern(100, 1))
      await tree.remove(subject.path('gone.bin'), never)
      await tree.remove(subject.path('gone.bin'), never)
      assert.equal(await subject.get('gone.bin'), null)
    })

    test('copy makes a file of its own under a free name', async (t) => {
      const copy = remote.tree?.copy?.bind(remote.tree)
      if (options.copies !== undefined) assert.equal(copy !== undefined, options.copies)
      if (copy === undefined) return t.skip(`${name} cannot copy on the server`)
      for (const [original, size] of [
        ['original.bin', 3 * MIB + 1],
        ["it's an original.bin", 0],
      ] as const) {
        const duplicate = `copy of ${original}`
        await subject.put(original, pattern(size, 5))
        await copy(subject.path(original), subject.path(duplicate), size, never)
        assert.ok(pattern(size, 5).equals(await stored(subject, duplicate)))
        await subject.put(original, pattern(10, 6))
        assert.ok(pattern(size, 5).equals(await stored(subject, duplicate)), 'a file of its own')
      }
      await rejectsWith(['not-found'], copy(subject.path('nothing.bin'), subject.path('copied.bin'), 10, never))
      assert.equal(await subject.get('copied.bin'), null)
    })

    test('directories are made with their parents, listed, and are not files', async (t) => {
      const tree = remote.tree
      if (tree === undefined) return t.skip(`${name} has no tree facet`)
      if (without(t, 'existing-directory')) return
      await tree.makeDirectory(subject.path('d1/d2/d3'), never)
      await tree.makeDirectory(subject.path('d1/d2/d3'), never)
      assert.equal((await remote.stat(subject.path('d1/d2'), never))?.kind, 'directory')
      await remote.writer?.create(subject.path('d1/d2/file.bin'), 3, body(Buffer.from('abc')), observer(), never)
      const listed = await tree.list(subject.path('d1/d2'), never)
      assert.deepEqual(listed.map((e) => `${e.kind} ${e.name}`).sort(), ['directory d3', 'file file.bin'])
      assert.equal((await remote.stat(subject.path('stat.bin'), never))?.size, 12_345, 'paths still mean the same')
    })

    test('the server digest is the digest of what is stored', async (t) => {
      const digester = remote.digester
      if (digester === undefined) return t.skip(`${name} has no digester facet`)
      const content = randomBytes(2 * MIB + 3)
      await subject.put('digest.bin', content)
      const ranges: ByteRange[] = [{ start: 0, end: content.length }]
      if (digester.ranges !== 'whole') ranges.push({ start: 0, end: 1_000_001 })
      if (digester.ranges === 'any') ranges.push({ start: 77_777, end: 1_999_999 })
      if (digester.algorithm === 'crc32') return t.skip(`${name} only has CRC32; compared in the unit test`)
      for (const range of ranges) {
        const own: string = createHash(digester.algorithm).update(content.subarray(range.start, range.end)).digest('hex')
        assert.equal(await digester.digest(subject.path('digest.bin'), range, never), own, `range ${range.start}-${range.end}`)
      }
    })

    test('an aborted signal starts nothing', async () => {
      const controller = new AbortController()
      controller.abort(new TransferError('stopped', 'before it began'))
      await rejectsWith(['stopped'], remote.stat(subject.path('stat.bin'), controller.signal))
    })

    test('two exchanges at once do not mix', async (t) => {
      if (remote.connectionsMax < 2) return t.skip(`${name} has one connection`)
      const contents = [pattern(2 * MIB, 11), pattern(2 * MIB, 12)]
      await Promise.all(contents.map((content, i) => subject.put(`mix${i}.bin`, content)))
      const got = await Promise.all(
        contents.map((content, i) => readAll(remote, subject.path(`mix${i}.bin`), { start: 0, end: content.length })),
      )
      for (const [i, bytes] of got.entries()) assert.ok(contents[i]?.equals(bytes))
    })

    test('close is idempotent, and calls after it reject', async () => {
      const other = await subject.open()
      await other.stat(subject.path('stat.bin'), never)
      await other.close()
      await other.close()
      await assert.rejects(other.stat(subject.path('stat.bin'), never))
    })
  })
}

function directoryOf(path: string): string {
  const cut = path.lastIndexOf('/')
  return cut < 0 ? '' : cut === 0 ? '/' : path.slice(0, cut)
}

async function stored(subject: ContractSubject, name: string): Promise<Uint8Array> {
  const bytes = await subject.get(name)
  assert.ok(bytes !== null, `${name} is stored`)
  return bytes
}

/** What is stored once the server has stopped writing: a server drains its socket a little longer than we wait. */
async function settled(subject: ContractSubject, name: string): Promise<Buffer | null> {
  let last = -1
  for (;;) {
    const bytes = await subject.get(name)
    if (bytes === null || bytes.length === last) return bytes === null ? null : Buffer.from(bytes)
    last = bytes.length
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
