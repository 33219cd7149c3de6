/** An OpenSSH server for the measurements: on this machine, or behind a slow link in a network namespace. */
import { spawn } from 'node:child_process'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startOpenssh } from '../test/servers/openssh.ts'

export interface Ssh {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly root: string
  readonly knownHosts: string
  readonly privateKey: string
  readonly keyFile: string
  /** Put before a client's command, so that it runs at the other end of the link. */
  readonly prefix: readonly string[]
  provide(source: string, name: string): void
  dispose(): Promise<void>
}

export async function serveSsh(): Promise<Ssh> {
  return sshOf(await startOpenssh(), '127.0.0.1', [])
}

type Served = Pick<
  Awaited<ReturnType<typeof startOpenssh>>,
  'port' | 'username' | 'root' | 'directory' | 'privateKey' | 'knownHosts' | 'dispose'
>

function sshOf(server: Served, host: string, prefix: readonly string[]): Ssh {
  const keyFile = join(server.directory, 'bench-key')
  writeFileSync(keyFile, server.privateKey, { mode: 0o600 })
  return {
    host,
    port: server.port,
    username: server.username,
    root: server.root,
    knownHosts: (server.knownHosts ?? '').replace(/^\S+/, `[${host}]:${server.port}`),
    privateKey: server.privateKey,
    keyFile,
    prefix,
    provide: (source, name) => {
      copyFileSync(source, join(server.root, name))
      chmodSync(join(server.root, name), 0o644)
    },
    dispose: () => server.dispose(),
  }
}

/** Serves in the namespace `<name>-s` of a link made by `wan.sh up <name> …`, whose server side is 10.77.0.2. */
export async function serveSshBehind(name: string): Promise<Ssh> {
  const child = spawn('ip', ['netns', 'exec', `${name}-s`, process.execPath, fileURLToPath(import.meta.url)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const served = JSON.parse(line) as Omit<Served, 'dispose'>
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const dispose = async (): Promise<void> => {
      child.stdin.end()
      await ended
    }
    return sshOf({ ...served, dispose }, '10.77.0.2', ['ip', 'netns', 'exec', `${name}-c`])
  }
  throw new Error('the server behind the link did not start')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port, username, root, directory, privateKey, knownHosts, dispose } = await startOpenssh({ listen: '0.0.0.0' })
  process.stdout.write(`${JSON.stringify({ port, username, root, directory, privateKey, knownHosts })}\n`)
  process.stdin.resume().once('end', () => void dispose().then(() => process.exit()))
}
