/** MySecureShell: an SFTP server of its own as the login shell of accounts of OpenSSH. */
import { findServer } from './debian.ts'
import { type OpensshOptions, type OpensshServer, startOpenssh } from './openssh.ts'

/** As Debian ships it, without its limits of speed (5 kB/s) and of connections (one). */
const SHIPPED = [
  'StayAtHome true',
  'VirtualChroot true',
  'IdleTimeOut 5m',
  'HideNoAccess true',
  'DefaultRights 0640 0750',
  'ShowLinksAsLinks false',
]

/** `extra`: raw lines for sftp_config. */
export function mysecureshellOptions(extra: readonly string[] = []): OpensshOptions {
  const lines = ['<Default>', ...SHIPPED, ...extra, '</Default>', '']
  return { mode: 'external', shell: findServer('mysecureshell') ?? '/usr/bin/mysecureshell', shellConfig: lines.join('\n') }
}

export function startMysecureshell(extra: readonly string[] = []): Promise<OpensshServer> {
  return startOpenssh(mysecureshellOptions(extra))
}
