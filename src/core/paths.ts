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
 * Name of the partial of `name`: `.<name>.<tag>.partial`, in uploads with the nonce of the process that made it: `.<name>.<tag>.<nonce>.partial`, or
 * `.<name>.<tag>.<nonce>.appended.partial`. Where that would be longer than the 255 bytes that file systems allow, the name is cut at a character and completed by
 * eight hex digits of its SHA-256, so that two long names never share a partial. `appended`: a server that only appends has been told to, so that whoever still has
 * the file open may make it longer at any time.
 */
export function partialName(name: string, tag: string, nonce: string | null = null, appended = false): string {
  const made = nonce === null ? '' : `.${nonce}${appended ? '.appended' : ''}`
  return hiddenName(name, `.${tag}${made}.partial`)
}

/**
 * `aside`: where the file of the final name waits while the new one takes its place, on servers that cannot replace one by the other in one step. `copy`: what a server
 * copies to, until it has.
 */
export type Passing = 'aside' | 'copy'

export function passingName(name: string, nonce: string, what: Passing): string {
  return hiddenName(name, `.${nonce}.${what}`)
}

function hiddenName(name: string, suffix: string): string {
  const room = NAME_BYTES_MAX - 1 - suffix.length
  if (Buffer.byteLength(name) <= room) return `.${name}${suffix}`
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
  let kept = ''
  for (const character of name) {
    if (Buffer.byteLength(kept + character) > room - mark.length) break
    kept += character
  }
  return `.${kept}${mark}${suffix}`
}

export interface PartialParts {
  readonly tag: string
  readonly nonce: string | null
  readonly appended: boolean
}

/** What the name of a partial of `name` says, or null when `candidate` is not one. */
export function partialParts(name: string, candidate: string): PartialParts | null {
  const [, tag, nonce = null, mark] = /\.([0-9a-f]{12})(?:\.([0-9a-f]{8})(\.appended)?)?\.partial$/.exec(candidate) ?? []
  const appended = mark !== undefined
  return tag !== undefined && partialName(name, tag, nonce, appended) === candidate ? { tag, nonce, appended } : null
}

/** What `candidate` is to the final name `name`, or null. */
export function passingKind(name: string, candidate: string): Passing | null {
  const [, nonce, what] = /\.([0-9a-f]{8})\.(aside|copy)$/.exec(candidate) ?? []
  const kind = what === 'aside' || what === 'copy' ? what : null
  return nonce !== undefined && kind !== null && passingName(name, nonce, kind) === candidate ? kind : null
}
