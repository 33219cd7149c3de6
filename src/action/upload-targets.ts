/** The targets of one step on the server, looked at together before the first file and after the last. */
import type { ContentDigests } from '../core/fingerprint.ts'
import type { TransferResult } from '../engine/ports.ts'
import { type Looking, lookAgain, refuseFolded, type UploadTarget } from '../engine/targets.ts'
import type { Job } from './job.ts'
import { failureOf } from './outputs.ts'
import type { PreparedRemote } from './remotes.ts'

export class UploadTargets {
  readonly #targets: UploadTarget[]

  constructor(job: Job, prepared: readonly PreparedRemote[]) {
    this.#targets = prepared.map(({ supply, path }, i) => ({
      name: job.entries[i]?.displayName ?? path,
      path,
      remote: supply,
      content: null,
    }))
  }

  refuseFolded(looking: Looking): Promise<void> {
    return refuseFolded(this.#targets, looking)
  }

  placed(index: number, content: ContentDigests): void {
    const target = this.#targets[index]
    if (target !== undefined) this.#targets[index] = { ...target, content }
  }

  /** Results of files that are not in place any more become failures. */
  async lookAgain(results: TransferResult[], looking: Looking): Promise<void> {
    for (const [target, error] of await lookAgain(this.#targets, looking)) {
      const i = this.#targets.indexOf(target)
      const result = results[i]
      if (result === undefined) continue
      results[i] = {
        ...result,
        status: 'failed',
        failure: failureOf(error),
        proof: null,
        proofDetail: null,
        previous: { kind: 'replaced' },
      }
      looking.ports.reporter.report({ kind: 'warning', name: target.name, message: error.message })
    }
  }
}
