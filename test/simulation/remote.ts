/** A server in memory with the quirks of the real ones as profile switches, and a place to inject faults at every step. */
import { TransferError, throwIfAborted } from '../../src/core/errors.ts'
import type { ByteRange } from '../../src/core/ranges.ts'
import type {
  AppendResumer,
  Body,
  Digester,
  PositionalResumer,
  ReadOptions,
  Remote,
  RemoteFile,
  Resumer,
  Sink,
  Tree,
  WriteObserver,
  Writer,
} from '../../src/remotes/remote.ts'
import type { Kind, Place } from './alphabet.ts'
import { FINAL, type Scene } from './scene.ts'
import { orphanStores, Pump } from './server-write.ts'
import type { Turn } from './turn.ts'
import { digestOf, NO_BYTES, patched, resized, type ServerFile } from './world.ts'

/** By turns: of two readings with the same damage nobody could tell. */
const WIRE_FLIPS: readonly number[] = [2, 64, 66]

/** One connection to the server of the scene. */
class Server {
  readonly scene: Scene
  readonly turn: Turn

  constructor(scene: Scene, turn: Turn) {
    this.scene = scene
    this.turn = turn
  }

  /** One step at a place; a stall ends with the signal. */
  async at(place: Place, signal: AbortSignal): Promise<Kind | null> {
    throwIfAborted(signal)
    const fault = this.turn.step(place)
    return fault === 'stall' ? this.turn.silence(signal) : fault
  }

  file(path: string): ServerFile | undefined {
    return this.scene.world.server.get(path)
  }

  existing(path: string): ServerFile {
    const file = this.file(path)
    if (file === undefined) throw new TransferError('not-found', `no such file: ${path}`)
    this.touch(file)
    return file
  }

  made(path: string): ServerFile {
    const file = { bytes: NO_BYTES, modifiedAtMs: 0, durable: 0 }
    this.scene.world.server.set(path, file)
    this.touch(file)
    return file
  }

  touch(file: ServerFile): void {
    this.scene.world.wallMs += 1000
    file.modifiedAtMs = this.scene.world.wallMs
  }

  async stat(path: string, signal: AbortSignal): Promise<RemoteFile | null> {
    const lie = await this.at('stat', signal)
    if (this.scene.world.orphans.length > 0) orphanStores(this.scene)
    const file = this.file(path)
    if (file === undefined) return null
    const { profile, world, direction } = this.scene
    return {
      kind: 'file',
      size: profile.unsized === true ? null : this.sizeTold(file.bytes.length, lie),
      modifiedAtMs: profile.identity === 'none' ? null : file.modifiedAtMs,
      validator: profile.identity === 'validator' && direction === 'download' ? `"${world.version}"` : null,
    }
  }

  private sizeTold(size: number, lie: Kind | null): number {
    if (lie === null) return size
    this.turn.sizeLies += 1
    return lie === 'size-short' ? Math.max(0, size - 5) : lie === 'size-long' ? size + 5 : this.scene.source.length
  }

  async read(path: string, range: ByteRange, sink: Sink, { validator, size }: ReadOptions, signal: AbortSignal): Promise<void> {
    const { profile, world, direction, doubt } = this.scene
    await this.at('read', signal)
    if (profile.writeOnly === true) throw new TransferError('refused', 'nothing can be read here')
    if (profile.noRanges === true && range.start > 0) throw new TransferError('unsupported', 'no ranges')
    const file = this.file(path)
    if (file === undefined) throw new TransferError('not-found', `no such file: ${path}`)
    if (validator !== undefined && validator !== `"${world.version}"`) throw new TransferError('source-changed', 'the validator differs')
    const endless = range.end === Number.POSITIVE_INFINITY
    const settles = direction === 'upload' && (path !== FINAL || this.scene.inPlace)
    for (let at = range.start; at < range.end; at += profile.packet) {
      throwIfAborted(signal)
      const fault = this.turn.step('read packet')
      if (fault === 'stall') await this.turn.silence(signal)
      const now = this.file(path)?.bytes ?? NO_BYTES // a file rewritten in place is read as it is now
      const end = Math.min(at + profile.packet, range.end)
      let packet = now.subarray(at, end)
      if (packet.length < end - at && !endless) throw new TransferError('source-changed', 'the file ended early')
      if (endless && (fault === 'read-short' || fault === 'read-long')) doubt.ends(`${fault} at ${at}`)
      if (fault === 'read-short') return
      if (fault === 'read-long') packet = Buffer.concat([packet, Buffer.alloc(9)])
      if (direction === 'download') doubt.arrives(at, end)
      if (fault === 'flip' && packet.length > 0) packet = this.flipped(packet, at)
      if (settles && fault === null) doubt.settle(at, end)
      if (direction === 'download') this.turn.moved += packet.length
      if (packet.length > 0) await sink(packet)
      if (endless && now.length <= end) return
    }
    if (range.end === size && (this.file(path)?.bytes.length ?? 0) > size) throw new TransferError('source-changed', 'the file goes on')
  }

  /** What arrives wrong in a download stays doubtful; in an upload it only spoils a proof. */
  private flipped(packet: Buffer, at: number): Buffer {
    if (this.scene.direction === 'download') this.scene.doubt.arriving.add(at)
    this.scene.wireFlips += 1
    return patched(packet, 0, Buffer.of((packet[0] ?? 0) ^ (WIRE_FLIPS[this.scene.wireFlips % WIRE_FLIPS.length] ?? 2)))
  }

  async receive(
    path: string,
    file: ServerFile,
    start: number,
    length: number,
    body: Body,
    observer: WriteObserver,
    signal: AbortSignal,
  ): Promise<void> {
    await new Pump(this.scene, this.turn, { path, file, start, length, body, observer, signal }).run()
  }

  /** Opens an existing file to go on at `offset`. */
  async opened(path: string, offset: number, signal: AbortSignal): Promise<ServerFile> {
    const fault = await this.at('open', signal)
    const file = this.existing(path)
    if (fault === 'zero-prefix') {
      file.bytes = patched(file.bytes, 0, Buffer.alloc(offset))
      this.scene.doubt.add(0, offset)
    }
    return file
  }
}

export function simulatedRemote(scene: Scene, turn: Turn): Remote {
  const server = new Server(scene, turn)
  const { profile } = scene
  return {
    protocol: 'simulated',
    connectionsMax: 1,
    notes: [],
    stat: (path, signal) => server.stat(path, signal),
    read: (path, range, sink, options, signal) => server.read(path, range, sink, options, signal),
    close: async () => {},
    ...(profile.resumer === 'none' ? {} : { writer: writerOf(server) }),
    ...(profile.rename === 'none' || profile.resumer === 'none' ? {} : { tree: treeOf(server) }),
    ...(profile.digests === 'none' ? {} : { digester: digesterOf(server, profile.digests) }),
  }
}

function writerOf(server: Server): Writer {
  const { profile } = server.scene
  return {
    create: async (path, size, body, observer, signal) => {
      await server.at('create', signal)
      await server.receive(path, server.made(path), 0, size, body, observer, signal)
    },
    resumer: async (_directory, signal) => {
      await server.at('probe', signal)
      if (profile.fickle === true && server.turn.session % 2 === 1) return null
      return resumerOf(server)
    },
  }
}

function resumerOf(server: Server): Resumer | null {
  const { resumer } = server.scene.profile
  if (resumer === 'whole' || resumer === 'none') return null
  if (resumer === 'positional') return positional(server)
  const append: AppendResumer['append'] = async (path, offset, length, body, observer, signal) => {
    const file = await server.opened(path, offset, signal)
    if (file.bytes.length !== offset) throw new TransferError('offset-conflict', `the file has ${file.bytes.length}, not ${offset} bytes`)
    await server.receive(path, file, offset, length, body, observer, signal)
    if (file.bytes.length > offset + length) throw new TransferError('conflict', 'somebody else writes to it')
  }
  if (resumer === 'append') return { kind: 'append', append }
  const rewind: AppendResumer['rewind'] = async (path, offset, length, body, observer, signal) => {
    const file = await server.opened(path, offset, signal)
    if (file.bytes.length < offset) throw new TransferError('offset-conflict', `the file has ${file.bytes.length}, not ${offset} bytes`)
    await server.receive(path, file, offset, length, body, observer, signal)
  }
  return { kind: 'append', append, rewind }
}

function positional(server: Server): PositionalResumer {
  return {
    kind: 'positional',
    write: async (path, range, body, observer, signal) => {
      const file = await server.opened(path, range.start, signal)
      await server.receive(path, file, range.start, range.end - range.start, body, observer, signal)
    },
    truncate: async (path, size, signal) => {
      await server.at('truncate', signal)
      if (server.scene.profile.cannotCut === true && size !== 0) throw new TransferError('unsupported', 'a file cannot be shortened')
      const file = server.existing(path)
      file.bytes = resized(file.bytes, size)
      await server.at('truncate reply', signal)
    },
  }
}

function treeOf(server: Server): Tree {
  const files = server.scene.world.server
  const replaces = server.scene.profile.rename === 'after-delete' ? 'after-delete' : 'atomically'
  return {
    replaces,
    rename: async (from, to, signal) => {
      await server.at('rename', signal)
      if (replaces === 'after-delete' && files.has(to) && files.has(from)) {
        files.delete(to)
        await server.at('deleted', signal)
      }
      const file = files.get(from)
      if (file === undefined) throw new TransferError('not-found', `no such file: ${from}`)
      files.delete(from)
      files.set(to, file)
      await server.at('rename reply', signal)
    },
    remove: async (path, signal) => {
      await server.at('remove', signal)
      files.delete(path)
      await server.at('remove reply', signal)
    },
    makeDirectory: async () => {},
    list: async () => [...files].map(([name, file]) => ({ name, kind: 'file' as const, size: file.bytes.length })),
  }
}

function digesterOf(server: Server, ranges: Digester['ranges']): Digester {
  const { profile, doubt, direction } = server.scene
  const algorithm = profile.algorithm ?? 'sha512'
  return {
    algorithm,
    ranges,
    digest: async (path, range, signal) => {
      const fault = await server.at('digest', signal)
      const bytes = server.file(path)?.bytes
      if (bytes === undefined) throw new TransferError('not-found', `no such file: ${path}`)
      const digest = digestOf(bytes.subarray(range.start, range.end), algorithm)
      if (fault === 'digest-wrong') return `${digest.slice(1)}0`
      if (direction === 'upload' && (path !== FINAL || server.scene.inPlace)) doubt.settle(range.start, range.end)
      return digest
    },
  }
}
