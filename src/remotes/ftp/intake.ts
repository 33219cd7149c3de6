import type { Sink } from '../remote.ts'

const BUFFER_BYTES = 512 * 1024
/** A buffer with less room than this is handed on as it is: tiny reads cost more than the room is worth. */
const ROOM_MIN = 64 * 1024
/** Full buffers that may wait for the sink before the sender is held back. */
const WAITING_MAX = 2
/** How long a buffer that does not fill may keep its bytes from the sink. */
const LINGER_MS = 20

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
  /** Nothing more is expected: rests are delivered, too. */
  #last = false
  #linger: NodeJS.Timeout | undefined
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

  /** Delivers what there is; nothing more will arrive. */
  flush(): void {
    this.#last = true
    this.#deliver()
  }

  /** From now on nothing reaches the sink, however the exchange ended. */
  close(): void {
    this.#open = false
    clearTimeout(this.#linger)
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
    if (this.full) this.#last = true
    this.#deliver()
    this.onArrival()
  }

  #turn(): void {
    this.#waiting.push({ bytes: this.#filling.subarray(this.#delivered, this.#filled), emptied: this.#filling })
    this.#filling = this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    this.#delivered = 0
    this.#filled = 0
  }

  #next(rest: boolean): Piece | null {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined || !rest || this.#delivered === this.#filled) return waiting ?? null
    const bytes = this.#filling.subarray(this.#delivered, this.#filled)
    this.#delivered = this.#filled
    return { bytes, emptied: null }
  }

  /** Full buffers at once. A rest only when it is the last or has lingered: few large writes to disk cost much less than many small ones. */
  #deliver(rest = this.#last): void {
    while (this.#open && !this.#busy && this.#failure === null) {
      const piece = this.#next(rest)
      if (piece === null) break
      this.#hand(piece)
    }
    const waits = this.#open && !this.#busy && this.#failure === null && this.#delivered < this.#filled
    if (waits) this.#linger ??= setTimeout(() => this.#onLinger(), LINGER_MS)
  }

  #onLinger(): void {
    this.#linger = undefined
    this.#deliver(true)
    this.onTaken()
  }

  #hand(piece: Piece): void {
    if (piece.bytes.length === 0) {
      this.#release(piece)
      return
    }
    try {
      const taken = this.#sink(piece.bytes)
      if (taken === undefined) this.#release(piece)
      else this.#await(taken, piece)
    } catch (error) {
      this.#fail(error)
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
