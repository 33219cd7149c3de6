import { type FailureKind, TransferError } from '../core/errors.ts'

const KINDS: Readonly<Record<string, FailureKind>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EACCES: 'refused',
  EPERM: 'refused',
  EROFS: 'refused',
  EISDIR: 'conflict',
  ELOOP: 'conflict',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EFBIG: 'no-space',
  ENAMETOOLONG: 'invalid-input',
  EMFILE: 'transient',
  ENFILE: 'transient',
}

/** For `.catch`: turns what the operating system said into a TransferError. EIO and anything unknown is `refused`: retrying a bad disk helps nobody. */
export function localError(doing: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof TransferError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const hint = code === 'ENOSPC' ? { hint: 'Free space on the runner.' } : {}
    throw new TransferError(KINDS[code] ?? 'refused', `cannot ${doing}: ${code || String(error)}`, { cause: error, ...hint })
  }
}
