/**
 * How kept bytes are proven, and when reading them back gives way to sending them again. Pure: facts and measured rates in, a choice out. The promise is that
 * continuing is never slower than starting over by more than a tenth.
 */
import type { Rates } from './pace.ts'

export interface ProofFacts {
  /** Bytes that are there and to be proven. */
  readonly kept: number
  /** Bytes that are not there. */
  readonly missing: number
  /** The server computes digests of what it has stored that fit these bytes. */
  readonly digests: boolean
  /** The server writes at any place of the file. */
  readonly writesAnywhere: boolean
  /** How many exchanges may run at once. */
  readonly connectionsMax: number
  readonly rates: Rates
}

/** Where nothing is measured, or nothing of it is to count, what is kept is read. */
export const UNMEASURED: Rates = { sendAlone: null, readAlone: null, sendBeside: null, readBeside: null }

/** `beside`: the missing bytes are sent while the kept ones are digested or read. */
export type ProofWay = 'digest' | 'beside' | 'read-first' | 'send-again'

/** Of the rate of sending: reading that is slower than this proves too little to be worth its traffic. */
const READING_LEAST = 1 / 16
/** Reading and sending together have to move at least this much of what sending moves alone. */
const TOGETHER_LEAST = 0.95
/** Reading that is nearly as fast as sending goes on by itself: nothing is sent twice. */
const READING_ENOUGH = 0.9
/** What is read within this time is not sent again: an exchange has its price, and so short a time says little about the way. */
const SOON_MS = 2000
/** The same once blocks are being sent again: then only the exchange's price counts. */
const SOON_AGAIN_MS = 500
/** Reading that is going to take this long pays for finding out how fast sending is. */
const TRIAL_MS = 4000
const TRIAL_SHARE = 1 / 32

export function wayToProve({ kept, missing, digests, writesAnywhere, connectionsMax, rates }: ProofFacts): ProofWay {
  const beside = writesAnywhere && connectionsMax > 1
  if (digests) return beside && missing > 0 ? 'beside' : 'digest'
  const { read, send } = alone(rates)
  const hopeless = read !== null && send !== null && !isSoon(kept, read) && read < send * READING_LEAST
  if (hopeless) return 'send-again'
  return beside ? 'beside' : 'read-first'
}

/** Where nothing is sent before all is read: whether reading `left` bytes takes no longer than sending the `again` bytes that have to be sent without. */
export function readsOn(left: number, again: number, rates: Rates): boolean {
  const { read, send } = alone(rates)
  return read === null || send === null || isSoon(left, read) || left / read <= again / send / READING_ENOUGH
}

/** Beside sending: whether both together get on faster than sending does alone. */
export function readingPays(unproven: number, { sendAlone, readAlone, sendBeside, readBeside }: Rates): boolean {
  const send = sendAlone ?? sendBeside
  const read = readBeside ?? readAlone
  if (send === null || read === null || isSoon(unproven, read)) return true
  if (read < send * READING_LEAST) return false
  return sendAlone === null || sendBeside === null || readBeside === null || sendBeside + readBeside >= sendAlone * TOGETHER_LEAST
}

/** Once nothing is missing any more: how many of the `unproven` bytes to send again, so that reading and sending meet at the same time. `already`: some are. */
export function toSendAgain(unproven: number, rates: Rates, already = false): number {
  const { read, send } = alone(rates)
  if (read === null || isSoon(unproven, read, already ? SOON_AGAIN_MS : SOON_MS)) return 0
  if (send === null) return unproven > read * TRIAL_MS ? unproven * TRIAL_SHARE : 0
  return read < send * READING_ENOUGH ? (unproven * send) / (send + read) : 0
}

function isSoon(bytes: number, rate: number, soonMs = SOON_MS): boolean {
  return bytes <= rate * soonMs
}

/** Rates that were measured under like conditions, as far as there are such. */
function alone({ sendAlone, readAlone, sendBeside, readBeside }: Rates): { readonly read: number | null; readonly send: number | null } {
  if (readAlone === null) return { read: readBeside, send: sendBeside ?? sendAlone }
  return { read: Math.max(readAlone, readBeside ?? 0), send: sendAlone ?? sendBeside }
}
