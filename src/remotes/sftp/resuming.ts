/** Finds out with a scratch file whether this server really writes in the middle of a file, and continues files where it does. */
import { randomBytes } from 'node:crypto'
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import { directoryName, joinPath } from '../../core/paths.ts'
import type { PositionalResumer } from '../remote.ts'
import type { Connection } from './connection.ts'
import { createNew } from './creating.ts'
import { hasStatus, requestFailure, STATUS, StatusError } from './errors.ts'
import { sendFile } from './files.ts'
import type { Leases } from './leases.ts'
import { type Handle, OPEN, type Requests } from './requests.ts'
import { forbidsRemoving } from './rights.ts'
import { explained, sizeOf, statFile } from './stat.ts'

const ORIGINAL = Buffer.from('01234567')
const PATCH = Buffer.from('xy')
const PATCH_AT = 4
const PATCHED = Buffer.from('0123xy67')
const CUT = 6
const SCRATCH_MODE = 0o600
/** For removing the scratch file after an abort. */
const GRACE_MS = 500

interface Ability {
  readonly writesInPlace: boolean
  readonly truncates: boolean
}

export class Resuming {
  readonly #leases: Leases
  readonly #debug: (message: string) => void
  /** Scratch files of probes whose connection died before they could remove them. */
  readonly #left = new Set<string>()
  #known: PositionalResumer | null | undefined
  /** Directories in which no scratch file may be made. */
  readonly #closed = new Set<string>()

  constructor(leases: Leases, debug: (message: string) => void) {
    this.#leases = leases
    this.#debug = debug
  }

  async resumer(directory: string, signal: AbortSignal): Promise<PositionalResumer | null> {
    if (this.#known !== undefined) {
      throwIfAborted(signal)
      return this.#known
    }
    if (this.#closed.has(directory)) return null
    const ability = await this.#leases.exclusive(signal, (connection) => this.#probe(connection, directory, signal), { graceMs: GRACE_MS })
    if (ability === null) {
      this.#closed.add(directory)
      return null
    }
    this.#debug(
      `the server ${ability.writesInPlace ? 'continues files' : 'only takes whole files'}, ${ability.truncates ? 'truncates' : 'does not truncate'}`,
    )
    this.#known = ability.writesInPlace ? positional(this.#leases, ability.truncates) : null
    return this.#known
  }

  /** Null where no scratch file may be made: that says nothing of other directories, and the file itself may be taken all the same. */
  async #probe(connection: Connection, directory: string, signal: AbortSignal): Promise<Ability | null> {
    const { requests } = connection
    for (const left of this.#left) await this.#remove(requests, left)
    // What cannot be taken away again is not made.
    if ((await forbidsRemoving(requests, directory)) !== null) return null
    const name = `rt-probe-${randomBytes(8).toString('hex')}`
    // Some servers take no names that begin with a dot.
    for (const path of [joinPath(directory, `.${name}`), joinPath(directory, name)]) {
      throwIfAborted(signal)
      const ability = await this.#tryOut(connection, path, signal)
      if (ability !== null) return ability
    }
    return null
  }

  async #tryOut(connection: Connection, path: string, signal: AbortSignal): Promise<Ability | null> {
    const { requests } = connection
    this.#left.add(path)
    try {
      await createScratch(connection, path)
      throwIfAborted(signal)
      return await answered({ writesInPlace: false, truncates: false }, async () => {
        if (!(await patches(requests, path, signal))) return { writesInPlace: false, truncates: false }
        return { writesInPlace: true, truncates: await cuts(requests, path) }
      })
    } catch (error) {
      if (!(error instanceof TransferError) || (error.kind !== 'refused' && error.kind !== 'unsupported')) throw error
      this.#debug(error.message)
      return null
    } finally {
      await this.#remove(requests, path)
    }
  }

  async #remove(requests: Requests, path: string): Promise<void> {
    try {
      await requests.remove(path)
      this.#left.delete(path)
    } catch (error) {
      if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) this.#left.delete(path)
      else this.#debug(`could not remove ${path}: ${String(error)}`)
      if (error instanceof StatusError && this.#left.has(path)) requests.habits.refusedIn(directoryName(path), 'REMOVE', error)
    }
  }
}

/** A negative answer while probing means "cannot"; anything else is a failure of the exchange. */
async function answered<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StatusError) return otherwise
    throw error
  }
}

async function createScratch(connection: Connection, path: string): Promise<void> {
  const { requests } = connection
  const doing = `create ${path}`
  try {
    const handle = await createNew(connection, path, SCRATCH_MODE)
    await requests.write(handle, ORIGINAL, 0)
    await requests.close(handle)
  } catch (error) {
    throw await explained(requests, error, path, doing, true)
  }
}

/**
 * rclone 1.60 `serve sftp` truncates at any open for writing, and with `--vfs-cache-mode writes` fills the start with NULs, answering OK
 * to everything: only reading back shows it.
 */
async function patches(requests: Requests, path: string, signal: AbortSignal): Promise<boolean> {
  const writing = await requests.open(path, OPEN.write)
  // Unknown is as good: what is read back tells.
  const whole = ((await sizeOf(requests, writing)) ?? ORIGINAL.length) === ORIGINAL.length
  if (whole) await requests.write(writing, PATCH, PATCH_AT)
  await requests.close(writing)
  throwIfAborted(signal)
  return whole && (await holds(requests, path, PATCHED))
}

async function holds(requests: Requests, path: string, wanted: Buffer): Promise<boolean> {
  const reading: Handle = await requests.open(path, OPEN.read)
  const room = Buffer.alloc(wanted.length * 2)
  const found = await requests.read(reading, room, 0, room.length, 0)
  await requests.close(reading)
  return found.equals(wanted)
}

/** rclone answers OK to a new size and ignores it. Servers made with Paramiko 2.12 empty the file first, so that it has the new size and NULs. */
async function cuts(requests: Requests, path: string): Promise<boolean> {
  return answered(false, async () => {
    await requests.setSize(path, CUT)
    return await holds(requests, path, PATCHED.subarray(0, CUT))
  })
}

function positional(leases: Leases, truncates: boolean): PositionalResumer {
  return {
    kind: 'positional',
    write: (path, range, body, observer, signal) =>
      sendFile(leases, { path, offset: range.start, length: range.end - range.start, body, observer }, signal),
    truncate: (path, size, signal) =>
      leases.shared(signal, async ({ requests }) => {
        if (!truncates) throw new TransferError('unsupported', 'this server cannot shorten a file')
        try {
          await requests.setSize(path, size)
        } catch (error) {
          throw requestFailure(error, `shorten ${path}`)
        }
        const found = await statFile(requests, path)
        if (found?.size !== size) throw new TransferError('unsupported', `the server did not shorten ${path}`)
      }),
  }
}
