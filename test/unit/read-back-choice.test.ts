/** The choice between proving kept bytes and sending them again, as a table. Rates in bytes per millisecond. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rates } from '../../src/engine/pace.ts'
import { type ProofFacts, type ProofWay, readingPays, readsOn, toSendAgain, wayToProve } from '../../src/engine/read-back-choice.ts'

const UNKNOWN: Rates = { sendAlone: null, readAlone: null, sendBeside: null, readBeside: null }
const MIB = 1024 * 1024
const at = (known: Partial<Rates>): Rates => ({ ...UNKNOWN, ...known })

const WAYS: readonly (readonly [what: string, facts: Partial<ProofFacts>, way: ProofWay])[] = [
  ['a digest moves nothing: what is missing is sent meanwhile', { digests: true }, 'beside'],
  ['a digest, and nothing is missing', { digests: true, missing: 0 }, 'digest'],
  ['a digest of a server that writes only at the end', { digests: true, writesAnywhere: false }, 'digest'],
  ['a digest where nobody is let in twice', { digests: true, connectionsMax: 1 }, 'digest'],
  ['a digest, whatever was measured', { digests: true, rates: at({ readAlone: 1, sendAlone: 1000 }) }, 'beside'],
  ['nothing known, writes anywhere', {}, 'beside'],
  ['nothing known, one exchange at a time', { connectionsMax: 1 }, 'read-first'],
  ['nothing known, appends', { writesAnywhere: false }, 'read-first'],
  ['reading is slower', { rates: at({ readAlone: 500, sendAlone: 1000 }) }, 'beside'],
  ['reading is hopeless', { rates: at({ readAlone: 50, sendAlone: 1000 }) }, 'send-again'],
  ['reading is hopeless, appends', { writesAnywhere: false, rates: at({ readAlone: 50, sendAlone: 1000 }) }, 'send-again'],
  ['reading was measured beside sending only', { rates: at({ readBeside: 10, sendBeside: 1000 }) }, 'send-again'],
  ['reading is hopeless, and there is little to read', { kept: 1000, rates: at({ readAlone: 50, sendAlone: 1000 }) }, 'beside'],
  ['only sending was measured', { rates: at({ sendAlone: 1000 }) }, 'beside'],
  ['50 Mbit/s down, 1 Gbit/s up', { writesAnywhere: false, rates: at({ readAlone: 6250, sendAlone: 125_000 }) }, 'send-again'],
  ['nothing read yet, sending remembered, appends', { writesAnywhere: false, rates: at({ sendAlone: 125_000 }) }, 'read-first'],
  ['only reading was measured', { rates: at({ readAlone: 1 }) }, 'beside'],
]

test('wayToProve', () => {
  for (const [what, facts, way] of WAYS) {
    assert.equal(
      wayToProve({
        kept: 900 * MIB,
        missing: 100 * MIB,
        digests: false,
        writesAnywhere: true,
        connectionsMax: 4,
        rates: UNKNOWN,
        ...facts,
      }),
      way,
      what,
    )
  }
})

test('readsOn: reads first as long as sending instead would take as long', () => {
  const table: readonly (readonly [what: string, left: number, again: number, rates: Rates, on: boolean])[] = [
    ['nothing known', 100 * MIB, 100 * MIB, UNKNOWN, true],
    ['sending not known', 100 * MIB, 100 * MIB, at({ readAlone: 1 }), true],
    ['as fast', 100 * MIB, 100 * MIB, at({ readAlone: 1000, sendAlone: 1000 }), true],
    ['nearly as fast', 100 * MIB, 100 * MIB, at({ readAlone: 950, sendAlone: 1000 }), true],
    ['half as fast', 100 * MIB, 100 * MIB, at({ readAlone: 500, sendAlone: 1000 }), false],
    [
      'half as fast, but all would have to be sent for the last quarter',
      25 * MIB,
      100 * MIB,
      at({ readAlone: 500, sendAlone: 1000 }),
      true,
    ],
    ['nothing left', 0, 0, at({ readAlone: 1, sendAlone: 1000 }), true],
    ['50 Mbit/s down, 1 Gbit/s up: all', 227 * MIB, 227 * MIB, at({ readAlone: 6250, sendAlone: 125_000 }), false],
    ['50 Mbit/s down, 1 Gbit/s up: the last two seconds', 11 * MIB, 227 * MIB, at({ readAlone: 6250, sendAlone: 125_000 }), true],
    ['as measured beside sending, which is slower than what was', 227 * MIB, 227 * MIB, at({ readAlone: 6250, sendBeside: 6250 }), true],
    ['a rate that was made up: none', 227 * MIB, 227 * MIB, at({ readAlone: 6250, sendAlone: 0 }), true],
    ['a rate that was made up: more than there is', 227 * MIB, 227 * MIB, at({ readAlone: 6250, sendAlone: 2 ** 40 / 1000 }), false],
    ['a rate that was made up, and two seconds', 11 * MIB, 227 * MIB, at({ readAlone: 6250, sendAlone: 2 ** 40 / 1000 }), true],
    ['neither moves', 100, 100, at({ readAlone: 0, sendAlone: 0 }), true],
  ]
  for (const [what, left, again, rates, on] of table) assert.equal(readsOn(left, again, rates), on, what)
})

test('readingPays: beside sending, as long as both together get on faster', () => {
  const table: readonly (readonly [what: string, rates: Rates, pays: boolean])[] = [
    ['nothing known', UNKNOWN, true],
    ['two ways that do not touch each other', at({ sendAlone: 1000, sendBeside: 1000, readBeside: 100 }), true],
    ['one processor for both', at({ sendAlone: 1000, sendBeside: 500, readBeside: 500 }), true],
    ['reading takes more than it gives', at({ sendAlone: 1000, sendBeside: 500, readBeside: 400 }), false],
    ['hopeless', at({ sendAlone: 1000, sendBeside: 1000, readBeside: 50 }), false],
    ['hopeless, sending measured beside it only', at({ sendBeside: 1000, readBeside: 50 }), false],
    ['alone not measured', at({ sendBeside: 500, readBeside: 100 }), true],
  ]
  for (const [what, rates, pays] of table) assert.equal(readingPays(900 * MIB, rates), pays, what)
  assert.equal(readingPays(50_000, at({ sendAlone: 1000, sendBeside: 500, readBeside: 50 })), true, 'soon done')
})

test('toSendAgain: so much that both meet', () => {
  const table: readonly (readonly [what: string, unproven: number, rates: Rates, bytes: number])[] = [
    ['nothing known', 900 * MIB, UNKNOWN, 0],
    ['reading is as fast', 900 * MIB, at({ readAlone: 1000, sendAlone: 1000 }), 0],
    ['reading is faster', 900 * MIB, at({ readAlone: 3000, sendAlone: 1000 }), 0],
    ['half as fast', 900 * MIB, at({ readAlone: 500, sendAlone: 1000 }), 600 * MIB],
    ['half as fast, seen beside each other', 900 * MIB, at({ readBeside: 250, sendBeside: 500, sendAlone: 1000 }), 600 * MIB],
    ['soon read', MIB, at({ readAlone: MIB / 1900, sendAlone: MIB }), 0],
    ['sending not known and reading soon done', MIB, at({ readAlone: MIB / 3500 }), 0],
    ['sending not known and reading takes long', 320 * MIB, at({ readAlone: 1000 }), 10 * MIB],
  ]
  for (const [what, unproven, rates, bytes] of table) assert.equal(toSendAgain(unproven, rates), bytes, what)
  const rates = at({ readAlone: 500, sendAlone: 1000 })
  assert.deepEqual([toSendAgain(600_000, rates), toSendAgain(600_000, rates, true), toSendAgain(200_000, rates, true)], [0, 400_000, 0])
})

test('continuing is never slower than starting over by more than a tenth, where the two ways do not touch each other', () => {
  for (const kept of [0.05, 0.3, 0.5, 0.9, 1]) {
    for (const read of [10, 62, 100, 500, 899, 950, 1000, 5000]) {
      const [size, send] = [1_000_000_000, 1000]
      const rates = at({ sendAlone: send, sendBeside: send, readAlone: read, readBeside: read })
      const sendingMs = ((1 - kept) * size) / send
      const left = readingPays(kept * size, rates) ? Math.max(0, kept * size - read * sendingMs) : kept * size
      const again = readingPays(kept * size, rates) ? toSendAgain(left, rates) : left
      const took = sendingMs + (again > 0 ? again / send : left / read)
      // What is read within two seconds is left to the reading.
      assert.ok(took <= (size / send) * 1.12 + (again === 0 ? 2000 : 0), `${kept} kept, reading at ${read}: ${took} ms`)
    }
  }
})
