/**
 * What continuing costs: an upload is ended when most of it is there, and the second attempt is measured against a fresh upload in the same turn.
 *   node bench/resuming.ts [--size=1024] [--kept=0.9] [--pairs=3] [--protocol=sftp|ftp] [--dist=path/to/dist] [--wan=path/to/wan.sh]
 * SFTP is OpenSSH, where what is kept is read back beside the sending; FTP is vsftpd, where it is read before anything is sent.
 * `--wan` (root): over a link of 1 Gbit/s up and 50 Mbit/s down instead, see run.ts; the way down is narrowed with `tc` in the server's namespace.
 * Prints medians: the first new byte, the whole second attempt, a fresh upload, and the ratio of the two (lowest–highest). `npm run bench` has a row of each.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Serving, serve, stayInMemory } from './serving.ts'

const MIB = 1024 * 1024
const LINK = 'rtbench'
const RTT_MS = 10
const UP_MBIT = 1000
const DOWN_MBIT = 50
const LOOK_MS = 5

export interface ResumeSetting {
  readonly scratch: string
  readonly sizeMiB: number
  /** Of the file, there when the second attempt begins. */
  readonly kept: number
  readonly pairs: number
  readonly protocol: 'sftp' | 'ftp'
  /** The folder of the bundle. */
  readonly dist: string
  readonly wan?: string
}

interface Run {
  readonly seconds: number
  /** Until the partial grew; null when it did not. */
  readonly firstByte: number | null
}

/** One row of the table. */
export async function resumeRow(setting: ResumeSetting): Promise<string> {
  const { wan } = setting
  if (wan !== undefined) linkUp(wan)
  try {
    const server = await serve(setting.protocol === 'ftp' ? 'vsftpd' : 'openssh', wan === undefined ? undefined : LINK)
    try {
      return await row(setting, server)
    } finally {
      await server.dispose()
    }
  } finally {
    if (wan !== undefined) spawnSync(wan, ['down', LINK], { stdio: 'inherit' })
  }
}

function linkUp(wan: string): void {
  const narrow = ['netns', 'exec', `${LINK}-s`, 'tc', 'qdisc', 'add', 'dev', 'wan0', 'root', 'tbf']
  const steps: readonly (readonly [string, ...string[]])[] = [
    [wan, 'up', LINK, String(RTT_MS), String(UP_MBIT)],
    ['ip', ...narrow, 'rate', `${DOWN_MBIT}mbit`, 'burst', '64kb', 'latency', '50ms'],
  ]
  for (const [program, ...args] of steps) {
    const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw new Error(`${program} made no link`)
  }
}

async function row(setting: ResumeSetting, server: Serving): Promise<string> {
  const { scratch, sizeMiB, kept, pairs, protocol, wan } = setting
  const source = join(scratch, 'resumed.bin')
  const file = openSync(source, 'w')
  for (let i = 0; i < sizeMiB; i += 1) writeSync(file, randomBytes(MIB))
  closeSync(file)
  const runs: { readonly fresh: Run; readonly second: Run }[] = []
  for (let pair = 0; pair < pairs; pair += 1) {
    const fresh = await attempt(setting, server, { source, name: `fresh-${pair}.bin` })
    const name = `resumed-${pair}.bin`
    await attempt(setting, server, { source, name, endAt: Math.floor(kept * sizeMiB * MIB) })
    truncateSync(partialOf(server, name), Math.floor(kept * sizeMiB) * MIB)
    runs.push({ fresh, second: await attempt(setting, server, { source, name }) })
    for (const left of readdirSync(server.root)) rmSync(join(server.root, left), { force: true })
  }
  rmSync(source)
  const of = (pick: (run: (typeof runs)[number]) => number): readonly number[] => runs.map(pick).sort((a, b) => a - b)
  const median = (list: readonly number[]): string => (list[Math.floor(list.length / 2)] ?? Number.NaN).toFixed(2)
  const ratios = of(({ fresh, second }) => second.seconds / fresh.seconds)
  const where = wan === undefined ? 'loopback' : `${UP_MBIT} Mbit/s up, ${DOWN_MBIT} Mbit/s down, ${RTT_MS} ms`
  return [
    `| ${protocol.toUpperCase()} resume, ${sizeMiB} MiB, ${Math.round(kept * 100)} % kept, ${where}`,
    `first new byte ${median(of(({ second }) => second.firstByte ?? Number.NaN))} s`,
    `second attempt ${median(of(({ second }) => second.seconds))} s`,
    `fresh ${median(of(({ fresh }) => fresh.seconds))} s`,
    `time ratio ${median(ratios)} (${ratios[0]?.toFixed(2)}–${ratios.at(-1)?.toFixed(2)}) |`,
  ].join(' | ')
}

function partialOf({ root }: Serving, name: string): string {
  const found = readdirSync(root).find((one) => one.includes(name) && one.endsWith('.partial'))
  return found === undefined ? '' : join(root, found)
}

interface Wanted {
  readonly source: string
  readonly name: string
  /** Ended when so many bytes are there. */
  readonly endAt?: number
}

/** Where to, and how to get in. */
function destination({ protocol }: ResumeSetting, server: Serving, name: string): readonly string[] {
  const { host, port, username } = server
  if (protocol === 'ftp') return [`--destination=ftp://${username}@${host}:${port}/${name}`, `--password=${server.password}`]
  const knownHosts = (server.knownHosts ?? '').replace(/^\S+/, `[${host}]:${port}`)
  const login = [`--known-hosts=${knownHosts}`, `--private-key=${server.privateKey}`]
  return [`--destination=sftp://${username}@${host}:${port}/~/${name}`, ...login]
}

async function attempt(setting: ResumeSetting, server: Serving, { source, name, endAt }: Wanted): Promise<Run> {
  const { scratch, dist } = setting
  const [program = '', ...args] = [
    ...server.prefix,
    process.execPath,
    join(dist, 'cli.js'),
    `--state=${join(scratch, `state-${name}`)}`,
    `--source=${source}`,
    ...destination(setting, server, name),
  ]
  const sizeOf = (): number => statSync(partialOf(server, name), { throwIfNoEntry: false })?.size ?? 0
  const before = sizeOf()
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let [firstByte, said]: [number | null, string] = [null, '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const looking = setInterval(() => {
    const size = sizeOf()
    if (size > before) firstByte ??= seconds()
    if (endAt !== undefined && size >= endAt) child.kill('SIGTERM')
  }, LOOK_MS)
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(looking)
  if (endAt === undefined && status !== 0) throw new Error(`an upload failed with ${status}: ${said.slice(-600)}`)
  return { seconds: seconds(), firstByte }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  stayInMemory()
  const { values } = parseArgs({
    options: {
      size: { type: 'string' },
      kept: { type: 'string' },
      pairs: { type: 'string' },
      protocol: { type: 'string' },
      dist: { type: 'string' },
      wan: { type: 'string' },
    },
  })
  const scratch = mkdtempSync(join(tmpdir(), 'resumable-transfer-bench-'))
  try {
    const { size, kept, pairs, protocol, dist, wan } = values
    console.log(
      await resumeRow({
        scratch,
        sizeMiB: Number(size ?? 1024),
        kept: Number(kept ?? 0.9),
        pairs: Number(pairs ?? 3),
        protocol: protocol === 'ftp' ? 'ftp' : 'sftp',
        dist: dist ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist'),
        ...(wan === undefined ? {} : { wan }),
      }),
    )
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
