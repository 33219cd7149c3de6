/** One direction of a proxied connection: forwards bytes, counts them and meets the planned faults at their exact byte. */
import type { Socket } from 'node:net'

/** `up`: from the client to the server. `down`: from the server to the client. */
export type Direction = 'up' | 'down'

/** The connection that the proxy listens for, or a data connection (FTP mode, mirrored port range). */
export type Channel = 'control' | 'data'

export type FaultKind =
  /** Both ends get a FIN after exactly `at` bytes; what still comes is dropped. */
  | { readonly kind: 'fin' }
  /** Both ends get a RST after exactly `at` bytes were handed to the kernel; the receiver may see fewer. */
  | { readonly kind: 'rst' }
  /** Nothing more of this direction until `release()`; back-pressure builds, nothing is lost. */
  | { readonly kind: 'stall' }
  /** From here on both directions are swallowed while the connection stays open. */
  | { readonly kind: 'black-hole' }
  /** One bit (0–7) of the byte with index `at` is turned over; everything else is untouched. */
  | { readonly kind: 'flip'; readonly bit?: number }
  /** From here on at most so many bytes a second. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }

export type Fault = FaultKind & {
  readonly direction: Direction
  /** Bytes of this direction that pass unharmed. */
  readonly at: number
  /** Default `control`. */
  readonly channel?: Channel
  /** Number of the connection in its channel, from 0; every one when left out. */
  readonly connection?: number
}

export interface Connection {
  readonly channel: Channel
  /** From 0, counted per channel. */
  readonly number: number
  /** Bytes handed on in each direction. */
  readonly up: number
  readonly down: number
  /** Resolves when both ends are closed. */
  readonly closed: Promise<void>
}

/** What the two directions of one connection share. */
export interface Link {
  readonly client: Socket
  readonly server: Socket
  readonly channel: Channel
  readonly number: number
  readonly faults: readonly Fault[]
  readonly met: (fault: Fault) => void
  readonly count: (direction: Direction, bytes: number) => void
  readonly pumps: { [direction in Direction]?: PumpState }
  /** Resolves when stalled connections may go on. */
  readonly released: Promise<void>
  blackHole: boolean
  cut: boolean
}

/** How long an end may take to answer a FIN before its socket is closed for good. */
const LINGER_MS = 2_000
const THROTTLE_SLICE_MS = 20

/** `rewrite` may replace what comes before faults and counting see it: they work on what goes out. */
export async function pump(link: Link, direction: Direction, rewrite?: (chunk: Buffer) => Promise<Buffer>): Promise<void> {
  const [from, to] = direction === 'up' ? [link.client, link.server] : [link.server, link.client]
  const state: PumpState = { passed: 0, pending: inOrder(link.faults, direction), bytesPerSecond: Number.POSITIVE_INFINITY }
  link.pumps[direction] = state
  try {
    await meet(link, direction, to, state)
    for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
      await forward(link, direction, to, rewrite === undefined ? chunk : await rewrite(chunk), state)
    if (!link.cut && !link.blackHole) to.end()
  } catch {
    // One end failed: the other one learns it as a reset, as it would without a proxy.
    if (!link.cut && !link.blackHole) for (const socket of [from, to]) reset(socket)
  }
}

interface PumpState {
  passed: number
  /** In the order of their bytes; the first is next. */
  pending: Fault[]
  bytesPerSecond: number
}

/** A fault in the midst of a connection: its place counts from what has passed. */
export function strike(link: Link, fault: Fault): void {
  const state = link.pumps[fault.direction]
  if (state !== undefined) state.pending = inOrder([...state.pending, { ...fault, at: state.passed + fault.at }], fault.direction)
}

/** What no byte has met yet is not carried out any more. */
export function forgive(link: Link): void {
  for (const state of Object.values(link.pumps)) state.pending = []
}

/** At one byte a flip comes last, because it waits for that byte. */
function inOrder(faults: readonly Fault[], direction: Direction): Fault[] {
  return faults
    .filter((fault) => fault.direction === direction)
    .sort((a, b) => a.at - b.at || Number(a.kind === 'flip') - Number(b.kind === 'flip'))
}

async function forward(link: Link, direction: Direction, to: Socket, chunk: Buffer, state: PumpState): Promise<void> {
  let rest = chunk
  while (rest.byteLength > 0 && !link.cut && !link.blackHole) {
    const next = state.pending[0]
    const slice = Math.max(1, Math.floor((state.bytesPerSecond * THROTTLE_SLICE_MS) / 1000))
    const piece = rest.subarray(
      0,
      Math.min(rest.byteLength, slice, next === undefined ? Number.POSITIVE_INFINITY : Math.max(0, next.at - state.passed)),
    )
    rest = rest.subarray(piece.byteLength)
    await write(to, piece)
    state.passed += piece.byteLength
    link.count(direction, piece.byteLength)
    if (Number.isFinite(state.bytesPerSecond)) await pause((piece.byteLength * 1000) / state.bytesPerSecond)
    rest = await meet(link, direction, to, state, rest)
  }
}

/** Carries out the faults that are due; returns the rest of the chunk, which a flip has changed. */
async function meet(link: Link, direction: Direction, to: Socket, state: PumpState, rest: Buffer = Buffer.alloc(0)): Promise<Buffer> {
  let left = rest
  for (let fault = state.pending[0]; fault !== undefined && fault.at <= state.passed && !link.cut; fault = state.pending[0]) {
    if (fault.kind === 'flip' && left.byteLength === 0) break
    link.met(fault)
    if (fault.kind === 'flip') {
      left = Buffer.concat([Buffer.of((left[0] ?? 0) ^ (1 << (fault.bit ?? 0))), left.subarray(1)])
      await write(to, left.subarray(0, 1))
      left = left.subarray(1)
      state.passed += 1
      link.count(direction, 1)
    } else if (fault.kind === 'throttle') state.bytesPerSecond = fault.bytesPerSecond
    else if (fault.kind === 'stall') await link.released
    else if (fault.kind === 'black-hole') link.blackHole = true
    else cut(link, fault.kind)
    state.pending.splice(state.pending.indexOf(fault), 1)
  }
  return left
}

function cut(link: Link, kind: 'fin' | 'rst'): void {
  link.cut = true
  for (const socket of [link.client, link.server]) {
    if (kind === 'rst') reset(socket)
    else {
      // Closing a socket that still holds unread bytes would send a RST: the pumps keep reading, and drop what they read.
      socket.end()
      const timer = setTimeout(() => socket.destroy(), LINGER_MS)
      socket.once('close', () => clearTimeout(timer))
    }
  }
}

/** Node cannot reset a socket while its FIN is on the way out: the handle would neither close nor let the process end. */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/** Resolves when the kernel has the bytes: a reset right after a mere queueing would take them back. */
function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((written, failed) => socket.write(bytes, (error) => (error ? failed(error) : written())))
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
