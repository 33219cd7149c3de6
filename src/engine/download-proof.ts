/** The proof of a finished download: the digest that was given, the server's, a second reading, or the size. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import type { LocalFile } from '../local/local.ts'
import type { Remote } from '../remotes/remote.ts'
import type { DownloadSession } from './download-session.ts'
import type { Outcome } from './outcome.ts'
import type { ProofLevel } from './ports.ts'

/** Rejects with `integrity` after forgetting the partial: the scheduler decides whether to fetch again. */
export async function proveDownload(session: DownloadSession, remote: Remote, file: LocalFile, signal: AbortSignal): Promise<Outcome> {
  const { checksum } = session.job
  const { verify } = session.policy
  const size = session.size ?? 0
  const proven = async (proof: ProofLevel, proofDetail: string, known?: string): Promise<Outcome> => {
    return { status: 'complete', proof, proofDetail, digest: `sha256:${known ?? (await file.digest('sha256', signal))}` }
  }
  if (checksum !== null) {
    session.phase('proving', size)
    const ours = await file.digest(checksum.algorithm, signal)
    if (ours === checksum.hex) return proven('digest', `${checksum.algorithm} as given`, checksum.algorithm === 'sha256' ? ours : undefined)
    return mismatch(session, `${checksum.algorithm} of the downloaded file is ${ours}, expected ${checksum.hex}`)
  }
  // Of a file that was told to be empty the end was seen; one without a length may have been cut off before its first byte.
  if (verify === 'size' || (size === 0 && session.fingerprint !== null)) return proven('size', 'size')
  const { digester } = remote
  if (digester !== undefined && !(verify === 'full' && digester.algorithm === 'crc32')) {
    session.phase('proving', size)
    const theirs = await session.serverDigest(remote, size, signal)
    if (theirs !== null) {
      if (theirs === (await file.digest(digester.algorithm, signal))) return proven('digest', `${digester.algorithm} by the server`)
      return mismatch(session, `${digester.algorithm} of the downloaded file differs from the server's`)
    }
  }
  if (verify === 'auto') return proven('size', 'size')
  session.phase('proving', size)
  const again = createHash('sha256')
  let done = 0
  const sink = (chunk: Uint8Array): void => {
    again.update(chunk)
    done += chunk.length
    session.progress(done)
  }
  // Whose length nobody told may have been cut off the first time: only its end is the end.
  const end = session.fingerprint === null ? Number.POSITIVE_INFINITY : size
  await session.readAgain(remote, { start: 0, end }, sink, signal)
  if (again.digest('hex') === (await file.digest('sha256', signal))) return proven('read-back', 'read a second time and compared')
  return mismatch(session, 'reading the file a second time gave other bytes')
}

async function mismatch(session: DownloadSession, message: string): Promise<never> {
  await session.discard()
  throw new TransferError('integrity', message, { hint: 'Nothing was published under the final name.' })
}
