import type { Protocol } from './remote.ts'

/** One line per protocol; each is loaded only when a URL names it. */
const PROTOCOLS: Readonly<Record<string, () => Promise<{ readonly protocol: Protocol<never> }>>> = {
  'sftp:': () => import('./sftp/index.ts'),
  'ftp:': () => import('./ftp/index.ts'),
  'ftps:': () => import('./ftp/index.ts'),
  'http:': () => import('./http/index.ts'),
  'https:': () => import('./http/index.ts'),
}

export const SCHEMES: readonly string[] = Object.keys(PROTOCOLS)

export async function protocolFor(scheme: string): Promise<Protocol<never> | null> {
  return (await PROTOCOLS[scheme]?.())?.protocol ?? null
}
