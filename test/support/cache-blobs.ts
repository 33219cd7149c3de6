/** The blob store behind the stand-in of the cache service: as much of Azure's Put Blob, Put Block, Put Block List, Get and Head as cache clients use. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface BlobAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
}

export interface BlobStore {
  /** An empty place with a URL that may write it. */
  reserve(base: string): { readonly id: string; readonly url: string }
  /** A fresh URL that may read the blob. */
  sign(base: string, id: string): string
  /** Null until something was written. */
  bytes(id: string): Uint8Array | null
  answer(request: IncomingMessage, url: URL, body: Uint8Array): BlobAnswer
}

interface Blob {
  bytes: Uint8Array | null
  readonly blocks: Map<string, Uint8Array>
  /** Signature and what it allows. */
  readonly signatures: Map<string, 'r' | 'w'>
}

/** `onSignature` is told every signature that URLs carry. */
export function blobStore(onSignature: (signature: string) => void): BlobStore {
  const blobs = new Map<string, Blob>()
  const sign = (base: string, id: string, permission: 'r' | 'w'): string => {
    // `+` and `/` of base64 must travel percent-encoded, as in real signatures.
    const signature = randomBytes(32).toString('base64')
    onSignature(signature)
    onSignature(encodeURIComponent(signature))
    blobs.get(id)?.signatures.set(signature, permission)
    return `${base}blob/${id}?sp=${permission}&sig=${encodeURIComponent(signature)}`
  }
  return {
    reserve: (base) => {
      const id = randomUUID()
      blobs.set(id, { bytes: null, blocks: new Map(), signatures: new Map() })
      return { id, url: sign(base, id, 'w') }
    },
    sign: (base, id) => sign(base, id, 'r'),
    bytes: (id) => blobs.get(id)?.bytes ?? null,
    answer: (request, url, body) => {
      const blob = blobs.get(url.pathname.slice('/blob/'.length))
      if (blob === undefined) return answer(404)
      const permission = blob.signatures.get(url.searchParams.get('sig') ?? '')
      if (permission !== (request.method === 'PUT' ? 'w' : 'r') || request.headers.authorization !== undefined) return answer(403)
      return request.method === 'PUT' ? put(blob, request, url, body) : get(blob, request)
    },
  }
}

function answer(status: number, headers: Readonly<Record<string, string>> = {}, body: Uint8Array | string = ''): BlobAnswer {
  const standard = {
    'x-ms-request-id': randomUUID(),
    'x-ms-version': '2026-02-06',
    etag: '"0x8D"',
    'last-modified': new Date(0).toUTCString(),
  }
  return { status, headers: { ...standard, ...headers }, body }
}

function put(blob: Blob, request: IncomingMessage, url: URL, body: Uint8Array): BlobAnswer {
  const component = url.searchParams.get('comp')
  if (component === 'block') {
    blob.blocks.set(url.searchParams.get('blockid') ?? '', body)
    return answer(201)
  }
  if (component === 'blocklist') {
    const listed = [
      ...Buffer.from(body)
        .toString()
        .matchAll(/<Latest>([^<]+)<\/Latest>/g),
    ].map((m) => blob.blocks.get(m[1] ?? ''))
    if (listed.some((block) => block === undefined)) return answer(400)
    blob.bytes = Buffer.concat(listed.filter((block) => block !== undefined))
    return answer(201)
  }
  if (request.headers['x-ms-blob-type'] !== 'BlockBlob') return answer(400)
  blob.bytes = body
  return answer(201)
}

function get(blob: Blob, request: IncomingMessage): BlobAnswer {
  if (blob.bytes === null) return answer(404)
  const headers = { 'x-ms-blob-type': 'BlockBlob', 'accept-ranges': 'bytes', 'content-length': String(blob.bytes.byteLength) }
  const asked = /^bytes=(\d+)-(\d*)$/.exec(String(request.headers['x-ms-range'] ?? request.headers.range ?? ''))
  if (asked === null) return answer(200, headers, blob.bytes)
  const start = Number(asked[1])
  const end = Math.min(asked[2] === '' ? Number.POSITIVE_INFINITY : Number(asked[2]) + 1, blob.bytes.byteLength)
  const range = blob.bytes.subarray(start, end)
  if (range.byteLength === 0) return answer(416, { 'content-range': `bytes */${blob.bytes.byteLength}` })
  const ranged = {
    ...headers,
    'content-length': String(range.byteLength),
    'content-range': `bytes ${start}-${end - 1}/${blob.bytes.byteLength}`,
  }
  return answer(206, ranged, range)
}
