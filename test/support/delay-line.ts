/** A long way to a server: every chunk of bytes arrives `ms` after it was sent, in each direction, in order. */
import net, { type AddressInfo, type Socket } from 'node:net'

export interface DelayLine {
  readonly port: number
  close(): Promise<void>
}

export async function startDelayLine(target: { readonly host: string; readonly port: number }, ms: number): Promise<DelayLine> {
  const sockets = new Set<Socket>()
  const server = net.createServer((client) => {
    const far = net.connect(target)
    for (const [from, to] of [
      [client, far],
      [far, client],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('data', (chunk: Buffer) => setTimeout(() => to.write(chunk), ms))
      from.on('end', () => setTimeout(() => to.end(), ms))
      from.on('close', () => setTimeout(() => to.destroy(), ms))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
