/** How long a server may work on in silence once it has everything: some hash, scan, copy or assemble before they answer. The engine's clock is the outer one. */
const LAST_WORD_MS = 120_000
const LAST_WORD_BYTES_PER_MS = 20_000
/** A server that copies slower than this is not waited for. */
const COPY_BYTES_PER_MS = 5_000

/** For a request of so many bytes, or one that names so many. */
export function lastWordMs(bytes = 0): number {
  return LAST_WORD_MS + Math.floor(bytes / LAST_WORD_BYTES_PER_MS)
}

export function copyingMs(bytes: number): number {
  return LAST_WORD_MS + Math.floor(bytes / COPY_BYTES_PER_MS)
}
