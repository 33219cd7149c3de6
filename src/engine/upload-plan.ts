/** Gathers the facts about the partial on the server and has the plan made of them. */
import { EMPTY, type RangeSet, rangeSet, totalBytes } from '../core/ranges.ts'
import { formatBytes } from '../core/units.ts'
import type { Remote, Resumer, Writer } from '../remotes/remote.ts'
import { type FoundPartial, findPartial, NOTHING_FOUND, probe } from './claim.ts'
import type { Rates } from './pace.ts'
import { candidates, planAnew, planBeside, planUpload, type TransferPlan, type UploadFacts } from './plan.ts'
import { type ProofWay, readsOn, UNMEASURED, wayToProve } from './read-back-choice.ts'
import { salvage } from './salvage.ts'
import type { UploadSession } from './upload-session.ts'
import { digestFits, type ProofContext, proveByDigester, proveByReading, type RangeProof } from './verify.ts'

export interface PlannedUpload {
  readonly plan: TransferPlan
  readonly resumer: Resumer | null
}

export async function makePlan(session: UploadSession, remote: Remote, writer: Writer, signal: AbortSignal): Promise<PlannedUpload> {
  const { policy, job } = session
  const { found, hinted } = await partialToBuildOn(session, remote, writer, signal)
  const { resumer } = found
  const facts: UploadFacts = {
    size: job.source.size,
    resume: policy.resume,
    partialSize: found.size,
    untold: found.untold === true,
    resumer: kindOf(resumer),
  }
  const worth = candidates(facts, hinted)
  const kept = totalBytes(worth)
  if (kept === 0) return { plan: planUpload(facts, EMPTY), resumer }
  const context = session.proofContext(remote, session.partial)
  const wayWith = (withDigests: boolean): ProofWay =>
    wayToProve({
      kept,
      missing: job.source.size - kept,
      digests: withDigests,
      writesAnywhere: resumer?.kind === 'positional',
      connectionsMax: session.oneAtATime ? 1 : remote.connectionsMax,
      rates: ratesFor(session, kept),
    })
  let ours: Promise<boolean> | null = null
  const beginsAsOurs = (): Promise<boolean> => (ours ??= isOurs(context, worth, signal))
  const digests = digestFits(context, worth)
  let way = wayWith(digests)
  if (way === 'beside' && digests && !(await beginsAsOurs())) way = 'digest'
  if (way === 'digest') {
    session.phase('verifying', kept)
    const proof = await proveByDigester(context, worth, signal)
    if (proof !== null) return { plan: planUpload(facts, told(session, worth, proof)), resumer }
    way = wayWith(false)
  }
  if (way === 'send-again') {
    session.leftUnread = kept
    return { plan: planAnew(facts), resumer }
  }
  if (way === 'beside' && (await beginsAsOurs())) return { plan: planBeside(facts, worth), resumer }
  session.phase('verifying', kept)
  const read = await readFirst(session, context, { facts, worth }, signal)
  if (read.leftUnread && facts.resumer === 'append') return { plan: planAnew(facts), resumer }
  return { plan: planUpload(facts, told(session, worth, read)), resumer }
}

/**
 * Bytes are given up for speed again only when there are more of them by now: where every attempt begins anew, and is cut where the one before was, no file is ever
 * finished. Then they are read, however slowly.
 */
function ratesFor({ leftUnread, pace }: UploadSession, kept: number): Rates {
  return kept > leftUnread ? pace.rates : UNMEASURED
}

/** Nothing is written to a file that does not begin as the source does: somebody may have put another one in the partial's place, by a hard link for example. */
async function isOurs(context: ProofContext, worth: RangeSet, signal: AbortSignal): Promise<boolean> {
  const [range] = worth
  if (range === undefined) return false
  const first = rangeSet([{ start: range.start, end: Math.min(range.end, range.start + context.expected.blockSize) }])
  const { proven } = await proveByReading({ ...context, progress: () => {} }, first, () => true, signal)
  return totalBytes(proven) === totalBytes(first)
}

function told(session: UploadSession, worth: RangeSet, { proven, method }: RangeProof): RangeSet {
  session.advance(totalBytes(proven))
  const how = method === 'digest' ? 'server digest' : 'reading back'
  session.note(`${formatBytes(totalBytes(proven))} of the ${formatBytes(totalBytes(worth))} there proven by ${how}`)
  return proven
}

interface Kept {
  readonly facts: UploadFacts
  readonly worth: RangeSet
}

interface FirstRead extends RangeProof {
  /** Sending what is left is faster. */
  readonly leftUnread: boolean
}

/** Ends where sending what is left is faster. A server that only appends takes all of the partial or nothing. */
async function readFirst(session: UploadSession, context: ProofContext, { facts, worth }: Kept, signal: AbortSignal): Promise<FirstRead> {
  const { pace } = session
  const total = totalBytes(worth)
  let done = 0
  const progress = (bytes: number): void => {
    pace.read(bytes - done)
    done = bytes
    context.progress(bytes)
  }
  let leftUnread = false
  const readOn = (left: number): boolean => {
    leftUnread = !readsOn(left, facts.resumer === 'append' ? total : left, ratesFor(session, total))
    return !leftUnread
  }
  const proof = await pace.reading(() => proveByReading({ ...context, progress }, worth, readOn, signal))
  if (leftUnread) session.leftUnread = total
  return { ...proof, leftUnread }
}

/** `hinted`: the blocks worth proving, or null for all that is there. */
async function partialToBuildOn(
  session: UploadSession,
  remote: Remote,
  writer: Writer,
  signal: AbortSignal,
): Promise<{ readonly found: FoundPartial; readonly hinted: RangeSet | null }> {
  const found = await findPartial(session, remote, writer, signal)
  if (found.size !== null || found.untold === true || session.direct) return { found, hinted: null }
  const hinted = await salvage(session, remote, writer, signal)
  if (hinted === null) return { found: NOTHING_FOUND, hinted: null }
  const own = await session.stat(remote, session.partial, signal)
  return { found: { size: own.is === 'there' ? own.file.size : null, resumer: await probe(session, writer, signal) }, hinted }
}

function kindOf(resumer: Resumer | null): UploadFacts['resumer'] {
  if (resumer === null || resumer.kind === 'positional') return resumer?.kind ?? null
  return resumer.rewind === undefined ? 'append' : 'rewind'
}
