/** Pure-FTPd with a virtual user from a puredb. Needs root. */
import { execFileSync } from 'node:child_process'
import { chownSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cryptPassword, makeCertificate } from './certificate.ts'
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

export interface PureFtpdOptions {
  /** Command-line options, e.g. `-b` or `-r`. */
  readonly extra?: readonly string[]
  readonly quotaMegabytes?: number
}

export async function startPureFtpd(options: PureFtpdOptions = {}): Promise<TestServer> {
  const { directory, root } = serverDirectory('pureftpd')
  const certificate = makeCertificate(directory)
  const port = await freePorts()
  const binary = findServer('pure-ftpd') ?? 'pure-ftpd'
  // Written by hand: `pure-pw useradd` hashes with Argon2, which costs seconds at every login.
  const quota = options.quotaMegabytes === undefined ? ':' : `:${options.quotaMegabytes * 1024 * 1024}`
  const account = `${TEST_USER}:${cryptPassword(TEST_PASSWORD)}:65534:65534::${root}/./::::::${quota}:::::`
  writeFileSync(join(directory, 'accounts'), `${account}\n`)
  execFileSync(join(dirname(binary), '..', 'bin', 'pure-pw'), ['mkdb', join(directory, 'accounts.pdb'), '-f', join(directory, 'accounts')])
  chownSync(root, 65_534, 65_534)
  return await startServer({
    name: 'pure-ftpd',
    port,
    root,
    directory,
    command: binary,
    args: [
      ...['-S', `127.0.0.1,${port}`, '-4', '-E', '-H', '-D', '-j', '-u', '1'],
      ...['-l', `puredb:${join(directory, 'accounts.pdb')}`, '-Y', '1', '-2', certificate.bothFile],
      ...['-g', join(directory, 'pure-ftpd.pid'), '-O', `clf:${join(directory, 'transfer.log')}`],
      ...(options.extra ?? []),
    ],
    extra: { tlsCa: certificate.pem },
  })
}
