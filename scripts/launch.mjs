// Runs a script of this repository on Node 24 with the lockfile's packages, whatever Node the machine has:
//   node scripts/launch.mjs scripts/test.ts [arguments]
// Plain JavaScript, because the system's Node may be too old to strip types.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function installed() {
  const marker = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(marker)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const present = JSON.parse(readFileSync(marker, 'utf8')).packages
  return Object.entries(wanted).every(([path, p]) => path === '' || p.optional || present[path]?.version === p.version)
}

function install() {
  console.error('resumable-transfer: installing the packages of the lockfile (npm ci)')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) process.exit(npm.status ?? 1)
}

function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node'
  try {
    return join(dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`)), binary)
  } catch {
    console.error(
      `resumable-transfer: needs Node 24, this is ${process.version}, and no packaged Node 24 exists for ${process.platform}-${process.arch}. Install Node 24.`,
    )
    process.exit(1)
  }
}

if (!installed()) install()
const run = spawnSync(node24(), ['--disable-warning=ExperimentalWarning', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
process.exit(run.status ?? 1)
