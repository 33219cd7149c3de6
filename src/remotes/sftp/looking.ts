/**
 * Second ways of looking at a path, for servers that do not answer STAT, or answer it for what is missing with "failure" or "permission denied"
 * (a Paramiko-based server; accounts that may only write; Twisted's conch with names that it cannot encode). One clear answer is enough.
 */
import type { Stats } from 'ssh2'
import { baseName, directoryName, foldedName } from '../../core/paths.ts'
import { hasStatus, STATUS, StatusError } from './errors.ts'
import type { Ability } from './habits.ts'
import { OPEN, type Requests } from './requests.ts'

/** Null: it is missing. `undefined`: this way does not tell. */
type Answer = Partial<Stats> | null | undefined

interface Way {
  readonly ability: Ability
  readonly look: (requests: Requests, path: string) => Promise<Answer>
}

const WAYS: readonly Way[] = [
  { ability: 'LSTAT', look: lstat },
  { ability: 'OPEN to look', look: openToLook },
  { ability: 'READDIR', look: inParent },
]

/** More names are not read for one look. */
const NAMES_MAX = 20_000
const LINK = 0o120000
const TYPE_MASK = 0o170000

/** What the path is, or null when it is missing. Rejects with the refusal of STAT when no other way tells either. */
export async function lookOtherwise(requests: Requests, path: string, refusal: StatusError): Promise<Partial<Stats> | null> {
  const { habits } = requests
  const directory = directoryName(path)
  const refusals = new Map<Ability, StatusError>([['STAT', refusal]])
  const noted = (): void => {
    // It is there, and those do not say so: they never will.
    for (const [one, error] of refusals) habits.refusedIn(directory, one, error)
  }
  let link = false
  let bare: Partial<Stats> | undefined
  for (const { ability, look } of WAYS) {
    if (habits.lacks(ability, directory) !== undefined) continue
    const found = await told(() => look(requests, path))
    if (found === null && bare === undefined) return null
    if (found instanceof StatusError) refusals.set(ability, found)
    else if (isLinkOf(found)) link = true
    // Only that it is there: another way may tell more.
    else if (found && found.size === undefined) bare ??= found
    else if (found) {
      noted()
      return found
    }
  }
  if (bare !== undefined) {
    noted()
    return bare
  }
  // A link that leads nowhere for us is refused by servers that answer well otherwise.
  if (!link) for (const [one, error] of refusals) habits.refusedIn(directory, one, error)
  throw refusal
}

/**
 * STAT says that there is no such file and has shown none in this session. Gateways that hide names say so of all of them, and let them be opened: then STAT is not
 * asked again. Null where the second look finds nothing either, or does not tell.
 */
export async function lookOnceMore(requests: Requests, path: string, missing: StatusError): Promise<Partial<Stats> | null> {
  const { habits } = requests
  const directory = directoryName(path)
  if (!(await isFound(requests, path))) return null
  // It may have come just now.
  const again = await told(() => requests.stat(path))
  if (isThere(again)) return again
  const refusal = new StatusError(STATUS.failure, `${missing.message}, also of what is there`)
  if ((await told(() => lstat(requests, path))) === null) habits.refusedIn(directory, 'LSTAT', refusal)
  habits.refusedIn(directory, 'STAT', refusal)
  return await lookOtherwise(requests, path, refusal)
}

async function isFound(requests: Requests, path: string): Promise<boolean> {
  const { habits } = requests
  const directory = directoryName(path)
  if (habits.lacks('OPEN to look', directory) === undefined) {
    const opened = await told(() => openToLook(requests, path))
    if (!(opened instanceof StatusError)) return isThere(opened)
  }
  if (habits.lacks('READDIR', directory) !== undefined) return false
  const listed = await told(() => inParent(requests, path))
  return isThere(listed) && !isLinkOf(listed)
}

function isThere(found: Answer | StatusError): found is Partial<Stats> {
  return found !== null && found !== undefined && !(found instanceof StatusError)
}

async function told(look: () => Promise<Answer>): Promise<Answer | StatusError> {
  try {
    return await look()
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return null
    if (error instanceof StatusError) return error
    throw error
  }
}

function isLinkOf(found: Answer): boolean {
  return found?.mode !== undefined && (found.mode & TYPE_MASK) === LINK
}

function lstat(requests: Requests, path: string): Promise<Answer> {
  return requests.lstat(path)
}

async function openToLook(requests: Requests, path: string): Promise<Answer> {
  const handle = await requests.open(path, OPEN.read)
  try {
    return requests.habits.lacks('FSTAT') === undefined ? await requests.fstat(handle) : {}
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    requests.habits.refused('FSTAT', error)
    return {}
  } finally {
    await requests.close(handle).catch(() => undefined)
  }
}

/** A whole listing in which nothing has this name, however it is spelled, says that it is missing. */
async function inParent(requests: Requests, path: string): Promise<Answer> {
  const name = baseName(path)
  if (name === '') return undefined
  const handle = await requests.openDirectory(directoryName(path))
  let similar = false
  try {
    for (let seen = 0; seen < NAMES_MAX; ) {
      const batch = await requests.readDirectory(handle).catch((error: unknown) => {
        if (hasStatus(error, STATUS.eof)) return null
        throw error
      })
      if (batch === null) return similar ? undefined : null
      for (const { filename, attrs } of batch) {
        if (filename === name) return attrs
        similar ||= filename.includes('\ufffd') || foldedName(filename) === foldedName(name)
      }
      seen += Math.max(1, batch.length)
    }
    return undefined
  } finally {
    await requests.close(handle).catch(() => undefined)
  }
}

/** Whether the name is in the listing of its directory. A server that does not list has none. */
export async function isListed(requests: Requests, path: string): Promise<boolean> {
  if (requests.habits.lacks('READDIR', directoryName(path)) !== undefined) return false
  return isThere(await told(() => inParent(requests, path)))
}

/** Whether the path can be opened as a directory. A server that does not let us has told nothing: then it counts as none. */
export async function isDirectory(requests: Requests, path: string): Promise<boolean> {
  if (requests.habits.lacks('READDIR', path) !== undefined) return false
  try {
    const handle = await requests.openDirectory(path)
    await requests.close(handle).catch(() => undefined)
    return true
  } catch (error) {
    if (error instanceof StatusError) return false
    throw error
  }
}
