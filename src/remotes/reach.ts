/**
 * Connects to a host by whichever of its addresses answers first. Node alone gives each but the last 250 ms and then drops it, so that a far server beside an
 * address without a route is never reached; here a slow attempt stays alive beside the next one (RFC 8305), as with curl.
 */
import { lookup as systemLookup } from 'node:dns'
import { isIP, isIPv6, type LookupFunction, type Socket, setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'

/** Before the next address is tried beside those that have not answered. */
const NEXT_AFTER_MS = 250
/** For an address in connections that libraries make themselves, to proxies and to the cache service. */
const ALONE_MS = 5000

setDefaultAutoSelectFamilyAttemptTimeout(ALONE_MS)

export interface Place {
  readonly host: string
  readonly port: number
  readonly lookup?: LookupFunction
}

/** With a socket that has not been connected yet. */
interface Fresh {
  readonly socket: Socket
}

export interface Reaching<T> {
  /** Settles with the first that is connected, or with an error that names every address. The others are ended. */
  readonly connected: Promise<T>
  /** Ends it with this error, unless it has ended. */
  stop(error: Error): void
  /** What became of each address, for a message; empty while there is only one. */
  tried(): string
}

export function reach<T extends Fresh>(place: Place, make: () => T): Reaching<T> {
  return new Race(place, make)
}

interface Attempt {
  readonly address: string
  readonly socket: Socket
  error: Error | null
}

class Race<T extends Fresh> implements Reaching<T> {
  readonly connected: Promise<T>
  readonly #place: Place
  readonly #make: () => T
  readonly #attempts: Attempt[] = []
  #addresses: string[] = []
  #timer: NodeJS.Timeout | undefined
  #resolve: (made: T) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #over = false

  constructor(place: Place, make: () => T) {
    this.#place = place
    this.#make = make
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.connected.catch(() => {})
    addressesOf(place).then(
      (addresses) => {
        this.#addresses = addresses
        this.#next()
      },
      (error: Error) => this.stop(error),
    )
  }

  stop(error: Error): void {
    if (this.#over) return
    this.#finish(null)
    this.#reject(error)
  }

  tried(): string {
    return this.#attempts.length < 2 ? '' : ` (${this.#attempts.map(({ address, error }) => `${address}: ${reasonOf(error)}`).join(', ')})`
  }

  #next(): void {
    if (this.#over) return
    clearTimeout(this.#timer)
    const address = this.#addresses.shift()
    if (address === undefined) return
    const made = this.#make()
    const { socket } = made
    const attempt: Attempt = { address, socket, error: null }
    this.#attempts.push(attempt)
    // It stays: nobody else may be listening yet when something breaks.
    socket.on('error', (error) => this.#failed(attempt, error))
    socket.once('connect', () => {
      if (this.#over) return
      this.#finish(socket)
      this.#resolve(made)
    })
    socket.connect({ host: address, port: this.#place.port })
    if (this.#addresses.length > 0) this.#timer = setTimeout(() => this.#next(), NEXT_AFTER_MS)
  }

  #failed(attempt: Attempt, error: Error): void {
    attempt.error ??= error
    if (this.#over) return
    if (this.#addresses.length > 0) this.#next()
    else if (this.#attempts.every((one) => one.error !== null)) this.stop(this.#failure())
  }

  #finish(winner: Socket | null): void {
    this.#over = true
    clearTimeout(this.#timer)
    for (const { socket } of this.#attempts) if (socket !== winner) socket.destroy()
  }

  #failure(): Error {
    const errors = this.#attempts.flatMap(({ error }) => error ?? [])
    const [only] = errors
    if (only !== undefined && errors.length === 1) return only
    // What a server answered tells more than that this machine has no way to an address.
    const codes = errors.map(codeOf)
    const code = codes.find((one) => !NO_WAY.has(one)) ?? codes[0]
    const message = `cannot connect to ${this.#place.host} port ${this.#place.port}${this.tried()}`
    return Object.assign(new AggregateError(errors, message), { code, syscall: 'connect' })
  }
}

const NO_WAY: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'EACCES', 'EPERM'])

/** In the resolver's order, but the families by turns: where one of them has no route, the other is next. */
async function addressesOf({ host, lookup = systemLookup }: Place): Promise<string[]> {
  if (isIP(host) !== 0) return [host]
  const found = await new Promise<readonly string[]>((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error !== null) reject(error)
      else resolve(typeof addresses === 'string' ? [addresses] : addresses.map(({ address }) => address))
    })
  })
  const first = found.filter((address) => isIPv6(address) === isIPv6(found[0] ?? ''))
  const second = found.filter((address) => !first.includes(address))
  const byTurns = Array.from({ length: Math.max(first.length, second.length) }, (_, i) => [first[i], second[i]])
  const addresses = byTurns.flat().filter((address) => address !== undefined)
  if (addresses.length === 0) throw Object.assign(new Error(`no address of ${host} is known`), { code: 'ENOTFOUND' })
  return [...new Set(addresses)]
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function reasonOf(error: Error | null): string {
  return error === null ? 'no answer' : codeOf(error) || error.message
}

/** What an error says. Node's own for several addresses says nothing itself. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return foreignMessage(error)
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message || codeOf(error)
  const parts = error.errors.map((part: unknown) => {
    const [address, port] = part instanceof Error && 'address' in part && 'port' in part ? [part.address, part.port] : []
    return address === undefined ? messageOf(part) : `${String(address)} port ${String(port)}: ${codeOf(part)}`
  })
  return `cannot connect (${parts.join(', ')})`
}

/** Of what is thrown without being an Error; it may be anything. */
function foreignMessage(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown)
  return 'message' in thrown && typeof thrown.message === 'string' ? thrown.message : ''
}
