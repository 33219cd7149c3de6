/** Names on the server: renames in every way that servers have, copies, removals. */
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { isRefusal } from '../../src/engine/refusal.ts'
import type { Tree } from '../../src/remotes/remote.ts'
import type { How } from './ledger.ts'
import { takesName } from './profiles.ts'
import { mailed, putOff, refuses } from './reticent.ts'
import { FINAL, isAside, isPartial } from './scene.ts'
import type { Server } from './server.ts'
import type { ServerFile } from './world.ts'

/** Bytes that a server copies in one step. */
const COPY_BYTES = 24

export function treeOf(server: Server): Tree {
  const { scene, turn } = server
  const { profile } = scene
  const files = scene.world.server
  const note = (how: How, doubted = scene.doubt.bytes.size > 0): void => {
    if (scene.direction !== 'upload') return
    const beside = [...files].some(([name, { bytes }]) => isPartial(name) && scene.isWhole(bytes))
    scene.ledger.note(turn, how, scene.final, { doubted, beside, mode: scene.finalMode })
  }
  const pretends = (to: string): boolean => profile.rename === 'pretends' && files.has(to)
  const replaces = profile.rename === 'after-delete' || profile.rename === 'never' ? profile.rename : 'atomically'
  return {
    replaces,
    rename: async (from, to, signal) => {
      try {
        await server.at('rename', signal)
        const refusal = refusalOf(server, from, to)
        if (refusal !== null && files.has(from)) throw refusalError(refusal)
      } catch (error) {
        turn.keptInPlace ||= from === FINAL
        turn.renameRefused ||= isRefusal(error)
        throw error
      }
      if (replaces === 'after-delete' && files.has(to) && files.has(from)) {
        files.delete(to)
        if (to === FINAL) note('deleted')
        await server.at('deleted', signal)
      }
      const file = files.get(from)
      if (file === undefined) throw new TransferError('not-found', `no such file: ${from}`)
      if (pretends(to)) return void (await server.at('rename reply', signal))
      files.delete(from)
      // As it is when the server is told, whenever that shows.
      const doubted = scene.doubt.bytes.size > 0
      const move = (): void => {
        files.set(to, file)
        if (from === FINAL) note('aside')
        if (to === FINAL) {
          scene.direct = false
          note(isAside(from) ? 'put back' : 'renamed', doubted)
        }
        mailed(scene, turn, to, 'renamed')
      }
      if (to !== FINAL || !putOff(scene, file, to, move)) move()
      await server.at('rename reply', signal)
    },
    ...(profile.copies === true ? { copy: (from, to, _size, signal) => copied(server, from, to, signal) } : {}),
    remove: async (path, signal) => {
      await server.at('remove', signal)
      if (profile.removesNothing === true) throw new TransferError('refused', 'nothing is removed here')
      turn.took ||= isPartial(path) && files.has(path)
      files.delete(path)
      if (path === FINAL) note('removed')
      await server.at('remove reply', signal)
    },
    makeDirectory: async () => {},
    ...(profile.modes === undefined ? {} : { setMode: (path, mode, signal) => modeSet(server, path, mode, signal) }),
    ...(profile.modes === 'asked for' ? { modeOf: (path, signal) => modeTold(server, path, signal) } : {}),
    list: async (_directory, signal) => {
      await server.at('list', signal)
      refuses(scene, turn, 'list')
      if (profile.lists === 'never') await turn.silence(signal)
      if (profile.hides === true || profile.lists === 'nothing') return []
      return [...files].map(([name, file]) => ({ name, kind: 'file' as const, size: file.bytes.length }))
    },
  }
}

async function modeSet(server: Server, path: string, mode: number, signal: AbortSignal): Promise<void> {
  try {
    await server.at('mode', signal)
  } catch (error) {
    server.turn.modeRefused ||= isRefusal(error)
    throw error
  }
  server.existing(path).mode = mode
  await server.at('mode reply', signal)
}

async function modeTold(server: Server, path: string, signal: AbortSignal): Promise<number | null> {
  const { turn, scene } = server
  try {
    await server.at('mode', signal)
  } catch (error) {
    // Asked once more where it may have passed; a refusal is the answer.
    turn.modeAsksFailed += 1
    if (turn.modeAsksFailed > 1 || !(error instanceof TransferError && error.kind === 'transient')) turn.modeRefused = true
    throw error
  }
  const file = scene.world.server.get(path)
  return file === undefined ? null : (file.mode ?? 0o644)
}

function refusalError(kind: FailureKind): TransferError {
  return new TransferError(kind, 'the server does not rename', { brokeDown: kind === 'transient' })
}

function refusalOf({ scene }: Server, from: string, to: string): FailureKind | null {
  const { rename, stays } = scene.profile
  if ((stays === true && from === FINAL) || !takesName(scene.profile, to)) return 'refused'
  if (rename === 'never') return scene.world.server.has(to) ? 'refused' : null
  if (rename === 'breaks') return 'transient'
  return rename === 'refused' || rename === 'unsupported' || rename === 'conflict' ? rename : null
}

/** The server goes on copying when nobody waits for it any more. */
async function copied(server: Server, from: string, to: string, signal: AbortSignal): Promise<void> {
  const { scene } = server
  await server.at('copy', signal)
  const file = server.file(from)
  if (file === undefined) throw new TransferError('not-found', `no such file: ${from}`)
  const made: ServerFile = server.made(to)
  for (let at = 0; at < file.bytes.length; at += COPY_BYTES) {
    try {
      await server.at('copy reply', signal)
    } catch (error) {
      if (scene.random() < 0.5) scene.world.orphans.push({ file: made, at, bytes: file.bytes.subarray(at), version: file.bytes })
      throw error
    }
    made.bytes = file.bytes.subarray(0, at + COPY_BYTES)
  }
  await server.at('copy reply', signal)
}
