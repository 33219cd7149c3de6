/** A server in memory with the quirks of the real ones as profile switches, and a place to inject faults at every step. */
import { createHash } from 'node:crypto'
import { abortError, TransferError, throwIfAborted } from '../../src/core/errors.ts'
import type { ByteRange } from '../../src/core/ranges.ts'
import type {
  AppendResumer,
  Body,
  Digester,
  PositionalResumer,
  Remote,
  RemoteFile,
  Resumer,
  Sink,
  Tree,
  WriteObserver,
  Writer,
} from '../../src/remotes/remote.ts'
import type { ServerFile, World } from './world.ts'

export interface Profile {
  readonly name: string
  readonly resumer: 'whole' | 'append' | 'rewind' | 'positional'
  readonly digests: 'none' | 'whole' | 'prefix' | 'any'
  readonly validator: boolean
  /** Bytes per network packet. */
  readonly packet: number
  /** Packets in flight that a crash may apply, tear or lose. */
  readonly window: number
}

export const PROFILES: readonly Profile[] = [
  { name: 'openssh', resumer: 'positional', digests: 'none', validator: false, packet: 7, window: 4 },
  { name: 'mod_sftp', resumer: 'positional', digests: 'prefix', validator: false, packet: 5, window: 6 },
  { name: 'rclone-sftp', resumer: 'whole', digests: 'none', validator: false, packet: 8, window: 2 },
  { name: 'proftpd', resumer: 'rewind', digests: 'any', validator: false, packet: 9, window: 3 },
  { name: 'vsftpd', resumer: 'rewind', digests: 'none', validator: false, packet: 9, window: 3 },
  { name: 'ftp-srv', resumer: 'append', digests: 'none', validator: false, packet: 9, window: 3 },
  { name: 'hash-only-ftp', resumer: 'append', digests: 'whole', validator: false, packet: 9, window: 3 },
  { name: 'http-etag', resumer: 'whole', digests: 'none', validator: true, packet: 11, window: 1 },
]

export type StepFault = 'none' | 'disconnect' | 'stall' | 'lie-stored'

/** Called before every effect. Throws Crash when the machine dies here. */
export interface Faults {
  step(what: string): StepFault
  random(): number
  /** For a stall: lets virtual time pass until the signal aborts. */
  pass(done: () => boolean): Promise<void>
}

export function simulatedRemote(world: World, profile: Profile, faults: Faults): Remote {
  const lost = (what: string): TransferError => new TransferError('transient', `connection lost during ${what}`)

  const step = async (what: string, signal: AbortSignal): Promise<StepFault> => {
    throwIfAborted(signal)
    await Promise.resolve()
    const fault = faults.step(what)
    if (fault === 'disconnect') throw lost(what)
    if (fault === 'stall') {
      await faults.pass(() => signal.aborted)
      throw abortError(signal)
    }
    return fault
  }

  const touch = (path: string): ServerFile => {
    const file = world.server.get(path) ?? { bytes: Buffer.alloc(0), modifiedAtMs: 0, durable: 0 }
    world.server.set(path, file)
    world.wallMs += 1000
    file.modifiedAtMs = world.wallMs
    return file
  }

  const writeAt = (path: string, position: number, bytes: Uint8Array): void => {
    const file = touch(path)
    if (file.bytes.length < position + bytes.length)
      file.bytes = Buffer.concat([file.bytes, Buffer.alloc(position + bytes.length - file.bytes.length)])
    else file.bytes = Buffer.from(file.bytes)
    file.bytes.set(bytes, position)
  }

  /** Sends a body packet by packet through a window; on a fault every packet in flight is applied, torn or lost, in any combination. */
  const pump = async (
    path: string,
    start: number,
    length: number,
    body: Body,
    observer: WriteObserver,
    acks: boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    const flight: { at: number; bytes: Uint8Array }[] = []
    let sent = 0
    const land = (packet: { at: number; bytes: Uint8Array }): void => writeAt(path, packet.at, packet.bytes)
    const scatter = (): void => {
      for (const packet of flight) {
        const fate = faults.random()
        if (fate < 0.4) land(packet)
        else if (fate < 0.6 && profile.resumer === 'positional')
          land({ at: packet.at, bytes: packet.bytes.subarray(0, Math.ceil(packet.bytes.length / 2)) })
        else if (profile.resumer !== 'positional') return // one ordered stream: what follows a lost packet is lost
      }
    }
    try {
      for await (const chunk of body) {
        for (let i = 0; i < chunk.length; i += profile.packet) {
          const bytes = Buffer.from(chunk.subarray(i, i + profile.packet))
          flight.push({ at: start + sent, bytes })
          sent += bytes.length
          observer.sent(sent)
          const fault = await step('write', signal)
          if (flight.length <= profile.window) continue
          const oldest = flight.shift()
          if (oldest === undefined) continue
          if (fault !== 'lie-stored') land(oldest)
          if (acks) observer.acknowledged(oldest.at + oldest.bytes.length - start)
        }
      }
      while (flight.length > 0) {
        await step('write', signal)
        const oldest = flight.shift()
        if (oldest !== undefined) land(oldest)
      }
      await step('final reply', signal)
    } catch (error) {
      scatter()
      throw error
    }
    if (sent !== length) throw new TransferError('internal', `the body had ${sent} of ${length} bytes`)
    const stored = world.server.get(path)?.bytes.length ?? -1
    if (stored < start + length) throw new TransferError('transient', `the server stored ${stored} bytes`)
    observer.acknowledged(length)
  }

  const acks = profile.resumer === 'positional'
  const positional: PositionalResumer = {
    kind: 'positional',
    write: async (path, range, body, observer, signal) => {
      await step('open', signal)
      if (!world.server.has(path)) throw new TransferError('not-found', `no such file: ${path}`)
      await pump(path, range.start, range.end - range.start, body, observer, acks, signal)
    },
    truncate: async (path, size, signal) => {
      await step('truncate', signal)
      const file = touch(path)
      file.bytes = Buffer.concat([file.bytes.subarray(0, size), Buffer.alloc(Math.max(0, size - file.bytes.length))])
    },
  }
  const continueAt = async (
    path: string,
    offset: number,
    length: number,
    body: Body,
    observer: WriteObserver,
    signal: AbortSignal,
    exact: boolean,
  ): Promise<void> => {
    await step('open', signal)
    const size = world.server.get(path)?.bytes.length ?? -1
    if (exact ? size !== offset : size < offset) throw new TransferError('offset-conflict', `the file has ${size}, not ${offset} bytes`)
    await pump(path, offset, length, body, observer, acks, signal)
  }
  const append: AppendResumer = { kind: 'append', append: (p, o, l, b, w, s) => continueAt(p, o, l, b, w, s, true) }
  const resumers: Readonly<Record<Profile['resumer'], Resumer | null>> = {
    whole: null,
    append,
    rewind: { ...append, rewind: (p, o, l, b, w, s) => continueAt(p, o, l, b, w, s, false) },
    positional,
  }
  const writer: Writer = {
    create: async (path, size, body, observer, signal) => {
      await step('create', signal)
      const file = touch(path)
      file.bytes = Buffer.alloc(0)
      file.durable = 0
      await pump(path, 0, size, body, observer, acks, signal)
    },
    resumer: async (_directory, signal) => {
      await step('probe', signal)
      return resumers[profile.resumer]
    },
  }
  const tree: Tree = {
    replaces: 'atomically',
    rename: async (from, to, signal) => {
      await step('rename', signal)
      const file = world.server.get(from)
      if (file === undefined) throw new TransferError('not-found', `no such file: ${from}`)
      world.server.delete(from)
      world.server.set(to, file)
      await step('rename reply', signal)
    },
    remove: async (path, signal) => {
      await step('remove', signal)
      world.server.delete(path)
    },
    makeDirectory: (_path, signal) => step('mkdir', signal).then(() => {}),
    list: async (_path, signal) => {
      await step('list', signal)
      return [...world.server].map(([name, file]) => ({ name, kind: 'file' as const, size: file.bytes.length }))
    },
  }
  const digester: Digester | undefined =
    profile.digests === 'none'
      ? undefined
      : {
          algorithm: 'sha256',
          ranges: profile.digests,
          digest: async (path, range, signal) => {
            await step('digest', signal)
            const bytes = world.server.get(path)?.bytes ?? Buffer.alloc(0)
            return createHash('sha256').update(bytes.subarray(range.start, range.end)).digest('hex')
          },
        }
  return {
    protocol: 'simulated',
    connectionsMax: 1,
    notes: [],
    stat: async (path, signal): Promise<RemoteFile | null> => {
      await step('stat', signal)
      const file = world.server.get(path)
      if (file === undefined) return null
      const etag = profile.validator ? createHash('md5').update(file.bytes).digest('hex') : null
      return { kind: 'file', size: file.bytes.length, modifiedAtMs: file.modifiedAtMs, validator: etag }
    },
    read: async (path, range: ByteRange, sink: Sink, options, signal) => {
      await step('read', signal)
      const file = world.server.get(path)
      if (file === undefined) throw new TransferError('not-found', `no such file: ${path}`)
      if (options.validator !== undefined && options.validator !== createHash('md5').update(file.bytes).digest('hex')) {
        throw new TransferError('source-changed', 'the validator differs')
      }
      for (let at = range.start; at < range.end; at += profile.packet) {
        await step('read packet', signal)
        const now = world.server.get(path)?.bytes ?? Buffer.alloc(0) // a file rewritten in place is read as it is now
        const packet = now.subarray(at, Math.min(at + profile.packet, range.end))
        if (packet.length < Math.min(profile.packet, range.end - at)) throw new TransferError('source-changed', 'the file ended early')
        await sink(packet)
      }
    },
    close: async () => {},
    writer,
    tree,
    ...(digester === undefined ? {} : { digester }),
  }
}
