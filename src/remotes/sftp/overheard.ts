/** What a server says beside SFTP while the session is opened: its banner, and what the account's shell or command prints. For people only. */
import type { Client } from 'ssh2'
import { TransferError } from '../../core/errors.ts'
import { type Fields, fields } from './fields.ts'

/** Enough for what is wrong, too little for a page. */
const KEPT_BYTES = 2048
const SHOWN_CHARACTERS = 300

export class Overheard {
  readonly #redact: (text: string) => string
  #banner = ''
  #printed: Buffer[] = []
  #listening = false
  #ended: () => void = () => undefined
  readonly #end = new Promise<void>((resolve) => {
    this.#ended = resolve
  })

  constructor(redact: (text: string) => string) {
    this.#redact = redact
  }

  banner(text: string): void {
    this.#banner = text.slice(0, KEPT_BYTES)
  }

  /** ssh2 1.17.0 drops standard error of an SFTP channel, and tells nobody of the channel before it works. */
  listen(client: Client): void {
    const channels = fields(fields(client)?._chanMgr)
    const update = channels?.update
    if (channels === null || typeof update !== 'function') return
    this.#listening = true
    channels.update = (id: unknown, channel: unknown): void => {
      const opened = fields(channel)
      if (opened !== null && this.#listening) this.#tap(opened)
      update.call(channels, id, channel)
    }
  }

  #tap(channel: Fields): void {
    const { push, stderr } = channel
    const errors = fields(stderr)
    if (errors === null || typeof push !== 'function') return
    channel.stderr = {
      ...errors,
      push: (data: unknown): boolean => {
        this.#hear(data)
        // The window is not ours to keep: it is a line or two.
        return true
      },
    }
    channel.push = (data: unknown): unknown => {
      this.#hear(data)
      if (data === null) this.#ended()
      return push.call(channel, data)
    }
  }

  #hear(data: unknown): void {
    const kept = this.#printed.reduce((sum, bytes) => sum + bytes.length, 0)
    if (this.#listening && Buffer.isBuffer(data) && kept < KEPT_BYTES) this.#printed.push(Buffer.from(data.subarray(0, KEPT_BYTES - kept)))
  }

  /** The session works: what comes now is its own. */
  stop(): void {
    this.#listening = false
    this.#printed = []
  }

  /** Waits for the rest of what is printed, at most for `ms`. */
  async end(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([this.#end, enough])
    clearTimeout(timer)
  }

  /** The failure with the server's own words. */
  added(failure: TransferError): TransferError {
    const printed = this.#words(Buffer.concat(this.#printed).toString('utf8'))
    const banner = this.#words(this.#banner)
    const words = [...(printed === '' ? [] : [`it printed "${printed}"`]), ...(banner === '' ? [] : [`its banner says "${banner}"`])]
    if (words.length === 0) return failure
    const { kind, hint, retryAfterMs, cause } = failure
    const details = { cause, ...(hint === undefined ? {} : { hint }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    return new TransferError(kind, `${failure.message}; ${words.join('; ')}`, details)
  }

  /** Packets of SFTP are none. */
  #words(text: string): string {
    const shown = this.#redact(text)
    if (shown.includes('\0')) return ''
    return shown
      .replace(/[\s\x00-\x1f\x7f]+/g, ' ')
      .trim()
      .slice(0, SHOWN_CHARACTERS)
  }
}
