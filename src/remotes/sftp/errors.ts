/** What the server or the network said, as a TransferError. The only such table of this folder. */
import { type FailureKind, TransferError } from '../../core/errors.ts'
import { messageOf } from '../reach.ts'

/** Status codes of SFTP v3, and those of later versions that servers send in v3 sessions (mod_sftp 1.3.8 does). */
export const STATUS = {
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
  noSuchPath: 10,
  alreadyExists: 11,
  writeProtect: 12,
  noSpace: 14,
  quotaExceeded: 15,
} as const

const KIND_OF_STATUS: Readonly<Record<number, FailureKind>> = {
  [STATUS.eof]: 'source-changed',
  [STATUS.noSuchFile]: 'not-found',
  [STATUS.permissionDenied]: 'refused',
  [STATUS.failure]: 'refused',
  [STATUS.badMessage]: 'refused',
  [STATUS.noConnection]: 'transient',
  [STATUS.connectionLost]: 'transient',
  [STATUS.unsupported]: 'unsupported',
  [STATUS.noSuchPath]: 'not-found',
  [STATUS.alreadyExists]: 'conflict',
  [STATUS.writeProtect]: 'refused',
  [STATUS.noSpace]: 'no-space',
  [STATUS.quotaExceeded]: 'no-space',
}

/** A negative answer to one SFTP request. Stays inside this folder. */
export class StatusError extends Error {
  readonly code: number

  constructor(code: number, text: string) {
    super(text)
    this.code = code
  }
}

export function hasStatus(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof StatusError && codes.includes(error.code)
}

/** `doing` completes "cannot …". */
export function requestFailure(error: unknown, doing: string): TransferError {
  if (error instanceof TransferError) return error
  if (!(error instanceof StatusError)) return new TransferError('internal', `cannot ${doing}: ${String(error)}`, { cause: error })
  const kind = /no space|disk (is )?full|out of disk|quota/i.test(error.message) ? 'no-space' : (KIND_OF_STATUS[error.code] ?? 'refused')
  return new TransferError(kind, `cannot ${doing}: the server answered "${error.message}" (code ${error.code})`, { cause: error })
}

interface RawConnectionError {
  readonly message: string
  readonly code?: unknown
  readonly level?: unknown
}

const KIND_OF_SOCKET_ERROR: Readonly<Record<string, FailureKind>> = {
  ENOTFOUND: 'invalid-input',
  EINVAL: 'invalid-input',
  EADDRNOTAVAIL: 'invalid-input',
}

/** SSH_MSG_DISCONNECT reasons that mean the credentials; any other reason may be gone at the next try. */
const DISCONNECT_BY_AUTHENTICATION: readonly unknown[] = [13, 14, 15]

/** A connection that could not be made, or that ended. */
export function connectionFailure(raw: RawConnectionError, where: string, redact: (text: string) => string): TransferError {
  const failure = (kind: FailureKind, message: string, hint?: string): TransferError =>
    new TransferError(kind, `${where}: ${redact(message)}`, hint === undefined ? { cause: raw } : { cause: raw, hint })
  if (typeof raw.code === 'string' && raw.level !== 'handshake') {
    if (raw.code === 'ENOTFOUND') return failure('invalid-input', 'there is no such host')
    return failure(KIND_OF_SOCKET_ERROR[raw.code] ?? 'transient', messageOf(raw) || raw.code)
  }
  if (/too many authentication failures/i.test(raw.message) || DISCONNECT_BY_AUTHENTICATION.includes(raw.code))
    return failure('denied', raw.message)
  if (/signature verification failed/i.test(raw.message)) return failure('untrusted', raw.message)
  if (/no matching/i.test(raw.message))
    return failure(
      'refused',
      raw.message,
      'The server offers only algorithms that this program does not know or that are no longer secure.',
    )
  if (
    raw.level === 'sftp-protocol' ||
    // What cannot be read as a packet at all surfaces as one of these.
    raw instanceof TypeError ||
    raw instanceof RangeError ||
    /Invalid identification|greeting lines|Bad packet length|Packet length \d+ exceeds|Unknown packet type|Expected VERSION/i.test(
      raw.message,
    )
  )
    return failure(
      'protocol',
      raw.message,
      'Is this an SSH server with SFTP? A start-up file such as .bashrc that prints text breaks SFTP as well.',
    )
  if (/subsystem/i.test(raw.message)) return failure('refused', raw.message, 'The account has no SFTP: ask for the sftp subsystem.')
  return failure('transient', raw.message)
}

/** Reasons that pass by themselves. */
const PASSING =
  /resource shortage|too many|try again|temporar|shutting down|restart|maintenance|timed? ?out|ECONN|EPIPE|reset|No response from server/i

/** The login was taken and no SFTP session came of it: final unless it is known to pass, because each further try is one more login. */
export function sessionFailure(raw: RawConnectionError, where: string, redact: (text: string) => string): TransferError {
  const known = connectionFailure(raw, where, redact)
  if (known.kind !== 'transient' || PASSING.test(raw.message) || /Received signal/.test(raw.message)) return known
  return new TransferError('refused', `${where}: the server took the login and gave no SFTP session: ${redact(raw.message)}`, {
    cause: raw,
    // Of an expired password OpenSSH says nothing that gets here: it takes it, and ends the session with 1.
    hint: "Look at the account's shell (/bin/false and nologin end SFTP too), at a forced command, at the server's sftp subsystem, and whether its password has expired.",
  })
}
