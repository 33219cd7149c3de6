import { type FailureKind, TransferError } from '../core/errors.ts'

/** The server says no to this request, whatever the next one will be answered. */
const REFUSALS: readonly FailureKind[] = ['refused', 'conflict', 'unsupported', 'denied']

export function isRefusal(error: unknown): error is TransferError {
  return error instanceof TransferError && REFUSALS.includes(error.kind)
}

/** The server says no to what was asked, not to who asks: in another way it may say yes. */
export function isRefusalOfName(error: unknown): error is TransferError {
  return isRefusal(error) && !error.ofLogin
}

export function isMissing(error: unknown): error is TransferError {
  return error instanceof TransferError && error.kind === 'not-found'
}
