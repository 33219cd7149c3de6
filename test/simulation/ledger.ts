/** What became of the final name, change by change, and by whom. */

/**
 * `renamed`: a file was given the name. `put back`: one that had been moved aside. `aside`: the file was given another one. `deleted`: the server removed it to make room. `removed`: a process asked for that.
 * `created`: a process made a new file there. `written`: what is under the name changed. `others`: people.
 */
export type How = 'renamed' | 'put back' | 'aside' | 'deleted' | 'removed' | 'created' | 'written' | 'others'

export interface Change {
  /** The attempt that did it; null: somebody else, or a session that outlived its attempt. */
  readonly author: object | null
  readonly how: How
  readonly content: Buffer | null
  /** What stood there before came after the author's last look. */
  readonly unseen: boolean
  /** The author had sent such a request before, whose answer was lost. */
  readonly again: boolean
  /** A whole new file lies beside the final name. */
  readonly beside: boolean
  /** Permission bits of what is there, where the server tells them. */
  readonly mode: number | null
  /** The author could not know whether what it put there was right. */
  readonly doubted: boolean
}

export class Ledger {
  readonly changes: Change[] = []

  /** Before this the name is as it is, by nobody of those who are judged. */
  begin(content: Buffer | null, mode: number | null = null): void {
    this.changes.length = 0
    this.changes.push({ author: null, how: 'others', content, unseen: false, again: false, beside: false, mode, doubted: false })
  }

  note(
    author: object | null,
    how: How,
    content: Buffer | null,
    { unseen = false, again = false, beside = false, mode = null as number | null, doubted = false } = {},
  ): void {
    if (this.changes.at(-1)?.content === content && how !== 'renamed' && how !== 'put back') return
    this.changes.push({ author, how, content, unseen, again, beside, mode, doubted })
  }

  get length(): number {
    return this.changes.length
  }
}
