/** Files beside the target that runs of this program made: found by listing the directory, where the journal does not say. */
import { TransferError } from '../core/errors.ts'
import { fingerprintTag } from '../core/fingerprint.ts'
import { baseName, directoryName, joinPath, partialParts, passingKind } from '../core/paths.ts'
import type { Remote, TreeEntry } from '../remotes/remote.ts'
import { isUntold } from './look.ts'
import type { UploadSession } from './upload-session.ts'

export interface Siblings {
  /** Partials of exactly this content that may be claimed, the largest first. */
  readonly same: readonly string[]
  /** All partials of this content, also those that somebody may still append to. */
  readonly working: readonly TreeEntry[]
  /** Partials of other versions, those that somebody may still append to, and copies. */
  readonly others: readonly string[]
  /** Files of the final name that were set aside. */
  readonly asides: readonly string[]
}

/** Each is looked at when all is done. */
const OTHERS_MAX = 20

const NONE: Siblings = { same: [], working: [], others: [], asides: [] }

/** More listings than this do not end: then it is done without. */
const CUT_MAX = 2

/**
 * A listing that is refused is no knowledge: nothing is found then, and the transfer goes on. One that is cut off ends the attempt as anything else does that is cut
 * off: the server may have lost in a restart what was proven before.
 */
export async function siblings(session: UploadSession, { tree }: Remote, signal: AbortSignal): Promise<Siblings> {
  const directory = directoryName(session.job.path)
  if (tree === undefined || session.manners.listingsCut >= CUT_MAX) return NONE
  try {
    const entries = await session.guarded('looking for an earlier partial', signal, (s) => tree.list(directory, s))
    const found = sorted(session, directory, entries)
    for (const aside of found.asides) session.asidesSeen.add(aside)
    return found
  } catch (error) {
    if (isUntold(error)) return NONE
    if (!signal.aborted && error instanceof TransferError) session.manners.listingsCut += 1
    throw error
  }
}

function sorted(session: UploadSession, directory: string, entries: readonly TreeEntry[]): Siblings {
  const name = baseName(session.job.path)
  const tag = fingerprintTag(session.fingerprint)
  const path = (entry: TreeEntry): string => joinPath(directory, entry.name)
  const files = entries.filter((entry) => entry.kind === 'file')
  const isSame = (entry: TreeEntry): boolean => {
    const parts = partialParts(name, entry.name)
    return parts?.tag === tag && !parts.appended
  }
  const isOther = (entry: TreeEntry): boolean =>
    (partialParts(name, entry.name) !== null && !isSame(entry)) || passingKind(name, entry.name) === 'copy'
  return {
    same: files
      .filter(isSame)
      .sort((a, b) => (b.size ?? 0) - (a.size ?? 0))
      .map(path),
    working: files.filter((entry) => partialParts(name, entry.name)?.tag === tag),
    others: files.filter(isOther).slice(0, OTHERS_MAX).map(path),
    asides: files.filter((entry) => passingKind(name, entry.name) === 'aside').map(path),
  }
}
