/** Where the journal of a step lies while it runs and where it survives: decided from the inputs and the machine. */
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileStore } from '../state/file-store.ts'
import { strangerToFolder } from '../state/ownership.ts'
import type { StateIdentity, StateStore } from '../state/store.ts'
import type { Host } from './host.ts'
import type { Environment } from './identity.ts'
import type { Job } from './job.ts'

const FOLDER = 'resumable-transfer'

export interface StatePlaces {
  readonly disk: StateStore
  /** What post finds the disk's journal by; null when nothing is kept. */
  readonly directory: string | null
  readonly store: StateStore | null
  /** Why less is kept than asked for, one line for people. */
  readonly reason: string | null
}

const NOWHERE: StateStore = { description: 'nowhere', load: async () => null, save: async () => {} }

export async function statePlaces(job: Job, host: Host, identity: StateIdentity, signal: AbortSignal): Promise<StatePlaces> {
  const { environment } = host
  const { state } = job
  const temporary = await temporaryFolder(environment)
  const at = (directory: string, store: StateStore | null = null, reason: string | null = null): StatePlaces => ({
    disk: fileStore(directory, identity),
    directory,
    store,
    reason,
  })
  /** A folder that others can write holds no state of ours. */
  const atOwn = async (directory: string): Promise<StatePlaces> => {
    const why = await strangerToFolder(directory)
    if (why === null) return at(directory)
    return at(temporary, null, `state: ${why}. It is not used, and nothing outlives the job: make it yours alone (chown, chmod go-w).`)
  }
  if (state.kind === 'none') return { disk: NOWHERE, directory: null, store: null, reason: null }
  if (state.kind === 'directory') return atOwn(state.directory)
  if (host.kind === 'terminal') return atOwn(userFolder(environment))
  if (state.kind === 'tool-cache' || (state.kind === 'auto' && environment.RUNNER_ENVIRONMENT === 'self-hosted')) {
    const { hasLastingToolCache, toolCacheFolder } = await import('./tool-cache-folder.ts')
    if (!hasLastingToolCache(environment)) return at(temporary, null, 'state: the tool cache of this runner does not outlive the job')
    try {
      return at(await toolCacheFolder(environment, signal))
    } catch (error) {
      if (signal.aborted) throw error
      return at(temporary, null, `state: the tool cache cannot be used: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  // A download's partial stays on its machine, and whoever may write the cache must not vouch for bytes on a disk (docs/journal.md).
  if (job.direction === 'download') return at(temporary)
  const { cacheAvailability } = await import('./cache-availability.ts')
  const { available, reason } = cacheAvailability(environment)
  if (!available) return at(temporary, null, reason)
  return at(temporary, await cacheStore(environment, identity), reason)
}

/** On a machine of several users the folder may be another's already. */
async function temporaryFolder(environment: Environment): Promise<string> {
  const folder = join(environment.RUNNER_TEMP ?? tmpdir(), FOLDER)
  return (await strangerToFolder(folder)) === null ? folder : `${folder}-${process.geteuid?.() ?? ''}`
}

export async function cacheStore(environment: Environment, identity: StateIdentity): Promise<StateStore> {
  const { cacheServiceStore } = await import('./cache-service.ts')
  return cacheServiceStore(environment, identity, { nowMs: () => Date.now() })
}

function userFolder(environment: Environment): string {
  const base = process.platform === 'win32' ? environment.LOCALAPPDATA : environment.XDG_STATE_HOME
  return base !== undefined && base !== '' ? join(base, FOLDER) : join(homedir(), '.local', 'state', FOLDER)
}
