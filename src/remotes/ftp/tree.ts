import { parseList } from 'basic-ftp'
import { type FailureKind, TransferError } from '../../core/errors.ts'
import { baseName, directoryName } from '../../core/paths.ts'
import type { Tree, TreeEntry } from '../remote.ts'
import type { Connection } from './connection.ts'
import { ftpCopy } from './copy.ts'
import { type Reply, replyError, replyErrorAs } from './errors.ts'
import { type Features, parseMlsd } from './features.ts'
import { Intake } from './intake.ts'
import { wirePath } from './paths.ts'
import type { Pool } from './pool.ts'
import { receive } from './receive.ts'
import { Renaming } from './renaming.ts'
import { isDirectory, stat } from './stat.ts'

const ENTRIES_MAX = 100_000
const LISTING_BYTES_MAX = 64 * 1024 * 1024
/** Pure-FTPd cuts listings at this many entries and answers 226; the text that says so may be switched off. */
const PURE_FTPD_ENTRIES = 10_000
/** A listing that the server does not give, or not whole, says nothing about a link. */
const NO_LISTING: readonly FailureKind[] = ['unsupported', 'refused', 'not-found', 'protocol', 'limit']

export class FtpTree implements Tree {
  readonly copy?: NonNullable<Tree['copy']>
  readonly #pool: Pool
  readonly #renaming = new Renaming()

  constructor(pool: Pool, features: Features) {
    this.#pool = pool
    const copy = ftpCopy(pool, features)
    if (copy !== null) this.copy = copy
  }

  get replaces(): 'atomically' | 'never' {
    return this.#renaming.replaces ? 'atomically' : 'never'
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, (connection, either) => this.#renaming.rename(connection, from, to, either))
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, async (connection, either) => {
      const command = `DELE ${wirePath(path, connection)}`
      const reply = await connection.command(command, either)
      if (reply.code >= 200 && reply.code < 300) return
      if (reply.code < 500 || (await stat(connection, path, either)) !== null) throw replyError(reply, command)
    })
  }

  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    await this.#pool.lease('change', signal, async (connection, either) => {
      if (await isDirectory(connection, path, either)) return
      const names = path.split('/')
      for (let depth = 1; depth <= names.length; depth += 1) {
        const ancestor = names.slice(0, depth).join('/')
        if (ancestor === '' || names[depth - 1] === '') continue
        if (depth < names.length && (await isDirectory(connection, ancestor, either))) continue
        const command = `MKD ${wirePath(ancestor, connection)}`
        const reply = await connection.command(command, either)
        // The same code says 'exists' and 'not allowed'; somebody else may have made it just now.
        if (reply.code >= 400 && !(await isDirectory(connection, ancestor, either))) throw replyError(reply, command)
      }
    })
  }

  /**
   * MLST, SIZE and RETR tell of what a link points at. STAT tells of the name itself and needs no data connection; vsftpd 3.0.3, which has no
   * MLST, leaves out there a link to something: only its listing shows it.
   */
  async isLink(path: string, signal: AbortSignal): Promise<boolean> {
    const name = baseName(path)
    const shown = await this.#pool.lease('ask', signal, async (connection, either) => {
      if (!connection.features.has('MLST')) return null
      const { text } = await connection.command(`STAT ${wirePath(path, connection)}`, either)
      return text.split(/\r?\n/).some((line) => /^ ?l[rwxsStT-]{9}/.test(line) && line.includes(`${name} -> `))
    })
    if (shown !== null) return shown
    try {
      return (await this.list(directoryName(path), signal)).some((entry) => entry.name === name && entry.kind === 'other')
    } catch (error) {
      if (error instanceof TransferError && NO_LISTING.includes(error.kind)) return false
      throw error
    }
  }

  async list(path: string, signal: AbortSignal): Promise<readonly TreeEntry[]> {
    return await this.#pool.lease('read', signal, async (connection, either) => {
      if (connection.features.has('MLST')) return parseMlsd(await listing(connection, `MLSD ${wirePath(path, connection)}`, path, either))
      // Into the directory rather than by name: servers expand wildcards in the argument of LIST and take a dash for an option.
      if (path !== '') {
        const reply = await connection.command(`CWD ${wirePath(path, connection)}`, either)
        if (reply.code >= 400) throw replyErrorAs(reply.code === 550 ? 'not-found' : 'refused', reply, `listing ${path}`)
      }
      const lines = await listing(connection, 'LIST -a', path, either)
      if (path !== '') await connection.goHome(either)
      return parseLines(lines)
    })
  }
}

/** Raw lines of a listing that is known to be complete. */
async function listing(connection: Connection, command: string, path: string, signal: AbortSignal): Promise<string[]> {
  const chunks: Buffer[] = []
  let bytes = 0
  const intake = new Intake(Number.POSITIVE_INFINITY, (chunk) => {
    bytes += chunk.length
    if (bytes > LISTING_BYTES_MAX) throw new TransferError('limit', `the listing of ${path} is longer than ${LISTING_BYTES_MAX} bytes`)
    chunks.push(Buffer.from(chunk))
  })
  const data = await connection.openData(intake, signal)
  try {
    if (!(await connection.restartAt(0, signal))) throw new TransferError('protocol', 'REST 0 was refused')
    const opening = await connection.command(command, signal)
    if (opening.code === 550) throw replyErrorAs('not-found', opening, command)
    if (opening.code >= 400) throw replyError(opening, command)
    // 226 at once: some servers open no connection for an empty directory.
    if (opening.code >= 200) {
      connection.endTransfer()
      return []
    }
    const final = connection.control.reply()
    await data.ready(connection.wait(signal))
    await receive({ data, intake, final, timeoutMs: connection.timeoutMs, signal })
    data.destroy()
    const reply = await connection.control.within(final, command, connection.wait(signal))
    if (reply.code < 200 || reply.code > 299) throw replyError(reply, command)
    connection.endTransfer()
    const lines = Buffer.concat(chunks)
      .toString('utf8')
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '')
    assertComplete(lines, reply, path)
    return lines
  } finally {
    data.destroy()
  }
}

function assertComplete(lines: readonly string[], reply: Reply, path: string): void {
  if (lines.length === PURE_FTPD_ENTRIES || /truncated/i.test(reply.text)) {
    throw new TransferError('limit', `the server cut the listing of ${path} at ${lines.length} entries`, {
      hint: 'Pure-FTPd does that at 10,000 entries unless its administrator raises the limit (-L).',
    })
  }
  if (lines.length > ENTRIES_MAX + 2) throw new TransferError('limit', `${path} has more than ${ENTRIES_MAX} entries`)
}

const FILE = 1
const DIRECTORY = 2

/** LIST has no format of its own: basic-ftp knows those of Unix and DOS. */
function parseLines(lines: readonly string[]): TreeEntry[] {
  try {
    return parseList(lines.join('\n'))
      .filter((entry) => entry.name !== '.' && entry.name !== '..')
      .map((entry) => {
        const type: number = entry.type
        const kind = type === FILE ? 'file' : type === DIRECTORY ? 'directory' : 'other'
        return { name: entry.name, kind, size: kind === 'file' && Number.isSafeInteger(entry.size) && entry.size >= 0 ? entry.size : null }
      })
  } catch (error) {
    throw new TransferError('protocol', 'the listing is in a format that is not known', { cause: error })
  }
}
