/** What a look at the server tells. A look that fails is no knowledge: the types make every caller say what it does without. */
import { type FailureKind, TransferError } from '../core/errors.ts'
import type { RemoteFile } from '../remotes/remote.ts'

export type Look =
  | { readonly is: 'there'; readonly file: RemoteFile }
  | { readonly is: 'missing' }
  /** The server does not tell, or tells nothing that makes sense. */
  | { readonly is: 'unknown'; readonly why: TransferError }

/** A question that is answered like this is not answered. What may pass (`transient`), and what is ours, is no answer of the server. */
const UNTOLD: readonly FailureKind[] = ['refused', 'denied', 'unsupported', 'conflict', 'protocol', 'limit', 'no-space', 'not-found']

const OWNER_READS = 0o400

export function isUntold(error: unknown): error is TransferError {
  return error instanceof TransferError && UNTOLD.includes(error.kind)
}

export async function lookWith(ask: () => Promise<RemoteFile | null>): Promise<Look> {
  try {
    const file = await ask()
    return file === null ? { is: 'missing' } : { is: 'there', file: believed(file) }
  } catch (error) {
    if (!isUntold(error)) throw error
    return { is: 'unknown', why: error }
  }
}

/** Microsoft's FTP service prints `----------` for every file, others `---x--x--x`: where not even its owner may read a file, nobody has said who may. */
export function isMode(mode: number): boolean {
  return (mode & OWNER_READS) !== 0
}

function believed(file: RemoteFile): RemoteFile {
  const { mode, ...others } = file
  return mode === undefined || isMode(mode) ? file : others
}

/** Whether a plain file was seen; the other answers are for the caller. */
export function showsFile(look: Look): look is Extract<Look, { is: 'there' }> {
  return look.is === 'there' && look.file.kind === 'file'
}

function marks({ validator, etag, modifiedAtMs }: RemoteFile): readonly unknown[] {
  return [validator, etag ?? null, modifiedAtMs]
}

/** A server that stored nothing shows the older file of the same size as it was. */
export function isAsBefore(before: RemoteFile, now: RemoteFile): boolean {
  const is = marks(now)
  return before.size === now.size && marks(before).every((mark, i) => mark === is[i])
}

/** Something beside the size would tell it from another one. */
export function isMarked(file: RemoteFile): boolean {
  return marks(file).some((mark) => mark !== null)
}
