/** How fast an earlier process sent decides whether a new one reads kept bytes back where nothing can be sent before that: src/engine/upload-plan.ts, pace.ts. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { TransferError } from '../../src/core/errors.ts'
import { SENDS_MAX } from '../../src/core/journal-hosts.ts'
import type { TransferResult } from '../../src/engine/ports.ts'
import type { AppendResumer, Remote } from '../../src/remotes/remote.ts'
import { seededBytes } from '../support/prng.ts'
import { BLOCK, holds, Stage } from './stage.ts'

const PLACE = '8899aabbccddeeff'
/** As far as the first process gets. */
const KEPT = 134 * BLOCK
const CONTENT = Buffer.from(seededBytes(1, KEPT + 4 * BLOCK + 77))
/** What has to be sent before a process remembers how fast that was. */
const TELLING = 128 * BLOCK
/** Of a block. */
const SENDING_MS = 5
/** Of half a block: forty times as long. */
const READING_MS = 100

type Kind = 'append' | 'rewind'

/** The stage behind a link on which nothing can be sent before what is kept is proven, and reading is slow. */
class Link {
  readonly stage: Stage
  /** Read back so far. */
  read = 0
  /** An exchange that sends is cut after so many chunks. */
  cutAfter = Number.POSITIVE_INFINITY
  readonly #kind: Kind
  #reading = false
  #chunks = 0

  constructor(stage: Stage, kind: Kind, cut: 'stopped' | 'transient' = 'transient') {
    this.stage = stage
    this.#kind = kind
    stage.server.before = (step, path) => {
      if (step === 'create') this.#chunks = 0
      if (step !== 'chunk' || this.#reading || !path.endsWith('.partial')) return
      if (this.#chunks >= this.cutAfter) throw new TransferError(cut, 'cut off')
      stage.passes(SENDING_MS)
      this.#chunks += 1
    }
  }

  upload(): Promise<TransferResult> {
    return this.stage.upload('in', { remote: (remote) => this.#over(remote) })
  }

  #over(given: Remote): Remote {
    const writer = given.writer ?? assert.fail('a writer')
    const resumer = async (directory: string, signal: AbortSignal): Promise<AppendResumer> => {
      const real = await writer.resumer(directory, signal)
      if (real?.kind !== 'positional') return assert.fail('positional')
      const write: AppendResumer['append'] = (path, offset, length, body, observer, s) => {
        this.#chunks = 0
        return real.write(path, { start: offset, end: offset + length }, body, observer, s)
      }
      return { kind: 'append', append: write, ...(this.#kind === 'rewind' ? { rewind: write } : {}) }
    }
    const read: Remote['read'] = async (path, range, sink, options, signal) => {
      const slow: typeof sink = async (chunk) => {
        this.stage.passes(READING_MS)
        this.read += chunk.length
        await sink(chunk)
      }
      this.#reading = true
      await given.read(path, range, slow, options, signal).finally(() => {
        this.#reading = false
      })
    }
    return { ...given, read, writer: { ...writer, resumer } }
  }
}

/** After a run that was cut off. */
async function cutOff(t: TestContext, kind: Kind): Promise<Link> {
  const stage = new Stage(t)
  writeFileSync(stage.path('in'), CONTENT)
  const first = new Link(stage, kind, 'stopped')
  first.cutAfter = KEPT / BLOCK
  assert.equal((await first.upload()).failure?.kind, 'stopped')
  assert.deepEqual(
    [...stage.server.files.values()].map((bytes) => bytes.length),
    [KEPT],
  )
  return new Link(stage, kind)
}

function assertWhole({ stage }: Link, result: TransferResult): void {
  assert.equal(result.status, 'complete', result.failure?.message)
  assert.ok(holds(stage.server.files.get('out'), CONTENT), 'wrong bytes')
  assert.deepEqual([...stage.server.files.keys()], ['out'])
}

const remembered = ({ stage }: Link): number => stage.hosts.get(PLACE)?.sends ?? assert.fail('nothing is remembered')

function remember({ stage }: Link, sends: number | null): void {
  stage.hosts.set(PLACE, { ...(stage.hosts.get(PLACE) ?? assert.fail('no memory')), sends })
}

test('an upload that is cut off leaves behind how fast it was, also where nothing was acknowledged', async (t) => {
  const rate = remembered(await cutOff(t, 'append'))
  const sent = (1000 * BLOCK) / SENDING_MS
  assert.ok(rate > sent * 0.9 && rate < sent * 1.1, `${rate} instead of ${sent}`)
})

for (const kind of ['append', 'rewind'] as const) {
  test(`${kind}: slow reading is given up by a new process that knows how fast sending was, and not by one that does not`, async (t) => {
    const knowing = await cutOff(t, kind)
    const plans: string[] = []
    knowing.stage.onEvent = (event) => void (event.kind === 'planned' && plans.push(event.decision))
    const result = await knowing.upload()
    assertWhole(knowing, result)
    assert.ok(knowing.read < 12 * BLOCK, `${knowing.read} bytes were read`)
    assert.ok(result.bytesTransferred > CONTENT.length - 12 * BLOCK, `${result.bytesTransferred} bytes were sent`)
    assert.match(plans.join(), kind === 'append' ? /would take longer than sending it$/ : /^continuing at/)
    const other = await cutOff(t, kind)
    remember(other, null)
    const whole = await other.upload()
    assertWhole(other, whole)
    assert.deepEqual([whole.resumedFrom, whole.bytesTransferred], [KEPT, CONTENT.length - KEPT])
    assert.ok(other.read >= KEPT, `${other.read} bytes were read`)
  })

  for (const sends of [0, 1, SENDS_MAX]) {
    test(`${kind}: a rate that was made up (${sends}) makes no wrong byte, and does not outlive an upload that is long enough to tell`, async (t) => {
      const link = await cutOff(t, kind)
      remember(link, sends)
      const result = await link.upload()
      assertWhole(link, result)
      if (result.bytesTransferred >= TELLING) assert.ok(remembered(link) < SENDS_MAX && remembered(link) > 1, `${remembered(link)}`)
      else assert.ok(sends <= 1 && link.read >= KEPT, `${link.read} bytes were read`)
    })
  }
}

test('what was given up for speed is read at the next attempt, where that was cut at the same place', async (t) => {
  const link = await cutOff(t, 'append')
  link.cutAfter = KEPT / BLOCK
  const result = await link.upload()
  assertWhole(link, result)
  assert.equal(result.bytesTransferred, CONTENT.length)
})
