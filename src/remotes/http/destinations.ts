/**
 * MOVE and COPY name where to in a header of their own. Behind a proxy that ends TLS a server does not know itself by `https:` and refuses (mod_dav: 502); then `http:`
 * with the same host and port will do, or the path alone. What was understood once is used for the session.
 */
import { EXCERPT, type Finished } from './intake.ts'
import { targetOf } from './location.ts'
import type { Session } from './session.ts'

type Spell = (origin: string, path: string) => string

/** In their order, with the answers to the one before after which they are tried. 403 is also said of rights, where only the harmless second one may follow. */
const SPELLINGS: readonly { readonly spell: Spell; readonly after: readonly number[] }[] = [
  { spell: (origin, path) => origin + path, after: [] },
  { spell: (origin, path) => origin.replace(/^https:/, 'http:') + path, after: [400, 403, 421, 502] },
  { spell: (_origin, path) => path, after: [400, 421, 502] },
]

export interface Relocation {
  readonly method: 'MOVE' | 'COPY'
  readonly from: string
  readonly to: string
  readonly headers: Readonly<Record<string, string>>
  readonly lastWordMs: number
}

export class Destinations {
  #understood: Spell | null = null

  /** The answer to the spelling that was understood, or to the first. */
  async relocate(session: Session, { method, from, to, headers, lastWordMs }: Relocation, signal: AbortSignal): Promise<Finished> {
    const target = targetOf(session.origin, to)
    const ask = (spell: Spell): Promise<Finished> => {
      const destination = spell(target.origin, target.path)
      return session.perform({ method, path: from, headers: { ...headers, destination }, lastWordMs }, () => EXCERPT, signal)
    }
    if (this.#understood !== null) return ask(this.#understood)
    const answers: Finished[] = []
    for (const { spell, after } of SPELLINGS) {
      const before = answers.at(-1)?.reply.status
      const isSame = before !== undefined && spell(target.origin, target.path) === target.origin + target.path
      if (isSame || (before !== undefined && !after.includes(before))) continue
      const finished = await ask(spell)
      const { status } = finished.reply
      if (status >= 200 && status < 300 && status !== 207) this.#understood = spell
      if (![400, 403, 421, 502].includes(status)) return finished
      answers.push(finished)
    }
    return answers[0] as Finished
  }
}
