/**
 * A cache before a real HTTP server, as RFC 9111 has it: it answers from what it keeps, with an Age, and forgets what an unsafe request names
 * (of a MOVE that is the old name, not the Destination).
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface CachingGateway {
  readonly origin: string
  /** Fetches a file into the cache, as its readers do. */
  keep(path: string, headers: http.OutgoingHttpHeaders): Promise<void>
  /** Answers that came out of the cache. */
  hits(): number
  close(): Promise<void>
}

interface Kept {
  readonly body: Buffer
  readonly headers: http.OutgoingHttpHeaders
}

/** `obedient`: `Cache-Control: no-cache` is passed on to the server, as it should be; many CDNs ignore it. */
export async function startCachingGateway(port: number, obedient: boolean): Promise<CachingGateway> {
  const kept = new Map<string, Kept>()
  let hits = 0
  const gateway = http.createServer((request, response) => {
    const path = request.url ?? '/'
    const found = request.method === 'GET' ? kept.get(path) : undefined
    if (found !== undefined && !(obedient && request.headers['cache-control'] === 'no-cache')) {
      hits += 1
      return answer(found, request.headers.range, response)
    }
    if (request.method !== 'GET' && request.method !== 'OPTIONS') kept.delete(path)
    const { method, headers } = request
    const upstream = http.request({ host: '127.0.0.1', port, method, path, headers }, (reply) => {
      buffer(reply).then(
        (body) => {
          response.writeHead(reply.statusCode ?? 502, reply.headers).end(body)
        },
        () => response.destroy(),
      )
    })
    upstream.on('error', () => response.destroy())
    request.pipe(upstream)
  })
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    gateway.closeAllConnections()
    await new Promise((resolve) => gateway.close(resolve))
  }
  const keep = (path: string, headers: http.OutgoingHttpHeaders): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port, path, headers }, (reply) => {
        buffer(reply).then((body) => {
          kept.set(path, { body, headers: reply.headers })
          resolve()
        }, reject)
      })
      request.on('error', reject)
    })
  return { keep, origin: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, hits: () => hits, close }
}

function answer({ body, headers }: Kept, range: string | undefined, response: http.ServerResponse): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  const start = Number(first ?? 0)
  const end = last === undefined || last === '' ? body.length : Math.min(body.length, Number(last) + 1)
  if (start >= body.length) return void response.writeHead(416, { 'content-range': `bytes */${body.length}`, age: '60' }).end()
  const part = first === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${body.length}` }
  const told = { ...headers, ...part, 'content-length': String(end - start), age: '60' }
  response.writeHead(first === undefined ? 200 : 206, told).end(body.subarray(start, end))
}
