/** The judge is judged: engines that are wrong on purpose, each in a way that people met on real servers, must be noticed, and by the right promise. */
import { partialName } from '../../src/core/paths.ts'
import type { LocalTarget } from '../../src/local/local.ts'
import type { Remote } from '../../src/remotes/remote.ts'
import { areNoticed, type Mistake, naming, writing } from './mistakes.ts'
import { LOCAL, type Scene } from './scene.ts'
import { byChance, twinByChance } from './search.ts'

/** Makes a partial of whoever it belongs to its own, and writes over it. */
const stealing = (remote: Remote, scene: Scene): Remote =>
  writing(remote, (writer) => ({
    create: async (path, size, body, observer, signal) => {
      const { server } = scene.world
      const theirs = [...server].find(([name]) => name.endsWith('.partial'))
      const resumer = await writer.resumer('', signal)
      if (theirs === undefined || resumer?.kind !== 'positional') return writer.create(path, size, body, observer, signal)
      server.delete(theirs[0])
      server.set(path, theirs[1])
      return resumer.write(path, { start: 0, end: size }, body, observer, signal)
    },
  }))

/** Writes into the file that stands there, as open(…, 'w') does. */
const truncating = (remote: Remote, scene: Scene): Remote =>
  writing(remote, (writer) => ({
    create: async (path, ...rest) => {
      const { server } = scene.world
      const old = server.get(path)
      await writer.create(path, ...rest)
      const made = server.get(path)
      if (old === undefined || made === undefined) return
      old.bytes = made.bytes
      server.set(path, old)
    },
  }))

const removing = (remote: Remote, scene: Scene): Remote =>
  naming(remote, (tree) => ({
    rename: async (from, to, signal) => {
      if (scene.world.server.has(to)) await tree.remove(to, signal)
      return tree.rename(from, to, signal)
    },
  }))

const dropping = (remote: Remote): Remote =>
  naming(remote, (tree) => ({
    rename: async (from, to, signal) => (to.endsWith('.aside') ? tree.remove(from, signal) : tree.rename(from, to, signal)),
  }))

/** Takes what a cache says for the server's word. */
const cached = (remote: Remote, scene: Scene): Remote => {
  const copy = (path: string): Buffer | undefined => scene.world.cache.get(path)?.file.bytes
  return {
    ...remote,
    stat: async (path, signal) => {
      const seen = await remote.stat(path, signal)
      const bytes = copy(path)
      return seen === null || bytes === undefined ? seen : { ...seen, size: bytes.length }
    },
    read: async (path, range, sink, options, signal) => {
      const bytes = copy(path)
      if (bytes === undefined || bytes.length < range.end) return remote.read(path, range, sink, options, signal)
      await sink(bytes.subarray(range.start, range.end))
    },
  }
}

const guessing = (remote: Remote, scene: Scene): Remote => ({
  ...remote,
  stat: async (path, signal) => {
    const seen = await remote.stat(path, signal)
    return seen === null ? null : { ...seen, size: seen.size ?? scene.source.length }
  },
})

/** Takes 202 for 201. */
const trusting = (remote: Remote): Remote =>
  writing(remote, (writer) => ({
    create: async (path, size, body, observer, signal) => {
      await writer.create(path, size, body, observer, signal)
      observer.acknowledged(size)
    },
  }))

/** Two downloads that share a partial. */
const sharing = (target: LocalTarget, scene: Scene): LocalTarget => ({
  ...target,
  openPartial: async (tag) => {
    const inode = scene.world.local.inode(partialName(LOCAL, tag))
    if (inode !== undefined) inode.owner = null
    return target.openPartial(tag)
  },
})

const MISTAKES: readonly Mistake[] = [
  {
    name: "writes into somebody else's live partial",
    lane: ['openssh', 'upload'],
    wrong: { remote: stealing },
    by: twinByChance,
    noticed: /^(True|Whole):/,
  },
  {
    name: 'truncates what stands under the name',
    lane: ['http-put', 'upload'],
    wrong: { remote: truncating },
    by: byChance,
    noticed: /^Contained:/,
  },
  {
    name: 'removes the old file before the rename',
    lane: ['openssh-old', 'upload'],
    wrong: { remote: removing },
    by: byChance,
    noticed: /^Kept:/,
  },
  {
    name: 'drops the old file instead of moving it aside',
    lane: ['ftp-keeps', 'upload'],
    wrong: { remote: dropping },
    by: byChance,
    noticed: /^Kept:/,
  },
  { name: 'believes a cache', lane: ['dav-cached', 'upload'], wrong: { remote: cached }, by: byChance, noticed: /^(True|Whole):/ },
  {
    name: 'believes a size that nobody told',
    lane: ['dav-untold', 'upload'],
    wrong: { remote: guessing },
    by: byChance,
    noticed: /^(Proof|True|Whole):/,
  },
  {
    name: 'takes what was accepted for stored',
    lane: ['http-put', 'upload'],
    wrong: { remote: trusting },
    by: byChance,
    noticed: /^(Proof|True|Whole):/,
  },
  {
    name: 'shares the partial of another download',
    lane: ['http-nginx', 'download'],
    wrong: { target: sharing },
    by: twinByChance,
    noticed: /^(True|Whole|Late twin):/,
  },
]

areNoticed(MISTAKES)
