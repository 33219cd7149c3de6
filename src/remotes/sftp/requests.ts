/** One SFTP channel as promises, with a bounded wait: no request outlives its channel or a silent server. */
import type { Attributes, FileEntryWithStats, InputAttributes, SFTPWrapper, Stats } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import { STATUS, StatusError } from './errors.ts'
import type { Habits } from './habits.ts'
import { type Callback, type Done, isAttributes, isHandle, isNothing, isText, only } from './kinds-of-answer.ts'
import { LOGIN_DIRECTORY, spelt } from './login-directory.ts'
import { awaitsWindow, ReadIntake, sendWrite } from './raw-channel.ts'

export type Handle = Buffer

/** TRUNC only under names of our own: nobody knows who else has open what is there. */
export const OPEN = { read: 0x01, write: 0x02, create: 0x08, truncate: 0x10, exclusive: 0x20 } as const

export interface CopyRequest {
  readonly source: Handle
  readonly target: Handle
  /** Of the bytes, in both files. */
  readonly start: number
  /** 0: up to the end. */
  readonly length: number
  /** How much longer than usual the server may take, in milliseconds. */
  readonly extraMs: number
}

export interface FreeSpace {
  readonly bavail: number | undefined
}

export interface RequestPorts {
  readonly timeoutMs: number
  readonly habits: Habits
  /** For the words of an answer. */
  redact(text: string): string
  /** Bytes that the socket has passed on to the operating system so far. */
  drained(): number
  /** The server has been silent for too long. */
  silent(): void
}

const NOTHING = Buffer.alloc(0)

/** How much longer than the usual limit an answer may take that the server has to work for: multiples of it, up to what the engine's patience has less ten seconds. */
const LAST_WORD = 4
const LAST_WORD_MAX_MS = 110_000
/** A server that stores what was written at this rate once it is closed is given the time for it, in bytes per millisecond. */
const STORE_RATE = 20_000

/** Progress of the socket below this is keep-alive, not data. */
const DRAIN_STEP = 1024

export class Requests {
  /** Everything that arrives on the channel is to be led through it. */
  readonly intake: ReadIntake
  readonly #sftp: SFTPWrapper
  readonly #ports: RequestPorts
  readonly #pending = new Set<(error: Error) => void>()
  #dead: TransferError | null = null
  #progressAt = 0
  #drainedThen = 0
  #allowanceMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(sftp: SFTPWrapper, ports: RequestPorts) {
    this.#sftp = sftp
    this.intake = new ReadIntake(sftp)
    this.#ports = ports
  }

  get habits(): Habits {
    return this.#ports.habits
  }

  get outstanding(): number {
    return this.#pending.size
  }

  /** As the server is told it. */
  spelt(path: string): Promise<string> {
    return spelt(path, this.habits, () => this.#realPath(LOGIN_DIRECTORY))
  }

  #realPath(path: string): Promise<string> {
    return this.call<string>((done) => {
      const told = only(isText, done)
      // An answer without a name: ssh2 1.17.0 makes an error of its own of it.
      this.#sftp.realpath(path, (error, name) => told(error?.message === 'Response missing path info' ? null : error, name))
    })
  }

  /** Bytes that have left this process so far, on all channels of the connection. */
  get drained(): number {
    return this.#ports.drained()
  }

  /** Something arrived on the channel. */
  heard(): void {
    this.#progressAt = performance.now()
  }

  /** Fails what is outstanding and refuses everything later. The first reason stays. */
  die(reason: TransferError): void {
    if (this.#dead !== null) return
    this.#dead = reason
    clearInterval(this.#timer)
    for (const fail of [...this.#pending]) fail(reason)
    this.#pending.clear()
  }

  /** Sends one request. Rejects with a StatusError for a negative answer, with a TransferError when the channel is gone. */
  call<T>(send: (done: Done<T>) => void): Promise<T> {
    if (this.#dead !== null) return Promise.reject(this.#dead)
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject)
      if (this.#pending.size === 1) this.#watch()
      const done: Done<T> = (error, value) => {
        if (!this.#pending.delete(reject)) return
        if (this.#pending.size === 0) clearInterval(this.#timer)
        this.heard()
        if (!error) resolve(value)
        else reject(this.#rejection(error))
      }
      try {
        send(done)
      } catch (error) {
        this.#pending.delete(reject)
        if (this.#pending.size === 0) clearInterval(this.#timer)
        reject(new TransferError('internal', `SFTP request failed: ${String(error)}`, { cause: error }))
      }
    })
  }

  /** Like `call`, for a request that the server may work on for `extraMs` longer than the ordinary limit. */
  async slow<T>(extraMs: number, send: (done: Done<T>) => void): Promise<T> {
    this.#allowanceMs += extraMs
    try {
      return await this.call(send)
    } finally {
      this.#allowanceMs -= extraMs
    }
  }

  /** Servers over object stores (SFTPGo, AWS, rclone) move all the bytes before they answer these. Still before the engine's own patience ends. */
  #lastWord<T>(send: (done: Done<T>) => void, moreMs = 0): Promise<T> {
    return this.slow(Math.min(this.#ports.timeoutMs * LAST_WORD, LAST_WORD_MAX_MS) + moreMs, send)
  }

  #rejection(error: Error): Error {
    if (error instanceof TransferError) return error
    const code = 'code' in error ? error.code : undefined
    if (typeof code === 'number') return new StatusError(code, this.#ports.redact(error.message))
    return this.#dead ?? new TransferError('transient', `the SFTP channel ended: ${this.#ports.redact(error.message)}`, { cause: error })
  }

  #watch(): void {
    clearInterval(this.#timer)
    this.#progressAt = performance.now()
    this.#drainedThen = this.#ports.drained()
    this.#timer = setInterval(() => this.#check(), Math.max(20, this.#ports.timeoutMs / 4))
  }

  #check(): void {
    const drained = this.#ports.drained()
    if (drained - this.#drainedThen > DRAIN_STEP) {
      this.#drainedThen = drained
      this.#progressAt = performance.now()
    }
    const silent = (): boolean =>
      this.#pending.size > 0 && performance.now() - this.#progressAt >= this.#ports.timeoutMs + this.#allowanceMs
    if (!silent()) return
    // One turn later: what came while the event loop stood still is read first.
    setImmediate(() => {
      if (silent()) this.#ports.silent()
    })
  }

  async open(path: string, flags: number, mode?: number): Promise<Handle> {
    const name = await this.spelt(path)
    return this.call((done) =>
      mode === undefined
        ? this.#sftp.open(name, flags, only(isHandle, done))
        : this.#sftp.open(name, flags, { mode }, only(isHandle, done)),
    )
  }

  /** `written`: how many bytes, where the server may have to store them now. */
  close(handle: Handle, written: number | null = null): Promise<void> {
    const send = (done: Done<void>): void => void this.#sftp.close(handle, only(isNothing, done) as Callback)
    return written === null ? this.call(send) : this.#lastWord(send, written / STORE_RATE)
  }

  /**
   * Reads up to `length` bytes; resolves with those that came, none at the end of the file. They lie in `buffer` from `offset` on, or in
   * memory of their own.
   */
  read(handle: Handle, buffer: Buffer, offset: number, length: number, position: number): Promise<Buffer> {
    return this.call<Buffer>((done) => {
      this.#sftp.read(handle, buffer, offset, length, position, (error, count) =>
        done(error, buffer.subarray(offset, offset + (count ?? 0))),
      )
      this.intake.expect(buffer, offset, length, (error, bytes) => {
        if (error !== undefined && 'code' in error && error.code === STATUS.eof) done(undefined, NOTHING)
        else only(Buffer.isBuffer, done)(error, bytes as Buffer)
      })
    })
  }

  /** `bytes` must stay unchanged until the answer. */
  write(handle: Handle, bytes: Buffer, position: number): Promise<void> {
    return this.call<void>((done) => {
      // Its ordinary way tells the length that was written.
      const answered = only((value) => value === undefined || value === bytes.length, done) as Callback
      if (!sendWrite(this.#sftp, handle, bytes, position, answered)) this.#sftp.write(handle, bytes, 0, bytes.length, position, answered)
    })
  }

  /** A write of this length had better wait for an answer to an earlier one: the server's window is full for the moment. */
  writeHadBetterWait(length: number): boolean {
    return awaitsWindow(this.#sftp, length)
  }

  async stat(path: string): Promise<Stats> {
    const name = await this.spelt(path)
    return this.call<Stats>((done) => this.#sftp.stat(name, only(isAttributes, done)))
  }

  async lstat(path: string): Promise<Stats> {
    const name = await this.spelt(path)
    return this.call<Stats>((done) => this.#sftp.lstat(name, only(isAttributes, done)))
  }

  fstat(handle: Handle): Promise<Stats> {
    return this.call<Stats>((done) => this.#sftp.fstat(handle, only(isAttributes, done)))
  }

  async setSize(path: string, size: number): Promise<void> {
    const name = await this.spelt(path)
    // The types ask for every attribute; the wire format takes any of them.
    const attributes = { size } satisfies Partial<Attributes> as unknown as InputAttributes
    return this.call<void>((done) => this.#sftp.setstat(name, attributes, only(isNothing, done) as Callback))
  }

  async setMode(path: string, mode: number): Promise<void> {
    const name = await this.spelt(path)
    const attributes = { mode } satisfies Partial<Attributes> as unknown as InputAttributes
    return this.call<void>((done) => this.#sftp.setstat(name, attributes, only(isNothing, done) as Callback))
  }

  /** Waits up to `extraMs` longer than usual, since the server may have to flush all that was written. */
  sync(handle: Handle, extraMs: number): Promise<void> {
    return this.slow<void>(extraMs, (done) => this.#sftp.ext_openssh_fsync(handle, only(isNothing, done) as Callback))
  }

  async openDirectory(path: string): Promise<Handle> {
    const name = await this.spelt(path)
    return this.call<Handle>((done) => this.#sftp.opendir(name, only(isHandle, done)))
  }

  readDirectory(handle: Handle): Promise<FileEntryWithStats[]> {
    // With this option, which the types do not know, the answer comes to us as it is.
    return this.call<FileEntryWithStats[]>((done) =>
      Reflect.apply(this.#sftp.readdir, this.#sftp, [handle, { full: true }, only(Array.isArray, done)]),
    )
  }

  async makeDirectory(path: string): Promise<void> {
    const name = await this.spelt(path)
    return this.call<void>((done) => this.#sftp.mkdir(name, only(isNothing, done) as Callback))
  }

  async remove(path: string): Promise<void> {
    const name = await this.spelt(path)
    return this.call<void>((done) => this.#sftp.unlink(name, only(isNothing, done) as Callback))
  }

  async rename(from: string, to: string): Promise<void> {
    const names = [await this.spelt(from), await this.spelt(to)] as const
    return this.#lastWord<void>((done) => this.#sftp.rename(...names, only(isNothing, done) as Callback))
  }

  async posixRename(from: string, to: string): Promise<void> {
    const names = [await this.spelt(from), await this.spelt(to)] as const
    return this.#lastWord<void>((done) => this.#sftp.ext_openssh_rename(...names, only(isNothing, done) as Callback))
  }

  copyData({ source, target, start, length, extraMs }: CopyRequest): Promise<void> {
    return this.slow<void>(extraMs, (done) =>
      this.#sftp.ext_copy_data(source, start, length, target, start, only(isNothing, done) as Callback),
    )
  }

  async freeSpace(directory: string): Promise<FreeSpace> {
    const name = await this.spelt(directory)
    return this.call<FreeSpace>((done) =>
      this.#sftp.ext_openssh_statvfs(name, (error, space: { readonly f_bavail?: number } | undefined) =>
        done(error, { bavail: space?.f_bavail }),
      ),
    )
  }
}
