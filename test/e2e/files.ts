/** Files of tests: random bytes, their digests, their places. */
import { createHash, randomFillSync } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from './sites.ts'

export const MIB = 1024 * 1024

export function randomBytes(length: number): Buffer {
  return randomFillSync(Buffer.allocUnsafeSlow(length))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Puts a file below the server's root so that the account can read it, and write it after a test has tampered with it. */
export function putRemote(site: Site, name: string, bytes: Uint8Array): void {
  const path = join(site.server.root, name)
  writeFileSync(path, bytes)
  chmodSync(path, 0o666)
}

/** What the server has under a name, or null. */
export function getRemote(site: Site, name: string): Buffer | null {
  const path = join(site.server.root, name)
  return existsSync(path) ? readFileSync(path) : null
}

/** Names in a folder that are partials of ours. */
export function partialsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.partial'))
}
