import type { Credentials, Protocol, Remote, RemotePorts } from './remote.ts'

/** A URL understood by its protocol; nothing has connected yet. */
export interface Endpoint {
  readonly path: string
  open(ports: RemotePorts, signal: AbortSignal): Promise<Remote>
}

type Parse = (url: URL, credentials: Credentials) => Endpoint

function parserOf<Config>(protocol: Protocol<Config>): Parse {
  return (url, credentials) => {
    const config = protocol.parse(url, credentials)
    return { path: protocol.locate(url), open: (ports, signal) => protocol.open(config, ports, signal) }
  }
}

const ftp = async (): Promise<Parse> => parserOf((await import('./ftp/index.ts')).protocol)
const http = async (): Promise<Parse> => parserOf((await import('./http/index.ts')).protocol)

/** One line per scheme; a protocol is loaded only when a URL names it. */
const PROTOCOLS: Readonly<Record<string, () => Promise<Parse>>> = {
  'sftp:': async () => parserOf((await import('./sftp/index.ts')).protocol),
  'ftp:': ftp,
  'ftps:': ftp,
  'ftps-implicit:': ftp,
  'http:': http,
  'https:': http,
}

/** With the colon, as in `URL.protocol`. */
export const SCHEMES: readonly string[] = Object.keys(PROTOCOLS)

/** Null for an unknown scheme. The endpoint's protocol throws `invalid-input` with every fault of URL and credentials. */
export async function endpointFor(url: URL, credentials: Credentials): Promise<Endpoint | null> {
  const parse = await PROTOCOLS[url.protocol]?.()
  return parse?.(url, credentials) ?? null
}
