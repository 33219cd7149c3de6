/** Whether the bytes go to a partial and are renamed, or to the final name itself: decided before they travel. */
import { TransferError } from '../core/errors.ts'
import { directoryName, joinPath } from '../core/paths.ts'
import type { Remote, Tree, Writer } from '../remotes/remote.ts'
import { isRefusal } from './refusal.ts'
import type { UploadSession } from './upload-session.ts'

const NO_OBSERVER = { sent: () => {}, acknowledged: () => {} }

/**
 * Without a tree the bytes go to the final name: a PUT replaces what is under its name in one step, so it may, unless the user wants nothing but renames. Else the
 * account renames a scratch file, unless it was seen to rename before. A file of one block is sent faster than that is found out: then the rename at the end tells,
 * and nothing is lost but one block.
 */
export async function chooseStaging(session: UploadSession, { tree }: Remote, writer: Writer, signal: AbortSignal): Promise<void> {
  const { size } = session.job.source
  if (tree === undefined) {
    if (session.policy.publishWithoutRename === 'never') throw cannotRename(null)
    session.direct = true
  }
  if (tree === undefined || session.renames || session.direct || size <= session.ports.blockSize(size)) return
  const refusal = await renamesScratch(session, tree, writer, signal)
  if (refusal === null) session.renames = true
  else goDirect(session, refusal)
}

/** Null when it does; else what the server said. A scratch file that cannot be made tells nothing: the transfer will. */
async function renamesScratch(session: UploadSession, tree: Tree, writer: Writer, signal: AbortSignal): Promise<TransferError | null> {
  const path = joinPath(directoryName(session.job.path), `.rt-probe-${session.ports.newNonce()}`)
  const renamed = `${path}-renamed`
  session.spent.add(path).add(renamed)
  let made = false
  try {
    await session.guarded('probing whether files can be renamed', signal, (s) => writer.create(path, 0, nothing(), NO_OBSERVER, s))
    made = true
    await session.rename(tree, path, renamed, signal)
    await discard(session, tree, renamed, signal)
    session.spent.delete(path)
    return null
  } catch (error) {
    if (!isRefusal(error)) throw error
    await discard(session, tree, path, signal)
    return made ? error : null
  }
}

async function discard(session: UploadSession, tree: Tree, path: string, signal: AbortSignal): Promise<void> {
  try {
    await session.remove(tree, path, signal)
    session.spent.delete(path)
  } catch (error) {
    if (!isRefusal(error)) throw error
    session.note(`a scratch file could not be removed: ${path} (${error.message})`)
  }
}

/** Nothing can be renamed here: the bytes go to the final name, or nowhere, as `publish-without-rename` says. */
export function goDirect(session: UploadSession, refusal: TransferError): void {
  const { publishWithoutRename } = session.policy
  const free = session.previous.kind === 'none' || session.startedDirectly()
  if (publishWithoutRename === 'never' || (publishWithoutRename === 'auto' && !free)) throw cannotRename(refusal)
  session.note(`this server lets nobody rename (${refusal.message}); the bytes go to the final name itself`)
  session.direct = true
}

function cannotRename(refusal: TransferError | null): TransferError {
  const said = refusal === null ? '' : `: ${refusal.message}`
  return new TransferError('refused', `nothing can be renamed on this server, so no file can be put in its place when it is whole${said}`, {
    hint: 'Let the account rename files, or set `publish-without-rename: always` to have the final name overwritten while the bytes travel.',
    ...(refusal === null ? {} : { cause: refusal }),
  })
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
