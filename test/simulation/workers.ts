/** The threads that run histories, from outside. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Done, Task } from './campaign.ts'

export interface Thread {
  perform(task: Task): Promise<Done>
  end(): Promise<void>
}

/** Performs one task at a time. */
export function startThread(): Thread {
  const worker = new Worker(new URL('./campaign-worker.ts', import.meta.url))
  return {
    perform: async (task) => {
      worker.postMessage(task)
      const [done] = (await once(worker, 'message')) as [Done]
      return done
    },
    end: async () => void (await worker.terminate()),
  }
}
