/** The expected digest of a download, given directly or looked up in a SHA256SUMS file. */
import { TransferError } from '../core/errors.ts'
import { watched } from '../engine/exchange.ts'
import type { Clock } from '../engine/ports.ts'
import type { DigestAlgorithm } from '../remotes/remote.ts'
import type { ExpectedChecksum } from './job.ts'
import type { RemoteSet } from './remotes.ts'

const SUMS_BYTES_MAX = 4 * 1024 * 1024

export interface Expected {
  readonly algorithm: DigestAlgorithm
  readonly hex: string
}

export async function expectedChecksum(
  checksum: ExpectedChecksum,
  fileName: string,
  remotes: RemoteSet,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Expected> {
  if (checksum.kind === 'digest') return { algorithm: checksum.algorithm, hex: checksum.hex }
  const { supply, path } = await remotes.prepare(checksum.url)
  const remote = await supply.get(signal)
  const chunks: Buffer[] = []
  let length = 0
  await watched({ clock, timeoutMs, bytes: Number.POSITIVE_INFINITY, what: 'fetching the checksums' }, signal, async (s, watch) => {
    const file = await remote.stat(path, s)
    if (file === null) throw new TransferError('not-found', 'the server has no such file of checksums')
    if ((file.size ?? 0) > SUMS_BYTES_MAX) throw new TransferError('limit', `the file of checksums is larger than ${SUMS_BYTES_MAX} bytes`)
    const keep = (chunk: Uint8Array): void => {
      length += chunk.length
      if (length > SUMS_BYTES_MAX) throw new TransferError('limit', `the file of checksums is larger than ${SUMS_BYTES_MAX} bytes`)
      chunks.push(Buffer.from(chunk))
      watch.moved(length)
    }
    await remote.read(path, { start: 0, end: file.size ?? Number.POSITIVE_INFINITY }, keep, {}, s)
  })
  const hex = digestIn(Buffer.concat(chunks).toString('utf8'), fileName)
  if (hex === null) throw new TransferError('not-found', `the file of checksums has no line for ${fileName}`)
  return { algorithm: hex.length === 128 ? 'sha512' : 'sha256', hex }
}

/** The digest of `name` in the text that sha256sum or sha512sum writes; null when there is none, or two that differ. */
export function digestIn(text: string, name: string): string | null {
  const found = new Set<string>()
  const escapedNames = escapedForms(name)
  for (const line of text.split('\n')) {
    const match = /^(\\?)([0-9a-fA-F]{128}|[0-9a-fA-F]{64}) [ *](.+?)\r?$/.exec(line)
    const [, escaped, hex, rest = ''] = match ?? []
    // A backslash before the digest says that the name is escaped.
    const names = escaped === '' ? [name] : escapedNames
    if (hex !== undefined && names.some((n) => rest === n || rest.endsWith(`/${n}`))) found.add(hex.toLowerCase())
  }
  const [hex] = found
  return found.size === 1 && hex !== undefined ? hex : null
}

/** How coreutils writes a name after that backslash: 9 escapes CR too, older ones do not. */
function escapedForms(name: string): readonly string[] {
  const older = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return [older, older.replaceAll('\r', '\\r')]
}
