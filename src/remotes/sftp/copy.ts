/** Copies a file on the server by the extension copy-data (draft-ietf-secsh-filexfer-extensions-00, section 7; OpenSSH since 9.0). */
import { TransferError, throwIfAborted } from '../../core/errors.ts'
import type { Tree } from '../remote.ts'
import type { Connection } from './connection.ts'
import { createNew } from './creating.ts'
import { StatusError } from './errors.ts'
import type { Leases } from './leases.ts'
import { type Handle, OPEN, type Requests } from './requests.ts'
import { explained, sizeUnder } from './stat.ts'
import { settlesWithin } from './waiting.ts'

/** OpenSSH 9.2 answers nothing else during one copy, and goes on with it when the client has gone. */
const STEP_BYTES = 64 * 1024 * 1024
/** A server that copies at this rate is given the time for it, in bytes per millisecond. */
const COPY_RATE = 4096
/** As of what is written (files.ts). */
const FILE_MODE = 0o644
/** For requests in flight to be answered after a failure, before the connection is given up. */
const SETTLE_MS = 500

interface Copy {
  readonly from: string
  readonly to: string
  readonly size: number
}

/** A server that has refused once is not asked again. */
export function sftpCopy(leases: Leases): NonNullable<Tree['copy']> {
  let refused: TransferError | null = null
  return async (from, to, size, signal) => {
    if (refused !== null) throw refused
    try {
      await leases.exclusive(signal, (connection) => copyFile(connection, { from, to, size }, signal), { shareable: false })
    } catch (error) {
      if (error instanceof TransferError && error.kind === 'unsupported') refused = error
      throw error
    }
  }
}

async function copyFile(connection: Connection, copy: Copy, signal: AbortSignal): Promise<void> {
  const { requests } = connection
  const source = await openSource(requests, copy.from)
  await closing(requests, source, async () => {
    throwIfAborted(signal)
    const target = await createNew(connection, copy.to, FILE_MODE)
    await closing(requests, target, () => copyBytes(requests, copy, { source, target }, signal))
  })
  const size = await sizeUnder(requests, copy.to)
  if (size !== copy.size)
    throw new TransferError('refused', `the copy ${copy.to} has ${size ?? 'an unknown number of'} bytes instead of ${copy.size}`)
}

async function openSource(requests: Requests, path: string): Promise<Handle> {
  try {
    return await requests.open(path, OPEN.read)
  } catch (error) {
    throw await explained(requests, error, path, `copy ${path}`, false)
  }
}

interface Handles {
  readonly source: Handle
  readonly target: Handle
}

async function copyBytes(requests: Requests, { from, to, size }: Copy, handles: Handles, signal: AbortSignal): Promise<void> {
  for (let start = 0, last = false; !last; start += STEP_BYTES) {
    throwIfAborted(signal)
    last = start + STEP_BYTES >= size
    try {
      // 0 means up to the end, wherever that is: the size is looked at afterwards.
      await requests.copyData({ ...handles, start, length: last ? 0 : STEP_BYTES, extraMs: STEP_BYTES / COPY_RATE })
    } catch (error) {
      const failure = await explained(requests, error, to, `copy ${from} to ${to}`, true)
      // Whatever the reason may be, this server does not copy: only a full disk is something else.
      if (!(error instanceof StatusError) || !(failure instanceof TransferError) || failure.kind === 'no-space') throw failure
      throw new TransferError('unsupported', failure.message, { cause: error })
    }
  }
}

/** Runs `work` and closes; after a failure lets what is in flight come to rest, so that the connection can be used again if that is quick. */
async function closing(requests: Requests, handle: Handle, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await settlesWithin(requests.close(handle), SETTLE_MS)
    throw error
  }
  await requests.close(handle)
}
