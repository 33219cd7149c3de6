/** What is measured: each case moves one file from A to B with our CLI and with the field's own tools, over the same server. */
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Serving, serve } from './serving.ts'

export interface Contestant {
  readonly name: string
  readonly command: readonly string[]
}

export interface Case {
  readonly name: string
  /** The peer that the floor is measured against comes first. */
  readonly peers: readonly Contestant[]
  readonly ours: Contestant
  /** Where the file ends up: removed before each run, compared in size after it. */
  readonly target: string
  dispose(): Promise<void>
}

export interface Setting {
  /** The file to move. */
  readonly source: string
  readonly scratch: string
  /** The CLI of the bundle, with its state in a directory, as the command to run. */
  readonly cli: readonly string[]
  /** The name of the link to measure over; none: loopback. */
  readonly link?: string
}

const BARE = [process.execPath, fileURLToPath(new URL('./bare.ts', import.meta.url))]

/** The least that Node has to do for the same: see bare.ts. */
function bare({ prefix }: Serving, url: string, direction: 'up' | 'down', file: string, ca: readonly string[]): Contestant {
  return { name: 'bare Node', command: [...prefix, ...BARE, url, direction, file, ...ca] }
}

export async function sftpCase(setting: Setting, direction: 'up' | 'down'): Promise<Case> {
  const server = await serve('openssh', setting.link)
  const { source, scratch } = setting
  const remote = direction === 'up' ? 'bench.bin' : 'source.bin'
  const target = direction === 'up' ? join(server.root, remote) : join(scratch, 'down.bin')
  if (direction === 'down') provide(source, join(server.root, remote))
  const keyFile = join(server.directory, 'bench-key')
  writeFileSync(keyFile, server.privateKey ?? '', { mode: 0o600 })
  const knownHosts = (server.knownHosts ?? '').replace(/^\S+/, `[${server.host}]:${server.port}`)
  const url = `sftp://${server.username}@${server.host}:${server.port}/~/${remote}`
  const trust = [`--known-hosts=${knownHosts}`, `--private-key=${server.privateKey}`]
  const way = direction === 'up' ? [`--source=${source}`, `--destination=${url}`] : [`--source=${url}`, `--destination=${target}`]
  const batch = join(scratch, `sftp-${direction}.batch`)
  writeFileSync(batch, direction === 'up' ? `put ${source} ${remote}\n` : `get ${remote} ${target}\n`)
  const options = ['-q', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', '-i', keyFile]
  const rclone = `:sftp,host=${server.host},port=${server.port},user=${server.username},key_file=${keyFile},shell_type=none:`
  const rcloneWay = direction === 'up' ? [source, `${rclone}${remote}`] : [`${rclone}${remote}`, target]
  return {
    name: `SFTP ${direction}`,
    target,
    ours: { name: 'ours', command: [...server.prefix, ...setting.cli, ...way, ...trust] },
    peers: [
      {
        name: 'OpenSSH sftp',
        command: [...server.prefix, 'sftp', ...options, '-P', String(server.port), '-b', batch, `${server.username}@${server.host}`],
      },
      { name: 'rclone', command: [...server.prefix, 'rclone', 'copyto', '-q', '--config', '', '--ignore-checksum', ...rcloneWay] },
    ],
    dispose: () => server.dispose(),
  }
}

export async function ftpCase(setting: Setting, direction: 'up' | 'down', tls: boolean): Promise<Case> {
  const server = await serve('vsftpd', setting.link)
  const { source, scratch } = setting
  const remote = direction === 'up' ? 'bench.bin' : 'source.bin'
  const target = direction === 'up' ? join(server.root, remote) : join(scratch, 'down.bin')
  if (direction === 'down') provide(source, join(server.root, remote))
  const ca = join(scratch, 'ca.pem')
  writeFileSync(ca, server.tlsCa ?? '')
  const url = `${tls ? 'ftps' : 'ftp'}://${server.username}@${server.host}:${server.port}/${remote}`
  const way = direction === 'up' ? [`--source=${source}`, `--destination=${url}`] : [`--source=${url}`, `--destination=${target}`]
  const login = [`--password=${server.password}`, ...(tls ? [`--tls-ca=${server.tlsCa}`] : [])]
  const curl = [
    ...server.prefix,
    'curl',
    '-sS',
    '-u',
    `${server.username}:${server.password}`,
    ...(tls ? ['--ssl-reqd', '--cacert', ca] : []),
  ]
  const curlUrl = `ftp://${server.host}:${server.port}/${remote}`
  const lftp = `set ssl:ca-file ${ca}; set ftp:ssl-force ${tls}; set ftp:ssl-protect-data ${tls}; set ftp:ssl-allow ${tls}; set xfer:clobber on; open -u ${server.username},${server.password} ftp://${server.host}:${server.port}; ${direction === 'up' ? `put ${source} -o ${remote}` : `get ${remote} -o ${target}`}`
  return {
    name: `${tls ? 'FTPS' : 'FTP'} ${direction}`,
    target,
    ours: { name: 'ours', command: [...server.prefix, ...setting.cli, ...way, ...login] },
    peers: [
      { name: 'curl', command: [...curl, ...(direction === 'up' ? ['-T', source] : ['-o', target]), curlUrl] },
      { name: 'lftp', command: [...server.prefix, 'lftp', '-c', lftp] },
      bare(
        server,
        `ftp://${server.username}:${server.password}@${server.host}:${server.port}/${remote}`,
        direction,
        direction === 'up' ? source : target,
        tls ? [ca] : [],
      ),
    ],
    dispose: () => server.dispose(),
  }
}

export async function httpCase(setting: Setting, tls: boolean): Promise<Case> {
  const server = await serve('nginx', setting.link)
  const { source, scratch } = setting
  provide(source, join(server.root, 'source.bin'))
  const ca = join(scratch, 'ca.pem')
  writeFileSync(ca, server.tlsCa ?? '')
  const target = join(scratch, 'down.bin')
  const url = tls ? `https://${server.host}:${server.tlsPort}/s/source.bin` : `http://${server.host}:${server.port}/s/source.bin`
  const trust = tls ? [`--tls-ca=${server.tlsCa}`] : []
  return {
    name: `${tls ? 'HTTPS' : 'HTTP'} down`,
    target,
    ours: { name: 'ours', command: [...server.prefix, ...setting.cli, `--source=${url}`, `--destination=${target}`, ...trust] },
    peers: [
      { name: 'curl', command: [...server.prefix, 'curl', '-sS', '--http1.1', ...(tls ? ['--cacert', ca] : []), '-o', target, url] },
      {
        name: 'aria2',
        command: [
          ...server.prefix,
          'aria2c',
          '-q',
          '--no-conf',
          '--file-allocation=none',
          '--allow-overwrite=true',
          `--ca-certificate=${ca}`,
          '-d',
          scratch,
          '-o',
          'down.bin',
          url,
        ],
      },
      bare(server, url, 'down', target, tls ? [ca] : []),
    ],
    dispose: () => server.dispose(),
  }
}

function provide(source: string, target: string): void {
  copyFileSync(source, target)
  chmodSync(target, 0o644)
}
