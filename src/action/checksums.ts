/** The expected digest of a download, given directly or looked up in a SHA256SUMS file. */
import { TransferError } from '../core/errors.ts'
import { watched } from '../engine/exchange.ts'
import type { Clock } from '../engine/ports.ts'
import type { ExpectedChecksum } from './job.ts'
import type { RemoteSet } from './remotes.ts'
import { digestFor } from './sums.ts'
import type { Expected } from './sums-lines.ts'

const SUMS_BYTES_MAX = 4 * 1024 * 1024

/** `filePath`: the decoded path of the download's URL. */
export async function expectedChecksum(
  checksum: ExpectedChecksum,
  filePath: string,
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
  return digestFor(Buffer.concat(chunks), filePath, decodedPath(checksum.url).split('/').at(-1) ?? '')
}

/** What a server would call it; as it is where it is no percent-encoding. */
export function decodedPath(url: URL): string {
  try {
    return decodeURIComponent(url.pathname)
  } catch {
    return url.pathname
  }
}
