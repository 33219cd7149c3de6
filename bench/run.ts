/**
 * `npm run bench`: one file per protocol and direction, ours (the CLI of dist/, verification and state on) beside the field's tools, in the same run, in turns.
 *   npm run bench -- [--size=1024] [--pairs=5] [--only=SFTP,FTP] [--wan=path/to/wan.sh]
 * Sizes in MiB. `--wan` adds SFTP over a link of 50 ms and 1 Gbit/s between two network namespaces (root). Prints medians and ratios ours / peer of their speeds.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Case, Contestant, Setting } from './cases.ts'

await import('../test/servers/debian.ts') // knows the unpacked servers by the folder for temporary files, so before that changes
// In memory where there is such a folder: the disk is not what is measured.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm'
const { ftpCase, httpCase, sftpCase } = await import('./cases.ts')
const { serveSshBehind } = await import('./ssh.ts')

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
const cases: readonly (readonly [string, () => Promise<Case>])[] = [
  ['SFTP up', () => sftpCase(setting, 'up')],
  ['SFTP down', () => sftpCase(setting, 'down')],
  ['FTP up', () => ftpCase(setting, 'up', false)],
  ['FTP down', () => ftpCase(setting, 'down', false)],
  ['FTPS up', () => ftpCase(setting, 'up', true)],
  ['FTPS down', () => ftpCase(setting, 'down', true)],
  ['HTTP down', () => httpCase(setting, false)],
  ['HTTPS down', () => httpCase(setting, true)],
]
try {
  console.log(
    `${sizeMiB} MiB, ${pairs} runs each in turns, medians; ratio = speed of ours / speed of the peer in the same turn (lowest–highest)\n`,
  )
  console.log('| case | ours | peer | peer | the least in Node (see bare.ts) |\n|---|---|---|---|---|')
  for (const [name, start] of cases) {
    if (!wanted(name)) continue
    const one = await start()
    measure(one, sizeMiB * MIB)
    await one.dispose()
  }
  if (values.wan !== undefined && wanted('WAN')) {
    const link = 'rtbench'
    spawnSync(values.wan, ['up', link, '50', '1000'], { stdio: 'inherit' })
    const mib = Math.min(sizeMiB, 256)
    const far: Setting = { ...setting, source: makeSource('far.bin', mib) }
    const ssh = await serveSshBehind(link)
    try {
      for (const direction of ['up', 'down'] as const) {
        const one = await sftpCase(far, direction, ssh)
        measure({ ...one, name: `${one.name}, ${mib} MiB at 50 ms, 1 Gbit/s` }, mib * MIB)
      }
    } finally {
      await ssh.dispose()
      spawnSync(values.wan, ['down', link], { stdio: 'inherit' })
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
