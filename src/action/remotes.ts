/** One connection set per server of a job, opened when first needed. */
import { reactionTo, TransferError } from '../core/errors.ts'
import type { RemoteSupply } from '../engine/ports.ts'
import { type Endpoint, endpointFor } from '../remotes/registry.ts'
import type { Credentials, Remote, RemotePorts } from '../remotes/remote.ts'

export interface RemoteSet {
  /** Checks URL and credentials; throws `invalid-input` before anything connects. */
  prepare(url: URL): Promise<PreparedRemote>
  notes(): readonly string[]
  close(): Promise<void>
}

export interface PreparedRemote {
  readonly supply: RemoteSupply
  readonly path: string
}

interface Opened {
  readonly supply: RemoteSupply
  readonly remote: () => Remote | null
  close(): Promise<void>
}

export function remoteSet(credentials: Credentials, ports: RemotePorts): RemoteSet {
  const opened = new Map<string, Opened>()
  return {
    prepare: async (url) => {
      const endpoint = await endpointFor(url, credentials)
      if (endpoint === null) throw new TransferError('internal', `no protocol for ${url.protocol}`)
      const origin = `${url.protocol}//${url.host}`
      const known = opened.get(origin) ?? supplyOf(endpoint, ports)
      opened.set(origin, known)
      return { supply: known.supply, path: endpoint.path }
    },
    notes: () => [...opened.values()].flatMap((one) => one.remote()?.notes ?? []),
    close: async () => {
      await Promise.all([...opened.values()].map((one) => one.close()))
    },
  }
}

/** Opens once and shares; a passing failure is forgotten so that the scheduler may try again, a refusal for good is remembered: one login, one answer. */
function supplyOf(endpoint: Endpoint, ports: RemotePorts): Opened {
  let opening: Promise<Remote> | null = null
  let open: Remote | null = null
  const closing = new AbortController()
  return {
    remote: () => open,
    close: async () => {
      closing.abort(new TransferError('stopped', 'closed before it was open'))
      const remote = open ?? (await opening?.catch(() => null))
      await remote?.close()
    },
    supply: {
      get: (signal) => {
        opening ??= endpoint.open(ports, AbortSignal.any([signal, closing.signal])).then(
          (remote) => {
            open = remote
            return remote
          },
          (error: unknown) => {
            if (error instanceof TransferError && (reactionTo(error.kind) === 'retry' || error.kind === 'stopped')) opening = null
            throw error
          },
        )
        return opening
      },
    },
  }
}
