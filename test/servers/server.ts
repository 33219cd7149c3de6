/** Starts a real server as a process group on 127.0.0.1 and waits until it listens. Every starter of this folder returns a `TestServer`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestServer {
  readonly host: string
  readonly port: number
  /** What clients see as the login directory or document root. */
  readonly root: string
  /** Scratch folder of the server: configuration, keys, logs. */
  readonly directory: string
  readonly username: string
  readonly password: string
  /** Lines for a known_hosts file (SSH servers). */
  readonly knownHosts?: string
  /** PEM certificate to trust (TLS servers). */
  readonly tlsCa?: string
  readonly pid: number
  /** Ends the server; the files stay until `dispose`. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port with the same files. */
  restart(): Promise<void>
  /** Stops and removes everything. */
  dispose(): Promise<void>
}

export const TEST_USER = 'tester'
export const TEST_PASSWORD = 's3cret-test-only'

/** First of `count` consecutive ports that are free on every address and that no other test process is about to use. */
export async function freePorts(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const base = 20_000 + Math.floor(Math.random() * 12_000)
    const claims: Socket[] = []
    let free = true
    for (let i = 0; free && i < count; i += 1) {
      const claim = await claimed(base + i)
      if (claim !== null) claims.push(claim)
      free = claim !== null && (await isFree(base + i))
    }
    if (free) return base
    for (const claim of claims) claim.close()
  }
  throw new Error('no free ports')
}

/**
 * Test files run side by side: a port is the process's whose UDP socket has its number. The kernel decides, at once and until the process ends; two processes that
 * found the same file of one that was gone could both have thought it theirs.
 */
function claimed(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => {
      socket.close()
      resolve(null)
    })
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref()
      resolve(socket)
    })
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false))
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)))
  })
}

function listening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

export interface ServerCommand {
  readonly name: string
  readonly port: number
  readonly root: string
  readonly directory: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly extra?: Partial<Pick<TestServer, 'knownHosts' | 'tlsCa' | 'username' | 'password'>>
  readonly startTimeoutMs?: number
}

/** A scratch folder with a `root` inside; 0755 all the way so that a server that drops privileges can enter. */
export function serverDirectory(name: string): { directory: string; root: string } {
  const directory = mkdtempSync(join(tmpdir(), `rt-${name}-`))
  chmodSync(directory, 0o755)
  const root = join(directory, 'root')
  mkdirSync(root)
  return { directory, root }
}

export async function startServer(spec: ServerCommand): Promise<TestServer> {
  let child = await launch(spec)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => endGroup(child, signal)
  const atExit = (): void => killGroup(child, 'SIGKILL')
  process.once('exit', atExit)
  return {
    host: '127.0.0.1',
    port: spec.port,
    root: spec.root,
    directory: spec.directory,
    username: TEST_USER,
    password: TEST_PASSWORD,
    ...spec.extra,
    get pid() {
      return child.pid ?? -1
    },
    stop,
    restart: async () => {
      await stop()
      child = await launch(spec)
    },
    dispose: async () => {
      await stop()
      process.removeListener('exit', atExit)
      rmSync(spec.directory, { recursive: true, force: true })
    },
  }
}

async function launch(spec: ServerCommand): Promise<ChildProcess> {
  const logFile = join(spec.directory, 'stdout.log')
  const log = openSync(logFile, 'a')
  const child = spawn(spec.command, [...spec.args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...spec.env },
    cwd: spec.directory,
  })
  closeSync(log)
  // A server that a failed test forgot must not keep the test process alive: it is killed at its exit.
  child.unref()
  let failed: Error | null = null
  child.once('error', (error) => {
    failed = error
  })
  const started = Date.now()
  while (!(await listening('127.0.0.1', spec.port))) {
    if (failed !== null || child.exitCode !== null || Date.now() - started > (spec.startTimeoutMs ?? 20_000)) {
      killGroup(child, 'SIGKILL')
      throw new Error(`${spec.name} did not start: ${failed ?? ''} ${readFileSync(logFile, 'utf8').slice(-1500)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return child
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // already gone
  }
}

async function endGroup(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return killGroup(child, 'SIGKILL')
  child.ref()
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  killGroup(child, signal)
  const hard = setTimeout(() => killGroup(child, 'SIGKILL'), 3000)
  await gone
  clearTimeout(hard)
  killGroup(child, 'SIGKILL')
}
