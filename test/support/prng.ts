/** Chance that a test can repeat: the same seed gives the same numbers and bytes on every machine. */

/** Numbers in [0, 1), in the shape of the engine's `Random`. The generator is mulberry32: 32 bits of state, not for secrets. */
export function seededRandom(seed: number): () => number {
  const next = words(seed)
  return () => next() / 2 ** 32
}

/** `length` bytes that depend on the seed only and do not compress. */
export function seededBytes(seed: number, length: number): Uint8Array {
  const next = words(seed)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (; at + 4 <= length; at += 4) view.setUint32(at, next(), true)
  for (; at < length; at += 1) bytes[at] = next() & 0xff
  return bytes
}

function words(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
