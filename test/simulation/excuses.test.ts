/** What is excused, and how narrowly: engines that are wrong only where an excuse is near must be noticed all the same. */
import { TransferError } from '../../src/core/errors.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { areNoticed, type Mistake, naming, writing } from './mistakes.ts'
import { FINAL, isAside, isPartial, type Scene } from './scene.ts'
import { byChance, type Lane, twinByChance } from './search.ts'
import type { HistorySpec } from './spec.ts'
import type { Turn } from './turn.ts'

const refused = (): never => {
  throw new TransferError('refused', 'no')
}

/** Sends the half, where something has gone wrong before. */
const halving = (remote: Remote, _scene: Scene, turn: Turn): Remote =>
  writing(remote, (writer) => ({
    create: async (path, size, body, observer, signal) => {
      if (path !== FINAL || turn.faults === 0) return writer.create(path, size, body, observer, signal)
      const half = Math.floor(size / 2)
      await writer.create(path, half, firstOf(body, half), observer, signal)
      observer.acknowledged(size)
    },
  }))

async function* firstOf(body: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let left = size
  for await (const chunk of body) {
    if (left > 0) yield chunk.subarray(0, left)
    left -= Math.min(left, chunk.length)
  }
}

/** Takes a look that was cut off for one that is refused. */
const swallowing = (remote: Remote): Remote => {
  const untold = (error: unknown): never => {
    throw error instanceof TransferError && error.kind === 'transient' ? new TransferError('refused', error.message) : error
  }
  const looking = { ...remote, stat: (path: string, signal: AbortSignal) => remote.stat(path, signal).catch(untold) }
  return naming(looking, (tree) => ({ list: (path, signal) => tree.list(path, signal).catch(untold) }))
}

const guessing = (remote: Remote, scene: Scene): Remote => ({
  ...remote,
  stat: async (path, signal) => {
    const seen = await remote.stat(path, signal)
    return seen === null ? null : { ...seen, size: scene.source.length }
  },
})

/** Does not look at what it has renamed, where something has gone wrong before. */
const blind = (remote: Remote, scene: Scene, turn: Turn): Remote => ({
  ...remote,
  stat: (path, signal) => (turn.faults > 0 && scene.ledger.changes.at(-1)?.how === 'renamed' ? refused() : remote.stat(path, signal)),
})

/** The same, when another run is at work. */
const blindBesideOthers = (remote: Remote, scene: Scene, turn: Turn): Remote => ({
  ...remote,
  stat: (path, signal) => (turn.duet !== null && scene.ledger.changes.at(-1)?.how === 'renamed' ? refused() : remote.stat(path, signal)),
})

const unread = (remote: Remote): Remote => ({ ...remote, read: async () => refused() })

/** Does not look at the source again, where something has gone wrong before. */
const trusting = (remote: Remote, _scene: Scene, turn: Turn): Remote => ({
  ...remote,
  stat: (path, signal) => (turn.moved > 0 && turn.faults > 0 ? refused() : remote.stat(path, signal)),
})

/** Removes the old file with nothing to put in its place, where the server has restarted. */
const emptying = (remote: Remote, scene: Scene): Remote =>
  naming(remote, (tree) => ({
    remove: async (path, signal) => {
      if (path === FINAL && scene.restarted)
        for (const name of scene.world.server.keys()) if (isPartial(name)) scene.world.server.delete(name)
      return tree.remove(path, signal)
    },
  }))

/** Writes to the final name where it could rename. */
const direct = (remote: Remote): Remote => {
  const writes = writing(remote, (writer) => ({
    create: (path, ...rest) => writer.create(isPartial(path) ? FINAL : path, ...rest),
  }))
  return naming(writes, (tree) => ({
    rename: async (from, to, signal) => (isPartial(from) && to === FINAL ? undefined : tree.rename(from, to, signal)),
  }))
}

/** Delivers twice, where something has happened that lost nothing. */
const twice = (remote: Remote, scene: Scene, turn: Turn): Remote =>
  naming(remote, (tree) => ({
    rename: async (from, to, signal) => {
      const file = scene.world.server.get(from)
      await tree.rename(from, to, signal)
      if (to !== FINAL || file === undefined || turn.faults === 0 || turn.breaks > 0) return
      scene.world.server.set(from, file)
      await tree.rename(from, to, signal)
    },
  }))

/** Loses its own partial beside another run. */
const losing = (remote: Remote, scene: Scene, turn: Turn): Remote =>
  writing(remote, (writer) => ({
    create: async (path, ...rest) => {
      await writer.create(path, ...rest)
      if (turn.duet !== null && isPartial(path)) scene.world.server.delete(path)
    },
  }))

/** Gives up beside another run. */
const givingUp = (remote: Remote, _scene: Scene, turn: Turn): Remote =>
  naming(remote, (tree) => ({
    rename: (from, to, signal) => (turn.duet !== null && to === FINAL ? refused() : tree.rename(from, to, signal)),
  }))

/** Sets a mode once, and does not ask what came of it. */
const careless = (remote: Remote): Remote =>
  naming(remote, (tree) => {
    const { setMode } = tree
    if (setMode === undefined) return {}
    return { setMode: (path, mode, signal) => setMode(path, mode, signal).catch(() => undefined) }
  })

/** Moves the new file aside and calls it the old one. */
const mistaking = (remote: Remote, scene: Scene): Remote =>
  naming(remote, (tree) => ({
    rename: async (from, to, signal) => {
      const { server } = scene.world
      const partial = [...server.keys()].find(isPartial)
      if (from !== FINAL || !isAside(to) || partial === undefined) return tree.rename(from, to, signal)
      return tree.rename(partial, to, signal)
    },
  }))

/** A file is there, and the connection breaks somewhere. */
const brokenBeside = ({ profile, direction }: Lane, seed: number): HistorySpec => ({
  ...byChance({ profile, direction }, seed),
  size: 1,
  policy: 'auto',
  attempts: [
    [
      { kind: 'final-replaced', step: 0 },
      { kind: 'disconnect', step: 1 + (seed % 40) },
    ],
  ],
})

const MISTAKES: readonly Mistake[] = [
  {
    name: 'writes half a file to the final name, after a fault, where nothing can be looked at',
    lane: ['put-blind', 'upload'],
    wrong: { remote: halving },
    by: byChance,
    noticed: /^True:/,
  },
  {
    name: 'goes on after a look that was cut off, where nothing shows',
    lane: ['sftp-hides', 'upload'],
    wrong: { remote: swallowing },
    by: byChance,
    noticed: /^(True|Whole):/,
  },
  {
    name: 'believes a size that nobody told, where looks are sometimes refused',
    lane: ['sftp-moody', 'upload'],
    wrong: { remote: guessing },
    by: byChance,
    noticed: /^(True|Whole):/,
  },
  {
    name: 'does not look at what it has renamed, after a fault',
    lane: ['openssh', 'upload'],
    wrong: { remote: blind },
    by: byChance,
    noticed: /^Proof: nothing was looked at/,
  },
  {
    name: 'does not look at what it has renamed, beside another run',
    lane: ['openssh', 'upload'],
    wrong: { remote: blindBesideOthers },
    by: twinByChance,
    noticed: /^Proof: nothing was looked at/,
  },
  {
    name: 'reads nothing back, on a server that tells no sizes',
    lane: ['dav-untold', 'upload'],
    wrong: { remote: unread },
    by: byChance,
    noticed: /^Proof: nothing was looked at/,
  },
  {
    name: 'does not look at its source again, after a fault',
    lane: ['http-nginx', 'download'],
    wrong: { remote: trusting },
    by: byChance,
    noticed: /^(True|Proof):/,
  },
  {
    name: 'removes the old file for nothing, after a restart of the server',
    lane: ['sftp-extension', 'upload'],
    wrong: { remote: emptying },
    by: byChance,
    noticed: /^Kept:/,
  },
  {
    name: 'writes over an old file that the server hides, where it could rename',
    lane: ['sftp-hides', 'upload'],
    wrong: { remote: direct },
    by: byChance,
    noticed: /^Kept:/,
  },
  {
    name: 'delivers twice after a fault that lost nothing',
    lane: ['sftp-mailbox', 'upload'],
    wrong: { remote: twice },
    by: byChance,
    noticed: /^Once:/,
  },
  {
    name: 'loses its own partial and says that the server takes files away',
    lane: ['openssh', 'upload'],
    wrong: { remote: losing },
    by: twinByChance,
    noticed: /^Late twin:.*takes files away/,
  },
  {
    name: 'gives up beside another run, on a server that tells no sizes',
    lane: ['dav-untold', 'upload'],
    wrong: { remote: givingUp },
    by: twinByChance,
    noticed: /^Late twin:/,
  },
  {
    name: 'does not set a mode again that was not set because the connection broke',
    lane: ['openssh', 'upload'],
    wrong: { remote: careless },
    by: brokenBeside,
    noticed: /^Mode:/,
  },
  {
    name: 'calls the new file the old one',
    lane: ['sftp-moody-keeps', 'upload'],
    wrong: { remote: mistaking },
    by: byChance,
    noticed: /^Told:/,
  },
]

areNoticed(MISTAKES)
