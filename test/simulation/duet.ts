/** Two processes take turns, so that what they do can meet at every step. */

/** How the second process is. */
export interface TwinPlan {
  /** The attempt, from 0, during which it runs. */
  readonly attempt: number
  /** Of the source: the same one, or another version. */
  readonly version: 'same' | 'other'
  /** The journal that it begins with. */
  readonly state: 'shared' | 'own'
  /** Whether it comes to its end, or dies after the last of its slices. */
  readonly fate: 'ends' | 'dies'
  /** Steps of the first process, of the second, and so on; then the one whose turn it is goes to its end, and then the other. */
  readonly slices: readonly number[]
}

export function twinText({ attempt, version, state, fate, slices }: TwinPlan): string {
  return `${attempt}.${version}.${state}.${fate}@${slices.join('-')}`
}

export function parseTwin(text: string): TwinPlan {
  const found = /^(\d+)\.(same|other)\.(shared|own)\.(ends|dies)@(\d+(?:-\d+)*)$/.exec(text)
  if (found === null) throw new Error(`no second process: ${text}`)
  const [, attempt, version, state, fate, slices = ''] = found
  return {
    attempt: Number(attempt),
    version: version === 'same' ? 'same' : 'other',
    state: state === 'own' ? 'own' : 'shared',
    fate: fate === 'dies' ? 'dies' : 'ends',
    slices: slices.split('-').map(Number),
  }
}

interface Player {
  /** Dies with its next step. */
  crashes: boolean
}

type Place = 0 | 1

export class Duet {
  readonly #players: readonly [Player, Player]
  readonly #slices: readonly number[]
  readonly #dies: boolean
  readonly #waiting: readonly [(() => void)[], (() => void)[]] = [[], []]
  readonly #over: [boolean, boolean] = [false, false]
  #current: Place = 0
  #slice = 0
  #left: number

  constructor(players: readonly [Player, Player], { slices, fate }: TwinPlan) {
    this.#players = players
    this.#slices = slices
    this.#dies = fate === 'dies'
    this.#left = slices[0] ?? Number.POSITIVE_INFINITY
  }

  /** Undefined when it is this one's turn. */
  pause(place: Place): Promise<void> | undefined {
    if (place === this.#current) {
      this.#left -= 1
      if (this.#left >= 0 || this.#over[other(place)]) return
      this.#pass()
    }
    return new Promise((resume) => this.#waiting[place].push(resume))
  }

  ended(place: Place): void {
    this.#over[place] = true
    if (this.#current === place) this.#pass()
  }

  #pass(): void {
    const from = this.#current
    this.#current = other(from)
    this.#slice += 1
    this.#left = this.#slices[this.#slice] ?? Number.POSITIVE_INFINITY
    if (from === 1 && this.#dies && this.#slice >= this.#slices.length && !this.#over[1]) {
      this.#players[1].crashes = true
      for (const resume of this.#waiting[1].splice(0)) resume()
    }
    for (const resume of this.#waiting[this.#current].splice(0)) resume()
  }
}

function other(place: Place): Place {
  return place === 0 ? 1 : 0
}
