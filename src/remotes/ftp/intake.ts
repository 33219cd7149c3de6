import type { Sink } from '../remote.ts'

const BUFFER_BYTES = 512 * 1024
/** A buffer with less room than this is handed on as it is: tiny reads cost more than the room is worth. */
const ROOM_MIN = 64 * 1024
/** Full buffers that may wait for the sink before the sender is held back. */
const WAITING_MAX = 2

interface Piece {
  readonly bytes: Buffer
  /** The buffer to use again once these bytes are with the sink. */
  readonly emptied: Buffer | null
}

/**
 * Between socket and sink: while the sink is busy the socket goes on filling the next buffer, so that the sink gets few large chunks and neither waits
 * for the other. Takes at most `limit` bytes and notices when there are more.
 */
export class Intake {
  readonly #limit: number
  readonly #sink: Sink
  #filling: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #delivered = 0
  #filled = 0
  readonly #free: Buffer[] = []
  readonly #waiting: Piece[] = []
  #busy = false
  #open = false
  #scheduled = false
  #received = 0
  #overrun = false
  #failure: { readonly error: unknown } | null = null
  /** Called when bytes have arrived, and when the sink has taken some or failed. */
  onArrival: () => void = () => undefined
  onTaken: () => void = () => undefined

  constructor(limit: number, sink: Sink) {
    this.#limit = limit
    this.#sink = sink
  }

  /** Bytes of the range that have arrived. */
  get received(): number {
    return this.#received
  }

  /** Everything wanted has arrived. */
  get full(): boolean {
    return this.#received >= this.#limit
  }

  /** The server sent more than was wanted. */
  get overrun(): boolean {
    return this.#overrun
  }

  get failure(): { readonly error: unknown } | null {
    return this.#failure
  }

  /** Whether every byte that arrived is with the sink. */
  get idle(): boolean {
    return !this.#busy && this.#waiting.length === 0 && this.#delivered === this.#filled
  }

  /** The sink is behind. */
  get congested(): boolean {
    return this.#waiting.length >= WAITING_MAX
  }

  /** No more bytes, for now or for good. */
  get held(): boolean {
    return this.congested || this.#overrun || this.#failure !== null
  }

  /** Before this nothing reaches the sink: the server may not have been verified, or may yet refuse. */
  open(): void {
    this.#open = true
    this.#deliver()
  }

  /** Where the next bytes go; never empty. */
  room(): Buffer {
    return this.#filling.subarray(this.#filled)
  }

  /** `count` bytes were put into `room()`. */
  advance(count: number): void {
    const wanted = Math.min(count, this.#limit - this.#received)
    if (wanted < count) this.#overrun = true
    this.#received += wanted
    this.#filled += wanted
    if (this.#filling.length - this.#filled < ROOM_MIN) this.#turn()
    this.#deliverSoon()
    this.onArrival()
  }

  #turn(): void {
    this.#waiting.push({ bytes: this.#filling.subarray(this.#delivered, this.#filled), emptied: this.#filling })
    this.#filling = this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    this.#delivered = 0
    this.#filled = 0
  }

  /** Full buffers at once; a rest when the sockets have been looked through, because more usually follows. */
  #deliverSoon(): void {
    if (!this.#open || this.#busy) return
    if (this.#waiting.length > 0) this.#deliver()
    else if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.#deliver()
        this.onTaken()
      })
    }
  }

  #next(): Piece | null {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting
    if (this.#delivered === this.#filled) return null
    const bytes = this.#filling.subarray(this.#delivered, this.#filled)
    this.#delivered = this.#filled
    return { bytes, emptied: null }
  }

  #deliver(): void {
    while (!this.#busy && this.#failure === null) {
      const piece = this.#next()
      if (piece === null) return
      if (piece.bytes.length === 0) {
        this.#release(piece)
        continue
      }
      try {
        const taken = this.#sink(piece.bytes)
        if (taken === undefined) this.#release(piece)
        else this.#await(taken, piece)
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  #await(taken: Promise<void>, piece: Piece): void {
    this.#busy = true
    taken.then(
      () => {
        this.#busy = false
        this.#release(piece)
        this.#deliver()
        this.onTaken()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #release(piece: Piece): void {
    if (piece.emptied !== null) this.#free.push(piece.emptied)
  }

  #fail(error: unknown): void {
    this.#busy = false
    this.#failure ??= { error }
    this.onTaken()
  }
}
