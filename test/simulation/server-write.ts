/** How a server in memory takes bytes: packets through a window, and what becomes of those in flight when the exchange breaks. */
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import type { Body, WriteObserver } from '../../src/remotes/remote.ts'
import { mailed } from './reticent.ts'
import { FINAL, type Scene } from './scene.ts'
import type { Turn } from './turn.ts'
import { Crash, patched, type ServerFile } from './world.ts'

export interface Incoming {
  readonly path: string
  /** The file as it was opened: who removes or replaces the name does not change what is written to. */
  readonly file: ServerFile
  readonly start: number
  readonly length: number
  readonly body: Body
  readonly observer: WriteObserver
  readonly signal: AbortSignal
  /** Packets go to the end of the file, wherever that is when they come. */
  readonly appends?: boolean
}

interface Packet {
  readonly at: number
  readonly bytes: Buffer
}

export class Pump {
  private readonly scene: Scene
  private readonly turn: Turn
  private readonly incoming: Incoming
  private readonly flight: Packet[] = []
  private readonly acks: boolean
  private sent = 0
  /** Nothing is stored any more, and nobody told. */
  private deaf = false

  constructor(scene: Scene, turn: Turn, incoming: Incoming) {
    this.scene = scene
    this.turn = turn
    this.incoming = incoming
    this.acks = scene.profile.acknowledges === true
  }

  async run(): Promise<void> {
    const { length, file, start, observer } = this.incoming
    try {
      await this.send()
      if (this.sent !== length) throw new TransferError('source-changed', `the source gave ${this.sent} of ${length} bytes`)
      while (this.flight.length > 0) {
        const pause = this.turn.pause()
        if (pause !== undefined) await pause
        const fault = this.turn.step('write')
        if (fault === 'stall') await this.turn.silence(this.incoming.signal)
        this.landOldest(fault)
      }
      const pause = this.turn.pause()
      if (pause !== undefined) await pause
      if (this.turn.step('final reply') === 'stall') await this.turn.silence(this.incoming.signal)
    } catch (error) {
      this.broken(error instanceof Crash)
      throw error
    }
    // A deaf server is one whose lie the protocol folder did not notice: what the engine makes of that is the question.
    if (!this.deaf && file.bytes.length < start + length)
      throw new TransferError('transient', `the server stored ${file.bytes.length} bytes`)
    if (this.scene.profile.syncs === true) file.durable = file.bytes.length
    observer.acknowledged(length)
    this.turn.confirmed = true
    mailed(this.scene, this.turn, this.incoming.path, 'closed')
  }

  private async send(): Promise<void> {
    const { body, start, observer, signal } = this.incoming
    const { packet, window } = this.scene.profile
    for await (const chunk of body) {
      for (let i = 0; i < chunk.length; i += packet) {
        const bytes = chunk.subarray(i, i + packet) as Buffer
        this.flight.push({ at: start + this.sent, bytes })
        this.sent += bytes.length
        this.turn.moved += bytes.length
        this.turn.lasts(this.scene.profile.packetMs?.write)
        observer.sent(this.sent)
        throwIfAborted(signal)
        const pause = this.turn.pause()
        if (pause !== undefined) await pause
        const fault = this.turn.step('write')
        if (fault === 'stall') await this.turn.silence(signal)
        if (this.flight.length <= window && fault === null) continue
        const last = this.landOldest(fault)
        if (this.acks && last !== null) observer.acknowledged(last.at + last.bytes.length - start)
      }
    }
  }

  private landOldest(fault: string | null): Packet | null {
    const oldest = this.flight.shift()
    if (oldest === undefined) return null
    if (fault === 'write-short') this.deaf = true
    if (this.deaf || fault === 'lie-stored') {
      this.scene.doubt.add(oldest.at, oldest.at + oldest.bytes.length)
      return oldest
    }
    const { bytes } = oldest
    const flips = fault === 'flip' && bytes.length > 0
    this.land(oldest, flips ? patched(bytes, 0, Buffer.of((bytes[0] ?? 0) ^ 4)) : bytes)
    if (flips) this.scene.doubt.add(oldest.at, oldest.at + 1)
    return oldest
  }

  private land(packet: Packet, bytes: Buffer): void {
    const { file, path, appends } = this.incoming
    const at = appends === true && this.turn.duet !== null ? file.bytes.length : packet.at
    file.bytes = patched(file.bytes, at, bytes)
    this.scene.changed(file, this.turn)
    if (this.scene.world.server.get(path) === file) this.scene.doubt.settle(at, at + bytes.length)
  }

  /** Every packet in flight is stored, torn or lost, in any combination; on one ordered stream what follows a lost packet is lost. */
  private broken(crashed: boolean): void {
    const { scene, flight, incoming } = this
    const { profile, world, random } = scene
    const ordered = profile.resumer !== 'positional'
    for (const packet of flight) {
      const fate = random()
      if (fate < 0.4) this.land(packet, packet.bytes)
      else if (fate < 0.6) {
        this.land(packet, packet.bytes.subarray(0, Math.ceil(packet.bytes.length / 2)))
        if (ordered) break
      } else if (fate < 0.8 && profile.lingers === true) {
        world.orphans.push({
          file: incoming.file,
          at: profile.resumer === 'append' ? -1 : packet.at,
          bytes: packet.bytes,
          version: scene.source,
        })
      } else if (ordered) break
    }
    if (profile.removesBroken !== true || !(crashed || random() < 0.5) || world.server.get(incoming.path) !== incoming.file) return
    world.server.delete(incoming.path)
    if (incoming.path === FINAL) scene.ledger.note(null, 'others', null)
  }
}

/** A dead session stores one more packet; at -1 it goes to the end of the file, wherever that is by now. */
export function orphanStores(scene: Scene): void {
  const orphan = scene.world.orphans.shift()
  if (orphan === undefined) return
  const { file, bytes } = orphan
  const at = orphan.at < 0 ? file.bytes.length : orphan.at
  // Of the same version they are the bytes that belong there; only at another end of the file they are wrong, and nothing can tell.
  if (!file.bytes.subarray(at, at + bytes.length).equals(bytes)) {
    for (const peer of scene.peers) if (orphan.version.equals(peer.source)) peer.doubtful(at, at + bytes.length)
  }
  file.bytes = patched(file.bytes, at, bytes)
  scene.changed(file, null)
}

/** What the server took and said it would store: stored as a whole, some looks later. */
export function acceptedStores({ world, ledger }: Scene, path: string): void {
  for (const [i, accepted] of world.accepted.entries()) {
    if (accepted.path !== path) continue
    accepted.looks -= 1
    if (accepted.looks > 0) return
    world.accepted.splice(i, 1)
    world.server.set(path, { bytes: accepted.bytes, modifiedAtMs: world.wallMs, durable: accepted.bytes.length })
    if (path === FINAL) ledger.note(accepted.by, 'written', accepted.bytes)
    return
  }
}
