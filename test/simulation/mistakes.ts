/** Engines that are wrong on purpose, and a judge that has to notice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Remote, Tree, Writer } from '../../src/remotes/remote.ts'
import { runHistory } from './history.ts'
import type { Wrong } from './process.ts'
import { profileNamed } from './profiles.ts'
import type { byChance, Lane } from './search.ts'

const SEEDS = 600

export function writing(remote: Remote, change: (writer: Writer) => Partial<Writer>): Remote {
  return remote.writer === undefined ? remote : { ...remote, writer: { ...remote.writer, ...change(remote.writer) } }
}

export function naming(remote: Remote, change: (tree: Tree) => Partial<Tree>): Remote {
  return remote.tree === undefined ? remote : { ...remote, tree: { ...remote.tree, ...change(remote.tree) } }
}

export interface Mistake {
  readonly name: string
  readonly lane: readonly [profile: string, direction: Lane['direction']]
  readonly wrong: Wrong
  readonly by: typeof byChance
  readonly noticed: RegExp
}

export function areNoticed(mistakes: readonly Mistake[]): void {
  for (const { name, lane, wrong, by, noticed } of mistakes) {
    test(`judge: an engine that ${name} is noticed`, async (t) => {
      const [profile, direction] = lane
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const spec = by({ profile: profileNamed(profile), direction }, seed)
        const told = await runHistory(spec, { wrong }).then(
          () => '',
          (error: unknown) => String(error instanceof Error ? error.message : error),
        )
        if (!noticed.test(told)) continue
        // The same history is right with the right engine.
        await runHistory(spec)
        return t.diagnostic(`seed ${seed}: ${told}`)
      }
      assert.fail('nobody noticed')
    })
  }
}
