import { TransferError } from '../../core/errors.ts'
import type { ByteRange } from '../../core/ranges.ts'
import type { Digester, ReadOptions, Remote, RemoteFile, RemotePorts, Sink, Tree, Writer } from '../remote.ts'
import type { FtpConfig } from './config.ts'
import type { Server } from './connection.ts'
import { digestWay, FtpDigester } from './digester.ts'
import { socketError } from './errors.ts'
import type { Features } from './features.ts'
import { connect } from './login.ts'
import { CONNECTIONS_MAX, Pool } from './pool.ts'
import { read } from './read.ts'
import { stat } from './stat.ts'
import { FtpTree } from './tree.ts'
import { trustFor } from './trust.ts'
import { Ways } from './ways.ts'
import { FtpWriter } from './writer.ts'

const CLEAR_TEXT = 'FTP without TLS: the password and every file travel in clear text'
const UNVERIFIED = 'the certificate of the FTP server is not verified (tls-verify: false)'

class FtpRemote implements Remote {
  readonly protocol: string
  readonly connectionsMax = CONNECTIONS_MAX
  readonly notes: readonly string[]
  readonly writer: Writer
  readonly tree: Tree
  readonly digester?: Digester
  readonly #pool: Pool
  readonly #sizes = new Map<string, { readonly size: number | null; readonly epoch: number }>()

  constructor(pool: Pool, config: FtpConfig, features: Features) {
    this.#pool = pool
    this.protocol = config.tls === 'none' ? 'ftp' : 'ftps'
    this.writer = new FtpWriter(pool)
    this.tree = new FtpTree(pool, features)
    const way = digestWay(features)
    if (way !== null) this.digester = new FtpDigester(way, pool)
    this.notes = notesOn(config, features)
  }

  async stat(path: string, signal: AbortSignal): Promise<RemoteFile | null> {
    const file = await this.#pool.lease('ask', signal, (connection, either) => stat(connection, path, either))
    this.#sizes.set(path, { size: file?.size ?? null, epoch: this.#pool.epoch })
    return file
  }

  async read(path: string, range: ByteRange, sink: Sink, options: ReadOptions, signal: AbortSignal): Promise<void> {
    if (options.validator !== undefined) throw new TransferError('internal', 'FTP has no validators')
    await this.#pool.lease('read', signal, async (connection, either) => {
      if (range.end > range.start) await read(connection, path, range, sink, either, options.size ?? this.#toldSize(path))
    })
  }

  /** As `stat` told it, unless something was written since. */
  #toldSize(path: string): number | null {
    const told = this.#sizes.get(path)
    return told?.epoch === this.#pool.epoch ? told.size : null
  }

  async close(): Promise<void> {
    this.#pool.close()
  }
}

function notesOn(config: FtpConfig, features: Features): string[] {
  const notes: string[] = []
  if (config.tls === 'none') notes.push(CLEAR_TEXT)
  else if (!config.tlsVerify) notes.push(UNVERIFIED)
  if (!features.has('MLST')) notes.push('the server has no machine-readable listings (MLSD)')
  return notes
}

/** Connects, verifies the server before any credential is sent, logs in. */
export async function openRemote(config: FtpConfig, ports: RemotePorts, signal: AbortSignal): Promise<Remote> {
  const trust = config.tls === 'none' ? null : trustFor(config)
  if (trust === null) ports.warn(CLEAR_TEXT)
  else if (!config.tlsVerify) ports.warn(UNVERIFIED)
  const server: Server = { config, trust, ports, ways: new Ways() }
  try {
    const first = await connect(server, signal)
    return new FtpRemote(new Pool(server, first), config, first.features)
  } catch (error) {
    throw socketError(error, `connecting to ${config.host} port ${config.port}`)
  }
}
