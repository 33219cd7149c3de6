/** Servers that do not show what they have: looks that are refused, files that are taken away at once, names that show late, or never. */
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { below, pick } from './chance.ts'
import { FINAL, type Scene } from './scene.ts'
import type { Turn } from './turn.ts'
import type { ServerFile, World } from './world.ts'

export type LookKind = 'stat' | 'list' | 'read' | 'digest'

/** In how many words servers say that nothing is told. */
const WORDS: readonly FailureKind[] = ['refused', 'denied', 'unsupported', 'protocol', 'conflict']

/** Throws where this look is refused. */
export function refuses({ profile, random, direction }: Scene, turn: Turn, what: LookKind): void {
  const when = profile.refuses?.[what]
  if (when === undefined || (when === 'sometimes' && random() < 0.7)) return
  // What a download reads is the transfer itself.
  if (what === 'read' && direction === 'download') return
  turn.refusedLooks += 1
  throw new TransferError(what === 'read' ? 'refused' : pick(random, WORDS), `no ${what} here`)
}

/** A server that takes files away has got this one. */
export function mailed({ profile, world, ledger, source }: Scene, turn: Turn, path: string, when: 'closed' | 'renamed'): void {
  const file = world.server.get(path)
  if (file === undefined || profile.mailbox === undefined || (profile.mailbox === 'renamed') !== (when === 'renamed')) return
  const isWatched = path === FINAL || (when === 'closed' && path.endsWith('.partial'))
  if (profile.mailbox !== 'all' && (!isWatched || file.bytes.length === 0)) return
  if (isWatched && file.bytes.equals(source)) turn.delivered += 1
  world.server.delete(path)
  if (path === FINAL) ledger.note(null, 'others', null)
}

/** A rename that was confirmed and shows some looks later. */
export interface Late {
  readonly file: ServerFile
  readonly to: string
  looks: number
  readonly show: () => void
}

/** True when the rename is put off. */
export function putOff({ profile, random, world }: Scene, file: ServerFile, to: string, show: () => void): boolean {
  if (profile.lags !== true || random() < 0.3) return false
  world.late.push({ file, to, looks: 1 + below(random, 3), show })
  return true
}

/** A look at `path`; null: so much time has passed that everything shows. */
export function lateShows(world: World, path: string | null): void {
  for (const late of world.late.filter(({ to }) => path === null || to === path)) {
    late.looks -= 1
    if (late.looks > 0 && path !== null) continue
    world.late.splice(world.late.indexOf(late), 1)
    late.show()
  }
}
