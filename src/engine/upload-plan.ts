/** Gathers the facts about the partial on the server and has the plan made of them. */
import { TransferError } from '../core/errors.ts'
import { sameFingerprint } from '../core/fingerprint.ts'
import { baseName, directoryName } from '../core/paths.ts'
import { EMPTY, type RangeSet, totalBytes } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { Remote, Resumer, Writer } from '../remotes/remote.ts'
import { candidates, planUpload, salvageable, type TransferPlan, type UploadFacts } from './plan.ts'
import { partialPath, type UploadSession } from './upload-session.ts'
import { proveRanges } from './verify.ts'

export interface PlannedUpload {
  readonly plan: TransferPlan
  readonly resumer: Resumer | null
}

export async function makePlan(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<PlannedUpload> {
  const { policy, job } = session
  const partial = session.partial(remote)
  const hinted = await salvage(session, remote, writer, signal)
  const there = remote.tree === undefined ? null : await session.stat(remote, partial, signal)
  if (there !== null && there.kind !== 'file') {
    throw new TransferError('conflict', `the partial's name is taken by something else: ${partial}`)
  }
  const found = there?.size ?? null
  const resumes = found !== null && found > 0 && policy.resume === 'auto' && session.resumerWorks
  // What a link of somebody else points at may begin as the source does: it is no partial of ours, and creating replaces the link.
  const linked = resumes && (await session.isLink(remote, partial, signal))
  if (linked) session.note(`a link was put in the place of the partial; it is not followed: ${partial}`)
  const partialSize = linked ? null : found
  const wanted = resumes && !linked
  const resumer = wanted ? await probe(session, writer, partial, signal) : null
  const facts: UploadFacts = { size: job.source.size, resume: policy.resume, partialSize, resumer: kindOf(resumer) }
  const worth = candidates(facts, hinted)
  if (totalBytes(worth) === 0) return { plan: planUpload(facts, EMPTY), resumer }
  session.phase('verifying', totalBytes(worth))
  const { proven, method } = await proveRanges(session.proofContext(remote, partial), worth, signal)
  session.advance(totalBytes(proven))
  const how = method === 'digest' ? 'server digest' : 'reading back'
  session.note(`${formatBytes(totalBytes(proven))} of the ${formatBytes(totalBytes(worth))} there proven by ${how}`)
  return { plan: planUpload(facts, proven), resumer }
}

function probe(session: UploadSession, writer: Writer, partial: string, signal: AbortSignal): Promise<Resumer | null> {
  return session.guarded('probing how a file can be continued', signal, (s) => writer.resumer(directoryName(partial), s))
}

function kindOf(resumer: Resumer | null): UploadFacts['resumer'] {
  if (resumer === null || resumer.kind === 'positional') return resumer?.kind ?? null
  return resumer.rewind === undefined ? 'append' : 'rewind'
}

/** Gives the partial of an older version of the source our name when blocks of it are still good. Returns the blocks worth proving, or null for all. */
async function salvage(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<RangeSet | null> {
  const { job, policy } = session
  const old = session.ports.recorder.entry(job.key)
  const { tree } = remote
  if (old === null || tree === undefined || sameFingerprint(old.source, session.fingerprint)) return null
  if (policy.onChange === 'fail') {
    throw new TransferError('source-changed', 'the source is not the one whose upload was begun', {
      hint: 'Set `on-change: restart` to send the new version, or provide the same file again.',
    })
  }
  const partial = session.partial(remote)
  const oldPartial = partialPath(job.path, old.source)
  const mine = await session.stat(remote, partial, signal)
  const theirs = await session.stat(remote, oldPartial, signal)
  if (theirs?.kind !== 'file') return null
  const blocks = salvageable(old, theirs.size ?? 0, session.expected)
  const useful = session.resumerWorks && policy.resume === 'auto' && totalBytes(blocks) > 0
  if (useful && mine === null && (await probe(session, writer, partial, signal)) !== null) {
    await session.guarded(`renaming ${baseName(oldPartial)}`, signal, (s) => tree.rename(oldPartial, partial, s))
    session.note(`the source changed; ${formatBytes(totalBytes(blocks))} of the older partial may still be good`)
    return blocks
  }
  await session.remove(tree, oldPartial, signal)
  return null
}
