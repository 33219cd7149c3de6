/** What must hold after every attempt, whatever happened in it: one rule for one promise. */

import { baseName, partialParts, passingKind } from '../../src/core/paths.ts'
import type { TransferResult } from '../../src/engine/ports.ts'
import { beyondProof } from './doubt.ts'
import type { Change } from './ledger.ts'
import { BYSTANDER, FINAL, isAside, LOCAL, type Scene } from './scene.ts'
import type { PolicyName } from './spec.ts'
import type { Turn } from './turn.ts'
import { digestOf } from './world.ts'

/** One process that has ended, and what is known of it. */
export interface Ended {
  readonly scene: Scene
  readonly turn: Turn
  /** Null: the machine died. */
  readonly result: TransferResult | null
  readonly policy: PolicyName
  /** `publish-without-rename: always` */
  readonly overwrites: boolean
  /** The version of the source when it began. */
  readonly firstVersion: number
  /** This job had written to the final name itself before. */
  readonly wasDirect: boolean
  /** What was under the final name, or waited beside it, when the attempt began. */
  readonly owed: Buffer | null
  /** Something that an earlier process had made lay beside the final name when this one began. */
  readonly foundLeftovers: boolean
  readonly bystander: Buffer
}

export interface Rule {
  readonly name: string
  readonly promise: string
  /** What breaks it, or null. */
  readonly broken: (ended: Ended) => string | null
}

export const RULES: readonly Rule[] = [
  {
    name: 'True',
    promise: 'a success means that the final name held one version of the source that was current meanwhile',
    broken: untrue,
  },
  {
    name: 'Whole',
    promise: 'what a process puts under the final name is whole, except where the bytes have to go there themselves',
    broken: notWhole,
  },
  { name: 'Kept', promise: 'the old file is under its name, or waits beside it, until the new one is in its place', broken: notKept },
  { name: 'Contained', promise: "nobody else's file changes, and no name but ours appears", broken: notContained },
  { name: 'Mode', promise: 'what replaces a file has its permissions, and never wider ones under the final name', broken: modeLost },
  { name: 'Told', promise: 'what is said about the old file is what happened to it', broken: toldWrong },
  {
    name: 'Once',
    promise: 'a server that takes files away gets each once, and once more for what went wrong or what another run seems to have done',
    broken: sentAgain,
  },
  { name: 'Proof', promise: 'nothing is claimed above what was reached', broken: unproven },
]

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

/** As it was when this process began, and every change since. */
function changesSince({ scene, turn }: Ended): readonly Change[] {
  return scene.ledger.changes.slice(turn.began)
}

function isGood(ended: Ended, change: Change): boolean {
  return ended.scene.isWhole(change.content, ended.firstVersion) || beyondProof(ended, change)
}

function succeeded(result: TransferResult | null): result is TransferResult {
  return result !== null && (result.status === 'complete' || result.status === 'unchanged')
}

/** What others put there later is theirs: it had to hold the source at some moment since this process last changed it, or else last compared it. */
function untrue(ended: Ended): string | null {
  const { result, scene, turn } = ended
  if (!succeeded(result)) return null
  const { changes } = scene.ledger
  const own = changes.findLastIndex(({ author }) => author === turn)
  const since = changes.slice(Math.max(turn.began, own >= 0 ? own : turn.comparedAt))
  const held = since.find((change) => isGood(ended, change))
  if (held === undefined && (isPretended(ended) || isShared(ended))) return null
  if (held === undefined) return 'success with wrong bytes'
  const { content } = held
  const isExact = content !== null && scene.isWhole(content, ended.firstVersion)
  if (isExact && since.length === 1 && !beyondProof(ended, held) && result.digest !== `sha256:${digestOf(content, 'sha256')}`)
    return 'the digest in the result is not that of the file'
  return null
}

/** Of two runs that write in place on a server that takes files away the first cannot tell its own file, which is gone, from that of the other. */
function isShared(ended: Ended): boolean {
  const { result, scene, turn } = ended
  const wasTheirs = ({ author, how }: Change): boolean => author !== null && author !== turn && (how === 'created' || how === 'written')
  const isInPlace = result?.writtenDirectly === true && result.proof === 'acknowledged' && scene.profile.mailbox !== undefined
  return isInPlace && turn.duet !== null && changesSince(ended).some(wasTheirs)
}

/** A rename that is confirmed and not done is found out by looks, of which one failed. */
function isPretended({ scene, turn }: Ended): boolean {
  return scene.profile.rename === 'pretends' && turn.failedLooks > 0
}

function notWhole(ended: Ended): string | null {
  const { scene, turn } = ended
  const changes = changesSince(ended)
  for (const change of changes) {
    const { author, how } = change
    if (author !== turn) continue
    if (how === 'renamed' && !isGood(ended, change)) return 'something was published that never was the source'
    if (how === 'written' && !scene.inPlace && !isGood(ended, change)) return 'a published file was written to'
  }
  return null
}

function notKept(ended: Ended): string | null {
  const { scene, owed, turn } = ended
  const changes = changesSince(ended)
  for (const [i, made] of changes.entries()) {
    const before = changes[i - 1]
    if (made.how === 'removed' && hadToGo(ended, made)) continue
    const goes = made.author === turn && (made.how === 'created' || made.how === 'removed') && before?.content != null
    if (goes && !mayOverwrite(ended, changes.slice(0, i), made))
      return made.how === 'removed' ? 'the old file was removed' : 'the old file was written over'
  }
  if (scene.final !== null) return null
  const gone = changes.findLastIndex(({ content }, i) => content === null && changes[i - 1]?.content != null)
  const how = changes[gone]?.how
  if (how === 'others' || how === 'deleted') return null
  const lost = changes[gone - 1]?.content ?? owed
  if (lost === null) return null
  for (const [name, { bytes }] of scene.world.server) if (isAside(name) && (scene.restarted || same(bytes, lost))) return null
  if (changes[gone] !== undefined && how === 'removed' && hadToGo(ended, changes[gone])) return null
  return 'the old file is lost'
}

/** It could not be moved aside, nothing else could make room, and the new one is whole, or was until others changed it. */
function hadToGo({ scene, turn }: Ended, { author, beside }: Change): boolean {
  return author !== null && (author !== turn || turn.keptInPlace) && (beside || scene.edited || scene.taken)
}

/** The user allowed it, the server knows no renames, or refuses them and says that nothing is there, this job had written there itself and cannot tell its bytes from others', or the file came after the last look. */
function mayOverwrite({ scene, overwrites, turn, wasDirect }: Ended, earlier: readonly Change[], made: Change): boolean {
  const began = earlier.some(({ author, how }) => author === turn && how === 'created')
  const isHidden = showsNothing(scene) && turn.renameRefused
  return overwrites || isHidden || scene.profile.rename === 'none' || wasDirect || made.unseen || made.again || began
}

function notContained({ scene, bystander }: Ended): string | null {
  const { server, local } = scene.world
  const theirs = scene.direction === 'upload' ? server.get(BYSTANDER)?.bytes : local.get(BYSTANDER)
  if (theirs !== bystander) return "somebody else's file was changed"
  for (const name of server.keys()) if (!isOurs(name)) return `a file with a strange name is left: ${name}`
  for (const name of local.keys()) if (!isOurs(name)) return `a file with a strange name is left: ${name}`
  return null
}

function isOurs(name: string): boolean {
  if (name === FINAL || name === LOCAL || name === BYSTANDER) return true
  if (/^\.rt-probe-[0-9a-f]+(-renamed)?$/.test(name)) return true
  if (/^rt-probe-[0-9a-f]+(-renamed)?(\.bin)?$/.test(name)) return true
  return [FINAL, LOCAL].some((path) => partialParts(baseName(path), name) !== null || passingKind(baseName(path), name) !== null)
}

function unproven(ended: Ended): string | null {
  const { scene, result, policy, turn } = ended
  const { profile, direction } = scene
  if (!succeeded(result)) return null
  if (result.proof === null) return 'success without a proof'
  if (result.proof === 'digest' && profile.digests === 'none' && policy !== 'given') return 'a digest was claimed that there is none of'
  if (result.proof === 'acknowledged') return unacknowledged(ended)
  if (result.proof !== 'size') return null
  if (policy === 'full' && !wasEmpty(ended)) return 'a proof of content was asked for'
  if (direction !== 'upload' || result.status === 'unchanged') return null
  if (profile.unsized === true) return 'a size was claimed that nobody told'
  return turn.accepts ? 'what was only accepted was called stored' : null
}

/** As the attempt saw it: a source may grow after it was read to its end. */
function wasEmpty({ scene, result }: Ended): boolean {
  return scene.source.length === 0 || (result?.size === 0 && scene.profile.unsized !== true)
}

/** Where nobody else was at the final name meanwhile, and the server set what it was told to. */
function modeLost(ended: Ended): string | null {
  const { scene, turn } = ended
  const [before, ...changes] = changesSince(ended)
  const wanted = before?.mode ?? null
  if (wanted === null || turn.modeRefused || changes.some(({ author }) => author !== turn)) return null
  const published = changes.find(({ how }) => how === 'renamed')
  if (published !== undefined && published.mode !== wanted) return `${published.mode?.toString(8)} instead of ${wanted.toString(8)}`
  const isDone = succeeded(ended.result) && scene.finalMode !== wanted
  return isDone ? `${scene.finalMode?.toString(8)} instead of ${wanted.toString(8)} at the end` : null
}

/** Whoever asks for a file is told that it is not there. */
function showsNothing({ profile }: Scene): boolean {
  return profile.hides === true || profile.statless === true
}

/** The weakest proof is for where nothing stronger is to be had. */
function unacknowledged(ended: Ended): string | null {
  const { scene, policy, turn } = ended
  const { profile, direction } = scene
  // Of an empty file the size was all there is to prove, before it got its name.
  if (policy === 'full' && !wasEmpty(ended)) return 'a proof of content was asked for'
  if (direction === 'download') return turn.refusedLooks + turn.failedLooks > 0 ? null : 'nothing was looked at where it could be'
  if (turn.accepts) return 'what was only accepted was called acknowledged'
  // After a broken exchange, or where nothing was sent, all was proven by reading instead.
  const wasSent = ended.result?.resumedFrom !== ended.result?.size && ended.result?.bytesTransferred !== 0
  if (!turn.confirmed && turn.faults === 0 && wasSent) return 'the server had not confirmed it'
  const isGone = changesSince(ended).some(({ author, content }) => author !== turn && content === null)
  const mayBeUnseen = showsNothing(scene) || profile.writeOnly === true || isGone
  return turn.refusedLooks > 0 || turn.failedLooks > 0 || mayBeUnseen ? null : 'nothing was looked at where it could be'
}

/**
 * Another run at work may have taken the file, and what one has left that died looks the same, or what somebody put in its place: each is given the benefit once; a run
 * at work once more when it has got on, which also takes what was left.
 */
function sentAgain(ended: Ended): string | null {
  const { turn, foundLeftovers } = ended
  const theirs = changesSince(ended)
    .slice(1)
    .filter(({ how, content }) => how === 'others' && content !== null).length
  const doubts = turn.breaks + turn.sizeLies + theirs + (turn.duet === null ? Number(foundLeftovers) : 2)
  return turn.delivered > 1 + doubts ? `it was delivered ${turn.delivered} times` : null
}

/** Where nobody else was at the final name meanwhile. */
function toldWrong(ended: Ended): string | null {
  const { result, scene, turn, owed } = ended
  const [before, ...changes] = changesSince(ended)
  if (result?.previous === undefined || before === undefined || changes.some(({ author }) => author !== turn)) return null
  const { previous } = result
  const { final } = scene
  if (previous.kind === 'none' && before.content !== null && !showsNothing(scene)) return 'the old file was said not to exist'
  if (previous.kind === 'untouched' && !same(final, before.content ?? owed)) return 'the old file was said to be untouched'
  if (previous.kind === 'replaced' && !isPretended(ended) && changes.length === 0 && !scene.isWhole(final))
    return 'the old file was said to be replaced'
  if (previous.kind === 'removed') {
    const isThere =
      scene.world.server.get(previous.path) !== undefined && scene.isWhole(scene.world.server.get(previous.path)?.bytes ?? null)
    return final === null && (isThere || scene.edited) ? null : 'the new file is not where it was said to be'
  }
  if (previous.kind !== 'aside') return null
  const waiting = scene.world.server.get(previous.path)?.bytes ?? null
  // Who is stopped while it is put back does not see that it is.
  if (changes.at(-1)?.how === 'put back' && same(final, changes.at(-1)?.content ?? null)) return null
  // A rename that was refused and done all the same: without a look the new file itself is taken for the old one, and moved aside.
  if (turn.refusedLooks > 0 && turn.lostReplies > 0 && scene.isWhole(waiting)) return null
  return waiting !== null && (scene.restarted || same(waiting, before.content ?? owed))
    ? null
    : 'the old file is not where it was said to be'
}
