import { createCliHost, helpText, parseCommandLine } from './action/cli-host.ts'
import { systemClock } from './action/clock.ts'
import { deadline } from './action/deadline.ts'
import { failUntilTold, leave } from './action/ending.ts'
import { holdYoungHeap } from './action/heap.ts'
import { run } from './action/run.ts'
import { createTerminal } from './action/terminal.ts'
import { createTerminalReporter } from './action/terminal-reporter.ts'
import { VERSION } from './action/version.ts'

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`Resumable Transfer needs Node 24; this is ${process.version}.\n`)
  process.exit(2)
}
holdYoungHeap()
const { signal } = deadline(process)
const line = parseCommandLine(process.argv.slice(2), process.env)
const terminal = createTerminal(process.stderr)
failUntilTold((message) => terminal.line(message))
if (line.kind === 'run') {
  // Counted, not named: a misplaced word may be a secret.
  const stray = line.stray.length === 0 ? [] : [[`${line.stray.length} argument(s) that belong to no flag`, ''] as const]
  const unread = line.unread.map((name) => [`${name} in the environment, which is no secret and no user name`, ''] as const)
  const inputs = new Map([...line.inputs, ...stray, ...unread])
  const setExitCode = (code: number): void => {
    process.exitCode = code
  }
  const host = createCliHost({ inputs, environment: process.env, terminal, stdout: process.stdout, setExitCode })
  await run({ host, clock: systemClock, signal, reporter: (job) => createTerminalReporter(host, terminal, systemClock, job.logLevel) })
  host.close()
} else {
  process.stdout.write(line.kind === 'help' ? helpText() : `${VERSION}\n`)
  process.exitCode = 0
}
leave()
