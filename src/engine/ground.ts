/** What is still to be done to a partial whose bytes are proven while the missing ones are sent. Every byte leaves here proven, or to be sent. */
import { type ByteRange, EMPTY, prefixLength, type RangeSet, rangeSet, subtract, totalBytes, union } from '../core/ranges.ts'

export class Ground {
  #toSend: RangeSet
  #unproven: RangeSet
  #proven: RangeSet = EMPTY
  #sent: RangeSet = EMPTY

  constructor(toSend: RangeSet, unproven: RangeSet) {
    this.#toSend = toSend
    this.#unproven = unproven
  }

  get toSend(): number {
    return totalBytes(this.#toSend)
  }

  get unproven(): number {
    return totalBytes(this.#unproven)
  }

  get toProve(): RangeSet {
    return this.#unproven
  }

  get proven(): number {
    return totalBytes(this.#proven)
  }

  /** The next stretch to read back. */
  get nextToRead(): ByteRange | null {
    return this.#unproven[0] ?? null
  }

  /** The next stretch to send; it is on its way from now on. */
  takeToSend(): ByteRange | null {
    const next = this.#toSend[0]
    if (next === undefined) return null
    this.#toSend = this.#toSend.slice(1)
    return next
  }

  wasSent(range: ByteRange): void {
    this.#sent = union(this.#sent, [range])
  }

  /** Whether what follows this block is still to be read. A wrong block is to be sent. */
  judged(piece: ByteRange, same: boolean): boolean {
    this.#unproven = subtract(this.#unproven, [piece])
    if (same) this.#proven = union(this.#proven, [piece])
    else this.#toSend = union(this.#toSend, [piece])
    return this.#unproven[0]?.start === piece.end
  }

  /** At least so many of the unproven bytes, whole blocks from the end of what is there, are to be sent and no longer to be proven; never the block in hand. */
  sendFromTheEnd(bytes: number, blockSize: number): void {
    const inHand = this.#unproven[0]
    let left = bytes
    for (const range of this.#unproven.toReversed()) {
      if (left <= 0 || inHand === undefined) return
      const first = range.start === inHand.start ? (Math.floor(range.start / blockSize) + 1) * blockSize : range.start
      const cut = Math.max(first, Math.floor((range.end - left) / blockSize) * blockSize)
      const taken = rangeSet([{ start: cut, end: range.end }])
      this.#unproven = subtract(this.#unproven, taken)
      this.#toSend = union(this.#toSend, taken)
      left -= totalBytes(taken)
    }
  }

  /** What is not proven in this range, or at all, is to be sent. */
  sendUnproven(within: ByteRange | null = null): void {
    const cut = within === null ? this.#unproven : subtract(this.#unproven, subtract(this.#unproven, [within]))
    this.#unproven = subtract(this.#unproven, cut)
    this.#toSend = union(this.#toSend, cut)
  }

  /** Bytes that are right as far as anybody knows. */
  hopedFor(acknowledged: RangeSet): number {
    return totalBytes(union(this.#unproven, acknowledged))
  }

  /** Every byte of a file of this size was proven or sent. */
  covers(size: number): boolean {
    return prefixLength(union(this.#proven, this.#sent)) >= size
  }
}
