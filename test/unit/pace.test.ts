/** Rates as they are measured, and what an earlier process has left of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SENDS_MAX } from '../../src/core/journal-hosts.ts'
import { Pace, type Rates } from '../../src/engine/pace.ts'

const NOTHING: Rates = { sendAlone: null, readAlone: null, sendBeside: null, readBeside: null }

class Way {
  #now = 0
  readonly pace: Pace

  constructor(remembered: number | null) {
    this.pace = new Pace({ nowMs: () => this.#now, sleep: async () => {}, after: () => () => {} }, remembered)
  }

  /** Ten pieces of `bytes`, each of which takes `ms`. */
  async goes(how: 'sending' | 'reading' | 'both', bytes: number, ms: number): Promise<void> {
    const step = (): void => {
      if (how !== 'reading') this.pace.sent(bytes)
      if (how !== 'sending') this.pace.read(how === 'both' ? bytes / 2 : bytes)
    }
    const pieces = async (): Promise<void> => {
      step()
      for (let i = 0; i < 10; i += 1) {
        this.#now += ms
        step()
      }
    }
    if (how === 'reading') await this.pace.reading(pieces)
    else if (how === 'sending') await this.pace.sending(pieces)
    else await this.pace.reading(() => this.pace.sending(pieces))
  }
}

type Spell = readonly [how: 'sending' | 'reading' | 'both', bytes: number, ms: number]

const TABLE: readonly (readonly [what: string, remembered: number | null, spells: readonly Spell[], rates: Partial<Rates>])[] = [
  ['nothing', null, [], {}],
  ['what an earlier process measured', 125_000_000, [], { sendAlone: 125_000 }],
  ['it stands beside what this one has read', 125_000_000, [['reading', 500_000, 80]], { sendAlone: 125_000, readAlone: 6250 }],
  ['what was sent for a moment tells nothing', 125_000_000, [['sending', 1000, 49]], { sendAlone: 125_000 }],
  ['what this one has sent replaces it', 125_000_000, [['sending', 1000, 50]], { sendAlone: 20 }],
  ['also what it has sent beside reading', 125_000_000, [['both', 1000, 50]], { sendBeside: 20, readBeside: 10 }],
  ['a rate of nothing', 0, [['reading', 500, 50]], { sendAlone: 0, readAlone: 10 }],
]

test('what is remembered of sending counts until this process has measured its own', async () => {
  for (const [what, remembered, spells, rates] of TABLE) {
    const way = new Way(remembered)
    for (const spell of spells) await way.goes(...spell)
    assert.deepEqual(way.pace.rates, { ...NOTHING, ...rates }, what)
  }
})

test('what is remembered changes when sending was measured, by more than a quarter, and is a count that a journal can hold', async () => {
  const after = async (known: number | null, ...spells: readonly Spell[]): Promise<number | null> => {
    const way = new Way(known)
    for (const spell of spells) await way.goes(...spell)
    return way.pace.toRemember(known)
  }
  assert.equal(await after(null), null)
  assert.equal(await after(5000), 5000)
  assert.equal(await after(null, ['reading', 1000, 100]), null)
  assert.equal(await after(null, ['both', 1000, 100]), null, 'sending was held up by reading')
  assert.equal(await after(null, ['sending', 1000, 49]), null, 'a moment')
  assert.equal(await after(null, ['sending', 1000, 100]), 10_000)
  assert.equal(await after(8000, ['sending', 1000, 100]), 8000, 'a quarter more')
  assert.equal(await after(7999, ['sending', 1000, 100]), 10_000)
  assert.equal(await after(13_333, ['sending', 1000, 100]), 13_333, 'a quarter less')
  assert.equal(await after(13_334, ['sending', 1000, 100]), 10_000)
  assert.equal(await after(0, ['sending', 1000, 100]), 10_000)
  assert.equal(await after(SENDS_MAX, ['sending', 1000, 100]), 10_000, 'what was made up does not last')
  assert.equal(await after(null, ['sending', 1, 300]), 3, 'whole bytes')
  assert.equal(await after(null, ['sending', 1e15, 50]), SENDS_MAX)
})
