/** The server in memory as the engine sees it: what `Remote` promises. */
import { TransferError } from '../../src/core/errors.ts'
import type { AppendResumer, Digester, PositionalResumer, Remote, Resumer, Writer } from '../../src/remotes/remote.ts'
import { FINAL, type Scene } from './scene.ts'
import { Server } from './server.ts'
import { treeOf } from './tree.ts'
import type { Turn } from './turn.ts'
import { digestOf, resized } from './world.ts'

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
    create: async (path, length, body, observer, signal) => {
      if (path === FINAL && server.scene.direction === 'upload') server.turn.directRequests += 1
      const fault = await server.at('create', signal)
      const isLate = fault === 'accepted-late' || fault === 'accepted-never'
      if (length > 0) server.turn.accepts = isLate
      const file = server.made(path, isLate)
      const told = isLate ? { sent: observer.sent.bind(observer), acknowledged: () => {} } : observer
      await server.receive({ path, file, start: 0, length, body, observer: told, signal })
      if (fault === 'accepted-late') server.accepted(path, file.bytes)
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
    const size = server.file(path)?.bytes.length
    if (size !== offset) throw new TransferError('offset-conflict', `the file has ${size ?? 'no'}, not ${offset} bytes`)
    const file = await server.opened(path, offset, signal)
    await server.receive({ path, file, start: offset, length, body, observer, signal, appends: true })
    if (file.bytes.length > offset + length) throw new TransferError('offset-conflict', 'somebody else writes to it')
  }
  if (resumer === 'append') return { kind: 'append', append }
  const rewind: AppendResumer['rewind'] = async (path, offset, length, body, observer, signal) => {
    const size = server.file(path)?.bytes.length ?? 0
    if (size < offset) throw new TransferError('offset-conflict', `the file has ${size}, not ${offset} bytes`)
    const file = await server.opened(path, offset, signal)
    await server.receive({ path, file, start: offset, length, body, observer, signal })
  }
  return { kind: 'append', append, rewind }
}

function positional(server: Server): PositionalResumer {
  return {
    kind: 'positional',
    write: async (path, range, body, observer, signal) => {
      const file = await server.opened(path, range.start, signal)
      await server.receive({ path, file, start: range.start, length: range.end - range.start, body, observer, signal })
    },
    truncate: async (path, size, signal) => {
      await server.at('truncate', signal)
      if (server.scene.profile.cannotCut === true && size !== 0) throw new TransferError('unsupported', 'a file cannot be shortened')
      const file = server.existing(path)
      file.bytes = resized(file.bytes, size)
      server.scene.changed(file, server.turn)
      await server.at('truncate reply', signal)
    },
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
      if (path === FINAL && direction === 'upload') server.turn.compared()
      const digest = digestOf(bytes.subarray(range.start, range.end), algorithm)
      if (fault === 'digest-wrong') return `${digest.slice(1)}0`
      if (direction === 'upload' && (path !== FINAL || server.scene.inPlace)) doubt.settle(range.start, range.end)
      return digest
    },
  }
}
