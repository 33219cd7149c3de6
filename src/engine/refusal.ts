import { type FailureKind, TransferError } from '../core/errors.ts'

/** The server says no to this request, whatever the next one will be answered. */
const REFUSALS: readonly FailureKind[] = ['refused', 'conflict', 'unsupported', 'denied']

export function isRefusal(error: unknown): error is TransferError {
  return error instanceof TransferError && REFUSALS.includes(error.kind)
}

export function isMissing(error: unknown): error is TransferError {
  return error instanceof TransferError && error.kind === 'not-found'
}
