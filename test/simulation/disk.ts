/** A machine's disk in memory: names, and the files that they mean. */

export const NO_BYTES = Buffer.alloc(0)

/** Contents are never changed in place: who holds `bytes` holds them as they were. */
export interface Inode {
  bytes: Buffer
  /** How often somebody else than the process that has it open wrote to it. */
  touched: number
  /** The process that has it open for writing. */
  owner: { readonly alive: boolean } | null
}

export class Disk {
  readonly #names = new Map<string, Inode>()

  get(name: string): Buffer | undefined {
    return this.#names.get(name)?.bytes
  }

  /** A new file under this name; who has the old one open keeps it. */
  set(name: string, bytes: Buffer): void {
    this.#names.set(name, { bytes, touched: 0, owner: null })
  }

  inode(name: string): Inode | undefined {
    return this.#names.get(name)
  }

  place(name: string, inode: Inode): void {
    this.#names.set(name, inode)
  }

  /** Others write into the file itself. */
  touch(name: string, bytes: Buffer): void {
    const inode = this.#names.get(name)
    if (inode === undefined) return
    inode.bytes = bytes
    inode.touched += 1
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  delete(name: string): boolean {
    return this.#names.delete(name)
  }

  keys(): IterableIterator<string> {
    return this.#names.keys()
  }
}
