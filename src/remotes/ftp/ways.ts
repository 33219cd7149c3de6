/**
 * What a server turned out to do and not to do, for every connection of a Remote: a way that was refused is not tried again, and one that has worked is believed
 * when it says that there is nothing.
 */
export class Ways {
  readonly #worked = new Set<string>()
  readonly #refused = new Set<string>()
  /** A look by a way that has never worked found nothing where something had just been stored: from such a way `nothing` is no knowledge. */
  blind = false
  /** Which of the two is asked first for a data connection. */
  passive: 'EPSV' | 'PASV' = 'EPSV'
  /** How names in other directories are spelled, once a server has taken none as they come. */
  spelling: Spelling = 'given'

  allows(way: string): boolean {
    return !this.#refused.has(way)
  }

  proven(way: string): boolean {
    return this.#worked.has(way)
  }

  worked(way: string): void {
    this.#worked.add(way)
  }

  /** Of a way that has worked before it says only something about this one name. */
  refused(way: string): void {
    if (!this.#worked.has(way)) this.#refused.add(way)
  }

  /** True the first time: for what a person should hear once. */
  first(what: string): boolean {
    if (this.#worked.has(what)) return false
    this.#worked.add(what)
    return true
  }
}

/** `given`: as the path comes; `bare`: the name alone, after CWD into its directory; `absolute`: below the login directory's own path. */
export type Spelling = 'given' | 'bare' | 'absolute'
