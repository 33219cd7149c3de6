import { TransferError } from '../../core/errors.ts'
import type { Protocol, Remote, RemotePorts } from '../remote.ts'
import { DEFAULT_PORT, locate, parse, type SftpConfig } from './config.ts'
import { type Connection, connect } from './connection.ts'
import { type DigestSource, digestSource, knowsCheckFile } from './digester.ts'
import { readFile, sendFile } from './files.ts'
import { Leases } from './leases.ts'
import { Resuming } from './resuming.ts'
import { statFile } from './stat.ts'
import { SftpTree } from './tree.ts'

/** OpenSSH refuses connections that are not yet authenticated beyond ten (MaxStartups), and more than four gained nothing when measured. */
const CONNECTIONS_MAX = 4

export const protocol: Protocol<SftpConfig> = {
  schemes: ['sftp:'],
  defaultPorts: { 'sftp:': DEFAULT_PORT },
  parse,
  locate,
  open,
}

async function open(config: SftpConfig, ports: RemotePorts, signal: AbortSignal): Promise<Remote> {
  const leases = new Leases((until) => connect(config, ports, until), CONNECTIONS_MAX)
  const first = await connect(config, ports, signal)
  leases.adopt(first)
  const late = new AbortController()
  const message = 'the server chats on and does not answer'
  const timer = setTimeout(() => late.abort(new TransferError('transient', message)), ports.timeoutMs)
  try {
    const knows = await leases.shared(AbortSignal.any([signal, late.signal]), knowsCheckFile)
    const found = notes(first)
    const note = (message: string): void => void found.push(message)
    const digests = digestSource(knows, { leases, ports, connect: (until) => connect(config, ports, until), note })
    return remote({ leases, first, digests, notes: found }, ports)
  } catch (error) {
    await leases.close()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

interface Opened {
  readonly leases: Leases
  readonly first: Connection
  readonly digests: DigestSource
  readonly notes: readonly string[]
}

function remote({ leases, first, digests, notes }: Opened, ports: RemotePorts): Remote {
  const resuming = new Resuming(leases, ports.debug)
  return {
    protocol: 'sftp',
    connectionsMax: CONNECTIONS_MAX,
    notes,
    stat: (path, signal) => leases.shared(signal, ({ requests }) => statFile(requests, path)),
    read: (path, range, sink, { size }, signal) =>
      leases.exclusive(signal, (connection) => readFile(connection, { path, range, size: size ?? null, sink }, signal)),
    close: async () => void (await Promise.all([digests.close(), leases.close()])),
    writer: {
      create: (path, size, body, observer, signal) => sendFile(leases, { path, length: size, body, observer }, signal),
      resumer: (directory, signal) => resuming.resumer(directory, signal),
    },
    tree: new SftpTree(leases, first.extensions),
    get digester() {
      return digests.digester
    },
  }
}

function notes(connection: Connection): string[] {
  const found: string[] = []
  if (!connection.extensions.has('fsync@openssh.com')) found.push('the server cannot confirm that data is on its disk (no fsync)')
  return found
}
