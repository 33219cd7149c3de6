import { TransferError } from '../../core/errors.ts'
import { directoryName } from '../../core/paths.ts'
import type { Connection } from './connection.ts'
import { otherSpellings } from './paths.ts'
import { isRefusal } from './refusals.ts'

/** What the way of naming files in other directories is called among the ways. */
const NAMES = 'names'

export interface Naming {
  readonly connection: Connection
  readonly path: string
  readonly signal: AbortSignal
  /** Nothing has been sent or delivered yet, so that it can be done once more. */
  readonly untouched: () => boolean
}

/**
 * Runs what begins with a command on `path`. Some servers take no name with a directory in it, others none that is relative: where one is refused, and no such name
 * has worked yet, the other spellings are tried, and the first that works stays.
 */
export async function spelled<T>({ connection, path, signal, untouched }: Naming, run: () => Promise<T>): Promise<T> {
  const { ways } = connection
  try {
    const done = await run()
    if (path.includes('/')) ways.worked(NAMES)
    return done
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'denied' || !untouched() || ways.proven(NAMES) || !path.includes('/')) throw error
    const directory = directoryName(path)
    // A directory that is not there is no matter of spelling.
    if (!(await connection.enter(directory, signal))) throw error
    for (const spelling of otherSpellings(path, connection.home)) {
      if (!connection.control.usable) break
      ways.spelling = spelling
      try {
        const done = await run()
        ways.worked(NAMES)
        return done
      } catch (again) {
        ways.spelling = 'given'
        if (!untouched() || !(again instanceof TransferError) || again.kind === 'transient' || again.kind === 'stopped') throw again
      }
    }
    // Refused where it was to be, however it is called: asked no more.
    ways.worked(NAMES)
    throw error
  }
}
