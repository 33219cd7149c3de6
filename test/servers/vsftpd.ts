/** vsftpd with a user of its own. Needs root. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MOUNT_ACCOUNTS, writeAccounts } from './accounts.ts'
import { makeCertificate, type Validity } from './certificate.ts'
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

export interface VsftpdOptions {
  /** Data connections must continue the TLS session; as vsftpd is shipped. */
  readonly requireSessionReuse?: boolean
  /** Raw lines for vsftpd.conf. */
  readonly extra?: readonly string[]
  readonly certificateNames?: string
  readonly certificateValidity?: Validity
  /** A folder to serve instead of a temporary one. */
  readonly root?: string
  readonly listen?: string
}

export async function startVsftpd(options: VsftpdOptions = {}): Promise<TestServer> {
  const made = serverDirectory('vsftpd')
  const { directory } = made
  const root = options.root ?? made.root
  const certificate = makeCertificate(directory, options.certificateNames, options.certificateValidity)
  const port = await freePorts()
  writeAccounts(directory, root, 'vsftpd')
  mkdirSync(join(directory, 'empty'))
  const configuration = join(directory, 'vsftpd.conf')
  writeFileSync(configuration, [...configurationLines(directory, port, certificate.bothFile, options), ''].join('\n'))
  return await startServer({
    name: 'vsftpd',
    port,
    root,
    directory,
    command: 'unshare',
    args: [
      '-m',
      '--propagation',
      'private',
      'sh',
      '-c',
      `${MOUNT_ACCOUNTS}\nexec "$2" "$3"`,
      'sh',
      directory,
      findServer('vsftpd') ?? 'vsftpd',
      configuration,
    ],
    extra: { tlsCa: certificate.pem },
  })
}

function configurationLines(directory: string, port: number, pemFile: string, options: VsftpdOptions): string[] {
  return [
    'listen=YES',
    `listen_address=${options.listen ?? '127.0.0.1'}`,
    `listen_port=${port}`,
    'background=NO',
    'run_as_launching_user=NO',
    'local_enable=YES',
    'anonymous_enable=NO',
    'write_enable=YES',
    'local_umask=022',
    'chroot_local_user=YES',
    'allow_writeable_chroot=YES',
    `secure_chroot_dir=${join(directory, 'empty')}`,
    'pam_service_name=vsftpd',
    'seccomp_sandbox=NO',
    'isolate=NO',
    'isolate_network=NO',
    'ssl_enable=YES',
    'allow_anon_ssl=NO',
    'force_local_data_ssl=NO',
    'force_local_logins_ssl=NO',
    `rsa_cert_file=${pemFile}`,
    `rsa_private_key_file=${pemFile}`,
    `require_ssl_reuse=${options.requireSessionReuse === false ? 'NO' : 'YES'}`,
    'ssl_ciphers=HIGH',
    'ssl_tlsv1=YES',
    'xferlog_enable=YES',
    'log_ftp_protocol=YES',
    `vsftpd_log_file=${join(directory, 'vsftpd.log')}`,
    ...(options.extra ?? []),
  ]
}
