import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Intake } from '../../src/remotes/ftp/intake.ts'

function fill(intake: Intake, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const room = intake.room()
    assert.ok(room.length > 0, 'there is always room')
    const count = Math.min(room.length, bytes.length - at)
    room.set(bytes.subarray(at, at + count))
    intake.advance(count)
    at += count
  }
}

const source = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 251))

describe('FTP intake', () => {
  test('delivers nothing before it is opened, then everything in order', async () => {
    const got: Buffer[] = []
    const intake = new Intake(source.length, (chunk) => void got.push(Buffer.from(chunk)))
    fill(intake, source.subarray(0, 1_000_000))
    assert.equal(got.length, 0)
    intake.open()
    fill(intake, source.subarray(1_000_000))
    assert.ok(Buffer.concat(got).equals(source))
    assert.ok(intake.full && intake.idle && !intake.overrun)
  })

  test('a slow sink gets each chunk unchanged while more arrives, and the sender is held back', async () => {
    const got: Buffer[] = []
    let release: () => void = () => undefined
    const intake = new Intake(source.length, async (chunk) => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      got.push(Buffer.from(chunk))
    })
    intake.open()
    let at = 0
    while (at < source.length || !intake.idle) {
      if (!intake.held && at < source.length) {
        const count = Math.min(intake.room().length, 100_000, source.length - at)
        intake.room().set(source.subarray(at, at + count))
        intake.advance(count)
        at += count
      } else {
        if (at === source.length) intake.flush()
        release()
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.ok(at - Buffer.concat(got).length < 3 * 1024 * 1024, 'bounded')
    }
    assert.ok(Buffer.concat(got).equals(source))
  })

  test('more than wanted is cut off and noticed', async () => {
    const got: Buffer[] = []
    const intake = new Intake(10, (chunk) => void got.push(Buffer.from(chunk)))
    intake.open()
    fill(intake, source.subarray(0, 1000))
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(Buffer.concat(got).equals(source.subarray(0, 10)))
    assert.ok(intake.overrun && intake.held)
  })

  test('a rest does not wait for ever, and nothing is delivered after the end of the exchange', async () => {
    const got: Buffer[] = []
    const intake = new Intake(source.length, (chunk) => void got.push(Buffer.from(chunk)))
    const taken = new Promise<void>((resolve) => {
      intake.onTaken = resolve
    })
    intake.open()
    fill(intake, source.subarray(0, 10))
    await taken
    assert.ok(Buffer.concat(got).equals(source.subarray(0, 10)))
    intake.close()
    fill(intake, source.subarray(10, 2_000_000))
    intake.flush()
    assert.equal(got.length, 1)
  })

  test('a failing sink is remembered and gets no more', async () => {
    let calls = 0
    const intake = new Intake(source.length, async () => {
      calls += 1
      throw new Error('full')
    })
    intake.open()
    fill(intake, source.subarray(0, 600_000))
    await new Promise((resolve) => setImmediate(resolve))
    fill(intake, source.subarray(0, 600_000))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(calls, 1)
    assert.match(String(intake.failure?.error), /full/)
  })
})
