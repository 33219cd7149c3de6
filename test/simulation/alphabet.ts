/** The faults: what may happen, and at which places of an attempt. */
import type { FailureKind } from '../../src/core/errors.ts'

/** Where an attempt stands. Each is one step; `… reply`: done, but the server's answer is still to come. */
export type Place =
  | 'hash'
  | 'read source'
  | 'recheck'
  | 'write local'
  | 'truncate local'
  | 'remove local'
  | 'sync'
  | 'commit'
  | 'committed'
  | 'save'
  | 'saved'
  | 'connect'
  | 'stat'
  | 'probe'
  | 'create'
  | 'open'
  | 'write'
  | 'final reply'
  | 'truncate'
  | 'truncate reply'
  | 'rename'
  | 'deleted'
  | 'rename reply'
  | 'copy'
  | 'copy reply'
  | 'list'
  | 'remove'
  | 'remove reply'
  | 'mode'
  | 'mode reply'
  | 'digest'
  | 'read'
  | 'read packet'

const LOCAL: readonly Place[] = [
  'hash',
  'read source',
  'recheck',
  'write local',
  'truncate local',
  'remove local',
  'sync',
  'commit',
  'committed',
  'save',
  'saved',
]
const REMOTE: readonly Place[] = [
  'connect',
  'stat',
  'probe',
  'create',
  'open',
  'write',
  'final reply',
  'truncate',
  'truncate reply',
  'rename',
  'deleted',
  'rename reply',
  'copy',
  'copy reply',
  'list',
  'remove',
  'remove reply',
  'mode',
  'mode reply',
  'digest',
  'read',
  'read packet',
]

/** Places of a step; `anywhere` also between attempts, `between` only there. */
type Where = readonly Place[] | 'anywhere' | 'between'

const WHERE = {
  // the machine and the person
  crash: [...LOCAL, ...REMOTE],
  stop: [...LOCAL, ...REMOTE],
  'disk-full': ['write local', 'sync', 'commit'],
  'saves-lost': 'anywhere',
  // the way there and the server's refusals
  disconnect: REMOTE,
  stall: REMOTE,
  busy: REMOTE,
  denied: REMOTE,
  refused: REMOTE,
  full: ['create', 'write', 'final reply', 'rename'],
  unsupported: ['open', 'read', 'digest', 'truncate', 'rename', 'copy'],
  conflict: ['rename', 'copy'],
  'restart-lost': REMOTE,
  'restart-zeroed': REMOTE,
  // half answers: the server will store it later, or never
  'accepted-late': ['create'],
  'accepted-never': ['create'],
  // the server's lies, and bits that flip on the way
  'lie-stored': ['write'],
  'write-short': ['write'],
  flip: ['write', 'read packet'],
  'zero-prefix': ['open'],
  'read-short': ['read packet'],
  'read-long': ['read packet'],
  'size-short': ['stat'],
  'size-long': ['stat'],
  'size-whole': ['stat'],
  'digest-wrong': ['digest'],
  // other people
  'source-flip': 'anywhere',
  'source-flip-quietly': 'anywhere',
  'source-first': 'anywhere',
  'source-last': 'anywhere',
  'source-middle': 'anywhere',
  'source-replace-quietly': 'anywhere',
  'source-shrink': 'anywhere',
  'source-grow': 'anywhere',
  'source-replace': 'anywhere',
  'partial-flip': 'anywhere',
  'partial-cut': 'anywhere',
  'partial-grown': 'anywhere',
  'partial-zeroed': 'anywhere',
  'partial-filled': 'anywhere',
  'partial-removed': 'anywhere',
  'final-flip': 'anywhere',
  'final-replaced': 'anywhere',
  'final-removed': 'anywhere',
  'final-linked': 'anywhere',
  'partial-linked': 'between',
  'cache-copies': 'anywhere',
  'cache-forgets': 'anywhere',
  'day-passes': 'between',
  // the saved state
  'state-lost': 'between',
  'state-stale': 'between',
  'state-claims-all': 'between',
  'state-other-blocks': 'between',
  'state-other-key': 'between',
  'state-other-source': 'between',
} as const satisfies Readonly<Record<string, Where>>

export type Kind = keyof typeof WHERE

export const KINDS = Object.keys(WHERE) as readonly Kind[]

const ALLOWED = new Map<Kind, ReadonlySet<Place> | 'anywhere' | 'between'>(
  KINDS.map((kind) => {
    const where: Where = WHERE[kind]
    return [kind, typeof where === 'string' ? where : new Set(where)]
  }),
)

export function fits(kind: Kind, place: Place): boolean {
  const where = ALLOWED.get(kind)
  return where === 'anywhere' || (where !== undefined && where !== 'between' && where.has(place))
}

export const BETWEEN: readonly Kind[] = KINDS.filter((kind) => typeof WHERE[kind] === 'string')
export const DURING: readonly Kind[] = KINDS.filter((kind) => WHERE[kind] !== 'between')

/** Faults that end an exchange, and as what. */
export const FAILURES: Partial<Readonly<Record<Kind, FailureKind>>> = {
  'disk-full': 'no-space',
  disconnect: 'transient',
  busy: 'transient',
  denied: 'denied',
  refused: 'refused',
  full: 'no-space',
  unsupported: 'unsupported',
  conflict: 'conflict',
  'restart-lost': 'transient',
  'restart-zeroed': 'transient',
}

/** At step 0: before the attempt begins. */
export interface PlannedFault {
  readonly kind: Kind
  readonly step: number
}
