/** Real servers behind the counting proxy, with the inputs that reach them. */
import { X509Certificate } from 'node:crypto'
import type { TestContext } from 'node:test'
import { type ServerName, serverOrSkip } from '../servers/debian.ts'
import { PASSIVE_PORTS as FTP_SRV_PORTS, startFtpSrv } from '../servers/ftp-srv.ts'
import { startNginx } from '../servers/nginx.ts'
import { type OpensshOptions, startOpenssh } from '../servers/openssh.ts'
import { type ProftpdOptions, startProftpd } from '../servers/proftpd.ts'
import { freePorts, type TestServer } from '../servers/server.ts'
import { startVsftpd, type VsftpdOptions } from '../servers/vsftpd.ts'
import type { Channel } from '../support/tcp-faults.ts'
import { startTcpProxy, type TcpProxy, type TcpProxyOptions } from '../support/tcp-proxy.ts'

export interface Site {
  readonly server: TestServer
  readonly proxy: TcpProxy
  /** Credentials and trust. */
  readonly inputs: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
  /** Where the bytes of files travel. */
  readonly channel: Channel
  /** The URL of a path below the server's root, by way of the proxy. */
  url(path: string): string
}

/** Ports for data connections of a server under TLS, mirrored on an address of their own. */
const PASSIVE_PORTS = 20
const MIRROR = '127.0.0.2'

/** Whether the server is there and can be started; it needs a mount namespace or a port of its own account. */
function startable(t: TestContext, name: ServerName): boolean {
  if (serverOrSkip(t, name) === null) return false
  if (process.getuid?.() === 0) return true
  t.skip(`${name} is started with an account of its own, which needs root`)
  return false
}

async function site(
  t: TestContext,
  scheme: string,
  server: TestServer,
  proxied: Partial<TcpProxyOptions>,
  inputs: Readonly<Record<string, string>>,
  folder = '',
): Promise<Site> {
  t.after(() => server.dispose())
  const proxy = await startTcpProxy({ target: { host: server.host, port: server.port }, ...proxied })
  t.after(() => proxy.close())
  return {
    server,
    proxy,
    inputs: { username: server.username, password: server.password, ...inputs },
    secrets: [server.password, `${server.username}:${server.password}`],
    channel: scheme.startsWith('ftp') ? 'data' : 'control',
    url: (path) => `${scheme}://${proxy.host}:${proxy.port}/${folder}${path}`,
  }
}

/** OpenSSH, and its known_hosts line for the proxy's port. */
export async function sftpSite(t: TestContext, options: OpensshOptions = {}): Promise<Site | null> {
  if (!startable(t, 'sshd')) return null
  const server = await startOpenssh(options)
  const made = await site(t, 'sftp', server, {}, {}, '~/')
  const knownHosts = server.knownHosts?.replace(`:${server.port} `, `:${made.proxy.port} `) ?? ''
  const { password: _, ...inputs } = made.inputs
  // The key for some runs, the password for others: both must work, and both must stay secret.
  return {
    ...made,
    inputs: { ...inputs, 'private-key': server.privateKey, 'known-hosts': knownHosts },
    secrets: [...made.secrets, server.privateKey],
  }
}

/** Any other server, by password or by the key that it has made for its account. */
export async function anySite(
  t: TestContext,
  scheme: 'sftp' | 'ftp' | 'http',
  server: TestServer & { readonly privateKey?: string },
): Promise<Site> {
  const made = await site(t, scheme, server, scheme === 'ftp' ? { ftp: true } : {}, {}, scheme === 'sftp' ? '~/' : '')
  const knownHosts = server.knownHosts?.replace(`:${server.port} `, `:${made.proxy.port} `)
  const { password = '', ...others } = made.inputs
  const proof: Record<string, string> = server.privateKey === undefined ? { password } : { 'private-key': server.privateKey }
  return { ...made, inputs: { ...others, ...proof, ...(knownHosts === undefined ? {} : { 'known-hosts': knownHosts }) } }
}

export async function vsftpdSite(t: TestContext, options: VsftpdOptions = {}): Promise<Site | null> {
  if (!startable(t, 'vsftpd')) return null
  return site(t, 'ftp', await startVsftpd(options), { ftp: true }, {})
}

export async function proftpdSite(t: TestContext, options: ProftpdOptions = {}): Promise<Site | null> {
  if (!startable(t, 'proftpd')) return null
  return site(t, 'ftp', await startProftpd(options), { ftp: true }, {})
}

/** Puts it behind the proxy, whatever FTP server it is. */
export async function ftpSite(t: TestContext, name: ServerName, start: () => Promise<TestServer>): Promise<Site | null> {
  if (!startable(t, name)) return null
  return site(t, 'ftp', await start(), { ftp: true }, {})
}

export async function ftpSrvSite(t: TestContext): Promise<Site> {
  return site(t, 'ftp', await startFtpSrv(), { ftp: true }, {})
}

/** ftp-srv under TLS, mirrored. */
export async function ftpSrvTlsSite(t: TestContext): Promise<Site> {
  const server = await startFtpSrv({ certificateNames: `IP:${MIRROR}` })
  const mirrored = { host: MIRROR, port: server.port, portRange: { first: server.port + 1, count: FTP_SRV_PORTS } }
  return site(t, 'ftps', server, mirrored, { 'tls-ca': server.tlsCa ?? '' })
}

/** All but the root of vsftpd alone. */
export interface FtpsOptions extends Pick<VsftpdOptions, 'certificateValidity' | 'root'> {
  readonly implicit?: true
}

/** FTPS: the proxy cannot read the control connection, so it mirrors the server's ports. */
export async function ftpsSite(t: TestContext, name: 'vsftpd' | 'proftpd', options: FtpsOptions = {}): Promise<Site | null> {
  if (!startable(t, name)) return null
  const first = await freePorts(PASSIVE_PORTS)
  const last = first + PASSIVE_PORTS - 1
  const server =
    name === 'vsftpd'
      ? await startVsftpd({
          ...options,
          extra: [`pasv_min_port=${first}`, `pasv_max_port=${last}`, ...(options.implicit === true ? ['implicit_ssl=YES'] : [])],
          certificateNames: `IP:${MIRROR}`,
        })
      : await startProftpd({ ...(options.root === undefined ? {} : { root: options.root }), extra: [`PassivePorts ${first} ${last}`] })
  const mirrored = { host: MIRROR, port: server.port, portRange: { first, count: PASSIVE_PORTS } }
  // One by its issuer, the other one by its pin.
  const certificate = server.tlsCa ?? ''
  const trust: Record<string, string> =
    name === 'vsftpd' ? { 'tls-ca': certificate } : { fingerprint: new X509Certificate(certificate).fingerprint256 }
  return site(t, options.implicit === true ? 'ftps-implicit' : 'ftps', server, mirrored, trust)
}

/** nginx with TLS. Needs no account. */
export async function httpsSite(t: TestContext): Promise<Site | null> {
  if (serverOrSkip(t, 'nginx') === null) return null
  const server = await startNginx()
  const target = { host: server.host, port: server.tlsPort }
  return site(t, 'https', server, { target }, { 'tls-ca': server.tlsCa ?? '' }, 's/')
}
