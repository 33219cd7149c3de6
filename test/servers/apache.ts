/** Apache httpd 2.4: `/s/` static, `/gz/` with mod_deflate, `/dav/` WebDAV by mod_dav with basic auth. `/dav/` serves the root's `dav`. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findServer } from './debian.ts'
import { writePasswords } from './nginx.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

const MODULES =
  'mpm_prefork authz_core authz_user authn_core authn_file auth_basic alias dir filter deflate headers dav dav_fs dav_lock'.split(' ')

export interface ApacheOptions {
  /** A folder to serve instead of a temporary one. */
  readonly root?: string
  /** Extra lines of httpd.conf. */
  readonly extraConfig?: string
}

export async function startApache(options: ApacheOptions = {}): Promise<TestServer> {
  const made = serverDirectory('apache')
  const { directory } = made
  const root = options.root ?? made.root
  const port = await freePorts()
  // Apache started by root serves as nobody.
  for (const folder of [join(root, 'dav'), join(directory, 'lock')]) {
    mkdirSync(folder)
    chmodSync(folder, 0o777)
  }
  writePasswords(directory)
  writeFileSync(join(directory, 'httpd.conf'), configuration(directory, root, port, options.extraConfig ?? ''))
  return startServer({
    name: 'apache',
    port,
    root,
    directory,
    command: findServer('apache2') ?? 'apache2',
    args: ['-f', join(directory, 'httpd.conf'), '-DFOREGROUND'],
  })
}

function configuration(directory: string, root: string, port: number, extra: string): string {
  return `ServerRoot ${directory}
Listen 127.0.0.1:${port}
ServerName localhost
PidFile ${directory}/httpd.pid
Mutex file:${directory}/lock default
User nobody
Group nogroup
ErrorLog ${directory}/error.log
${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
DAVLockDB ${directory}/lock/davlock
Alias /s/ ${root}/
Alias /gz/ ${root}/
Alias /dav/ ${root}/dav/
<Directory ${root}>
  Require all granted
</Directory>
<Location /gz/>
  SetOutputFilter DEFLATE
</Location>
<Location /dav/>
  Dav On
  AuthType Basic
  AuthName test
  AuthUserFile ${directory}/htpasswd
  Require valid-user
</Location>
${extra}
`
}
