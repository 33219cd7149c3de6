/** The text of a file of checksums, and which of its lines belong together: `Path : name` beside `Hash : hex`, as PowerShell lists them and others do. */
import { isField, isNameless, isShorterDigest, sectionOf } from './sums-beside.ts'
import { belowHeader, bitsOf, type Entry, entriesOf, entryOf, isHeader } from './sums-lines.ts'

/** A name has 4096 bytes at most; longer lines are no checksums. */
const LINE_LENGTH_MAX = 16_384
const ARMOUR_BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----'
const SIGNATURE_BEGIN = '-----BEGIN PGP SIGNATURE-----'

const KEY = /^(Algorithm|Hash|Path|File|File ?name) *: *(.+)$/i

export interface Sums {
  readonly entries: readonly Entry[]
  /** Lines that are no digests and may name a file. */
  readonly beside: readonly string[]
}

export function sumsIn(text: string): Sums {
  const entries: Entry[] = []
  const beside: string[] = []
  const blocks = new SumsBlocks(entries)
  let header: string | null = null
  let isOther = false
  for (const line of joined(text)) {
    const bare = line.slice(0, LINE_LENGTH_MAX).trim()
    if (line.length > LINE_LENGTH_MAX) {
      beside.push(bare)
      continue
    }
    const below: readonly Entry[] | null = header === null ? null : belowHeader(header, bare)
    header = below === null && isHeader(bare) ? bare : null
    const found: readonly Entry[] = below ?? entriesOf(line)
    const section = found.length === 0 ? sectionOf(bare) : null
    if (section !== null) isOther = section === 'other'
    const told = found.map((entry): Entry => (isOther ? { ...entry, isOther: true } : entry))
    if (below !== null) entries.push(...told)
    else if (!blocks.takes(line, told)) beside.push(bare)
  }
  blocks.end(false)
  return { entries, beside }
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

/** Each goes on up to an empty line, or to a key that was there already. */
class SumsBlocks {
  readonly #entries: Entry[]
  #before: SumsBlock | null = null
  #block = new SumsBlock()

  constructor(entries: Entry[]) {
    this.#entries = entries
  }

  /** Whether the line is understood, and names no file. */
  takes(line: string, entries: readonly Entry[]): boolean {
    const bare = line.trim()
    const isRepeated = this.#block.repeats(bare)
    if (bare === '' || isRepeated) this.end(isRepeated)
    if (this.#block.takes(bare, entries)) return keyOf(bare) !== 'path' && (entries.length > 0 || isNameless(bare))
    if (bare === '' || entries.length > 0) this.#block.add(entries)
    else this.#block.passes(line)
    return bare === '' || entries.length > 0 || isNameless(bare)
  }

  /** What follows without an empty line between tells whether the name is above its digests or below them. */
  end(isRepeated: boolean): void {
    if (this.#before?.differsFrom(this.#block) === true) {
      this.#before.isUnclear = true
      this.#block.isUnclear = true
    }
    if (this.#before !== null) this.#entries.push(...this.#before.entries())
    if (!isRepeated) this.#entries.push(...this.#block.entries())
    this.#before = isRepeated ? this.#block : null
    this.#block = new SumsBlock()
  }
}

class SumsBlock {
  readonly #keys = new Set<string>()
  readonly #entries: Entry[] = []
  #name: string | null = null
  #algorithm: string | null = null
  #before = 0
  /** With those of shorter algorithms. */
  #digests = 0
  #isNameFirst = false
  #isField = false
  isUnclear = false

  repeats(line: string): boolean {
    return this.#keys.has(keyOf(line) ?? '')
  }

  /** Whether it is such a line; what is one of a file that is called like a key is not. */
  takes(line: string, entries: readonly Entry[]): boolean {
    const [, , value = ''] = KEY.exec(line) ?? []
    const key = keyOf(line)
    const entry = entryOf(value.trim(), null)
    if (key === null || (key !== 'hash' && entry !== null)) return false
    this.#keys.add(key)
    if (key === 'algorithm') this.#algorithm = value.trim()
    else if (key !== 'hash') this.#named(value.trim())
    else if (entry !== null) this.add(entries.some(({ isOther }) => isOther) ? [{ ...entry, isOther: true }] : [entry])
    return true
  }

  add(entries: readonly Entry[]): void {
    this.#entries.push(...entries)
    this.#digests += entries.length
    this.#isField = false
  }

  /** A line that is neither a key nor a digest may be where the next file begins. A field may go on in lines with a space before them. */
  passes(line: string): void {
    const bare = line.trim()
    this.#isField = isField(bare) || (this.#isField && line.startsWith(' '))
    if (isShorterDigest(bare)) this.#digests += 1
    else if (!this.#isField && !isNameless(bare) && (this.#keys.size > 0 || this.#entries.length > 0)) this.isUnclear = true
  }

  /** Both have names, and one has its digest above the name, the other below it or none. */
  differsFrom(next: SumsBlock): boolean {
    if (this.#name === null || next.#name === null || this.#digests === 0) return false
    return next.#digests === 0 || this.#isNameFirst !== next.#isNameFirst
  }

  /** Those without a name have the block's. Where some stand before it and some behind it, nobody knows which are its own. */
  entries(): readonly Entry[] {
    const isOurs = ({ hex }: Entry): boolean => this.#algorithm === null || Number(bitsOf(this.#algorithm)) === hex.length * 4
    const name = this.#name
    if (name === null) return this.#entries.filter(isOurs)
    const isUnclear = this.isUnclear || (this.#before > 0 && this.#before < this.#entries.length)
    return this.#entries
      .filter(isOurs)
      .map((entry) => ({ ...entry, name: entry.name ?? (isUnclear ? `${name}, or what follows it` : name) }))
  }

  #named(name: string): void {
    this.#name = name
    this.#before = this.#entries.length
    this.#isNameFirst = this.#digests === 0
  }
}

/** All that say the name are one. */
function keyOf(line: string): string | null {
  const key = KEY.exec(line)?.[1]?.toLowerCase() ?? null
  return key === null || key === 'algorithm' || key === 'hash' ? key : 'path'
}
