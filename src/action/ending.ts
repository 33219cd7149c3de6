/** The end of a process: no path out of it may be green by accident. */
import { exitCodeFor } from '../core/errors.ts'

/** Until somebody says how it ended, it failed: a loop that runs dry exits with 1, not with 0. */
export function failUntilTold(report: (message: string) => void): void {
  process.exitCode = exitCodeFor('internal')
  const dead = (error: unknown): void => {
    report(`Internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    process.exit(exitCodeFor('internal'))
  }
  process.on('uncaughtException', dead)
  process.on('unhandledRejection', dead)
  // A reader of the log that goes away must not end the transfer.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
}

/** Ends the process with the exit code that was set; lingering sockets do not hold it. */
export function leave(): void {
  process.stdout.write('', () => process.exit())
}
