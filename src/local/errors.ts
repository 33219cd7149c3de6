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

/** What a file system without the ability answers (FUSE, network and memory disks). That is no lost byte; EIO is. */
const CANNOT_SYNC: readonly string[] = ['EINVAL', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']

/** For a failed fsync: rejects unless this disk has no such thing. */
export function syncError(path: string): (error: unknown) => void {
  return (error) => {
    if (error instanceof Error && 'code' in error && CANNOT_SYNC.includes(String(error.code))) return
    localError(`write ${path} to the disk`)(error)
  }
}
