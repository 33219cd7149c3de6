/** The post step: the second chance to save the journal when main was killed before it could. */

import { decodeJournal, encodeJournal, isWorthKeeping, type Journal, unendedUploads, uploadMark, withEnded } from '../core/journal.ts'
import { decodeIdentity, hasEnded } from '../local/process-identity.ts'
import { fileStore } from '../state/file-store.ts'
import type { StateIdentity } from '../state/store.ts'
import type { Host } from './host.ts'
import { cacheStore } from './state-places.ts'

const SAVE_MS = 60_000
const MARKS_MAX = 1000
const TOO_MANY = 'too many'

/**
 * Brings the journal that main left on the disk to the store. Everything comes from the saved state: inputs are another step's in nested composite actions.
 * In a job container main may still be running; its journal is replaced as a whole, so what is read here is a true one, and a later save of main is the newer.
 */
export async function finish(host: Host): Promise<void> {
  const directory = host.getState('directory')
  if (directory === '' || host.getState('ended') === 'true') return
  try {
    const identity = JSON.parse(host.getState('identity')) as StateIdentity
    const signal = AbortSignal.timeout(SAVE_MS)
    const state = await fileStore(directory, identity).load(signal)
    const journal = state === null ? null : decodeJournal(state)
    if (state === null || journal === null || !isWorthKeeping(journal)) return host.info('Nothing to save: the transfer had not begun.')
    const store = await cacheStore(host.environment, identity)
    await store.save(mainHasEnded(host) ? Buffer.from(encodeJournal(marked(journal, host))) : state, signal)
    host.info(`The state of the interrupted transfer was saved to the ${store.description}.`)
  } catch (error) {
    host.warning(`The state of the interrupted transfer could not be saved: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Main was killed, and not only left behind in its container: it writes to no server any more. */
function mainHasEnded(host: Host): boolean {
  const main = decodeIdentity(host.getState('process'))
  return main !== null && hasEnded(main, { lastSeenMs: 0, nowMs: 0 })
}

/** What main recorded is marked as ended. What it had found is not: that is another process's, which may run on another machine. */
function marked(journal: Journal, host: Host): Journal {
  const found = host.getState('unended')
  if (found === TOO_MANY) return journal
  const foreign = new Set(found.split(' '))
  const marks = new Set(
    unendedUploads(journal)
      .map(uploadMark)
      .filter((mark) => !foreign.has(mark)),
  )
  return marks.size === 0 ? journal : { ...withEnded(journal, marks), sequence: journal.sequence + 1 }
}

/** What post must know of the journal as main found it. Bounded: the runner hands it over in a variable of the environment. */
export function foundUnended(marks: readonly string[]): string {
  return marks.length > MARKS_MAX ? TOO_MANY : marks.join(' ')
}
