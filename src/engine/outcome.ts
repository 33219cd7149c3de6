import { publicKind, TransferError } from '../core/errors.ts'
import type { TransferResult } from './ports.ts'

/** The part of a result that the way of the transfer decides; the rest is counting. */
export type Outcome = Pick<TransferResult, 'status' | 'proof' | 'proofDetail' | 'digest' | 'failure'>

/** For `.catch`: a failure as part of the result. What is no TransferError is a defect of ours and goes on. */
export function failedOutcome(error: unknown): Outcome {
  if (!(error instanceof TransferError)) throw error
  const { message, hint } = error
  const kind = publicKind(error.kind)
  const failure = { kind, message, ...(hint === undefined ? {} : { hint }) }
  return { status: kind === 'stopped' ? 'incomplete' : 'failed', failure, proof: null, proofDetail: null, digest: null }
}
