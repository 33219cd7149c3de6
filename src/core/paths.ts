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

/**
 * Name of the partial of `name`: `.<name>.<tag>.partial`. Where that would be longer than the 255 bytes that file systems allow, the name is cut at a
 * character and completed by eight hex digits of its SHA-256, so that two long names never share a partial.
 */
export function partialName(name: string, tag: string): string {
  const suffix = `.${tag}.partial`
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

/** The tag in the name of a partial of `name`, or null when `candidate` is not one. */
export function partialTag(name: string, candidate: string): string | null {
  const tag = /\.([0-9a-f]{12})\.partial$/.exec(candidate)?.[1]
  return tag !== undefined && partialName(name, tag) === candidate ? tag : null
}
