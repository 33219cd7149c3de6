/** One step of a workflow as a test sees it: dist/ run attempt after attempt by the stand-in of the runner, each run searched for leaks. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type CacheScope, type CacheService, startCacheService } from '../support/cache-service.ts'
import { type ActionRun, createMachine, type Machine, type RunOptions, runAction } from '../support/runner.ts'
import { assertNothingLeaked } from './canary.ts'

/** ACTION_FOLDER: another build than the one in dist/, as a folder with its own action.yml. */
const ACTION = process.env.ACTION_FOLDER ?? fileURLToPath(new URL('../..', import.meta.url))

export interface StepOptions {
  readonly environment?: Machine['environment']
  /** Inputs of every attempt. */
  readonly inputs: Readonly<Record<string, string>>
  /** What must never be seen anywhere. */
  readonly secrets: readonly string[]
  /** Rights of the cache token. Null: the runner gives the step no access to the cache. */
  readonly scopes?: readonly CacheScope[] | null
}

export interface AttemptOptions extends Pick<RunOptions, 'interrupt' | 'env' | 'stepTimeoutMs' | 'timeScale' | 'under'> {
  readonly inputs?: Readonly<Record<string, string>>
  readonly scopes?: readonly CacheScope[] | null
}

export interface Step {
  readonly machine: Machine
  readonly cache: CacheService
  /** The next attempt. */
  attempt(options?: AttemptOptions): Promise<ActionRun>
  /** Absolute path of a file in the workspace. */
  local(name: string): string
}

/** A step with a machine and a cache service of its own, which end with the test. */
export async function createStep(t: TestContext, options: StepOptions): Promise<Step> {
  const machine = createMachine(options.environment)
  const cache = await startCacheService()
  t.after(async () => {
    await cache.close()
    machine.dispose()
  })
  let attempts = 0
  return {
    machine,
    cache,
    local: (name) => join(machine.workspace, name),
    attempt: async ({ inputs, env, scopes = options.scopes, ...rest } = {}) => {
      attempts += 1
      const all = { ...options.inputs, ...inputs }
      const run = await runAction({
        action: ACTION,
        machine,
        inputs: all,
        expressions: { 'toJSON(matrix)': 'null' },
        env: { ...(scopes === null ? {} : cache.environment(scopes)), GITHUB_RUN_ATTEMPT: String(attempts), ...env },
        ...rest,
      })
      assertNothingLeaked(run, options.secrets, cache, machine)
      return run
    },
  }
}
