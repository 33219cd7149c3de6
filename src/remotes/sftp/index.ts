import { TransferError } from '../../core/errors.ts'
import type { Protocol, Remote, RemotePorts } from '../remote.ts'
import { DEFAULT_PORT, locate, parse, type SftpConfig } from './config.ts'
import { type Connection, connect } from './connection.ts'
import { checkFileDigester, knowsCheckFile } from './digester.ts'
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
    const digests = await leases.shared(AbortSignal.any([signal, late.signal]), knowsCheckFile)
    return remote(leases, first, digests, ports)
  } catch (error) {
    await leases.close()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function remote(leases: Leases, first: Connection, digests: boolean, ports: RemotePorts): Remote {
  const resuming = new Resuming(leases, ports.debug)
  return {
    protocol: 'sftp',
    connectionsMax: CONNECTIONS_MAX,
    notes: notes(first),
    stat: (path, signal) => leases.shared(signal, ({ requests }) => statFile(requests, path)),
    read: (path, range, sink, { size }, signal) =>
      leases.exclusive(signal, (connection) => readFile(connection, { path, range, size: size ?? null, sink }, signal)),
    close: () => leases.close(),
    writer: {
      create: (path, size, body, observer, signal) => sendFile(leases, { path, length: size, body, observer }, signal),
      resumer: (directory, signal) => resuming.resumer(directory, signal),
    },
    tree: new SftpTree(leases, first.extensions),
    ...(digests ? { digester: checkFileDigester(leases) } : {}),
  }
}

function notes(connection: Connection): readonly string[] {
  const found: string[] = []
  if (!connection.extensions.has('fsync@openssh.com')) found.push('the server cannot confirm that data is on its disk (no fsync)')
  return found
}
