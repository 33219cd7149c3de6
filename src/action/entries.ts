/** From source and destination to one entry a file. */
import { posix, win32 } from 'node:path'
import type { Endpoints } from './drop-in.ts'
import { type Fault, hasControl, quoted, splitLines } from './input-reader.ts'
import { displayUrl, type JobEntry } from './job.ts'
import { looksLikeScp, looksRemote, parseTypedUrl, type TypedUrl } from './remote-url.ts'

export type LocalKind = 'file' | 'directory' | 'missing' | 'other'

/** What parsing may know of the machine. */
export interface InputWorld {
  /** Follows links. */
  readonly localKind: (path: string) => LocalKind
  readonly windows: boolean
  /** Absolute. */
  readonly workingDirectory: string
}

export interface Endings {
  readonly direction: 'upload' | 'download'
  readonly entries: readonly JobEntry[]
  /** Every URL typed, in order, with its userinfo. */
  readonly typed: readonly TypedUrl[]
}

interface Line {
  readonly from: string
  /** After `=>`: the target below the destination. */
  readonly to: string | null
}

const ARROW = /^(.*\S)\s+=>\s+(\S.*)$/s

/** Finds out the direction and makes the entries; null when a fault left nothing to go on with. */
export function entriesOf(endpoints: Endpoints, world: InputWorld, fault: Fault): Endings | null {
  const lines = splitLines(endpoints.source).map((line) => lineOf(line, world))
  const remoteLines = lines.filter((line) => looksRemote(line.from)).length
  const isUpload = looksRemote(endpoints.destination)
  const { source, destination } = endpoints.inputs
  if (isUpload && remoteLines > 0)
    fault(source, `source and destination are both URLs. One side must be local: this action moves files between the runner and a server.`)
  else if (isUpload) return uploadOf(endpoints, lines, world, fault)
  else if (remoteLines === lines.length) return downloadOf(endpoints, lines, world, fault)
  else if (remoteLines > 0) fault(source, 'some lines are URLs and some are local paths. Use one step for uploads and one for downloads.')
  else {
    const scp = looksLikeScp(endpoints.destination) || lines.some((line) => looksLikeScp(line.from))
    const hint = scp ? ' For user@host:/path write sftp://user@host/path.' : ''
    fault(destination, `neither source nor destination is a URL. One of them must be, such as sftp://host/directory/.${hint}`)
  }
  return null
}

/** A file whose own name holds ` => ` is itself. */
function lineOf(line: string, world: InputWorld): Line {
  const arrow = ARROW.exec(line)
  if (arrow?.[1] === undefined || arrow[2] === undefined || world.localKind(line) === 'file') return { from: line, to: null }
  return { from: arrow[1], to: arrow[2] }
}

/** Segments of a target below the destination, `name` being added to a directory; or null and a fault. */
function targetBelow(typed: string, name: string, input: string, world: InputWorld, fault: Fault): readonly string[] | null {
  const to = world.windows ? typed.replaceAll('\\', '/') : typed
  const whole = to.endsWith('/') ? to + name : to
  const segments = whole.split('/').filter((segment, i) => segment !== '.' && (segment !== '' || i === 0))
  if (hasControl(whole)) fault(input, 'the target after => holds a control character.')
  else if (segments.includes('..') || segments[0] === '' || segments.length === 0)
    fault(input, `the target ${quoted(to)} after => must be a path below the destination, without '..' and without a slash in front.`)
  else return segments
  return null
}

function uploadOf(endpoints: Endpoints, lines: readonly Line[], world: InputWorld, fault: Fault): Endings | null {
  const { source, destination } = endpoints.inputs
  const typed = parseTypedUrl(endpoints.destination, destination, fault)
  for (const line of lines) checkLocalSource(line.from, source, world, fault)
  if (typed === null) return null
  const isDirectory = lines.length > 1 || lines.some((line) => line.to !== null) || namesDirectory(typed.url)
  const entries: JobEntry[] = []
  for (const { from, to } of lines) {
    const name = pathModule(world).basename(from)
    const below = to === null ? [name] : targetBelow(to, name, source, world, fault)
    if (below === null) continue
    entries.push({ localPath: from, url: isDirectory ? urlBelow(typed.url, below) : typed.url, displayName: from })
  }
  rejectTwins(
    entries,
    (entry) => entry.url.href,
    (entry) => displayUrl(entry.url),
    source,
    fault,
  )
  return { direction: 'upload', entries: withDisplayNames(entries, (entry) => pathModule(world).basename(entry.localPath)), typed: [typed] }
}

/** `sftp://host/~` is the login directory as much as `sftp://host/~/` is. */
function namesDirectory(url: URL): boolean {
  return url.pathname === '' || url.pathname.endsWith('/') || url.pathname === '/~'
}

function urlBelow(directory: URL, segments: readonly string[]): URL {
  const url = new URL(directory)
  const base = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`
  url.pathname = base + segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join('/')
  return url
}

function checkLocalSource(path: string, input: string, world: InputWorld, fault: Fault): void {
  const later = 'directories and globs come in a later release. Name single files, one per line.'
  const kind = world.localKind(path)
  if (hasControl(path)) fault(input, 'a path holds a control character.')
  else if (kind === 'directory') fault(input, `${quoted(path)} is a directory; ${later}`)
  else if (kind === 'other') fault(input, `${quoted(path)} is no plain file.`)
  else if (kind === 'missing' && /[*?[]/.test(path)) fault(input, `no file has exactly the name ${quoted(path)}; ${later}`)
  else if (kind === 'missing' && path.startsWith('~/')) fault(input, `${quoted(path)}: ~ is not expanded. Write the whole path.`)
}

function downloadOf(endpoints: Endpoints, lines: readonly Line[], world: InputWorld, fault: Fault): Endings | null {
  const { source, destination } = endpoints.inputs
  const local = endpoints.destination
  const isDirectory = checkLocalDestination(local, lines, destination, world, fault)
  const entries: JobEntry[] = []
  const typed: TypedUrl[] = []
  for (const { from, to } of lines) {
    const parsed = parseTypedUrl(from, source, fault)
    if (parsed === null) continue
    typed.push(parsed)
    const name = nameIn(parsed.url)
    if (name === '') fault(source, `${quoted(displayUrl(parsed.url))} ends in / and names no file; directories come in a later release.`)
    const below = to === null ? [name] : targetBelow(to, name, source, world, fault)
    if (below === null) continue
    if (isDirectory && (to === null || to.endsWith('/'))) checkName(name, true, source, world, fault)
    for (const segment of to === null ? [] : below) if (segment !== name) checkName(segment, false, source, world, fault)
    entries.push({ localPath: isDirectory ? pathModule(world).join(local, ...below) : local, url: parsed.url, displayName: '' })
  }
  rejectTwins(
    entries,
    (entry) => localKey(entry.localPath, world),
    (entry) => entry.localPath,
    source,
    fault,
  )
  return { direction: 'download', entries: withDisplayNames(entries, (entry) => pathModule(world).basename(entry.localPath)), typed }
}

function checkLocalDestination(path: string, lines: readonly Line[], input: string, world: InputWorld, fault: Fault): boolean {
  const kind = world.localKind(path)
  const isMany = lines.length > 1 || lines.some((line) => line.to !== null)
  if (hasControl(path)) fault(input, 'the path holds a control character.')
  else if (isMany && kind === 'file') fault(input, `${quoted(path)} is a file, but several files are to go into it.`)
  else if (path.startsWith('~/') && world.localKind('~') !== 'directory') fault(input, '~ is not expanded. Write the whole path.')
  return isMany || kind === 'directory' || path.endsWith('/') || (world.windows && path.endsWith('\\'))
}

/** The last segment of the path, decoded; it was checked to be well-formed. */
function nameIn(url: URL): string {
  return decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1))
}

const WINDOWS_DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/** A name that comes out of a URL must stay inside the directory it is put into; any name must be one that the file system means as typed. */
function checkName(name: string, isFromUrl: boolean, input: string, world: InputWorld, fault: Fault): void {
  const escapes = isFromUrl && (name === '.' || name === '..' || name.includes('/') || name.includes('\\'))
  const unfit = world.windows && (/[<>:"|?*]|[. ]$/.test(name) || WINDOWS_DEVICE.test(name))
  if (escapes || unfit) fault(input, `${quoted(name)} cannot be a local file name. Give one: URL => name.`)
}

function localKey(localPath: string, world: InputWorld): string {
  const resolved = pathModule(world).resolve(world.workingDirectory, localPath)
  return world.windows ? resolved.toLowerCase() : resolved
}

function pathModule(world: InputWorld): typeof posix {
  return world.windows ? win32 : posix
}

function rejectTwins(
  entries: readonly JobEntry[],
  key: (entry: JobEntry) => string,
  shown: (entry: JobEntry) => string,
  input: string,
  fault: Fault,
): void {
  const seen = new Set<string>()
  for (const entry of entries) {
    if (seen.has(key(entry))) fault(input, `two lines have the same target ${quoted(shown(entry))}. Tell them apart with source => target.`)
    seen.add(key(entry))
  }
}

/** The file's name where that is unique, the whole path where it is not. */
function withDisplayNames(entries: readonly JobEntry[], name: (entry: JobEntry) => string): readonly JobEntry[] {
  const counts = new Map<string, number>()
  for (const entry of entries) counts.set(name(entry), (counts.get(name(entry)) ?? 0) + 1)
  return entries.map((entry) => {
    const own = name(entry)
    return { ...entry, displayName: counts.get(own) === 1 && own !== '' ? own : entry.localPath }
  })
}
