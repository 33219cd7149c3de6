/** Uploads over a long way on two channels: the same file on both, one mark of what is confirmed, nothing changed that is still on its way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import type { Body, WriteObserver } from '../../src/remotes/remote.ts'
import type { Connection } from '../../src/remotes/sftp/connection.ts'
import { STATUS, StatusError } from '../../src/remotes/sftp/errors.ts'
import { sendFile } from '../../src/remotes/sftp/files.ts'
import { Habits } from '../../src/remotes/sftp/habits.ts'
import { Leases } from '../../src/remotes/sftp/leases.ts'
import type { Requests } from '../../src/remotes/sftp/requests.ts'
import { seededBytes } from '../support/prng.ts'

const MIB = 1024 * 1024
const CONTENT = Buffer.from(seededBytes(4, 32 * MIB))
const PIECE = 255 * 1024
const FAR_MS = 30

async function* body(bytes: Buffer): Body {
  for (let at = 0; at < bytes.length; at += MIB) yield bytes.subarray(at, at + MIB)
}

interface Wishes {
  readonly far?: boolean
  /** Of a second channel; default yes. */
  readonly hasSecond?: boolean
  /** What the name holds when the second channel opens it; default the file. */
  readonly found?: Buffer
  /** Whether a write gets its answer; throws what the server says instead. */
  readonly answers?: (channel: number, position: number) => boolean
}

/** One file on a server that answers late, on up to two channels. */
class FarServer {
  readonly bytes = Buffer.alloc(CONTENT.length)
  readonly written: [number, number] = [0, 0]
  readonly log: string[] = []
  readonly #wishes: Wishes
  #size = 0

  constructor(wishes: Wishes = {}) {
    this.#wishes = wishes
  }

  #requests(channel: 0 | 1): Requests {
    const late = async (): Promise<void> => {
      if (this.#wishes.far !== false) await new Promise((resolve) => setTimeout(resolve, FAR_MS))
    }
    const { found } = this.#wishes
    const { written } = this
    const requests: Partial<Requests> = {
      get drained() {
        return written[0] + written[1]
      },
      habits: new Habits(),
      outstanding: 0,
      writeHadBetterWait: () => false,
      open: async () => {
        await late()
        this.log.push(`open ${channel}`)
        return Buffer.of(channel)
      },
      read: async (_handle, _buffer, _offset, length, position) => (found ?? this.bytes).subarray(position, position + length),
      write: async (_handle, bytes, position) => {
        this.written[channel] += bytes.length
        await late()
        if (this.#wishes.answers?.(channel, position) === false) await new Promise(() => {})
        bytes.copy(this.bytes, position)
        this.#size = Math.max(this.#size, position + bytes.length)
      },
      fstat: async () => ({ size: this.#size }) as Awaited<ReturnType<Requests['fstat']>>,
      stat: async () => ({ size: this.#size, mode: 0o100644 }) as Awaited<ReturnType<Requests['stat']>>,
      sync: async () => void this.log.push('sync'),
      close: async () => void this.log.push(`close ${channel}`),
    }
    return requests as Requests
  }

  send(observer: WriteObserver, signal = new AbortController().signal, bytes = CONTENT): Promise<void> {
    const connection: Partial<Connection> = {
      requests: this.#requests(0),
      second: async () => (this.#wishes.hasSecond === false ? null : this.#requests(1)),
      outstanding: 0,
      extensions: new Set(['fsync@openssh.com']),
      limits: { read: PIECE, write: PIECE },
      onEnd: () => {},
      retire: () => {},
    }
    const leases = new Leases(() => Promise.reject(new Error('no further connection')), 1)
    leases.adopt(connection as Connection)
    return sendFile(leases, { path: 'f', length: bytes.length, body: body(bytes), observer }, signal)
  }
}

function noting(): WriteObserver & { readonly marks: number[]; total: number } {
  const noted = { marks: [] as number[], total: 0 }
  return Object.assign(noted, {
    sent: (total: number) => {
      noted.total = total
    },
    acknowledged: (total: number) => void noted.marks.push(total),
  })
}

test('over a long way two channels carry the file, and it is synced when both are done', async () => {
  const server = new FarServer()
  const observer = noting()
  await server.send(observer)
  assert.ok(server.bytes.equals(CONTENT), 'wrong bytes')
  assert.ok(server.written[1] > 4 * MIB, `${server.written[1]} bytes on the second channel`)
  assert.deepEqual(server.log, ['open 0', 'open 1', 'close 1', 'sync', 'close 0'])
  assert.deepEqual(
    observer.marks,
    observer.marks.toSorted((a, b) => a - b),
  )
  assert.equal(observer.marks.at(-1), CONTENT.length)
})

test('what is confirmed has no gap, on whichever channel an answer is late', async () => {
  const missing = 12 * MIB
  let held = -1
  const server = new FarServer({
    answers: (channel, position) => {
      if (held < 0 && channel === 1 && position >= missing) held = position
      return position !== held
    },
  })
  const observer = noting()
  const controller = new AbortController()
  const sending = server.send(observer, controller.signal)
  sending.catch(() => {})
  // It comes to a standstill by itself: what is unconfirmed may not be further back than the source keeps its bytes.
  for (let last = -1; last !== observer.total || held < 0; ) {
    last = observer.total
    await new Promise((resolve) => setTimeout(resolve, 10 * FAR_MS))
  }
  assert.equal(observer.marks.at(-1), held)
  assert.ok(observer.total - held <= 6 * MIB, `${observer.total - held} bytes are on their way`)
  assert.ok(observer.total - held > 5 * MIB, 'it stood still for another reason')
  controller.abort(new TransferError('stopped', 'enough'))
  await assert.rejects(sending, { kind: 'stopped' })
})

test('a write that is refused on the second channel fails the exchange', async () => {
  const server = new FarServer({
    answers: (channel) => {
      if (channel === 1) throw new StatusError(STATUS.noSpace, 'No space left')
      return true
    },
  })
  const observer = noting()
  await assert.rejects(server.send(observer), { kind: 'no-space' })
  assert.ok((observer.marks.at(-1) ?? 0) < CONTENT.length)
  assert.ok(server.log.includes('close 1') && server.log.includes('close 0'), server.log.join())
})

for (const [name, wishes, bytes] of [
  ['where the name holds another file by now', { found: Buffer.alloc(CONTENT.length, 1) }, CONTENT],
  ['where the name holds a hole in that place', { found: Buffer.alloc(CONTENT.length) }, CONTENT],
  ['where the server has none', { hasSecond: false }, CONTENT],
  ['over a short way', { far: false }, CONTENT],
  ['for a file of zeros, which cannot be told from a hole', {}, Buffer.alloc(CONTENT.length)],
  ['for a file that is nearly sent', {}, CONTENT.subarray(0, 16 * MIB)],
] as const)
  test(`no second channel writes ${name}`, async () => {
    const server = new FarServer(wishes)
    await server.send(noting(), undefined, bytes)
    assert.ok(server.bytes.subarray(0, bytes.length).equals(bytes), 'wrong bytes')
    assert.equal(server.written[1], 0)
    assert.equal(server.log.filter((line) => line.startsWith('open')).length, server.log.filter((line) => line.startsWith('close')).length)
  })
