import { FTPContext } from 'basic-ftp'
import { TransferError } from '../../core/errors.ts'

/** No server has more to say in one line, or before we ask on. */
const LINE_LENGTH_MAX = 65_536

/** Hands on whole lines only, however they are cut on their way, and bounds what one may hold. */
export class WholeLines extends FTPContext {
  #begun = ''

  /** The server is in the middle of a line. */
  get midLine(): boolean {
    return this.#begun !== ''
  }

  /** What was never connected has nobody to say QUIT to. */
  protected override _closeControlSocket(): void {
    if (this.socket.remoteAddress === undefined) this._closeSocket(this.socket)
    else super._closeControlSocket()
  }

  protected override _onControlSocketData(chunk: string): void {
    const end = chunk.lastIndexOf('\n') + 1
    const lines = end === 0 ? '' : this.#begun + chunk.slice(0, end)
    this.#begun = end === 0 ? this.#begun + chunk : chunk.slice(end)
    if (lines !== '') super._onControlSocketData(lines)
    if (this.#begun.length > LINE_LENGTH_MAX) this.closeWithError(new TransferError('protocol', 'the server sends a line without end'))
  }
}
