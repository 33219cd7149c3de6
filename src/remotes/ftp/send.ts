/** The upload pump: one STOR or APPE from its first byte to the server's final word. */
import { setImmediate } from 'node:timers/promises'
import { TransferError } from '../../core/errors.ts'
import type { WriteObserver } from '../remote.ts'
import { type Connection, isGood } from './connection.ts'
import type { DataConnection } from './data.ts'
import { bounded, obeying, settledWithin } from './deadline.ts'
import { type Reply, replyError, replyErrorAs, replyText } from './errors.ts'

/** Bytes that may wait for the kernel: what a second takes, so that a slow line shows progress and a stop is soon through, and a fast one is never idle. */
const WINDOW_MIN_BYTES = 512 * 1024
const WINDOW_MAX_BYTES = 4 * 1024 * 1024
/** The window is spread over this many writes. */
const WRITES = 4
/** A stopped upload: how long the server may take to accept what is on its way before the session is left. */
const STOP_MS = 500
/** How long the server's reason may lag behind a broken data connection. */
const REASON_MS = 1000
/** A server may hash, scan or copy before its final word. */
const FINAL_REPLY_MS = 120_000
const FINAL_REPLY_MAX_MS = 900_000
/** What may sit in buffers between us and the server when the last byte has been handed over. */
const BUFFERED_BYTES = 8 * 1024 * 1024

/** Where an upload begins, and with which command. `offset` is the restart marker; 0 is none. */
export interface Start {
  readonly verb: 'STOR' | 'APPE'
  readonly offset: number
  /** Asked when all is ready, just before the command: whether the file is still as it was planned. Rejects when it is not. */
  readonly assertFile?: () => Promise<void>
}

interface Upload extends Start {
  readonly command: string
  readonly length: number
  readonly source: AsyncIterator<Uint8Array>
  /** Bytes handed to the network so far. */
  readonly sent: (total: number) => void
}

/**
 * Resolves once the server has answered 2xx to all `length` bytes, which alone proves nothing about what it stored. Ends the data connection with a clean FIN
 * in every case but APPE: a reset deletes the whole partial on ProFTPD with DeleteAbortedStores, vsftpd with delete_failed_uploads, and ftp-srv.
 */
export async function store(
  connection: Connection,
  path: string,
  start: Start,
  length: number,
  source: AsyncIterator<Uint8Array>,
  observer: Pick<WriteObserver, 'sent'>,
  signal: AbortSignal,
): Promise<void> {
  const data = await connection.openData(null, signal)
  try {
    await start.assertFile?.()
    const command = `${start.verb} ${await connection.name(path, signal)}`
    const upload: Upload = { ...start, command, length, source, sent: (total) => observer.sent(total) }
    await begin(connection, upload, data, signal)
    await transfer(connection, upload, data, signal)
  } finally {
    data.destroy()
  }
}

async function begin(connection: Connection, upload: Upload, data: DataConnection, signal: AbortSignal): Promise<void> {
  if (!(await connection.restartAt(upload.offset, signal))) {
    throw new TransferError('unsupported', `the server cannot start writing at byte ${upload.offset}`)
  }
  let reply: Reply
  try {
    reply = await connection.begin(upload.command, signal)
  } catch (error) {
    if (!(error instanceof TransferError) || error.kind !== 'transient') throw error
    const hint = 'Probably another session, perhaps one whose machine is gone, still has the file open for writing (vsftpd locks it).'
    throw new TransferError('transient', error.message, { cause: error, hint })
  }
  if (reply.code >= 400) {
    throw cannotContinue(upload, reply) ? replyErrorAs('unsupported', reply, upload.command) : replyError(reply, upload.command)
  }
  if (reply.code >= 200) throw replyErrorAs('protocol', reply, upload.command)
  await data.ready(connection.wait(signal))
}

/** ProFTPD: 501 with HiddenStores, 451 `Append/Restart not permitted` without AllowStoreRestart, which is how Debian ships it. */
function cannotContinue(upload: Upload, reply: Reply): boolean {
  if (upload.offset > 0) return reply.code === 451 || reply.code === 501 || reply.code === 504
  if (upload.verb === 'STOR') return false
  return [500, 501, 502, 504].includes(reply.code) || (reply.code === 451 && /not (permitted|allowed)/i.test(reply.text))
}

async function transfer(connection: Connection, upload: Upload, data: DataConnection, signal: AbortSignal): Promise<void> {
  const final = connection.final()
  const watch = new ServerWatch(data, final, connection.timeoutMs)
  const either = AbortSignal.any([signal, watch.signal])
  const started = performance.now()
  let reply: Reply
  try {
    await pump(upload, data, either)
    watch.complete = true
    // Without a byte the end would follow the handshake so closely that its close_notify is lost now and then: vsftpd answers 426.
    if (upload.length === 0) await setImmediate()
    data.socket.end()
    const elapsed = performance.now() - started
    const draining = elapsed * Math.min(1, BUFFERED_BYTES / Math.max(1, upload.length))
    const timeoutMs = Math.max(connection.timeoutMs, Math.min(FINAL_REPLY_MAX_MS, FINAL_REPLY_MS + draining))
    const late = (): Error => new TransferError('transient', `${upload.command}: no final answer after the last byte`)
    reply = await bounded(final, { signal: either, timeoutMs }, late)
  } catch (error) {
    await stop(connection, data, final, upload.verb)
    throw error
  } finally {
    watch.end()
  }
  if (!isGood(reply)) throw replyError(reply, upload.command)
  connection.endTransfer()
}

/** Aborts its signal when the server breaks the data connection, says its final word too early, or takes nothing for `timeoutMs`. */
class ServerWatch {
  /** Every byte has been handed over; from now on the final reply is welcome, and so is the server's end of the data connection. */
  complete = false
  readonly #broken = new AbortController()
  #reason: NodeJS.Timeout | undefined

  constructor(data: DataConnection, final: Promise<Reply>, timeoutMs: number) {
    data.onEnd = () => this.#onEnd(data)
    final.then(
      (reply) => this.#onFinal(reply),
      (error: unknown) => this.#broken.abort(error),
    )
    const { socket } = data
    // Node counts a write that is taken in pieces as activity. Only bytes that wait for the server count against it.
    socket.on('timeout', () => {
      if (socket.writableLength > 0) this.#broken.abort(new TransferError('transient', `the server took no data for ${timeoutMs / 1000} s`))
      else socket.setTimeout(timeoutMs)
    })
    socket.setTimeout(timeoutMs)
    // So that an end or a reset by the server is noticed; it has nothing to say here.
    socket.resume()
  }

  get signal(): AbortSignal {
    return this.#broken.signal
  }

  end(): void {
    clearTimeout(this.#reason)
  }

  /** A broken data connection says nothing; the reply that explains it comes a little later. */
  #onEnd(data: DataConnection): void {
    if (this.complete && data.failure === null) return
    const error = data.failure ?? new TransferError('transient', 'the server closed the data connection during the upload')
    this.#reason ??= setTimeout(() => this.#broken.abort(error), REASON_MS)
  }

  #onFinal(reply: Reply): void {
    if (reply.code >= 400) this.#broken.abort(replyError(reply, 'upload'))
    else if (!this.complete)
      this.#broken.abort(new TransferError('transient', `the server ended the upload before its last byte: ${replyText(reply)}`))
  }
}

async function pump(upload: Upload, data: DataConnection, signal: AbortSignal): Promise<void> {
  const outflow = new Outflow(data, upload)
  let queued = 0
  let coming = ahead(upload.source)
  for (;;) {
    const step = await obeying(coming, signal)
    if (step.done === true) break
    // The next chunk is read while this one travels.
    coming = ahead(upload.source)
    queued += step.value.length
    if (queued > upload.length) throw new TransferError('internal', `the body has more than ${upload.length} bytes`)
    await outflow.write(step.value, signal)
  }
  if (queued < upload.length) throw new TransferError('internal', `the body has ${queued} bytes instead of ${upload.length}`)
}

/** Keeps as many bytes in front of the kernel as the line deserves. */
class Outflow {
  readonly #data: DataConnection
  readonly #upload: Upload
  readonly #started = performance.now()
  #waiting = 0
  #sent = 0
  #wake: () => void = () => undefined

  constructor(data: DataConnection, upload: Upload) {
    this.#data = data
    this.#upload = upload
  }

  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const window = this.#window()
      const chunk = bytes.subarray(at, at + window / WRITES)
      at += chunk.length
      this.#waiting += chunk.length
      this.#data.socket.write(chunk, (error) => this.#onWritten(chunk.length, error ?? null))
      while (this.#waiting >= window) await obeying(new Promise<void>((resolve) => this.#onRoom(resolve)), signal)
    }
  }

  #onRoom(wake: () => void): void {
    this.#wake = wake
  }

  #onWritten(count: number, error: Error | null): void {
    if (error !== null) return
    this.#waiting -= count
    this.#sent += count
    this.#upload.sent(this.#sent)
    this.#wake()
  }

  /** The first bytes vanish into the kernel's buffers and tell nothing about the line. */
  #window(): number {
    const rate = Math.max(0, this.#sent - BUFFERED_BYTES) / Math.max(1, performance.now() - this.#started)
    return Math.min(WINDOW_MAX_BYTES, Math.max(WINDOW_MIN_BYTES, Math.floor(rate * 1000)))
  }
}

/** Asks for the next chunk; a failure waits until somebody looks. */
function ahead(source: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  const coming = source.next()
  coming.catch(() => undefined)
  return coming
}

/**
 * Nothing more is sent; what is on its way gets a short moment to be stored. With TLS the end is a close_notify, without which vsftpd answers 426.
 * The session cannot be used afterwards.
 */
async function stop(connection: Connection, data: DataConnection, final: Promise<Reply>, verb: Upload['verb']): Promise<void> {
  // What arrives late would be appended behind whatever has been sent by then, perhaps to the published file.
  if (verb === 'APPE') data.reset()
  else if (!data.socket.writableEnded) data.socket.end()
  await settledWithin(final, STOP_MS)
  connection.control.close()
}
