/**
 * Where the real servers of the tests, and the tools that disturb the action, come from: Debian's and Ubuntu's packages. FTP servers exclude each other, so ProFTPD
 * is installed and the others are unpacked into a folder of their own. No service is started and nothing but packages is changed on the machine.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** These exclude each other, or would start a service. */
type UnpackedName = 'vsftpd' | 'pure-ftpd' | 'inetutils-ftpd' | 'ftpd-ssl' | 'mysecureshell' | 'tinysshd' | 'caddy'

export type ServerName =
  | UnpackedName
  | 'sshd'
  | 'dropbear'
  | 'proftpd'
  | 'pyftpdlib'
  | 'asyncssh'
  | 'paramiko'
  | 'twisted'
  | 'nginx'
  | 'apache2'
  | 'rclone'
  | 'sabredav'
  | 'lighttpd'
  | 'busybox'
  | 'nginx-dav-ext'
  | 'mini-httpd'
  | 'webfs'
  | 'openssl'
  | 'strace'
  | 'faketime'

interface Installed {
  readonly packages: readonly string[]
  /** Every file that must be there; the first one is what `findServer` returns. */
  readonly files: readonly string[]
}

const INSTALLED: Readonly<Record<Exclude<ServerName, UnpackedName>, Installed>> = {
  sshd: { packages: ['openssh-server'], files: ['/usr/sbin/sshd'] },
  dropbear: { packages: ['dropbear-bin', 'openssh-sftp-server'], files: ['/usr/sbin/dropbear', '/usr/lib/sftp-server'] },
  proftpd: { packages: ['proftpd-core', 'proftpd-mod-crypto'], files: ['/usr/sbin/proftpd', '/usr/lib/proftpd/mod_tls.so'] },
  pyftpdlib: pythonLibrary('pyftpdlib', 'pyftpdlib/servers.py'),
  asyncssh: pythonLibrary('asyncssh', 'asyncssh/sftp.py'),
  paramiko: pythonLibrary('paramiko', 'paramiko/sftp_server.py'),
  twisted: pythonLibrary('twisted', 'twisted/conch/unix.py'),
  nginx: { packages: ['nginx-light'], files: ['/usr/sbin/nginx'] },
  apache2: { packages: ['apache2'], files: ['/usr/sbin/apache2'] },
  rclone: { packages: ['rclone'], files: ['/usr/bin/rclone'] },
  sabredav: {
    packages: ['php-cli', 'php-xml', 'php-mbstring', 'php-sabre-dav'],
    files: ['/usr/bin/php', '/usr/share/php/Sabre/autoload.php'],
  },
  lighttpd: { packages: ['lighttpd', 'lighttpd-mod-webdav'], files: ['/usr/sbin/lighttpd', '/usr/lib/lighttpd/mod_webdav.so'] },
  busybox: { packages: ['busybox'], files: ['/usr/bin/busybox'] },
  'nginx-dav-ext': {
    packages: ['nginx-light', 'libnginx-mod-http-dav-ext'],
    files: ['/usr/lib/nginx/modules/ngx_http_dav_ext_module.so', '/usr/sbin/nginx'],
  },
  'mini-httpd': { packages: ['mini-httpd'], files: ['/usr/sbin/mini_httpd'] },
  webfs: { packages: ['webfs'], files: ['/usr/bin/webfsd'] },
  openssl: { packages: ['openssl'], files: ['/usr/bin/openssl'] },
  strace: { packages: ['strace'], files: ['/usr/bin/strace'] },
  faketime: { packages: ['faketime'], files: ['/usr/bin/faketime'] },
}

/** Its server runs in Debian's own Python. */
function pythonLibrary(name: string, file: string): Installed {
  return { packages: [`python3-${name}`], files: ['/usr/bin/python3', `/usr/lib/python3/dist-packages/${file}`] }
}

interface Unpacked {
  readonly packages: readonly string[]
  readonly file: string
}

const UNPACKED: Readonly<Record<UnpackedName, Unpacked>> = {
  vsftpd: { packages: ['vsftpd'], file: 'usr/sbin/vsftpd' },
  'pure-ftpd': { packages: ['pure-ftpd', 'pure-ftpd-common'], file: 'usr/sbin/pure-ftpd' },
  'inetutils-ftpd': { packages: ['inetutils-ftpd'], file: 'usr/sbin/ftpd' },
  'ftpd-ssl': { packages: ['ftpd-ssl'], file: 'usr/sbin/in.ftpd' },
  mysecureshell: { packages: ['mysecureshell'], file: 'usr/bin/mysecureshell' },
  tinysshd: { packages: ['tinysshd'], file: 'usr/sbin/tinysshd' },
  caddy: { packages: ['caddy'], file: 'usr/bin/caddy' },
}

const CACHE = join(tmpdir(), 'resumable-transfer-servers')
const POLICY = '/usr/sbin/policy-rc.d'
const APT = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3']

export const SERVER_NAMES: readonly ServerName[] = [
  'sshd',
  'dropbear',
  'mysecureshell',
  'tinysshd',
  'asyncssh',
  'paramiko',
  'twisted',
  'proftpd',
  'vsftpd',
  'pure-ftpd',
  'inetutils-ftpd',
  'ftpd-ssl',
  'pyftpdlib',
  'nginx',
  'apache2',
  'rclone',
  'sabredav',
  'lighttpd',
  'busybox',
  'nginx-dav-ext',
  'mini-httpd',
  'webfs',
  'caddy',
  'openssl',
  'strace',
  'faketime',
]

function isUnpacked(name: ServerName): name is UnpackedName {
  return Object.hasOwn(UNPACKED, name)
}

/** The executable of a server (for pyftpdlib the Python that has it), or null when it is not there. */
export function findServer(name: ServerName): string | null {
  if (isUnpacked(name)) {
    const { file } = UNPACKED[name]
    return [...(ownCache() ? [join(CACHE, name, file)] : []), `/${file}`].find((candidate) => existsSync(candidate)) ?? null
  }
  const { files } = INSTALLED[name]
  return files.every((file) => existsSync(file)) ? (files[0] ?? null) : null
}

/** The folder lies where anybody may write: one that somebody else made could hold anything, and we run it as root. */
function ownCache(): boolean {
  return existsSync(CACHE) && statSync(CACHE).uid === process.getuid?.()
}

/** As `findServer`; a missing server fails the test in CI (`CI=true`) and is a printed skip elsewhere. */
export function serverOrSkip(t: TestContext, name: ServerName): string | null {
  const found = findServer(name)
  if (found !== null) return found
  const reason = `${name} is not installed; as root on Debian or Ubuntu the test script installs it`
  if (process.env.CI === 'true') throw new Error(reason)
  t.skip(reason)
  return null
}

/** Installs and unpacks what is missing where that is possible. Returns every server with its executable or null. */
export function ensureDebianServers(log: (line: string) => void): ReadonlyMap<ServerName, string | null> {
  const missing = SERVER_NAMES.filter((name) => findServer(name) === null)
  if (missing.length > 0) {
    if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) fetchServers(missing, log)
    else log(`servers: cannot install ${missing.join(', ')} (needs root and apt-get)`)
  }
  return new Map(SERVER_NAMES.map((name) => [name, findServer(name)]))
}

function fetchServers(missing: readonly ServerName[], log: (line: string) => void): void {
  log(`servers: installing ${missing.join(', ')}`)
  if (!apt(['update'], log)) log('servers: apt-get update failed, trying with what is known')
  const packages = missing.flatMap((name) => (isUnpacked(name) ? [] : INSTALLED[name].packages))
  withoutServices(() => {
    // One package that does not exist must not keep the others away.
    if (packages.length > 0 && !install(packages, log)) for (const one of packages) install([one], log)
    for (const name of missing) if (isUnpacked(name)) unpack(name, log)
  })
}

function apt(args: readonly string[], log: (line: string) => void, cwd?: string): boolean {
  const run = spawnSync('apt-get', [...APT, ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (run.status !== 0) log(`apt-get ${args.join(' ')}: ${run.error ?? run.stderr.slice(-800)}`)
  return run.status === 0
}

function install(packages: readonly string[], log: (line: string) => void): boolean {
  return apt(['install', '--no-install-recommends', ...packages], log)
}

/** Debian's own switch against starting services on installation. One that is there already is left as it is. */
function withoutServices(action: () => void): void {
  if (existsSync(POLICY)) {
    action()
    return
  }
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    action()
  } finally {
    rmSync(POLICY, { force: true })
  }
}

/** Downloads and unpacks beside the final folder and renames at the end: a folder that is there is complete. */
function unpack(name: UnpackedName, log: (line: string) => void): void {
  mkdirSync(CACHE, { recursive: true, mode: 0o755 })
  if (!ownCache()) {
    log(`servers: ${CACHE} belongs to somebody else`)
    return
  }
  const work = mkdtempSync(join(CACHE, `${name}-`))
  try {
    if (!apt(['download', ...UNPACKED[name].packages], log, work)) return
    const debs = readdirSync(work).filter((file) => file.endsWith('.deb'))
    const tree = join(work, 'tree')
    for (const deb of debs) execFileSync('dpkg-deb', ['-x', join(work, deb), tree])
    if (lacksLibraries(join(tree, UNPACKED[name].file)))
      installLibraries(
        debs.map((deb) => join(work, deb)),
        log,
      )
    execFileSync('chmod', ['-R', 'a+rX', tree])
    rmSync(join(CACHE, name), { recursive: true, force: true })
    renameSync(tree, join(CACHE, name))
  } catch (error) {
    log(`servers: ${name} could not be unpacked: ${error}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function lacksLibraries(binary: string): boolean {
  return execFileSync('ldd', [binary], { encoding: 'utf8' }).includes('not found')
}

/** The libraries that the packages would have brought along; not the rest, which brings services. */
function installLibraries(debs: readonly string[], log: (line: string) => void): void {
  const depends = debs.map((deb) => execFileSync('dpkg-deb', ['-f', deb, 'Depends'], { encoding: 'utf8' })).join(',')
  const libraries = depends
    .split(',')
    .map((dependency) => dependency.trim().split(/[ |(]/)[0] ?? '')
    .filter((name) => name.startsWith('lib') && !name.startsWith('libpam-modules'))
  if (libraries.length > 0) install([...new Set(libraries)], log)
}
