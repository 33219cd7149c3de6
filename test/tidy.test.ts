/** Style that fails a test: layering, banned calls, sizes, dead files, pinned workflows, and the public tables saying the same everywhere. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { actionYml, withTables } from '../scripts/write-action-yml.ts'
import { INPUT_ROWS, OUTPUT_ROWS } from '../src/action/input-table.ts'
import { VERSION } from '../src/action/version.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const sources = globSync('src/**/*.ts', { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean)

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

function importsOf(path: string): Import[] {
  const found = read(path).matchAll(/(import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)|import\s+'([^']+)'/g)
  return [...found].map((m) => {
    const target = m[3] ?? m[4] ?? m[5] ?? ''
    const to = target.startsWith('.') ? normalize(join(dirname(path), target)).replaceAll('\\', '/') : target
    return { from: path, to, typeOnly: m[2] !== undefined }
  })
}

const imports = sources.flatMap(importsOf)

/** Who may import whom, by the first rule that fits the importing file. Dependencies point down only. */
const LAYERS: readonly { readonly of: RegExp; readonly may: readonly RegExp[] }[] = [
  { of: /^src\/(main|post|cli)\.ts$/, may: [/^src\/action\//] },
  { of: /^src\/action\//, may: [/^src\/(action|engine|local|state|core)\//, /^src\/remotes\/(registry|remote|proxies|reach|pins)\.ts$/] },
  {
    of: /^src\/engine\//,
    may: [/^src\/(engine|core)\//, /^src\/remotes\/remote\.ts$/, /^src\/local\/local\.ts$/, /^src\/state\/store\.ts$/],
  },
  { of: /^src\/local\//, may: [/^src\/(local|core)\//, /^src\/remotes\/remote\.ts$/] },
  { of: /^src\/state\//, may: [/^src\/(state|core)\//] },
  { of: /^src\/remotes\/registry\.ts$/, may: [/^src\/remotes\//] },
  { of: /^src\/remotes\/remote\.ts$/, may: [/^src\/core\//, /^src\/remotes\/proxies\.ts$/] },
  { of: /^src\/remotes\/(tls|reach|proxies|pins)\.ts$/, may: [/^src\/core\//] },
  { of: /^src\/remotes\/ftp\//, may: [/^src\/(remotes\/ftp|core)\//, /^src\/remotes\/[a-z-]+\.ts$/] },
  { of: /^src\/remotes\/sftp\//, may: [/^src\/(remotes\/sftp|core)\//, /^src\/remotes\/[a-z-]+\.ts$/] },
  { of: /^src\/remotes\/http\//, may: [/^src\/(remotes\/http|core)\//, /^src\/remotes\/[a-z-]+\.ts$/] },
  { of: /^src\/core\//, may: [/^src\/core\//] },
]

const PACKAGES: Readonly<Record<string, RegExp>> = {
  '@actions/core': /^src\/action\//,
  '@actions/tool-cache': /^src\/action\//,
  'basic-ftp': /^src\/remotes\/ftp\//,
  'ssh2-sftp-client': /^src\/remotes\/sftp\//,
  ssh2: /^src\/remotes\/sftp\//,
  undici: /^src\/(remotes\/http\/|action\/cache-(service|connections)\.ts)/,
}

test('dependencies point down only', () => {
  for (const { from, to } of imports) {
    if (to.startsWith('node:')) continue
    if (!to.startsWith('src/')) {
      const name = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] ?? '')
      assert.ok(PACKAGES[name]?.test(from), `${from} must not import ${to}`)
      continue
    }
    const layer = LAYERS.find(({ of }) => of.test(from))
    assert.ok(
      layer?.may.some((allowed) => allowed.test(to)),
      `${from} must not import ${to}`,
    )
  }
})

test('core and engine touch the world through ports only', () => {
  const banned =
    /\bDate\.now\b|\bnew Date\b|\bsetTimeout\b|\bsetInterval\b|\bMath\.random\b|\bprocess\.|\bperformance\.|from 'node:(fs|net|tls|http|https|child_process|os)/
  for (const path of sources.filter((p) => /^src\/(core|engine)\//.test(p))) {
    const line = read(path)
      .split('\n')
      .find((l) => banned.test(l) && !/^\s*(\*|\/\/)/.test(l))
    assert.equal(line, undefined, path)
  }
})

test('nothing convenient that corrupts, hangs or escapes is called', () => {
  const banned =
    /\.(fastPut|fastGet|uploadFromDir|downloadToDir|downloadDir|uploadDir|uploadFrom|downloadTo|appendFrom)\(|RetryAgent|interceptors\.retry|interceptors\.redirect|\beval\(|new Function\(|child_process/
  for (const path of sources) assert.doesNotMatch(read(path), banned, path)
})

test('the environment is read in the entry files, output is made by the action folder', () => {
  for (const path of sources) {
    if (!/^src\/(main|post|cli)\.ts$/.test(path)) assert.doesNotMatch(read(path), /process\.env\b/, `${path} reads the environment`)
    assert.doesNotMatch(read(path), /\bconsole\.\w+\(/, `${path} prints`)
  }
})

test('files hold one idea: at most 300 lines', () => {
  for (const path of sources) assert.ok(read(path).split('\n').length <= 301, `${path} is too long`)
})

test('every source file is reached from an entry point', () => {
  const reached = new Set(['src/main.ts', 'src/post.ts', 'src/cli.ts', 'src/local/digest-worker.ts'])
  for (let grown = -1; grown !== reached.size; ) {
    grown = reached.size
    for (const { from, to } of imports) if (reached.has(from)) reached.add(to)
  }
  const dead = sources.filter((path) => !reached.has(path) && !path.endsWith('.d.ts'))
  assert.deepEqual(dead, [])
})

test('no folder or file is a junk drawer', () => {
  for (const path of sources) assert.doesNotMatch(path, /\b(utils?|helpers?|common|misc)\b/)
})

test('action.yml, the README and the table of inputs say the same', () => {
  assert.equal(read('action.yml'), actionYml())
  assert.equal(read('README.md'), withTables(read('README.md')))
  const readme = read('README.md')
  for (const row of [...INPUT_ROWS, ...OUTPUT_ROWS]) assert.ok(readme.includes(`\`${row.name}\``), `README names ${row.name}`)
})

test('the version is the same everywhere', () => {
  assert.equal(JSON.parse(read('package.json')).version, VERSION)
  assert.match(read('CHANGELOG.md'), new RegExp(`## \\[?${VERSION.replaceAll('.', '\\.')}`))
})

test('links between documents lead somewhere', () => {
  for (const path of tracked.filter((p) => p.endsWith('.md'))) {
    for (const [, target = ''] of read(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      assert.ok(existsSync(join(root, dirname(path), target)), `${path} links to ${target}`)
    }
  }
})

test('workflows pin every action by its full hash and ask for no permission by default', () => {
  for (const path of globSync('.github/workflows/*.yml', { cwd: root })) {
    const text = read(path)
    for (const [, used = ''] of text.matchAll(/uses:\s*([^\s#]+)/g)) assert.match(used, /^\.\/|@[0-9a-f]{40}$/, `${path}: ${used}`)
    assert.match(text, /^permissions: \{\}/m, path)
  }
})

test('the lockfile names no host, and everything in it has an integrity', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>
  }
  for (const [path, entry] of Object.entries(packages)) {
    if (path === '') continue
    assert.equal(entry.resolved, undefined, path)
    assert.match(entry.integrity ?? '', /^sha512-/, path)
  }
})

test('nothing tracked holds a path of a machine, a secret, hidden text or a large blob', () => {
  const paths = /(^|[^A-Za-z0-9_.])\/(work|root|farm)\/[a-z]/
  const hidden = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/
  for (const path of tracked) {
    if (/^(dist|node_modules)\//.test(path) || path.endsWith('package-lock.json') || !existsSync(join(root, path))) continue
    const text = read(path)
    assert.ok(text.length < 1_000_000, `${path} is large`)
    assert.doesNotMatch(text, paths, path)
    assert.doesNotMatch(text, /-----BEGIN (OPENSSH|RSA|EC|DSA)? ?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{60}/, `${path} holds a key`)
    if (!/^test\//.test(path)) assert.doesNotMatch(text, hidden, `${path} holds hidden characters`)
  }
})
