/**
 * nginx, plain and with TLS: `/s/` static, `/gz/` compressed, `/nor/` without ranges, `/noetag/` without ETag, `/slow/` 1 MiB/s,
 * `/dav/` PUT, DELETE, MKCOL, COPY, MOVE with basic auth. Everything but `/dav/` serves the root, `/dav/` the root's `dav`.
 */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { findServer } from './debian.ts'
import { freePorts, serverDirectory, startServer, TEST_PASSWORD, TEST_USER, type TestServer } from './server.ts'

export interface NginxServer extends TestServer {
  readonly tlsPort: number
  /** SHA-256 of the certificate, lowercase hex. */
  readonly pin: string
}

export interface NginxOptions {
  /** A folder to serve instead of a temporary one. */
  readonly root?: string
  readonly certificateNames?: string
  readonly listen?: string
}

export async function startNginx(options: NginxOptions = {}): Promise<NginxServer> {
  const made = serverDirectory('nginx')
  const root = options.root ?? made.root
  const port = await freePorts(2)
  mkdirSync(join(root, 'dav'), { recursive: true })
  mkdirSync(join(made.directory, 'tmp'))
  const certificate = makeCertificate(made.directory, options.certificateNames)
  writePasswords(made.directory)
  writeFileSync(join(made.directory, 'nginx.conf'), configuration(made.directory, root, port, options.listen ?? '127.0.0.1'))
  const server = await startServer({
    name: 'nginx',
    port,
    root,
    directory: made.directory,
    command: findServer('nginx') ?? 'nginx',
    args: ['-p', made.directory, '-c', join(made.directory, 'nginx.conf')],
    extra: { tlsCa: certificate.pem },
  })
  return Object.assign(server, { tlsPort: port + 1, pin: pinOf(certificate.pem) })
}

/** SHA-256 of a certificate, lowercase hex. */
export function pinOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}

/** `htpasswd` for the test account. */
export function writePasswords(directory: string): void {
  const hash = execFileSync(findServer('openssl') ?? 'openssl', ['passwd', '-apr1', TEST_PASSWORD], { encoding: 'utf8' }).trim()
  writeFileSync(join(directory, 'htpasswd'), `${TEST_USER}:${hash}\n`)
}

function configuration(directory: string, root: string, port: number, address: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/tmp/${kind};`)
  return `daemon off; master_process off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log info;
events { worker_connections 256; }
http {
  access_log ${directory}/access.log; client_max_body_size 0; default_type application/octet-stream;
  sendfile on; tcp_nopush on; ${temporary.join(' ')}
  server {
    listen ${address}:${port}; listen ${address}:${port + 1} ssl http2;
    ssl_certificate ${directory}/tls.crt; ssl_certificate_key ${directory}/tls.key;
    location /s/ { alias ${root}/; }
    location /gz/ { alias ${root}/; gzip on; gzip_min_length 10; gzip_types application/octet-stream; }
    location /nor/ { alias ${root}/; max_ranges 0; }
    location /noetag/ { alias ${root}/; etag off; }
    location /slow/ { alias ${root}/; limit_rate 1m; }
    location /dav/ { root ${root}; dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on; dav_access user:rw group:r all:r;
      auth_basic test; auth_basic_user_file ${directory}/htpasswd; }
  }
}
`
}
