/** How fast bytes travel in this process: sending and reading, each alone and both at once, because each may take from the other. */
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

interface Spell {
  ms: number
  sent: number
  read: number
}

export class Pace {
  readonly #clock: Clock
  readonly #sending: Spell = { ms: 0, sent: 0, read: 0 }
  readonly #reading: Spell = { ms: 0, sent: 0, read: 0 }
  readonly #both: Spell = { ms: 0, sent: 0, read: 0 }
  #isSending = false
  #isReading = false
  #since = 0

  constructor(clock: Clock) {
    this.#clock = clock
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
    const rate = ({ ms }: Spell, bytes: number): number | null => (ms < MEASURED_MS ? null : bytes / ms)
    return {
      sendAlone: rate(this.#sending, this.#sending.sent),
      readAlone: rate(this.#reading, this.#reading.read),
      sendBeside: rate(this.#both, this.#both.sent),
      readBeside: rate(this.#both, this.#both.read),
    }
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
