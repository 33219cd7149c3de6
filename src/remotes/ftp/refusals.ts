/** What a refusal of a look says. The code alone never does: 550 is `no such file`, `not allowed` and `I do not know this command`. */
import type { FailureKind } from '../../core/errors.ts'
import { TransferError } from '../../core/errors.ts'
import type { Reply } from './errors.ts'

/** As ProFTPD, Pure-FTPd, IIS and others say it. vsftpd 3.0.3 has one text for every refusal. */
const NOTHING_THERE =
  /no such|not found|does ?n[o']t exist|can(not|'t) find|no (matching )?(files?|entries|data sets?)\b|empty|not a (plain|regular) file/i
const NOT_TOLD =
  /permission|denied|not (permitted|allowed|available|implemented|supported|understood)|forbidden|disabled|privilege|unknown command|prohibited/i
const NOT_KNOWN: readonly number[] = [500, 501, 502, 503, 504, 530, 534]
/** The server does not do it or does not tell: knowledge of nothing but that. */
const REFUSALS: readonly FailureKind[] = ['refused', 'denied', 'unsupported', 'protocol']

/** Whether the server says that there is nothing (or no such thing) under the name; false when it only does not tell. `name` is what it may repeat. */
export function saysNothingThere(reply: Reply, name: string): boolean {
  return (reply.code === 550 || reply.code === 553 || reply.code === 450) && says(NOTHING_THERE, reply, name)
}

/** `nothing`: there is none, as far as this way knows. `untold`: the way is closed, and the answer says nothing about the file. */
export function refusedLook(reply: Reply, name: string): 'nothing' | 'untold' {
  if (NOT_KNOWN.includes(reply.code)) return 'untold'
  if (saysNothingThere(reply, name)) return 'nothing'
  return (reply.code === 550 || reply.code === 553) && !says(NOT_TOLD, reply, name) ? 'nothing' : 'untold'
}

/** A name that sounds like an answer is none. */
function says(pattern: RegExp, reply: Reply, name: string): boolean {
  return pattern.test(name === '' ? reply.text : reply.text.replaceAll(name, ''))
}

export function isRefusal(error: unknown): error is TransferError {
  return error instanceof TransferError && REFUSALS.includes(error.kind)
}
