import { createHash } from 'node:crypto'

const NAME_BYTES_MAX = 255

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The directory of a server path: `''` for a login-relative name, `/` for one below the root. */
export function directoryName(path: string): string {
  const cut = path.lastIndexOf('/')
  return cut < 0 ? '' : cut === 0 ? '/' : path.slice(0, cut)
}

export function joinPath(directory: string, name: string): string {
  if (directory === '') return name
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

/** The same for names that differ only in letter case or in how characters are composed: some servers and disks take those for one. */
export function foldedName(name: string): string {
  return name.normalize('NFC').toLowerCase().toUpperCase().normalize('NFC')
}

/** Hex digits that a process chooses for the names it makes, so that no two processes ever make the same one. */
export const NONCE_HEX_LENGTH = 8

/**
 * What names look like that this program makes beside a target. `dot`: hidden, `.<name>.<word>`. `plain`: without the dot, which some hosts forbid. `extension`: the name
 * ends as the target's does, for hosts that take only known extensions.
 */
export type NameShape = 'dot' | 'plain' | 'extension'

/** In the order in which they are tried. */
export const NAME_SHAPES: readonly NameShape[] = ['dot', 'plain', 'extension']

export interface NameForm {
  readonly appended?: boolean
  readonly shape?: NameShape
}

/**
 * Name of the partial of `name`: `.<name>.<tag>.partial`, in uploads with the nonce of the process that made it: `.<name>.<tag>.<nonce>.partial`, or
 * `.<name>.<tag>.<nonce>.appended.partial`. Where that would be longer than the 255 bytes that file systems allow, the name is cut at a character and completed by
 * eight hex digits of its SHA-256, so that two long names never share a partial. `appended`: a server that only appends has been told to, so that whoever still has
 * the file open may make it longer at any time. In the other shapes `<name>.<tag>.<nonce>.partial` and `<name without extension>-rt-<tag>-<nonce>.<extension>`.
 */
export function partialName(name: string, tag: string, nonce: string | null = null, form: NameForm = {}): string {
  const { appended = false, shape = 'dot' } = form
  return shaped(name, [tag, ...(nonce === null ? [] : [nonce, ...(appended ? ['appended'] : [])])], 'partial', shape)
}

/**
 * `aside`: where the file of the final name waits while the new one takes its place, on servers that cannot replace one by the other in one step. `copy`: what a server
 * copies to, until it has.
 */
export type Passing = 'aside' | 'copy'

export function passingName(name: string, nonce: string, what: Passing, shape: NameShape = 'dot'): string {
  return shaped(name, [nonce], what, shape)
}

/** Name of a file that is made beside `name` to see what becomes of it, in the shape that is in question. */
export function scratchName(name: string, nonce: string, renamed: boolean, shape: NameShape): string {
  const made = `rt-probe-${nonce}${renamed ? '-renamed' : ''}`
  return shape === 'extension' ? made + extensionOf(name) : `${shape === 'dot' ? '.' : ''}${made}`
}

/** Of a name that begins with a dot there is no plain shape: it would be the hidden one of the name without that dot. */
function shaped(name: string, parts: readonly string[], word: string, shape: NameShape): string {
  const last = shape === 'extension' ? extensionOf(name) : ''
  const stem = name.slice(0, name.length - last.length)
  if (shape !== 'extension') return fitting(shape === 'dot' || name.startsWith('.') ? '.' : '', stem, `.${[...parts, word].join('.')}`)
  // A partial says so by having no word: on such hosts `.partial` may be what is forbidden.
  return fitting('', stem, `-rt-${[...parts, ...(word === 'partial' ? [] : [word])].join('-')}${last}`)
}

/** With its dot; nothing where it is no extension but a part of the name. */
function extensionOf(name: string): string {
  return /[^./](\.[A-Za-z0-9]{1,12})$/.exec(name)?.[1] ?? ''
}

function fitting(prefix: string, name: string, suffix: string): string {
  const room = NAME_BYTES_MAX - 1 - suffix.length
  if (Buffer.byteLength(name) <= room) return prefix + name + suffix
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  let kept = ''
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > room - mark.length) break
    kept += character
  }
  return prefix + kept + mark + suffix
}

export interface PartialParts {
  readonly tag: string
  readonly nonce: string | null
  readonly appended: boolean
  readonly shape: NameShape
}

const PARTIAL = /\.([0-9a-f]{12})(?:\.([0-9a-f]{8})(\.appended)?)?\.partial$/
const PARTIAL_EXTENDED = /-rt-([0-9a-f]{12})-([0-9a-f]{8})(-appended)?(?:\.[A-Za-z0-9]{1,12})?$/

/** What the name of a partial of `name` says, or null when `candidate` is not one. */
export function partialParts(name: string, candidate: string): PartialParts | null {
  for (const shape of NAME_SHAPES) {
    const [, tag, nonce = null, mark] = (shape === 'extension' ? PARTIAL_EXTENDED : PARTIAL).exec(candidate) ?? []
    const appended = mark !== undefined
    // Only what is hidden was ever made without a nonce: in the open such a name may be a user's.
    if (nonce === null && shape !== 'dot') continue
    if (tag !== undefined && partialName(name, tag, nonce, { appended, shape }) === candidate) return { tag, nonce, appended, shape }
  }
  return null
}

const PASSING = /\.([0-9a-f]{8})\.(aside|copy)$/
const PASSING_EXTENDED = /-rt-([0-9a-f]{8})-(aside|copy)(?:\.[A-Za-z0-9]{1,12})?$/

/** What `candidate` is to the final name `name`, or null. */
export function passingKind(name: string, candidate: string): Passing | null {
  for (const shape of NAME_SHAPES) {
    const [, nonce, what] = (shape === 'extension' ? PASSING_EXTENDED : PASSING).exec(candidate) ?? []
    const kind = what === 'aside' || what === 'copy' ? what : null
    if (nonce !== undefined && kind !== null && passingName(name, nonce, kind, shape) === candidate) return kind
  }
  return null
}
