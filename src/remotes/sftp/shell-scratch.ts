/** A file of a few random bytes, to compare what the shell finds under a path with what SFTP put there. */
import { createHash, randomBytes } from 'node:crypto'
import { directoryName, joinPath } from '../../core/paths.ts'
import type { ByteRange } from '../../core/ranges.ts'
import { createNew } from './creating.ts'
import { hasStatus, requestFailure, STATUS, StatusError } from './errors.ts'
import type { Leases } from './leases.ts'
import { forbidsRemoving } from './rights.ts'

const SIZE = 1200
/** One of each way of asking. */
const ASKED: readonly ByteRange[] = [
  { start: 0, end: SIZE },
  { start: 0, end: 700 },
  { start: 333, end: 777 },
]
const MODE = 0o600
/** For tidying up after an abort. */
const GRACE_MS = 500

export interface Scratch {
  readonly path: string
  readonly size: number
  /** What is to be asked, and what the right answer is. */
  readonly asked: readonly { readonly range: ByteRange; readonly digest: string }[]
}

export interface ScratchPorts {
  readonly leases: Leases
  readonly timeoutMs: number
  debug(message: string): void
}

/** Rejects as `createNew` does, or as `work` does. The file is removed in any case. */
export async function withScratch<T>(
  ports: ScratchPorts,
  directory: string,
  signal: AbortSignal,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const path = joinPath(directory, `.rt-probe-${randomBytes(8).toString('hex')}`)
  const content = randomBytes(SIZE)
  let isMade = false
  try {
    await ports.leases.exclusive(
      signal,
      async (connection) => {
        const { requests } = connection
        const refusal = await forbidsRemoving(requests, directory)
        if (refusal !== null) throw requestFailure(refusal, `remove anything in ${directory || 'the login directory'}`)
        isMade = true
        const handle = await createNew(connection, path, MODE)
        await requests.write(handle, content, 0)
        await requests.close(handle)
      },
      { graceMs: GRACE_MS },
    )
    const asked = ASKED.map((range) => ({
      range,
      digest: createHash('sha256').update(content.subarray(range.start, range.end)).digest('hex'),
    }))
    return await work({ path, size: SIZE, asked })
  } finally {
    if (isMade) await remove(ports, path, signal.aborted ? GRACE_MS : ports.timeoutMs)
  }
}

async function remove({ leases, debug }: ScratchPorts, path: string, limitMs: number): Promise<void> {
  try {
    await leases.shared(AbortSignal.timeout(limitMs), async ({ requests }) => {
      try {
        await requests.remove(path)
      } catch (error) {
        if (error instanceof StatusError && !hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath))
          requests.habits.refusedIn(directoryName(path), 'REMOVE', error)
        throw error
      }
    })
  } catch (error) {
    debug(`could not remove ${path}: ${String(error)}`)
  }
}
