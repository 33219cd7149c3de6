/**
 * A TCP proxy in front of a real server: counts the bytes of every connection and cuts, stalls, swallows, flips or throttles at an exact byte.
 *
 *   const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: 21 }, ftp: true })
 *   proxy.plan({ channel: 'data', connection: 0, direction: 'up', at: 1_000_000, kind: 'rst' })
 *
 * Two ways to have FTP's data connections pass too:
 * - `ftp: true` reads the control connection and rewrites the ports in replies 227 and 229. Not possible once it is encrypted.
 * - `portRange` mirrors the server's whole passive range on another loopback address under the same numbers (Linux: all of 127.0.0.0/8 is there). A client that
 *   connects data to the host of its control connection, whatever the reply says, comes through the proxy under TLS as well. The server must listen on its
 *   own address only: one that listens on 0.0.0.0 holds the mirrored ports too.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { ftpReplies } from './ftp-data-ports.ts'
import { type Channel, type Connection, type Direction, type Fault, forgive, type Link, pump, reset, strike } from './tcp-faults.ts'

export type { Connection, Fault } from './tcp-faults.ts'

export interface TcpProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string
  /** Default: any free one. With `portRange` usually the target's own. */
  readonly port?: number
  readonly ftp?: boolean
  readonly portRange?: { readonly first: number; readonly count: number }
}

export interface TcpProxy {
  readonly host: string
  readonly port: number
  /** For connections that come from now on. */
  plan(...faults: readonly Fault[]): void
  /** For connections that are open now: `at` bytes further on in that direction. With 0 the next byte that comes meets it. */
  strike(fault: Fault): void
  /** Takes back what connections that are open now have not met yet. */
  forgive(): void
  /** Forgets planned faults; connections that have begun keep theirs. */
  clear(): void
  /** Lets everything that is stalled go on. */
  release(): void
  /** In the order in which they came; control and data apart by `channel`. */
  readonly connections: readonly Connection[]
  /** Faults that were carried out, in their order. */
  readonly met: readonly Fault[]
  /** Bytes handed on in a direction, of one channel or of both. */
  total(direction: Direction, channel?: Channel): number
  /** Resolves when that many connections of the channel have come. */
  arrival(channel: Channel, count: number): Promise<void>
  close(): Promise<void>
}

interface World {
  readonly options: TcpProxyOptions
  readonly host: string
  readonly connections: Connection[]
  readonly links: Set<Link>
  readonly met: Fault[]
  readonly sockets: Set<Socket>
  readonly servers: Set<Server>
  readonly waiting: { readonly channel: Channel; readonly count: number; readonly arrived: () => void }[]
  faults: Fault[]
  stalled: PromiseWithResolvers<void>
}

export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const world: World = {
    options,
    host: options.host ?? '127.0.0.1',
    connections: [],
    links: new Set(),
    met: [],
    sockets: new Set(),
    servers: new Set(),
    waiting: [],
    faults: [],
    stalled: Promise.withResolvers(),
  }
  const close = async (): Promise<void> => {
    for (const socket of world.sockets) socket.destroy()
    await Promise.all([...world.servers].map((server) => new Promise((closed) => server.close(closed))))
  }
  let port: number
  try {
    port = await listen(world, options.port ?? 0, 'control', null)
    const { first, count } = options.portRange ?? { first: 0, count: 0 }
    for (let data = first; data < first + count; data += 1) await listen(world, data, 'data', data)
  } catch (error) {
    await close()
    throw error
  }
  return {
    host: world.host,
    port,
    plan: (...faults) => void world.faults.push(...faults),
    strike: (fault) => {
      for (const link of world.links) if (meant(fault, link.channel, link.number)) strike(link, fault)
    },
    forgive: () => {
      for (const link of world.links) forgive(link)
    },
    clear: () => {
      world.faults = []
    },
    release: () => {
      world.stalled.resolve()
      world.stalled = Promise.withResolvers()
    },
    connections: world.connections,
    met: world.met,
    total: (direction, channel) =>
      world.connections.filter((c) => channel === undefined || c.channel === channel).reduce((sum, c) => sum + c[direction], 0),
    arrival: (channel, count) =>
      new Promise((arrived) => {
        world.waiting.push({ channel, count, arrived })
        announce(world)
      }),
    close,
  }
}

/** `targetPort` null: the target's own, as it is when a client comes. */
async function listen(world: World, port: number, channel: Channel, targetPort: number | null): Promise<number> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
    accept(world, client, channel, targetPort),
  )
  world.servers.add(server)
  server.listen(port, world.host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A port for one data connection. It closes with the control connection, whether or not it was used. */
async function openDataPort(world: World, control: Socket, serverPort: number): Promise<number> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    retire()
    accept(world, client, 'data', serverPort)
  })
  const retire = (): void => {
    if (world.servers.delete(server)) server.close()
  }
  world.servers.add(server)
  control.once('close', retire)
  server.listen(0, world.host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function meant(fault: Fault, channel: Channel, number: number): boolean {
  return (fault.channel ?? 'control') === channel && (fault.connection ?? number) === number
}

function accept(world: World, client: Socket, channel: Channel, targetPort: number | null): void {
  const { target } = world.options
  const server = connect({ host: target.host, port: targetPort ?? target.port, allowHalfOpen: true, noDelay: true })
  const counted = { up: 0, down: 0 }
  const number = world.connections.filter((c) => c.channel === channel).length
  const closed = Promise.all([client, server].map((socket) => new Promise((gone) => socket.once('close', gone)))).then(() => undefined)
  world.connections.push({
    channel,
    number,
    closed,
    get up() {
      return counted.up
    },
    get down() {
      return counted.down
    },
  })
  for (const socket of [client, server]) {
    world.sockets.add(socket)
    // Every data port that a control connection opens listens for its end.
    socket.setMaxListeners(0)
    socket.once('close', () => world.sockets.delete(socket))
    // The pumps learn of errors by their own reading and writing.
    socket.on('error', () => undefined)
  }
  announce(world)
  // A server that is not there: the client learns it as a reset.
  const refused = (): void => reset(client)
  server.once('error', refused)
  server.once('connect', () => {
    server.off('error', refused)
    const link: Link = {
      client,
      server,
      channel,
      number,
      faults: world.faults.filter((fault) => meant(fault, channel, number)),
      met: (fault) => void world.met.push(fault),
      pumps: {},
      count: (direction, bytes) => {
        counted[direction] += bytes
      },
      released: world.stalled.promise,
      blackHole: false,
      cut: false,
    }
    world.links.add(link)
    void closed.then(() => world.links.delete(link))
    const ftp = world.options.ftp === true && channel === 'control'
    void pump(link, 'up')
    void pump(link, 'down', ftp ? ftpReplies(world.host, (port) => openDataPort(world, client, port)) : undefined)
  })
}

function announce(world: World): void {
  for (const waiter of [...world.waiting]) {
    if (world.connections.filter((c) => c.channel === waiter.channel).length < waiter.count) continue
    world.waiting.splice(world.waiting.indexOf(waiter), 1)
    waiter.arrived()
  }
}
