/** Of a private file the new one is private as well, from its first byte on. */
import type { Remote, Writer } from '../remotes/remote.ts'
import { probe } from './claim.ts'
import { learnOldMode, OTHERS_READ, PERMISSIONS, refusalOf } from './mode.ts'
import { makeScratch } from './scratch.ts'
import type { Send } from './upload-exchange.ts'
import type { UploadSession } from './upload-session.ts'

/** The owner must be able to go on writing. */
const OWNER_WRITES = 0o600

/**
 * The file is made empty, closed to others, and then written to where the server writes at a given place. Null where that is not wanted, or not possible: then it gets
 * its mode before it is published.
 */
export async function beginPrivately(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<Send | null> {
  await learnOldMode(session, remote, signal)
  const { partial, oldMode, job } = session
  const { size } = job.source
  const { tree } = remote
  if (oldMode === null || (oldMode & OTHERS_READ) !== 0 || size === 0 || session.modeRefused || !session.resumerWorks) return null
  if (tree?.setMode === undefined) return null
  await session.guarded('making the partial', signal, (s) => makeScratch(writer, partial, s))
  session.begun = true
  if ((await refusalOf(session, remote, partial, (oldMode & PERMISSIONS) | OWNER_WRITES, signal)) !== null) return null
  const resumer = await probe(session, writer, signal)
  if (resumer?.kind === 'positional') return (body, observer, s) => resumer.write(partial, { start: 0, end: size }, body, observer, s)
  // By appending alone, whoever takes the file meanwhile would spoil it.
  const rewind = resumer?.rewind
  return rewind === undefined ? null : (body, observer, s) => rewind(partial, 0, size, body, observer, s)
}
