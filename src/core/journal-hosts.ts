/** What the journal remembers of servers: which names they take, and what renames do there. */
import { NAME_SHAPES, type NameShape } from './paths.ts'
import { fieldsOf, isTag } from './strict.ts'

/**
 * What a server was seen to do with names in one directory, so that it need not be found out again. It only says what to try first: whatever turns out otherwise is
 * recorded anew.
 */
export interface HostEntry {
  /** Sixteen hex digits: the server, the account and the directory. */
  readonly key: string
  /** The temporary names that it takes. */
  readonly shape: NameShape
  /** Whether a file can be renamed; null where that was not seen. */
  readonly renames: boolean | null
  /** Whether a rename puts one file in the place of another. */
  readonly replaces: boolean | null
}

const HOSTS_MAX = 1000

/** Without those that were recorded longest ago, if they are too many. */
export function withHostEntry(hosts: readonly HostEntry[], host: HostEntry): readonly HostEntry[] {
  return [...hosts.filter(({ key }) => key !== host.key), host].slice(-HOSTS_MAX)
}

/** It does what most do, which is found out in no time. */
export function isOrdinary({ shape, renames, replaces }: HostEntry): boolean {
  return shape === 'dot' && renames !== false && replaces !== false
}

/** Fields in their order. */
export function encodeHosts(hosts: readonly HostEntry[]): readonly HostEntry[] {
  return hosts.map(({ key, shape, renames, replaces }) => ({ key, shape, renames, replaces }))
}

export function hostsFrom(values: unknown): readonly HostEntry[] | null {
  if (!Array.isArray(values) || values.length > HOSTS_MAX) return null
  const hosts = new Map<string, HostEntry>()
  for (const value of values) {
    const fields = fieldsOf(value, ['key', 'shape', 'renames', 'replaces'])
    if (fields === null || !isTag(fields.key) || hosts.has(fields.key)) return null
    const { key, renames, replaces } = fields
    const shape = NAME_SHAPES.find((known) => known === fields.shape)
    if (shape === undefined || !isSeen(renames) || !isSeen(replaces)) return null
    hosts.set(key, { key, shape, renames, replaces })
  }
  return [...hosts.values()]
}

function isSeen(value: unknown): value is boolean | null {
  return value === null || typeof value === 'boolean'
}
