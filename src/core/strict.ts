/** What a field of the saved state may be: whatever is doubtful is none. */

export type Fields = Readonly<Record<string, unknown>>

/** An object with exactly these fields, or null. */
export function fieldsOf(value: unknown, names: readonly string[]): Fields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const keys = Object.keys(value)
  return keys.length === names.length && names.every((n) => keys.includes(n)) ? (value as Fields) : null
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && 2 ** Math.round(Math.log2(value)) === value
}

export function isHex(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value)
}

/** Sixteen hex digits. */
export function isTag(value: unknown): value is string {
  return isHex(value, 16)
}
