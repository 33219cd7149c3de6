import type { Protocol } from '../remote.ts'
import { DEFAULT_PORTS, type FtpConfig, locatePath, parseConfig } from './config.ts'
import { openRemote } from './remote.ts'

export type { FtpConfig } from './config.ts'

/** FTP in clear text and over TLS; `ftps-implicit:` is TLS from the first byte on any port. */
export const protocol: Protocol<FtpConfig> = {
  schemes: Object.keys(DEFAULT_PORTS),
  defaultPorts: DEFAULT_PORTS,
  parse: parseConfig,
  locate: locatePath,
  open: openRemote,
}
