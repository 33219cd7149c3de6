import { TransferError } from '../core/errors.ts'

/** What a server was seen to do in this session when it was asked for something that it will not do, and does not say so. */
export class Manners {
  /** Renames to the final name that ended without a yes or a no. */
  renamesCut = 0
  /** Renames at which the server was there, and failed inside. */
  renamesBroken = 0
  /** It takes every file away as soon as it is there. */
  takesAway = false
  /** Files beside the target that it refused to remove, and how it said so. */
  readonly stayed = new Map<string, TransferError>()
  /** Listings that ended without an answer. */
  listingsCut = 0
}

/** More renames than this a server does not fail at by chance. */
const BROKEN_MAX = 2

/**
 * Whether this answer to a rename is one too many: a server that fails inside at each of them says no in its own way. Where its file has a new name all the same, the
 * next look finds it there. For the next attempt to act on: a server that failed may have lost what this one has proven.
 */
export function failsAtRenames(manners: Manners, error: unknown): error is TransferError {
  if (!(error instanceof TransferError) || !error.brokeDown) return false
  manners.renamesBroken += 1
  return manners.renamesBroken >= BROKEN_MAX
}
