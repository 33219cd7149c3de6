import net from 'node:net'
import * as tls from 'node:tls'
import { FTPError, type FTPResponse } from 'basic-ftp'
import { TransferError } from '../../core/errors.ts'
import { reach } from '../reach.ts'
import { bounded, type Wait } from './deadline.ts'
import { type Reply, replyError, replyText, socketError } from './errors.ts'
import { WholeLines } from './lines.ts'
import { assertTrusted, type Trust } from './trust.ts'

const KEEP_ALIVE_MS = 30_000
const LINE_BREAKING = /[\r\n\0]/
const REPLIES_WAITING_MAX = 100
/** Preliminary replies before a last one. */
const MARKS_MAX = 100

interface Consumer {
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/**
 * The control connection: basic-ftp's context for the socket and for cutting replies out of the stream, and one listener that never ends, so that
 * a reply nobody asked for is noticed instead of answering the next command.
 */
export class Control {
  readonly #context = new WholeLines(0)
  readonly #redact: (text: string) => string
  readonly #replies: Reply[] = []
  #consumer: Consumer | null = null
  /** Commands (and the greeting) whose final reply is still out. */
  #unanswered = 1
  #unasked: Reply | null = null
  #strays = 0
  /** The code of the last answer, and whether the server gave it once more: some do so after PASS, CWD, OPTS or STOR. */
  #last = 0
  #echoed = false
  /** Passed over while the place is being found again. */
  #repeated: number | null = null
  #marked = Promise.withResolvers<void>()
  #failure: TransferError | null = null
  /** TLS, and the peer trusted. */
  #secured = false

  constructor(debug: (message: string) => void, redact: (text: string) => string) {
    this.#redact = redact
    this.#context.log = (message: string): void => debug(message.trimEnd())
    void this.#context.handle(undefined, (response) => this.#take(response))
  }

  /** Whether the next command would get its own answer. */
  get usable(): boolean {
    return (
      this.#failure === null && this.#unasked === null && this.#replies.length === 0 && this.#unanswered === 0 && !this.#context.midLine
    )
  }

  /** The server said its last good word twice: before the next command `realign` has to find the place again, because a third may be on its way. */
  get echoed(): boolean {
    return this.#echoed
  }

  /** Resolves at the next preliminary reply. */
  get marked(): Promise<void> {
    return this.#marked.promise
  }

  /** Where data connections go, whatever address the server names. */
  get remoteAddress(): string {
    const address = this.#context.socket.remoteAddress
    if (address === undefined) throw this.#ended()
    return address
  }

  get encrypted(): boolean {
    return this.#context.hasTLS
  }

  /** The TLS session that data connections continue: the newest ticket of any connection of this session. */
  get tlsSession(): Buffer | undefined {
    const { socket, tlsSessionStore } = this.#context
    return tlsSessionStore ?? (socket instanceof tls.TLSSocket ? socket.getSession() : undefined)
  }

  keepTlsSession(session: Buffer): void {
    this.#context.tlsSessionStore = session
  }

  /** Connects in clear text and waits for the greeting. */
  async connect(host: string, port: number, wait: Wait): Promise<Reply> {
    this.#context.socket = await this.#reach(host, port, wait)
    this.#tune()
    return await this.#greeting(wait)
  }

  /** Connects with TLS from the first byte. The server is verified before its greeting is looked at. */
  async connectSecurely(host: string, port: number, trust: Trust, wait: Wait): Promise<Reply> {
    const socket = tls.connect({ ...trust.options, socket: await this.#reach(host, port, wait) })
    this.#context.socket = socket
    this.#tune()
    await this.#handshake(socket, trust, wait)
    return await this.#greeting(wait)
  }

  /** Turns the clear connection into a verified TLS one. Nothing that was said before counts afterwards. */
  async upgrade(trust: Trust, wait: Wait): Promise<void> {
    const injected = (): boolean => !this.usable || this.#echoed
    if (injected()) throw new TransferError('untrusted', 'the server sent text between AUTH TLS and the TLS handshake')
    const socket = tls.connect({ ...trust.options, socket: this.#context.socket })
    await this.#handshake(socket, trust, wait)
    if (injected()) throw new TransferError('untrusted', 'the server sent text between AUTH TLS and the TLS handshake')
    this.#context.socket = socket
    this.#tune()
  }

  /** Sends one command. Refuses CR, LF and NUL, and refuses to go on when the server is out of step. */
  send(command: string): void {
    if (LINE_BREAKING.test(command)) throw new TransferError('invalid-input', 'a name with a line break or a NUL cannot be sent over FTP')
    if (this.#failure !== null) throw this.#ended()
    if (this.#unasked !== null) throw this.#outOfStep(this.#unasked)
    this.#unanswered += 1
    this.#context.send(command)
  }

  /** The next reply, whenever it comes. One may wait at a time. */
  reply(): Promise<Reply> {
    const next = this.#replies.shift()
    if (next !== undefined) return Promise.resolve(next)
    if (this.#failure !== null) return Promise.reject(this.#ended())
    const waiting = new Promise<Reply>((resolve, reject) => {
      this.#consumer = { resolve, reject }
    })
    waiting.catch(() => undefined)
    return waiting
  }

  /** The next reply that ends something: preliminary ones before it are passed over (125 and then 150). */
  final(): Promise<Reply> {
    const last = this.#final()
    last.catch(() => undefined)
    return last
  }

  async #final(): Promise<Reply> {
    for (let marks = 0; marks < MARKS_MAX; marks += 1) {
      const reply = await this.reply()
      if (reply.code >= 200) return reply
      this.#marked.resolve()
      this.#marked = Promise.withResolvers<void>()
    }
    this.#context.closeWithError(new TransferError('protocol', 'the server sends preliminary replies without end'))
    throw this.#ended()
  }

  /** Asks what has an answer of its own kind; everything before it is the last word again. */
  async realign(wait: Wait): Promise<void> {
    const question = this.#last === 257 ? 'NOOP' : 'PWD'
    this.#repeated = this.#last
    this.send(question)
    await this.expect(question, wait)
    this.#repeated = null
    this.#echoed = false
    this.#strays = 0
  }

  /** The next reply in time. A wait that ends without one closes the connection: whatever came later would answer something else. */
  async expect(action: string, wait: Wait): Promise<Reply> {
    return await this.within(this.reply(), action, wait)
  }

  /** As `expect`, for a reply that is already being waited for. */
  async within(reply: Promise<Reply>, action: string, wait: Wait): Promise<Reply> {
    const seconds = Math.round(wait.timeoutMs / 100) / 10
    try {
      return await bounded(reply, wait, () => new TransferError('transient', `${action}: no answer from the server for ${seconds} s`))
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Calls `touched` whenever anything arrives, also inside a reply of many lines. Returns the end of it. */
  onActivity(touched: () => void): () => void {
    const { socket } = this.#context
    socket.on('data', touched)
    return () => socket.off('data', touched)
  }

  /** Says QUIT and leaves. Idempotent. */
  close(): void {
    this.#failure ??= new TransferError('transient', 'the connection was closed')
    this.#context.close()
  }

  #take(response: Error | FTPResponse): void {
    if (response instanceof Error && !(response instanceof FTPError)) {
      this.#fail(response)
      return
    }
    const reply = this.#replyOf(response.code, response.message)
    if (reply.code === this.#repeated) {
      this.#strays += 1
    } else if (this.#unanswered === 0) {
      this.#strays += 1
      if (reply.code === this.#last && reply.code >= 200 && reply.code < 300) this.#echoed = true
      else this.#unasked ??= reply
    } else {
      if (reply.code >= 200) this.#unanswered -= 1
      this.#last = reply.code
      const consumer = this.#consumer
      this.#consumer = null
      if (consumer === null) this.#replies.push(reply)
      else consumer.resolve(reply)
    }
    if (this.#replies.length + this.#strays > REPLIES_WAITING_MAX)
      this.#context.closeWithError(new TransferError('protocol', 'the server sends replies without end'))
  }

  #replyOf(code: number, text: string): Reply {
    const redact = this.#redact
    return {
      code,
      text,
      get shown() {
        return redact(text)
      },
    }
  }

  #fail(error: Error): void {
    this.#failure ??= socketError(error, 'control connection', this.#secured)
    const consumer = this.#consumer
    this.#consumer = null
    consumer?.reject(this.#ended())
  }

  /** A server that closes often says why just before, e.g. `421 Timeout`: that text is worth more than ours. */
  #ended(): TransferError {
    if (this.#unasked !== null) return this.#outOfStep(this.#unasked)
    return this.#failure ?? new TransferError('transient', 'the connection is not open')
  }

  #outOfStep(reply: Reply): TransferError {
    if (reply.code === 421) return replyError(reply, 'the server ended the session')
    return new TransferError('transient', `the server said something that nobody asked for: ${replyText(reply)}`)
  }

  #tune(): void {
    this.#context.socket.setKeepAlive(true, KEEP_ALIVE_MS)
    this.#context.socket.setNoDelay(true)
  }

  async #reach(host: string, port: number, wait: Wait): Promise<net.Socket> {
    const reaching = reach({ host, port }, () => ({ socket: new net.Socket() }))
    const seconds = Math.round(wait.timeoutMs / 100) / 10
    const late = (): Error => new TransferError('transient', `connecting: no answer from the server for ${seconds} s${reaching.tried()}`)
    try {
      return (await bounded(reaching.connected, wait, late)).socket
    } catch (error) {
      const failure = socketError(error, 'control connection')
      reaching.stop(failure)
      this.close()
      throw failure
    }
  }

  async #greeting(wait: Wait): Promise<Reply> {
    let reply = await this.expect('connecting', wait)
    while (reply.code < 200) reply = await this.expect('connecting', wait)
    return reply
  }

  async #handshake(socket: tls.TLSSocket, trust: Trust, wait: Wait): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.once('close', () => reject(new TransferError('transient', 'the server closed the connection during the TLS handshake')))
      socket.once('secureConnect', () => {
        try {
          assertTrusted(socket, trust)
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
    try {
      await bounded(done, wait, () => new TransferError('transient', 'TLS handshake: no answer from the server'))
      this.#secured = true
    } catch (error) {
      socket.on('error', () => undefined)
      socket.destroy()
      this.close()
      throw socketError(error, 'TLS handshake')
    }
  }
}
