/** The post step: the second chance to save the journal when main was killed before it could. */

import { decodeJournal } from '../core/journal.ts'
import { fileStore } from '../state/file-store.ts'
import type { StateIdentity } from '../state/store.ts'
import type { Host } from './host.ts'
import { cacheStore } from './state-places.ts'

const SAVE_MS = 60_000

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
    if (state === null || journal === null || journal.entries.length === 0) return host.info('Nothing to save: the transfer had not begun.')
    const store = await cacheStore(host.environment, identity)
    await store.save(state, signal)
    host.info(`The state of the interrupted transfer was saved to the ${store.description}.`)
  } catch (error) {
    host.warning(`The state of the interrupted transfer could not be saved: ${error instanceof Error ? error.message : String(error)}`)
  }
}
