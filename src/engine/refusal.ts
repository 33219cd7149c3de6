import { type FailureKind, TransferError } from '../core/errors.ts'
import type { UploadSession } from './upload-session.ts'

/** The server says no to this request, whatever the next one will be answered. */
const REFUSALS: readonly FailureKind[] = ['refused', 'conflict', 'unsupported', 'denied']

export function isRefusal(error: unknown): error is TransferError {
  return error instanceof TransferError && REFUSALS.includes(error.kind)
}

/** The server says no to what was asked, not to who asks: in another way it may say yes. */
export function isRefusalOfName(error: unknown): error is TransferError {
  return isRefusal(error) && !error.ofLogin
}

/** Another job with the same file has taken what both had filled: looking again finds the source in its place, or begins with what is there. */
export function partialGone(cause: TransferError): TransferError {
  return new TransferError('offset-conflict', `the file was gone before it was published (${cause.message})`, { cause })
}

/** The server confirmed every byte, and nothing of them is under either name: it takes what is closed, or what another run with the same file has published. */
export function taken(session: UploadSession, cause: TransferError): TransferError {
  session.begun = false
  // To be found out before the bytes travel the next time.
  session.learn({ renames: false })
  const message = `the server takes files away before they can be given the final name, or has taken the one that another run had published (${cause.message})`
  return new TransferError('refused', message, {
    cause,
    hint: 'This run does not send it again: look where the server puts such files. With `publish-without-rename: always` it goes to the final name itself.',
  })
}

/** The server took no byte, because the place is not there. */
export function badPath(cause: TransferError): TransferError {
  const hint = 'A directory in the path of the destination is missing, or is a file.'
  return new TransferError('refused', cause.message, { cause, hint })
}

export function isMissing(error: unknown): error is TransferError {
  return error instanceof TransferError && error.kind === 'not-found'
}
