export type Fields = Record<string, unknown>

/** The fields of something whose type does not tell them. */
export function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null ? (value as Fields) : null
}
