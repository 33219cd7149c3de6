/**
 * `npm run bench`: one file per protocol and direction, ours (the CLI of dist/, verification and state on) beside the field's tools, in the same run, in turns.
 *   npm run bench -- [--size=1024] [--pairs=5] [--only=SFTP,FTP] [--wan=path/to/wan.sh]
 * Sizes in MiB. `--wan` (root) adds, over a link of 1 Gbit/s, SFTP at 50 ms and the others at 2 ms. It names a script that makes such links:
 * `up <name> <round trip ms> <Mbit/s>` between the network namespaces <name>-c and <name>-s, the latter with the address 10.77.0.2, and `down <name>`.
 * The last rows are of an upload that is continued (see resuming.ts); with `--wan` also at 1 Gbit/s up and 50 Mbit/s down.
 * Prints medians and ratios ours / peer of their speeds.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Case, type Contestant, ftpCase, httpCase, type Setting, sftpCase } from './cases.ts'
import { resumeRow } from './resuming.ts'
import { stayInMemory } from './serving.ts'

stayInMemory()
const { values } = parseArgs({
  options: { size: { type: 'string' }, pairs: { type: 'string' }, only: { type: 'string' }, wan: { type: 'string' } },
})
const sizeMiB = Number(values.size ?? 1024)
const pairs = Number(values.pairs ?? 5)
const only = values.only?.split(',')
const wanted = (name: string): boolean =>
  only === undefined ||
  only.some((one) => name.toLowerCase() === one.toLowerCase() || name.split(' ')[0]?.toLowerCase() === one.toLowerCase())

const scratch = mkdtempSync(join(tmpdir(), 'resumable-transfer-bench-'))
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const MIB = 1024 * 1024
const LINK = 'rtbench'

function makeSource(name: string, mib: number): string {
  const path = join(scratch, name)
  const file = openSync(path, 'w')
  for (let i = 0; i < mib; i += 1) writeSync(file, randomBytes(MIB))
  closeSync(file)
  return path
}

function seconds({ name, command }: Contestant, target: string, bytes: number): number | null {
  rmSync(target, { force: true })
  const [program = '', ...args] = command
  const started = performance.now()
  const run = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  const took = (performance.now() - started) / 1000
  if (run.error !== undefined) return null
  if (run.status !== 0 || statSync(target, { throwIfNoEntry: false })?.size !== bytes) {
    throw new Error(`${name} failed with ${run.status}: ${run.stderr.slice(-600)}`)
  }
  return took
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function measure(one: Case, bytes: number): void {
  const contestants = [one.ours, ...one.peers]
  const times = new Map<string, number[]>()
  const ratios = new Map<string, number[]>()
  for (let pair = 0; pair < pairs; pair += 1) {
    const order = pair % 2 === 0 ? contestants : contestants.toReversed()
    const took = new Map<string, number>()
    for (const contestant of order) {
      const s = seconds(contestant, one.target, bytes)
      if (s !== null) took.set(contestant.name, s)
    }
    const ours = took.get('ours') ?? Number.NaN
    for (const [name, s] of took) {
      times.set(name, [...(times.get(name) ?? []), s])
      if (name !== 'ours') ratios.set(name, [...(ratios.get(name) ?? []), s / ours])
    }
  }
  const speed = (name: string): string => `${(bytes / MIB / median(times.get(name) ?? [])).toFixed(0)} MiB/s`
  const peers = one.peers.map(({ name }) => {
    const list = ratios.get(name)
    return list === undefined
      ? `${name} –`
      : `${name} ${speed(name)}, ratio ${median(list).toFixed(2)} (${Math.min(...list).toFixed(2)}–${Math.max(...list).toFixed(2)})`
  })
  console.log(`| ${one.name} | ${speed('ours')} | ${peers.join(' | ')} |`)
}

const cli = [process.execPath, join(root, 'dist', 'cli.js'), `--state=${join(scratch, 'state')}`]
const setting: Setting = { source: makeSource('source.bin', sizeMiB), scratch, cli }
const CASES: readonly (readonly [string, (setting: Setting) => Promise<Case>])[] = [
  ['SFTP up', (one) => sftpCase(one, 'up')],
  ['SFTP down', (one) => sftpCase(one, 'down')],
  ['FTP up', (one) => ftpCase(one, 'up', false)],
  ['FTP down', (one) => ftpCase(one, 'down', false)],
  ['FTPS up', (one) => ftpCase(one, 'up', true)],
  ['FTPS down', (one) => ftpCase(one, 'down', true)],
  ['HTTP down', (one) => httpCase(one, false)],
  ['HTTPS down', (one) => httpCase(one, true)],
]

/** A distant server, and one near by: what a runner usually has before it. */
async function overLinks(wan: string): Promise<void> {
  for (const { rttMs, most, isFar } of [
    { rttMs: 50, most: 256, isFar: true },
    { rttMs: 2, most: 512, isFar: false },
  ]) {
    const mib = Math.min(sizeMiB, most)
    const over: Setting = { ...setting, source: makeSource(`over-${rttMs}-ms.bin`, mib), link: LINK }
    const { status } = spawnSync(wan, ['up', LINK, String(rttMs), '1000'], { stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw new Error(`${wan} made no link`)
    try {
      for (const [, start] of CASES.filter(([name]) => name.startsWith('SFTP') === isFar)) {
        const one = await start(over)
        measure({ ...one, name: `${one.name}, ${mib} MiB at ${rttMs} ms, 1 Gbit/s` }, mib * MIB)
        await one.dispose()
      }
    } finally {
      spawnSync(wan, ['down', LINK], { stdio: 'inherit' })
    }
  }
}

/** A second attempt against a fresh upload, on this machine and where reading is twenty times slower than sending. */
async function resuming(wan: string | undefined): Promise<void> {
  for (const protocol of ['sftp', 'ftp'] as const) {
    const one = { scratch, sizeMiB, kept: 0.9, pairs, protocol, dist: join(root, 'dist') }
    console.log(await resumeRow(one))
    if (wan !== undefined) console.log(await resumeRow({ ...one, sizeMiB: Math.min(sizeMiB, 512), wan }))
  }
}

try {
  console.log(
    `${sizeMiB} MiB, ${pairs} runs each in turns, medians; ratio = speed of ours / speed of the peer in the same turn (lowest–highest)\n`,
  )
  console.log('| case | ours | peer | peer | the least in Node (see bare.ts) |\n|---|---|---|---|---|')
  for (const [name, start] of CASES) {
    if (!wanted(name)) continue
    const one = await start(setting)
    measure(one, sizeMiB * MIB)
    await one.dispose()
  }
  if (values.wan !== undefined && wanted('WAN')) await overLinks(values.wan)
  if (wanted('Resume')) await resuming(values.wan)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
