/** A thread of its own for histories: without the hooks that node:test puts on every promise, and with light stand-ins for what the platform does dearly. */
import { isMainThread, parentPort } from 'node:worker_threads'
import { perform, type Task } from './campaign.ts'
import { lighten } from './light.ts'

if (!isMainThread) {
  lighten()
  parentPort?.on('message', (task: Task) => {
    perform(task).then(
      (done) => parentPort?.postMessage(done),
      (error: unknown) => parentPort?.postMessage({ histories: 0, attempts: 0, steps: 0, seconds: 0, violation: String(error) }),
    )
  })
}
