/**
 * ftp-srv, the badly behaved one: zeroes the prefix on REST and STOR with a 226, deletes a file whose upload breaks, answers late, has no machine-readable
 * listings. Run as a program (`ftp-srv.ts ROOT PORT PASSIVE-PORT USER PASSWORD [KEY CERTIFICATE]`) it is the server itself.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FtpSrv } from 'ftp-srv'
import { makeCertificate } from './certificate.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

/** Right behind the port of the server. */
export const PASSIVE_PORTS = 40

export interface FtpSrvOptions {
  /** Names in the certificate; without them there is no TLS. */
  readonly certificateNames?: string
}

export async function startFtpSrv(options: FtpSrvOptions = {}): Promise<TestServer> {
  const { directory, root } = serverDirectory('ftp-srv')
  const port = await freePorts(1 + PASSIVE_PORTS)
  const certificate = options.certificateNames === undefined ? null : makeCertificate(directory, options.certificateNames)
  return await startServer({
    name: 'ftp-srv',
    port,
    root,
    directory,
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(import.meta.url),
      root,
      String(port),
      String(port + 1),
      TEST_USER,
      TEST_PASSWORD,
      ...(certificate === null ? [] : [certificate.keyFile, certificate.certificateFile]),
    ],
    ...(certificate === null ? {} : { extra: { tlsCa: certificate.pem } }),
  })
}

function serve(args: readonly string[]): void {
  const [root = '', port = '', passive = '', username, password, key, certificate] = args
  const tls = key === undefined || certificate === undefined ? false : { key: readFileSync(key), cert: readFileSync(certificate) }
  const server = new FtpSrv({
    url: `ftp://127.0.0.1:${port}`,
    pasv_url: '127.0.0.1',
    pasv_min: Number(passive),
    pasv_max: Number(passive) + PASSIVE_PORTS - 1,
    anonymous: false,
    tls,
  })
  server.on('login', (login, resolve, reject) => {
    if (login.username === username && login.password === password) resolve({ root })
    else reject(new Error('Bad credentials'))
  })
  void server.listen()
}

if (import.meta.main) serve(process.argv.slice(2))
