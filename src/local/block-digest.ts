import { webcrypto } from 'node:crypto'

/** Hex SHA-256 of bytes already in memory. WebCrypto, because it hashes on libuv's pool: blocks digest in parallel and the event loop stays free. */
export async function blockDigest(bytes: Uint8Array): Promise<string> {
  const digest = await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Buffer.from(digest).toString('hex')
}
