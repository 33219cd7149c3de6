/** Whether this server sends parts of files: learned as it answers, remembered for the session. */
import { TransferError } from '../../core/errors.ts'
import { contentRangeOf, type Reply } from './headers.ts'

/** Firewalls and old servers answer so to any Range, whatever the file: 416 as well, to the first byte of a file that has one. */
const REFUSALS = new Set([400, 403, 405, 406, 416, 501])
/** These, and a cut connection, may just as well be of the moment: twice, with the whole file sent in between, is a refusal. */
const DOUBTS = new Set([500, 502, 503])
const DOUBTS_MAX = 2

export class RangeSupport {
  #refused = false
  #worked = false
  #doubts = 0

  /** Known not to be there. */
  get refused(): boolean {
    return this.#refused
  }

  /** A part came as it was asked for: whatever is said of another one is about that. */
  works(): void {
    this.#worked = true
  }

  /** Whether the answer to a range may be due to the range, so that it is worth asking without one. */
  mayRefuse(answer: Reply | TransferError): boolean {
    if (this.#worked || this.#refused) return false
    return answer instanceof TransferError ? isCut(answer) : isRefusal(answer) || DOUBTS.has(answer.status)
  }

  /** The whole file was sent where a range had got this answer. True when that settles it. */
  wholeWorked(answer: Reply | TransferError): boolean {
    if (!(answer instanceof TransferError) && isRefusal(answer)) this.#refused = true
    else this.#doubts += 1
    if (this.#doubts >= DOUBTS_MAX) this.#refused = true
    return this.#refused
  }
}

/** A 206 that does not say which part it is says nothing. */
export function isRefusal(reply: Reply): boolean {
  return REFUSALS.has(reply.status) || (reply.status === 206 && contentRangeOf(reply)?.range == null)
}

/** The connection was there and ended without an answer, other than by our own clock. */
export function isCut(error: unknown): boolean {
  return error instanceof TransferError && error.kind === 'transient' && error.cause !== undefined
}
