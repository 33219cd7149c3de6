import { createHash } from 'node:crypto'

/**
 * Identity of a source. `content` and `validator` may be resumed on; `hint` may be compared, never resumed on alone. `etag` of a hint is one that says nothing
 * about the content: weak, or made of time and size. A changed one is a change all the same.
 */
export type Fingerprint =
  | { readonly strength: 'content'; readonly size: number; readonly sha256: string }
  | { readonly strength: 'validator'; readonly size: number; readonly validator: string }
  | { readonly strength: 'hint'; readonly size: number; readonly modifiedAtMs: number | null; readonly etag: string | null }

/** Characters; a longer one identifies nothing, because a journal does not hold it. */
export const VALIDATOR_LENGTH_MAX = 1024

export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  if (a.size !== b.size) return false
  if (a.strength === 'content') return b.strength === 'content' && a.sha256 === b.sha256
  if (a.strength === 'validator') return b.strength === 'validator' && a.validator === b.validator
  return b.strength === 'hint' && sameHint(a, b)
}

type Hint = Extract<Fingerprint, { strength: 'hint' }>

function sameHint(a: Hint, b: Hint): boolean {
  if (opaqueTag(a) !== opaqueTag(b)) return false
  // A date that did not count yet, because the file had just been written, is no other date.
  if (a.modifiedAtMs === null || b.modifiedAtMs === null) return a.etag !== null
  return a.modifiedAtMs === b.modifiedAtMs
}

/** Apache calls the ETag of a file weak during its first second, and strong later. */
function opaqueTag({ etag }: Hint): string | null {
  return etag?.replace(/^W\//, '') ?? null
}

/** Whether two looks at such a source could tell that it changed. */
export function identifies(fingerprint: Fingerprint): boolean {
  return fingerprint.strength !== 'hint' || fingerprint.modifiedAtMs !== null || fingerprint.etag !== null
}

/** Twelve hex digits that stand for the fingerprint in a partial's name. */
export function fingerprintTag(fingerprint: Fingerprint): string {
  const identity =
    fingerprint.strength === 'content'
      ? `content:${fingerprint.size}:${fingerprint.sha256}`
      : fingerprint.strength === 'validator'
        ? `validator:${fingerprint.size}:${fingerprint.validator}`
        : `hint:${fingerprint.size}:${opaqueTag(fingerprint) ?? fingerprint.modifiedAtMs ?? 'unknown'}`
  return createHash('sha256').update(identity).digest('hex').slice(0, 12)
}

const MIB = 1024 * 1024
const BLOCKS_MAX = 8192

/** Unit of digest for a file of this size: a power of two of at least 1 MiB, so that a file has at most 8192 blocks and a journal stays small. */
export function blockSizeFor(size: number): number {
  let blockSize = MIB
  while (size / blockSize > BLOCKS_MAX) blockSize *= 2
  return blockSize
}

export function blockCount(size: number, blockSize: number): number {
  return Math.ceil(size / blockSize)
}

/** The identity of local content: every block's SHA-256 in order, and the whole file's. */
export interface ContentDigests {
  readonly size: number
  readonly blockSize: number
  /** One lowercase hex SHA-256 per block; the last block may be short; an empty file has none. */
  readonly blocks: readonly string[]
}

/**
 * Content fingerprint from block digests: SHA-256 over size, block size and the blocks' digests.
 * A tree of digests rather than the file's own SHA-256, because blocks hash in parallel on all cores while the connection opens.
 */
export function contentFingerprint(digests: ContentDigests): Fingerprint {
  const hash = createHash('sha256').update(`${digests.size}:${digests.blockSize}:`)
  for (const block of digests.blocks) hash.update(block, 'hex')
  return { strength: 'content', size: digests.size, sha256: hash.digest('hex') }
}
