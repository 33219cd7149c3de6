/** The one place where what an FTP server or a socket says becomes a TransferError. */
import { type FailureDetails, type FailureKind, TransferError } from '../../core/errors.ts'
import { messageOf } from '../reach.ts'
import { tlsFailureKind, tlsWeakness } from '../tls.ts'

/** One reply of the server: its code and its whole text, lines joined by LF, each with its code. */
export interface Reply {
  readonly code: number
  readonly text: string
  /** The same for people, where it holds a secret. */
  readonly shown?: string
}

const CONNECTION_LIMIT =
  /too many|maximum (number|login|connections|clients)|max(imum)? .{0,60}(clients|connections|users)|already connected|connection limit/i
/** The same words about logins that failed: the password is wrong, or was. */
const FAILED_LOGINS =
  /attempts|tries|failures?\b|\bfailed|authentication|incorrect|invalid|(bad|wrong) (passwords?|logins?|credentials)|locked|banned/i
const SESSIONS = /connections|connection limit|already connected|clients|sessions|users|logged[ -]in/i
// vsftpd's word for a write that failed never says why; a full disk or quota is what makes writes fail, and asking again helps no other reason either.
const NO_SPACE =
  /quota|no space|disk (is )?full|not enough (disk )?space|insufficient (disk |storage )?space|exceeded storage|won't be saved|failure writing to local file/i
const TLS_WANTED = /must use (encryption|ssl|tls)|(ssl|tls)[^.]{0,40}\brequired\b|require[sd]? (ssl|tls)|non-anonymous sessions must/i
const SESSION_REUSE = /session reuse|reuse (is )?required|reuse of (the )?(ssl|tls)/i

const EXPIRED = /expired|must (be )?change|change (your|the) password/i

export const HINTS = {
  limit: 'The server limits how many sessions may be open. Wait until other sessions have ended, or raise the limit.',
  tls: 'The server wants TLS: use ftps:// instead of ftp://.',
  weak: 'TLS 1.2 or newer with a key of 2048 bits is wanted: the server has to be brought up to date.',
  reuse: 'The server wants data connections to continue the TLS session of the control connection and did not recognise it.',
} as const

interface Verdict {
  readonly kind: FailureKind
  readonly hint?: string
}

/** The server has no room for another session, and says so beyond doubt: that is nothing against the password. */
export function hasNoRoom(reply: Reply): boolean {
  return isFull(reply) && SESSIONS.test(reply.text)
}

function isFull(reply: Reply): boolean {
  return reply.code !== 332 && reply.code >= 400 && CONNECTION_LIMIT.test(reply.text) && !FAILED_LOGINS.test(reply.text)
}

/** Code and text together decide: 530 is a wrong password or a full server, 550 is anything. Order matters. */
function judge(reply: Reply): Verdict {
  const { code, text } = reply
  if (isFull(reply)) return { kind: 'transient', hint: HINTS.limit }
  if (code === 421) return { kind: 'transient' }
  if (code === 452 || code === 552 || (code >= 400 && NO_SPACE.test(text))) return { kind: 'no-space' }
  if (code >= 500 && TLS_WANTED.test(text) && !SESSION_REUSE.test(text)) return { kind: 'denied', hint: HINTS.tls }
  if (code === 425 || code === 522)
    return SESSION_REUSE.test(text) || code === 522 ? { kind: 'transient', hint: HINTS.reuse } : { kind: 'transient' }
  if (code === 530 || code === 430 || code === 332 || code === 532) return { kind: 'denied' }
  if (code >= 400 && code < 500) return { kind: 'transient' }
  if (code >= 500 && code < 600) return { kind: 'refused' }
  return { kind: 'protocol' }
}

/**
 * What an answer to USER or PASS means. Final, unless it speaks of too many sessions or ends this one: an account is locked after a few attempts, so what is not known
 * to pass is not tried again.
 */
export function loginError(reply: Reply, action: string): TransferError {
  if (reply.code === 332 || reply.code === 532) {
    const hint = 'The server wants an account (ACCT) besides user name and password, which cannot be given here.'
    return replyErrorAs('denied', reply, action, hint)
  }
  if (EXPIRED.test(reply.text)) return replyErrorAs('denied', reply, action, 'Log in by another client once, and set a new password.')
  const { kind } = judge(reply)
  return passes(reply) || kind !== 'transient' ? replyError(reply, action) : replyErrorAs('denied', reply, action)
}

function passes(reply: Reply): boolean {
  if (isFull(reply)) return true
  const failed = FAILED_LOGINS.test(reply.text) && !SESSIONS.test(reply.text)
  return !failed && (reply.code === 421 || CONNECTION_LIMIT.test(reply.text))
}

/** Text of a reply on one line. */
export function replyText(reply: Reply): string {
  return (reply.shown ?? reply.text).replaceAll(/\s+/g, (space) => (space.includes('\n') ? ' ' : space)).trim()
}

/** What a reply other than the hoped-for one means. `action` says what we wanted, e.g. `STOR a.bin`. */
export function replyError(reply: Reply, action: string, details: FailureDetails = {}): TransferError {
  const verdict = judge(reply)
  const hint = details.hint ?? verdict.hint
  return new TransferError(verdict.kind, `${action}: the server answered ${replyText(reply)}`, {
    ...details,
    ...(hint === undefined ? {} : { hint }),
  })
}

/** The same code and text under a kind that the situation decides. */
export function replyErrorAs(kind: FailureKind, reply: Reply, action: string, hint?: string): TransferError {
  return new TransferError(kind, `${action}: the server answered ${replyText(reply)}`, hint === undefined ? {} : { hint })
}

/** What a failure of a socket means; `secured` as in `tlsFailureKind`. A TransferError passes unchanged. */
export function socketError(error: unknown, action: string, secured = false): TransferError {
  if (error instanceof TransferError) return error
  const message = messageOf(error)
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const weakness = secured ? null : tlsWeakness(code)
  if (weakness !== null) return new TransferError('refused', `${action}: ${weakness} (${code})`, { cause: error, hint: HINTS.weak })
  return new TransferError(socketFailureKind(code, message, secured), `${action}: ${message}`, { cause: error })
}

function socketFailureKind(code: string, message: string, secured: boolean): FailureKind {
  if (code === 'ENOTFOUND') return 'invalid-input'
  if (/exceeded maximum allowed size/.test(message)) return 'protocol'
  return tlsFailureKind(code, secured) ?? 'transient'
}
