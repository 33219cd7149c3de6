/** The machine that a job runs on: folders that outlive the job or do not. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Machine {
  readonly workspace: string
  readonly temp: string
  readonly toolCache: string
  readonly home: string
  /** RUNNER_ENVIRONMENT. */
  readonly environment: 'github-hosted' | 'self-hosted'
  /** The next job gets a fresh machine: nothing is left. */
  wipe(): void
  /** The next job runs on the same machine, without a checkout that cleans: only RUNNER_TEMP is emptied. */
  keepWorkspace(): void
  /** The next job runs on the same machine and its checkout cleans the workspace: tool cache and home stay. */
  keepToolCache(): void
  dispose(): void
}

export function createMachine(environment: Machine['environment'] = 'github-hosted'): Machine {
  const root = mkdtempSync(join(tmpdir(), 'runner-'))
  const folders = {
    workspace: join(root, 'work', 'repo', 'repo'),
    temp: join(root, 'work', '_temp'),
    toolCache: join(root, 'work', '_tool'),
    home: join(root, 'home'),
  }
  const empty = (...folder: readonly string[]): void => {
    for (const path of folder) {
      // The folder itself stays, because a test may have it open or watch it.
      mkdirSync(path, { recursive: true })
      for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true })
    }
  }
  empty(...Object.values(folders))
  return {
    ...folders,
    environment,
    wipe: () => empty(...Object.values(folders)),
    keepWorkspace: () => empty(folders.temp),
    keepToolCache: () => empty(folders.temp, folders.workspace),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  }
}
