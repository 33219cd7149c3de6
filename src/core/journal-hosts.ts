/** What the journal remembers of servers: which names they take, what renames do there, and how fast bytes went there. */
import { NAME_SHAPES, type NameShape } from './paths.ts'
import { fieldsOf, isCount, isTag } from './strict.ts'

/**
 * What a server was seen to do in one directory, so that it need not be found out again. It only says what to try first: whatever turns out otherwise is recorded
 * anew.
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
  /**
   * Bytes of an upload per second; null where that was not measured. Only the choice between reading kept bytes back and sending them again hangs on it, and both
   * prove or send every byte: one that is old, or made up, costs time and no wrong byte.
   */
  readonly sends: number | null
  /** It was seen to refuse to remove a file of ours: whatever is made there stays. Left out elsewhere. */
  readonly keeps?: true
}

const FIELDS = ['key', 'shape', 'renames', 'replaces', 'sends'] as const
const HOSTS_MAX = 1000
/** A tebibyte in a second: nothing sends so fast, so a higher one was made up. */
export const SENDS_MAX = 2 ** 40

/** Without those that were recorded longest ago, if they are too many. */
export function withHostEntry(hosts: readonly HostEntry[], host: HostEntry): readonly HostEntry[] {
  return [...hosts.filter(({ key }) => key !== host.key), host].slice(-HOSTS_MAX)
}

/** Of which nothing is known. */
export function unseenHost(key: string): HostEntry {
  return { key, shape: 'dot', renames: null, replaces: null, sends: null }
}

export function sameHost(a: HostEntry, b: HostEntry): boolean {
  return (
    a.key === b.key &&
    a.shape === b.shape &&
    a.renames === b.renames &&
    a.replaces === b.replaces &&
    a.sends === b.sends &&
    a.keeps === b.keeps
  )
}

/** It does what most do, which is found out in no time. How fast it is only counts beside the entry of a file that is to be continued. */
export function isOrdinary({ shape, renames, replaces, keeps }: HostEntry): boolean {
  return shape === 'dot' && renames !== false && replaces !== false && keeps !== true
}

/** Fields in their order. */
export function encodeHosts(hosts: readonly HostEntry[]): readonly HostEntry[] {
  return hosts.map(({ key, shape, renames, replaces, sends, keeps }) => ({
    key,
    shape,
    renames,
    replaces,
    sends,
    ...(keeps ? { keeps } : {}),
  }))
}

export function hostsFrom(values: unknown): readonly HostEntry[] | null {
  if (!Array.isArray(values) || values.length > HOSTS_MAX) return null
  const hosts = new Map<string, HostEntry>()
  for (const value of values) {
    const fields = fieldsOf(value, FIELDS) ?? fieldsOf(value, [...FIELDS, 'keeps'])
    if (fields === null || !isTag(fields.key) || hosts.has(fields.key)) return null
    const { key, renames, replaces, sends, keeps } = fields
    const shape = NAME_SHAPES.find((known) => known === fields.shape)
    if (shape === undefined || !isSeen(renames) || !isSeen(replaces) || !isRate(sends)) return null
    if (keeps !== undefined && keeps !== true) return null
    hosts.set(key, { key, shape, renames, replaces, sends, ...(keeps ? { keeps } : {}) })
  }
  return [...hosts.values()]
}

function isSeen(value: unknown): value is boolean | null {
  return value === null || typeof value === 'boolean'
}

function isRate(value: unknown): value is number | null {
  return value === null || (isCount(value) && value <= SENDS_MAX)
}
