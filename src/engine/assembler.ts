import type { ByteRange } from '../core/ranges.ts'
import type { LocalPartial } from '../local/local.ts'

/** Blocks being written while the next one fills. */
const WRITES_AHEAD = 4

export interface BlockWritten {
  readonly index: number
  readonly range: ByteRange
  readonly check: string
}

/**
 * Gathers the bytes of one segment into blocks, which are checked and written as a whole. Buffers are reused: at most WRITES_AHEAD + 1 exist.
 * The segment starts at a block's edge; a block that the segment leaves incomplete is dropped unless `finish` is called.
 */
export class BlockAssembler {
  private readonly partial: LocalPartial
  private readonly blockSize: number
  private readonly check: (bytes: Uint8Array) => string
  private readonly written: (block: BlockWritten) => void
  private readonly spare: Uint8Array<ArrayBuffer>[] = []
  private readonly writing = new Set<Promise<void>>()
  private block: Uint8Array<ArrayBuffer>
  private filled = 0
  private at: number
  private failure: { readonly error: unknown } | null = null

  constructor(
    partial: LocalPartial,
    blockSize: number,
    check: (bytes: Uint8Array) => string,
    start: number,
    written: (block: BlockWritten) => void,
  ) {
    this.check = check
    this.partial = partial
    this.blockSize = blockSize
    this.at = start
    this.written = written
    this.block = new Uint8Array(blockSize)
  }

  /** Bytes taken so far, from the start of the segment. */
  get position(): number {
    return this.at + this.filled
  }

  push(chunk: Uint8Array): void | Promise<void> {
    let rest = chunk
    while (rest.length > 0) {
      const piece = rest.subarray(0, this.blockSize - this.filled)
      this.block.set(piece, this.filled)
      this.filled += piece.length
      rest = rest.subarray(piece.length)
      if (this.filled === this.blockSize) this.write()
    }
    if (this.failure !== null) throw this.failure.error
    if (this.writing.size > WRITES_AHEAD) return this.settle()
  }

  /** Writes what is left of the last block and waits for everything. */
  async finish(): Promise<void> {
    if (this.filled > 0) this.write()
    await this.drain()
    if (this.failure !== null) throw this.failure.error
  }

  /** Waits for the writes under way and drops the incomplete block. Never rejects. */
  async drain(): Promise<void> {
    await Promise.all(this.writing)
  }

  private async settle(): Promise<void> {
    while (this.writing.size > WRITES_AHEAD) await Promise.race(this.writing)
    if (this.failure !== null) throw this.failure.error
  }

  private write(): void {
    const block = this.block
    const bytes = block.subarray(0, this.filled)
    const range = { start: this.at, end: this.at + this.filled }
    this.at = range.end
    this.filled = 0
    this.block = this.spare.pop() ?? new Uint8Array(this.blockSize)
    const check = this.check(bytes)
    const job = this.partial
      .write(range.start, bytes)
      .then(() => this.written({ index: Math.floor(range.start / this.blockSize), range, check }))
      .catch((error: unknown) => {
        this.failure ??= { error }
      })
      .finally(() => {
        this.spare.push(block)
        this.writing.delete(job)
      })
    this.writing.add(job)
  }
}
