/** How fast bytes travel in this process: sending and reading, each alone and both at once, because each may take from the other. */
import { SENDS_MAX } from '../core/journal-hosts.ts'
import type { Clock } from './ports.ts'

/** Bytes per millisecond; null where too little was seen. */
export interface Rates {
  readonly sendAlone: number | null
  readonly readAlone: number | null
  /** Of the two while both went on. */
  readonly sendBeside: number | null
  readonly readBeside: number | null
}

/** Anything shorter says more of the beginning of a connection than of the way. */
const MEASURED_MS = 500
/** Of what is remembered: a rate that differs by less is not worth a save. */
const DIFFERS_SHARE = 1 / 4

interface Spell {
  ms: number
  sent: number
  read: number
}

export class Pace {
  readonly #clock: Clock
  readonly #remembered: number | null
  readonly #sending: Spell = { ms: 0, sent: 0, read: 0 }
  readonly #reading: Spell = { ms: 0, sent: 0, read: 0 }
  readonly #both: Spell = { ms: 0, sent: 0, read: 0 }
  #isSending = false
  #isReading = false
  #since = 0

  /**
   * `remembered`: what an earlier process measured of sending alone, in bytes per second. It stands in until this one has sent enough to know, so that what is read
   * before anything is sent can be weighed. It may be old or made up, and then the slower way is taken, once: whatever is not proven is sent.
   */
  constructor(clock: Clock, remembered: number | null = null) {
    this.#clock = clock
    this.#remembered = remembered
  }

  /** Bytes are being sent while `work` runs, from the first one on: what comes before it is the connection's. */
  async sending<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } finally {
      this.#tick()
      this.#isSending = false
    }
  }

  async reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } finally {
      this.#tick()
      this.#isReading = false
    }
  }

  sent(bytes: number): void {
    const spell = this.#tick()
    if (this.#isSending && spell !== null) spell.sent += bytes
    this.#isSending = true
  }

  read(bytes: number): void {
    const spell = this.#tick()
    if (this.#isReading && spell !== null) spell.read += bytes
    this.#isReading = true
  }

  get rates(): Rates {
    const sendBeside = rate(this.#both, this.#both.sent)
    const remembered = this.#remembered === null || sendBeside !== null ? null : this.#remembered / 1000
    return {
      sendAlone: rate(this.#sending, this.#sending.sent) ?? remembered,
      readAlone: rate(this.#reading, this.#reading.read),
      sendBeside,
      readBeside: rate(this.#both, this.#both.read),
    }
  }

  /** What the next process should know of sending alone, in bytes per second: what was measured here, or else `known`, also where both are about the same. */
  toRemember(known: number | null): number | null {
    const measured = rate(this.#sending, this.#sending.sent)
    if (measured === null) return known
    const sends = Math.min(Math.round(measured * 1000), SENDS_MAX)
    return known === null || Math.abs(sends - known) > known * DIFFERS_SHARE ? sends : known
  }

  /** The time since the last look belongs to what went on meanwhile. */
  #tick(): Spell | null {
    const now = this.#clock.nowMs()
    const spell = this.#isSending && this.#isReading ? this.#both : this.#isSending ? this.#sending : this.#isReading ? this.#reading : null
    if (spell !== null) spell.ms += now - this.#since
    this.#since = now
    return spell
  }
}

function rate({ ms }: Spell, bytes: number): number | null {
  return ms < MEASURED_MS ? null : bytes / ms
}
