/** Two names can mean one file: by a link, or on a server that folds letter case or normal forms. So the targets of a step are looked at together. */
import { createHash } from 'node:crypto'
import { TransferError } from '../core/errors.ts'
import type { ContentDigests } from '../core/fingerprint.ts'
import { baseName, directoryName, foldedName } from '../core/paths.ts'
import type { ByteRange } from '../core/ranges.ts'
import type { Remote } from '../remotes/remote.ts'
import type { EnginePorts, RemoteSupply, TransferPolicy } from './ports.ts'
import { isRefusal } from './refusal.ts'
import { makeScratch, scratchPath } from './scratch.ts'
import { Session } from './session.ts'

export interface UploadTarget {
  readonly name: string
  readonly path: string
  readonly remote: RemoteSupply
  /** What the target must hold; null when it was not put in place. */
  readonly content: ContentDigests | null
}

export interface Looking {
  readonly policy: TransferPolicy
  readonly ports: EnginePorts
  readonly signal: AbortSignal
}

/**
 * Pairs of targets that differ in letter case or normal form only, on a server that takes such names for one. Found out with a scratch file, and only when there is
 * such a pair. Rejects with `conflict`, before anything is sent. A server that does not let us look is left to `lookAgain`.
 */
export async function refuseFolded(targets: readonly UploadTarget[], looking: Looking): Promise<void> {
  const first = new Map<string, UploadTarget>()
  for (const target of targets) {
    const folded = foldedName(target.path)
    const twin = first.get(folded)
    if (twin === undefined) first.set(folded, target)
    else if (twin.path !== target.path && (await folds(twin, target, looking))) {
      throw new TransferError('conflict', `${twin.name} and ${target.name} have names that this server takes for one: ${target.path}`, {
        hint: 'Give one of them another name with source => target.',
      })
    }
  }
}

async function folds(a: UploadTarget, b: UploadTarget, { policy, ports, signal }: Looking): Promise<boolean> {
  const session = new Session(b.name, policy, ports)
  const remote = await a.remote.get(signal)
  const { writer, tree } = remote
  if (writer === undefined || tree === undefined) return false
  // Long enough to hold what the two names differ in: letters in both cases, and a character with an accent in both forms.
  const stem = scratchPath(directoryName(a.path), ports.newNonce())
  const caseOnly = a.path.normalize('NFC') !== b.path.normalize('NFC')
  const [made, asked] = caseOnly ? [`${stem}-x`, `${stem}-X`] : [`${stem}-\u00e9`, `${stem}-e\u0301`]
  try {
    await session.guarded('probing whether names are folded', signal, (s) => makeScratch(writer, made, s))
    return (await session.look(remote, asked, 'looking for the scratch file', signal)).is === 'there'
  } catch (error) {
    if (!isRefusal(error)) throw error
    return false
  } finally {
    // Where it cannot be removed, what was seen still counts.
    await session.guarded('removing the scratch file', signal, (s) => tree.remove(made, s)).catch(() => {})
  }
}

/**
 * At the end of a step: targets that do not hold what was put there, with what is wrong. A look that fails is tried again as everything is; one that is refused says
 * nothing, and neither does a target that is gone: two names of one file are both there, and what was in place may have been taken away since.
 */
export async function lookAgain(targets: readonly UploadTarget[], looking: Looking): Promise<ReadonlyMap<UploadTarget, TransferError>> {
  const wrong = new Map<UploadTarget, TransferError>()
  if (targets.length < 2) return wrong
  for (const [i, target] of targets.entries()) {
    const others = targets.slice(i + 1).filter((other) => mayBeOne(target, other))
    const session = new Session(target.name, looking.policy, looking.ports)
    const look = (): Promise<TransferError | null> => found(session, target, others, looking.signal)
    const error = await session.persevere({ downgrade: () => false }, looking.signal, look).catch((failure: unknown) => {
      if (looking.signal.aborted || !(failure instanceof TransferError)) throw failure
      session.note(`${target.path} could not be looked at again: ${failure.message}`)
      return null
    })
    if (error !== null) wrong.set(target, error)
  }
  return wrong
}

/** Equal base names, folded: a rename replaces a link under the name itself, so only links to directories can make two names one. */
function mayBeOne(a: UploadTarget, b: UploadTarget): boolean {
  return foldedName(baseName(a.path)) === foldedName(baseName(b.path))
}

async function found(
  session: Session,
  target: UploadTarget,
  others: readonly UploadTarget[],
  signal: AbortSignal,
): Promise<TransferError | null> {
  const { content, path } = target
  if (content === null) return null
  const remote = await target.remote.get(signal)
  const look = await session.look(remote, path, 'looking at the target again', signal)
  if (look.is === 'missing') session.warning(`when the step was done, there was no ${path} any more: the server, or somebody else, took it`)
  if (look.is !== 'there') return null
  const { file } = look
  if (file.kind === 'file' && file.size !== null && file.size !== content.size)
    return replaced(`${path} has ${file.size} bytes instead of ${content.size}`)
  for (const other of others) {
    const range = difference(content, other.content)
    if (range === null) continue
    const digest = await session.guarded('reading the target again', signal, (s) => digestOf(remote, path, range, s))
    if (digest !== content.blocks[range.start / content.blockSize])
      return replaced(`${path} does not hold its source any more; ${other.name} may be the same file by a link or a folded name`)
  }
  return null
}

function replaced(what: string): TransferError {
  return new TransferError('conflict', `when the step was done, ${what}`, {
    hint: 'Two lines of `source` may lead to one file on the server, or somebody else writes there.',
  })
}

/** The first block in which two files of one size differ; null when they have other sizes, which are compared already, or are the same. */
function difference(a: ContentDigests, b: ContentDigests | null): ByteRange | null {
  if (b === null || a.size !== b.size || a.blockSize !== b.blockSize) return null
  const index = a.blocks.findIndex((block, i) => block !== b.blocks[i])
  if (index < 0) return null
  return { start: index * a.blockSize, end: Math.min(a.size, (index + 1) * a.blockSize) }
}

async function digestOf(remote: Remote, path: string, range: ByteRange, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await remote.read(path, range, (chunk) => void hash.update(chunk), {}, signal)
  return hash.digest('hex')
}
