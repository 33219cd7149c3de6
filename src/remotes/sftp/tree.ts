import { TransferError } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import { trimmedEnd } from '../../core/text.ts'
import type { Tree, TreeEntry } from '../remote.ts'
import { sftpCopy } from './copy.ts'
import { hasStatus, requestFailure, STATUS, StatusError } from './errors.ts'
import type { Leases } from './leases.ts'
import { Renaming } from './renaming.ts'
import type { Handle, Requests } from './requests.ts'
import { forbidsRemoving, forbidsRenaming } from './rights.ts'
import { explained, isLink, kindOf, statFile } from './stat.ts'

const ENTRIES_MAX = 100_000
const NAMES_BYTES_MAX = 64 * 1024 * 1024
/** Answers in a row that name nothing new. */
const EMPTY_ANSWERS_MAX = 100
const DEPTH_MAX = 1000
const ONCE =
  'Such an account can send a file once, to a name that is free. Let it rename or remove files, choose another name, or have the old file removed on the server.'

export class SftpTree implements Tree {
  readonly copy?: NonNullable<Tree['copy']>
  readonly #leases: Leases
  readonly #renaming: Renaming

  constructor(leases: Leases, extensions: ReadonlySet<string>) {
    this.#leases = leases
    this.#renaming = new Renaming(extensions.has('posix-rename@openssh.com'))
    if (extensions.has('copy-data')) this.copy = sftpCopy(leases)
  }

  get replaces(): 'atomically' | 'never' {
    return this.#renaming.replaces ? 'atomically' : 'never'
  }

  setMode(path: string, mode: number, signal: AbortSignal): Promise<void> {
    return this.#leases.shared(signal, ({ requests }) => setMode(requests, path, mode))
  }

  rename(from: string, to: string, signal: AbortSignal): Promise<void> {
    return this.#leases.shared(signal, ({ requests }) => this.#renaming.rename(requests, from, to))
  }

  remove(path: string, signal: AbortSignal): Promise<void> {
    return this.#leases.shared(signal, ({ requests }) => remove(requests, path))
  }

  mayNeither(directory: string, signal: AbortSignal): Promise<TransferError | null> {
    return this.#leases.shared(signal, async ({ requests }) => {
      // Removing first: servers that put a rename off fail over a name that is not there.
      if ((await forbidsRemoving(requests, directory)) === null) return null
      const refusal = await forbidsRenaming(requests, directory, this.#renaming.replaces)
      if (refusal === null) return null
      const { kind, message } = requestFailure(refusal, `rename or remove anything in ${directory || 'the login directory'}`)
      return new TransferError(kind, message, { hint: ONCE, cause: refusal })
    })
  }

  makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    return this.#leases.shared(signal, ({ requests }) => makeDirectory(requests, path))
  }

  isLink(path: string, signal: AbortSignal): Promise<boolean> {
    return this.#leases.shared(signal, ({ requests }) => isLink(requests, path))
  }

  list(path: string, signal: AbortSignal): Promise<readonly TreeEntry[]> {
    return this.#leases.exclusive(signal, ({ requests }) => list(requests, path))
  }
}

async function remove(requests: Requests, path: string): Promise<void> {
  try {
    await requests.remove(path)
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return
    throw await explained(requests, error, path, `remove ${path}`, false)
  }
}

/** A server that refuses it of one file is not asked again for others, nor is one whose connection does not outlive it. What it says of it ends no upload. */
async function setMode(requests: Requests, path: string, mode: number): Promise<void> {
  const { habits } = requests
  const doing = `set the permissions of ${path}`
  const earlier = habits.lacks('SETSTAT of the mode')
  try {
    if (earlier !== undefined) throw earlier
    await habits.daring('SETSTAT of the mode', () => requests.setMode(path, mode))
  } catch (error) {
    const failure = requestFailure(error, doing)
    if (!(error instanceof StatusError) || failure.kind === 'not-found') throw failure
    habits.refused('SETSTAT of the mode', error)
    throw new TransferError('unsupported', failure.message, { cause: error })
  }
}

async function makeDirectory(requests: Requests, path: string): Promise<void> {
  const missing: string[] = []
  for (let at = trimmed(path); at !== '' && at !== '/'; at = trimmed(directoryName(at))) {
    const found = await tolerantKind(requests, at)
    if (found === 'file') throw new TransferError('conflict', `cannot make the directory ${path}: ${at} is a file`)
    if (found === 'unknown' && (await madeUnseen(requests, at))) break
    if (found !== 'missing' && found !== 'unknown') break
    missing.push(at)
    if (missing.length > DEPTH_MAX) throw new TransferError('limit', `${path} is deeper than ${DEPTH_MAX} directories`)
  }
  for (const directory of missing.reverse()) await makeOne(requests, directory)
}

/** Of a directory that we may not look at. Whatever else is answered may mean that it is there, or that its parent is missing: then its parent is tried. */
async function madeUnseen(requests: Requests, path: string): Promise<boolean> {
  try {
    await requests.makeDirectory(path)
    return true
  } catch (error) {
    if (error instanceof StatusError) return false
    throw error
  }
}

function trimmed(path: string): string {
  return path.length > 1 ? trimmedEnd(path, '/') || '/' : path
}

async function tolerantKind(requests: Requests, path: string): Promise<TreeEntry['kind'] | 'missing'> {
  try {
    return (await statFile(requests, path))?.kind ?? 'missing'
  } catch (error) {
    if (error instanceof TransferError && (error.kind === 'refused' || error.kind === 'unsupported')) return 'unknown'
    throw error
  }
}

async function makeOne(requests: Requests, path: string): Promise<void> {
  try {
    await requests.makeDirectory(path)
  } catch (error) {
    // Somebody else was faster: the answer is a bare failure, so only looking tells.
    const found = await tolerantKind(requests, path)
    if (found === 'directory') return
    // Where nobody may look it counts as there: a chrooted account often sees only what is below its own directory.
    if (found === 'unknown' && error instanceof StatusError && !hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return
    throw requestFailure(error, `make the directory ${path}`)
  }
}

/** The first letter of what `ls -l` would print, where the attributes do not tell. */
function kindOfEntry(mode: number | undefined, longname: unknown): TreeEntry['kind'] {
  const told = kindOf(mode)
  if (told !== 'unknown' || typeof longname !== 'string') return told
  const letter = /^\s*([-dlbcps])[-rwxsStTlL]{3}/.exec(longname)?.[1]
  if (letter === undefined) return 'unknown'
  return letter === '-' ? 'file' : letter === 'd' ? 'directory' : 'other'
}

async function list(requests: Requests, path: string): Promise<readonly TreeEntry[]> {
  const doing = `list ${path}`
  const entries: TreeEntry[] = []
  let bytes = 0
  let empty = 0
  let handle: Handle | null = null
  try {
    handle = await requests.openDirectory(path)
    for (;;) {
      const batch = await requests.readDirectory(handle).catch((error: unknown) => {
        if (hasStatus(error, STATUS.eof)) return null
        throw error
      })
      if (batch === null) break
      const before = entries.length
      for (const { filename, longname, attrs } of batch) {
        bytes += filename.length
        if (filename === '.' || filename === '..') continue
        const size: unknown = attrs.size
        entries.push({
          name: filename,
          kind: kindOfEntry(attrs.mode, longname),
          size: typeof size === 'number' ? size : null,
          // What stands for bytes that are no UTF-8: the name that we would send is another one.
          ...(filename.includes('\ufffd') ? { garbled: true as const } : {}),
        })
      }
      empty = entries.length > before ? 0 : empty + 1
      if (empty > EMPTY_ANSWERS_MAX) throw new TransferError('protocol', `the server never ends its listing of ${path}`)
      if (bytes > NAMES_BYTES_MAX) throw new TransferError('limit', `the names in ${path} are longer than ${NAMES_BYTES_MAX} bytes`)
      if (entries.length > ENTRIES_MAX) throw new TransferError('limit', `${path} has more than ${ENTRIES_MAX} entries`)
    }
    await requests.close(handle)
    return entries
  } catch (error) {
    if (handle !== null && error instanceof StatusError) await requests.close(handle).catch(() => undefined)
    throw requestFailure(error, doing)
  }
}
