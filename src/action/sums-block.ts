/** The text of a file of checksums, and which of its lines belong together: `Path : name` beside `Hash : hex`, as PowerShell lists them and others do. */
import { belowHeader, bitsOf, type Entry, entriesOf, entryOf, isHeader } from './sums-lines.ts'

/** A name has 4096 bytes at most; longer lines are no checksums. */
const LINE_LENGTH_MAX = 16_384
const ARMOUR_BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----'
const SIGNATURE_BEGIN = '-----BEGIN PGP SIGNATURE-----'

const KEY = /^(Algorithm|Hash|Path|File|File ?name) *: *(.+)$/i

export function entriesIn(text: string): readonly Entry[] {
  const entries: Entry[] = []
  let block = new SumsBlock()
  const end = (): void => {
    entries.push(...block.entries())
    block = new SumsBlock()
  }
  let header: string | null = null
  for (const line of joined(text)) {
    if (line.length > LINE_LENGTH_MAX) continue
    const bare = line.trim()
    if (bare === '' || block.repeats(bare)) end()
    const found: readonly Entry[] | null = header === null ? null : belowHeader(header, bare)
    header = found === null && isHeader(bare) ? bare : null
    if (found !== null) entries.push(...found)
    else if (!block.takes(bare)) block.add(entriesOf(line))
  }
  end()
  return entries
}

/** The lines without the frame of a signature; a digest that goes on in the next line, as gpg prints it, is one, and so is a long path of PowerShell. */
function* joined(text: string): Generator<string> {
  let whole: string | null = null
  let key: string | null = null
  let isSigned = false
  for (const raw of text.split(/\r?\n/)) {
    if (raw.startsWith(ARMOUR_BEGIN)) isSigned = true
    if (raw.startsWith(SIGNATURE_BEGIN)) break
    const line: string = isSigned && raw.startsWith('- ') ? raw.slice(2) : raw
    const goesOn: boolean = whole !== null && whole.length < LINE_LENGTH_MAX && continues(key, line)
    if (!goesOn && whole !== null) yield whole
    if (!goesOn) key = /^(Path|Hash) +: /.exec(line)?.[1] ?? null
    whole = goesOn ? `${whole}${key === null ? line : line.trimStart()}` : line
  }
  if (whole !== null) yield whole
}

/** `key`: of what it would continue. */
function continues(key: string | null, line: string): boolean {
  if (key === 'Path') return /^ {8,}\S/.test(line)
  return /^[ \t]+[0-9A-F][0-9A-F \t]*$/i.test(line) && !/[0-9a-f]{64}/i.test(line)
}

/** Up to an empty line, or to a key that was there already. */
class SumsBlock {
  readonly #keys = new Set<string>()
  readonly #entries: Entry[] = []
  #name: string | null = null
  #algorithm: string | null = null
  #before = 0

  repeats(line: string): boolean {
    return this.#keys.has(keyOf(line) ?? '')
  }

  /** Whether it is such a line; what is one of a file that is called like a key is not. */
  takes(line: string): boolean {
    const [, , value = ''] = KEY.exec(line) ?? []
    const key = keyOf(line)
    const entry = entryOf(value.trim(), null)
    if (key === null || (key !== 'hash' && entry !== null)) return false
    this.#keys.add(key)
    if (key === 'algorithm') this.#algorithm = value.trim()
    else if (key !== 'hash') this.#named(value.trim())
    else if (entry !== null) this.#entries.push(entry)
    return true
  }

  add(entries: readonly Entry[]): void {
    this.#entries.push(...entries)
  }

  /** Those without a name have the block's. Where some stand before it and some behind it, nobody knows which are its own. */
  entries(): readonly Entry[] {
    const isOurs = ({ hex }: Entry): boolean => this.#algorithm === null || Number(bitsOf(this.#algorithm)) === hex.length * 4
    const name = this.#name
    if (name === null) return this.#entries.filter(isOurs)
    const isUnclear = this.#before > 0 && this.#before < this.#entries.length
    return this.#entries
      .filter(isOurs)
      .map((entry) => ({ ...entry, name: entry.name ?? (isUnclear ? `${name}, or what follows it` : name) }))
  }

  #named(name: string): void {
    this.#name = name
    this.#before = this.#entries.length
  }
}

/** All that say the name are one. */
function keyOf(line: string): string | null {
  const key = KEY.exec(line)?.[1]?.toLowerCase() ?? null
  return key === null || key === 'algorithm' || key === 'hash' ? key : 'path'
}
