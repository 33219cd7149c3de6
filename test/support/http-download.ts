/** Downloads of `/file` from scripted servers. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import type net from 'node:net'
import type { TestContext } from 'node:test'
import { type FailureKind, TransferError } from '../../src/core/errors.ts'
import { protocol } from '../../src/remotes/http/index.ts'
import type { Remote, RemotePorts } from '../../src/remotes/remote.ts'
import { rawServer, type Script, scriptedServer } from '../servers/scripted-http.ts'

export const never = new AbortController().signal
export const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
export const ETAG = '"v1"'

/** A Remote for `/file` at that origin, closed after the test. */
export async function remoteAt(
  t: TestContext,
  origin: string,
  timeoutMs = 5000,
  direction: RemotePorts['direction'] = 'download',
): Promise<Remote> {
  const config = protocol.parse(new URL('/file', origin), { headers: new Map(), fingerprints: [], tlsVerify: true })
  const remote = await protocol.open(
    config,
    { timeoutMs, direction, redact: (text: string) => text, debug: () => undefined, warn: () => undefined },
    never,
  )
  t.after(() => remote.close())
  return remote
}

/** A server whose GET is `answer`. */
export async function serving(t: TestContext, answer: Script, direction: RemotePorts['direction'] = 'download'): Promise<Remote> {
  const server = await scriptedServer((request, response, index) => {
    if (request.method === 'GET') answer(request, response, index)
    else response.writeHead(200, { allow: 'GET' }).end()
  })
  t.after(() => server.close())
  return remoteAt(t, server.origin, undefined, direction)
}

/** A server that answers GET with these very bytes, and then ends the connection when `end`. */
export async function rawly(t: TestContext, answer: (socket: net.Socket) => void, timeoutMs?: number): Promise<Remote> {
  const server = await rawServer((header, socket) => {
    if (header.startsWith('GET')) answer(socket)
    else socket.write('HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n')
  })
  t.after(() => server.close())
  return remoteAt(t, server.origin, timeoutMs)
}

export interface Got {
  readonly bytes: Buffer
  readonly error: TransferError | null
}

/** Collects a range of `/file`, or what came of it and the error. */
export async function read(remote: Remote, start: number, end: number, validator?: string, signal = never): Promise<Got> {
  const chunks: Buffer[] = []
  try {
    await remote.read(
      '/file',
      { start, end },
      (chunk) => void chunks.push(Buffer.from(chunk)),
      validator === undefined ? {} : { validator },
      signal,
    )
    return { bytes: Buffer.concat(chunks), error: null }
  } catch (error) {
    assert.ok(error instanceof TransferError, String(error))
    return { bytes: Buffer.concat(chunks), error }
  }
}

/** Asserts how a reading failed; returns the bytes that arrived before. */
export async function fails(kind: FailureKind, reading: Promise<Got>, match?: RegExp): Promise<Buffer> {
  const { bytes, error } = await reading
  assert.equal(error?.kind, kind, error?.message)
  if (match !== undefined) assert.match(error?.message ?? '', match)
  return bytes
}

/** A correct 206. */
export function partial(response: ServerResponse, start: number, end: number, headers: Record<string, string> = {}): void {
  response.writeHead(206, {
    'content-range': `bytes ${start}-${end - 1}/1000`,
    etag: ETAG,
    'content-length': String(end - start),
    ...headers,
  })
  response.end(CONTENT.subarray(start, end))
}
