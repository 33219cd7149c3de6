/**
 * `node bench/resume.ts [--size=2048] [--runs=3]`: SFTP to an OpenSSH account with a shell, stopped at nine tenths and started again. Seconds until the first new
 * byte lies on the server, of the whole second attempt and of a fresh upload; with the account's digests and without. Sizes in MiB.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Serving, serve, stayInMemory } from './serving.ts'

stayInMemory()
const MIB = 1024 * 1024
const LOOK_MS = 5
const { values } = parseArgs({ options: { size: { type: 'string' }, runs: { type: 'string' } } })
const size = Number(values.size ?? 2048) * MIB
const runs = Number(values.runs ?? 3)
const scratch = mkdtempSync(join(tmpdir(), 'resumable-transfer-bench-'))
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(scratch, 'source.bin')

interface Attempt {
  readonly ms: number
  readonly firstMs: number
  readonly status: number | null
}

/** Ends it with a signal once that many bytes are stored; `beyond` is what was there before. */
async function attempt(server: Serving, flags: readonly string[], beyond: number, stopAt = Number.POSITIVE_INFINITY): Promise<Attempt> {
  const url = `sftp://${server.username}@${server.host}:${server.port}/~/bench.bin`
  const knownHosts = (server.knownHosts ?? '').replace(/^\S+/, `[${server.host}]:${server.port}`)
  const common = [`--source=${source}`, `--destination=${url}`, `--known-hosts=${knownHosts}`, `--private-key=${server.privateKey}`]
  const started = performance.now()
  const child = spawn(process.execPath, [join(root, 'dist', 'cli.js'), `--state=${join(scratch, 'state')}`, ...common, ...flags], {
    stdio: 'ignore',
  })
  let firstMs = Number.NaN
  let ended = false
  const end = new Promise<number | null>((resolve) => child.once('exit', resolve)).finally(() => {
    ended = true
  })
  while (!ended) {
    const there = stored(server)
    if (there > beyond && Number.isNaN(firstMs)) firstMs = performance.now() - started
    if (there >= stopAt) child.kill('SIGTERM')
    await pause(LOOK_MS)
  }
  return { status: await end, firstMs, ms: performance.now() - started }
}

function stored({ root: folder }: Serving): number {
  return Math.max(0, ...readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0))
}

function clear({ root: folder }: Serving): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
  rmSync(join(scratch, 'state'), { recursive: true, force: true })
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2)

const server = await serve('openssh')
try {
  const file = openSync(source, 'w')
  for (let at = 0; at < size; at += MIB) writeSync(file, randomBytes(MIB))
  closeSync(file)
  for (let run = 0; run < runs; run += 1) {
    for (const flags of [['--server-digests=auto'], ['--server-digests=never']]) {
      clear(server)
      const whole = await attempt(server, flags, 0)
      clear(server)
      await attempt(server, flags, 0, size * 0.9)
      const kept = stored(server)
      const again = await attempt(server, flags, kept)
      if (again.status !== 0 || stored(server) !== size) throw new Error(`the second attempt ended with ${again.status}`)
      console.log(
        `${flags[0]}: ${(kept / MIB).toFixed(0)} MiB kept, first new byte after ${seconds(again.firstMs)} s, second attempt ${seconds(again.ms)} s, fresh upload ${seconds(whole.ms)} s`,
      )
    }
  }
} finally {
  await server.dispose()
  rmSync(scratch, { recursive: true, force: true })
}
