/** The servers of the measurements: on this machine, or behind a slow link in a network namespace. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startNginx } from '../test/servers/nginx.ts'
import { type OpensshServer, startOpenssh } from '../test/servers/openssh.ts'
import type { TestServer } from '../test/servers/server.ts'
import { startVsftpd } from '../test/servers/vsftpd.ts'

type Facts = Pick<TestServer, 'port' | 'username' | 'password' | 'root' | 'directory' | 'knownHosts' | 'tlsCa'> &
  Partial<Pick<OpensshServer, 'privateKey'>> & { readonly tlsPort?: number }

export interface Serving extends Facts {
  readonly host: string
  /** Put before a client's command, so that it runs at the other end of the link. */
  readonly prefix: readonly string[]
  dispose(): Promise<void>
}

export type ServerKind = 'openssh' | 'vsftpd' | 'nginx'

/** Where the server of a link made by `wan.sh up <name> …` is reached; it runs in the namespace `<name>-s`, the clients in `<name>-c`. */
const FAR_HOST = '10.77.0.2'
const FAR_NAMES = `DNS:localhost,IP:127.0.0.1,IP:${FAR_HOST}`
const EVERYWHERE = '0.0.0.0'

const NEAR: Readonly<Record<ServerKind, () => Promise<TestServer>>> = {
  openssh: () => startOpenssh(),
  vsftpd: () => startVsftpd(),
  nginx: () => startNginx(),
}

const FAR: Readonly<Record<ServerKind, () => Promise<TestServer>>> = {
  openssh: () => startOpenssh({ listen: EVERYWHERE }),
  vsftpd: () => startVsftpd({ listen: EVERYWHERE, certificateNames: FAR_NAMES }),
  nginx: () => startNginx({ listen: EVERYWHERE, certificateNames: FAR_NAMES }),
}

/** The unpacked servers are known by the folder for temporary files as it is at the start. */
const FIRST_TMPDIR = process.env.TMPDIR

/** From here on files are made in memory where there is such a folder: the disk is not what is measured. */
export function stayInMemory(): void {
  if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm'
}

/** `link`: the name of the link to serve behind. */
export function serve(kind: ServerKind, link?: string): Promise<Serving> {
  return link === undefined ? serveHere(kind) : serveBehind(link, kind)
}

async function serveHere(kind: ServerKind): Promise<Serving> {
  const server = await NEAR[kind]()
  return { ...server, host: '127.0.0.1', prefix: [], dispose: () => server.dispose() }
}

async function serveBehind(link: string, kind: ServerKind): Promise<Serving> {
  const child = spawn('ip', ['netns', 'exec', `${link}-s`, process.execPath, fileURLToPath(import.meta.url), kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: FIRST_TMPDIR },
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const dispose = async (): Promise<void> => {
      child.stdin.end()
      await ended
    }
    return { ...(JSON.parse(line) as Facts), host: FAR_HOST, prefix: ['ip', 'netns', 'exec', `${link}-c`], dispose }
  }
  throw new Error(`${kind} behind the link did not start`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  stayInMemory()
  const server = await FAR[process.argv[2] as ServerKind]()
  process.stdout.write(`${JSON.stringify(server)}\n`)
  process.stdin.resume().once('end', () => void server.dispose().then(() => process.exit()))
}
