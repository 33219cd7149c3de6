/** One connection to a server in memory, with the quirks of the real ones as profile switches, and a place to inject faults at every step. */
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import type { ByteRange } from '../../src/core/ranges.ts'
import type { ReadOptions, RemoteFile, Sink } from '../../src/remotes/remote.ts'
import type { Kind, Place } from './alphabet.ts'
import { below } from './chance.ts'
import { BLOCK } from './profiles.ts'
import { lateShows, refuses } from './reticent.ts'
import { FINAL, type Scene } from './scene.ts'
import { acceptedStores, type Incoming, orphanStores, Pump } from './server-write.ts'
import type { Turn } from './turn.ts'
import { NO_BYTES, patched, type ServerFile } from './world.ts'

/** By turns: of two readings with the same damage nobody could tell. */
const WIRE_FLIPS: readonly number[] = [2, 64, 66]

/** One connection to the server of the scene. */
export class Server {
  readonly scene: Scene
  readonly turn: Turn
  /** Exchanges that write. */
  private writing = 0

  constructor(scene: Scene, turn: Turn) {
    this.scene = scene
    this.turn = turn
  }

  /** One step at a place; a stall ends with the signal. */
  async at(place: Place, signal: AbortSignal): Promise<Kind | null> {
    await this.turn.pause()
    throwIfAborted(signal)
    const fault = this.turn.step(place)
    return fault === 'stall' ? this.turn.silence(signal) : fault
  }

  file(path: string): ServerFile | undefined {
    return this.scene.world.server.get(path)
  }

  /** FTP continues by name: the size is asked for, and the file is opened later. One that is gone by then is made, with zeros below the place. */
  private remade(path: string, offset: number): ServerFile {
    const { resumer } = this.scene.profile
    if (resumer === 'positional') throw new TransferError('not-found', `no such file: ${path}`)
    const file = this.made(path)
    if (resumer === 'rewind') file.bytes = Buffer.alloc(offset)
    return file
  }

  existing(path: string): ServerFile {
    const file = this.file(path)
    if (file === undefined) throw new TransferError('not-found', `no such file: ${path}`)
    this.touch(file)
    return file
  }

  /** A new file, which has the name from now on unless it is stored later. */
  made(path: string, later = false): ServerFile {
    const { scene, turn } = this
    const file = { bytes: NO_BYTES, modifiedAtMs: 0, durable: 0 }
    this.touch(file)
    if (later) return file
    scene.world.server.set(path, file)
    if (path !== FINAL || scene.direction !== 'upload') return file
    scene.direct = true
    scene.ledger.note(turn, 'created', file.bytes, {
      unseen: turn.lookedAt < scene.ledger.length - 1,
      again: turn.directRequests > 1,
    })
    return file
  }

  /** The server will store this later. */
  accepted(path: string, bytes: Buffer): void {
    const { world, random } = this.scene
    world.accepted.push({ path, bytes, looks: 1 + below(random, 4), by: this.turn })
  }

  touch(file: ServerFile): void {
    this.scene.world.wallMs += 1000
    file.modifiedAtMs = this.scene.world.wallMs
  }

  async stat(path: string, signal: AbortSignal): Promise<RemoteFile | null> {
    const lie = await this.at('stat', signal)
    const { profile, world, direction } = this.scene
    if (world.orphans.length > 0 && this.scene.random() < 0.6) orphanStores(this.scene)
    if (world.accepted.length > 0) acceptedStores(this.scene, path)
    if (world.late.length > 0) lateShows(world, path)
    refuses(this.scene, this.turn, 'stat')
    if (profile.hides === true || profile.statless === true) return null
    const { file, version, isMarked } = this.seen(path)
    // An answer that a cache gave to an upload tells nothing but that there is something.
    if (isMarked) this.turn.failedLooks += 1
    if (isMarked) return { kind: 'file', size: null, modifiedAtMs: null, validator: null }
    if (file === undefined) return null
    if (path === FINAL && direction === 'upload') this.turn.looked()
    return {
      kind: 'file',
      size: profile.unsized === true ? null : this.sizeTold(file.bytes.length, lie),
      modifiedAtMs: profile.identity === 'none' ? null : file.modifiedAtMs,
      validator: profile.identity === 'validator' && direction === 'download' ? `"${version}"` : null,
      ...this.etagOf(file, version),
      ...(profile.modes === 'looked at' && direction === 'upload' ? { mode: file.mode ?? 0o644 } : {}),
    }
  }

  /** What the way to the server shows of it. Who uploads asks past caches; one that answers nevertheless gives itself away. */
  private seen(path: string): { readonly file: ServerFile | undefined; readonly version: number; readonly isMarked: boolean } {
    const { profile, world, direction } = this.scene
    const copy = profile.cache === undefined ? undefined : world.cache.get(path)
    const isMarked = copy !== undefined && direction === 'upload' && profile.cache === 'stubborn'
    if (copy !== undefined && direction === 'download') return { ...copy, isMarked }
    return { file: this.file(path), version: world.version, isMarked }
  }

  private etagOf(file: ServerFile, version: number): { readonly etag?: string } {
    const { identity } = this.scene.profile
    if (identity === 'weak') return { etag: `W/"${version}"` }
    return identity === 'time-size' ? { etag: `"${file.modifiedAtMs.toString(16)}-${file.bytes.length}"` } : {}
  }

  private sizeTold(size: number, lie: Kind | null): number {
    if (lie === null) return size
    this.turn.sizeLies += 1
    return lie === 'size-short' ? Math.max(0, size - 5) : lie === 'size-long' ? size + 5 : this.scene.source.length
  }

  async read(path: string, range: ByteRange, sink: Sink, { validator, size }: ReadOptions, signal: AbortSignal): Promise<void> {
    const { profile, direction, doubt } = this.scene
    await this.at('read', signal)
    if (profile.onlyOne !== undefined && this.writing > 0) throw new TransferError(profile.onlyOne, 'you are here already')
    if (profile.writeOnly === true) throw new TransferError('refused', 'nothing can be read here')
    refuses(this.scene, this.turn, 'read')
    if (profile.hides === true) throw new TransferError('not-found', `no such file: ${path}`)
    if (profile.noRanges === true && range.start > 0) throw new TransferError('unsupported', 'no ranges')
    const { file, version, isMarked } = this.seen(path)
    if (isMarked) throw new TransferError('refused', 'a cache answered')
    if (file === undefined) throw new TransferError('not-found', `no such file: ${path}`)
    const told = profile.identity === 'validator' ? `"${version}"` : this.etagOf(file, version).etag
    if (validator !== undefined && validator !== told) throw new TransferError('source-changed', 'the validator differs')
    if (path === FINAL && direction === 'upload' && range.start === 0) this.turn.compared()
    const endless = range.end === Number.POSITIVE_INFINITY
    const settles = direction === 'upload' && (path !== FINAL || this.scene.inPlace)
    let compared: readonly number[] = []
    for (let at = range.start; at < range.end; at += profile.packet) {
      throwIfAborted(signal)
      const pause = this.turn.pause()
      if (pause !== undefined) await pause
      this.turn.lasts(profile.packetMs?.read)
      const fault = this.turn.step('read packet')
      if (fault === 'stall') await this.turn.silence(signal)
      const now = this.seen(path).file?.bytes ?? NO_BYTES // a file rewritten in place is read as it is now
      const end = Math.min(at + profile.packet, range.end)
      let packet = now.subarray(at, end)
      if (packet.length < end - at && !endless) throw new TransferError('source-changed', 'the file ended early')
      if (endless && (fault === 'read-short' || fault === 'read-long')) doubt.ends(`${fault} at ${at}`)
      if (fault === 'read-short') return
      if (fault === 'read-long') packet = Buffer.concat([packet, Buffer.alloc(9)])
      if (direction === 'download') doubt.arrives(at, end)
      if (fault === 'flip' && packet.length > 0) packet = this.flipped(packet, at)
      if (settles && fault === null) compared = [...compared, ...doubt.within(at, end)]
      if (direction === 'download') this.turn.moved += packet.length
      if (packet.length > 0) await sink(packet)
      // Blocks are compared, not bytes.
      const known = end === range.end ? end : end - (end % BLOCK)
      for (const position of compared) if (position < known) doubt.settle(position, position + 1)
      compared = compared.filter((position) => position >= known)
      if (endless && now.length <= end) return
    }
    if (range.end === size && (this.seen(path).file?.bytes.length ?? 0) > size)
      throw new TransferError('source-changed', 'the file goes on')
  }

  /** What arrives wrong in a download stays doubtful; in an upload it only spoils a proof. */
  private flipped(packet: Buffer, at: number): Buffer {
    if (this.scene.direction === 'download') this.scene.doubt.arriving.add(at)
    this.scene.wireFlips += 1
    return patched(packet, 0, Buffer.of((packet[0] ?? 0) ^ (WIRE_FLIPS[this.scene.wireFlips % WIRE_FLIPS.length] ?? 2)))
  }

  async receive(incoming: Incoming): Promise<void> {
    this.writing += 1
    try {
      await new Pump(this.scene, this.turn, incoming).run()
    } finally {
      this.writing -= 1
    }
  }

  /** Opens an existing file to go on at `offset`. */
  async opened(path: string, offset: number, signal: AbortSignal): Promise<ServerFile> {
    const fault = await this.at('open', signal)
    const file = this.file(path) ?? this.remade(path, offset)
    this.touch(file)
    if (fault === 'zero-prefix') {
      file.bytes = patched(file.bytes, 0, Buffer.alloc(offset))
      this.scene.doubt.add(0, offset)
    }
    return file
  }
}
