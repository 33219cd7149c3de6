/** vsftpd with a user of its own: a private mount namespace puts our passwd, shadow and PAM files over those of the system. Needs root. */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cryptPassword, makeCertificate, type Validity } from './certificate.ts'
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

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

const UID = 65_533
const GID = 65_534

export async function startVsftpd(options: VsftpdOptions = {}): Promise<TestServer> {
  const made = serverDirectory('vsftpd')
  const { directory } = made
  const root = options.root ?? made.root
  const certificate = makeCertificate(directory, options.certificateNames, options.certificateValidity)
  const port = await freePorts()
  writeAccounts(directory, root)
  const configuration = join(directory, 'vsftpd.conf')
  writeFileSync(configuration, [...configurationLines(directory, port, certificate.bothFile, options), ''].join('\n'))
  const mounts = ['passwd:/etc/passwd', 'shadow:/etc/shadow', 'pam.d:/etc/pam.d'].map((pair) => {
    const [from, to] = pair.split(':')
    return `mount --bind "$1/${from}" ${to}`
  })
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
      `${mounts.join('\n')}\nexec "$2" "$3"`,
      'sh',
      directory,
      findServer('vsftpd') ?? 'vsftpd',
      configuration,
    ],
    extra: { tlsCa: certificate.pem },
  })
}

function writeAccounts(directory: string, root: string): void {
  writeFileSync(join(directory, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}${TEST_USER}:x:${UID}:${GID}::${root}:/bin/sh\n`)
  writeFileSync(
    join(directory, 'shadow'),
    `${readFileSync('/etc/shadow', 'utf8')}${TEST_USER}:${cryptPassword(TEST_PASSWORD)}:19000:0:99999:7:::\n`,
    {
      mode: 0o600,
    },
  )
  mkdirSync(join(directory, 'pam.d'))
  mkdirSync(join(directory, 'empty'))
  const pam = ['auth required pam_unix.so', 'account required pam_permit.so', 'session optional pam_permit.so', '']
  writeFileSync(join(directory, 'pam.d', 'vsftpd'), pam.join('\n'))
  chownSync(root, UID, GID)
  chmodSync(root, 0o755)
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
