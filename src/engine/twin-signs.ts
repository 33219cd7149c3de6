/**
 * Partials of this content beside the target, by what was seen of them. One that is as an earlier attempt has seen it may as well be left of a run that died: it is a
 * sign of another run in one attempt only, unless the server tells no sizes.
 */
export class TwinSigns {
  readonly #earlier = new Map<string, number | null>()
  readonly #now = new Map<string, number | null>()
  readonly #ours = new Set<string>()

  /** `own`: what this process has left under a name of its own is a sign of nobody. */
  attemptBegins(own: string): void {
    this.#ours.add(own)
    for (const [name, size] of this.#now) this.#earlier.set(name, size)
    this.#now.clear()
  }

  isNew(name: string, size: number | null): boolean {
    if (this.#ours.has(name)) return false
    this.#now.set(name, size)
    return size === null || !this.#earlier.has(name) || this.#earlier.get(name) !== size
  }
}
