/** What is known of the final name: whether it holds the source already, and whether what the server confirmed shows there. */
import { TransferError } from '../core/errors.ts'
import type { Remote, TreeRemote } from '../remotes/remote.ts'
import { isAsBefore, isMarked, type Look, showsFile } from './look.ts'
import type { ProofLevel } from './ports.ts'
import { partialGone } from './refusal.ts'
import { movedAway } from './twin.ts'
import { couldProve } from './upload-proof.ts'
import type { UploadSession } from './upload-session.ts'

export class PublishedName {
  /** The source may stand under the final name: our rename was sent and its answer lost, or somebody took our partial, perhaps to publish it. */
  mayHold = false
  /**
   * The server has confirmed every byte, and the rename where there is one. From here on a look that fails takes nothing back, and nothing is sent again unless
   * something else shows.
   */
  confirmed = false
  private compared = false
  private readonly session: UploadSession

  constructor(session: UploadSession) {
    this.session = session
  }

  /** How it was proven that the final name holds the source, or null. Asked at first, and again when somebody may have put it there. */
  async holdsSource(remote: Remote, signal: AbortSignal): Promise<ProofLevel | null> {
    const { session } = this
    const { path, source, policy } = session.job
    const final = await session.stat(remote, path, signal)
    if (final.is === 'there' && final.file.kind === 'directory') {
      throw new TransferError('conflict', `the target is a directory: ${path}`, {
        hint: 'End `destination` with a slash to upload into it.',
      })
    }
    session.sawFinal(final, this.mayHold)
    if (final.is !== 'there') return null
    const { size } = final.file
    if (!(size === source.size || (size === null && this.mayHold))) return null
    if (this.mayHold) {
      if (!session.direct && (await session.stat(remote, session.partial, signal)).is === 'there') return null
    } else if (this.compared || policy.resume === 'never') return null
    this.compared = true
    session.phase('comparing', source.size)
    const { verdict, method } = await couldProve(session.wholeProofContext(remote, path), true, signal)
    if (verdict === 'same') return method
    // It is nobody's work on this content: the next look at it is no sign of any.
    if (!session.wroteDirectly) session.finalBefore = final
    return null
  }

  /**
   * The connection was lost after everything had been confirmed. What can be read is compared, because a server that went down may have lost it; where nothing
   * can be, the confirmation stands. Null: it is to be sent again.
   */
  async stillHolds(remote: Remote, signal: AbortSignal): Promise<ProofLevel | null> {
    const { session } = this
    const { path } = session.job
    const final = await session.whenShown(remote, path, (look) => this.fits(look), signal)
    if (this.fits(final)) {
      session.phase('comparing', session.job.source.size)
      const { verdict, method } = await couldProve(session.wholeProofContext(remote, path), true, signal)
      if (verdict === 'same') return method
      if (verdict === 'unknown') return 'acknowledged'
    } else if (final.is === 'unknown') return 'acknowledged'
    else if (final.is === 'missing' && !(await this.isOursElsewhere(remote, signal))) return 'acknowledged'
    this.confirmed = false
    return null
  }

  /** Just after the rename was confirmed: what shows under the final name. Rejects with `offset-conflict` when another process has moved it away. */
  async appeared(remote: TreeRemote, signal: AbortSignal): Promise<Look> {
    const { session } = this
    const { path, source } = session.job
    const final = await session.whenShown(remote, path, (look) => this.fits(look), signal)
    if (this.fits(final)) return this.replaced(remote, final, signal)
    if (final.is === 'unknown') return this.isMoved(remote, final, signal)
    if (final.is === 'there') {
      this.confirmed = false
      const { size, kind } = final.file
      throw new TransferError('conflict', `after the rename ${path} holds ${size ?? kind} instead of ${source.size} bytes`, {
        hint: 'Somebody else writes to the same target.',
      })
    }
    const isThere = (await session.stat(remote, session.partial, signal)).is === 'there'
    const isMoved = await movedAway(session, remote, signal)
    this.confirmed &&= !isMoved && !isThere
    if (isMoved) throw partialGone(new TransferError('not-found', `after the rename there is no ${path}`))
    if (isThere) throw notDone(path)
    session.note(`the server confirmed the rename, and nothing shows under ${path}: it takes files away at once, or shows them later`)
    return final
  }

  /** The old file may be as long as the new one: some servers confirm a rename over it and do nothing. Its marks tell, else its bytes. */
  private async replaced(remote: TreeRemote, final: Look, signal: AbortSignal): Promise<Look> {
    const { session } = this
    const { finalBefore: before, partial } = session
    const { path } = session.job
    if (before?.is !== 'there' || !showsFile(final) || before.file.size !== final.file.size) return this.isMoved(remote, final, signal)
    const isNew = (look: Look): boolean => !showsFile(look) || !isAsBefore(before.file, look.file)
    const now = await session.whenShown(remote, path, (look) => isNew(look) || !(showsFile(look) && isMarked(look.file)), signal)
    const isThere = (await session.stat(remote, partial, signal)).is === 'there'
    if (!isThere && isNew(now)) return now
    if (!isThere && (await couldProve(session.wholeProofContext(remote, path), true, signal)).verdict !== 'different') return now
    this.confirmed = false
    throw notDone(path)
  }

  /** A file as long as ours may have come since the first look, or nothing is told. What has the time of our partial is ours; else the partial must be gone. */
  private async isMoved(remote: TreeRemote, final: Look, signal: AbortSignal): Promise<Look> {
    const { session } = this
    const time = showsFile(final) ? final.file.modifiedAtMs : null
    if (time !== null && time === session.serverNowMs) return final
    if ((await session.stat(remote, session.partial, signal)).is !== 'there') return final
    this.confirmed = false
    throw notDone(session.job.path)
  }

  private fits(look: Look): boolean {
    return showsFile(look) && (look.file.size === null || look.file.size === this.session.job.source.size)
  }

  /** A rename that was only said to be done, or a process with the same content that has moved ours aside to put its own there. */
  private async isOursElsewhere(remote: Remote, signal: AbortSignal): Promise<boolean> {
    const { session } = this
    if (session.direct) return false
    return (await session.stat(remote, session.partial, signal)).is === 'there' || movedAway(session, remote, signal)
  }
}

function notDone(path: string): TransferError {
  return new TransferError('conflict', `the server confirmed the rename to ${path}, and did not do it`)
}
