import { systemClock } from './action/clock.ts'
import { deadline } from './action/deadline.ts'
import { failUntilTold, leave } from './action/ending.ts'
import { holdYoungHeap } from './action/heap.ts'
import { createReporter } from './action/reporter.ts'
import { run } from './action/run.ts'
import { createActionsHost } from './action/workflow-commands.ts'

holdYoungHeap()
const { signal } = deadline(process)
const host = createActionsHost(process.env)
failUntilTold((message) => host.error([message]))
await run({
  host,
  clock: systemClock,
  signal,
  reporter: (job) => createReporter(host, systemClock, { level: job.logLevel, heartbeat: true }),
})
host.close()
leave()
