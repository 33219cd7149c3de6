import { TransferError } from '../../core/errors.ts'
import type { Digester, RemotePorts } from '../remote.ts'
import { checkFile } from './check-file.ts'
import type { Connection } from './connection.ts'
import { hasStatus, STATUS, StatusError } from './errors.ts'
import type { Leases } from './leases.ts'
import { ShellDigester } from './shell-digester.ts'
import { statFile } from './stat.ts'
import { settlesWithin } from './waiting.ts'

/** mod_sftp 1.3.8 counts a single digest's bytes modulo 2^32. */
const LENGTH_MAX = 2 ** 32 - 1
/** A server that digests at this rate is given the time for it, in bytes per millisecond. */
const DIGEST_RATE = 16 * 1024

/** How long a server may think about a question that it may not know. */
const ASKING_MS = 5000

/** Where digests come from on this server, if from anywhere. */
export interface DigestSource {
  readonly digester: Digester | undefined
}

export interface SourceOptions {
  readonly leases: Leases
  readonly ports: RemotePorts
  note(message: string): void
}

/** The server itself before the account's shell: it needs no scratch file. Downloads have nowhere to put one. */
export function digestSource(knowsExtension: boolean, { leases, ports, note }: SourceOptions): DigestSource {
  if (knowsExtension) return { digester: checkFileDigester(leases) }
  if (ports.shellDigests !== true || ports.direction !== 'upload') return { digester: undefined }
  const { timeoutMs, redact, debug } = ports
  const shell = new ShellDigester({ leases, timeoutMs, redact, debug, note })
  return {
    get digester() {
      return shell.hopeful ? shell : undefined
    },
  }
}

/**
 * Whether the server knows check-file, asked by naming a file that does not exist: who does not know the extension says "unsupported",
 * who does looks for the file. Costs one round trip, and none where the identification is OpenSSH's, which never had it. The question is ours, unannounced: a server
 * that takes it for the end, or says nothing to it, does not know it. Its connection is given up then, and the question is not asked on the next.
 */
export async function knowsCheckFile(connection: Connection, timeoutMs: number): Promise<boolean> {
  if (/^SSH-2\.0-OpenSSH/.test(connection.ident)) return false
  const question = checkFile(connection.requests, connection.sftp, { path: '.rt-no-such-file', algorithm: 'sha256', extraMs: 0 })
  try {
    if (await settlesWithin(question, Math.min(ASKING_MS, timeoutMs / 2))) await question
    else connection.retire(new TransferError('transient', 'the server does not answer a question about digests'))
    return false
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile, STATUS.noSuchPath)) return true
    if (error instanceof TransferError && error.kind !== 'unsupported') connection.retire(error)
    return false
  }
}

/**
 * Digests of whole files only. mod_sftp 1.3.8 takes wrong bytes when a range starts later than 0 and has a length, and goes on to the end
 * of the file when a length above 16 KiB is no multiple of it. SHA-256 rather than SHA-512, which is no safer here and slower on both sides.
 */
export function checkFileDigester(leases: Leases): Digester {
  return {
    algorithm: 'sha256',
    ranges: 'whole',
    digest: async (path, range, signal) => {
      if (range.start !== 0) throw new TransferError('unsupported', 'this server digests only whole files')
      if (range.end > LENGTH_MAX) throw new TransferError('unsupported', 'this server cannot be trusted to digest 4 GiB or more')
      // The server works on nothing else meanwhile.
      return leases.exclusive(signal, (connection) => digestWhole(connection, path, range.end), { shareable: false })
    },
  }
}

async function digestWhole({ requests, sftp }: Connection, path: string, size: number): Promise<string> {
  const found = await statFile(requests, path).catch((error: unknown) => {
    if (error instanceof TransferError && error.kind === 'refused') throw new TransferError('unsupported', error.message, { cause: error })
    throw error
  })
  if (found === null) throw new TransferError('not-found', `cannot digest ${path}: there is no such file`)
  if (found.size !== size)
    throw new TransferError('unsupported', `${path} has ${found.size} bytes, and this server digests only whole files`)
  const earlier = requests.habits.lacks('check-file')
  try {
    if (earlier !== undefined) throw earlier
    const name = await requests.spelt(path)
    return await requests.habits.daring('check-file', () =>
      checkFile(requests, sftp, { path: name, algorithm: 'sha256', extraMs: size / DIGEST_RATE }),
    )
  } catch (error) {
    if (error instanceof TransferError) throw error
    if (error instanceof StatusError && error.code !== STATUS.noSuchFile) requests.habits.refused('check-file', error)
    throw new TransferError('unsupported', `the server did not digest ${path}: ${String(error)}`, { cause: error })
  }
}
