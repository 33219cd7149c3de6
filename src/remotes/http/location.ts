/**
 * How this folder spells a path: decoded, so that it joins with plain file names, and yet exact on the wire for a URL that somebody gave us.
 * Escaped sequences that our encoder would not write the same way again (`%2F`, `%2B`, `%c3`, a lone `%`) keep their spelling behind a DLE character.
 * A query stands first (`?a=b/directory/name`, its own slashes as DLE), so that the base name is the file's and a sibling keeps the query.
 */
import { TransferError } from '../../core/errors.ts'

const DLE = '\u0010'
const ENCODED_LINE_BREAK_OR_NUL = /%(?:0a|0d|00)/i
const PATH_TOKEN = /(?:%[0-9a-f]{2})+|[a-z0-9\-._~!$&'()*+,;=:@/]+|[\s\S]/giu
const WIRE_TOKEN = /\u0010([0-9A-Fa-f]{2}|[%[\]|^`{}])|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu

/** Where a request goes: `path` is pathname and query as they stand in the request line. */
export interface Target {
  readonly origin: string
  readonly path: string
}

/** The path of a URL in this folder's spelling. Throws `invalid-input` when it holds an encoded CR, LF or NUL. */
export function locate(url: URL): string {
  if (ENCODED_LINE_BREAK_OR_NUL.test(url.pathname + url.search)) {
    throw new TransferError('invalid-input', 'the URL holds an encoded line break or NUL character')
  }
  return url.search.replaceAll('/', DLE) + decodePath(url.pathname)
}

/** Pathname and query of a path for the request line. Throws `invalid-input` for `.` and `..` segments, which servers resolve. */
export function wirePath(path: string): { readonly pathname: string; readonly search: string } {
  const cut = path.startsWith('?') ? path.indexOf('/') : 0
  const search = cut < 0 ? path : path.slice(0, cut)
  const decoded = cut < 0 ? '/' : path.slice(cut)
  if (decoded.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new TransferError('invalid-input', 'a path with "." or ".." segments')
  }
  const pathname = encodePath(decoded)
  return { pathname: pathname.startsWith('/') ? pathname : `/${pathname}`, search: search.replaceAll(DLE, '/') }
}

export function targetOf(origin: string, path: string): Target {
  const { pathname, search } = wirePath(path)
  return { origin, path: pathname + search }
}

/** A target for messages: without the query, which may be a signature. */
export function describeTarget(target: Target): string {
  return target.origin + (target.path.split('?', 1)[0] ?? '')
}

/** A name in a listing, decoded so that it joins and compares like a file name. */
export function decodePath(pathname: string): string {
  return pathname.replace(PATH_TOKEN, (token) => (token.length > 1 && token.startsWith('%') ? decodeRun(token) : keepPlain(token)))
}

function keepPlain(character: string): string {
  return character !== DLE && encodePath(character) === character ? character : DLE + character
}

function decodeRun(run: string): string {
  let text: string
  try {
    text = decodeURIComponent(run)
  } catch {
    return run.replaceAll('%', DLE)
  }
  let decoded = ''
  let at = 0
  for (const character of text) {
    const spelled = run.slice(at, at + Buffer.byteLength(character) * 3)
    decoded += character !== DLE && encodePath(character) === spelled ? character : spelled.replaceAll('%', DLE)
    at += spelled.length
  }
  return decoded
}

function encodePath(decoded: string): string {
  return decoded.toWellFormed().replace(WIRE_TOKEN, (token, escaped: string | undefined) => {
    if (escaped === undefined) return encodeURIComponent(token)
    return escaped.length === 2 ? `%${escaped}` : escaped
  })
}
