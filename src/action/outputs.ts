/** How a step ends: its outputs, its exit code and the one failure that decides them. */
import { exitCodeFor, type PublicFailureKind, publicKind, TransferError } from '../core/errors.ts'
import type { ProofLevel, TransferFailure, TransferResult } from '../engine/ports.ts'
import type { OutputName } from './input-table.ts'
import type { Job } from './job.ts'

export interface Conclusion {
  readonly status: 'complete' | 'unchanged' | 'incomplete' | 'failed'
  /** Null when the step is green. */
  readonly failure: TransferFailure | null
  readonly exitCode: number
  readonly outputs: ReadonlyMap<OutputName, string>
}

/** With several failures the first of this order decides: what a person must look into comes before what only needs another run. */
const SEVERITY: readonly PublicFailureKind[] = [
  'internal',
  'integrity',
  'conflict',
  'untrusted',
  'denied',
  'invalid-input',
  'source-changed',
  'protocol',
  'no-space',
  'limit',
  'refused',
  'not-found',
  'transient',
  'stopped',
]

/** Weakest first. */
const PROOFS: readonly ProofLevel[] = ['acknowledged', 'size', 'read-back', 'digest']

/** Any error as plain data; what is no TransferError is a defect of ours. */
export function failureOf(error: unknown): TransferFailure {
  if (!(error instanceof TransferError)) return { kind: 'internal', message: error instanceof Error ? error.message : String(error) }
  const { kind, message, hint } = error
  return { kind: publicKind(kind), message, ...(hint === undefined ? {} : { hint }) }
}

/** The failure of a file that is not in place, or null. A file that counts as done without a proof is a defect, never a success. */
function failureIn(result: TransferResult): TransferFailure | null {
  if (result.status === 'complete' || result.status === 'unchanged')
    return result.proof === null ? { kind: 'internal', message: `${result.name} has no proof` } : null
  if (result.failure !== undefined) return result.failure
  return result.status === 'incomplete' ? { kind: 'stopped', message: 'stopped' } : { kind: 'internal', message: 'failed without a reason' }
}

/**
 * Sums up. `error` is what ended the step besides or before the files' own results, or null. `job` is null when the inputs made none.
 * Files of the job without a result, or no result at all, are a failure.
 */
export function conclude(job: Job | null, results: readonly TransferResult[], error: unknown): Conclusion {
  const failures = results.map(failureIn).filter((failure) => failure !== null)
  if (error !== null && error !== undefined) failures.push(failureOf(error))
  if (failures.length === 0 && (job === null || results.length < job.entries.length || results.length === 0))
    failures.push({ kind: 'internal', message: 'not every file has a result' })
  const failure = failures.toSorted((a, b) => SEVERITY.indexOf(a.kind) - SEVERITY.indexOf(b.kind))[0] ?? null
  const status = statusOf(results, failure)
  return {
    status,
    failure,
    exitCode: failure === null ? 0 : exitCodeFor(failure.kind),
    outputs: outputsOf(job, results, status, failure),
  }
}

function statusOf(results: readonly TransferResult[], failure: TransferFailure | null): Conclusion['status'] {
  if (failure !== null) return failure.kind === 'stopped' ? 'incomplete' : 'failed'
  return results.every((result) => result.status === 'unchanged') ? 'unchanged' : 'complete'
}

function outputsOf(
  job: Job | null,
  results: readonly TransferResult[],
  status: Conclusion['status'],
  failure: TransferFailure | null,
): ReadonlyMap<OutputName, string> {
  const total = (pick: (result: TransferResult) => number): string => String(results.reduce((sum, result) => sum + pick(result), 0))
  const count = (wanted: TransferResult['status']): string => String(results.filter((result) => result.status === wanted).length)
  const isGreen = failure === null
  const only = results.length === 1 ? results[0] : undefined
  const weakest = PROOFS.find((level) => results.some((result) => result.proof === level)) ?? ''
  const isSingleDownload = job?.direction === 'download' && job.entries.length === 1
  return new Map<OutputName, string>([
    ['status', status],
    ['complete', String(isGreen)],
    ['resumed', String(results.some((result) => result.status !== 'unchanged' && result.bytesReused > 0))],
    ['proof', isGreen ? weakest : ''],
    ['digest', isGreen ? (only?.digest ?? '') : ''],
    ['path', isGreen && isSingleDownload ? (job.entries[0]?.localPath ?? '') : ''],
    ['bytes-total', total((result) => result.size ?? 0)],
    ['bytes-transferred', total((result) => result.bytesTransferred)],
    ['bytes-reused', total((result) => result.bytesReused)],
    ['files-total', String(job?.entries.length ?? 0)],
    ['files-transferred', count('complete')],
    ['files-unchanged', count('unchanged')],
    ['error-kind', failure?.kind ?? ''],
  ])
}
