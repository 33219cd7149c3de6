/** Types, lint and format, generated files, and dist/ against a fresh build: `npm run check`. Exits with 1 when anything differs. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildDist } from './build.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function tool(name: string, args: readonly string[]): boolean {
  const bin = join(root, 'node_modules', '.bin', name)
  const run = spawnSync(bin, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  return run.status === 0
}

async function distIsFresh(): Promise<boolean> {
  const fresh = mkdtempSync(join(tmpdir(), 'resumable-transfer-dist-'))
  try {
    await buildDist(fresh)
    const committed = join(root, 'dist')
    const names = new Set([...readdirSync(fresh), ...(existsSync(committed) ? readdirSync(committed) : [])])
    const stale = [...names].filter((name) => {
      const [a, b] = [join(fresh, name), join(committed, name)]
      return !existsSync(a) || !existsSync(b) || !readFileSync(a).equals(readFileSync(b))
    })
    if (stale.length > 0) console.error(`dist/ differs from a fresh build in ${stale.join(', ')}: run \`npm run build\` and commit it`)
    return stale.length === 0
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** True when everything holds. Says what does not. */
export async function check(): Promise<boolean> {
  const results: [string, boolean][] = [
    ['types', tool('tsc', ['--noEmit'])],
    ['lint and format', tool('biome', ['ci', '--colors=off', '.'])],
    ['dist', await distIsFresh()],
  ]
  for (const [name, ok] of results) console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`)
  return results.every(([, ok]) => ok)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit((await check()) ? 0 : 1)
