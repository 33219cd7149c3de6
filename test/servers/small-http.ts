/** Small web and WebDAV servers as Debian packages them: SabreDAV, lighttpd, BusyBox, rclone, nginx with dav-ext, mini-httpd, webfs, Caddy. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findServer, type ServerName } from './debian.ts'
import { freePorts, serverDirectory, startServer, type TestServer } from './server.ts'

interface Place {
  readonly directory: string
  readonly root: string
  readonly port: number
}

async function start(
  name: ServerName,
  command: (place: Place) => { readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly file?: string },
): Promise<TestServer> {
  const { directory, root } = serverDirectory(name)
  const place = { directory, root, port: await freePorts() }
  mkdirSync(join(root, 'sub'))
  const { args, env, file } = command(place)
  return startServer({
    name,
    port: place.port,
    root,
    directory,
    command: file ?? findServer(name) ?? name,
    args: [...args],
    ...(env ? { env } : {}),
  })
}

/** The library below Nextcloud and ownCloud, behind PHP's own server. */
export function startSabreDav(): Promise<TestServer> {
  return start('sabredav', ({ directory, root, port }) => {
    const script = join(directory, 'index.php')
    const lines = [
      "<?php error_reporting(0); ini_set('display_errors', '0'); require '/usr/share/php/Sabre/autoload.php';",
      `$server = new Sabre\\DAV\\Server(new Sabre\\DAV\\FS\\Directory(${JSON.stringify(root)})); $server->setBaseUri('/'); $server->exec();`,
    ]
    writeFileSync(script, lines.join('\n'))
    return { args: ['-S', `127.0.0.1:${port}`, script], env: { PHP_CLI_SERVER_WORKERS: '4' } }
  })
}

export function startLighttpd(): Promise<TestServer> {
  return start('lighttpd', ({ directory, root, port }) => {
    const file = join(directory, 'lighttpd.conf')
    const lines = [
      `server.document-root = "${root}"`,
      `server.port = ${port}`,
      'server.bind = "127.0.0.1"',
      'server.modules = ("mod_webdav")',
      `server.upload-dirs = ("${directory}")`,
      'webdav.activate = "enable"',
      'webdav.is-readonly = "disable"',
      `server.errorlog = "${join(directory, 'error.log')}"`,
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return { args: ['-D', '-f', file] }
  })
}

export function startBusybox(): Promise<TestServer> {
  return start('busybox', ({ root, port }) => ({ args: ['httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', root] }))
}

export function startRcloneDav(): Promise<TestServer> {
  return start('rclone', ({ directory, root, port }) => {
    writeFileSync(join(directory, 'rclone.conf'), '')
    const cache = ['--vfs-cache-mode', 'off', '--dir-cache-time', '0s', '--cache-dir', join(directory, 'cache')]
    return {
      args: ['serve', 'webdav', root, '--addr', `127.0.0.1:${port}`, ...cache],
      env: { RCLONE_CONFIG: join(directory, 'rclone.conf') },
    }
  })
}

const DAV_EXT = '/usr/lib/nginx/modules/ngx_http_dav_ext_module.so'

/** With PROPFIND, which plain nginx lacks. */
export function startNginxDavExt(): Promise<TestServer> {
  return start('nginx-dav-ext', ({ directory, root, port }) => {
    const file = join(directory, 'nginx.conf')
    mkdirSync(join(directory, 'tmp'))
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/tmp/${kind};`)
    writeFileSync(
      file,
      `${existsSync(DAV_EXT) ? `load_module ${DAV_EXT};` : ''}
daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log; events { worker_connections 64; }
http { access_log off; client_max_body_size 0; ${temporary.join(' ')} dav_ext_lock_zone zone=locks:1m;
  server { listen 127.0.0.1:${port}; root ${root};
    location / { dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; create_full_put_path on; } } }
`,
    )
    return { args: ['-p', directory, '-c', file], file: '/usr/sbin/nginx' }
  })
}

export function startMiniHttpd(): Promise<TestServer> {
  return start('mini-httpd', ({ root, port }) => ({ args: ['-D', '-p', String(port), '-h', '127.0.0.1', '-d', root, '-u', 'nobody'] }))
}

export function startWebfs(): Promise<TestServer> {
  return start('webfs', ({ root, port }) => ({ args: ['-F', '-4', '-i', '127.0.0.1', '-p', String(port), '-r', root] }))
}

export function startCaddy(): Promise<TestServer> {
  return start('caddy', ({ directory, root, port }) => ({
    args: ['file-server', '--browse', '--listen', `127.0.0.1:${port}`, '--root', root],
    env: { XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  }))
}
