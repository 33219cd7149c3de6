import type { Protocol, Remote, RemotePorts } from '../remote.ts'
import { connect } from './attempt.ts'
import { DEFAULT_PORT, locate, parse, type SftpConfig } from './config.ts'
import type { Connection } from './connection.ts'
import { type DigestSource, digestSource, knowsCheckFile } from './digester.ts'
import { readFile, sendFile } from './files.ts'
import { Habits } from './habits.ts'
import { Leases } from './leases.ts'
import { Resuming } from './resuming.ts'
import { statFile } from './stat.ts'
import { SftpTree } from './tree.ts'
import { abortable } from './waiting.ts'

/** OpenSSH refuses connections that are not yet authenticated beyond ten (MaxStartups), and more than four gained nothing when measured. */
const CONNECTIONS_MAX = 4

export const protocol: Protocol<SftpConfig> = {
  schemes: ['sftp:'],
  defaultPorts: { 'sftp:': DEFAULT_PORT },
  parse,
  locate,
  open,
}

async function open(config: SftpConfig, given: RemotePorts, signal: AbortSignal): Promise<Remote> {
  // A program of one's own that has no secrets to hide may leave that out.
  const ports = Object.assign({ redact: (text: string) => text }, given)
  const habits = new Habits(ports.debug)
  const dial = (until: AbortSignal): Promise<Connection> => connect({ config, ports, habits }, until)
  const leases = new Leases(dial, CONNECTIONS_MAX)
  const first = await dial(signal)
  leases.adopt(first)
  try {
    const knows = await abortable(knowsCheckFile(first, ports.timeoutMs), signal)
    const digests = digestSource(knows, { leases, ports, note: (message) => habits.note(message) })
    return remote({ leases, first, digests, habits, ports })
  } catch (error) {
    await leases.close()
    throw error
  }
}

interface Parts {
  readonly leases: Leases
  readonly first: Connection
  readonly digests: DigestSource
  readonly habits: Habits
  readonly ports: RemotePorts
}

function remote({ leases, first, digests, habits, ports }: Parts): Remote {
  const announced = notes(first)
  const resuming = new Resuming(leases, ports.debug)
  return {
    protocol: 'sftp',
    connectionsMax: CONNECTIONS_MAX,
    get notes() {
      return [...announced, ...habits.notes]
    },
    stat: (path, signal) => leases.shared(signal, ({ requests }) => statFile(requests, path)),
    read: (path, range, sink, { size }, signal) =>
      leases.exclusive(signal, (connection) => readFile(connection, { path, range, size: size ?? null, sink }, signal)),
    close: () => leases.close(),
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
