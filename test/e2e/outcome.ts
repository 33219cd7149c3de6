/** What every green or failed step must look like. */
import assert from 'node:assert/strict'
import type { ActionRun } from '../support/runner.ts'

export interface Expected {
  readonly resumed: boolean
  readonly size: number
}

/** One file in place, its outputs agreeing with each other. */
export function assertComplete(run: ActionRun, { resumed, size }: Expected): void {
  const { outputs } = run
  assert.equal(run.exitCode, 0, run.log)
  assert.equal(run.conclusion, 'success')
  assert.deepEqual(
    [outputs.status, outputs.complete, outputs['error-kind'], outputs['bytes-total'], outputs['files-total'], outputs['files-transferred']],
    ['complete', 'true', '', String(size), '1', '1'],
  )
  assert.equal(outputs.resumed, String(resumed), run.log)
  const reused = Number(outputs['bytes-reused'])
  assert.equal(reused > 0, resumed)
  assert.ok(reused + Number(outputs['bytes-transferred']) >= size, 'bytes are missing in the outputs')
  assert.ok(reused <= size)
}

/** Red, with the exit code of its kind. */
export function assertFailed(run: ActionRun, kind: string, exitCode: number): void {
  assert.deepEqual([run.outputs['error-kind'], run.exitCode, run.conclusion], [kind, exitCode, 'failure'], run.log)
  assert.equal(run.outputs.complete, 'false')
  assert.ok(run.annotations.some((a) => a.level === 'error'))
}
