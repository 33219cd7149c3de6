/** Downloads of which two lines reach one file: refused before, and found after. */
import { resolve } from 'node:path'
import type { TransferResult } from '../engine/ports.ts'
import { findLost, refuseAliases } from '../local/aliases.ts'
import type { Job } from './job.ts'
import { failureOf } from './outputs.ts'

export async function refuseLocalAliases(job: Job): Promise<void> {
  if (job.direction === 'upload' || job.entries.length < 2) return
  await refuseAliases(job.entries.map(({ localPath }) => resolve(localPath)))
}

/** The results with those failed whose file is not in place any more at the end of the step. */
export async function withLostTargets(job: Job, results: readonly TransferResult[]): Promise<readonly TransferResult[]> {
  if (job.direction === 'upload') return results
  const inPlace = results.flatMap((result, i) => {
    const entry = job.entries[i]
    if (entry === undefined || (result.status !== 'complete' && result.status !== 'unchanged')) return []
    return [{ i, target: { path: resolve(entry.localPath), size: result.size, digest: result.digest } }]
  })
  const found = await findLost(inPlace.map(({ target }) => target))
  const lost = new Map(inPlace.map(({ i }, at) => [i, found[at] ?? null]))
  return results.map((result, i): TransferResult => {
    const error = lost.get(i) ?? null
    return error === null ? result : { ...result, status: 'failed', failure: failureOf(error), proof: null, proofDetail: null }
  })
}
