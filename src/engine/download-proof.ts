/** The proof of a finished download: the digest that was given, the server's, a second reading, or the size. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import type { LocalFile } from '../local/local.ts'
import type { Remote } from '../remotes/remote.ts'
import type { DownloadSession } from './download-session.ts'
import type { Outcome } from './outcome.ts'
import type { ProofLevel } from './ports.ts'

/** By the digest that the user gave, which replaces all others; null where none was given, or it does not fit. */
export async function provenAsGiven(session: DownloadSession, file: LocalFile, signal: AbortSignal): Promise<Outcome | null> {
  const { checksum } = session.job
  if (checksum === null) return null
  session.phase('proving', session.size ?? 0)
  const ours = await file.digest(checksum.algorithm, signal)
  if (ours !== checksum.hex) return null
  const digest = checksum.algorithm === 'sha256' ? ours : await file.digest('sha256', signal)
  return { status: 'complete', proof: 'digest', proofDetail: `${checksum.algorithm} as given`, digest: `sha256:${digest}` }
}

/** Rejects with `integrity` after forgetting the partial: the scheduler decides whether to fetch again. */
export async function proveDownload(session: DownloadSession, remote: Remote, file: LocalFile, signal: AbortSignal): Promise<Outcome> {
  const { checksum } = session.job
  const { verify } = session.policy
  const size = session.size ?? 0
  const proven = async (proof: ProofLevel, proofDetail: string): Promise<Outcome> => {
    return { status: 'complete', proof, proofDetail, digest: `sha256:${await file.digest('sha256', signal)}` }
  }
  if (checksum !== null) {
    const given = await provenAsGiven(session, file, signal)
    if (given !== null) return given
    const ours = await file.digest(checksum.algorithm, signal)
    return mismatch(session, `${checksum.algorithm} of the downloaded file is ${ours}, expected ${checksum.hex}`, ours)
  }
  const bySize = (): Promise<Outcome> =>
    session.untoldSource ? proven('acknowledged', 'read to its end, not looked at') : proven('size', 'size')
  // Of a file that was told to be empty the end was seen; one without a length may have been cut off before its first byte.
  if (verify === 'size' || (size === 0 && session.fingerprint !== null)) return bySize()
  const { digester } = remote
  if (digester !== undefined && !(verify === 'full' && digester.algorithm === 'crc32')) {
    session.phase('proving', size)
    const theirs = await session.serverDigest(remote, size, signal)
    if (theirs !== null) {
      const ours = await file.digest(digester.algorithm, signal)
      if (theirs === ours) return proven('digest', `${digester.algorithm} by the server`)
      return mismatch(session, `${digester.algorithm} of the downloaded file differs from the server's`, ours)
    }
  }
  if (verify === 'auto') return bySize()
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
  return mismatch(session, 'reading the file a second time gave other bytes', null)
}

/** `ours`: the digest of what came, by which the same bytes are recognised when they come again. */
async function mismatch(session: DownloadSession, message: string, ours: string | null): Promise<never> {
  await session.discard()
  if (ours !== null && session.isWrongAgain(ours)) {
    session.settled = true
    throw new TransferError('integrity', `${message}; fetched twice, with the same bytes`, {
      hint: 'Compare the digest that was given: it may belong to another version. Nothing was published under the final name.',
    })
  }
  throw new TransferError('integrity', message, { hint: 'Nothing was published under the final name.' })
}
