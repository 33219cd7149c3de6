/** Requests that the server works on before it answers: digests, copies, and names given to files that have to be moved. */
import { TransferError } from '../../core/errors.ts'
import type { Connection } from './connection.ts'
import type { Reply } from './errors.ts'

/** A server says nothing for a while when it reads a cold disk; ProFTPD sends a line now and then. */
export const SILENCE_MS = 60_000

/** Whatever arrives, also a line inside a long reply, shows that the server is at it. */
export async function askPatiently(connection: Connection, command: string, timeoutMs: number, signal: AbortSignal): Promise<Reply> {
  const silent = new AbortController()
  const silenceMs = Math.max(connection.timeoutMs, SILENCE_MS)
  const tooLong = (): void => silent.abort(new TransferError('transient', `${command}: no answer for ${silenceMs / 1000} s`))
  await connection.realign(signal)
  const timer = setTimeout(tooLong, silenceMs)
  const release = connection.control.onActivity(() => timer.refresh())
  try {
    connection.control.send(command)
    const wait = { signal: AbortSignal.any([signal, silent.signal]), timeoutMs }
    return await connection.control.within(connection.control.final(), command, wait)
  } finally {
    clearTimeout(timer)
    release()
  }
}
