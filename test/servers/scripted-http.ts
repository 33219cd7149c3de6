/** HTTP servers that do exactly what a test says, well or badly, and remember what they were sent. */
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import tls from 'node:tls'

export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

export interface ScriptedServer {
  readonly origin: string
  readonly port: number
  /** Complete requests in the order of their arrival. */
  readonly requests: readonly RecordedRequest[]
  close(): Promise<void>
}

export type Script = (request: RecordedRequest, response: http.ServerResponse, index: number) => void

export interface ScriptedOptions {
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Answers before the body has come. */
  readonly early?: boolean
}

/** Calls `script` for every request once its body has come. */
export async function scriptedServer(script: Script, options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const requests: RecordedRequest[] = []
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const record = (body: Buffer): void => {
      const recorded = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      requests.push(recorded)
      script(recorded, response, requests.length - 1)
    }
    if (options.early === true) record(Buffer.alloc(0))
    else buffer(request).then(record, () => undefined)
  }
  const server = options.tls === undefined ? http.createServer(listener) : https.createServer(options.tls, listener)
  server.on('tlsClientError', () => undefined)
  const port = await listen(server)
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { origin: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, port, requests, close }
}

export interface RawServer {
  readonly origin: string
  readonly port: number
  /** Headers of the requests as text. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/** Hands every request's header to `script`, which writes to the socket whatever it likes. With TLS, `under` is the TCP connection below. */
export async function rawServer(
  script: (header: string, socket: net.Socket, index: number, under: net.Socket) => void,
  identity?: { readonly key: string; readonly cert: string },
): Promise<RawServer> {
  const requests: string[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer((under) => {
    under.on('error', () => undefined)
    const socket = identity === undefined ? under : new tls.TLSSocket(under, { isServer: true, ...identity })
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    let pending = ''
    let bodyLeft = 0
    socket.on('data', (chunk: Buffer) => {
      const body = Math.min(bodyLeft, chunk.length)
      bodyLeft -= body
      pending += chunk.toString('latin1', body)
      for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
        const header = pending.slice(0, end)
        pending = pending.slice(end + 4)
        const length = Number(/^content-length: *(\d+)/im.exec(header)?.[1] ?? 0)
        bodyLeft = Math.max(0, length - pending.length)
        pending = pending.slice(length)
        requests.push(header)
        script(header, socket, requests.length - 1, under)
      }
    })
  })
  const port = await listen(server)
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { origin: `${identity === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, port, requests, close }
}

function listen(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
